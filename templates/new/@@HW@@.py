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
from hwkit import assert_close, core, points, savefig
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
def test_zero_noise_returns_the_mean(rng):
    """Zero noise returns the mean."""
    b, d = rng.size(2, 6), rng.size(1, 5)
    mu = torch.randn(b, d, generator=rng)
    assert_close(reparameterize(mu, torch.randn(b, d, generator=rng), torch.zeros(2, b, d)), mu.expand(2, b, d))


### BEGIN HIDDEN TESTS
@points(3)
def test_gradient_reaches_the_log_variance(rng):
    """dz/dlogvar is half the standard deviation times the noise."""
    mu, logvar, eps = (torch.randn(3, 2, generator=rng) for _ in range(3))
    logvar.requires_grad_()
    [gradient] = torch.autograd.grad(reparameterize(mu, logvar, eps[None]).sum(), logvar)
    assert_close(
        gradient, 0.5 * torch.exp(0.5 * logvar.detach()) * eps, "dz/dlogvar is not half of sigma times the noise"
    )


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
