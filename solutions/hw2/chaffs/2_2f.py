"""Plausible misconceptions about question 2.2f: each must lose points there."""

import torch
from hwkit import chaff
from torch import Tensor


@chaff("The variance is over examples (axis 0), not over the latent dimensions.")
def active_units(mu: Tensor, thr: float = 1e-2) -> int:
    return int((mu.var(dim=1) > thr).sum())


@chaff("A constant mean carries no information however large it is: use the variance, not the mean square.")
def active_units(mu: Tensor, thr: float = 1e-2) -> int:
    return int((mu.square().mean(0) > thr).sum())


@chaff("The threshold applies to the variance, not to the standard deviation.")
def active_units(mu: Tensor, thr: float = 1e-2) -> int:
    return int((mu.std(0) > thr).sum())


@chaff("This counts the inactive dimensions.")
def active_units(mu: Tensor, thr: float = 1e-2) -> int:
    return int((mu.var(0) <= thr).sum())


@chaff("The threshold in the argument is ignored.")
def active_units(mu: Tensor, thr: float = 1e-2) -> int:
    return int((mu.var(0) > 1e-2).sum())


@chaff("Return a count, not the share of dimensions.")
def active_units(mu: Tensor, thr: float = 1e-2) -> int:
    return float(torch.mean((mu.var(0) > thr).to(mu.dtype)))


@chaff("A threshold of 0 is a threshold: `thr or 0.01` takes it for none.")
def active_units(mu: Tensor, thr: float = 1e-2) -> int:
    return int((mu.var(0) > (thr or 1e-2)).sum())
