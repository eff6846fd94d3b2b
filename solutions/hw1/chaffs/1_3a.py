"""Plausible misconceptions about question 1.3a: each must lose points there."""

import torch
from hwkit import chaff
from torch import Tensor


@chaff("Type A hides the centre and type B shows it: they are swapped.")
def conv_mask(kind: str, height: int, width: int) -> Tensor:
    if kind not in ("A", "B"):
        raise ValueError(f"unknown kind {kind!r}")
    mask = torch.zeros(height, width)
    mask[: height // 2] = 1
    mask[height // 2, : width // 2 + (kind == "A")] = 1
    return mask


@chaff("Type A must not see the pixel that it predicts.")
def conv_mask(kind: str, height: int, width: int) -> Tensor:
    if kind not in ("A", "B"):
        raise ValueError(f"unknown kind {kind!r}")
    mask = torch.zeros(height, width)
    mask[: height // 2] = 1
    mask[height // 2, : width // 2 + 1] = 1
    return mask


@chaff("Type B may see the centre: after a type A it holds no secret.")
def conv_mask(kind: str, height: int, width: int) -> Tensor:
    if kind not in ("A", "B"):
        raise ValueError(f"unknown kind {kind!r}")
    mask = torch.zeros(height, width)
    mask[: height // 2] = 1
    mask[height // 2, : width // 2] = 1
    return mask


@chaff("The rows below the centre come later in raster order.")
def conv_mask(kind: str, height: int, width: int) -> Tensor:
    if kind not in ("A", "B"):
        raise ValueError(f"unknown kind {kind!r}")
    mask = torch.ones(height, width)
    mask[height // 2, width // 2 + (kind == "B") :] = 0
    return mask


@chaff("In the rows above all columns are open, also to the right of the centre.")
def conv_mask(kind: str, height: int, width: int) -> Tensor:
    if kind not in ("A", "B"):
        raise ValueError(f"unknown kind {kind!r}")
    mask = torch.zeros(height, width)
    mask[: height // 2 + 1, : width // 2] = 1
    mask[: height // 2, width // 2] = 1
    mask[height // 2, width // 2] = float(kind == "B")
    return mask


@chaff("Rows and columns are mixed up: raster order runs along rows.")
def conv_mask(kind: str, height: int, width: int) -> Tensor:
    if kind not in ("A", "B"):
        raise ValueError(f"unknown kind {kind!r}")
    mask = torch.zeros(height, width)
    mask[:, : width // 2] = 1
    mask[: height // 2 + (kind == "B"), width // 2] = 1
    return mask


@chaff("The centre column is half the width, not half the height.")
def conv_mask(kind: str, height: int, width: int) -> Tensor:
    if kind not in ("A", "B"):
        raise ValueError(f"unknown kind {kind!r}")
    mask = torch.zeros(height, width)
    mask[: height // 2] = 1
    mask[height // 2, : height // 2 + (kind == "B")] = 1
    return mask


@chaff("Another kind should raise ValueError, not pass as type A.")
def conv_mask(kind: str, height: int, width: int) -> Tensor:
    mask = torch.zeros(height, width)
    mask[: height // 2] = 1
    mask[height // 2, : width // 2 + (kind == "B")] = 1
    return mask
