"""Plausible misconceptions about question 2.1d: each must lose points there."""

import math

import torch
from hwkit import chaff
from torch import Tensor


def _each(z, mus, logvars):
    return -0.5 * (math.log(2 * math.pi) + logvars + (z[..., None, :] - mus) ** 2 / logvars.exp()).sum(-1)


@chaff("The log of an average is not the average of logs: a mixture averages densities.")
def mog_log_prob(z: Tensor, mus: Tensor, logvars: Tensor, log_w: Tensor) -> Tensor:
    return (log_w.exp() * _each(z, mus, logvars)).sum(-1)


@chaff("Densities underflow far from the data: use torch.logsumexp instead of log of a sum of exp.")
def mog_log_prob(z: Tensor, mus: Tensor, logvars: Tensor, log_w: Tensor) -> Tensor:
    return torch.log((log_w.exp() * _each(z, mus, logvars).exp()).sum(-1))


@chaff("log_w already holds logarithms: add it, do not take its log or its exponential again.")
def mog_log_prob(z: Tensor, mus: Tensor, logvars: Tensor, log_w: Tensor) -> Tensor:
    return torch.logsumexp(log_w.exp() + _each(z, mus, logvars), -1)


@chaff("The weights are ignored: equal weights are a special case.")
def mog_log_prob(z: Tensor, mus: Tensor, logvars: Tensor, log_w: Tensor) -> Tensor:
    return torch.logsumexp(_each(z, mus, logvars), -1) - math.log(len(log_w))


@chaff("A soft sum is not the maximum: the other components count too.")
def mog_log_prob(z: Tensor, mus: Tensor, logvars: Tensor, log_w: Tensor) -> Tensor:
    return (log_w + _each(z, mus, logvars)).max(-1).values


@chaff("An epsilon inside the log hides the underflow: far from the data the density is wrong and has no gradient.")
def mog_log_prob(z: Tensor, mus: Tensor, logvars: Tensor, log_w: Tensor) -> Tensor:
    return torch.log((log_w.exp() * _each(z, mus, logvars).exp()).sum(-1) + 1e-4)


@chaff("Sum over the dimensions before the sum over components: a vector comes from one component as a whole.")
def mog_log_prob(z: Tensor, mus: Tensor, logvars: Tensor, log_w: Tensor) -> Tensor:
    each = -0.5 * (math.log(2 * math.pi) + logvars + (z[..., None, :] - mus) ** 2 / logvars.exp())
    return torch.logsumexp(log_w[:, None] + each, -2).sum(-1)


@chaff("Subtract the largest term of each z, not the largest of the whole batch: the others underflow.")
def mog_log_prob(z: Tensor, mus: Tensor, logvars: Tensor, log_w: Tensor) -> Tensor:
    joint = log_w + _each(z, mus, logvars)
    return torch.log((joint - joint.max()).exp().sum(-1)) + joint.max()
