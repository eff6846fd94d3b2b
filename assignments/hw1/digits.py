"""The digits: 1797 grey-level images of 8 x 8 pixels with values 0 to 16, and their labels.

Source: UCI "Optical Recognition of Handwritten Digits" (E. Alpaydin, C. Kaynak; CC BY 4.0), as bundled with
scikit-learn.
The split is fixed for everybody: 1438 images for training, 359 for testing.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

TEST_SIZE = 359
LEVELS = 17


@lru_cache(maxsize=1)
def _arrays() -> tuple[np.ndarray, np.ndarray]:
    """Return images (1797, 8, 8) and labels (1797,), both int64, from digits.npz or else from scikit-learn."""
    path = Path(__file__).with_name("digits.npz")
    if path.exists():
        with np.load(path, allow_pickle=False) as data:
            return data["images"].astype(np.int64), data["labels"].astype(np.int64)
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise FileNotFoundError(
            "digits.npz is not beside digits.py and scikit-learn, which has a copy, is not installed: "
            "upload digits.npz from the starter kit, or run `pip install scikit-learn`"
        ) from None
    bunch = load_digits()
    return bunch.images.astype(np.int64), bunch.target.astype(np.int64)


def load(split: str) -> tuple[Tensor, Tensor]:
    """Return images (N, 1, 8, 8) int64 in 0..16 and labels (N,) int64 of `split`: "train" (1438) or "test" (359).

    Raises ValueError for another split, FileNotFoundError when there are no data on this machine.
    """
    if split not in ("train", "test"):
        raise ValueError(f'split must be "train" or "test", not {split!r}')
    images, labels = _arrays()
    order = np.random.RandomState(0).permutation(len(images))
    chosen = order[:TEST_SIZE] if split == "test" else order[TEST_SIZE:]
    return torch.from_numpy(images[chosen])[:, None], torch.from_numpy(labels[chosen])


def binarised(split: str) -> Tensor:
    """Return the images of `split` as (N, 64) float32 of zeros and ones: one where the grey level is at least 8."""
    images, _ = load(split)
    return (images >= 8).flatten(1).to(torch.float32)
