"""Valid alternatives of question 3.5c: each must get full marks."""

import torch
from hwkit import wheat
from torch import Tensor


@wheat("loop over modes")
def mode_coverage(
    samples: Tensor, centers: Tensor, std: float, k: float = 3.0, min_count: int = 20
) -> tuple[int, float]:
    distance = torch.stack([(samples - c).norm(dim=1) for c in centers], dim=1)
    nearest = distance.argmin(dim=1)
    covered, good = 0, 0
    for j in range(len(centers)):
        hits = int(((nearest == j) & (distance[:, j] <= k * std)).sum())
        covered += hits >= min_count
        good += hits
    return covered, good / len(samples)


@wheat("one-hot counts, squared distances")
def mode_coverage(
    samples: Tensor, centers: Tensor, std: float, k: float = 3.0, min_count: int = 20
) -> tuple[int, float]:
    square = (samples[:, None, :] - centers[None]).pow(2).sum(-1)
    best, where = square.min(1)
    good = best.sqrt() < k * std
    table = torch.nn.functional.one_hot(where, centers.shape[0]) * good[:, None]
    return (table.sum(0) >= min_count).sum().item(), good.to(torch.float64).mean().item()
