"""Valid alternatives of question 4.2d: each must get full marks."""

import math

import torch
from hwkit import wheat
from torch import Tensor


@wheat("index loop, square root as a power")
def langevin(score_fn, x: Tensor, step: float, noises: Tensor) -> Tensor:
    for k in range(noises.shape[0]):
        drift = score_fn(x) * (step / 2)
        x = x + drift + step**0.5 * noises[k]
    return x


@wheat("collects the path")
def langevin(score_fn, x: Tensor, step: float, noises: Tensor) -> Tensor:
    path = [x]
    for xi in noises.unbind(0):
        path.append(torch.add(path[-1], score_fn(path[-1]), alpha=0.5 * step) + xi * math.sqrt(step))
    return path[-1]
