"""Valid alternatives of question 4.3a: each must get full marks."""

import torch
from hwkit import wheat
from torch import Tensor


def _at(table, t, x):
    return table[t].to(x.dtype).reshape(-1, *[1] * (x.dim() - 1))


def _x0(sch, xt, t, eps):
    a = _at(sch["alpha_bar"], t, xt)
    return (xt - (1 - a).sqrt() * eps) / a.sqrt()


@wheat("noise form")
def ddpm_step(sch: dict[str, Tensor], eps_hat: Tensor, xt: Tensor, t: Tensor, noise: Tensor) -> Tensor:
    b, a, ab, p = (_at(sch[k], t, xt) for k in ("beta", "alpha", "alpha_bar", "alpha_bar_prev"))
    mean = (xt - b / (1 - ab).sqrt() * eps_hat) / a.sqrt()
    return mean + (b * (1 - p) / (1 - ab)).sqrt() * noise


@wheat("through DDIM with eta = 1")
def ddpm_step(sch: dict[str, Tensor], eps_hat: Tensor, xt: Tensor, t: Tensor, noise: Tensor) -> Tensor:
    now, then = _at(sch["alpha_bar"], t, xt), _at(sch["alpha_bar_prev"], t, xt)
    variance = (1 - then) / (1 - now) * (1 - now / then)
    rest = (1 - then - variance).clamp(min=0).sqrt()
    return then.sqrt() * _x0(sch, xt, t, eps_hat) + rest * eps_hat + variance.sqrt() * noise


@wheat("posterior of the guess, noise masked at t = 0")
def ddpm_step(sch: dict[str, Tensor], eps_hat: Tensor, xt: Tensor, t: Tensor, noise: Tensor) -> Tensor:
    b, a, ab, p = (_at(sch[k], t, xt) for k in ("beta", "alpha", "alpha_bar", "alpha_bar_prev"))
    mean = (p.sqrt() * b * _x0(sch, xt, t, eps_hat) + a.sqrt() * (1 - p) * xt) / (1 - ab)
    sd = torch.where(
        _at(torch.arange(len(sch["beta"])), t, xt) > 0, (b * (1 - p) / (1 - ab)).sqrt(), torch.zeros_like(b)
    )
    return mean + sd * noise
