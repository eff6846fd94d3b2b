"""What the grader measures of HW3's handed-in files, for the person who marks F3.3 to F3.6."""

from __future__ import annotations

import digit_bands as bands
import torch
from densities import Ring8
from digit_bands import Arrays, Row

from autograder.npz import Unfit

SIZE = 359  # as many as there are test digits: the Frechet distance of equal sizes is compared
RING = Ring8(radius=4.0, std=0.05)
GAMES = ("minimax", "non-saturating", "R1", "WGAN-GP")


def hw3_samples(arrays: Arrays) -> dict[str, Row]:
    """Digits of the flow and of both GANs; samples of the four ring games. Only the GAN with R1 has a band."""
    flow = bands.measured(bands.images(arrays, "flow"), size=SIZE)
    bare = bands.measured(bands.images(arrays, "gan"), size=SIZE)
    gan = bands.measured(bands.images(arrays, "gan_r1"), size=SIZE)
    distance, classes = float(gan["Digits-FD"]), gan["classes"] == 10
    gan = bands.banded(gan, full=distance <= 0.75 and classes, half=distance <= 1.2)
    rings = {f"F3.4 {game}": _ring(arrays, f"ring_{i}") for i, game in enumerate(GAMES) if f"ring_{i}" in arrays}
    return {"F3.3 flow": flow, "F3.5 GAN without penalty": bare, "F3.6 GAN with R1": gan, **rings}


def _ring(arrays: Arrays, name: str) -> Row:
    """Modes with at least 20 samples within 3 standard deviations, and the share of all samples that lies so."""
    array = arrays[name]
    if array.dtype.kind != "f" or array.ndim != 2 or array.shape[1] != 2 or not 100 <= len(array) <= 10_000:
        raise Unfit(f"{name} must hold 100 to 10000 points of shape (N, 2), not {array.dtype} of shape {array.shape}")
    x = torch.from_numpy(array).double()
    distance, nearest = torch.cdist(x, RING.centers.double()).min(1)
    good = distance <= 3 * RING.std
    counts = torch.bincount(nearest[good], minlength=len(RING.centers))
    return {
        "samples": len(x),
        "modes": int((counts >= 20).sum()),
        "high quality": round(float(good.double().mean()), 4),
    }
