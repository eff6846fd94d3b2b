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
# # Homework @@NUMBER@@: a new homework
#
# What this homework is about, and what students will be able to do afterwards.

# %%
import torch
from hwkit import (
    assert_close,
    assert_gradients_match,
    assert_inputs_unchanged,
    core,
    float32,
    points,
    savefig,
)
from torch import Tensor

# %% [markdown] problem="@@NUMBER@@.1" minutes=30
# ## Problem @@NUMBER@@.1: the reparameterisation trick
#
# Write $z = \mu + \sigma \odot \epsilon$ so that gradients reach $\mu$ and $\log \sigma^2$.


# %% solution="@@NUMBER@@.1a"
def reparameterize(mu: Tensor, logvar: Tensor, eps: Tensor) -> Tensor:
    """Map standard-normal noise `eps` (K, B, D) to samples of N(mu, exp(logvar)); mu and logvar are (B, D)."""
    ### BEGIN SOLUTION
    return mu + torch.exp(0.5 * logvar) * eps
    ### END SOLUTION


# %% tests="@@NUMBER@@.1a"
@core
@points(1)
def test_noise_counts_in_standard_deviations(rng):
    """Noise of -1, 0 and 2 moves the mean by so many standard deviations.

    Hint: logvar is the logarithm of the variance.
    """
    b, d = rng.size(4, 6), rng.size(7, 9)
    mu, std = torch.randn(b, d, generator=rng), torch.rand(b, d, generator=rng) + 0.5
    steps = torch.tensor([-1.0, 0.0, 2.0])[:, None, None]
    moved = reparameterize(mu, 2 * std.log(), steps.expand(3, b, d))
    assert_close(moved, mu + steps * std, "noise of one is one standard deviation")


### BEGIN HIDDEN TESTS
@points(2)
def test_gradients_flow(rng):
    """Gradients reach the mean, the log-variance and the noise."""
    mu, logvar, eps = (torch.randn(shape, generator=rng) for shape in ((2, 2), (2, 2), (3, 2, 2)))
    assert_gradients_match(reparameterize, mu, logvar, eps)


@points(1)
@float32
def test_inputs_and_dtype_are_kept(rng):
    """The arguments are not changed, and float32 gives float32."""
    mu, logvar, eps = (torch.randn(shape, generator=rng) for shape in ((2, 3), (2, 3), (4, 2, 3)))
    assert_inputs_unchanged(reparameterize, mu, logvar, eps)
    assert reparameterize(mu, logvar, eps).dtype == torch.float32, "float32 arguments must give a float32 result"


### END HIDDEN TESTS


# %% experiment="@@NUMBER@@.1"
import matplotlib.pyplot as plt

fig, ax = plt.subplots()
samples = reparameterize(torch.zeros(1, 1), torch.zeros(1, 1), torch.randn(1000, 1, 1))
ax.hist(samples.flatten().numpy(), bins=30)
ax.set_xlabel("z")
ax.set_ylabel("count")
savefig("F@@NUMBER@@.1", fig, alt="A histogram of a thousand samples, bell-shaped.", answer="Write your sentence here.")

# %% [markdown] figure="F@@NUMBER@@.1" points=2
# Hand in a histogram of a thousand samples of $\mathcal N(0, 1)$.
#
# Caption: In one sentence, say how the histogram changes when $\log \sigma^2$ grows by one.
#
# ### BEGIN MARK SCHEME
# - (1) both axes are labelled
# - (1) the spread grows by a factor of $\sqrt e$
# ### END MARK SCHEME

# %% [markdown] written="W@@NUMBER@@.1" points=2 pages=1
# Why does a network predict $\log \sigma^2$ and not $\sigma$?
#
# ### BEGIN SOLUTION
# Every real number is a valid log-variance, so that no constraint is needed and small variances are resolved well.
# ### END SOLUTION
#
# ### BEGIN MARK SCHEME
# - (1) positivity comes for free
# - (1) numerical stability of small variances
# ### END MARK SCHEME
