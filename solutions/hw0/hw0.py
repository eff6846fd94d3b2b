# %% [markdown]
# A dry run, worth five bonus points and about an hour. You meet the notebook, the checks and the three places on
# Gradescope where work is handed in, so that none of them is new when it counts. On the way you write four functions that
# the whole course leans on: an average in log space, a log-density, a draw from a softmax, and a training loop.
#
# ```
#   write a function ─► run its checks ─► run the experiment ─► hand in: notebook · written PDF · figures PDF
# ```
#
# **When you are done you can** run a notebook on your machine or in Colab, read what a failed check says, average numbers
# that no floating-point format can hold, and tell from one batch whether a training loop trains.
#
# **How it works.** Under each question stand checks that you can run; Gradescope runs those and more: *laws* that any
# right solution obeys, with other sizes and other numbers. Write code that works for every shape that the docstring
# allows, in float32 and float64, and that leaves its arguments alone. No GPU is needed.

# %%
import math

import torch
from hwkit import (
    assert_close,
    assert_finite,
    assert_gradients_match,
    assert_inputs_unchanged,
    assert_integrates_to_one,
    assert_probs,
    core,
    points,
)
from torch import Tensor, nn

# %% [markdown] problem="0.1" minutes=35
# ## Problem 0.1: Arithmetic in log space
#
# Likelihoods of images are numbers like $e^{-2000}$. We hold their logarithms, and learn to add without leaving log
# space:
#
# $$\operatorname{lme}(a)=\log\frac1n\sum_{i=1}^{n}e^{a_i}=m+\log\frac1n\sum_{i=1}^{n}e^{a_i-m},\qquad
#   m=\max_ia_i. \tag{0.1}$$
#
# | symbol | variable | shape | dtype |
# |---|---|---|---|
# | $a$ | `a` | any | floating |
# | axis of the average, $n$ its length | `dim` | number | int |
# | $\operatorname{lme}(a)$ | returned | shape of `a` without `dim` | same |


# %% solution="0.1a"
def log_mean_exp(a: Tensor, dim: int) -> Tensor:
    """Return the log of the mean of exp(a) over the axis `dim`, equation (0.1); the axis disappears.

    Stable for entries of any size. A slice that is minus infinity throughout gives minus infinity.
    """
    ### BEGIN SOLUTION
    return torch.logsumexp(a, dim=dim) - math.log(a.shape[dim])
    ### END SOLUTION


# %% tests="0.1a"
@core
@points(0.25)
def test_equal_numbers_average_to_themselves(rng):
    """The average of n equal numbers is that number, along the axis that was asked for."""
    n, b = rng.size(2, 7), rng.size(8, 9)
    value = torch.randn(b, generator=rng)
    message = "n equal numbers average to that number: subtract log n, and reduce the axis dim only"
    assert_close(log_mean_exp(value.expand(n, b), 0), value, message)
    assert_close(log_mean_exp(value.unsqueeze(1).expand(b, n), 1), value, message)


### BEGIN HIDDEN TESTS
@points(0.25)
def test_average_is_the_log_of_the_mean(rng):
    """For moderate numbers it is the log of the mean of the exponentials; autograd agrees with finite differences."""
    a = torch.randn(rng.size(2, 3), rng.size(2, 3), 2, generator=rng)
    for dim in (0, 1, -1):
        out = assert_inputs_unchanged(log_mean_exp, a, dim)
        assert_close(out.exp(), a.exp().mean(dim), "exp of the result is not the mean of the exponentials")
    assert_gradients_match(lambda x: log_mean_exp(x, 1), a)


@points(0.25)
def test_average_is_stable(rng):
    """Adding a constant, even 10000, adds it to the result in every slice; slices of minus infinity stay so."""
    a = torch.randn(rng.size(2, 4), rng.size(2, 5), generator=rng)
    shift = torch.linspace(-1e4, 1e4, a.shape[0]).unsqueeze(1)
    moved = log_mean_exp(a + shift, 1)
    assert_finite(moved, "Large or small numbers under- or overflow: subtract the maximum of each slice first")
    assert_close(moved, log_mean_exp(a, 1) + shift.squeeze(1), "A constant added to a slice is added to its average")
    a[0] = -math.inf
    assert float(log_mean_exp(a, 1)[0]) == -math.inf, "the average of zeros is zero: its log is minus infinity, not NaN"


