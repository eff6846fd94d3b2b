"""Plausible mistakes in question @@NUMBER@@.1a: each must lose points."""

import torch
from hwkit import chaff
from torch import Tensor


@chaff("is logvar the logarithm of the variance or of the standard deviation?")
def reparameterize(mu: Tensor, logvar: Tensor, eps: Tensor) -> Tensor:
    return mu + torch.exp(logvar) * eps


@chaff("does a gradient reach logvar?")
def reparameterize(mu: Tensor, logvar: Tensor, eps: Tensor) -> Tensor:
    return mu + torch.exp(0.5 * logvar.detach()) * eps


@chaff("noise of another shape than the mean")
def reparameterize(mu: Tensor, logvar: Tensor, eps: Tensor) -> Tensor:
    return mu + torch.exp(0.5 * logvar) * eps[0]
