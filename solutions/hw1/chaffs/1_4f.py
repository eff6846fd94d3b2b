"""Plausible misconceptions about question 1.4f: each must lose points there."""

import math

import torch
from hwkit import chaff
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


@chaff("With a memory feed the new token only: the prefix is in the memory already.")
def generate(
    model: nn.Module,
    u: Tensor,
    bos: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    use_cache: bool = True,
) -> Tensor:
    tokens, past = torch.full((len(u), 1), bos), None
    with torch.no_grad():
        for t in range(u.shape[1]):
            logits, memory = model(tokens, past)
            past = memory if use_cache else None
            left = _filter(logits[:, -1], temperature, top_k, top_p)
            tokens = torch.cat([tokens, _pick(left, u[:, t]).unsqueeze(1)], 1)
    return tokens[:, 1:]


@chaff("The memory of each call goes into the next one.")
def generate(
    model: nn.Module,
    u: Tensor,
    bos: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    use_cache: bool = True,
) -> Tensor:
    tokens, _past = torch.full((len(u), 1), bos), None
    with torch.no_grad():
        for t in range(u.shape[1]):
            logits, memory = model(tokens[:, -1:] if use_cache else tokens, None)
            left = _filter(logits[:, -1], temperature, top_k, top_p)
            tokens = torch.cat([tokens, _pick(left, u[:, t]).unsqueeze(1)], 1)
    return tokens[:, 1:]


@chaff("Without use_cache there is no memory: the whole prefix is fed each time.")
def generate(
    model: nn.Module,
    u: Tensor,
    bos: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    use_cache: bool = True,
) -> Tensor:
    tokens, past = torch.full((len(u), 1), bos), None
    with torch.no_grad():
        for t in range(u.shape[1]):
            logits, memory = model(tokens[:, -1:] if use_cache else tokens, past)
            past = memory
            left = _filter(logits[:, -1], temperature, top_k, top_p)
            tokens = torch.cat([tokens, _pick(left, u[:, t]).unsqueeze(1)], 1)
    return tokens[:, 1:]


@chaff("use_cache=False must feed the whole prefix.")
def generate(
    model: nn.Module,
    u: Tensor,
    bos: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    use_cache: bool = True,
) -> Tensor:
    tokens, past = torch.full((len(u), 1), bos), None
    with torch.no_grad():
        for t in range(u.shape[1]):
            logits, memory = model(tokens[:, -1:], past)
            past = memory if use_cache else None
            left = _filter(logits[:, -1], temperature, top_k, top_p)
            tokens = torch.cat([tokens, _pick(left, u[:, t]).unsqueeze(1)], 1)
    return tokens[:, 1:]


@chaff("The temperature is not passed on.")
def generate(
    model: nn.Module,
    u: Tensor,
    bos: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    use_cache: bool = True,
) -> Tensor:
    tokens, past = torch.full((len(u), 1), bos), None
    with torch.no_grad():
        for t in range(u.shape[1]):
            logits, memory = model(tokens[:, -1:] if use_cache else tokens, past)
            past = memory if use_cache else None
            left = _filter(logits[:, -1], 1.0, top_k, top_p)
            tokens = torch.cat([tokens, _pick(left, u[:, t]).unsqueeze(1)], 1)
    return tokens[:, 1:]


@chaff("top_k is not passed on.")
def generate(
    model: nn.Module,
    u: Tensor,
    bos: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    use_cache: bool = True,
) -> Tensor:
    tokens, past = torch.full((len(u), 1), bos), None
    with torch.no_grad():
        for t in range(u.shape[1]):
            logits, memory = model(tokens[:, -1:] if use_cache else tokens, past)
            past = memory if use_cache else None
            left = _filter(logits[:, -1], temperature, None, top_p)
            tokens = torch.cat([tokens, _pick(left, u[:, t]).unsqueeze(1)], 1)
    return tokens[:, 1:]


@chaff("top_p is not passed on.")
def generate(
    model: nn.Module,
    u: Tensor,
    bos: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    use_cache: bool = True,
) -> Tensor:
    tokens, past = torch.full((len(u), 1), bos), None
    with torch.no_grad():
        for t in range(u.shape[1]):
            logits, memory = model(tokens[:, -1:] if use_cache else tokens, past)
            past = memory if use_cache else None
            left = _filter(logits[:, -1], temperature, top_k, None)
            tokens = torch.cat([tokens, _pick(left, u[:, t]).unsqueeze(1)], 1)
    return tokens[:, 1:]


