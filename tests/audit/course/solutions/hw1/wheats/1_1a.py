"""Valid alternatives of question 1.1a."""

import torch
from hwkit import wheat
from torch import Tensor


@wheat("square root of the variance")
def shifted(mean: Tensor, logvar: Tensor, eps: Tensor) -> Tensor:
    return eps * logvar.exp().sqrt() + mean


@wheat("one draw at a time")
def shifted(mean: Tensor, logvar: Tensor, eps: Tensor) -> Tensor:
    return torch.stack([mean + (logvar / 2).exp() * one for one in eps])
