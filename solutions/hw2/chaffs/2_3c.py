"""Plausible misconceptions about question 2.3c: each must lose points there."""

import torch
from hwkit import chaff
from torch import Tensor


def _precision(W, sigma2):
    return torch.eye(W.shape[1], dtype=W.dtype) + W.T @ W / sigma2


@chaff("The best variances are 1 / Lambda_ii, not the diagonal of the posterior covariance.")
def best_diagonal_gap(W: Tensor, sigma2: float) -> float:
    precision = _precision(W, sigma2)
    s = torch.linalg.inv(precision).diagonal()
    return 0.5 * float(precision.diagonal() @ s - len(s) - s.log().sum() - torch.logdet(precision))


@chaff("The log-determinant is subtracted: the gap is zero when the precision is diagonal.")
def best_diagonal_gap(W: Tensor, sigma2: float) -> float:
    precision = _precision(W, sigma2)
    return 0.5 * float(precision.diagonal().log().sum() + torch.logdet(precision))


@chaff("The gap has the wrong sign: a divergence is not negative.")
def best_diagonal_gap(W: Tensor, sigma2: float) -> float:
    precision = _precision(W, sigma2)
    return 0.5 * float(torch.logdet(precision) - precision.diagonal().log().sum())


@chaff("A half is missing: log-determinants enter a Gaussian divergence with 1/2.")
def best_diagonal_gap(W: Tensor, sigma2: float) -> float:
    precision = _precision(W, sigma2)
    return float(precision.diagonal().log().sum() - torch.logdet(precision))


@chaff("The prior contributes the identity to the posterior precision.")
def best_diagonal_gap(W: Tensor, sigma2: float) -> float:
    precision = W.T @ W / sigma2
    return 0.5 * float(precision.diagonal().log().sum() - torch.logdet(precision))


@chaff("W^T W is divided by sigma2 in the precision, not multiplied.")
def best_diagonal_gap(W: Tensor, sigma2: float) -> float:
    precision = torch.eye(W.shape[1], dtype=W.dtype) + W.T @ W * sigma2
    return 0.5 * float(precision.diagonal().log().sum() - torch.logdet(precision))


@chaff("The divergence KL(p || q) has the diagonal of the covariance as its optimum; the ELBO's gap is KL(q || p).")
def best_diagonal_gap(W: Tensor, sigma2: float) -> float:
    precision = _precision(W, sigma2)
    return 0.5 * float(torch.linalg.inv(precision).diagonal().log().sum() + torch.logdet(precision))


@chaff("With many latents determinant and product overflow: take logarithms first, torch.logdet and a sum.")
def best_diagonal_gap(W: Tensor, sigma2: float) -> float:
    precision = _precision(W, sigma2)
    return float(0.5 * torch.log(precision.diagonal().prod() / torch.det(precision)))
