"""Valid alternatives of question 0.1a: each must get full marks."""

import math

import torch
from hwkit import wheat
from torch import Tensor


@wheat("maximum by hand")
def log_mean_exp(a: Tensor, dim: int) -> Tensor:
    top = a.amax(dim, keepdim=True)
    top = torch.where(top.isinf(), torch.zeros_like(top), top).detach()
    return (a - top).exp().mean(dim).log() + top.squeeze(dim)


@wheat("softmax-free with logaddexp")
def log_mean_exp(a: Tensor, dim: int) -> Tensor:
    total = None
    for part in a.unbind(dim):
        total = part if total is None else torch.logaddexp(total, part)
    return total - math.log(a.shape[dim])
