"""Valid alternatives to question 9.1a: each must get full marks."""

import math

import torch
from hwkit import wheat
from torch import Tensor


@wheat("torch.distributions")
def gaussian_log_prob(x: Tensor, mu: Tensor, var: Tensor) -> Tensor:
    return torch.distributions.Normal(mu, var.sqrt()).log_prob(x)


@wheat("the logarithm split in two")
def gaussian_log_prob(x: Tensor, mu: Tensor, var: Tensor) -> Tensor:  # noqa: F811
    return -0.5 * (math.log(2 * math.pi) + var.log() + (x - mu).square() / var)
