"""Plausible misconceptions about question 3.1b: each must lose points there."""

import torch
from hwkit import chaff
from torch import Tensor, nn


@chaff("The parameters are set by the first batch only; yours are set anew by every training batch.")
class ActNorm(nn.Module):
    def __init__(self, dim: int):
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(dim))
        self.log_scale = nn.Parameter(torch.zeros(dim))
        self.register_buffer("ready", torch.tensor(False))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if self.training:
            with torch.no_grad():
                self.shift.copy_(-x.mean(0))
                self.log_scale.copy_(-torch.log(x.std(0)))
                self.ready.fill_(True)
        return (x + self.shift) * torch.exp(self.log_scale), self.log_scale.sum().expand(len(x))

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        return z * torch.exp(-self.log_scale) - self.shift, -self.log_scale.sum().expand(len(z))


@chaff("In evaluation mode nothing is set; check self.training.")
class ActNorm(nn.Module):
    def __init__(self, dim: int):
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(dim))
        self.log_scale = nn.Parameter(torch.zeros(dim))
        self.register_buffer("ready", torch.tensor(False))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if not self.ready:
            with torch.no_grad():
                self.shift.copy_(-x.mean(0))
                self.log_scale.copy_(-torch.log(x.std(0)))
                self.ready.fill_(True)
        return (x + self.shift) * torch.exp(self.log_scale), self.log_scale.sum().expand(len(x))

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        return z * torch.exp(-self.log_scale) - self.shift, -self.log_scale.sum().expand(len(z))


@chaff("The flag must travel with the state_dict: register it as a buffer.")
class ActNorm(nn.Module):
    def __init__(self, dim: int):
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(dim))
        self.log_scale = nn.Parameter(torch.zeros(dim))
        self.ready = torch.tensor(False)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if self.training and not self.ready:
            with torch.no_grad():
                self.shift.copy_(-x.mean(0))
                self.log_scale.copy_(-torch.log(x.std(0)))
                self.ready.fill_(True)
        return (x + self.shift) * torch.exp(self.log_scale), self.log_scale.sum().expand(len(x))

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        return z * torch.exp(-self.log_scale) - self.shift, -self.log_scale.sum().expand(len(z))


@chaff("logdet is the sum of the log-scales over all dimensions, not their mean.")
class ActNorm(nn.Module):
    def __init__(self, dim: int):
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(dim))
        self.log_scale = nn.Parameter(torch.zeros(dim))
        self.register_buffer("ready", torch.tensor(False))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if self.training and not self.ready:
            with torch.no_grad():
                self.shift.copy_(-x.mean(0))
                self.log_scale.copy_(-torch.log(x.std(0)))
                self.ready.fill_(True)
        return (x + self.shift) * torch.exp(self.log_scale), self.log_scale.mean().expand(len(x))

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        return z * torch.exp(-self.log_scale) - self.shift, -self.log_scale.sum().expand(len(z))


@chaff("inverse has the log-determinant of its own direction: minus that of forward.")
class ActNorm(nn.Module):
    def __init__(self, dim: int):
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(dim))
        self.log_scale = nn.Parameter(torch.zeros(dim))
        self.register_buffer("ready", torch.tensor(False))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if self.training and not self.ready:
            with torch.no_grad():
                self.shift.copy_(-x.mean(0))
                self.log_scale.copy_(-torch.log(x.std(0)))
                self.ready.fill_(True)
        return (x + self.shift) * torch.exp(self.log_scale), self.log_scale.sum().expand(len(x))

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        return z * torch.exp(-self.log_scale) - self.shift, self.log_scale.sum().expand(len(z))


@chaff("Divide by the standard deviation, not by the variance.")
class ActNorm(nn.Module):
    def __init__(self, dim: int):
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(dim))
        self.log_scale = nn.Parameter(torch.zeros(dim))
        self.register_buffer("ready", torch.tensor(False))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if self.training and not self.ready:
            with torch.no_grad():
                self.shift.copy_(-x.mean(0))
                self.log_scale.copy_(-torch.log(x.var(0)))
                self.ready.fill_(True)
        return (x + self.shift) * torch.exp(self.log_scale), self.log_scale.sum().expand(len(x))

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        return z * torch.exp(-self.log_scale) - self.shift, -self.log_scale.sum().expand(len(z))


