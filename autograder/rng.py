"""The random streams of a test: one generator it draws its inputs from, and the global ones, all from one seed."""

from __future__ import annotations

import random

import numpy as np
import torch

_MASK = (1 << 63) - 1


class Rng(torch.Generator):
    """A CPU `torch.Generator` that also draws sizes. Build one with `make_rng(seed)`.

    It lives on the CPU whatever the device of the test, so that a test sees the same inputs everywhere:
    write `torch.randn(b, d, generator=rng).to(device)`.
    """

    def size(self, low: int, high: int) -> int:
        """One integer between `low` and `high`, both included. Raises ValueError for an empty range."""
        if high < low:
            raise ValueError(f"rng.size({low}, {high}): the range is empty")
        return int(torch.randint(low, high + 1, (), generator=self))


def make_rng(seed: int) -> Rng:
    """A fresh `Rng` whose stream is fixed by `seed` (any non-negative int)."""
    rng = Rng()
    rng.manual_seed(seed & _MASK)
    return rng


def seed_everything(seed: int) -> None:
    """Seed torch, numpy and `random`, each unlike `make_rng(seed)`: equal streams would correlate inputs and noise."""
    mixed = (seed * 6364136223846793005 + 1442695040888963407) & _MASK
    if torch.accelerator.is_available():
        torch.manual_seed(mixed)
    else:
        torch.default_generator.manual_seed(mixed)  # torch.manual_seed notes a stack trace for each kind of device
    np.random.seed((seed * 2654435761 + 97) & 0xFFFFFFFF)
    random.seed((seed << 1) | 1)
