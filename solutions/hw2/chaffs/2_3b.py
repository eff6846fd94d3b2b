"""Plausible misconceptions about question 2.3b: each must lose points there."""

import math

import torch
from hwkit import chaff
from torch import Tensor

LOG_2PI = math.log(2 * math.pi)


def _parts(W, sigma2, x):
    m = W.T @ W + sigma2 * torch.eye(W.shape[1], dtype=W.dtype)
    y = x @ W
    distance = (x.square().sum(-1) - (y * torch.linalg.solve(m, y.T).T).sum(-1)) / sigma2
    return distance, torch.logdet(m), *W.shape


@chaff("The power of sigma2 in the determinant is D - k, not D.")
def ppca_log_marginal(W: Tensor, sigma2: float, x: Tensor) -> Tensor:
    distance, log_det, d, _ = _parts(W, sigma2, x)
    return -0.5 * (distance + log_det + d * math.log(sigma2) + d * LOG_2PI)


@chaff("The k latents are integrated out: x has D dimensions, and log 2 pi counts D times.")
def ppca_log_marginal(W: Tensor, sigma2: float, x: Tensor) -> Tensor:
    distance, log_det, d, k = _parts(W, sigma2, x)
    return -0.5 * (distance + log_det + (d - k) * math.log(sigma2) + (d - k) * LOG_2PI)


@chaff("The log-determinant makes a wide density low: it enters with the same sign as the distance.")
def ppca_log_marginal(W: Tensor, sigma2: float, x: Tensor) -> Tensor:
    distance, log_det, d, k = _parts(W, sigma2, x)
    return -0.5 * (distance - log_det - (d - k) * math.log(sigma2) + d * LOG_2PI)


@chaff("A D x D covariance does not fit into memory for real images: use Woodbury and the determinant lemma.")
def ppca_log_marginal(W: Tensor, sigma2: float, x: Tensor) -> Tensor:
    covariance = W @ W.T + sigma2 * torch.eye(len(W), dtype=W.dtype)
    distance = (x * torch.linalg.solve(covariance, x.T).T).sum(-1)
    return -0.5 * (distance + torch.logdet(covariance) + len(W) * LOG_2PI)


@chaff("The explained part is subtracted from x^T x, not added.")
def ppca_log_marginal(W: Tensor, sigma2: float, x: Tensor) -> Tensor:
    distance, log_det, d, k = _parts(W, sigma2, x)
    distance = 2 * x.square().sum(-1) / sigma2 - distance
    return -0.5 * (distance + log_det + (d - k) * math.log(sigma2) + d * LOG_2PI)


@chaff("The whole distance is divided by sigma2, the explained part included.")
def ppca_log_marginal(W: Tensor, sigma2: float, x: Tensor) -> Tensor:
    distance, log_det, d, k = _parts(W, sigma2, x)
    return -0.5 * (distance * sigma2 + log_det + (d - k) * math.log(sigma2) + d * LOG_2PI)


@chaff("log det, not det: a determinant of many numbers over- or underflows, and is no log-probability.")
def ppca_log_marginal(W: Tensor, sigma2: float, x: Tensor) -> Tensor:
    distance, log_det, d, k = _parts(W, sigma2, x)
    return -0.5 * (distance + torch.log(log_det.exp() * sigma2 ** (d - k) * (2 * math.pi) ** d))


@chaff("One number per example: do not sum over the batch.")
def ppca_log_marginal(W: Tensor, sigma2: float, x: Tensor) -> Tensor:
    distance, log_det, d, k = _parts(W, sigma2, x)
    return -0.5 * (distance + log_det + (d - k) * math.log(sigma2) + d * LOG_2PI).sum()


@chaff("The determinant of a large matrix overflows; take torch.logdet or slogdet, not the log of torch.det.")
def ppca_log_marginal(W: Tensor, sigma2: float, x: Tensor) -> Tensor:
    d, k = W.shape
    m, y = W.T @ W + sigma2 * torch.eye(k).to(W), x @ W
    distance = (x.square().sum(-1) - (y * torch.linalg.solve(m, y.T).T).sum(-1)) / sigma2
    log_det = torch.det(m).log() + (d - k) * math.log(sigma2)
    return -0.5 * (d * math.log(2 * math.pi) + log_det + distance)