### END HIDDEN TESTS

# %% [markdown]
# ### A log-density
#
# $$\log N(x;\mu,\sigma^2)=-\frac12\sum_{i=1}^{D}\left[\log2\pi+\log\sigma_i^2+\frac{(x_i-\mu_i)^2}{\sigma_i^2}\right].
#   \tag{0.2}$$
#
# | symbol | variable | shape | dtype |
# |---|---|---|---|
# | $x$, $\mu$, $\log\sigma^2$ | `x`, `mean`, `logvar` | `(B, D)`, or what broadcasts to it | floating |
# | $\log N$ | returned | `(B,)`, nats | same |


# %% solution="0.1b"
def gaussian_log_prob(x: Tensor, mean: Tensor, logvar: Tensor) -> Tensor:
    """Return the log-density of diagonal Gaussians in nats, equation (0.2), summed over the last axis: (B, D) -> (B,).

    `logvar` is the log of the variance. The arguments broadcast.
    """
    ### BEGIN SOLUTION
    return -0.5 * (math.log(2 * math.pi) + logvar + (x - mean).square() * torch.exp(-logvar)).sum(-1)
    ### END SOLUTION


# %% tests="0.1b"
@core
@points(0.25)
def test_density_at_the_mean(rng):
    """At its mean a Gaussian has log-density -1/2 times the sum of log(2 pi variance)."""
    b, d = rng.size(2, 6), rng.size(1, 5)
    mean, logvar = torch.randn(b, d, generator=rng), torch.randn(b, d, generator=rng)
    peak = torch.log(2 * math.pi * logvar.exp()).sum(-1) / -2
    assert_close(gaussian_log_prob(mean, mean, logvar), peak, "The log-density at its mean: sum over the last axis")


### BEGIN HIDDEN TESTS
@points(0.25)
def test_density_integrates_to_one(rng):
    """The density integrates to one over the plane."""
    mean, logvar = torch.randn(2, generator=rng), 1.5 * torch.rand(2, generator=rng) - 1
    box = [(float(m - 9 * s), float(m + 9 * s)) for m, s in zip(mean, (logvar / 2).exp(), strict=True)]
    assert_integrates_to_one(lambda x: gaussian_log_prob(x, mean, logvar), box, n=60, message="Not normalised")


@points(0.25)
def test_density_falls_by_half_a_nat_per_standard_deviation_squared(rng):
    """One standard deviation from the mean costs half a nat per dimension; arguments broadcast and stay as they are."""
    b, d = rng.size(2, 4), rng.size(1, 3)
    mean, logvar = torch.randn(d, generator=rng), torch.randn(d, generator=rng)
    x = mean + (logvar / 2).exp() * torch.ones(b, 1)
    drop = gaussian_log_prob(mean.expand(b, d), mean, logvar) - assert_inputs_unchanged(
        gaussian_log_prob, x, mean, logvar
    )
    assert_close(drop, torch.full((b,), d / 2), "One standard deviation costs 1/2: logvar is log sigma squared")
    assert_gradients_match(gaussian_log_prob, x[:2], mean, logvar)


### END HIDDEN TESTS

# %% [markdown]
# ### A draw from a softmax
#
# The **Gumbel-max trick** turns uniform numbers into a draw from $\operatorname{softmax}(\ell)$ without computing it:
#
# $$x=\arg\max_v\left[\ell_v-\log\left(-\log u_v\right)\right],\qquad u_v\sim U(0,1)\text{ independent}. \tag{0.3}$$
#
# | symbol | variable | shape | dtype |
# |---|---|---|---|
# | $\ell$, $u$ | `logits`, `u` | `(B, V)` | floating |
# | $x$ | returned | `(B,)` | int64 |
#
# The randomness comes in as an *argument*: there is one right answer for each `u`, and no seed to guess.


