"""Valid alternatives of question 4.1c: each must get full marks."""

from hwkit import wheat
from torch import Tensor


@wheat("indexing with None")
def at(table: Tensor, t: Tensor, x: Tensor) -> Tensor:
    return table.to(x)[t][(...,) + (None,) * (x.dim() - 1)]


@wheat("index_select on non-negative indices, then view")
def at(table: Tensor, t: Tensor, x: Tensor) -> Tensor:
    rows = table.index_select(0, t % len(table))
    return rows.to(dtype=x.dtype, device=x.device).view(len(t), *([1] * (x.dim() - 1)))


@wheat("one unsqueeze per axis")
def at(table: Tensor, t: Tensor, x: Tensor) -> Tensor:
    out = table[t].type(x.dtype)
    for _ in range(x.dim() - 1):
        out = out.unsqueeze(-1)
    return out
