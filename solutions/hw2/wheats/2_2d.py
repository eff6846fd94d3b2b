"""Valid alternatives of question 2.2d: each must get full marks."""

import numpy as np
from hwkit import wheat


@wheat("branches")
def kl_weight(step: int, warmup: int) -> float:
    if step >= warmup:
        return 1.0
    return step / warmup


@wheat("numpy clip")
def kl_weight(step: int, warmup: int) -> float:
    return float(np.clip(step / warmup, 0.0, 1.0)) if warmup else 1.0
