"""Valid alternatives of question 2.2g: each must get full marks."""

import torch
from hwkit import wheat
from torch import Tensor, nn


@wheat("compare on the logit scale")
def sample_vae(vae: nn.Module, z: Tensor, u: Tensor) -> Tensor:
    return torch.where(torch.logit(u) < vae.decode(z), torch.ones_like(u), torch.zeros_like(u))


@wheat("ceiling of the difference, without gradients")
@torch.no_grad()
def sample_vae(vae: nn.Module, z: Tensor, u: Tensor) -> Tensor:
    return torch.ceil(1 / (1 + torch.exp(-vae.decode(z))) - u).clamp(0, 1)
