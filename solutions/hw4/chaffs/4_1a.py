"""Plausible misconceptions about question 4.1a: each must lose points there."""

import math

import torch
from hwkit import chaff
from torch import Tensor


@chaff("Without the cap of 0.999 on beta the last step leaves nothing, and samplers divide by zero.")
def cosine_alpha_bar(T: int, s: float = 0.008) -> Tensor:
    f = torch.cos((torch.arange(T + 1, dtype=torch.float64) / T + s) / (1 + s) * math.pi / 2) ** 2
    return f[1:] / f[0]


@chaff("f is the cosine squared: alpha_bar is a share of variance, and its root a share of amplitude.")
def cosine_alpha_bar(T: int, s: float = 0.008) -> Tensor:
    f = torch.cos((torch.arange(T + 1, dtype=torch.float64) / T + s) / (1 + s) * math.pi / 2)
    return torch.cumprod(1 - (1 - f[1:] / f[:-1]).clamp(max=0.999), 0)


@chaff("Entry 0 has seen one step: the table starts at f(1) / f(0), not at 1.")
def cosine_alpha_bar(T: int, s: float = 0.008) -> Tensor:
    f = torch.cos((torch.arange(T + 1, dtype=torch.float64) / T + s) / (1 + s) * math.pi / 2) ** 2
    beta = (1 - f[1:] / f[:-1]).clamp(max=0.999)
    return torch.cat([torch.ones(1, dtype=torch.float64), torch.cumprod(1 - beta, 0)[:-1]])


@chaff("The schedule is float64 whatever the default dtype is.")
def cosine_alpha_bar(T: int, s: float = 0.008) -> Tensor:
    f = torch.cos((torch.arange(T + 1) / T + s) / (1 + s) * math.pi / 2) ** 2
    return torch.cumprod(1 - (1 - f[1:] / f[:-1]).clamp(max=0.999), 0)


@chaff("The offset s is an argument, and without it the first step is too small.")
def cosine_alpha_bar(T: int, s: float = 0.008) -> Tensor:
    f = torch.cos(torch.arange(T + 1, dtype=torch.float64) / T * math.pi / 2) ** 2
    return torch.cumprod(1 - (1 - f[1:] / f[:-1]).clamp(max=0.999), 0)


@chaff("alpha_bar is a cumulative product of 1 - beta, not 1 minus a cumulative sum of beta.")
def cosine_alpha_bar(T: int, s: float = 0.008) -> Tensor:
    f = torch.cos((torch.arange(T + 1, dtype=torch.float64) / T + s) / (1 + s) * math.pi / 2) ** 2
    beta = (1 - f[1:] / f[:-1]).clamp(max=0.999)
    return (1 - beta.cumsum(0)).clamp(min=1e-4)


@chaff("beta has a largest value and no smallest: the first steps add less than 0.0001 if there are many.")
def cosine_alpha_bar(T: int, s: float = 0.008) -> Tensor:
    f = torch.cos((torch.arange(T + 1, dtype=torch.float64) / T + s) / (1 + s) * math.pi / 2) ** 2
    return torch.cumprod(1 - (1 - f[1:] / f[:-1]).clamp(0.0001, 0.999), 0)
