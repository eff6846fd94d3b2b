"""Plausible misconceptions about question 0.1c: each must lose points there."""

import torch
from hwkit import chaff
from torch import Tensor


@chaff("Gumbel noise is -log(-log u), with two minus signs.")
def categorical_sample(logits: Tensor, u: Tensor) -> Tensor:
    return (logits + torch.log(-torch.log(u))).argmax(-1)


@chaff("u itself is not Gumbel noise: take the double logarithm.")
def categorical_sample(logits: Tensor, u: Tensor) -> Tensor:
    return (logits + u).argmax(-1)


@chaff("The noise is added to the logits, not to their exponentials.")
def categorical_sample(logits: Tensor, u: Tensor) -> Tensor:
    return (logits.exp() - torch.log(-torch.log(u))).argmax(-1)


@chaff("The largest wins, not the smallest.")
def categorical_sample(logits: Tensor, u: Tensor) -> Tensor:
    return (logits - torch.log(-torch.log(u))).argmin(-1)


@chaff("One category per row: the maximum runs over the last axis.")
def categorical_sample(logits: Tensor, u: Tensor) -> Tensor:
    return (logits - torch.log(-torch.log(u))).argmax(0)


@chaff("The largest product of p and u is not a draw from p.")
def categorical_sample(logits: Tensor, u: Tensor) -> Tensor:
    return (logits.softmax(-1) * u).argmax(-1)


@chaff("The randomness is in u: do not draw your own.")
def categorical_sample(logits: Tensor, u: Tensor) -> Tensor:
    return (logits - torch.log(-torch.log(torch.rand_like(u)))).argmax(-1)


@chaff("A constant inside a logarithm takes the largest and the smallest Gumbel noise away: u counts as it comes.")
def categorical_sample(logits: Tensor, u: Tensor) -> Tensor:
    return (logits - torch.log(-torch.log(u + 1e-6) + 1e-6)).argmax(-1)


@chaff("exp of large logits is infinite, of small ones zero: then the first category wins whatever u is.")
def categorical_sample(logits: Tensor, u: Tensor) -> Tensor:
    return (logits.exp() / -torch.log(u)).argmax(-1)
