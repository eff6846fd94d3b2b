"""Plausible misconceptions about question 4.1g: each must lose points there."""

from hwkit import chaff
from torch import Tensor


def _at(table, t, x):
    return table[t].to(x.dtype).reshape(-1, *[1] * (x.dim() - 1))


@chaff("The velocity is sqrt(alpha_bar) eps minus sqrt(1 - alpha_bar) x0, not the other way round.")
def v_target(sch: dict[str, Tensor], x0: Tensor, t: Tensor, eps: Tensor) -> Tensor:
    a = _at(sch["alpha_bar"], t, x0)
    return (1 - a).sqrt() * x0 - a.sqrt() * eps


@chaff("The noise goes with sqrt(alpha_bar) in the velocity, the data with sqrt(1 - alpha_bar).")
def v_target(sch: dict[str, Tensor], x0: Tensor, t: Tensor, eps: Tensor) -> Tensor:
    a = _at(sch["alpha_bar"], t, x0)
    return (1 - a).sqrt() * eps - a.sqrt() * x0


@chaff("With a plus this is x_t with its shares exchanged, not a rotation by a quarter turn.")
def v_target(sch: dict[str, Tensor], x0: Tensor, t: Tensor, eps: Tensor) -> Tensor:
    a = _at(sch["alpha_bar"], t, x0)
    return a.sqrt() * eps + (1 - a).sqrt() * x0


@chaff("Both factors are roots.")
def v_target(sch: dict[str, Tensor], x0: Tensor, t: Tensor, eps: Tensor) -> Tensor:
    a = _at(sch["alpha_bar"], t, x0)
    return a * eps - (1 - a) * x0


@chaff("That is the velocity of flow matching, which goes in a straight line.")
def v_target(sch: dict[str, Tensor], x0: Tensor, t: Tensor, eps: Tensor) -> Tensor:
    return eps - x0


@chaff("Images have three axes after the batch: (B, 1) is not one number per image.")
def v_target(sch: dict[str, Tensor], x0: Tensor, t: Tensor, eps: Tensor) -> Tensor:
    a = sch["alpha_bar"][t].to(x0.dtype).unsqueeze(1)
    return a.sqrt() * eps - (1 - a).sqrt() * x0


@chaff("The noise belongs to the caller: it is changed in place here.")
def v_target(sch: dict[str, Tensor], x0: Tensor, t: Tensor, eps: Tensor) -> Tensor:
    a = _at(sch["alpha_bar"], t, x0)
    eps *= a.sqrt()
    return eps - (1 - a).sqrt() * x0
