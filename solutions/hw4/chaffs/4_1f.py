"""Plausible misconceptions about question 4.1f: each must lose points there."""

from hwkit import chaff
from torch import Tensor


def _at(table, t, x):
    return table[t].to(x.dtype).reshape(-1, *[1] * (x.dim() - 1))


@chaff("Divide by the root of 1 - alpha_bar.")
def eps_from_x0(sch: dict[str, Tensor], xt: Tensor, t: Tensor, x0: Tensor) -> Tensor:
    a = _at(sch["alpha_bar"], t, xt)
    return (xt - a.sqrt() * x0) / (1 - a)


@chaff("The signal in x_t is sqrt(alpha_bar) x0, not alpha_bar x0.")
def eps_from_x0(sch: dict[str, Tensor], xt: Tensor, t: Tensor, x0: Tensor) -> Tensor:
    a = _at(sch["alpha_bar"], t, xt)
    return (xt - a * x0) / (1 - a).sqrt()


@chaff("The noise is what is left after the signal is subtracted: mind the sign.")
def eps_from_x0(sch: dict[str, Tensor], xt: Tensor, t: Tensor, x0: Tensor) -> Tensor:
    a = _at(sch["alpha_bar"], t, xt)
    return (a.sqrt() * x0 - xt) / (1 - a).sqrt()


@chaff("Signal and noise have exchanged their factors.")
def eps_from_x0(sch: dict[str, Tensor], xt: Tensor, t: Tensor, x0: Tensor) -> Tensor:
    a = _at(sch["alpha_bar"], t, xt)
    return (xt - (1 - a).sqrt() * x0) / a.sqrt()
