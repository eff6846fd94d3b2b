"""densities: samplers and log-densities agree, and densities integrate to one."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import pytest
import torch

from autograder import testing

sys.path.insert(0, str(Path(__file__).parents[2] / "solutions" / "common"))

import densities

SMOOTH = {
    "ring8": densities.ring8,
    "hard ring": densities.Ring8(radius=4.0, std=0.25),
    "moons": densities.moons,
    "wide moons": densities.Moons(std=0.3),
}
ALL = {**SMOOTH, "checkerboard": densities.checkerboard}
smooth = pytest.mark.parametrize("density", list(SMOOTH.values()), ids=list(SMOOTH))
every = pytest.mark.parametrize("density", list(ALL.values()), ids=list(ALL))


def generator(seed: int) -> torch.Generator:
    """A generator with a fixed state."""
    return torch.Generator().manual_seed(seed)


@smooth
def test_density_integrates_to_one(density: densities.Ring8 | densities.Moons) -> None:
    """The density integrates to one over a box that holds practically all of it."""
    box = [(-6.0, 6.0), (-6.0, 6.0)]
    testing.assert_integrates_to_one(density.log_prob, box, n=240)


def test_checkerboard_has_eight_dark_squares() -> None:
    """Half of the board has density 1/8, neighbours differ, and outside there is nothing."""
    centre = torch.arange(-4, 4) + 0.5
    x = torch.cartesian_prod(centre, centre)
    value = densities.checkerboard.log_prob(x).reshape(8, 8)
    inside = value[2:6, 2:6]
    assert int((inside == torch.tensor(-math.log(8))).sum()) == 8
    assert bool((inside[:-1].isinf() != inside[1:].isinf()).all())
    assert int(value.isfinite().sum()) == 8


@every
def test_samples_lie_where_the_density_is(density: densities.Ring8 | densities.Moons | densities.Checkerboard) -> None:
    """Samples have finite log-density, whose average over 20000 draws is minus the entropy within five errors."""
    x = density.sample(20_000, generator(0))
    value = density.log_prob(x).double()
    assert x.shape == (20_000, 2)
    assert bool(value.isfinite().all())
    error = float(value.std()) / math.sqrt(len(value))
    assert abs(float(value.mean()) + density.entropy) <= 5 * error + 1e-6


@every
def test_samples_fill_cells_in_proportion(density: densities.Ring8 | densities.Moons | densities.Checkerboard) -> None:
    """The share of samples in each quadrant is the integral of the density there."""
    x = density.sample(4_000, generator(1))
    axis = (torch.arange(480, dtype=torch.float64) + 0.5) / 480 * 12 - 6
    grid = torch.cartesian_prod(axis, axis)
    mass = density.log_prob(grid).exp() * (12 / 480) ** 2
    split = torch.tensor([0.41, 0.13], dtype=torch.float64)  # not an axis of symmetry

    def cell(points: torch.Tensor) -> torch.Tensor:
        return (points > split).long() @ torch.tensor([2, 1])

    share = torch.zeros(4, dtype=torch.float64).index_add(0, cell(grid), mass)
    coarse = 0.01  # the split falls between grid lines, where the checkerboard has steps
    counts = torch.bincount(cell(x), minlength=4)
    assert float((counts / len(x) - share / share.sum()).abs().max()) <= coarse + 5 * 0.5 / math.sqrt(len(x))


@every
def test_draws_follow_the_generator(density: densities.Ring8 | densities.Moons | densities.Checkerboard) -> None:
    """The same generator state gives the same draws, another one others."""
    one, two, three = (density.sample(5, generator(seed)) for seed in (3, 3, 4))
    assert torch.equal(one, two)
    assert not torch.equal(one, three)


@every
def test_log_prob_keeps_shape_and_dtype(density: densities.Ring8 | densities.Moons | densities.Checkerboard) -> None:
    """Leading axes and dtype are kept."""
    x = density.sample(12, generator(5)).double().reshape(3, 4, 2)
    assert density.log_prob(x).shape == (3, 4)
    assert density.log_prob(x).dtype == torch.float64
    assert density.log_prob(x.float()).dtype == torch.float32


def test_ring_is_its_mixture() -> None:
    """ring8 is the mixture of eight Gaussians at its centres."""
    x = densities.ring8.sample(50, generator(6)).double()
    each = torch.distributions.Normal(densities.ring8.centers.double().unsqueeze(1), 0.1).log_prob(x).sum(-1)
    assert torch.allclose(densities.ring8.log_prob(x), torch.logsumexp(each, 0) - math.log(8), atol=1e-4)
