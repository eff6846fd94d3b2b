"""Valid alternatives of question 1.3a: each must get full marks."""

import torch
from hwkit import wheat
from torch import Tensor


@wheat("positions in raster order")
def conv_mask(kind: str, height: int, width: int) -> Tensor:
    if kind not in ("A", "B"):
        raise ValueError(f"unknown kind {kind!r}")
    centre = height * width // 2
    place = torch.arange(height * width).reshape(height, width)
    return (place < centre + (kind == "B")).float()


@wheat("start from ones")
def conv_mask(kind: str, height: int, width: int) -> Tensor:
    if kind not in ("A", "B"):
        raise ValueError(f"unknown kind {kind!r}")
    mask = torch.ones(height, width)
    i, j = height // 2, width // 2
    mask[i + 1 :] = 0
    mask[i, j + (kind == "B") :] = 0
    return mask
