"""Plausible mistakes in question 9.1a: each must lose points."""

import math

import torch
from hwkit import chaff
from torch import Tensor


def _exponent(x: Tensor, mu: Tensor, scale: Tensor) -> Tensor:
    return -0.5 * ((x - mu) / scale) ** 2


@chaff("is `var` the variance or the standard deviation?")
def gaussian_log_prob(x: Tensor, mu: Tensor, var: Tensor) -> Tensor:
    return _exponent(x, mu, var) - 0.5 * torch.log(2 * math.pi * var**2)


@chaff("does the density integrate to one?")
def gaussian_log_prob(x: Tensor, mu: Tensor, var: Tensor) -> Tensor:  # noqa: F811
    return _exponent(x, mu, var.sqrt())


@chaff("the mean matters")
def gaussian_log_prob(x: Tensor, mu: Tensor, var: Tensor) -> Tensor:  # noqa: F811
    return _exponent(x, torch.zeros_like(mu), var.sqrt()) - 0.5 * torch.log(2 * math.pi * var)
