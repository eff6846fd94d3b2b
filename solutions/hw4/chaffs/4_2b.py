"""Plausible misconceptions about question 4.2b: each must lose points there."""

from hwkit import chaff
from torch import Tensor


def _at(table, t, x):
    return table[t].to(x.dtype).reshape(-1, *[1] * (x.dim() - 1))


@chaff("The score points back to the data, against the noise: there is a minus.")
def eps_to_score(eps: Tensor, sch: dict[str, Tensor], t: Tensor) -> Tensor:
    return eps / (1 - _at(sch["alpha_bar"], t, eps)).sqrt()


@chaff("The score is -eps over the standard deviation of the noise.")
def eps_to_score(eps: Tensor, sch: dict[str, Tensor], t: Tensor) -> Tensor:
    return -eps


@chaff("Divide by the standard deviation of the noise, not by its variance.")
def eps_to_score(eps: Tensor, sch: dict[str, Tensor], t: Tensor) -> Tensor:
    return -eps / (1 - _at(sch["alpha_bar"], t, eps))


@chaff("Multiplying by the standard deviation is not dividing by it.")
def eps_to_score(eps: Tensor, sch: dict[str, Tensor], t: Tensor) -> Tensor:
    return -eps * (1 - _at(sch["alpha_bar"], t, eps)).sqrt()


@chaff("The variance of the noise in x_t is 1 - alpha_bar, not beta.")
def eps_to_score(eps: Tensor, sch: dict[str, Tensor], t: Tensor) -> Tensor:
    return -eps / _at(sch["beta"], t, eps).sqrt()


@chaff("Images have three axes after the batch: (B, 1) is not one number per image.")
def eps_to_score(eps: Tensor, sch: dict[str, Tensor], t: Tensor) -> Tensor:
    return -eps / (1 - sch["alpha_bar"][t].to(eps.dtype).unsqueeze(1)).sqrt()


@chaff("The guess belongs to the caller: it is changed in place here.")
def eps_to_score(eps: Tensor, sch: dict[str, Tensor], t: Tensor) -> Tensor:
    return eps.neg_().div((1 - _at(sch["alpha_bar"], t, eps)).sqrt())
