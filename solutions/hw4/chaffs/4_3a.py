"""Plausible misconceptions about question 4.3a: each must lose points there."""

import torch
from hwkit import chaff
from torch import Tensor


def _at(table, t, x):
    return table[t].to(x.dtype).reshape(-1, *[1] * (x.dim() - 1))


def _x0(sch, xt, t, eps):
    a = _at(sch["alpha_bar"], t, xt)
    return (xt - (1 - a).sqrt() * eps) / a.sqrt()


@chaff("The last step adds no noise: beta-tilde is 0 at t = 0, beta is not.")
def ddpm_step(sch: dict[str, Tensor], eps_hat: Tensor, xt: Tensor, t: Tensor, noise: Tensor) -> Tensor:
    b, a, ab = (_at(sch[k], t, xt) for k in ("beta", "alpha", "alpha_bar"))
    return (xt - b / (1 - ab).sqrt() * eps_hat) / a.sqrt() + b.sqrt() * noise


@chaff("The variance is beta-tilde also for t > 0.")
def ddpm_step(sch: dict[str, Tensor], eps_hat: Tensor, xt: Tensor, t: Tensor, noise: Tensor) -> Tensor:
    b, a, ab = (_at(sch[k], t, xt) for k in ("beta", "alpha", "alpha_bar"))
    sd = torch.where(_at(sch["alpha_bar_prev"], t, xt) < 1, b.sqrt(), torch.zeros_like(b))
    return (xt - b / (1 - ab).sqrt() * eps_hat) / a.sqrt() + sd * noise


@chaff("The noise is scaled by the standard deviation, the root of beta-tilde.")
def ddpm_step(sch: dict[str, Tensor], eps_hat: Tensor, xt: Tensor, t: Tensor, noise: Tensor) -> Tensor:
    b, a, ab, p = (_at(sch[k], t, xt) for k in ("beta", "alpha", "alpha_bar", "alpha_bar_prev"))
    return (xt - b / (1 - ab).sqrt() * eps_hat) / a.sqrt() + b * (1 - p) / (1 - ab) * noise


@chaff("The mean is divided by the root of alpha, the share of one step, not of alpha_bar.")
def ddpm_step(sch: dict[str, Tensor], eps_hat: Tensor, xt: Tensor, t: Tensor, noise: Tensor) -> Tensor:
    b, ab, p = (_at(sch[k], t, xt) for k in ("beta", "alpha_bar", "alpha_bar_prev"))
    return (xt - b / (1 - ab).sqrt() * eps_hat) / ab.sqrt() + (b * (1 - p) / (1 - ab)).sqrt() * noise


@chaff("The factor 1 / sqrt(alpha) undoes the shrinking of one step.")
def ddpm_step(sch: dict[str, Tensor], eps_hat: Tensor, xt: Tensor, t: Tensor, noise: Tensor) -> Tensor:
    b, ab, p = (_at(sch[k], t, xt) for k in ("beta", "alpha_bar", "alpha_bar_prev"))
    return xt - b / (1 - ab).sqrt() * eps_hat + (b * (1 - p) / (1 - ab)).sqrt() * noise


@chaff("beta is divided by the root of 1 - alpha_bar.")
def ddpm_step(sch: dict[str, Tensor], eps_hat: Tensor, xt: Tensor, t: Tensor, noise: Tensor) -> Tensor:
    b, a, ab, p = (_at(sch[k], t, xt) for k in ("beta", "alpha", "alpha_bar", "alpha_bar_prev"))
    return (xt - b / (1 - ab) * eps_hat) / a.sqrt() + (b * (1 - p) / (1 - ab)).sqrt() * noise


@chaff("x_t belongs to the caller: it is changed in place here.")
def ddpm_step(sch: dict[str, Tensor], eps_hat: Tensor, xt: Tensor, t: Tensor, noise: Tensor) -> Tensor:
    b, a, ab, p = (_at(sch[k], t, xt) for k in ("beta", "alpha", "alpha_bar", "alpha_bar_prev"))
    xt -= b / (1 - ab).sqrt() * eps_hat
    return xt / a.sqrt() + (b * (1 - p) / (1 - ab)).sqrt() * noise


@chaff("Every example has its own time; whether noise is added is decided by example.")
def ddpm_step(sch: dict[str, Tensor], eps_hat: Tensor, xt: Tensor, t: Tensor, noise: Tensor) -> Tensor:
    b, a, ab, p = (_at(sch[k], t, xt) for k in ("beta", "alpha", "alpha_bar", "alpha_bar_prev"))
    mean = (xt - b / (1 - ab).sqrt() * eps_hat) / a.sqrt()
    return mean if int(t[0]) == 0 else mean + (b * (1 - p) / (1 - ab)).sqrt() * noise


@chaff("The factor of the guessed noise is beta, not 1 minus alpha_bar.")
def ddpm_step(sch: dict[str, Tensor], eps_hat: Tensor, xt: Tensor, t: Tensor, noise: Tensor) -> Tensor:
    a, ab, p, b = (_at(sch[k], t, xt) for k in ("alpha", "alpha_bar", "alpha_bar_prev", "beta"))
    return (xt - (1 - ab).sqrt() * eps_hat) / a.sqrt() + (b * (1 - p) / (1 - ab)).sqrt() * noise


@chaff("Images have three axes after the batch: (B, 1) is not one number per image.")
def ddpm_step(sch: dict[str, Tensor], eps_hat: Tensor, xt: Tensor, t: Tensor, noise: Tensor) -> Tensor:
    b, a, ab, p = (sch[k][t].to(xt.dtype).unsqueeze(1) for k in ("beta", "alpha", "alpha_bar", "alpha_bar_prev"))
    return (xt - b / (1 - ab).sqrt() * eps_hat) / a.sqrt() + (b * (1 - p) / (1 - ab)).sqrt() * noise


@chaff("One example at t = 0 does not stop the noise of the others.")
def ddpm_step(sch: dict[str, Tensor], eps_hat: Tensor, xt: Tensor, t: Tensor, noise: Tensor) -> Tensor:
    b, a, ab, p = (_at(sch[k], t, xt) for k in ("beta", "alpha", "alpha_bar", "alpha_bar_prev"))
    mean = (xt - b / (1 - ab).sqrt() * eps_hat) / a.sqrt()
    return mean if bool((t == 0).any()) else mean + (b * (1 - p) / (1 - ab)).sqrt() * noise
