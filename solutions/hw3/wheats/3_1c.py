"""Valid alternatives of question 3.1c: each must get full marks."""

import math

import torch
from hwkit import wheat
from torch import Generator, Tensor, nn


@wheat("torch.distributions for the base, log-determinants in a list")
class Flow(nn.Module):
    def __init__(self, dim: int, layers: list[nn.Module]):
        super().__init__()
        self.dim = dim
        self.layers = nn.ModuleList(layers)
        self.register_buffer("zero", torch.zeros(()))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        parts = [torch.zeros(len(x), dtype=x.dtype, device=x.device)]
        for layer in self.layers:
            x, part = layer.forward(x)
            parts.append(part)
        return x, torch.stack(parts).sum(0)

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        parts = [torch.zeros(len(z), dtype=z.dtype, device=z.device)]
        for i in range(len(self.layers) - 1, -1, -1):
            z, part = self.layers[i].inverse(z)
            parts.append(part)
        return z, sum(parts)

    def log_prob(self, x: Tensor) -> Tensor:
        z, logdet = self.forward(x)
        base = torch.distributions.Normal(self.zero, 1)
        return base.log_prob(z).sum(-1) + logdet

    def sample(self, n: int, generator: Generator | None = None) -> Tensor:
        noise = torch.empty(n, self.dim, dtype=self.zero.dtype, device=self.zero.device).normal_(generator=generator)
        return self.inverse(noise)[0]


@wheat("log-determinant from the inverse direction, in a different order of draws")
class Flow(nn.Module):
    def __init__(self, dim: int, layers: list[nn.Module]):
        super().__init__()
        self.dim, self.layers = dim, nn.ModuleList(layers)
        self.register_buffer("origin", torch.zeros(dim))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        total = torch.zeros_like(x[:, 0])
        for layer in self.layers:
            out = layer(x)
            x, total = out[0], total + out[1]
        return x, total

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        total = torch.zeros_like(z[:, 0])
        for layer in list(self.layers)[::-1]:
            out = layer.inverse(z)
            z, total = out[0], total + out[1]
        return z, total

    def log_prob(self, x: Tensor) -> Tensor:
        z, logdet = self.forward(x)
        return logdet - 0.5 * torch.linalg.vector_norm(z, dim=1) ** 2 - self.dim / 2 * math.log(2 * math.pi)

    def sample(self, n: int, generator: Generator | None = None) -> Tensor:
        noise = torch.stack([torch.randn(n, generator=generator).to(self.origin) for _ in range(self.dim)], dim=-1)
        x, _ = self.inverse(noise)
        return x
