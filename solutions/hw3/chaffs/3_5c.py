"""Plausible misconceptions about question 3.5c: each must lose points there."""

import torch
from hwkit import chaff
from torch import Tensor


@chaff("The radius is k times std, not k times its square.")
def mode_coverage(
    samples: Tensor, centers: Tensor, std: float, k: float = 3.0, min_count: int = 20
) -> tuple[int, float]:
    distance, nearest = torch.cdist(samples, centers).min(dim=1)
    good = distance <= k * std**2
    counts = torch.bincount(nearest[good], minlength=len(centers))
    return int((counts >= min_count).sum()), float(good.double().mean())


@chaff("The radius is k times std; k is missing.")
def mode_coverage(
    samples: Tensor, centers: Tensor, std: float, k: float = 3.0, min_count: int = 20
) -> tuple[int, float]:
    distance, nearest = torch.cdist(samples, centers).min(dim=1)
    good = distance <= std
    counts = torch.bincount(nearest[good], minlength=len(centers))
    return int((counts >= min_count).sum()), float(good.double().mean())


@chaff("Only samples of high quality count towards a mode.")
def mode_coverage(
    samples: Tensor, centers: Tensor, std: float, k: float = 3.0, min_count: int = 20
) -> tuple[int, float]:
    distance, nearest = torch.cdist(samples, centers).min(dim=1)
    good = distance <= k * std
    counts = torch.bincount(nearest, minlength=len(centers))
    return int((counts >= min_count).sum()), float(good.double().mean())


@chaff("A mode needs min_count good samples, not one.")
def mode_coverage(
    samples: Tensor, centers: Tensor, std: float, k: float = 3.0, min_count: int = 20
) -> tuple[int, float]:
    distance, nearest = torch.cdist(samples, centers).min(dim=1)
    good = distance <= k * std
    counts = torch.bincount(nearest[good], minlength=len(centers))
    return int((counts > 0).sum()), float(good.double().mean())


@chaff("Exactly min_count samples are enough.")
def mode_coverage(
    samples: Tensor, centers: Tensor, std: float, k: float = 3.0, min_count: int = 20
) -> tuple[int, float]:
    distance, nearest = torch.cdist(samples, centers).min(dim=1)
    good = distance <= k * std
    counts = torch.bincount(nearest[good], minlength=len(centers))
    return int((counts > min_count).sum()), float(good.double().mean())


@chaff("High quality is a share of all samples, not a number of them.")
def mode_coverage(
    samples: Tensor, centers: Tensor, std: float, k: float = 3.0, min_count: int = 20
) -> tuple[int, float]:
    distance, nearest = torch.cdist(samples, centers).min(dim=1)
    good = distance <= k * std
    counts = torch.bincount(nearest[good], minlength=len(centers))
    return int((counts >= min_count).sum()), float(good.sum())


@chaff("Compare the distance, not the squared distance, with k std.")
def mode_coverage(
    samples: Tensor, centers: Tensor, std: float, k: float = 3.0, min_count: int = 20
) -> tuple[int, float]:
    distance, nearest = torch.cdist(samples, centers).min(dim=1)
    good = distance**2 <= k * std
    counts = torch.bincount(nearest[good], minlength=len(centers))
    return int((counts >= min_count).sum()), float(good.double().mean())


@chaff("The distance is that of all coordinates together, not of the worst one.")
def mode_coverage(
    samples: Tensor, centers: Tensor, std: float, k: float = 3.0, min_count: int = 20
) -> tuple[int, float]:
    distance, nearest = torch.cdist(samples, centers, p=float("inf")).min(dim=1)
    good = distance <= k * std
    counts = torch.bincount(nearest[good], minlength=len(centers))
    return int((counts >= min_count).sum()), float(good.double().mean())


@chaff("The share of good samples is asked for, not of good modes.")
def mode_coverage(
    samples: Tensor, centers: Tensor, std: float, k: float = 3.0, min_count: int = 20
) -> tuple[int, float]:
    distance, nearest = torch.cdist(samples, centers).min(dim=1)
    good = distance <= k * std
    counts = torch.bincount(nearest[good], minlength=len(centers))
    return int((counts >= min_count).sum()), float((counts >= min_count).double().mean())


@chaff("Where two balls overlap, a sample counts towards the nearest centre only.")
def mode_coverage(
    samples: Tensor, centers: Tensor, std: float, k: float = 3.0, min_count: int = 20
) -> tuple[int, float]:
    inside = torch.cdist(samples, centers) <= k * std
    return int((inside.sum(0) >= min_count).sum()), float(inside.any(1).double().mean())


@chaff("A sample near a centre is of high quality whether the mode is covered or not.")
def mode_coverage(
    samples: Tensor, centers: Tensor, std: float, k: float = 3.0, min_count: int = 20
) -> tuple[int, float]:
    distance, nearest = torch.cdist(samples, centers).min(dim=1)
    counts = torch.bincount(nearest[distance <= k * std], minlength=len(centers))
    covered = counts[counts >= min_count]
    return len(covered), float(covered.sum()) / len(samples)
