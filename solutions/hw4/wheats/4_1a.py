"""Valid alternatives of question 4.1a: each must get full marks."""

import math

import torch
from hwkit import wheat
from torch import Tensor


@wheat("a Python loop")
def cosine_alpha_bar(T: int, s: float = 0.008) -> Tensor:
    f = [math.cos((k / T + s) / (1 + s) * math.pi / 2) ** 2 for k in range(T + 1)]
    level, rows = 1.0, []
    for k in range(T):
        level *= 1 - min(0.999, 1 - f[k + 1] / f[k])
        rows.append(level)
    return torch.tensor(rows, dtype=torch.float64)


@wheat("the cap as a floor on alpha, sum of logarithms")
def cosine_alpha_bar(T: int, s: float = 0.008) -> Tensor:
    angle = (torch.linspace(0, 1, T + 1, dtype=torch.float64) + s) / (1 + s) * torch.pi / 2
    f = torch.cos(2 * angle) / 2 + 0.5
    alpha = torch.maximum(f[1:] / f[:-1], torch.full((T,), 0.001, dtype=torch.float64))
    return alpha.log().cumsum(0).exp()
