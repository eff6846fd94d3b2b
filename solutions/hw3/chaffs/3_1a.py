"""Plausible misconceptions about question 3.1a: each must lose points there."""

import torch
from hwkit import chaff
from torch import Tensor, nn


@chaff("forward multiplies by exp(s), so its log-determinant is +sum s; yours has the sign of the inverse.")
class AffineCoupling(nn.Module):
    def __init__(self, dim: int, mask: Tensor, hidden: int = 64, net: nn.Module | None = None):
        super().__init__()
        self.register_buffer("mask", mask)
        self.net = nn.Sequential(nn.Linear(dim, hidden), nn.ReLU(), nn.Linear(hidden, 2 * dim)) if net is None else net

    def parts(self, x):
        keep = self.mask.to(x.dtype)
        raw, shift = self.net(x * keep).chunk(2, dim=-1)
        return torch.tanh(raw) * (1 - keep), shift * (1 - keep)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        s, t = self.parts(x)
        return x * s.exp() + t, -s.sum(-1)

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        s, t = self.parts(z)
        return (z - t) * torch.exp(-s), -s.sum(-1)


@chaff("inverse returns the log-determinant of its own direction, minus that of forward.")
class AffineCoupling(nn.Module):
    def __init__(self, dim: int, mask: Tensor, hidden: int = 64, net: nn.Module | None = None):
        super().__init__()
        self.register_buffer("mask", mask)
        self.net = nn.Sequential(nn.Linear(dim, hidden), nn.ReLU(), nn.Linear(hidden, 2 * dim)) if net is None else net

    def parts(self, x):
        keep = self.mask.to(x.dtype)
        raw, shift = self.net(x * keep).chunk(2, dim=-1)
        return torch.tanh(raw) * (1 - keep), shift * (1 - keep)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        s, t = self.parts(x)
        return x * s.exp() + t, s.sum(-1)

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        s, t = self.parts(z)
        return (z - t) * torch.exp(-s), s.sum(-1)


@chaff("Scale and shift are zero where the mask is True: multiply both by (1 - mask).")
class AffineCoupling(nn.Module):
    def __init__(self, dim: int, mask: Tensor, hidden: int = 64, net: nn.Module | None = None):
        super().__init__()
        self.register_buffer("mask", mask)
        self.net = nn.Sequential(nn.Linear(dim, hidden), nn.ReLU(), nn.Linear(hidden, 2 * dim)) if net is None else net

    def parts(self, x):
        keep = self.mask.to(x.dtype)
        raw, shift = self.net(x * keep).chunk(2, dim=-1)
        return torch.tanh(raw), shift * (1 - keep)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        s, t = self.parts(x)
        return x * s.exp() + t, s.sum(-1)

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        s, t = self.parts(z)
        return (z - t) * torch.exp(-s), -s.sum(-1)


@chaff("The shift also has to be zero where the mask is True, or passing coordinates move.")
class AffineCoupling(nn.Module):
    def __init__(self, dim: int, mask: Tensor, hidden: int = 64, net: nn.Module | None = None):
        super().__init__()
        self.register_buffer("mask", mask)
        self.net = nn.Sequential(nn.Linear(dim, hidden), nn.ReLU(), nn.Linear(hidden, 2 * dim)) if net is None else net

    def parts(self, x):
        keep = self.mask.to(x.dtype)
        raw, shift = self.net(x * keep).chunk(2, dim=-1)
        return torch.tanh(raw) * (1 - keep), shift

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        s, t = self.parts(x)
        return x * s.exp() + t, s.sum(-1)

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        s, t = self.parts(z)
        return (z - t) * torch.exp(-s), -s.sum(-1)


@chaff("The net may see only what passes: give it x times the mask, or it sees what it transforms.")
class AffineCoupling(nn.Module):
    def __init__(self, dim: int, mask: Tensor, hidden: int = 64, net: nn.Module | None = None):
        super().__init__()
        self.register_buffer("mask", mask)
        self.net = nn.Sequential(nn.Linear(dim, hidden), nn.ReLU(), nn.Linear(hidden, 2 * dim)) if net is None else net

    def parts(self, x):
        keep = self.mask.to(x.dtype)
        raw, shift = self.net(x).chunk(2, dim=-1)
        return torch.tanh(raw) * (1 - keep), shift * (1 - keep)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        s, t = self.parts(x)
        return x * s.exp() + t, s.sum(-1)

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        s, t = self.parts(z)
        return (z - t) * torch.exp(-s), -s.sum(-1)


@chaff("logdet is one number per example: sum over dimensions, not over the batch.")
class AffineCoupling(nn.Module):
    def __init__(self, dim: int, mask: Tensor, hidden: int = 64, net: nn.Module | None = None):
        super().__init__()
        self.register_buffer("mask", mask)
        self.net = nn.Sequential(nn.Linear(dim, hidden), nn.ReLU(), nn.Linear(hidden, 2 * dim)) if net is None else net

    def parts(self, x):
        keep = self.mask.to(x.dtype)
        raw, shift = self.net(x * keep).chunk(2, dim=-1)
        return torch.tanh(raw) * (1 - keep), shift * (1 - keep)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        s, t = self.parts(x)
        return x * s.exp() + t, s.sum().expand(len(x))

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        s, t = self.parts(z)
        return (z - t) * torch.exp(-s), -s.sum(-1)


