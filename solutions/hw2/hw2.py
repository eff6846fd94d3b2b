# %% [markdown]
# A picture of a handwritten digit is 64 numbers, yet the choices behind it are few: which digit, how slanted, how bold.
# A **latent-variable model** says so in one line, $p_\theta(x)=\int p_\theta(x\mid z)\,p(z)\,dz$, and pays with an
# integral that nobody can do. In this homework you build the machinery that trains such a model all the same, and, what
# is rarer, you *check* it against a world in which the integral can be done.
#
# ```
#             encoder q(z | x)                        decoder p(x | z)
#   x ──► mean μ(x), log-variance ──► z = μ + σ·ε ──► logits ──► log p(x | z)      reconstruction
#                │                       ▲                                     ╲
#                │                 ε ~ N(0, I)                                   ──► ELBO, IWAE
#                └────────────── KL( q(z | x) ‖ p(z) ) ────────────────────────╱      what a code costs
# ```
#
# **When you are done you can**
#
# - write log-densities and divergences of Gaussians in log space, and recognise the five classic slips;
# - derive the evidence lower bound (ELBO), say what its gap is, and close that gap by hand in a solvable model;
# - tighten the bound with importance weights (IWAE), and trade reconstruction for compression with $\beta$;
# - tell a collapsed latent from a used one, and read the training curves of a VAE.
#
# **How it works.** Every question is a small function whose randomness comes in as an *argument* (`eps`, `u`), so there
# is one right answer and no seed to guess. Under each question stand checks that you can run. Gradescope runs those and
# more: *laws* that any right solution obeys, with other sizes and other numbers. Write functions that work for every
# shape that the docstring allows, on any device, in float32 and float64, and that leave their arguments alone.
#
# **Hand in** this notebook, the written part (W2.1), and the figures (F2.1). Everything here runs on a laptop CPU in
# about a minute; no GPU is needed. Questions can be done in any order: where one builds on another, a mistake is only
# charged once.

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
    core,
    float32,
    points,
)
from torch import Tensor, nn

LOG_2PI = math.log(2 * math.pi)

# %% [markdown]
# ### Conventions
#
# Natural logarithms, nats. The last axis holds the coordinates of one vector, and densities and divergences sum over
# it.
#
# | letter | meaning | letter | meaning |
# |---|---|---|---|
# | $B$ | examples in a batch | $K$ | draws of $z$ per example; always the *first* axis |
# | $D$ | dimensions of $x$ | $D_z$ | dimensions of $z$ (in Problem 2.1 just $D$) |
# | $C$ | components of a mixture | `logvar` | $\log\sigma^2$, elementwise (**not** $\log\sigma$) |
#
# Why log-variance? A network may output any real number, and $\sigma^2=e^{\texttt{logvar}}$ is positive whatever it
# says. The price is one factor of two that everybody forgets once: $\sigma=e^{\texttt{logvar}/2}$.

# %% [markdown] problem="2.1" minutes=60
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
    assert_close(z, mu.expand(k, b, d), "With zero noise, z is the mean")


@points(0.5)
def test_unit_noise_moves_by_one_standard_deviation(rng):
    """Noise of one moves z by one standard deviation: 3 when the variance is 9."""
    b, d = rng.size(2, 6), rng.size(1, 5)
    mu = torch.randn(b, d, generator=rng)
    z = reparameterize(mu, torch.full((b, d), math.log(9.0)), torch.ones(1, b, d))
    assert_close(z[0] - mu, torch.full((b, d), 3.0), "Variance 9 means sigma = 3; is logvar halved before exp?")


### BEGIN HIDDEN TESTS
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


@points(0.25)
def test_reparameterize_leaves_its_inputs_alone(rng):
    """Inputs are left unchanged, and autograd agrees with finite differences."""
    k, b, d = 2, rng.size(1, 2), rng.size(1, 3)
    mu, logvar = torch.randn(b, d, generator=rng), torch.randn(b, d, generator=rng)
    eps = torch.randn(k, b, d, generator=rng)
    assert_inputs_unchanged(reparameterize, mu, logvar, eps)
    assert_gradients_match(reparameterize, mu, logvar, eps)


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
def test_kl_of_a_gaussian_to_itself_is_zero(rng):
    """The divergence of a Gaussian from itself is zero, one number per example."""
    b, d = rng.size(2, 6), rng.size(1, 5)
    mu, lv = torch.randn(b, d, generator=rng), torch.randn(b, d, generator=rng)
    assert_close(gaussian_kl(mu, lv, mu, lv), torch.zeros(b), "KL(q || q) is zero for every example")


