"""The synthetic cells: reproducible, normalised, with the moments and the likelihood that their docstrings state."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

PATH = Path(__file__).parents[2] / "solutions" / "common" / "synthetic_cells.py"


@pytest.fixture(scope="module")
def cells() -> Any:
    """The module, from its file."""
    spec = importlib.util.spec_from_file_location("synthetic_cells", PATH)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["synthetic_cells"] = module
    spec.loader.exec_module(module)
    return module


def generator(seed: int) -> torch.Generator:
    """A generator in a known state."""
    made = torch.Generator()
    made.manual_seed(seed)
    return made


def test_same_generator_gives_the_same_cells(cells: Any) -> None:
    """Equal generator states give equal cells, other states other cells, and the programmes never change."""
    world = cells.SyntheticCells()
    first, again, other = (world.sample(20, generator(seed))[0] for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(world.programme, cells.SyntheticCells().programme)


def test_counts_have_the_stated_moments(cells: Any) -> None:
    """Counts scatter around the true means with variance mu + mu^2 / theta; shapes and dtypes are as documented."""
    world = cells.SyntheticCells()
    counts, kind, mu = world.sample(4000, generator(0))
    assert counts.shape == mu.shape == (4000, 100)
    assert (counts.dtype, kind.dtype, mu.dtype) == (torch.float32, torch.int64, torch.float32)
    assert set(kind.tolist()) == set(range(6))
    variance = mu + mu.square() / world.theta
    standardised = (counts - mu) / variance.clamp_min(1e-9).sqrt()
    expressed = mu > 0.5
    assert abs(float(standardised[expressed].mean())) < 0.01
    assert abs(float(standardised[expressed].var()) - 1) < 0.03


def test_log_prob_is_normalised(cells: Any) -> None:
    """With two genes of low counts, exp(log_prob) sums to one over all counts that matter."""
    world = cells.SyntheticCells(genes=2, types=2, seed=1)
    mean, sd = cells.LIBRARY_MEAN, cells.LIBRARY_SD
    cells.LIBRARY_MEAN, cells.LIBRARY_SD = 1.0, 0.4
    try:
        grid = torch.cartesian_prod(torch.arange(120.0), torch.arange(120.0))
        assert abs(float(world.log_prob(grid).exp().sum()) - 1) < 1e-6
    finally:
        cells.LIBRARY_MEAN, cells.LIBRARY_SD = mean, sd


def test_conditional_log_prob_is_the_negative_binomial_of_torch(cells: Any) -> None:
    """log_prob_given equals torch's negative binomial with the same mean and inverse dispersion."""
    world = cells.SyntheticCells()
    counts, _, mu = world.sample(30, generator(1))
    wide = mu.double()
    law = torch.distributions.NegativeBinomial(torch.tensor(world.theta).double(), logits=(wide / world.theta).log())
    assert torch.allclose(world.log_prob_given(counts, mu), law.log_prob(counts.double()).sum(-1))


def test_marginal_is_exact_and_below_the_conditional_on_average(cells: Any) -> None:
    """A finer grid changes log p by less than 1e-8; knowing the true means helps, by less than the prior's entropy."""
    world = cells.SyntheticCells()
    counts, _, mu = world.sample(200, generator(2))
    exact = world.log_prob(counts)
    assert float((exact - world.log_prob(counts, points=1601)).abs().max()) < 1e-8
    assert 0 < float((world.log_prob_given(counts, mu) - exact).mean()) < 10


def test_adjusted_rand_index_ignores_names(cells: Any) -> None:
    """Renamed clusters agree fully, unrelated ones hardly, and the value equals scikit-learn's."""
    metrics = pytest.importorskip("sklearn.metrics")
    a = torch.randint(5, (500,), generator=generator(5))
    b = torch.where(torch.rand(500, generator=generator(6)) < 0.4, torch.randint(4, (500,), generator=generator(7)), a)
    assert cells.adjusted_rand_index(a, (a * 7 + 3) % 11) == 1
    expected = metrics.adjusted_rand_score(a.numpy(), b.numpy())
    assert abs(cells.adjusted_rand_index(a, b) - expected) < 1e-12
    assert abs(cells.adjusted_rand_index(a, torch.randint(5, (500,), generator=generator(8)))) < 0.02


def test_kmeans_finds_separated_clusters(cells: Any) -> None:
    """Six well separated clouds are found exactly, whatever the seed."""
    kind = torch.randint(6, (300,), generator=generator(9))
    centres = 20 * torch.randn(6, 3, generator=generator(10))
    x = centres[kind] + 0.3 * torch.randn(300, 3, generator=generator(11))
    for seed in range(3):
        assert cells.adjusted_rand_index(kind, cells.kmeans(x, 6, seed=seed)) == 1
