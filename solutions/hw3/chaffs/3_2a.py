"""Plausible misconceptions about question 3.2a: each must lose points there."""

import math

import torch
from hwkit import chaff
from torch import Tensor


@chaff("There are K levels and x + u runs through [0, K): divide by K, not by K - 1.")
def dequantize_logit(x: Tensor, levels: int, alpha: float, u: Tensor) -> tuple[Tensor, Tensor]:
    s = alpha + (1 - 2 * alpha) * (x + u) / (levels - 1 + 1e-9)
    stretch = math.log(1 - 2 * alpha) - math.log(levels) - torch.log(s) - torch.log(1 - s)
    return torch.logit(s), stretch.sum(-1)


@chaff("logdet lacks log(1 - 2 alpha), the slope of the squeeze.")
def dequantize_logit(x: Tensor, levels: int, alpha: float, u: Tensor) -> tuple[Tensor, Tensor]:
    s = alpha + (1 - 2 * alpha) * (x + u) / levels
    stretch = -math.log(levels) - torch.log(s) - torch.log(1 - s)
    return torch.logit(s), stretch.sum(-1)


@chaff("logdet lacks -log K: the map starts from x + u.")
def dequantize_logit(x: Tensor, levels: int, alpha: float, u: Tensor) -> tuple[Tensor, Tensor]:
    s = alpha + (1 - 2 * alpha) * (x + u) / levels
    stretch = math.log(1 - 2 * alpha) - torch.log(s) - torch.log(1 - s)
    return torch.logit(s), stretch.sum(-1)


@chaff("The slope of the logit is 1/(s(1-s)): its logarithm has two minus signs.")
def dequantize_logit(x: Tensor, levels: int, alpha: float, u: Tensor) -> tuple[Tensor, Tensor]:
    s = alpha + (1 - 2 * alpha) * (x + u) / levels
    stretch = math.log(1 - 2 * alpha) - math.log(levels) + torch.log(s) + torch.log(1 - s)
    return torch.logit(s), stretch.sum(-1)


@chaff("The noise has the width of one level; dividing it once more makes it vanish (and 256 is not K).")
def dequantize_logit(x: Tensor, levels: int, alpha: float, u: Tensor) -> tuple[Tensor, Tensor]:
    s = alpha + (1 - 2 * alpha) * (x + u / 256) / levels
    stretch = math.log(1 - 2 * alpha) - math.log(levels) - torch.log(s) - torch.log(1 - s)
    return torch.logit(s), stretch.sum(-1)


@chaff("The noise in the argument u is not used: then the density sees integers.")
def dequantize_logit(x: Tensor, levels: int, alpha: float, u: Tensor) -> tuple[Tensor, Tensor]:
    s = alpha + (1 - 2 * alpha) * (x + 0.5 + 0 * u) / levels
    stretch = math.log(1 - 2 * alpha) - math.log(levels) - torch.log(s) - torch.log(1 - s)
    return torch.logit(s), stretch.sum(-1)


@chaff("The squeeze is alpha + (1 - 2 alpha) v; with (1 - alpha) the range ends at 1.")
def dequantize_logit(x: Tensor, levels: int, alpha: float, u: Tensor) -> tuple[Tensor, Tensor]:
    s = alpha + (1 - alpha) * (x + u) / levels
    stretch = math.log(1 - 2 * alpha) - math.log(levels) - torch.log(s) - torch.log(1 - s)
    return torch.logit(s), stretch.sum(-1)


@chaff("logdet is one number per example: sum over dimensions, not over the batch.")
def dequantize_logit(x: Tensor, levels: int, alpha: float, u: Tensor) -> tuple[Tensor, Tensor]:
    s = alpha + (1 - 2 * alpha) * (x + u) / levels
    stretch = math.log(1 - 2 * alpha) - math.log(levels) - torch.log(s) - torch.log(1 - s)
    return torch.logit(s), stretch.sum().expand(len(x))


@chaff("An in-place operation changes the caller's noise.")
def dequantize_logit(x: Tensor, levels: int, alpha: float, u: Tensor) -> tuple[Tensor, Tensor]:
    s = alpha + (1 - 2 * alpha) * u.add_(x) / levels
    stretch = math.log(1 - 2 * alpha) - math.log(levels) - torch.log(s) - torch.log(1 - s)
    return torch.logit(s), stretch.sum(-1)


@chaff("The result is float64 whatever comes in: keep the dtype of u.")
def dequantize_logit(x: Tensor, levels: int, alpha: float, u: Tensor) -> tuple[Tensor, Tensor]:
    s = alpha + (1 - 2 * alpha) * (x + u).double() / levels
    stretch = math.log(1 - 2 * alpha) - math.log(levels) - torch.log(s) - torch.log(1 - s)
    return torch.logit(s), stretch.sum(-1)


@chaff("alpha keeps s away from 0 and 1, and alpha may be 0: a limit of your own moves the darkest pixels.")
def dequantize_logit(x: Tensor, levels: int, alpha: float, u: Tensor) -> tuple[Tensor, Tensor]:
    s = (alpha + (1 - 2 * alpha) * (x + u) / levels).clamp(1e-6, 1 - 1e-6)
    stretch = math.log(1 - 2 * alpha) - math.log(levels) - torch.log(s) - torch.log(1 - s)
    return torch.logit(s), stretch.sum(-1)
