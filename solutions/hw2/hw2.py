# %% [markdown]
# A picture of a handwritten digit is 64 numbers, yet the choices behind it are few: which digit, how slanted, how bold.
# A **latent-variable model** says so in one line, $p_\theta(x)=\int p_\theta(x\mid z)\,p(z)\,dz$, and pays with an
# integral that nobody can do. In this homework you build the machinery that trains such a model all the same, and, what
# is rarer, you *check* it against a world in which the integral can be done.
#
# ```
#     encoder q(z|x)                     decoder p(x|z)
#   x ─► μ(x), log σ²(x) ─► z = μ + σ·ε ─► logits ─► log p(x|z) ┐
#            │                  ▲                               ├─► ELBO, IWAE
#            │             ε ~ N(0, I)                          │
#            └─────────► KL( q(z|x) ‖ p(z) ), cost of the code ─┘
# ```
#
# **When you are done you can**
#
# - write log-densities and divergences of Gaussians in log space, and recognise the five classic slips;
# - derive the evidence lower bound (ELBO), say what its gap is, and close that gap by hand in a solvable model;
# - tighten the bound with importance weights (IWAE), and trade reconstruction for compression with $\beta$;
# - tell a collapsed latent from a used one, and predict from the data when it happens;
# - differentiate through coins: score function with baselines (the policy gradient of reinforcement learning),
#   Gumbel-softmax, vector quantisation, and say what each of them costs;
# - choose a likelihood that fits the data, and find the types of cells in gene counts with it.
#
# **How it works.** Every question is a small function whose randomness comes in as an *argument* (`eps`, `u`), so there
# is one right answer and no seed to guess. Under each question stand checks that you can run. Gradescope runs those and
# more: *laws* that any right solution obeys, with other sizes and other numbers. Write functions that work for every
# shape that the docstring allows, on any device, in float32 and float64, and that leave their arguments alone.
#
# **Hand in** this notebook, the written part (W2.1 to W2.5), and the figures (F2.1 to F2.7). Everything here runs on a
# laptop CPU in about two minutes; no GPU is needed. Questions can be done in any order: where one builds on another, a
# mistake is only charged once. For a team of two, plan about twelve hours in all, written questions and figures
# included.

# %%
import math

import torch
from hwkit import (
    assert_close,
    assert_finite,
    assert_gradients_match,
    assert_inputs_unchanged,
    assert_integrates_to_one,
    assert_mean_close,
    assert_probs,
    core,
    float32,
    points,
    probe,
)
from torch import Tensor, nn

LOG_2PI = math.log(2 * math.pi)

# %% [markdown]
# ### Conventions
#
# All logarithms are natural, so that densities and divergences are in nats. The last axis holds the coordinates of one
# vector, and densities and divergences sum over it.
#
# | letter | meaning | letter | meaning |
# |---|---|---|---|
# | $B$ | examples in a batch | $K$ | draws of $z$ per example; always the *first* axis |
# | $D$ | dimensions of $x$ | $D_z$ | dimensions of $z$ (in Problem 2.1 just $D$) |
# | $C$ | components of a mixture | `logvar` | $\log\sigma^2$, elementwise (**not** $\log\sigma$) |
#
# Why log-variance? A network may output any real number, and $\sigma^2=e^{\texttt{logvar}}$ is positive whatever it
# says. The price is one factor of two that everybody forgets once: $\sigma=e^{\texttt{logvar}/2}$.

# %% [markdown] problem="2.1" minutes=80
# ## Problem 2.1: Gaussian toolkit
#
# Four functions that the rest of the course leans on. Each is between one and five lines; each has a way to be wrong
# that trains without complaint and quietly gives a worse model.
#
# ### The reparameterisation trick
#
# To learn by gradients *through* a random draw, move the randomness out of the way: a draw from $N(\mu,\sigma^2)$ is a
# fixed function of the parameters and of noise that does not depend on them,
#
# $$z^{(k)}=\mu+\sigma\odot\varepsilon^{(k)},\qquad \varepsilon^{(k)}\sim N(0,I),\qquad
#   \sigma=e^{\frac12\log\sigma^2}. \tag{2.1}$$
#
# | symbol | variable | shape | dtype |
# |---|---|---|---|
# | $\mu$, $\log\sigma^2$ | `mu`, `logvar` | `(B, D)` | floating |
# | $\varepsilon$ | `eps` | `(K, B, D)` | same |
# | $z$ | returned | `(K, B, D)` | same |
#
# Use the noise you are given. A function that draws its own cannot be checked, and `torch.normal(mu, std)` gives the
# right distribution without any gradient for $\mu$ and $\sigma$.


# %% solution="2.1a"
def reparameterize(mu: Tensor, logvar: Tensor, eps: Tensor) -> Tensor:
    """Map standard-normal noise to draws from N(mu, exp(logvar)), equation (2.1).

    `mu` and `logvar` are (B, D), `eps` is (K, B, D); returns (K, B, D). Gradients reach `mu` and `logvar`.
    """
    ### BEGIN SOLUTION
    return mu + torch.exp(0.5 * logvar) * eps  # half before exp: logvar is log sigma squared
    ### END SOLUTION


# %% tests="2.1a"
@core
@points(0.5)
def test_zero_noise_returns_the_mean(rng):
    """Zero noise returns the mean, once per draw."""
    k, b, d = rng.size(2, 4), rng.size(2, 6), rng.size(1, 5)
    mu, logvar = torch.randn(b, d, generator=rng), torch.randn(b, d, generator=rng)
    z = reparameterize(mu, logvar, torch.zeros(k, b, d))
    assert_close(z, mu.expand(k, b, d), "With zero noise z is the mean: use the noise in eps, draw none of your own")


@points(0.25)
def test_unit_noise_moves_by_one_standard_deviation(rng):
    """Noise of one moves z by one standard deviation: 3 when the variance is 9."""
    b, d = rng.size(2, 6), rng.size(1, 5)
    mu = torch.randn(b, d, generator=rng)
    z = reparameterize(mu, torch.full((b, d), math.log(9.0)), torch.ones(1, b, d))
    message = "Variance 9 means a standard deviation of 3: logvar is the log of the variance, so halve it before exp"
    assert_close(z[0] - mu, torch.full((b, d), 3.0), message)


@points(0.5)
def test_gradients_reach_mean_and_log_variance(rng):
    """dz/dmu is 1, and dz/dlogvar is half the standard deviation times the noise."""
    k, b, d = rng.size(2, 4), rng.size(1, 4), rng.size(1, 4)
    mu = torch.randn(b, d, generator=rng, requires_grad=True)
    logvar = (2 * torch.randn(b, d, generator=rng)).requires_grad_()
    eps = torch.randn(k, b, d, generator=rng)
    z = reparameterize(mu, logvar, eps)
    assert z.requires_grad, "z carries no gradient: it was detached, or drawn instead of computed from the noise"
    to_mu, to_logvar = torch.autograd.grad(z.sum(), [mu, logvar], allow_unused=True)
    assert to_mu is not None, "no gradient reaches mu"
    assert to_logvar is not None, "no gradient reaches logvar: was the standard deviation detached?"
    assert_close(to_mu, torch.full((b, d), float(k)), "Every draw moves one for one with the mean")
    half_step = 0.5 * (logvar / 2).exp() * eps.sum(0)
    assert_close(to_logvar, half_step.detach(), "The gradient for logvar is half sigma times the noise")


### BEGIN HIDDEN TESTS
@points(0.5)
def test_reparameterize_leaves_its_inputs_alone(rng):
    """Any variance will do, inputs are left unchanged, and autograd agrees with finite differences."""
    k, b, d = 2, rng.size(1, 2), rng.size(1, 3)
    mu, logvar = torch.randn(b, d, generator=rng), torch.randn(b, d, generator=rng)
    eps = torch.randn(k, b, d, generator=rng)
    assert_inputs_unchanged(reparameterize, mu, logvar, eps)
    assert_gradients_match(reparameterize, mu, logvar, eps)
    for extreme in (-30.0, 30.0):
        z = reparameterize(torch.zeros(b, d), torch.full((b, d), extreme), eps)
        message = (
            f"With mean 0 and logvar {extreme:g}, z is exp(logvar / 2) times the noise: clamp nothing, add nothing"
        )
        assert_close(z / math.exp(extreme / 2), eps, message)


@float32
@points(0.25)
def test_reparameterize_keeps_the_dtype(rng):
    """float32 in, float32 out."""
    mu = torch.randn(rng.size(1, 4), rng.size(1, 4), generator=rng)
    z = reparameterize(mu, torch.zeros_like(mu), torch.randn(1, *mu.shape, generator=rng))
    assert z.dtype == torch.float32, "float32 inputs gave another dtype: was a tensor made with a fixed dtype?"


### END HIDDEN TESTS

# %% [markdown]
# ### The divergence of two Gaussians
#
# For diagonal Gaussians $q=N(\mu_q,\sigma_q^2)$ and $p=N(\mu_p,\sigma_p^2)$,
#
# $$KL(q\,\|\,p)=\frac12\sum_{i=1}^{D}\left[\log\frac{\sigma_{p,i}^2}{\sigma_{q,i}^2}
#   +\frac{\sigma_{q,i}^2+(\mu_{q,i}-\mu_{p,i})^2}{\sigma_{p,i}^2}-1\right]. \tag{2.2}$$
#
# | symbol | variable | shape | dtype |
# |---|---|---|---|
# | $\mu_q$, $\log\sigma_q^2$ | `mu_q`, `lv_q` | `(B, D)` | floating |
# | $\mu_p$, $\log\sigma_p^2$ | `mu_p`, `lv_p` | `(B, D)`, `(D,)`, or both `None` for $N(0,I)$ | same |
# | $KL$ | returned | `(B,)` | same |
#
# Read it before coding: it is zero when the two are equal, it is *not* symmetric, and it sums over dimensions but never
# over the batch. Which of the terms keeps $\sigma_q$ from shrinking to zero?


# %% solution="2.1b"
def gaussian_kl(mu_q: Tensor, lv_q: Tensor, mu_p: Tensor | None = None, lv_p: Tensor | None = None) -> Tensor:
    """Return KL(q || p) of diagonal Gaussians in nats, equation (2.2), summed over the last axis: (B, D) -> (B,).

    `lv_q` and `lv_p` are log-variances. Without `mu_p` and `lv_p`, p is the standard normal.
    """
    ### BEGIN SOLUTION
    mu_p = torch.zeros_like(mu_q) if mu_p is None else mu_p
    lv_p = torch.zeros_like(lv_q) if lv_p is None else lv_p
    distance = (mu_q - mu_p).square() * torch.exp(-lv_p)
    return 0.5 * (lv_p - lv_q + torch.exp(lv_q - lv_p) + distance - 1).sum(-1)
    ### END SOLUTION


# %% tests="2.1b"
@core
@points(0.5)
def test_kl_of_a_shift_by_one_standard_deviation(rng):
    """Shifting the mean by one standard deviation of p costs half a nat per dimension, for every example."""
    b, d = rng.size(2, 6), rng.size(3, 6)
    mu, lv = torch.randn(b, d, generator=rng), torch.randn(b, d, generator=rng)
    shifted = mu + (lv / 2).exp()
    kl = gaussian_kl(shifted, lv, mu, lv)
    assert tuple(kl.shape) == (b,), (
        f"expected shape {(b,)}, got {tuple(kl.shape)}: sum over dimensions, not over the batch"
    )
    assert_close(kl, torch.full((b,), d / 2), "One sigma costs 1/2 per dimension")


@points(0.25)
def test_kl_of_a_gaussian_to_itself_is_zero(rng):
    """The divergence of a Gaussian from itself is zero, one number per example."""
    b, d = rng.size(2, 6), rng.size(1, 5)
    mu, lv = torch.randn(b, d, generator=rng), torch.randn(b, d, generator=rng)
    assert_close(
        gaussian_kl(mu, lv, mu, lv), torch.zeros(b), "KL(q || q) is zero for every example: is the -1 in the sum?"
    )


@points(0.25)
def test_kl_between_narrow_and_wide(rng):
    """KL from N(0, 1) to N(0, 4) is (log 4 + 1/4 - 1) / 2 per dimension, and larger the other way round."""
    b, d = rng.size(2, 6), rng.size(1, 5)
    zero, wide = torch.zeros(b, d), torch.full((b, d), math.log(4.0))
    there, back = gaussian_kl(zero, zero, zero, wide), gaussian_kl(zero, wide, zero, zero)
    assert bool((there >= 0).all()), "A divergence is never negative: the log ratio is log var_p - log var_q"
    assert bool((there < back).all()), "KL(q || p) is reversed: the variance of p divides, and that of q does not"
    message = "KL from N(0, 1) to N(0, 4): the factor one half belongs to every term, and logvar is a log-variance"
    assert_close(there, torch.full((b,), d * (math.log(4.0) - 0.75) / 2), message)


### BEGIN HIDDEN TESTS
@points(1)
def test_kl_equals_its_integral(rng):
    """KL(q || p) equals the integral of q log(q / p), found by quadrature."""
    b, d = rng.size(3, 5), rng.size(1, 4)
    mu_q, lv_q = torch.randn(b, d, generator=rng), 1.5 * torch.randn(b, d, generator=rng)
    lv_q[0], lv_q[1] = lv_q[0] - 15, lv_q[1] + 15  # a very narrow q and a very wide one
    mu_p, lv_p = torch.randn(d, generator=rng), torch.randn(d, generator=rng)
    q = torch.distributions.Normal(mu_q, (lv_q / 2).exp())
    p = torch.distributions.Normal(mu_p, (lv_p / 2).exp())
    t = torch.linspace(-9.0, 9.0, 361).reshape(-1, 1, 1)
    weight = torch.exp(-t.square() / 2) * 0.05 / math.sqrt(2 * math.pi)
    z = q.mean + q.stddev * t
    integral = (weight * (q.log_prob(z) - p.log_prob(z))).sum(0).sum(-1)
    message = "KL differs from the integral of q log(q/p); look at the order of q and p, the log ratio, and the sum"
    assert_close(gaussian_kl(mu_q, lv_q, mu_p, lv_p), integral, message)


@points(0.5)
def test_default_prior_is_standard_normal(rng):
    """Without a prior, p is the standard normal."""
    mu, lv = torch.randn(3, rng.size(1, 5), generator=rng), torch.randn(3, 1, generator=rng)
    lv = lv.expand(mu.shape)
    explicit = gaussian_kl(mu, lv, torch.zeros(mu.shape), torch.zeros(mu.shape))
    assert_close(gaussian_kl(mu, lv), explicit, "Without mu_p and lv_p the divergence is from N(0, I)")
    at_prior = gaussian_kl(torch.zeros(mu.shape), torch.zeros(mu.shape))
    assert_close(at_prior, torch.zeros(3), "N(0, I) has no divergence from the default prior")


@points(0.5)
def test_kl_leaves_its_inputs_alone(rng):
    """Inputs are left unchanged, their dtype is kept, and autograd agrees with finite differences."""
    b, d = rng.size(1, 2), rng.size(1, 3)
    mu_q, lv_q, mu_p, lv_p = (torch.randn(b, d, generator=rng) for _ in range(4))
    assert_inputs_unchanged(gaussian_kl, mu_q, lv_q, mu_p, lv_p)
    assert_inputs_unchanged(gaussian_kl, mu_q, lv_q)
    assert_gradients_match(gaussian_kl, mu_q, lv_q, mu_p, lv_p)
    single = gaussian_kl(*(t.float() for t in (mu_q, lv_q, mu_p, lv_p)))
    kept = single.dtype == gaussian_kl(mu_q.float(), lv_q.float()).dtype == torch.float32
    assert kept, "float32 arguments gave another dtype: was a tensor made with a fixed dtype?"


### END HIDDEN TESTS

# %% [markdown]
# ### Log-densities
#
# $$\log N(x;\mu,\sigma^2)=-\frac12\sum_{i=1}^{D}\left[\log 2\pi+\log\sigma_i^2
#   +\frac{(x_i-\mu_i)^2}{\sigma_i^2}\right]. \tag{2.3}$$
#
# | symbol | variable | shape | dtype |
# |---|---|---|---|
# | $x$ | `x` | `(..., D)` | floating |
# | $\mu$, $\log\sigma^2$ | `mean`, `logvar` | `(..., D)`; leading axes broadcast, e.g. `(B, D)` against `(K, B, D)`, `(C, D)` against `(B, 1, D)` | same |
# | $\log N$ | returned | `(...)` | same |
#
# The constant $\log 2\pi$ changes no gradient with respect to $x$ and is therefore the term that gets lost. Every
# comparison of bounds, and every mixture, needs it.


# %% solution="2.1c"
def gaussian_log_prob(x: Tensor, mean: Tensor, logvar: Tensor) -> Tensor:
    """Return the log-density of diagonal Gaussians in nats, equation (2.3), summed over the last axis.

    (..., D) -> (...). The arguments broadcast: `x` (K, B, D) with `mean` and `logvar` (B, D) gives (K, B).
    """
    ### BEGIN SOLUTION
    return -0.5 * (LOG_2PI + logvar + (x - mean).square() * torch.exp(-logvar)).sum(-1)
    ### END SOLUTION


# %% tests="2.1c"
@core
@points(0.5)
def test_log_density_at_the_mean(rng):
    """At its mean, a Gaussian has log-density -1/2 times the sum of log(2 pi variance)."""
    b, d = rng.size(2, 6), rng.size(3, 6)
    mean, logvar = torch.randn(b, d, generator=rng), torch.randn(b, d, generator=rng)
    peak = torch.log(2 * math.pi * logvar.exp()).sum(-1) / -2
    message = "At its mean the log-density is -1/2 the sum of log(2 pi variance): one log(2 pi) per dimension, no mean"
    assert_close(gaussian_log_prob(mean, mean, logvar), peak, message)


@points(0.5)
def test_log_density_broadcasts_over_draws(rng):
    """K draws against B Gaussians give (K, B), draw by draw."""
    k, b, d = rng.size(2, 4), rng.size(2, 4), rng.size(5, 7)
    x, mean, logvar = (torch.randn(*shape, d, generator=rng) for shape in ((k, b), (b,), (b,)))
    one_by_one = torch.stack([gaussian_log_prob(x[i], mean, logvar) for i in range(k)])
    assert_close(gaussian_log_prob(x, mean, logvar), one_by_one, "(K, B, D) against (B, D) gives (K, B)")


### BEGIN HIDDEN TESTS
@points(0.5)
def test_density_integrates_to_one(rng):
    """The density integrates to one over the plane."""
    mean, logvar = torch.randn(2, generator=rng), 1.5 * torch.rand(2, generator=rng) - 1
    box = [(float(m - 9 * s), float(m + 9 * s)) for m, s in zip(mean, (logvar / 2).exp(), strict=True)]
    assert_integrates_to_one(lambda x: gaussian_log_prob(x, mean, logvar), box, n=60, message="Not normalised")


@points(0.5)
def test_log_prob_leaves_its_inputs_alone(rng):
    """It broadcasts both ways, any distance and variance will do, inputs and dtype are left alone, gradients are right."""
    b, d = rng.size(2, 3), rng.size(1, 3)
    x, mean, logvar = (torch.randn(b, d, generator=rng) for _ in range(3))
    assert_inputs_unchanged(gaussian_log_prob, x, mean, logvar)
    assert_gradients_match(gaussian_log_prob, x, mean, logvar)
    one = gaussian_log_prob(x[:1].unsqueeze(0), mean, logvar)
    each = torch.stack([gaussian_log_prob(x[0], mean[i], logvar[i]) for i in range(b)]).unsqueeze(0)
    assert_close(one, each, "x (1, 1, D) against B Gaussians (B, D) gives (1, B)")
    for extreme in (-30.0, 30.0):
        far = gaussian_log_prob(
            torch.full((d,), 100 * math.exp(extreme / 2)), torch.zeros(d), torch.full((d,), extreme)
        )
        wanted = torch.tensor(-d * (LOG_2PI + extreme + 1e4) / 2)
        assert_close(far, wanted, f"A hundred standard deviations from the mean, with logvar {extreme:g}")
    single = gaussian_log_prob(x.float(), mean.float(), logvar.float())
    assert single.dtype == torch.float32, "float32 arguments gave another dtype: was a tensor made with a fixed dtype?"


### END HIDDEN TESTS

# %% [markdown]
# ### A richer density: mixtures
#
# Later a mixture serves as a prior that can be lumpy. With weights $\pi_c=e^{w_c}$ that sum to one,
#
# $$\log p(z)=\log\sum_{c=1}^{C}\pi_c\,N(z;\mu_c,\sigma_c^2)
#   =\operatorname*{logsumexp}_{c}\left[w_c+\log N(z;\mu_c,\sigma_c^2)\right]. \tag{2.4}$$
#
# | symbol | variable | shape | dtype |
# |---|---|---|---|
# | $z$ | `z` | `(B, D)`, or `(K, B, D)` | floating |
# | $\mu_c$, $\log\sigma_c^2$ | `mus`, `logvars` | `(C, D)` | same |
# | $w_c=\log\pi_c$ | `log_w` | `(C,)`, already normalised | same |
# | $\log p(z)$ | returned | `(B,)`, or `(K, B)` | same |
#
# The right-hand form is not decoration. Forty standard deviations away every $N(z;\cdot)$ underflows to zero, and the
# log of zero is $-\infty$ with a gradient of NaN.


# %% solution="2.1d"
def mog_log_prob(z: Tensor, mus: Tensor, logvars: Tensor, log_w: Tensor) -> Tensor:
    """Return the log-density of a mixture of diagonal Gaussians in nats, equation (2.4): (..., D) -> (...).

    `mus` and `logvars` are (C, D), `log_w` (C,) holds normalised log-weights. Finite for `z` far from every component.
    """
    ### BEGIN SOLUTION
    each = gaussian_log_prob(z.unsqueeze(-2), mus, logvars)  # (..., C)
    return torch.logsumexp(log_w + each, dim=-1)
    ### END SOLUTION


# %% tests="2.1d"
@core
@points(0.5)
def test_identical_components_act_as_one(rng):
    """Components that are all the same act as one, whatever their weights."""
    b, d, c = rng.size(2, 5), rng.size(1, 4), rng.size(2, 4)
    z, mu, lv = (torch.randn(n, d, generator=rng) for n in (b, 1, 1))
    log_w = torch.randn(c, generator=rng).log_softmax(0)
    single = mog_log_prob(z, mu, lv, torch.zeros(1))
    many = mog_log_prob(z, mu.expand(c, d), lv.expand(c, d), log_w)
    assert_close(
        single, torch.distributions.Normal(mu, (lv / 2).exp()).log_prob(z).sum(-1), "One component is that Gaussian"
    )
    assert_close(many, single, "Weights that sum to one drop out when all components are the same")


