"""What the grader measures of HW1's handed-in files, for the person who marks F1.2."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any

import digit_bands as bands
import digits
import torch
from digit_bands import Arrays, Row

from autograder.npz import Unfit

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn

SIZE = 359  # as many as there are test digits
WEIGHTS = "model."  # what the names of the network's weights begin with
MOST_WIDTH, MOST_BLOCKS, MOST_WEIGHTS = 256, 32, 1_000_000


def pixelcnn_samples(arrays: Arrays) -> dict[str, Row]:
    """Digits of both networks: Frechet distance, and agreement with the classes asked for. No band."""
    given = bands.images(arrays, "with_class")
    labels = bands.labels(arrays, "labels", len(given))
    return {
        "F1.2 without class": bands.measured(bands.images(arrays, "without_class"), size=SIZE),
        "F1.2 with class": bands.measured(given, size=SIZE, y=labels),
    }


def pixelcnn_weights(
    arrays: Arrays, PixelCNN: Callable[..., nn.Module], pixel_nll: Callable[..., Tensor]
) -> dict[str, Row]:  # noqa: N803  (graded names)
    """Bits per pixel of the unconditional PixelCNN on the test digits, void unless the class sums to one.

    It is the submission's own class that computes them.
    """
    model = _model(arrays, PixelCNN)
    total = _total_probability(PixelCNN, pixel_nll)
    with torch.no_grad():
        nll = pixel_nll(model, digits.load("test")[0])
    bits = float(nll.double().mean()) / 64 / math.log(2)
    row: Row = {"test bits per pixel": round(bits, 4), "sum over 16 images": round(total, 6)}
    if abs(total - 1) > 1e-4:
        return {
            "F1.2 PixelCNN": {**row, "band": "void", "note": "the probabilities of a small model do not sum to one"}
        }
    return {"F1.2 PixelCNN": bands.banded(row, full=bits <= 2.00, half=bits <= 2.10)}


def _model(arrays: Arrays, PixelCNN: Callable[..., nn.Module]) -> nn.Module:  # noqa: N803
    width, blocks = (_count(arrays, name, most) for name, most in (("width", MOST_WIDTH), ("blocks", MOST_BLOCKS)))
    weights = {name.removeprefix(WEIGHTS): array for name, array in arrays.items() if name.startswith(WEIGHTS)}
    if sum(array.size for array in weights.values()) > MOST_WEIGHTS:
        raise Unfit(f"the network has more than {MOST_WEIGHTS} weights")
    model = PixelCNN(digits.LEVELS, width, blocks)
    try:
        model.load_state_dict({name: torch.from_numpy(array) for name, array in weights.items()})
    except RuntimeError:
        raise Unfit("its weights do not fit PixelCNN(17, width, blocks)") from None
    return model.eval()


def _count(arrays: Arrays, name: str, most: int) -> int:
    array: Any = arrays.get(name)
    if array is None or array.dtype.kind not in "iu" or array.shape != () or not 1 <= int(array) <= most:
        raise Unfit(f"{name} must be one whole number from 1 to {most}")
    return int(array)


def _total_probability(PixelCNN: Callable[..., nn.Module], pixel_nll: Callable[..., Tensor]) -> float:  # noqa: N803
    """Return what all 2 x 2 images of two levels add up to under a small network of the same class: 1."""
    torch.manual_seed(0)
    model = PixelCNN(2, 8, 2).double().eval()
    every = torch.tensor(list(itertools.product((0, 1), repeat=4))).reshape(16, 1, 2, 2)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(3)  # away from the near-uniform start, where a leak would hardly show
        return float(pixel_nll(model, every).neg().exp().sum())
