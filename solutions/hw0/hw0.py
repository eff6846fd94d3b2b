# %% [markdown]
# A dry run, worth five bonus points and about an hour. You meet the notebook, the checks and the three places on
# Gradescope where work is handed in, so that none of them is new when it counts. On the way you write four functions that
# the whole course leans on: an average in log space, a log-density, a draw from a softmax, and a training loop.
#
# ```
#   write a function ─► run its checks ─► run the experiment ─┐
#                                                             ▼
#                hand in three things: notebook · written PDF · figures PDF
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
    for found in (log_mean_exp(value.expand(n, b), 0), log_mean_exp(value.unsqueeze(1).expand(b, n), 1)):
        assert found.dim() == 1, "the axis `dim` disappears from the shape: no keepdim"
        assert found.shape == value.shape, "the average runs over the axis `dim`, not over another one"
        assert_close(found, value, "n equal numbers average to that number: a mean divides by n, so subtract log n")


@points(0.125)
def test_one_and_three_average_to_two(rng):
    """The exponentials 1 and 3 average to 2, also when both are multiplied by e^2000 or e^-2000, or by nothing at all."""
    pair = torch.tensor([0.0, math.log(3.0)])[torch.randperm(2, generator=rng)]
    two = torch.tensor(math.log(2.0))
    assert_close(log_mean_exp(pair, 0), two, "This is the mean of logs: asked for is the log of the mean of exp(a)")
    for shift in (2000.0, -2000.0):
        found = log_mean_exp(pair + shift, 0)
        assert_close(
            found, two + shift, "exp overflows or underflows here: subtract the maximum first, add it at the end"
        )
    nothing = float(log_mean_exp(pair - math.inf, 0))
    assert nothing == -math.inf, "the log of zero is minus infinity; minus infinity minus itself is NaN"


### BEGIN HIDDEN TESTS
@points(0.25)
def test_average_is_the_log_of_the_mean(rng):
    """It is the log of the mean of the exponentials, with their gradient, in the dtype of its argument."""
    a = torch.randn(rng.size(2, 3), rng.size(2, 3), 2, generator=rng)
    for dim in (0, 1, -1):
        out = assert_inputs_unchanged(log_mean_exp, a, dim)
        assert_close(out.exp(), a.exp().mean(dim), "exp of the result is not the mean of the exponentials")
    alone = tuple(log_mean_exp(a[:1], 1).shape)
    assert alone == (1, 2), f"only the axis `dim` disappears, not others of length 1: expected (1, 2), got {alone}"
    assert log_mean_exp(a.float(), 1).dtype == torch.float32, "float32 in, float32 out"
    assert_gradients_match(lambda x: log_mean_exp(x, 1), a)


@points(0.125)
def test_average_is_stable(rng):
    """A constant, even 10000, moves each slice's result by itself; a number far above the others decides alone."""
    n = rng.size(2, 5)
    a = torch.randn(rng.size(6, 8), n, generator=rng)
    shift = torch.linspace(-1e4, 1e4, a.shape[0]).unsqueeze(1)
    moved = log_mean_exp(a + shift, 1)
    assert_finite(moved, "Large or small numbers under- or overflow: subtract the maximum of each slice first")
    assert_close(moved, log_mean_exp(a, 1) + shift.squeeze(1), "A constant added to a slice is added to its average")
    a[:, 0] += 5000
    assert_close(log_mean_exp(a, 1), a[:, 0] - math.log(n), "A number far above the others decides alone")
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
    b, d = rng.size(6, 9), rng.size(3, 5)
    mean, logvar = torch.randn(b, d, generator=rng), torch.randn(b, d, generator=rng)
    found = gaussian_log_prob(mean, mean, torch.zeros(b, d))
    assert found.shape == (b,), "one number per example: sum over the last axis"
    assert float(found.sum()) <= 0, (
        "the density at the mean is below 1 here: mind the sign, this is the negative log-density"
    )
    assert float(found.abs().max()) > 0, "the constant log 2 pi belongs to the density"
    unit = torch.full((b,), -d / 2 * math.log(2 * math.pi))
    assert_close(found, unit, "For unit variance it is -1/2 log 2 pi for each dimension: a sum over them, not a mean")
    drop = gaussian_log_prob(mean, mean, logvar) - found
    assert_close(
        drop, -logvar.sum(-1) / 2, "logvar is the log of the variance: the standard deviation is exp(logvar / 2)"
    )


@points(0.125)
def test_one_standard_deviation_costs_half_a_nat(rng):
    """Each coordinate that lies one standard deviation from the mean costs half a nat."""
    b, d = rng.size(6, 9), rng.size(1, 4)
    mean, logvar = torch.randn(b, d, generator=rng), torch.randn(b, d, generator=rng)
    away = gaussian_log_prob(mean + (logvar / 2).exp(), mean, logvar)
    message = "One standard deviation costs 1/2: the square of the distance over the variance, which is exp(logvar)"
    assert_close(gaussian_log_prob(mean, mean, logvar) - away, torch.full((b,), d / 2), message)


