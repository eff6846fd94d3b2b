"""Valid alternatives of question 1.4f: each must get full marks."""

import math

import torch
from hwkit import wheat
from torch import Tensor, nn


def _pick(logits: Tensor, u: Tensor) -> Tensor:
    """The category in whose piece u falls."""
    return (u.unsqueeze(-1) >= logits.softmax(-1).cumsum(-1)[..., :-1]).sum(-1)


def _filter(logits: Tensor, temperature: float, top_k: int | None, top_p: float | None) -> Tensor:
    """Correct filters."""
    logits = logits / temperature
    if top_k is not None and top_k < logits.shape[-1]:
        logits = logits.masked_fill(logits < logits.topk(top_k, -1).values[..., -1:], -math.inf)
    if top_p is not None:
        probs, order = logits.softmax(-1).sort(dim=-1, descending=True)
        out = probs.cumsum(-1) - probs >= top_p
        logits = logits.masked_fill(torch.zeros_like(out).scatter(-1, order, out), -math.inf)
    return logits


@wheat("a table filled in column by column")
def generate(
    model: nn.Module,
    u: Tensor,
    bos: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    use_cache: bool = True,
) -> Tensor:
    n, length = u.shape
    x = torch.empty(n, length + 1, dtype=torch.long)
    x[:, 0] = bos
    past = None
    for t in range(length):
        if use_cache:
            logits, past = model(x[:, t : t + 1], past)
        else:
            logits, _ = model(x[:, : t + 1])
        x[:, t + 1] = _pick(_filter(logits.detach()[:, -1], temperature, top_k, top_p), u[:, t])
    return x[:, 1:]


@wheat("a list of tokens, stacked at the end")
def generate(
    model: nn.Module,
    u: Tensor,
    bos: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    use_cache: bool = True,
) -> Tensor:
    made, past = [torch.full_like(u[:, 0], bos, dtype=torch.long)], None
    with torch.no_grad():
        for number in u.unbind(1):
            feed = made[-1].unsqueeze(1) if use_cache else torch.stack(made, 1)
            logits, past = model(feed, past if use_cache else None)
            made.append(_pick(_filter(logits[:, -1, :], temperature, top_k, top_p), number))
    return torch.stack(made[1:], 1)
