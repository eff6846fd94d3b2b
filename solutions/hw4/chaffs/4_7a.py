"""Plausible misconceptions about question 4.7a: each must lose points there."""

from hwkit import chaff
from torch import Tensor


@chaff("x0 is noise and x1 is data: time 0 is noise.")
def fm_pair(x0: Tensor, x1: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    s = t.reshape(-1, *[1] * (x0.dim() - 1))
    return s * x0 + (1 - s) * x1, x0 - x1


@chaff("The velocity points from noise to data: x1 - x0.")
def fm_pair(x0: Tensor, x1: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    s = t.reshape(-1, *[1] * (x0.dim() - 1))
    return (1 - s) * x0 + s * x1, x0 - x1


@chaff("The line has weights 1 - t and t, not their roots: that would be a diffusion.")
def fm_pair(x0: Tensor, x1: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    s = t.reshape(-1, *[1] * (x0.dim() - 1))
    return (1 - s).sqrt() * x0 + s.sqrt() * x1, x1 - x0


@chaff("A tensor of shape (B,) broadcasts along the last axis.")
def fm_pair(x0: Tensor, x1: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    s = t if x0.shape[-1] == len(t) else t.reshape(-1, *[1] * (x0.dim() - 1))
    return (1 - s) * x0 + s * x1, x1 - x0


@chaff("The velocity of a straight line does not depend on t.")
def fm_pair(x0: Tensor, x1: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    s = t.reshape(-1, *[1] * (x0.dim() - 1))
    xt = (1 - s) * x0 + s * x1
    return xt, (x1 - xt)
