"""Plausible misconceptions about question 2.2g: each must lose points there."""

import torch
from hwkit import chaff
from torch import Tensor, nn


@chaff("These are probabilities, not an image: every pixel is 0 or 1.")
def sample_vae(vae: nn.Module, z: Tensor, u: Tensor) -> Tensor:
    return torch.sigmoid(vae.decode(z))


@chaff("The comparison is the wrong way round: a pixel is on when u lies below its probability.")
def sample_vae(vae: nn.Module, z: Tensor, u: Tensor) -> Tensor:
    return (u > torch.sigmoid(vae.decode(z))).to(u.dtype)


@chaff("decode returns logits: pass them through the sigmoid before comparing with u.")
def sample_vae(vae: nn.Module, z: Tensor, u: Tensor) -> Tensor:
    return (u < vae.decode(z)).to(u.dtype)


@chaff("Rounding gives the likeliest image, not a sample: use u.")
def sample_vae(vae: nn.Module, z: Tensor, u: Tensor) -> Tensor:
    return torch.sigmoid(vae.decode(z)).round()


@chaff("The coin flips are drawn inside: use the argument u.")
def sample_vae(vae: nn.Module, z: Tensor, u: Tensor) -> Tensor:
    return torch.bernoulli(torch.sigmoid(vae.decode(z)))


@chaff("All pixels of an image share one coin: each needs its own.")
def sample_vae(vae: nn.Module, z: Tensor, u: Tensor) -> Tensor:
    return (u[:, :1] < torch.sigmoid(vae.decode(z))).to(u.dtype)


@chaff("The probability is squashed twice: one sigmoid is enough.")
def sample_vae(vae: nn.Module, z: Tensor, u: Tensor) -> Tensor:
    return (u < torch.sigmoid(torch.sigmoid(vae.decode(z)))).to(u.dtype)
