"""Plausible misconceptions about question 2.2a: each must lose points there."""

import torch
from hwkit import chaff
from torch import Tensor, nn


class _Right(nn.Module):
    """A correct network; each chaff spoils one method."""

    def __init__(self, data_dim: int = 64, latent_dim: int = 8, hidden: int = 200):
        super().__init__()
        self.latent_dim = latent_dim
        self.encoder = nn.Sequential(nn.Linear(data_dim, hidden), nn.ReLU(), nn.Linear(hidden, 2 * latent_dim))
        self.decoder = nn.Sequential(nn.Linear(latent_dim, hidden), nn.ReLU(), nn.Linear(hidden, data_dim))

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mu, logvar = self.encoder(x).chunk(2, dim=-1)
        return mu, logvar

    def decode(self, z: Tensor) -> Tensor:
        return self.decoder(z)

    def cost(self, x: Tensor, z: Tensor) -> Tensor:
        logits = self.decode(z)
        return nn.functional.binary_cross_entropy_with_logits(logits, x.expand_as(logits), reduction="none")

    def log_likelihood(self, x: Tensor, z: Tensor) -> Tensor:
        return -self.cost(x, z).sum(-1)


@chaff("A mean over pixels divides the reconstruction by the number of pixels, and the divergence wins. Sum.")
class VAE(_Right):
    def log_likelihood(self, x: Tensor, z: Tensor) -> Tensor:
        return -self.cost(x, z).mean(-1)


@chaff("binary cross-entropy is the negative log-likelihood: mind the sign.")
class VAE(_Right):
    def log_likelihood(self, x: Tensor, z: Tensor) -> Tensor:
        return self.cost(x, z).sum(-1)


@chaff("decode returns logits; a sigmoid in decode, or a loss on probabilities, rounds to log 0.")
class VAE(_Right):
    def decode(self, z: Tensor) -> Tensor:
        return torch.sigmoid(self.decoder(z))

    def log_likelihood(self, x: Tensor, z: Tensor) -> Tensor:
        p = self.decode(z)
        return (x * torch.log(p) + (1 - x) * torch.log(1 - p)).sum(-1)


@chaff("The log-likelihood is computed from rounded probabilities: use the logits.")
class VAE(_Right):
    def log_likelihood(self, x: Tensor, z: Tensor) -> Tensor:
        p = torch.sigmoid(self.decode(z))
        return torch.log(torch.where(x > 0, p, 1 - p)).sum(-1)


@chaff("A sigmoid is applied twice: binary_cross_entropy_with_logits wants logits.")
class VAE(_Right):
    def log_likelihood(self, x: Tensor, z: Tensor) -> Tensor:
        p = torch.sigmoid(self.decode(z))
        return -nn.functional.binary_cross_entropy_with_logits(p, x.expand_as(p), reduction="none").sum(-1)


@chaff("encode returns a log-variance, any real number: softplus or exp makes it something else.")
class VAE(_Right):
    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mu, logvar = super().encode(x)
        return mu, nn.functional.softplus(logvar)


@chaff("Mean and log-variance are two halves of the output, not the same numbers.")
class VAE(_Right):
    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mu, _ = super().encode(x)
        return mu, mu


@chaff("The logits of a decoder are any numbers: a sigmoid in decode leaves each between 0 and 1.")
class VAE(_Right):
    def decode(self, z: Tensor) -> Tensor:
        return torch.sigmoid(self.decoder(z))


@chaff("An epsilon inside the logarithm hides the rounding: the log-likelihood of a sure pixel is wrong.")
class VAE(_Right):
    def log_likelihood(self, x: Tensor, z: Tensor) -> Tensor:
        p = torch.sigmoid(self.decode(z))
        return (x * torch.log(p + 1e-8) + (1 - x) * torch.log(1 - p + 1e-8)).sum(-1)


@chaff("Nothing squashes or clamps the log-variance: it is any number, of either sign.")
class VAE(_Right):
    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mu, logvar = self.encoder(x).chunk(2, dim=-1)
        return mu, logvar.clamp(-10, 10)


@chaff("Only the first draw is decoded: K draws have K log-likelihoods per example.")
class VAE(_Right):
    def log_likelihood(self, x: Tensor, z: Tensor) -> Tensor:
        return -self.cost(x, z[:1]).sum(-1).expand(z.shape[:-1])


@chaff("A detach cuts the mean off from the loss: the encoder learns its log-variance only.")
class VAE(_Right):
    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mu, logvar = self.encoder(x).chunk(2, dim=-1)
        return mu.detach(), logvar
