"""Valid alternatives of question 3.2a: each must get full marks."""

import math

import torch
from hwkit import wheat
from torch import Tensor


@wheat("log-sigmoids instead of logarithms of s")
def dequantize_logit(x: Tensor, levels: int, alpha: float, u: Tensor) -> tuple[Tensor, Tensor]:
    s = (x + u) / levels * (1 - 2 * alpha) + alpha
    y = torch.log(s) - torch.log(1 - s)
    per_pixel = -torch.nn.functional.logsigmoid(y) - torch.nn.functional.logsigmoid(-y)
    return y, per_pixel.sum(-1) + u.shape[1] * (math.log(1 - 2 * alpha) - math.log(levels))


@wheat("one derivative, then one logarithm")
def dequantize_logit(x: Tensor, levels: int, alpha: float, u: Tensor) -> tuple[Tensor, Tensor]:
    position = torch.lerp(torch.full_like(u, alpha), torch.full_like(u, 1 - alpha), (x + u) / levels)
    slope = (1 - 2 * alpha) / (levels * position * (1 - position))
    return torch.special.logit(position), slope.log().sum(dim=-1)
