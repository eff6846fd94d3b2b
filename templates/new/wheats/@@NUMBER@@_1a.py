"""Valid alternatives to question @@NUMBER@@.1a: each must get full marks."""

import torch
from hwkit import wheat
from torch import Tensor


@wheat("the square root of the variance")
def reparameterize(mu: Tensor, logvar: Tensor, eps: Tensor) -> Tensor:
    return mu + logvar.exp().sqrt() * eps


@wheat("one draw at a time")
def reparameterize(mu: Tensor, logvar: Tensor, eps: Tensor) -> Tensor:
    return torch.stack([mu + torch.exp(logvar / 2) * one for one in eps])