@chaff("The constant inside the logarithm is so large that the first batch does not leave with standard deviation 1.")
class ActNorm(nn.Module):
    def __init__(self, dim: int):
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(dim))
        self.log_scale = nn.Parameter(torch.zeros(dim))
        self.register_buffer("ready", torch.tensor(False))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if self.training and not self.ready:
            with torch.no_grad():
                self.shift.copy_(-x.mean(0))
                self.log_scale.copy_(-torch.log(x.std(0) + 0.1))
                self.ready.fill_(True)
        return (x + self.shift) * torch.exp(self.log_scale), self.log_scale.sum().expand(len(x))

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        return z * torch.exp(-self.log_scale) - self.shift, -self.log_scale.sum().expand(len(z))


@chaff("Normalise every dimension by its own mean and spread, not by those of the whole batch.")
class ActNorm(nn.Module):
    def __init__(self, dim: int):
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(dim))
        self.log_scale = nn.Parameter(torch.zeros(dim))
        self.register_buffer("ready", torch.tensor(False))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if self.training and not self.ready:
            with torch.no_grad():
                self.shift.copy_(-x.mean())
                self.log_scale.copy_(-torch.log(x.std(0)))
                self.ready.fill_(True)
        return (x + self.shift) * torch.exp(self.log_scale), self.log_scale.sum().expand(len(x))

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        return z * torch.exp(-self.log_scale) - self.shift, -self.log_scale.sum().expand(len(z))


@chaff(
    "The first batch is normalised by its own statistics, and gradients flow through them: use the parameters that were set."
)
class ActNorm(nn.Module):
    def __init__(self, dim: int):
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(dim))
        self.log_scale = nn.Parameter(torch.zeros(dim))
        self.register_buffer("ready", torch.tensor(False))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if self.training and not self.ready:
            with torch.no_grad():
                self.shift.copy_(-x.mean(0))
                self.log_scale.copy_(-torch.log(x.std(0)))
                self.ready.fill_(True)
            return (x - x.mean(0)) / x.std(0), -x.std(0).log().sum().expand(len(x))
        return (x + self.shift) * torch.exp(self.log_scale), self.log_scale.sum().expand(len(x))

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        return z * torch.exp(-self.log_scale) - self.shift, -self.log_scale.sum().expand(len(z))


@chaff("Undo in reverse order: divide by the scale first, then subtract the shift.")
class ActNorm(nn.Module):
    def __init__(self, dim: int):
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(dim))
        self.log_scale = nn.Parameter(torch.zeros(dim))
        self.register_buffer("ready", torch.tensor(False))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if self.training and not self.ready:
            with torch.no_grad():
                self.shift.copy_(-x.mean(0))
                self.log_scale.copy_(-torch.log(x.std(0)))
                self.ready.fill_(True)
        return (x + self.shift) * torch.exp(self.log_scale), self.log_scale.sum().expand(len(x))

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        return (z - self.shift) * torch.exp(-self.log_scale), -self.log_scale.sum().expand(len(z))


@chaff("Set the parameters in place: an optimiser that was made before holds the old ones, which nobody uses any more.")
class ActNorm(nn.Module):
    def __init__(self, dim: int):
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(dim))
        self.log_scale = nn.Parameter(torch.zeros(dim))
        self.register_buffer("ready", torch.tensor(False))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if self.training and not self.ready:
            self.shift = nn.Parameter(-x.detach().mean(0))
            self.log_scale = nn.Parameter(-torch.log(x.detach().std(0)))
            self.ready.fill_(True)
        return (x + self.shift) * torch.exp(self.log_scale), self.log_scale.sum().expand(len(x))

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        return z * torch.exp(-self.log_scale) - self.shift, -self.log_scale.sum().expand(len(z))


@chaff("Only a batch that goes forward sets the parameters; before it inverse is the identity.")
class ActNorm(nn.Module):
    def __init__(self, dim: int):
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(dim))
        self.log_scale = nn.Parameter(torch.zeros(dim))
        self.register_buffer("ready", torch.tensor(False))

    @torch.no_grad()
    def start(self, x: Tensor) -> None:
        if self.training and not self.ready:
            self.shift.copy_(-x.mean(0))
            self.log_scale.copy_(-torch.log(x.std(0)))
            self.ready.fill_(True)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        self.start(x)
        return (x + self.shift) * torch.exp(self.log_scale), self.log_scale.sum().expand(len(x))

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        self.start(z)
        return z * torch.exp(-self.log_scale) - self.shift, -self.log_scale.sum().expand(len(z))
