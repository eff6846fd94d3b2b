"""Plausible misconceptions about question 4.7b: each must lose points there."""

import torch
from hwkit import chaff
from torch import Tensor


@chaff("The velocity is taken at the beginning of each step, at t = k/n.")
@torch.no_grad()
def fm_sample(velocity, x0: Tensor, steps: int) -> Tensor:
    x = x0
    for k in range(steps):
        x = x + velocity(x, torch.full((len(x),), (k + 0.5) / steps, dtype=x.dtype)) / steps
    return x


@chaff("Each step has length 1/n.")
@torch.no_grad()
def fm_sample(velocity, x0: Tensor, steps: int) -> Tensor:
    x = x0
    for k in range(steps):
        x = x + velocity(x, torch.full((len(x),), k / steps, dtype=x.dtype))
    return x


@chaff("Time runs from noise (0) to data (1) here.")
@torch.no_grad()
def fm_sample(velocity, x0: Tensor, steps: int) -> Tensor:
    x = x0
    for k in range(steps, 0, -1):
        x = x - velocity(x, torch.full((len(x),), 0.999 * k / steps, dtype=x.dtype)) / steps
    return x


@chaff("x0 belongs to the caller: += edits it in place.")
@torch.no_grad()
def fm_sample(velocity, x0: Tensor, steps: int) -> Tensor:
    x = x0
    for k in range(steps):
        x += velocity(x, torch.full((len(x),), k / steps, dtype=x.dtype)) / steps
    return x


@chaff("The network wants one time per example, not one number.")
@torch.no_grad()
def fm_sample(velocity, x0: Tensor, steps: int) -> Tensor:
    x = x0
    for k in range(steps):
        x = x + velocity(x, torch.full((1,), k / steps, dtype=x.dtype)) / steps
    return x
