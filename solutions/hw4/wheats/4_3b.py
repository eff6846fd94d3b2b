"""Valid alternatives of question 4.3b: each must get full marks."""

import torch
from hwkit import wheat


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


@wheat("where for the clean end, noise always added unless there is none")
def ddim_step(sch, eps_hat, xt, t, t_prev, eta, noise, clip=None):
    x0, eps_hat = _guess(sch, eps_hat, xt, t, clip)
    now, then = _levels(sch, t, t_prev, xt)

    variance = eta**2 * (1 - then) / (1 - now) * (1 - now / then)
    x = then.sqrt() * x0 + (1 - then - variance).clamp(min=0).sqrt() * eps_hat
    return x + variance.sqrt() * noise if eta > 0 else x


@wheat("sigma as a product of roots")
def ddim_step(sch, eps_hat, xt, t, t_prev, eta, noise, clip=None):
    x0, eps_hat = _guess(sch, eps_hat, xt, t, clip)
    now, then = _levels(sch, t, t_prev, xt)

    sigma = eta * ((1 - then) / (1 - now)).sqrt() * (1 - now / then).sqrt()
    noisy = torch.zeros_like(xt) if noise is None or eta == 0 else sigma * noise
    return x0 * then.sqrt() + torch.sqrt(torch.clamp(1 - then - sigma**2, min=0)) * eps_hat + noisy


@wheat("example by example")
def ddim_step(sch, eps_hat, xt, t, t_prev, eta, noise, clip=None):
    rows = []
    for i in range(len(xt)):
        now = float(sch["alpha_bar"][t[i]])
        then = 1.0 if int(t_prev[i]) < 0 else float(sch["alpha_bar"][t_prev[i]])
        x0, e = (xt[i] - (1 - now) ** 0.5 * eps_hat[i]) / now**0.5, eps_hat[i]
        if clip is not None:
            x0 = torch.clamp(x0, -clip, clip)
            e = (xt[i] - now**0.5 * x0) / (1 - now) ** 0.5
        sigma2 = eta**2 * (1 - then) / (1 - now) * (1 - now / then)
        row = then**0.5 * x0 + max(0.0, 1 - then - sigma2) ** 0.5 * e
        rows.append(row + sigma2**0.5 * noise[i] if eta else row)
    return torch.stack(rows)
