# %% [markdown]
# # Homework 1: noise
#
# Two small questions whose tests are good; the tests of the audit spoil them one at a time.

# %%
import math

import torch
from hwkit import (
    assert_cdf,
    assert_close,
    assert_gradients_match,
    assert_inputs_unchanged,
    core,
    points,
)
from torch import Tensor

# %% [markdown] problem="1.1"
# ## Problem 1.1: moving noise
#
# Noise comes in as an argument first, and is drawn inside later.


# %% solution="1.1a"
def shifted(mean: Tensor, logvar: Tensor, eps: Tensor) -> Tensor:
    """Map standard-normal noise (K, D) to draws from N(mean, exp(logvar)); mean and logvar are (D,)."""
    ### BEGIN SOLUTION
    return mean + torch.exp(0.5 * logvar) * eps
    ### END SOLUTION


# %% tests="1.1a"
@core
@points(1)
def test_unit_noise_moves_by_one_standard_deviation(rng):
    """Noise of one moves the mean by one standard deviation."""
    mean, logvar = torch.randn(2, rng.size(2, 4), generator=rng)
    moved = shifted(mean, logvar, torch.ones(rng.size(5, 7), len(mean)))
    right = (mean + logvar.exp().sqrt()).expand(moved.shape)
    assert_close(moved, right, "One unit of noise is one standard deviation")


### BEGIN HIDDEN TESTS
@points(1)
def test_noise_counts_in_proportion(rng):
    """Twice the noise moves twice as far, and zero noise not at all."""
    mean, logvar = torch.randn(2, rng.size(2, 4), generator=rng)
    eps = torch.randn(rng.size(5, 7), len(mean), generator=rng)
    still = shifted(mean, logvar, torch.zeros_like(eps))
    assert_close(still, mean.expand(eps.shape), "Without noise nothing moves")
    once, twice = shifted(mean, logvar, eps) - mean, shifted(mean, logvar, 2 * eps) - mean
    assert_close(twice, 2 * once, "The displacement is proportional to the noise")


@points(1)
def test_gradients_flow(rng):
    """Autograd agrees with finite differences."""
    mean, logvar = torch.randn(2, rng.size(2, 3), generator=rng)
    assert_gradients_match(shifted, mean, logvar, torch.randn(2, len(mean), generator=rng))


@points(1)
def test_inputs_and_dtype_are_kept(rng):
    """Inputs are left alone, and float32 stays float32."""
    mean, logvar = torch.randn(2, rng.size(2, 4), generator=rng)
    eps = torch.randn(3, len(mean), generator=rng)
    assert_inputs_unchanged(shifted, mean, logvar, eps)
    assert shifted(mean.float(), logvar.float(), eps.float()).dtype == torch.float32, "float32 gave another dtype"


### END HIDDEN TESTS


# %% solution="1.1b"
def jittered(x: Tensor) -> Tensor:
    """Return x plus standard-normal noise, drawn afresh for every entry."""
    ### BEGIN SOLUTION
    return x + torch.randn_like(x)
    ### END SOLUTION


# %% tests="1.1b"
def standard_normal(values):
    """The distribution function of N(0, 1)."""
    return [0.5 * math.erfc(-value / math.sqrt(2)) for value in values]


@core
@points(1)
def test_noise_is_standard_normal(rng):
    """What is added is standard-normal noise, of its own for every entry."""
    x = 50 * torch.randn(200, 20, generator=rng)
    noise = jittered(x) - x
    assert_cdf(noise, standard_normal, message="The noise is not standard normal")
    assert_cdf(noise.mean(0) * math.sqrt(200), standard_normal, message="Entries of a column share their noise")
    assert_cdf(noise.mean(1) * math.sqrt(20), standard_normal, message="Entries of a row share their noise")


### BEGIN HIDDEN TESTS
@points(1)
def test_jitter_keeps_gradient_and_dtype(rng):
    """The derivative for x is one, x is left alone, and float32 stays float32."""
    x = torch.randn(rng.size(2, 5), 2, generator=rng)
    assert_inputs_unchanged(jittered, x)
    (slope,) = torch.autograd.grad(jittered(x.requires_grad_()).sum(), x)
    assert_close(slope, torch.ones_like(x), "The derivative of x + noise is one")
    for dtype in (torch.float32, torch.float64):
        assert jittered(x.detach().to(dtype)).dtype == dtype, "The result has another dtype than x"


### END HIDDEN TESTS
