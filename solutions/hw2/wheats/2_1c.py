"""Valid alternatives of question 2.1c: each must get full marks."""

import math

import torch
from hwkit import wheat
from torch import Tensor


@wheat("via torch.distributions")
def gaussian_log_prob(x: Tensor, mean: Tensor, logvar: Tensor) -> Tensor:
    return torch.distributions.Normal(mean, torch.exp(0.5 * logvar)).log_prob(x).sum(dim=-1)


@wheat("constant once per vector, standardised variable")
def gaussian_log_prob(x: Tensor, mean: Tensor, logvar: Tensor) -> Tensor:
    standard = (x - mean) / torch.exp(logvar / 2)
    constant = x.shape[-1] / 2 * math.log(2 * math.pi)
    return -constant - logvar.sum(-1) / 2 - (standard**2).sum(-1) / 2
