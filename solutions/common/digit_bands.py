"""Handed-in digits, measured: for the grader only, never part of a kit. Numbers are those of `metrics`.

Guards: images that nearly repeat real ones void a set, and sets of another size than the bands were measured with have
numbers but no band, because the Frechet distance depends on the size.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import digit_features
import digits
import metrics
import numpy as np
import torch
from torch import Tensor

from autograder.npz import Unfit

Arrays = Mapping[str, "np.ndarray[Any, Any]"]
Row = dict[str, int | float | str]

FEWEST, MOST = 50, 2000
CLOSE = 1  # grey levels: an image within this of a real one in every pixel nearly repeats it
VOID = 0.02  # of a set may nearly repeat real images; training digits among themselves: 0
PRESENT = 4  # samples of a class for it to count as covered


def images(arrays: Arrays, name: str) -> Tensor:
    """Return the images called `name` as (N, 1, 8, 8) int64, 50 <= N <= 2000. Raises Unfit for anything else."""
    if name not in arrays:
        raise Unfit(f"there is no array called {name} in it")
    array = arrays[name]
    if array.dtype.kind not in "iu" or array.shape[1:] not in {(8, 8), (1, 8, 8), (64,)}:
        raise Unfit(f"{name} must hold integers of shape (N, 8, 8), not {array.dtype} of shape {array.shape}")
    if not FEWEST <= len(array) <= MOST:
        raise Unfit(f"{name} must hold {FEWEST} to {MOST} images, not {len(array)}")
    if array.min() < 0 or array.max() >= digits.LEVELS:
        raise Unfit(f"{name} must hold grey levels 0 to {digits.LEVELS - 1}")
    return torch.from_numpy(array.astype(np.int64)).reshape(-1, 1, 8, 8)


def labels(arrays: Arrays, name: str, size: int) -> Tensor:
    """Return the (size,) int64 classes called `name`. Raises Unfit for anything but that many integers 0 to 9."""
    array = arrays.get(name)
    if array is None or array.dtype.kind not in "iu" or array.shape != (size,) or array.min() < 0 or array.max() > 9:
        raise Unfit(f"{name} must hold one class, 0 to 9, for each of the {size} images")
    return torch.from_numpy(array.astype(np.int64))


def repeated(x: Tensor) -> float:
    """Return the share of images that nearly repeat a real digit, of the training or of the test set."""
    real = torch.cat([digits.load("train")[0], digits.load("test")[0]]).flatten(1).to(torch.int16)
    near = [bool(((real - image).abs().amax(1) <= CLOSE).any()) for image in x.flatten(1).to(torch.int16)]
    return sum(near) / len(near)


def measured(x: Tensor, *, size: int, y: Tensor | None = None) -> Row:
    """Return the numbers of a set of images, of its first `size` if there are more; void or without a band if so."""
    x, y = x[:size], None if y is None else y[:size]
    found = digit_features.classify(x)
    classes = int((torch.bincount(found, minlength=10) >= PRESENT).sum())
    row: Row = {"samples": len(x), "Digits-FD": round(metrics.digits_fd(x), 4), "classes": classes}
    if y is not None:
        row["label agreement"] = round(float((found == y).double().mean()), 4)
    share = repeated(x)
    row["near copies"] = round(share, 4)
    if share > VOID:
        row |= {"band": "void", "note": f"more than {VOID:.0%} of the images nearly repeat real digits"}
    elif len(x) < size:
        row["note"] = f"bands were measured with {size} images"
    return row


def banded(row: Row, *, full: bool, half: bool) -> Row:
    """Return the row with the band that its numbers reach, unless it is void or may have none."""
    if "band" in row or "note" in row:
        return row
    return {**row, "band": "full" if full else "half" if half else "none"}
