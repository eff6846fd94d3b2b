"""Evenly spaced grids, handed out with the homework."""

from __future__ import annotations

import torch
from torch import Tensor


def grid(low: float, high: float, count: int) -> Tensor:
    """Return `count` evenly spaced points from `low` to `high`, both included, in the default dtype."""
    return torch.linspace(low, high, count, dtype=torch.get_default_dtype())
