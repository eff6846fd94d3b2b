"""Valid alternatives of question 2.3c: each must get full marks."""

import math

import torch
from hwkit import wheat
from torch import Tensor


@wheat("minus half the log-determinant of the correlation matrix")
def best_diagonal_gap(W: Tensor, sigma2: float) -> float:
    precision = torch.eye(W.shape[1], dtype=W.dtype) + W.T @ W / sigma2
    scale = precision.diagonal().rsqrt()
    return float(-0.5 * torch.logdet(scale[:, None] * precision * scale))


@wheat("singular values, in Python floats")
def best_diagonal_gap(W: Tensor, sigma2: float) -> float:
    singular = torch.linalg.svdvals(W).tolist()
    log_det = sum(math.log1p(s * s / sigma2) for s in singular)
    diagonal = sum(math.log1p(float(column @ column) / sigma2) for column in W.T)
    return (diagonal - log_det) / 2


@wheat("via M, a tensor of no dimension")
def best_diagonal_gap(W: Tensor, sigma2: float) -> float:
    m = W.T @ W + sigma2 * torch.eye(W.shape[1], dtype=W.dtype)
    return (m.diag().log().sum() - torch.linalg.slogdet(m).logabsdet) / 2
