"""Plausible misconceptions about question 4.1d: each must lose points there."""

import torch
from hwkit import chaff
from torch import Tensor


def _at(table, t, x):
    return table[t].to(x.dtype).reshape(-1, *[1] * (x.dim() - 1))


@chaff("Signal and noise are scaled by roots: alpha_bar is a share of variance.")
def q_sample(sch: dict[str, Tensor], x0: Tensor, t: Tensor, eps: Tensor) -> Tensor:
    a = _at(sch["alpha_bar"], t, x0)
    return a * x0 + (1 - a) * eps


@chaff("The variance of the noise is 1 - alpha_bar, so its factor is sqrt(1 - alpha_bar), not 1 - sqrt(alpha_bar).")
def q_sample(sch: dict[str, Tensor], x0: Tensor, t: Tensor, eps: Tensor) -> Tensor:
    a = _at(sch["alpha_bar"], t, x0).sqrt()
    return a * x0 + (1 - a) * eps


@chaff("alpha is the share of one step; after t + 1 steps it is alpha_bar.")
def q_sample(sch: dict[str, Tensor], x0: Tensor, t: Tensor, eps: Tensor) -> Tensor:
    a = _at(sch["alpha"], t, x0)
    return a.sqrt() * x0 + (1 - a).sqrt() * eps


@chaff("A tensor of shape (B,) broadcasts along the last axis: use at().")
def q_sample(sch: dict[str, Tensor], x0: Tensor, t: Tensor, eps: Tensor) -> Tensor:
    a = sch["alpha_bar"][t].to(x0.dtype)
    if x0.shape[-1] != len(t):
        a = a.reshape(-1, *[1] * (x0.dim() - 1))
    return a.sqrt() * x0 + (1 - a).sqrt() * eps


@chaff("Off by one: alpha_bar[t] already counts t + 1 steps.")
def q_sample(sch: dict[str, Tensor], x0: Tensor, t: Tensor, eps: Tensor) -> Tensor:
    a = _at(sch["alpha_bar_prev"], t, x0)
    return a.sqrt() * x0 + (1 - a).sqrt() * eps


@chaff("Use the noise in the argument eps; do not draw your own.")
def q_sample(sch: dict[str, Tensor], x0: Tensor, t: Tensor, eps: Tensor) -> Tensor:
    a = _at(sch["alpha_bar"], t, x0)
    return a.sqrt() * x0 + (1 - a).sqrt() * torch.randn_like(x0)


@chaff("x0 is the caller's: an in-place operation changes it.")
def q_sample(sch: dict[str, Tensor], x0: Tensor, t: Tensor, eps: Tensor) -> Tensor:
    a = _at(sch["alpha_bar"], t, x0)
    return x0.mul_(a.sqrt()).add_((1 - a).sqrt() * eps)


@chaff("The roles of signal and noise are exchanged.")
def q_sample(sch: dict[str, Tensor], x0: Tensor, t: Tensor, eps: Tensor) -> Tensor:
    a = _at(sch["alpha_bar"], t, x0)
    return (1 - a).sqrt() * x0 + a.sqrt() * eps
