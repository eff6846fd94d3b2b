"""Valid alternatives of question 2.1a: each must get full marks."""

import torch
from hwkit import wheat
from torch import Tensor


@wheat("square root of the variance")
def reparameterize(mu: Tensor, logvar: Tensor, eps: Tensor) -> Tensor:
    return torch.add(mu, logvar.exp().sqrt() * eps)


@wheat("affine transform of torch.distributions")
def reparameterize(mu: Tensor, logvar: Tensor, eps: Tensor) -> Tensor:
    return torch.distributions.AffineTransform(mu, torch.exp(logvar / 2))(eps)


@wheat("one draw at a time")
def reparameterize(mu: Tensor, logvar: Tensor, eps: Tensor) -> Tensor:
    std = (logvar * 0.5).exp()
    return torch.stack([mu + std * noise for noise in eps])