# %% solution="0.1c"
def categorical_sample(logits: Tensor, u: Tensor) -> Tensor:
    """Return one category per row by equation (0.3): `logits` and uniform numbers `u`, both (B, V) -> (B,) int64."""
    ### BEGIN SOLUTION
    return (logits - torch.log(-torch.log(u))).argmax(-1)
    ### END SOLUTION


# %% tests="0.1c"
@core
@points(0.25)
def test_a_dominant_logit_wins(rng):
    """A logit far above the others is drawn whatever u is, and a constant added to a row changes nothing."""
    b, v = rng.size(3, 6), rng.size(2, 6)
    u, winner = torch.rand(b, v, generator=rng), torch.randint(v, (b,), generator=rng)
    logits = 1000 * nn.functional.one_hot(winner, v).double()
    assert_close(categorical_sample(logits, u), winner, "The largest logit should win here: one int64 number per row")
    shifted = categorical_sample(logits + torch.randn(b, 1, generator=rng), u)
    assert_close(shifted, winner, "A constant added to all logits of a row changes nothing")


### BEGIN HIDDEN TESTS
@points(0.25)
def test_race_of_exponential_clocks(rng):
    """Category v wins exactly if its clock, -log(u) over its probability, rings first."""
    b, v = rng.size(30, 50), rng.size(3, 6)
    logits, u = torch.randn(b, v, generator=rng), torch.rand(b, v, generator=rng)
    first = (-u.log() / logits.exp()).argmin(-1)
    found = assert_inputs_unchanged(categorical_sample, logits, u)
    assert_close(found, first, "For some u another category should win: two logs and two minus signs")


@points(0.25)
def test_frequencies_are_the_softmax(rng):
    """Among 4000 draws every category is as frequent as the softmax says."""
    logits = torch.tensor([0.0, 1.0, -1.0, 0.5])[torch.randperm(4, generator=rng)]
    drawn = categorical_sample(logits.expand(4000, 4), torch.rand(4000, 4, generator=rng))
    message = "Categories are not as frequent as the softmax of the logits"
    assert_probs(torch.bincount(drawn, minlength=4), logits.softmax(0), message=message)


### END HIDDEN TESTS

# %% [markdown] written="W0.1" points=1 pages=1
# **The average of logs is not the log of the average.** Show that $\frac1n\sum_ia_i\le\operatorname{lme}(a)\le\max_ia_i$,
# and say when equality holds on either side.
#
# ### BEGIN SOLUTION
# The exponential is convex, so by Jensen $e^{\frac1n\sum a_i}\le\frac1n\sum e^{a_i}$; take logs. Equality holds exactly
# when all $a_i$ are equal, since the exponential is strictly convex. For the upper bound every $e^{a_i}\le e^{m}$ with
# $m=\max_ia_i$, so that their mean is at most $e^m$, with equality again exactly when all are equal.
# ### END SOLUTION
#
# ### BEGIN MARK SCHEME
# - (0.5) lower bound by Jensen's inequality for a convex function, with the case of equality
# - (0.5) upper bound by the largest term, with the case of equality
# ### END MARK SCHEME

# %% [markdown] figure="F0.1" points=1
# Draw 100 000 numbers with your `categorical_sample` and plot their frequencies beside the softmax. In one sentence: how
# large are the differences that you expect from chance alone?
#
# Caption: Frequencies of Gumbel-max draws beside the probabilities of the softmax.
#
# ### BEGIN MARK SCHEME
# - (0.5) labelled bars for frequencies and probabilities of every category
# - (0.5) the expected differences are of order root of p(1-p)/n, about 0.001
# ### END MARK SCHEME

# %% experiment="0.1" cpu_minutes=0.1 t4_minutes=0.1
import matplotlib.pyplot as plt
from hwkit import preset, savefig, set_seed

