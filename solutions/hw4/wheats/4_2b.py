"""Valid alternatives of question 4.2b: each must get full marks."""

import torch
from hwkit import wheat
from torch import Tensor


def _at(table, t, x):
    return table[t].to(x.dtype).reshape(-1, *[1] * (x.dim() - 1))


@wheat("a table of reciprocal roots")
def eps_to_score(eps: Tensor, sch: dict[str, Tensor], t: Tensor) -> Tensor:
    return eps * _at(-((1 - sch["alpha_bar"]) ** -0.5), t, eps)


@wheat("example by example")
def eps_to_score(eps: Tensor, sch: dict[str, Tensor], t: Tensor) -> Tensor:
    return torch.stack([-e / float(1 - a) ** 0.5 for e, a in zip(eps, sch["alpha_bar"][t], strict=True)])