@points(0.5)
def test_kl_of_a_shift_by_one_standard_deviation(rng):
    """Shifting the mean by one standard deviation of p costs half a nat per dimension."""
    b, d = rng.size(2, 6), rng.size(1, 5)
    mu, lv = torch.randn(b, d, generator=rng), torch.randn(b, d, generator=rng)
    shifted = mu + (lv / 2).exp()
    assert_close(gaussian_kl(shifted, lv, mu, lv), torch.full((b,), d / 2), "One sigma costs 1/2 per dimension")


### BEGIN HIDDEN TESTS
@points(1)
def test_kl_equals_its_integral(rng):
    """KL(q || p) equals the integral of q log(q / p), found by quadrature."""
    b, d = rng.size(1, 4), rng.size(1, 4)
    mu_q, lv_q = torch.randn(b, d, generator=rng), 1.5 * torch.randn(b, d, generator=rng)
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
    """Inputs are left unchanged, and autograd agrees with finite differences."""
    b, d = rng.size(1, 2), rng.size(1, 3)
    mu_q, lv_q, mu_p, lv_p = (torch.randn(b, d, generator=rng) for _ in range(4))
    assert_inputs_unchanged(gaussian_kl, mu_q, lv_q, mu_p, lv_p)
    assert_inputs_unchanged(gaussian_kl, mu_q, lv_q)
    assert_gradients_match(gaussian_kl, mu_q, lv_q, mu_p, lv_p)


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
# | $\mu$, $\log\sigma^2$ | `mean`, `logvar` | broadcast against `x`, e.g. `(B, D)` against `(K, B, D)` | same |
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
    b, d = rng.size(2, 6), rng.size(1, 5)
    mean, logvar = torch.randn(b, d, generator=rng), torch.randn(b, d, generator=rng)
    peak = torch.log(2 * math.pi * logvar.exp()).sum(-1) / -2
    assert_close(gaussian_log_prob(mean, mean, logvar), peak, "The log-density at its mean")


@points(0.5)
def test_log_density_broadcasts_over_draws(rng):
    """K draws against B Gaussians give (K, B), draw by draw."""
    k, b, d = rng.size(2, 4), rng.size(2, 4), rng.size(1, 4)
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
    """Inputs are left unchanged, and autograd agrees with finite differences."""
    b, d = rng.size(1, 3), rng.size(1, 3)
    x, mean, logvar = (torch.randn(b, d, generator=rng) for _ in range(3))
    assert_inputs_unchanged(gaussian_log_prob, x, mean, logvar)
    assert_gradients_match(gaussian_log_prob, x, mean, logvar)


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
    """A component of negligible weight plays no part."""
    z, mus, logvars = (torch.randn(3, 2, generator=rng) for _ in range(3))
    log_w = torch.tensor([-1e3, math.log(0.25), math.log(0.75)])
    pair = mog_log_prob(z, mus[1:], logvars[1:], log_w[1:])
    assert_close(mog_log_prob(z, mus, logvars, log_w), pair, "log_w are the log-weights of the components")


@points(0.5)
def test_mixture_leaves_its_inputs_alone(rng):
    """Leading axes are kept, inputs are left unchanged, and autograd agrees with finite differences."""
    k, b, c, d = rng.size(2, 3), rng.size(1, 2), rng.size(2, 3), rng.size(1, 2)
    z, mus, logvars = (torch.randn(*shape, d, generator=rng) for shape in ((k, b), (c,), (c,)))
    log_w = torch.randn(c, generator=rng).log_softmax(0)
    out = assert_inputs_unchanged(mog_log_prob, z, mus, logvars, log_w)
    rows = torch.stack([mog_log_prob(z[i], mus, logvars, log_w) for i in range(k)])
    assert_close(out, rows, "z of shape (K, B, D) gives (K, B)")
    assert_gradients_match(mog_log_prob, z[0], mus, logvars, log_w)


### END HIDDEN TESTS

