"""Valid alternatives of question 2.2h: each must get full marks."""

import torch
from hwkit import wheat
from torch import Tensor, nn


@wheat("encode each image alone, torch.lerp")
def interpolate(vae: nn.Module, x1: Tensor, x2: Tensor, n: int) -> Tensor:
    first, second = vae.encode(x1[None])[0], vae.encode(x2[None])[0]
    t = torch.arange(n, dtype=first.dtype, device=first.device) / (n - 1)
    return vae.decode(torch.lerp(first, second, t[:, None])).sigmoid()


@wheat("one point at a time")
def interpolate(vae: nn.Module, x1: Tensor, x2: Tensor, n: int) -> Tensor:
    mu, _ = vae.encode(torch.stack((x1, x2)))
    step = (mu[1:] - mu[:1]) / (n - 1)
    return torch.cat([torch.sigmoid(vae.decode(mu[:1] + j * step)) for j in range(n)])
