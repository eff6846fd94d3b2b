"""Valid alternatives of question 4.1g: each must get full marks."""

import torch
from hwkit import wheat
from torch import Tensor


def _at(table, t, x):
    return table[t].to(x.dtype).reshape(-1, *[1] * (x.dim() - 1))


@wheat("as cosine and sine of one angle")
def v_target(sch: dict[str, Tensor], x0: Tensor, t: Tensor, eps: Tensor) -> Tensor:
    angle = _at(torch.acos(sch["alpha_bar"].sqrt()), t, x0)
    return torch.cos(angle) * eps - torch.sin(angle) * x0


@wheat("from x_t and the noise: (eps - sqrt(1 - a) x_t) / sqrt(a)")
def v_target(sch: dict[str, Tensor], x0: Tensor, t: Tensor, eps: Tensor) -> Tensor:
    a = _at(sch["alpha_bar"], t, x0)
    xt = a.sqrt() * x0 + (1 - a).sqrt() * eps
    return (eps - (1 - a).sqrt() * xt) / a.sqrt()
