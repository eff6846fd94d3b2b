"""Plausible misconceptions about question 4.3b: each must lose points there."""

import torch
from hwkit import chaff


def _at(table, t, x):
    return table[t].to(x.dtype).reshape(-1, *[1] * (x.dim() - 1))


def _x0(sch, xt, t, eps):
    a = _at(sch["alpha_bar"], t, xt)
    return (xt - (1 - a).sqrt() * eps) / a.sqrt()


def _levels(sch, t, t_prev, x):
    clean = (t_prev < 0).reshape(-1, *[1] * (x.dim() - 1))
    then = _at(sch["alpha_bar"], t_prev.clamp(min=0), x)
    return _at(sch["alpha_bar"], t, x), torch.where(clean, torch.ones_like(then), then)


def _guess(sch, eps_hat, xt, t, clip):
    a, x0 = _at(sch["alpha_bar"], t, xt), _x0(sch, xt, t, eps_hat)
    if clip is not None:
        x0 = x0.clamp(-clip, clip)
        eps_hat = (xt - a.sqrt() * x0) / (1 - a).sqrt()
    return x0, eps_hat


@chaff("With a stride, the step goes to t_prev, not to t - 1.")
def ddim_step(sch, eps_hat, xt, t, t_prev, eta, noise, clip=None):
    x0, eps_hat = _guess(sch, eps_hat, xt, t, clip)
    now, then = _levels(sch, t, t - 1, xt)
    variance = eta**2 * (1 - then) / (1 - now) * (1 - now / then)
    x = then.sqrt() * x0 + (1 - then - variance).clamp(min=0).sqrt() * eps_hat
    return x if eta == 0 else x + variance.sqrt() * noise


@chaff("The guessed noise counts sqrt(1 - alpha_bar - sigma^2): fresh noise takes its share.")
def ddim_step(sch, eps_hat, xt, t, t_prev, eta, noise, clip=None):
    x0, eps_hat = _guess(sch, eps_hat, xt, t, clip)
    now, then = _levels(sch, t, t_prev, xt)

    variance = eta**2 * (1 - then) / (1 - now) * (1 - now / then)
    x = then.sqrt() * x0 + (1 - then).sqrt() * eps_hat
    return x if eta == 0 else x + variance.sqrt() * noise


@chaff("The noise is scaled by sigma, the root of sigma squared.")
def ddim_step(sch, eps_hat, xt, t, t_prev, eta, noise, clip=None):
    x0, eps_hat = _guess(sch, eps_hat, xt, t, clip)
    now, then = _levels(sch, t, t_prev, xt)

    variance = eta**2 * (1 - then) / (1 - now) * (1 - now / then)
    x = then.sqrt() * x0 + (1 - then - variance).clamp(min=0).sqrt() * eps_hat
    return x if eta == 0 else x + variance * noise


@chaff("sigma depends on both times; with 1 - alpha_bar_t alone a clamp hides the mistake.")
def ddim_step(sch, eps_hat, xt, t, t_prev, eta, noise, clip=None):
    x0, eps_hat = _guess(sch, eps_hat, xt, t, clip)
    now, then = _levels(sch, t, t_prev, xt)

    variance = eta**2 * (1 - now)
    x = then.sqrt() * x0 + (1 - then - variance).clamp(min=0).sqrt() * eps_hat
    return x if eta == 0 else x + variance.sqrt() * noise


@chaff("t_prev = -1 means clean data, alpha_bar = 1; as an index it is the noisiest entry.")
def ddim_step(sch, eps_hat, xt, t, t_prev, eta, noise, clip=None):
    x0, eps_hat = _guess(sch, eps_hat, xt, t, clip)
    now, then = _at(sch["alpha_bar"], t, xt), _at(sch["alpha_bar"], t_prev, xt)
    variance = (eta**2 * (1 - then) / (1 - now) * (1 - now / then)).clamp(min=0)
    x = then.sqrt() * x0 + (1 - then - variance).clamp(min=0).sqrt() * eps_hat
    return x if eta == 0 else x + variance.sqrt() * noise