# %% [markdown]
# **Experiment.** A divergence that you can compute is also one that you can estimate: draw $z$ from $q$ with your
# `reparameterize` and average $\log q(z)-\log p(z)$. The two numbers below should agree within the error bar. Then look
# at the picture: why does the Gaussian that minimises $KL(p\,\|\,q)$ sit between the modes of the mixture?

# %% experiment="2.1"
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

# %% [markdown] problem="2.2" minutes=150
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
# - (1) (a) decomposes the log by Bayes' rule and takes the expectation under q
# - (1) (a) names the posterior as the only q without a gap, by non-negativity of KL
# - (1) (b) E-step and M-step as maximisation over q and over theta, and the chain of inequalities
# - (1) (b) splits the gap into family and amortisation, both non-negative
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
    """Encoder, decoder and log-likelihood return the stated shapes."""
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


@points(0.5)
def test_one_pixel_is_black_or_white(rng):
    """With a single pixel, the probabilities of black and of white sum to one."""
    vae = VAE(1, 2, hidden=12)
    z = 3 * torch.randn(1, 2, 2, generator=rng)
    x = torch.tensor([[0.0], [1.0]])
    z[:, 1] = z[:, 0]
    total = vae.log_likelihood(x, z).exp().sum()
    assert_close(total, torch.tensor(1.0), "p(x = 0 | z) + p(x = 1 | z) should be 1")


### BEGIN HIDDEN TESTS
@points(1)
def test_all_images_have_total_probability_one(rng):
    """The probabilities of all 2^D images sum to one for every z."""
    d, dz = rng.size(3, 5), rng.size(1, 3)
    vae = VAE(d, dz, hidden=10)
    images = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * d)
    z = 2 * torch.randn(3, 1, dz, generator=rng).expand(3, len(images), dz)
    total = vae.log_likelihood(images, z).exp().sum(-1)
    assert_close(total, torch.ones(3), f"The probabilities of all {len(images)} images do not sum to one")


@points(0.5)
def test_a_logit_is_the_log_odds_of_its_pixel(rng):
    """Switching one pixel on changes the log-likelihood by that pixel's logit."""
    d, dz = rng.size(3, 7), rng.size(2, 3)
    vae, i = VAE(d, dz, hidden=10), rng.size(0, 2)
    z = 20 * torch.randn(1, 4, dz, generator=rng)
    off = torch.randint(2, (4, d), generator=rng).double()
    off[:, i] = 0
    on = off.clone()
    on[:, i] = 1
    odds = vae.log_likelihood(on, z) - vae.log_likelihood(off, z)
    assert_close(vae.decode(z)[..., i], odds, "A logit is log p(on) - log p(off) of its pixel; decode returns logits")


@points(0.5)
def test_log_likelihood_survives_extreme_logits(rng):
    """Extreme logits give a finite log-likelihood and a finite gradient."""
    d = rng.size(3, 7)
    vae = VAE(d, 2, hidden=10)
    z = (1e5 * torch.randn(1, 4, 2, generator=rng)).requires_grad_()
    value = vae.log_likelihood(torch.randint(2, (4, d), generator=rng).double(), z)
    assert_finite(value, "The log of a rounded probability is infinite; compute from the logits")
    assert_finite(torch.autograd.grad(value.sum(), z)[0], "The gradient at extreme logits")


@points(0.5)
def test_mean_and_log_variance_are_free(rng):
    """Log-variances take either sign, differ from the means, and all parameters receive a gradient."""
    vae = VAE(6, 8, hidden=16)
    x = 100 * torch.randn(64, 6, generator=rng)
    mu, logvar = vae.encode(x)
    low, high = float(logvar.detach().min()), float(logvar.detach().max())
    assert low < 0 < high, "The log-variance never changes sign: nothing may squash it, it is not a variance"
    assert float((mu - logvar).detach().abs().max()) > 1e-6, "Mean and log-variance are the same numbers"
    images = torch.randint(2, (64, 6), generator=rng).double()
    loss = vae.log_likelihood(images, mu.unsqueeze(0)).sum() + logvar.sum()
    loss.backward()
    unused = [name for name, parameter in vae.named_parameters() if parameter.grad is None]
    assert not unused, f"{len(unused)} parameter tensors receive no gradient from the loss"


### END HIDDEN TESTS

