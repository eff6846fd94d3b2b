"""The statistical assertions: super-uniform p-values on correct samples, failures on wrong ones, exact small cases."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from autograder import statistical
from autograder.testing import LawViolation

if TYPE_CHECKING:
    from collections.abc import Callable

REPEATS = 300


def gaussian_log_prob(x: torch.Tensor) -> torch.Tensor:
    """Standard normal log-density of (n, d)."""
    return -0.5 * (x.square() + math.log(2 * math.pi)).sum(-1)


def independent_scaled(g: np.random.Generator, spread: float) -> None:
    """Test pairs that share their noise (spread 0), or only its scale (spread 1)."""
    noise = g.standard_normal((2, 2000))
    if spread == 0:
        noise[1] = noise[0]
    scale = np.exp(spread * g.standard_normal(2000))
    statistical.assert_independent(scale * noise[0], scale * noise[1])


CORRECT: dict[str, Callable[[np.random.Generator], None]] = {
    "mean-sd": lambda g: statistical.assert_mean_close(2 + 3 * g.standard_normal(40), 2, sd=3),
    "mean-bounds": lambda g: statistical.assert_mean_close(g.random(40) < 0.2, 0.2, bounds=(0, 1)),
    "mean-columns": lambda g: statistical.assert_mean_close(g.random((40, 2)), np.full(2, 0.5), bounds=(0, 1)),
    "var": lambda g: statistical.assert_var_close(3 * g.standard_normal(40), 9),
    "var-known-mean": lambda g: statistical.assert_var_close(g.standard_normal(40), 1, mean=0),
    "cdf": lambda g: statistical.assert_cdf(g.standard_normal(60), statistical.normal_cdf()),
    "probs": lambda g: statistical.assert_probs(g.multinomial(50, [0.5, 0.3, 0.19, 0.01]), [0.5, 0.3, 0.19, 0.01]),
    "independent": lambda g: statistical.assert_independent(g.standard_normal(50), g.standard_cauchy(50)),
    "independent-ties": lambda g: statistical.assert_independent(g.integers(0, 3, 50), g.integers(0, 2, 50)),
    "same": lambda g: statistical.assert_same_distribution(g.exponential(size=60), g.exponential(size=60)),
    "same-2d": lambda g: statistical.assert_same_distribution(g.random((50, 2)), g.random((60, 2))),
}

WRONG: dict[str, Callable[[np.random.Generator], None]] = {
    "mean off by half a sd": lambda g: statistical.assert_mean_close(0.5 + g.standard_normal(1000), 0, sd=1),
    "1 - p for p": lambda g: statistical.assert_mean_close(g.random(1000) < 0.7, 0.3, bounds=(0, 1)),
    "one column of many": lambda g: statistical.assert_mean_close(
        g.random((2000, 4)) < [0.5, 0.5, 0.5, 0.7], np.full(4, 0.5), bounds=(0, 1)
    ),
    "outside the bounds": lambda g: statistical.assert_mean_close(g.standard_normal(1000), 0, bounds=(-1, 1)),
    "variance for standard deviation": lambda g: statistical.assert_var_close(4 * g.standard_normal(1000), 4),
    "uniform for normal": lambda g: statistical.assert_cdf(g.random(1000), statistical.normal_cdf()),
    "no noise": lambda _: statistical.assert_cdf(np.zeros(1000), statistical.normal_cdf()),
    "never the last outcome": lambda g: statistical.assert_probs(
        np.bincount(g.integers(0, 7, 1000), minlength=8), np.full(8, 1 / 8)
    ),
    "impossible outcome": lambda _: statistical.assert_probs([999, 1], [1.0, 0.0]),
    "same noise twice": lambda g: independent_scaled(g, 0.0),
    "shared scale": lambda g: independent_scaled(g, 1.0),
    "constant side": lambda g: statistical.assert_independent(np.ones(100), g.random(100)),
    "other law": lambda g: statistical.assert_same_distribution(g.random(1000), g.standard_normal(1000)),
    "other correlation": lambda g: statistical.assert_same_distribution(
        g.standard_normal((3000, 2)), np.repeat(g.standard_normal((3000, 1)), 2, axis=1)
    ),
    "missing constant": lambda _: statistical.assert_integrates_to_one(lambda x: -0.5 * x.square().sum(-1), [(-9, 9)]),
    "wrong shape": lambda _: statistical.assert_integrates_to_one(lambda x: x, [(0, 1)]),
    "not a number": lambda _: statistical.assert_mean_close([math.nan, 0, 0, 0], 0, sd=1),
}


@pytest.fixture
def p_values(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Collects the p-value of every assertion made in the test."""
    seen: list[float] = []
    monkeypatch.setattr(statistical, "observer", lambda _name, p, _alpha: seen.append(p))
    return seen


