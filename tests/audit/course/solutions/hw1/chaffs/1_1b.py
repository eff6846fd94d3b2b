"""Plausible mistakes in question 1.1b."""

import torch
from hwkit import chaff
from torch import Tensor


@chaff("rand is uniform, randn is normal.")
def jittered(x: Tensor) -> Tensor:
    return x + torch.rand_like(x)


@chaff("Every row needs noise of its own.")
def jittered(x: Tensor) -> Tensor:
    return x + torch.randn_like(x[:1])


@chaff("torch.normal(x, 1) draws around x, and passes no gradient on to it.")
def jittered(x: Tensor) -> Tensor:
    return torch.normal(x.detach(), torch.ones_like(x))
