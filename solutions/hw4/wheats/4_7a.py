"""Valid alternatives of question 4.7a: each must get full marks."""

import torch
from hwkit import wheat
from torch import Tensor


@wheat("x0 plus t times the velocity")
def fm_pair(x0: Tensor, x1: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    v = x1 - x0
    return x0 + t[(...,) + (None,) * (x0.dim() - 1)] * v, v


@wheat("example by example")
def fm_pair(x0: Tensor, x1: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    points = [a + (b - a) * s for a, b, s in zip(x0, x1, t, strict=True)]
    return torch.stack(points), torch.sub(x1, x0)
