"""Valid alternatives of question 4.7b: each must get full marks."""

import torch
from hwkit import wheat
from torch import Tensor


@wheat("times from linspace")
@torch.no_grad()
def fm_sample(velocity, x0: Tensor, steps: int) -> Tensor:
    x = x0.clone()
    for s in torch.linspace(0, 1, steps + 1, dtype=x0.dtype)[:-1]:
        x = x + velocity(x, s.expand(len(x))) * (1 / steps)
    return x


@wheat("while the time lasts")
@torch.no_grad()
def fm_sample(velocity, x0: Tensor, steps: int) -> Tensor:
    x, t = x0, torch.zeros(len(x0), dtype=x0.dtype)
    h = 1.0 / steps
    for _ in range(steps):
        x = torch.add(x, velocity(x, t), alpha=h)
        t = t + h
    return x