@chaff("The log-determinant is a sum of log-scales over dimensions, not their product or their mean.")
class AffineCoupling(nn.Module):
    def __init__(self, dim: int, mask: Tensor, hidden: int = 64, net: nn.Module | None = None):
        super().__init__()
        self.register_buffer("mask", mask)
        self.net = nn.Sequential(nn.Linear(dim, hidden), nn.ReLU(), nn.Linear(hidden, 2 * dim)) if net is None else net

    def parts(self, x):
        keep = self.mask.to(x.dtype)
        raw, shift = self.net(x * keep).chunk(2, dim=-1)
        return torch.tanh(raw) * (1 - keep), shift * (1 - keep)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        s, t = self.parts(x)
        return x * s.exp() + t, s.mean(-1)

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        s, t = self.parts(z)
        return (z - t) * torch.exp(-s), -s.sum(-1)


@chaff("forward and inverse must use the same scale: exp(s) one way, exp(-s) back.")
class AffineCoupling(nn.Module):
    def __init__(self, dim: int, mask: Tensor, hidden: int = 64, net: nn.Module | None = None):
        super().__init__()
        self.register_buffer("mask", mask)
        self.net = nn.Sequential(nn.Linear(dim, hidden), nn.ReLU(), nn.Linear(hidden, 2 * dim)) if net is None else net

    def parts(self, x):
        keep = self.mask.to(x.dtype)
        raw, shift = self.net(x * keep).chunk(2, dim=-1)
        return torch.tanh(raw) * (1 - keep), shift * (1 - keep)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        s, t = self.parts(x)
        return x * s.exp() + t, s.sum(-1)

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        s, t = self.parts(z)
        return (z - t) * torch.exp(s), -s.sum(-1)


@chaff("Undo in reverse order: subtract the shift first, then divide by the scale.")
class AffineCoupling(nn.Module):
    def __init__(self, dim: int, mask: Tensor, hidden: int = 64, net: nn.Module | None = None):
        super().__init__()
        self.register_buffer("mask", mask)
        self.net = nn.Sequential(nn.Linear(dim, hidden), nn.ReLU(), nn.Linear(hidden, 2 * dim)) if net is None else net

    def parts(self, x):
        keep = self.mask.to(x.dtype)
        raw, shift = self.net(x * keep).chunk(2, dim=-1)
        return torch.tanh(raw) * (1 - keep), shift * (1 - keep)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        s, t = self.parts(x)
        return x * s.exp() + t, s.sum(-1)

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        s, t = self.parts(z)
        return z * torch.exp(-s) - t, -s.sum(-1)


@chaff("True passes: the mask is the wrong way round.")
class AffineCoupling(nn.Module):
    def __init__(self, dim: int, mask: Tensor, hidden: int = 64, net: nn.Module | None = None):
        super().__init__()
        self.register_buffer("mask", mask)
        self.net = nn.Sequential(nn.Linear(dim, hidden), nn.ReLU(), nn.Linear(hidden, 2 * dim)) if net is None else net

    def parts(self, x):
        keep = (~self.mask).to(x.dtype)
        raw, shift = self.net(x * keep).chunk(2, dim=-1)
        return torch.tanh(raw) * (1 - keep), shift * (1 - keep)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        s, t = self.parts(x)
        return x * s.exp() + t, s.sum(-1)

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        s, t = self.parts(z)
        return (z - t) * torch.exp(-s), -s.sum(-1)


@chaff("A detach keeps the log-determinant's gradient from the network.")
class AffineCoupling(nn.Module):
    def __init__(self, dim: int, mask: Tensor, hidden: int = 64, net: nn.Module | None = None):
        super().__init__()
        self.register_buffer("mask", mask)
        self.net = nn.Sequential(nn.Linear(dim, hidden), nn.ReLU(), nn.Linear(hidden, 2 * dim)) if net is None else net

    def parts(self, x):
        keep = self.mask.to(x.dtype)
        raw, shift = self.net(x * keep).chunk(2, dim=-1)
        return torch.tanh(raw) * (1 - keep), shift * (1 - keep)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        s, t = self.parts(x)
        return x * s.exp() + t, s.detach().sum(-1)

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        s, t = self.parts(z)
        return (z - t) * torch.exp(-s), -s.sum(-1)


@chaff("Raw scales are the first half of the net's output and shifts the second half, not every other entry.")
class AffineCoupling(nn.Module):
    def __init__(self, dim: int, mask: Tensor, hidden: int = 64, net: nn.Module | None = None):
        super().__init__()
        self.register_buffer("mask", mask)
        self.net = (
            net if net is not None else nn.Sequential(nn.Linear(dim, hidden), nn.ReLU(), nn.Linear(hidden, 2 * dim))
        )

    def scale_and_shift(self, x: Tensor) -> tuple[Tensor, Tensor]:
        free = (~self.mask).to(x.dtype)
        out = self.net(x * (1 - free))
        return free * torch.tanh(out[:, ::2]), free * out[:, 1::2]

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        s, t = self.scale_and_shift(x)
        return x * torch.exp(s) + t, s.sum(-1)

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        s, t = self.scale_and_shift(z)
        return (z - t) * torch.exp(-s), -s.sum(-1)
