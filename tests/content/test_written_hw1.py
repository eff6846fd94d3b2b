"""The formulas in the written part of homework 1, checked by numbers."""

from __future__ import annotations

import itertools
import math
import sys

import pytest
import torch

from tests.content import homeworks

sys.path.insert(0, str(homeworks.SOLUTIONS / "common"))
from hairpin_dna import LOOPS, STEM, HairpinDNA


def mixture_log_prob(x: torch.Tensor, a: float) -> torch.Tensor:
    """log of N(-a, 1)/2 + N(a, 1)/2."""
    each = torch.stack([-((x - a) ** 2) / 2, -((x + a) ** 2) / 2])
    return torch.logsumexp(each, 0) - math.log(2) - math.log(2 * math.pi) / 2


def gaussian_log_prob(x: torch.Tensor, mean: float, variance: float) -> torch.Tensor:
    """log of N(mean, variance)."""
    return -((x - mean) ** 2) / (2 * variance) - math.log(2 * math.pi * variance) / 2


def expectation(values: torch.Tensor, log_density: torch.Tensor, step: float) -> float:
    """The integral of values times a density over an even grid."""
    return float((values * log_density.exp()).sum() * step)


GRID = torch.linspace(-60, 60, 120_001, dtype=torch.float64)
STEP = 120 / 120_000


@pytest.mark.parametrize("a", [0.5, 1.0, 3.0])
def test_w1_1_maximum_likelihood_matches_moments(a: float) -> None:
    """KL(p_d || N(mu, s2)) is smallest at mu = 0, s2 = 1 + a^2."""
    log_p = mixture_log_prob(GRID, a)

    def divergence(mean: float, variance: float) -> float:
        return expectation(log_p - gaussian_log_prob(GRID, mean, variance), log_p, STEP)

    best = divergence(0.0, 1 + a * a)
    for mean, factor in ((0.1, 1.0), (-0.1, 1.0), (0.0, 1.1), (0.0, 0.9)):
        assert divergence(mean, factor * (1 + a * a)) > best


@pytest.mark.parametrize("a", [0.1, 1.0, 3.0, 6.0])
def test_w1_1_reverse_divergences(a: float) -> None:
    """One mode costs at most log 2; the broad Gaussian at least 0.2 a^2 minus the stated logarithm and constant."""
    log_p = mixture_log_prob(GRID, a)
    one = gaussian_log_prob(GRID, a, 1.0)
    broad = gaussian_log_prob(GRID, 0.0, 1 + a * a)
    assert expectation(one - log_p, one, STEP) <= math.log(2) + 1e-9
    root = math.sqrt(2 / math.pi)
    sharp = a * a - a * math.sqrt(1 + a * a) * root - math.log(1 + a * a) / 2
    bound = (1 - root) * a * a - math.log(1 + a * a) / 2 - math.sqrt(1 / (2 * math.pi))
    assert expectation(broad - log_p, broad, STEP) >= sharp - 1e-9
    assert sharp >= bound


@pytest.mark.parametrize(("mean", "sd"), [(0.0, 1.0), (0.0, 3.0), (2.0, 0.5), (-3.0, 1.5), (5.0, 4.0)])
def test_w1_1_every_gaussian_away_from_both_modes_is_worse(mean: float, sd: float) -> None:
    """The divergence of N(m, s^2) is at least the bound in brackets, and Var |x| at least (1 - 2/pi) s^2."""
    a = 3.0
    log_q = gaussian_log_prob(GRID, mean, sd * sd)
    folded = expectation(GRID.abs(), log_q, STEP)
    variance = expectation(GRID.abs() ** 2, log_q, STEP) - folded**2
    bound = variance / 2 + (folded - a) ** 2 / 2 - math.log(sd) - 0.5
    assert expectation(log_q - mixture_log_prob(GRID, a), log_q, STEP) >= bound - 1e-9
    assert variance >= (1 - 2 / math.pi) * sd * sd - 1e-6


def test_w1_2_counts_of_parameters() -> None:
    """The chain of order n - 1 is the full table, order 0 is factorised, and 6 L^2 - 3 L is the sum of the conditionals."""
    for n in range(1, 12):
        chain = [sum(2 ** min(i - 1, k) for i in range(1, n + 1)) for k in range(n)]
        assert chain[-1] == 2**n - 1 and chain[0] == n
        assert sum(3 * (4 * (i - 1) + 1) for i in range(1, n + 1)) == 6 * n * n - 3 * n
    assert 6 * 48**2 - 3 * 48 == 13_680


def test_w1_2_fourth_moment_of_the_marginal() -> None:
    """The fourth moment of the mixture is below the Gaussian's of the same variance by 2 c^4."""
    for c, e in ((0.3, 1.0), (2.0, 0.5)):
        two = [0.5 * gaussian_log_prob(GRID, sign * c, e * e).exp() for sign in (-1, 1)]
        density = two[0] + two[1]
        fourth, second = (float((GRID**k * density).sum() * STEP) for k in (4, 2))
        assert second == pytest.approx(c * c + e * e)
        assert 3 * second**2 - fourth == pytest.approx(2 * c**4)


def test_w1_3_entropy_of_a_closing_base() -> None:
    """0.173 bit per closing base, and a gain between 0.187 and 0.228 bits per base."""
    entropy = -0.98 * math.log2(0.98) - 0.02 * math.log2(0.02 / 3)
    assert entropy == pytest.approx(0.173, abs=5e-4)
    gain = 6 * (2 - entropy)
    assert gain == pytest.approx(10.96, abs=5e-3)
    assert gain / 48 == pytest.approx(0.228, abs=5e-4)
    assert (gain - 2) / 48 == pytest.approx(0.187, abs=5e-4)


