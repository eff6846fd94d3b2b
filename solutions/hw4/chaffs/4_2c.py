"""Plausible misconceptions about question 4.2c: each must lose points there."""

from hwkit import chaff
from torch import Tensor


@chaff("The weight is sigma squared: with sigma, small noise levels count too much.")
def dsm_loss(score_fn, x0: Tensor, sigma: Tensor, eps: Tensor) -> Tensor:
    s = sigma.reshape(-1, *[1] * (x0.dim() - 1))
    return (s * (score_fn(x0 + s * eps, sigma) + eps / s).square()).mean()


@chaff("The score of q(x | x0) is -eps / sigma: mind the sign of the target.")
def dsm_loss(score_fn, x0: Tensor, sigma: Tensor, eps: Tensor) -> Tensor:
    s = sigma.reshape(-1, *[1] * (x0.dim() - 1))
    return (s * score_fn(x0 + s * eps, sigma) - eps).square().mean()


@chaff("Without the weight sigma squared the smallest noise level drowns the others.")
def dsm_loss(score_fn, x0: Tensor, sigma: Tensor, eps: Tensor) -> Tensor:
    s = sigma.reshape(-1, *[1] * (x0.dim() - 1))
    return (score_fn(x0 + s * eps, sigma) + eps / s).square().mean()


@chaff("The target is -eps / sigma, not -eps / sigma squared.")
def dsm_loss(score_fn, x0: Tensor, sigma: Tensor, eps: Tensor) -> Tensor:
    s = sigma.reshape(-1, *[1] * (x0.dim() - 1))
    return (s * (score_fn(x0 + s * eps, sigma) + eps / s**2)).square().mean()


@chaff("The score function sees the noisy data.")
def dsm_loss(score_fn, x0: Tensor, sigma: Tensor, eps: Tensor) -> Tensor:
    s = sigma.reshape(-1, *[1] * (x0.dim() - 1))
    return (s * score_fn(x0, sigma) + eps).square().mean()


@chaff("Here the data are not shrunk: x is x0 + sigma eps.")
def dsm_loss(score_fn, x0: Tensor, sigma: Tensor, eps: Tensor) -> Tensor:
    s = sigma.reshape(-1, *[1] * (x0.dim() - 1))
    return (s * score_fn((1 - s**2).clamp(min=0).sqrt() * x0 + s * eps, sigma) + eps).square().mean()


@chaff("Average over batch and coordinates; do not sum over coordinates.")
def dsm_loss(score_fn, x0: Tensor, sigma: Tensor, eps: Tensor) -> Tensor:
    s = sigma.reshape(-1, *[1] * (x0.dim() - 1))
    return (s * score_fn(x0 + s * eps, sigma) + eps).square().flatten(1).sum(1).mean()
