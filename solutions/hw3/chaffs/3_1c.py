"""Plausible misconceptions about question 3.1c: each must lose points there."""

import math

import torch
from hwkit import chaff
from torch import Generator, Tensor, nn


@chaff("The base density needs its constant: -D/2 log(2 pi).")
class Flow(nn.Module):
    def __init__(self, dim: int, layers: list[nn.Module]):
        super().__init__()
        self.dim, self.layers = dim, nn.ModuleList(layers)
        self.register_buffer("origin", torch.zeros(dim))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        total = x.new_zeros(len(x))
        for layer in self.layers:
            x, logdet = layer(x)
            total = total + logdet
        return x, total

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        total = z.new_zeros(len(z))
        for layer in reversed(self.layers):
            z, logdet = layer.inverse(z)
            total = total + logdet
        return z, total

    def log_prob(self, x: Tensor) -> Tensor:
        z, logdet = self.forward(x)
        return -0.5 * z.square().sum(-1) + logdet

    def sample(self, n: int, generator: Generator | None = None) -> Tensor:
        return self.inverse(self.origin.new_empty(n, self.dim).normal_(generator=generator))[0]


@chaff("There is one constant per dimension: -D/2 log(2 pi), not -1/2 log(2 pi).")
class Flow(nn.Module):
    def __init__(self, dim: int, layers: list[nn.Module]):
        super().__init__()
        self.dim, self.layers = dim, nn.ModuleList(layers)
        self.register_buffer("origin", torch.zeros(dim))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        total = x.new_zeros(len(x))
        for layer in self.layers:
            x, logdet = layer(x)
            total = total + logdet
        return x, total

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        total = z.new_zeros(len(z))
        for layer in reversed(self.layers):
            z, logdet = layer.inverse(z)
            total = total + logdet
        return z, total

    def log_prob(self, x: Tensor) -> Tensor:
        z, logdet = self.forward(x)
        return -0.5 * z.square().sum(-1) - 0.5 * math.log(2 * math.pi) + logdet

    def sample(self, n: int, generator: Generator | None = None) -> Tensor:
        return self.inverse(self.origin.new_empty(n, self.dim).normal_(generator=generator))[0]


@chaff("The log-determinant of forward is added to the base density, not subtracted.")
class Flow(nn.Module):
    def __init__(self, dim: int, layers: list[nn.Module]):
        super().__init__()
        self.dim, self.layers = dim, nn.ModuleList(layers)
        self.register_buffer("origin", torch.zeros(dim))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        total = x.new_zeros(len(x))
        for layer in self.layers:
            x, logdet = layer(x)
            total = total + logdet
        return x, total

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        total = z.new_zeros(len(z))
        for layer in reversed(self.layers):
            z, logdet = layer.inverse(z)
            total = total + logdet
        return z, total

    def log_prob(self, x: Tensor) -> Tensor:
        z, logdet = self.forward(x)
        return -0.5 * z.square().sum(-1) - 0.5 * self.dim * math.log(2 * math.pi) - logdet

    def sample(self, n: int, generator: Generator | None = None) -> Tensor:
        return self.inverse(self.origin.new_empty(n, self.dim).normal_(generator=generator))[0]


@chaff("The inverse takes the layers in reverse order: undo the last one first.")
class Flow(nn.Module):
    def __init__(self, dim: int, layers: list[nn.Module]):
        super().__init__()
        self.dim, self.layers = dim, nn.ModuleList(layers)
        self.register_buffer("origin", torch.zeros(dim))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        total = x.new_zeros(len(x))
        for layer in self.layers:
            x, logdet = layer(x)
            total = total + logdet
        return x, total

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        total = z.new_zeros(len(z))
        for layer in self.layers:
            z, logdet = layer.inverse(z)
            total = total + logdet
        return z, total

    def log_prob(self, x: Tensor) -> Tensor:
        z, logdet = self.forward(x)
        return -0.5 * z.square().sum(-1) - 0.5 * self.dim * math.log(2 * math.pi) + logdet

    def sample(self, n: int, generator: Generator | None = None) -> Tensor:
        return self.inverse(self.origin.new_empty(n, self.dim).normal_(generator=generator))[0]


@chaff("The log-determinants of all layers add up; yours are those of the last layer only.")
class Flow(nn.Module):
    def __init__(self, dim: int, layers: list[nn.Module]):
        super().__init__()
        self.dim, self.layers = dim, nn.ModuleList(layers)
        self.register_buffer("origin", torch.zeros(dim))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        total = x.new_zeros(len(x))
        for layer in self.layers:
            x, total = layer(x)
        return x, total

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        total = z.new_zeros(len(z))
        for layer in reversed(self.layers):
            z, logdet = layer.inverse(z)
            total = total + logdet
        return z, total

    def log_prob(self, x: Tensor) -> Tensor:
        z, logdet = self.forward(x)
        return -0.5 * z.square().sum(-1) - 0.5 * self.dim * math.log(2 * math.pi) + logdet

    def sample(self, n: int, generator: Generator | None = None) -> Tensor:
        return self.inverse(self.origin.new_empty(n, self.dim).normal_(generator=generator))[0]


