"""Valid alternatives of question 4.5f: each must get full marks."""

import math

import torch
from hwkit import wheat
from torch import Tensor


def _probs(model, xt, mask_id):
    logits = model(xt)
    return logits.masked_fill(torch.arange(logits.shape[-1]) == mask_id, -math.inf).softmax(-1)


def _draw(p, generator):
    return torch.multinomial(p.reshape(-1, p.shape[-1]), 1, generator=generator).reshape(p.shape[:-1])


def _step(model, xt, a, b, mask_id, generator):
    values = _draw(_probs(model, xt, mask_id), generator)
    reveal = (xt == mask_id) & (torch.rand(xt.shape, generator=generator) < (a - b) / a)
    return torch.where(reveal, values, xt)


@wheat("known tokens put back after every step")
@torch.no_grad()
def infill(model, x, known, mask_id, steps, generator=None) -> Tensor:
    times = torch.linspace(1, 0, steps + 1).tolist()
    filled = x.masked_fill(~known, mask_id)
    for a, b in zip(times[:-1], times[1:], strict=True):
        filled = torch.where(known, x, _step(model, filled, a, b, mask_id, generator))
    return filled


@wheat("draws first when each token will be revealed")
@torch.no_grad()
def infill(model, x, known, mask_id, steps, generator=None) -> Tensor:
    when = torch.randint(steps, x.shape, generator=generator)
    filled = torch.where(known, x, torch.full_like(x, mask_id))
    for k in range(steps):
        values = _draw(_probs(model, filled, mask_id), generator)
        filled = torch.where((when == k) & ~known, values, filled)
    return filled
