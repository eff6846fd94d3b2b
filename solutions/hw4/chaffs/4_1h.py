"""Plausible misconceptions about question 4.1h: each must lose points there."""

import torch
from hwkit import chaff
from torch import Tensor


def _at(table, t, x):
    return table[t].to(x.dtype).reshape(-1, *[1] * (x.dim() - 1))


@chaff("The variance is beta-tilde: knowing x0 leaves less doubt than beta.")
def q_posterior(sch: dict[str, Tensor], x0: Tensor, xt: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    b, a, ab, p = (_at(sch[k], t, xt) for k in ("beta", "alpha", "alpha_bar", "alpha_bar_prev"))
    return (p.sqrt() * b * x0 + a.sqrt() * (1 - p) * xt) / (1 - ab), b


@chaff("x0 goes with the root of alpha_bar_prev, x_t with the root of alpha.")
def q_posterior(sch: dict[str, Tensor], x0: Tensor, xt: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    b, a, ab, p = (_at(sch[k], t, xt) for k in ("beta", "alpha", "alpha_bar", "alpha_bar_prev"))
    return (a.sqrt() * b * x0 + p.sqrt() * (1 - p) * xt) / (1 - ab), b * (1 - p) / (1 - ab)


@chaff("The data are weighed with alpha_bar_prev, the share one step earlier, not with alpha_bar.")
def q_posterior(sch: dict[str, Tensor], x0: Tensor, xt: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    b, a, ab, p = (_at(sch[k], t, xt) for k in ("beta", "alpha", "alpha_bar", "alpha_bar_prev"))
    return (ab.sqrt() * b * x0 + a.sqrt() * (1 - p) * xt) / (1 - ab), b * (1 - p) / (1 - ab)


@chaff("Return the variance, not its logarithm: at t = 0 it is 0.")
def q_posterior(sch: dict[str, Tensor], x0: Tensor, xt: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    b, a, ab, p = (_at(sch[k], t, xt) for k in ("beta", "alpha", "alpha_bar", "alpha_bar_prev"))
    return (p.sqrt() * b * x0 + a.sqrt() * (1 - p) * xt) / (1 - ab), (b * (1 - p) / (1 - ab)).clamp(min=1e-20).log()


@chaff("Return the variance, not the standard deviation.")
def q_posterior(sch: dict[str, Tensor], x0: Tensor, xt: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    b, a, ab, p = (_at(sch[k], t, xt) for k in ("beta", "alpha", "alpha_bar", "alpha_bar_prev"))
    return (p.sqrt() * b * x0 + a.sqrt() * (1 - p) * xt) / (1 - ab), (b * (1 - p) / (1 - ab)).sqrt()


@chaff("Before the first step alpha_bar is 1; with alpha_bar[0] there, some noise stays for ever.")
def q_posterior(sch: dict[str, Tensor], x0: Tensor, xt: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    b, a, ab, p = (_at(sch[k], t, xt) for k in ("beta", "alpha", "alpha_bar", "alpha_bar_prev"))
    p = torch.where(p == 1, ab, p)
    return (p.sqrt() * b * x0 + a.sqrt() * (1 - p) * xt) / (1 - ab), b * (1 - p) / (1 - ab)


@chaff("One variance per example, of shape (B, 1, ..., 1): without the extra axes it broadcasts along the width.")
def q_posterior(sch: dict[str, Tensor], x0: Tensor, xt: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    b, a, ab, p = (_at(sch[k], t, xt) for k in ("beta", "alpha", "alpha_bar", "alpha_bar_prev"))
    return (p.sqrt() * b * x0 + a.sqrt() * (1 - p) * xt) / (1 - ab), (b * (1 - p) / (1 - ab)).flatten()
