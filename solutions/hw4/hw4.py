# %% [markdown]
# Pour ink into water and it spreads until nothing of the drop is left. Film it, play the film backwards,
# and noise turns into a drop. A **diffusion model** learns to play the film backwards: destroying data one small step
# at a time is trivial, and to undo one small step a network only has to guess what noise was added. In this homework
# you write that film in both directions, for points in the plane, for images and for DNA; you learn to steer it with a
# label; and you close with the question behind every fine-tuned language model: how far may a reward pull a model from
# its data?
#
# ```
#           q(x_t | x_{t-1}): add noise, nothing to learn
#   data    x_0 ──► x_1 ──► … ──► x_t ──► … ──► x_T ≈ N(0, I)   noise
#   data    x_0 ◄── x_1 ◄── … ◄── x_t ◄── … ◄── x_T ~ N(0, I)   noise
#           p(x_{t-1} | x_t): guess the noise, ε̂(x_t, t, y), step back
# ```
#
# **When you are done you can**
#
# - compute every quantity of a discrete-time diffusion, and say which one a given formula needs: $\beta_t$, $\alpha_t$,
#   $\bar\alpha_t$ or $\bar\alpha_{t-1}$;
# - explain why guessing noise is learning the score, and why the training loss stops falling while samples improve;
# - write DDPM and DDIM samplers and test them *exactly*, with networks whose best answer is known;
# - steer a sampler with classifier-free guidance, and say what law it samples (not the one on the slides);
# - diffuse tokens by masking, measure the bound in bits per base against the entropy of the data;
# - fine-tune a generator with policy gradients, and recognise reward hacking when you see it.
#
# **How it works.** Every question is one small function or class. Randomness comes in as an *argument* (`eps`, `noise`,
# `u`, or a generator), so there is no seed to guess. Networks come in as arguments too: the checks pass in *oracles*,
# functions whose optimal output is known in closed form, so nothing has to be trained to find out whether your sampler
# is right. Gradescope runs the checks you see and more of the same kind, with other shapes and numbers. Write functions
# that work for vectors and images, on any device, in float32 and float64, and that leave their arguments alone.
#
# **Hand in** this notebook, the written part (W4.1 to W4.6), and the figures (F4.1 to F4.6). The experiments take about
# eight minutes of one CPU core in all, and each prints what to expect; a GPU is welcome and not needed. For a team of
# two, plan about 13½ hours in all: the minutes in the table above include written questions and figures. Questions can
# be done in any order: where one builds on another, a mistake is only charged once.

# %%
import math

import torch
from hwkit import (
    assert_close,
    assert_finite,
    assert_gradients_match,
    assert_inputs_unchanged,
    assert_mean_close,
    assert_probs,
    assert_var_close,
    core,
    float32,
    points,
)
from torch import Generator, Tensor, nn

Schedule = dict[str, Tensor]  # "beta", "alpha", "alpha_bar", "alpha_bar_prev", each (T,) float64

# %% [markdown]
# ### Conventions
#
# Time is an integer $t\in\{0,\dots,T-1\}$, and `alpha_bar[t]` belongs to the image after $t+1$ noising steps: `t = 0`
# is *slightly* noisy, not clean. The clean end has $\bar\alpha=1$ and is never in the table; `alpha_bar_prev[0]` is
# that 1. Papers count from 1, so their $\bar\alpha_t$ is our `alpha_bar[t - 1]`; half of all sampler bugs live in this
# sentence.
#
# | symbol | variable | shape | meaning |
# |---|---|---|---|
# | $\beta_t$ | `sch["beta"]` | `(T,)` | variance added by one step |
# | $\alpha_t=1-\beta_t$ | `sch["alpha"]` | `(T,)` | share of variance that one step keeps |
# | $\bar\alpha_t=\prod_{k\le t}\alpha_k$ | `sch["alpha_bar"]` | `(T,)` | share of the signal left after step $t$ |
# | $\bar\alpha_{t-1}$ | `sch["alpha_bar_prev"]` | `(T,)` | the same one step earlier, 1 at $t=0$ |
# | $x_0$, $x_t$, $\varepsilon$ | `x0`, `xt`, `eps` | `(B, ...)` | data, noisy data, noise: vectors or images |
# | $t$ | `t` | `(B,)` long | every example has its own time |
#
# Functions that take the table take it as a constant: nobody asks for a gradient with respect to it.

# %% [markdown] problem="4.1" minutes=100
# ## Problem 4.1: Schedules and the forward process
#
# Nothing is learned in this problem, and everything after it stands on it.
#
# ### How fast to destroy
#
# The cosine schedule prescribes how much signal is left, and derives the steps from that:
#
# $$f(k)=\cos^2\!\left(\frac{k/T+s}{1+s}\cdot\frac\pi2\right),\qquad
#   \beta_t=\min\!\left(1-\frac{f(t+1)}{f(t)},\;0.999\right),\qquad
#   \bar\alpha_t=\prod_{k=0}^{t}(1-\beta_k). \tag{4.1}$$
#
# | symbol | variable | shape | dtype |
# |---|---|---|---|
# | $T$, $s$ | `T`, `s` | numbers | int, float |
# | $\bar\alpha$ | returned | `(T,)` | **float64**, whatever the default |
#
# Why float64? At the noisy end $\bar\alpha$ is a product of hundreds of factors and of the size of $10^{-7}$, and the
# samplers divide by its root. Why 0.999? Without it the last step would leave nothing at all ($f(T)=0$), and they would
# divide by zero.


# %% solution="4.1a"
def cosine_alpha_bar(T: int, s: float = 0.008) -> Tensor:
    """Return the cosine schedule's alpha_bar, equation (4.1): (T,) float64, decreasing, with every beta at most 0.999.

    Entry t belongs to t + 1 noising steps, so entry 0 is below 1.
    """
    ### BEGIN SOLUTION
    k = torch.arange(T + 1, dtype=torch.float64)
    f = torch.cos((k / T + s) / (1 + s) * math.pi / 2).square()
    beta = (1 - f[1:] / f[:-1]).clamp(max=0.999)
    return torch.cumprod(1 - beta, dim=0)
    ### END SOLUTION


# %% tests="4.1a"
@core
@points(0.5)
def test_signal_decreases_from_below_one(rng):
    """alpha_bar has one entry per step, starts below 1, decreases, and stays positive."""
    steps = rng.size(5, 60)
    alpha_bar = cosine_alpha_bar(steps)
    assert tuple(alpha_bar.shape) == (steps,), f"expected shape {(steps,)}, got {tuple(alpha_bar.shape)}"
    assert float(alpha_bar[0]) < 1, "Entry 0 has seen one noising step already: it is below 1"
    assert bool((alpha_bar[1:] < alpha_bar[:-1]).all()), "alpha_bar decreases: noise is only ever added"
    assert float(alpha_bar[-1] / alpha_bar[-2]) > 1e-4, "cap: beta is at most 0.999, or the last step leaves nothing"


@points(0.25)
def test_half_way_value(rng):
    """Without offset (s = 0), half of the variance is left in the middle: cos(pi / 4) squared; with one a bit less."""
    half = rng.size(5, 40)
    middle = float(cosine_alpha_bar(2 * half, s=0.0)[half - 1])
    assert_close(middle, 0.5, "cosine squared: after half of the steps, half of the variance is signal")
    assert 0.45 < float(cosine_alpha_bar(2 * half)[half - 1]) < 0.495, "offset: s = 0.008 puts the film a little ahead"


### BEGIN HIDDEN TESTS
@float32
@points(0.5)
def test_angle_advances_evenly(rng):
    """The angle arccos of the root of alpha_bar advances evenly from step to step, in float64, until the cap on beta."""
    steps, s = rng.size(20, 60), 0.003 + 0.02 * float(torch.rand((), generator=rng))
    start = s / (1 + s) * math.pi / 2
    level = cosine_alpha_bar(steps, s).double() * math.cos(start) ** 2
    angle = torch.acos(level.sqrt())[:-1]
    advance = (math.pi / 2 - start) / steps
    expected = start + advance * torch.arange(1, steps, dtype=torch.float64)
    assert_close(
        angle, expected, "cosine schedule: the angle does not grow evenly from the offset s", atol=1e-9, rtol=0
    )


@float32
@points(0.25)
def test_last_step_is_capped(rng):
    """The last step keeps exactly a thousandth of the variance, in float64; the default offset is 0.008."""
    steps = rng.size(3, 200)
    alpha_bar = cosine_alpha_bar(steps)
    assert alpha_bar.dtype == torch.float64, "The schedule is float64 whatever the default dtype is"
    kept = float(alpha_bar[-1] / alpha_bar[-2])
    assert_close(kept, 0.001, "beta is capped at 0.999 in float64, and alpha_bar follows", atol=1e-12, rtol=1e-9)
    assert_close(cosine_alpha_bar(steps, 0.008), alpha_bar, "The default offset is 0.008", atol=1e-12)
    assert_close(float(cosine_alpha_bar(1)[0]), 0.001, "A single step is capped as well", atol=1e-9)
    before, after = (math.cos((k / 1000 + 0.008) / 1.008 * math.pi / 2) ** 2 for k in (0, 1))
    first = float(cosine_alpha_bar(1000)[0])
    assert_close(first, after / before, "beta has a largest value and no smallest: first steps add little", atol=1e-12)


### END HIDDEN TESTS

# %% [markdown]
# ### The table
#
# Everything else follows from $\bar\alpha$ alone, for any decreasing $\bar\alpha$. With $\bar\alpha_{-1}=1$ for the
# clean end,
#
# $$\alpha_t=\frac{\bar\alpha_t}{\bar\alpha_{t-1}},\qquad\beta_t=1-\alpha_t,\qquad t=0,\dots,T-1, \tag{4.2}$$
#
# and `alpha_bar_prev[t]` holds $\bar\alpha_{t-1}$: the given numbers moved one place to the right, with the 1 in front.
# A public repository once used $\bar\alpha_0$ in place of the 1. The samplers ran, the images looked fine, and every
# one of them kept a little noise.


# %% solution="4.1b"
def make_schedule(alpha_bar: Tensor) -> Schedule:
    """Return {"beta", "alpha", "alpha_bar", "alpha_bar_prev"} of a decreasing `alpha_bar`, equation (4.2); all (T,)."""
    ### BEGIN SOLUTION
    alpha_bar_prev = torch.cat([torch.ones_like(alpha_bar[:1]), alpha_bar[:-1]])
    alpha = alpha_bar / alpha_bar_prev
    return {"beta": 1 - alpha, "alpha": alpha, "alpha_bar": alpha_bar, "alpha_bar_prev": alpha_bar_prev}
    ### END SOLUTION


# %% tests="*"
def small_schedule():
    """A schedule of five uneven steps: alpha is 0.8, 0.5, 0.9, 0.25, 0.6."""
    return {
        "beta": torch.tensor([0.2, 0.5, 0.1, 0.75, 0.4]),
        "alpha": torch.tensor([0.8, 0.5, 0.9, 0.25, 0.6]),
        "alpha_bar": torch.tensor([0.8, 0.4, 0.36, 0.09, 0.054]),
        "alpha_bar_prev": torch.tensor([1.0, 0.8, 0.4, 0.36, 0.09]),
    }


def name_the_slip(found, slips):
    """Fail with the words for a common slip if `found` is what the slip gives: {words: its result}."""
    for words, result in slips.items():
        same = isinstance(found, Tensor) and found.shape == result.shape and torch.allclose(found, result)
        assert not same, words


def some_shape(rng, b):
    """The shape of a batch of `b` examples: vectors, or images with odd sides (and sometimes as wide as the batch)."""
    return [(b, rng.size(1, 4)), (b, b), (b, 1, rng.size(2, 3), rng.size(4, 5))][rng.size(0, 2)]


### BEGIN HIDDEN TESTS
def random_schedule(rng, steps=None):
    """A schedule of random steps (between 5 and 9 of them unless given)."""
    return make_table((0.97 - 0.5 * torch.rand(steps or rng.size(5, 9), generator=rng)).tolist())


def make_table(alphas):
    """The schedule whose steps keep these shares of the variance."""
    before, rows = 1.0, []
    for a in alphas:
        rows.append((1 - a, a, before * a, before))
        before *= a
    return dict(zip(("beta", "alpha", "alpha_bar", "alpha_bar_prev"), torch.tensor(rows).unbind(1), strict=True))


def per_row(values, x):
    """One number per example, (B,), shaped to multiply x (B, ...)."""
    return values[(...,) + (None,) * (x.dim() - 1)]


def own_times(rng, sch, b, lowest=0):
    """`b` times, all different, in any order, with `lowest` among them: (b,) long."""
    later = lowest + 1 + torch.randperm(len(sch["beta"]) - lowest - 1, generator=rng)
    return torch.cat([torch.tensor([lowest]), later[: b - 1]])[torch.randperm(b, generator=rng)]


def both_shapes(b):
    """Vectors and images of which some axis is as long as the batch."""
    return (b, b), (b, 1, 2, b)


def assert_even_unmasking(seen, at_start, mask_id, steps):
    """Each of `steps` calls sees its share of the tokens `at_start` still masked, and what was revealed stays."""
    for k, xt in enumerate(seen):
        still = (xt == mask_id)[at_start].double()
        message = "time: equal steps from 1 to 0, so that each reveals 1/steps of the tokens that start masked"
        assert_mean_close(still, max(0.0, 1 - k / steps), bounds=(0.0, 1.0), message=message)
    for before, after in zip(seen[:-1], seen[1:], strict=True):
        assert bool(((before == mask_id) | (before == after)).all()), "A revealed token was masked or changed again"


### END HIDDEN TESTS


# %% tests="4.1b"
@core
@points(0.5)
def test_steps_multiplied_by_hand(rng):
    """Steps that keep alpha of the variance are multiplied up by hand; the table finds all four rows from the product."""
    alpha, left = (0.2 + 0.7 * torch.rand(rng.size(3, 7), generator=rng)).tolist(), [1.0]
    for share in alpha:
        left.append(left[-1] * share)
    sch = make_schedule(torch.tensor(left[1:]))
    assert set(sch) == {"beta", "alpha", "alpha_bar", "alpha_bar_prev"}, (
        "the table has the keys beta, alpha, alpha_bar and alpha_bar_prev"
    )
    assert float(sch["alpha_bar_prev"][0]) == 1, "alpha_bar_prev[0] is 1: before the first step there is no noise"
    assert_close(sch["alpha_bar"], torch.tensor(left[1:]), "alpha_bar is what was given")
    assert_close(sch["alpha_bar_prev"], torch.tensor(left[:-1]), "alpha_bar_prev looks one step back, not ahead")
    assert_close(sch["alpha"], torch.tensor(alpha), "alpha is the share of one step: a ratio of neighbours")
    assert_close(sch["beta"], 1 - torch.tensor(alpha), "beta is 1 - alpha, the variance that one step adds")


### BEGIN HIDDEN TESTS
@points(0.75)
def test_products_of_the_steps(rng):
    """The steps multiply up to alpha_bar, and alpha_bar_prev is alpha_bar one step earlier."""
    given = random_schedule(rng)
    sch = make_schedule(given["alpha_bar"])
    assert_close(torch.cumprod(1 - sch["beta"], 0), given["alpha_bar"], "The product of 1 - beta is alpha_bar")
    assert_close(sch["alpha_bar_prev"] * sch["alpha"], sch["alpha_bar"], "alpha_bar_prev times alpha is alpha_bar")
    assert_close(sch["alpha_bar_prev"], given["alpha_bar_prev"], "alpha_bar_prev looks one step back, 1 at the start")
    steep = make_schedule(torch.tensor([1 - 1e-6, 0.5, 1e-5]))
    message = "beta is 1 - alpha for any decreasing alpha_bar: this table has no limits of its own"
    assert_close(steep["beta"], torch.tensor([1e-6, 0.5 - 5e-7 / (1 - 1e-6), 1 - 2e-5]), message, atol=1e-10)


@points(0.25)
def test_table_of_one_step_and_contracts(rng):
    """A single step works; inputs are left unchanged, and autograd agrees with finite differences."""
    one = make_schedule(torch.tensor([0.7]))
    assert_close([one["beta"], one["alpha_bar_prev"]], [torch.tensor([0.3]), torch.tensor([1.0])], "A single step")
    alpha_bar = random_schedule(rng)["alpha_bar"]
    single = assert_inputs_unchanged(make_schedule, alpha_bar.float())
    assert all(row.dtype == torch.float32 for row in single.values()), "The table has the dtype of its argument"
    assert_gradients_match(make_schedule, alpha_bar)


### END HIDDEN TESTS

# %% [markdown]
# ### One number per example
#
# The formulas below multiply images `(B, 1, 8, 8)` by one number per example. A tensor of shape `(B,)` broadcasts along
# the *last* axis instead: an error if you are lucky, and if the batch happens to be as large as an image is wide, a
# silent one. Settle it once. `at(table, t, x)` looks up `table[t]`, gives it as many trailing axes of length one as `x`
# needs, and brings it to the dtype and device of `x` (tables are float64, images float32).


# %% solution="4.1c"
def at(table: Tensor, t: Tensor, x: Tensor) -> Tensor:
    """Return table[t], one number per example, shaped (B, 1, ..., 1) to multiply `x` (B, ...), in x's dtype and device.

    `table` is (T,), `t` is (B,) long. As in any indexing, an entry of -1 in `t` means the last entry of the table.
    """
    ### BEGIN SOLUTION
    values = table.to(x.device)[t.to(x.device)].to(x.dtype)
    return values.reshape(-1, *[1] * (x.dim() - 1))
    ### END SOLUTION


# %% tests="4.1c"
@core
@points(0.5)
def test_lookup_has_trailing_axes(rng):
    """A lookup for images (B, 1, H, W) has shape (B, 1, 1, 1), one number per example."""
    b = rng.size(2, 5)
    table, t = torch.randn(7, generator=rng), torch.randint(7, (b,), generator=rng)
    found = at(table, t, torch.zeros(b, 1, 3, b))
    assert tuple(found.shape) == (b, 1, 1, 1), f"broadcasting: expected shape {(b, 1, 1, 1)}, got {tuple(found.shape)}"
    assert_close(found.flatten(), torch.stack([table[int(i)] for i in t]), "Example b gets table[t[b]]")
    vectors = at(table, t, torch.zeros(b, 3, dtype=torch.float32))
    assert tuple(vectors.shape) == (b, 1), f"axes of x: for vectors expected shape {(b, 1)}, got {tuple(vectors.shape)}"
    assert vectors.dtype == torch.float32, "dtype: float32 data get float32 numbers, though tables are float64"


### BEGIN HIDDEN TESTS
@points(0.5)
def test_lookup_follows_its_batch(rng):
    """Vectors and scalars work too, in the dtype of x, and inputs are left unchanged."""
    b = rng.size(2, 5)
    table, t = torch.randn(6, generator=rng), torch.randperm(6, generator=rng)[:b]
    for x in (torch.zeros(b, b), torch.zeros(b), torch.zeros(b, 2, 3, 1, 2)):
        found = assert_inputs_unchanged(at, table, t, x)
        product = found * torch.ones_like(x)
        assert_close(
            product,
            torch.stack([table[int(t[i])] * torch.ones_like(x[i]) for i in range(b)]),
            "broadcasting: multiply example b by its own number, all of its digits",
            rtol=1e-12,
            atol=0,
        )
    alone = tuple(at(table, t[:1], torch.zeros(1, 2, 3)).shape)
    assert alone == (1, 1, 1), f"a batch of one example: expected shape (1, 1, 1), got {alone}"
    assert at(table, t, torch.zeros(b, 2, dtype=torch.float32)).dtype == torch.float32, "The lookup has the dtype of x"
    last = at(table, torch.full((b,), -1), torch.zeros(b, 2))
    assert_close(last, table[5].expand(b, 1), "The index -1 means the last entry")


### END HIDDEN TESTS

# %% [markdown]
# ### Jump to any time
#
# A sum of Gaussian steps is one Gaussian step, so $x_t$ needs no loop:
#
# $$x_t=\sqrt{\bar\alpha_t}\;x_0+\sqrt{1-\bar\alpha_t}\;\varepsilon,\qquad\varepsilon\sim N(0,I). \tag{4.3}$$
#
# Given two of $x_0$, $x_t$, $\varepsilon$, the third is known:
#
# $$\hat x_0=\frac{x_t-\sqrt{1-\bar\alpha_t}\;\varepsilon}{\sqrt{\bar\alpha_t}},\qquad
#   \hat\varepsilon=\frac{x_t-\sqrt{\bar\alpha_t}\;x_0}{\sqrt{1-\bar\alpha_t}}. \tag{4.4}$$
#
# A network may predict either, or a rotation of the two by the angle of (4.1), the *velocity*:
#
# $$v_t=\sqrt{\bar\alpha_t}\;\varepsilon-\sqrt{1-\bar\alpha_t}\;x_0. \tag{4.5}$$
#
# | symbol | variable | shape | dtype |
# |---|---|---|---|
# | $x_0$, $x_t$, $\varepsilon$ | `x0`, `xt`, `eps` | `(B, ...)` | floating |
# | $t$ | `t` | `(B,)` | long |
# | $x_t$, $\hat x_0$, $\hat\varepsilon$, $v_t$ | returned | `(B, ...)` | as the input |


# %% solution="4.1d"
def q_sample(sch: Schedule, x0: Tensor, t: Tensor, eps: Tensor) -> Tensor:
    """Return x_t given clean data and standard-normal noise, equation (4.3): (B, ...), (B,), (B, ...) -> (B, ...)."""
    ### BEGIN SOLUTION
    alpha_bar = at(sch["alpha_bar"], t, x0)
    return alpha_bar.sqrt() * x0 + (1 - alpha_bar).sqrt() * eps
    ### END SOLUTION


# %% tests="4.1d"
@core
@points(0.5)
def test_signal_and_noise_shares(rng):
    """With 9 % of the variance left, signal counts 0.3 and noise counts the root of 0.91."""
    d = rng.size(2, 5)
    x0, eps = torch.randn(1, d, generator=rng), torch.randn(1, d, generator=rng)
    t, still = torch.tensor([3]), torch.zeros(1, d)
    sch = small_schedule()
    signal, noise = q_sample(sch, x0, t, still), q_sample(sch, still, t, eps)
    slips = {
        "sqrt: alpha_bar is a share of variance, signal and noise are scaled by roots": 0.09 * x0,
        "alpha is the share of one step: after t + 1 steps it is alpha_bar": 0.5 * x0,
        "off by one: alpha_bar[t] already counts t + 1 steps": 0.6 * x0,
        "exchanged: signal counts the root of alpha_bar, noise that of 1 - alpha_bar": math.sqrt(0.91) * x0,
    }
    name_the_slip(signal, slips)
    assert_close(signal, 0.3 * x0, "Without noise, x_t is the root of alpha_bar times x0")
    assert_close(noise, math.sqrt(0.91) * eps, "Without signal, x_t is sqrt(1 - alpha_bar) times the noise eps")


@points(0.25)
def test_every_example_has_its_own_time(rng):
    """Reordering the examples together with their times reorders the result, also when B equals the width."""
    b = rng.size(3, 5)
    x0, eps = torch.randn(b, 1, 2, b, generator=rng), torch.randn(b, 1, 2, b, generator=rng)
    t, order = torch.arange(b), torch.arange(b).flip(0)
    shuffled = q_sample(small_schedule(), x0[order], t[order], eps[order])
    assert_close(shuffled, q_sample(small_schedule(), x0, t, eps)[order], "broadcasting: t belongs to the example")


### BEGIN HIDDEN TESTS
@points(0.25)
def test_forward_process_keeps_the_variance(rng):
    """Draws of x_t given x0 have the mean and the variance of the marginal."""
    sch, n = random_schedule(rng), 2000
    t = rng.size(0, len(sch["beta"]) - 1)
    level = float(sch["alpha_bar"][t])
    x0 = 2 + torch.randn(1, 2, generator=rng)
    draws = q_sample(sch, x0.expand(n, 2), torch.full((n,), t), torch.randn(n, 2, generator=rng))
    assert tuple(draws.shape) == (n, 2), "x_t has the shape of x0"
    assert_mean_close(draws, math.sqrt(level) * x0[0], sd=math.sqrt(1 - level), message="The mean of q(x_t | x0)")
    assert_var_close(draws, 1 - level, message="The variance of q(x_t | x0)")


@points(0.25)
def test_two_stages_equal_one(rng):
    """Noising to s and then on to t has the signal and the total variance of noising to t at once."""
    sch, b = random_schedule(rng), rng.size(2, 4)
    t = own_times(rng, sch, b, lowest=1)
    for shape in both_shapes(b):
        one, none = torch.ones(shape), torch.zeros(shape)
        signal, noise = q_sample(sch, one, t, none), q_sample(sch, none, t, one)
        earlier_signal, earlier_noise = q_sample(sch, one, t - 1, none), q_sample(sch, none, t - 1, one)
        alpha = per_row(sch["alpha"][t], one) * one
        assert_close(signal, alpha.sqrt() * earlier_signal, "One more step multiplies the signal by sqrt(alpha_t)")
        assert_close(noise**2, alpha * earlier_noise**2 + 1 - alpha, "One more step adds the variance beta_t")


@points(0.25)
def test_forward_process_contracts(rng):
    """Inputs are left unchanged, their dtype is kept, and autograd agrees with finite differences."""
    sch, b = random_schedule(rng), rng.size(1, 3)
    x0, eps, t = torch.randn(b, 3, generator=rng), torch.randn(b, 3, generator=rng), torch.arange(b)
    assert_inputs_unchanged(q_sample, sch, x0, t, eps)
    assert_gradients_match(lambda x, e: q_sample(sch, x, t, e), x0, eps)
    assert q_sample(sch, x0.float(), t, eps.float()).dtype == torch.float32, "float32 images gave another dtype"


### END HIDDEN TESTS


# %% solution="4.1e"
def x0_from_eps(sch: Schedule, xt: Tensor, t: Tensor, eps: Tensor) -> Tensor:
    """Return the clean data that `xt` would come from if `eps` were its noise, equation (4.4): (B, ...)."""
    ### BEGIN SOLUTION
    alpha_bar = at(sch["alpha_bar"], t, xt)
    return (xt - (1 - alpha_bar).sqrt() * eps) / alpha_bar.sqrt()
    ### END SOLUTION


# %% tests="4.1e"
@core
@points(0.25)
def test_clean_data_without_noise(rng):
    """If there was no noise, x0 is x_t over the root of alpha_bar (0.3 at step 3); if all was noise, x0 is 0."""
    xt, t = torch.randn(2, rng.size(2, 5), generator=rng), torch.tensor([3, 3])
    found = x0_from_eps(small_schedule(), xt, t, torch.zeros(xt.shape))
    name_the_slip(found, {"root: the signal was scaled by the root of alpha_bar": xt / 0.09})
    assert_close(found, xt / 0.3, "Without noise, x0 is x_t / sqrt(alpha_bar)")
    nothing = x0_from_eps(small_schedule(), math.sqrt(0.91) * xt, t, xt)
    name_the_slip(nothing, {"sign: the noise is subtracted": 2 * math.sqrt(0.91) / 0.3 * xt})
    assert_close(nothing, torch.zeros(xt.shape), "Take sqrt(1 - alpha_bar) times the noise away, then divide the rest")


### BEGIN HIDDEN TESTS
@points(0.5)
def test_clean_data_are_recovered(rng):
    """From x_t and its true noise the clean data come back, per example, with exact gradients and unchanged inputs."""
    sch, b = random_schedule(rng), rng.size(2, 4)
    faint = make_table([0.5, 2e-7])  # its last alpha_bar is 1e-7, as at the end of a cosine schedule
    t = own_times(rng, sch, b)
    cases = [(sch, shape, t) for shape in both_shapes(b)]
    for table, shape, times in (*cases, (faint, (2, 3), torch.tensor([1, 0]))):
        x0, eps = torch.randn(shape, generator=rng), torch.randn(shape, generator=rng)
        level = per_row(table["alpha_bar"][times], x0)
        xt = level.sqrt() * x0 + (1 - level).sqrt() * eps
        found = assert_inputs_unchanged(x0_from_eps, table, xt, times, eps)
        assert_close(found, x0, "x0 does not come back", atol=1e-9)
    small, t2 = torch.randn(2, 3, generator=rng), t[:2]
    assert_gradients_match(lambda x, e: x0_from_eps(sch, x, t2, e), small, small.flip(0))
    single = x0_from_eps(sch, small.float(), t2, small.float())
    assert single.dtype == torch.float32, "float32 images gave another dtype"


