"""Valid alternatives of question 3.1a: each must get full marks."""

import torch
from hwkit import wheat
from torch import Tensor, nn


@wheat("scales from a sigmoid, chosen by index instead of by mask arithmetic")
class AffineCoupling(nn.Module):
    def __init__(self, dim: int, mask: Tensor, hidden: int = 64, net: nn.Module | None = None):
        super().__init__()
        self.register_buffer("mask", mask.clone())
        self.net = nn.Sequential(nn.Linear(dim, hidden), nn.Tanh(), nn.Linear(hidden, 2 * dim)) if net is None else net

    def parts(self, x):
        raw, shift = self.net(torch.where(self.mask, x, torch.zeros_like(x))).chunk(2, dim=-1)
        return torch.sigmoid(raw + 2), shift

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        scale, shift = self.parts(x)
        z = torch.where(self.mask, x, scale * x + shift)
        return z, scale[:, ~self.mask].log().sum(-1)

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        scale, shift = self.parts(z)
        x = torch.where(self.mask, z, (z - shift) / scale)
        return x, -scale[:, ~self.mask].log().sum(-1)


@wheat("shift before scaling, a learnable bound on the log-scale, float mask")
class AffineCoupling(nn.Module):
    def __init__(self, dim: int, mask: Tensor, hidden: int = 64, net: nn.Module | None = None):
        super().__init__()
        self.register_buffer("m", mask.to(torch.get_default_dtype()))
        self.bound = nn.Parameter(torch.zeros(dim))
        self.net = (
            net if net is not None else nn.Sequential(nn.Linear(dim, hidden), nn.ReLU(), nn.Linear(hidden, 2 * dim))
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        out = self.net(x * self.m)
        half = out.shape[1] // 2
        s = (1 - self.m) * torch.tanh(out[:, :half]) * self.bound.exp()
        t = out[:, half:]
        return self.m * x + (1 - self.m) * (x + t) * s.exp(), s.sum(dim=-1)

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        out = self.net(z * self.m)
        half = out.shape[1] // 2
        s = (1 - self.m) * torch.tanh(out[:, :half]) * self.bound.exp()
        t = out[:, half:]
        return self.m * z + (1 - self.m) * (z * torch.exp(-s) - t), s.sum(dim=-1).neg()


@wheat("exponential of clipped raw scales, the inverse written first")
class AffineCoupling(nn.Module):
    def __init__(self, dim: int, mask: Tensor, hidden: int = 64, net: nn.Module | None = None):
        super().__init__()
        self.register_buffer("free", ~mask)
        self.net = nn.Sequential(nn.Linear(dim, hidden), nn.ELU(), nn.Linear(hidden, 2 * dim)) if net is None else net

    def log_scale(self, x):
        raw, shift = self.net(x.masked_fill(self.free, 0.0)).split(x.shape[-1], dim=-1)
        return raw.clamp(-4, 4).masked_fill(~self.free, 0.0), shift.masked_fill(~self.free, 0.0)

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        s, t = self.log_scale(z)
        return (z - t) / s.exp(), torch.einsum("bd->b", -s)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        s, t = self.log_scale(x)
        return t + x * s.exp(), torch.einsum("bd->b", s)
