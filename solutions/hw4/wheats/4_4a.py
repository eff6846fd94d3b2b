"""Valid alternatives of question 4.4a: each must get full marks."""

import torch
from hwkit import wheat
from torch import Tensor, nn


@wheat("interleaved sine and cosine")
def timestep_embedding(t: Tensor, dim: int) -> Tensor:
    half = dim // 2
    out = torch.zeros(len(t), dim)
    for k in range(half):
        w = 10_000.0 ** (-k / half)
        out[:, 2 * k] = torch.sin(w * t)
        out[:, 2 * k + 1] = torch.cos(w * t)
    return out


@wheat("cosine first, padded at the front")
def timestep_embedding(t: Tensor, dim: int) -> Tensor:
    half = dim // 2
    w = torch.pow(torch.tensor(10_000.0), -torch.arange(half) / half)
    angle = torch.outer(t.to(w.dtype), w)
    return nn.functional.pad(torch.cat([angle.cos(), angle.sin()], 1), (dim % 2, 0))
