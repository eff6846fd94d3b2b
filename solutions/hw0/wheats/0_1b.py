"""Valid alternatives of question 0.1b: each must get full marks."""

import math

import torch
from hwkit import wheat
from torch import Tensor


@wheat("torch.distributions")
def gaussian_log_prob(x: Tensor, mean: Tensor, logvar: Tensor) -> Tensor:
    return torch.distributions.Normal(mean, (logvar / 2).exp()).log_prob(x).sum(-1)


@wheat("three sums")
def gaussian_log_prob(x: Tensor, mean: Tensor, logvar: Tensor) -> Tensor:
    z = (x - mean) / torch.exp(0.5 * logvar)
    return -0.5 * (z**2).sum(-1) - 0.5 * (logvar + 0 * z).sum(-1) - z.shape[-1] * 0.5 * math.log(2 * math.pi)