def test_w1_3_bounds_hold_for_the_source_itself() -> None:
    """The exact law beats the one that is told the loop and calls the closing stem uniform by 0.187 to 0.228 bits."""
    dna, generator = HairpinDNA(), torch.Generator().manual_seed(0)
    gains = []
    for start, loop in dna.layouts:
        told = HairpinDNA()
        told.layouts = [(start, loop)]
        x = told.sample(2000, generator)
        stem, close = start + 6, start + 12 + loop
        paired = (x[:, close : close + STEM] == 3 - x[:, stem : stem + STEM].flip(1)).double()
        closing = (paired * math.log(0.98) + (1 - paired) * math.log(0.02 / 3)).sum(1)
        gains.append(dna.log_prob(x) - (told.log_prob(x) - closing + STEM * math.log(0.25)))
    per_base = torch.stack(gains).mean() / math.log(2) / 48
    assert 0.187 < float(per_base) < 0.228


def test_f1_4_distances_of_partners() -> None:
    """The partner of a closing base stands 4 to 17 positions back, and 3 to 5 of the six stand within twelve."""
    distances = {loop: [1 + loop + 2 * i for i in range(STEM)] for loop in LOOPS}
    assert min(map(min, distances.values())) == 4 and max(map(max, distances.values())) == 17
    assert [sum(d <= 12 for d in distances[loop]) for loop in LOOPS] == [5, 4, 4, 3]
    x = HairpinDNA().sample(4000, torch.Generator().manual_seed(1))
    at = 26 + STEM - 1  # where the last base of the closing stem stands when the loop is longest
    assert float((x[:, at] == 3 - x[:, at - 17]).double().mean()) > 0.4  # a quarter of the loops, and chance


def seen(depth: int, size: int) -> set[tuple[int, int]]:
    """Offsets (rows up, columns right) that one type-A and `depth` type-B 3 x 3 convolutions depend on."""
    moves = [(1, -1), (1, 0), (1, 1), (0, -1)]
    reached = set(moves)
    for _ in range(depth):
        reached = {(r + dr, c + dc) for r, c in reached for dr, dc in [*moves, (0, 0)]}
    return {(r, c) for r, c in reached if r <= size and abs(c) <= size}


@pytest.mark.parametrize("depth", [0, 1, 4, 9])
def test_w1_4_blind_spot(depth: int) -> None:
    """In r rows above exactly the columns up to r to the right are within reach, r up to depth + 1."""
    reached = seen(depth, 20)
    assert all(c <= r for r, c in reached)
    assert all((r, r) in reached for r in range(1, depth + 2))
    assert (0, 0) not in reached and all(c < 0 for r, c in reached if r == 0)


def test_f1_1_edge_of_the_picture() -> None:
    """One 5 x 5 layer of type A and four 3 x 3 of type B see up to column r + 1 in row r <= 5, and nothing beyond six."""
    reached = {(r, c) for r in (1, 2) for c in range(-2, 3)} | {(0, -1), (0, -2)}
    for _ in range(4):
        reached = {(r + dr, c + dc) for r, c in reached for dr, dc in [(1, -1), (1, 0), (1, 1), (0, -1), (0, 0)]}
    assert all(max(c for up, c in reached if up == r) == r + 1 for r in range(1, 6))
    assert max(r for r, _ in reached) == 6 and min(c for _, c in reached) == -6


def test_w1_4_two_stacks_have_no_blind_spot() -> None:
    """The vertical stack of m layers sees the full rectangle of m rows above and m columns to either side."""
    for depth in (1, 2, 5):
        reached = {(1, c) for c in (-1, 0, 1)}
        for _ in range(depth - 1):
            reached = {(r + dr, c + dc) for r, c in reached for dr in (0, 1) for dc in (-1, 0, 1)}
        assert reached == set(itertools.product(range(1, depth + 1), range(-depth, depth + 1)))


def test_w1_5_temperature_is_not_tempering() -> None:
    """Greedy decoding gives A with probability 0.15, tempering gives B; normalisers explain the difference."""
    joint = {("A", i): 0.6 / 4 for i in range(4)} | {("B", 0): 0.4}
    first = {"A": 0.6, "B": 0.4}
    tau = 0.02
    tempered = {x: p ** (1 / tau) for x, p in joint.items()}
    total = sum(tempered.values())
    assert tempered["B", 0] / total == pytest.approx(1.0)
    assert joint["A", 0] == pytest.approx(0.15)
    tau = 0.5
    z1 = sum(p ** (1 / tau) for p in first.values())
    z2 = {"A": 4 * 0.25 ** (1 / tau), "B": 1.0}
    assert z2["A"] == pytest.approx(0.25)
    stepwise = {x: p ** (1 / tau) / (z1 * z2[x[0]]) for x, p in joint.items()}
    assert sum(stepwise.values()) == pytest.approx(1.0)
    total = sum(p ** (1 / tau) for p in joint.values())
    assert stepwise["B", 0] != pytest.approx(joint["B", 0] ** 2 / total)


def test_discretised_logistic_identity() -> None:
    """log(s(b) - s(a)) = log s(b) + log s(-a) + log(1 - exp(a - b)), the identity of equation (1.3)'s hint."""
    a = torch.linspace(-5, 4, 50, dtype=torch.float64)
    b = a + torch.linspace(0.1, 3, 50, dtype=torch.float64)
    left = (torch.sigmoid(b) - torch.sigmoid(a)).log()
    right = torch.nn.functional.logsigmoid(b) + torch.nn.functional.logsigmoid(-a) + torch.log(-torch.expm1(a - b))
    assert torch.allclose(left, right)
