"""Valid alternatives of question 1.3e: each must get full marks."""

import torch
from hwkit import wheat
from torch import Tensor, nn


def _pick(logits: Tensor, u: Tensor) -> Tensor:
    """The category in whose piece u falls."""
    return (u.unsqueeze(-1) >= logits.softmax(-1).cumsum(-1)[..., :-1]).sum(-1)


@wheat("draw every pixel, keep it where unknown, one after the other")
def inpaint(model: nn.Module, x: Tensor, known: Tensor, u: Tensor, y: Tensor | None = None) -> Tensor:
    filled = torch.where(known, x, torch.zeros_like(x))
    was = model.training
    model.eval()
    for t in range(x[0].numel()):
        i, j = t // x.shape[3], t % x.shape[3]
        with torch.no_grad():
            drawn = _pick(model(filled, y)[:, :, i, j], u[:, i, j])
        filled[:, 0, i, j] = torch.where(known[0, 0, i, j], x[:, 0, i, j], drawn)
    model.train(was)
    return filled


@wheat("all unknown pixels at once, repeated")
def inpaint(model: nn.Module, x: Tensor, known: Tensor, u: Tensor, y: Tensor | None = None) -> Tensor:
    was, filled = model.training, x
    model.eval()
    with torch.no_grad():
        for _ in range(x[0].numel()):
            filled = torch.where(known, x, _pick(model(filled, y).movedim(1, -1), u).unsqueeze(1))
    model.train(was)
    return filled
