"""Plausible misconceptions about question 2.2e: each must lose points there."""

import math

import torch
from hwkit import chaff
from torch import Tensor


@chaff("The log K is missing: a sum of weights is not their average.")
def iwae_bound(log_w: Tensor) -> Tensor:
    return torch.logsumexp(log_w, 0)


@chaff("Average the weights, not their logarithms: the mean of log_w is the plain ELBO.")
def iwae_bound(log_w: Tensor) -> Tensor:
    return log_w.mean(0)


@chaff("The weights underflow: use torch.logsumexp instead of log of a mean of exp.")
def iwae_bound(log_w: Tensor) -> Tensor:
    return log_w.exp().mean(0).log()


@chaff("Average over the K draws, which are the first axis, not over the batch.")
def iwae_bound(log_w: Tensor) -> Tensor:
    return torch.logsumexp(log_w, -1) - math.log(log_w.shape[-1])


@chaff("Divide by the number of draws K, not by the size of the batch.")
def iwae_bound(log_w: Tensor) -> Tensor:
    return torch.logsumexp(log_w, 0) - math.log(log_w.shape[1])


@chaff("A detach cuts the gradient: the bound can be measured but not trained on.")
def iwae_bound(log_w: Tensor) -> Tensor:
    return torch.logsumexp(log_w.detach(), 0) - math.log(log_w.shape[0])


@chaff("Subtract the largest weight of each example, not the largest of the whole batch: the others underflow.")
def iwae_bound(log_w: Tensor) -> Tensor:
    top = log_w.max()
    return (log_w - top).exp().mean(0).log() + top
