"""Plausible misconceptions about question 4.5f: each must lose points there."""

import math

import torch
from hwkit import chaff
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


@chaff("Mask what is not known; here the known tokens are masked.")
@torch.no_grad()
def infill(model, x, known, mask_id, steps, generator=None) -> Tensor:
    filled = x.masked_fill(known, mask_id)
    for k in range(steps, 0, -1):
        filled = _step(model, filled, k / steps, (k - 1) / steps, mask_id, generator)
    return filled


@chaff("The tokens to fill must become masks first, or nothing is drawn.")
@torch.no_grad()
def infill(model, x, known, mask_id, steps, generator=None) -> Tensor:
    filled = x
    for k in range(steps, 0, -1):
        filled = _step(model, filled, k / steps, (k - 1) / steps, mask_id, generator)
    return filled


@chaff("The known tokens must be visible while the others are drawn, not pasted in afterwards.")
@torch.no_grad()
def infill(model, x, known, mask_id, steps, generator=None) -> Tensor:
    filled = torch.full_like(x, mask_id)
    for k in range(steps, 0, -1):
        filled = _step(model, filled, k / steps, (k - 1) / steps, mask_id, generator)
    return torch.where(known, x, filled)


@chaff("x belongs to the caller: mask a copy.")
@torch.no_grad()
def infill(model, x, known, mask_id, steps, generator=None) -> Tensor:
    x[~known] = mask_id
    filled = x
    for k in range(steps, 0, -1):
        filled = _step(model, filled, k / steps, (k - 1) / steps, mask_id, generator)
    return filled


@chaff("The last step goes to time 0: otherwise masks are left over.")
@torch.no_grad()
def infill(model, x, known, mask_id, steps, generator=None) -> Tensor:
    filled = x.masked_fill(~known, mask_id)
    for k in range(steps, 1, -1):
        filled = _step(model, filled, k / steps, (k - 1) / steps, mask_id, generator)
    return filled


@chaff("The last step draws as all others do; its most likely token is not a sample.")
@torch.no_grad()
def infill(model, x, known, mask_id, steps, generator=None) -> Tensor:
    filled = x.masked_fill(~known, mask_id)
    for k in range(steps, 1, -1):
        filled = _step(model, filled, k / steps, (k - 1) / steps, mask_id, generator)
    return torch.where(filled == mask_id, _probs(model, filled, mask_id).argmax(-1), filled)


@chaff("The generator in the argument decides, not one of your own.")
@torch.no_grad()
def infill(model, x, known, mask_id, steps, generator=None) -> Tensor:
    generator, filled = torch.Generator().manual_seed(0), x.masked_fill(~known, mask_id)
    for k in range(steps, 0, -1):
        filled = _step(model, filled, k / steps, (k - 1) / steps, mask_id, generator)
    return filled