@pytest.mark.parametrize("name", CORRECT)
def test_p_values_are_super_uniform(name: str, p_values: list[float]) -> None:
    """On correct samples, no level t has noticeably more than a share t of p-values below it."""
    generator = np.random.default_rng(7)
    np.random.seed(7)  # the generator that assert_independent uses
    for _ in range(REPEATS):
        CORRECT[name](generator)
    levels = np.sort(p_values)
    excess = float((np.arange(1, REPEATS + 1) / REPEATS - levels).max())
    assert len(levels) == REPEATS
    assert excess <= math.sqrt(math.log(1e4) / (2 * REPEATS))


@pytest.mark.parametrize("name", WRONG)
def test_obvious_bugs_fail(name: str) -> None:
    """A plainly wrong sample is refused, under each of three seeds."""
    for seed in range(3):
        with pytest.raises(LawViolation):
            WRONG[name](np.random.default_rng(seed))


def test_gaussian_mean_test_is_exact() -> None:
    """A mean two standard errors off has the two-sided Gaussian p-value 0.0455."""
    seen: list[float] = []
    statistical.observer = lambda _name, p, _alpha: seen.append(p)
    try:
        statistical.assert_mean_close(np.full(4, 1.0), 0, sd=1)
    finally:
        statistical.observer = None
    assert seen == [pytest.approx(0.04550026)]


def test_two_sample_law_is_exact() -> None:
    """The p-value of the two-sample test equals its share over all orders of two samples of five."""
    n, gaps = 5, Counter[int]()
    for chosen in itertools.combinations(range(2 * n), n):
        rest = [i for i in range(2 * n) if i not in chosen]
        gaps[statistical._largest_gap(np.array(chosen, float), np.array(rest, float))] += 1
    for gap in range(1, n + 1):
        share = sum(count for value, count in gaps.items() if value >= gap) / math.comb(2 * n, n)
        assert statistical._two_sample_p(gap, n) == pytest.approx(share)


def test_binomial_tail_is_exact() -> None:
    """The binomial p-value is twice the smaller tail."""
    n, q = 9, 0.3
    pmf = [math.comb(n, k) * q**k * (1 - q) ** (n - k) for k in range(n + 1)]
    for k in range(n + 1):
        expected = min(1.0, 2 * min(sum(pmf[: k + 1]), sum(pmf[k:])))
        assert statistical._binomial_p(k, n, q) == pytest.approx(expected)


def test_normalised_densities_integrate_to_one() -> None:
    """Standard normal densities integrate to one in one, two and three dimensions."""
    for d, n in ((1, 100), (2, 60), (3, 30)):
        statistical.assert_integrates_to_one(gaussian_log_prob, [(-8, 8)] * d, n)


def test_tensors_and_arrays_agree(p_values: list[float]) -> None:
    """Tensors, also float32 ones with a gradient, are read as arrays are."""
    x = torch.linspace(-2, 2, 50, requires_grad=True)
    statistical.assert_cdf(x, statistical.normal_cdf())
    statistical.assert_cdf(x.detach().numpy(), lambda values: torch.special.ndtr(torch.from_numpy(values)))
    assert p_values[0] == pytest.approx(p_values[1])


def test_message_states_what_was_measured() -> None:
    """The text opens with the author's sentence and gives what was measured and how unlikely it is."""
    with pytest.raises(LawViolation, match=r"^Pixels are off: measured 1 over 100 draws; .* below 1e-07$"):
        statistical.assert_mean_close(torch.ones(100), 0.25, bounds=(0.0, 1.0), message="Pixels are off")


def test_misuse_is_the_authors_error() -> None:
    """No scale, two scales, and a single draw are TypeErrors, not failures of the student."""
    for x, options in (([1.0, 2.0, 3.0], {}), ([1.0, 2.0, 3.0], {"sd": 1, "bounds": (0, 1)}), (1.0, {"sd": 1})):
        with pytest.raises(TypeError):
            statistical.assert_mean_close(x, 0, **options)


FEW: dict[str, Callable[[int], None]] = {
    "probs": lambda n: statistical.assert_probs([n, n], [0.5, 0.5]),
    "mean": lambda n: statistical.assert_mean_close(torch.tensor([0.2, 0.3] * n), 0.25, bounds=(0.0, 1.0)),
    "cdf": lambda n: statistical.assert_cdf((torch.arange(2 * n) + 0.5) / (2 * n), lambda x: x),
    "same": lambda n: statistical.assert_same_distribution(torch.arange(2.0 * n), torch.arange(2.0 * n)),
}


@pytest.mark.parametrize("name", FEW)
def test_so_few_draws_that_none_could_be_wrong_are_refused(name: str) -> None:
    """An answer that holds next to no draws passes no statistical assertion, whatever they are; two hundred do."""
    with pytest.raises(LawViolation, match="too few to tell"):
        FEW[name](2)
    FEW[name](100)


def test_no_draws_have_no_frequencies() -> None:
    """An empty answer is not distributed as it should be."""
    with pytest.raises(LawViolation, match="0 draws are too few"):
        statistical.assert_probs(torch.zeros(3), torch.full((3,), 1 / 3))
