"""Plausible misconceptions about question 2.2h: each must lose points there."""

import torch
from hwkit import chaff
from torch import Tensor, nn


def _line(a, b, n):
    t = torch.linspace(0, 1, n, dtype=a.dtype).unsqueeze(-1)
    return (1 - t) * a + t * b


@chaff("Walk in latent space: blending pixels and encoding the blend is another path.")
def interpolate(vae: nn.Module, x1: Tensor, x2: Tensor, n: int) -> Tensor:
    return torch.sigmoid(vae.decode(vae.encode(_line(x1, x2, n))[0]))


@chaff("decode returns logits: the path consists of probabilities, so apply the sigmoid.")
def interpolate(vae: nn.Module, x1: Tensor, x2: Tensor, n: int) -> Tensor:
    mu, _ = vae.encode(torch.stack([x1, x2]))
    return vae.decode(_line(mu[0], mu[1], n))


@chaff("Interpolate the latents, then decode: blending the two reconstructions is not a walk in latent space.")
def interpolate(vae: nn.Module, x1: Tensor, x2: Tensor, n: int) -> Tensor:
    ends = torch.sigmoid(vae.decode(vae.encode(torch.stack([x1, x2]))[0]))
    return _line(ends[0], ends[1], n)


@chaff("Both ends belong to the path: divide by n - 1, not by n.")
def interpolate(vae: nn.Module, x1: Tensor, x2: Tensor, n: int) -> Tensor:
    mu, _ = vae.encode(torch.stack([x1, x2]))
    t = (torch.arange(n, dtype=mu.dtype) / n).unsqueeze(-1)
    return torch.sigmoid(vae.decode((1 - t) * mu[0] + t * mu[1]))


@chaff("The path starts at x1 and ends at x2, not the other way round.")
def interpolate(vae: nn.Module, x1: Tensor, x2: Tensor, n: int) -> Tensor:
    mu, _ = vae.encode(torch.stack([x1, x2]))
    return torch.sigmoid(vae.decode(_line(mu[1], mu[0], n)))


@chaff("The path uses posterior means; drawing z adds noise to it.")
def interpolate(vae: nn.Module, x1: Tensor, x2: Tensor, n: int) -> Tensor:
    mu, logvar = vae.encode(torch.stack([x1, x2]))
    z = mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)
    return torch.sigmoid(vae.decode(_line(z[0], z[1], n)))


@chaff("Walk in latent space and decode every point: the logits of the two ends are blended here.")
def interpolate(vae: nn.Module, x1: Tensor, x2: Tensor, n: int) -> Tensor:
    first, last = vae.decode(vae.encode(torch.stack([x1, x2]))[0])
    return torch.sigmoid(_line(first, last, n))
