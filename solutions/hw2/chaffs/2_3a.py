"""Plausible misconceptions about question 2.3a: each must lose points there."""

import torch
from hwkit import chaff
from torch import Tensor


@chaff("The noise variance is missing in M = W^T W + sigma2 I.")
def ppca_posterior(W: Tensor, sigma2: float, x: Tensor) -> tuple[Tensor, Tensor]:
    inverse = torch.linalg.inv(W.T @ W + torch.eye(W.shape[1]).type_as(W))
    return x @ W @ inverse, sigma2 * inverse


@chaff("M is a precision up to sigma2: it has to be inverted.")
def ppca_posterior(W: Tensor, sigma2: float, x: Tensor) -> tuple[Tensor, Tensor]:
    m = W.T @ W + sigma2 * torch.eye(W.shape[1]).type_as(W)
    return x @ W @ m, sigma2 * m


@chaff("The covariance is sigma2 times the inverse of M, not the inverse alone.")
def ppca_posterior(W: Tensor, sigma2: float, x: Tensor) -> tuple[Tensor, Tensor]:
    inverse = torch.linalg.inv(W.T @ W + sigma2 * torch.eye(W.shape[1]).type_as(W))
    return x @ W @ inverse, inverse


@chaff("sigma2 is a variance already: do not square it.")
def ppca_posterior(W: Tensor, sigma2: float, x: Tensor) -> tuple[Tensor, Tensor]:
    inverse = torch.linalg.inv(W.T @ W + sigma2**2 * torch.eye(W.shape[1]).type_as(W))
    return x @ W @ inverse, sigma2**2 * inverse


@chaff("The posterior is not diagonal: the latents explain the same pixels.")
def ppca_posterior(W: Tensor, sigma2: float, x: Tensor) -> tuple[Tensor, Tensor]:
    inverse = torch.diag(1 / (W.square().sum(0) + sigma2))
    return x @ W @ inverse, sigma2 * inverse


@chaff("The mean is M^-1 W^T x; the factor 1 / sigma2 belongs to the precision, and is used twice.")
def ppca_posterior(W: Tensor, sigma2: float, x: Tensor) -> tuple[Tensor, Tensor]:
    inverse = torch.linalg.inv(W.T @ W + sigma2 * torch.eye(W.shape[1]).type_as(W))
    return x @ W @ inverse / sigma2, sigma2 * inverse


@chaff("Nothing is added to M for safety: sigma2 is already there, and in other units the extra term is not small.")
def ppca_posterior(W: Tensor, sigma2: float, x: Tensor) -> tuple[Tensor, Tensor]:
    inverse = torch.linalg.inv(W.T @ W + (sigma2 + 1e-6) * torch.eye(W.shape[1]).to(W))
    return x @ W @ inverse, sigma2 * inverse
