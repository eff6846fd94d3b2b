"""Three densities in the plane whose samples look hard and whose log-density is known: ring8, moons, checkerboard.

Each is an object with `sample(n, generator)`, `log_prob(x)` and `entropy`, in nats. Draws depend on the generator
alone; without one, on torch's global generator. Everything has the default dtype of torch unless `x` says otherwise.

    import densities
    x = densities.moons.sample(1000, torch.Generator().manual_seed(0))     # (1000, 2)
    densities.moons.log_prob(x).mean()                                     # close to -densities.moons.entropy
    densities.Ring8(radius=4.0, std=0.05)                                  # the same ring, harder
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property

import torch
from torch import Generator, Tensor


class Ring8:
    """Eight equal Gaussians N(centre, std^2 I) on a circle of radius `radius`; centre j at angle 2 pi j / 8."""

    modes = 8

    def __init__(self, radius: float = 2.0, std: float = 0.1) -> None:
        self.radius, self.std = radius, std

    @property
    def centers(self) -> Tensor:
        """The eight means, (8, 2)."""
        angle = 2 * math.pi * torch.arange(self.modes, dtype=torch.get_default_dtype()) / self.modes
        return self.radius * torch.stack([angle.cos(), angle.sin()], dim=-1)

    def sample(self, n: int, generator: Generator | None = None) -> Tensor:
        """Return `n` draws, (n, 2)."""
        mode = torch.randint(self.modes, (n,), generator=generator)
        return self.centers[mode] + self.std * torch.randn(n, 2, generator=generator)

    def log_prob(self, x: Tensor) -> Tensor:
        """Return the exact log-density in nats: (..., 2) -> (...)."""
        square = (x.unsqueeze(-2) - self.centers.to(x)).square().sum(-1)
        constant = math.log(2 * math.pi * self.std**2) + math.log(self.modes)
        return torch.logsumexp(-square / (2 * self.std**2), dim=-1) - constant

    @cached_property
    def entropy(self) -> float:
        """The differential entropy in nats, by quadrature."""
        return _entropy(self.log_prob, 1.2 * self.radius + 6 * self.std, self.std / 4)


class Moons:
    """Two half circles of radius 1 with Gaussian noise `std`: uniform along the arcs, centres (0, 0) and (1, 1/2)."""

    arc_points = 400  # of the midpoint rule along each arc: spacing 0.008, far below std

    def __init__(self, std: float = 0.1) -> None:
        self.std = std

    @staticmethod
    def _arcs(t: Tensor) -> tuple[Tensor, Tensor]:
        upper = torch.stack([t.cos(), t.sin()], dim=-1)
        return upper, torch.stack([1 - t.cos(), 0.5 - t.sin()], dim=-1)

    def sample(self, n: int, generator: Generator | None = None) -> Tensor:
        """Return `n` draws, (n, 2)."""
        t = math.pi * torch.rand(n, generator=generator)
        lower = torch.rand(n, 1, generator=generator) < 0.5
        first, second = self._arcs(t)
        return torch.where(lower, second, first) + self.std * torch.randn(n, 2, generator=generator)

    def log_prob(self, x: Tensor) -> Tensor:
        """Return the log-density in nats, (..., 2) -> (...): the integral along the arcs by the midpoint rule."""
        t = (torch.arange(self.arc_points, dtype=torch.float64, device=x.device) + 0.5) * (math.pi / self.arc_points)
        means = torch.cat(self._arcs(t))
        flat = x.reshape(-1, 2).double()
        constant = math.log(2 * math.pi * self.std**2) + math.log(len(means))
        value = flat.new_empty(len(flat))  # filled in place: small results between large ones would keep their memory
        for start in range(0, len(flat), 4096):  # 4096 x 800 distances at a time
            part = slice(start, start + 4096)
            value[part] = torch.logsumexp(-torch.cdist(flat[part], means).square() / (2 * self.std**2), dim=-1)
        return (value - constant).reshape(x.shape[:-1]).to(x.dtype)

    @cached_property
    def entropy(self) -> float:
        """The differential entropy in nats, by quadrature."""
        return _entropy(self.log_prob, 2.0 + 6 * self.std, self.std / 2)


class Checkerboard:
    """Uniform on the eight dark squares of side 1 of a 4 x 4 board over [-2, 2) x [-2, 2)."""

    entropy = math.log(8)

    def sample(self, n: int, generator: Generator | None = None) -> Tensor:
        """Return `n` draws, (n, 2)."""
        square = torch.randint(8, (n,), generator=generator)
        column, row = square // 2, square % 2
        corner = torch.stack([column - 2, 2 * row - 2 + column % 2], dim=-1)
        return corner + torch.rand(n, 2, generator=generator)

    def log_prob(self, x: Tensor) -> Tensor:
        """Return the log-density in nats, -log 8 on dark squares and -inf elsewhere: (..., 2) -> (...)."""
        inside = ((x >= -2) & (x < 2)).all(-1)
        dark = x.floor().sum(-1).remainder(2) == 0
        return torch.where(inside & dark, -math.log(8), -math.inf).to(x.dtype)


def _entropy(log_prob: Callable[[Tensor], Tensor], half: float, step: float) -> float:
    """Return -E log p by the midpoint rule over a square around (0, 0); `half` holds practically all of the mass."""
    count = round(2 * half / step)
    axis = (torch.arange(count, dtype=torch.float64) + 0.5) * (2 * half / count) - half
    grid = torch.cartesian_prod(axis, axis)
    value = log_prob(grid)
    return -float((value.exp() * value).sum()) * (2 * half / count) ** 2


ring8, moons, checkerboard = Ring8(), Moons(), Checkerboard()
