"""Assertions about random results that a correct solution fails with probability at most `alpha`.

Every test here is exact or holds for finite samples: exact Gaussian tails, Chernoff bounds, the inequality of
Dvoretzky, Kiefer and Wolfowitz with Massart's constant (1990), exact binomial tails, the exact two-sample
Kolmogorov-Smirnov law. There is no t-test and no chi-squared test: on heavy tails or small cells they are wrong by
factors of a hundred. Only the standard library and numpy.

Arguments may be tensors or arrays. A failure raises `LawViolation` with a sentence that is safe to show to
students: what was measured, never what was expected. `observer`, when set, receives (assertion, p-value, alpha)
each time; the audit checks that these p-values are super-uniform on correct solutions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

observer: Callable[[str, float, float], None] | None = None


def assert_mean_close(
    x: Any,
    mean: Any,
    *,
    sd: Any = None,
    bounds: tuple[float, float] | None = None,
    alpha: float = 1e-7,
    message: str | None = None,
) -> None:
    """Draws `x` (n, ...) have expectation `mean`, which broadcasts to the shape after the first axis.

    Give exactly one of `sd` (x is Gaussian with this known standard deviation: exact test) and `bounds` (every draw
    lies in [low, high]: Chernoff-Hoeffding bound, any law). Several columns share alpha by Bonferroni. Raises
    LawViolation.
    """
    if (sd is None) == (bounds is None):
        raise TypeError("assert_mean_close needs either sd= (Gaussian draws) or bounds=(low, high)")
    message = message or "The sample mean is off"
    draws = _draws(x, message)
    n, expected = len(draws), _columns(mean, draws)
    average = draws.mean(axis=0).ravel()
    if bounds is not None:
        low, high = bounds
        if draws.min() < low or draws.max() > high:
            _fail(f"{message}: some draws lie outside [{low:g}, {high:g}]")
        width = high - low
        share = (expected - low) / width
        p = 2 * np.exp(-n * _bernoulli_kl((average - low) / width, share))
        farthest = np.maximum(_bernoulli_kl(np.zeros_like(share), share), _bernoulli_kl(np.ones_like(share), share))
        _enough(n, 2 * p.size * float(np.exp(-n * farthest).min()), alpha, message)
    else:
        z = np.abs(average - expected) * math.sqrt(n) / np.maximum(_columns(sd, draws), 1e-300)
        p = np.array([math.erfc(value / math.sqrt(2)) for value in z])
    worst = int(np.argmin(p))
    _decide("mean", p[worst] * p.size, alpha, message, f"measured {average[worst]:.4g} over {n} draws")


def assert_var_close(x: Any, var: Any, *, mean: Any = None, alpha: float = 1e-7, message: str | None = None) -> None:
    """Gaussian draws `x` (n, ...) have variance `var`, around `mean` if it is known.

    Chernoff bound of the chi-squared tails. The law must be Gaussian; for other laws use assert_cdf.
    """
    message = message or "The sample variance is off"
    draws = _draws(x, message)
    centre = draws.mean(axis=0) if mean is None else np.broadcast_to(_array(mean), draws.shape[1:])
    freedom = len(draws) - (mean is None)
    measured = ((draws - centre) ** 2).sum(axis=0).ravel() / freedom
    ratio = np.maximum(measured / np.maximum(_columns(var, draws), 1e-300), 1e-300)
    p = 2 * np.exp(-freedom / 2 * (ratio - 1 - np.log(ratio)))
    worst = int(np.argmin(p))
    _decide("var", p[worst] * p.size, alpha, message, f"measured {measured[worst]:.4g} over {len(draws)} draws")


def assert_cdf(x: Any, cdf: Callable[[Array], Any], *, alpha: float = 1e-7, message: str | None = None) -> None:
    """Scalar draws `x` (any shape) follow the continuous distribution function `cdf` (vectorised). DKW inequality."""
    message = message or "The draws do not follow the stated distribution"
    draws = np.sort(_draws(x, message).ravel())
    n, levels = draws.size, _array(cdf(draws))
    _enough(n, 2 * math.exp(-2 * n), alpha, message)
    distance = max(float((np.arange(1, n + 1) / n - levels).max()), float((levels - np.arange(n) / n).max()))
    p = 2 * math.exp(-2 * n * distance**2)
    _decide("cdf", p, alpha, message, f"the empirical distribution function is off by {distance:.3f} over {n} draws")


def normal_cdf(mean: float = 0.0, sd: float = 1.0) -> Callable[[Array], Array]:
    """Return the distribution function of N(mean, sd squared), for assert_cdf."""
    return lambda x: np.array([0.5 * math.erfc((mean - value) / (sd * math.sqrt(2))) for value in np.ravel(x)])


def assert_probs(counts: Any, probs: Any, *, alpha: float = 1e-7, message: str | None = None) -> None:
    """`counts` (K,) of K outcomes have probabilities `probs` (K,). Exact binomial test per cell, Bonferroni."""
    message = message or "The frequencies are off"
    seen, q = _array(counts).ravel(), _array(probs).ravel()
    n = max(round(float(seen.sum())), 0)
    _enough(n, 2 * len(q) * float(np.minimum(q, 1 - q).clip(0.0).min()) ** n, alpha, message)
    p = [_binomial_p(round(float(k)), n, float(prob)) for k, prob in zip(seen, q, strict=True)]
    worst = int(np.argmin(p))
    measured = f"outcome {worst} has frequency {seen[worst] / max(n, 1):.4f} over {n} draws"
    _decide("probs", p[worst] * len(p), alpha, message, measured)


def assert_independent(x: Any, y: Any, *, alpha: float = 1e-7, message: str | None = None) -> None:
    """Paired draws `x`, `y` (n,) are independent, whatever their laws.

    Each side, and its distance from its median, is replaced by sorted standard-normal scores in rank order: exactly
    Gaussian, and still independent if the sides were. A correlation r of n such pairs has P(|R| >= r) <= (1 -
    r^2)^((n - 2) / 2), the measure of two spherical caps. Four pairs are compared, so shared scale is caught as
    well as shared sign. Scores and ties use numpy's global generator, which is seeded before every test.
    """
    message = message or "The draws are not independent"
    first, second = _draws(x, message).ravel(), _draws(y, message).ravel()
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        _fail(f"{message}: one side never varies")
    n, strongest = first.size, 0.0
    for a in (first, np.abs(first - np.median(first))):
        for b in (second, np.abs(second - np.median(second))):
            r = float(np.corrcoef(_normal_scores(a), _normal_scores(b))[0, 1])
            strongest = max(strongest, abs(r))
    p = 4 * math.exp((n - 2) / 2 * math.log(max(1 - strongest**2, 1e-300)))
    _decide("independent", p, alpha, message, f"rank correlation {strongest:.3f} over {n} draws")


def assert_same_distribution(
    x: Any, y: Any, *, projections: int = 8, alpha: float = 1e-7, message: str | None = None
) -> None:
    """Draws `x` and `y` (n,) or (n, d) follow the same law: exact two-sample Kolmogorov-Smirnov tests.

    Bonferroni over the axes and `projections` fixed random directions. Of samples of unequal length only the first
    min(n, m) draws are used.
    """
    message = message or "The two samples follow different laws"
    first, second = _draws(x, message), _draws(y, message)
    n = min(len(first), len(second))
    first, second = first[:n].reshape(n, -1), second[:n].reshape(n, -1)
    d = first.shape[1]
    directions = np.eye(d)
    if d > 1:
        directions = np.hstack([directions, np.random.default_rng(0).standard_normal((d, projections))])
    gaps = [_largest_gap(first @ w, second @ w) for w in directions.T]
    _enough(n, _two_sample_p(n, n) * len(gaps), alpha, message)
    p = _two_sample_p(max(gaps), n) * len(gaps)
    measured = f"their empirical distribution functions differ by {max(gaps) / n:.3f} over {n} draws"
    _decide("same", p, alpha, message, measured)


def assert_integrates_to_one(
    log_prob_fn: Callable[[Any], Any],
    bounds: Sequence[tuple[float, float]],
    n: int = 200,
    *,
    tolerance: float = 1e-5,
    message: str | None = None,
) -> None:
    """exp(log_prob_fn(points)) integrates to 1 within `tolerance` over a box with one (low, high) per dimension.

    Deterministic midpoint rule with `n` points per axis; for smooth densities that vanish at the border its error falls
    faster than any power of n. `log_prob_fn` maps a float64 tensor (n**d, d) to (n**d,).
    """
    import torch  # only here: the rest of this module needs numpy alone

    axes = [low + (np.arange(n) + 0.5) * (high - low) / n for low, high in bounds]
    grid = np.stack([axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")], axis=1)
    volume = math.prod((high - low) / n for low, high in bounds)
    message = message or "The density is not normalised"
    log_prob = _array(log_prob_fn(torch.from_numpy(grid)))
    if log_prob.shape != (len(grid),):
        _fail(f"{message}: {len(grid)} points gave log-probabilities of shape {tuple(log_prob.shape)}")
    with np.errstate(over="ignore"):
        total = float(np.exp(log_prob).sum()) * volume
    if not abs(total - 1) <= tolerance:
        _fail(f"{message}: it integrates to {total:.4g} over the box, off by {abs(total - 1):.1e}")


def assert_p_value(p: float, *, alpha: float = 1e-7, message: str | None = None) -> None:
    """A p-value of the author's own, from a test that no assertion here covers, is at least `alpha`.

    The test must be exact or hold for finite samples: the audit checks that p is super-uniform on right solutions.
    """
    _decide("p-value", p, alpha, message or "The draws do not follow the stated law", f"p-value {float(p):.1e}")


def _decide(name: str, p: float, alpha: float, message: str, measured: str) -> None:
    p = min(float(p), 1.0)
    if observer is not None:
        observer(name, p, alpha)
    if not p >= alpha:
        _fail(f"{message}: {measured}; a correct solution does this with probability below {alpha:.0e}")


def _enough(n: int, least: float, alpha: float, message: str) -> None:
    """Of so few draws that no result has a p-value below alpha, any would pass: a sampler may not choose how many."""
    if not least < alpha:
        _fail(f"{message}: {n} draws are too few to tell")


def _fail(text: str) -> NoReturn:
    from autograder.testing import LawViolation  # here, because autograder.testing re-exports this module

    raise LawViolation(text)


def _array(x: Any) -> Array:
    if hasattr(x, "detach"):
        x = x.detach().cpu().numpy()
    return np.asarray(x, dtype=np.float64)


def _draws(x: Any, message: str) -> Array:
    draws = _array(x)
    if draws.ndim == 0 or len(draws) < 3:
        raise TypeError("a statistical assertion needs at least three draws along the first axis")
    if not np.isfinite(draws).all():
        _fail(f"{message}: some draws are NaN or infinite")
    return draws


def _columns(value: Any, draws: Array) -> Array:
    return np.broadcast_to(_array(value), draws.shape[1:]).ravel()


def _bernoulli_kl(a: Array, b: Array) -> Array:
    """Return KL(Bernoulli(a) || Bernoulli(b)) in nats, infinite where b excludes what a allows."""

    def term(p: Array, q: Array) -> Array:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(p > 0, p * np.log(p / q), 0.0)

    return np.maximum(term(a, b) + term(1 - a, 1 - b), 0.0)  # rounding can make it slightly negative


def _binomial_p(k: int, n: int, q: float) -> float:
    """Return the two-sided p-value of k successes in n trials: twice the smaller exact tail."""
    if q <= 0 or q >= 1:
        return float(k == (n if q >= 1 else 0))
    log_factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])
    j = np.arange(n + 1)
    choose = log_factorial[n] - log_factorial - log_factorial[::-1]
    pmf = np.exp(choose + j * math.log(q) + (n - j) * math.log1p(-q))
    return min(1.0, 2 * min(float(pmf[: k + 1].sum()), float(pmf[k:].sum())))


def _normal_scores(values: Array) -> Array:
    order = np.lexsort((np.random.random(values.size), values))  # ties in random order
    scores = np.empty(values.size)
    scores[order] = np.sort(np.random.standard_normal(values.size))
    return scores


def _largest_gap(a: Array, b: Array) -> int:
    """Return the largest difference of the two empirical distribution functions, in units of 1/n."""
    pooled = np.concatenate([a, b])
    below_a, below_b = (np.searchsorted(np.sort(side), pooled, side="right") for side in (a, b))
    return int(np.abs(below_a - below_b).max())


def _two_sample_p(gap: int, n: int) -> float:
    """Return P(largest gap of two samples of size n >= gap), exactly (Gnedenko and Korolyuk, 1951)."""
    if gap == 0:
        return 1.0
    total, top = 0.0, 2 * math.lgamma(n + 1)
    for i in range(1, n // gap + 1):
        total -= (-1) ** i * math.exp(top - math.lgamma(n - i * gap + 1) - math.lgamma(n + i * gap + 1))
    return min(1.0, max(0.0, 2 * total))