# %% [markdown]
# ### The bound and its parts
#
# One draw $z^{(k)}\sim q_\phi(z\mid x)$ gives a *log-weight*; its expectation is the ELBO, and the divergence can be
# done by hand:
#
# $$\log w^{(k)}=\log p_\theta(x\mid z^{(k)})+\log p(z^{(k)})-\log q_\phi(z^{(k)}\mid x),\qquad
#   \mathcal L=E_q\left[\log w\right]=\underbrace{E_q\log p_\theta(x\mid z)}_{\text{rec}}
#   -\underbrace{KL(q_\phi(z\mid x)\,\|\,p(z))}_{\text{kl}}. \tag{2.6}$$
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
# its mean but every single weight equals $\log p(x)$ (why?).


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


@points(1)
def test_exact_posterior_gives_constant_weights(rng):
    """If q is the exact posterior, every log-weight equals log p(x), whatever the noise."""
    vae, x = solvable_vae(rng, exact=True)
    k = rng.size(2, 5)
    terms = elbo_terms(vae, x, torch.randn(k, len(x), vae.latent_dim, generator=rng))
    truth = vae.log_prob(x).detach().expand(k, len(x))
    assert_close(terms["log_w"], truth, "When q is the posterior, log_w is log p(x) for every draw")


### BEGIN HIDDEN TESTS
@points(0.75)
def test_elbo_gap_is_the_divergence_from_the_posterior(rng):
    """The expectation of rec minus kl is log p(x) minus the divergence of q from the posterior."""
    vae, x = solvable_vae(rng, exact=False)
    terms = elbo_terms(vae, x, balanced_noise(len(x), vae.latent_dim))
    elbo = terms["rec"].mean(0) - terms["kl"]
    assert bool((elbo <= vae.log_prob(x) + 1e-6).all()), "The ELBO exceeds log p(x): is the sign of kl right?"
    assert_close(elbo, (vae.log_prob(x) - vae.gap(x)).detach(), "log p(x) - ELBO is KL(q || posterior)")


@points(0.5)
def test_log_weights_average_to_the_elbo(rng):
    """The expectation of log_w is the ELBO, with the prior and q evaluated at the same draw."""
    vae, x = solvable_vae(rng, exact=False)
    terms = elbo_terms(vae, x, balanced_noise(len(x), vae.latent_dim))
    assert_close(terms["log_w"].mean(0), (vae.log_prob(x) - vae.gap(x)).detach(), "The mean of log_w is the ELBO")


@points(0.25)
def test_every_draw_uses_its_own_noise(rng):
    """Reordering the draws reorders the terms, and inputs are left unchanged."""
    vae, x = solvable_vae(rng, exact=False)
    eps = torch.randn(4, len(x), vae.latent_dim, generator=rng)
    order = torch.tensor([2, 0, 3, 1])
    terms = assert_inputs_unchanged(elbo_terms, vae, x, eps)
    shuffled = elbo_terms(vae, x, eps[order])
    for name in ("rec", "log_w"):
        assert float(terms[name].detach().std(0).min()) > 1e-9, f"{name} does not vary over draws: is the noise shared?"
        assert_close(shuffled[name], terms[name][order], f"{name}: draw k belongs to noise k")


@points(0.5)
def test_elbo_gradients_follow_the_exact_bound(rng):
    """Gradients of rec minus kl for encoder and decoder equal those of log p(x) minus the gap."""
    vae, x = solvable_vae(rng, exact=False)
    parameters = list(vae.parameters())
    terms = elbo_terms(vae, x, balanced_noise(len(x), vae.latent_dim))
    elbo = (terms["rec"].mean(0) - terms["kl"]).sum()
    assert elbo.requires_grad, "the terms carry no gradient: were they detached?"
    found = torch.autograd.grad(elbo, parameters, allow_unused=True)
    wanted = torch.autograd.grad((vae.log_prob(x) - vae.gap(x)).sum(), parameters)
    for (name, _), gradient, truth in zip(vae.named_parameters(), found, wanted, strict=True):
        assert gradient is not None, f"no gradient reaches the parameter {name}"
        assert_close(gradient, truth, f"The gradient of the ELBO for {name}")


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
    k, b, beta = rng.size(2, 5), rng.size(1, 4), 0.3 + 3 * float(torch.rand((), generator=rng))
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
    """Inputs are left unchanged, and autograd agrees with finite differences."""
    k, b, beta = rng.size(2, 3), rng.size(1, 3), 1.7
    rec, kl, log_w = (torch.randn(*shape, generator=rng) for shape in ((k, b), (b,), (k, b)))
    assert_inputs_unchanged(beta_elbo, {"rec": rec, "kl": kl, "log_w": log_w}, beta)
    assert_gradients_match(lambda r, c: beta_elbo({"rec": r, "kl": c, "log_w": log_w}, beta), rec, kl)


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
    warmup = rng.size(6, 40)
    weights = [float(kl_weight(step, warmup)) for step in range(warmup + 1)]
    steps = [weights[i + 1] - weights[i] for i in range(warmup)]
    assert_close(steps, [1 / warmup] * warmup, "Each step adds 1/warmup")


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
    assert_close(iwae_bound(log_w), log_w[0], "With K = 1 the bound is log_w itself, one number per example")


