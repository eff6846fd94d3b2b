"""Plausible misconceptions about question 1.1c: each must lose points there."""

import math

import torch
from hwkit import chaff
from torch import Tensor
from torch.nn import functional


@chaff("The edge bins take the tails: everything below the first level, and everything above the last.")
def discretized_logistic_log_prob(x: Tensor, mu: Tensor, log_s: Tensor, K: int) -> Tensor:
    half = 1 / (K - 1)
    centre = 2 * x.to(mu.dtype) / (K - 1) - 1
    upper, lower = (centre + half - mu) * torch.exp(-log_s), (centre - half - mu) * torch.exp(-log_s)
    above = torch.sigmoid(upper)
    below = torch.sigmoid(lower)
    return (above - below).clamp(min=1e-12).log()


@chaff("The bin reaches half its width, 1/(K - 1), to either side of its centre.")
def discretized_logistic_log_prob(x: Tensor, mu: Tensor, log_s: Tensor, K: int) -> Tensor:
    half = 2 / (K - 1)
    centre = 2 * x.to(mu.dtype) / (K - 1) - 1
    upper, lower = (centre + half - mu) * torch.exp(-log_s), (centre - half - mu) * torch.exp(-log_s)
    above = torch.where(x == K - 1, torch.ones_like(upper), torch.sigmoid(upper))
    below = torch.where(x == 0, torch.zeros_like(lower), torch.sigmoid(lower))
    return (above - below).clamp(min=1e-12).log()


@chaff("The centres of the levels are 2 / (K - 1) apart, the first at -1 and the last at 1.")
def discretized_logistic_log_prob(x: Tensor, mu: Tensor, log_s: Tensor, K: int) -> Tensor:
    half = 1 / (K - 1)
    centre = 2 * x.to(mu.dtype) / K - 1
    upper, lower = (centre + half - mu) * torch.exp(-log_s), (centre - half - mu) * torch.exp(-log_s)
    above = torch.where(x == K - 1, torch.ones_like(upper), torch.sigmoid(upper))
    below = torch.where(x == 0, torch.zeros_like(lower), torch.sigmoid(lower))
    return (above - below).clamp(min=1e-12).log()


@chaff("log_s is the logarithm of the scale: take exp before dividing.")
def discretized_logistic_log_prob(x: Tensor, mu: Tensor, log_s: Tensor, K: int) -> Tensor:
    half = 1 / (K - 1)
    centre = 2 * x.to(mu.dtype) / (K - 1) - 1
    upper, lower = (
        (centre + half - mu) * (1 / log_s.abs().clamp(min=1e-3)),
        (centre - half - mu) * (1 / log_s.abs().clamp(min=1e-3)),
    )
    above = torch.where(x == K - 1, torch.ones_like(upper), torch.sigmoid(upper))
    below = torch.where(x == 0, torch.zeros_like(lower), torch.sigmoid(lower))
    return (above - below).clamp(min=1e-12).log()


@chaff("Dividing by the scale is multiplying by exp(-log_s): the sign of log_s is wrong.")
def discretized_logistic_log_prob(x: Tensor, mu: Tensor, log_s: Tensor, K: int) -> Tensor:
    half = 1 / (K - 1)
    centre = 2 * x.to(mu.dtype) / (K - 1) - 1
    upper, lower = (centre + half - mu) * torch.exp(log_s), (centre - half - mu) * torch.exp(log_s)
    above = torch.where(x == K - 1, torch.ones_like(upper), torch.sigmoid(upper))
    below = torch.where(x == 0, torch.zeros_like(lower), torch.sigmoid(lower))
    return (above - below).clamp(min=1e-12).log()


@chaff("In the tails both sigmoids round to the same number, and log 0 is minus infinity.")
def discretized_logistic_log_prob(x: Tensor, mu: Tensor, log_s: Tensor, K: int) -> Tensor:
    half = 1 / (K - 1)
    centre = 2 * x.to(mu.dtype) / (K - 1) - 1
    upper, lower = (centre + half - mu) * torch.exp(-log_s), (centre - half - mu) * torch.exp(-log_s)
    above = torch.where(x == K - 1, torch.ones_like(upper), torch.sigmoid(upper))
    below = torch.where(x == 0, torch.zeros_like(lower), torch.sigmoid(lower))
    return (above - below).log()


