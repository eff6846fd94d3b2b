"""Plausible misconceptions about question 2.1c: each must lose points there."""

import math

import torch
from hwkit import chaff
from torch import Tensor


@chaff("The constant log(2 pi) is missing: the density does not integrate to one.")
def gaussian_log_prob(x: Tensor, mean: Tensor, logvar: Tensor) -> Tensor:
    return -0.5 * (logvar + (x - mean) ** 2 / logvar.exp()).sum(-1)


@chaff("logvar is a log-variance, not a log-standard-deviation.")
def gaussian_log_prob(x: Tensor, mean: Tensor, logvar: Tensor) -> Tensor:
    return (-0.5 * math.log(2 * math.pi) - logvar - 0.5 * ((x - mean) / logvar.exp()) ** 2).sum(-1)


@chaff("Sum over the last axis: the log-density of a vector is the sum over its coordinates, not their mean.")
def gaussian_log_prob(x: Tensor, mean: Tensor, logvar: Tensor) -> Tensor:
    return -0.5 * (math.log(2 * math.pi) + logvar + (x - mean) ** 2 / logvar.exp()).mean(-1)


@chaff("The squared distance is divided by the variance, exp(logvar), not by logvar itself.")
def gaussian_log_prob(x: Tensor, mean: Tensor, logvar: Tensor) -> Tensor:
    return -0.5 * (math.log(2 * math.pi) + logvar + (x - mean) ** 2 * logvar.exp()).sum(-1)


@chaff("This is the negative log-density: a log-density falls as x moves away from the mean.")
def gaussian_log_prob(x: Tensor, mean: Tensor, logvar: Tensor) -> Tensor:
    return 0.5 * (math.log(2 * math.pi) + logvar + (x - mean) ** 2 / logvar.exp()).sum(-1)


@chaff("The log(2 pi) counts once per dimension, not once per vector.")
def gaussian_log_prob(x: Tensor, mean: Tensor, logvar: Tensor) -> Tensor:
    return -0.5 * math.log(2 * math.pi) - 0.5 * (logvar + (x - mean) ** 2 / logvar.exp()).sum(-1)


@chaff("A detached or in-place computation cuts the gradient to the log-variance.")
def gaussian_log_prob(x: Tensor, mean: Tensor, logvar: Tensor) -> Tensor:
    variance = torch.exp(logvar).detach()
    return -0.5 * (math.log(2 * math.pi) + logvar + (x - mean) ** 2 / variance).sum(-1)


@chaff("squeeze drops every axis of length one, that of a batch of one example too.")
def gaussian_log_prob(x: Tensor, mean: Tensor, logvar: Tensor) -> Tensor:
    return -0.5 * (math.log(2 * math.pi) + logvar + (x - mean) ** 2 / logvar.exp()).sum(-1).squeeze()


@chaff("A constant added to the variance changes the density of a narrow Gaussian.")
def gaussian_log_prob(x: Tensor, mean: Tensor, logvar: Tensor) -> Tensor:
    return -0.5 * (math.log(2 * math.pi) + logvar + (x - mean) ** 2 / (logvar.exp() + 1e-6)).sum(-1)