@points(0.5)
def test_equal_weights_give_that_weight(rng):
    """K equal weights average to that weight, so a perfect q gives log p(x) for every K."""
    k, b = rng.size(2, 7), rng.size(2, 6)
    value = torch.randn(b, generator=rng)
    assert_close(iwae_bound(value.expand(k, b)), value, "The average of K equal weights is that weight")


### BEGIN HIDDEN TESTS
@points(0.75)
def test_bound_is_the_log_of_the_average_weight(rng):
    """The bound is the log of the average weight, and its gradient is the normalised weights."""
    k, b = rng.size(2, 6), rng.size(1, 4)
    log_w = (2 * torch.randn(k, b, generator=rng)).requires_grad_()
    bound = iwae_bound(log_w)
    assert_close(k * bound.exp(), log_w.exp().sum(0).detach(), "K exp(L_K) is the sum of the weights")
    assert bound.requires_grad, "the bound carries no gradient: was it detached?"
    (share,) = torch.autograd.grad(bound.sum(), log_w, allow_unused=True)
    assert share is not None, "no gradient reaches the log-weights"
    assert_close(share.sum(0), torch.ones(b), "The gradients of the K draws are weights that sum to one")


@points(0.5)
def test_more_draws_tighten_the_bound(rng):
    """Leaving one draw out lowers the bound on average, strictly if the weights differ."""
    k, b = rng.size(3, 6), rng.size(2, 4)
    log_w = torch.randn(k, b, generator=rng)
    assert tuple(iwae_bound(log_w).shape) == (b,), f"expected shape {(b,)}, got {tuple(iwae_bound(log_w).shape)}"
    fewer = torch.stack([iwae_bound(torch.cat([log_w[:i], log_w[i + 1 :]])) for i in range(k)]).mean(0)
    assert bool((iwae_bound(log_w) > fewer + 1e-9).all()), "L_K is not above the average of its own L_(K-1)"


@points(0.5)
def test_bound_is_stable_for_tiny_and_huge_weights(rng):
    """Adding a constant to every log-weight adds it to the bound, even 20000 nats."""
    log_w = torch.randn(rng.size(2, 5), rng.size(1, 4), generator=rng)
    base = iwae_bound(log_w)
    for shift in (-20_000.0, 20_000.0):
        moved = iwae_bound(log_w + shift)
        assert_finite(moved, "Weights under- or overflow; stay in log space")
        assert_close(moved - shift, base, "A common factor of all weights is a common summand of the bound", atol=1e-5)


@points(0.25)
def test_iwae_leaves_its_inputs_alone(rng):
    """Inputs are left unchanged, and autograd agrees with finite differences."""
    log_w = torch.randn(rng.size(2, 5), rng.size(1, 4), generator=rng)
    assert_inputs_unchanged(iwae_bound, log_w)
    assert_gradients_match(iwae_bound, log_w)


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
    n, active, idle = rng.size(20, 40), rng.size(1, 4), rng.size(1, 4)
    moving = torch.randn(n, active, generator=rng)
    still = 3 * torch.randn(1, idle, generator=rng).expand(n, idle)
    count = active_units(torch.cat([still, moving], dim=1))
    assert count == active, f"{active} of {active + idle} dimensions vary over the data, and {count} were counted"