@chaff("t_prev = -1 means alpha_bar = 1, not alpha_bar[0].")
def ddim_step(sch, eps_hat, xt, t, t_prev, eta, noise, clip=None):
    x0, eps_hat = _guess(sch, eps_hat, xt, t, clip)
    now, then = _at(sch["alpha_bar"], t, xt), _at(sch["alpha_bar"], t_prev.clamp(min=0), xt)
    variance = (eta**2 * (1 - then) / (1 - now) * (1 - now / then)).clamp(min=0)
    x = then.sqrt() * x0 + (1 - then - variance).clamp(min=0).sqrt() * eps_hat
    return x if eta == 0 else x + variance.sqrt() * noise


@chaff("After clipping x0 the guess of the noise no longer matches: recompute it.")
def ddim_step(sch, eps_hat, xt, t, t_prev, eta, noise, clip=None):
    x0 = _guess(sch, eps_hat, xt, t, clip)[0]
    now, then = _levels(sch, t, t_prev, xt)
    variance = eta**2 * (1 - then) / (1 - now) * (1 - now / then)
    x = then.sqrt() * x0 + (1 - then - variance).clamp(min=0).sqrt() * eps_hat
    return x if eta == 0 else x + variance.sqrt() * noise


@chaff("Clip the guess of x0, not the noisy x_t.")
def ddim_step(sch, eps_hat, xt, t, t_prev, eta, noise, clip=None):
    xt = xt if clip is None else xt.clamp(-clip, clip)
    x0, eps_hat = _guess(sch, eps_hat, xt, t, None)
    now, then = _levels(sch, t, t_prev, xt)
    variance = eta**2 * (1 - then) / (1 - now) * (1 - now / then)
    x = then.sqrt() * x0 + (1 - then - variance).clamp(min=0).sqrt() * eps_hat
    return x if eta == 0 else x + variance.sqrt() * noise


@chaff("eta scales sigma, so its square scales the variance.")
def ddim_step(sch, eps_hat, xt, t, t_prev, eta, noise, clip=None):
    x0, eps_hat = _guess(sch, eps_hat, xt, t, clip)
    now, then = _levels(sch, t, t_prev, xt)

    variance = eta * (1 - then) / (1 - now) * (1 - now / then)
    x = then.sqrt() * x0 + (1 - then - variance).clamp(min=0).sqrt() * eps_hat
    return x if eta == 0 else x + variance.sqrt() * noise


@chaff("With eta = 0 there may be no noise to use.")
def ddim_step(sch, eps_hat, xt, t, t_prev, eta, noise, clip=None):
    x0, eps_hat = _guess(sch, eps_hat, xt, t, clip)
    now, then = _levels(sch, t, t_prev, xt)

    variance = eta**2 * (1 - then) / (1 - now) * (1 - now / then)
    x = then.sqrt() * x0 + (1 - then - variance).clamp(min=0).sqrt() * eps_hat
    return x if noise is None else x + variance.sqrt() * noise


@chaff("x_t belongs to the caller: it is changed in place here.")
def ddim_step(sch, eps_hat, xt, t, t_prev, eta, noise, clip=None):
    x0, eps_hat = _guess(sch, eps_hat, xt, t, clip)
    now, then = _levels(sch, t, t_prev, xt)

    variance = eta**2 * (1 - then) / (1 - now) * (1 - now / then)
    xt.copy_(then.sqrt() * x0 + (1 - then - variance).clamp(min=0).sqrt() * eps_hat)
    return xt if eta == 0 else xt + variance.sqrt() * noise


@chaff("The guess of the noise is recomputed after clipping whatever eta is, not only without fresh noise.")
def ddim_step(sch, eps_hat, xt, t, t_prev, eta, noise, clip=None):
    x0, matching = _guess(sch, eps_hat, xt, t, clip)
    now, then = _levels(sch, t, t_prev, xt)
    variance = eta**2 * (1 - then) / (1 - now) * (1 - now / then)
    rest = (1 - then - variance).clamp(min=0).sqrt()
    return then.sqrt() * x0 + (rest * matching if eta == 0 else rest * eps_hat + variance.sqrt() * noise)
