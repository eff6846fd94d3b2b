"""Plausible misconceptions about question 3.2b: each must lose points there."""

import torch
from hwkit import chaff
from torch import Tensor


@chaff("The squeeze by alpha is not undone: images come out grey.")
def quantize_inverse(y: Tensor, levels: int, alpha: float) -> Tensor:
    position = levels * torch.sigmoid(y)
    return position.floor().long().clamp(0, levels - 1)


@chaff("Round down: the cell of level k is [k, k + 1).")
def quantize_inverse(y: Tensor, levels: int, alpha: float) -> Tensor:
    position = levels * (torch.sigmoid(y) - alpha) / (1 - 2 * alpha)
    return position.round().long().clamp(0, levels - 1)


@chaff("There are K levels: multiply by K, not by K - 1.")
def quantize_inverse(y: Tensor, levels: int, alpha: float) -> Tensor:
    position = (levels - 1) * (torch.sigmoid(y) - alpha) / (1 - 2 * alpha)
    return position.floor().long().clamp(0, levels - 1)


@chaff("A sample can fall outside the range: clip to 0..K-1.")
def quantize_inverse(y: Tensor, levels: int, alpha: float) -> Tensor:
    position = levels * (torch.sigmoid(y) - alpha) / (1 - 2 * alpha)
    return position.floor().long()


@chaff("The brightest level is K - 1, not K.")
def quantize_inverse(y: Tensor, levels: int, alpha: float) -> Tensor:
    position = levels * (torch.sigmoid(y) - alpha) / (1 - 2 * alpha)
    return position.floor().long().clamp(0, levels)


@chaff("Subtract alpha before dividing by 1 - 2 alpha.")
def quantize_inverse(y: Tensor, levels: int, alpha: float) -> Tensor:
    position = levels * (torch.sigmoid(y) / (1 - 2 * alpha) - alpha)
    return position.floor().long().clamp(0, levels - 1)


@chaff("Grey levels are integers (int64).")
def quantize_inverse(y: Tensor, levels: int, alpha: float) -> Tensor:
    position = levels * (torch.sigmoid(y) - alpha) / (1 - 2 * alpha)
    return position.floor().clamp(0, levels - 1)


@chaff("exp(y) / (1 + exp(y)) is infinity over infinity for large y: use torch.sigmoid.")
def quantize_inverse(y: Tensor, levels: int, alpha: float) -> Tensor:
    share = torch.exp(y) / (1 + torch.exp(y))
    return (levels * (share - alpha) / (1 - 2 * alpha)).floor().clamp(0, levels - 1).long()
