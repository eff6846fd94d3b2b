"""Valid alternatives of question 1.1c: each must get full marks."""

import torch
from hwkit import wheat
from torch import Tensor
from torch.nn import functional


@wheat("difference of two sigmoids, clamped")
def discretized_logistic_log_prob(x: Tensor, mu: Tensor, log_s: Tensor, K: int) -> Tensor:
    half = 1 / (K - 1)
    centre = 2 * x / (K - 1) - 1
    upper, lower = (centre + half - mu) * torch.exp(-log_s), (centre - half - mu) * torch.exp(-log_s)
    above = torch.where(x == K - 1, torch.ones_like(upper), torch.sigmoid(upper))
    below = torch.where(x == 0, torch.zeros_like(lower), torch.sigmoid(lower))
    return (above - below).clamp(min=1e-12).log()


@wheat("log1p of the ratio of the two tails")
def discretized_logistic_log_prob(x: Tensor, mu: Tensor, log_s: Tensor, K: int) -> Tensor:
    half, scale = 1 / (K - 1), log_s.exp()
    centre = 2 * x / (K - 1) - 1
    a, b = (centre - half - mu) / scale, (centre + half - mu) / scale
    inside = -functional.softplus(-b) - functional.softplus(a) + torch.log1p(-torch.exp(a - b))
    inside = torch.where(x == 0, -functional.softplus(-b), inside)
    return torch.where(x == K - 1, -functional.softplus(a), inside)


@wheat("edges at minus and plus a large number")
def discretized_logistic_log_prob(x: Tensor, mu: Tensor, log_s: Tensor, K: int) -> Tensor:
    upper = torch.where(x == K - 1, 1e6, (2 * x + 1) / (K - 1) - 1)
    lower = torch.where(x == 0, -1e6, (2 * x - 1) / (K - 1) - 1)
    a, b = (lower - mu) / log_s.exp(), (upper - mu) / log_s.exp()
    return functional.logsigmoid(b) + functional.logsigmoid(-a) + torch.log(-torch.expm1(a - b))
