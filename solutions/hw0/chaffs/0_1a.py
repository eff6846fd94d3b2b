"""Plausible misconceptions about question 0.1a: each must lose points there."""

import math

import torch
from hwkit import chaff
from torch import Tensor


@chaff("A mean divides by n: subtract log n.")
def log_mean_exp(a: Tensor, dim: int) -> Tensor:
    return torch.logsumexp(a, dim=dim)


@chaff("The average runs over the axis dim.")
def log_mean_exp(a: Tensor, dim: int) -> Tensor:
    return torch.logsumexp(a, dim=0) - math.log(a.shape[0])


@chaff("exp under- or overflows: subtract the maximum first.")
def log_mean_exp(a: Tensor, dim: int) -> Tensor:
    return a.exp().mean(dim).log()


@chaff("The mean of logs is not the log of the mean.")
def log_mean_exp(a: Tensor, dim: int) -> Tensor:
    return a.mean(dim)


@chaff("Subtract the maximum of each slice: with the global one small slices underflow.")
def log_mean_exp(a: Tensor, dim: int) -> Tensor:
    top = a.max()
    return (a - top).exp().mean(dim).log() + top


@chaff("The axis disappears: no keepdim.")
def log_mean_exp(a: Tensor, dim: int) -> Tensor:
    return torch.logsumexp(a, dim=dim, keepdim=True) - math.log(a.shape[dim])


@chaff("A slice of minus infinity minus its maximum is NaN.")
def log_mean_exp(a: Tensor, dim: int) -> Tensor:
    top = a.amax(dim, keepdim=True)
    return (a - top).exp().mean(dim).log() + top.squeeze(dim)


@chaff("Only the axis of the average disappears: squeeze() without an axis removes every axis of length 1.")
def log_mean_exp(a: Tensor, dim: int) -> Tensor:
    return (torch.logsumexp(a, dim, keepdim=True) - math.log(a.shape[dim])).squeeze()
