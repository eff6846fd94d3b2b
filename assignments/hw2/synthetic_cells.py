"""SyntheticCells: counts of 100 genes in single cells of six types, with a likelihood that is known exactly.

A cell has a type c (uniform over the types) and a library size s (how many molecules were read), log s ~ N(6, 0.5^2).
Gene g then has a negative-binomial count with mean s times programme[c, g] and inverse dispersion theta = 5. Types
differ in about three genes of ten, by a factor that is itself random: easy to see with the right noise model, hard
without. Everything is generated; nothing is downloaded.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

THETA = 5.0
LIBRARY_MEAN, LIBRARY_SD = 6.0, 0.5  # of the log of the library size


class SyntheticCells:
    """The distribution of the cells. `programme` (types, genes) float64 holds, per type, shares that sum to one."""

    def __init__(self, genes: int = 100, types: int = 6, theta: float = THETA, seed: int = 0) -> None:
        random = np.random.RandomState(seed)  # frozen by numpy: the same numbers on every machine
        base = random.gamma(0.6, 1.0, genes)
        factor = np.exp(0.8 * random.randn(types, genes) * (random.rand(types, genes) < 0.3))
        shares = base * factor
        self.programme = torch.from_numpy(shares / shares.sum(axis=1, keepdims=True))
        self.genes, self.types, self.theta = genes, types, theta

    def sample(self, n: int, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Return counts (n, genes) float32, types (n,) int64 and the true means (n, genes) float32 of n cells.

        A `generator` in the same state gives the same cells.
        """
        random = np.random.RandomState(int(torch.randint(2**31, (), generator=generator)))
        kind = random.randint(0, self.types, n)
        library = np.exp(random.normal(LIBRARY_MEAN, LIBRARY_SD, n))
        mu = self.programme.numpy()[kind] * library[:, None]
        counts = random.poisson(random.gamma(self.theta, mu / self.theta))  # gamma rate, Poisson count
        return torch.from_numpy(counts).float(), torch.from_numpy(kind).long(), torch.from_numpy(mu).float()

    def log_prob_given(self, counts: Tensor, mu: Tensor) -> Tensor:
        """Return log p(counts | true means) in nats, summed over genes: (n, genes), (n, genes) -> (n,) float64."""
        x, mu = counts.double(), mu.double()
        return self._constant(x) + (torch.xlogy(x, mu) - (x + self.theta) * torch.log(mu + self.theta)).sum(-1)

    def log_prob(self, counts: Tensor, points: int = 401) -> Tensor:
        """Return the exact log p(counts) in nats, over types and library sizes: (n, genes) -> (n,) float64.

        The integral over the log of the library size is a trapezoid sum over six standard deviations on either side;
        with the default `points` its error is below 1e-8 nats for cells that are not absurd.
        """
        x = counts.double()
        t = torch.linspace(-6.0, 6.0, points, dtype=torch.float64)
        log_weight = -0.5 * t.square() - 0.5 * math.log(2 * math.pi) + math.log(12.0 / (points - 1))
        log_library = LIBRARY_MEAN + LIBRARY_SD * t
        log_mu = self.programme.log().unsqueeze(1) + log_library.view(-1, 1)  # (types, points, genes)
        log_total = torch.log(log_mu.exp() + self.theta)
        fit = torch.einsum("ng,tpg->ntp", x, log_mu - log_total) - self.theta * log_total.sum(-1)
        joint = fit + log_weight - math.log(self.types)
        return self._constant(x) + torch.logsumexp(joint.flatten(1), dim=1)

    def _constant(self, x: Tensor) -> Tensor:
        """The terms of the log-probability without the means."""
        theta = torch.tensor(self.theta, dtype=torch.float64)
        terms = torch.lgamma(x + theta) - torch.lgamma(theta) - torch.lgamma(x + 1) + theta * theta.log()
        return terms.sum(-1)


def kmeans(x: Tensor, k: int, *, restarts: int = 10, steps: int = 50, seed: int = 0) -> Tensor:
    """Return cluster numbers (n,) int64 of the rows of `x` (n, d): the best of `restarts` runs of Lloyd's algorithm.

    Each run starts from rows drawn far apart (k-means++); the run with the least total squared distance wins.
    """
    x = x.detach().cpu().double()
    random = np.random.RandomState(seed)
    runs = [_lloyd(x, _spread(x, k, random), steps) for _ in range(restarts)]
    return min(runs, key=lambda run: run[0])[1]


def _spread(x: Tensor, k: int, random: np.random.RandomState) -> Tensor:
    centres = x[[random.randint(len(x))]]
    while len(centres) < k:
        distance = torch.cdist(x, centres).square().min(dim=1).values.numpy()
        centres = torch.cat([centres, x[[random.choice(len(x), p=distance / distance.sum())]]])
    return centres


def _lloyd(x: Tensor, centres: Tensor, steps: int) -> tuple[float, Tensor]:
    for _ in range(steps):
        nearest = torch.cdist(x, centres).argmin(dim=1)
        one_hot = torch.nn.functional.one_hot(nearest, len(centres)).double()
        size = one_hot.sum(0).unsqueeze(-1)
        moved = torch.where(size > 0, one_hot.T @ x / size.clamp_min(1), centres)
        if torch.equal(moved, centres):
            break
        centres = moved
    distance, nearest = torch.cdist(x, centres).square().min(dim=1)
    return float(distance.sum()), nearest


def adjusted_rand_index(a: Tensor, b: Tensor) -> float:
    """Return how well two partitions (n,) of the same rows agree: 1 for equal ones, 0 on average for unrelated ones.

    The names of the clusters do not matter. L. Hubert and P. Arabie, "Comparing partitions", 1985.
    """
    first, second = torch.unique(a, return_inverse=True)[1], torch.unique(b, return_inverse=True)[1]
    table = torch.zeros(int(first.max()) + 1, int(second.max()) + 1, dtype=torch.float64)
    table.index_put_((first.cpu(), second.cpu()), torch.ones(len(first), dtype=torch.float64), accumulate=True)

    def pairs(counts: Tensor) -> float:
        return float((counts * (counts - 1) / 2).sum())

    together, rows, columns = pairs(table), pairs(table.sum(1)), pairs(table.sum(0))
    by_chance = rows * columns / pairs(torch.tensor(float(len(first))))
    most = (rows + columns) / 2
    return 1.0 if most == by_chance else (together - by_chance) / (most - by_chance)
