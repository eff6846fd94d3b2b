"""Plausible misconceptions about question 2.5b: each must lose points there."""

import torch
from hwkit import chaff
from torch import Tensor


@chaff("The library size multiplies the shares; added, it would give every gene the same counts.")
def scvae_decode(h: Tensor, library: Tensor) -> Tensor:
    return library + torch.softmax(h, dim=-1)


@chaff("The softmax runs over the genes of a cell, not over the cells.")
def scvae_decode(h: Tensor, library: Tensor) -> Tensor:
    return library * torch.softmax(h, dim=0)


@chaff("Without a softmax the means do not add up to the library size.")
def scvae_decode(h: Tensor, library: Tensor) -> Tensor:
    return library * torch.exp(h)


@chaff("Shares that are squashed one by one do not add up to one: a softmax, not a sigmoid.")
def scvae_decode(h: Tensor, library: Tensor) -> Tensor:
    return library * torch.sigmoid(h)


@chaff("A quotient of exp overflows for large logits: use torch.softmax.")
def scvae_decode(h: Tensor, library: Tensor) -> Tensor:
    weight = torch.exp(h)
    return library * weight / weight.sum(-1, keepdim=True)


@chaff("Normalised softplus is another model: here a difference of logits is the log of a ratio of means.")
def scvae_decode(h: Tensor, library: Tensor) -> Tensor:
    weight = torch.nn.functional.softplus(h)
    return library * weight / weight.sum(-1, keepdim=True)


@chaff("Means are wanted, not their logarithms.")
def scvae_decode(h: Tensor, library: Tensor) -> Tensor:
    return torch.log(library) + torch.log_softmax(h, dim=-1)


@chaff("Nothing is added to the means: a rare gene may have a share of a billionth.")
def scvae_decode(h: Tensor, library: Tensor) -> Tensor:
    return library * torch.softmax(h, dim=-1) + 1e-8
