"""Valid alternatives of question 2.2f: each must get full marks."""

from hwkit import wheat
from torch import Tensor


@wheat("without Bessel's correction")
def active_units(mu: Tensor, thr: float = 1e-2) -> int:
    return int(((mu - mu.mean(0)) ** 2).mean(0).gt(thr).sum().item())


@wheat("one dimension at a time, by numpy")
def active_units(mu: Tensor, thr: float = 1e-2) -> int:
    return sum(1 for column in mu.detach().cpu().numpy().T if column.var() > thr)
