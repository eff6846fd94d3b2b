"""Plausible misconceptions about question 0.1b: each must lose points there."""

import math

import torch
from hwkit import chaff
from torch import Tensor


@chaff("logvar is the log of the variance, not of the standard deviation.")
def gaussian_log_prob(x: Tensor, mean: Tensor, logvar: Tensor) -> Tensor:
    return torch.distributions.Normal(mean, logvar.exp()).log_prob(x).sum(-1)


@chaff("The constant log 2 pi belongs to the density.")
def gaussian_log_prob(x: Tensor, mean: Tensor, logvar: Tensor) -> Tensor:
    return -0.5 * (logvar + (x - mean) ** 2 / logvar.exp()).sum(-1)


@chaff("Sum over the last axis; a mean is the density per dimension.")
def gaussian_log_prob(x: Tensor, mean: Tensor, logvar: Tensor) -> Tensor:
    return -0.5 * (math.log(2 * math.pi) + logvar + (x - mean) ** 2 / logvar.exp()).mean(-1)


@chaff("Mind the sign: this is the negative log-density.")
def gaussian_log_prob(x: Tensor, mean: Tensor, logvar: Tensor) -> Tensor:
    return 0.5 * (math.log(2 * math.pi) + logvar + (x - mean) ** 2 / logvar.exp()).sum(-1)


@chaff("The variance is exp(logvar).")
def gaussian_log_prob(x: Tensor, mean: Tensor, logvar: Tensor) -> Tensor:
    return -0.5 * (math.log(2 * math.pi) + logvar + (x - mean) ** 2 / logvar).sum(-1)


@chaff(
    "Far from the mean the density is zero in floating point, and the log of zero is minus infinity: stay in log space."
)
def gaussian_log_prob(x: Tensor, mean: Tensor, logvar: Tensor) -> Tensor:
    density = torch.exp(-0.5 * (x - mean) ** 2 / logvar.exp()) / torch.sqrt(2 * math.pi * logvar.exp())
    return density.log().sum(-1)


@chaff("A variance may be tiny: a number added to it, or a limit on it, makes a wide Gaussian of a narrow one.")
def gaussian_log_prob(x: Tensor, mean: Tensor, logvar: Tensor) -> Tensor:
    return -0.5 * (math.log(2 * math.pi) + logvar + (x - mean) ** 2 / (logvar.exp() + 1e-6)).sum(-1)


@chaff("Arguments broadcast: D is the width of what they broadcast to, which x alone need not have.")
def gaussian_log_prob(x: Tensor, mean: Tensor, logvar: Tensor) -> Tensor:
    constant = x.shape[-1] * math.log(2 * math.pi)
    return -0.5 * (constant + (logvar + (x - mean) ** 2 / logvar.exp()).sum(-1))