### END HIDDEN TESTS


# %% solution="4.1f"
def eps_from_x0(sch: Schedule, xt: Tensor, t: Tensor, x0: Tensor) -> Tensor:
    """Return the noise that turned `x0` into `xt`, equation (4.4): (B, ...)."""
    ### BEGIN SOLUTION
    alpha_bar = at(sch["alpha_bar"], t, xt)
    return (xt - alpha_bar.sqrt() * x0) / (1 - alpha_bar).sqrt()
    ### END SOLUTION


# %% tests="4.1f"
@core
@points(0.25)
def test_noise_of_a_black_image(rng):
    """If the data are zero, the noise is x_t over the root of 1 - alpha_bar (0.8 at step 2); if all is signal, it is 0."""
    xt, t = torch.randn(2, rng.size(2, 5), generator=rng), torch.tensor([2, 2])
    found = eps_from_x0(small_schedule(), xt, t, torch.zeros(xt.shape))
    slips = {"sign: the signal is subtracted from x_t": -xt / 0.8, "root: divide by sqrt(1 - alpha_bar)": xt / 0.64}
    name_the_slip(found, slips)
    assert_close(found, xt / 0.8, "Without signal, the noise is x_t / sqrt(1 - alpha_bar)")
    none = eps_from_x0(small_schedule(), 0.6 * xt, t, xt)
    assert_close(
        none, torch.zeros(xt.shape), "Take sqrt(alpha_bar) times the data away: of pure signal nothing is left"
    )


### BEGIN HIDDEN TESTS
@points(0.25)
def test_noise_is_recovered(rng):
    """From x_t and its true data the noise comes back, per example, with exact gradients and unchanged inputs."""
    sch, b = random_schedule(rng), rng.size(2, 4)
    t = own_times(rng, sch, b)
    for shape in both_shapes(b):
        x0, eps = torch.randn(shape, generator=rng), torch.randn(shape, generator=rng)
        level = per_row(sch["alpha_bar"][t], x0)
        xt = level.sqrt() * x0 + (1 - level).sqrt() * eps
        found = assert_inputs_unchanged(eps_from_x0, sch, xt, t, x0)
        assert_close(found, eps, "The noise does not come back", atol=1e-9)
    small, t2 = torch.randn(2, 3, generator=rng), t[:2]
    assert_gradients_match(lambda x, c: eps_from_x0(sch, x, t2, c), small, small.flip(0))
    assert eps_from_x0(sch, xt.float(), t, x0.float()).dtype == torch.float32, "float32 images gave another dtype"


### END HIDDEN TESTS


# %% solution="4.1g"
def v_target(sch: Schedule, x0: Tensor, t: Tensor, eps: Tensor) -> Tensor:
    """Return the velocity that a v-predicting network learns, equation (4.5): (B, ...)."""
    ### BEGIN SOLUTION
    alpha_bar = at(sch["alpha_bar"], t, x0)
    return alpha_bar.sqrt() * eps - (1 - alpha_bar).sqrt() * x0
    ### END SOLUTION


# %% tests="4.1g"
@core
@points(0.25)
def test_velocity_of_pure_signal_and_pure_noise(rng):
    """At step 2 (roots 0.6 and 0.8) pure noise has velocity 0.6 eps, pure signal -0.8 x0."""
    x, t = torch.randn(2, rng.size(2, 5), generator=rng), torch.tensor([2, 2])
    assert_close(v_target(small_schedule(), torch.zeros(x.shape), t, x), 0.6 * x, "v of pure noise")
    assert_close(v_target(small_schedule(), x, t, torch.zeros(x.shape)), -0.8 * x, "v of pure signal: mind the sign")


### BEGIN HIDDEN TESTS
@points(0.5)
def test_velocity_turns_back_into_data(rng):
    """x0 is sqrt(alpha_bar) x_t - sqrt(1 - alpha_bar) v; gradients are exact and inputs unchanged."""
    sch, b = random_schedule(rng), rng.size(2, 4)
    t = own_times(rng, sch, b)
    for shape in both_shapes(b):
        x0, eps = torch.randn(shape, generator=rng), torch.randn(shape, generator=rng)
        level = per_row(sch["alpha_bar"][t], x0)
        xt = level.sqrt() * x0 + (1 - level).sqrt() * eps
        v = assert_inputs_unchanged(v_target, sch, x0, t, eps)
        assert_close(level.sqrt() * xt - (1 - level).sqrt() * v, x0, "x_t and v together should give x0 back")
        assert_close(level.sqrt() * v + (1 - level).sqrt() * xt, eps, "x_t and v together should give the noise back")
    small, t2 = torch.randn(2, 3, generator=rng), t[:2]
    assert_gradients_match(lambda x, e: v_target(sch, x, t2, e), small, small.flip(0))
    assert v_target(sch, x0.float(), t, eps.float()).dtype == torch.float32, "float32 images gave another dtype"


### END HIDDEN TESTS

# %% [markdown]
# ### One step back, if the data were known
#
# Bayes' rule on two Gaussians (you derive it in W4.2):
#
# $$q(x_{t-1}\mid x_t,x_0)=N(\tilde\mu_t,\tilde\beta_tI),\qquad
#   \tilde\mu_t=\frac{\sqrt{\bar\alpha_{t-1}}\,\beta_t}{1-\bar\alpha_t}\,x_0
#     +\frac{\sqrt{\alpha_t}\,(1-\bar\alpha_{t-1})}{1-\bar\alpha_t}\,x_t,\qquad
#   \tilde\beta_t=\frac{1-\bar\alpha_{t-1}}{1-\bar\alpha_t}\,\beta_t. \tag{4.6}$$
#
# | symbol | variable | shape | dtype |
# |---|---|---|---|
# | $x_0$, $x_t$ | `x0`, `xt` | `(B, ...)` | floating |
# | $\tilde\mu_t$ | first returned | `(B, ...)` | same |
# | $\tilde\beta_t$ | second returned | `(B, 1, ..., 1)` | same |
#
# Check it at the end: for $t=0$ the past *is* $x_0$, so the mean is $x_0$ and the variance 0.


