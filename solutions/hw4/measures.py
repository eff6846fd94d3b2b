"""What the grader measures of HW4's handed-in files, for the person who marks F4.4."""

from __future__ import annotations

import digit_bands as bands
from digit_bands import Arrays, Row


def digit_samples(arrays: Arrays) -> dict[str, Row]:
    """Class-conditional digits at w = 1: Frechet distance and agreement with the labels asked for."""
    x = bands.images(arrays, "images")
    row = bands.measured(x, size=500, y=bands.labels(arrays, "labels", len(x)))
    distance, agreement = float(row["Digits-FD"]), float(row["label agreement"])
    return {
        "F4.4, w = 1": bands.banded(
            row, full=distance <= 0.35 and agreement >= 0.90, half=distance <= 0.60 and agreement >= 0.90
        )
    }
