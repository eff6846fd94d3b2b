# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Homework 9: Gaussians, warm and cold
#
# Two small questions about $\mathcal N(\mu, \sigma^2)$, one proof, one figure. Backslashes stay harmless: $\frac{1}{2}$.

# %%
import math

import torch
from hwkit import assert_close, cases, core, float32, points, probe, raises, savefig
from torch import Tensor

from grids import grid

# %% [markdown] problem="9.1" minutes=30
# ## Problem 9.1: densities
#
# Everything here is per entry; nothing is summed.

# %% solution="9.1a"
def gaussian_log_prob(x: Tensor, mu: Tensor, var: Tensor) -> Tensor:
    """Return log N(x; mu, var) entry by entry; the arguments broadcast."""
    ### BEGIN SOLUTION
    squared = (x - mu) ** 2
    return -0.5 * (squared / var + torch.log(2 * math.pi * var))
    ### END SOLUTION


# %% tests="*"
def standard(shape: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Mean zero and variance one, of one shape."""
    return torch.zeros(shape), torch.ones(shape)


# %% tests="9.1a"
@core
@points(1)
def test_density_at_the_mean_is_the_normaliser(rng):
    """At its mean, a standard normal has density 1/sqrt(2 pi)."""
    mu, var = standard((rng.size(2, 5),))
    assert_close(gaussian_log_prob(mu, mu, var), torch.full_like(mu, -0.5 * math.log(2 * math.pi)))


@points(1)
@cases("shift", -1.0, 0.5, 2.0)
def test_density_moves_with_its_mean(rng, shift):
    """Shifting value and mean together changes nothing."""
    x = torch.randn(rng.size(2, 5), generator=rng)
    var = torch.rand(x.shape, generator=rng) + 0.5
    here, there = gaussian_log_prob(x, torch.zeros_like(x), var), gaussian_log_prob(x + shift, torch.zeros_like(x) + shift, var)
    assert_close(here, there)


### BEGIN HIDDEN TESTS
@points(2)
def test_density_integrates_to_one(rng):
    """The density integrates to one, and its variance is the argument's."""
    x = grid(-30.0, 30.0, 4001)
    mu, var = torch.randn(1, generator=rng), torch.rand(1, generator=rng) + 0.5
    density = gaussian_log_prob(x, mu, var).exp()
    assert abs(torch.trapezoid(density, x).item() - 1) < 1e-4, "the density does not integrate to one"
    spread = torch.trapezoid((x - mu) ** 2 * density, x)
    assert_close(spread, var[0], "the density does not have its variance", rtol=1e-4)


@points(1, bonus=True)
@float32
def test_density_keeps_the_dtype(rng):
    """float32 in, float32 out."""
    x = torch.randn(3, generator=rng)
    assert gaussian_log_prob(x, x, torch.ones(3)).dtype == torch.float32, "float32 arguments must give a float32 result"
### END HIDDEN TESTS


# %% [markdown] problem="9.2"
# ## Problem 9.2: the energy of a sample
#
# A model that is given, and a sum over it that is yours.

# %%
class Thermometer:
    """A normal model of temperatures, with a mean and a variance per day; given."""

    def __init__(self, mu: Tensor, var: Tensor) -> None:
        self.mu, self.var = mu, var

    def surprise(self, x: Tensor) -> Tensor:
        """Return -log p(x) entry by entry; calls your function of question 9.1a."""
        return -gaussian_log_prob(x, self.mu, self.var)


# %% solution="9.2a"
def total_surprise(x: Tensor, mu: Tensor, var: Tensor) -> Tensor:
    """Return the summed -log p(x) of the batch `x`, shape (B, D), as a tensor of shape (B,)."""
    if x.dim() != 2:
        raise ValueError("x must be (B, D)")
    ### BEGIN SOLUTION
    return Thermometer(mu, var).surprise(x).sum(-1)
    ### END SOLUTION


# %% tests="9.2a"
@probe
def cooling(batch: Tensor, steps: int) -> list[float]:
    """Total surprise of the batch while it is halved `steps` times, computed beside the student's code."""
    totals = []
    for _ in range(steps):
        batch = batch / 2
        totals.append(float(total_surprise(batch, torch.zeros(batch.shape), torch.ones(batch.shape)).sum()))
    return totals


@points(1)
def test_surprise_of_a_batch_is_one_number_per_row(rng):
    """One number per row."""
    x = torch.randn(rng.size(2, 6), rng.size(1, 4), generator=rng)
    mu, var = standard(tuple(x.shape))
    assert total_surprise(x, mu, var).shape == x.shape[:1], "expected the shape (B,)"


### BEGIN HIDDEN TESTS
@points(2)
def test_surprise_adds_over_columns(rng):
    """The surprise of a row is the sum of the surprises of its entries."""
    x = torch.randn(rng.size(2, 6), 3, generator=rng)
    mu, var = standard(tuple(x.shape))
    columns = sum(total_surprise(x[:, [j]], mu[:, [j]], var[:, [j]]) for j in range(3))
    assert_close(total_surprise(x, mu, var), columns)


@points(1)
def test_surprise_falls_as_a_batch_cools(rng):
    """Under a standard normal, a batch that is halved again and again surprises less and less."""
    totals = cooling(torch.randn(4, 2, generator=rng) + 3, 50)
    assert len(totals) == 50 and totals == sorted(totals, reverse=True), "halving the batch must lower its surprise"
    assert abs(totals[-1] - 4 * math.log(2 * math.pi)) < 1e-6, "at zero only the normaliser is left"
    with raises(ValueError):
        total_surprise(torch.zeros(3), torch.zeros(3), torch.ones(3))
### END HIDDEN TESTS


# %% experiment="9.2" cpu_minutes=0.5 t4_minutes=0.5
import csv

import matplotlib.pyplot as plt

with open("temperatures.csv", encoding="utf-8") as file:
    celsius = torch.tensor([float(row["celsius"]) for row in csv.DictReader(file)])
fig, ax = plt.subplots()
ax.plot(total_surprise(celsius[:, None], torch.full((4, 1), 11.0), torch.ones(4, 1)))
savefig("F9.1", fig, alt="A line: surprise per day, lowest on day four.", answer="Write your sentence here.")

# %% artefact="surprises" file="*.npz" max_mb=1
import numpy as np

np.savez("surprises.npz", surprise=total_surprise(celsius[:, None], torch.full((4, 1), 11.0), torch.ones(4, 1)).numpy())

# %% [markdown] figure="F9.1" points=3
# **Figure 9.1.** Hand in the surprise of each day under $\mathcal N(11, 1)$.
#
# Caption: In one sentence, say which day is the most surprising, and why.
#
# ### BEGIN MARK SCHEME
# - (1) axes are labelled
# - (2) names day two or three and gives the distance from the mean
# ### END MARK SCHEME

# %% [markdown] written="W9.1" points=4 pages=1
# Show that $\mathrm{KL}(p \,\|\, q) \ge 0$ for densities $p$ and $q$.
#
# ### BEGIN SOLUTION
# By Jensen, $-\mathrm{KL} = \mathbb E_p \log (q/p) \le \log \mathbb E_p (q/p) \le 0$.
# ### END SOLUTION
#
# ### BEGIN MARK SCHEME
# - (2) applies Jensen's inequality to the logarithm, in the right direction
# - (1) takes the expectation under $p$
# - (1) treats the support: the second inequality is strict
#   where $q$ has mass outside the support of $p$
# ### END MARK SCHEME
