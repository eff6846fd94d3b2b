"""Valid alternatives of question 2.2a: each must get full marks."""

import torch
from hwkit import wheat
from torch import Tensor, nn


@wheat("separate heads and torch.distributions")
class VAE(nn.Module):
    def __init__(self, data_dim: int = 64, latent_dim: int = 8, hidden: int = 200):
        super().__init__()
        self.latent_dim = latent_dim
        self.body = nn.Sequential(nn.Linear(data_dim, hidden), nn.Tanh())
        self.mean, self.spread = nn.Linear(hidden, latent_dim), nn.Linear(hidden, latent_dim)
        self.out = nn.Sequential(nn.Linear(latent_dim, hidden), nn.Tanh(), nn.Linear(hidden, data_dim))

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = self.body(x)
        return self.mean(h), self.spread(h)

    def decode(self, z: Tensor) -> Tensor:
        return self.out(z)

    def log_likelihood(self, x: Tensor, z: Tensor) -> Tensor:
        return torch.distributions.Bernoulli(logits=self.decode(z)).log_prob(x).sum(-1)


@wheat("softplus form, log-variance first in the network's output")
class VAE(nn.Module):
    def __init__(self, data_dim: int = 64, latent_dim: int = 8, hidden: int = 200):
        super().__init__()
        self.latent_dim = latent_dim
        self.encoder = nn.Sequential(nn.Linear(data_dim, hidden), nn.ReLU(), nn.Linear(hidden, 2 * latent_dim))
        self.decoder = nn.Sequential(nn.Linear(latent_dim, hidden), nn.ReLU(), nn.Linear(hidden, data_dim))

    def encode(self, x: Tensor) -> list[Tensor]:
        out = self.encoder(x)
        return [out[..., self.latent_dim :], out[..., : self.latent_dim]]

    def decode(self, z: Tensor) -> Tensor:
        return self.decoder(z)

    def log_likelihood(self, x: Tensor, z: Tensor) -> Tensor:
        return -nn.functional.softplus((1 - 2 * x) * self.decode(z)).sum(-1)


@wheat("logsigmoid, draws one at a time")
class VAE(nn.Module):
    def __init__(self, data_dim: int = 64, latent_dim: int = 8, hidden: int = 200):
        super().__init__()
        self.latent_dim = latent_dim
        self.encoder = nn.Sequential(nn.Linear(data_dim, hidden), nn.ELU(), nn.Linear(hidden, 2 * latent_dim))
        self.decoder = nn.Sequential(nn.Linear(latent_dim, hidden), nn.ELU(), nn.Linear(hidden, data_dim))

    def encode(self, x: Tensor) -> tuple[Tensor, ...]:
        return self.encoder(x).split(self.latent_dim, dim=-1)

    def decode(self, z: Tensor) -> Tensor:
        return self.decoder(z)

    def log_likelihood(self, x: Tensor, z: Tensor) -> Tensor:
        log_s = nn.functional.logsigmoid
        rows = [(x * log_s(logits) + (1 - x) * log_s(-logits)).sum(-1) for logits in map(self.decode, z)]
        return torch.stack(rows)
