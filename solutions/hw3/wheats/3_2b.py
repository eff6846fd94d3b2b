"""Valid alternatives of question 3.2b: each must get full marks."""

import torch
from hwkit import wheat
from torch import Tensor


@wheat("clip before rounding")
def quantize_inverse(y: Tensor, levels: int, alpha: float) -> Tensor:
    share = (1 / (1 + torch.exp(-y)) - alpha) / (1 - 2 * alpha)
    return (share * levels).clamp(0, levels - 1).floor().to(torch.int64)


@wheat("counts the cell edges below y")
def quantize_inverse(y: Tensor, levels: int, alpha: float) -> Tensor:
    edges = alpha + (1 - 2 * alpha) * torch.arange(1, levels, dtype=y.dtype, device=y.device) / levels
    return (y.sigmoid().unsqueeze(-1) >= edges).sum(-1)
