"""Valid alternatives of question 4.1f: each must get full marks."""

import torch
from hwkit import wheat
from torch import Tensor


def _at(table, t, x):
    return table[t].to(x.dtype).reshape(-1, *[1] * (x.dim() - 1))


@wheat("with tables of roots")
def eps_from_x0(sch: dict[str, Tensor], xt: Tensor, t: Tensor, x0: Tensor) -> Tensor:
    a = sch["alpha_bar"]
    return (xt - _at(a.sqrt(), t, xt) * x0) * _at((1 - a).rsqrt(), t, xt)


@wheat("example by example")
def eps_from_x0(sch: dict[str, Tensor], xt: Tensor, t: Tensor, x0: Tensor) -> Tensor:
    levels = sch["alpha_bar"][t].tolist()
    return torch.stack([(x - a**0.5 * c) / (1 - a) ** 0.5 for x, c, a in zip(xt, x0, levels, strict=True)])
