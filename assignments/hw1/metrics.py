"""Distances between samples, for homeworks in which they are not an exercise: mmd2, frechet, digits_fd."""

from __future__ import annotations

from collections.abc import Sequence

import digit_features
import digits
import numpy as np
import torch
from torch import Tensor

SIGMAS = (0.25, 0.5, 1.0, 2.0, 4.0)


def mmd2(x: Tensor, y: Tensor, sigmas: Sequence[float] = SIGMAS) -> float:
    """Return the unbiased estimate of the squared maximum mean discrepancy of samples (n, D) and (m, D), n, m >= 2.

    The kernel is the average of exp(-|a - b|^2 / (2 sigma^2)) over `sigmas`. Can be negative when the laws agree.
    """
    x, y = x.detach().double().cpu(), y.detach().double().cpu()

    def total(a: Tensor, b: Tensor) -> float:
        square = torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist").square()
        return sum(float(torch.exp(-square / (2 * s * s)).sum()) for s in sigmas) / len(sigmas)

    n, m = len(x), len(y)
    within = (total(x, x) - n) / (n * (n - 1)) + (total(y, y) - m) / (m * (m - 1))
    return within - 2 * total(x, y) / (n * m)


def frechet(x: Tensor, y: Tensor) -> float:
    """Return the Frechet distance of Gaussians with the moments of samples (n, D) and (m, D); biased upwards, O(1/n).

    |mean difference|^2 + tr(A + B - 2 (A B)^(1/2)), where A, B are the covariances with Bessel's correction. The
    eigenvalues of A B are those of the symmetric matrix A^(1/2) B A^(1/2), so nothing becomes complex.
    """
    a, b = (np.asarray(t.detach().double().cpu()) for t in (x, y))
    cov_a, cov_b = (np.atleast_2d(np.cov(t, rowvar=False)) for t in (a, b))
    values, vectors = np.linalg.eigh(cov_a)
    root = vectors * np.sqrt(np.clip(values, 0, None)) @ vectors.T
    product = np.clip(np.linalg.eigvalsh(root @ cov_b @ root), 0, None)
    shift = a.mean(0) - b.mean(0)
    return float(shift @ shift + np.trace(cov_a) + np.trace(cov_b) - 2 * np.sqrt(product).sum())


def digits_fd(images: Tensor) -> float:
    """Return the Frechet distance between the features of images (N, ...), grey levels 0..16, and the test digits.

    Compare equal N only: the training digits themselves have about 0.12 with all 1438 and 0.20 with 359 of them.
    """
    test, _ = digits.load("test")
    return frechet(digit_features.features(images), digit_features.features(test))