### BEGIN HIDDEN TESTS
@points(0.25)
def test_density_integrates_to_one(rng):
    """The density integrates to one over the plane."""
    mean, logvar = torch.randn(2, generator=rng), 1.5 * torch.rand(2, generator=rng) - 1
    box = [(float(m - 9 * s), float(m + 9 * s)) for m, s in zip(mean, (logvar / 2).exp(), strict=True)]
    assert_integrates_to_one(lambda x: gaussian_log_prob(x, mean, logvar), box, n=60, message="Not normalised")


@points(0.125)
def test_arguments_broadcast(rng):
    """Arguments with one row or one column stand for many, stay as they are, keep their dtype, and have exact gradients."""
    b, d = rng.size(2, 4), rng.size(5, 6)
    full = [torch.randn(b, d, generator=rng) for _ in range(3)]
    for thin in ((0, 1), (0, 2), (1, 2)):
        columns = [x[:, :1] if i in thin else x for i, x in enumerate(full)]
        rows = [x[0] if i in thin else x for i, x in enumerate(full)]
        for some in (columns, rows):
            found = assert_inputs_unchanged(gaussian_log_prob, *some)
            whole = gaussian_log_prob(*(x.expand(b, d) for x in some))
            assert_close(found, whole, "An argument with one row or one column stands for one with many equal ones")
    for size in (-20.0, 20.0):  # 60 standard deviations from the mean, of Gaussians narrow and wide
        logvar = torch.full((b, d), size)
        found = gaussian_log_prob(60 * (logvar / 2).exp(), torch.zeros(d), logvar)
        expected = torch.full((b,), -d / 2 * (math.log(2 * math.pi) + size + 3600))
        assert_close(
            found, expected, "Stay in log space: far from the mean the density underflows, its logarithm does not"
        )
    assert gaussian_log_prob(*(x.float() for x in full)).dtype == torch.float32, "float32 in, float32 out"
    assert_gradients_match(gaussian_log_prob, *(x[:2, :4] for x in full))


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
    b, v = rng.size(7, 9), rng.size(3, 6)
    u, winner = torch.rand(b, v, generator=rng), torch.randint(v, (b,), generator=rng)
    logits = 1000 * nn.functional.one_hot(winner, v).double()
    found = categorical_sample(logits, u)
    assert found.shape == (b,), "one category per row: the maximum runs over the last axis"
    assert_close(found, winner, "A logit far above the others should win: the largest sum, not the smallest")
    shifted = categorical_sample(logits + torch.randn(b, 1, generator=rng), u)
    assert_close(shifted, winner, "A constant added to all logits of a row changes nothing")


@points(0.125)
def test_what_u_does(rng):
    """Among equal logits the largest u wins, the same u gives the same draw, and u = 0.873 is a bonus of 2."""
    b, v = rng.size(20, 30), rng.size(3, 6)
    u = torch.rand(b, v, generator=rng)
    drawn = categorical_sample(torch.zeros(b, v), u)
    assert_close(drawn, categorical_sample(torch.zeros(b, v), u), "The randomness is in u: do not draw your own")
    message = "Among equal logits the largest u wins: Gumbel noise is -log(-log u), with two minus signs"
    assert_close(drawn, u.argmax(-1), message)
    u = torch.tensor([[math.exp(-math.exp(-2)), 0.5]])  # Gumbel noise of 2 and of 0.37
    found = categorical_sample(torch.tensor([[0.0, 1.5]]), u)
    message = (
        "Gumbel noise is the double logarithm -log(-log u), added to the logits; not u, not p times u, not exp(logits)"
    )
    assert_close(found, torch.tensor([0]), message)


### BEGIN HIDDEN TESTS
@points(0.25)
def test_race_of_exponential_clocks(rng):
    """Category v wins exactly if its clock, -log(u) over its probability, rings first."""
    b, v = rng.size(30, 50), rng.size(3, 6)
    logits, u = torch.randn(b, v, generator=rng), torch.rand(b, v, generator=rng)
    first = (-u.log() / logits.exp()).argmin(-1)
    found = assert_inputs_unchanged(categorical_sample, logits, u)
    assert_close(found, first, "For some u another category should win: two logs and two minus signs")
    for shift in (-2000.0, 2000.0):
        moved = categorical_sample(logits + shift, u)
        assert_close(moved, first, "Stay in log space: exp of large or small logits overflows or underflows")
    rare = torch.tensor([[1 - 1e-12, 0.5], [1e-12, math.exp(-1)]])  # Gumbel noise 27.6 and 0.4, -3.3 and 0
    found = categorical_sample(torch.tensor([[0.0, 20.0], [2.9, 0.0]]), rare)
    assert_close(found, torch.tensor([0, 1]), "u near 0 or 1 counts as it comes: no constant in a logarithm, no clamp")


@points(0.125)
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
# - (0.5) lower bound by Jensen's inequality (for the convex exponential, or the concave logarithm), with the case of
#   equality; half of that without it
# - (0.5) upper bound by the largest term, with the case of equality
# ### END MARK SCHEME

