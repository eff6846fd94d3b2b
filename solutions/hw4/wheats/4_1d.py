"""Valid alternatives of question 4.1d: each must get full marks."""

import torch
from hwkit import wheat
from torch import Tensor


def _at(table, t, x):
    return table[t].to(x.dtype).reshape(-1, *[1] * (x.dim() - 1))


@wheat("roots first, then gather")
def q_sample(sch: dict[str, Tensor], x0: Tensor, t: Tensor, eps: Tensor) -> Tensor:
    signal, noise = _at(sch["alpha_bar"].sqrt(), t, x0), _at((1 - sch["alpha_bar"]).sqrt(), t, x0)
    return signal * x0 + noise * eps


@wheat("example by example")
def q_sample(sch: dict[str, Tensor], x0: Tensor, t: Tensor, eps: Tensor) -> Tensor:
    rows = []
    for i in range(len(x0)):
        level = float(sch["alpha_bar"][t[i]])
        rows.append(level**0.5 * x0[i] + (1 - level) ** 0.5 * eps[i])
    return torch.stack(rows)
