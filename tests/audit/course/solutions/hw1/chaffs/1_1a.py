"""Plausible mistakes in question 1.1a."""

import torch
from hwkit import chaff
from torch import Tensor


@chaff("exp(logvar) is the variance; the standard deviation is its square root.")
def shifted(mean: Tensor, logvar: Tensor, eps: Tensor) -> Tensor:
    return mean + torch.exp(logvar) * eps


@chaff("A detach cuts the gradient to the log-variance.")
def shifted(mean: Tensor, logvar: Tensor, eps: Tensor) -> Tensor:
    return mean + torch.exp(0.5 * logvar).detach() * eps


@chaff("torch.normal has the right law, but uses no noise of yours and passes no gradient on.")
def shifted(mean: Tensor, logvar: Tensor, eps: Tensor) -> Tensor:
    return torch.normal(mean.expand_as(eps), torch.exp(0.5 * logvar).expand_as(eps))
