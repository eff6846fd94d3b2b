"""Valid alternatives of question 3.1b: each must get full marks."""

import torch
from hwkit import wheat
from torch import Tensor, nn


@wheat("scale first, then shift; biased standard deviation")
class ActNorm(nn.Module):
    def __init__(self, dim: int):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(dim))
        self.log_s = nn.Parameter(torch.zeros(dim))
        self.register_buffer("ready", torch.zeros(()))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if self.training and self.ready == 0:
            self.log_s.data = -torch.log(x.data.std(dim=0, unbiased=False) + 1e-7)
            self.bias.data = -x.data.mean(dim=0) * self.log_s.data.exp()
            self.ready.fill_(1)
        return x * self.log_s.exp() + self.bias, self.log_s.sum().repeat(len(x))

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        return (z - self.bias) / self.log_s.exp(), -self.log_s.sum().repeat(len(z))


@wheat("a scale instead of its logarithm")
class ActNorm(nn.Module):
    def __init__(self, dim: int):
        super().__init__()
        self.loc = nn.Parameter(torch.zeros(1, dim))
        self.scale = nn.Parameter(torch.ones(1, dim))
        self.register_buffer("initialized", torch.zeros(1))

    @torch.no_grad()
    def set_from(self, x):
        self.loc.copy_(x.mean(0, keepdim=True))
        self.scale.copy_(x.std(0, keepdim=True))
        self.initialized.fill_(True)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if self.training and not self.initialized:
            self.set_from(x)
        logdet = -self.scale.log().sum()
        return (x - self.loc) / self.scale, logdet.repeat(x.shape[0])

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        logdet = self.scale.log().sum()
        return z * self.scale + self.loc, logdet.repeat(z.shape[0])
