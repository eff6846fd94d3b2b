"""Plausible misconceptions about question 4.5e: each must lose points there."""

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


@chaff("The last step goes to time 0: otherwise masks are left over.")
@torch.no_grad()
def mdlm_sample(model, n, L, mask_id, steps, generator=None) -> Tensor:
    x = torch.full((n, L), mask_id)
    for k in range(steps, 1, -1):
        x = _step(model, x, k / steps, (k - 1) / steps, mask_id, generator)
    return x


@chaff("Tokens revealed in an earlier step are visible to the network in the next one.")
@torch.no_grad()
def mdlm_sample(model, n, L, mask_id, steps, generator=None) -> Tensor:
    x = torch.full((n, L), mask_id)
    start = x.clone()
    for k in range(steps, 0, -1):
        values = _draw(_probs(model, start, mask_id), generator)
        reveal = (x == mask_id) & (torch.rand(x.shape, generator=generator) < 1 / k)
        x = torch.where(reveal, values, x)
    return x


@chaff("Time runs from 1 down to 0, not up.")
@torch.no_grad()
def mdlm_sample(model, n, L, mask_id, steps, generator=None) -> Tensor:
    x = torch.full((n, L), mask_id)
    for k in range(1, steps + 1):
        x = _step(model, x, k / steps, (k - 1) / steps, mask_id, generator)
    return x


@chaff("Start with masks only: random tokens are not noise for this model.")
@torch.no_grad()
def mdlm_sample(model, n, L, mask_id, steps, generator=None) -> Tensor:
    x = torch.randint(mask_id, (n, L), generator=generator)
    for k in range(steps, 0, -1):
        x = _step(model, x, k / steps, (k - 1) / steps, mask_id, generator)
    return x


@chaff("One step reveals everything at once, as if tokens were independent: use all the steps.")
@torch.no_grad()
def mdlm_sample(model, n, L, mask_id, steps, generator=None) -> Tensor:
    return _step(model, torch.full((n, L), mask_id), 1.0, 0.0, mask_id, generator)


@chaff("(n, L): one row per sequence.")
@torch.no_grad()
def mdlm_sample(model, n, L, mask_id, steps, generator=None) -> Tensor:
    x = torch.full((L, n), mask_id)
    for k in range(steps, 0, -1):
        x = _step(model, x.T, k / steps, (k - 1) / steps, mask_id, generator).T
    return x


@chaff("The last step draws as all others do; its most likely token is not a sample.")
@torch.no_grad()
def mdlm_sample(model, n, L, mask_id, steps, generator=None) -> Tensor:
    x = torch.full((n, L), mask_id)
    for k in range(steps, 1, -1):
        x = _step(model, x, k / steps, (k - 1) / steps, mask_id, generator)
    return torch.where(x == mask_id, _probs(model, x, mask_id).argmax(-1), x)


@chaff("The generator in the argument decides, not one of your own.")
@torch.no_grad()
def mdlm_sample(model, n, L, mask_id, steps, generator=None) -> Tensor:
    generator, x = torch.Generator().manual_seed(0), torch.full((n, L), mask_id)
    for k in range(steps, 0, -1):
        x = _step(model, x, k / steps, (k - 1) / steps, mask_id, generator)
    return x