@chaff("One log-probability per entry: nothing is summed here.")
def discretized_logistic_log_prob(x: Tensor, mu: Tensor, log_s: Tensor, K: int) -> Tensor:
    half = 1 / (K - 1)
    centre = 2 * x.to(mu.dtype) / (K - 1) - 1
    upper, lower = (centre + half - mu) * torch.exp(-log_s), (centre - half - mu) * torch.exp(-log_s)
    above = torch.where(x == K - 1, torch.ones_like(upper), torch.sigmoid(upper))
    below = torch.where(x == 0, torch.zeros_like(lower), torch.sigmoid(lower))
    return (above - below).clamp(min=1e-12).log().sum(-1)


@chaff("These are probabilities: take the logarithm.")
def discretized_logistic_log_prob(x: Tensor, mu: Tensor, log_s: Tensor, K: int) -> Tensor:
    half = 1 / (K - 1)
    centre = 2 * x.to(mu.dtype) / (K - 1) - 1
    upper, lower = (centre + half - mu) * torch.exp(-log_s), (centre - half - mu) * torch.exp(-log_s)
    above = torch.where(x == K - 1, torch.ones_like(upper), torch.sigmoid(upper))
    below = torch.where(x == 0, torch.zeros_like(lower), torch.sigmoid(lower))
    return above - below


@chaff("A density at the centre times the width is not the mass of the bin.")
def discretized_logistic_log_prob(x: Tensor, mu: Tensor, log_s: Tensor, K: int) -> Tensor:
    z = ((2 * x.to(mu.dtype) / (K - 1) - 1) - mu) * torch.exp(-log_s)
    return functional.logsigmoid(z) + functional.logsigmoid(-z) - log_s + math.log(2 / (K - 1))


@chaff("The tails are at the wrong ends: level 0 takes the lower one.")
def discretized_logistic_log_prob(x: Tensor, mu: Tensor, log_s: Tensor, K: int) -> Tensor:
    half = 1 / (K - 1)
    centre = 2 * x.to(mu.dtype) / (K - 1) - 1
    upper, lower = (centre + half - mu) * torch.exp(-log_s), (centre - half - mu) * torch.exp(-log_s)
    above = torch.where(x == 0, torch.ones_like(upper), torch.sigmoid(upper))
    below = torch.where(x == K - 1, torch.zeros_like(lower), torch.sigmoid(lower))
    return (above - below).clamp(min=1e-12).log()


@chaff("An epsilon of 1e-8 is no small change to a probability of 1e-8; a clamp at 1e-12 is.")
def discretized_logistic_log_prob(x: Tensor, mu: Tensor, log_s: Tensor, K: int) -> Tensor:
    centre, half, scale = 2 * x.to(mu.dtype) / (K - 1) - 1, 1 / (K - 1), log_s.exp()
    above = torch.where(x == K - 1, 1.0, torch.sigmoid((centre + half - mu) / scale))
    below = torch.where(x == 0, 0.0, torch.sigmoid((centre - half - mu) / scale))
    return torch.log(above - below + 1e-8)


@chaff("The scale is clamped from below: a smaller one is another law.")
def discretized_logistic_log_prob(x: Tensor, mu: Tensor, log_s: Tensor, K: int) -> Tensor:
    centre, half, scale = 2 * x.to(mu.dtype) / (K - 1) - 1, 1 / (K - 1), log_s.clamp(min=-7).exp()
    above = torch.where(x == K - 1, 1.0, torch.sigmoid((centre + half - mu) / scale))
    below = torch.where(x == 0, 0.0, torch.sigmoid((centre - half - mu) / scale))
    return torch.log((above - below).clamp_min(1e-12))