@chaff("log_prob lacks the log-determinant.")
class Flow(nn.Module):
    def __init__(self, dim: int, layers: list[nn.Module]):
        super().__init__()
        self.dim, self.layers = dim, nn.ModuleList(layers)
        self.register_buffer("origin", torch.zeros(dim))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        total = x.new_zeros(len(x))
        for layer in self.layers:
            x, logdet = layer(x)
            total = total + logdet
        return x, total

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        total = z.new_zeros(len(z))
        for layer in reversed(self.layers):
            z, logdet = layer.inverse(z)
            total = total + logdet
        return z, total

    def log_prob(self, x: Tensor) -> Tensor:
        z, logdet = self.forward(x)
        return -0.5 * z.square().sum(-1) - 0.5 * self.dim * math.log(2 * math.pi)

    def sample(self, n: int, generator: Generator | None = None) -> Tensor:
        return self.inverse(self.origin.new_empty(n, self.dim).normal_(generator=generator))[0]


@chaff("Samples go through the inverse: from noise to data. forward goes from data to noise.")
class Flow(nn.Module):
    def __init__(self, dim: int, layers: list[nn.Module]):
        super().__init__()
        self.dim, self.layers = dim, nn.ModuleList(layers)
        self.register_buffer("origin", torch.zeros(dim))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        total = x.new_zeros(len(x))
        for layer in self.layers:
            x, logdet = layer(x)
            total = total + logdet
        return x, total

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        total = z.new_zeros(len(z))
        for layer in reversed(self.layers):
            z, logdet = layer.inverse(z)
            total = total + logdet
        return z, total

    def log_prob(self, x: Tensor) -> Tensor:
        z, logdet = self.forward(x)
        return -0.5 * z.square().sum(-1) - 0.5 * self.dim * math.log(2 * math.pi) + logdet

    def sample(self, n: int, generator: Generator | None = None) -> Tensor:
        return self.forward(self.origin.new_empty(n, self.dim).normal_(generator=generator))[0]


@chaff("Draw the noise with the generator that is passed in.")
class Flow(nn.Module):
    def __init__(self, dim: int, layers: list[nn.Module]):
        super().__init__()
        self.dim, self.layers = dim, nn.ModuleList(layers)
        self.register_buffer("origin", torch.zeros(dim))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        total = x.new_zeros(len(x))
        for layer in self.layers:
            x, logdet = layer(x)
            total = total + logdet
        return x, total

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        total = z.new_zeros(len(z))
        for layer in reversed(self.layers):
            z, logdet = layer.inverse(z)
            total = total + logdet
        return z, total

    def log_prob(self, x: Tensor) -> Tensor:
        z, logdet = self.forward(x)
        return -0.5 * z.square().sum(-1) - 0.5 * self.dim * math.log(2 * math.pi) + logdet

    def sample(self, n: int, generator: Generator | None = None) -> Tensor:
        return self.inverse(self.origin.new_empty(n, self.dim).normal_())[0]


@chaff("The base is a standard normal: torch.randn, not torch.rand.")
class Flow(nn.Module):
    def __init__(self, dim: int, layers: list[nn.Module]):
        super().__init__()
        self.dim, self.layers = dim, nn.ModuleList(layers)
        self.register_buffer("origin", torch.zeros(dim))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        total = x.new_zeros(len(x))
        for layer in self.layers:
            x, logdet = layer(x)
            total = total + logdet
        return x, total

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        total = z.new_zeros(len(z))
        for layer in reversed(self.layers):
            z, logdet = layer.inverse(z)
            total = total + logdet
        return z, total

    def log_prob(self, x: Tensor) -> Tensor:
        z, logdet = self.forward(x)
        return -0.5 * z.square().sum(-1) - 0.5 * self.dim * math.log(2 * math.pi) + logdet

    def sample(self, n: int, generator: Generator | None = None) -> Tensor:
        return self.inverse(self.origin.new_empty(n, self.dim).uniform_(generator=generator))[0]