@points(0.25)
def test_mixture_is_finite_far_away(rng):
    """A thousand standard deviations away the log-density is still finite."""
    z = 1000 + torch.randn(2, 3, generator=rng)
    log_w = torch.full((2,), -math.log(2.0))
    far = mog_log_prob(z, torch.zeros(2, 3), torch.zeros(2, 3), log_w)
    assert_finite(far, "Far from every component the densities underflow; stay in log space (logsumexp)")


### BEGIN HIDDEN TESTS
@points(0.5)
def test_mixture_integrates_to_one(rng):
    """The mixture integrates to one over the plane."""
    c = rng.size(2, 4)
    mus, logvars = torch.randn(c, 2, generator=rng), torch.rand(c, 2, generator=rng) - 0.5
    log_w = torch.randn(c, generator=rng).log_softmax(0)
    box = [(float(mus[:, i].min()) - 12, float(mus[:, i].max()) + 12) for i in range(2)]
    message = "The mixture is not normalised: average densities, not log-densities"
    assert_integrates_to_one(lambda z: mog_log_prob(z, mus, logvars, log_w), box, n=90, message=message)


@points(0.25)
def test_a_component_without_weight_plays_no_part(rng):
    """A component of negligible weight plays no part, and of components far apart only the nearest counts."""
    z, mus, logvars = (torch.randn(3, 2, generator=rng) for _ in range(3))
    log_w = torch.tensor([-1e3, math.log(0.25), math.log(0.75)])
    pair = mog_log_prob(z, mus[1:], logvars[1:], log_w[1:])
    assert_close(mog_log_prob(z, mus, logvars, log_w), pair, "log_w are the log-weights of the components")
    mus, log_w = mus + 1e4 * torch.arange(3.0).unsqueeze(-1), torch.tensor([0.2, 0.3, 0.5]).log()
    law = torch.distributions.Normal(mus, (logvars / 2).exp())
    z = law.mean + law.stddev * torch.tensor([0.5, 30.0, 300.0]).unsqueeze(-1)
    message = (
        "Near one of several distant components the density is its weight times its density, however small that is"
    )
    assert_close(mog_log_prob(z, mus, logvars, log_w), log_w + law.log_prob(z).sum(-1), message)


@points(0.5)
def test_mixture_leaves_its_inputs_alone(rng):
    """Leading axes and dtype are kept, inputs are left unchanged, and autograd agrees with finite differences."""
    b, c, d = rng.size(1, 2), rng.size(2, 3), rng.size(1, 2)
    k = b + 1
    z, mus, logvars = (torch.randn(*shape, d, generator=rng) for shape in ((k, b), (c,), (c,)))
    log_w = torch.randn(c, generator=rng).log_softmax(0)
    out = assert_inputs_unchanged(mog_log_prob, z, mus, logvars, log_w)
    rows = torch.stack([mog_log_prob(z[i], mus, logvars, log_w) for i in range(k)])
    assert tuple(out.shape) == (k, b), f"z of shape {(k, b, d)} gives {(k, b)}, not {tuple(out.shape)}"
    assert_close(out, rows, "z of shape (K, B, D) gives (K, B)")
    assert_gradients_match(mog_log_prob, z[0], mus, logvars, log_w)
    single = mog_log_prob(z.float(), mus.float(), logvars.float(), log_w.float())
    assert single.dtype == torch.float32, "float32 arguments gave another dtype: was a tensor made with a fixed dtype?"


### END HIDDEN TESTS

# %% [markdown]
# **Experiment.** A divergence that you can compute is also one that you can estimate: draw $z$ from $q$ with your
# `reparameterize` and average $\log q(z)-\log p(z)$. The two numbers below should agree within the error bar. Then look
# at the picture: why does the Gaussian that minimises $KL(p\,\|\,q)$ sit between the modes of the mixture?

# %% experiment="2.1" cpu_minutes=0.1 t4_minutes=0.1
import matplotlib.pyplot as plt
from hwkit import preset, set_seed

set_seed(0)
DRAWS = preset(smoke=10_000, cpu=200_000, gpu=200_000)
mu_q, lv_q = torch.tensor([[1.0, -0.5]]), torch.tensor([[0.3, -1.0]])
z = reparameterize(mu_q, lv_q, torch.randn(DRAWS, 1, 2))
log_ratio = gaussian_log_prob(z, mu_q, lv_q) - gaussian_log_prob(z, torch.zeros(2), torch.zeros(2))
error = float(log_ratio.std() / math.sqrt(DRAWS))
print(f"KL(q || N(0, I)) by the formula {float(gaussian_kl(mu_q, lv_q)):.4f}   (expected 0.8339)")
print(f"from {DRAWS} draws        {float(log_ratio.mean()):.4f} ± {error:.4f}")

grid = torch.linspace(-6, 6, 400).unsqueeze(-1)
mus, logvars = torch.tensor([[-2.0], [2.0]]), torch.zeros(2, 1)
mixture = mog_log_prob(grid, mus, logvars, torch.full((2,), -math.log(2.0))).exp()
moments = gaussian_log_prob(grid, torch.zeros(1), torch.full((1,), math.log(5.0))).exp()
plt.figure(figsize=(6, 3))
plt.plot(grid.squeeze(), mixture, color="#0072B2", label="mixture p")
plt.plot(grid.squeeze(), moments, color="#D55E00", linestyle="--", label="Gaussian with the moments of p")
plt.xlabel("z")
plt.ylabel("density")
plt.ylim(0, 0.28)
plt.legend(loc="upper center")
plt.show()

# %% [markdown] problem="2.2" minutes=235
# ## Problem 2.2: ELBO, importance weights, and β
#
# First the theory in one written question; then a VAE for the digits; then bounds on its log-likelihood.
#
# ### A world where everything is known
#
# `LinearGaussianVAE` below is *given*. Decoder and encoder are linear, so $p(x)$ is Gaussian and the posterior
# $p(z\mid x)$ is known in closed form. It has the same methods as the network you are about to write, so every function
# of this problem can be held against the truth: a bound must stay below $\log p(x)$, the gap must be the divergence
# from the posterior, and with the exact posterior as encoder there must be no gap at all. Keep it in mind for research:
# a model that you can solve is the best debugger for one that you cannot.


# %%
class LinearGaussianVAE(nn.Module):
    """A VAE whose every quantity is known: z ~ N(0, I_k), x given z ~ N(weight z + bias, noise_var I), q(z | x) linear.

    `weight` is (D, k), `bias` (D,). The encoder N(gain (x - bias) + offset, diag exp(encoder_logvar)) starts as the
    best diagonal approximation of the posterior, which is exact if the columns of `weight` are orthogonal.
    """

    def __init__(self, weight: Tensor, bias: Tensor, noise_var: float):
        super().__init__()
        self.latent_dim = weight.shape[1]
        self.noise_var = noise_var
        self.weight, self.bias = nn.Parameter(weight), nn.Parameter(bias)
        with torch.no_grad():
            precision = self._precision()
            self.gain = nn.Parameter(torch.linalg.solve(precision, weight.T) / noise_var)
            self.offset = nn.Parameter(weight.new_zeros(self.latent_dim))
            self.encoder_logvar = nn.Parameter(-precision.diagonal().log())

    def _precision(self) -> Tensor:
        eye = torch.eye(self.latent_dim, dtype=self.weight.dtype, device=self.weight.device)
        return eye + self.weight.T @ self.weight / self.noise_var

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log-variance of q(z | x): (B, D) -> (B, k), (B, k)."""
        mu = (x - self.bias) @ self.gain.T + self.offset
        return mu, self.encoder_logvar.expand(mu.shape)

    def decode(self, z: Tensor) -> Tensor:
        """Return the mean of x given z: (..., k) -> (..., D)."""
        return z @ self.weight.T + self.bias

    def log_likelihood(self, x: Tensor, z: Tensor) -> Tensor:
        """Return log p(x | z): (B, D), (K, B, k) -> (K, B)."""
        return torch.distributions.Normal(self.decode(z), math.sqrt(self.noise_var)).log_prob(x).sum(-1)

    def log_prob(self, x: Tensor) -> Tensor:
        """Return the exact log p(x), which no bound may exceed: (B, D) -> (B,)."""
        eye = torch.eye(len(self.bias), dtype=self.weight.dtype, device=self.weight.device)
        covariance = self.weight @ self.weight.T + self.noise_var * eye
        centred = (x - self.bias).T  # (D, B)
        distance = (centred * torch.linalg.solve(covariance, centred)).sum(0)
        return -0.5 * (distance + torch.logdet(covariance) + len(self.bias) * LOG_2PI)

    def gap(self, x: Tensor) -> Tensor:
        """Return the exact divergence of q(z | x) from the posterior p(z | x): (B, D) -> (B,)."""
        mu, logvar = self.encode(x)
        precision = self._precision()
        off = mu - torch.linalg.solve(precision, ((x - self.bias) @ self.weight / self.noise_var).T).T
        spread = logvar.exp() @ precision.diagonal() + ((off @ precision) * off).sum(-1) - self.latent_dim
        return 0.5 * (spread - torch.logdet(precision) - logvar.sum(-1))


# %% [markdown] written="W2.1" points=6 pages=1
# **ELBO and EM.** Let $p_\theta(x,z)$ be a latent-variable model and $q(z)$ any density with the same support as the
# posterior. Define $\mathcal L(\theta,q)=E_{q(z)}\left[\log p_\theta(x,z)-\log q(z)\right]$.
#
# (a) Prove that $\log p_\theta(x)=\mathcal L(\theta,q)+KL(q\,\|\,p_\theta(z\mid x))$. When is the bound tight?
#
# (b) Show that the EM algorithm is coordinate ascent on $\mathcal L$, and conclude that $\log p_\theta(x)$ never
# decreases. A VAE replaces the free $q$ of every $x$ by one network, $q_\phi(z\mid x)$: split the gap into the part due
# to the *family* of $q$ and the part due to *amortisation*.
#
# (c) Prove Fisher's identity,
# $\nabla_\theta\log p_\theta(x)=E_{p_\theta(z\mid x)}\left[\nabla_\theta\log p_\theta(x,z)\right]$. What does it say
# about $\nabla_\theta\mathcal L$ when $q$ is the exact posterior?
#
# ### BEGIN SOLUTION
# (a) Bayes' rule in the log, $\log p_\theta(x)=\log p_\theta(x,z)-\log p_\theta(z\mid x)$, holds for every $z$. Add and
# subtract $\log q(z)$ and take the expectation under $q$; the left side does not depend on $z$:
#
# $$\log p_\theta(x)=E_q\left[\log p_\theta(x,z)-\log q(z)\right]+E_q\left[\log q(z)-\log p_\theta(z\mid x)\right]
#   =\mathcal L(\theta,q)+KL(q\,\|\,p_\theta(z\mid x)).$$
#
# The divergence is non-negative (Jensen), and zero exactly when $q=p_\theta(z\mid x)$ almost everywhere; then the bound
# is tight.
#
# (b) For fixed $\theta_t$ the left side of (a) is constant, so maximising $\mathcal L$ over $q$ means minimising the
# divergence: $q_{t+1}=p_{\theta_t}(z\mid x)$, the E-step, after which
# $\mathcal L(\theta_t,q_{t+1})=\log p_{\theta_t}(x)$. For fixed $q_{t+1}$ its entropy is constant, so maximising
# $\mathcal L$ over $\theta$ is maximising $E_{q_{t+1}}\log p_\theta(x,z)$, the M-step. Hence
# $\log p_{\theta_{t+1}}(x)\ge\mathcal L(\theta_{t+1},q_{t+1})\ge\mathcal L(\theta_t,q_{t+1})=\log p_{\theta_t}(x)$.
# With a family $\mathcal Q$, let $q^*_x$ minimise $KL(q\,\|\,p_\theta(z\mid x))$ over $\mathcal Q$ for this one $x$.
# Then the gap of the VAE is $KL(q^*_x\,\|\,p_\theta(z\mid x))$, due to the family, plus
# $KL(q_\phi(\cdot\mid x)\,\|\,p_\theta(z\mid x))-KL(q^*_x\,\|\,p_\theta(z\mid x))\ge0$, due to amortisation.
#
# (c) Differentiate under the integral and use $\nabla p=p\,\nabla\log p$:
#
# $$\nabla_\theta\log p_\theta(x)=\frac{1}{p_\theta(x)}\int\nabla_\theta p_\theta(x,z)\,dz
#   =\int\frac{p_\theta(x,z)}{p_\theta(x)}\nabla_\theta\log p_\theta(x,z)\,dz
#   =E_{p_\theta(z\mid x)}\left[\nabla_\theta\log p_\theta(x,z)\right].$$
#
# Since $\nabla_\theta\mathcal L(\theta,q)=E_q[\nabla_\theta\log p_\theta(x,z)]$ for fixed $q$, the gradient of the
# bound at the exact posterior *is* the gradient of the log-likelihood, although $q$ is not differentiated.
# ### END SOLUTION
#
# ### BEGIN MARK SCHEME
# - (1) (a) decomposes the log by Bayes' rule and takes the expectation under $q$
# - (1) (a) names the posterior as the only $q$ without a gap, by non-negativity of KL
# - (1) (b) E-step and M-step as maximisation over $q$ and over $\theta$, and the chain of inequalities
# - (1) (b) splits the gap into family and amortisation, both non-negative (names $q^*_x$, the best member of the family
#   for this one $x$)
# - (1) (c) proves the identity with the log-derivative trick
# - (1) (c) concludes that the gradients of bound and log-likelihood agree at the exact posterior
# ### END MARK SCHEME

# %% [markdown]
# ### The network
#
# The digits are binarised: $x\in\{0,1\}^{D}$. The decoder gives one **logit** $\ell_i$ per pixel, and pixels are
# independent given $z$:
#
# $$\log p_\theta(x\mid z)=\sum_{i=1}^{D}\left[x_i\log s(\ell_i)+(1-x_i)\log\left(1-s(\ell_i)\right)\right],\qquad
#   s(\ell)=\frac{1}{1+e^{-\ell}}. \tag{2.5}$$
#
# | symbol | variable | shape | dtype |
# |---|---|---|---|
# | $x$ | `x` | `(B, D)` of zeros and ones | floating |
# | $\mu_\phi(x)$, $\log\sigma_\phi^2(x)$ | `encode(x)` | two of `(B, Dz)` | same |
# | $\ell_\theta(z)$ | `decode(z)` | `(..., Dz)` → `(..., D)` | same |
# | $\log p_\theta(x\mid z)$ | `log_likelihood(x, z)` | `(B, D)`, `(K, B, Dz)` → `(K, B)` | same |
#
# The layers are given. Two things are yours to get right: $\log\sigma^2$ may have either sign, so nothing squashes it;
# and (2.5) is computed from the logits, because $\log(1-s(40))$ is $\log 0$ in float32. PyTorch has functions for that.
# Sum over pixels: a mean would divide the reconstruction by 64 and let the divergence win.


# %% solution="2.2a"
class VAE(nn.Module):
    """A VAE with Gaussian latents and independent binary pixels. `encoder` and `decoder` are multilayer perceptrons."""

    def __init__(self, data_dim: int = 64, latent_dim: int = 8, hidden: int = 200):
        super().__init__()
        self.latent_dim = latent_dim
        self.encoder = nn.Sequential(
            nn.Linear(data_dim, hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Linear(hidden, 2 * latent_dim),
        )
        self.decoder = nn.Sequential(
            nn.Linear(latent_dim, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, data_dim)
        )

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log-variance of q(z | x): (B, D) -> (B, Dz), (B, Dz)."""
        ### BEGIN SOLUTION
        mu, logvar = self.encoder(x).chunk(2, dim=-1)
        return mu, logvar
        ### END SOLUTION

    def decode(self, z: Tensor) -> Tensor:
        """Return the logits of the pixels, any real numbers: (..., Dz) -> (..., D)."""
        ### BEGIN SOLUTION
        return self.decoder(z)
        ### END SOLUTION

    def log_likelihood(self, x: Tensor, z: Tensor) -> Tensor:
        """Return log p(x | z) in nats, equation (2.5), summed over pixels: (B, D), (K, B, Dz) -> (K, B)."""
        ### BEGIN SOLUTION
        logits = self.decode(z)  # (K, B, D)
        cost = nn.functional.binary_cross_entropy_with_logits(logits, x.expand_as(logits), reduction="none")
        return -cost.sum(-1)
        ### END SOLUTION


# %% tests="2.2a"
@core
@points(1)
def test_vae_shapes(rng):
    """Encoder, decoder and log-likelihood return the stated shapes, and log-probabilities are negative."""
    k, b, d, dz = rng.size(2, 3), rng.size(2, 5), rng.size(3, 9), rng.size(1, 4)
    vae = VAE(d, dz, hidden=12)
    x, z = torch.randint(2, (b, d), generator=rng).double(), torch.randn(k, b, dz, generator=rng)
    encoded = vae.encode(x)
    assert len(encoded) == 2, f"encode returns two tensors, mean and log-variance, not {len(encoded)}"
    for name, tensor, shape in (
        ("mean", encoded[0], (b, dz)),
        ("log-variance", encoded[1], (b, dz)),
        ("decode", vae.decode(z), (k, b, d)),
        ("log_likelihood", vae.log_likelihood(x, z), (k, b)),
    ):
        assert tuple(tensor.shape) == shape, f"{name}: expected shape {shape}, got {tuple(tensor.shape)}"
    assert bool((vae.log_likelihood(x, z) < 0).all()), "No image is certain: its log-probability is negative"


@points(0.5)
def test_all_images_have_total_probability_one(rng):
    """The probabilities of all 2^D images sum to one for every z."""
    d, dz = rng.size(3, 5), rng.size(1, 3)
    vae = VAE(d, dz, hidden=10)
    images = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * d)
    z = 2 * torch.randn(3, 1, dz, generator=rng).expand(3, len(images), dz)
    total = vae.log_likelihood(images, z).exp().sum(-1)
    message = (
        f"The probabilities of all {len(images)} images do not sum to one: add up the pixels, take no mean over them"
    )
    assert_close(total, torch.ones(3), message)


### BEGIN HIDDEN TESTS
@points(1)
def test_a_logit_is_the_log_odds_of_its_pixel(rng):
    """Switching one pixel on adds its logit to the log-likelihood, whose slope is pixel minus probability."""
    d, dz = rng.size(3, 7), rng.size(2, 3)
    vae, i = VAE(d, dz, hidden=10), rng.size(0, 2)
    z = 20 * torch.randn(2, 4, dz, generator=rng)
    off = torch.randint(2, (4, d), generator=rng).double()
    off[:, i] = 0
    on = off.clone()
    on[:, i] = 1
    odds = vae.log_likelihood(on, z) - vae.log_likelihood(off, z)
    assert_close(vae.decode(z)[..., i], odds, "A logit is log p(on) - log p(off) of its pixel; decode returns logits")
    z = (z / 20).requires_grad_()
    logits = vae.decode(z)
    (slope,) = torch.autograd.grad(((on - torch.sigmoid(logits)).detach() * logits).sum(), z)
    value = assert_inputs_unchanged(vae.log_likelihood, on, z)
    assert value.requires_grad, "no gradient flows from the log-likelihood back to z"
    (found,) = torch.autograd.grad(value.sum(), z, allow_unused=True)
    assert found is not None, "no gradient flows from the log-likelihood back to z: was it detached?"
    assert_close(found, slope, "The slope of the log-likelihood for a logit is pixel minus probability")


@points(0.75)
def test_log_likelihood_survives_extreme_logits(rng):
    """Extreme logits give a finite log-likelihood and a finite gradient."""
    d = rng.size(3, 7)
    vae = VAE(d, 2, hidden=10)
    z = (1e5 * torch.randn(1, 4, 2, generator=rng)).requires_grad_()
    value = vae.log_likelihood(torch.randint(2, (4, d), generator=rng).double(), z)
    assert_finite(value, "The log of a rounded probability is infinite; compute from the logits")
    assert value.requires_grad, "no gradient flows from the log-likelihood: was it detached?"
    (gradient,) = torch.autograd.grad(value.sum(), z, allow_unused=True)
    assert gradient is not None, "no gradient flows from the log-likelihood back to z: was it detached?"
    assert_finite(gradient, "The gradient at extreme logits")
    odds = vae.log_likelihood(torch.ones(4, d), z) - vae.log_likelihood(torch.zeros(4, d), z)
    message = "All pixels on against all off is the sum of the logits: no rounded probability, nothing added or clamped"
    assert_close(odds.detach(), vae.decode(z).detach().sum(-1), message)


@points(0.75)
def test_mean_and_log_variance_are_free(rng):
    """Means, log-variances and logits take any value, image by image; parameters receive gradients, float32 is kept."""
    vae = VAE(6, 8, hidden=16)
    x = 100 * torch.randn(64, 6, generator=rng)
    mu, logvar = vae.encode(x)
    low, high = float(logvar.detach().min()), float(logvar.detach().max())
    assert low < 0 < high, "The log-variance never changes sign: nothing may squash it, it is not a variance"
    assert float((mu - logvar).detach().abs().max()) > 1e-6, "Mean and log-variance are the same numbers"
    assert_close(vae.encode(x[:1])[0], mu[:1], "The mean of an image depends on the other images of the batch")
    assert mu.requires_grad, "no gradient reaches the encoder through the mean"
    images = torch.randint(2, (64, 6), generator=rng).double()
    loss = vae.log_likelihood(images, mu.unsqueeze(0)).sum() + logvar.sum()
    loss.backward()
    unused = [name for name, parameter in vae.named_parameters() if parameter.grad is None]
    assert not unused, f"{len(unused)} parameter tensors receive no gradient from the loss"
    with torch.no_grad():
        for parameter in vae.parameters():
            parameter.mul_(100)  # a network whose outputs are huge
    outputs = (*vae.encode(x), vae.decode(torch.randn(64, 8, generator=rng)))
    for name, output in zip(("mean", "log-variance", "logit"), outputs, strict=True):
        free = float(output.detach().min()) < -20 and float(output.detach().max()) > 20
        assert free, f"A {name} may be any number: nothing may squash or clamp it"
    vae, z = VAE(6, 8, hidden=16).float(), torch.randn(1, 64, 8, generator=rng).float()
    single = (*vae.encode(x.float()), vae.decode(z), vae.log_likelihood(images.float(), z))
    assert all(t.dtype == torch.float32 for t in single), (
        "a float32 network gave another dtype: is one fixed somewhere?"
    )


### END HIDDEN TESTS

