"""Plausible misconceptions about question 2.4b: each must lose points there."""

import torch
from hwkit import chaff
from torch import Tensor, nn


def _soft(logits, u, tau):
    return torch.softmax((logits - torch.log(-torch.log(u))) / tau, dim=-1)


def _one_hot(soft):
    return nn.functional.one_hot(soft.argmax(-1), soft.shape[-1]).to(soft.dtype)


def _through(soft, hard):
    return _one_hot(soft) + soft - soft.detach() if hard else soft


@chaff("Gumbel noise is -log(-log u): the outer minus is missing.")
def gumbel_softmax(logits: Tensor, u: Tensor, tau: float, hard: bool = False) -> Tensor:
    return _through(torch.softmax((logits + torch.log(-torch.log(u))) / tau, dim=-1), hard)


@chaff("The temperature divides the noisy logits; small tau means close to one-hot.")
def gumbel_softmax(logits: Tensor, u: Tensor, tau: float, hard: bool = False) -> Tensor:
    return _through(torch.softmax((logits - torch.log(-torch.log(u))) * tau, dim=-1), hard)


@chaff("The one-hot vector alone has no gradient: add soft - soft.detach().")
def gumbel_softmax(logits: Tensor, u: Tensor, tau: float, hard: bool = False) -> Tensor:
    soft = _soft(logits, u, tau)
    return _one_hot(soft) if hard else soft


@chaff("Noise with one logarithm is exponential, not Gumbel: -log(-log u).")
def gumbel_softmax(logits: Tensor, u: Tensor, tau: float, hard: bool = False) -> Tensor:
    return _through(torch.softmax((logits - torch.log(u)) / tau, dim=-1), hard)


@chaff("The uniform numbers are not noise of the right law: transform them to -log(-log u).")
def gumbel_softmax(logits: Tensor, u: Tensor, tau: float, hard: bool = False) -> Tensor:
    return _through(torch.softmax((logits + u) / tau, dim=-1), hard)


@chaff("The temperature divides logits plus noise, not the logits alone.")
def gumbel_softmax(logits: Tensor, u: Tensor, tau: float, hard: bool = False) -> Tensor:
    return _through(torch.softmax(logits / tau - torch.log(-torch.log(u)), dim=-1), hard)


@chaff("Use the noise in the argument u; do not draw your own.")
def gumbel_softmax(logits: Tensor, u: Tensor, tau: float, hard: bool = False) -> Tensor:
    return _through(_soft(logits, torch.rand_like(u), tau), hard)


@chaff("The argument hard is ignored.")
def gumbel_softmax(logits: Tensor, u: Tensor, tau: float, hard: bool = False) -> Tensor:
    return _soft(logits, u, tau)


@chaff("The softmax runs over the categories, the last axis, not over the batch.")
def gumbel_softmax(logits: Tensor, u: Tensor, tau: float, hard: bool = False) -> Tensor:
    return _through(torch.softmax((logits - torch.log(-torch.log(u))) / tau, dim=0), hard)


@chaff("A quotient of exp overflows at low temperature: use torch.softmax.")
def gumbel_softmax(logits: Tensor, u: Tensor, tau: float, hard: bool = False) -> Tensor:
    weight = torch.exp((logits - torch.log(-torch.log(u))) / tau)
    return _through(weight / weight.sum(-1, keepdim=True), hard)


@chaff("u lies strictly between 0 and 1: a constant added in the logarithms bends the noise near 0 and 1.")
def gumbel_softmax(logits: Tensor, u: Tensor, tau: float, hard: bool = False) -> Tensor:
    y = torch.softmax((logits - torch.log(-torch.log(u + 1e-6) + 1e-6)) / tau, dim=-1)
    return _one_hot(y) + y - y.detach() if hard else y
