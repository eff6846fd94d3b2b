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


@chaff("Images have three axes after the batch: (B, 1) is not one number per image.")
def eps_from_x0(sch: dict[str, Tensor], xt: Tensor, t: Tensor, x0: Tensor) -> Tensor:
    a = sch["alpha_bar"][t].to(xt.dtype).unsqueeze(1)
    return (xt - a.sqrt() * x0) / (1 - a).sqrt()


@chaff("x_t belongs to the caller: it is changed in place here.")
def eps_from_x0(sch: dict[str, Tensor], xt: Tensor, t: Tensor, x0: Tensor) -> Tensor:
    a = _at(sch["alpha_bar"], t, xt)
    xt -= a.sqrt() * x0
    return xt / (1 - a).sqrt()