# %% [markdown]
# ### The bound and its parts
#
# One draw $z^{(k)}\sim q_\phi(z\mid x)$ gives a *log-weight*; its expectation is the ELBO, and the divergence can be
# done by hand:
#
# $$\begin{aligned}
#   \log w^{(k)}&=\log p_\theta(x\mid z^{(k)})+\log p(z^{(k)})-\log q_\phi(z^{(k)}\mid x),\\
#   \mathcal L=E_q\left[\log w\right]&=\underbrace{E_q\log p_\theta(x\mid z)}_{\text{rec}}
#   -\underbrace{KL(q_\phi(z\mid x)\,\|\,p(z))}_{\text{kl}}.
#   \end{aligned} \tag{2.6}$$
#
# | symbol | variable | shape | dtype |
# |---|---|---|---|
# | $x$ | `x` | `(B, D)` | floating |
# | $\varepsilon$ | `eps` | `(K, B, Dz)`, one row of noise per draw | same |
# | $\log p_\theta(x\mid z^{(k)})$ | `"rec"` | `(K, B)` | same |
# | $KL(q\,\Vert\,p)$, formula (2.2) | `"kl"` | `(B,)` | same |
# | $\log w^{(k)}$, from the draws | `"log_w"` | `(K, B)` | same |
#
# `vae` is anything with `encode` and `log_likelihood`: your network, or the solvable one. Note that `kl` is exact while
# `log_w` uses the draws in *both* densities of $z$. That makes $\log w$ constant when $q$ is the posterior: not only
# its mean but every single $\log w^{(k)}$ equals $\log p(x)$ (why?).


# %% solution="2.2b"
def elbo_terms(vae: nn.Module, x: Tensor, eps: Tensor) -> dict[str, Tensor]:
    """Return the parts of the ELBO, equation (2.6): {"rec": (K, B), "kl": (B,), "log_w": (K, B)}, all in nats.

    `vae` has encode(x) and log_likelihood(x, z); `x` is (B, D); `eps` (K, B, Dz) is the noise of K draws per example.
    """
    ### BEGIN SOLUTION
    mu, logvar = vae.encode(x)
    z = reparameterize(mu, logvar, eps)
    rec = vae.log_likelihood(x, z)
    log_prior = gaussian_log_prob(z, torch.zeros_like(mu), torch.zeros_like(logvar))
    log_q = gaussian_log_prob(z, mu, logvar)
    return {"rec": rec, "kl": gaussian_kl(mu, logvar), "log_w": rec + log_prior - log_q}
    ### END SOLUTION


# %% tests="*"
def solvable_vae(rng, *, exact):
    """A random LinearGaussianVAE and a batch x (B, D). Its encoder is the exact posterior, or a wrong one."""
    b, d, k = rng.size(2, 4), rng.size(3, 6), rng.size(1, 3)
    columns = torch.linalg.qr(torch.randn(d, k, generator=rng)).Q * (0.5 + torch.rand(k, generator=rng))
    vae = LinearGaussianVAE(columns, torch.randn(d, generator=rng), 0.2 + float(torch.rand((), generator=rng)))
    if not exact:
        with torch.no_grad():
            for parameter in (vae.gain, vae.offset, vae.encoder_logvar):
                parameter.add_(0.4 * torch.randn(parameter.shape, generator=rng))
    return vae, torch.randn(b, d, generator=rng)


def balanced_noise(b, k):
    """Noise (2k, b, k) over which the average of any quadratic function equals its expectation under N(0, I)."""
    points = math.sqrt(k) * torch.cat([torch.eye(k), -torch.eye(k)])
    return points.unsqueeze(1).expand(2 * k, b, k)


# %% tests="2.2b"
@core
@points(1)
def test_terms_have_their_shapes(rng):
    """The terms are rec (K, B), kl (B,) and log_w (K, B); without noise, rec is log p(x | mean)."""
    vae, x = solvable_vae(rng, exact=False)
    b, k = len(x), rng.size(2, 4)
    terms = elbo_terms(vae, x, torch.zeros(k, b, vae.latent_dim))
    assert set(terms) == {"rec", "kl", "log_w"}, 'return a dict with the keys "rec", "kl" and "log_w"'
    for name, shape in (("rec", (k, b)), ("kl", (b,)), ("log_w", (k, b))):
        assert tuple(terms[name].shape) == shape, f"{name}: expected shape {shape}, got {tuple(terms[name].shape)}"
    mu, _ = vae.encode(x)
    expected = vae.log_likelihood(x, mu.expand(k, *mu.shape))
    assert_close(terms["rec"], expected.detach(), "Without noise, rec is the log-likelihood at the mean of q")


@points(0.75)
def test_exact_posterior_gives_constant_weights(rng):
    """If q is the exact posterior, every log-weight equals log p(x), whatever the noise."""
    vae, x = solvable_vae(rng, exact=True)
    k = rng.size(2, 5)
    terms = elbo_terms(vae, x, torch.randn(k, len(x), vae.latent_dim, generator=rng))
    truth = vae.log_prob(x).detach().expand(k, len(x))
    assert_close(terms["log_w"], truth, "When q is the posterior, log_w is log p(x) for every draw")


@points(0.5)
def test_shifted_code_costs_half_a_nat_per_dimension(rng):
    """If q is N(1, I) whatever x is, kl is one half per latent dimension."""
    vae, x = solvable_vae(rng, exact=False)
    with torch.no_grad():
        for parameter, value in ((vae.gain, 0.0), (vae.offset, 1.0), (vae.encoder_logvar, 0.0)):
            parameter.fill_(value)
    kl = elbo_terms(vae, x, torch.randn(2, len(x), vae.latent_dim, generator=rng))["kl"]
    assert bool((kl >= 0).all()), "kl has the wrong sign: a divergence is never negative"
    message = "q = N(1, I) costs half a nat per latent dimension: kl is a sum over them, not a mean"
    assert_close(kl, torch.full((len(x),), vae.latent_dim / 2), message)


### BEGIN HIDDEN TESTS
@points(0.5)
def test_every_draw_uses_its_own_noise(rng):
    """Every draw is made of its own noise, and so is its gradient; inputs are left unchanged, their dtype is kept."""
    vae, x = solvable_vae(rng, exact=False)
    eps = torch.randn(4, len(x), vae.latent_dim, generator=rng)
    order = torch.tensor([2, 0, 3, 1])
    terms = assert_inputs_unchanged(elbo_terms, vae, x, eps)
    shuffled = elbo_terms(vae, x, eps[order])
    for name in ("rec", "log_w"):
        assert float(terms[name].detach().std(0).min()) > 1e-9, f"{name} does not vary over draws: is the noise shared?"
        assert_close(shuffled[name], terms[name][order], f"{name}: draw k belongs to noise k")
    mu, logvar = vae.encode(x)
    z = mu + (logvar / 2).exp() * eps
    right = vae.log_likelihood(x, z)
    assert_close(terms["rec"], right.detach(), "rec is log p(x | z) at z = mean + standard deviation times noise")
    right, weight = right + 0.5 * (eps.square() + logvar - z.square()).sum(-1), torch.rand(eps.shape[:2], generator=rng)
    assert terms["log_w"].requires_grad, "log_w carries no gradient: was it detached?"
    slopes = [torch.autograd.grad((weight * log_w).sum(), vae.encoder_logvar)[0] for log_w in (terms["log_w"], right)]
    assert_close(
        slopes[0], slopes[1], "The gradient of log_w for the log-variance: is z, or a part of log q, detached?"
    )
    shapes = {name: tuple(term.shape) for name, term in elbo_terms(vae, x[:1], eps[:1, :1]).items()}
    assert shapes == {"rec": (1, 1), "kl": (1,), "log_w": (1, 1)}, "One draw of one example keeps both axes"
    with torch.no_grad():
        vae.encoder_logvar.add_(11.0)
    (mu, logvar), wide = vae.encode(x), elbo_terms(vae, x, eps)
    z = mu + (logvar / 2).exp() * eps
    right = vae.log_likelihood(x, z)
    assert_close(wide["rec"], right.detach(), "A very wide q: the log-variance is taken as it is")
    right = right + 0.5 * (eps.square() + logvar - z.square()).sum(-1)
    assert_close(wide["log_w"], right.detach(), "A very wide q: the log-weight is taken as it is")
    single = elbo_terms(vae.float(), x.float(), eps.float())
    assert all(t.dtype == torch.float32 for t in single.values()), "float32 arguments gave another dtype"


@points(1.25)
def test_both_bounds_miss_by_the_divergence_from_the_posterior(rng):
    """The expectations of rec minus kl and of log_w, and their gradients, are those of log p(x) - KL(q || posterior)."""
    vae, x = solvable_vae(rng, exact=False)
    parameters = list(vae.parameters())
    terms = elbo_terms(vae, x, balanced_noise(len(x), vae.latent_dim))
    truth = vae.log_prob(x) - vae.gap(x)
    wanted = torch.autograd.grad(truth.sum(), parameters)
    for words, bound in (("rec - kl", terms["rec"].mean(0) - terms["kl"]), ("log_w", terms["log_w"].mean(0))):
        assert bool((bound <= vae.log_prob(x) + 1e-6).all()), f"The mean of {words} exceeds log p(x): mind the signs"
        assert_close(bound.detach(), truth.detach(), f"log p(x) minus the mean of {words} is KL(q || posterior)")
        assert bound.requires_grad, f"{words} carries no gradient: were the terms detached?"
        found = torch.autograd.grad(bound.sum(), parameters, allow_unused=True, retain_graph=True)
        for (name, _), gradient, right in zip(vae.named_parameters(), found, wanted, strict=True):
            assert gradient is not None, f"no gradient of {words} reaches the parameter {name}"
            assert_close(gradient, right, f"The gradient of {words} for {name}")


### END HIDDEN TESTS

# %% [markdown]
# ### Weighing the two parts: β and warm-up
#
# $$\mathcal L_\beta=\frac1K\sum_{k=1}^{K}\log p_\theta(x\mid z^{(k)})-\beta\,KL(q_\phi(z\mid x)\,\|\,p(z)),\qquad
#   \beta_t=\min\left(1,\frac{t}{T}\right). \tag{2.7}$$
#
# $\beta>1$ buys compression at the price of reconstruction; $\beta<1$ the reverse; only $\beta=1$ is a bound on
# $\log p(x)$ that is tight at the posterior. *Warm-up* lets $\beta$ grow from 0 to 1 over the first $T$ steps, so that
# the decoder learns to need $z$ before the divergence can switch it off.
#
# | symbol | variable | shape | dtype |
# |---|---|---|---|
# | terms of (2.6) | `terms["rec"]`, `terms["kl"]` | `(K, B)`, `(B,)` | floating |
# | $\beta$ | `beta` | number | float |
# | $\mathcal L_\beta$ | returned | `(B,)` | floating |
# | $t$, $T$ | `step`, `warmup` | numbers, $t\ge0$, $T\ge0$ | int |


# %% solution="2.2c"
def beta_elbo(terms: dict[str, Tensor], beta: float) -> Tensor:
    """Return the beta-ELBO per example in nats, equation (2.7): the mean of rec over draws minus beta times kl; (B,).

    `terms` is what elbo_terms returns.
    """
    ### BEGIN SOLUTION
    return terms["rec"].mean(0) - beta * terms["kl"]
    ### END SOLUTION


# %% tests="2.2c"
@core
@points(0.5)
def test_beta_one_is_the_elbo(rng):
    """With beta = 1, a constant reconstruction r and divergence c give r - c per example."""
    k, b = rng.size(2, 4), rng.size(2, 5)
    r, c = torch.randn(b, generator=rng), torch.rand(b, generator=rng)
    terms = {"rec": r.expand(k, b), "kl": c, "log_w": torch.zeros(k, b)}
    assert_close(beta_elbo(terms, 1.0), r - c, "With beta = 1 this is the ELBO, one number per example")


@points(0.5)
def test_beta_zero_is_pure_reconstruction(rng):
    """With beta = 0, what the code costs does not matter."""
    k, b = rng.size(2, 4), rng.size(2, 5)
    rec = torch.randn(b, generator=rng).expand(k, b)
    terms = {"rec": rec, "kl": 5 * torch.rand(b, generator=rng), "log_w": torch.zeros(k, b)}
    assert_close(beta_elbo(terms, 0.0), rec[0], "beta multiplies the divergence, not the reconstruction")


### BEGIN HIDDEN TESTS
@points(0.5)
def test_every_draw_counts_equally(rng):
    """Every draw counts with weight 1/K and the divergence with weight beta."""
    k, b, beta = rng.size(2, 5), rng.size(1, 4), 1.3 + 3 * float(torch.rand((), generator=rng))
    shapes = {"rec": (k, b), "kl": (b,), "log_w": (k, b)}
    terms = {name: torch.randn(*shape, generator=rng) for name, shape in shapes.items()}
    base = beta_elbo(terms, beta)
    for i in range(k):
        raised = {**terms, "rec": terms["rec"] + torch.eye(k)[i].unsqueeze(-1)}
        assert_close(beta_elbo(raised, beta) - base, torch.full((b,), 1 / k), "Each draw counts 1/K")
    dearer = {**terms, "kl": terms["kl"] + 1}
    assert_close(base - beta_elbo(dearer, beta), torch.full((b,), beta), "One more nat of divergence costs beta")


@points(0.5)
def test_beta_elbo_leaves_its_inputs_alone(rng):
    """Inputs are left unchanged, their dtype is kept, and autograd agrees with finite differences."""
    k, b, beta = rng.size(2, 3), rng.size(1, 3), 1.7
    rec, kl, log_w = (torch.randn(*shape, generator=rng) for shape in ((k, b), (b,), (k, b)))
    assert_inputs_unchanged(beta_elbo, {"rec": rec, "kl": kl, "log_w": log_w}, beta)
    assert_gradients_match(lambda r, c: beta_elbo({"rec": r, "kl": c, "log_w": log_w}, beta), rec, kl)
    single = beta_elbo({"rec": rec.float(), "kl": kl.float(), "log_w": log_w.float()}, beta)
    assert single.dtype == torch.float32, "float32 terms gave another dtype: was a tensor made with a fixed dtype?"


### END HIDDEN TESTS


# %% solution="2.2d"
def kl_weight(step: int, warmup: int) -> float:
    """Return beta at training step `step` (0, 1, ...), equation (2.7): from 0 up to 1 at `warmup`, then 1.

    Without warm-up (`warmup` is 0) it is always 1.
    """
    ### BEGIN SOLUTION
    return 1.0 if warmup <= 0 else min(1.0, step / warmup)
    ### END SOLUTION


# %% tests="2.2d"
@core
@points(0.5)
def test_warmup_goes_from_zero_to_one(rng):
    """The weight is 0 at the start, 1 at the end of the warm-up, and stays 1."""
    warmup = rng.size(5, 500)
    ends = [float(kl_weight(step, warmup)) for step in (0, warmup, warmup + 1, 10 * warmup)]
    assert_close(ends, [0.0, 1.0, 1.0, 1.0], "The weight at the start, at the end of the warm-up, and later")


### BEGIN HIDDEN TESTS
@points(0.25)
def test_warmup_is_linear(rng):
    """The weight grows by the same amount at every step of the warm-up."""
    for warmup in (1, rng.size(6, 40)):
        weights = [float(kl_weight(step, warmup)) for step in range(warmup + 1)]
        steps = [weights[i + 1] - weights[i] for i in range(warmup)]
        assert_close(steps, [1 / warmup] * warmup, f"With warmup = {warmup} each step adds 1/{warmup}")


@points(0.25)
def test_no_warmup_means_full_weight(rng):
    """Without warm-up the weight is 1 from the first step on."""
    weights = [float(kl_weight(step, 0)) for step in (0, 1, rng.size(2, 100))]
    assert_close(weights, [1.0, 1.0, 1.0], "warmup = 0 switches the warm-up off")


### END HIDDEN TESTS

# %% [markdown]
# ### Tighter bounds from the same draws
#
# Averaging the weights *before* taking the logarithm gives the importance-weighted bound
#
# $$L_K=\log\frac1K\sum_{k=1}^{K}w^{(k)},\qquad
#   E\,L_1=\mathcal L\;\le\;E\,L_K\;\le\;E\,L_{K+1}\;\le\;\log p_\theta(x). \tag{2.8}$$
#
# | symbol | variable | shape | dtype |
# |---|---|---|---|
# | $\log w^{(k)}$ | `log_w` | `(K, B)` | floating |
# | $L_K$ | returned | `(B,)` | same |
#
# The weights of a 64-pixel image are around $e^{-20}$, those of a real photograph around $e^{-10^4}$: nobody can hold
# them as numbers, only as logarithms.


# %% solution="2.2e"
def iwae_bound(log_w: Tensor) -> Tensor:
    """Return the importance-weighted bound per example in nats, equation (2.8): (K, B) -> (B,). Stable."""
    ### BEGIN SOLUTION
    return torch.logsumexp(log_w, dim=0) - math.log(log_w.shape[0])
    ### END SOLUTION


# %% tests="2.2e"
@core
@points(0.5)
def test_one_draw_is_its_own_bound(rng):
    """With a single draw the bound is its log-weight."""
    log_w = torch.randn(1, rng.size(2, 6), generator=rng)
    bound, shape = iwae_bound(log_w), (log_w.shape[1],)
    message = "average over the K draws, the first axis, not over the batch"
    assert tuple(bound.shape) == shape, f"expected shape {shape}, got {tuple(bound.shape)}: {message}"
    assert_close(bound, log_w[0], "With K = 1 the bound is log_w itself, one number per example")


@points(0.5)
def test_equal_weights_give_that_weight(rng):
    """K equal weights average to that weight, so a perfect q gives log p(x) for every K."""
    k, b = rng.size(2, 4), rng.size(5, 7)
    value = torch.randn(b, generator=rng)
    message = "The average of K equal weights is that weight: subtract log K, the number of draws"
    assert_close(iwae_bound(value.expand(k, b)), value, message)


@points(0.5)
def test_bound_is_the_log_of_the_average_weight(rng):
    """K exp(L_K) is the sum of the K weights."""
    k, b = rng.size(2, 6), rng.size(1, 4)
    log_w = 2 * torch.randn(k, b, generator=rng)
    message = "K exp(L_K) is the sum of the weights: average the weights, not their logarithms"
    assert_close(k * iwae_bound(log_w).exp(), log_w.exp().sum(0), message)


### BEGIN HIDDEN TESTS
@points(1)
def test_bound_is_stable_for_tiny_and_huge_weights(rng):
    """Adding 20000 nats to every log-weight adds them to the bound; a weight far above the others decides alone."""
    log_w = torch.randn(rng.size(2, 5), rng.size(1, 4), generator=rng)
    base = iwae_bound(log_w)
    for shift in (-20_000.0, 20_000.0):
        moved = iwae_bound(log_w + shift)
        assert_finite(moved, "Weights under- or overflow; stay in log space")
        assert_close(moved - shift, base, "A common factor of all weights is a common summand of the bound", atol=1e-5)
    k = log_w.shape[0]
    alone = iwae_bound(log_w + 2000 * torch.arange(k).unsqueeze(-1))
    assert_finite(alone, "Weights that differ by thousands of nats overflow; subtract the largest, not another")
    assert_close(alone, log_w[-1] + 2000 * (k - 1) - math.log(k), "One weight far above the others decides", atol=1e-5)
    pair = iwae_bound(torch.stack([log_w[:, 0], log_w[:, 0] - 2000], dim=1))
    assert_finite(pair, "Examples that differ by thousands of nats: subtract the largest weight of each example")
    assert_close(pair[0] - pair[1], torch.tensor(2000.0), "The bound of an example depends on the others of the batch")
    assert tuple(iwae_bound(log_w[:, :1]).shape) == (1,), "A batch of one example gives a bound of shape (1,)"


@points(0.5)
def test_iwae_leaves_its_inputs_alone(rng):
    """Inputs are left unchanged, their dtype is kept, and autograd agrees with finite differences."""
    log_w = torch.randn(rng.size(2, 5), rng.size(1, 4), generator=rng)
    assert_inputs_unchanged(iwae_bound, log_w)
    assert_gradients_match(iwae_bound, log_w)
    assert iwae_bound(log_w.float()).dtype == torch.float32, "float32 log-weights gave another dtype"


### END HIDDEN TESTS

# %% [markdown]
# **Experiment: the sandwich.** In the solvable world, with a deliberately poor $q$, the bounds climb towards the truth.
# With 200 000 draws in all, expect about −7.40 (ELBO), −5.91 ($K=5$), −5.66 ($K=50$) and −5.65 ($K=500$) against
# $\log p(x)=-5.64$, and an ELBO gap that equals `gap`, 1.75. Reflect: for larger $K$ the rest of the gap falls like
# $1/K$; which property of the weights decides how fast?

# %% experiment="2.2"
from hwkit import preset, set_seed

