"""Plausible misconceptions about question 3.5b: each must lose points there."""

import torch
from hwkit import chaff
from torch import Tensor


@chaff("The trace of the root counts twice.")
def frechet_distance(x: Tensor, y: Tensor) -> Tensor:
    a, b = (torch.cov(s.T).reshape(x.shape[1], x.shape[1]) for s in (x, y))
    values, vectors = torch.linalg.eigh(a)
    root = vectors * values.clamp(min=0).sqrt() @ vectors.T
    overlap = torch.linalg.eigvalsh(root @ b @ root).clamp(min=0).sqrt().sum()
    return (x.mean(0) - y.mean(0)).square().sum() + a.trace() + b.trace() - overlap


@chaff("The root is that of a matrix, not of its entries.")
def frechet_distance(x: Tensor, y: Tensor) -> Tensor:
    a, b = (torch.cov(s.T).reshape(x.shape[1], x.shape[1]) for s in (x, y))
    overlap = (a @ b).clamp(min=0).sqrt().trace()
    return (x.mean(0) - y.mean(0)).square().sum() + a.trace() + b.trace() - 2 * overlap


@chaff("The shift of the means is squared.")
def frechet_distance(x: Tensor, y: Tensor) -> Tensor:
    a, b = (torch.cov(s.T).reshape(x.shape[1], x.shape[1]) for s in (x, y))
    values, vectors = torch.linalg.eigh(a)
    root = vectors * values.clamp(min=0).sqrt() @ vectors.T
    overlap = torch.linalg.eigvalsh(root @ b @ root).clamp(min=0).sqrt().sum()
    return (x.mean(0) - y.mean(0)).square().sum().sqrt() + a.trace() + b.trace() - 2 * overlap


@chaff("The means are missing.")
def frechet_distance(x: Tensor, y: Tensor) -> Tensor:
    a, b = (torch.cov(s.T).reshape(x.shape[1], x.shape[1]) for s in (x, y))
    values, vectors = torch.linalg.eigh(a)
    root = vectors * values.clamp(min=0).sqrt() @ vectors.T
    overlap = torch.linalg.eigvalsh(root @ b @ root).clamp(min=0).sqrt().sum()
    return a.trace() + b.trace() - 2 * overlap


@chaff("Rows are examples: the covariance is that of the columns, (D, D).")
def frechet_distance(x: Tensor, y: Tensor) -> Tensor:
    k = min(len(x), len(y))
    x, y = x[:k], y[:k]
    a, b = (torch.atleast_2d(torch.cov(s)) for s in (x, y))
    values, vectors = torch.linalg.eigh(a)
    root = vectors * values.clamp(min=0).sqrt() @ vectors.T
    overlap = torch.linalg.eigvalsh(root @ b @ root).clamp(min=0).sqrt().sum()
    return (x.mean(0) - y.mean(0)).square().sum() + a.trace() + b.trace() - 2 * overlap


@chaff("Rounding makes eigenvalues of a singular covariance negative, and their root NaN: clip at zero.")
def frechet_distance(x: Tensor, y: Tensor) -> Tensor:
    a, b = (torch.cov(s.T).reshape(x.shape[1], x.shape[1]) for s in (x, y))
    values, vectors = torch.linalg.eigh(a)
    root = vectors * values.clamp(min=0).sqrt() @ vectors.T
    overlap = torch.linalg.eigvalsh(root @ b @ root).sqrt().sum()
    return (x.mean(0) - y.mean(0)).square().sum() + a.trace() + b.trace() - 2 * overlap


@chaff("Only the variances are compared: the covariances between features count, too.")
def frechet_distance(x: Tensor, y: Tensor) -> Tensor:
    a, b = (torch.cov(s.T).reshape(x.shape[1], x.shape[1]) for s in (x, y))
    a, b = torch.diag(a.diagonal()), torch.diag(b.diagonal())
    values, vectors = torch.linalg.eigh(a)
    root = vectors * values.clamp(min=0).sqrt() @ vectors.T
    overlap = torch.linalg.eigvalsh(root @ b @ root).clamp(min=0).sqrt().sum()
    return (x.mean(0) - y.mean(0)).square().sum() + a.trace() + b.trace() - 2 * overlap


@chaff("The eigenvalues of AB are squares: take their root before summing.")
def frechet_distance(x: Tensor, y: Tensor) -> Tensor:
    a, b = (torch.cov(s.T).reshape(x.shape[1], x.shape[1]) for s in (x, y))
    values, vectors = torch.linalg.eigh(a)
    root = vectors * values.clamp(min=0).sqrt() @ vectors.T
    overlap = torch.linalg.eigvalsh(root @ b @ root).clamp(min=0).sum()
    return (x.mean(0) - y.mean(0)).square().sum() + a.trace() + b.trace() - 2 * overlap


@chaff("Second moments are not covariances: subtract the mean first.")
def frechet_distance(x: Tensor, y: Tensor) -> Tensor:
    a, b = (s.T @ s / len(s) for s in (x, y))
    values, vectors = torch.linalg.eigh(a)
    root = vectors * values.clamp(min=0).sqrt() @ vectors.T
    overlap = torch.linalg.eigvalsh(root @ b @ root).clamp(min=0).sqrt().sum()
    return (x.mean(0) - y.mean(0)).square().sum() + a.trace() + b.trace() - 2 * overlap
