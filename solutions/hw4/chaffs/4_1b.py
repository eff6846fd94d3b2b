"""Plausible misconceptions about question 4.1b: each must lose points there."""

import torch
from hwkit import chaff
from torch import Tensor


@chaff("alpha_bar_prev[0] is 1: before the first step there is no noise (a public repository had this bug).")
def make_schedule(alpha_bar: Tensor) -> dict[str, Tensor]:
    prev = torch.cat([alpha_bar[:1], alpha_bar[:-1]])
    alpha = alpha_bar / prev
    return {"beta": 1 - alpha, "alpha": alpha, "alpha_bar": alpha_bar, "alpha_bar_prev": prev}


@chaff("The step of the first row counts as well: alpha[0] is alpha_bar[0] over 1.")
def make_schedule(alpha_bar: Tensor) -> dict[str, Tensor]:
    prev = torch.cat([torch.ones_like(alpha_bar[:1]), alpha_bar[:-1]])
    alpha = torch.cat([alpha_bar[1:] / alpha_bar[:-1], alpha_bar[-1:]])
    return {"beta": 1 - alpha, "alpha": alpha, "alpha_bar": alpha_bar, "alpha_bar_prev": prev}


@chaff("alpha_t is a ratio of neighbours, not their difference.")
def make_schedule(alpha_bar: Tensor) -> dict[str, Tensor]:
    prev = torch.cat([torch.ones_like(alpha_bar[:1]), alpha_bar[:-1]])
    beta = prev - alpha_bar
    return {"beta": beta, "alpha": 1 - beta, "alpha_bar": alpha_bar, "alpha_bar_prev": prev}


@chaff("alpha_bar_prev looks one step back in time, not forward.")
def make_schedule(alpha_bar: Tensor) -> dict[str, Tensor]:
    prev = torch.cat([torch.ones_like(alpha_bar[:1]), alpha_bar[:-1]])
    alpha = alpha_bar / prev
    later = torch.cat([alpha_bar[1:], torch.ones_like(alpha_bar[:1])])
    return {"beta": 1 - alpha, "alpha": alpha, "alpha_bar": alpha_bar, "alpha_bar_prev": later}


@chaff("alpha is the share of one step; the cumulative product already stands in alpha_bar.")
def make_schedule(alpha_bar: Tensor) -> dict[str, Tensor]:
    prev = torch.cat([torch.ones_like(alpha_bar[:1]), alpha_bar[:-1]])
    return {"beta": 1 - alpha_bar, "alpha": alpha_bar, "alpha_bar": alpha_bar, "alpha_bar_prev": prev}


@chaff("The cap on beta belongs to the cosine schedule; this table is made of any decreasing alpha_bar.")
def make_schedule(alpha_bar: Tensor) -> dict[str, Tensor]:
    prev = torch.cat([torch.ones_like(alpha_bar[:1]), alpha_bar[:-1]])
    beta = (1 - alpha_bar / prev).clamp(max=0.999)
    return {"beta": beta, "alpha": 1 - beta, "alpha_bar": alpha_bar, "alpha_bar_prev": prev}