set_seed(1)
TOTAL = preset(smoke=20_000, cpu=200_000, gpu=200_000)
world = LinearGaussianVAE(torch.tensor([[1.0, 0.6], [0.4, -1.0], [0.8, 0.3], [-0.5, 0.9]]), torch.zeros(4), 0.5)
with torch.no_grad():
    world.offset.add_(0.5)  # spoil the encoder
    world.encoder_logvar.add_(0.8)
    x = torch.tensor([[1.0, -1.0, 0.5, 2.0]])
    print(f"log p(x) {float(world.log_prob(x)):.2f}, exact gap of the ELBO {float(world.gap(x)):.2f}")
    for k in (1, 5, 50, 500):
        terms = elbo_terms(world, x.expand(TOTAL // k, 4), torch.randn(k, TOTAL // k, 2))
        bound = iwae_bound(terms["log_w"])
        print(f"K = {k:3d}: {float(bound.mean()):.2f} ± {float(bound.std() / math.sqrt(TOTAL // k)):.2f}")

# %% [markdown] written="W2.2" points=6 pages=1
# **Importance weights.** Let $w=p_\theta(x,z)/q(z)$ with $z\sim q$, where $q>0$ wherever $p_\theta(x,z)>0$, let
# $w_1,w_2,\dots$ be independent copies, and $L_K=E\left[\log\frac1K\sum_{k=1}^Kw_k\right]$, the expectation of (2.8).
#
# (a) Prove $L_K\le\log p_\theta(x)$ for every $K$.
#
# (b) Prove $L_K\le L_{K+1}$. *Hint:* an average over $K+1$ numbers is an average of averages over random subsets.
#
# (c) When does equality hold in (a) and in (b)? What is $\lim_{K\to\infty}L_K$ if $E|\log w|<\infty$?
#
# ### BEGIN SOLUTION
# (a) $E[w]=\int q(z)\frac{p_\theta(x,z)}{q(z)}dz=p_\theta(x)$. The logarithm is concave, so by Jensen
# $L_K\le\log E\left[\frac1K\sum_kw_k\right]=\log p_\theta(x)$.
#
# (b) Let $I$ be a uniformly random subset of $\{1,\dots,K+1\}$ with $K$ elements, independent of the weights. Each index is
# in $I$ with probability $\frac{K}{K+1}$, so given the weights
# $\frac{1}{K+1}\sum_{k=1}^{K+1}w_k=E_I\left[\frac1K\sum_{k\in I}w_k\right]$. By Jensen for the expectation over $I$,
#
# $$L_{K+1}=E\left[\log E_I\left[\tfrac1K\textstyle\sum_{k\in I}w_k\right]\right]
#   \ge E\left[E_I\left[\log\tfrac1K\textstyle\sum_{k\in I}w_k\right]\right]=L_K,$$
#
# because for every fixed $I$ the weights in it are $K$ independent copies.
#
# (c) The logarithm is strictly concave. Equality in (a) means that $\frac1K\sum_kw_k$ is almost surely constant; as its
# summands are independent and equally distributed, each is constant. Equality in (b) means that almost surely all the
# subset averages agree, that is, all $w_k$ are equal; being independent, they are constant. Conversely a constant $w$
# gives equality everywhere. And $w$ is constant, namely $p_\theta(x)$, if and only if $q=p_\theta(z\mid x)$.
#
# By the strong law $\frac1K\sum_kw_k\to p_\theta(x)$ almost surely, hence its logarithm tends to $\log p_\theta(x)$. For
# the expectations, $D_K=\log\frac1K\sum_kw_k-\frac1K\sum_k\log w_k\ge0$ and $D_K\to\log p_\theta(x)-E\log w$ almost
# surely; by Fatou's lemma $\liminf_KE[D_K]=\liminf_KL_K-E\log w\ge\log p_\theta(x)-E\log w$. With (a):
# $L_K\to\log p_\theta(x)$.
# ### END SOLUTION
#
# ### BEGIN MARK SCHEME
# - (1) (a) $E[w]=p_\theta(x)$ and Jensen in the right direction
# - (1) (b) writes the average as an average over random subsets of $K$ weights
# - (1) (b) Jensen over the subset, then the expectation, gives the inequality
# - (1) (c) equality if and only if $w$ is almost surely constant, for (a) and (b)
# - (1) (c) that is, $q$ is the posterior
# - (1) (c) the limit is $\log p_\theta(x)$: the strong law, and a reason why expectations converge too (Fatou, or
#   dominated convergence with a stated bound; the strong law alone earns half)
# ### END MARK SCHEME

# %% [markdown]
# ### Which latents are used?
#
# If the mean $\mu_{\phi,i}(x)$ hardly moves when $x$ changes, dimension $i$ carries no information. Count the others:
#
# $$A=\#\left\{\,i:\operatorname{Var}_{x}\left[\mu_{\phi,i}(x)\right]>\delta\,\right\}. \tag{2.9}$$
#
# | symbol | variable | shape | dtype |
# |---|---|---|---|
# | $\mu_\phi(x_n)$ | `mu` | `(N, Dz)`, one row per example | floating |
# | $\delta$ | `thr` | number | float |
# | $A$ | returned | number | int |


# %% solution="2.2f"
def active_units(mu: Tensor, thr: float = 1e-2) -> int:
    """Return how many latent dimensions have a mean that varies over the data by more than `thr`, equation (2.9).

    `mu` is (N, Dz), the encoder's means of N examples; the variance may or may not have Bessel's correction.
    """
    ### BEGIN SOLUTION
    return int((mu.var(dim=0) > thr).sum())
    ### END SOLUTION


# %% tests="2.2f"
@core
@points(0.5)
def test_constant_means_are_inactive(rng):
    """Dimensions whose mean is the same for every example are inactive, whatever that mean is."""
    n = rng.size(20, 40)
    for least in (1, 3, 5):
        active = least + rng.size(0, 1)
        idle = active + rng.size(1, 3)
        moving = torch.randn(n, active, generator=rng)
        still = 3 * torch.randn(1, idle, generator=rng).expand(n, idle)
        count = active_units(torch.cat([still, moving], dim=1))
        assert count == active, "The count is not the number of dimensions whose mean varies over the data"


### BEGIN HIDDEN TESTS
@points(0.5)
def test_threshold_is_on_the_variance(rng):
    """The threshold is on the variance over examples; the count is an int, and the means stay as they are."""
    n = rng.size(50, 80)
    unit = torch.randn(n, 6, generator=rng)
    unit = (unit - unit.mean(0)) / unit.std(0)
    mu = 5 + unit * torch.tensor([0.04, 0.05, 0.06, 0.25, 0.5, 3.0])
    for thr, above in ((1e-2, 3), (0.1, 2), (1e-3, 6), (1.0, 1), (20.0, 0)):
        found = active_units(mu, thr)
        assert found == above, "The count disagrees with the variances over examples (the variance, not its root)"
    assert active_units(mu) == active_units(mu, 1e-2), "The default threshold is 0.01"
    dead = torch.cat([mu, torch.zeros(n, 2)], dim=1)
    assert active_units(dead, 0.0) == 6, "With threshold 0 every dimension that moves at all counts, and no other"
    count = assert_inputs_unchanged(active_units, mu.requires_grad_())
    assert isinstance(count, int), "The count is a plain int, also of means that carry a gradient"


### END HIDDEN TESTS

# %% [markdown]
# ### Making images
#
# To *generate*, draw $z\sim N(0,I)$ and then every pixel on its own; the coin flips come in as uniform numbers:
#
# $$x_i=\mathbb 1\left[u_i<s(\ell_{\theta,i}(z))\right],\qquad u_i\sim U(0,1). \tag{2.10}$$
#
# To *interpolate* between two images, walk on the straight line between their posterior means and look at the pixel
# probabilities,
#
# $$p_j=s\left(\ell_\theta\left((1-t_j)\,\mu_\phi(x_1)+t_j\,\mu_\phi(x_2)\right)\right),\qquad
#   t_j=\frac{j}{n-1},\quad j=0,\dots,n-1. \tag{2.11}$$
#
# | symbol | variable | shape | dtype |
# |---|---|---|---|
# | $z$, $u$ | `z`, `u` | `(N, Dz)`, `(N, D)` | floating |
# | $x$ | returned by `sample_vae` | `(N, D)` of zeros and ones | as `u` |
# | $x_1$, $x_2$ | `x1`, `x2` | `(D,)` | floating |
# | $p_j$ | returned by `interpolate` | `(n, D)`, in [0, 1] | as `x1` |


# %% solution="2.2g"
def sample_vae(vae: nn.Module, z: Tensor, u: Tensor) -> Tensor:
    """Return binary images given latents, equation (2.10): (N, Dz) and uniform numbers (N, D) -> (N, D) of 0 and 1.

    `vae` has decode(z), which returns logits. The result has the dtype of `u`.
    """
    ### BEGIN SOLUTION
    return (u < torch.sigmoid(vae.decode(z))).to(u.dtype)
    ### END SOLUTION


# %% tests="2.2g"
@core
@points(0.5)
def test_extreme_coins_decide_every_pixel(rng):
    """Where u is 0 every pixel is on, where u is 1 every pixel is off."""
    vae, x = solvable_vae(rng, exact=True)
    z = torch.randn(len(x), vae.latent_dim, generator=rng)
    assert_close(sample_vae(vae, z, torch.zeros(x.shape)), torch.ones(x.shape), "u = 0 lies below every probability")
    assert_close(sample_vae(vae, z, torch.ones(x.shape)), torch.zeros(x.shape), "u = 1 lies above every probability")


### BEGIN HIDDEN TESTS
@points(0.5)
def test_pixels_are_on_with_their_probability(rng):
    """Each pixel is on with the probability that its logit says, and the image has the dtype of u."""
    vae, x = solvable_vae(rng, exact=True)
    n, z = 4000, torch.randn(1, vae.latent_dim, generator=rng)
    u = torch.rand(n, x.shape[1], generator=rng)
    images = sample_vae(vae, z.expand(n, vae.latent_dim), u)
    assert images.shape == u.shape, "there is one pixel for each number in u"
    share = torch.sigmoid(vae.decode(z)[0])
    message = "How often a pixel is on differs from the sigmoid of its logit"
    assert_mean_close(images, share, bounds=(0.0, 1.0), message=message)
    z, on = torch.randn(5, vae.latent_dim, generator=rng), torch.randint(2, (5, x.shape[1]), generator=rng).double()
    chance = torch.sigmoid(vae.decode(z)).detach()
    u = torch.where(on == 1, 0.99 * chance, 0.01 + 0.99 * chance)  # just below and just above
    assert_close(sample_vae(vae, z, u), on, "Every pixel of every image is on if its own u lies below its probability")
    single = assert_inputs_unchanged(sample_vae, vae.float(), z.float(), u[:1].expand(5, -1).float())
    assert single.dtype == torch.float32, "The image has another dtype than u"


### END HIDDEN TESTS


# %% solution="2.2h"
def interpolate(vae: nn.Module, x1: Tensor, x2: Tensor, n: int) -> Tensor:
    """Return pixel probabilities along the line between the posterior means of two images, equation (2.11): (n, D).

    `x1` and `x2` are (D,); `vae` has encode and decode; `n` is at least 2. Row 0 belongs to `x1`, the last row to `x2`.
    """
    ### BEGIN SOLUTION
    mu, _ = vae.encode(torch.stack([x1, x2]))  # (2, Dz)
    t = torch.linspace(0, 1, n, dtype=mu.dtype, device=mu.device).unsqueeze(-1)  # (n, 1)
    return torch.sigmoid(vae.decode((1 - t) * mu[0] + t * mu[1]))
    ### END SOLUTION


# %% tests="2.2h"
@core
@points(0.5)
def test_path_starts_and_ends_at_the_two_images(rng):
    """The path has n rows of D probabilities, and its ends are the reconstructions of the two images."""
    vae, x = solvable_vae(rng, exact=True)
    n = rng.size(2, 7)
    path = interpolate(vae, x[0], x[1], n)
    assert tuple(path.shape) == (n, x.shape[1]), f"expected shape {(n, x.shape[1])}, got {tuple(path.shape)}"
    ends = torch.sigmoid(vae.decode(vae.encode(x[:2])[0])).detach()
    assert_close(path[[0, -1]], ends, "The ends are the probabilities decoded from the two posterior means")


@points(0.5)
def test_reversing_the_images_reverses_the_path(rng):
    """Walking from the second image to the first gives the same path backwards."""
    vae, x = solvable_vae(rng, exact=True)
    n = rng.size(3, 7)
    there, back = interpolate(vae, x[0], x[1], n), interpolate(vae, x[1], x[0], n)
    assert_close(back.flip(0), there, "The path back is the path there, reversed")


### BEGIN HIDDEN TESTS
class CurvedVAE(nn.Module):
    """A VAE with a strongly curved encoder and, without a `bend`, a linear decoder: lines in pixels are not lines in z."""

    def __init__(self, weight, bias, bend=0.0):
        super().__init__()
        self.weight, self.bias, self.bend = nn.Parameter(weight), nn.Parameter(bias), bend

    def encode(self, x):
        mu = torch.tanh(x @ self.weight) + 0.1 * (x @ self.weight) ** 2
        return mu, 2 + mu

    def decode(self, z):
        logits = z @ self.weight.T + self.bias
        return logits + self.bend * logits.square()


@points(1)
def test_logits_are_evenly_spaced_on_the_path(rng):
    """With a linear decoder the logits are evenly spaced, with another one they are not; the images' dtype is kept."""
    d, n = rng.size(3, 6), rng.size(4, 8)
    vae = CurvedVAE(0.7 * torch.randn(d, 2, generator=rng), torch.randn(d, generator=rng))
    x1, x2 = 1.5 * torch.randn(d, generator=rng), 1.5 * torch.randn(d, generator=rng)
    logits = torch.logit(assert_inputs_unchanged(interpolate, vae, x1, x2, n))
    ends = vae.decode(vae.encode(torch.stack([x1, x2]))[0]).detach()
    even = ends[0] + (ends[1] - ends[0]) * torch.arange(n).unsqueeze(-1) / (n - 1)
    assert_close(logits, even, "The points are not evenly spaced between the posterior means", rtol=1e-4, atol=1e-5)
    bent = CurvedVAE(vae.weight.detach(), vae.bias.detach(), bend=0.3)
    bent_path = torch.sigmoid(even + 0.3 * even.square())
    message = "Every point is decoded from its own z: logits or probabilities of the two ends were blended"
    assert_close(interpolate(bent, x1, x2, n), bent_path, message)
    single = interpolate(vae.float(), x1.float(), x2.float(), n)
    assert single.dtype == torch.float32, "The path has another dtype than the images: was a tensor made without dtype?"


### END HIDDEN TESTS

# %% [markdown]
# ### Experiment: a VAE for digits
#
# `binarised("train")` has 1438 images of 64 pixels. Training minimises the negative ELBO with Adam in batches of 64.
#
# **What to expect** (budget `cpu`, 120 epochs, about 10 seconds of one core). For the first six epochs or so nothing
# seems to happen: test −ELBO sits near 25.3 nats, the level of a model with *independent pixels*, and the divergence is
# zero. Then the latents wake up. −ELBO passes 23.7 at epoch 10, 21.5 at epoch 20 and 19.1 at epoch 60, and ends near
# **18.4 ± 0.2**, of which about 12.3 are reconstruction and 6.1 divergence. The tighter $-L_{50}$ ends near **17.5**:
# at most 18.0 is a good result, and above 18.8 something is missing.
#
# If you are still above 25 at epoch 15, stop and look: a divergence that stays at zero means that the latents have
# *collapsed* (is `beta` right? did you average over pixels? does the gradient reach the encoder?); a divergence of 20
# and more means that it hardly counts. The first line of output comes from a few steps on the CPU, which cost nothing
# and find most mistakes.

# %% experiment="2.2" cpu_minutes=0.3 t4_minutes=0.3
import digits
import matplotlib.pyplot as plt
from hwkit import Checkpointer, device, fit, one_step_cpu_check, preset, savefig, set_seed

EPOCHS = preset(smoke=12, cpu=120, gpu=120)
WARMUP = 0  # steps; try 1500 and compare the number of active units
BATCH, RATE = 64, 1e-3


def train_vae(epochs, beta=1.0, warmup=WARMUP, name="vae", draws=1):
    """Train a VAE with the beta-ELBO, or with L_K for K = `draws`; return it with one dict of test metrics per epoch."""
    set_seed(0)
    train, test = digits.binarised("train"), digits.binarised("test")
    vae = VAE(train.shape[1])
    optimizer = torch.optim.Adam(vae.parameters(), lr=RATE)

    def update(images, weight):
        terms = elbo_terms(vae, images, torch.randn(draws, len(images), vae.latent_dim, device=images.device))
        loss = -(iwae_bound(terms["log_w"]) if draws > 1 else beta_elbo(terms, weight)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    one_step_cpu_check(lambda: update(train[:BATCH], 1.0), vae, optimizer=optimizer)
    where = device()
    vae, train, test = vae.to(where), train.to(where), test.to(where)
    optimizer = torch.optim.Adam(vae.parameters(), lr=RATE)
    per_epoch = -(-len(train) // BATCH)

    def epoch(number):
        for i, rows in enumerate(torch.randperm(len(train), device=where).split(BATCH)):
            update(train[rows], beta * kl_weight(number * per_epoch + i + 1, warmup))
        with torch.no_grad():
            terms = elbo_terms(vae, test, torch.randn(5, len(test), vae.latent_dim, device=where))
        rec, kl = -float(terms["rec"].mean()), float(terms["kl"].mean())
        return {"-ELBO": rec + kl, "-rec": rec, "KL": kl}

    config = {"epochs": epochs, "beta": beta, "warmup": warmup, "draws": draws}
    saved = Checkpointer(f"{name}.pt", model=vae, optimizer=optimizer, config=config)
    bands = {20: (20.5, 22.5), 60: (18.6, 19.8), 120: (17.8, 18.9)} if (beta, warmup, draws) == (1.0, 0, 1) else None
    return vae, fit(epoch, epochs, checkpoint=saved, expect=bands, label=name)


vae, history = train_vae(EPOCHS)

with torch.no_grad():
    test = digits.binarised("test").to(next(vae.parameters()).device)
    log_w = elbo_terms(vae, test, torch.randn(50, len(test), vae.latent_dim, device=test.device))["log_w"]
    active = active_units(vae.encode(test)[0])
    print(f"-ELBO    {history[-1]['-ELBO']:.2f}  (expected 18.4 after 120 epochs)")
    print(f"-IWAE_50 {-float(iwae_bound(log_w).mean()):.2f}  (expected 17.5)")
    print(f"active   {active} of {vae.latent_dim}  (expected 6 to 8)")

# %% [markdown] figure="F2.1" points=4
# **The two terms of the ELBO.** Plot test reconstruction, divergence and −ELBO against the epoch, with the level of the
# independent-pixel model (25.3 nats) as a reference line. In three or four sentences: what has the decoder learned
# while the curve sits on the reference line, and what happens to the two terms when it leaves it? What would *posterior
# collapse* look like in this picture? Is the gap between −ELBO and $-L_{50}$ a property of the decoder or of the
# encoder?
#
# Caption: Reconstruction, divergence and negative ELBO of a VAE on held-out binarised digits.
#
# ### BEGIN MARK SCHEME
# - (1) three labelled curves with units (nats), legible at 300 pixels, ending in the expected range: −ELBO between 18
#   and 19, divergence between 5 and 7.5 after 120 epochs
# - (1) on the plateau the decoder knows the mean image and ignores z; then reconstruction falls by more than the
#   divergence rises
# - (1) collapse is that plateau for ever: a divergence at zero and −ELBO at 25.3
# - (1) for a fixed decoder the gap comes from $q$ (family and amortisation): the encoder
# ### END MARK SCHEME

# %% experiment="2.2"
fig, axis = plt.subplots(figsize=(6, 4))
epochs = range(1, len(history) + 1)
for key, style, colour in (("-ELBO", "-", "#0072B2"), ("-rec", "--", "#D55E00"), ("KL", ":", "#009E73")):
    axis.plot(epochs, [row[key] for row in history], style, color=colour, linewidth=2, label=key)
axis.axhline(25.3, color="#555555", linewidth=1)
axis.annotate("independent pixels", (len(history), 25.3), ha="right", va="bottom", color="#555555")
axis.set(xlabel="epoch", ylabel="nats per test image", ylim=(0, 30))
axis.legend(loc="lower right", ncols=3)
savefig(
    "F2.1",
    fig,
    alt="Line plot over epochs: negative ELBO and reconstruction cost fall, the divergence rises and levels off.",
    answer="Replace this sentence by your three or four sentences.",
)

# %% [markdown] figure="F2.2" points=2
# **Look at what it learned.** Four rows of ten images: new digits, sampled pixel by pixel; ten test images; their
# reconstructions (pixel probabilities decoded from the posterior mean); a walk between two test images. In three
# sentences: why are samples noisier than reconstructions? Which details of an image does the code drop? Do the images
# half-way look like digits, and what does that say about the space between two posteriors?
#
# Caption: Samples, held-out images, their reconstructions, and an interpolation.
#
# ### BEGIN MARK SCHEME
# - (1) four rows in this order; samples and reconstructions are recognisable, most of them as digits
# - (1) samples carry independent pixel noise, reconstructions are probabilities; interpolants pass through digit-like
#   shapes because the divergence keeps posteriors overlapping near the prior
# ### END MARK SCHEME

# %% experiment="2.2"
set_seed(2)
where = next(vae.parameters()).device
with torch.no_grad():
    new = sample_vae(vae, torch.randn(10, vae.latent_dim, device=where), torch.rand(10, 64, device=where))
    rebuilt = torch.sigmoid(vae.decode(vae.encode(test[:10])[0]))
    path = interpolate(vae, test[0], test[3], 10)
fig, axes = plt.subplots(4, 10, figsize=(8, 3.6))
for row, name, images in zip(
    axes, ("samples", "test", "rebuilt", "walk"), (new, test[:10], rebuilt, path), strict=True
):
    for axis, image in zip(row, images, strict=True):
        axis.imshow(image.reshape(8, 8).cpu(), cmap="gray_r", vmin=0, vmax=1)
        axis.set(xticks=[], yticks=[])
    row[0].set_ylabel(name, rotation=0, ha="right", va="center")
savefig(
    "F2.2",
    fig,
    alt="Four rows of ten small images: sampled digits, test digits, reconstructions, and a walk from one to another.",
    answer="Replace this sentence by your three sentences.",
)

# %% [markdown] figure="F2.3" points=2
# **What lives where?** The encoder's means of the test images, projected onto the two directions in which they vary
# most, coloured by the digit, which the model has never been told. Also printed: how often the nearest other test image
# shows the same digit, measured in latent space and in pixels (expect about 0.85 and 0.92). In two or three sentences:
# which digits overlap, and why those? Does the projection show all there is? What would the picture look like after
# collapse?
#
# Caption: Posterior means of held-out digits, first two principal directions, coloured by digit.
#
# ### BEGIN MARK SCHEME
# - (1) scatter with a legend of ten digits; clusters are visible
# - (1) names a plausible confusion by shape (such as 1, 8 and 9, or 3 and 9); says that two of eight dimensions are
#   shown, and that after collapse all points sit in one place
# ### END MARK SCHEME

# %% experiment="2.2"
labels = digits.load("test")[1]
with torch.no_grad():
    means = vae.encode(test)[0].cpu()
shares = {}
for space, spots in (("latent space", means), ("pixels", test.cpu())):
    distance = torch.cdist(spots, spots).fill_diagonal_(math.inf)
    shares[space] = float((labels[distance.argmin(1)] == labels).float().mean())
    print(f"nearest neighbour in {space} shows the same digit: {shares[space]:.2f}")
centred = means - means.mean(0)
flat = centred @ torch.linalg.svd(centred, full_matrices=False).Vh[:2].T
fig, axis = plt.subplots(figsize=(6.5, 5), layout="constrained")
for digit in range(10):
    chosen = flat[labels == digit]
    axis.scatter(chosen[:, 0], chosen[:, 1], s=14, color=plt.get_cmap("tab10")(digit), marker=f"${digit}$", label=digit)
axis.set(xlabel="first principal direction of the means", ylabel="second")
fig.legend(*axis.get_legend_handles_labels(), title="digit", loc="outside right center")
savefig(
    "F2.3",
    fig,
    alt="Scatter of posterior means in two dimensions; each point is a small digit in the colour of its class.",
    answer="Replace this sentence by your two or three sentences.",
)

# %% [markdown] problem="2.3" minutes=165
# ## Problem 2.3: Inference in a solvable world
#
# So far `LinearGaussianVAE` was given. Now you write its mathematics yourself, fast enough for images with a million
# pixels, and use it to find out what a *mean-field* posterior (one with a diagonal covariance) must lose. The model is
# probabilistic principal component analysis (pPCA), with loadings $W$ and noise variance $\sigma^2$:
#
# $$z\sim N(0,I_k),\qquad x\mid z\sim N(Wz,\sigma^2I_D)\qquad\Rightarrow\qquad x\sim N(0,\,WW^\top+\sigma^2I_D).
#   \tag{2.12}$$
#
# Derivations first: W2.3 gives you every formula of this problem.

# %% [markdown] written="W2.3" points=7 pages=1
# **The exactly solvable VAE.** Let $z\sim N(0,I_k)$ and $x\mid z\sim N(Wz,\sigma^2I_D)$ with $W\in R^{D\times k}$, as in
# (2.12).
#
# (a) Show that the posterior is $N(M^{-1}W^\top x,\;\sigma^2M^{-1})$ with $M=W^\top W+\sigma^2I_k$.
#
# (b) Let $\Lambda=M/\sigma^2$ be the posterior precision. Among all Gaussians with a *diagonal* covariance, find the one
# with the smallest $KL(q\,\|\,p(z\mid x))$, and show that the gap of its ELBO is
# $\frac12\left(\sum_i\log\Lambda_{ii}-\log\det\Lambda\right)$, the same for every $x$.
#
# (c) Prove that the gap is zero if and only if $W^\top W$ is diagonal. Then compare $W$ with $WR$ for a rotation $R$:
# which of $p(x)$, the best diagonal ELBO and the axes of the latent space change? What does this say about the claim
# that "a VAE finds the principal components"?
#
# ### BEGIN SOLUTION
# (a) As a function of $z$, up to constants,
#
# $$\log p(z\mid x)=-\tfrac12z^\top z-\tfrac{1}{2\sigma^2}\|x-Wz\|^2
#   =-\tfrac12z^\top\left(I+\tfrac{1}{\sigma^2}W^\top W\right)z+\tfrac{1}{\sigma^2}z^\top W^\top x.$$
#
# A quadratic form is the log-density of a Gaussian: its precision is $\Lambda=I+W^\top W/\sigma^2=M/\sigma^2$, so the
# covariance is $\sigma^2M^{-1}$, and its mean $\mu$ solves $\Lambda\mu=W^\top x/\sigma^2$, so $\mu=M^{-1}W^\top x$.
#
# (b) For $q=N(m,S)$ with $S$ diagonal,
#
# $$KL=\tfrac12\left[\operatorname{tr}(\Lambda S)+(m-\mu)^\top\Lambda(m-\mu)-k-\log\det S-\log\det\Lambda\right].$$
#
# The second term is least, zero, at $m=\mu$. The rest is $\sum_i(\Lambda_{ii}S_{ii}-\log S_{ii})$ plus constants, convex
# in every $S_{ii}$, with derivative $\Lambda_{ii}-1/S_{ii}$: hence $S_{ii}=1/\Lambda_{ii}$ (not the diagonal of
# $\Lambda^{-1}$, which is larger). Then $\operatorname{tr}(\Lambda S)=k$ and
# $KL=\frac12\left(\sum_i\log\Lambda_{ii}-\log\det\Lambda\right)$. By W2.1 (a) this is $\log p(x)$ minus the ELBO; $x$
# does not occur.
#
# (c) Let $C=S^{1/2}\Lambda S^{1/2}$ with $S_{ii}=1/\Lambda_{ii}$. It is positive definite with ones on its diagonal, so
# its $k$ eigenvalues have mean 1, and by the inequality of the arithmetic and geometric mean $\det C\le1$, with equality
# if and only if all eigenvalues are 1, that is $C=I$ (Hadamard's inequality). The gap is $-\frac12\log\det C$: zero if
# and only if $\Lambda$, and hence $W^\top W=\sigma^2(\Lambda-I)$, is diagonal.
#
# Since $WR(WR)^\top=WW^\top$, the marginal $p(x)$ does not change: maximum likelihood knows the space spanned by the
# columns, and not the axes in it. But $(WR)^\top WR=R^\top W^\top WR$ is diagonal only if the columns of $R$ are
# eigenvectors of $W^\top W$, so the gap, and with it the best ELBO, does change (unless $W^\top W$ is a multiple of the
# identity: then every direction is an eigenvector). At equal likelihood the ELBO prefers the loadings with orthogonal
# columns: the principal axes, up to order and sign when the eigenvalues differ. So it is the mean-field $q$, not the
# model, that breaks the symmetry; with a full covariance nothing would.
# ### END SOLUTION
#
# ### BEGIN MARK SCHEME
# - (2) (a) completes the square: precision $I+W^\top W/\sigma^2$, and the mean from the linear term (1 for one of them;
#   conditioning the joint Gaussian and Woodbury's identity do as well)
# - (1) (b) writes the KL of two Gaussians with trace, quadratic form and both log-determinants
# - (1) (b) minimises it: the posterior mean, and $1/\Lambda_{ii}$ as variances; states the gap (no point for the
#   diagonal of $\Lambda^{-1}$: those are the posterior's own variances, which minimise the *other* divergence)
# - (1) (c) proves Hadamard's inequality, or quotes it with its case of equality, and concludes for $W^\top W$
# - (1) (c) $p(x)$ is invariant under $W\to WR$, the best diagonal ELBO is not
# - (1) (c) names the mean-field $q$ as the reason why axes are found at all
# ### END MARK SCHEME

# %% [markdown]
# ### The posterior
#
# $$p(z\mid x)=N\left(M^{-1}W^\top x,\;\sigma^2M^{-1}\right),\qquad M=W^\top W+\sigma^2I_k. \tag{2.13}$$
#
# | symbol | variable | shape | dtype |
# |---|---|---|---|
# | $W$ | `W` | `(D, k)` | floating |
# | $\sigma^2$ | `sigma2` | number, a *variance* | float |
# | $x$ | `x` | `(B, D)` | as `W` |
# | posterior mean, covariance | returned | `(B, k)`, `(k, k)` | as `W` |
#
# One covariance serves all examples: in this world, how *sure* you are about $z$ does not depend on $x$.


# %% solution="2.3a"
def ppca_posterior(W: Tensor, sigma2: float, x: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean (B, k) and covariance (k, k) of p(z | x) for x = W z + noise, equation (2.13).

    `W` is (D, k), `sigma2` the variance of the noise, `x` (B, D).
    """
    ### BEGIN SOLUTION
    m = W.T @ W + sigma2 * torch.eye(W.shape[1], dtype=W.dtype, device=W.device)  # (k, k)
    inverse = torch.linalg.inv(m)
    return x @ W @ inverse, sigma2 * inverse  # the inverse is symmetric
    ### END SOLUTION


# %% tests="*"
def linear_world(rng):
    """Random loadings (D, k), a noise variance, and a batch (B, D)."""
    b, d, k = rng.size(2, 4), rng.size(3, 5), rng.size(2, 3)
    w, x = torch.randn(d, k, generator=rng), torch.randn(b, d, generator=rng)
    return w, 0.2 + float(torch.rand((), generator=rng)), x


def dense_covariance(w, sigma2):
    """W W^T + sigma2 I, (D, D)."""
    return w @ w.T + sigma2 * torch.eye(len(w))


# %% tests="2.3a"
@core
@points(0.5)
def test_scalar_posterior_is_shrinkage(rng):
    """With one pixel and one latent, the posterior is textbook shrinkage: mean w x / (w^2 + s), variance s / (w^2 + s)."""
    b, s = rng.size(2, 5), 0.2 + float(torch.rand((), generator=rng))
    w, x = 0.5 + torch.rand(1, 1, generator=rng), torch.randn(b, 1, generator=rng)
    answer = ppca_posterior(w, s, x)
    assert isinstance(answer, (tuple, list)), "return two tensors: mean and covariance"
    assert len(answer) == 2, "return two tensors: mean and covariance"
    total = float(w) ** 2 + s
    message = "The posterior mean is w x / M with M = w^2 + sigma2: is sigma2 added, is M inverted?"
    assert_close(answer[0], x * float(w) / total, message)
    assert_close(answer[1], torch.full((1, 1), s / total), "The posterior variance: sigma2 divided by w^2 + sigma2")


@points(0.5)
def test_without_loadings_the_posterior_is_the_prior(rng):
    """If W is zero, x says nothing about z: mean zero and covariance the identity."""
    d, k, b = rng.size(3, 6), rng.size(1, 3), rng.size(2, 4)
    mean, cov = ppca_posterior(torch.zeros(d, k), 0.7, torch.randn(b, d, generator=rng))
    assert_close(mean, torch.zeros(b, k), "Without loadings the posterior mean is that of the prior")
    assert_close(cov, torch.eye(k), "Without loadings the covariance is that of the prior: sigma2 M^-1, not M^-1 or M")


### BEGIN HIDDEN TESTS
@points(1)
def test_posterior_follows_from_the_joint_gaussian(rng):
    """Mean and covariance are those of conditioning the joint Gaussian of z and x on x."""
    w, sigma2, x = linear_world(rng)
    mean, cov = ppca_posterior(w, sigma2, x)
    regression = torch.linalg.solve(dense_covariance(w, sigma2), w).T  # W^T C^-1
    assert_close(mean, x @ regression.T, "The mean differs from that of the joint Gaussian given x")
    assert_close(
        cov, torch.eye(w.shape[1]) - regression @ w, "The covariance differs from the joint Gaussian's given x"
    )


@points(0.5)
def test_posterior_leaves_its_inputs_alone(rng):
    """Units do not matter, inputs are left unchanged, their dtype is kept, and autograd agrees with finite differences."""
    w, x = torch.randn(3, 2, generator=rng), torch.randn(rng.size(1, 2), 3, generator=rng)
    mean, cov = assert_inputs_unchanged(ppca_posterior, w, 0.4, x)
    tiny = ppca_posterior(1e-4 * w, 1e-8 * 0.4, 1e-4 * x[:1])
    message = "Pixels, loadings and noise in other units, a batch of one: the same posterior (is something added to M?)"
    assert_close(tiny, (mean[:1], cov), message)
    assert_gradients_match(lambda w, x: ppca_posterior(w, 0.4, x), w, x)
    single = ppca_posterior(w.float(), 0.4, x.float())
    assert all(t.dtype == torch.float32 for t in single), (
        "float32 arguments gave another dtype: is one fixed somewhere?"
    )


### END HIDDEN TESTS

# %% [markdown]
# ### The marginal likelihood, without the big matrix
#
# The covariance of $x$ is $D\times D$: for $D=10^6$ it does not fit in any memory. But it is a multiple of the identity
# plus something of rank $k$, and two identities turn everything into $k\times k$ matrices:
#
# $$\log\det(WW^\top+\sigma^2I_D)=\log\det M+(D-k)\log\sigma^2, \tag{2.14}$$
#
# $$x^\top(WW^\top+\sigma^2I_D)^{-1}x=\frac{1}{\sigma^2}\left(x^\top x-x^\top W\,M^{-1}\,W^\top x\right). \tag{2.15}$$
#
# The first is the matrix determinant lemma, the second Woodbury's identity. The cost is $O(Dk^2)$.
#
# | symbol | variable | shape | dtype |
# |---|---|---|---|
# | $W$, $\sigma^2$, $x$ | `W`, `sigma2`, `x` | `(D, k)`, number, `(B, D)` | floating |
# | $\log p(x)$ | returned | `(B,)` | as `W` |


# %% solution="2.3b"
def ppca_log_marginal(W: Tensor, sigma2: float, x: Tensor) -> Tensor:
    """Return log N(x; 0, W W^T + sigma2 I) in nats with (2.14) and (2.15): (B,). Nothing of shape (D, D) is made.

    `W` is (D, k), `sigma2` the variance of the noise, `x` (B, D).
    """
    ### BEGIN SOLUTION
    d, k = W.shape
    m = W.T @ W + sigma2 * torch.eye(k, dtype=W.dtype, device=W.device)
    projected = x @ W  # (B, k)
    explained = (projected * torch.linalg.solve(m, projected.T).T).sum(-1)
    distance = (x.square().sum(-1) - explained) / sigma2
    log_det = torch.logdet(m) + (d - k) * math.log(sigma2)
    return -0.5 * (distance + log_det + d * LOG_2PI)
    ### END SOLUTION


# %% tests="2.3b"
@core
@points(0.5)
def test_scalar_marginal_is_a_gaussian(rng):
    """With one pixel and one latent, x is Gaussian with variance w^2 + sigma2."""
    b, s = rng.size(2, 5), 0.2 + float(torch.rand((), generator=rng))
    w, x = 0.5 + torch.rand(1, 1, generator=rng), torch.randn(b, 1, generator=rng)
    wanted = torch.distributions.Normal(0.0, math.sqrt(float(w) ** 2 + s)).log_prob(x).sum(-1)
    assert_close(ppca_log_marginal(w, s, x), wanted, "The variance of x is w^2 + sigma2")


@points(0.5)
def test_rotated_loadings_give_the_same_marginal(rng):
    """Rotating the latent space changes nothing about x; without loadings, x is pure noise."""
    w, sigma2, x = linear_world(rng)
    turn = torch.linalg.qr(torch.randn(w.shape[1], w.shape[1], generator=rng)).Q
    before, after = ppca_log_marginal(w, sigma2, x), ppca_log_marginal(w @ turn, sigma2, x)
    assert_close(after, before, "W and W R with a rotation R are the same model of x")
    narrow, wide = (ppca_log_marginal(torch.zeros(w.shape), s, torch.zeros(x.shape)) for s in (0.1, 10.0))
    assert bool((narrow > wide).all()), "A wide density is low at its centre: the log-determinant has the wrong sign"
    noise = torch.distributions.Normal(0.0, math.sqrt(sigma2)).log_prob(x).sum(-1)
    message = "With W = 0, x is independent noise; look at log 2 pi, and at the power D - k of sigma2"
    assert_close(ppca_log_marginal(torch.zeros(w.shape), sigma2, x), noise, message)


### BEGIN HIDDEN TESTS
@probe
def largest_tensor(w: Tensor, sigma2: float, x: Tensor) -> int:
    """How many numbers the largest tensor holds that ppca_log_marginal makes, counted beside the student's code."""
    sizes = [0]

    class Watch(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            result = func(*args, **(kwargs or {}))
            for item in result if isinstance(result, (tuple, list)) else [result]:
                if isinstance(item, torch.Tensor):
                    sizes.append(item.numel())
            return result

    with Watch():
        ppca_log_marginal(w, sigma2, x)
    return max(sizes)


@points(0.75)
def test_marginal_equals_the_dense_gaussian(rng):
    """The marginal is the Gaussian with covariance W W^T + sigma2 I, also with more latents than pixels."""
    for d, k in ((rng.size(3, 6), rng.size(1, 3)), (2, 4)):
        w, x, sigma2 = torch.randn(d, k, generator=rng), torch.randn(3, d, generator=rng), 0.6
        covariance = dense_covariance(w, sigma2)
        distance = (x * torch.linalg.solve(covariance, x.T).T).sum(-1)
        wanted = -0.5 * (distance + torch.logdet(covariance) + d * LOG_2PI)
        assert_close(ppca_log_marginal(w, sigma2, x), wanted, "The marginal differs from N(0, W W^T + sigma2 I)")


@points(0.5)
def test_no_matrix_of_pixels_by_pixels(rng):
    """Nothing of shape D x D is made: memory grows like D k."""
    d, k, b = rng.size(400, 500), rng.size(1, 3), rng.size(1, 3)
    w, x = torch.randn(d, k, generator=rng), torch.randn(b, d, generator=rng)
    slim = largest_tensor(w, 0.5, x) < 40 * d
    assert slim, "A D x D matrix was formed: Woodbury and the determinant lemma need only k x k matrices"
    axes, scale, s, k = torch.linalg.qr(torch.randn(d, 200, generator=rng)).Q, 30.0, 0.01, 200
    inside = (x @ axes).square().sum(-1)  # the variance of x is scale^2 + s along the axes, and s across them
    distance = inside / (scale**2 + s) + (x.square().sum(-1) - inside) / s
    wanted = -0.5 * (distance + k * math.log(scale**2 + s) + (d - k) * math.log(s) + d * LOG_2PI)
    found = ppca_log_marginal(scale * axes, s, x)
    assert_finite(found, "Hundreds of pixels and latents: a determinant over- or underflows, use its logarithm")
    assert_close(found, wanted, "The marginal of hundreds of pixels and latents")


@points(0.25)
def test_marginal_leaves_its_inputs_alone(rng):
    """Inputs are left unchanged, their dtype is kept, and autograd agrees with finite differences."""
    w, x = torch.randn(3, 2, generator=rng), torch.randn(rng.size(1, 2), 3, generator=rng)
    assert_inputs_unchanged(ppca_log_marginal, w, 0.4, x)
    assert_gradients_match(lambda w, x: ppca_log_marginal(w, 0.4, x), w, x)
    single = ppca_log_marginal(w.float(), 0.4, x.float())
    assert single.dtype == torch.float32, "float32 arguments gave another dtype: is one fixed somewhere?"


### END HIDDEN TESTS

# %% [markdown]
# ### What a diagonal posterior must lose
#
# By W2.3, with the posterior precision $\Lambda=M/\sigma^2$, the best diagonal $q$ has variances $1/\Lambda_{ii}$, and
# its ELBO misses $\log p(x)$ by
#
# $$g(W,\sigma^2)=\frac12\left(\sum_{i=1}^{k}\log\Lambda_{ii}-\log\det\Lambda\right)\;\ge\;0,\qquad
#   \Lambda=I_k+\frac{1}{\sigma^2}W^\top W. \tag{2.16}$$
#
# | symbol | variable | shape | dtype |
# |---|---|---|---|
# | $W$, $\sigma^2$ | `W`, `sigma2` | `(D, k)`, number | floating |
# | $g$ | returned | number, in nats | float |
#
# Before you run it: what is $g$ when the columns of $W$ are orthogonal, and what when they are parallel and long?


# %% solution="2.3c"
def best_diagonal_gap(W: Tensor, sigma2: float) -> float:
    """Return log p(x) minus the ELBO of the best q(z | x) with a diagonal covariance, equation (2.16), in nats."""
    ### BEGIN SOLUTION
    precision = torch.eye(W.shape[1], dtype=W.dtype, device=W.device) + W.T @ W / sigma2
    return 0.5 * (precision.diagonal().log().sum() - torch.logdet(precision)).item()
    ### END SOLUTION


# %% tests="2.3c"
@core
@points(0.5)
def test_gap_of_two_correlated_columns(rng):
    """Two unit columns with cosine rho and sigma2 = 1 cost -1/2 log(1 - (rho / 2)^2) nats."""
    d, rho = rng.size(3, 6), 0.3 + 0.6 * float(torch.rand((), generator=rng))
    axes = torch.linalg.qr(torch.randn(d, 2, generator=rng)).Q
    w = torch.stack([axes[:, 0], rho * axes[:, 0] + math.sqrt(1 - rho**2) * axes[:, 1]], dim=1)
    gap, wanted = float(best_diagonal_gap(w, 1.0)), -0.5 * math.log(1 - (rho / 2) ** 2)
    assert gap >= 0, "The gap is a divergence and never negative: which of the two log-determinants is subtracted?"
    message = "Two unit columns that are not orthogonal: the best variances are 1 / Lambda_ii, not the posterior's own"
    assert_close(gap, wanted, message)


@points(0.5)
def test_orthogonal_columns_have_no_gap(rng):
    """With orthogonal columns the posterior is diagonal, and there is no gap."""
    d, k = rng.size(4, 6), rng.size(1, 3)
    w = torch.linalg.qr(torch.randn(d, k, generator=rng)).Q * (0.5 + torch.rand(k, generator=rng))
    gap = float(best_diagonal_gap(w, 0.3))
    assert_close(gap, 0.0, "The posterior is diagonal here, so a diagonal q is exact")


### BEGIN HIDDEN TESTS
@points(1)
def test_gap_is_the_divergence_of_the_best_diagonal(rng):
    """The gap is the divergence of the q with variances 1 / Lambda_ii, no diagonal q has a smaller one, W is left alone."""
    k, sigma2 = 3, 0.2 + float(torch.rand((), generator=rng))
    w = torch.randn(rng.size(3, 5), k, generator=rng)
    gap = float(assert_inputs_unchanged(best_diagonal_gap, w, sigma2))
    assert_close(float(best_diagonal_gap(w.float(), sigma2)), gap, "float32 loadings", rtol=1e-3, atol=1e-4)
    precision = torch.eye(k) + w.T @ w / sigma2
    best = 1 / precision.diagonal()

    def divergence(variances):
        return float(0.5 * (precision.diagonal() @ variances - k - variances.log().sum() - torch.logdet(precision)))

    assert_close(gap, divergence(best), "The gap is not the divergence of the best diagonal q (variances 1/Lambda_ii)")
    pairs = torch.block_diag(*[torch.tensor([[1.0, 0.6], [0.0, 0.8]])] * 100)  # unit columns, cosine 0.6 in each pair
    many = float(best_diagonal_gap(pairs, 0.01))
    message = "A hundred pairs of correlated columns cost a hundred times one pair; use logarithms of determinants"
    assert_close(many, -50 * math.log(1 - (0.6 / 1.01) ** 2), message)
    others = [best * torch.exp(0.5 * torch.randn(k, generator=rng)) for _ in range(20)]
    assert all(gap <= divergence(other) + 1e-9 for other in others), "Some diagonal q has a smaller gap than the best"


### END HIDDEN TESTS

# %% [markdown] written="W2.4" points=5 pages=1
# **When does a latent collapse?** Data $x\in R$ have $E[x]=0$ and $E[x^2]=\lambda$. The decoder is
# $p(x\mid z)=N(wz,\sigma^2)$, where $\sigma^2$ is fixed. The encoder is $q(z\mid x)=N(vx,s^2)$, the prior is $N(0,1)$, and
# the objective is $F=E\left[E_q\log p(x\mid z)-\beta\,KL(q\,\|\,p)\right]$ with $\beta>0$.
#
# (a) For fixed $w$, maximise $F$ over $v$ and $s^2$. With $r=w^2/\sigma^2$ show that what remains is
# $f(r)=-\frac{\lambda\beta}{2\sigma^2(\beta+r)}+\frac\beta2\log\frac{\beta}{\beta+r}$ plus a constant.
#
# (b) Find the maximum over $r\ge0$ and conclude: the latent is used if and only if $\lambda>\beta\sigma^2$.
#
# (c) Data with principal variances $\lambda_1\ge\lambda_2\ge\dots$ fall apart into such problems, one per direction.
# How many latents does a linear β-VAE use? What does it do with $\beta=\lambda_1/\sigma^2$, and why is a *larger*
# $\sigma^2$ a cause of collapse as well?
#
# ### BEGIN SOLUTION
# (a) With $E_q(x-wz)^2=(1-wv)^2x^2+w^2s^2$ and $KL=\frac12(v^2x^2+s^2-1-\log s^2)$,
#
# $$-F=\frac{(1-wv)^2\lambda+w^2s^2}{2\sigma^2}+\frac\beta2\left(v^2\lambda+s^2-1-\log s^2\right)+\text{const}.$$
#
# This is convex in $s^2$ and in $v$. The derivative for $s^2$ is $\frac r2+\frac\beta2-\frac{\beta}{2s^2}$, so
# $s^2=\frac{\beta}{\beta+r}$; that for $v$ is $-\frac{w(1-wv)\lambda}{\sigma^2}+\beta v\lambda$, so
# $v=\frac{w/\sigma^2}{\beta+r}$ and $1-wv=\frac{\beta}{\beta+r}$. Insert:
#
# $$\frac{(1-wv)^2\lambda}{2\sigma^2}+\frac{\beta v^2\lambda}{2}
#   =\frac{\lambda}{2\sigma^2}\cdot\frac{\beta^2+\beta r}{(\beta+r)^2}=\frac{\lambda\beta}{2\sigma^2(\beta+r)},\qquad
#   \frac{(r+\beta)s^2}{2}-\frac\beta2=0,$$
#
# and $-\frac\beta2\log s^2=-\frac\beta2\log\frac{\beta}{\beta+r}$ remains: $F=f(r)+\text{const}$.
#
# (b) $f'(r)=\frac{\lambda\beta}{2\sigma^2(\beta+r)^2}-\frac{\beta}{2(\beta+r)}
# =\frac{\beta}{2(\beta+r)^2}\left(\frac\lambda{\sigma^2}-\beta-r\right)$ is positive below $\lambda/\sigma^2-\beta$ and
# negative above. So $r^*=\max(0,\lambda/\sigma^2-\beta)$. If $\lambda\le\beta\sigma^2$ then $r^*=0$: $w=v=0$ and
# $s^2=1$, that is $q=p$ and a divergence of zero, the collapsed solution. Otherwise $w\ne0$.
#
# (c) In the basis of principal directions reconstruction and divergence are sums over directions, so the number of used
# latents is $\#\{i:\lambda_i>\beta\sigma^2\}$ (at most $k$). At $\beta=\lambda_1/\sigma^2$ the last one goes: the model is
# a plain Gaussian. Only $\beta\sigma^2$ matters: a decoder that expects much noise has little to gain from knowing $z$,
# less than a code costs. Fixing or initialising $\sigma^2$ too large therefore acts as a large β.
# ### END SOLUTION
#
# ### BEGIN MARK SCHEME
# - (1) (a) expected squared error and divergence as functions of $v$ and $s^2$
# - (1) (a) the optimal $v$ and $s^2$, inserted to give $f(r)$ (half for the optima alone)
# - (1) (b) derivative, its sign on both sides, $r^*=\max(0,\lambda/\sigma^2-\beta)$ (half for a zero of the derivative
#   without the boundary $r=0$)
# - (1) (b) reads collapse off: $w=v=0$, $q=p$, divergence zero
# - (1) (c) counts the eigenvalues above $\beta\sigma^2$, and explains the role of $\sigma^2$ (half for each)
# ### END MARK SCHEME

# %% [markdown]
# **Experiment: the sandwich, drawn.** Left: pPCA with two correlated columns. The bounds $E\,L_K$ of the best diagonal
# $q$ start `best_diagonal_gap` = 0.11 nats below the exact line that your `ppca_log_marginal` draws; those of a spoiled
# $q$ start 1.4 nats below, and both climb to it. Right: two VAEs for digits, one trained with the ELBO ($K=1$), one with
# $L_8$. Expect two lines that cross. The budget `cpu` takes about ten seconds.

# %% experiment="2.3" cpu_minutes=0.3 t4_minutes=0.3
set_seed(1)
TOTAL = preset(smoke=20_000, cpu=200_000, gpu=200_000)
DRAWS = (1, 2, 5, 10, 50, 200, 1000)


def bounds_of(world, x):
    """E L_K and its standard error for every K in DRAWS, each from TOTAL draws in all."""
    found = []
    for k in DRAWS:
        log_w = elbo_terms(world, x.expand(TOTAL // k, -1), torch.randn(k, TOTAL // k, world.latent_dim))["log_w"]
        bound = iwae_bound(log_w)
        found.append((float(bound.mean()), float(bound.std()) / math.sqrt(TOTAL // k)))
    return found


loadings = torch.tensor([[1.0, 0.6], [0.4, 0.5], [0.8, 0.3], [-0.5, 0.4]])
x = torch.tensor([[1.0, -1.0, 0.5, 2.0]])
curves = {}
with torch.no_grad():
    exact = float(ppca_log_marginal(loadings, 0.5, x))
    gap = best_diagonal_gap(loadings, 0.5)
    world = LinearGaussianVAE(loadings, torch.zeros(4), 0.5)  # its encoder is the best diagonal q
    curves["best diagonal q"] = bounds_of(world, x)
    world.offset.add_(0.4)
    world.encoder_logvar.add_(0.8)
    curves["spoiled q"] = bounds_of(world, x)
print(f"log p(x) {exact:.3f}, gap of the best diagonal q {gap:.3f} (expected 0.114)")
for name, found in curves.items():
    print(f"{name:16s} ELBO {found[0][0]:.3f} ± {found[0][1]:.3f},  L_1000 {found[-1][0]:.3f}")

iwae_vae, _ = train_vae(preset(smoke=3, cpu=60, gpu=120), draws=8, name="iwae")
elbo_vae, _ = train_vae(preset(smoke=3, cpu=60, gpu=120), name="elbo")
on_digits = {}
for name, model in (("trained with the ELBO", elbo_vae), ("trained with L_8", iwae_vae)):
    with torch.no_grad():
        noise = (torch.randn(50, len(test), model.latent_dim, device=test.device) for _ in range(4))
        log_w = torch.cat([elbo_terms(model, test, eps)["log_w"] for eps in noise])  # (200, N)
        on_digits[name] = [float(iwae_bound(log_w[:k]).mean()) for k in (1, 5, 20, 50, 200)]
    print(f"{name}: L_1 {on_digits[name][0]:.2f}, L_200 {on_digits[name][-1]:.2f}")

# %% [markdown] figure="F2.5" points=2
# **Bounds against the truth.** Plot both panels. In three or four sentences: why does the best diagonal $q$ not touch
# the line at $K=1$, although nothing is left to train? Which of the two digit models has the better *encoder*, which
# the better *decoder*, and what in the two lines says so? Would you report an ELBO, an $L_{200}$, or both? (F2.4
# follows below.)
#
# Caption: Left: importance-weighted bounds against the exact log-likelihood. Right: two training objectives.
#
# ### BEGIN MARK SCHEME
# - (1) left: two rising curves that stay below the exact line and meet it; right: two curves that cross
# - (1) the gap at $K=1$ is due to the family (correlated posterior); training with $L_8$ gives the higher $L_{200}$ (a
#   better decoder) and the lower ELBO (an encoder that is worse as a posterior); reporting both is the safe choice
# ### END MARK SCHEME

# %% experiment="2.3"
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
left.axhline(exact, color="#555555", linewidth=1, label="exact log p(x)")
for (name, found), colour, marker in zip(curves.items(), ("#0072B2", "#D55E00"), "os", strict=True):
    mean, error = zip(*found, strict=True)
    left.errorbar(DRAWS, mean, yerr=error, color=colour, marker=marker, label=name)
left.set(xscale="log", xlabel="draws K", ylabel="nats", title="solvable world")
left.legend(loc="lower right")
for (name, values), colour, marker in zip(on_digits.items(), ("#0072B2", "#D55E00"), "os", strict=True):
    right.plot((1, 5, 20, 50, 200), values, color=colour, marker=marker, label=name)
right.set(xscale="log", xlabel="draws K", ylabel="nats per test image", title="digits")
right.legend(loc="lower right")
savefig(
    "F2.5",
    fig,
    alt="Two panels over the number of draws: bounds rising to an exact line, and two digit models whose curves cross.",
    answer="Replace this sentence by your three or four sentences.",
)

# %% [markdown]
# **Experiment: buying and selling nats.** Six VAEs for digits with β from 0.1 to 10, half a minute in all. W2.4
# describes *linear* models of *Gaussian* data; take its count $\#\{i:\lambda_i>\beta\sigma^2\}$ with the principal
# variances $\lambda_i$ of the training pixels, and for $\sigma^2$ the mean variance of the directions beyond the first
# eight. Expect a divergence of about 18 nats at β = 0.1, 5 at β = 1, 2 at β = 2 and hardly any from β = 4 on; 8 latents
# in use up to β = 0.5, 7 or 8 at β = 1, 5 to 8 at β = 2, one to six at β = 4 and none at β = 10. The linear theory
# has the direction right and lets go much later: 8 at β = 4, and 3 are left at β = 10.

# %% experiment="2.3" cpu_minutes=0.6 t4_minutes=0.6
BETAS = preset(smoke=(0.1, 4.0), cpu=(0.1, 0.5, 1.0, 2.0, 4.0, 10.0))
sweep = []
for beta in BETAS:
    model, log = train_vae(preset(smoke=3, cpu=60, gpu=60), beta=beta, name=f"beta{beta:g}")
    with torch.no_grad():
        used = active_units(model.encode(test)[0])
        z, u = torch.randn(6, model.latent_dim, device=where), torch.rand(6, 64, device=where)
        sweep.append((beta, log[-1]["KL"], log[-1]["-ELBO"], used, sample_vae(model, z, u).cpu()))
variances = torch.linalg.eigvalsh(torch.cov(digits.binarised("train").T)).flip(0)
noise = float(variances[8:].mean())
predicted = [min(8, int((variances > beta * noise).sum())) for beta in BETAS]
for (beta, kl, cost, used, _), count in zip(sweep, predicted, strict=True):
    print(f"beta {beta:4g}: KL {kl:5.2f}, -ELBO {cost:5.2f}, active {used} of 8 (linear theory {count})")

# %% [markdown] figure="F2.4" points=2
# **What β buys.** Plot divergence and −ELBO against β (log scale), the number of active latents with the prediction of
# W2.4, and samples for every β. In three or four sentences: where is −ELBO least, and why must it be there? Which of
# the two ends gives the better samples, and which of the two the better reconstructions? Where does the linear theory
# fail, and for what reason?
#
# Caption: What β buys: divergence, bound, active latents with the linear prediction, and samples.
#
# ### BEGIN MARK SCHEME
# - (1) all parts are there: divergence falls to zero, active units fall from 8 to 0 or 1, prediction drawn, samples shown
# - (1) −ELBO is least near β = 1, because only there is the objective the bound; small β reconstructs well and samples
#   badly, large β collapses to independent pixels; the decoder is neither linear nor Gaussian
# ### END MARK SCHEME

# %% experiment="2.3"
fig = plt.figure(figsize=(9, 6))
grid = fig.add_gridspec(2, 1, height_ratios=(3, 2), hspace=0.35)
top = grid[0].subgridspec(1, 2, wspace=0.25)
left, right = fig.add_subplot(top[0]), fig.add_subplot(top[1])
left.plot(BETAS, [row[1] for row in sweep], color="#009E73", marker="o", label="KL")
left.plot(BETAS, [row[2] for row in sweep], color="#0072B2", marker="s", label="-ELBO")
left.set(xscale="log", xlabel="β", ylabel="nats per test image", ylim=(0, None))
left.legend()
right.plot(BETAS, [row[3] for row in sweep], color="#D55E00", marker="o", label="active latents, measured")
right.plot(BETAS, predicted, color="#555555", linestyle="--", marker="x", label="linear theory (W2.4)")
right.set(xscale="log", xlabel="β", ylabel="number", ylim=(-0.3, 8.5))
right.legend(loc="lower left")
strips = grid[1].subgridspec(2, 3, hspace=0.4)
for i, row in enumerate(sweep):
    axis = fig.add_subplot(strips[i // 3, i % 3])
    axis.imshow(torch.cat([image.reshape(8, 8) for image in row[4]], dim=1), cmap="gray_r", vmin=0, vmax=1)
    axis.set(xticks=[], yticks=[], title=f"β = {row[0]:g}")
savefig(
    "F2.4",
    fig,
    alt="Over beta: divergence falls to zero, the cost has a minimum near one, active latents drop; sample strips below.",
    answer="Replace this sentence by your three or four sentences.",
)

# %% [markdown] problem="2.4" minutes=165
# ## Problem 2.4: Discrete latents
#
# `reparameterize` moves $z$ smoothly when the parameters move. A coin does not: it is heads, and stays heads, until it
# is tails. Three ways around: differentiate the *probability* instead of the draw (REINFORCE, unbiased and noisy), relax
# the draw (Gumbel-softmax, smooth and biased), or give up on sampling and copy the gradient across (VQ).
#
# ### The score-function estimator
#
# For $b\in\{0,1\}^D$ with independent $b_i\sim\text{Bernoulli}(s(\ell_i))$, the score is $b-s(\ell)$, and
#
# $$\nabla_\ell\,E[f(b)]=E\left[f(b)\,\nabla_\ell\log p_\ell(b)\right]=E\left[f(b)\,(b-s(\ell))\right]. \tag{2.17}$$
#
# Only *values* of $f$ are needed: it may be a simulator, a game, a human. Read $b$ as an action, $p_\ell$ as a policy
# and $f$ as the reward, and (2.17) is the policy gradient of reinforcement learning. Its variance is awful, and a
# **baseline** is the cure:
#
# $$\hat g=\frac1K\sum_{k=1}^{K}\left(f(b^{(k)})-c_k\right)\left(b^{(k)}-s(\ell)\right),\qquad
#   c_k=\begin{cases}0&\text{"none"}\\c&\text{a number}\\
#   \frac{1}{K-1}\sum_{j\ne k}f(b^{(j)})&\text{"mean\_loo"}\end{cases} \tag{2.18}$$
#
# The last one, the mean of the *other* draws (RLOO), costs nothing and adapts itself. W2.5 asks why "other" matters.
#
# | symbol | variable | shape | dtype |
# |---|---|---|---|
# | $f(b^{(k)})$ | `f_vals` | `(K,)` | floating |
# | $\ell$ | `logits` | `(D,)` | same |
# | $b^{(k)}$ | `b`, drawn from $p_\ell$ | `(K, D)` of zeros and ones | same |
# | $c_k$ | `baseline` | `"none"`, `"mean_loo"` ($K\ge2$), or a number | str or float |
# | $\hat g$ | returned | `(D,)` | same |


# %% [markdown] written="W2.5" points=6 pages=1
# **The score function and the policy gradient.** Let $b\sim q_\theta$, $s=\nabla_\theta\log q_\theta(b)$, and let $f(b)$
# be any function with values that do not depend on $\theta$.
#
# (a) Show that $E[(f-c)\,s]=\nabla_\theta E[f]$ for every constant $c$. For a scalar $\theta$, find the $c$ with the
# smallest variance.
#
# (b) With $K$ independent draws, show that $\frac1K\sum_k(f_k-c_k)s_k$ is unbiased when $c_k$ is the mean of the *other*
# values. What does it estimate when $c_k=\bar f$, the mean of all $K$ values, is used instead?
#
# (c) Translate into the language of reinforcement learning: which are the action, the policy, the reward, the
# advantage? Why is this a bandit?
#
# (d) Let $g_1,\dots,g_V$ be independent with $P(g_i\le t)=\exp(-e^{-t})$. Prove that
# $P(\arg\max_i(\ell_i+g_i)=j)=e^{\ell_j}/\sum_ie^{\ell_i}$.
#
# ### BEGIN SOLUTION
# (a) $E[s]=\sum_bq_\theta(b)\nabla\log q_\theta(b)=\nabla\sum_bq_\theta(b)=\nabla1=0$, so a constant changes nothing, and
# $E[fs]=\sum_bf(b)\nabla q_\theta(b)=\nabla E[f]$. The mean being fixed, the variance is least when
# $E[(f-c)^2s^2]=E[f^2s^2]-2cE[fs^2]+c^2E[s^2]$ is: $c^*=E[fs^2]/E[s^2]$, a mean of $f$ weighted by $s^2$.
#
# (b) $c_k$ is a function of the other draws, hence independent of $s_k$: $E[c_ks_k]=E[c_k]E[s_k]=0$, and each term has
# expectation $\nabla E[f]$. With $\bar f=\frac1K\sum_jf_j$ only the summand $j=k$ depends on $b_k$:
# $E[\bar fs_k]=\frac1KE[f_ks_k]=\frac1K\nabla E[f]$. So the estimate has expectation $\frac{K-1}{K}\nabla E[f]$: biased,
# though in the right direction. In fact $f_k-\bar f=\frac{K-1}{K}(f_k-c_k)$ draw by draw, so that the two differ by the
# factor $K/(K-1)$ and by nothing else.
#
# (c) Action $b$, policy $q_\theta$, reward $f(b)$; $c$ is a baseline (an estimate of the value), and $f-c$ the advantage;
# (2.17) is REINFORCE. There is no state that an action changes and no sequence of decisions: one action, one reward, a
# bandit; a contextual one in a VAE, where $x$ is the context and $q_\theta(\cdot\mid x)$ the policy.
#
# (d) Given $g_j=t$, the sums $\ell_i+g_i$ of all others stay below $\ell_j+t$ with a probability of
# $\prod_{i\ne j}\exp(-e^{-(t+\ell_j-\ell_i)})$. With the density $e^{-t}\exp(-e^{-t})$ of $g_j$ and
# $Z=\sum_ie^{\ell_i-\ell_j}$ (the term $i=j$ is 1),
#
# $$P(j)=\int e^{-t}\exp\left(-e^{-t}\sum_ie^{\ell_i-\ell_j}\right)dt=\int_0^\infty e^{-uZ}\,du=\frac1Z
#   =\frac{e^{\ell_j}}{\sum_ie^{\ell_i}},\qquad u=e^{-t}.$$
# ### END SOLUTION
#
# ### BEGIN MARK SCHEME
# - (1) (a) $E[s]=0$ and unbiasedness for every constant
# - (1) (a) the optimal constant $E[fs^2]/E[s^2]$ ($E[f]$ is the commonest wrong answer; it is right only if $f$ and
#   $s^2$ are uncorrelated)
# - (1) (b) independence of the leave-one-out mean from the score of draw $k$
# - (1) (b) the factor $(K-1)/K$ for the full mean (half for "biased" without the factor)
# - (1) (c) action, policy, reward, advantage; one step, hence a bandit
# - (1) (d) the product of Gumbel distribution functions, integrated
# ### END MARK SCHEME


# %% solution="2.4a"
def score_function_grad(f_vals: Tensor, logits: Tensor, b: Tensor, baseline: str | float = "none") -> Tensor:
    """Return the estimate (2.18) of the gradient of E[f(b)] for the logits of independent Bernoullis: (D,).

    `f_vals` (K,) are the values of f at the draws `b` (K, D); `logits` is (D,); `baseline` is "none", "mean_loo" (the
    mean of the other K - 1 values), or a number.
    """
    ### BEGIN SOLUTION
    if baseline == "none":
        c = torch.zeros_like(f_vals)
    elif baseline == "mean_loo":
        c = (f_vals.sum() - f_vals) / (len(f_vals) - 1)  # (K,), without draw k itself
    else:
        c = torch.full_like(f_vals, float(baseline))
    score = b - torch.sigmoid(logits)  # (K, D)
    return ((f_vals - c).unsqueeze(-1) * score).mean(0)
    ### END SOLUTION


# %% tests="2.4a"
@core
@points(0.5)
def test_one_draw_is_its_value_times_its_score(rng):
    """With one draw and no baseline, the estimate is f(b) times (b - sigmoid(logits))."""
    d = rng.size(2, 5)
    logits, f = torch.randn(d, generator=rng), 1 + torch.rand(1, generator=rng)
    b = torch.randint(2, (1, d), generator=rng).double()
    score = b[0] - 1 / (1 + torch.exp(-logits))
    message = "One draw gives f(b) times the score b - sigmoid(logits), with this sign"
    assert_close(score_function_grad(f, logits, b, "none"), f * score, message)


@points(0.5)
def test_constant_rewards_teach_nothing_with_a_baseline(rng):
    """If every draw has the same value, the leave-one-out baseline leaves nothing, and so does that value itself."""
    k, d = rng.size(2, 6), rng.size(1, 5)
    logits, b = torch.randn(d, generator=rng), torch.randint(2, (k, d), generator=rng).double()
    value = 1.0 + float(torch.rand((), generator=rng))
    for baseline, name in (("mean_loo", "leave-one-out"), (value, "a number")):
        estimate = score_function_grad(torch.full((k,), value), logits, b, baseline)
        assert_close(estimate, torch.zeros(d), f"Equal values minus their baseline ({name}) are zero")


@points(0.5)
def test_two_draws_are_each_others_baseline(rng):
    """With two draws and leave-one-out, the estimate is half of (f1 - f2) times the difference of the draws."""
    d = rng.size(2, 5)
    logits, f = torch.randn(d, generator=rng), torch.randn(2, generator=rng)
    b = torch.stack([torch.ones(d), torch.zeros(d)])
    estimate = score_function_grad(f, logits, b, "mean_loo")
    half = torch.full((d,), float(f[0] - f[1]) / 2)
    message = "With two draws the baseline of each is the value of the OTHER: the mean of the rest, not of all"
    assert_close(estimate, half, message)


### BEGIN HIDDEN TESTS
def binary_rows(d):
    """All 2^d binary vectors (2^d, d)."""
    return torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * d).reshape(-1, d)


def moments_of_estimate(logits, table, k, baseline):
    """Exact gradient (D,), exact mean (D,) and exact total variance of the estimate over all batches of k draws."""
    states = binary_rows(len(logits))
    p = torch.exp((states * logits - torch.nn.functional.softplus(logits)).sum(-1))
    gradient = ((p * table).unsqueeze(-1) * (states - torch.sigmoid(logits))).sum(0)
    mean, square = torch.zeros(len(logits)), 0.0
    for draws in torch.cartesian_prod(*[torch.arange(len(states))] * k).reshape(-1, k):
        weight = p[draws].prod()
        estimate = score_function_grad(table[draws], logits, states[draws], baseline).detach()
        mean = mean + weight * estimate
        square += float(weight * estimate.square().sum())
    return gradient, mean, square - float(mean.square().sum())


@points(1.5)
def test_constant_baseline_is_subtracted_from_every_value(rng):
    """A number c as baseline gives what f - c gives without one, and stays unbiased; inputs and dtype are left alone."""
    k, d, c = rng.size(2, 5), rng.size(1, 4), 2 * float(torch.randn((), generator=rng))
    f, logits = torch.randn(k, generator=rng), 2 * torch.randn(d, generator=rng)
    b = torch.randint(2, (k, d), generator=rng).double()
    with_c = assert_inputs_unchanged(score_function_grad, f, logits, b, c)
    assert_close(with_c, score_function_grad(f - c, logits, b, "none"), "A number c as baseline means f - c")
    plain = score_function_grad(f, logits, b, "none")
    assert_close(score_function_grad(f, logits, b), plain, "Without an argument baseline there is none")
    for whole in (0, 0.0, 2):
        as_none = score_function_grad(f - whole, logits, b, "none")
        assert_close(
            score_function_grad(f, logits, b, whole), as_none, f"The number {whole} as baseline means f - {whole}"
        )
    sure = score_function_grad(f, torch.full((d,), 1000.0), torch.ones(k, d))
    assert_close(sure, torch.zeros(d), "A coin that always shows heads (logit 1000) has score 0: use torch.sigmoid")
    each = torch.stack([score_function_grad(f[[i]], logits, b[[i]], c) for i in range(k)])
    assert_close(with_c, each.mean(0), "K draws give the mean of what each draw gives alone")
    assert_inputs_unchanged(score_function_grad, f, logits, b, "mean_loo")
    single = [score_function_grad(f.float(), logits.float(), b.float(), way) for way in ("none", "mean_loo", 1.5)]
    assert all(t.dtype == torch.float32 for t in single), (
        "float32 arguments gave another dtype: is one fixed somewhere?"
    )
    for baseline in ("none", 1.7, -3):
        logits, table = torch.randn(2, generator=rng), torch.randn(4, generator=rng)
        gradient, mean, _ = moments_of_estimate(logits, table, 2, baseline)
        assert_close(mean, gradient, "The average over all batches of two draws is not the gradient: biased")


@points(1.5)
def test_leave_one_out_averages_all_other_draws(rng):
    """Leave-one-out is unbiased over all batches, subtracts the mean of all others, and more than halves the variance."""
    logits, table = torch.randn(2, generator=rng), torch.randn(4, generator=rng)
    gradient, mean, _ = moments_of_estimate(logits, table, 3, "mean_loo")
    shrunk = float((mean - gradient * 2 / 3).abs().max()) < 1e-6
    assert not shrunk, "The gradient comes out (K-1)/K too small: the baseline of a draw includes that draw itself"
    assert_close(mean, gradient, "The average over all batches is not the gradient: the baseline must not see its draw")
    k = rng.size(3, 6)
    f, lone = torch.randn(k, generator=rng), torch.eye(k)  # in draw k only coin k shows heads
    wanted = score_function_grad((f - f.mean()) * k / (k - 1), logits[0].expand(k), lone, "none")
    message = "f_k minus the mean of ALL the others is K / (K - 1) times f_k minus the mean of the batch"
    assert_close(score_function_grad(f, logits[0].expand(k), lone, "mean_loo"), wanted, message)
    plain, loo = (moments_of_estimate(logits / 2, 5 + table.abs() / 4, 3, way)[2] for way in ("none", "mean_loo"))
    assert loo < plain / 2, "The leave-one-out baseline hardly lowers the variance"


### END HIDDEN TESTS

# %% [markdown]
# ### A smooth coin: Gumbel-softmax
#
# Adding Gumbel noise to logits and taking the argmax draws from the softmax (W2.5 d). Replace the argmax by a softmax at
# *temperature* $\tau$ and everything is differentiable:
#
# $$y=\operatorname{softmax}\left(\frac{\ell+g}{\tau}\right),\qquad g_i=-\log(-\log u_i),\quad u_i\sim U(0,1). \tag{2.19}$$
#
# As $\tau\to0$, $y$ becomes one-hot: the draw is exact and the gradient useless. As $\tau$ grows the gradient is smooth,
# and belongs to another problem. With `hard=True` the value is the one-hot vector of the largest entry of $y$ while the
# gradient is that of $y$, the **straight-through** trick: in the forward pass $h$, in the backward pass $y$.
#
# | symbol | variable | shape | dtype |
# |---|---|---|---|
# | $\ell$, $u$ | `logits`, `u` (strictly between 0 and 1) | `(B, V)` | floating |
# | $\tau$ | `tau` | number, positive | float |
# | $y$, or its one-hot version | returned | `(B, V)`, rows on the simplex | same |


# %% solution="2.4b"
def gumbel_softmax(logits: Tensor, u: Tensor, tau: float, hard: bool = False) -> Tensor:
    """Return relaxed categorical draws, equation (2.19): logits and uniform noise (B, V) -> (B, V) with rows that sum to one.

    With `hard`, the rows are one-hot and carry the gradient of the soft ones.
    """
    ### BEGIN SOLUTION
    gumbel = -torch.log(-torch.log(u))
    soft = torch.softmax((logits + gumbel) / tau, dim=-1)
    if not hard:
        return soft
    one_hot = nn.functional.one_hot(soft.argmax(-1), soft.shape[-1]).to(soft.dtype)
    return one_hot + soft - soft.detach()  # value: one-hot; gradient: soft
    ### END SOLUTION


# %% tests="2.4b"
@core
@points(0.5)
def test_relaxed_draws_lie_on_the_simplex(rng):
    """Every row is positive and sums to one; with equal noise it is the softmax of the logits at temperature tau."""
    b, v, tau = rng.size(2, 5), rng.size(2, 5), 0.5 + float(torch.rand((), generator=rng))
    logits = torch.randn(b, v, generator=rng)
    y = gumbel_softmax(logits, torch.full((b, v), 0.3), tau)
    assert tuple(y.shape) == (b, v), f"expected shape {(b, v)}, got {tuple(y.shape)}"
    assert_close(y.sum(-1), torch.ones(b), "The entries of a row sum to one")
    message = "Equal noise drops out: softmax(logits / tau) over the last axis remains; the temperature divides"
    assert_close(y, torch.softmax(logits / tau, dim=-1), message)


@points(0.5)
def test_noise_is_gumbel(rng):
    """Log-ratios of entries, times tau, are differences of logits plus Gumbel noise -log(-log u)."""
    b, v, tau = rng.size(2, 4), rng.size(2, 5), 0.5 + 2 * float(torch.rand((), generator=rng))
    logits = torch.randn(b, v, generator=rng)
    u = 0.02 + 0.96 * torch.rand(b, v, generator=rng)
    log_y = gumbel_softmax(logits, u, tau).log()
    shifted = logits - torch.log(torch.log(1 / u))
    wanted = (shifted[:, 1:] - shifted[:, :1]) / tau
    message = "Noise u enters as -log(-log u), added to the logits before the temperature divides"
    assert_close(log_y[:, 1:] - log_y[:, :1], wanted, message)


@points(0.5)
def test_hard_draws_are_one_hot(rng):
    """With hard=True every row is one-hot, at the largest entry of the soft row, and still carries a gradient."""
    b, v = rng.size(3, 6), rng.size(2, 5)
    logits, u = torch.randn(b, v, generator=rng, requires_grad=True), torch.rand(b, v, generator=rng)
    soft, hard = gumbel_softmax(logits, u, 0.7), gumbel_softmax(logits, u, 0.7, hard=True)
    message = "With hard=True the value is the one-hot vector of the largest entry"
    assert_close(hard, torch.eye(v)[soft.argmax(-1)], message)
    assert hard.requires_grad, "hard=True carries no gradient: an argmax has none, so go straight through"


### BEGIN HIDDEN TESTS
@points(1)
def test_hard_draws_carry_the_soft_gradient(rng):
    """With hard=True the gradient is that of the soft draw: straight-through."""
    b, v, tau = rng.size(2, 4), rng.size(2, 4), 0.8
    logits = torch.randn(b, v, generator=rng, requires_grad=True)
    u, weight = torch.rand(b, v, generator=rng), torch.randn(b, v, generator=rng)
    (soft,) = torch.autograd.grad((weight * gumbel_softmax(logits, u, tau)).sum(), logits)
    hard = gumbel_softmax(logits, u, tau, hard=True)
    assert hard.requires_grad, "hard=True carries no gradient: an argmax has none, so go straight through"
    (through,) = torch.autograd.grad((weight * hard).sum(), logits, allow_unused=True)
    assert through is not None, "no gradient reaches the logits with hard=True"
    assert_close(through, soft, "With hard=True the backward pass is that of the soft draw")


@points(0.5)
def test_low_temperature_gives_draws_from_the_softmax(rng):
    """At a very low temperature nothing overflows, and the soft draw is one-hot: a draw from softmax(logits)."""
    v = rng.size(2, 5)
    logits = 3.0 * torch.randperm(v, generator=rng).double().unsqueeze(0)
    noise = torch.tensor([[1e-4, 0.5, 1 - 1e-4]])
    log_y = gumbel_softmax(torch.zeros(1, 3), noise, 0.1).log()
    wanted = -torch.log(-torch.log(noise)) / 0.1
    assert_close(log_y - log_y[:, :1], wanted - wanted[:, :1], "Noise u near 0 or 1: -log(-log u) as it stands")
    y = gumbel_softmax(logits, torch.full((1, v), 0.9), 1e-4)
    assert_finite(y, "A low temperature overflows: use torch.softmax, not a quotient of exp")
    assert_close(y, torch.eye(v)[logits.argmax(-1)], "As tau goes to zero the draw becomes one-hot")
    n, chances = 3000, torch.tensor([1.5, 0.0, -1.0, 0.5])[: rng.size(3, 4)]
    u = torch.rand(n, len(chances), generator=rng).clamp(1e-12, 1 - 1e-12)
    counts = torch.bincount(gumbel_softmax(chances.expand(u.shape), u, 1e-4).argmax(-1), minlength=len(chances))
    assert_probs(counts, chances.softmax(0), message="The largest entry is not distributed as softmax(logits)")


@points(0.5)
def test_gumbel_softmax_leaves_its_inputs_alone(rng):
    """Inputs are left unchanged, their dtype is kept, and autograd agrees with finite differences."""
    b, v = rng.size(1, 3), rng.size(2, 4)
    logits, u = torch.randn(b, v, generator=rng), 0.1 + 0.8 * torch.rand(b, v, generator=rng)
    assert_inputs_unchanged(gumbel_softmax, logits, u, 0.9)
    assert_inputs_unchanged(gumbel_softmax, logits, u, 0.9, True)
    assert_gradients_match(lambda a, b: gumbel_softmax(a, b, 0.9), logits, u)
    single = [gumbel_softmax(logits.float(), u.float(), 0.9, hard) for hard in (False, True)]
    assert all(t.dtype == torch.float32 for t in single), (
        "float32 arguments gave another dtype: is one fixed somewhere?"
    )


### END HIDDEN TESTS

# %% [markdown]
# **Experiment: what each estimator costs.** Six coins, $f(b)=\|b-t\|^2+5$, eight draws per estimate, 3000 estimates.
# The exact gradient comes from all 64 states. Expect a total variance near 8.2 for "none", 0.062 for the constant
# $E[f]$, 0.073 for leave-one-out, 0.13 for Gumbel-softmax at $\tau=0.1$ and 0.0045 at $\tau=1$: the smallest of all, and
# *wrong* on average by a hundred times its error (at $\tau=0.1$ by a few).

# %% experiment="2.4" cpu_minutes=0.1 t4_minutes=0.1
set_seed(0)
REPEATS, K, D = preset(smoke=200, cpu=3000, gpu=3000), 8, 6
target, logits = torch.rand(D), 0.7 * torch.randn(D)


def reward(b):
    """The value of a batch of binary (or relaxed) vectors: (..., D) -> (...)."""
    return (b - target).square().sum(-1) + 5


states = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * D)  # all 64
probability = torch.exp((states * logits - nn.functional.softplus(logits)).sum(-1))
exact = ((probability * reward(states)).unsqueeze(-1) * (states - torch.sigmoid(logits))).sum(0)
expected = float((probability * reward(states)).sum())
estimates = {}
for name, baseline in (("none", "none"), ("constant E[f]", expected), ("leave one out", "mean_loo")):
    draws = torch.bernoulli(torch.sigmoid(logits).expand(REPEATS, K, D))
    estimates[name] = torch.stack([score_function_grad(reward(b), logits, b, baseline) for b in draws])
for tau in (0.1, 1.0):
    pair = torch.stack([logits, torch.zeros(D)], dim=-1).expand(REPEATS, K, D, 2).clone().requires_grad_()
    u = torch.rand(pair.shape).clamp(1e-6, 1 - 1e-6)
    relaxed = gumbel_softmax(pair.reshape(-1, 2), u.reshape(-1, 2), tau)[:, 0].reshape(REPEATS, K, D)
    (slope,) = torch.autograd.grad(reward(relaxed).sum(), pair)
    estimates[f"Gumbel, τ = {tau:g}"] = slope[..., 0].mean(1)
scores = {}
for name, found in estimates.items():
    bias = (found.mean(0) - exact) / (found.std(0) / math.sqrt(REPEATS))
    scores[name] = (float(found.var(0).sum()), float(bias.abs().max()))
    print(f"{name:16s} total variance {scores[name][0]:.4f}   largest bias / its error {scores[name][1]:.1f}")

# %% [markdown] figure="F2.6" points=2
# **Bias and variance of gradients.** Bars of the total variance on a log scale, one for each estimator, each labelled
# with its bias in units of its own error. In three or four sentences: why does leave-one-out come so close to the
# constant $E[f]$, which nobody knows in practice? Which estimators are biased? When would you use REINFORCE although
# Gumbel-softmax has less variance?
#
# Caption: Variance (bars) and bias (labels) of five gradient estimators for six coins, eight draws each.
#
# ### BEGIN MARK SCHEME
# - (1) log scale, five labelled bars; variance falls by a factor of more than 100 with a baseline, and bias is given
# - (1) leave-one-out estimates $E[f]$ from the same draws; both Gumbel estimators are biased, most at high temperature;
#   REINFORCE when $f$ is a black box, defined on discrete values only, or not differentiable
# ### END MARK SCHEME

# %% experiment="2.4"
fig, axis = plt.subplots(figsize=(8.5, 3.8), layout="constrained")
bars = axis.bar(list(scores), [value for value, _ in scores.values()], color=["#0072B2"] * 3 + ["#D55E00"] * 2)
axis.bar_label(bars, [f"bias {z:.0f} errors" for _, z in scores.values()], padding=2)
axis.set(yscale="log", xlabel="estimator", ylabel="total variance", ylim=(1e-3, 50))
savefig(
    "F2.6",
    fig,
    alt="Bar chart on a log scale: the variance without a baseline is a hundred times that of the others.",
    answer="Replace this sentence by your three or four sentences.",
)

# %% [markdown]
# ### Vector quantisation
#
# A VQ-VAE has a *codebook* $e_1,\dots,e_C\in R^D$ and replaces the encoder's output by the nearest entry,
#
# $$i(b)=\arg\min_c\|z_b-e_c\|^2,\qquad z_{q,b}=e_{i(b)}. \tag{2.20}$$
#
# No noise, no probability, and no gradient, since an argmin is flat. So the gradient of $z_q$ is *copied* to $z$
# (straight-through), and the codebook learns from a loss of its own, in which $\text{sg}$, "stop gradient", is
# `detach`:
#
# $$L=\frac1B\sum_{b=1}^{B}\left[\;\underbrace{\|\text{sg}(z_b)-e_{i(b)}\|^2}_{\text{moves the codebook}}
#   +\;\beta\,\underbrace{\|z_b-\text{sg}(e_{i(b)})\|^2}_{\text{commits the encoder}}\right]. \tag{2.21}$$
#
# | symbol | variable | shape | dtype |
# |---|---|---|---|
# | $z$ | `z` | `(B, D)` | floating |
# | $e$ | `codebook` | `(C, D)` | same |
# | $\beta$ | `beta` | number | float |
# | $z_q$, $i$, $L$ | returned | `(B, D)`, `(B,)`, `()` | same, int64, same |
#
# Both terms have the same *value* up to β; they differ in whom they move. Swap the two `detach` and the loss curve looks
# the same for a while.


# %% solution="2.4c"
def vector_quantize(z: Tensor, codebook: Tensor, beta: float) -> tuple[Tensor, Tensor, Tensor]:
    """Return the nearest codebook entries (B, D), their numbers (B,) int64, and the loss (2.21), a scalar.

    `z` is (B, D), `codebook` (C, D). The gradient of the entries returned goes straight to `z`, none to the codebook.
    """
    ### BEGIN SOLUTION
    distance = (z.unsqueeze(1) - codebook).square().sum(-1)  # (B, C)
    idx = distance.argmin(dim=1)
    entry = codebook[idx]  # (B, D)
    to_codebook = (z.detach() - entry).square().sum(-1)
    to_encoder = (z - entry.detach()).square().sum(-1)
    loss = (to_codebook + beta * to_encoder).mean()
    return z + (entry - z).detach(), idx, loss
    ### END SOLUTION


# %% tests="2.4c"
@core
@points(0.5)
def test_codebook_entries_are_fixed_points(rng):
    """Entries of the codebook are returned as they are, with their numbers and a loss of zero."""
    c, d, b = rng.size(3, 6), rng.size(2, 4), rng.size(3, 7)
    codebook = 2 * torch.randn(c, d, generator=rng)
    numbers = torch.randint(c, (b,), generator=rng)
    answer = vector_quantize(codebook[numbers], codebook, 0.25)
    assert isinstance(answer, (tuple, list)), "return three tensors: entries, numbers, loss"
    assert len(answer) == 3, "return three tensors: entries, numbers, loss"
    assert_close(answer[1], numbers, "An entry of the codebook is nearest to itself (the smallest distance)")
    assert_close(answer[0], codebook[numbers], "An entry of the codebook is returned as it is")
    assert_close(answer[2], torch.tensor(0.0), "On the codebook the loss is zero, and one number")


@points(0.5)
def test_gradient_goes_straight_through(rng):
    """The gradient of the quantised vectors goes to z as it is, and not to the codebook."""
    b, c, d = rng.size(2, 5), rng.size(2, 4), rng.size(2, 4)
    z = torch.randn(b, d, generator=rng, requires_grad=True)
    codebook = torch.randn(c, d, generator=rng, requires_grad=True)
    weight = torch.randn(b, d, generator=rng)
    quantised = vector_quantize(z, codebook, 0.25)[0]
    assert quantised.requires_grad, "the quantised vectors carry no gradient at all"
    to_z, to_codebook = torch.autograd.grad((weight * quantised).sum(), [z, codebook], allow_unused=True)
    assert to_z is not None, "no gradient reaches z: the straight-through copy is missing, z + (entry - z).detach()"
    assert_close(to_z, weight, "Straight-through: the gradient reaches z unchanged")
    leak = 0.0 if to_codebook is None else float(to_codebook.abs().max())
    assert leak == 0.0, "The quantised vectors move the codebook: only the loss may do that"


@points(0.25)
def test_without_commitment_only_the_codebook_moves(rng):
    """With beta = 0 the loss moves the codebook and leaves z where it is."""
    z = torch.randn(rng.size(2, 5), 3, generator=rng, requires_grad=True)
    codebook = torch.randn(rng.size(2, 4), 3, generator=rng, requires_grad=True)
    loss = vector_quantize(z, codebook, 0.0)[2]
    assert loss.requires_grad, "the loss carries no gradient"
    moved = [
        0.0 if g is None else float(g.abs().max()) for g in torch.autograd.grad(loss, [z, codebook], allow_unused=True)
    ]
    assert moved[1] > 0, "With beta = 0 the codebook should move: the stop-gradient (detach) is on the wrong side"
    assert moved[0] == 0, "With beta = 0 nothing moves z: its stop-gradient (detach) is missing, or on the wrong side"


### BEGIN HIDDEN TESTS
@points(0.75)
def test_every_vector_gets_its_nearest_entry(rng):
    """Every vector is replaced by the entry at the smallest distance, found by trying all."""
    b, c, d = rng.size(50, 60), rng.size(4, 7), rng.size(2, 4)
    z = 1.5 * torch.randn(b, d, generator=rng)
    codebook = torch.randn(c, d, generator=rng) * (0.5 + 2 * torch.rand(c, 1, generator=rng))
    quantised, numbers, _ = assert_inputs_unchanged(vector_quantize, z, codebook, 0.5)
    nearest = (z.unsqueeze(1) - codebook).norm(dim=-1).argmin(1)
    assert_close(numbers, nearest, "Some vector does not get its nearest entry; is it the distance?")
    assert_close(quantised, codebook[nearest], "The quantised vectors are not the entries at those numbers")


@points(0.5)
def test_loss_is_the_squared_distance(rng):
    """The loss is 1 + beta times the squared distance, summed over dimensions and averaged over the batch."""
    b, c, d, beta = rng.size(2, 6), rng.size(2, 4), rng.size(2, 5), 0.1 + float(torch.rand((), generator=rng))
    codebook = 10 * torch.eye(max(c, d))[:c, :d] + 10
    step = 0.3 * torch.randn(b, d, generator=rng).clamp(-2, 2)
    numbers = torch.randint(min(c, d), (b,), generator=rng)
    loss = vector_quantize(codebook[numbers] + step, codebook, beta)[2]
    wanted = (1 + beta) * step.square().sum() / b
    assert_close(loss, wanted, "The loss sums over the dimensions, averages over the batch, and has two terms")


@points(1)
def test_each_term_moves_its_own_side(rng):
    """The first term moves the codebook only; the second, weighted by beta, moves z only."""
    b, c, d, beta = rng.size(3, 6), rng.size(2, 4), rng.size(2, 3), 0.2 + 3 * float(torch.rand((), generator=rng))
    z = torch.randn(b, d, generator=rng, requires_grad=True)
    codebook = torch.randn(c, d, generator=rng, requires_grad=True)
    nearest = torch.cdist(z, codebook).detach().argmin(1)
    loss = vector_quantize(z, codebook, beta)[2]
    assert loss.requires_grad, "the loss carries no gradient"
    to_z, to_codebook = torch.autograd.grad(loss, [z, codebook], allow_unused=True)
    off = (z - codebook[nearest]).detach()
    wanted = torch.zeros(c, d).index_add(0, nearest, -2 * off / b)
    assert to_codebook is not None, "the loss does not reach the codebook: is the stop-gradient on the wrong side?"
    assert_close(to_codebook, wanted, "The codebook moves by the first term only; beta has no part in it")
    assert to_z is not None, "the loss does not reach z: is the stop-gradient on the wrong side?"
    assert_close(to_z, 2 * beta * off / b, "z moves by the commitment term only, and beta weighs it")


@float32
@points(0.5)
def test_vector_quantize_keeps_the_dtype(rng):
    """float32 in, float32 out; numbers are int64."""
    z, codebook = torch.randn(3, 2, generator=rng), torch.randn(rng.size(2, 4), 2, generator=rng)
    quantised, numbers, loss = vector_quantize(z, codebook, 0.25)
    kinds = (quantised.dtype, numbers.dtype, loss.dtype)
    assert kinds == (torch.float32, torch.int64, torch.float32), "entries and loss float32, numbers int64"


### END HIDDEN TESTS

# %% [markdown]
# **Experiment: a codebook for digits.** With the identity as encoder, (2.21) is *k*-means by gradient. Thirty-two
# prototypes, started at random training images, should bring the mean squared distance from about 3.5 to **1.8** in 300
# steps. Reflect: an entry that is nearest to nothing gets no gradient and stays where it is. Started at images, none is
# idle here; start at `torch.randn(32, 64)` instead and count. What would you do about them?

# %% experiment="2.4" cpu_minutes=0.1 t4_minutes=0.1
set_seed(0)
pixels = digits.load("train")[0].flatten(1).float() / 16
codebook = nn.Parameter(pixels[torch.randperm(len(pixels))[:32]].clone())
optimizer = torch.optim.Adam([codebook], lr=0.02)
with torch.no_grad():
    start = float(vector_quantize(pixels, codebook, 0.0)[2])
for _ in range(preset(smoke=20, cpu=300, gpu=300)):
    _, numbers, loss = vector_quantize(pixels, codebook, 0.0)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
idle = 32 - len(numbers.unique())
print(f"mean squared distance {start:.2f} -> {float(loss.detach()):.2f}; {idle} of 32 entries are never used")
plt.figure(figsize=(8, 2))
plt.imshow(codebook.detach().reshape(2, 16, 8, 8).permute(0, 2, 1, 3).reshape(16, 128), cmap="gray_r", vmin=0, vmax=1)
plt.axis("off")
plt.show()

# %% [markdown] problem="2.5" minutes=85
# ## Problem 2.5: Cells
#
# A single cell is a list of *counts*: how many molecules of each of $G$ genes were read. Most are zero, some are
# hundreds, and two facts of life dominate. The number of molecules read per cell, the **library size**, differs tenfold
# for technical reasons; and the same kind of cell gives counts that scatter *more* than a Poisson law allows. A Gaussian
# on pixels would see nothing but these two. A VAE with the right likelihood sees the cell types.
#
# ### A count likelihood
#
# The negative binomial with mean $\mu$ and inverse dispersion $\theta$ is a Poisson whose rate is itself random (gamma):
#
# $$\log p(x\mid\mu,\theta)=\log\frac{\Gamma(x+\theta)}{\Gamma(\theta)\,\Gamma(x+1)}
#   +\theta\log\frac{\theta}{\theta+\mu}+x\log\frac{\mu}{\theta+\mu},\qquad
#   E[x]=\mu,\quad\operatorname{Var}[x]=\mu+\frac{\mu^2}{\theta}. \tag{2.22}$$
#
# | symbol | variable | shape | dtype |
# |---|---|---|---|
# | $x$ | `x`, counts as floating-point numbers | `(B, G)` | floating |
# | $\mu$ | `mu`, $\ge0$ | broadcasts against `x` | same |
# | $\theta$ | `theta`, positive | broadcasts, e.g. `(G,)` | same |
# | $\log p$ | returned, *not* summed | as `x` | same |
#
# As $\theta\to\infty$ it becomes a Poisson. Two traps: (2.22) as it stands takes $0\cdot\log0$ for a gene that is silent
# ($\mu=0$, $x=0$), where the probability is 1 and the gradient finite; and $\log\frac{\theta}{\theta+\mu}$ loses its
# digits when $\theta$ is large (`log1p`).


# %% solution="2.5a"
def nb_log_prob(x: Tensor, mu: Tensor, theta: Tensor) -> Tensor:
    """Return the log-probability of counts under the negative binomial (2.22), in nats, elementwise with broadcasting.

    `mu` >= 0 is the mean, `theta` > 0 the inverse dispersion. At `mu` = 0 a count of 0 has log-probability 0 and a finite
    gradient, any other count one below -20 (minus infinity is fine). For large `theta` it is the Poisson law.
    """
    ### BEGIN SOLUTION
    log_mu = torch.log(mu.clamp_min(torch.finfo(mu.dtype).tiny))  # 0 times this is 0, and its gradient too
    ways = torch.lgamma(x + theta) - torch.lgamma(theta) - torch.lgamma(x + 1)
    return ways - theta * torch.log1p(mu / theta) + x * (log_mu - torch.log(theta + mu))
    ### END SOLUTION


# %% tests="2.5a"
@core
@points(0.5)
def test_probability_of_a_zero(rng):
    """A count of zero has log-probability -theta log(1 + mu / theta), entry by entry."""
    b, g = rng.size(2, 5), rng.size(2, 6)
    mu, theta = 5 * torch.rand(b, g, generator=rng), 0.5 + 4 * torch.rand(g, generator=rng)
    wanted = -theta * torch.log(1 + mu / theta)
    message = "P(x = 0) is (theta / (theta + mu))^theta; nothing is summed, theta (G,) broadcasts"
    assert_close(nb_log_prob(torch.zeros(b, g), mu, theta), wanted, message)


@points(0.5)
def test_counts_have_total_probability_one(rng):
    """The probabilities of all counts sum to one, and a silent gene shows no counts."""
    g = rng.size(2, 4)
    mu, theta = 0.5 + 4 * torch.rand(g, generator=rng), 1 + 4 * torch.rand(g, generator=rng)
    silent = nb_log_prob(torch.zeros(1), torch.zeros(1), torch.ones(1))
    assert_finite(silent, "A silent gene (mu = 0) shows a count of 0 for sure: 0 log 0 is 0")
    x = torch.arange(150.0).unsqueeze(-1).expand(150, g)
    total = nb_log_prob(x, mu, theta).exp().sum(0)
    assert_close(total, torch.ones(g), "The probabilities do not sum to one; look for lgamma(x + 1)")


@points(0.5)
def test_mean_and_variance_of_the_counts(rng):
    """The mean is mu and the variance mu + mu^2 / theta, by summation."""
    g = rng.size(2, 4)
    mu, theta = 0.5 + 5 * torch.rand(g, generator=rng), 1 + 4 * torch.rand(g, generator=rng)
    x = torch.arange(150.0).unsqueeze(-1).expand(150, g)
    p = nb_log_prob(x, mu, theta).exp()
    spread = (p * (x - mu).square()).sum(0)
    message = "The variance is not mu + mu^2/theta: theta is the INVERSE dispersion"
    assert_close(spread, mu + mu.square() / theta, message)
    assert_close((p * x).sum(0), mu, "The mean of the counts is not mu")


### BEGIN HIDDEN TESTS
@points(1)
def test_large_theta_is_poisson(rng):
    """With a huge theta the law is Poisson; before that P(0) bends with theta, and counts of thousands are possible."""
    mu = 0.5 + 5 * torch.rand(rng.size(2, 5), generator=rng)
    x = torch.arange(12.0).unsqueeze(-1).expand(12, len(mu))
    wanted = x * mu.log() - mu - torch.lgamma(x + 1)
    near = nb_log_prob(x, mu, torch.tensor(1e8))
    assert_finite(near, "A huge theta must not overflow: work with lgamma and logarithms")
    assert_close(near, wanted, "As theta grows the law becomes Poisson with mean mu", rtol=1e-4, atol=1e-4)
    theta = 10.0 ** torch.arange(-2, 9)
    found = nb_log_prob(torch.zeros(len(theta)), mu[:1].expand(len(theta)), theta)
    message = "P(x = 0) for theta from 0.01 to 1e8: no other law is put in the place of this one"
    assert_close(found, -theta * torch.log1p(mu[0] / theta), message)
    x, theta = torch.tensor([300.0, 5000.0]), torch.tensor([2.0])
    step = nb_log_prob(x + 1, mu[:1], theta) - nb_log_prob(x, mu[:1], theta)
    ratio = (x + theta) / (x + 1) * mu[0] / (theta + mu[0])
    assert_close(step, ratio.log(), "p(x + 1) / p(x) for a count x of hundreds and thousands")


@points(1)
def test_silent_genes_are_silent(rng):
    """At mean zero a count of zero has log-probability 0 and a finite gradient, and tiny means are no exception."""
    theta = 0.5 + 3 * torch.rand(4, generator=rng)
    mu = torch.tensor([0.0, 0.0, 1e-40, 1e-15], requires_grad=True)
    value = nb_log_prob(torch.zeros(4), mu, theta)
    assert_close(value, torch.zeros(4), "A silent gene shows no counts: 0 log 0 is 0")
    assert value.requires_grad, "no gradient flows back to mu"
    (slope,) = torch.autograd.grad(value.sum(), mu)
    assert_finite(slope, "The gradient at mean zero")
    never = nb_log_prob(torch.tensor([1.0, 7.0]), torch.zeros(2), torch.ones(2)).detach()
    assert bool((never < -20).all()), "At mean zero any other count is impossible: a very negative log-probability"
    some = nb_log_prob(torch.ones(1), torch.tensor([1e-15]), torch.ones(1))
    assert_close(some, torch.tensor([math.log(1e-15)]), "A count of one at a tiny mean", rtol=1e-2)


@points(1)
def test_nb_leaves_its_inputs_alone(rng):
    """Inputs are left unchanged, and autograd agrees with finite differences."""
    b, g = rng.size(1, 2), rng.size(1, 3)
    x = torch.randint(6, (b, g), generator=rng).double()
    mu, theta = 0.5 + 3 * torch.rand(b, g, generator=rng), 1 + 3 * torch.rand(g, generator=rng)
    assert_inputs_unchanged(nb_log_prob, x, mu, theta)
    assert_gradients_match(lambda m, t: nb_log_prob(x, m, t), mu, theta)


@float32
@points(0.5)
def test_nb_keeps_the_dtype(rng):
    """float32 in, float32 out, silent genes included."""
    mu = torch.cat([torch.zeros(1), torch.rand(rng.size(1, 4), generator=rng)])
    value = nb_log_prob(torch.zeros(len(mu)), mu, torch.ones(len(mu)))
    assert value.dtype == torch.float32, "float32 inputs gave another dtype: was a tensor made with a fixed dtype?"
    assert_finite(value, "A silent gene in float32")


### END HIDDEN TESTS

# %% [markdown]
# ### A decoder that knows the library size
#
# The latent should say *what kind* of cell it is, not how many molecules were read. So the decoder gives shares, and the
# library size $s$ scales them:
#
# $$\mu_{bg}=s_b\,\frac{e^{h_{bg}}}{\sum_{g'}e^{h_{bg'}}}. \tag{2.23}$$
#
# | symbol | variable | shape | dtype |
# |---|---|---|---|
# | $h$ | `h`, the output of the decoder network | `(B, G)` | floating |
# | $s$ | `library`, positive | `(B, 1)` | same |
# | $\mu$ | returned | `(B, G)` | same |


# %% solution="2.5b"
def scvae_decode(h: Tensor, library: Tensor) -> Tensor:
    """Return the mean counts, equation (2.23): logits (B, G) and library sizes (B, 1) -> (B, G). Rows sum to `library`."""
    ### BEGIN SOLUTION
    return library * torch.softmax(h, dim=-1)
    ### END SOLUTION


# %% tests="2.5b"
@core
@points(0.5)
def test_means_add_up_to_the_library(rng):
    """The mean counts of a cell add up to its library size."""
    b, g = rng.size(2, 5), rng.size(3, 7)
    library = 100 + 900 * torch.rand(b, 1, generator=rng)
    mu = scvae_decode(torch.randn(b, g, generator=rng), library)
    assert tuple(mu.shape) == (b, g), f"expected shape {(b, g)}, got {tuple(mu.shape)}"
    assert_close(mu.sum(-1, keepdim=True), library, "The means of a cell add up to its library size")


@points(0.5)
def test_twice_the_library_is_twice_the_counts(rng):
    """Twice the library size means twice the mean of every gene."""
    h, library = torch.randn(3, rng.size(2, 6), generator=rng), 10 * torch.rand(3, 1, generator=rng)
    once, twice = scvae_decode(h, library), scvae_decode(h, 2 * library)
    assert_close(twice, 2 * once, "The library size multiplies the shares")


@points(0.5)
def test_logits_are_log_ratios_of_genes(rng):
    """Within a cell, differences of logits are log-ratios of means, and cells do not see each other."""
    b, g = rng.size(2, 4), rng.size(3, 6)
    h, library = 2 * torch.randn(b, g, generator=rng), 1 + 100 * torch.rand(b, 1, generator=rng)
    mu = scvae_decode(h, library)
    alone = torch.cat([scvae_decode(h[[i]], library[[i]]) for i in range(b)])
    assert_close(mu, alone, "A cell's means depend on the other cells of the batch: softmax over genes, not over cells")
    log_mu = mu.log()
    assert_close(log_mu - log_mu[:, :1], h - h[:, :1], "A difference of logits is the log of the ratio of two means")


### BEGIN HIDDEN TESTS
@points(0.75)
def test_decoder_is_stable_for_large_logits(rng):
    """Logits of any size are fine: adding 1000 to a row changes nothing."""
    b, g = rng.size(2, 4), rng.size(2, 5)
    h, library = torch.randn(b, g, generator=rng), 1 + torch.rand(b, 1, generator=rng)
    base = scvae_decode(h, library)
    shift = torch.where(torch.arange(b) % 2 == 0, 1000.0, -1000.0).unsqueeze(-1)
    for change in (shift, -shift):
        moved = scvae_decode(h + change, library)
        assert_finite(moved, "Large logits overflow: use torch.softmax")
        assert_close(moved, base, "A constant added to all logits of a cell changes nothing")
    rare = scvae_decode(h - 25 * (torch.arange(g) > 0), library).log()
    assert_close(rare[:, 1:] - rare[:, :1], h[:, 1:] - h[:, :1] - 25, "Genes with a share near zero: nothing is added")
    h[:, 0] += 2000
    assert_close(scvae_decode(h, library)[:, 0], library[:, 0], "A logit far above the others takes the whole library")


@points(0.75)
def test_decoder_leaves_its_inputs_alone(rng):
    """Inputs are left unchanged, their dtype is kept, and autograd agrees with finite differences."""
    b, g = rng.size(1, 3), rng.size(2, 4)
    h, library = torch.randn(b, g, generator=rng), 1 + torch.rand(b, 1, generator=rng)
    assert_inputs_unchanged(scvae_decode, h, library)
    assert_gradients_match(scvae_decode, h, library)
    single = scvae_decode(h.float(), library.float())
    assert single.dtype == torch.float32, "float32 arguments gave another dtype: is one fixed somewhere?"


### END HIDDEN TESTS

# %% [markdown]
# **Experiment: which cells are alike?** 2000 cells of six types for training, 500 for testing, generated by
# `synthetic_cells` (given), where the truth is known. The encoder sees $\log(1+x)$: raw counts of several hundred would
# drown everything else. Two models, one with (2.22) and one with a Poisson, 40 epochs each, about three seconds of one
# core each. Expect −ELBO per gene of **1.83** (negative binomial) and **1.98** (Poisson), where the
# truth, given all means, has 1.78. The clusters of the latent means agree with the types with an adjusted Rand index (1:
# perfect, 0: chance) of 0.75 to 1 for either, and 0.2 for the logarithms of the raw counts.

# %% experiment="2.5" cpu_minutes=0.2 t4_minutes=0.2
from synthetic_cells import SyntheticCells, adjusted_rand_index, kmeans

CELLS = SyntheticCells()
generator = torch.Generator()
generator.manual_seed(0)
train_cells, _, _ = CELLS.sample(2000, generator)
test_cells, cell_types, true_means = CELLS.sample(500, generator)


class CellVAE(nn.Module):
    """A VAE for counts: `likelihood` is "nb" or "poisson"."""

    def __init__(self, genes, likelihood, latent_dim=8, hidden=64):
        super().__init__()
        self.likelihood, self.latent_dim = likelihood, latent_dim
        self.encoder = nn.Sequential(nn.Linear(genes, hidden), nn.ReLU(), nn.Linear(hidden, 2 * latent_dim))
        self.decoder = nn.Sequential(nn.Linear(latent_dim, hidden), nn.ReLU(), nn.Linear(hidden, genes))
        self.log_theta = nn.Parameter(torch.zeros(genes))  # one inverse dispersion per gene

    def encode(self, x):
        mu, logvar = self.encoder(torch.log1p(x)).chunk(2, dim=-1)
        return mu, logvar

    def log_likelihood(self, x, z):
        mu = scvae_decode(self.decoder(z), x.sum(-1, keepdim=True))
        if self.likelihood == "nb":
            return nb_log_prob(x, mu, self.log_theta.exp()).sum(-1)
        return torch.distributions.Poisson(mu + 1e-6).log_prob(x).sum(-1)


def train_cells_vae(likelihood, epochs):
    """Train on the training cells; return the model and one dict of test metrics per epoch."""
    set_seed(0)
    model = CellVAE(CELLS.genes, likelihood)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)

    def minus_elbo(x):
        mu, logvar = model.encode(x)
        z = reparameterize(mu, logvar, torch.randn(1, *mu.shape))
        return (gaussian_kl(mu, logvar) - model.log_likelihood(x, z)[0]).mean()

    def epoch():
        for rows in torch.randperm(len(train_cells)).split(64):
            loss = minus_elbo(train_cells[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            return {"-ELBO per gene": float(minus_elbo(test_cells)) / CELLS.genes}

    saved = Checkpointer(f"cells_{likelihood}.pt", model=model, optimizer=optimizer, config={"epochs": epochs})
    bands = {"nb": {10: (1.80, 2.00), 40: (1.77, 1.87)}, "poisson": {40: (1.88, 2.05)}}[likelihood]
    return model, fit(epoch, epochs, checkpoint=saved, expect=bands, label=likelihood)


def first_two(spots):
    """Project the rows of `spots` onto the two directions in which they vary most."""
    centred = spots - spots.mean(0)
    return centred @ torch.linalg.svd(centred, full_matrices=False).Vh[:2].T


CELL_EPOCHS = preset(smoke=3, cpu=40, gpu=40)
pictures = {"raw counts, log(1 + x)": torch.log1p(test_cells)}
for likelihood, name in (("poisson", "VAE, Poisson"), ("nb", "VAE, negative binomial")):
    model, log = train_cells_vae(likelihood, CELL_EPOCHS)
    with torch.no_grad():
        pictures[name] = model.encode(test_cells)[0]
    print(f"{name}: -ELBO per gene {log[-1]['-ELBO per gene']:.3f}")
agreement = {}
for name, spots in pictures.items():
    agreement[name] = adjusted_rand_index(cell_types, kmeans(spots, CELLS.types))
    print(f"{name}: adjusted Rand index {agreement[name]:.2f}")
truth = -float(CELLS.log_prob_given(test_cells, true_means).mean()) / CELLS.genes
print(f"given the true means: {truth:.3f} nats per gene")

# %% [markdown] figure="F2.7" points=2
# **Cells of six types.** Three scatters, coloured by the true type: the logarithms of raw counts, the latent means of
# the Poisson model, those of the negative-binomial model; the adjusted Rand index of *k*-means stands in the titles. In
# three or four sentences: what is the first direction of the raw counts, and how did the decoder get rid of it? The
# Poisson model has the worse likelihood: what must it explain with its latents that the other one calls noise? Does the
# better likelihood give the better clusters here, and how sure can you be from one seed?
#
# Caption: Cells of six types: raw counts and the latent spaces of two likelihoods.
#
# ### BEGIN MARK SCHEME
# - (1) three panels in the same six colours with the index in the titles; −ELBO per gene of the negative binomial at most
#   1.87
# - (1) raw counts: library size; over-dispersion must be explained by latents under Poisson; clusters are as good within
#   the noise of one k-means run, so likelihood and clustering are different questions
# ### END MARK SCHEME

# %% experiment="2.5"
fig, axes = plt.subplots(1, 3, figsize=(10, 3.8), layout="constrained")
for axis, (name, spots) in zip(axes, pictures.items(), strict=True):
    flat = first_two(spots)
    for kind, marker in zip(range(CELLS.types), "osv^DP", strict=True):
        chosen = flat[cell_types == kind]
        axis.scatter(chosen[:, 0], chosen[:, 1], s=10, marker=marker, color=plt.get_cmap("tab10")(kind), label=kind)
    axis.set(
        title=f"{name}\nadjusted Rand index {agreement[name]:.2f}",
        xlabel="first direction",
        ylabel="second",
        xticks=[],
        yticks=[],
    )
fig.legend(*axes[0].get_legend_handles_labels(), title="type", loc="outside right center")
savefig(
    "F2.7",
    fig,
    alt="Three scatters of cells in six colours: smeared for raw counts, separated clusters for the two models.",
    answer="Replace this sentence by your three or four sentences.",
)

# %% [markdown]
# ### Before you hand in
#
# - Run everything from the top (Runtime > Restart and run all) with the budget `cpu`, and look at every check.
# - `make_figures_pdf()` collects F2.1 to F2.7 with your answers.
# - Ungraded, for the curious: conv layers instead of the perceptron; a mixture prior from your `mog_log_prob`; a
#   codebook between encoder and decoder, and a small autoregressive model over its numbers.
#
# **Where it comes from.** The VAE: Kingma and Welling, ICLR 2014, and Rezende, Mohamed and Wierstra, ICML 2014. EM as
# coordinate ascent: Neal and Hinton, 1998. Importance weights and active units: Burda, Grosse and Salakhutdinov, ICLR
# 2016. β: Higgins and others, ICLR 2017. Warm-up: Bowman and others, CoNLL 2016. The solvable world: Tipping and
# Bishop, 1999; its collapse: Lucas, Tucker, Grosse and Norouzi, NeurIPS 2019. REINFORCE: Williams, 1992; the
# leave-one-out baseline: Kool, van Hoof and Welling, 2019. Gumbel-softmax: Jang, Gu and Poole, and Maddison, Mnih and
# Teh, both ICLR 2017. Vector quantisation: van den Oord, Vinyals and Kavukcuoglu, NeurIPS 2017. Cells: Lopez and
# others, Nature Methods 2018.