# %% solution="4.1h"
def q_posterior(sch: Schedule, x0: Tensor, xt: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean (B, ...) and variance (B, 1, ..., 1) of q(x_{t-1} | x_t, x_0), equation (4.6)."""
    ### BEGIN SOLUTION
    beta, alpha, alpha_bar, prev = (at(sch[key], t, xt) for key in ("beta", "alpha", "alpha_bar", "alpha_bar_prev"))
    mean = (prev.sqrt() * beta * x0 + alpha.sqrt() * (1 - prev) * xt) / (1 - alpha_bar)
    return mean, beta * (1 - prev) / (1 - alpha_bar)
    ### END SOLUTION


# %% tests="4.1h"
@core
@points(0.5)
def test_the_past_of_the_first_step_is_the_data(rng):
    """At t = 0 the posterior is a point: its mean is x0 and its variance is 0; at t = 1 its variance is 0.5 / 3."""
    b = rng.size(2, 4)
    x0, xt = torch.randn(b, 3, generator=rng), torch.randn(b, 3, generator=rng)
    mean, variance = q_posterior(small_schedule(), x0, xt, torch.zeros(b, dtype=torch.long))
    assert_close(mean, x0, "At t = 0 the mean is x0: is alpha_bar_prev[0] equal to 1?")
    name_the_slip(variance, {"beta-tilde: whoever knows x0 is left with less doubt than beta": torch.full((b, 1), 0.2)})
    assert_close(variance, torch.zeros(b, 1), "At t = 0 the variance is 0, one number per example, shape (B, 1)")
    _, variance = q_posterior(small_schedule(), x0, xt, torch.ones(b, dtype=torch.long))
    expected = torch.full((b, 1), 0.5 / 3)
    name_the_slip(variance, {"variance: this is the standard deviation": expected.sqrt()})
    assert_close(variance, expected, "beta-tilde at t = 1, from the shares 0.8 before the step and 0.4 after it")


### BEGIN HIDDEN TESTS
@points(0.75)
def test_posterior_is_bayes_rule(rng):
    """Mean and variance agree with Bayes' rule, worked out on a grid of values of x_{t-1}."""
    sch, b = random_schedule(rng), rng.size(2, 3)
    t = own_times(rng, sch, b, lowest=1)
    x0, xt = torch.randn(b, 1, generator=rng), torch.randn(b, 1, generator=rng)
    before, alpha = sch["alpha_bar_prev"][t].unsqueeze(1), sch["alpha"][t].unsqueeze(1)
    grid = torch.linspace(-12, 12, 4001)
    log_prior = -((grid - before.sqrt() * x0) ** 2) / (2 * (1 - before))
    log_step = -((xt - alpha.sqrt() * grid) ** 2) / (2 * (1 - alpha))
    weight = (log_prior + log_step).softmax(-1)
    centre = (weight * grid).sum(-1, keepdim=True)
    spread = (weight * (grid - centre) ** 2).sum(-1, keepdim=True)
    mean, variance = q_posterior(sch, x0, xt, t)
    assert_close(mean, centre, "The mean of q(x_{t-1} | x_t, x0) disagrees with Bayes' rule", atol=1e-5)
    assert_close(variance, spread, "The variance is beta-tilde, neither beta nor a log or a root of it", atol=1e-5)


@points(0.25)
def test_posterior_contracts(rng):
    """Images work; inputs are left unchanged, and autograd agrees with finite differences."""
    sch = random_schedule(rng)
    x0, xt = torch.randn(3, 1, 2, 3, generator=rng), torch.randn(3, 1, 2, 3, generator=rng)
    t = torch.randint(len(sch["beta"]), (3,), generator=rng)
    mean, variance = assert_inputs_unchanged(q_posterior, sch, x0, xt, t)
    assert tuple(variance.shape) == (3, 1, 1, 1), f"variance: expected shape (3, 1, 1, 1), got {tuple(variance.shape)}"
    flat, _ = q_posterior(sch, x0.reshape(3, 6), xt.reshape(3, 6), t)
    assert_close(mean, flat.reshape(mean.shape), "An image is a vector of pixels")
    assert_gradients_match(lambda a, b: q_posterior(sch, a, b, t), x0.reshape(3, 6)[:, :3], xt.reshape(3, 6)[:, :3])
    single = q_posterior(sch, x0.float(), xt.float(), t)
    assert all(part.dtype == torch.float32 for part in single), "float32 images gave another dtype"


### END HIDDEN TESTS

# %% [markdown]
# **Experiment: the film, forwards.** Eight digits on their way into noise. With the cosine schedule and $T=200$, the
# digit is legible for half of the time, and `alpha_bar` ends near 6e-8. Reflect: at which $t$ would *you* give up, and
# what is $\bar\alpha_t$ there? A linear schedule, $\beta_t$ rising evenly from 0.0005 to 0.1, gets there in the first
# third of the steps (try it: `torch.linspace` and `torch.cumprod` make its $\bar\alpha$). What do the other two thirds
# teach a network?

# %% experiment="4.1" cpu_minutes=0.1 t4_minutes=0.1
import digits
import matplotlib.pyplot as plt
from hwkit import set_seed

set_seed(0)
sch = make_schedule(cosine_alpha_bar(200))
print(f"alpha_bar ends at {float(sch['alpha_bar'][-1]):.1e}   (expected 6e-08)")
images, _ = digits.load("train")
x0 = images[:8].float() / 8 - 1
fig, axes = plt.subplots(5, 8, figsize=(8, 5.6), layout="constrained")
for row, when in zip(axes, (0, 40, 80, 120, 199), strict=True):
    noisy = q_sample(sch, x0, torch.full((8,), when), torch.randn(x0.shape))
    for axis, image in zip(row, noisy, strict=True):
        axis.imshow(image[0], cmap="gray_r", vmin=-1, vmax=1)
        axis.set_axis_off()
    row[0].set_title(f"t = {when}", fontsize=8, loc="left")
plt.show()

# %% [markdown] problem="4.2" minutes=160
# ## Problem 4.2: Losses and scores
#
# The gradient of a log-density with respect to its argument is called the **score**. This problem shows that a network
# that guesses noise has learned the score, and uses the score to draw samples. First the theory.

# %% [markdown] written="W4.1" points=6 pages=1
# **Denoising is score matching.** Let $x_t=\alpha x_0+\sigma\varepsilon$ with $\varepsilon\sim N(0,I)$ independent of
# $x_0\sim q(x_0)$, and $\alpha,\sigma>0$ fixed. (In (4.3) they are $\alpha=\sqrt{\bar\alpha_t}$ and
# $\sigma=\sqrt{1-\bar\alpha_t}$.)
#
# (a) Show that for every function $s$ with finite second moment
#
# $$E\left\|s(x_t)-\nabla_{x_t}\log q(x_t\mid x_0)\right\|^2=E\left\|s(x_t)-\nabla_{x_t}\log q(x_t)\right\|^2+C,$$
#
# where $C$ does not depend on $s$. Why is the left side useful and the right side not?
#
# (b) Prove Tweedie's formula, $E[x_0\mid x_t]=\left(x_t+\sigma^2\nabla_{x_t}\log q(x_t)\right)/\alpha$.
#
# (c) For $x_0\sim N(m,\tau^2)$ in one dimension, show that the best guess of the noise is
# $\varepsilon^*(x_t)=E[\varepsilon\mid x_t]=\sigma(x_t-\alpha m)/(\alpha^2\tau^2+\sigma^2)$, and that its mean squared
# error is $\alpha^2\tau^2/(\alpha^2\tau^2+\sigma^2)$. What does this say about the loss of a *perfect* network as
# $\sigma\to0$?
#
# ### BEGIN SOLUTION
# (a) Expand the left side. The term $E\|s(x_t)\|^2$ is on both sides. For the cross term, write the expectation as an
# integral and use $q(x_t\mid x_0)\,\nabla\log q(x_t\mid x_0)=\nabla q(x_t\mid x_0)$:
#
# $$E\,s(x_t)^\top\nabla\log q(x_t\mid x_0)=\int s(x_t)^\top\int q(x_0)\,\nabla q(x_t\mid x_0)\,dx_0\,dx_t
#   =\int s(x_t)^\top\nabla q(x_t)\,dx_t.$$
#
# The last integral is $E\,s(x_t)^\top\nabla\log q(x_t)$. So the two cross terms agree, and the difference of the two
# sides is $C=E\|\nabla\log q(x_t\mid x_0)\|^2-E\|\nabla\log q(x_t)\|^2$, which is free of $s$. On the left everything
# is known: $\nabla\log q(x_t\mid x_0)=-(x_t-\alpha x_0)/\sigma^2=-\varepsilon/\sigma$. On the right stands the score of
# the noisy data, which nobody can evaluate.
#
# (b) Differentiate the marginal under the integral sign:
#
# $$\nabla\log q(x_t)=\frac{1}{q(x_t)}\int q(x_0)\,q(x_t\mid x_0)\,\frac{\alpha x_0-x_t}{\sigma^2}\,dx_0
#   =\frac{\alpha E[x_0\mid x_t]-x_t}{\sigma^2},$$
#
# and solve for the conditional expectation.
#
# (c) The marginal is $N(\alpha m,v)$ with $v=\alpha^2\tau^2+\sigma^2$, so its score is $-(x_t-\alpha m)/v$. By (b) and
# $\varepsilon=(x_t-\alpha x_0)/\sigma$, $E[\varepsilon\mid x_t]=-\sigma\nabla\log q(x_t)=\sigma(x_t-\alpha m)/v$. The
# error is the variance of $\varepsilon$ given $x_t$. The pair is Gaussian with covariance
# $\operatorname{Cov}(\varepsilon,x_t)=\sigma$, so it is $1-\sigma^2/v=\alpha^2\tau^2/v$. As $\sigma\to0$ it tends to 1:
# at low noise even a perfect network hardly beats the guess 0, since noise that is small against the spread of the data
# cannot be told from data. A loss that stops falling is therefore no sign of a network that has stopped learning.
# ### END SOLUTION
#
# ### BEGIN MARK SCHEME
# - (1) (a) expands the square and shows that only the cross term matters
# - (1) (a) turns the cross term into the marginal score by differentiating the marginal, and names what is computable
#   (the two scores set equal without an expectation over $x_0$: no mark)
# - (1) (b) differentiates the marginal and inserts the Gaussian score
# - (1) (b) recognises the posterior mean and solves for it
# - (1) (c) derives the optimal guess from (b) or by Gaussian conditioning
# - (1) (c) gives the error and its limit 1, and says that the loss plateaus by nature (the error without its limit: half)
# ### END MARK SCHEME

# %% [markdown] written="W4.2" points=5 pages=1
# **The posterior, and what the loss weighs.**
#
# (a) Derive mean and variance of $q(x_{t-1}\mid x_t,x_0)$, equation (4.6), from
# $q(x_{t-1}\mid x_0)$ and $q(x_t\mid x_{t-1})$.
#
# (b) For $t\ge1$ a model takes steps $p(x_{t-1}\mid x_t)=N(\mu_\theta,\sigma_t^2I)$, with $\mu_\theta$ given by (4.6)
# at the guess $\hat x_0(x_t,\varepsilon_\theta)$ of (4.4). Show that the part of
# $KL(q(x_{t-1}\mid x_t,x_0)\,\|\,p(x_{t-1}\mid x_t))$ that depends on $\theta$ is
# $w_t\|\varepsilon-\varepsilon_\theta\|^2$ with $w_t=\beta_t^2/\left(2\sigma_t^2\alpha_t(1-\bar\alpha_t)\right)$.
#
# (c) With $SNR=\bar\alpha_t/(1-\bar\alpha_t)$, express the squared errors in $x_0$ and in $v$ by the squared error in
# $\varepsilon$ at the same $x_t$. Which times does each of the three unweighted losses care about?
#
# ### BEGIN SOLUTION
# (a) As a function of $x_{t-1}$, the log of $q(x_t\mid x_{t-1})\,q(x_{t-1}\mid x_0)$ is
#
# $$-\frac12\left[\frac{\|x_t-\sqrt{\alpha_t}x_{t-1}\|^2}{\beta_t}
#   +\frac{\|x_{t-1}-\sqrt{\bar\alpha_{t-1}}x_0\|^2}{1-\bar\alpha_{t-1}}\right]+\text{const}.$$
#
# The precision is $\frac{\alpha_t}{\beta_t}+\frac1{1-\bar\alpha_{t-1}}
# =\frac{\alpha_t(1-\bar\alpha_{t-1})+\beta_t}{\beta_t(1-\bar\alpha_{t-1})}
# =\frac{1-\bar\alpha_t}{\beta_t(1-\bar\alpha_{t-1})}=1/\tilde\beta_t$, because
# $\alpha_t+\beta_t-\alpha_t\bar\alpha_{t-1}=1-\bar\alpha_t$. The mean is the variance times the linear coefficient,
# $\tilde\beta_t\left(\frac{\sqrt{\alpha_t}}{\beta_t}x_t+\frac{\sqrt{\bar\alpha_{t-1}}}{1-\bar\alpha_{t-1}}x_0\right)$,
# with $\tilde\beta_t/\beta_t=\frac{1-\bar\alpha_{t-1}}{1-\bar\alpha_t}$ and
# $\tilde\beta_t/(1-\bar\alpha_{t-1})=\frac{\beta_t}{1-\bar\alpha_t}$, which is (4.6).
#
# (b) The divergence of $N(\tilde\mu,\tilde\beta I)$ from $N(\mu,\sigma^2I)$ is $\|\tilde\mu-\mu\|^2/(2\sigma^2)$ plus
# terms in the variances, which do not depend on $\theta$; so the part that does is
# $\|\tilde\mu_t-\mu_\theta\|^2/(2\sigma_t^2)$. The means share the term in $x_t$, so their difference is
# $\frac{\sqrt{\bar\alpha_{t-1}}\beta_t}{1-\bar\alpha_t}(x_0-\hat x_0)$, and by (4.4)
# $x_0-\hat x_0=-\frac{\sqrt{1-\bar\alpha_t}}{\sqrt{\bar\alpha_t}}(\varepsilon-\varepsilon_\theta)$. With
# $\bar\alpha_t=\alpha_t\bar\alpha_{t-1}$ the squared factor is
# $\frac{\bar\alpha_{t-1}\beta_t^2}{(1-\bar\alpha_t)^2}\cdot\frac{1-\bar\alpha_t}{\bar\alpha_t}
# =\frac{\beta_t^2}{\alpha_t(1-\bar\alpha_t)}$; dividing by $2\sigma_t^2$ gives $w_t$.
#
# (c) From (4.4), $\Delta x_0=-\frac{\sqrt{1-\bar\alpha_t}}{\sqrt{\bar\alpha_t}}\Delta\varepsilon$, so
# $\|\Delta x_0\|^2=\|\Delta\varepsilon\|^2/SNR$. At fixed $x_t$, (4.5) and (4.4) give
# $\Delta v=\sqrt{\bar\alpha_t}\,\Delta\varepsilon-\sqrt{1-\bar\alpha_t}\,\Delta x_0
# =\left(\sqrt{\bar\alpha_t}+\frac{1-\bar\alpha_t}{\sqrt{\bar\alpha_t}}\right)\Delta\varepsilon
# =\Delta\varepsilon/\sqrt{\bar\alpha_t}$, so
# $\|\Delta v\|^2=\|\Delta\varepsilon\|^2/\bar\alpha_t=\|\Delta\varepsilon\|^2(1+SNR)/SNR$. In units of the error in
# $x_0$ the weights are: $x_0$-loss 1, $\varepsilon$-loss $SNR$, which looks at the clean end and hardly at the noisy
# one, $v$-loss $1+SNR$, which cares about both.
# ### END SOLUTION
#
# ### BEGIN MARK SCHEME
# - (1) (a) multiplies the two Gaussians and finds the precision $1/\tilde\beta_t$
# - (1) (a) finds the mean from the linear term
# - (1) (b) reduces the divergence to the difference of the means and inserts (4.4)
# - (1) (b) simplifies to the stated weight, using $\bar\alpha_t=\alpha_t\bar\alpha_{t-1}$
# - (1) (c) both conversions, $1/SNR$ and $(1+SNR)/SNR$, and which end of time each loss stresses (one of the two: half)
# ### END MARK SCHEME

# %% [markdown]
# ### The loss
#
# $$L=\frac1B\sum_{b=1}^{B}\omega_b\cdot\frac1D\left\|\varepsilon^{(b)}
#   -\varepsilon_\theta\!\left(x_t^{(b)},t^{(b)},y^{(b)}\right)\right\|^2,\qquad
#   \omega_b=1\text{ unless given}. \tag{4.7}$$
#
# | symbol | variable | shape | dtype |
# |---|---|---|---|
# | $\varepsilon_\theta$ | `model(xt, t, y)`, called **once** | `(B, ...)` → `(B, ...)` | floating |
# | $x_0$, $\varepsilon$ | `x0`, `eps` | `(B, ...)`, $D$ numbers per example | floating |
# | $y$ | `y`, or `None` without labels | `(B,)` | long |
# | label dropped? | `drop_mask`, or `None` | `(B,)` | bool |
# | the label "none" | `null_label` | number | int |
# | $\omega$ | `weight`, or `None` | `(B,)` | floating |
# | $L$ | returned | `()` | floating |
#
# For classifier-free guidance (Problem 4.4) one network must know the world with and without labels: in training, the
# label of some examples is replaced by `null_label`, and `drop_mask` says which. Leave the caller's `y` as it is.


# %% solution="4.2a"
def ddpm_loss(
    model,
    sch: Schedule,
    x0: Tensor,
    t: Tensor,
    eps: Tensor,
    y: Tensor | None = None,
    drop_mask: Tensor | None = None,
    null_label: int | None = None,
    weight: Tensor | None = None,
) -> Tensor:
    """Return the denoising loss, equation (4.7): a scalar.

    `model(xt, t, y)` guesses the noise of x_t; it is called once. Where `drop_mask` (B,) is true, the model sees
    `null_label` instead of the label. `weight` (B,) weighs examples. Without `y` the model gets None as labels.
    """
    ### BEGIN SOLUTION
    if y is not None and drop_mask is not None:
        y = torch.where(drop_mask, torch.full_like(y, null_label), y)
    error = (model(q_sample(sch, x0, t, eps), t, y) - eps).square()
    per_example = error.flatten(1).mean(1)
    return per_example.mean() if weight is None else (weight * per_example).mean()
    ### END SOLUTION


# %% tests="*"
class Recorder:
    """Calls a function and remembers the arguments of every call."""

    def __init__(self, function):
        self.function, self.calls = function, []

    def __call__(self, *args, **named):
        args = [*args, *named.values()]
        self.calls.append([a.detach().clone() if isinstance(a, Tensor) else a for a in args])
        return self.function(*args)


# %% tests="4.2a"
@core
@points(0.75)
def test_ignorance_costs_one(rng):
    """A model that always answers 0 pays the mean square of the noise, over all elements."""
    shape = some_shape(rng, rng.size(2, 4))
    x0, eps = torch.randn(shape, generator=rng), 2 * torch.randn(shape, generator=rng)
    t = torch.randint(5, (shape[0],), generator=rng)
    loss = ddpm_loss(lambda xt, t, y=None: torch.zeros_like(xt), small_schedule(), x0, t, eps)
    total = (eps**2).sum() / eps.numel()
    assert_close(loss, total, "loss: the mean over all elements of the squared error in the noise")


@points(0.75)
def test_model_sees_noisy_data_and_dropped_labels(rng):
    """The model is called once, with the noisy data, and with the null label exactly where the mask says."""
    b = rng.size(3, 5)
    x0, eps = torch.randn(b, 2, generator=rng), torch.randn(b, 2, generator=rng)
    y, t = torch.arange(b), torch.full((b,), 2)
    drop = torch.arange(b) % 2 == 0
    model = Recorder(lambda xt, t, y: torch.zeros_like(xt))
    assert_inputs_unchanged(ddpm_loss, model, small_schedule(), x0, t, eps, y=y, drop_mask=drop, null_label=77)
    assert len(model.calls) == 1, f"the model was called {len(model.calls)} times; once is enough"
    seen, when, labels = model.calls[0]
    assert_close(seen, 0.6 * x0 + 0.8 * eps, "The model sees x_t, neither x0 nor fresh noise")
    assert_close(when, t, "The model sees the times t")
    assert_close(
        labels, torch.tensor([77 if i % 2 == 0 else i for i in range(b)]), "null label: where drop_mask is true"
    )


### BEGIN HIDDEN TESTS
@points(1)
def test_best_guess_has_its_known_loss(rng):
    """For Gaussian data the best guess of W4.1 (c) pays exactly the remaining variance of the noise."""
    sch, m = random_schedule(rng), float(torch.randn((), generator=rng))
    tau = 0.5 + float(torch.rand((), generator=rng))
    a, c = torch.tensor([[1.0, 1.0, -1.0, -1.0], [1.0, -1.0, 1.0, -1.0]]).unsqueeze(-1)  # moments of N(0, I)
    floor = []
    for when in range(len(sch["beta"])):
        level = float(sch["alpha_bar"][when])
        v = level * tau**2 + 1 - level

        def best(xt, t, y=None, level=level, v=v):
            return math.sqrt(1 - level) * (xt - math.sqrt(level) * m) / v

        loss = ddpm_loss(best, sch, m + tau * a, torch.full((4,), when), c)
        floor.append(level * tau**2 / v)
        assert_close(float(loss), floor[-1], "The loss of the best possible guess differs from the variance it leaves")


@points(0.5)
def test_weights_count_examples(rng):
    """Weights multiply the loss of their example, whose elements are averaged; the batch is averaged, not summed."""
    sch, b = random_schedule(rng), rng.size(3, 5)
    weight, t = torch.rand(b, generator=rng), torch.randint(5, (b,), generator=rng)
    for shape in ((b, 2), (b, b), (b, 2, rng.size(2, 3), b)):
        x0, eps = torch.randn(shape, generator=rng), torch.randn(shape, generator=rng)
        loss = ddpm_loss(lambda xt, t, y=None: torch.zeros_like(xt), sch, x0, t, eps, weight=weight)
        squares = torch.stack([(eps[i] ** 2).sum() / eps[i].numel() for i in range(b)])
        assert_close(loss, (weight * squares).sum() / b, "weight: one number per example, averaged over the batch")
    nothing = ddpm_loss(lambda xt, t, y=None: torch.zeros_like(xt), sch, x0, t, eps, weight=0 * weight)
    assert_close(nothing, torch.tensor(0.0), "weight: examples of weight 0 cost nothing")


@points(0.5)
def test_labels_pass_unless_dropped(rng):
    """Without a mask the labels pass as they are, also the label 0; without labels the model gets none."""
    sch, b = random_schedule(rng), rng.size(2, 4)
    x0, eps, t = torch.randn(b, 3, generator=rng), torch.randn(b, 3, generator=rng), torch.arange(b)
    model = Recorder(lambda xt, t, y=None: torch.zeros_like(xt))
    labels = torch.zeros(b, dtype=torch.long)
    ddpm_loss(model, sch, x0, t, eps, y=labels, null_label=3)
    ddpm_loss(model, sch, x0, t, eps, y=labels, drop_mask=labels > 0, null_label=3)
    for call in model.calls:
        assert_close(call[2], labels, "Labels were dropped although no mask asked for it")
    for unused in ({}, {"drop_mask": labels == 0, "null_label": 3}):
        ddpm_loss(model, sch, x0, t, eps, **unused)
        assert_close(model.calls[-1][1], t, "The model sees the times t, also without labels")
        assert len(model.calls[-1]) == 2 or model.calls[-1][2] is None, "Without labels the model should get None"
    ddpm_loss(model, sch, x0, t, eps, y=labels, drop_mask=labels == 0, null_label=0 * b + 9)
    assert_close(model.calls[-1][2], labels + 9, "null label: a full mask drops every label")
    ddpm_loss(model, sch, x0, t, eps, y=labels + 2, drop_mask=labels == 0, null_label=0)
    assert_close(model.calls[-1][2], labels, "null label: it may be the number 0")


class LinearGuess(nn.Module):
    """A network that guesses the noise by a linear map, and a shift for every label (none without labels)."""

    def __init__(self, d):
        super().__init__()
        self.layer, self.shift = nn.Linear(d, d), nn.Parameter(torch.zeros(9, d))

    def forward(self, xt, t, y=None):
        return self.layer(xt) if y is None else self.layer(xt) + self.shift[y]


@points(0.5)
def test_gradient_reaches_the_network(rng):
    """The gradient for the network is that of the weighted mean squared error; inputs and their dtype are kept."""
    sch, b = random_schedule(rng), rng.size(2, 4)
    net = LinearGuess(3)
    x0, eps, t = torch.randn(b, 3, generator=rng), torch.randn(b, 3, generator=rng), torch.arange(b)
    y, drop, weight = torch.arange(b), torch.arange(b) < 1, torch.rand(b, generator=rng)
    level = sch["alpha_bar"][t].unsqueeze(1)
    xt = level.sqrt() * x0 + (1 - level).sqrt() * eps
    labels = torch.tensor([8, *range(1, b)])  # the label of example 0 is dropped
    for given, seen in (({}, None), ({"y": y}, y), ({"y": y, "drop_mask": drop, "null_label": 8}, labels)):
        for w in (None, weight):
            extra = given if w is None else {**given, "weight": w}
            loss = assert_inputs_unchanged(ddpm_loss, net, sch, x0, t, eps, **extra)
            each = ((net(xt, t, seen) - eps) ** 2).mean(1)
            target = each.mean() if w is None else (w * each).mean()
            used = [p for p in net.parameters() if seen is not None or p is not net.shift]
            assert loss.requires_grad, "no gradient reaches the network: was its answer detached?"
            found = torch.autograd.grad(loss, used, allow_unused=True)
            assert all(part is not None for part in found), "no gradient reaches the network: was its answer detached?"
            assert_close(list(found), list(torch.autograd.grad(target, used)), "The gradient for the network")
    assert_gradients_match(lambda e: ddpm_loss(lambda x, t, y=None: x**2, sch, x0, t, e), eps)
    for extra in ({}, {"weight": weight.float()}):
        single = ddpm_loss(lambda x, t, y=None: 0 * x, sch, x0.float(), t, eps.float(), **extra)
        assert single.dtype == torch.float32, "float32 images gave another dtype"


### END HIDDEN TESTS

# %% [markdown]
# ### From noise to score
#
# By W4.1, the guess of the noise *is* the score up to a factor. Which way does the score point, and why is there a
# minus?
#
# $$\nabla_{x_t}\log q(x_t)\approx-\frac{\varepsilon_\theta(x_t,t)}{\sqrt{1-\bar\alpha_t}}. \tag{4.8}$$


# %% solution="4.2b"
def eps_to_score(eps: Tensor, sch: Schedule, t: Tensor) -> Tensor:
    """Return the score of q(x_t) that belongs to a guess of the noise, equation (4.8): (B, ...), (B,) -> (B, ...)."""
    ### BEGIN SOLUTION
    return -eps / (1 - at(sch["alpha_bar"], t, eps)).sqrt()
    ### END SOLUTION


# %% tests="4.2b"
@core
@points(0.5)
def test_score_points_against_the_noise(rng):
    """At step 2, where the noise counts 0.8, the score is the noise times -1.25."""
    eps = torch.randn(2, rng.size(2, 5), generator=rng)
    found = eps_to_score(eps, small_schedule(), torch.tensor([2, 2]))
    slips = {
        "sign: the score points back to the data, against the noise": 1.25 * eps,
        "standard deviation: divide by the root of 1 - alpha_bar": -eps / 0.64,
        "standard deviation: divide by it, do not multiply": -0.8 * eps,
        "standard deviation: the guess has to be divided by it": -eps,
        "1 - alpha_bar is the variance of the noise in x_t; beta is that of one step": -eps / math.sqrt(0.1),
    }
    name_the_slip(found, slips)
    assert_close(found, -1.25 * eps, "score: minus the noise over its standard deviation")


### BEGIN HIDDEN TESTS
@points(0.5)
def test_score_of_gaussian_data(rng):
    """The best guess for Gaussian data becomes the gradient of the log-density of x_t, example by example."""
    sch, b, m, tau = random_schedule(rng), rng.size(2, 4), 0.7, 1.3
    t = own_times(rng, sch, b)
    for shape in both_shapes(b):
        xt = torch.randn(shape, generator=rng).requires_grad_()
        level = per_row(sch["alpha_bar"][t], xt)
        v = level * tau**2 + 1 - level
        (score,) = torch.autograd.grad((-((xt - level.sqrt() * m) ** 2) / (2 * v)).sum(), xt)
        best = (1 - level).sqrt() * (xt.detach() - level.sqrt() * m) / v
        assert_close(assert_inputs_unchanged(eps_to_score, best, sch, t), score, "The score of Gaussian data")
    assert_gradients_match(lambda e: eps_to_score(e, sch, t[:2]), best.flatten(1)[:2, :3])
    assert eps_to_score(best.float(), sch, t).dtype == torch.float32, "float32 guesses gave another dtype"


### END HIDDEN TESTS

# %% [markdown]
# ### The same loss without a schedule
#
# Add noise of any size $\sigma$ *without* shrinking the data, and learn the score directly (denoising score matching):
#
# $$L_{DSM}=\frac1{BD}\sum_{b=1}^B\sigma_b^2\left\|s\!\left(x_0^{(b)}+\sigma_b\varepsilon^{(b)},\sigma_b\right)
#   +\frac{\varepsilon^{(b)}}{\sigma_b}\right\|^2. \tag{4.9}$$
#
# The weight $\sigma^2$ makes all noise levels count alike: without it the smallest $\sigma$ would drown the others.
#
# | symbol | variable | shape | dtype |
# |---|---|---|---|
# | $s$ | `score_fn(x, sigma)` | `(B, ...)`, `(B,)` → `(B, ...)` | floating |
# | $\sigma$ | `sigma` | `(B,)`, positive | same |


# %% solution="4.2c"
def dsm_loss(score_fn, x0: Tensor, sigma: Tensor, eps: Tensor) -> Tensor:
    """Return the denoising score matching loss with weight sigma squared, equation (4.9): a scalar.

    `score_fn(x, sigma)` takes (B, ...) and (B,) and is called once; `x0` and `eps` are (B, ...), `sigma` (B,).
    """
    ### BEGIN SOLUTION
    scale = sigma.reshape(-1, *[1] * (x0.dim() - 1))
    return (scale * score_fn(x0 + scale * eps, sigma) + eps).square().mean()
    ### END SOLUTION


# %% tests="4.2c"
@core
@points(0.5)
def test_zero_score_costs_the_noise(rng):
    """A score of 0 costs the mean square of the noise, whatever sigma is; one that knows x0 costs nothing."""
    shape = some_shape(rng, rng.size(2, 4))
    x0, eps = torch.randn(shape, generator=rng), 2 * torch.randn(shape, generator=rng)
    sigma = 0.1 + torch.rand(shape[0], generator=rng)
    loss = dsm_loss(lambda x, sigma: torch.zeros_like(x), x0, sigma, eps)
    slips = {"average: the mean over batch and elements, not a sum over elements": (eps**2).sum() / shape[0]}
    name_the_slip(loss, slips if eps.numel() > shape[0] else {})
    assert_close(loss, (eps**2).sum() / eps.numel(), "weight sigma squared: a zero score costs the mean square of eps")
    # this score points from the noisy point straight back to x0
    knows = dsm_loss(lambda x, s: (x0 - x) / s.reshape(-1, *[1] * (x.dim() - 1)) ** 2, x0, sigma, eps)
    assert_close(
        knows, torch.tensor(0.0), "target: at x0 + sigma eps the score to learn is -eps / sigma, minus included"
    )


### BEGIN HIDDEN TESTS
@points(1)
def test_gaussian_score_has_its_known_loss(rng):
    """For N(m, tau^2) the true score of the noisy data costs tau^2 / (tau^2 + sigma^2)."""
    m, tau, sigma = (0.5 + torch.rand(3, generator=rng)).tolist()
    a, c = torch.tensor([[1.0, 1.0, -1.0, -1.0], [1.0, -1.0, 1.0, -1.0]]).unsqueeze(-1)  # moments of N(0, I)
    loss = dsm_loss(lambda x, s: -(x - m) / (tau**2 + sigma**2), m + tau * a, torch.full((4,), sigma), c)
    assert_close(float(loss), tau**2 / (tau**2 + sigma**2), "score matching: the loss of the true score, sign included")


@points(0.5)
def test_every_example_has_its_own_sigma(rng):
    """Noise, score and weight of an example have its own sigma, images too; gradients are exact and inputs unchanged."""
    b = rng.size(3, 4)
    sigma = 0.2 + torch.rand(b, generator=rng)
    for shape in ((b, b), (b, 2, rng.size(1, 2), b)):
        x0, eps = torch.randn(shape, generator=rng), torch.randn(shape, generator=rng)
        score = Recorder(lambda x, s: torch.sin(x))
        loss = assert_inputs_unchanged(dsm_loss, score, x0, sigma, eps)
        noisy = torch.stack([x0[i] + sigma[i] * eps[i] for i in range(b)])
        assert len(score.calls) == 1, "the score function was called more than once"
        assert_close(score.calls[0][0], noisy, "broadcasting: sigma of the example")
        assert_close(score.calls[0][1], sigma, "The score function also gets sigma, one per example")
        each = torch.stack([((sigma[i] * noisy[i].sin() + eps[i]) ** 2).mean() for i in range(b)])
        assert_close(loss, each.mean(), "weight: sigma squared of the example, averaged over all elements")
    small, noise = torch.randn(b, 2, generator=rng), torch.randn(b, 2, generator=rng)
    assert_gradients_match(lambda x, s, e: dsm_loss(lambda z, _: torch.sin(z), x, s, e), small, sigma, noise)
    single = dsm_loss(lambda z, _: torch.sin(z), small.float(), sigma.float(), noise.float())
    assert single.dtype == torch.float32, "float32 in, float32 out"


### END HIDDEN TESTS

# %% [markdown]
# ### Sampling with nothing but a score
#
# Langevin dynamics climbs the log-density and shakes:
#
# $$x_{k+1}=x_k+\frac h2\,s(x_k)+\sqrt h\,\xi_k,\qquad\xi_k\sim N(0,I). \tag{4.10}$$
#
# Half a step of climbing for a whole step of shaking: with other proportions it samples at another temperature. Even
# with the right ones it is only right as $h\to0$: for $N(0,1)$ its stationary variance is $1/(1-h/4)$ (check it).
#
# | symbol | variable | shape | dtype |
# |---|---|---|---|
# | $s$ | `score_fn(x)` | `(B, D)` → `(B, D)` | floating |
# | $h$ | `step` | number | float |
# | $\xi$ | `noises` | `(n, B, D)`: one row per step, so there are $n$ steps | floating |


# %% solution="4.2d"
def langevin(score_fn, x: Tensor, step: float, noises: Tensor) -> Tensor:
    """Return where n steps of Langevin dynamics lead from `x`, equation (4.10): (B, D), noises (n, B, D) -> (B, D).

    Gradients pass through the whole chain.
    """
    ### BEGIN SOLUTION
    for noise in noises:
        x = x + 0.5 * step * score_fn(x) + math.sqrt(step) * noise
    return x
    ### END SOLUTION


# %% tests="4.2d"
@core
@points(0.5)
def test_without_noise_langevin_climbs(rng):
    """Without noise, one step moves by half the step size along the score."""
    x = torch.randn(rng.size(2, 4), rng.size(1, 3), generator=rng)
    slope = torch.randn(x.shape, generator=rng)
    moved = langevin(lambda z: slope, x, 0.2, torch.zeros(1, *x.shape))
    assert_close(moved, x + 0.1 * slope, "Langevin: the drift is half a step along the score")


@points(0.5)
def test_without_score_langevin_is_a_random_walk(rng):
    """Without score, every step adds the root of the step size times its noise."""
    x = torch.randn(rng.size(2, 4), rng.size(1, 3), generator=rng)
    noises = torch.randn(3, *x.shape, generator=rng)
    moved = langevin(torch.zeros_like, x, 0.25, noises)
    assert_close(
        moved, x + 0.5 * noises.sum(0), "Langevin: each noise counts the root of the step, and each is used once"
    )


### BEGIN HIDDEN TESTS
@points(0.5)
def test_stationary_variance_is_known(rng):
    """For N(0, 1) a batch with variance 1 / (1 - h/4) keeps it; for another score the recursion is as written."""
    h = 0.2 + float(torch.rand((), generator=rng))
    a, c = torch.tensor([[1.0, 1.0, -1.0, -1.0], [1.0, -1.0, 1.0, -1.0]]).unsqueeze(-1)  # moments of N(0, I)
    keeps = 1 / (1 - h / 4)
    moved = langevin(lambda x: -x, math.sqrt(keeps) * a, h, c.unsqueeze(0))
    assert_close(float((moved**2).mean()), keeps, "Langevin: the stationary variance for N(0, 1) is off")


@points(0.5)
def test_langevin_uses_noises_in_order(rng):
    """Score and noise alternate, noises in order; gradients pass, and inputs are left unchanged."""
    x, noises = torch.randn(2, 2, generator=rng), torch.randn(3, 2, 2, generator=rng)
    by_hand = x
    for k in range(3):
        by_hand = by_hand + 0.15 * torch.sin(by_hand) + 0.3**0.5 * noises[k]
    assert_close(
        assert_inputs_unchanged(langevin, torch.sin, x, 0.3, noises), by_hand, "Langevin: the recursion, in order"
    )
    assert_close(langevin(torch.sin, x, 0.3, noises[:0]), x, "No noises mean no steps")
    assert langevin(torch.sin, x.float(), 0.3, noises.float()).dtype == torch.float32, "float32 in, float32 out"
    assert_gradients_match(lambda z, n: langevin(torch.sin, z, 0.3, n), x, noises)


### END HIDDEN TESTS

# %% [markdown]
# ### Experiment: a score field in the plane
#
# `PointDenoiser` (given) is a small network for points in the plane; `ring8` puts eight Gaussians on a circle. Since a
# mixture of Gaussians stays one under (4.3), the *true* score at every $t$ is known, and you can look at the error of
# the network, not only at its loss.
#
# **What to expect** (budget `cpu`, 3000 steps, about ten seconds of one core). The loss falls from 1.0 to about 0.40
# within the first 300 steps and then hovers around 0.37 for ever. That is no failure: by W4.1 (c) nearly all of it is
# noise that nobody can guess; averaged over all times, a perfect network has 0.38 and yours about 0.39. The curve *per
# time* shows it: 1 at $t=0$, a dip to 0.2 near $t=30$, a hump of 0.6 near $t=90$ and nearly 0 at the noisy end, for the
# perfect network as for yours. If your loss stays above 0.6, look at `t` (is it the time that the model sees?) and at
# the schedule.

# %% experiment="4.2" cpu_minutes=0.3 t4_minutes=0.3
import densities
import matplotlib.pyplot as plt
from hwkit import Checkpointer, device, fit, one_step_cpu_check, preset, savefig, set_seed

STEPS_2D = preset(smoke=60, cpu=3000, gpu=3000)
T = 200
sch = make_schedule(cosine_alpha_bar(T))


class PointDenoiser(nn.Module):
    """Guesses the noise of points in the plane: (B, 2), (B,) -> (B, 2). Labels are ignored.

    Sines and cosines of the coordinates go in beside them: without these a network so small blurs sharp edges away.
    """

    def __init__(self, hidden=128, waves=16):
        super().__init__()
        self.waves = waves
        self.layers = nn.Sequential(
            nn.Linear(2 + 12 + waves, hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU(),
            nn.Linear(hidden, hidden), nn.SiLU(), nn.Linear(hidden, 2),
        )  # fmt: skip

    def forward(self, x, t, y=None):
        clock = (t.float() + 1).unsqueeze(1) / T
        waves = torch.cos(math.pi * clock * torch.arange(self.waves, device=x.device))
        angles = [k * math.pi / 2 * x for k in (1, 2, 4)]
        edges = [wave(angle) for angle in angles for wave in (torch.sin, torch.cos)]
        return self.layers(torch.cat([x, *edges, waves], dim=1))


def train_points(density, name, band, steps=STEPS_2D):
    """Train a PointDenoiser on 10000 draws of a density; return it with its loss curve."""
    set_seed(0)
    data, model = density.sample(10_000, torch.Generator().manual_seed(1)), PointDenoiser()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)

    def update(step):
        x0 = data[torch.randint(len(data), (256,))]
        loss = ddpm_loss(model, sch, x0, torch.randint(T, (256,)), torch.randn(256, 2))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    one_step_cpu_check(update, model, optimizer=optimizer)
    saved = Checkpointer(f"{name}.pt", model=model, optimizer=optimizer, scheduler=scheduler, config={"steps": steps})

    def step(number):
        loss = update(number)
        scheduler.step()
        return loss

    return model, fit(step, steps, checkpoint=saved, label=name, expect={3000: band})


ring_model, ring_history = train_points(densities.ring8, "ring8", (0.25, 0.5))


def ring_noise(x, when):
    """The best possible guess of the noise at time `when`: x_t of a ring of Gaussians is again a mixture."""
    level = float(sch["alpha_bar"][when])
    centres, v = math.sqrt(level) * densities.ring8.centers, level * densities.ring8.std**2 + 1 - level
    share = torch.softmax(-(torch.cdist(x, centres) ** 2) / (2 * v), dim=1)
    return math.sqrt(1 - level) * (x - share @ centres) / v


set_seed(1)
times, learned, best = range(0, T, 10), [], []
with torch.no_grad():
    x0 = densities.ring8.sample(2000)
    for when in times:
        t, eps = torch.full((2000,), when), torch.randn(2000, 2)
        learned.append(float(ddpm_loss(ring_model, sch, x0, t, eps)))
        best.append(float(ddpm_loss(lambda x, t, y=None, when=when: ring_noise(x, when), sch, x0, t, eps)))
print(f"mean over t: network {sum(learned) / len(learned):.3f}, perfect network {sum(best) / len(best):.3f}")
print("expected: 0.39 and 0.38")

# %% [markdown] figure="F4.1" points=3
# **Noise, time and the loss.** In one figure: a scatter of ring8 at five times of the forward process (top), and below
# it the loss of the trained network against $t$, together with that of the perfect network `ring_noise`. In three or
# four sentences: why does the loss go to 1 at small $t$ and to 0 at large $t$? Where does the hump between them come
# from (at which $t$ do the eight clouds touch)? Why did the training curve stop falling after a few hundred steps while
# the network went on learning?
#
# Caption: The forward process on eight Gaussians, and the denoising loss by noise level.
#
# ### BEGIN MARK SCHEME
# - (1) labelled panels at five times from data to noise; both loss curves against $t$, from near 1 down to near 0
# - (1) explains both ends with W4.1 (c), what is left is the variance of the noise given $x_t$, and the hump: once clouds
#   overlap, $x_t$ no longer tells from which of the eight centres the noise has to be measured
# - (1) says that the total loss is mostly irreducible and hence plateaus
# ### END MARK SCHEME

# %% experiment="4.2"
fig = plt.figure(figsize=(8, 5))
cloud = densities.ring8.sample(600, torch.Generator().manual_seed(3))
for i, when in enumerate((0, 40, 80, 120, 199)):
    axis = fig.add_subplot(2, 5, i + 1)
    noisy = q_sample(sch, cloud, torch.full((600,), when), torch.randn(600, 2))
    axis.scatter(*noisy.T, s=2, color="#0072B2")
    axis.set(title=f"t = {when}", xlim=(-3.5, 3.5), ylim=(-3.5, 3.5), xticks=[], yticks=[], aspect="equal")
    axis.set(xlabel="$x_1$", ylabel="$x_2$")
axis = fig.add_subplot(2, 1, 2)
axis.plot(times, learned, color="#0072B2", linewidth=2, label="network")
axis.plot(times, best, "--", color="#D55E00", linewidth=2, label="perfect network")
axis.set(xlabel="time t", ylabel="mean squared error of the noise", ylim=(0, 1.1))
axis.legend()
fig.tight_layout()
savefig(
    "F4.1",
    fig,
    alt="Top: eight clusters dissolve into one cloud. Bottom: two loss curves from one down to zero, with a hump.",
    answer="Replace this sentence by your three or four sentences.",
)

# %% [markdown] figure="F4.2" points=2
# **The learned score and the true one.** Arrows of both scores of ring8 at $t=20$, $60$ and $120$, on one grid, in two
# colours (their length is the root of the score's, or those at the rim would dwarf all others). In two or three
# sentences: where do they disagree, how many training points are there, and does it matter for a sampler?
#
# Caption: Learned and true score field of eight Gaussians at three noise levels.
#
# ### BEGIN MARK SCHEME
# - (1) three panels with both fields, legible, arrows pointing to the modes and at large $t$ to the centre
# - (1) disagreement far from the data, where nothing was trained, and why samplers rarely go there
# ### END MARK SCHEME

# %% experiment="4.2"
line = torch.linspace(-3, 3, 11)
grid = torch.cartesian_prod(line, line)
fig, axes = plt.subplots(1, 3, figsize=(10, 3.8))
for axis, when in zip(axes, (20, 60, 120), strict=True):
    t = torch.full((len(grid),), when)
    with torch.no_grad():
        fields = ((ring_noise(grid, when), "#D55E00", "true"), (ring_model(grid, t), "#0072B2", "learned"))
        for guess, colour, label in fields:
            score = eps_to_score(guess, sch, t)
            arrows = score / score.norm(dim=1, keepdim=True).sqrt().clamp(min=1e-6)
            axis.quiver(*grid.T, *arrows.T, color=colour, label=label, width=0.008, alpha=0.75)
    axis.set(title=f"t = {when}", xticks=[-2, 0, 2], yticks=[-2, 0, 2], aspect="equal", xlabel="$x_1$", ylabel="$x_2$")
axes[1].legend(loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=2)
fig.tight_layout()
savefig(
    "F4.2",
    fig,
    alt="Three arrow fields: true and learned scores point to eight modes at low noise, to the centre at high noise.",
    answer="Replace this sentence by your two or three sentences.",
)

# %% [markdown] problem="4.3" minutes=145
# ## Problem 4.3: Samplers
#
# A trained network is a guess of the noise; a *sampler* decides what to do with it. The checks here are about single
# steps, exact to ten digits. There is a reason: a 200-step sampler with a serious bug (noise in the last step, $\beta$
# for $\tilde\beta$, a variance where a standard deviation belongs) often produces a histogram that you could not tell
# from a right one. Test the algebra, not the picture.

# %% [markdown] written="W4.3" points=5 pages=1
# **DDIM.** Write $\hat x_0$ and $\hat\varepsilon$ for the guesses at $x_t$ and let $s<t$ be any earlier time. DDIM
# moves to $x_s=\sqrt{\bar\alpha_s}\,\hat x_0+\sqrt{1-\bar\alpha_s-\sigma^2}\,\hat\varepsilon+\sigma\xi$ with $\xi\sim
# N(0,I)$.
#
# (a) Suppose that the guesses are the truth, $\hat x_0=x_0$ and $\hat\varepsilon=\varepsilon$. Show that for every
# $0\le\sigma^2\le1-\bar\alpha_s$ the law of $x_s$ given $x_0$ is $q(x_s\mid x_0)$.
#
# (b) Show that for $s=t-1$ and $\sigma^2=\tilde\beta_t$ this is the DDPM step, that is $N(\tilde\mu_t,\tilde\beta_t)$
# of (4.6) at $\hat x_0$.
#
# (c) Let $x_0\sim N(0,\tau^2)$ and $\hat\varepsilon=\varepsilon^*$ of W4.1 (c). Write $\alpha_t=\sqrt{\bar\alpha_t}$,
# $\sigma_t=\sqrt{1-\bar\alpha_t}$ and $v_t=\alpha_t^2\tau^2+\sigma_t^2$ (here $\alpha$ and $\sigma$ are roots). Show
# that the step with $\sigma=0$ is $x_s=\frac{\alpha_s\alpha_t\tau^2+\sigma_s\sigma_t}{v_t}\,x_t$, that it never
# over-estimates the variance of $x_s$, and say when it is exact.
#
# ### BEGIN SOLUTION
# (a) Given $x_0$, $\varepsilon$ and $\xi$ are independent standard normals, so $x_s$ is Gaussian with mean
# $\sqrt{\bar\alpha_s}\,x_0$ and variance $(1-\bar\alpha_s-\sigma^2)+\sigma^2=1-\bar\alpha_s$: this is $q(x_s\mid x_0)$.
#
# (b) The noise has variance $\tilde\beta_t$ on both sides; compare the means. Insert
# $\hat\varepsilon=(x_t-\sqrt{\bar\alpha_t}\hat x_0)/\sqrt{1-\bar\alpha_t}$. First,
#
# $$1-\bar\alpha_{t-1}-\tilde\beta_t=(1-\bar\alpha_{t-1})\,\frac{1-\bar\alpha_t-\beta_t}{1-\bar\alpha_t}
#   =\frac{\alpha_t(1-\bar\alpha_{t-1})^2}{1-\bar\alpha_t},$$
#
# since $1-\bar\alpha_t-\beta_t=\alpha_t-\alpha_t\bar\alpha_{t-1}$. So the coefficient of $x_t$ is
# $\sqrt{\alpha_t}(1-\bar\alpha_{t-1})/(1-\bar\alpha_t)$, as in (4.6). The coefficient of $\hat x_0$ is
#
# $$\sqrt{\bar\alpha_{t-1}}-\frac{\sqrt{\alpha_t}(1-\bar\alpha_{t-1})\sqrt{\bar\alpha_t}}{1-\bar\alpha_t}
#   =\sqrt{\bar\alpha_{t-1}}\;\frac{1-\bar\alpha_t-\alpha_t+\bar\alpha_t}{1-\bar\alpha_t}
#   =\frac{\sqrt{\bar\alpha_{t-1}}\,\beta_t}{1-\bar\alpha_t},$$
#
# using $\sqrt{\alpha_t\bar\alpha_t}=\alpha_t\sqrt{\bar\alpha_{t-1}}$.
#
# (c) $\varepsilon^*=\sigma_tx_t/v_t$ and
# $\hat x_0=\frac{x_t-\sigma_t\varepsilon^*}{\alpha_t}=\frac{v_t-\sigma_t^2}{\alpha_tv_t}x_t=\frac{\alpha_t\tau^2}{v_t}x_t$;
# then $\alpha_s\hat x_0+\sigma_s\varepsilon^*$ is the stated multiple of $x_t$. If $x_t$ has its right variance $v_t$,
# then $x_s$ has
#
# $$\frac{(\alpha_s\tau\cdot\alpha_t\tau+\sigma_s\sigma_t)^2}{v_t}
#   \le\frac{(\alpha_s^2\tau^2+\sigma_s^2)(\alpha_t^2\tau^2+\sigma_t^2)}{v_t}=v_s$$
#
# by Cauchy and Schwarz, and if the variance of $x_t$ is too small already, that of $x_s$ is smaller still: so along the
# whole chain. Equality holds if and only if $(\alpha_s\tau,\sigma_s)$ and $(\alpha_t\tau,\sigma_t)$ are parallel: for
# $\tau>0$ only if $s=t$, that is, in the limit of many small steps; for $\tau=0$ (all data equal) always.
# ### END SOLUTION
#
# ### BEGIN MARK SCHEME
# - (1) (a) mean and variance of the sum, with independence (of the mean alone: half)
# - (1) (b) the coefficient of $x_t$
# - (1) (b) the coefficient of $\hat x_0$
# - (1) (c) derives the linear map
# - (1) (c) Cauchy and Schwarz, and exactness in the limit of small steps (or for one-point data)
# ### END MARK SCHEME

# %% [markdown]
# ### DDPM: the learned film, one frame back
#
# Put the guess $\hat x_0$ of (4.4) into the posterior (4.6). In terms of the guessed noise,
#
# $$x_{t-1}=\frac{1}{\sqrt{\alpha_t}}\left(x_t-\frac{\beta_t}{\sqrt{1-\bar\alpha_t}}\,\hat\varepsilon\right)
#   +\sqrt{\tilde\beta_t}\;\xi. \tag{4.11}$$
#
# | symbol | variable | shape | dtype |
# |---|---|---|---|
# | $\hat\varepsilon$, $x_t$, $\xi$ | `eps_hat`, `xt`, `noise` | `(B, ...)` | floating |
# | $t$ | `t` | `(B,)` | long |
# | $x_{t-1}$ | returned | `(B, ...)` | as `xt` |
#
# Use $\tilde\beta_t$ (some papers take $\beta_t$; then the last step would add noise to the finished image).


# %% solution="4.3a"
def ddpm_step(sch: Schedule, eps_hat: Tensor, xt: Tensor, t: Tensor, noise: Tensor) -> Tensor:
    """Return x_{t-1} given the guessed noise and fresh noise, equation (4.11) with variance beta-tilde: (B, ...)."""
    ### BEGIN SOLUTION
    mean, variance = q_posterior(sch, x0_from_eps(sch, xt, t, eps_hat), xt, t)
    return mean + variance.sqrt() * noise
    ### END SOLUTION


# %% tests="4.3a"
@core
@points(1)
def test_last_step_returns_the_guessed_data(rng):
    """At t = 0 the step returns the guessed data and adds no noise."""
    b = rng.size(2, 4)
    xt, eps_hat = torch.randn(b, 3, generator=rng), torch.randn(b, 3, generator=rng)
    noise, t = torch.randn(b, 3, generator=rng), torch.zeros(b, dtype=torch.long)
    stepped = ddpm_step(small_schedule(), eps_hat, xt, t, noise)
    guess = (xt - math.sqrt(0.2) * eps_hat) / math.sqrt(0.8)
    assert_close(stepped, guess, "noise at t = 0: the last step returns the guess of x0, without noise")


@points(0.5)
def test_one_step_by_hand(rng):
    """At step 3 (alpha 0.25, beta 0.75, alpha_bar 0.09), (4.11) is worked out by hand, term by term."""
    shape = (1, rng.size(2, 4))
    xt, eps_hat, noise = (torch.randn(shape, generator=rng) for _ in range(3))
    t, none = torch.tensor([3]), torch.zeros(shape)
    kept, guessed, fresh = (ddpm_step(small_schedule(), *given) for given in (
        (none, xt, t, none), (eps_hat, none, t, none), (none, none, t, noise)
    ))  # fmt: skip
    name_the_slip(kept, {"sqrt(alpha) undoes the shrinking of one step, not alpha_bar": xt / 0.3, "sqrt(alpha)": xt})
    assert_close(kept, 2 * xt, "sqrt(alpha): without any noise, the step undoes the shrinking of one step")
    assert_close(guessed, -1.5 / math.sqrt(0.91) * eps_hat, "The guessed noise counts -beta / sqrt(1 - alpha_bar)")
    slips = {
        "beta-tilde: the variance of the fresh noise is not beta": math.sqrt(0.75) * noise,
        "standard deviation: the noise is scaled by the root of beta-tilde": 0.48 / 0.91 * noise,
    }
    name_the_slip(fresh, slips)
    assert_close(fresh, math.sqrt(0.48 / 0.91) * noise, "beta-tilde: the fresh noise has the wrong size")


### BEGIN HIDDEN TESTS
@points(1)
def test_step_is_the_posterior_at_the_guess(rng):
    """At first, middle and last t, the step is Bayes' posterior at the guessed data, solved as a linear system."""
    sch = random_schedule(rng)
    last = len(sch["beta"]) - 1
    for when in (1, last // 2, last):
        t = torch.full((2,), when)
        xt, eps_hat, noise = (torch.randn(2, 1, 2, 3, generator=rng) for _ in range(3))
        level, before, alpha = (float(sch[key][when]) for key in ("alpha_bar", "alpha_bar_prev", "alpha"))
        x0 = (xt - math.sqrt(1 - level) * eps_hat) / math.sqrt(level)
        precision = alpha / (1 - alpha) + 1 / (1 - before)
        pull = math.sqrt(alpha) / (1 - alpha) * xt + math.sqrt(before) / (1 - before) * x0
        still = ddpm_step(sch, eps_hat, xt, t, torch.zeros_like(noise))
        assert_close(still, pull / precision, "The mean of the step is not the posterior mean at the guessed x0")
        moved = ddpm_step(sch, eps_hat, xt, t, noise) - still
        assert_close(
            moved, noise / math.sqrt(precision), "beta-tilde: the noise counts the posterior's standard deviation"
        )


@points(1)
def test_true_noise_leads_to_the_marginal(rng):
    """With the true noise as guess, x_t of the forward process goes to x_{t-1} of the forward process."""
    sch, b = random_schedule(rng), 3
    t = torch.randint(1, len(sch["beta"]), (b,), generator=rng)
    one, none = torch.ones(b, 2), torch.zeros(b, 2)
    level, before = sch["alpha_bar"][t].unsqueeze(1) * one, sch["alpha_bar_prev"][t].unsqueeze(1) * one
    signal = ddpm_step(sch, none, level.sqrt(), t, none)
    old = ddpm_step(sch, one, (1 - level).sqrt(), t, none)
    new = ddpm_step(sch, none, none, t, one)
    assert_close(signal, before.sqrt(), "The signal should count sqrt(alpha_bar_prev) after the step")
    assert_close(old**2 + new**2, 1 - before, "Old and new noise together have the variance 1 - alpha_bar_prev")


@points(0.5)
def test_ddpm_step_contracts(rng):
    """Each example has its own time; inputs are left unchanged, and autograd agrees with finite differences."""
    sch = random_schedule(rng)
    for shape, times in zip(reversed(both_shapes(3)), ([0, 4, 2], [2, 0, 4]), strict=True):
        t = torch.tensor(times)
        xt, eps_hat, noise = (torch.randn(shape, generator=rng) for _ in range(3))
        stepped = assert_inputs_unchanged(ddpm_step, sch, eps_hat, xt, t, noise)
        for i in range(3):
            alone = ddpm_step(sch, *(batch[i : i + 1] for batch in (eps_hat, xt, t, noise)))
            assert_close(stepped[i : i + 1], alone, "broadcasting: every example has its own time, 0 or not")
    assert_gradients_match(lambda e, x, n: ddpm_step(sch, e, x, t, n), eps_hat, xt, noise)
    assert ddpm_step(sch, eps_hat.float(), xt.float(), t, noise.float()).dtype == torch.float32, "the dtype changed"


### END HIDDEN TESTS

# %% [markdown]
# ### DDIM: longer strides, less noise
#
# For any earlier time $s$, not only $t-1$, and for any $\eta$ between 0 and 1 (W4.3 shows why the law of $x_s$ is
# right):
#
# $$\sigma^2=\eta^2\,\frac{1-\bar\alpha_s}{1-\bar\alpha_t}\left(1-\frac{\bar\alpha_t}{\bar\alpha_s}\right),\qquad
#   x_s=\sqrt{\bar\alpha_s}\;\hat x_0+\sqrt{1-\bar\alpha_s-\sigma^2}\;\hat\varepsilon+\sigma\,\xi. \tag{4.12}$$
#
# | symbol | variable | shape | dtype |
# |---|---|---|---|
# | $s$ | `t_prev`; **−1 means clean**, $\bar\alpha_s=1$ | `(B,)` | long |
# | $\eta$ | `eta`: 0 is deterministic, 1 as noisy as DDPM | number | float |
# | $\xi$ | `noise`; with `eta` 0 it is not used at all, whatever it holds, and may be `None` | `(B, ...)` | floating |
# | clipping | `clip`: $\hat x_0$ is limited to [−clip, clip], or `None` | number | float |
#
# **Why clip?** With the cosine schedule $\sqrt{\bar\alpha_{T-1}}\approx2.5\cdot10^{-4}$, so the first $\hat x_0$ is the
# error of the network times 4000. Data have a known range; use it. After clipping, $\hat x_0$ and $\hat\varepsilon$ no
# longer belong to the same $x_t$: recompute $\hat\varepsilon$ from the clipped $\hat x_0$ by (4.4).
#
# **Mind the root.** In exact arithmetic $1-\bar\alpha_s-\sigma^2$ is never negative. In float32, on a long stride with
# $\eta=1$, it can come out as $-6\cdot10^{-8}$, and its root turns the whole batch into NaN: keep it at 0 or above.


# %% solution="4.3b"
def ddim_step(
    sch: Schedule,
    eps_hat: Tensor,
    xt: Tensor,
    t: Tensor,
    t_prev: Tensor,
    eta: float,
    noise: Tensor | None,
    clip: float | None = None,
) -> Tensor:
    """Return x at the earlier time `t_prev`, equation (4.12): (B, ...). An entry -1 of `t_prev` means clean data.

    `t` and `t_prev` are (B,) long, entries of `t_prev` smaller than those of `t`. With `clip`, the guess of x0 is
    clipped to [-clip, clip] and the guess of the noise recomputed. `noise` is not needed if `eta` is 0.
    """
    ### BEGIN SOLUTION
    x0 = x0_from_eps(sch, xt, t, eps_hat)
    if clip is not None:
        x0 = x0.clamp(-clip, clip)
        eps_hat = eps_from_x0(sch, xt, t, x0)
    table = torch.cat([sch["alpha_bar"], sch["alpha_bar"].new_ones(1)])  # index -1 is the clean end
    now, then = at(table, t, xt), at(table, t_prev, xt)
    variance = eta**2 * (1 - then) / (1 - now) * (1 - now / then)
    mean = then.sqrt() * x0 + (1 - then - variance).clamp(min=0).sqrt() * eps_hat
    return mean if eta == 0 else mean + variance.sqrt() * noise
    ### END SOLUTION


# %% tests="4.3b"
@core
@points(1)
def test_stride_from_step_4_to_step_1(rng):
    """From step 4 to step 1 without noise, data and noise are mixed with the shares of step 1, not of step 3."""
    b = rng.size(2, 4)
    xt, eps_hat = torch.randn(b, 3, generator=rng), torch.randn(b, 3, generator=rng)
    t, t_prev = torch.full((b,), 4), torch.full((b,), 1)
    x0 = (xt - math.sqrt(1 - 0.054) * eps_hat) / math.sqrt(0.054)
    stepped = ddim_step(small_schedule(), eps_hat, xt, t, t_prev, 0.0, None)
    assert_close(stepped, math.sqrt(0.4) * x0 + math.sqrt(0.6) * eps_hat, "stride: the shares are those of t_prev")


@points(0.5)
def test_clean_end_is_the_guess(rng):
    """A step to -1 returns the guessed data, whatever eta is."""
    b = rng.size(2, 4)
    xt, eps_hat, noise = (torch.randn(b, 3, generator=rng) for _ in range(3))
    t, t_prev = torch.full((b,), 2), torch.full((b,), -1)
    x0 = (xt - 0.8 * eps_hat) / 0.6
    for eta in (0.0, 1.0):
        stepped = ddim_step(small_schedule(), eps_hat, xt, t, t_prev, eta, noise)
        assert_close(stepped, x0, "t_prev = -1 means alpha_bar = 1: no noise is left")


@points(0.5)
def test_noise_and_clipping_by_hand(rng):
    """From step 3 to step 1 (shares 0.09 and 0.4): eta = 1 trades old noise for new, and clipped data get their noise."""
    xt, eps_hat, noise = (torch.randn(1, 3, generator=rng) for _ in range(3))
    sch, t, t_prev, none = small_schedule(), torch.tensor([3]), torch.tensor([1]), torch.zeros(1, 3)
    sigma2 = 0.6 / 0.91 * (1 - 0.09 / 0.4)
    fresh = ddim_step(sch, none, none, t, t_prev, 1.0, noise)
    name_the_slip(fresh, {"sigma: the noise is scaled by sigma, not by its square": sigma2 * noise})
    assert_close(fresh, math.sqrt(sigma2) * noise, "sigma: the size of the fresh noise, equation (4.12)")
    half = ddim_step(sch, none, none, t, t_prev, 0.5, noise)
    assert_close(half, 0.5 * fresh, "eta scales sigma: half of eta is half of the fresh noise")
    old = ddim_step(sch, eps_hat, math.sqrt(0.91) * eps_hat, t, t_prev, 1.0, none)
    name_the_slip(old, {"sigma^2: fresh noise takes its share of 1 - alpha_bar from the old": math.sqrt(0.6) * eps_hat})
    assert_close(old, math.sqrt(0.6 - sigma2) * eps_hat, "The guessed noise counts sqrt(1 - alpha_bar - sigma^2)")
    clipped = ddim_step(sch, none, 3 + xt.abs(), t, t_prev, 0.0, None, clip=0.5)
    left = (3 + xt.abs() - 0.15) / math.sqrt(0.91)  # x_t without the signal of 0.5
    name_the_slip(clipped, {"clip: recompute the noise that matches the clipped x0": math.sqrt(0.4) * 0.5 + none})
    assert_close(clipped, math.sqrt(0.4) * 0.5 + math.sqrt(0.6) * left, "clip: limit the guess of x0, not x_t")


### BEGIN HIDDEN TESTS
@points(0.75)
def test_marginal_is_kept_for_every_eta(rng):
    """With the true noise as guess, every eta gives the marginal at t_prev, and eta^2 times its noise variance."""
    sch = random_schedule(rng)
    last = len(sch["beta"]) - 1
    one, none = torch.ones(3, 2), torch.zeros(3, 2)
    t, s = torch.tensor([last, last - 1, 3]), torch.tensor([0, 1, 2])
    now, then = sch["alpha_bar"][t].unsqueeze(1) * one, sch["alpha_bar"][s].unsqueeze(1) * one
    for eta in (0.0, 0.5, 1.0):
        signal = ddim_step(sch, none, now.sqrt(), t, s, eta, none)
        old = ddim_step(sch, one, (1 - now).sqrt(), t, s, eta, none)
        new = ddim_step(sch, none, none, t, s, eta, one)
        assert_close(signal, then.sqrt(), "The signal should count sqrt(alpha_bar) of t_prev")
        assert_close(
            old**2 + new**2, 1 - then, "1 - alpha_bar - sigma^2: old and new noise have the wrong total variance"
        )
        assert bool((old > 0).all()), "The guessed noise enters with a positive sign"
        posterior = 1 / (now / then / (1 - now / then) + 1 / (1 - then))  # variance of x_s given x_t and x0, by Bayes
        assert_close(new, eta * posterior.sqrt(), "sigma: eta times the posterior's standard deviation at this stride")


@points(0.75)
def test_eta_one_is_ddpm(rng):
    """With stride one and eta = 1, the step is Bayes' posterior at the guessed data, noise included."""
    sch, b = random_schedule(rng), 3
    t = torch.randint(1, len(sch["beta"]), (b,), generator=rng)
    xt, eps_hat, noise = (torch.randn(b, 1, 2, b, generator=rng) for _ in range(3))
    level, before, alpha = (per_row(sch[key][t], xt) for key in ("alpha_bar", "alpha_bar_prev", "alpha"))
    x0 = (xt - (1 - level).sqrt() * eps_hat) / level.sqrt()
    precision = alpha / (1 - alpha) + 1 / (1 - before)
    mean = (alpha.sqrt() / (1 - alpha) * xt + before.sqrt() / (1 - before) * x0) / precision
    stepped = ddim_step(sch, eps_hat, xt, t, t - 1, 1.0, noise)
    assert_close(
        stepped, mean + noise / precision.sqrt(), "With eta = 1 and stride 1, DDIM is DDPM given the same noise"
    )


@points(0.5)
def test_clipping_recomputes_the_noise(rng):
    """Clipping limits the guessed data, not x_t, and the noise is recomputed to match."""
    sch, b, clip = random_schedule(rng), rng.size(2, 4), 0.7
    t = torch.randint(1, len(sch["beta"]), (b,), generator=rng)
    xt, eps_hat = 3 * torch.randn(b, 4, generator=rng), torch.randn(b, 4, generator=rng)
    now, then = per_row(sch["alpha_bar"][t], xt), per_row(sch["alpha_bar"][t - 1], xt)
    x0 = ((xt - (1 - now).sqrt() * eps_hat) / now.sqrt()).clamp(-clip, clip)
    matching = (xt - now.sqrt() * x0) / (1 - now).sqrt()
    noise = torch.randn(b, 4, generator=rng)
    posterior = 1 / (now / then / (1 - now / then) + 1 / (1 - then))  # variance of x_s given x_t and x0, by Bayes
    for eta in (0.0, 1.0):
        stepped = ddim_step(sch, eps_hat, xt, t, t - 1, eta, noise, clip=clip)
        mixed = then.sqrt() * x0 + (1 - then - eta * posterior).sqrt() * matching + eta * posterior.sqrt() * noise
        assert_close(stepped, mixed, "clip: limit the guessed x0, then recompute eps, whatever eta is")
    wide = ddim_step(sch, eps_hat, xt, t, t - 1, 0.0, None, clip=1e6)
    assert_close(wide, ddim_step(sch, eps_hat, xt, t, t - 1, 0.0, None), "A wide clip changes nothing")


@points(0.25)
def test_long_strides_survive_rounding(rng):
    """In float32, with eta = 1, every stride from the noisy end of the cosine schedule gives finite numbers."""
    steps = rng.size(180, 260)
    angle = (torch.arange(steps + 1) / steps + 0.008) / 1.008 * math.pi / 2
    alpha = (angle[1:].cos() / angle[:-1].cos()).square().clamp(min=0.001)
    level = torch.cumprod(alpha, 0)
    before = torch.cat([torch.ones(1), level[:-1]])
    sch = {"beta": 1 - alpha, "alpha": alpha, "alpha_bar": level, "alpha_bar_prev": before}
    t_prev = torch.arange(-1, steps - 1)
    t, noise = torch.full((steps,), steps - 1), torch.randn(steps, 2, generator=rng).float()
    moved = ddim_step(sch, 0.5 * noise, noise.flip(0), t, t_prev, 1.0, noise)
    assert_finite(moved, "rounding: the number under the root of (4.12) came out below 0")


@points(0.25)
def test_without_eta_noise_plays_no_part(rng):
    """With eta = 0 the noise is not used: infinite noise and none give the same result, bit for bit."""
    sch, b = random_schedule(rng), rng.size(2, 4)
    xt, eps_hat = torch.randn(b, 4, generator=rng), torch.randn(b, 4, generator=rng)
    t = torch.full((b,), len(sch["beta"]) - 1)
    plain, other = (ddim_step(sch, eps_hat, xt, t, t - 2, 0.0, noise) for noise in (None, torch.full((b, 4), math.inf)))
    assert_finite(other, "eta = 0 is deterministic; the noise should not even be looked at")
    assert bool((plain == other).all()), "eta = 0 is deterministic, and two calls differ"


@points(0.5)
def test_ddim_step_contracts(rng):
    """Each example has its own times; inputs are left unchanged, and autograd agrees with finite differences."""
    sch, order = random_schedule(rng), torch.tensor([2, 0, 1])
    xt, eps_hat, noise = (torch.randn(3, 3, generator=rng) for _ in range(3))
    t, s = torch.tensor([1, 4, 3]), torch.tensor([-1, 0, 2])
    stepped = assert_inputs_unchanged(ddim_step, sch, eps_hat, xt, t, s, 0.6, noise)
    shuffled = ddim_step(sch, eps_hat[order], xt[order], t[order], s[order], 0.6, noise[order])
    assert_close(shuffled, stepped[order], "broadcasting: every example has its own times")
    assert_gradients_match(lambda e, x, n: ddim_step(sch, e, x, t, s, 0.6, n), eps_hat, xt, noise)
    assert_gradients_match(lambda e, x: ddim_step(sch, e, x, t, s, 0.0, None, clip=50.0), eps_hat, xt)
    assert ddim_step(sch, eps_hat.float(), xt.float(), t, s, 0.6, noise.float()).dtype == torch.float32, "dtype changed"


### END HIDDEN TESTS

# %% [markdown]
# ### The loop
#
# `timesteps` is a decreasing list such as `[199, 189, …, 9]`; the loop visits each, and the last step goes to −1. Half
# of the work of a fast sampler is choosing this list; the loop takes any.
#
# | symbol | variable | shape | dtype |
# |---|---|---|---|
# | $\varepsilon_\theta$ | `model_fn(x, t)`, with `t` a `(B,)` long tensor | `(B, ...)` → `(B, ...)` | floating |
# | $x_T$ | `xT` | `(B, ...)` | floating |
# | $t_1>t_2>\dots$ | `timesteps` | list of int | int |
# | $\xi_1,\xi_2,\dots$ | `noises`, one per step, or `None` if `eta` is 0 | `(n, B, ...)` | floating |
# | clipping | `clip`, passed on to `ddim_step` | number or `None` | float |


# %% solution="4.3c"
@torch.no_grad()
def sample_loop(
    model_fn, sch: Schedule, xT: Tensor, timesteps, eta: float, noises: Tensor | None = None, clip: float | None = None
) -> Tensor:
    """Return samples: `ddim_step` from each of the decreasing `timesteps` to the next, and from the last to -1.

    `model_fn(x, t)` guesses the noise of x (B, ...) at t (B,) long. `noises` is (n, B, ...), one per step.
    """
    ### BEGIN SOLUTION
    x, steps = xT, [int(t) for t in timesteps]
    for i, (now, then) in enumerate(zip(steps, [*steps[1:], -1], strict=True)):
        t = torch.full((len(x),), now, device=x.device)
        noise = None if noises is None else noises[i]
        x = ddim_step(sch, model_fn(x, t), x, t, torch.full_like(t, then), eta, noise, clip)
    return x
    ### END SOLUTION


# %% tests="4.3c"
@core
@points(0.5)
def test_loop_visits_the_timesteps(rng):
    """The network is called once per time step, in the order given, with one long time per example."""
    b = rng.size(2, 4)
    model = Recorder(lambda x, t: torch.zeros_like(x))
    xT = torch.randn(b, 5, generator=rng)
    out = sample_loop(model, small_schedule(), xT, [4, 2, 1], 0.0)
    assert [int(call[1][0]) for call in model.calls] == [4, 2, 1], (
        "timesteps: visit exactly those given, in their order"
    )
    assert all(tuple(call[1].shape) == (b,) and call[1].dtype == torch.long for call in model.calls), (
        "timesteps: the network gets t as a long tensor of shape (B,)"
    )
    message = "clean end: if the network sees no noise, the list of strides ends where the shrinking is undone"
    assert_close(out, xT / math.sqrt(0.054), message)


### BEGIN HIDDEN TESTS
@points(1)
def test_chain_with_the_best_guess(rng):
    """For Gaussian data and the best guess, the chain equals its affine recursion, with the noises in order."""
    sch, b, m, tau = random_schedule(rng), rng.size(2, 4), 0.8, 0.6
    last, eta = len(sch["beta"]) - 1, 0.4 + 0.6 * float(torch.rand((), generator=rng))
    steps = [last, last - 1, 2, 0]
    xT, noises = torch.randn(b, 2, generator=rng), torch.randn(len(steps), b, 2, generator=rng)
    levels = [float(v) for v in sch["alpha_bar"]]

    def best(x, t):
        level = sch["alpha_bar"][t].unsqueeze(1)
        return (1 - level).sqrt() * (x - level.sqrt() * m) / (level * tau**2 + 1 - level)

    x = xT
    for i, now in enumerate(steps):
        a = levels[now]
        s = levels[steps[i + 1]] if i + 1 < len(steps) else 1.0
        v = a * tau**2 + 1 - a
        sigma2 = eta**2 * (1 / (a / s / (1 - a / s) + 1 / (1 - s)) if s < 1 else 0.0)
        data = m + math.sqrt(a) * tau**2 * (x - math.sqrt(a) * m) / v
        guess = math.sqrt(1 - a) * (x - math.sqrt(a) * m) / v
        x = math.sqrt(s) * data + math.sqrt(1 - s - sigma2) * guess + math.sqrt(sigma2) * noises[i]
    found = assert_inputs_unchanged(sample_loop, best, sch, xT, steps, eta, noises)
    assert_close(found, x, "The chain disagrees with its exact recursion for Gaussian data")


@points(0.5)
def test_more_steps_approach_the_variance(rng):
    """Deterministic sampling never over-estimates the spread of Gaussian data, and more steps come closer."""
    tau = 0.3 + 0.4 * float(torch.rand((), generator=rng))
    sch = random_schedule(rng, 48)
    level = sch["alpha_bar"]

    def best(x, t):
        a = level[t].unsqueeze(1)
        return (1 - a).sqrt() * x / (a * tau**2 + 1 - a)

    spread = []
    for stride in (16, 4, 1):
        steps = list(range(47, -1, -stride))
        spread.append(float(sample_loop(best, sch, torch.ones(1, 1), steps, 0.0)))
    assert spread[0] < spread[1] < spread[2] < tau, "The spread of samples should grow towards that of the data"


@points(0.5)
def test_clip_reaches_the_steps(rng):
    """Clipping is passed on to every step, and images work."""
    sch = random_schedule(rng)
    last = len(sch["beta"]) - 1
    xT = 5 * torch.randn(2, 1, 3, 2, generator=rng)
    seen = Recorder(lambda x, t: torch.zeros_like(x))
    out = sample_loop(seen, sch, xT, [last, 2, 1], 0.0, clip=0.5)
    assert float(out.abs().max()) <= 0.5 + 1e-9, "clip: the finished samples lie outside the range"
    now, then = sch["alpha_bar"][last], sch["alpha_bar"][2]
    x0 = (xT / now.sqrt()).clamp(-0.5, 0.5)
    second = then.sqrt() * x0 + (1 - then).sqrt() * (xT - now.sqrt() * x0) / (1 - now).sqrt()
    assert_close(seen.calls[1][0], second, "clip: it limits the guess of every step, not only the finished samples")
    inside = sample_loop(lambda x, t: torch.zeros_like(x), sch, 1e-3 * xT, [last, 2], 0.0)
    assert_close(inside, 1e-3 * xT / sch["alpha_bar"][last].sqrt(), "Without clip nothing is limited")


@points(0.5)
def test_sampling_needs_no_graph(rng):
    """Samples carry no graph, even if xT has one; a single step works, and the dtype is kept."""
    sch, net = random_schedule(rng), nn.Linear(2, 2)
    xT, noises = torch.randn(3, 2, generator=rng), torch.randn(1, 3, 2, generator=rng)
    out = sample_loop(lambda x, t: net(x), sch, xT.clone().requires_grad_(), [1], 1.0, noises)
    assert not out.requires_grad, "The samples carry a graph: sampling runs under torch.no_grad"
    single = sample_loop(lambda x, t: 0 * x, sch, xT.float(), [3, 1], 0.5, torch.stack([xT, xT]).float())
    assert single.dtype == torch.float32, "float32 in, float32 out"
    level = sch["alpha_bar"][1]
    expected = (xT - (1 - level).sqrt() * net(xT).detach()) / level.sqrt()
    assert_close(out, expected, "A single step goes to the clean end, without noise")


### END HIDDEN TESTS

# %% [markdown]
# ### Experiment: how many steps?
#
# The checkerboard has sharp edges and no symmetry to hide behind. The distance is the squared maximum mean discrepancy
# (MMD²) between 2000 samples and 2000 fresh draws; two sets of fresh draws differ from 0 by less than 0.001.
#
# **What to expect** (budget `cpu`, about 20 seconds of one core; the loss stays near 0.47). With clipping at 2.5:
#
# | | 5 steps | 20 steps | 200 steps |
# |---|---|---|---|
# | MMD², $\eta=0$ | 0.003 to 0.012 | 0.002 to 0.004 | **0.001 or less** |
# | MMD², $\eta=1$ | 0.012 | 0.002 | **0.001 or less** |
# | share on dark squares, $\eta=0$ | 0.79 | 0.84 | 0.87 |
# | share on dark squares, $\eta=1$ | 0.76 | 0.89 | 0.88 |
#
# (A uniform cloud has half of its points on dark squares.) Without clipping the same network gives an MMD² of about
# 0.35, 0.24 and 0.01: nothing wrong with the network, everything wrong with the first step. Above 0.01 at 200 steps,
# check that the last step goes to −1 and that the noise is recomputed after clipping.

# %% experiment="4.3" cpu_minutes=0.4 t4_minutes=0.4
import densities
import matplotlib.pyplot as plt
from hwkit import preset, savefig, set_seed
from metrics import mmd2

DRAWS_2D = preset(smoke=300, cpu=2000, gpu=2000)
board_model, _ = train_points(densities.checkerboard, "checkerboard", (0.35, 0.62))


def strides(steps):
    """Return `steps` evenly spread times from T - 1 down to 0."""
    return torch.linspace(T - 1, 0, steps).round().long().tolist()


def draw_points(model, steps, eta, clip):
    """Return DRAWS_2D samples of a model of points."""
    set_seed(4)
    noises = torch.randn(steps, DRAWS_2D, 2) if eta else None
    return sample_loop(model, sch, torch.randn(DRAWS_2D, 2), strides(steps), eta, noises, clip)


fresh = densities.checkerboard.sample(DRAWS_2D, torch.Generator().manual_seed(9))
floor = mmd2(densities.checkerboard.sample(DRAWS_2D, torch.Generator().manual_seed(8)), fresh)
print(f"two sets of fresh draws: {floor:.4f}")
results = {}
for eta, clip in ((0.0, 2.5), (1.0, 2.5), (0.0, None)):
    for steps in (5, 20, 200):
        results[eta, clip, steps] = drawn = draw_points(board_model, steps, eta, clip)
        dark = float(densities.checkerboard.log_prob(drawn).isfinite().float().mean())
        print(
            f"eta {eta:.0f}, clip {clip}, {steps:3d} steps: MMD² {mmd2(drawn, fresh):.4f}, {dark:.0%} on dark squares"
        )

# %% [markdown] figure="F4.3" points=3
# **How many steps?** A grid of scatter plots of checkerboard samples: 5, 20 and 200 steps (columns) for $\eta=0$ and
# $\eta=1$ (rows), MMD² in the titles. In three or four sentences: which sampler would you use with 5 network calls,
# which with 200, and why? What does the noise of $\eta=1$ do to errors made early in the chain (compare the shares on
# dark squares at 20 steps)? Connect the picture with W4.3 (c).
#
# Caption: Checkerboard samples by number of steps and amount of noise.
#
# ### BEGIN MARK SCHEME
# - (1) six legible panels with MMD², falling to 0.01 or less at 200 steps, where the squares can be seen
# - (1) deterministic with few steps; with many steps noise costs nothing and forgets early errors
# - (1) links few steps to the lost variance of W4.3 (c): samples are drawn together and the outer edges stay empty
# ### END MARK SCHEME

# %% experiment="4.3"
fig, axes = plt.subplots(2, 3, figsize=(8, 5.6), sharex=True, sharey=True)
for row, eta in zip(axes, (0.0, 1.0), strict=True):
    for axis, steps in zip(row, (5, 20, 200), strict=True):
        drawn = results[eta, 2.5, steps]
        axis.scatter(*drawn.T, s=2, color="#0072B2")
        axis.set_title(f"η = {eta:.0f}, {steps} steps, MMD² {mmd2(drawn, fresh):.4f}", fontsize=9)
        axis.set(xlabel="$x_1$", ylabel="$x_2$", xlim=(-2.6, 2.6), ylim=(-2.6, 2.6), aspect="equal")
fig.tight_layout()
savefig(
    "F4.3",
    fig,
    alt="Six scatter plots: with more steps the squares of a checkerboard become sharper, and MMD falls.",
    answer="Replace this sentence by your three or four sentences.",
)

# %% [markdown] problem="4.4" minutes=135
# ## Problem 4.4: Architecture, conditioning and guidance
#
# A denoiser is an image-to-image network with two side inputs: the time, and a label. This problem builds the two parts
# that carry them, and then turns the label into a steering wheel.

# %% [markdown] written="W4.4" points=4 pages=1
# **What guidance samples, and what it does not.** Let $p_t(x)$ and $p_t(x\mid c)$ be the densities of noisy data,
# without and with the label, and let $\varepsilon_\emptyset$, $\varepsilon_c$ be the corresponding best guesses of the
# noise.
#
# (a) Show that $\tilde\varepsilon=(1-w)\,\varepsilon_\emptyset+w\,\varepsilon_c$ corresponds, by (4.8), to the score of
# a density proportional to $p_t(x)\,p_t(c\mid x)^w$.
#
# (b) Let $p_0(x)=N(0,1)$ and $p_0(x\mid c)=N(0,\tau^2)$ with $\tau<1$. Show that for $w\notin\{0,1\}$ the density of
# (a) at time $t$ is *not* what one gets by adding noise to $p_0(x)\,p_0(c\mid x)^w$. What does this mean for the
# samples?
#
# ### BEGIN SOLUTION
# (a) By (4.8) the score that belongs to $\tilde\varepsilon$ is $(1-w)\nabla\log p_t(x)+w\nabla\log p_t(x\mid c)$. By
# Bayes' rule $\nabla\log p_t(x\mid c)=\nabla\log p_t(x)+\nabla\log p_t(c\mid x)$, since $\log p(c)$ does not depend on
# $x$. Hence the sum is $\nabla\log p_t(x)+w\nabla\log p_t(c\mid x)=\nabla\log\left[p_t(x)\,p_t(c\mid x)^w\right]$.
#
# (b) All densities are Gaussians with mean 0; compare precisions. With $\bar\alpha=\bar\alpha_t$: $p_t(x)=N(0,1)$ has
# precision 1 and $p_t(x\mid c)$ has precision $P=1/(\bar\alpha\tau^2+1-\bar\alpha)$. The density of (a) is proportional
# to $p_t(x)^{1-w}p_t(x\mid c)^w$ and has precision $(1-w)+wP$. At $t$ without noise ($\bar\alpha=1$) this is
# $P_0=(1-w)+w/\tau^2$, and adding noise to that density gives precision $1/(\bar\alpha/P_0+1-\bar\alpha)$. Put
# $r=1/\tau^2-1>0$, so that $P_0=1+wr$, and $P=(1+r)/(1+(1-\bar\alpha)r)$. Then
#
# $$(1-w)+wP=1+\frac{w\bar\alpha r}{1+(1-\bar\alpha)r},\qquad
#   \frac{1}{\bar\alpha/P_0+1-\bar\alpha}=1+\frac{w\bar\alpha r}{1+(1-\bar\alpha)wr}.$$
#
# For $0<\bar\alpha<1$ they agree if and only if $w=0$ (both are 1) or the denominators agree, that is $w=1$. (For
# $w\le-1/r$ the density at $\bar\alpha=1$ does not even exist.) So no forward process has the guided scores: a sampler
# that follows them does not sample $p_0(x)\,p_0(c\mid x)^w$, and the result depends on the sampler. For $w>1$ the
# guided precision is the larger one at every $t$: samples are drawn together more than the formula promises, and
# diversity is lost.
# ### END SOLUTION
#
# ### BEGIN MARK SCHEME
# - (1) (a) turns guesses into scores and combines them
# - (1) (a) Bayes' rule, with $p(c)$ dropping out
# - (1) (b) both precisions, and that they differ for $w\notin\{0,1\}$ (one number as a counterexample: half)
# - (1) (b) concludes that the samples do not follow the tilted density; loss of diversity for $w>1$
# ### END MARK SCHEME

# %% [markdown]
# ### What time is it?
#
# A network that sees $t$ as one number between 0 and 999 cannot tell 3 from 4. Sines and cosines of many wavelengths
# can:
#
# $$\omega_k=10000^{-k/h},\quad k=0,\dots,h-1,\quad h=\lfloor\texttt{dim}/2\rfloor,\qquad
#   e(t)=\left(\sin\omega_kt,\;\cos\omega_kt\right)_{k}. \tag{4.13}$$
#
# | symbol | variable | shape | dtype |
# |---|---|---|---|
# | $t$ | `t` | `(B,)` | long or floating |
# | $e(t)$ | returned | `(B, dim)` | torch's default floating dtype |
#
# The order of the entries is up to you. `dim` is at least 2; if it is odd, one entry is 0. A consequence that you can
# test: the inner product $e(t)^\top e(s)$ depends on $t-s$ only (why?).


# %% solution="4.4a"
def timestep_embedding(t: Tensor, dim: int) -> Tensor:
    """Return sines and cosines of the times, equation (4.13): (B,) -> (B, dim). An odd `dim` has one entry 0."""
    ### BEGIN SOLUTION
    half = dim // 2
    k = torch.arange(half, device=t.device, dtype=torch.get_default_dtype())
    angle = t.to(k.dtype).unsqueeze(1) * torch.exp(-math.log(10_000) * k / half)
    parts = [angle.sin(), angle.cos(), angle.new_zeros(len(t), dim % 2)]
    return torch.cat(parts, dim=1)
    ### END SOLUTION


# %% tests="4.4a"
@core
@points(0.75)
def test_embedding_at_time_zero(rng):
    """At t = 0 all sines are 0 and all cosines 1; the result is (B, dim), and every sine meets its cosine."""
    b, half = rng.size(2, 4), rng.size(2, 6)
    e = timestep_embedding(torch.zeros(b, dtype=torch.long), 2 * half)
    assert tuple(e.shape) == (b, 2 * half), f"expected shape {(b, 2 * half)}, got {tuple(e.shape)}"
    sorted_row = torch.cat([torch.zeros(half), torch.ones(half)])
    assert_close(e.sort(dim=1).values, sorted_row.expand(b, -1), "At t = 0: half of the entries 0 (sin), half 1 (cos)")
    later = timestep_embedding(torch.arange(b) + 7, 2 * half)
    assert_close((later**2).sum(1), torch.full((b,), float(half)), "sin² + cos² is 1 for every frequency")
    row = timestep_embedding(torch.ones(1), 2 * half)[0]
    for k, words in (
        (0, "radians: the fastest pair is sin(t) and cos(t)"),
        (half - 1, "frequencies: they fall as k/h"),
    ):
        omega = 10_000.0 ** (-k / half)
        assert float((row - math.sin(omega)).abs().min()) < 1e-6, words
    half_past = timestep_embedding(torch.tensor([2.5]), 2 * half)[0]
    assert float((half_past - math.sin(2.5)).abs().min()) < 1e-6, "rounding: times may lie between integers"


### BEGIN HIDDEN TESTS
@points(1)
def test_inner_product_depends_on_the_difference(rng):
    """The inner product of two embeddings is the sum of cos(omega_k (t - s)) over the frequencies."""
    half, b = rng.size(2, 9), rng.size(2, 5)
    t = torch.randint(1000, (b,), generator=rng)
    s = torch.randint(1000, (b,), generator=rng)
    product = (timestep_embedding(t, 2 * half) * timestep_embedding(s, 2 * half)).sum(1)
    expected = torch.stack([torch.cos((t - s).double() * 10_000.0 ** (-k / half)) for k in range(half)]).sum(0)
    assert_close(product, expected, "frequencies: 10000 to the power -k/h, k = 0 … h - 1, in radians")


@points(0.5)
def test_all_times_are_told_apart(rng):
    """All of 1000 times differ clearly, entries stay within 1, and times between integers work."""
    dim = 2 * rng.size(8, 32)
    e = timestep_embedding(torch.arange(1000), dim)
    distance = torch.cdist(e, e) + 10 * torch.eye(1000)
    assert float(distance.min()) > 0.2, "Two of the times 0 … 999 have nearly the same embedding"
    assert float(e.abs().max()) <= 1 + 1e-6, "Sines and cosines lie between -1 and 1"
    half_past = timestep_embedding(torch.tensor([2.0, 2.5]), dim)
    assert_close(half_past[0], e[2], "Integer and floating times agree")
    assert float((half_past[1] - half_past[0]).abs().max()) > 0.1, "2.5 is a time of its own: was t rounded?"


@float32
@points(0.25)
def test_odd_width_and_dtype(rng):
    """An odd width has one entry 0, and the result has torch's default dtype; t is left unchanged."""
    half, t = rng.size(1, 5), torch.randint(1, 1000, (4,), generator=rng)
    e = assert_inputs_unchanged(timestep_embedding, t, 2 * half + 1)
    assert tuple(e.shape) == (4, 2 * half + 1), f"odd dim: expected shape {(4, 2 * half + 1)}, got {tuple(e.shape)}"
    for times in (t, t.float(), t.double()):
        assert timestep_embedding(times, 2 * half + 1).dtype == torch.float32, "torch's default dtype, whatever t has"
    assert_close((e**2).sum(1), torch.full((4,), float(half)), "odd dim: one entry is 0, the others come in pairs")
    assert int((e == 0).all(0).sum()) == 1, "odd dim: exactly one entry is 0 for all times"


### END HIDDEN TESTS

# %% [markdown]
# ### How time and label enter: adaptive normalisation
#
# A residual block normalises its features and then lets the embedding $e$ choose their scale and shift, channel by
# channel:
#
# $$u=\operatorname{conv}_1\!\left(\phi(\operatorname{norm}_1(h))\right),\qquad
#   (a,b)=\operatorname{linear}(e),\qquad
#   \text{out}=\operatorname{skip}(h)
#   +\operatorname{conv}_2\!\left(\phi\left((1+a)\odot\operatorname{norm}_2(u)+b\right)\right), \tag{4.14}$$
#
# with $\phi(z)=z\,s(z)$ (SiLU, `nn.functional.silu`).
#
# | symbol | variable | shape | dtype |
# |---|---|---|---|
# | $h$ | `h`; `c_in` and `c_out` are multiples of 4 | `(B, c_in, H, W)` | floating |
# | $e$ | `e` | `(B, emb_dim)` | same |
# | $a$, $b$ | halves of `self.modulation(e)` | `(B, c_out)` each, then `(B, c_out, 1, 1)` | same |
# | out | returned | `(B, c_out, H, W)` | same |
#
# **Start at zero.** `conv2` and `modulation` start with all weights and biases 0. Then an untrained block *is* its skip
# path, whatever $e$ says, a stack of twenty is still harmless, and each block decides for itself when to come alive.
# Note the $1+a$: with $a$ alone, the normalised features would start out switched off.


# %% solution="4.4b"
class AdaGNResBlock(nn.Module):
    """A residual block whose features are scaled and shifted by an embedding, equation (4.14)."""

    def __init__(self, c_in: int, c_out: int, emb_dim: int):
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(4, c_in), nn.GroupNorm(4, c_out)
        self.conv1 = nn.Conv2d(c_in, c_out, 3, padding=1)
        self.conv2 = nn.Conv2d(c_out, c_out, 3, padding=1)
        self.modulation = nn.Linear(emb_dim, 2 * c_out)
        self.skip = nn.Identity() if c_in == c_out else nn.Conv2d(c_in, c_out, 1)
        # Let the block start as its skip path: conv2 and modulation start at zero.
        ### BEGIN SOLUTION
        for layer in (self.conv2, self.modulation):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        ### END SOLUTION

    def forward(self, h: Tensor, e: Tensor) -> Tensor:
        """Return the features of the next layer, equation (4.14): (B, c_in, H, W), (B, emb_dim) -> (B, c_out, H, W)."""
        ### BEGIN SOLUTION
        u = self.conv1(nn.functional.silu(self.norm1(h)))
        a, b = self.modulation(e)[:, :, None, None].chunk(2, dim=1)
        return self.skip(h) + self.conv2(nn.functional.silu((1 + a) * self.norm2(u) + b))
        ### END SOLUTION


# %% tests="*"
def shake(module, rng, scale=0.5):
    """Give every parameter of a module random values, as if it had been trained."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(scale * torch.randn(parameter.shape, generator=rng))
    return module


# %% tests="4.4b"
@core
@points(1)
def test_block_starts_as_its_skip_path(rng):
    """An untrained block is its skip path, whatever the embedding says; one whose conv2 has learned is not."""
    b, c, emb = rng.size(2, 3), 4 * rng.size(2, 3), rng.size(2, 5)
    h, e = torch.randn(b, c, 3, 5, generator=rng), torch.randn(b, emb, generator=rng)
    same, wider = AdaGNResBlock(c, c, emb), AdaGNResBlock(c, c + 4, emb)
    assert_close(same(h, e), h, "zero init: an untrained block is its skip path")
    assert_close(wider(h, e), wider.skip(h), "zero init: an untrained block is its skip path")
    with torch.no_grad():
        same.conv2.weight.copy_(torch.randn(same.conv2.weight.shape, generator=rng))
    learned = float((same(h, e) - h).detach().abs().max())
    assert learned > 1e-3, "1 + a: once conv2 has learned, features must pass although modulation is still zero"


@points(0.75)
def test_embedding_acts_example_by_example(rng):
    """After training, the embedding of one example changes the features of that example and of no other."""
    b = 8
    block = shake(AdaGNResBlock(4, 8, 6), rng)
    h, e = torch.randn(b, 4, 3, 3, generator=rng), torch.randn(b, 6, generator=rng)
    i = rng.size(0, b - 1)
    other = e.clone()
    other[i] += 1
    change = (block(h, other) - block(h, e)).detach().abs().amax((1, 2, 3))
    assert float(change[i]) > 1e-3, "embedding: it has no effect after training"
    change[i] = 0
    assert float(change.max()) < 1e-9, "broadcasting: the embedding of one example changes another example"


### BEGIN HIDDEN TESTS
@points(0.5)
def test_block_changes_channels(rng):
    """A block with other channels out than in keeps height and width, odd and unequal ones too."""
    b, emb = rng.size(1, 3), rng.size(2, 5)
    block = AdaGNResBlock(4, 12, emb)
    out = block(torch.randn(b, 4, 5, 2, generator=rng), torch.randn(b, emb, generator=rng))
    assert tuple(out.shape) == (b, 12, 5, 2), f"expected shape {(b, 12, 5, 2)}, got {tuple(out.shape)}"


@points(0.25)
def test_untrained_block_is_linear(rng):
    """An untrained block with a change of channels is affine in its input and blind to the embedding."""
    block, b = AdaGNResBlock(4, 8, 3), 2
    h, g, e = (
        torch.randn(b, 4, 3, 3, generator=rng),
        torch.randn(b, 4, 3, 3, generator=rng),
        torch.randn(b, 3, generator=rng),
    )
    both = block(h + g, e) + block(0 * h, e)
    assert_close(both, block(h, e) + block(g, -e), "zero init: only the 1 x 1 skip path is active at the start")
    assert float((block(h, e) - block(g, e)).detach().abs().max()) > 1e-3, "The skip path is missing"
    first = float(block.conv1.weight.detach().abs().max())
    assert first > 1e-3, "zero init: only conv2 and modulation start at zero, or conv1 has nothing to learn from"


@points(1)
def test_block_follows_its_equation(rng):
    """With convolutions that copy, the trained block equals the equation worked out channel by channel."""
    b, c, emb = 2, 4, rng.size(2, 4)
    block = AdaGNResBlock(c, c, emb)
    h, e = torch.randn(b, c, 3, 4, generator=rng), torch.randn(b, emb, generator=rng)
    with torch.no_grad():
        for p in block.parameters():
            if p.dim() == 4:  # the convolutions: copy every channel
                p.zero_()
                p[:, :, p.shape[2] // 2, p.shape[3] // 2] = torch.eye(c)
            elif p.dim() == 2:
                p.copy_(torch.randn(p.shape, generator=rng))

    def silu(z):
        return z / (1 + torch.exp(-z))

    def norm(z):
        mean, var = z.mean((2, 3), keepdim=True), z.var((2, 3), unbiased=False, keepdim=True)
        return (z - mean) / (var + 1e-5).sqrt()

    with torch.no_grad():
        for p in block.conv1.parameters():
            if p.dim() == 1:
                p.zero_()
        a, shift = [z[:, :, None, None] for z in (e @ block.modulation.weight.T).split(c, dim=1)]
        inner = norm(silu(norm(h)))
        expected = h + silu((1 + a) * inner + shift)
        swapped = h + silu((1 + shift) * inner + a)
        out = block(h, e)
    near = min(float((out - wanted).abs().max()) for wanted in (expected, swapped))  # either half may be the scale
    assert near < 1e-6, (
        "The block differs from its equation: 1 + a, SiLU before each convolution, skip added at the end"
    )


@points(0.5)
def test_block_contracts(rng):
    """Gradients pass to features and embedding, the dtype is kept, and arguments are left unchanged."""
    block = shake(AdaGNResBlock(4, 4, 3), rng)
    h, e = torch.randn(1, 4, 2, 3, generator=rng), torch.randn(1, 3, generator=rng)
    assert_gradients_match(block, h, e)
    out = assert_inputs_unchanged(block, h, e)
    single = block.float()(h.float(), e.float())
    assert single.dtype == torch.float32, "float32 in, float32 out"
    assert_close(single.double(), out, "float32 and float64 agree", rtol=1e-3, atol=1e-3)


### END HIDDEN TESTS

# %% [markdown]
# ### Guidance without a classifier
#
# $$\tilde\varepsilon(x,t,y)=(1-w)\;\varepsilon_\theta(x,t,\emptyset)+w\;\varepsilon_\theta(x,t,y). \tag{4.15}$$
#
# Here $w=0$ ignores the label, $w=1$ is the conditional model, and $w>1$ exaggerates (W4.4 says which density this is
# the score of). **Papers differ**: many write $(1+w)\varepsilon_c-w\varepsilon_\emptyset$, which is our $w+1$. We use
# (4.15).
#
# | symbol | variable | shape | dtype |
# |---|---|---|---|
# | $\varepsilon_\theta(x,t,y)$ | `model(x, t, y)` | `(B, ...)`, `(B,)`, `(B,)` → `(B, ...)` | floating |
# | $\emptyset$ | `null_label`, a label of its own | number | int |
# | $w$ | `w` | number | float |
#
# One call with a batch of $2B$ is faster than two calls, and either is right.


# %% solution="4.4c"
def cfg_eps(model, x: Tensor, t: Tensor, y: Tensor, w: float, null_label: int) -> Tensor:
    """Return the guided guess of the noise, equation (4.15): (B, ...). w = 0: no label; w = 1: conditional model."""
    ### BEGIN SOLUTION
    blind = model(x, t, torch.full_like(y, null_label))
    return (1 - w) * blind + w * model(x, t, y)
    ### END SOLUTION


# %% tests="*"
class TwoClasses:
    """A denoiser whose best guess is known: label c has data N(means[c], taus[c]^2); the last label means "none"."""

    def __init__(self, level, means, taus):
        self.level, self.means, self.taus = level, torch.as_tensor(means), torch.as_tensor(taus)

    def log_density(self, x, y):
        """Log-density of noisy data given the label, up to a constant of x, summed over each example."""
        m, v = self._moments(x, y)
        return (-((x - m) ** 2) / (2 * v)).flatten(1).sum(1)

    def _moments(self, x, y):
        shape = (-1,) + (1,) * (x.dim() - 1)
        m, tau = self.means[y].reshape(shape), self.taus[y].reshape(shape)
        return math.sqrt(self.level) * m, self.level * tau**2 + 1 - self.level

    def __call__(self, x, t, y):
        m, v = self._moments(x, y)
        return math.sqrt(1 - self.level) * (x - m) / v


# %% tests="4.4c"
@core
@points(0.5)
def test_guidance_of_one_is_the_conditional_model(rng):
    """With w = 1 the guess is the conditional model's, with w = 0 the one without label."""
    b = rng.size(2, 4)
    x, t, y = torch.randn(b, 3, generator=rng), torch.arange(b), torch.arange(b) % 2
    model = TwoClasses(0.4, [-1.0, 2.0, 0.5], [0.5, 0.7, 2.0])
    assert_close(
        cfg_eps(model, x, t, y, 1.0, 2), model(x, t, y), "w = 1 is the conditional model; (1 + w) is another convention"
    )
    blind = model(x, t, torch.full((b,), 2))
    assert_close(
        cfg_eps(model, x, t, y, 0.0, 2), blind, "w = 0 is the model without label: the null label, not class 0"
    )


### BEGIN HIDDEN TESTS
@points(1)
def test_guided_score_is_the_tilted_density(rng):
    """The guided guess belongs to the density p(x) p(c | x)^w of W4.4 (a), for images and for every w."""
    b, level = rng.size(2, 4), 0.2 + 0.6 * float(torch.rand((), generator=rng))
    model = TwoClasses(level, torch.randn(4, generator=rng), 0.4 + torch.rand(4, generator=rng))
    x = torch.randn(some_shape(rng, b), generator=rng).requires_grad_()
    y, none = torch.randint(3, (b,), generator=rng), torch.full((b,), 3)
    for w in (-0.5, 0.3, 1.0, 4.0):
        blind = model.log_density(x, none)
        tilted = blind + w * (model.log_density(x, y) - blind)
        (score,) = torch.autograd.grad(tilted.sum(), x)
        found = cfg_eps(model, x.detach(), torch.zeros(b, dtype=torch.long), y, w, 3)
        assert_close(found, -math.sqrt(1 - level) * score, "guidance: the guess does not belong to p(x) p(c | x)^w")


@points(0.5)
def test_guidance_is_linear_in_w(rng):
    """The guess moves linearly with w; the model always sees x and t as they are."""
    b = rng.size(2, 4)
    x, t, y = (
        torch.randn(b, 2, generator=rng),
        torch.randperm(9, generator=rng)[:b],
        torch.randint(3, (b,), generator=rng),
    )

    def model(x, t, y):
        return torch.sin(x + t.unsqueeze(1)) * (1.0 + y.unsqueeze(1)) + y.unsqueeze(1) ** 2

    for null in (0, 1, 5):  # whatever number the null label has
        labels = y + 2 * (null < 2)
        start, end = (cfg_eps(model, x, t, labels, w, null) for w in (0.0, 1.0))
        assert_close(end, model(x, t, labels), "w = 1 is the conditional model at the same x and t")
        assert_close(
            start, model(x, t, 0 * labels + null), "w = 0 is the model with the null label at the same x and t"
        )
        for w in (-1.0, 0.5, 2.0, 3.0):
            found = cfg_eps(model, x, t, labels, w, null)
            assert_close(found, start + w * (end - start), "guidance is linear in w")


@points(0.5)
def test_guidance_contracts(rng):
    """Labels and data are left unchanged, gradients pass for every w, and the dtype is kept."""
    x, t, y = torch.randn(2, 3, generator=rng), torch.arange(2), torch.tensor([1, 0])
    model = TwoClasses(0.4, [-1.0, 2.0, 0.5], [0.5, 0.7, 2.0])

    def curved(x, t, y):
        return model(torch.sin(x), t, y).to(x.dtype)

    for w in (0.0, 1.0, 2.5):
        assert_inputs_unchanged(cfg_eps, curved, x, t, y, w, 2)
        assert_gradients_match(lambda z, w=w: cfg_eps(curved, z, t, y, w, 2), x)
        assert cfg_eps(curved, x.float(), t, y, w, 2).dtype == torch.float32, "float32 in, float32 out"


### END HIDDEN TESTS

# %% [markdown]
# ### Experiment: digits to order
#
# The U-Net below is given; it is made of your blocks and your embedding. Images are scaled to $[-1,1]$; in training,
# one label in ten is dropped; samples come from an exponential moving average (EMA) of the weights.
#
# **What to expect** (budget `cpu`: 60 epochs, about 90 seconds of one core). The loss falls from 1.0 to about 0.20 in
# three epochs, to 0.16 at epoch 20, and crawls to about 0.12: again it plateaus while the samples improve. The last
# table should read about
#
# | steps, η, w | FD (lower is better) | agreement with the label |
# |---|---|---|
# | 20, 0, $w=0$ | 0.4 to 0.5 | 0.1 (chance) |
# | 20, 0, $w=1$ | **0.13 to 0.18** | 0.95 |
# | 20, 0, $w=2$ | 0.3 to 0.4 | 1.00 |
# | 20, 0, $w=4$ | 0.5 to 0.55 | 1.00 |
#
# FD is the Fréchet distance between features of 500 samples and of the test digits; 500 training digits have about
# 0.17, so at $w=1$ it cannot tell yours from real ones. Full marks for the figure need FD ≤ 0.35 (≤ 0.60 earns half)
# and agreement ≥ 0.90 at $w=1$. If all samples look alike, check the null label; if they are grey, check clipping and
# the last step.

# %% experiment="4.4" cpu_minutes=2 t4_minutes=1
import copy

import digit_features
import digits
import matplotlib.pyplot as plt
from hwkit import Checkpointer, device, fit, one_step_cpu_check, preset, savefig, set_seed
from metrics import digits_fd

EPOCHS = preset(smoke=1, cpu=60, gpu=100)
PER_CLASS = preset(smoke=4, cpu=50, gpu=50)
NULL, T = 10, 200
sch = make_schedule(cosine_alpha_bar(T))


class UNet(nn.Module):
    """Guesses the noise of 8 x 8 images: (B, 1, 8, 8), times (B,), labels (B,) or None -> (B, 1, 8, 8)."""

    def __init__(self, c=32, emb=128):
        super().__init__()
        self.clock = nn.Sequential(nn.Linear(64, emb), nn.SiLU(), nn.Linear(emb, emb))
        self.label = nn.Embedding(NULL + 1, emb)
        self.first, self.down1 = nn.Conv2d(1, c, 3, padding=1), AdaGNResBlock(c, c, emb)
        self.shrink, self.down2 = nn.Conv2d(c, 2 * c, 3, stride=2, padding=1), AdaGNResBlock(2 * c, 2 * c, emb)
        self.middle, self.up2 = AdaGNResBlock(2 * c, 2 * c, emb), AdaGNResBlock(4 * c, 2 * c, emb)
        self.grow, self.up1 = nn.Conv2d(2 * c, c, 3, padding=1), AdaGNResBlock(2 * c, c, emb)
        self.last = nn.Sequential(nn.GroupNorm(8, c), nn.SiLU(), nn.Conv2d(c, 1, 3, padding=1))

    def forward(self, x, t, y=None):
        y = torch.full((len(x),), NULL, device=x.device) if y is None else y
        e = nn.functional.silu(self.clock(timestep_embedding(t, 64)) + self.label(y))
        fine = self.down1(self.first(x), e)
        coarse = self.down2(self.shrink(fine), e)
        h = self.up2(torch.cat([self.middle(coarse, e), coarse], 1), e)
        h = self.grow(nn.functional.interpolate(h, scale_factor=2))
        return self.last(self.up1(torch.cat([h, fine], 1), e))


def train_digits(epochs):
    """Train a U-Net on the digits; return the moving average of its weights and the loss curve."""
    set_seed(0)
    images, labels = digits.load("train")
    images, model = images.float() / 8 - 1, UNet()

    def update(model, optimizer, rows):
        x0, y = images[rows], labels[rows]
        t = torch.randint(T, (len(x0),), device=x0.device)
        drop = torch.rand(len(y), device=y.device) < 0.1
        loss = ddpm_loss(model, sch, x0, t, torch.randn_like(x0), y=y, drop_mask=drop, null_label=NULL)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    trial = torch.optim.AdamW(model.parameters(), lr=1e-3)
    one_step_cpu_check(lambda: update(model, trial, torch.arange(64)), model, optimizer=trial)
    model = model.to(device())
    where = next(model.parameters()).device
    images, labels, average = images.to(where), labels.to(where), copy.deepcopy(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    batches = -(-len(images) // 64)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=epochs * batches + 1, pct_start=0.1)

    def epoch():
        total = 0.0
        for rows in torch.randperm(len(images), device=where).split(64):
            total += update(model, optimizer, rows).item() / batches
            schedule.step()
            with torch.no_grad():
                for slow, fast in zip(average.parameters(), model.parameters(), strict=True):
                    slow.lerp_(fast, 0.01)
        return {"loss": total}

    saved = Checkpointer(
        "digits_unet.pt",
        model=model,
        average=average,
        optimizer=optimizer,
        schedule=schedule,
        config={"epochs": epochs},
    )
    history = fit(epoch, epochs, checkpoint=saved, label="digits", expect={20: (0.10, 0.20), 60: (0.08, 0.16)})
    return average, history


unet, digit_history = train_digits(EPOCHS)


def draw_digits(y, w, steps=20, eta=0.0):
    """Return grey levels 0..16 of samples with labels y (N,), guided by w."""
    set_seed(5)
    where = next(unet.parameters()).device
    y = y.to(where)
    times = torch.linspace(T - 1, 0, steps).round().long().tolist()
    noises = torch.randn(steps, len(y), 1, 8, 8, device=where) if eta else None

    def guided(x, t):
        return cfg_eps(unet, x, t, y, w, NULL)

    x = sample_loop(guided, sch, torch.randn(len(y), 1, 8, 8, device=where), times, eta, noises, clip=1.0)
    return ((x + 1) * 8).round().clamp(0, 16).long().cpu()


wanted = torch.arange(10).repeat(PER_CLASS)
table = {}
for w in (0.0, 1.0, 2.0, 4.0):
    drawn = draw_digits(wanted, w)
    agreement = float((digit_features.classify(drawn) == wanted).float().mean())
    table[w] = (drawn, digits_fd(drawn), agreement)
    print(f"w = {w:.0f}: FD {table[w][1]:.3f}, agreement {agreement:.2f}")

# %% [markdown] figure="F4.4" points=3
# **What guidance buys.** Samples of all ten classes for $w=0,1,2,4$ (four blocks of ten columns), with FD and agreement
# in the titles. In three or four sentences: what does guidance buy and what does it cost? Why is FD at $w=0$ worse than
# at $w=1$? Which $w$ would you ship, and for what purpose? Refer to W4.4 (b).
#
# Caption: Class-conditional digits under classifier-free guidance, with quality and agreement.
#
# ### BEGIN MARK SCHEME
# - (1) recognisable digits of every class at $w=1$; FD at most 0.35 and agreement at least 0.90 there (half a mark for
#   FD up to 0.60)
# - (1) guidance buys agreement and costs diversity, so FD rises beyond $w=1$; $w=0$ is worse because the network hardly
#   practised without labels (one example in ten) and must find the class itself
# - (1) refers to the sharpened density of W4.4, and justifies a choice of w by a purpose
# ### END MARK SCHEME

# %% experiment="4.4"
fig, axes = plt.subplots(2, 2, figsize=(9, 5.5))
for axis, (w, (drawn, distance, agreement)) in zip(axes.flat, table.items(), strict=True):
    tiles = nn.functional.pad(drawn[:40].reshape(4, 10, 8, 8), (1, 1, 1, 1))  # a white frame around each
    axis.imshow(tiles.permute(0, 2, 1, 3).reshape(40, 100), cmap="gray_r", vmin=0, vmax=16)
    axis.set(title=f"w = {w:.0f}: FD {distance:.2f}, agreement {agreement:.2f}", yticks=[], ylabel="samples")
    axis.set(xticks=[10 * k + 4.5 for k in range(10)], xticklabels=range(10), xlabel="label asked for")
fig.tight_layout()
savefig(
    "F4.4",
    fig,
    alt="Four blocks of digits, ten classes each: with stronger guidance they become clearer and more alike.",
    answer="Replace this sentence by your three or four sentences.",
)

# %% [markdown]
# **Your digits** at $w=1$ go along with the code, so that the person who marks F4.4 can measure them again. They carry
# no points of their own.

# %% artefact="digit_samples" file="digit_samples.npz" max_mb=1
import numpy as np

np.savez_compressed("digit_samples.npz", images=table[1.0][0].numpy().astype(np.uint8), labels=wanted.numpy())

# %% [markdown] problem="4.5" minutes=140
# ## Problem 4.5: Diffusion for tokens
#
# One cannot add a little Gaussian noise to a letter. One can *mask* it. Masked diffusion replaces tokens by a special
# symbol until none is left, and learns to fill them in again, in any order. It is the diffusion of language models and
# of DNA, and it has an exact connection with the autoregressive models of HW1.

# %% [markdown] written="W4.5" points=5 pages=1
# **Masked diffusion is autoregression in random order.** A sequence $x$ of length $L$ is masked token by token,
# independently with probability $t$, and $t\sim U(0,1)$. Let
#
# $$\mathcal N(x)=E_{t,\text{mask}}\left[\frac1t\sum_{i\text{ masked}}-\log p_\theta(x_i\mid x_\text{unmasked})\right].$$
#
# (a) Show that $\mathcal N(x)$ equals the average, over the $L!$ orders in which the tokens can be revealed, of the
# negative log-likelihood of $x$ when it is generated in that order with the conditionals $p_\theta$.
#
# (b) Conclude that $\mathcal N(x)\ge-\log\bar p(x)$, where $\bar p$ is the mixture of the models of all orders.
#
# (c) Show that $\mathcal N(x)=-\log p(x)$ for *every* $x$ if the $p_\theta$ are the exact conditionals of a law $p$.
#
# ### BEGIN SOLUTION
# (a) A mask set $M$ with $|M|=k\ge1$ has probability $t^k(1-t)^{L-k}$. The coefficient of
# $-\log p_\theta(x_i\mid x_{M^c})$, $i\in M$, in $\mathcal N(x)$ is therefore
#
# $$\int_0^1\frac1t\,t^k(1-t)^{L-k}\,dt=\int_0^1t^{k-1}(1-t)^{L-k}\,dt=\frac{(k-1)!\,(L-k)!}{L!}.$$
#
# Now count the orders in which $i$ is revealed exactly when $M$ is still masked: first the $L-k$ tokens outside $M$ in
# any order, then $i$, then the other $k-1$ tokens in any order: $(L-k)!\,(k-1)!$ of $L!$ orders. Both sums have the
# same coefficients, so $\mathcal N(x)=\frac1{L!}\sum_\pi\sum_j-\log p_\theta\left(x_{\pi(j)}\mid
# x_{\pi(1)},\dots,x_{\pi(j-1)}\right) =\frac1{L!}\sum_\pi-\log p_\pi(x)$.
#
# (b) $-\log$ is convex: by Jensen's inequality, $\frac1{L!}\sum_\pi-\log p_\pi(x)\ge-\log\frac1{L!}\sum_\pi p_\pi(x)$.
#
# (c) With exact conditionals the chain rule holds in every order, $p_\pi(x)=p(x)$ for all $\pi$, so each summand of (a)
# is $-\log p(x)$.
# ### END SOLUTION
#
# ### BEGIN MARK SCHEME
# - (1) (a) probability $t^k(1-t)^{L-k}$ of a mask set, and the coefficient as an integral with the weight $1/t$
# - (1) (a) evaluates the Beta integral
# - (1) (a) counts $(L-k)!\,(k-1)!$ orders and identifies the two sums (an argument for one order only: no mark)
# - (1) (b) Jensen's inequality in the right direction, for the mixture over orders
# - (1) (c) chain rule in every order
# ### END MARK SCHEME

# %% [markdown]
# ### Forward: hide
#
# $$x_{t,i}=\begin{cases}\texttt{mask}&u_i<t\\x_i&\text{otherwise}\end{cases}\qquad u_i\sim U[0,1). \tag{4.16}$$
#
# | symbol | variable | shape | dtype |
# |---|---|---|---|
# | $x$ | `x`, tokens | `(B, L)` | long |
# | $t$ | `t`, in [0, 1], **one per example** | `(B,)` | floating |
# | $u$ | `u` | `(B, L)` | floating |
# | the symbol `mask` | `mask_id`, no token | number | int |
# | $x_t$; which are masked | returned | `(B, L)` each | long, bool |


# %% solution="4.5a"
def mask_tokens(x: Tensor, t: Tensor, u: Tensor, mask_id: int) -> tuple[Tensor, Tensor]:
    """Return the partly masked tokens and where they are masked, equation (4.16): (B, L) long, (B, L) bool."""
    ### BEGIN SOLUTION
    is_masked = u < t.unsqueeze(1)
    return torch.where(is_masked, torch.full_like(x, mask_id), x), is_masked
    ### END SOLUTION


# %% tests="4.5a"
@core
@points(0.5)
def test_start_and_end_of_masking(rng):
    """At t = 1 every token is masked, at t = 0 none, each example by its own time, also when B equals L."""
    b = rng.size(3, 6)
    for length in (b, b + 2):
        x, u = torch.randint(4, (b, length), generator=rng), torch.rand(b, length, generator=rng)
        u[:, 0] = 0.0
        all_hidden = torch.arange(b).roll(rng.size(0, 2)) % 3 > 0  # which examples have t = 1
        xt, is_masked = assert_inputs_unchanged(mask_tokens, x, all_hidden.double(), u, 4)
        expected = torch.stack([torch.full_like(x[i], 4) if all_hidden[i] else x[i] for i in range(b)])
        visible = torch.stack([x[i] if all_hidden[i] else torch.full_like(x[i], 4) for i in range(b)])
        name_the_slip(xt, {"mask where u < t: t is the probability of being masked": visible})
        assert_close(xt, expected, "broadcasting: t = 1 masks all tokens of its example, t = 0 none")
        assert is_masked.dtype == torch.bool, "The second result is a tensor of booleans"
        assert_close(is_masked.all(1), all_hidden, "is_masked: the second result says which tokens are masked")


### BEGIN HIDDEN TESTS
@points(0.5)
def test_every_example_has_its_own_mask_rate(rng):
    """Each token is masked with the probability t of its example."""
    length, t = 3000, 0.1 + 0.8 * torch.rand(3, generator=rng)
    x = torch.randint(5, (3, length), generator=rng)
    _, is_masked = mask_tokens(x, t, torch.rand(3, length, generator=rng), 7)
    assert is_masked.shape == x.shape, "is_masked has the shape of x"
    assert_mean_close(is_masked.double().T, t, bounds=(0.0, 1.0), message="mask rate: t belongs to the example")


@points(0.5)
def test_masked_tokens_are_replaced_and_no_others(rng):
    """Tokens with u < t become the mask, also when batch and length agree; inputs are left unchanged."""
    b = rng.size(10, 14)
    x, t = torch.randint(4, (b, b), generator=rng), torch.rand(b, generator=rng)
    u = torch.rand(b, b, generator=rng)
    t[-1] = u[-1].min() / 2  # so small that nothing is masked in its example
    xt, is_masked = assert_inputs_unchanged(mask_tokens, x, t, u, 9)
    hidden = torch.stack([u[i] < float(t[i]) for i in range(b)])
    assert_close(is_masked, hidden, "broadcasting: a token is masked exactly if u < t, with the t of its example")
    assert_close(xt[hidden], torch.full_like(xt[hidden], 9), "Masked tokens become mask_id")
    assert_close(xt[~hidden], x[~hidden], "Tokens that are not masked stay as they are")
    edge = mask_tokens(x, u[:, 0].clone(), u, 9)[1]
    assert not bool(edge[:, 0].any()), "A token is masked only if u is strictly below t"


### END HIDDEN TESTS

# %% [markdown]
# ### What the network says
#
# The given networks output one logit for *every* symbol, the mask included: `(B, L, V+1)`. But no token is ever "mask",
# so that column must get probability zero before anything is normalised or sampled. A model that may answer "mask"
# loses likelihood, and its samples keep holes.


# %% solution="4.5b"
def token_log_probs(logits: Tensor, mask_id: int) -> Tensor:
    """Return log-probabilities over symbols, with the mask excluded: (..., V+1) -> (..., V+1), -inf at `mask_id`."""
    ### BEGIN SOLUTION
    excluded = torch.arange(logits.shape[-1], device=logits.device) == mask_id
    return logits.masked_fill(excluded, -math.inf).log_softmax(-1)
    ### END SOLUTION


# %% tests="4.5b"
@core
@points(0.5)
def test_mask_has_no_probability(rng):
    """The mask, whichever symbol it is, has probability 0, and those of the tokens sum to one."""
    b, length, v = rng.size(1, 3), rng.size(7, 9), rng.size(2, 5)
    for mask_id in (v, rng.size(0, v - 1)):
        p = token_log_probs(3 * torch.randn(b, length, v + 1, generator=rng), mask_id).exp()
        assert_close(p[..., mask_id], torch.zeros(b, length), "mask_id: this symbol, the mask, is never the answer")
        assert_close(p.sum(-1), torch.ones(b, length), "normalised: the probabilities of the tokens sum to one")


### BEGIN HIDDEN TESTS
@points(0.5)
def test_tokens_keep_their_odds(rng):
    """Tokens keep the odds of their logits, however large; the mask may be any symbol; inputs stay."""
    v, mask = rng.size(3, 5), 1
    logits = torch.randn(2, v, generator=rng)
    log_p = assert_inputs_unchanged(token_log_probs, logits, mask)
    tokens = [i for i in range(v) if i != mask]
    odds = log_p[:, tokens] - log_p[:, tokens[:1]]
    assert_close(
        odds, logits[:, tokens] - logits[:, tokens[:1]], "Excluding the mask must not change the odds of tokens"
    )
    assert bool((log_p[:, mask] == -math.inf).all()), "The log-probability of the mask is minus infinity"
    moved = token_log_probs(logits + 5000.0, mask)[:, tokens]
    assert_close(moved, log_p[:, tokens], "stable: a constant on all logits changes nothing", atol=1e-5)
    assert_gradients_match(lambda z: token_log_probs(z, mask)[:, tokens], logits)
    assert token_log_probs(logits.float(), mask).dtype == torch.float32, "float32 in, float32 out"


### END HIDDEN TESTS

# %% [markdown]
# ### The bound
#
# One draw of the integrand of W4.5; its expectation over $t$ and $u$ is an upper bound on the negative log-likelihood:
#
# $$\ell(x;t,u)=\frac1t\sum_{i:\,x_{t,i}=\texttt{mask}}-\log p_\theta(x_i\mid x_t). \tag{4.17}$$
#
# | symbol | variable | shape | dtype |
# |---|---|---|---|
# | $p_\theta(\cdot\mid x_t)$ | `model(xt)`, logits | `(B, L)` → `(B, L, V+1)` | floating |
# | $x$; $t$; $u$ | `x`; `t`, positive; `u` | `(B, L)`; `(B,)`; `(B, L)` | long; floating |
# | $\ell$ | returned, nats per *sequence* | `(B,)` | floating |
#
# It is tempting to average over the masked tokens instead of dividing by $t$. That is a fine way to train (BERT did)
# and no bound on anything.


# %% solution="4.5c"
def mdlm_nelbo(model, x: Tensor, t: Tensor, u: Tensor, mask_id: int) -> Tensor:
    """Return one draw of the negative ELBO per sequence in nats, equation (4.17): (B,). `model(xt)` gives logits."""
    ### BEGIN SOLUTION
    xt, is_masked = mask_tokens(x, t, u, mask_id)
    log_p = token_log_probs(model(xt), mask_id).gather(-1, x.unsqueeze(-1)).squeeze(-1)
    return -torch.where(is_masked, log_p, torch.zeros_like(log_p)).sum(1) / t
    ### END SOLUTION


# %% tests="*"
class ExactConditionals:
    """The best possible network for a random law on sequences: logits (B, L, V+1) of p(x_i | unmasked tokens).

    The mask is symbol V, and its logit is a random number that means nothing.
    """

    def __init__(self, rng, length, v):
        self.length, self.v, self.seen = length, v, []
        self.states = torch.cartesian_prod(*[torch.arange(v)] * length).reshape(-1, length)
        pairs = (self.states[:, 1:] == self.states[:, :-1]).sum(1)  # neighbours like to agree
        self.joint = torch.softmax(2.0 * pairs + torch.randn(len(self.states), generator=rng), 0)
        self.noise = 2 * torch.randn(length, generator=rng)

    def probs(self, xt):
        """p(x_i = v | unmasked tokens of xt): (B, L) -> (B, L, V)."""
        fits = ((xt.unsqueeze(1) == self.states) | (xt.unsqueeze(1) == self.v)).all(-1).to(self.joint.dtype)
        weight = fits * self.joint
        weight = weight / weight.sum(1, keepdim=True)
        return torch.stack([weight @ (self.states == k).to(weight.dtype) for k in range(self.v)], dim=-1)

    def __call__(self, xt):
        self.seen.append(xt.clone())
        extra = self.noise.expand(len(xt), self.length).unsqueeze(-1)
        return torch.cat([self.probs(xt).clamp(min=1e-300).log(), extra], dim=-1)


# %% tests="4.5c"
@core
@points(0.75)
def test_uniform_network_pays_log_v_per_token(rng):
    """A network that knows nothing pays log V for each masked token, over the time t of the sequence."""
    b, length, v = rng.size(2, 4), rng.size(7, 9), rng.size(2, 5)
    x, u = torch.randint(v, (b, length), generator=rng), torch.rand(b, length, generator=rng)
    t = 0.3 + 0.4 * torch.rand(b, generator=rng)
    u[:, 0], u[:, 1:3] = 0.1, 0.9
    hidden = u < t.unsqueeze(1)
    count, cost = hidden.sum(1), math.log(v)
    model = Recorder(lambda xt: torch.zeros(*xt.shape, v + 1))
    found = mdlm_nelbo(model, x, t, u, v)
    slips = {
        "weight 1/t: a mask that covers a share t counts 1/t times": count * cost,
        "weight 1/t, not 1/(1 - t)": count * cost / (1 - t),
        "weight 1/t: a mean over the masked tokens is no bound": torch.full((b,), cost),
        "masked tokens only: revealed ones cost nothing": length * cost / t,
        "per sequence: sum over its tokens, no mean": count * cost / t / length,
        "mask_id: the mask is never the answer, exclude it": count * math.log(v + 1) / t,
        "sign: minus the log-probability": -count * cost / t,
    }
    name_the_slip(found, slips)
    assert_close(found, count * cost / t, "weight 1/t: each sequence pays log V per masked token, over its own t")
    assert_close(model.calls[0][0], torch.where(hidden, v, x), "leak: the network sees x_t, with the masks, not x")


### BEGIN HIDDEN TESTS
@points(1)
def test_bound_is_exact_for_exact_conditionals(rng):
    """With exact conditionals, the average over all masks and times is -log p(x) for every x."""
    length, v = 3, 2
    world = ExactConditionals(rng, length, v)
    nodes = [0.5 - 0.5 * math.sqrt(0.6), 0.5, 0.5 + 0.5 * math.sqrt(0.6)]  # Gauss-Legendre: exact up to degree five
    masks = torch.cartesian_prod(*[torch.tensor([0, 1])] * length)
    rows, times, marks, weights = [], [], [], []
    for node, share in zip(nodes, (5 / 18, 8 / 18, 5 / 18), strict=True):
        for mask in masks:
            k = int(mask.sum())
            rows.append(world.states)
            times += [node] * len(world.states)
            marks.append((1.0 - mask.double() * 0.9999999).expand(len(world.states), length))
            weights += [share * node**k * (1 - node) ** (length - k)] * len(world.states)
    draws = mdlm_nelbo(world, torch.cat(rows), torch.tensor(times), torch.cat(marks), v)
    average = (draws * torch.tensor(weights)).reshape(-1, len(world.states)).sum(0)
    assert_close(average, -world.joint.log(), "weight 1/t: the average over times and masks should be -log p(x)")


@points(0.5)
def test_only_masked_tokens_count(rng):
    """Revealed tokens cost nothing, each masked one costs its own negative log-probability over t."""
    b, length, v = rng.size(2, 3), rng.size(3, 5), 3
    mask = rng.size(0, v - 1)
    tokens = torch.tensor([k for k in range(v + 1) if k != mask])
    answer, u = torch.randint(v, (b, length), generator=rng), torch.rand(b, length, generator=rng)
    x, t = tokens[answer], 0.3 + 0.6 * torch.rand(b, generator=rng)
    u[:, 0], u[0, 1], t[0] = 0.999, 0.0, 1e-4  # however small t is, a token may be masked
    logits = 20 * torch.randn(b, length, v + 1, generator=rng)  # a network that is nearly sure of itself
    logits[0, 1, x[0, 1]] = -90.0  # and wrong
    log_p = logits[..., tokens].log_softmax(-1)
    costs = []
    for i in range(b):
        costs.append(sum(-log_p[i, j, answer[i, j]] for j in range(length) if u[i, j] < t[i]) / t[i])
    found = assert_inputs_unchanged(mdlm_nelbo, lambda xt: logits, x, t, u, mask)
    message = "only masked tokens count, each over t; the mask may be any symbol, t small, and the network sure"
    assert_close(found, torch.stack([torch.as_tensor(c) for c in costs]), message)
    loud = logits + 50 * torch.randn(b, 1, v + 1, generator=rng) * (torch.arange(length) == 0).unsqueeze(-1)
    assert_close(mdlm_nelbo(lambda xt: loud, x, t, u, mask), found, "A revealed token adds to the loss")
    single = mdlm_nelbo(lambda xt: logits.float(), x, t.float(), u.float(), mask)
    assert single.dtype == torch.float32, "float32 in, float32 out"


class FreeLogits(nn.Module):
    """A network whose logits are its parameters."""

    def __init__(self, logits):
        super().__init__()
        self.logits = nn.Parameter(logits)

    def forward(self, xt):
        return self.logits


@points(0.25)
def test_bound_has_gradients(rng):
    """The gradient for the logits of a masked token is its probabilities minus the truth, over t; others have none."""
    x, u = torch.randint(2, (2, 3), generator=rng), torch.rand(2, 3, generator=rng)
    u[:, 0], u[:, 1] = 0.1, 0.95
    net, t = FreeLogits(torch.randn(2, 3, 3, generator=rng)), torch.tensor([0.6, 0.9])
    loss = mdlm_nelbo(net, x, t, u, 2).sum()
    assert loss.requires_grad, "no gradient reaches the network: was its answer detached?"
    (found,) = torch.autograd.grad(loss, [net.logits])
    p = net.logits.detach()[..., :2].softmax(-1)
    pull = (p - nn.functional.one_hot(x, 2)) * (u < t.unsqueeze(1)).unsqueeze(-1) / t.reshape(-1, 1, 1)
    expected = torch.cat([pull, torch.zeros(2, 3, 1)], -1)
    assert_close(found, expected, "The gradient for the logits: probabilities minus truth on masked tokens, over t")


### END HIDDEN TESTS

# %% [markdown]
# ### Backward: reveal
#
# Going from time $a$ down to $b<a$, each masked token is revealed with probability
#
# $$P(\text{reveal})=\frac{a-b}{a}, \tag{4.18}$$
#
# independently, and gets a value drawn from $p_\theta(\cdot\mid x_a)$; all tokens revealed in one step see the same
# $x_a$. Revealed tokens are never touched again. (Where does $a$ come from? A token is masked at $a$ with probability
# $a$, and at $b$ with probability $b$.) At $b=0$ everything is revealed.
#
# | symbol | variable | shape | dtype |
# |---|---|---|---|
# | $x_a$ | `xt` | `(B, L)` | long |
# | $a$, $b$ | `a`, `b` | numbers, $1\ge a>b\ge0$ | float |
# | randomness | `generator`, for every draw: `torch.rand(…, generator=generator)` says who is revealed, `torch.multinomial(p, 1, generator=generator)` wants `p` of shape (N, V + 1) | – | `torch.Generator` |
# | $x_b$ | returned | `(B, L)` | long |


# %% solution="4.5d"
@torch.no_grad()
def denoise_step(model, xt: Tensor, a: float, b: float, mask_id: int, generator: Generator | None = None) -> Tensor:
    """Return tokens at the earlier time `b` given those at `a`, equation (4.18): (B, L) -> (B, L) long."""
    ### BEGIN SOLUTION
    p = token_log_probs(model(xt), mask_id).exp()
    values = torch.multinomial(p.flatten(0, 1), 1, generator=generator).reshape(xt.shape)
    u = torch.rand(xt.shape, generator=generator, device=xt.device)
    reveal = (xt == mask_id) & (u < (a - b) / a)
    return torch.where(reveal, values, xt)
    ### END SOLUTION


# %% tests="4.5d"
@core
@points(0.5)
def test_last_step_reveals_everything_masked(rng):
    """A step to b = 0 reveals every masked token and changes no other, whichever symbol the mask is."""
    b, length, mask = rng.size(2, 3), rng.size(6, 8), rng.size(0, 2)
    others = torch.tensor([k for k in range(4) if k != mask])
    wanted, start = (others[torch.randint(3, (b, length), generator=rng)] for _ in range(2))
    wanted[:, :3] = others
    hidden = torch.arange(length) < 4
    xt = torch.where(hidden, mask, start)
    logits = 60.0 * (wanted.unsqueeze(-1) == torch.arange(4)) + 90.0 * (torch.arange(4) == mask)
    generator = Generator().manual_seed(rng.size(0, 10**6))
    found = assert_inputs_unchanged(denoise_step, lambda z: logits, xt, 0.5, 0.0, mask, generator)
    message = "leftover masks: for b = 0 the unmask probability (a - b) / a is 1, and the mask is never drawn"
    assert bool((found != mask).all()), message
    assert_close(found[:, 4:], xt[:, 4:], "revealed tokens stay as they are: only masked ones are drawn")
    assert_close(found, torch.where(hidden, wanted, xt), "Masked tokens get the network's token of their own place")


### BEGIN HIDDEN TESTS
@points(0.5)
def test_share_of_revealed_tokens(rng):
    """Each masked token is revealed with probability (a - b) / a, independently of the others."""
    a = 0.4 + 0.4 * float(torch.rand((), generator=rng))
    b = a * (0.58 + 0.12 * float(torch.rand((), generator=rng)))
    xt = torch.full((600, 12), 2)
    generator = Generator().manual_seed(rng.size(0, 10**6))
    found = denoise_step(lambda z: torch.zeros(*z.shape, 3), xt, a, b, 2, generator)
    assert found.shape == xt.shape, "x_b has the shape of x_a"
    revealed = (found != 2).double()
    message = "unmask probability: (a - b) / a of the masked tokens are revealed"
    assert_mean_close(revealed.flatten(), (a - b) / a, bounds=(0.0, 1.0), message=message)
    spread = float(revealed.mean(1).std())
    assert spread > 0.02, "Tokens are revealed one by one, not a fixed share of each sequence"
    assert spread < 0.3, "Tokens of one sequence are revealed independently, not all together"


@points(0.75)
def test_revealed_values_follow_the_network(rng):
    """Revealed tokens have the network's probabilities given what is visible; visible ones never change."""
    n, k = 6000, rng.size(0, 2)
    p = torch.tensor([0.1, 0.25, 0.65])
    places = torch.stack([p, p, p.roll(1)]).log()
    xt = torch.tensor([3, k, 3]).repeat(n, 1)
    same = []

    def model(z):  # what is likely depends on the visible token; the mask has a loud logit that means nothing
        same.append(bool((z == xt[:1]).all()))
        tokens = places.roll(int(z[0, 1]), 1)
        return torch.cat([tokens, torch.full((3, 1), 4.0)], 1).expand(len(z), 3, 4)

    generator = Generator().manual_seed(rng.size(0, 10**6))
    found = denoise_step(model, xt, 0.3, 0.0, 3, generator)
    assert found.shape == xt.shape, "x_b has the shape of x_a"
    assert bool((found[:, 1] == k).all()), "A visible token was changed"
    exact = torch.outer(p.roll(k), p.roll(k + 1)).flatten()
    counts = torch.bincount(3 * found[:, 0] + found[:, 2], minlength=9)
    assert_probs(counts, exact, message="Tokens revealed in one step are drawn independently from the network's law")
    half = denoise_step(model, xt, 0.5, 0.2, 3, generator)
    half = half[(half != 3).all(1)]  # here the step happens to reveal all
    counts = torch.bincount(3 * half[:, 0] + half[:, 2], minlength=9)
    assert_probs(counts, exact, message="Whether a token is revealed says nothing about its value: draw both apart")
    assert all(same), "all tokens revealed in one step see the same x_a: the network was shown some of them"


@points(0.25)
def test_generator_decides_every_draw(rng):
    """Generators in equal states give equal steps: nothing is drawn from elsewhere."""
    seed, xt = rng.size(0, 10**6), torch.full((40, 10), 2)
    one, other = (
        denoise_step(lambda z: torch.zeros(*z.shape, 3), xt, 0.8, 0.4, 2, Generator().manual_seed(seed))
        for _ in range(2)
    )
    assert bool((one == other).all()), "generator: pass it to every draw, or runs cannot be repeated"
    generator = Generator().manual_seed(seed)
    first, second = (denoise_step(lambda z: torch.zeros(*z.shape, 3), xt, 0.8, 0.4, 2, generator) for _ in range(2))
    assert not bool((first == second).all()), "generator: draw from it; with a copy of it every step is the same"
    free = denoise_step(lambda z: torch.zeros(*z.shape, 3), xt, 0.8, 0.0, 2)
    assert bool((free != 2).all()), "generator: without one, a step to b = 0 reveals everything too"


### END HIDDEN TESTS


# %% [markdown]
# From nothing to a sequence: start with masks only and take `steps` equal steps from $t=1$ to $t=0$.


# %% solution="4.5e"
@torch.no_grad()
def mdlm_sample(model, n: int, L: int, mask_id: int, steps: int, generator: Generator | None = None) -> Tensor:
    """Return `n` sequences of `L` tokens, (n, L) long, by `steps` equal steps of `denoise_step` from time 1 to 0."""
    ### BEGIN SOLUTION
    x = torch.full((n, L), mask_id, device=None if generator is None else generator.device)
    for k in range(steps, 0, -1):
        x = denoise_step(model, x, k / steps, (k - 1) / steps, mask_id, generator)
    return x
    ### END SOLUTION


# %% tests="4.5e"
@core
@points(0.5)
def test_samples_are_complete(rng):
    """From masks only, a few tokens at a time are revealed until none is left, and they come as (n, L) tokens."""
    n, length, steps = rng.size(6, 8), rng.size(9, 12), rng.size(2, 4)
    wanted = torch.randint(3, (n, length), generator=rng)
    model = Recorder(lambda xt: 60.0 * (wanted.unsqueeze(-1) == torch.arange(4)))
    x = mdlm_sample(model, n, length, 3, steps, Generator().manual_seed(rng.size(0, 10**6)))
    assert tuple(x.shape) == (n, length), f"(n, L): one row per sequence, expected {(n, length)}, got {tuple(x.shape)}"
    assert bool((x != 3).all()), "leftover masks: every token is revealed at the end"
    assert_close(x, wanted, "Tokens come from the network")
    assert bool((model.calls[0][0] == 3).all()), "start: with masks only, random tokens are not noise for this model"
    assert len(model.calls) > 1, "steps: one step reveals everything at once, as if tokens were independent"
    later = model.calls[1][0]
    assert bool((later != 3).any()), "visible: what was revealed in one step is shown to the network in the next"
    assert bool((later == 3).any()), "time: from 1 down to 0, so that the first step reveals a share 1/steps only"
    assert mdlm_sample(model, n, length, 3, 1).shape == x.shape, "A single step, without a generator, works too"


### BEGIN HIDDEN TESTS
@points(0.25)
def test_every_step_reveals_its_share(rng):
    """Each step reveals the share 1/steps of all tokens, and a generator in the same state gives the same samples."""
    seed, steps, length = rng.size(0, 10**6), rng.size(4, 5), rng.size(10, 12)
    model = Recorder(lambda xt: torch.zeros(*xt.shape, 4))
    x, again = (mdlm_sample(model, 200, length, 3, steps, Generator().manual_seed(seed)) for _ in range(2))
    seen = [call[0] for call in model.calls]
    first_run = seen[: len(seen) // 2]
    assert_even_unmasking([*first_run, x], torch.ones(200, length, dtype=torch.bool), 3, steps)
    counts = torch.bincount(x[first_run[-1] == 3], minlength=3)
    assert_probs(counts, torch.ones(3) / 3, message="The tokens of the last step are drawn like all others")
    assert bool((x == again).all()), "generator: pass it to every draw, or runs cannot be repeated"
    other = mdlm_sample(model, 200, length, 3, steps, Generator().manual_seed(seed + 1))
    assert not bool((x == other).all()), "generator: another seed gives other samples"


@points(0.25)
def test_twins_differ_only_if_revealed_together(rng):
    """Two tokens that must agree differ only if one step reveals both, which happens to 1 of `steps` pairs."""
    n, steps, p = 1500, rng.size(3, 4), torch.tensor([0.3, 0.7])

    def twins(xt):
        other = xt.flip(1).unsqueeze(-1)
        tokens = torch.where(other < 2, 60.0 * (other == torch.arange(2)), p.log())
        return torch.cat([tokens, torch.zeros(len(xt), 2, 1)], -1)

    x = mdlm_sample(twins, n, 2, 2, steps, Generator().manual_seed(rng.size(0, 10**6)))
    assert tuple(x.shape) == (n, 2), "n sequences of the asked length are returned"
    exact = (1 - 1 / steps) * torch.diag(p) + torch.outer(p, p) / steps
    counts = torch.bincount(2 * x[:, 0] + x[:, 1], minlength=4)
    assert_probs(
        counts, exact.flatten(), message="What is visible decides what is drawn next: pairs do not follow their law"
    )


### END HIDDEN TESTS

# %% [markdown]
# **Infilling** is the same, started from what is known. No retraining, no trick: an order that reveals the known tokens
# first is one of the orders the model was trained on. (An autoregressive model cannot do this. Why?)


# %% solution="4.5f"
@torch.no_grad()
def infill(model, x: Tensor, known: Tensor, mask_id: int, steps: int, generator: Generator | None = None) -> Tensor:
    """Return `x` with the tokens that are not `known` drawn anew, in `steps` steps from time 1 to 0: (B, L) long.

    `x` is (B, L) long; `known` (B, L) bool. Tokens of `x` that are not known play no part.
    """
    ### BEGIN SOLUTION
    filled = torch.where(known, x, torch.full_like(x, mask_id))
    for k in range(steps, 0, -1):
        filled = denoise_step(model, filled, k / steps, (k - 1) / steps, mask_id, generator)
    return filled
    ### END SOLUTION


# %% tests="4.5f"
@core
@points(0.5)
def test_known_tokens_stay(rng):
    """Known tokens stay and are shown to the network, the others are masked and filled in, and no mask is left."""
    b, length, steps = rng.size(6, 8), rng.size(9, 12), rng.size(2, 4)
    x, wanted = (torch.randint(3, (b, length), generator=rng) for _ in range(2))
    known = torch.rand(b, length, generator=rng) < 0.4
    known[0, 0], known[0, 1] = True, False
    model = Recorder(lambda xt: 60.0 * (wanted.unsqueeze(-1) == torch.arange(4)))
    generator = Generator().manual_seed(rng.size(0, 10**6))
    filled = assert_inputs_unchanged(infill, model, x, known, 3, steps, generator)
    assert_close(filled[known], x[known], "known tokens stay as they are")
    assert bool((filled != 3).all()), "leftover masks: unknown tokens are filled in"
    assert_close(filled, torch.where(known, x, wanted), "unknown tokens are masked first, then drawn from the network")
    assert_close(
        model.calls[0][0], torch.where(known, x, 3), "visible: the network sees the known tokens from the start"
    )


### BEGIN HIDDEN TESTS
@points(0.25)
def test_unknown_tokens_are_revealed_evenly(rng):
    """Each step reveals the share 1/steps of the unknown tokens; a generator in the same state fills in the same."""
    seed, steps, length = rng.size(0, 10**6), rng.size(4, 5), rng.size(10, 12)
    x, known = torch.randint(3, (250, length), generator=rng), torch.rand(250, length, generator=rng) < 0.3
    model = Recorder(lambda xt: torch.zeros(*xt.shape, 4))
    filled, again = (infill(model, x, known, 3, steps, Generator().manual_seed(seed)) for _ in range(2))
    seen = [call[0] for call in model.calls]
    assert_even_unmasking([*seen[: len(seen) // 2], filled], ~known, 3, steps)
    counts = torch.bincount(filled[seen[len(seen) // 2 - 1] == 3], minlength=3)
    assert_probs(counts, torch.ones(3) / 3, message="The tokens of the last step are drawn like all others")
    assert bool((filled == again).all()), "generator: pass it to every draw, or runs cannot be repeated"
    other = infill(model, x, known, 3, steps, Generator().manual_seed(seed + 1))
    assert not bool((filled == other).all()), "generator: another seed fills in other tokens"


@points(0.25)
def test_filling_is_conditional(rng):
    """What is filled in follows the conditional law given the known tokens; the old values play no part."""
    world, n = ExactConditionals(rng, 3, 2), 1000
    generator = Generator().manual_seed(rng.size(0, 10**6))
    x = torch.tensor([1, 0, 1]).repeat(n, 1)
    known = torch.tensor([True, True, False]).repeat(n, 1)
    world.seen.clear()
    filled = assert_inputs_unchanged(infill, world, x, known, 2, 3, generator)
    assert filled.shape == x.shape, "the filled sequences have the shape of x"
    assert_close(world.seen[0], torch.tensor([1, 0, 2]).repeat(n, 1), "Infilling starts with the known tokens visible")
    p = world.probs(torch.tensor([[1, 0, 2]]))[0, 2]
    counts = torch.bincount(filled[:, 2], minlength=2)
    assert_probs(counts, p, message="The filled-in token does not follow its law given the known ones")


### END HIDDEN TESTS

# %% [markdown]
# ### Experiment: promoters with a hairpin
#
# `HairpinDNA` makes sequences of 48 bases with a stem that must pair with its reverse complement; it knows its exact
# $\log p(x)$, so the entropy, **1.59 bits per base**, is a floor that no honest model can pass. Two networks of equal
# size (given): a bidirectional Transformer trained with your bound, and a causal one trained by maximum likelihood.
#
# **What to expect** (budget `cpu`, about four minutes of one core). Uniform guessing costs 2 bits; a model that only
# knows positions and neighbours 1.78. Masked diffusion: 1.78 after 1000 steps, **1.74 to 1.75** after 2000 (≤ 1.775 for
# full marks, ≤ 1.80 for half). The autoregressive model, with three quarters of the training: 1.78 after 300 steps,
# 1.72 after 600, **1.65** after 1500. Only one of the two has found the stem: why is pairing harder to learn when the
# partner is often masked? A loss *below* 1.59 is a bug: the network sees tokens that should be masked, or the weight
# $1/t$ is missing.

# %% experiment="4.5" cpu_minutes=4 t4_minutes=2
import matplotlib.pyplot as plt
from hairpin_dna import HairpinDNA
from hwkit import Checkpointer, device, fit, one_step_cpu_check, preset, savefig, set_seed

DIFFUSION_STEPS = preset(smoke=10, cpu=2000, gpu=6000)
AR_STEPS = preset(smoke=10, cpu=1500, gpu=4500)
TESTS = preset(smoke=50, cpu=2000, gpu=2000)
MASK, LENGTH = 4, 48
world = HairpinDNA()
train_dna, test_dna = (world.sample(n, torch.Generator().manual_seed(s)) for n, s in ((20_000, 1), (TESTS, 2)))
BITS = LENGTH * math.log(2)
oracle_bits = -float(world.log_prob(test_dna).mean()) / BITS
print(f"entropy on the test set: {oracle_bits:.3f} bits per base   (expected 1.59)")


class Bases(nn.Module):
    """A small Transformer over ACGT and one more symbol, 4 (mask, or beginning): (B, L) -> logits (B, L, 5)."""

    def __init__(self, causal, width=64, heads=4, layers=2):
        super().__init__()
        self.causal = causal
        self.symbol, self.place = nn.Embedding(5, width), nn.Parameter(0.02 * torch.randn(LENGTH, width))
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(width, heads, 4 * width, 0.0, "gelu", batch_first=True, norm_first=True)
            for _ in range(layers)
        )
        self.out = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 5))

    def forward(self, x):
        length = x.shape[1]
        h = self.symbol(x) + self.place[:length]
        block_future = torch.full((length, length), -math.inf, device=x.device).triu(1) if self.causal else None
        for block in self.blocks:
            h = block(h, src_mask=block_future)
        return self.out(h)


def ar_log_prob(model, x):
    """Log-probability of whole sequences under a causal model: (B, L) -> (B,)."""
    shifted = torch.cat([torch.full_like(x[:, :1], MASK), x[:, :-1]], 1)
    return model(shifted)[..., :4].log_softmax(-1).gather(-1, x.unsqueeze(-1)).squeeze(-1).sum(1)


def bound(model, x):
    """One draw of the bound per sequence, with times spread evenly over the batch."""
    t = (torch.rand(1) + torch.arange(len(x)) / len(x)) % 1 * 0.999 + 0.001
    return mdlm_nelbo(model, x, t.to(x.device), torch.rand(x.shape, device=x.device), MASK)


def train_bases(model, loss_of, steps, name, band):
    """Train a model of bases; return it with one dict of bits per base per tenth of the training."""
    set_seed(0)

    def update(optimizer, data):
        loss = loss_of(model, data[torch.randint(len(data), (64,), device=data.device)]).mean() / BITS
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return loss

    trial = torch.optim.AdamW(model.parameters(), lr=1e-3)
    one_step_cpu_check(lambda: update(trial, train_dna), model, optimizer=trial)
    model.to(device())
    where = next(model.parameters()).device
    data, test = train_dna.to(where), test_dna.to(where)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps + 1, pct_start=0.1)
    each = max(1, steps // 10)

    def tenth():
        for _ in range(each):
            update(optimizer, data)
            schedule.step()
        model.eval()
        with torch.no_grad():
            value = sum(float(loss_of(model, test).mean()) for _ in range(4)) / 4 / BITS
        model.train()
        return {"bits per base": value}

    saved = Checkpointer(
        f"{name}.pt", model=model, optimizer=optimizer, schedule=schedule, config={"steps": steps, "name": name}
    )
    history = fit(tenth, steps // each, checkpoint=saved, label=name, expect=preset(smoke=None, cpu=band))
    return model.eval(), history


set_seed(6)
denoiser, denoiser_curve = train_bases(
    Bases(False), bound, DIFFUSION_STEPS, "masked", {5: (1.7, 1.82), 10: (1.65, 1.80)}
)
writer, writer_curve = train_bases(Bases(True), lambda m, x: -ar_log_prob(m, x), AR_STEPS, "causal", {10: (1.6, 1.72)})

# %% [markdown]
# **Samples, and a hole to fill.** New sequences are scored by the oracle: the closer $-\log_2 p$ per base
# is to 1.59, the better. Expect about 2.03 for 4, 16 or 48 steps (the stem is often wrong). Then take test sequences,
# hide the closing stem, and fill it in: what share of the 6 bases is the complement that it should be? Expect about
# 0.33; guessing gives 0.25, the truth 0.98. If yours stays at 0.25, the network does not see the known tokens.

# %% experiment="4.5"
SAMPLES = preset(smoke=20, cpu=1000, gpu=1000)
where = next(denoiser.parameters()).device
generator = torch.Generator(device=where).manual_seed(7)
for steps in (4, 16, 48):
    drawn = mdlm_sample(denoiser, SAMPLES, LENGTH, MASK, steps, generator).cpu()
    print(f"{steps:2d} steps: {-float(world.log_prob(drawn).mean()) / BITS:.2f} bits per base under the oracle")

chosen = test_dna[:SAMPLES]
scores = []
for loop in (3, 4, 5, 6):  # the loop whose closing stem fits best tells where the stem is
    closing = chosen[:, 20 + loop : 26 + loop]
    scores.append((closing == 3 - chosen[:, 14:20].flip(1)).float().mean(1))
loops = torch.stack(scores, 1).argmax(1) + 3
place = torch.arange(LENGTH)
hole = (place >= (20 + loops).unsqueeze(1)) & (place < (26 + loops).unsqueeze(1))
filled = infill(denoiser, chosen.to(where), ~hole.to(where), MASK, 24, generator).cpu()
partner = 3 - chosen[:, 14:20].flip(1)
paired = float((filled[hole].reshape(-1, 6) == partner).float().mean())
print(f"share of filled-in bases that pair with the stem: {paired:.2f}")
print(world.text(chosen[:1])[0], "  truth", world.text(filled[:1])[0], "  filled in", sep="\n")

# %% [markdown] figure="F4.5" points=3
# **A bound and a likelihood.** Test bits per base of both models against the share of training done, with lines for the
# entropy (1.59), for the positional bigram (1.778) and for uniform guessing (2). In four or five sentences: what do the
# two numbers at the end measure, and why is the comparison not quite fair? What share of the hole did the model fill
# with the right partner? Give one use in biology for which you would take masked diffusion, and one for which you would
# take the causal model.
#
# Caption: Bits per base of masked diffusion (bound) and of an autoregressive model on HairpinDNA.
#
# ### BEGIN MARK SCHEME
# - (1) both curves with the three lines; the bound at 1.775 or below (half a mark up to 1.80), and nothing below 1.59
# - (1) a bound against an exact likelihood; different amounts of training; masked partners make the stem harder
# - (1) reports the share of paired bases, and gives two sensible uses (filling in or editing; scoring or fast ranking)
# ### END MARK SCHEME

# %% experiment="4.5"
fig, axis = plt.subplots(figsize=(6.5, 4))
for curve, style, label in ((denoiser_curve, "-", "masked diffusion (bound)"), (writer_curve, "--", "autoregressive")):
    share = [row["step"] / len(curve) for row in curve]
    axis.plot(share, [row["bits per base"] for row in curve], style, linewidth=2, label=label)
for level, label in ((oracle_bits, "entropy"), (1.778, "positional bigram"), (2.0, "uniform")):
    axis.axhline(level, color="#555555", linewidth=1)
    axis.annotate(label, (1, level), ha="right", va="bottom", color="#555555")
axis.set(xlabel="share of training", ylabel="bits per base (test)", ylim=(1.55, 2.1))
axis.legend(loc="upper center")
savefig(
    "F4.5",
    fig,
    alt="Two falling curves of bits per base between the lines of uniform guessing and of the entropy.",
    answer="Replace this sentence by your four or five sentences.",
)

# %% [markdown] problem="4.6" minutes=100
# ## Problem 4.6: Control
#
# A generator imitates its data. Now somebody gives a *reward*: bind this protein, please this reader. How far should
# the model move? The answer is one line of Bayes' rule, and the same line is behind the fine-tuning of language models.

# %% [markdown] written="W4.6" points=5 pages=1
# **Control as inference.** Let $\pi_0$ be a reference law, $r(x)$ a reward and $\beta>0$, and
# $J(\pi)=E_\pi[r(x)]-\beta\,KL(\pi\,\|\,\pi_0)$.
#
# (a) Show that $J$ is maximal at $\pi^*(x)=\pi_0(x)e^{r(x)/\beta}/Z$, and that $J(\pi^*)=\beta\log Z$ with
# $Z=E_{\pi_0}e^{r/\beta}$. What happens as $\beta\to\infty$ and as $\beta\to0$?
#
# (b) For a parametric $\pi_\theta$ show that $\nabla
# J=E_{\pi_\theta}\left[\left(r(x)-\beta\log\frac{\pi_\theta(x)}{\pi_0(x)}\right)\nabla\log\pi_\theta(x)\right]$, that
# is, the policy gradient with the divergence folded into the reward, and nothing else.
#
# (c) Read the $T$ steps of a DDPM sampler as a Markov decision process: state, action, policy, reward. Write its policy
# gradient. Why does it not need a differentiable reward, nor back-propagation through the chain?
#
# ### BEGIN SOLUTION
# (a) Insert $\log\pi^*=\log\pi_0+r/\beta-\log Z$, that is $r=\beta(\log\pi^*-\log\pi_0+\log Z)$:
#
# $$J(\pi)=E_\pi\left[\beta\log\frac{\pi^*}{\pi_0}+\beta\log Z-\beta\log\frac{\pi}{\pi_0}\right]
#   =\beta\log Z-\beta\,KL(\pi\,\|\,\pi^*)\le\beta\log Z,$$
#
# with equality only at $\pi=\pi^*$. As $\beta\to\infty$, $e^{r/\beta}\to1$ and $\pi^*\to\pi_0$; as $\beta\to0$ the mass
# of $\pi^*$ concentrates where $r$ is largest on the support of $\pi_0$, and $J(\pi^*)\to\max r$.
#
# (b) With $R_\theta=r-\beta\log(\pi_\theta/\pi_0)$, $J=\sum_x\pi_\theta R_\theta$ and
# $\nabla J=\sum_xR_\theta\nabla\pi_\theta+\sum_x\pi_\theta\nabla R_\theta
# =E_{\pi_\theta}[R_\theta\nabla\log\pi_\theta]-\beta E_{\pi_\theta}[\nabla\log\pi_\theta]$. The last expectation is
# $\sum_x\nabla\pi_\theta=\nabla1=0$.
#
# (c) State $(x_t,t)$ (and the label), action $x_{t-1}$, policy $p_\theta(x_{t-1}\mid x_t)=N(\mu_\theta,\tilde\beta_t)$,
# reward $r(x_0)$ after the last step and zero before. Then $\log\pi_\theta$ of a trajectory is $\sum_t\log
# p_\theta(x_{t-1}\mid x_t)$ up to the law of $x_T$, which has no parameters, and $\nabla
# E\,r=E\left[r(x_0)\sum_t\nabla\log p_\theta(x_{t-1}\mid x_t)\right]$. The reward enters as a number, so it may be a
# laboratory; the sampled states are constants, so each step is differentiated alone, with memory for one step at a
# time. (A step without noise has no likelihood. So the sampler must be stochastic, $\eta>0$, and the very last step,
# whose $\tilde\beta$ is 0, gets a small variance or counts as a part of the reward.)
# ### END SOLUTION
#
# ### BEGIN MARK SCHEME
# - (1) (a) completes the divergence and concludes optimality (a Lagrange multiplier will do if the maximum is argued)
# - (1) (a) value $\beta\log Z$ and both limits (value only: half)
# - (1) (b) product rule, and the score with expectation zero (without the term $-\beta E[\nabla\log\pi_\theta]$: no mark)
# - (1) (c) names state, action, policy and reward, and writes the gradient as a sum over steps
# - (1) (c) explains both: the reward is a number, the states are constants
# ### END MARK SCHEME

# %% [markdown]
# ### The best policy, where everything can be listed
#
# With finitely many outcomes, the optimum of W4.6 (a) is a tilted softmax:
#
# $$\log\pi^*(x)=\log\pi_0(x)+\frac{r(x)}{\beta}-\log\sum_{x'}\pi_0(x')\,e^{r(x')/\beta}. \tag{4.19}$$
#
# | symbol | variable | shape | dtype |
# |---|---|---|---|
# | $\log\pi_0$, $r$ | `ref_logp`, `r` | `(N,)`, one per outcome | floating |
# | $\beta$ | `beta`, positive, possibly tiny | number | float |
# | $\log\pi^*$ | returned | `(N,)` | same |


# %% solution="4.6a"
def kl_optimal_policy(ref_logp: Tensor, r: Tensor, beta: float) -> Tensor:
    """Return the log-probabilities of the policy with the best reward minus beta KL, equation (4.19): (N,). Stable."""
    ### BEGIN SOLUTION
    return (ref_logp + r / beta).log_softmax(0)
    ### END SOLUTION


# %% tests="4.6a"
@core
@points(0.5)
def test_reward_tilts_the_reference(rng):
    """The odds of two outcomes are the reference's, times e to the difference of rewards over beta."""
    n, beta = rng.size(2, 6), 0.5 + float(torch.rand((), generator=rng))
    ref = torch.randn(n, generator=rng).log_softmax(0)
    r = torch.randn(n, generator=rng)
    log_p = kl_optimal_policy(ref, r, beta)
    assert_close(log_p.exp().sum(), torch.tensor(1.0), "The policy is normalised: its probabilities sum to one")
    tilt = (log_p - ref) - (log_p - ref)[0]
    assert_close(tilt * beta, r - r[0], "r / beta: the tilt of the reference is the reward over beta")


### BEGIN HIDDEN TESTS
@points(0.75)
def test_value_is_beta_log_z(rng):
    """The policy attains beta log Z, and no other policy does better."""
    n, beta = rng.size(3, 8), 0.2 + float(torch.rand((), generator=rng))
    ref, r = torch.randn(n, generator=rng).log_softmax(0), 2 * torch.randn(n, generator=rng)

    def value(log_p):
        return (log_p.exp() * (r - beta * (log_p - ref))).sum()

    best = value(kl_optimal_policy(ref, r, beta))
    assert_close(best, beta * torch.log((ref.exp() * torch.exp(r / beta)).sum()), "The optimum is beta log Z")
    others = torch.randn(100, n, generator=rng).log_softmax(1)
    assert bool((torch.stack([value(other) for other in others]) <= best + 1e-9).all()), "Another policy does better"


@points(0.75)
def test_limits_of_beta(rng):
    """Large beta gives the reference back, tiny beta the best outcome, without overflow; inputs stay."""
    n = rng.size(3, 6)
    ref, r = torch.randn(n, generator=rng).log_softmax(0), torch.randn(n, generator=rng)
    assert_close(kl_optimal_policy(ref, r, 1e9), ref, "beta to infinity: the reference")
    greedy = assert_inputs_unchanged(kl_optimal_policy, ref, r + 3, 1e-4)
    assert_finite(greedy, "overflow: stay in log space for small beta")
    assert int(greedy.argmax()) == int(r.argmax()), "beta to zero: all weight on the highest reward"
    moved = kl_optimal_policy(ref, r + 5000.0, 0.5)
    assert_close(moved, kl_optimal_policy(ref, r, 0.5), "overflow: a constant on all rewards changes nothing")
    rare = torch.cat([torch.tensor([-900.0]), ref])  # the best reward is where the reference hardly ever goes
    found = kl_optimal_policy(rare, torch.cat([torch.tensor([1.0]), 0 * ref]), 1e-4)
    assert_close(found[1:] - found[0], ref + 900 - 1e4, "underflow: stay in log space for rare outcomes")
    assert_close(float(found[0]), 0.0, "The policy is normalised: its probabilities sum to one")
    assert_gradients_match(lambda a, b: kl_optimal_policy(a, b, 0.7), ref, r)
    assert kl_optimal_policy(ref.float(), r.float(), 0.5).dtype == torch.float32, "float32 in, float32 out"


### END HIDDEN TESTS

# %% [markdown]
# ### When it cannot be listed: policy gradients
#
# Draw $K$ outcomes, and compare each with the *others* (leave-one-out baseline, HW2):
#
# $$A_k=R_k-\frac{1}{K-1}\sum_{j\ne k}R_j. \tag{4.20}$$
#
# Subtracting the mean of all $K$, itself included, would scale the gradient by $(K-1)/K$; dividing by the standard
# deviation, as many implementations do, makes it biased for every $K$.


# %% solution="4.6b"
def rloo_advantage(rewards: Tensor) -> Tensor:
    """Return each reward minus the mean of the other rewards, equation (4.20): (K,) -> (K,), K at least 2."""
    ### BEGIN SOLUTION
    return rewards - (rewards.sum() - rewards) / (len(rewards) - 1)
    ### END SOLUTION


# %% tests="4.6b"
@core
@points(0.5)
def test_two_outcomes_are_compared_with_each_other(rng):
    """With two draws, the advantages are the difference of the rewards and its negative."""
    a, b = torch.randn(2, generator=rng)
    found = rloo_advantage(torch.stack([a, b]))
    assert_close(found, torch.stack([a - b, b - a]), "leave one out: compare with the others, not with the mean of all")


### BEGIN HIDDEN TESTS
@points(0.5)
def test_baseline_leaves_the_draw_out(rng):
    """The baseline of a draw does not depend on its own reward; advantages sum to zero; inputs stay."""
    k = rng.size(3, 7)
    rewards = torch.randn(k, generator=rng)
    rewards[1] = rewards[0]
    found = assert_inputs_unchanged(rloo_advantage, rewards)
    others = torch.stack([rewards[torch.arange(k) != i].mean() for i in range(k)])
    assert_close(found, rewards - others, "leave one out: the baseline is the mean of all other draws, equal ones too")
    i = rng.size(0, 2)
    raised = rewards.clone()
    raised[i] += 1
    change = rloo_advantage(raised) - found
    assert_close(float(change[i]), 1.0, "leave one out: the baseline of a draw depends on its own reward")
    assert_close(float(change.sum()), 0.0, "The advantages sum to zero")
    assert_close(found + 0 * rewards, rloo_advantage(rewards + 5), "A constant on all rewards changes nothing")
    assert_gradients_match(rloo_advantage, rewards)
    assert rloo_advantage(rewards.float()).dtype == torch.float32, "float32 in, float32 out"


### END HIDDEN TESTS

# %% [markdown]
# By W4.6 (b) the divergence goes into the reward. What remains is a function whose *gradient* is the
# estimate; its value means nothing, and everything but $\log\pi_\theta$ is a constant in it:
#
# $$R_k=r_k-\beta\left(\log\pi_\theta(x_k)-\log\pi_0(x_k)\right),\qquad
#   S=-\frac1K\sum_{k=1}^K\operatorname{stop}(A_k)\,\log\pi_\theta(x_k),\qquad E[\nabla S]=-\nabla J. \tag{4.21}$$
#
# | symbol | variable | shape | dtype |
# |---|---|---|---|
# | $\log\pi_\theta(x_k)$ | `logp`, carries the gradient | `(K,)` | floating |
# | $\log\pi_0(x_k)$, $r_k$ | `ref_logp`, `rewards` | `(K,)` | same |
# | $S$ | returned, to be *minimised* | `()` | same |


# %% solution="4.6c"
def pg_surrogate(logp: Tensor, ref_logp: Tensor, rewards: Tensor, beta: float) -> Tensor:
    """Return a scalar whose gradient estimates minus that of reward - beta KL, equation (4.21), with RLOO baseline."""
    ### BEGIN SOLUTION
    total = rewards.detach() - beta * (logp - ref_logp).detach()
    return -(rloo_advantage(total) * logp).mean()
    ### END SOLUTION


# %% tests="4.6c"
@core
@points(0.75)
def test_gradient_of_two_draws(rng):
    """Two draws with rewards a and b (the divergence folded in) push their log-probabilities by (a - b) / 2 apart."""
    either_way, beta = torch.tensor([-1.0, 1.0]), 0.5
    r, gap, ref = (torch.randn(2, generator=rng) for _ in range(3))

    def pushed(beta):
        logp = (ref + gap).requires_grad_()
        loss = pg_surrogate(logp, ref, r, beta)
        assert loss.dim() == 0, f"expected a scalar, got shape {tuple(loss.shape)}"
        return torch.autograd.grad(loss, logp)[0]

    plain, price = (r[0] - r[1]) / 2 * either_way, (gap[0] - gap[1]) / 2 * either_way
    found = pushed(0.0)
    name_the_slip(found, {"sign: the loss is minimised, so the gain enters with a minus": -plain})
    name_the_slip(found, {"leave one out: the baseline of a draw is the mean of the others": plain / 2})
    assert_close(found, plain, "policy gradient: minimising should make the better of two draws more likely")
    logp = ref + gap
    slips = {
        "divergence: it is forgotten, nothing holds the policy near the reference": plain,
        "divergence: it is a cost, so it is subtracted from the reward": plain + beta * price,
        "detach: the divergence is a number in the reward, not differentiated": plain
        - beta * price
        - beta * (logp[0] - logp[1]) / 2 * either_way,
    }
    found = pushed(beta)
    name_the_slip(found, slips)
    assert_close(found, plain - beta * price, "divergence: beta times log(pi / pi_0) is subtracted from each reward")


### BEGIN HIDDEN TESTS
@points(1.25)
def test_expected_gradient_is_exact(rng):
    """Averaged over all possible draws, the gradient is that of reward minus beta KL, worked out exactly."""
    n, beta = 3, 0.3 + float(torch.rand((), generator=rng))
    ref, r = torch.randn(n, generator=rng).log_softmax(0), torch.randn(n, generator=rng)
    theta = torch.randn(n, generator=rng).requires_grad_()
    log_p = theta.log_softmax(0)
    (exact,) = torch.autograd.grad((log_p.exp() * (r - beta * (log_p - ref))).sum(), theta)
    for k in (2, 3):
        average = torch.zeros(n)
        for draws in torch.cartesian_prod(*[torch.arange(n)] * k):
            log_p = theta.log_softmax(0)
            (gradient,) = torch.autograd.grad(pg_surrogate(log_p[draws], ref[draws], r[draws], beta), theta)
            average += log_p[draws].sum().exp().detach() * gradient
        assert_close(-average, exact, "biased: the expected gradient is not that of reward - beta KL")


@points(0.5)
def test_baseline_removes_constants(rng):
    """A constant on all rewards changes no gradient."""
    k = rng.size(2, 5)
    logp = torch.randn(k, generator=rng).requires_grad_()
    ref, r = torch.randn(k, generator=rng), torch.randn(k, generator=rng)
    plain, raised = (torch.autograd.grad(pg_surrogate(logp, ref, r + c, 0.4), logp)[0] for c in (0.0, 10.0))
    assert_close(raised, plain, "baseline: a constant reward should not move the policy")


@points(0.5)
def test_only_the_policy_is_differentiated(rng):
    """No gradient flows to rewards or reference; inputs are left unchanged, and the dtype is kept."""
    k = rng.size(2, 5)
    logp, ref, r = (torch.randn(k, generator=rng).requires_grad_() for _ in range(3))
    loss = assert_inputs_unchanged(pg_surrogate, logp, ref, r, 0.4)
    gradients = torch.autograd.grad(loss, [logp, ref, r], allow_unused=True)
    assert gradients[0] is not None, "no gradient reaches the policy"
    for name, gradient in zip(("the reference", "the rewards"), gradients[1:], strict=True):
        leaks = gradient is not None and float(gradient.abs().max()) > 0
        assert not leaks, f"detach: a gradient flows to {name}"
    single = pg_surrogate(logp.detach().float(), ref.detach().float(), r.detach().float(), 0.4)
    assert (loss.dtype, single.dtype) == (torch.float64, torch.float32), "The loss has the dtype of its arguments"


### END HIDDEN TESTS

# %% [markdown]
# ### Experiment: paying for GC
#
# The causal model of Problem 4.5 is paid ten times the share of G and C in the sequence it writes. The data have a
# share of about 0.36. Real laboratories do pay for GC content, within limits: and here is what happens without limits.
#
# **What to expect** (budget `cpu`, 80 steps for each $\beta$, about a minute in all). Reference: reward near 3.6.
# With $\beta=1$ reward 4.3 at a divergence of 0.4 nats per sequence; with $\beta=0.2$ about **6.6 at 7 nats** (a
# correct program gains at least 2 with at most 12 nats); with $\beta=0$ reward 9.9 at 40 nats and more: every base is G
# or C, the oracle gives the "sequences" 2.6 bits per base and more, and the promoter is gone. That is *reward hacking*:
# nothing malfunctioned, you got what you paid for. If the reward falls, the sign of $S$ is wrong; if all $\beta$ end
# alike, the divergence is missing from $R_k$.

# %% experiment="4.6" cpu_minutes=1 t4_minutes=1
import copy

import matplotlib.pyplot as plt
from hwkit import fit, preset, savefig, set_seed

RL_STEPS = preset(smoke=2, cpu=80, gpu=80)
RL_BATCH, RL_DRAWS = preset(smoke=8, cpu=64, gpu=64), preset(smoke=8, cpu=500, gpu=500)


def reward(x):
    """Ten times the share of C and G: (B, L) -> (B,)."""
    return 10 * ((x == 1) | (x == 2)).float().mean(1)


@torch.no_grad()
def write(model, n):
    """Return n sequences of a causal model, base by base; keys and values of earlier bases are kept (HW1's cache)."""
    x, memory = torch.full((n, 1), MASK, device=model.place.device), {}
    for place in range(LENGTH):
        h = model.symbol(x[:, -1]) + model.place[place]
        for block in model.blocks:
            attention = block.self_attn
            qkv = nn.functional.linear(block.norm1(h), attention.in_proj_weight, attention.in_proj_bias)
            q, *new = qkv.reshape(n, 3, attention.num_heads, 1, -1).unbind(1)
            old = memory.get(block)
            memory[block] = new if old is None else [torch.cat(pair, 2) for pair in zip(old, new, strict=True)]
            seen = nn.functional.scaled_dot_product_attention(q, *memory[block])
            h = h + attention.out_proj(seen.reshape(n, -1))
            h = h + block.linear2(nn.functional.gelu(block.linear1(block.norm2(h))))
        x = torch.cat([x, torch.multinomial(model.out(h)[:, :4].softmax(-1), 1)], 1)
    return x[:, 1:]


def tune(beta):
    """Fine-tune a copy of the causal model; return it."""
    set_seed(0)
    policy = copy.deepcopy(writer)
    optimizer = torch.optim.Adam(policy.parameters(), lr=3e-4)

    def step():
        x = write(policy, RL_BATCH)
        with torch.no_grad():
            before = ar_log_prob(writer, x)
        loss = pg_surrogate(ar_log_prob(policy, x), before, reward(x), beta)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return {"surrogate": loss, "reward": reward(x).mean()}

    fit(step, RL_STEPS, label=f"beta {beta}")
    return policy


BETAS = preset(smoke=(0.2, 0.0), cpu=(1.0, 0.5, 0.2, 0.0))
frontier = {}
set_seed(8)
start_reward = float(reward(write(writer, RL_DRAWS)).mean())
print(f"reference: reward {start_reward:.2f}   (expected 3.6)")
for beta in BETAS:
    policy = tune(beta)
    drawn = write(policy, RL_DRAWS)
    with torch.no_grad():
        divergence = float((ar_log_prob(policy, drawn) - ar_log_prob(writer, drawn)).mean())
    bits = -float(world.log_prob(drawn).mean()) / BITS
    frontier[beta] = (divergence, float(reward(drawn).mean()), bits, world.text(drawn[:1].cpu())[0])
    print(f"beta {beta}: reward {frontier[beta][1]:.2f}, KL {divergence:.2f} nats, oracle {bits:.2f} bits per base")
    print("  ", frontier[beta][3])

# %% [markdown] figure="F4.6" points=2
# **Reward against divergence.** Plot the mean reward against the divergence (nats per sequence), for the reference and
# for every $\beta$, each point labelled; under it, one sequence of the reference and one of $\beta=0$. In three or four
# sentences: how does the frontier follow from W4.6 (a)? What does $\beta=0$ exploit, how would you notice it *without*
# the oracle, and what would you change first: the reward, $\beta$, or the number of steps?
#
# Caption: Reward against divergence for KL-regularised fine-tuning of a DNA model.
#
# ### BEGIN MARK SCHEME
# - (1) a rising, flattening frontier with every $\beta$ labelled; $\beta=0.2$ gains at least 2 in reward with at most 12
#   nats
# - (1) names reward hacking and its symptom (diversity, likelihood, the lost promoter), with a remedy
# ### END MARK SCHEME

# %% experiment="4.6"
fig, axis = plt.subplots(figsize=(6.5, 4.8))
points_2d = [(0.0, start_reward, "reference"), *((kl, gain, f"β = {b}") for b, (kl, gain, _, _) in frontier.items())]
axis.plot([p[0] for p in points_2d], [p[1] for p in points_2d], "o-", color="#0072B2")
for kl, gain, label in points_2d:
    axis.annotate(label, (kl, gain), textcoords="offset points", xytext=(8, -4))
axis.set(
    xlabel="KL from the reference (nats per sequence)", ylabel="reward: ten times the share of G and C", ylim=(3, 10.5)
)
axis.margins(x=0.2)
lines = [f"reference  {world.text(write(writer, 1).cpu())[0]}", f"beta = 0   {frontier[0.0][3]}"]
fig.tight_layout(rect=(0, 0.1, 1, 1))  # room for two lines below
fig.text(0.03, 0.03, "\n".join(lines), family="monospace", fontsize=8)
savefig(
    "F4.6",
    fig,
    alt="Reward rises and flattens as the divergence grows while beta falls; two example sequences stand below.",
    answer="Replace this sentence by your three or four sentences.",
)

# %% [markdown] problem="4.7" minutes=30
# ## Problem 4.7 (bonus, 5 points): Flow matching
#
# Diffusion bends its paths; flow matching draws straight lines from noise to data and learns the velocity along them:
#
# $$x_t=(1-t)\,x_0+t\,x_1,\qquad v=\frac{dx_t}{dt}=x_1-x_0,\qquad t\in[0,1]. \tag{4.22}$$
#
# Careful: here $x_0$ is *noise*, $x_1$ is data and time runs from noise to data.
#
# | symbol | variable | shape | dtype |
# |---|---|---|---|
# | $x_0$, $x_1$ | `x0`, `x1` | `(B, ...)` | floating |
# | $t$ | `t` | `(B,)` in [0, 1] | floating |
# | $x_t$, $v$ | returned | `(B, ...)` each | same |


# %% solution="4.7a"
def fm_pair(x0: Tensor, x1: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    """Return the point at time `t` on the line from `x0` to `x1` and its velocity, equation (4.22): (B, ...) each."""
    ### BEGIN SOLUTION
    when = t.reshape(-1, *[1] * (x0.dim() - 1))
    return (1 - when) * x0 + when * x1, x1 - x0
    ### END SOLUTION


# %% tests="4.7a"
@core
@points(0.5, bonus=True)
def test_line_from_noise_to_data(rng):
    """At t = 0 the point is x0, at t = 1 it is x1, at t = 1/4 a quarter of the way; the velocity leads from x0 to x1."""
    x0, x1 = torch.randn(3, 3, generator=rng), torch.randn(3, 3, generator=rng)
    xt, v = fm_pair(x0, x1, torch.tensor([0.0, 1.0, 0.25]))
    expected = torch.stack([x0[0], x1[1], 0.75 * x0[2] + 0.25 * x1[2]])
    slips = {
        "line: it runs from x0 (noise) at t = 0 to x1 (data) at t = 1": x0 + x1 - expected,
        "line: the weights are 1 - t and t; their roots would be a diffusion": torch.cat(
            [expected[:2], 0.75**0.5 * x0[2:] + 0.5 * x1[2:]]
        ),
    }
    name_the_slip(xt, slips)
    assert_close(xt, expected, "broadcasting: each point lies on its own line, at its own time")
    name_the_slip(v, {"direction: the velocity leads from noise x0 to data x1": x0 - x1})
    assert_close(v, x1 - x0, "velocity: dx_t / dt, the same all along the line")


### BEGIN HIDDEN TESTS
@points(1, bonus=True)
def test_velocity_is_the_time_derivative(rng):
    """The velocity is the derivative of the point with respect to time, for every example, images too."""
    b = rng.size(2, 4)
    shape = some_shape(rng, b)
    x0, x1 = torch.randn(shape, generator=rng), torch.randn(shape, generator=rng)
    t, h = 0.1 + 0.8 * torch.rand(b, generator=rng), 1e-3
    _, v = assert_inputs_unchanged(fm_pair, x0, x1, t)
    ahead, behind = fm_pair(x0, x1, t + h)[0], fm_pair(x0, x1, t - h)[0]
    assert_close((ahead - behind) / (2 * h), v, "velocity: dx_t / dt, from noise to data", atol=1e-8)
    order = torch.arange(b).flip(0)
    for shape in ((b, b), (b, 2, b, b)):
        a, z = torch.randn(shape, generator=rng), torch.randn(shape, generator=rng)
        there, back = fm_pair(a, z, t)[0], fm_pair(a[order], z[order], t[order])[0]
        assert_close(back, there[order], "broadcasting: t belongs to the example, for images too")


@points(0.5, bonus=True)
def test_flow_pair_contracts(rng):
    """The dtype is kept, and autograd agrees with finite differences."""
    x0, x1, t = torch.randn(2, 3, generator=rng), torch.randn(2, 3, generator=rng), torch.rand(2, generator=rng)
    assert_gradients_match(fm_pair, x0, x1, t)
    xt, v = fm_pair(x0.float(), x1.float(), t.float())
    assert xt.dtype == v.dtype == torch.float32, "float32 in, float32 out"


### END HIDDEN TESTS

# %% [markdown]
# Sampling follows the velocity with Euler's method, $n$ steps of length $1/n$ from $t=0$:
#
# $$x_{t+1/n}=x_t+\frac1n\,v_\theta(x_t,t),\qquad t=0,\tfrac1n,\dots,\tfrac{n-1}n. \tag{4.23}$$
#
# On straight paths Euler makes no error, so one step can be enough. Are the paths of a *trained* model straight?


# %% solution="4.7b"
@torch.no_grad()
def fm_sample(velocity, x0: Tensor, steps: int) -> Tensor:
    """Return where `steps` Euler steps lead from noise `x0`, equation (4.23): (B, ...). `velocity(x, t)`, t is (B,)."""
    ### BEGIN SOLUTION
    x = x0
    for k in range(steps):
        t = torch.full((len(x),), k / steps, dtype=x.dtype, device=x.device)
        x = x + velocity(x, t) / steps
    return x
    ### END SOLUTION


# %% tests="4.7b"
@core
@points(1, bonus=True)
def test_straight_paths_need_one_step(rng):
    """If all data are one point m, the velocity is (m - x) / (1 - t), and any number of steps arrives there."""
    b, steps = rng.size(2, 4), rng.size(1, 6)
    m = torch.randn(3, generator=rng)
    x0 = torch.randn(b, 3, generator=rng)
    x = fm_sample(lambda x, t: (m - x) / (1 - t).unsqueeze(1), x0, steps)
    assert_close(
        x, m.expand(b, 3), "Euler: on straight paths it makes no error; steps start at t = 0 and end before t = 1"
    )
    clock = Recorder(lambda x, t: torch.ones_like(x))
    moved = assert_inputs_unchanged(fm_sample, clock, x0, steps)
    assert_close(moved, x0 + 1, "step length: n steps of 1/n lead from t = 0 to t = 1")
    times = torch.stack([call[1] for call in clock.calls])
    starts = (torch.arange(steps) / steps).unsqueeze(1).expand(steps, b)
    assert_close(times, starts, "times: every example gets its time, that at the beginning of the step")


### BEGIN HIDDEN TESTS
@points(2, bonus=True)
def test_gaussian_flow_follows_its_recursion(rng):
    """For Gaussian data the flow is linear: Euler follows its recursion at the right times, and converges."""
    b, tau = rng.size(2, 4), 0.4 + float(torch.rand((), generator=rng))
    x0 = torch.randn(b, 1, 2, generator=rng)

    def rate(t):
        return (t * tau**2 - (1 - t)) / (t**2 * tau**2 + (1 - t) ** 2)

    seen = Recorder(lambda x, t: rate(t).reshape(-1, 1, 1) * x)
    found = assert_inputs_unchanged(fm_sample, seen, x0, 4)
    factor = 1.0
    for k in range(4):
        factor *= 1 + rate(k / 4) / 4
    assert_close(found, factor * x0, "Euler: the velocity is taken at the beginning of each step")
    assert [tuple(call[1].shape) for call in seen.calls] == [(b,)] * 4, "The velocity gets one time per example"
    fine = fm_sample(lambda x, t: rate(t).reshape(-1, 1, 1) * x, x0, 200)
    assert_close(fine, tau * x0, "With many steps the flow reaches the spread of the data", rtol=0.1, atol=0.02)
    net = nn.Linear(2, 2)
    assert not fm_sample(lambda x, t: net(x), x0, 1).requires_grad, "sampling carries a graph"
    single = fm_sample(lambda x, t: t.reshape(-1, 1, 1) * x, x0.float(), 3)
    assert single.dtype == torch.float32, "float32 in, float32 out: the times have the dtype of x"


### END HIDDEN TESTS

# %% [markdown]
# **Experiment.** Flow matching on the checkerboard, with the same network as in Problem 4.2 and a training run of equal
# length (about ten seconds; the loss hovers around 1.7). Expect an MMD² of about 0.44 with one Euler step, 0.014 with
# 5, **0.003 with 20** and below 0.001 with 100, and 0.8 of the points on dark squares. Reflect: compare with DDIM at 5
# and 20 steps. Which of the two needed clipping, and why? And why is one step not enough, although the paths are
# straight?

# %% experiment="4.7" cpu_minutes=0.2 t4_minutes=0.2
import densities
from hwkit import fit, one_step_cpu_check, preset, set_seed
from metrics import mmd2

set_seed(0)
flow_data, flow = densities.checkerboard.sample(10_000, torch.Generator().manual_seed(1)), PointDenoiser()
optimizer = torch.optim.Adam(flow.parameters(), lr=3e-3)
flow_schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS_2D)


def flow_step():
    x1 = flow_data[torch.randint(len(flow_data), (256,))]
    t = torch.rand(256)
    xt, v = fm_pair(torch.randn(256, 2), x1, t)
    loss = (flow(xt, t * T) - v).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss


def flow_round():
    loss = flow_step()
    flow_schedule.step()
    return loss


one_step_cpu_check(flow_step, flow, optimizer=optimizer)
fit(flow_round, STEPS_2D, label="flow matching", expect={3000: (1.4, 2.1)})
fresh = densities.checkerboard.sample(DRAWS_2D, torch.Generator().manual_seed(9))
for steps in (1, 5, 20, 100):
    drawn = fm_sample(lambda x, t: flow(x, t * T), torch.randn(DRAWS_2D, 2), steps)
    dark = float(densities.checkerboard.log_prob(drawn).isfinite().float().mean())
    print(f"{steps:3d} Euler steps: MMD² {mmd2(drawn, fresh):.4f}, {dark:.0%} on dark squares")

# %% [markdown]
# **Before you hand in.** Answer for yourself: which models of this course give a likelihood, which a bound, which
# neither? Which of them could fill a hole in the middle of a sequence, and which could follow a reward that nobody can
# differentiate? You have now written all of them, so you may also say what each of these answers costs.
#
# **Where it comes from.** Denoising as score matching: Vincent 2011; Langevin sampling with learned scores: Song and
# Ermon 2019; Tweedie's formula: Efron 2011. DDPM: Ho, Jain and Abbeel 2020; the cosine schedule: Nichol and Dhariwal
# 2021; the velocity: Salimans and Ho 2022; DDIM: Song, Meng and Ermon 2021. Adaptive normalisation: Perez and others
# 2018 (FiLM), Dhariwal and Nichol 2021; guidance: Ho and Salimans 2022. Random orders: Uria, Murray and Larochelle
# 2014; masked diffusion: Sahoo and others 2024, Shi and others 2024. Denoising as a decision process: Black and others
# 2024; the leave-one-out baseline: Kool, van Hoof and Welling 2019. Flow matching: Lipman and others 2023, Liu, Gong
# and Liu 2023.