set_seed(0)
DRAWS = preset(smoke=10_000, cpu=100_000, gpu=100_000)
logits = torch.tensor([1.0, 0.0, -1.0, 2.0, 0.5])
drawn = categorical_sample(logits.expand(DRAWS, 5), torch.rand(DRAWS, 5).clamp(min=1e-12))
share = torch.bincount(drawn, minlength=5) / DRAWS
print("frequencies  ", [round(value, 3) for value in share.tolist()])
print("probabilities", [round(value, 3) for value in logits.softmax(0).tolist()])
fig, axis = plt.subplots(figsize=(5, 3))
place = torch.arange(5)
axis.bar(place - 0.2, share, width=0.4, color="#0072B2", label="frequency")
axis.bar(place + 0.2, logits.softmax(0), width=0.4, color="#D55E00", hatch="//", label="softmax")
axis.set(xlabel="category", ylabel="probability")
axis.legend()
savefig(
    "F0.1",
    fig,
    alt="Bars for five categories: frequencies of draws stand beside probabilities of the softmax, nearly equal.",
    answer="Replace this sentence by your sentence.",
)

# %% [markdown] problem="0.2" minutes=25
# ## Problem 0.2: One batch first
#
# The cheapest test of a training loop is to train on a single batch. The loss must fall; if it does not, no amount of
# data, time or GPU will help. One step of gradient descent with step size $\eta$ is
#
# $$\theta_{t+1}=\theta_t-\eta\,\nabla_\theta\,\text{loss}(\theta_t). \tag{0.4}$$
#
# | symbol | variable | shape | dtype |
# |---|---|---|---|
# | model, loss | `model`, `loss_fn(model, batch)` | the loss is one number | – |
# | the update | `optimizer`, which knows $\eta$ and the parameters | – | – |
# | number of steps | `steps` | number | int |
# | loss *before* each step | returned | list of `steps` floats | float |
#
# PyTorch **adds** gradients to those that are there; forget to clear them, and every step also repeats all earlier ones.


# %% solution="0.2a"
def overfit_one_batch(model: nn.Module, loss_fn, batch, optimizer, steps: int) -> list[float]:
    """Train `model` on one batch for some steps of `optimizer`; return the loss before each step as plain numbers.

    `loss_fn(model, batch)` returns a loss. Each step uses the gradient at the current parameters only, equation (0.4).
    """
    ### BEGIN SOLUTION
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = loss_fn(model, batch)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses
    ### END SOLUTION


# %% tests="0.2a"
def halves(model, batch):
    """Half the squared distance of the weights from the batch: each step of size eta shrinks it by 1 - eta."""
    return 0.5 * (model.weight - batch).square().sum()


@core
@points(0.25)
def test_loss_falls(rng):
    """There is one plain number per step, and the loss falls."""
    model, steps = nn.Linear(3, 2), rng.size(3, 6)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.2)
    losses = overfit_one_batch(model, halves, 3 + torch.randn(2, 3, generator=rng), optimizer, steps)
    assert len(losses) == steps, f"expected {steps} losses, one per step, got {len(losses)}"
    assert all(isinstance(loss, float) for loss in losses), "losses are plain numbers: loss.item()"
    assert all(b < a for a, b in zip(losses, losses[1:], strict=False)), "the loss does not fall: is there a step?"


### BEGIN HIDDEN TESTS
@points(0.5)
def test_steps_follow_the_current_gradient(rng):
    """On a quadratic, parameters and losses follow the closed form of gradient descent step by step."""
    model, steps, rate = nn.Linear(3, 2), rng.size(3, 6), 0.1 + 0.3 * float(torch.rand((), generator=rng))
    batch, start = 3 + torch.randn(2, 3, generator=rng), model.weight.detach().clone()
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    losses = overfit_one_batch(model, halves, batch, optimizer, steps)
    expected = [float(0.5 * ((1 - rate) ** t * (start - batch)).square().sum()) for t in range(steps)]
    assert_close(losses, expected, "The losses are not those before each step of gradient descent: gradients add up")
    end = batch + (1 - rate) ** steps * (start - batch)
    assert_close(model.weight.detach(), end, "The weights are not those after `steps` steps of gradient descent")


### END HIDDEN TESTS

# %% [markdown]
# **Submit.** Run the last cells, then hand in the notebook, the written part and the figures on Gradescope, each in its
# own slot. If the autograder's report shows this homework's release number and your four functions, all is set.
