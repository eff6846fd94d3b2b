"""Valid alternatives of question 3.5b: each must get full marks."""

import torch
from hwkit import wheat
from torch import Tensor


@wheat("nuclear norm of the product of centred samples, biased covariances")
def frechet_distance(x: Tensor, y: Tensor) -> Tensor:
    a = (x - x.mean(0)) / len(x) ** 0.5
    b = (y - y.mean(0)) / len(y) ** 0.5
    overlap = torch.linalg.svdvals(a @ b.T).sum()
    return ((x.mean(0) - y.mean(0)) ** 2).sum() + (a**2).sum() + (b**2).sum() - 2 * overlap


@wheat("trace of A^(1/2) B A^(1/2), with a helper for the root, without gradients")
@torch.no_grad()
def frechet_distance(x: Tensor, y: Tensor) -> Tensor:
    def covariance(t):
        centred = t - t.mean(dim=0)
        return centred.T @ centred / (len(t) - 1)

    def root(matrix):
        values, vectors = torch.linalg.eigh((matrix + matrix.T) / 2)
        return vectors @ torch.diag(values.clamp(min=0.0) ** 0.5) @ vectors.T

    a, b = covariance(x), covariance(y)
    half = root(a)
    shift = x.mean(0) - y.mean(0)
    return shift @ shift + torch.trace(a + b - 2 * root(half @ b @ half))