### BEGIN HIDDEN TESTS
@points(0.5)
def test_threshold_is_on_the_variance(rng):
    """The threshold applies to the variance over examples, and more separates the counts."""
    n = rng.size(50, 80)
    unit = torch.randn(n, 6, generator=rng)
    unit = (unit - unit.mean(0)) / unit.std(0)
    mu = 5 + unit * torch.tensor([0.04, 0.05, 0.06, 0.25, 0.5, 3.0])
    for thr, above in ((1e-2, 3), (0.1, 2), (1e-3, 6), (1.0, 1), (20.0, 0)):
        found = active_units(mu, thr)
        assert found == above, "The count disagrees with the variances over examples (the variance, not its root)"
    assert active_units(mu) == active_units(mu, 1e-2), "The default threshold is 0.01"


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
    """Each pixel is on with the probability that its logit says."""
    vae, x = solvable_vae(rng, exact=True)
    n, z = 4000, torch.randn(1, vae.latent_dim, generator=rng)
    u = torch.rand(n, x.shape[1], generator=rng)
    images = sample_vae(vae, z.expand(n, vae.latent_dim), u)
    share = torch.sigmoid(vae.decode(z)[0])
    message = "How often a pixel is on differs from the sigmoid of its logit"
    assert_mean_close(images, share, bounds=(0.0, 1.0), message=message)


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
    """A VAE with a strongly curved encoder and a linear decoder: lines in pixels are not lines in z."""

    def __init__(self, weight, bias):
        super().__init__()
        self.weight, self.bias = nn.Parameter(weight), nn.Parameter(bias)

    def encode(self, x):
        mu = torch.tanh(x @ self.weight) + 0.1 * (x @ self.weight) ** 2
        return mu, torch.full_like(mu, 2.0)

    def decode(self, z):
        return z @ self.weight.T + self.bias


@points(1)
def test_logits_are_evenly_spaced_on_the_path(rng):
    """With a linear decoder, the logits along the path are evenly spaced, also for a curved encoder."""
    d, n = rng.size(3, 6), rng.size(4, 8)
    vae = CurvedVAE(0.7 * torch.randn(d, 2, generator=rng), torch.randn(d, generator=rng))
    x1, x2 = 1.5 * torch.randn(d, generator=rng), 1.5 * torch.randn(d, generator=rng)
    logits = torch.logit(assert_inputs_unchanged(interpolate, vae, x1, x2, n))
    ends = vae.decode(vae.encode(torch.stack([x1, x2]))[0]).detach()
    even = ends[0] + (ends[1] - ends[0]) * torch.arange(n).unsqueeze(-1) / (n - 1)
    assert_close(logits, even, "The points are not evenly spaced between the posterior means", rtol=1e-4, atol=1e-5)


### END HIDDEN TESTS

# %% [markdown]
# ### Experiment: a VAE for digits
#
# `binarised("train")` has 1438 images of 64 pixels. Training minimises the negative ELBO with Adam in batches of 64.
#
# **What to expect** (budget `cpu`, 120 epochs, about 10 seconds of one core). For the first six epochs or so nothing
# seems to happen: test −ELBO sits near 25.3 nats, the level of a model with *independent pixels*, and the divergence is
# zero. Then the latents wake up. −ELBO passes 23.7 at epoch 10, 21.5 at epoch 20 and 19.1 at epoch 60, and ends near
# **18.4 ± 0.2**, of which about 12.3 are reconstruction and 6.1 divergence.
#
# If you are still above 25 at epoch 15, stop and look: a divergence that stays at zero means that the latents have
# *collapsed* (is `beta` right? did you average over pixels? does the gradient reach the encoder?); a divergence of 20
# and more means that it hardly counts. The first line of output comes from a few steps on the CPU, which cost nothing
# and find most mistakes.

# %% experiment="2.2"
import digits
import matplotlib.pyplot as plt
from hwkit import Checkpointer, device, fit, one_step_cpu_check, preset, savefig, set_seed

EPOCHS = preset(smoke=12, cpu=120, gpu=120)
WARMUP = 0  # steps; try 1500 and compare the number of active units
BATCH, RATE = 64, 1e-3


