"""Plausible misconceptions about question 3.5d: each must lose points there."""

import math

import torch
from hwkit import chaff
from torch import Tensor


@chaff("Precision asks about fakes, recall about real points: yours are swapped.")
def precision_recall_knn(real: Tensor, fake: Tensor, k: int) -> tuple[float, float]:
    def covered(rows: Tensor, centres: Tensor) -> float:
        own = torch.cdist(centres, centres).fill_diagonal_(math.inf)
        radius = own.kthvalue(k, dim=1).values
        return float((torch.cdist(rows, centres) <= radius).any(dim=1).double().mean())

    return covered(real, fake), covered(fake, real)


@chaff("A point is not its own neighbour: leave out the distance zero to itself.")
def precision_recall_knn(real: Tensor, fake: Tensor, k: int) -> tuple[float, float]:
    def covered(rows: Tensor, centres: Tensor) -> float:
        own = torch.cdist(centres, centres)
        radius = own.kthvalue(k, dim=1).values
        return float((torch.cdist(rows, centres) <= radius).any(dim=1).double().mean())

    return covered(fake, real), covered(real, fake)


@chaff("A ball has the radius of its own centre; yours has that of the point that is tested.")
def precision_recall_knn(real: Tensor, fake: Tensor, k: int) -> tuple[float, float]:
    def covered(rows: Tensor, centres: Tensor) -> float:
        own = torch.cdist(centres, centres).fill_diagonal_(math.inf)
        radius = own.kthvalue(k, dim=1).values
        return float((torch.cdist(rows, centres) <= radius).any(dim=1).double().mean())

    near = torch.cdist(fake, real)
    own = torch.cdist(fake, fake).fill_diagonal_(math.inf).kthvalue(k, dim=1).values
    other = torch.cdist(real, real).fill_diagonal_(math.inf).kthvalue(k, dim=1).values
    return float((near <= own[:, None]).any(1).double().mean()), float(
        (other[:, None] >= near.T).any(1).double().mean()
    )


@chaff("Inside any ball is enough, it need not be all.")
def precision_recall_knn(real: Tensor, fake: Tensor, k: int) -> tuple[float, float]:
    def covered(rows: Tensor, centres: Tensor) -> float:
        own = torch.cdist(centres, centres).fill_diagonal_(math.inf)
        radius = own.kthvalue(k, dim=1).values
        return float((torch.cdist(rows, centres) <= radius).all(dim=1).double().mean())

    return covered(fake, real), covered(real, fake)


@chaff("The radius reaches to the k-th nearest other point, not to the nearest.")
def precision_recall_knn(real: Tensor, fake: Tensor, k: int) -> tuple[float, float]:
    def covered(rows: Tensor, centres: Tensor) -> float:
        own = torch.cdist(centres, centres).fill_diagonal_(math.inf)
        radius = own.kthvalue(1, dim=1).values
        return float((torch.cdist(rows, centres) <= radius).any(dim=1).double().mean())

    return covered(fake, real), covered(real, fake)


@chaff("The radius is the distance to the k-th nearest, not to the k-th farthest.")
def precision_recall_knn(real: Tensor, fake: Tensor, k: int) -> tuple[float, float]:
    def covered(rows: Tensor, centres: Tensor) -> float:
        own = torch.cdist(centres, centres)
        radius = own.topk(k, dim=1).values[:, -1]
        return float((torch.cdist(rows, centres) <= radius).any(dim=1).double().mean())

    return covered(fake, real), covered(real, fake)


@chaff("Each point has a radius of its own, not the average one.")
def precision_recall_knn(real: Tensor, fake: Tensor, k: int) -> tuple[float, float]:
    def covered(rows: Tensor, centres: Tensor) -> float:
        own = torch.cdist(centres, centres).fill_diagonal_(math.inf)
        radius = own.kthvalue(k, dim=1).values.mean()
        return float((torch.cdist(rows, centres) <= radius).any(dim=1).double().mean())

    return covered(fake, real), covered(real, fake)


@chaff("Recall uses the balls of the fakes, precision those of the real points.")
def precision_recall_knn(real: Tensor, fake: Tensor, k: int) -> tuple[float, float]:
    def covered(rows: Tensor, centres: Tensor) -> float:
        own = torch.cdist(centres, centres).fill_diagonal_(math.inf)
        radius = own.kthvalue(k, dim=1).values
        return float((torch.cdist(rows, centres) <= radius).any(dim=1).double().mean())

    return covered(fake, real), covered(fake, real)


@chaff("Another point at the same place is a neighbour too, at distance zero: leave out the diagonal, not all zeros.")
def precision_recall_knn(real: Tensor, fake: Tensor, k: int) -> tuple[float, float]:
    def covered(rows: Tensor, centres: Tensor) -> float:
        own = torch.cdist(centres, centres)
        own[own == 0] = math.inf
        radius = own.kthvalue(k, dim=1).values
        return float((torch.cdist(rows, centres) <= radius).any(dim=1).double().mean())

    return covered(fake, real), covered(real, fake)