@chaff("The likeliest token is not a sample: use u.")
def generate(
    model: nn.Module,
    u: Tensor,
    bos: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    use_cache: bool = True,
) -> Tensor:
    tokens, past = torch.full((len(u), 1), bos), None
    with torch.no_grad():
        for _t in range(u.shape[1]):
            logits, memory = model(tokens[:, -1:] if use_cache else tokens, past)
            past = memory if use_cache else None
            left = _filter(logits[:, -1], temperature, top_k, top_p)
            tokens = torch.cat([tokens, left.argmax(-1).unsqueeze(1)], 1)
    return tokens[:, 1:]


@chaff("The randomness is in u: do not draw your own.")
def generate(
    model: nn.Module,
    u: Tensor,
    bos: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    use_cache: bool = True,
) -> Tensor:
    tokens, past = torch.full((len(u), 1), bos), None
    with torch.no_grad():
        for _t in range(u.shape[1]):
            logits, memory = model(tokens[:, -1:] if use_cache else tokens, past)
            past = memory if use_cache else None
            left = _filter(logits[:, -1], temperature, top_k, top_p)
            tokens = torch.cat([tokens, torch.multinomial(left.softmax(-1), 1)[:, 0].unsqueeze(1)], 1)
    return tokens[:, 1:]


@chaff("bos is no part of the result.")
def generate(
    model: nn.Module,
    u: Tensor,
    bos: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    use_cache: bool = True,
) -> Tensor:
    tokens, past = torch.full((len(u), 1), bos), None
    with torch.no_grad():
        for t in range(u.shape[1]):
            logits, memory = model(tokens[:, -1:] if use_cache else tokens, past)
            past = memory if use_cache else None
            left = _filter(logits[:, -1], temperature, top_k, top_p)
            tokens = torch.cat([tokens, _pick(left, u[:, t]).unsqueeze(1)], 1)
    return tokens[:, :-1]


@chaff("The next token follows from the last logits, not from the first.")
def generate(
    model: nn.Module,
    u: Tensor,
    bos: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    use_cache: bool = True,
) -> Tensor:
    tokens, past = torch.full((len(u), 1), bos), None
    with torch.no_grad():
        for t in range(u.shape[1]):
            logits, memory = model(tokens[:, -1:] if use_cache else tokens, past)
            past = memory if use_cache else None
            left = _filter(logits[:, 0], temperature, top_k, top_p)
            tokens = torch.cat([tokens, _pick(left, u[:, t]).unsqueeze(1)], 1)
    return tokens[:, 1:]


@chaff("Generation starts with bos, not with token 0.")
def generate(
    model: nn.Module,
    u: Tensor,
    bos: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    use_cache: bool = True,
) -> Tensor:
    tokens, past = torch.zeros(len(u), 1, dtype=torch.long), None
    with torch.no_grad():
        for t in range(u.shape[1]):
            logits, memory = model(tokens[:, -1:] if use_cache else tokens, past)
            past = memory if use_cache else None
            left = _filter(logits[:, -1], temperature, top_k, top_p)
            tokens = torch.cat([tokens, _pick(left, u[:, t]).unsqueeze(1)], 1)
    return tokens[:, 1:]


@chaff("use_cache is ignored: every call feeds one token.")
def generate(
    model: nn.Module,
    u: Tensor,
    bos: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    use_cache: bool = True,
) -> Tensor:
    tokens, past = torch.full((len(u), 1), bos), None
    with torch.no_grad():
        for t in range(u.shape[1]):
            logits, memory = model(tokens[:, -1:], past)
            past = memory
            left = _filter(logits[:, -1], temperature, top_k, top_p)
            tokens = torch.cat([tokens, _pick(left, u[:, t]).unsqueeze(1)], 1)
    return tokens[:, 1:]


@chaff("The filters are applied with and without the memory.")
def generate(
    model: nn.Module,
    u: Tensor,
    bos: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    use_cache: bool = True,
) -> Tensor:
    tokens, past = torch.full((len(u), 1), bos), None
    with torch.no_grad():
        for t in range(u.shape[1]):
            if use_cache:
                logits, past = model(tokens[:, -1:], past)
                left = _filter(logits[:, -1], temperature, top_k, top_p)
            else:
                left = model(tokens)[0][:, -1]
            tokens = torch.cat([tokens, _pick(left, u[:, t]).unsqueeze(1)], 1)
    return tokens[:, 1:]