def train_vae(epochs, beta=1.0, warmup=WARMUP, name="vae"):
    """Train a VAE; return it with one dict of test metrics per epoch."""
    set_seed(0)
    train, test = digits.binarised("train"), digits.binarised("test")
    vae = VAE(train.shape[1])
    optimizer = torch.optim.Adam(vae.parameters(), lr=RATE)

    def update(images, weight):
        eps = torch.randn(1, len(images), vae.latent_dim, device=images.device)
        loss = -beta_elbo(elbo_terms(vae, images, eps), weight).mean()
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

    config = {"epochs": epochs, "beta": beta, "warmup": warmup}
    saved = Checkpointer(f"{name}.pt", model=vae, optimizer=optimizer, config=config)
    bands = {20: (20.5, 22.5), 60: (18.6, 19.8), 120: (17.8, 18.9)} if (beta, warmup) == (1.0, 0) else None
    return vae, fit(epoch, epochs, checkpoint=saved, expect=bands)


vae, history = train_vae(EPOCHS)

with torch.no_grad():
    test = digits.binarised("test").to(next(vae.parameters()).device)
    log_w = elbo_terms(vae, test, torch.randn(50, len(test), vae.latent_dim, device=test.device))["log_w"]
    active = active_units(vae.encode(test)[0])
    print(f"-ELBO    {history[-1]['-ELBO']:.2f}  (expected 18.4 after 120 epochs)")
    print(f"-IWAE_50 {-float(iwae_bound(log_w).mean()):.2f}  (expected 17.5)")
    print(f"active   {active} of {vae.latent_dim}  (expected 6 to 8)")

# %% [markdown] figure="F2.1" points=4
# Plot test reconstruction, divergence and −ELBO against the epoch, with the level of the independent-pixel model (25.3
# nats) as a reference line. In three or four sentences: what has the decoder learned while the curve sits on the
# reference line, and what happens to the two terms when it leaves it? What would *posterior collapse* look like in this
# picture? Is the gap between −ELBO and $-L_{50}$ a property of the decoder or of the encoder?
#
# Caption: Reconstruction, divergence and negative ELBO of a VAE on held-out binarised digits.
#
# ### BEGIN MARK SCHEME
# - (1) three labelled curves with units (nats), legible at 300 pixels, ending in the expected range: −ELBO between 18
#   and
#   19, divergence between 5 and 7.5 after 120 epochs
# - (1) on the plateau the decoder knows the mean image and ignores z; then reconstruction falls by more than the
#   divergence rises
# - (1) collapse is that plateau for ever: a divergence at zero and −ELBO at 25.3
# - (1) the gap comes from q (family and amortisation), for a fixed decoder
# ### END MARK SCHEME

# %% experiment="2.2"
fig, axis = plt.subplots(figsize=(6, 4))
epochs = range(1, len(history) + 1)
for key, style, colour in (("-ELBO", "-", "#0072B2"), ("-rec", "--", "#D55E00"), ("KL", ":", "#009E73")):
    axis.plot(epochs, [row[key] for row in history], style, color=colour, linewidth=2, label=key)
axis.axhline(25.3, color="#555555", linewidth=1)
axis.annotate("independent pixels", (len(history), 25.3), ha="right", va="bottom", color="#555555")
axis.set(xlabel="epoch", ylabel="nats per test image", ylim=(0, 30))
axis.legend(loc="center right", bbox_to_anchor=(1, 0.3))
savefig(
    "F2.1",
    fig,
    alt="Line plot over epochs: negative ELBO and reconstruction cost fall, the divergence rises and levels off.",
    answer="Replace this sentence by your three or four sentences.",
)

# %% [markdown]
# **Look at what it learned.** The first row are new digits, sampled pixel by pixel; the second walks between two test
# images. Reflect: why are samples noisier than reconstructions? Do the images half-way look like digits, and what does
# that say about the space between two posteriors? Then train once with `beta=4.0` (`train_vae(EPOCHS, beta=4.0,
# name="beta4")`) and count the active units again.

# %% experiment="2.2"
set_seed(2)
with torch.no_grad():
    where = next(vae.parameters()).device
    new = sample_vae(vae, torch.randn(10, vae.latent_dim, device=where), torch.rand(10, 64, device=where))
    path = interpolate(vae, test[0], test[3], 10)
fig, axes = plt.subplots(2, 10, figsize=(10, 2.2))
for row, images in zip(axes, (new, path), strict=True):
    for axis, image in zip(row, images, strict=True):
        axis.imshow(image.reshape(8, 8).cpu(), cmap="gray_r", vmin=0, vmax=1)
        axis.set_axis_off()
plt.show()
