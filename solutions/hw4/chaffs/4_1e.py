"""Plausible misconceptions about question 4.1e: each must lose points there."""

from hwkit import chaff
from torch import Tensor


def _at(table, t, x):
    return table[t].to(x.dtype).reshape(-1, *[1] * (x.dim() - 1))


@chaff("Subtract the noise: x_t is signal plus noise.")
def x0_from_eps(sch: dict[str, Tensor], xt: Tensor, t: Tensor, eps: Tensor) -> Tensor:
    a = _at(sch["alpha_bar"], t, xt)
    return (xt + (1 - a).sqrt() * eps) / a.sqrt()


@chaff("Divide by the root of alpha_bar: the signal was scaled by the root.")
def x0_from_eps(sch: dict[str, Tensor], xt: Tensor, t: Tensor, eps: Tensor) -> Tensor:
    a = _at(sch["alpha_bar"], t, xt)
    return (xt - (1 - a).sqrt() * eps) / a


@chaff("The noise was scaled by sqrt(1 - alpha_bar), not by 1 - alpha_bar.")
def x0_from_eps(sch: dict[str, Tensor], xt: Tensor, t: Tensor, eps: Tensor) -> Tensor:
    a = _at(sch["alpha_bar"], t, xt)
    return (xt - (1 - a) * eps) / a.sqrt()


@chaff("The division belongs to the whole difference, not to x_t alone.")
def x0_from_eps(sch: dict[str, Tensor], xt: Tensor, t: Tensor, eps: Tensor) -> Tensor:
    a = _at(sch["alpha_bar"], t, xt)
    return xt / a.sqrt() - (1 - a).sqrt() * eps


@chaff("After t + 1 steps the share is alpha_bar[t], not alpha[t].")
def x0_from_eps(sch: dict[str, Tensor], xt: Tensor, t: Tensor, eps: Tensor) -> Tensor:
    a = _at(sch["alpha"], t, xt)
    return (xt - (1 - a).sqrt() * eps) / a.sqrt()


@chaff("Images have three axes after the batch: (B, 1) is not one number per image.")
def x0_from_eps(sch: dict[str, Tensor], xt: Tensor, t: Tensor, eps: Tensor) -> Tensor:
    a = sch["alpha_bar"][t].to(xt.dtype).unsqueeze(1)
    return (xt - (1 - a).sqrt() * eps) / a.sqrt()


@chaff("alpha_bar is tiny at the noisy end, and positive: a floor under it gives other data.")
def x0_from_eps(sch: dict[str, Tensor], xt: Tensor, t: Tensor, eps: Tensor) -> Tensor:
    a = _at(sch["alpha_bar"], t, xt).clamp(min=1e-3)
    return (xt - (1 - a).sqrt() * eps) / a.sqrt()


@chaff("x_t belongs to the caller: it is changed in place here.")
def x0_from_eps(sch: dict[str, Tensor], xt: Tensor, t: Tensor, eps: Tensor) -> Tensor:
    a = _at(sch["alpha_bar"], t, xt)
    xt -= (1 - a).sqrt() * eps
    return xt / a.sqrt()
