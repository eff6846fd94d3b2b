"""Plausible misconceptions about question 2.2b: each must lose points there."""

import math

import torch
from hwkit import chaff
from torch import Tensor, nn


def _normal(z, mu, logvar):
    return -0.5 * (math.log(2 * math.pi) + logvar + (z - mu) ** 2 / logvar.exp()).sum(-1)


def _parts(vae, x, eps):
    mu, logvar = vae.encode(x)
    z = mu + torch.exp(0.5 * logvar) * eps
    zeros = torch.zeros_like(mu)
    kl = 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum(-1)
    return mu, logvar, z, vae.log_likelihood(x, z), kl, _normal(z, zeros, zeros), _normal(z, mu, logvar)


@chaff("log_w uses the analytic divergence: the weight of a draw needs both densities at that draw.")
def elbo_terms(vae: nn.Module, x: Tensor, eps: Tensor) -> dict[str, Tensor]:
    *_, rec, kl, _, _ = _parts(vae, x, eps)
    return {"rec": rec, "kl": kl, "log_w": rec - kl}


@chaff("The sign of log q is wrong: a weight is p(x, z) divided by q(z | x).")
def elbo_terms(vae: nn.Module, x: Tensor, eps: Tensor) -> dict[str, Tensor]:
    *_, rec, kl, log_p, log_q = _parts(vae, x, eps)
    return {"rec": rec, "kl": kl, "log_w": rec - log_p + log_q}


@chaff("log q(z | x) is missing from the weight: only the prior was added.")
def elbo_terms(vae: nn.Module, x: Tensor, eps: Tensor) -> dict[str, Tensor]:
    *_, rec, kl, log_p, _ = _parts(vae, x, eps)
    return {"rec": rec, "kl": kl, "log_w": rec + log_p}


@chaff("kl has the wrong sign: it is a divergence, never negative.")
def elbo_terms(vae: nn.Module, x: Tensor, eps: Tensor) -> dict[str, Tensor]:
    *_, rec, kl, log_p, log_q = _parts(vae, x, eps)
    return {"rec": rec, "kl": -kl, "log_w": rec + log_p - log_q}


@chaff("All draws share one row of the noise: K draws need K rows.")
def elbo_terms(vae: nn.Module, x: Tensor, eps: Tensor) -> dict[str, Tensor]:
    *_, rec, kl, log_p, log_q = _parts(vae, x, eps[:1].expand_as(eps))
    return {"rec": rec, "kl": kl, "log_w": rec + log_p - log_q}


@chaff("The encoder is cut off from the gradient: do not detach z, mu or logvar.")
def elbo_terms(vae: nn.Module, x: Tensor, eps: Tensor) -> dict[str, Tensor]:
    _, _, z, _, kl, log_p, log_q = _parts(vae, x, eps)
    rec = vae.log_likelihood(x, z.detach())
    return {"rec": rec, "kl": kl, "log_w": rec + log_p - log_q}


@chaff("The noise is drawn inside: use the argument eps.")
def elbo_terms(vae: nn.Module, x: Tensor, eps: Tensor) -> dict[str, Tensor]:
    *_, rec, kl, log_p, log_q = _parts(vae, x, torch.randn_like(eps))
    return {"rec": rec, "kl": kl, "log_w": rec + log_p - log_q}


@chaff("kl is averaged over the latent dimensions: divergences sum.")
def elbo_terms(vae: nn.Module, x: Tensor, eps: Tensor) -> dict[str, Tensor]:
    mu, _, _, rec, kl, log_p, log_q = _parts(vae, x, eps)
    return {"rec": rec, "kl": kl / (mu.shape[-1] + 1), "log_w": rec + log_p - log_q}


@chaff("Mean and log-variance are detached in log q: the weight is right and its gradient is not.")
def elbo_terms(vae: nn.Module, x: Tensor, eps: Tensor) -> dict[str, Tensor]:
    mu, logvar, z, rec, kl, log_p, _ = _parts(vae, x, eps)
    return {"rec": rec, "kl": kl, "log_w": rec + log_p - _normal(z, mu.detach(), logvar.detach())}


@chaff("The log-weights lose an axis of length one: K draws of B examples give (K, B), also for K = 1 or B = 1.")
def elbo_terms(vae: nn.Module, x: Tensor, eps: Tensor) -> dict[str, Tensor]:
    _, _, _, rec, kl, log_p, log_q = _parts(vae, x, eps)
    return {"rec": rec, "kl": kl, "log_w": (rec + log_p - log_q).squeeze()}
