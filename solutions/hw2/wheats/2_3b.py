"""Valid alternatives of question 2.3b: each must get full marks."""

import math

import torch
from hwkit import wheat
from torch import Tensor


@wheat("Cholesky of M")
def ppca_log_marginal(W: Tensor, sigma2: float, x: Tensor) -> Tensor:
    d, k = W.shape
    factor = torch.linalg.cholesky(W.T @ W + sigma2 * torch.eye(k).type_as(W))
    half = torch.linalg.solve_triangular(factor, W.T @ x.T, upper=False)  # (k, B)
    distance = (x.pow(2).sum(1) - half.pow(2).sum(0)) / sigma2
    log_det = 2 * factor.diagonal().log().sum() + (d - k) * math.log(sigma2)
    return -(distance + log_det + d * math.log(2 * math.pi)) / 2


@wheat("eigenvalues of the k x k Gram matrix, precision form")
def ppca_log_marginal(W: Tensor, sigma2: float, x: Tensor) -> Tensor:
    gram = W.T @ W / sigma2
    inner = torch.eye(len(gram), dtype=W.dtype) + gram
    y = x @ W / sigma2
    quadratic = (x * x).sum(-1) / sigma2 - torch.einsum("bi,ij,bj->b", y, torch.linalg.inv(inner), y)
    log_det = torch.linalg.slogdet(inner)[1] + W.shape[0] * math.log(sigma2)
    return -0.5 * quadratic - 0.5 * log_det - 0.5 * W.shape[0] * math.log(2 * math.pi)


@wheat("Bayes' rule at z = 0: log p(x | z) + log p(z) - log p(z | x)")
def ppca_log_marginal(W: Tensor, sigma2: float, x: Tensor) -> Tensor:
    d, k = W.shape
    precision = torch.eye(k, dtype=W.dtype) + W.T @ W / sigma2
    mean = torch.linalg.solve(precision, (x @ W / sigma2).T).T
    likelihood = -0.5 * (x.square().sum(-1) / sigma2 + d * math.log(2 * math.pi * sigma2))
    prior = -0.5 * k * math.log(2 * math.pi)
    posterior = 0.5 * (torch.logdet(precision) - k * math.log(2 * math.pi) - ((mean @ precision) * mean).sum(-1))
    return likelihood + prior - posterior
