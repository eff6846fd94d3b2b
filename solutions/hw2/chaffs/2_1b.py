"""Plausible misconceptions about question 2.1b: each must lose points there."""

import torch
from hwkit import chaff
from torch import Tensor


def _prior(mu_q, lv_q, mu_p, lv_p):
    return (torch.zeros_like(mu_q), torch.zeros_like(lv_q)) if mu_p is None else (mu_p, lv_p)


@chaff("The factor one half belongs to every term of the sum, not only to the squared distance.")
def gaussian_kl(mu_q: Tensor, lv_q: Tensor, mu_p: Tensor | None = None, lv_p: Tensor | None = None) -> Tensor:
    mu_p, lv_p = _prior(mu_q, lv_q, mu_p, lv_p)
    return (lv_p - lv_q + torch.exp(lv_q - lv_p) - 1 + 0.5 * (mu_q - mu_p) ** 2 * torch.exp(-lv_p)).sum(-1)


@chaff("KL is not symmetric: the expectation is under q, and the variance of p stands in the denominator.")
def gaussian_kl(mu_q: Tensor, lv_q: Tensor, mu_p: Tensor | None = None, lv_p: Tensor | None = None) -> Tensor:
    mu_p, lv_p = _prior(mu_q, lv_q, mu_p, lv_p)
    return 0.5 * (lv_q - lv_p + torch.exp(lv_p - lv_q) + (mu_p - mu_q) ** 2 * torch.exp(-lv_q) - 1).sum(-1)


@chaff("The arguments are log-variances, not log-standard-deviations.")
def gaussian_kl(mu_q: Tensor, lv_q: Tensor, mu_p: Tensor | None = None, lv_p: Tensor | None = None) -> Tensor:
    mu_p, lv_p = _prior(mu_q, lv_q, mu_p, lv_p)
    variance = torch.exp(2 * (lv_q - lv_p)) + (mu_q - mu_p) ** 2 * torch.exp(-2 * lv_p)
    return (lv_p - lv_q + 0.5 * variance - 0.5).sum(-1)


@chaff("Without the -1 the divergence of a Gaussian from itself is D/2 instead of 0.")
def gaussian_kl(mu_q: Tensor, lv_q: Tensor, mu_p: Tensor | None = None, lv_p: Tensor | None = None) -> Tensor:
    mu_p, lv_p = _prior(mu_q, lv_q, mu_p, lv_p)
    return 0.5 * (lv_p - lv_q + torch.exp(lv_q - lv_p) + (mu_q - mu_p) ** 2 * torch.exp(-lv_p)).sum(-1)


@chaff("Sum over dimensions only and return one number per example; the batch is averaged by the training loop.")
def gaussian_kl(mu_q: Tensor, lv_q: Tensor, mu_p: Tensor | None = None, lv_p: Tensor | None = None) -> Tensor:
    mu_p, lv_p = _prior(mu_q, lv_q, mu_p, lv_p)
    return 0.5 * (lv_p - lv_q + torch.exp(lv_q - lv_p) + (mu_q - mu_p) ** 2 * torch.exp(-lv_p) - 1).sum()


@chaff("The prior in the arguments is ignored: it is not always the standard normal.")
def gaussian_kl(mu_q: Tensor, lv_q: Tensor, mu_p: Tensor | None = None, lv_p: Tensor | None = None) -> Tensor:
    return 0.5 * (mu_q**2 + lv_q.exp() - 1 - lv_q).sum(-1)


@chaff("The log ratio has the wrong sign: log of the variance of p minus log of the variance of q.")
def gaussian_kl(mu_q: Tensor, lv_q: Tensor, mu_p: Tensor | None = None, lv_p: Tensor | None = None) -> Tensor:
    mu_p, lv_p = _prior(mu_q, lv_q, mu_p, lv_p)
    return 0.5 * (lv_q - lv_p + torch.exp(lv_q - lv_p) + (mu_q - mu_p) ** 2 * torch.exp(-lv_p) - 1).sum(-1)
