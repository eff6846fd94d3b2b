"""Plausible misconceptions about question 2.1a: each must lose points there."""

import torch
from hwkit import chaff
from torch import Tensor


@chaff("exp(logvar) is the variance; the standard deviation is its square root, exp(logvar / 2).")
def reparameterize(mu: Tensor, logvar: Tensor, eps: Tensor) -> Tensor:
    return mu + torch.exp(logvar) * eps


@chaff("Use the noise in the argument eps; do not draw your own.")
def reparameterize(mu: Tensor, logvar: Tensor, eps: Tensor) -> Tensor:
    return mu + torch.exp(0.5 * logvar) * torch.randn_like(eps)


@chaff("torch.normal samples the right law but passes no gradient on to mu and logvar.")
def reparameterize(mu: Tensor, logvar: Tensor, eps: Tensor) -> Tensor:
    return torch.normal(mu.expand_as(eps), torch.exp(0.5 * logvar).expand_as(eps))


@chaff("A detach or .data cuts the gradient to the log-variance.")
def reparameterize(mu: Tensor, logvar: Tensor, eps: Tensor) -> Tensor:
    return mu + torch.exp(0.5 * logvar).detach() * eps


@chaff("An in-place operation (a trailing underscore, or +=) changes the caller's tensor.")
def reparameterize(mu: Tensor, logvar: Tensor, eps: Tensor) -> Tensor:
    return eps.mul_(torch.exp(0.5 * logvar)).add_(mu)


@chaff("The result is float64 whatever comes in: give new tensors the dtype of the arguments.")
def reparameterize(mu: Tensor, logvar: Tensor, eps: Tensor) -> Tensor:
    return mu + torch.exp(0.5 * logvar.double()) * eps


@chaff("The log-variance is clamped: a network may ask for any standard deviation.")
def reparameterize(mu: Tensor, logvar: Tensor, eps: Tensor) -> Tensor:
    return mu + torch.exp(logvar.clamp(-20, 20) / 2) * eps