# %% [markdown] figure="F0.1" points=1
# **Frequencies and probabilities.** Draw 100 000 numbers with your `categorical_sample` and plot their frequencies
# beside the softmax. In one sentence: how large are the differences that you expect from chance alone?
#
# Caption: Frequencies of Gumbel-max draws beside the probabilities of the softmax.
#
# ### BEGIN MARK SCHEME
# - (0.5) labelled bars for frequencies and probabilities of every category
# - (0.5) the expected differences are of order $\sqrt{p(1-p)/n}$, about 0.001 (0.0005 for the rarest, 0.0016 for the
#   commonest category)
# ### END MARK SCHEME

# %% experiment="0.1" cpu_minutes=0.1 t4_minutes=0.1
import matplotlib.pyplot as plt
from hwkit import preset, savefig, set_seed

set_seed(1)
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
# | the update | `optimizer`, which knows $\eta$ and the parameters; use its `zero_grad()` and `step()` | – | – |
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
    assert all(isinstance(loss, float) for loss in losses), "a tensor keeps its whole graph alive: return plain numbers"
    stuck = (
        "the loss does not fall: the step comes after the backward pass, and uses gradients that nobody has cleared yet"
    )
    assert losses[1] < losses[0], stuck
    assert all(b < a for a, b in zip(losses, losses[1:], strict=False)), "the loss does not fall at every step"


@points(0.125)
def test_three_steps(rng):
    """With step size 1/4 the distance shrinks by a quarter at every step, and the first loss is that of the start."""
    model, batch = nn.Linear(3, 2), 3 + torch.randn(2, 3, generator=rng)
    start = halves(model, batch).item()
    first, second, third = overfit_one_batch(model, halves, batch, torch.optim.SGD(model.parameters(), lr=0.25), 3)
    assert_close(first, start, "The first loss is the one before the first step, not the one after it")
    assert_close(second, start * 0.75**2, "One step of size 1/4 shrinks the distance by a quarter")
    assert_close(
        third,
        start * 0.75**4,
        "The second step repeats the first: gradients add up, clear them before each backward pass",
    )


### BEGIN HIDDEN TESTS
@points(0.375)
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
# ### Experiment: a training run that survives
#
# Later homeworks train for minutes, on machines that may go away. They all do it in these four moves. Here two parameters
# learn a Gaussian from 1000 numbers with mean 3 and standard deviation 2, by your log-density:
#
# 1. `overfit_one_batch`, yours: does the loss fall at all?
# 2. `one_step_cpu_check` makes a few steps on the CPU and says what is wrong; before it has passed, `device()` gives no GPU.
# 3. `Checkpointer` names what has to survive: model, optimiser, and by itself every random generator.
# 4. `fit` trains, compares with what you should see, and saves once a minute and at the end.
#
# **What to expect.** One batch of ten numbers: from about 2.6 nats to 1.6. The run: from 7.6 nats to **2.11 ± 0.05**, the
# entropy of the data, $\frac12\log(2\pi e\sigma^2)$ with $\sigma=2$. Then run the cell once more: it finds its checkpoint
# and trains nothing. With Drive mounted (second cell of the notebook) it would find it tomorrow, too. If the run ends near
# 1.2, look for the missing $\log2\pi$; if the cost is right and the standard deviation is 1.41, ask what `logvar` is the log
# of.

# %% experiment="0.2" cpu_minutes=0.1 t4_minutes=0.1
from hwkit import Checkpointer, device, fit, one_step_cpu_check, preset, set_seed


class Bell(nn.Module):
    """A Gaussian in one dimension whose mean and log-variance are learned."""

    def __init__(self):
        super().__init__()
        self.mean, self.logvar = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1))


def cost(model, batch):
    """The average negative log-density of a batch, in nats."""
    return -gaussian_log_prob(batch, model.mean, model.logvar).mean()


set_seed(1)
numbers, trial, bell = 3 + 2 * torch.randn(1000, 1), Bell(), Bell()
losses = overfit_one_batch(trial, cost, numbers[:10], torch.optim.Adam(trial.parameters(), lr=0.1), 50)
print(f"one batch: {losses[0]:.2f} -> {losses[-1]:.2f} nats")
optimizer = torch.optim.Adam(bell.parameters(), lr=0.05)


def update():
    """One step on all numbers."""
    loss = cost(bell, numbers)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss


one_step_cpu_check(update, bell, optimizer=optimizer)
bell, numbers = bell.to(device()), numbers.to(device())
optimizer = torch.optim.Adam(bell.parameters(), lr=0.05)
saved = Checkpointer("bell.pt", model=bell, optimizer=optimizer)
history = fit(update, preset(smoke=20, cpu=300, gpu=300), checkpoint=saved, expect={300: (2.0, 2.25)})
print(f"mean {float(bell.mean.detach()):.2f}, standard deviation {float((bell.logvar / 2).exp().detach()):.2f}")

# %% [markdown]
# **Submit.** Run the last cells, then hand in the notebook, the written part and the figures on Gradescope, each in its
# own slot. If the autograder's report shows this homework's release number and your four functions, all is set.
