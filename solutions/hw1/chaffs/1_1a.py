"""Plausible misconceptions about question 1.1a: each must lose points there."""

import math

from hwkit import chaff
from torch import Tensor


@chaff("One nat is 1/log 2 = 1.44 bits: divide by log 2, do not multiply.")
def bits_per_dim(nll: Tensor, num_dims: int) -> Tensor:
    return nll * math.log(2) / num_dims


@chaff("These are nats per dimension: divide by log 2 as well.")
def bits_per_dim(nll: Tensor, num_dims: int) -> Tensor:
    return nll / num_dims


@chaff("Divide by the number of dimensions of an example, not by the size of the batch.")
def bits_per_dim(nll: Tensor, num_dims: int) -> Tensor:
    return nll / (nll.shape[0] * math.log(2))


@chaff("One number per example: do not average over the batch.")
def bits_per_dim(nll: Tensor, num_dims: int) -> Tensor:
    return (nll / (num_dims * math.log(2))).mean()


@chaff("nll is a negative log-likelihood already: no further sign.")
def bits_per_dim(nll: Tensor, num_dims: int) -> Tensor:
    return -nll / (num_dims * math.log(2))


@chaff("These are bits per example: divide by the number of dimensions.")
def bits_per_dim(nll: Tensor, num_dims: int) -> Tensor:
    return nll / math.log(2)