@chaff("The total is one number per example, not the sum over the batch.")
class Flow(nn.Module):
    def __init__(self, dim: int, layers: list[nn.Module]):
        super().__init__()
        self.dim, self.layers = dim, nn.ModuleList(layers)
        self.register_buffer("origin", torch.zeros(dim))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        total = x.new_zeros(len(x))
        for layer in self.layers:
            x, logdet = layer(x)
            total = total + logdet
        return x, total

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        total = z.new_zeros(len(z))
        for layer in reversed(self.layers):
            z, logdet = layer.inverse(z)
            total = total + logdet
        return z, total.sum().expand(len(z))

    def log_prob(self, x: Tensor) -> Tensor:
        z, logdet = self.forward(x)
        return -0.5 * z.square().sum(-1) - 0.5 * self.dim * math.log(2 * math.pi) + logdet

    def sample(self, n: int, generator: Generator | None = None) -> Tensor:
        return self.inverse(self.origin.new_empty(n, self.dim).normal_(generator=generator))[0]


@chaff("Every dimension needs noise of its own.")
class Flow(nn.Module):
    def __init__(self, dim: int, layers: list[nn.Module]):
        super().__init__()
        self.dim, self.layers = dim, nn.ModuleList(layers)
        self.register_buffer("origin", torch.zeros(dim))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        total = x.new_zeros(len(x))
        for layer in self.layers:
            x, logdet = layer(x)
            total = total + logdet
        return x, total

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        total = z.new_zeros(len(z))
        for layer in reversed(self.layers):
            z, logdet = layer.inverse(z)
            total = total + logdet
        return z, total

    def log_prob(self, x: Tensor) -> Tensor:
        z, logdet = self.forward(x)
        return -0.5 * z.square().sum(-1) - 0.5 * self.dim * math.log(2 * math.pi) + logdet

    def sample(self, n: int, generator: Generator | None = None) -> Tensor:
        return self.inverse(self.origin.new_empty(n, 1).normal_(generator=generator).repeat(1, self.dim))[0]


@chaff("A detach in the flow: sampling and densities are right, and nothing can be trained.")
class Flow(nn.Module):
    def __init__(self, dim: int, layers: list[nn.Module]):
        super().__init__()
        self.dim, self.layers = dim, nn.ModuleList(layers)
        self.register_buffer("origin", torch.zeros(dim))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        total = x.new_zeros(len(x))
        for layer in self.layers:
            x, logdet = layer(x)
            total = total + logdet
        return x.detach(), total.detach()

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        total = z.new_zeros(len(z))
        for layer in reversed(self.layers):
            z, logdet = layer.inverse(z)
            total = total + logdet
        return z, total

    def log_prob(self, x: Tensor) -> Tensor:
        z, logdet = self.forward(x)
        return -0.5 * z.square().sum(-1) - 0.5 * self.dim * math.log(2 * math.pi) + logdet

    def sample(self, n: int, generator: Generator | None = None) -> Tensor:
        return self.inverse(self.origin.new_empty(n, self.dim).normal_(generator=generator))[0]


@chaff("The noise has the dtype of self.origin, whichever that is.")
class Flow(nn.Module):
    def __init__(self, dim: int, layers: list[nn.Module]):
        super().__init__()
        self.dim, self.layers = dim, nn.ModuleList(layers)
        self.register_buffer("origin", torch.zeros(dim))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        total = x.new_zeros(len(x))
        for layer in self.layers:
            x, logdet = layer(x)
            total = total + logdet
        return x, total

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        total = z.new_zeros(len(z))
        for layer in reversed(self.layers):
            z, logdet = layer.inverse(z)
            total = total + logdet
        return z, total

    def log_prob(self, x: Tensor) -> Tensor:
        z, logdet = self.forward(x)
        return -0.5 * (z.square() + math.log(2 * math.pi)).sum(-1) + logdet

    def sample(self, n: int, generator: Generator | None = None) -> Tensor:
        return self.inverse(torch.randn(n, self.dim, generator=generator, dtype=torch.float32))[0]


@chaff("Without a generator sample draws from the global one.")
class Flow(nn.Module):
    def __init__(self, dim: int, layers: list[nn.Module]):
        super().__init__()
        self.dim, self.layers = dim, nn.ModuleList(layers)
        self.register_buffer("origin", torch.zeros(dim))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        total = x.new_zeros(len(x))
        for layer in self.layers:
            x, logdet = layer(x)
            total = total + logdet
        return x, total

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        total = z.new_zeros(len(z))
        for layer in reversed(self.layers):
            z, logdet = layer.inverse(z)
            total = total + logdet
        return z, total

    def log_prob(self, x: Tensor) -> Tensor:
        z, logdet = self.forward(x)
        return -0.5 * (z.square() + math.log(2 * math.pi)).sum(-1) + logdet

    def sample(self, n: int, generator: Generator | None = None) -> Tensor:
        noise = torch.randn(n, self.dim, generator=generator, device=generator.device, dtype=self.origin.dtype)
        return self.inverse(noise)[0]
