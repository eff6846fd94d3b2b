# %% [markdown]
# Two ways to turn noise into data. A **flow** is an invertible network: it warps a Gaussian into the data, and because
# nothing is lost on the way, it tells you the *exact* log-likelihood of anything. A **GAN** warps noise too, asks for
# no inverse and no likelihood, and learns from a critic who tries to tell its work from the real thing. One is honest
# by construction, the other is judged by an opponent, and in the end *you* must judge both, from samples alone.
#
# ```
#  flow    z ◄── f ──► x               log p(x) = log N(f(x)) + log |det J|
#                                      exact, invertible, stiff
#  GAN     z ── G ──► x̃ ──► D ◄── x    D asks: who made this?
#                                      sharp, moody, drops modes
#  judge   samples ──► ?               MMD², Fréchet distance, modes,
#                                      precision, recall: each blind to something
# ```
#
# **When you are done you can**
#
# - build invertible layers whose Jacobian you have *audited*, and catch a wrong sign before it trains;
# - give a continuous model an honest likelihood for discrete data (dequantisation), with every constant;
# - write the five classic adversarial losses stably, say which of them stops learning and why, and penalise critics;
# - write a training step in which nothing leaks from one player to the other;
# - measure samples with four yardsticks, and know where each of them lies.
#
# **How it works.** Every question is one function or one class; its randomness comes in as an argument (`u`, `eps`,
# `z_d`, a generator), so there is one right answer and no seed to guess. Under each question stand checks that you can
# run. Gradescope runs those and more: *laws* that any right solution obeys (log-determinants equal autograd's,
# densities integrate to one), with other sizes and other numbers. Never a layer name, never a frozen tensor: solve it
# your way. Write for every shape that the docstring allows, on any device, in float32 and float64; leave arguments
# alone.
#
# **Hand in** this notebook, the written part (W3.1 to W3.5) and the figures (F3.1 to F3.6). On one core of a laptop all
# experiments take about four minutes; no GPU is needed. For a team of two, plan about 13½ hours in all: the minutes in
# the table above include written questions and figures. Questions can be done in any order: where one builds on
# another, a mistake is only charged once.

# %%
import math

import torch
from hwkit import (
    assert_cdf,
    assert_close,
    assert_finite,
    assert_gradients_match,
    assert_inputs_unchanged,
    assert_integrates_to_one,
    assert_mean_close,
    core,
    float32,
    points,
    raises,
)
from torch import Generator, Tensor, nn
from torch.nn import functional as F

LOG_2PI = math.log(2 * math.pi)

# %% [markdown]
# ### Conventions
#
# Natural logarithms, nats; log-densities and log-determinants have one entry per example and are summed over the last
# axis. *Bits per dimension* (bpd) are nats divided by $D\log 2$.
#
# | letter | meaning | letter | meaning |
# |---|---|---|---|
# | $B$ | examples in a batch | $D$ | dimensions of $x$ |
# | $K$ | grey levels of a pixel (17 for the digits) | $n$, $m$ | sizes of two samples |
# | $x$, $z$ | data and noise | $l$ | logit of a discriminator, $D(x)=s(l)$ with $s(l)=1/(1+e^{-l})$ |


# %% tests="*"
def alike(a, b):
    """Whether two tensors have one shape and the same numbers, up to rounding."""
    return a.shape == b.shape and torch.allclose(a.detach(), b.detach(), rtol=1e-5, atol=1e-6)


def jacobian_logdet(fn, x):
    """log|det J| by autograd of a map (B, D) -> (B, D) that treats the examples separately, shape (B,)."""
    x = x.detach().clone().requires_grad_()
    out = fn(x)[0]
    assert out.requires_grad, "no gradient flows from the input to the output: was it detached?"
    rows = [torch.autograd.grad(out[:, j].sum(), x, retain_graph=True)[0] for j in range(out.shape[1])]
    return torch.linalg.slogdet(torch.stack(rows, 1))[1]


def check_logdet(found, truth, direction):
    """A log-determinant equals autograd's; the commonest slips are named."""
    shape = tuple(truth.shape)
    assert isinstance(found, Tensor), f"{direction}: return the output and its logdet, two tensors"
    assert tuple(found.shape) == shape, f"{direction}: logdet is one number per example, {shape}, not the batch's sum"
    flipped = alike(found, -truth) and not alike(found, truth)
    assert not flipped, f"{direction}: logdet has the opposite sign, it belongs to the other direction"
    summed = alike(found, truth.sum().expand(shape)) and not alike(found, truth)
    assert not summed, f"{direction}: logdet is one number per example, not the sum over the batch"
    assert_close(found, truth.detach(), f"{direction}: logdet is the log of |det| of the Jacobian")


class WavyNet(nn.Module):
    """A network (B, D) -> (B, 2D) with a strong dependence on every input, between -1.5 and 1.5."""

    def __init__(self, dim, rng):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(dim, 2 * dim, generator=rng))
        self.bias = nn.Parameter(torch.randn(2 * dim, generator=rng))

    def forward(self, x):
        return 1.5 * torch.sin(x @ self.weight + self.bias)


# %% [markdown] problem="3.1" minutes=215
# ## Problem 3.1: Flow layers
#
# A flow is a stack of invertible layers $f=f_L\circ\dots\circ f_1$. Each layer answers two questions: where does $x$
# go, and by how much does it stretch space there? Then (W3.1 derives it)
#
# $$\log p_\theta(x)=\log N(f(x);0,I)+\sum_{\ell=1}^{L}\log\left|\det J_{f_\ell}(h_{\ell-1})\right|,\qquad
#   h_0=x,\;h_\ell=f_\ell(h_{\ell-1}). \tag{3.1}$$
#
# Every layer of this homework has the same two methods, and **both** return the log-determinant of *their own*
# direction:
#
# | method | returns | shapes |
# |---|---|---|
# | `forward(x)` | $z=f(x)$ and $\log\lvert\det\partial z/\partial x\rvert$ | `(B, D)` → `(B, D)`, `(B,)` |
# | `inverse(z)` | $x=f^{-1}(z)$ and $\log\lvert\det\partial x/\partial z\rvert$ | `(B, D)` → `(B, D)`, `(B,)` |
#
# The bug of this problem is the quiet one: a wrong sign or a missing term gives a network that still trains, still
# inverts, still samples, and reports a likelihood that is simply not one. So every check compares with autograd or with
# an integral.

# %% [markdown] written="W3.1" points=6 pages=1
# **Change of variables.** Let $f:\mathbb R^D\to\mathbb R^D$ be a diffeomorphism, $z=f(x)$ and $z\sim p_z$.
#
# (a) Derive $\log p_x(x)=\log p_z(f(x))+\log|\det J_f(x)|$, first for $D=1$ from the distribution function, then for
# any $D$ by comparing volumes. Conclude what the formula becomes for $f=f_L\circ\dots\circ f_1$.
#
# (b) An affine coupling layer leaves $x_A$ as it is and maps $x_B$ to $x_B\odot e^{s(x_A)}+t(x_A)$. Write its Jacobian
# and its log-determinant. What do the determinant and the inverse cost, against a general $D\times D$ Jacobian, and
# why may $s$ and $t$ be any networks at all?
#
# (c) A *volume-preserving* flow has $|\det J_f(x)|=1$ everywhere. Prove that no such flow maps a variable with law
# $N(0,\operatorname{diag}(4,1))$ to one with law $N(0,I_2)$.
#
# ### BEGIN SOLUTION
# (a) $D=1$, $f$ increasing: $F_x(x)=P(X\le x)=P(f(X)\le f(x))=F_z(f(x))$; differentiate,
# $p_x(x)=p_z(f(x))f'(x)$. For decreasing $f$, $F_x(x)=1-F_z(f(x))$ and the sign turns: $p_x(x)=p_z(f(x))|f'(x)|$. For
# any $D$, let $C$ be a small cube around $x$. The variable lies in $C$ exactly when $z$ lies in $f(C)$:
# $P(x\in C)=P(z\in f(C))$. To first order $f$ is linear on $C$ with matrix $J_f(x)$, so
# $\operatorname{vol}f(C)=|\det J_f(x)|\operatorname{vol}C\,(1+o(1))$. Hence
# $p_x(x)\operatorname{vol}C=p_z(f(x))|\det J_f(x)|\operatorname{vol}C\,(1+o(1))$; divide by $\operatorname{vol}C$, let
# it shrink and take logarithms. For a composition the chain rule gives
# $J_f(x)=J_{f_L}(h_{L-1})\cdots J_{f_1}(h_0)$, determinants multiply, and logarithms add:
# $\log|\det J_f(x)|=\sum_\ell\log|\det J_{f_\ell}(h_{\ell-1})|$, each at the point that enters its layer.
#
# (b) With the coordinates ordered $(A,B)$,
#
# $$J=\begin{pmatrix}I&0\\ \frac{\partial z_B}{\partial x_A}&\operatorname{diag}(e^{s(x_A)})\end{pmatrix},\qquad
#   \log|\det J|=\sum_{i\in B}s_i(x_A),$$
#
# because a triangular determinant is the product of its diagonal. That costs $O(D)$ beyond evaluating $s$ and $t$; a
# general determinant costs $O(D^3)$, and $D$ backward passes to get the matrix. The inverse is
# $x_A=z_A$, $x_B=(z_B-t(z_A))\odot e^{-s(z_A)}$, one evaluation of the same networks in the same direction. Neither
# formula inverts or differentiates $s$ and $t$, so they may be arbitrary (not invertible, any width).
#
# (c) Suppose there were one. By (a) with $|\det J_f|=1$, $p_x(x)=p_z(f(x))$ for all $x$. As $f$ is onto,
# $\max_xp_x(x)=\max_zp_z(z)$: the height of the mode cannot change. But
# $\max p_z=(2\pi)^{-1}$ for $N(0,I_2)$ and $\max p_x=(2\pi)^{-1}(4\cdot1)^{-1/2}=(4\pi)^{-1}$, half of it: a
# contradiction. (The same holds for the differential entropy, which a volume-preserving map conserves; the entropies
# differ by $\log2$.)
# ### END SOLUTION
#
# ### BEGIN MARK SCHEME
# - (1) (a) $D=1$ from the distribution function, with the absolute value explained (increasing $f$ only: half)
# - (1) (a) any $D$ by volumes, and the sum for a composition, each factor at its own input $h_{\ell-1}$ (all at $x$:
#   half)
# - (1) (b) triangular Jacobian, and the sum of $s_i$ over the transformed coordinates
# - (1) (b) $O(D)$ against $O(D^3)$, the inverse, and that $s$ and $t$ are only ever evaluated
# - (1) (c) density values are conserved, so the height of the mode (or the entropy) is an invariant of *every*
#   volume-preserving flow (an argument about linear maps only earns nothing in (c))
# - (1) (c) the two heights, $1/(2\pi)$ and $1/(4\pi)$, and the contradiction
# ### END MARK SCHEME

# %% [markdown]
# ### Affine coupling
#
# Let $m\in\{0,1\}^D$ be a mask: where it is true, a coordinate passes; the others are scaled and shifted by amounts
# that depend *only on those that pass*,
#
# $$(r,t)=\operatorname{net}(m\odot x),\qquad s=(1-m)\odot g(r),\qquad z=x\odot e^{s}+(1-m)\odot t,\qquad
#   \log|\det J|=\sum_{i=1}^{D}s_i. \tag{3.2}$$
#
# | symbol | variable | shape | dtype |
# |---|---|---|---|
# | $m$ | `mask` | `(D,)` | bool, `True` passes |
# | $r$, $t$ | the two halves of `net(...)`, in this order | `(B, D)` each | floating |
# | $g$ | yours: `torch.tanh` keeps scales between $1/e$ and $e$ | – | – |
# | $s$ | log-scale, zero where $m$ is true | `(B, D)` | same |
#
# Any smooth $g$ will do, as long as no scale can overflow, however large $r$ is (an unbounded $e^{r}$
# blows up early in training). The given `coupling_net` starts near zero, so a fresh layer is almost the identity. What
# may the network see? If a single transformed coordinate slips into `net`, the Jacobian is no longer triangular, and
# both (3.2) and your inverse are wrong.


# %%
def coupling_net(dim: int, hidden: int) -> nn.Sequential:
    """A multilayer perceptron (B, D) -> (B, 2D) whose last layer starts near zero."""
    last = nn.Linear(hidden, 2 * dim)
    with torch.no_grad():
        last.weight.mul_(0.01)
        last.bias.zero_()
    return nn.Sequential(nn.Linear(dim, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), last)


# %% solution="3.1a"
class AffineCoupling(nn.Module):
    """An affine coupling layer, equation (3.2). `mask` is a bool tensor (D,): where True, a coordinate passes.

    `net` maps (B, D) to (B, 2D): raw scale, then shift; by default a coupling_net with `hidden` units.
    """

    def __init__(self, dim: int, mask: Tensor, hidden: int = 64, net: nn.Module | None = None):
        super().__init__()
        self.register_buffer("mask", mask)
        self.net = coupling_net(dim, hidden) if net is None else net

    def scale_and_shift(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return log-scale and shift, both zero where the mask is True: (B, D) -> (B, D), (B, D)."""
        ### BEGIN SOLUTION
        keep = self.mask.to(x.dtype)
        raw, shift = self.net(x * keep).chunk(2, dim=-1)
        return torch.tanh(raw) * (1 - keep), shift * (1 - keep)
        ### END SOLUTION

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return z and log|det dz/dx|: (B, D) -> (B, D), (B,)."""
        ### BEGIN SOLUTION
        log_scale, shift = self.scale_and_shift(x)
        return x * torch.exp(log_scale) + shift, log_scale.sum(-1)
        ### END SOLUTION

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Return x and log|det dx/dz|: (B, D) -> (B, D), (B,)."""
        ### BEGIN SOLUTION
        log_scale, shift = self.scale_and_shift(z)  # the mask hides all that differs between x and z
        return (z - shift) * torch.exp(-log_scale), -log_scale.sum(-1)
        ### END SOLUTION


# %% tests="3.1a"
class LoudNet(nn.Module):
    """A network whose raw scales and shifts are all 800."""

    def forward(self, x):
        return 800 + 0 * torch.cat([x, x], -1)


def wavy_coupling(rng, d=None, b=None):
    """A coupling layer around a WavyNet, its random mask, and a batch."""
    d, b = d or rng.size(2, 6), b or rng.size(2, 5)
    first, last = torch.randperm(d, generator=rng)[[0, -1]]
    mask = torch.rand(d, generator=rng) < 0.5
    mask[first], mask[last] = True, False  # at least one coordinate is transformed and, from two on, one passes
    net = WavyNet(d, rng)
    return AffineCoupling(d, mask, 8, net), mask, 2 * torch.randn(b, d, generator=rng)


@core
@points(1)
def test_masked_coordinates_pass_through(rng):
    """Coordinates where the mask is True pass unchanged in both directions; logdet is one number per example."""
    layer, mask, x = wavy_coupling(rng)
    for name, step in (("forward", layer.forward), ("inverse", layer.inverse)):
        out, logdet = step(x)
        assert tuple(out.shape) == tuple(x.shape), f"{name}: expected shape {tuple(x.shape)}, got {tuple(out.shape)}"
        size = tuple(logdet.shape)
        assert size == (len(x),), f"{name}: logdet is one number per example, {(len(x),)}, got {size}"
        assert torch.equal(out[:, mask], x[:, mask]), f"{name}: where the mask is True, x passes unchanged"
        assert not alike(out[:, ~mask], x[:, ~mask]), f"{name}: where the mask is False, x is scaled and shifted"


@points(0.5)
def test_logdet_is_the_log_of_the_stretch(rng):
    """In one dimension, logdet is the log of how far two points move apart, in either direction."""
    layer = AffineCoupling(1, torch.tensor([False]), 4, WavyNet(1, rng))
    ends = torch.randn(2, 1, generator=rng)
    for name, step in (("forward", layer.forward), ("inverse", layer.inverse)):
        out, logdet = step(ends)
        stretch = ((out[1] - out[0]) / (ends[1] - ends[0])).abs().log()
        check_logdet(logdet, stretch.expand(2), name)


@points(0.5)
def test_inverse_undoes_forward(rng):
    """inverse(forward(x)) is x, which needs a net that sees only what passes."""
    layer, mask, x = wavy_coupling(rng, rng.size(2, 4))
    z, logdet = layer.forward(x)
    other = torch.where(mask, x, x + 1)  # what a net sees that looks at all of x
    hidden = alike(layer.forward(other)[1], logdet)
    assert hidden, "The net sees coordinates that it transforms: give it x times the mask"
    message = "inverse must undo forward: subtract the shift first, then divide by the same scale"
    assert_close(layer.inverse(z)[0], x, message)


### BEGIN HIDDEN TESTS
@points(1.25)
def test_coupling_logdet_equals_autograd(rng):
    """logdet equals the log-determinant of autograd's Jacobian, for D from 1 to 6, forward and inverse."""
    for d in range(1, 7):
        layer, _, x = wavy_coupling(rng, d, 2)
        check_logdet(layer.forward(x)[1], jacobian_logdet(layer.forward, x), "forward")
        check_logdet(layer.inverse(x)[1], jacobian_logdet(layer.inverse, x), "inverse")


@points(1)
def test_coupling_is_invertible_both_ways(rng):
    """forward(inverse(z)) and inverse(forward(x)) are the identity, the two logdets cancel, and training keeps it so."""
    for _ in range(3):
        layer, _, x = wavy_coupling(rng)
        with torch.no_grad():
            for parameter in layer.parameters():  # as if trained: nothing of this depends on how a layer starts
                parameter.add_(0.3 * torch.randn(parameter.shape, generator=rng))
        z, there = layer.forward(x)
        again, back = layer.inverse(z)
        assert_close(again, x, "inverse(forward(x)) is x")
        assert_close(there + back, torch.zeros(len(x)), "The logdets of a way and its way back cancel")
        x2, there = layer.inverse(x)
        again, back = layer.forward(x2)
        assert_close(again, x, "forward(inverse(z)) is z")
        assert_close(there + back, torch.zeros(len(x)), "The logdets of a way and its way back cancel")


@points(0.75)
def test_net_sees_only_what_passes(rng):
    """Scale and shift depend on passing coordinates only; the shift half of the net does not touch logdet."""
    layer, mask, x = wavy_coupling(rng, rng.size(3, 6))
    other = torch.where(mask, x, torch.randn(x.shape, generator=rng))
    z, logdet = layer.forward(x)
    moved, same = layer.forward(other)
    assert_close(same, logdet.detach(), "logdet depends on coordinates that should be hidden from the net")
    slope = ((moved - z) / (other - x))[:, ~mask].detach()
    assert_close(slope.log().sum(-1), logdet.detach(), "The net sees coordinates that it transforms")


@points(0.25)
def test_extreme_masks_and_single_examples(rng):
    """With everything passing the layer is the identity with logdet 0; with nothing passing it still inverts; B = 1."""
    d = rng.size(1, 5)
    x = torch.randn(1, d, generator=rng)
    identity = AffineCoupling(d, torch.ones(d, dtype=torch.bool), 8, WavyNet(d, rng))
    for step in (identity.forward, identity.inverse):
        out, logdet = step(x)
        assert torch.equal(out, x), "If every coordinate passes, the layer is the identity"
        assert_close(logdet, torch.zeros(1), "If every coordinate passes, logdet is zero")
    constant = AffineCoupling(d, torch.zeros(d, dtype=torch.bool), 8, WavyNet(d, rng))
    z, logdet = constant.forward(x)
    assert_close(constant.inverse(z)[0], x, "With nothing passing, scale and shift are constants")
    check_logdet(logdet, jacobian_logdet(constant.forward, x), "forward")
    loud = AffineCoupling(d, torch.zeros(d, dtype=torch.bool), 8, LoudNet())
    assert_finite(loud.forward(x), "A scale overflows when the net's output is large: bound the log-scale")


@points(0.5)
def test_coupling_gradients(rng):
    """Inputs are left unchanged, autograd equals finite differences, and both halves of the net learn."""
    layer, mask, x = wavy_coupling(rng, rng.size(2, 4), 2)
    z, logdet = assert_inputs_unchanged(layer.forward, x)
    assert_inputs_unchanged(layer.inverse, x)
    assert_gradients_match(layer.forward, x)
    assert_gradients_match(layer.inverse, x)
    (raw, shift) = torch.autograd.grad(logdet.sum(), layer.net.bias, retain_graph=True)[0].chunk(2)
    assert bool((raw != 0).any()), "no gradient of logdet reaches the raw scales: was it detached?"
    assert bool((shift == 0).all()), "logdet depends on the second half of the net's output, which is the shift"
    own = bool((raw[mask] == 0).all())
    assert own, (
        "logdet depends on raw scales of coordinates that pass: entry i of the first half belongs to coordinate i"
    )
    moved = torch.autograd.grad(z.sum(), layer.net.bias)[0].chunk(2)[1]
    assert bool((moved != 0).any()), "no gradient of z reaches the shifts"


@float32
@points(0.25)
def test_coupling_keeps_the_dtype(rng):
    """In float32 everything that comes out is float32, in both directions, with the default net, too."""
    layer, mask, x = wavy_coupling(rng)
    for made in (layer, AffineCoupling(len(mask), mask, 4)):
        for out in (*made.forward(x), *made.inverse(x)):
            assert out.dtype == torch.float32, "float32 gave another dtype: was a tensor made with a fixed one?"


### END HIDDEN TESTS

# %% [markdown]
# ### ActNorm: the layer that looks at the data once
#
# Deep stacks train badly when activations drift. *Activation normalisation* is an affine map per dimension,
#
# $$z=e^{a}\odot(x+b),\qquad \log|\det J|=\sum_{i=1}^{D}a_i, \tag{3.3}$$
#
# whose parameters are set **once**, from the first batch that is seen *in training mode*, so that this batch leaves
# with mean 0 and standard deviation 1 in every dimension (with or without Bessel's correction; you may rely on every
# dimension varying within that batch). From then on $a,b$ are ordinary parameters. It is not batch normalisation: later
# batches do not matter, examples do not influence one another, and the map is a fixed bijection.
#
# | symbol | variable | shape | dtype |
# |---|---|---|---|
# | $a$, $b$ | yours: two parameters, zero before the first batch | `(D,)` | floating |
# | "has been set" | yours; it must survive `state_dict()` and `load_state_dict()` | `()` | bool |
# | $x$, $z$ | `x`, `z` | `(B, D)` | same |
#
# A Python attribute `self.ready = False` is lost on reload: the first training batch after a restored checkpoint would
# then overwrite what was learned. What kind of attribute travels with a `state_dict` but is no parameter? Setting $a$
# and $b$ is not part of the model's gradient.


# %% solution="3.1b"
class ActNorm(nn.Module):
    """Activation normalisation with data-dependent initialisation, equation (3.3). Before it, the layer is the identity.

    The first batch in training mode (at least two examples) sets the parameters; nothing else does.
    """

    def __init__(self, dim: int):
        super().__init__()
        ### BEGIN SOLUTION
        self.shift = nn.Parameter(torch.zeros(dim))
        self.log_scale = nn.Parameter(torch.zeros(dim))
        self.register_buffer("initialised", torch.tensor(False))
        ### END SOLUTION

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return z and log|det dz/dx|: (B, D) -> (B, D), (B,)."""
        ### BEGIN SOLUTION
        if self.training and not self.initialised:
            with torch.no_grad():
                self.shift.copy_(-x.mean(0))
                self.log_scale.copy_(-torch.log(x.std(0)))
                self.initialised.fill_(True)
        return (x + self.shift) * torch.exp(self.log_scale), self.log_scale.sum().expand(len(x))
        ### END SOLUTION

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Return x and log|det dx/dz|: (B, D) -> (B, D), (B,)."""
        ### BEGIN SOLUTION
        return z * torch.exp(-self.log_scale) - self.shift, -self.log_scale.sum().expand(len(z))
        ### END SOLUTION


# %% tests="3.1b"
def uneven(rng, b, d):
    """A batch whose dimensions have very different means and standard deviations."""
    spread = torch.exp(2 * torch.rand(d, generator=rng) - 2.5)
    return 3 * torch.randn(d, generator=rng) + spread * torch.randn(b, d, generator=rng)


@core
@points(1)
def test_first_batch_leaves_with_mean_zero_and_spread_one(rng):
    """The first training batch leaves with mean 0 and standard deviation 1 in every dimension."""
    b, d = rng.size(100, 200), rng.size(1, 5)
    x = uneven(rng, b, d)
    z, logdet = ActNorm(d)(x)
    assert tuple(z.shape) == (b, d), f"expected shape {(b, d)}, got {tuple(z.shape)}"
    assert tuple(logdet.shape) == (b,), f"logdet is one number per example, {(b,)}, got {tuple(logdet.shape)}"
    assert_close(z.mean(0), torch.zeros(d), "The first batch leaves with mean zero per dimension (not over everything)")
    squared = alike(z.std(0) * x.std(0), torch.ones(d))
    assert not squared, "Divide by the standard deviation, not by the variance"
    message = "The first batch leaves with standard deviation one"
    assert_close(z.std(0), torch.ones(d), message, rtol=6 / b)  # with or without Bessel's correction


@points(0.5)
def test_second_batch_does_not_set_it_again(rng):
    """A second batch goes through the map that the first one has set."""
    d = rng.size(1, 4)
    layer, first = ActNorm(d), uneven(rng, 40, d)
    z = layer(first)[0]
    second = torch.cat([first[:5], first[:5] + 1])
    out = layer(second)[0]
    assert_close(out[:5], z[:5].detach(), "The same examples in another batch go to other places: it was set again")


### BEGIN HIDDEN TESTS
@points(0.75)
def test_actnorm_logdet_equals_autograd(rng):
    """logdet sums the log-scales of all dimensions: it equals autograd's, in both directions, and for one example."""
    for d in (1, 2, rng.size(3, 6)):
        layer = ActNorm(d)
        layer(uneven(rng, 30, d))
        x = torch.randn(rng.size(1, 4), d, generator=rng)
        check_logdet(layer.forward(x)[1], jacobian_logdet(layer.forward, x), "forward")
        check_logdet(layer.inverse(x)[1], jacobian_logdet(layer.inverse, x), "inverse")


@points(0.5)
def test_actnorm_is_invertible(rng):
    """inverse undoes forward, and the two logdets cancel."""
    d = rng.size(1, 5)
    layer = ActNorm(d)
    layer(uneven(rng, 30, d))
    x = uneven(rng, 4, d)
    z, there = assert_inputs_unchanged(layer.forward, x)
    again, back = assert_inputs_unchanged(layer.inverse, z.detach())
    assert_close(again, x, "inverse(forward(x)) is x")
    assert_close(there + back, torch.zeros(4), "The logdets of a way and its way back cancel")


@points(0.5)
def test_only_training_sets_it(rng):
    """In evaluation mode nothing is set: before the first training batch the layer is the identity."""
    d = rng.size(2, 4)
    layer, x = ActNorm(d), uneven(rng, 30, d)
    layer.eval()
    z, logdet = layer(x)
    assert_close(z, x, "Before it is set, and in evaluation mode, the layer is the identity")
    assert_close(logdet, torch.zeros(30), "The identity has logdet zero")
    layer.train()
    back, logdet = layer.inverse(x)
    assert_close(back, x, "inverse sets nothing: before the first batch goes forward it is the identity too")
    assert_close(logdet, torch.zeros(30), "The identity has logdet zero, backwards too")
    z = layer(x)[0]
    assert_close(z.mean(0), torch.zeros(d), "The first batch in training mode sets it, also after evaluation")
    message = "The first batch leaves with standard deviation one in every dimension"
    assert_close(z.std(0), torch.ones(d), message, rtol=6 / 30)  # with or without Bessel's correction


@points(0.5)
def test_a_restored_layer_is_not_set_again(rng):
    """state_dict carries both the parameters and the fact that they are set."""
    d = rng.size(1, 4)
    layer, restored = ActNorm(d), ActNorm(d)
    layer(uneven(rng, 30, d))
    restored.load_state_dict(layer.state_dict())
    x = uneven(rng, 20, d)
    wanted = layer(x)[0].detach()
    message = "After load_state_dict the first training batch sets the layer again: is the flag a registered buffer?"
    assert_close(restored(x)[0], wanted, message)


@points(0.25)
def test_actnorm_learns_and_treats_examples_alone(rng):
    """Already on the first batch, gradients reach both parameters, and examples do not influence one another."""
    d = rng.size(1, 4)
    layer, x = ActNorm(d), uneven(rng, 30, d).requires_grad_()
    parameters = list(layer.parameters())  # those that an optimiser would be given
    z, logdet = layer(x)
    (to_x,) = torch.autograd.grad(z.sum(), x, retain_graph=True)
    own = to_x[:1].log().sum(-1).expand(30)
    assert_close(
        logdet, own.detach(), "Gradients flow through the statistics of the batch: set parameters under no_grad"
    )
    found = torch.autograd.grad((z * z).sum() + z.sum() + logdet.sum(), parameters, allow_unused=True)
    assert all(g is not None for g in found), (
        "a parameter never receives a gradient: a flag is a buffer, and parameters are set in place, not made anew"
    )
    reached = sum(g.numel() for g in found if bool((g != 0).all()))
    assert reached >= 2 * d, "a scale and a shift per dimension are parameters that receive a gradient"


@points(0.25)
def test_actnorm_gradients_for_its_parameters(rng):
    """The gradients for the parameters are those of the map and of its log-determinant, in both directions."""
    layer = ActNorm(2)
    layer(uneven(rng, 30, 2))
    x, step = torch.randn(3, 2, generator=rng), 1e-5
    for name, way in (("forward", layer.forward), ("inverse", layer.inverse)):
        for k, part in enumerate(("output", "logdet")):
            parameters = list(layer.parameters())
            slopes = torch.autograd.grad(way(x)[k].sum(), parameters, allow_unused=True)
            for parameter, slope in zip(parameters, slopes, strict=True):
                for i in range(parameter.numel()):
                    ends = []
                    for move in (step, -2 * step, step):  # up, down, and back
                        with torch.no_grad():
                            parameter.reshape(-1)[i] += move
                        ends.append(float(way(x)[k].sum().detach()))
                    found = 0.0 if slope is None else float(slope.reshape(-1)[i])
                    difference = (ends[0] - ends[1]) / (2 * step)
                    message = f"{name}: the gradient of the {part} for a parameter; was something detached?"
                    assert_close(found, difference, message, rtol=1e-4, atol=1e-4)


@float32
@points(0.25)
def test_actnorm_keeps_the_dtype(rng):
    """In float32 everything that comes out is float32, in both directions."""
    d = rng.size(1, 4)
    layer, x = ActNorm(d), uneven(rng, 20, d)
    for out in (*layer.forward(x), *layer.inverse(x)):
        assert out.dtype == torch.float32, "float32 gave another dtype: was a tensor made with a fixed one?"


### END HIDDEN TESTS

# %% [markdown]
# ### The flow
#
# Now stack them. `forward` goes through the layers in the order of the list, `inverse` backwards; log-determinants add,
# and the base is a standard normal *with* its constant $-\frac D2\log2\pi$:
#
# $$\log p_\theta(x)=-\tfrac12\lVert z\rVert^2-\tfrac D2\log2\pi+\text{logdet},\qquad (z,\text{logdet})=f(x);\qquad
#   x=f^{-1}(z),\;z\sim N(0,I)\text{ samples.} \tag{3.4}$$
#
# | symbol | variable | shape |
# |---|---|---|
# | $f$ | `layers`, any objects with `forward` and `inverse` | list |
# | $\log p_\theta(x)$ | `log_prob(x)` | `(B, D)` → `(B,)` |
# | $x=f^{-1}(z)$ | `sample(n, generator)` | `(n, D)` |
#
# Draw the noise with the generator you are given (`torch.randn(..., generator=generator)`), on the device and in the
# dtype of `self.origin`. An empty list of layers is a flow, too: which density is it?


# %% solution="3.1c"
class Flow(nn.Module):
    """A normalising flow over `dim` dimensions with a standard-normal base, equations (3.1) and (3.4)."""

    def __init__(self, dim: int, layers: list[nn.Module]):
        super().__init__()
        self.dim = dim
        self.layers = nn.ModuleList(layers)
        self.register_buffer("origin", torch.zeros(dim))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return z = f(x) and log|det dz/dx|: (B, D) -> (B, D), (B,)."""
        ### BEGIN SOLUTION
        total = x.new_zeros(len(x))
        for layer in self.layers:
            x, logdet = layer(x)
            total = total + logdet
        return x, total
        ### END SOLUTION

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Return x with f(x) = z and log|det dx/dz|: (B, D) -> (B, D), (B,)."""
        ### BEGIN SOLUTION
        total = z.new_zeros(len(z))
        for layer in reversed(self.layers):
            z, logdet = layer.inverse(z)
            total = total + logdet
        return z, total
        ### END SOLUTION

    def log_prob(self, x: Tensor) -> Tensor:
        """Return the exact log-density in nats: (B, D) -> (B,)."""
        ### BEGIN SOLUTION
        z, logdet = self(x)
        return -0.5 * (z.square() + LOG_2PI).sum(-1) + logdet
        ### END SOLUTION

    def sample(self, n: int, generator: Generator | None = None) -> Tensor:
        """Return `n` draws, (n, D); the noise comes from `generator`."""
        ### BEGIN SOLUTION
        like = {"dtype": self.origin.dtype, "device": self.origin.device}
        return self.inverse(torch.randn(n, self.dim, generator=generator, **like))[0]
        ### END SOLUTION


# %% tests="3.1c"
class MatrixLayer(nn.Module):
    """The layer z = A x + b with its exact inverse and log-determinant."""

    def __init__(self, matrix, shift):
        super().__init__()
        self.matrix, self.offset = nn.Parameter(matrix), nn.Parameter(shift)

    def forward(self, x):
        return x @ self.matrix.T + self.offset, torch.linalg.slogdet(self.matrix)[1].expand(len(x))

    def inverse(self, z):
        x = torch.linalg.solve(self.matrix, (z - self.offset).T).T
        return x, -torch.linalg.slogdet(self.matrix)[1].expand(len(z))


class CubeLayer(nn.Module):
    """The layer z = x + scale * x^3 / 3 in every dimension: its stretch differs from place to place."""

    def __init__(self, scale):
        super().__init__()
        self.scale = nn.Parameter(scale)

    def forward(self, x):
        return x + self.scale * x**3 / 3, torch.log(1 + self.scale * x**2).sum(-1)

    def inverse(self, z):
        x = z.clone()
        for _ in range(60):
            x = x - (x + self.scale * x**3 / 3 - z) / (1 + self.scale * x**2)
        return x, -torch.log(1 + self.scale * x**2).sum(-1)


def matrix_layer(rng, d):
    """A random MatrixLayer that is far from the identity and well conditioned."""
    matrix = torch.eye(d) + 0.5 * torch.randn(d, d, generator=rng) / math.sqrt(d)
    stretch = torch.exp(0.8 * torch.randn(d, generator=rng))
    return MatrixLayer(matrix * stretch, torch.randn(d, generator=rng))


@core
@points(0.75)
def test_empty_flow_is_the_standard_normal(rng):
    """Without layers the flow is the standard normal, constant included."""
    b, d = rng.size(2, 5), rng.size(2, 5)
    x = torch.randn(b, d, generator=rng)
    normal = torch.distributions.Normal(0.0, 1.0).log_prob(x.double()).sum(-1)
    found = Flow(d, []).log_prob(x)
    assert tuple(found.shape) == (b,), f"log_prob is one number per example, {(b,)}, got {tuple(found.shape)}"
    lost = alike(found - d * LOG_2PI / 2, normal)
    assert not lost, "The base density lacks its constant, -D/2 log(2 pi)"
    assert_close(found, normal, "Without layers, log_prob is that of N(0, I)")


@points(0.5)
def test_layers_apply_in_order(rng):
    """forward goes through the layers in the order of the list and adds their log-determinants, inverse goes back."""
    d = rng.size(2, 4)
    first, second = matrix_layer(rng, d), matrix_layer(rng, d)
    x = torch.randn(3, d, generator=rng)
    flow = Flow(d, [first, second])
    z, logdet = flow(x)
    middle, one = first(x)
    wanted, two = second(middle)
    assert_close(z, wanted.detach(), "forward(x) is the last layer of ... of the first layer of x")
    assert_close(logdet, (one + two).detach(), "The logdet of a stack is the sum over its layers")
    assert_close(flow.inverse(z.detach())[0], x, "inverse takes the layers in reverse order: undo the last one first")


@points(0.5)
def test_log_prob_adds_the_logdet(rng):
    """log_prob is the base density at f(x), plus the log-determinant of forward."""
    d, x = 2, torch.randn(3, 2, generator=rng)
    layer = matrix_layer(rng, d)
    z, logdet = layer(x)
    base = (-0.5 * (z.square() + LOG_2PI).sum(-1)).detach()
    found = Flow(d, [layer]).log_prob(x)
    assert not alike(found, base - logdet), "log_prob adds the log-determinant of forward, it has the opposite sign"
    assert not alike(found, base), "log_prob lacks the log-determinant of forward"
    assert_close(found, base + logdet.detach(), "log_prob is the log-density of z under N(0, I) plus the logdet")


### BEGIN HIDDEN TESTS
@points(0.75)
def test_linear_flow_is_a_gaussian(rng):
    """With linear layers log_prob is that of the Gaussian that they define."""
    d = rng.size(1, 4)
    layers = [matrix_layer(rng, d), matrix_layer(rng, d)]
    total = (layers[1].matrix @ layers[0].matrix).detach()
    at = (layers[1].matrix @ layers[0].offset + layers[1].offset).detach()
    x = torch.randn(4, d, generator=rng)
    white = x @ total.T + at
    wanted = -0.5 * (white.square().sum(-1) + d * LOG_2PI) + torch.linalg.slogdet(total)[1]
    found = Flow(d, layers).log_prob(x)
    assert_close(
        found, wanted, "log_prob is the log-density of f(x) under N(0, I), plus the log-determinant of forward"
    )
    assert found.requires_grad, "log_prob carries no gradient: was it detached?"
    (slope,) = torch.autograd.grad(found.sum(), layers[1].offset)
    assert_close(slope, -white.sum(0), "The gradient of log_prob for the shift of the last layer is minus the sum of z")
    assert_gradients_match(Flow(d, layers).log_prob, x[:2])


@points(0.25)
def test_flow_gradients(rng):
    """Gradients flow through both results of both directions, of layers whose stretch depends on the place."""
    flow = Flow(2, [CubeLayer(0.5 + torch.rand(2, generator=rng)), matrix_layer(rng, 2)])
    x = torch.randn(2, 2, generator=rng)
    for way in (flow.forward, flow.inverse):
        for k, part in enumerate(("the output", "logdet")):
            message = f"no gradient flows through {part}, or a wrong one: was it detached?"
            assert_gradients_match(lambda t, way=way, k=k: way(t)[k], x, message=message)


@points(0.25)
def test_a_flow_without_layers_is_the_identity(rng):
    """Without layers both directions are the identity with logdet zero, one for each example, also at the origin."""
    b, d = rng.size(2, 5), rng.size(1, 5)
    flow = Flow(d, [])
    for x in (torch.randn(b, d, generator=rng), torch.zeros(b, d)):
        for name, way in (("forward", flow.forward), ("inverse", flow.inverse)):
            out, logdet = way(x)
            assert_close(out, x, f"{name}: without layers nothing moves")
            assert_close(logdet, torch.zeros(b), f"{name}: without layers logdet is zero, one for each example")


@points(0.25)
def test_flow_keeps_the_dtype(rng):
    """A float32 flow gives float32 densities and samples, whatever the default dtype is."""
    d = rng.size(1, 4)
    x = torch.randn(3, d, generator=rng, dtype=torch.float32)
    for layers in ([], [matrix_layer(rng, d)]):
        flow = Flow(d, layers).float()
        drawn = flow.sample(2, torch.Generator().manual_seed(rng.size(0, 10**6)))
        for out in (*flow.forward(x), *flow.inverse(x), flow.log_prob(x), drawn):
            assert out.dtype == torch.float32, "float32 gave another dtype: draw noise in the dtype of self.origin"
    wide = Flow(d, []).sample(2)
    assert wide.dtype == torch.float64, "A float64 flow draws float64 noise, also without a generator"


@points(0.5)
def test_flow_inverse_undoes_the_layers_backwards(rng):
    """inverse takes the layers in reverse order, example by example, and its log-determinant has the other sign."""
    d = rng.size(2, 4)
    flow = Flow(d, [matrix_layer(rng, d), CubeLayer(0.5 + torch.rand(d, generator=rng)), matrix_layer(rng, d)])
    for b in (1, 3):
        z, there = flow(torch.randn(b, d, generator=rng))
        x, back = assert_inputs_unchanged(flow.inverse, z.detach())
        again, same = assert_inputs_unchanged(flow.forward, x.detach())
        assert_close(again, z.detach(), "forward(inverse(z)) is z: inverse takes the layers in reverse order")
        check_logdet(back, -there, "inverse")
        check_logdet(same, there, "forward")


@points(0.25)
def test_flow_density_integrates_to_one(rng):
    """The density of a curved flow integrates to one over the plane."""
    turn = torch.linalg.qr(torch.randn(2, 2, generator=rng)).Q
    flow = Flow(2, [CubeLayer(0.3 + torch.rand(2, generator=rng)), MatrixLayer(turn, torch.zeros(2))])
    box = [(-6.0, 6.0), (-6.0, 6.0)]
    message = "The flow's density does not integrate to one"
    assert_integrates_to_one(lambda x: flow.log_prob(x).detach(), box, n=100, message=message)


@points(0.25)
def test_samples_come_from_the_model(rng):
    """Samples that go forward again are standard normal noise, drawn afresh for every dimension and example."""
    layers = [matrix_layer(rng, 2), CubeLayer(torch.tensor([0.5, 1.0]))]
    flow = Flow(2, layers)
    draws = flow.sample(4000, torch.Generator().manual_seed(rng.size(0, 10**6)))
    assert tuple(draws.shape) == (4000, 2), f"expected shape (4000, 2), got {tuple(draws.shape)}"
    noise = layers[1](layers[0](draws)[0])[0].detach()
    for turned in (noise[:, 0], noise[:, 1], (noise[:, 0] + noise[:, 1]) / math.sqrt(2)):
        law = lambda t: torch.distributions.Normal(0.0, 1.0).cdf(torch.as_tensor(t))  # noqa: E731
        assert_cdf(turned, law, message="Samples sent forward through the layers are not standard normal")
    assert_mean_close(noise, 0.0, sd=1.0, message="Samples sent forward have a mean")


@points(0.25)
def test_samples_follow_the_generator(rng):
    """The same generator state gives the same samples, another one gives others."""
    d, seed = rng.size(1, 4), rng.size(0, 10**6)
    flow = Flow(d, [matrix_layer(rng, d)])
    one, two, three = (flow.sample(3, torch.Generator().manual_seed(s)) for s in (seed, seed, seed + 1))
    assert tuple(one.shape) == (3, d), f"expected shape {(3, d)}, got {tuple(one.shape)}"
    assert_close(two, one.detach(), "Noise comes from the generator that is passed in")
    assert not alike(one, three), "Another generator should give other samples"


### END HIDDEN TESTS

# %% [markdown]
# **A wider view (nothing to hand in).** A coupling layer is the cheapest member of a family. Let scale and shift of
# each coordinate depend on *all* earlier ones, $z_i=x_i\,e^{s_i(x_{<i})}+t_i(x_{<i})$, with the masked network of
# Homework 1 for $s$ and $t$: this is a *masked autoregressive flow*. Its Jacobian is triangular as well, and
# $\log|\det J|=\sum_is_i$. One call of the network gives the density of $x$, but the inverse needs $D$ calls, one
# coordinate after the other, as in any autoregressive model. Swap the two directions, and sampling is fast while
# densities are slow. A coupling layer is fast both ways, and pays by leaving half of its input as it is.

# %% [markdown]
# ### Experiment: two moons
#
# Eight pairs of ActNorm and coupling layers with alternating masks, trained by maximum likelihood on 10 000 points.
# `densities.moons` knows its own log-density, so you also know how good any model can get: its entropy, **1.008 nats**.
#
# **What to expect** (budget `cpu`, 3000 steps, half a minute of one core). The negative log-likelihood starts near 2.0,
# the value of a Gaussian, passes 1.2 within 500 steps and ends at **1.06 ± 0.03**; the printed integral is 1.000 and
# the inverse is exact to 1e-5. If the integral is not one, look at your log-determinants, not at the optimiser. If the
# NLL is *below* the entropy, celebrate later: it is a bug.

# %% experiment="3.1" cpu_minutes=0.6 t4_minutes=0.5
import densities
import matplotlib.pyplot as plt
from hwkit import Checkpointer, device, fit, one_step_cpu_check, preset, savefig, set_seed

MOON_STEPS = preset(smoke=30, cpu=3000, gpu=3000)
BLUE, ORANGE, GREEN, PURPLE, GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#555555"


def moons_flow(pairs=8, hidden=64):
    """A flow in the plane: ActNorm and coupling in turn, the two coordinates passing alternately."""
    layers = []
    for i in range(pairs):
        layers += [ActNorm(2), AffineCoupling(2, torch.tensor([i % 2 == 0, i % 2 == 1]), hidden)]
    return Flow(2, layers)


def train_moons(steps):
    """Train by maximum likelihood; return the flow and one dict per step, with test NLL now and then."""
    set_seed(0)
    source = densities.moons
    train = source.sample(10_000, torch.Generator().manual_seed(1))
    test = source.sample(5_000, torch.Generator().manual_seed(2))
    flow = moons_flow()

    def make(model):
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
        return optimizer, torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)

    optimizer, schedule = make(flow)

    def update(number):
        rows = torch.randint(len(train), (256,), device=train.device)
        loss = -flow.log_prob(train[rows]).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    one_step_cpu_check(update, flow, optimizer=optimizer)
    where = device()
    flow, train, test = flow.to(where), train.to(where), test.to(where)
    optimizer, schedule = make(flow)
    last = {"NLL": math.nan, "test": math.nan}

    def step(number):
        last["NLL"] = update(number)
        schedule.step()
        if number % 100 == 99 or number == 0:
            flow.eval()
            with torch.no_grad():
                last["test"] = -float(flow.log_prob(test).mean())
            flow.train()
        return dict(last)

    saved = Checkpointer("moons.pt", model=flow, optimizer=optimizer, schedule=schedule, config={"steps": steps})
    history = fit(step, steps, checkpoint=saved, expect={500: 1.45, 1500: (0.85, 1.3), 3000: (0.85, 1.2)})
    return flow.cpu().eval(), history


flow, moons_history = train_moons(MOON_STEPS)
with torch.no_grad():
    test = densities.moons.sample(5_000, torch.Generator().manual_seed(2))
    axis = (torch.arange(400) + 0.5) / 400 * 8 - 3.5
    mass = float(flow.log_prob(torch.cartesian_prod(axis, axis)).exp().sum()) * 0.02**2
    z, logdet = flow(test)
    round_trip = float((flow.inverse(z)[0] - test).abs().max())
    print(f"test NLL {-float(flow.log_prob(test).mean()):.3f}   (expected 1.06; at 3000 steps, 1.09 is a good result)")
    print(
        f"entropy  {-float(densities.moons.log_prob(test).mean()):.3f}   (of the same points, under the true density)"
    )
    print(f"integral {mass:.4f}  (expected 1.000)")
    print(f"largest round-trip error {round_trip:.1e}   (expected below 1e-4)")

# %% [markdown] figure="F3.1" points=3
# **Two moons, layer by layer.** Show (i) the flow's density with 500 of its samples, and (ii) how the layers do it:
# test points after 0, 4, 8, 12 and 16 layers. In three or four sentences: what does a single coupling layer do to the
# picture? Where does the flow put mass that the data do not have, and why can it not avoid this (think of what a
# continuous bijection does to one connected blob)?
#
# Caption: A flow for two moons: its density and samples, and the data on their way to a Gaussian.
#
# ### BEGIN MARK SCHEME
# - (1) density follows both moons, samples lie on them, panels labelled with the number of layers, ending in a
#   round Gaussian blob
# - (1) a coupling layer moves points along one axis only, by an amount that depends on the other coordinate
# - (1) thin bridges between the moons: a diffeomorphism keeps a connected set connected, so mass must link the two
#   parts
# ### END MARK SCHEME

# %% experiment="3.1"
with torch.no_grad():
    fig, axes = plt.subplots(2, 3, figsize=(8, 5.6))
    axes = axes.ravel()
    axis = torch.linspace(-1.7, 2.7, 200)
    grid = torch.cartesian_prod(axis, axis)
    height = flow.log_prob(grid).exp().reshape(200, 200).T
    axes[0].imshow(height, origin="lower", extent=(-1.7, 2.7, -1.7, 2.7), cmap="cividis")
    draws = flow.sample(500, torch.Generator().manual_seed(3))
    axes[0].scatter(draws[:, 0], draws[:, 1], s=1, color="white", alpha=0.35)
    axes[0].set(title="density, samples", xlabel="$x_1$", ylabel="$x_2$", xlim=(-1.7, 2.7), ylim=(-1.7, 2.7))
    h, shown = test[:2000], 0
    side = (h[:, 1] > 0.25).float()  # so that you can follow points through the layers
    for done in range(len(flow.layers) + 1):
        if done % 4 == 0:
            shown += 1
            axes[shown].scatter(h[:, 0], h[:, 1], s=1, c=side, cmap="coolwarm")
            axes[shown].set(title=f"after {done} layers", xlabel="$h_1$", ylabel="$h_2$", xlim=(-4, 4), ylim=(-4, 4))
        if done < len(flow.layers):
            h, _ = flow.layers[done](h)
fig.tight_layout()
savefig(
    "F3.1",
    fig,
    alt="First panel: density of the flow with two bright arcs and samples on them. Then five scatter plots from two moons"
    " to a round cloud.",
    answer="Replace this sentence by your three or four sentences.",
)

# %% [markdown] figure="F3.2" points=2
# **How close to the entropy?** Plot the negative log-likelihood on minibatches and on the test set against the step,
# with the entropy of the data as a line. In two or three sentences: which divergence is the gap between the test curve
# and the line, and does it come from the model class, from optimisation, or from the finite training set? What would a
# curve below the line mean?
#
# Caption: Negative log-likelihood of the flow during training, against the entropy of the data.
#
# ### BEGIN MARK SCHEME
# - (1) both curves labelled with units (nats), the entropy line near 1.008, test NLL ending between 1.01 and 1.15
# - (1) the gap is $KL(\text{data}\,\|\,\text{model})$; no over-fitting is visible, so it is capacity and optimisation (topology); below
#   the line by more than sampling error would mean a log-density that does not integrate to one
# ### END MARK SCHEME

# %% experiment="3.1"
fig, axis = plt.subplots(figsize=(6, 3.5))
step = [row["step"] for row in moons_history]
axis.plot(step, [row["NLL"] for row in moons_history], color=GREY, alpha=0.4, linewidth=0.7, label="minibatch")
axis.plot(step, [row["test"] for row in moons_history], color=BLUE, linewidth=2, label="test")
axis.axhline(densities.moons.entropy, color=ORANGE, linestyle="--", label="entropy of the data")
axis.set(xlabel="step", ylabel="nats per point", ylim=(0.8, 2.5))
axis.legend()
fig.tight_layout()
savefig(
    "F3.2",
    fig,
    alt="Line plot over steps: noisy minibatch curve and smooth test curve fall towards a dashed line at 1.008 nats.",
    answer="Replace this sentence by your two or three sentences.",
)

# %% [markdown] problem="3.2" minutes=135
# ## Problem 3.2: Dequantise and audit
#
# Pixels are integers, densities are not. Give a continuous model integers and it will put an infinitely thin,
# infinitely high spike on each: the likelihood goes to infinity and means nothing. *Uniform dequantisation* adds noise
# $u\in[0,1)^D$; then (W3.2) the continuous log-density is a lower bound on the log-probability of the *pixels*, and
# flows can be compared with PixelCNNs in bits per dimension.

# %% [markdown] written="W3.2" points=6 pages=1
# **Dequantisation.** A density $p$ on $\mathbb R^D$ defines a distribution over integers,
# $P(k)=\int_{[0,1)^D}p(k+u)\,du$, $k\in\{0,\dots,K-1\}^D$.
#
# (a) Show that $E_u\left[\log p(k+u)\right]\le\log P(k)$ for $u$ uniform on $[0,1)^D$. When is there equality? What
# does this say about training on noisy images?
#
# (b) A flow has density $q$ for $y=\operatorname{logit}(s)$, $s=\alpha+(1-2\alpha)(k+u)/K$, elementwise. Write the
# exact number of bits per dimension that it assigns to $k$ with noise $u$, *including every constant*.
#
# (c) Show that maximum likelihood of a flow on integers *without* noise is unbounded, already for $D=1$.
#
# ### BEGIN SOLUTION
# (a) $\log P(k)=\log\int_{[0,1)^D}p(k+u)\,du=\log E_u\,p(k+u)\ge E_u\log p(k+u)$ by Jensen's inequality, because $\log$
# is concave and $u$ has density 1 on the cube. Equality holds exactly when $p(k+u)$ is constant in $u$ (almost
# everywhere): when the density is flat on the cube. So training a density on noisy images maximises a lower bound on
# the log-likelihood of the discrete images. With $p(u\mid k)=p(k+u)/P(k)$ the gap is
# $\log P(k)-E_u\log p(k+u)=E_u\left[-\log p(u\mid k)\right]=KL(U[0,1)^D\,\|\,p(u\mid k))$, like that of an ELBO with
# a uniform posterior (a learned $q(u\mid k)$ is *variational* dequantisation).
#
# (b) Per dimension $\frac{dy}{d(k+u)}=\frac{ds}{d(k+u)}\cdot\frac{dy}{ds}=\frac{1-2\alpha}{K}\cdot\frac{1}{s(1-s)}$.
# The change of variables gives $\log p(k+u)=\log q(y)+\sum_{i=1}^{D}\log\frac{1-2\alpha}{K\,s_i(1-s_i)}$, therefore
#
# $$\text{bpd}=-\frac{1}{D\log2}\left[\log q(y)+D\log(1-2\alpha)-D\log K-\sum_{i=1}^{D}\log s_i-\sum_{i=1}^{D}\log(1-s_i)
#   \right].$$
#
# Its expectation over $u$ is an upper bound on $-\log_2P(k)/D$ by (a). (Forgetting $\log K$ alone changes the result by
# $\log_217\approx4.09$ bits.)
#
# (c) Let $k_0$ occur in the data with frequency $\pi_0>0$. Take $p_\sigma=\frac12N(k_0,\sigma^2)+\frac12r$ with a
# fixed, continuous and everywhere positive density $r$. A flow has this density: with its distribution function
# $F_\sigma$, $z=\Phi^{-1}(F_\sigma(x))$ is smooth, increasing and standard normal. As
# $p_\sigma(k_0)\ge\frac{1}{2\sigma\sqrt{2\pi}}$ and $p_\sigma(k)\ge\frac{r(k)}2$, the average log-density is at least
# $\pi_0\log\frac{1}{2\sigma\sqrt{2\pi}}+(1-\pi_0)\min_k\log\frac{r(k)}{2}\to\infty$ as $\sigma\to0$. (A single Gaussian
# will not do: its log-density at the *other* integers falls like $-1/\sigma^2$.) In the limit stand point masses, and
# nothing was learned about how likely the integers are. Noise of width one forbids it, as (a) bounds the objective by
# $\log P(k)\le0$.
# ### END SOLUTION
#
# ### BEGIN MARK SCHEME
# - (1) (a) Jensen's inequality in the right direction
# - (1) (a) equality exactly for a flat density on the cube; training maximises a lower bound
# - (2) (b) the derivative, one mark for $(1-2\alpha)/K$ (lost by $K-1$, or without $K$) and one for $1/(s(1-s))$
# - (1) (b) bits: sign, division by $D\log2$, all terms together
# - (1) (c) a family of flows whose *average* log-density tends to infinity, the other integers included (a spike alone:
#   half)
# ### END MARK SCHEME

# %% [markdown]
# ### To the real line and back
#
# Flows like unbounded inputs, so the noisy pixel is first squeezed into $(\alpha,1-\alpha)$ and then sent through the
# logit:
#
# $$s=\alpha+(1-2\alpha)\frac{x+u}{K},\qquad y=\log\frac{s}{1-s},\qquad
#   \log\left|\frac{\partial y}{\partial(x+u)}\right|=\log\frac{1-2\alpha}{K}-\log s-\log(1-s). \tag{3.5}$$
#
# | symbol | variable | shape | dtype |
# |---|---|---|---|
# | $x$ | `x` | `(B, D)`, entries $0,\dots,K-1$ | int64 |
# | $u$ | `u` | `(B, D)`, in $[0,1)$ | floating |
# | $K$, $\alpha$ | `levels`, `alpha` | numbers, $0\le\alpha<\frac12$ | int, float |
# | $y$ | first returned | `(B, D)` | as `u` |
# | $\sum_i\log\lvert\partial y_i/\partial(x+u)_i\rvert$ | second returned | `(B,)` | as `u` |
#
# The log-determinant belongs to the map $x+u\mapsto y$. So it contains $\log K$ and $\log(1-2\alpha)$, which no
# gradient will ever miss. There are $K$ levels, not $K-1$: the noisy pixel runs through $[0,K)$.


# %% solution="3.2a"
def dequantize_logit(x: Tensor, levels: int, alpha: float, u: Tensor) -> tuple[Tensor, Tensor]:
    """Return y and log|det dy/d(x + u)|, equation (3.5): (B, D) int64, noise (B, D) -> (B, D), (B,)."""
    ### BEGIN SOLUTION
    s = alpha + (1 - 2 * alpha) * (x + u) / levels
    stretch = math.log((1 - 2 * alpha) / levels) - torch.log(s) - torch.log1p(-s)
    return torch.logit(s), stretch.sum(-1)
    ### END SOLUTION


# %% tests="3.2a"
def noisy_pixels(rng, b=None, d=None):
    """Random x, levels, alpha and u."""
    b, d, levels = b or rng.size(2, 5), d or rng.size(1, 5), rng.size(2, 20)
    x = torch.randint(levels, (b, d), generator=rng)
    u = 0.02 + 0.96 * torch.rand(b, d, generator=rng)
    return x, levels, 0.01 + 0.2 * float(torch.rand((), generator=rng)), u


@core
@points(0.75)
def test_the_sigmoid_undoes_the_logit(rng):
    """The sigmoid of y runs from alpha to 1 - alpha, in proportion to x + u; one logdet per example."""
    x, levels, alpha, u = noisy_pixels(rng)
    x[0] = 0
    y, logdet = dequantize_logit(x, levels, alpha, u)
    assert tuple(y.shape) == tuple(x.shape), f"expected shape {tuple(x.shape)}, got {tuple(y.shape)}"
    size = tuple(logdet.shape)
    assert size == (len(x),), f"logdet is one number per example, {(len(x),)}, got {size}"
    share = (torch.sigmoid(y) - alpha) / (1 - 2 * alpha)
    inside = y.isfinite()
    fewer = alike((levels - 1) * share[inside], (x + u)[inside])
    assert not fewer, "There are K levels, and x + u runs through [0, K): divide by K, not K - 1"
    assert_close(levels * share, x + u, "y is the logit of alpha + (1 - 2 alpha)(x + u)/K, with the noise as it comes")


@points(0.5)
def test_slope_in_the_middle(rng):
    """At x + u = K/2 every pixel contributes log(1 - 2 alpha) - log K + log 4, whatever the number of pixels."""
    b, d, half = rng.size(2, 4), rng.size(2, 4), rng.size(1, 8)
    levels, alpha = 2 * half + 1, 0.05 + 0.2 * float(torch.rand((), generator=rng))
    _, found = dequantize_logit(torch.full((b, d), half), levels, alpha, torch.full((b, d), 0.5))
    slope = torch.full((b,), math.log(1 - 2 * alpha) - math.log(levels) + math.log(4.0))
    lacks_k = alike(found, d * (slope + math.log(levels)))
    assert not lacks_k, "logdet lacks -log K: the map starts from x + u, not from (x + u)/K"
    lacks_squeeze = alike(found, d * (slope - math.log(1 - 2 * alpha)))
    assert not lacks_squeeze, "logdet lacks log(1 - 2 alpha), the slope of the squeeze"
    upside_down = alike(found, d * (slope - 2 * math.log(4.0))) or alike(found, -d * slope)
    assert not upside_down, "The slope of the logit is 1/(s(1 - s)): its logarithm has two minus signs"
    assert not alike(found, b * d * slope), "logdet is one number per example, not the sum over the batch"
    assert_close(
        found, d * slope, "In the middle the logit has slope 4 and the squeeze (1 - 2 alpha)/K, for each pixel"
    )


### BEGIN HIDDEN TESTS
@points(0.75)
def test_ends_of_the_range(rng):
    """x + u = 0 goes to logit(alpha), x + u = K to logit(1 - alpha)."""
    x, levels, alpha, u = noisy_pixels(rng)
    end = math.log(alpha / (1 - alpha))
    low, _ = dequantize_logit(torch.zeros_like(x), levels, alpha, torch.zeros_like(u))
    high, _ = dequantize_logit(torch.full_like(x, levels - 1), levels, alpha, torch.ones_like(u))
    assert_close(low, torch.full_like(u, end), "The squeezed range starts at alpha")
    assert_close(high, torch.full_like(u, -end), "The squeezed range ends at 1 - alpha, for x + u = K")
    tiny, stretch = dequantize_logit(torch.zeros_like(x), levels, 0.0, torch.full_like(u, 1e-9))
    s = 1e-9 / levels
    message = "alpha may be 0 and the noise tiny: nothing else keeps s away from 0 and 1"
    assert_close(tiny, torch.full_like(u, math.log(s) - math.log1p(-s)), message)
    slope = -math.log(levels) - math.log(s) - math.log1p(-s)
    assert_close(stretch, torch.full((len(u),), u.shape[1] * slope), message)


@points(0.5)
def test_dequantize_logdet_equals_autograd(rng):
    """logdet equals autograd's log-determinant of u -> y, for each example."""
    for b in (1, rng.size(2, 4)):
        x, levels, alpha, u = noisy_pixels(rng, b)
        found = dequantize_logit(x, levels, alpha, u)[1]
        truth = jacobian_logdet(lambda v, x=x, n=levels, a=alpha: dequantize_logit(x, n, a, v), u)
        check_logdet(found, truth, "dequantize_logit")


@points(0.25)
def test_dequantize_leaves_its_inputs_alone(rng):
    """Inputs are left unchanged, and autograd agrees with finite differences."""
    x, levels, alpha, u = noisy_pixels(rng, 2, rng.size(1, 4))
    assert_inputs_unchanged(dequantize_logit, x, levels, alpha, u)
    assert_gradients_match(lambda v: dequantize_logit(x, levels, alpha, v), u)


@float32
@points(0.25)
def test_dequantize_keeps_the_dtype(rng):
    """float32 noise gives a float32 result, although x is int64."""
    x, levels, alpha, u = noisy_pixels(rng)
    y, logdet = dequantize_logit(x, levels, alpha, u)
    assert y.dtype == logdet.dtype == torch.float32, (
        "float32 noise gave another dtype: was a tensor made with a fixed one?"
    )


### END HIDDEN TESTS

# %% [markdown]
# Sampling goes the other way: from $y$ to a pixel, which is the cell $[k,k+1)$ in which $x+u$ falls,
#
# $$k=\left\lfloor K\,\frac{s(y)-\alpha}{1-2\alpha}\right\rfloor,\quad s(y)=\frac{1}{1+e^{-y}},\qquad
#   \text{clipped to }0,\dots,K-1. \tag{3.6}$$
#
# | symbol | variable | shape | dtype |
# |---|---|---|---|
# | $y$ | `y` | `(B, D)`, any real numbers | floating |
# | $k$ | returned | `(B, D)` | int64 |
#
# The squeeze must be undone, or every image turns grey; a sample may fall outside $(\alpha,1-\alpha)$, hence the clip.


# %% solution="3.2b"
def quantize_inverse(y: Tensor, levels: int, alpha: float) -> Tensor:
    """Return the pixels from which y came, equation (3.6): (B, D) -> (B, D) int64 in 0..levels-1."""
    ### BEGIN SOLUTION
    position = levels * (torch.sigmoid(y) - alpha) / (1 - 2 * alpha)
    return position.floor().long().clamp(0, levels - 1)
    ### END SOLUTION


# %% tests="3.2b"
def squeezed(position, levels, alpha):
    """y of a position x + u in [0, K]."""
    s = alpha + (1 - 2 * alpha) * position / levels
    return torch.log(s / (1 - s))


@core
@points(0.5)
def test_round_trip_with_half_noise(rng):
    """Every grey level comes back when its noise was 1/2."""
    levels, alpha = rng.size(2, 20), 0.05 + 0.2 * float(torch.rand((), generator=rng))
    k = torch.arange(levels).unsqueeze(0)
    found = quantize_inverse(squeezed(k + 0.5, levels, alpha), levels, alpha)
    assert found.dtype == torch.int64, f"grey levels are int64, got {found.dtype}"
    assert_close(found, k, "A level does not come back: undo the squeeze by alpha, and round down (floor)")


### BEGIN HIDDEN TESTS
@points(0.75)
def test_round_trip_for_all_noise(rng):
    """Every grey level comes back for noise anywhere in its cell, however close to the edges."""
    levels, alpha = rng.size(3, 20), 0.01 + 0.2 * float(torch.rand((), generator=rng))
    k = torch.arange(levels).unsqueeze(0)
    for u in (1e-6, 0.3, 0.7, 1 - 1e-6):
        y = squeezed(k + u, levels, alpha)
        found = assert_inputs_unchanged(quantize_inverse, y, levels, alpha)
        assert_close(found, k, "A level with noise u comes back as another one: the cell of k is [k, k + 1)")


@points(0.75)
def test_values_outside_the_range_are_clipped(rng):
    """Values that no pixel has are clipped to the darkest and the brightest level."""
    b, d, levels = rng.size(2, 4), rng.size(1, 4), rng.size(2, 20)
    for alpha, size in ((0.05, 40.0), (0.2, 1000.0)):
        far = size * torch.ones(b, d)
        bright = assert_inputs_unchanged(quantize_inverse, far, levels, alpha)
        assert_close(bright, torch.full((b, d), levels - 1), "The brightest level is K - 1, however large y is")
        dark = quantize_inverse(-far, levels, alpha)
        assert_close(dark, torch.zeros(b, d, dtype=torch.int64), "The darkest level is 0, however small y is")


### END HIDDEN TESTS

# %% [markdown]
# ### Bits per dimension
#
# Put the pieces together (W3.2b): for one draw of noise,
#
# $$\text{bpd}(x)=-\frac{\log q_\theta(y)+\log|\det\partial y/\partial(x+u)|}{D\log2}. \tag{3.7}$$
#
# | symbol | variable | shape | dtype |
# |---|---|---|---|
# | $q_\theta$ | `flow`, anything with `log_prob` | `(B, D)` → `(B,)` | floating |
# | $x$, $K$, $\alpha$, $u$ | as in (3.5) | | |
# | bpd | returned | `(B,)` | floating |
#
# Two numbers to hold it against: a model that is uniform on the cube pays $\log_2K$ bits, 4.09 for the digits; a
# histogram per pixel 2.43.


# %% solution="3.2c"
def flow_bpd(flow: nn.Module, x: Tensor, levels: int, alpha: float, u: Tensor) -> Tensor:
    """Return bits per dimension of images x (B, D) int64 with noise u (B, D), equation (3.7): (B,).

    Gradients reach the parameters of `flow`, and `u` (noise that is itself learned needs them).
    """
    ### BEGIN SOLUTION
    y, logdet = dequantize_logit(x, levels, alpha, u)
    return -(flow.log_prob(y) + logdet) / (x.shape[-1] * math.log(2))
    ### END SOLUTION


# %% tests="3.2c"
class UniformCube(nn.Module):
    """The density of y when x + u is uniform on the cube [0, K)^D."""

    def __init__(self, alpha):
        super().__init__()
        self.alpha = alpha

    def log_prob(self, y):
        return (F.logsigmoid(y) + F.logsigmoid(-y) - math.log(1 - 2 * self.alpha)).sum(-1)


class LogisticDensity(nn.Module):
    """A logistic law in every dimension, whose distribution function is known."""

    def __init__(self, centre, width):
        super().__init__()
        self.centre, self.width = nn.Parameter(centre), width

    def log_prob(self, y):
        t = (y - self.centre) / self.width
        return (F.logsigmoid(t) + F.logsigmoid(-t) - math.log(self.width)).sum(-1)

    def cdf(self, y):
        return torch.sigmoid((y - self.centre) / self.width)


@core
@points(0.5)
def test_uniform_model_pays_log2_of_the_levels(rng):
    """A model that is uniform on the cube pays log2 K bits per dimension for every image."""
    b, d, levels = rng.size(2, 5), rng.size(1, 6), rng.size(2, 20)
    alpha = 0.01 + 0.2 * float(torch.rand((), generator=rng))
    x, u = torch.randint(levels, (b, d), generator=rng), 0.02 + 0.96 * torch.rand(b, d, generator=rng)
    model = UniformCube(alpha)
    found = flow_bpd(model, x, levels, alpha, u)
    assert tuple(found.shape) == (b,), f"one number per example, {(b,)}, got {tuple(found.shape)}"
    bits = torch.full((b,), math.log2(levels))
    assert not alike(found, bits * math.log(2)), "These are nats per dimension; bits are nats divided by log 2"
    assert d == 1 or not alike(found, d * bits), "Bits per dimension: divide by the number of dimensions D"
    assert not alike(found, -bits), "bpd is a cost: minus the log-density"
    s = alpha + (1 - 2 * alpha) * (x + u) / levels
    alone = -model.log_prob(torch.log(s / (1 - s))) / (d * math.log(2))
    assert not alike(found, alone), "The log-determinant of the dequantisation is missing"
    assert not alike(found, 2 * alone - bits), "The log-determinant is added to log q, it has the opposite sign"
    assert_close(found, bits, "A uniform model pays log2 K bits per dimension")


### BEGIN HIDDEN TESTS
@points(0.75)
def test_bits_are_those_of_the_discrete_model(rng):
    """Averaged over the noise, 2^-bpd is the probability of the pixel, and the bound of Jensen holds."""
    levels, alpha, n = rng.size(2, 6), 0.05, 400
    centre = 0.5 * torch.randn(1, generator=rng)
    model = LogisticDensity(centre, 0.4 + float(torch.rand((), generator=rng)))
    k = torch.arange(levels).repeat_interleave(n).unsqueeze(-1)
    u = ((torch.arange(n) + 0.5) / n).repeat(levels).unsqueeze(-1)
    bits = flow_bpd(model, k, levels, alpha, u).reshape(levels, n)
    edges = torch.arange(levels + 1) / levels * (1 - 2 * alpha) + alpha
    exact = model.cdf(torch.log(edges / (1 - edges))).detach().diff()
    message = "The noise-averaged probability of a pixel differs from the model's mass in its cell"
    assert_close((2**-bits).mean(1), exact, message, rtol=1e-4)
    assert bool((bits.mean(1) >= -exact.log2() - 1e-9).all()), "Bits with noise lie above those of the discrete model"


@points(0.5)
def test_bits_add_over_dimensions(rng):
    """Dimensions are averaged, gradients reach the model, and inputs are left unchanged."""
    b, d, levels, alpha = rng.size(1, 4), rng.size(2, 6), rng.size(2, 20), 0.05
    model = LogisticDensity(torch.randn(d, generator=rng), 0.7)
    x, u = torch.randint(levels, (b, d), generator=rng), torch.rand(b, d, generator=rng)
    found = assert_inputs_unchanged(flow_bpd, model, x, levels, alpha, u)
    columns = []
    for j in range(d):
        single = LogisticDensity(model.centre.detach()[[j]], 0.7)
        columns.append(flow_bpd(single, x[:, [j]], levels, alpha, u[:, [j]]))
    assert_close(found, torch.stack(columns).mean(0).detach(), "bpd is the average over dimensions, not their sum")
    (gradient,) = torch.autograd.grad(found.sum(), model.centre)
    assert bool((gradient != 0).all()), "no gradient reaches the model"
    assert_gradients_match(lambda noise: flow_bpd(model, x, levels, alpha, noise), 0.02 + 0.96 * u)


@float32
@points(0.25)
def test_bits_keep_the_dtype(rng):
    """float32 noise and a float32 model give float32 bits, although x is int64."""
    d, levels = rng.size(1, 4), rng.size(2, 20)
    x, u = torch.randint(levels, (2, d), generator=rng), 0.02 + 0.96 * torch.rand(2, d, generator=rng)
    found = flow_bpd(LogisticDensity(torch.zeros(d), 0.7), x, levels, 0.05, u)
    assert found.dtype == torch.float32, "float32 noise gave another dtype: was a tensor made with a fixed one?"


### END HIDDEN TESTS

# %% [markdown]
# ### Experiment: a flow for digits
#
# Four masks in turn (checkerboard, its complement, upper half, lower half), weight decay, and *early stopping*: 1438
# images over-fit within a minute, so the model that is kept is the one that was best on 150 images held out of
# training. A second, wider flow trains on and on without stopping; keep its samples for Problem 3.5, they have a
# surprise in them.
#
# **What to expect** (budget `cpu`, 40 epochs, 10 seconds; the wide one 30 seconds). Validation bpd falls from about 2.6
# to 2.36 at epoch 5 and ends near **2.18 ± 0.04**; test bpd of the kept model is 2.15, between the histogram (2.43) and
# the PixelCNN of Homework 1 (1.94). The wide flow is best after some 25 epochs, at 2.12, and has lost 0.4 bits by the
# end. If you see numbers below 1.9, a constant of (3.5) is missing; if you are above 3 after ten epochs, look at the
# sign of a log-determinant.

# %% experiment="3.2" cpu_minutes=0.7 t4_minutes=0.7
import copy

import digits
import matplotlib.pyplot as plt
from hwkit import Checkpointer, device, fit, one_step_cpu_check, preset, savefig, set_seed

DIGIT_EPOCHS = preset(smoke=2, cpu=40, gpu=40)
WIDE_EPOCHS = preset(smoke=1, cpu=120, gpu=120)
LEVELS, ALPHA = digits.LEVELS, 0.01
BLUE, ORANGE, GREEN, PURPLE, GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#555555"


def digit_flow(pairs, hidden):
    """A flow over 64 pixels: checkerboard and half masks in turn."""
    pixel = torch.arange(64)
    checker, upper = (pixel // 8 + pixel % 8) % 2 == 0, pixel < 32
    masks = [checker, ~checker, upper, ~upper]
    layers = []
    for i in range(pairs):
        layers += [ActNorm(64), AffineCoupling(64, masks[i % 4], hidden)]
    return Flow(64, layers)


def train_digit_flow(pairs, hidden, epochs, name, decay, every=20):
    """Train; return the flow with the best validation bpd, the history, and 359 samples every `every` epochs."""
    set_seed(0)
    images = digits.load("train")[0].flatten(1)
    train, held_out = images[150:], images[:150]
    flow = digit_flow(pairs, hidden)
    optimizer = torch.optim.AdamW(flow.parameters(), lr=1e-3, weight_decay=decay)

    def update(batch):
        loss = flow_bpd(flow, batch, LEVELS, ALPHA, torch.rand(batch.shape, device=batch.device)).mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(flow.parameters(), 0.1)
        optimizer.step()
        return loss.detach()

    one_step_cpu_check(lambda: update(train[:64]), flow, optimizer=optimizer)
    where = device()
    flow, train, held_out = flow.to(where), train.to(where), held_out.to(where)
    optimizer = torch.optim.AdamW(flow.parameters(), lr=1e-3, weight_decay=decay)
    best = {"bpd": math.inf, "epoch": 0}
    kept, drawn = copy.deepcopy(flow), []

    def epoch(number):
        flow.train()
        losses = [float(update(train[rows])) for rows in torch.randperm(len(train), device=where).split(64)]
        flow.eval()
        with torch.no_grad():
            u = torch.rand(held_out.shape, device=where)
            value = float(flow_bpd(flow, held_out, LEVELS, ALPHA, u).mean())
            if value < best["bpd"]:
                best.update(bpd=value, epoch=number + 1)
                kept.load_state_dict(flow.state_dict())
            if (number + 1) % every == 0:
                drawn.append((number + 1, quantize_inverse(flow.sample(359), LEVELS, ALPHA).cpu()))
        return {"val bpd": value, "train bpd": sum(losses) / len(losses)}

    bands = {5: (2.1, 2.6), 40: (2.0, 2.3)} if name == "digit_flow" else None
    history = fit(epoch, epochs, expect=bands, label=name)  # too short to need a checkpoint
    print(f"{name}: best validation bpd {best['bpd']:.3f} at epoch {best['epoch']}")
    return kept.cpu().eval(), history, drawn


set_seed(0)
digit_model, digit_history, _ = train_digit_flow(4, 64, DIGIT_EPOCHS, "digit_flow", decay=0.3)
wide_model, wide_history, wide_samples = train_digit_flow(8, 128, WIDE_EPOCHS, "wide_flow", decay=0.01)
test = digits.load("test")[0].flatten(1)
with torch.no_grad():
    for name, model in (("digit_flow", digit_model), ("wide_flow", wide_model)):
        bits = torch.stack([flow_bpd(model, test, LEVELS, ALPHA, torch.rand(test.shape)) for _ in range(10)])
        print(f"{name}: test bpd {float(bits.mean()):.3f} (expected 2.10 to 2.20; 2.22 is a good result)")
    flow_digits = quantize_inverse(digit_model.sample(359), LEVELS, ALPHA)

# %% [markdown] figure="F3.3" points=3
# **A flow for digits.** Show ten test digits and twenty samples of your flow; beside them training and validation bpd
# of both flows against the epoch, with the levels of the histogram (2.43) and of the PixelCNN (1.94) as lines; give the
# test bpd in the caption. In three or four sentences: when does each flow begin to over-fit, and what did weight decay
# and width do? Is a flow's bpd comparable with a PixelCNN's at all (W3.2), and on which side is it unfair?
#
# Caption: Digits from a flow, and its bits per dimension against the epoch; test bpd: fill in.
#
# ### BEGIN MARK SCHEME
# - (1) samples that look like digits beside real ones; bpd curves of both flows, train and validation, with two lines
# - (1) test bpd at most 2.22 (at most 2.30: half a mark), with early stopping; over-fitting located where validation
#   rises
# - (1) comparable because bpd with noise bounds the discrete likelihood from above; the gap is charged to the flow only
# ### END MARK SCHEME

# %% experiment="3.2"
fig = plt.figure(figsize=(11, 3.6))
left, right = fig.add_gridspec(1, 2, width_ratios=(1.3, 1))
tiles = left.subgridspec(3, 10)
for i, image in enumerate(torch.cat([test[:10], flow_digits[:20]])):
    axis = fig.add_subplot(tiles[i // 10, i % 10])
    axis.imshow(image.reshape(8, 8), cmap="gray_r", vmin=0, vmax=16)
    axis.set_xticks([])
    axis.set_yticks([])
    if i % 10 == 0:
        axis.set_ylabel("test" if i == 0 else "flow")
axis = fig.add_subplot(right)
for label, colour, history in (("4 x 64", BLUE, digit_history), ("8 x 128", ORANGE, wide_history)):
    epochs = [row["step"] for row in history]
    axis.plot(epochs, [row["val bpd"] for row in history], color=colour, label=f"{label}, validation")
    axis.plot(epochs, [row["train bpd"] for row in history], color=colour, linestyle=":", label=f"{label}, training")
axis.axhline(2.43, color=GREY, linewidth=1)
axis.axhline(1.94, color=GREY, linewidth=1)
axis.annotate("histogram", (0.3 * len(wide_history), 2.44), color=GREY)
axis.annotate("PixelCNN", (0.75 * len(wide_history), 1.95), color=GREY)
axis.set(xlabel="epoch", ylabel="bits per dimension", ylim=(1.4, 3.2))
axis.legend(fontsize=8)
savefig(
    "F3.3",
    fig,
    alt="Left: a row of test digits above two rows of flow samples. Right: training and validation bits per dimension of"
    " two flows; the wide one's validation curve turns upwards.",
    answer="Replace this sentence by your three or four sentences.",
)

# %% [markdown] problem="3.3" minutes=195
# ## Problem 3.3: The objectives of the game
#
# A generator $G$ turns noise into samples; a discriminator (or *critic*) gives every $x$ a real number, its logit
# $l(x)$. What the two play for is a pair of losses. Five pairs cover most of the literature, and the differences that
# matter are in the *gradients*: who still learns when the critic is winning?
#
# Derive first (W3.3, W3.4), then code. Always compute from logits: $\log(1-s(l))$ at $l=40$ is the logarithm of a
# rounded zero.

# %% [markdown] written="W3.3" points=6 pages=1
# **The GAN game is a divergence.** Let $D=s(l)$ with $s(l)=1/(1+e^{-l})$, and
# $V(D,G)=E_{p_d}[\log D(x)]+E_{p_g}[\log(1-D(x))]$.
#
# (a) Show that for fixed $G$ the best discriminator is $D^*=p_d/(p_d+p_g)$, that its logit is $\log p_d-\log p_g$, and
# that $V(D^*,G)=-\log4+2\,JS(p_d\,\|\,p_g)$.
#
# (b) On one fake $x=G(z)$ with logit $l$, compare the derivatives with respect to $l$ of the generator's losses
# $\log(1-s(l))$ (minimax) and $-\log s(l)$ (non-saturating). Which one learns at $l=-10$, and what is the ratio?
#
# (c) Let $p_{g_\theta}$ be smooth in $\theta$, and let $D^*$ be optimal at $\theta_0$ and then held fixed. Show that
# the gradient of the non-saturating loss at $\theta_0$ is
# $\nabla_\theta\left[KL(p_{g_\theta}\,\|\,p_d)-2\,JS(p_{g_\theta}\,\|\,p_d)\right]_{\theta=\theta_0}$. What does the
# minus sign, and what does the direction of this KL, suggest about dropped modes?
#
# ### BEGIN SOLUTION
# (a) $V=\int\left[p_d\log D+p_g\log(1-D)\right]dx$. For fixed $x$ with $a=p_d(x)$, $b=p_g(x)$, the function
# $a\log D+b\log(1-D)$ is concave in $D$ with derivative $a/D-b/(1-D)$, zero at $D^*=a/(a+b)$. Its logit is
# $\log\frac{D^*}{1-D^*}=\log\frac ab$. With $m=\frac12(p_d+p_g)$, $D^*=p_d/(2m)$ and $1-D^*=p_g/(2m)$:
# $V(D^*,G)=-2\log2+KL(p_d\,\|\,m)+KL(p_g\,\|\,m)=-\log4+2\,JS(p_d\,\|\,p_g)$.
#
# (b) $\frac{d}{dl}\log(1-s(l))=-s(l)$ and $\frac{d}{dl}\left[-\log s(l)\right]=-(1-s(l))$. Both push $l$ upwards (loss
# falls as $l$ grows). At $l=-10$, where the critic is sure of the fake, $s=4.5\cdot10^{-5}$: minimax has a weight of
# $4.5\cdot10^{-5}$ and has stopped learning, the non-saturating loss a weight of $0.99995$. The ratio is
# $\frac{1-s}{s}=e^{-l}=e^{10}\approx22\,026$.
#
# (c) Write $p=p_{g_\theta}$, $p_0=p_{g_{\theta_0}}$. At $D^*$ the identity
# $-\log D^*=\log\frac{1-D^*}{D^*}-\log(1-D^*)=\log\frac{p_0}{p_d}-\log\frac{p_0}{p_d+p_0}$ holds. First term: since
# $\int\nabla_\theta p\,dx=0$, $\nabla_\theta KL(p\,\|\,p_d)=\int\nabla_\theta p\,\left(\log\frac{p}{p_d}+1\right)dx
# =\int\nabla_\theta p\log\frac{p}{p_d}dx$, at $\theta_0$ the gradient of $E_p\left[\log\frac{p_0}{p_d}\right]$. Second
# term: by (a), $2\,JS=\log4+\max_DV$, and by the envelope theorem (the maximiser need not be differentiated)
# $\nabla_\theta\,2JS=\nabla_\theta E_p[\log(1-D^*)]$ with $D^*$ fixed. Hence
# $\nabla_\theta E_p[-\log D^*]=\nabla_\theta\left[KL(p\,\|\,p_d)-2\,JS(p\,\|\,p_d)\right]$ at $\theta_0$. The KL is the
# *reverse* one: it punishes mass where data have none and hardly mode dropping; the JS enters with a minus sign and
# pushes the two laws *apart*. Both fit sharp samples with missing modes (Arjovsky and Bottou 2017, theorem 2.5).
# ### END SOLUTION
#
# ### BEGIN MARK SCHEME
# - (1) (a) pointwise maximisation gives $D^*$ and its logit
# - (1) (a) the value, with both KL terms against the mixture $m$ and the constant $-\log4$ (KL terms against $2m$: half)
# - (2) (b) both derivatives with their signs, $-s(l)$ and $-(1-s(l))$, one mark; non-saturating learns at $l=-10$, ratio
#   $e^{10}$, one mark
# - (1) (c) the identity for $-\log D^*$, the reverse KL, and JS by the envelope theorem (or by direct calculation)
# - (1) (c) reading: the reverse KL tolerates dropped modes, and JS enters with the wrong sign
# ### END MARK SCHEME

# %% [markdown]
# ### Five pairs of losses
#
# $r$ are logits of real examples, $f$ of fakes, bars are averages over the batch, and
# $\zeta(t)=\log(1+e^t)=-\log s(-t)$.
#
# | `kind` | discriminator minimises | generator minimises |
# |---|---|---|
# | `"minimax"` | $\overline{\zeta(-r)}+\overline{\zeta(f)}$ | $-\overline{\zeta(f)}$, that is $\overline{\log(1-s(f))}$ |
# | `"ns"` (non-saturating) | the same | $\overline{\zeta(-f)}$, that is $-\overline{\log s(f)}$ |
# | `"lsgan"` | $\frac12\overline{(r-1)^2}+\frac12\overline{f^2}$ | $\frac12\overline{(f-1)^2}$ |
# | `"hinge"` | $\overline{\max(0,1-r)}+\overline{\max(0,1+f)}$ | $-\overline{f}$ |
# | `"wgan"` | $\overline f-\overline r$ | $-\overline f$ |
#
# | symbol | variable | shape | dtype |
# |---|---|---|---|
# | $r$, $f$ | `real_logits`, `fake_logits` | any, and not necessarily equally many | floating |
# | loss | returned | `()` | same |
#
# Anything else raises `ValueError`. The line through all of them is (3.8): the discriminator wants $r$ large and $f$
# small, the generator wants $f$ large,
#
# $$\frac{\partial\mathcal L_D}{\partial r}\le0,\qquad\frac{\partial\mathcal L_D}{\partial f}\ge0,\qquad
#   \frac{\partial\mathcal L_G}{\partial f}\le0\quad\text{(up to overshooting in }\texttt{lsgan}\text{).} \tag{3.8}$$


# %% solution="3.3a"
def d_loss(kind: str, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Return the discriminator's loss of the table, a scalar; finite for logits of 1000 and more.

    `kind` is "minimax", "ns", "lsgan", "hinge" or "wgan"; ValueError for anything else.
    """
    ### BEGIN SOLUTION
    if kind in ("minimax", "ns"):
        return F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()
    if kind == "lsgan":
        return 0.5 * (real_logits - 1).square().mean() + 0.5 * fake_logits.square().mean()
    if kind == "hinge":
        return F.relu(1 - real_logits).mean() + F.relu(1 + fake_logits).mean()
    if kind == "wgan":
        return fake_logits.mean() - real_logits.mean()
    raise ValueError(f"unknown kind {kind!r}")
    ### END SOLUTION


# %% tests="*"
KINDS = ("minimax", "ns", "lsgan", "hinge", "wgan")

### BEGIN HIDDEN TESTS


def slope_real(kind, r):
    """What one real logit contributes to the derivative of the discriminator's loss, times the batch size."""
    return {
        "minimax": -torch.sigmoid(-r),
        "ns": -torch.sigmoid(-r),
        "lsgan": r - 1,
        "hinge": -(r < 1).to(r.dtype),
        "wgan": -torch.ones_like(r),
    }[kind]


def slope_fake(kind, f):
    """The same for a fake logit."""
    return {
        "minimax": torch.sigmoid(f),
        "ns": torch.sigmoid(f),
        "lsgan": f,
        "hinge": (f > -1).to(f.dtype),
        "wgan": torch.ones_like(f),
    }[kind]


def slope_generator(kind, f):
    """The same for the generator's loss."""
    return {
        "minimax": -torch.sigmoid(f),
        "ns": -torch.sigmoid(-f),
        "lsgan": f - 1,
        "hinge": -torch.ones_like(f),
        "wgan": -torch.ones_like(f),
    }[kind]


### END HIDDEN TESTS


# %% tests="3.3a"
@core
@points(1)
def test_undecided_discriminator(rng):
    """At logits of zero the losses are 2 log 2, 2 log 2, 1/2, 2 and 0."""
    known = {"minimax": 2 * math.log(2), "ns": 2 * math.log(2), "lsgan": 0.5, "hinge": 2.0, "wgan": 0.0}
    for kind, value in known.items():
        found = d_loss(kind, torch.zeros(rng.size(1, 5)), torch.zeros(rng.size(1, 5)))
        scalar = isinstance(found, Tensor) and found.dim() == 0
        assert scalar, f"{kind}: the loss is a scalar tensor, averaged over the batch"
        assert_close(found, torch.tensor(value), f"{kind}: the loss of a discriminator that says 0 to everything")


@points(0.5)
def test_discriminator_wants_real_up_and_fake_down(rng):
    """Raising the logits of real examples lowers the loss, raising those of fakes raises it."""
    r, f = 0.4 * torch.randn(4, generator=rng), 0.4 * torch.randn(6, generator=rng)
    for kind in KINDS:
        base = float(d_loss(kind, r, f).detach())
        wanted = float(d_loss(kind, r + 0.1, f).detach()) < base
        assert wanted, f"{kind}: higher logits for real data should lower the loss; are real and fake swapped?"
    for kind in ("minimax", "ns", "hinge", "wgan"):
        worse = float(d_loss(kind, r, f + 0.1).detach()) > float(d_loss(kind, r, f).detach())
        assert worse, f"{kind}: higher logits for fakes should raise the loss; look at the sign of the fake term"


@points(0.5)
def test_discriminator_loss_is_stable(rng):
    """Logits of a thousand give a finite loss with a finite gradient, and the loss is then linear in them."""
    big = 1000.0 + 100 * torch.rand(1, generator=rng)
    for kind, wrong in (("minimax", 2 * big), ("ns", 2 * big), ("hinge", 2 * big + 2), ("wgan", 2 * big)):
        r, f = (-big).requires_grad_(), big.clone().requires_grad_()
        loss = d_loss(kind, r, f)
        assert_finite(loss, f"{kind}: overflow at large logits; log(1 - sigmoid) is the log of a rounded zero")
        assert_close(loss, wrong.sum().detach(), f"{kind}: the loss of a discriminator that is confidently wrong")
        assert_finite(torch.autograd.grad(loss, [r, f]), f"{kind}: the gradient at large logits")
    for kind, right in (("minimax", 0.0), ("ns", 0.0), ("hinge", 0.0)):
        assert_close(d_loss(kind, big, -big), torch.tensor(right), f"{kind}: the loss of one that is confidently right")


### BEGIN HIDDEN TESTS
@points(0.75)
def test_discriminator_gradients(rng):
    """The gradient of each logit is that of its term in the table, divided by its own batch size."""
    r = (2 * torch.randn(rng.size(2, 5), 1, generator=rng)).requires_grad_()
    f = (2 * torch.randn(rng.size(6, 9), 1, generator=rng)).requires_grad_()
    for kind in KINDS:
        loss = d_loss(kind, r, f)
        assert loss.requires_grad, f"{kind}: the loss carries no gradient"
        to_r, to_f = torch.autograd.grad(loss, [r, f])
        assert_close(to_r, (slope_real(kind, r) / len(r)).detach(), f"{kind}: gradient for the logits of real examples")
        assert_close(to_f, (slope_fake(kind, f) / len(f)).detach(), f"{kind}: gradient for the logits of fakes")


@points(0.25)
def test_discriminator_loss_leaves_its_inputs_alone(rng):
    """Inputs are left unchanged, and values, not only gradients, follow the table."""
    r, f = 2 * torch.randn(3, 2, generator=rng), 2 * torch.randn(4, generator=rng)
    for kind in KINDS:
        found = assert_inputs_unchanged(d_loss, kind, r, f)
        assert_close(found, d_loss(kind, r.flatten(), f), f"{kind}: logits of any shape are averaged over all entries")
    half = ((r - 1) ** 2).sum() / r.numel() / 2 + (f**2).sum() / f.numel() / 2
    assert_close(d_loss("lsgan", r, f), half, "lsgan: half the mean squares, real towards 1, fake towards 0")


@points(0.25)
def test_unknown_kind_is_refused(rng):
    """An unknown kind raises ValueError."""
    x = torch.randn(2, generator=rng)
    for kind in ("wasserstein", "", "NS"):
        with raises(ValueError):
            d_loss(kind, x, x)


@float32
@points(0.25)
def test_discriminator_loss_keeps_the_dtype(rng):
    """float32 logits give a float32 loss, for all five kinds."""
    r, f = torch.randn(3, generator=rng), torch.randn(4, generator=rng)
    for kind in KINDS:
        found = d_loss(kind, r, f).dtype
        assert found == torch.float32, f"{kind}: float32 logits gave another dtype"


### END HIDDEN TESTS


# %% solution="3.3b"
def g_loss(kind: str, fake_logits: Tensor) -> Tensor:
    """Return the generator's loss of the table, a scalar; finite for logits of 1000 and more.

    `kind` is "minimax", "ns", "lsgan", "hinge" or "wgan"; ValueError for anything else.
    """
    ### BEGIN SOLUTION
    if kind == "minimax":
        return -F.softplus(fake_logits).mean()
    if kind == "ns":
        return F.softplus(-fake_logits).mean()
    if kind == "lsgan":
        return 0.5 * (fake_logits - 1).square().mean()
    if kind in ("hinge", "wgan"):
        return -fake_logits.mean()
    raise ValueError(f"unknown kind {kind!r}")
    ### END SOLUTION


# %% tests="3.3b"
@core
@points(0.5)
def test_generator_before_an_undecided_discriminator(rng):
    """At logits of zero the generator's losses are -log 2, log 2, 1/2, 0 and 0."""
    known = {"minimax": -math.log(2), "ns": math.log(2), "lsgan": 0.5, "hinge": 0.0, "wgan": 0.0}
    for kind, value in known.items():
        found = g_loss(kind, torch.zeros(rng.size(1, 5)))
        scalar = isinstance(found, Tensor) and found.dim() == 0
        assert scalar, f"{kind}: the loss is a scalar tensor, averaged over the batch"
        assert_close(found, torch.tensor(value), f"{kind}: the generator's loss where the discriminator says 0")


@points(0.5)
def test_who_learns_when_the_discriminator_is_sure(rng):
    """At a logit of -10 the minimax gradient has vanished and the non-saturating one is about 1."""
    f = torch.full((1,), -10.0, requires_grad=True)
    slopes = {kind: float(torch.autograd.grad(g_loss(kind, f), f)[0]) for kind in ("minimax", "ns")}
    swapped = abs(slopes["ns"]) < 1e-4 and abs(slopes["minimax"]) > 0.99
    assert not swapped, "minimax and non-saturating are swapped: which of them still learns at a logit of -10?"
    assert -1e-4 < slopes["minimax"] < 0, "minimax: log(1 - s(f)) saturates at -10 and still falls with the logit"
    assert -1 <= slopes["ns"] < -0.99, "ns: -log s(f) has slope -1 at -10, that is what makes it non-saturating"


### BEGIN HIDDEN TESTS
@points(0.5)
def test_generator_gradients(rng):
    """The gradient of each logit is that of the table, divided by the batch size."""
    f = (2 * torch.randn(rng.size(2, 9), 1, generator=rng)).requires_grad_()
    for kind in KINDS:
        loss = g_loss(kind, f)
        assert loss.requires_grad, f"{kind}: the loss carries no gradient"
        (found,) = torch.autograd.grad(loss, f)
        assert_close(found, (slope_generator(kind, f) / len(f)).detach(), f"{kind}: gradient of the generator's loss")


@points(0.5)
def test_generator_loss_is_stable(rng):
    """Logits of a thousand give a finite loss with a finite gradient."""
    big = 1000.0 + 100 * torch.rand(1, generator=rng)
    for sign, minimax, ns in ((1, -big, 0 * big), (-1, 0 * big, big)):
        f = (sign * big).requires_grad_()
        for kind, value in (("minimax", minimax), ("ns", ns)):
            loss = g_loss(kind, f)
            assert_finite(loss, f"{kind}: overflow at large logits; compute from the logits")
            assert_close(loss, value.sum(), f"{kind}: the generator's loss at very large logits")
            assert_finite(torch.autograd.grad(loss, f)[0], f"{kind}: the gradient at large logits")


@points(0.25)
def test_generator_loss_leaves_its_inputs_alone(rng):
    """Inputs are left unchanged, values follow the table, and an unknown kind raises ValueError."""
    f = 2 * torch.randn(3, 2, generator=rng)
    for kind in KINDS:
        found = assert_inputs_unchanged(g_loss, kind, f)
        assert_close(found, g_loss(kind, f.flatten()), f"{kind}: logits of any shape are averaged over all entries")
    assert_close(g_loss("lsgan", f), ((f - 1) ** 2).sum() / 12, "lsgan: half the mean square, towards 1")
    assert_close(g_loss("hinge", f), -f.sum() / 6, "hinge: the generator has no hinge, it minimises minus the mean")
    with raises(ValueError):
        g_loss("wasserstein", f)


@float32
@points(0.25)
def test_generator_loss_keeps_the_dtype(rng):
    """float32 logits give a float32 loss, for all five kinds."""
    f = torch.randn(3, generator=rng)
    for kind in KINDS:
        found = g_loss(kind, f).dtype
        assert found == torch.float32, f"{kind}: float32 logits gave another dtype"


### END HIDDEN TESTS

# %% [markdown] written="W3.4" points=6 pages=1
# **Parallel lines, and a game that turns in circles.**
#
# (a) Let $p_0=\delta_0$ and $p_\theta=\delta_\theta$ on the line. Give $KL(p_0\|p_\theta)$, $JS(p_0\|p_\theta)$ and
# $W_1(p_0,p_\theta)$ as functions of $\theta$, and their derivatives. Which can train a generator?
#
# (b) *Dirac-GAN.* Data $\delta_0$, generator $\delta_\theta$, critic $D(x)=\psi x$, WGAN losses. Write the simultaneous
# gradient step of size $h$ as a matrix and show that it multiplies the distance from the equilibrium by
# $\sqrt{1+h^2}$.
#
# (c) Add the penalty $\frac\gamma2\psi^2$ to the critic's loss (R1: half the squared gradient at the data). Find the
# eigenvalues of the continuous-time dynamics and show that the game now converges for every $\gamma>0$.
#
# ### BEGIN SOLUTION
# (a) For $\theta\ne0$ the supports are disjoint: $KL=\infty$; with $m=\frac12(p_0+p_\theta)$,
# $JS=\frac12\log2+\frac12\log2=\log2$; all mass moves by $|\theta|$, $W_1=|\theta|$. At $\theta=0$ all are 0. The
# derivatives for $\theta\ne0$: KL none (infinite), JS zero, $W_1$ has $\operatorname{sign}\theta$. Only $W_1$ points
# home, from any distance; JS is flat, which is how a perfect discriminator stops a minimax generator.
#
# (b) The critic minimises $E[D(\text{fake})]-E[D(\text{real})]=\psi\theta$, the generator $-\psi\theta$. Gradient
# steps: $\psi\leftarrow\psi-h\theta$, $\theta\leftarrow\theta+h\psi$, that is
#
# $$\begin{pmatrix}\theta\\\psi\end{pmatrix}\leftarrow\begin{pmatrix}1&h\\-h&1\end{pmatrix}\begin{pmatrix}\theta\\\psi
#   \end{pmatrix}.$$
#
# The matrix $M$ satisfies $M^\top M=(1+h^2)I$: a rotation times $\sqrt{1+h^2}$. The equilibrium is $(0,0)$, and the
# radius grows by that factor at every step, whatever $h>0$ (in continuous time it is constant: the players circle for
# ever).
#
# (c) The critic's loss is now $\psi\theta+\frac\gamma2\psi^2$, so $\dot\psi=-\theta-\gamma\psi$ and $\dot\theta=\psi$.
# The matrix $\begin{pmatrix}0&1\\-1&-\gamma\end{pmatrix}$ has characteristic polynomial $\lambda^2+\gamma\lambda+1$ and
# eigenvalues $\lambda=-\frac\gamma2\pm\sqrt{\frac{\gamma^2}{4}-1}$. For $\gamma<2$ they are complex with real part
# $-\frac\gamma2<0$; for $\gamma\ge2$ both are real and negative, as $\sqrt{\gamma^2/4-1}<\gamma/2$. So all solutions,
# sums of $e^{\lambda t}$ (and of $te^{-t}$ at $\gamma=2$, where the eigenvalues meet), converge to the equilibrium. The
# larger of the two real parts is least at $\gamma=2$: a stronger penalty slows the critic down.
# ### END SOLUTION
#
# ### BEGIN MARK SCHEME
# - (1) (a) $\infty$, $\log2$ and $|\theta|$, and 0 for each at $\theta=0$
# - (1) (a) the derivatives, and that only the Wasserstein distance trains
# - (1) (b) the update as a matrix, with opposite signs off the diagonal (equal signs: both players minimise one loss)
# - (1) (b) the radius grows by $\sqrt{1+h^2}$: from $M^\top M=(1+h^2)I$, or by squaring and adding
# - (1) (c) the dynamics with the penalty, and the characteristic polynomial $\lambda^2+\gamma\lambda+1$
# - (1) (c) negative real parts in both cases, $\gamma<2$ and $\gamma\ge2$ (one case only: half)
# ### END MARK SCHEME

# %% [markdown]
# ### Penalties that tame the critic
#
# A critic of Wasserstein distance must be 1-Lipschitz. WGAN-GP asks that its gradient have norm $\tau=1$ at points
# between a real and a fake example; R1 asks that it be small on real data:
#
# $$\hat x_i=\varepsilon_ix_i+(1-\varepsilon_i)\tilde x_i,\qquad
#   \mathrm{GP}=\frac1B\sum_{i=1}^{B}\left(\lVert\nabla_{\hat x_i}D(\hat x_i)\rVert_2-\tau\right)^2,\qquad
#   \mathrm{R1}=\frac1B\sum_{i=1}^{B}\tfrac12\lVert\nabla_{x_i}D(x_i)\rVert_2^2. \tag{3.9}$$
#
# | symbol | variable | shape | dtype |
# |---|---|---|---|
# | $D$ | `critic`, maps `(B, ...)` to `(B,)` or `(B, 1)`, examples separately | – | – |
# | $x$, $\tilde x$ | `real`, `fake`: both count as constants, whatever graph they come with | `(B, ...)`: vectors or images | floating |
# | $\varepsilon$ | `eps`, one number per example | `(B, 1, ..., 1)` | same |
# | $\tau$ | `target` | number | float |
# | GP, R1 | returned | `()` | same |
#
# The norm is over *all* coordinates of one example, never over the batch. The penalty is itself a loss for the critic's
# parameters: the gradient must stay differentiable (`create_graph=True`), or nothing is penalised and no error is
# shown.


# %% solution="3.3c"
def gradient_penalty(critic: nn.Module, real: Tensor, fake: Tensor, eps: Tensor, target: float = 1.0) -> Tensor:
    """Return the WGAN-GP penalty, equation (3.9), a scalar that is differentiable for the critic's parameters.

    The points between are constants: no gradient reaches `real` or `fake`. Where the critic is flat, gradients are finite.
    """
    ### BEGIN SOLUTION
    between = (eps * real + (1 - eps) * fake).detach().requires_grad_()
    (slope,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    return (slope.flatten(1).norm(dim=1) - target).square().mean()
    ### END SOLUTION


# %% tests="*"
class LinearCritic(nn.Module):
    """D(x) = <weight, x> + bias over all coordinates of an example; returns (B, 1)."""

    def __init__(self, weight):
        super().__init__()
        self.weight, self.bias = nn.Parameter(weight), nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return (x * self.weight).flatten(1).sum(-1, keepdim=True) + self.bias


class BowlCritic(nn.Module):
    """D(x) = x' A x / 2 with a symmetric A, so that its gradient at x is A x; returns (B,)."""

    def __init__(self, dim, rng):
        super().__init__()
        root = torch.randn(dim, dim, generator=rng)
        self.matrix = nn.Parameter((root + root.T) / 2)

    def forward(self, x):
        return 0.5 * ((x @ self.matrix) * x).sum(-1)


# %% tests="3.3c"
@core
@points(0.75)
def test_penalty_of_a_linear_critic(rng):
    """A linear critic whose gradient has norm c pays (c - 1) squared, above 1 and below, whatever the examples."""
    b, d = rng.size(2, 6), rng.size(1, 5)
    weight = torch.randn(d, generator=rng)
    real, fake = torch.randn(b, d, generator=rng), torch.randn(b, d, generator=rng)
    eps, share = torch.rand(b, 1, generator=rng), float(torch.rand((), generator=rng))
    for c in (1.5 + 2 * share, 0.2 + 0.3 * share):
        found = gradient_penalty(LinearCritic(c * weight / weight.norm()), real, fake, eps)
        scalar = isinstance(found, Tensor) and found.dim() == 0
        assert scalar, "the penalty is a scalar tensor, averaged over the batch"
        batchwise = torch.tensor((c * math.sqrt(b) - 1) ** 2)
        assert not alike(found, batchwise), "The norm runs over the whole batch; take one norm per example"
        assert not alike(found, torch.tensor((c * c - 1) ** 2)), "The norm is penalised, not its square"
        assert not alike(found, b * torch.tensor((c - 1) ** 2)), "The penalty is averaged over the batch, not summed"
        one_sided = c < 1 and alike(found, torch.tensor(0.0))
        assert not one_sided, "WGAN-GP penalises norms below the target as well as above"
        assert_close(found, torch.tensor((c - 1) ** 2), "The penalty is the mean of (norm - 1) squared")


@points(0.5)
def test_penalty_of_images(rng):
    """Images of any shape work: the norm runs over all pixels and channels of one image."""
    b, shape = rng.size(2, 4), (rng.size(1, 3), rng.size(2, 4), rng.size(5, 6))
    weight = torch.randn(*shape, generator=rng)
    norm = float(weight.square().sum().sqrt())
    real, fake = torch.randn(b, *shape, generator=rng), torch.randn(b, *shape, generator=rng)
    found = gradient_penalty(LinearCritic(weight), real, fake, torch.rand(b, 1, 1, 1, generator=rng), norm)
    assert_close(found, torch.tensor(0.0), "The norm of an image's gradient runs over channels, rows and columns")


@points(0.5)
def test_penalty_trains_the_critic(rng):
    """The penalty's gradient reaches the critic's parameters: 2 (norm - target) times the unit vector, for a linear one."""
    b, d = rng.size(2, 4), rng.size(2, 5)
    critic = LinearCritic(torch.randn(d, generator=rng))
    real, fake = torch.randn(b, d, generator=rng), torch.randn(b, d, generator=rng)
    found = gradient_penalty(critic, real, fake, torch.rand(b, 1, generator=rng))
    assert found.requires_grad, "the penalty does not train the critic: was the gradient taken with create_graph=True?"
    (slope,) = torch.autograd.grad(found, critic.weight)
    weight = critic.weight.detach()
    norm = weight.square().sum().sqrt()
    assert_close(slope, 2 * (norm - 1) * weight / norm, "The gradient of the penalty for the critic's weights")


### BEGIN HIDDEN TESTS
@points(0.5)
def test_penalty_is_measured_between_real_and_fake(rng):
    """The gradient is taken at eps real + (1 - eps) fake, with an eps for every example."""
    b, d, target = rng.size(2, 4), rng.size(2, 4), 2 * float(torch.rand((), generator=rng))
    critic = BowlCritic(d, rng)
    real, fake = (torch.randn(b, d, generator=rng).repeat(2, 1) for _ in range(2))
    half = torch.rand(b, 1, generator=rng)
    eps = torch.cat([half, 1 - half])  # both orders of real and fake are conventions in use
    between = eps * real + (1 - eps) * fake
    norm = (between @ critic.matrix).square().sum(-1).sqrt().detach()
    found = gradient_penalty(critic, real, fake, eps, target)
    assert_close(
        found, (norm - target).square().mean(), "The penalty is measured at the wrong points, or about another norm"
    )
    ends = torch.cat([torch.zeros(b, 1), torch.ones(b, 1)])
    norm = (torch.cat([fake[:b], real[:b]]) @ critic.matrix).square().sum(-1).sqrt().detach()
    found = gradient_penalty(critic, real, fake, ends)
    assert_close(
        found, (norm - 1).square().mean(), "With eps 0 and 1 the penalty is measured at the examples themselves"
    )


@points(0.25)
def test_penalty_leaves_its_inputs_alone(rng):
    """Inputs are left unchanged, also when the fakes carry a graph."""
    b, d = rng.size(2, 4), rng.size(2, 4)
    real, fake = torch.randn(b, d, generator=rng), torch.randn(b, d, generator=rng)
    eps = torch.rand(b, 1, generator=rng)
    plain = assert_inputs_unchanged(gradient_penalty, BowlCritic(d, rng), real, fake, eps)
    assert_finite(plain, "The penalty")
    switched = real.requires_grad or fake.requires_grad
    assert not switched, "The arguments were switched to requires_grad"
    critic = LinearCritic(torch.randn(d, generator=rng))
    leaf = fake.clone().requires_grad_()
    same = gradient_penalty(critic, real, 2 * leaf, eps)
    kept = critic.weight.grad is None
    assert kept, "The call left a gradient in the critic's .grad: take torch.autograd.grad, not backward()"
    assert_close(
        same, gradient_penalty(critic, real, fake, eps).detach(), "A linear critic has the same slope everywhere"
    )


@points(0.25)
def test_penalty_is_the_critics_alone(rng):
    """No gradient reaches the examples, and where the critic is flat the penalty and its gradient are finite."""
    b, d = rng.size(2, 4), rng.size(2, 4)
    real, fake = (torch.randn(b, d, generator=rng).requires_grad_() for _ in range(2))
    eps = torch.rand(b, 1, generator=rng)
    found = gradient_penalty(BowlCritic(d, rng), real, fake, eps)
    assert found.requires_grad, "the penalty does not train the critic: was the gradient taken with create_graph=True?"
    for name, slope in zip(("real", "fake"), torch.autograd.grad(found, [real, fake], allow_unused=True), strict=True):
        leaks = slope is not None and bool((slope != 0).any())
        assert not leaks, f"a gradient of the penalty reaches {name}: the points between are constants (detach)"
    flat = LinearCritic(torch.zeros(d))
    found = gradient_penalty(flat, real.detach(), fake.detach(), eps)
    assert_close(found, torch.tensor(1.0), "A flat critic pays the square of the target", atol=1e-4)
    message = "Where the critic is flat the gradient is not finite: the root has no slope at zero"
    assert_finite(torch.autograd.grad(found, flat.weight), message)


@float32
@points(0.25)
def test_penalty_keeps_the_dtype(rng):
    """In float32 the penalty is float32."""
    real, fake = torch.randn(3, 2, generator=rng), torch.randn(3, 2, generator=rng)
    found = gradient_penalty(LinearCritic(torch.ones(2)), real, fake, torch.rand(3, 1, generator=rng))
    assert found.dtype == torch.float32, "float32 gave another dtype: was a tensor made with a fixed one?"


### END HIDDEN TESTS


# %% solution="3.3d"
def r1_penalty(critic: nn.Module, real: Tensor) -> Tensor:
    """Return the R1 penalty, equation (3.9), a scalar that is differentiable for the critic's parameters.

    The examples are constants: no gradient reaches `real`.
    """
    ### BEGIN SOLUTION
    at = real.detach().requires_grad_()
    (slope,) = torch.autograd.grad(critic(at).sum(), at, create_graph=True)
    return 0.5 * slope.flatten(1).square().sum(-1).mean()
    ### END SOLUTION


# %% tests="3.3d"
@core
@points(0.75)
def test_r1_of_a_linear_critic(rng):
    """A linear critic whose gradient has norm c pays c squared over two, for vectors and for images."""
    b = rng.size(3, 6)
    for shape in ((rng.size(1, 5),), (2, 3, rng.size(2, 4))):
        weight = torch.randn(*shape, generator=rng)
        half = weight.square().sum() / 2
        found = r1_penalty(LinearCritic(weight), torch.randn(b, *shape, generator=rng))
        assert not alike(found, 2 * half), "R1 is half the squared norm; the 1/2 is missing"
        assert not alike(found, b * half), "R1 is averaged over the batch, not summed"
        assert_close(
            found, half, "The penalty is the mean of half the squared norm, over all coordinates of an example"
        )


### BEGIN HIDDEN TESTS
@points(0.25)
def test_r1_is_measured_at_real_data(rng):
    """The gradient is taken at the examples themselves, each with its own norm; inputs are left unchanged."""
    b, d = rng.size(2, 5), rng.size(1, 4)
    critic, real = BowlCritic(d, rng), torch.randn(b, d, generator=rng)
    found = assert_inputs_unchanged(r1_penalty, critic, real)
    wanted = (real @ critic.matrix).square().sum(-1).mean().detach() / 2
    assert_close(found, wanted, "The penalty is the mean over examples of half the squared norm of the gradient")
    leaf = real.clone().requires_grad_()
    found = r1_penalty(critic, leaf)
    assert found.requires_grad, "the penalty does not train the critic: was the gradient taken with create_graph=True?"
    (slope,) = torch.autograd.grad(found, leaf, allow_unused=True)
    leaks = slope is not None and bool((slope != 0).any())
    assert not leaks, "a gradient of the penalty reaches the examples, which are constants (detach)"


@points(0.25)
def test_r1_trains_the_critic(rng):
    """The penalty's gradient reaches the critic's parameters: the weight itself, for a linear critic."""
    d = rng.size(1, 5)
    critic = LinearCritic(torch.randn(d, generator=rng))
    found = r1_penalty(critic, torch.randn(rng.size(1, 4), d, generator=rng))
    kept = critic.weight.grad is None
    assert kept, "The call left a gradient in the critic's .grad: take torch.autograd.grad, not backward()"
    assert found.requires_grad, "the penalty does not train the critic: was the gradient taken with create_graph=True?"
    (slope,) = torch.autograd.grad(found, critic.weight)
    assert_close(slope, critic.weight.detach(), "The gradient of the penalty for the critic's weights")


@float32
@points(0.25)
def test_r1_keeps_the_dtype(rng):
    """In float32 the penalty is float32."""
    found = r1_penalty(LinearCritic(torch.ones(2)), torch.randn(3, 2, generator=rng))
    assert found.dtype == torch.float32, "float32 gave another dtype: was a tensor made with a fixed one?"


### END HIDDEN TESTS

# %% [markdown]
# ### What a perfect discriminator says
#
# By W3.3 the optimal logit is a log-ratio,
#
# $$l^*(x)=\log p_d(x)-\log p_g(x). \tag{3.10}$$
#
# With known densities it tests your losses: at $l^*$ the minimax game is worth $-\log4+2JS$. Stay in log space: where
# both densities underflow, their ratio may be perfectly ordinary.
#
# | symbol | variable | shape |
# |---|---|---|
# | $\log p_d$, $\log p_g$ | `logp_data`, `logp_gen`: functions of a batch | `(B, ...)` → `(B,)` |
# | $l^*(x)$ | returned | `(B,)` |


# %% solution="3.3e"
def optimal_logit(x: Tensor, logp_data, logp_gen) -> Tensor:
    """Return the logit of the optimal discriminator, equation (3.10), differentiable in x: (B, ...) -> (B,).

    `logp_data` and `logp_gen` are functions that map (B, ...) to log-densities (B,).
    """
    ### BEGIN SOLUTION
    return logp_data(x) - logp_gen(x)
    ### END SOLUTION


# %% tests="*"
def gaussian(mean, width):
    """The log-density of N(mean, width^2) on the line, of a batch (B, 1)."""
    return lambda x: torch.distributions.Normal(mean, width).log_prob(x).sum(-1)


# %% tests="3.3e"
@core
@points(0.5)
def test_equal_laws_cannot_be_told_apart(rng):
    """Equal densities have logit zero everywhere; the logit of two unit Gaussians is linear, and high at the data."""
    x = torch.randn(rng.size(2, 5), 1, generator=rng)
    same = optimal_logit(x, gaussian(0.3, 1.2), gaussian(0.3, 1.2))
    assert not alike(same, torch.full((len(x),), 0.5)), "This is the probability D*; its logit is asked for"
    assert_close(same, torch.zeros(len(x)), "Equal densities have logit zero, that is D = 1/2")
    at, gap = float(torch.randn((), generator=rng)), 1 + float(torch.rand((), generator=rng))
    line = gap * (at + gap / 2 - x.squeeze(-1))
    found = optimal_logit(x, gaussian(at, 1.0), gaussian(at + gap, 1.0))
    assert not alike(found, -line), "Where the data are denser the logit is positive; are the two densities swapped?"
    assert_close(found, line, "The logit is log p_d - log p_g, a line for two Gaussians of one width")


### BEGIN HIDDEN TESTS
@points(0.25)
def test_sigmoid_of_the_logit_is_the_posterior(rng):
    """Its sigmoid is p_d / (p_d + p_g), and it is finite where both densities underflow."""
    mean, width = float(torch.randn((), generator=rng)), 0.5 + float(torch.rand((), generator=rng))
    data, model = gaussian(mean, width), gaussian(-mean, 1.0)
    x = 2 * torch.randn(6, 1, generator=rng)
    share = data(x).exp() / (data(x).exp() + model(x).exp())
    assert_close(torch.sigmoid(optimal_logit(x, data, model)), share, "D* is p_d / (p_d + p_g)")
    far = torch.tensor([[200.0], [-150.0]])
    found = optimal_logit(far, gaussian(0.0, 1.0), gaussian(1.0, 1.0))
    assert_finite(found, "Both densities underflow far away, their ratio does not; stay in log space")
    assert_close(found, 0.5 - far.squeeze(-1), "The logit of two unit Gaussians is linear in x")


@points(0.25)
def test_value_of_the_game_is_jensen_shannon(rng):
    """At the optimal logit the game is worth -log 4 + 2 JS, found by quadrature."""
    mean = 0.5 + 2 * float(torch.rand((), generator=rng))
    data, model = gaussian(0.0, 1.0), gaussian(mean, 0.8)
    x = torch.linspace(-12.0, 15.0, 2701).unsqueeze(-1)
    logit = optimal_logit(x, data, model)
    p, q = data(x).exp() * 0.01, model(x).exp() * 0.01
    middle = torch.logaddexp(data(x), model(x)) - math.log(2)
    js = 0.5 * (p * (data(x) - middle)).sum() + 0.5 * (q * (model(x) - middle)).sum()
    value = (p * F.logsigmoid(logit)).sum() + (q * F.logsigmoid(-logit)).sum()
    assert_close(value, 2 * js - math.log(4), "At the optimal logit the value of the game is -log 4 + 2 JS")


@points(0.25)
def test_logit_has_a_gradient(rng):
    """The logit is differentiable in x: its slope points to where the data are denser."""
    x = torch.randn(3, 1, generator=rng)
    pair = gaussian(0.0, 0.5 + float(torch.rand((), generator=rng))), gaussian(1.0, 2.0)
    assert_gradients_match(lambda t: optimal_logit(t, *pair), x)
    images = torch.randn(2, 1, 2, 3, generator=rng)
    found = optimal_logit(images, lambda t: -t.square().sum((1, 2, 3)), lambda t: t.sum((1, 2, 3)))
    assert_close(found, -(images.square() + images).sum((1, 2, 3)), "Examples of any shape are passed on as they are")


@float32
@points(0.25)
def test_logit_keeps_the_dtype(rng):
    """float32 examples give float32 logits."""
    found = optimal_logit(torch.randn(3, 1, generator=rng), gaussian(0.0, 1.0), gaussian(1.0, 2.0))
    assert found.dtype == torch.float32, "float32 examples gave another dtype"


### END HIDDEN TESTS

# %% [markdown]
# ### The steepest direction of a linear layer
#
# *Spectral normalisation* divides each weight matrix by its largest singular value, which makes the whole critic
# Lipschitz. The singular value comes from power iteration, started at a vector that is kept from step to step:
#
# $$v\leftarrow\frac{W^\top u}{\lVert W^\top u\rVert},\quad u\leftarrow\frac{Wv}{\lVert Wv\rVert}\quad(n\text{ times}),
#   \qquad\sigma\approx u^\top Wv. \tag{3.11}$$
#
# | symbol | variable | shape | dtype |
# |---|---|---|---|
# | $W$ | `weight` | `(out, in)` | floating |
# | $u$ | `u`, not zero; its norm need not be 1 | `(out,)` | same |
# | $n$ | `n_iter`, at least 1 | number | int |
# | $\sigma$ | returned | `()` | same |
#
# $u$ and $v$ are treated as constants: the gradient of $\sigma$ for $W$ is $uv^\top$ (why is that, once the iteration
# has converged, the exact derivative of the largest singular value?).


# %% solution="3.3f"
def spectral_sigma(weight: Tensor, u: Tensor, n_iter: int) -> Tensor:
    """Return the estimate of the largest singular value after `n_iter` power iterations from `u`, equation (3.11).

    A scalar; gradients reach `weight` through the last product only.
    """
    ### BEGIN SOLUTION
    with torch.no_grad():
        for _ in range(n_iter):
            v = F.normalize(weight.T @ u, dim=0)
            u = F.normalize(weight @ v, dim=0)
    return u @ weight @ v
    ### END SOLUTION


# %% tests="3.3f"
@core
@points(0.5)
def test_rank_one_is_exact_after_one_iteration(rng):
    """A matrix of rank one has one singular value, which one iteration finds."""
    a, b = torch.randn(rng.size(2, 5), generator=rng), torch.randn(rng.size(2, 5), generator=rng)
    weight = torch.outer(a, b)
    u = a + 0.3 * torch.randn(len(a), generator=rng)
    found = spectral_sigma(weight, u, 1)
    scalar = isinstance(found, Tensor) and found.dim() == 0
    assert scalar, "sigma is a scalar tensor"
    assert not alike(found, (a.norm() * b.norm()).square()), "This is sigma squared"
    assert_close(
        found, a.norm() * b.norm(), "One iteration finds the singular value of a rank-one matrix; normalise u, v"
    )


### BEGIN HIDDEN TESTS
@points(0.75)
def test_iterations_climb_to_the_largest_singular_value(rng):
    """Each iteration raises the estimate, never above the largest singular value, and many of them reach it."""
    out, inner = rng.size(2, 5), rng.size(2, 5)
    left, right = (torch.linalg.qr(torch.randn(n, n, generator=rng)).Q for n in (out, inner))
    values = 0.7 ** torch.arange(min(out, inner)) * 2.5
    weight = left[:, : len(values)] * values @ right[:, : len(values)].T
    u = left.sum(1) + 0.2 * torch.randn(out, generator=rng)
    first = (weight @ (weight.T @ u)).norm() / (weight.T @ u).norm()
    found = [assert_inputs_unchanged(spectral_sigma, weight, 3 * u, n) for n in (1, 2, 5, 100)]
    assert_close(found[0], first, "After one iteration sigma is the norm of W v, with v the direction of W' u")
    climbing = all(float(b) >= float(a) - 1e-12 for a, b in zip(found[:-1], found[1:], strict=True))
    assert climbing, "More iterations never lower the estimate"
    assert_close(found[-1], values[0], "Many iterations find the largest singular value")
    tiny = 1e6 * spectral_sigma(1e-6 * weight, 1e-3 * u, 2)
    assert_close(tiny, found[1], "A weight, or a start, that is small all over has the same directions")


@points(0.5)
def test_gradient_of_sigma(rng):
    """The gradient for the weight is u v', and none reaches u."""
    out, inner = rng.size(2, 5), rng.size(2, 5)
    weight = torch.randn(out, inner, generator=rng, requires_grad=True)
    start = torch.randn(out, generator=rng, requires_grad=True)
    sigma = spectral_sigma(weight, start, 2)
    assert sigma.requires_grad, "sigma carries no gradient for the weight"
    (slope, to_u) = torch.autograd.grad(sigma, [weight, start], allow_unused=True)
    w, u = weight.detach(), start.detach()
    for _ in range(2):
        v = w.T @ u / (w.T @ u).norm()
        u = w @ v / (w @ v).norm()
    assert_close(slope, torch.outer(u, v), "The gradient for the weight is u v': the iterations are not differentiated")
    constant = to_u is None or not bool((to_u != 0).any())
    assert constant, "a gradient reaches u, which is a constant"


@float32
@points(0.25)
def test_sigma_keeps_the_dtype(rng):
    """A float32 weight gives a float32 sigma."""
    found = spectral_sigma(torch.randn(3, 2, generator=rng), torch.randn(3, generator=rng), 2)
    assert found.dtype == torch.float32, "a float32 weight gave another dtype"


### END HIDDEN TESTS

# %% [markdown]
# **Experiment: the value of the game.** Two Gaussians at distance $d$, the optimal logit, and the two losses of the
# generator. Expect $V$ to rise from $-\log4=-1.39$ at $d=0$ to nearly 0 at $d=8$, and the average weight with which the
# generator learns at its own samples to fall from 1/2 to practically zero under minimax while it rises to 1 under the
# non-saturating loss. This is why nobody trains a generator with the loss of the theorem. If $V$ falls with $d$
# instead, the two densities are exchanged in `optimal_logit`; if the two weights have changed places, so have the
# losses.

# %% experiment="3.3" cpu_minutes=0.1
from hwkit import set_seed

set_seed(0)
real = torch.randn(20_000, 1)
print(" d   value of the game   weight: minimax   non-saturating")
for shift in (0.0, 1.0, 2.0, 4.0, 8.0):
    fake = torch.randn(20_000, 1) + shift
    pair = [lambda t, m=m: torch.distributions.Normal(m, 1.0).log_prob(t).sum(-1) for m in (0.0, shift)]
    on_real, on_fake = optimal_logit(real, *pair), optimal_logit(fake, *pair).requires_grad_()
    value = -float(d_loss("minimax", on_real, on_fake).detach())
    weights = [-float(torch.autograd.grad(g_loss(kind, on_fake), on_fake)[0].sum()) for kind in ("minimax", "ns")]
    print(f"{shift:2.0f}   {value:17.3f}   {weights[0]:15.5f}   {weights[1]:14.5f}")

# %% [markdown] problem="3.4" minutes=105
# ## Problem 3.4: One fair training step
#
# A step has two moves: the discriminator learns from a real and a fake batch, then the generator learns from the
# discriminator **as it is now**,
#
# $$\psi\leftarrow\psi-\eta\nabla_\psi\left[\mathcal L_D\left(D_\psi(x),D_\psi(G_\theta(z_d))\right)+\text{penalty}\right],
#   \qquad\theta\leftarrow\theta-\eta\nabla_\theta\mathcal L_G\left(D_\psi(G_\theta(z_g))\right). \tag{3.12}$$
#
# | symbol | variable | meaning |
# |---|---|---|
# | $G_\theta$, $D_\psi$ | `G`, `D` | networks; `D` returns logits |
# | $\eta$ | `opt_g`, `opt_d` | optimisers that hold the parameters of `G` and of `D`; use `zero_grad()` and `step()` |
# | $x$ | `real` | `(B, ...)` |
# | $z_d$, $z_g$ | `z_d`, `z_g` | noise for the two moves, in general of different sizes |
# | $\mathcal L_D$, $\mathcal L_G$ | `d_loss(kind, ...)`, `g_loss(kind, ...)` | Problem 3.3 |
# | penalty | `penalty_fn(D, real, fake)` | a scalar to add to the discriminator's loss, or `None` |
# | – | returned | `{"d": float, "g": float}`, the two losses that were minimised, penalty included |
#
# Fair means: nothing leaks. The discriminator's move must not change $\theta$, the generator's must not change $\psi$,
# nothing of an earlier step may linger in a `.grad`, and what you return for logging must not hold a graph (a list of
# ten thousand such losses fills the memory of a GPU). The networks stay in the mode (`train` or `eval`) in which they
# came.


# %% solution="3.4a"
def gan_step(
    G: nn.Module, D: nn.Module, opt_g, opt_d, real: Tensor, z_d: Tensor, z_g: Tensor, kind: str, penalty_fn=None
) -> dict[str, float]:
    """Do one step of the discriminator and one of the generator, equation (3.12); return both losses as floats.

    `penalty_fn(D, real, fake)` returns a scalar that is added to the discriminator's loss. Returns {"d": .., "g": ..}.
    """
    ### BEGIN SOLUTION
    fake = G(z_d).detach()  # the discriminator's move is no business of the generator
    loss_d = d_loss(kind, D(real), D(fake))
    if penalty_fn is not None:
        loss_d = loss_d + penalty_fn(D, real, fake)
    opt_d.zero_grad()
    loss_d.backward()
    opt_d.step()
    loss_g = g_loss(kind, D(G(z_g)))
    opt_g.zero_grad()
    loss_g.backward()  # also leaves gradients in D: the next zero_grad removes them
    opt_g.step()
    return {"d": float(loss_d.detach()), "g": float(loss_g.detach())}
    ### END SOLUTION


# %% tests="3.4a"
class PlainSGD:
    """Gradient descent, and nothing else: `zero_grad` and `step` of an optimiser."""

    def __init__(self, module, rate):
        self._parameters, self.rate = list(module.parameters()), rate

    def zero_grad(self, set_to_none=True):
        for parameter in self._parameters:
            parameter.grad = None

    def step(self):
        with torch.no_grad():
            for parameter in self._parameters:
                if parameter.grad is not None:
                    parameter.sub_(self.rate * parameter.grad)


class LinearGenerator(nn.Module):
    """G(z) = z W + b; remembers in which mode it was called."""

    def __init__(self, inner, dim, rng):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(inner, dim, generator=rng))
        self.bias = nn.Parameter(torch.randn(dim, generator=rng))
        self._modes = []

    def forward(self, z):
        self._modes.append(self.training)
        return z @ self.weight + self.bias


def players(rng, rate=0.1):
    """A linear generator, a linear critic, their optimisers, a real batch and noise for both moves."""
    inner, d = rng.size(1, 3), rng.size(2, 4)
    G, D = LinearGenerator(inner, d, rng), LinearCritic(torch.randn(d, generator=rng))
    real = 1 + torch.randn(rng.size(2, 4), d, generator=rng)
    z_d, z_g = (torch.randn(n, inner, generator=rng) for n in (rng.size(2, 4), rng.size(5, 7)))
    return G, D, PlainSGD(G, rate), PlainSGD(D, rate), real, z_d, z_g


def numbers(module):
    """Copies of a network's parameters."""
    return [parameter.detach().clone() for parameter in module.parameters()]


@core
@points(1.5)
def test_critic_moves_towards_real_data(rng):
    """The weight of a linear WGAN critic moves by the rate times (mean of real - mean of fake)."""
    G, D, opt_g, opt_d, real, z_d, z_g = players(rng)
    fake, before = G(z_d).detach(), D.weight.detach().clone()
    report = gan_step(G, D, opt_g, opt_d, real, z_d, z_g, "wgan")
    moved = D.weight.detach() - before
    still = bool((moved == 0).all())
    assert not still, "The critic did not move: call backward() and step() for its loss"
    assert not alike(moved, 0.1 * (fake.mean(0) - real.mean(0))), (
        "The critic moved the wrong way: real and fake swapped?"
    )
    message = "The critic's move: does the generator's move change the critic, or is another noise than z_d used?"
    assert_close(moved, 0.1 * (real.mean(0) - fake.mean(0)), message)
    plain = isinstance(report, dict) and all(type(report.get(key)) is float for key in "dg")
    assert plain, 'return {"d": .., "g": ..} with Python floats, not tensors: a tensor would keep its graph'


@points(1)
def test_generator_answers_the_updated_critic(rng):
    """The bias of a linear WGAN generator moves by the rate times the weight of the critic after its move."""
    G, D, opt_g, opt_d, real, z_d, z_g = players(rng)
    before, matrix, old = G.bias.detach().clone(), G.weight.detach().clone(), D.weight.detach().clone()
    gan_step(G, D, opt_g, opt_d, real, z_d, z_g, "wgan")
    moved = G.bias.detach() - before
    assert not bool((moved == 0).all()), (
        "The generator did not move: its gradient must flow through the critic (no detach)"
    )
    assert not alike(moved, 0.1 * old), "The generator answered the old critic; evaluate D again after its step"
    assert_close(moved, 0.1 * D.weight.detach(), "The generator's move: did it also receive the critic's gradients?")
    turned = G.weight.detach() - matrix
    reused = alike(turned, torch.outer(z_d.mean(0), moved))
    assert not reused, "The noise of the generator's move is z_g; z_d was used for both moves"
    assert_close(turned, torch.outer(z_g.mean(0), moved), "The noise of the generator's move is z_g")


@points(0.5)
def test_a_second_step_starts_afresh(rng):
    """The second step of a linear WGAN critic is a step like the first: nothing of the generator's move is left."""
    G, D, *rest = players(rng)
    gan_step(G, D, *rest, "wgan")
    real, z_d = rest[2], rest[3]
    fake, before = G(z_d).detach(), D.weight.detach().clone()
    gan_step(G, D, *rest, "wgan")
    message = "Gradients of an earlier move linger in the discriminator: zero_grad before each backward"
    assert_close(D.weight.detach() - before, 0.1 * (real.mean(0) - fake.mean(0)), message)


### BEGIN HIDDEN TESTS
def fair_step(G, D, rate, real, z_d, z_g, kind, penalty=None):
    """The parameters and losses after one step, computed on the side: `G` and `D` are only read."""
    w, c = D.weight.detach().clone().requires_grad_(), D.bias.detach().clone().requires_grad_()
    W, b = G.weight.detach().clone().requires_grad_(), G.bias.detach().clone().requires_grad_()
    value = {
        "minimax": (lambda r, f: F.softplus(-r).mean() + F.softplus(f).mean(), lambda f: -F.softplus(f).mean()),
        "ns": (lambda r, f: F.softplus(-r).mean() + F.softplus(f).mean(), lambda f: F.softplus(-f).mean()),
        "lsgan": (lambda r, f: ((r - 1) ** 2).mean() / 2 + (f**2).mean() / 2, lambda f: ((f - 1) ** 2).mean() / 2),
        "hinge": (lambda r, f: F.relu(1 - r).mean() + F.relu(1 + f).mean(), lambda f: -f.mean()),
        "wgan": (lambda r, f: f.mean() - r.mean(), lambda f: -f.mean()),
    }[kind]
    fake = (z_d @ W + b).detach()
    loss_d = value[0](real @ w + c, fake @ w + c) + (penalty(w) if penalty else 0.0)
    slopes = torch.autograd.grad(loss_d, [w, c], allow_unused=True)
    w, c = (p.detach() - (0 if g is None else rate * g) for p, g in zip((w, c), slopes, strict=True))
    loss_g = value[1]((z_g @ W + b) @ w + c)
    slopes = torch.autograd.grad(loss_g, [W, b])
    return (
        (W - rate * slopes[0]).detach(),
        (b - rate * slopes[1]).detach(),
        w,
        c,
        float(loss_d.detach()),
        float(loss_g.detach()),
    )


def check_step(G, D, report, wanted, what):
    """Parameters and reported losses are those of a fair step."""
    W, b, w, c, loss_d, loss_g = wanted
    assert_close(numbers(D), [w, c], f"{what}: the discriminator's parameters after the step")
    assert_close(numbers(G), [W, b], f"{what}: the generator's parameters after the step")
    assert_close([report["d"], report["g"]], [loss_d, loss_g], f"{what}: the losses that were minimised")


@points(2)
def test_every_game_is_played_fairly(rng):
    """For all five losses, both players end where their own losses send them."""
    for kind in ("minimax", "ns", "lsgan", "hinge", "wgan"):
        G, D, opt_g, opt_d, *batch = players(rng, 0.3)
        wanted = fair_step(G, D, 0.3, *batch, kind)
        check_step(G, D, gan_step(G, D, opt_g, opt_d, *batch, kind), wanted, kind)


@points(0.75)
def test_nothing_lingers_between_steps(rng):
    """Gradients from before do not count: a second step is a step, and rubbish in .grad is cleared."""
    G, D, opt_g, opt_d, *batch = players(rng, 0.3)
    for module in (G, D):
        for parameter in module.parameters():
            parameter.grad = torch.ones_like(parameter)
    for _ in range(2):
        wanted = fair_step(G, D, 0.3, *batch, "ns")
        report = gan_step(G, D, opt_g, opt_d, *batch, "ns")
        check_step(G, D, report, wanted, "Gradients of an earlier step linger (zero_grad before each backward)")


@points(1)
def test_penalty_joins_the_discriminators_loss(rng):
    """penalty_fn gets the discriminator, the real and the fake batch, and its value is added to the loss."""
    G, D, opt_g, opt_d, real, z_d, z_g = players(rng, 0.2)
    seen, fake = [], G(z_d).detach()

    def penalty_fn(critic, real_batch, fake_batch):
        seen.append((real_batch.detach().clone(), fake_batch.detach().clone()))
        return 0.7 * critic.weight.square().sum()

    wanted = fair_step(G, D, 0.2, real, z_d, z_g, "ns", lambda w: 0.7 * w.square().sum())
    report = gan_step(G, D, opt_g, opt_d, real, z_d, z_g, "ns", penalty_fn)
    assert len(seen) == 1, f"penalty_fn is called once in a step, not {len(seen)} times"
    assert_close(seen[0], (real, fake), "penalty_fn(D, real, fake) gets the batches of the discriminator's move")
    check_step(G, D, report, wanted, "With a penalty")


@points(0.75)
def test_two_noises_for_two_moves(rng):
    """z_d makes the fakes of the discriminator's move, z_g those of the generator's; inputs are left unchanged."""
    G, D, opt_g, opt_d, real, z_d, _ = players(rng, 0.3)
    z_g = z_d + torch.randn(z_d.shape, generator=rng)
    wanted = fair_step(G, D, 0.3, real, z_d, z_g, "lsgan")
    report = assert_inputs_unchanged(gan_step, G, D, opt_g, opt_d, real, z_d, z_g, "lsgan")
    check_step(G, D, report, wanted, "Each move has its own noise")


@points(0.5)
def test_modes_are_left_alone(rng):
    """Both networks are used, and left, in the mode in which they came."""
    for training in (True, False):
        G, D, opt_g, opt_d, *batch = players(rng)
        G.train(training)
        D.train(training)
        gan_step(G, D, opt_g, opt_d, *batch, "ns")
        assert G.training == D.training == training, "A network was left in another mode (train or eval)"
        assert all(mode == training for mode in G._modes), "The generator was called in another mode (batch norm minds)"


### END HIDDEN TESTS

# %% [markdown]
# ### Experiment: eight modes, far apart
#
# The ring of `densities.Ring8(radius=4, std=0.05)` looks harmless and is not: eight needles with nothing in between.
# Four games with the same networks, 1200 steps each: minimax against a discriminator that moves *five* times as often;
# non-saturating; non-saturating with R1; WGAN-GP with three critic moves. (Extra moves of the discriminator go through
# your `gan_step` with an optimiser for the generator that does nothing.)
#
# **What to expect** (budget `cpu`, two minutes in all). Minimax with the strong discriminator finds 1 to 5 of the 8
# modes and its generator loss sticks near 0: nothing left to learn from. Non-saturating: 5 to 8 modes, but samples
# overshoot on the way (look at step 300), and the critic's logits span many units. R1 and WGAN-GP: 8 modes, already a
# ring at step 300, and with R1 a logit within ±1 (in one run of five the last picture with R1 was taken in mid-swing,
# with six). Half of the samples lie *between* the modes in any case: a connected blob stays connected here, too.
# Adversarial losses do not fall, they hover: for a non-saturating game in balance expect "d" near $2\log2=1.39$ and "g"
# near $\log2$ (with R1: 1.37 and 0.72). If "d" goes to 0 and stays, the discriminator has won and you have a vanishing
# gradient. If *every* game fails, look for a `detach` too many in the generator's move.

# %% experiment="3.4" cpu_minutes=1.9 t4_minutes=1.9
import densities
import digits
import matplotlib.pyplot as plt
from hwkit import device, fit, one_step_cpu_check, preset, savefig, set_seed

RING_STEPS = preset(smoke=8, cpu=1200, gpu=1200)
GAN_STEPS = preset(smoke=8, cpu=2500, gpu=2500)
CALM = {"non-saturating + R1": {1200: (1.2, 1.5)}, "GAN with R1": {500: (1.1, 1.5), 2500: (1.25, 1.5)}}  # of "d"
BLUE, ORANGE, GREEN, PURPLE, GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#555555"


class Still:
    """An optimiser that does nothing."""

    def zero_grad(self):
        """Do nothing."""

    def step(self):
        """Do nothing."""


class Squash(nn.Module):
    """tanh as the last layer."""

    def forward(self, x):
        return torch.tanh(x)


def mlp(inner, outer, width, activation):
    """Three hidden layers."""
    layers = [nn.Linear(inner, width), activation()]
    for _ in range(2):
        layers += [nn.Linear(width, width), activation()]
    return nn.Sequential(*layers, nn.Linear(width, outer))


def penalty_of(r1, gp):
    """penalty_fn for gan_step: weights of R1 and of the WGAN-GP penalty, or None without either."""
    if not (r1 or gp):
        return None

    def penalty(critic, real, fake):
        total = 0.0
        if r1:
            total = total + r1 * r1_penalty(critic, real)
        if gp:
            total = total + gp * gradient_penalty(critic, real, fake, torch.rand(len(real), 1, device=real.device))
        return total

    return penalty


def play(data, kind, steps, *, label, r1=0.0, gp=0.0, moves=1, noise=2, width=128, batch=256, rate=1e-3, squash=False):
    """Train a GAN; return the averaged generator, the discriminator, 500 samples at four moments, and the history."""
    set_seed(0)
    G, D = mlp(noise, data.shape[1], width, nn.ReLU), mlp(data.shape[1], 1, width, lambda: nn.LeakyReLU(0.2))
    G = nn.Sequential(G, Squash()) if squash else G

    def optimisers():
        return [torch.optim.Adam(net.parameters(), lr=rate, betas=(0.5, 0.9)) for net in (G, D)]

    def step(number):
        where = data.device
        for move in range(moves):
            real = data[torch.randint(len(data), (batch,), device=where)]
            z_d, z_g = torch.randn(batch, noise, device=where), torch.randn(batch, noise, device=where)
            last = move == moves - 1
            report = gan_step(G, D, opt_g if last else Still(), opt_d, real, z_d, z_g, kind, penalty_of(r1, gp))
        return {"d": report["d"], "g": report["g"]}

    opt_g, opt_d = optimisers()
    one_step_cpu_check(step, nn.ModuleList([G, D]), falls=False)
    where = device()
    G, D, data = G.to(where), D.to(where), data.to(where)
    opt_g, opt_d = optimisers()
    average = [parameter.detach().clone() for parameter in G.parameters()]
    moments, frames, fixed = [max(1, steps * k // 4) for k in (1, 2, 3, 4)], [], torch.randn(500, noise, device=where)

    def averaged_step(number):
        report = step(number)
        with torch.no_grad():
            for mean, parameter in zip(average, G.parameters(), strict=True):
                mean.lerp_(parameter, 0.005)
            if number + 1 in moments:
                frames.append((number + 1, G(fixed).cpu()))
        return report

    history = fit(averaged_step, steps, expect=CALM.get(label), label=label)
    with torch.no_grad():
        for mean, parameter in zip(average, G.parameters(), strict=True):
            parameter.copy_(mean)
    return G.cpu(), D.cpu(), frames, history


hard_ring = densities.Ring8(radius=4.0, std=0.05)
ring_data = hard_ring.sample(10_000, torch.Generator().manual_seed(1))
games = {
    "minimax, 5 D moves": {"kind": "minimax", "moves": 5},
    "non-saturating": {"kind": "ns"},
    "non-saturating + R1": {"kind": "ns", "r1": 1.0},
    "WGAN-GP, 3 D moves": {"kind": "wgan", "gp": 1.0, "moves": 3},
}
rings = {name: play(ring_data, steps=RING_STEPS, label=name, **how) for name, how in games.items()}
for name, (G, _, _, history) in rings.items():
    with torch.no_grad():
        nearest = torch.cdist(G(torch.randn(2000, 2)), hard_ring.centers).argmin(1)
    late = history[-max(1, len(history) // 5) :]
    mean = {key: sum(row[key] for row in late) / len(late) for key in "dg"}
    print(f"{name:20s} losses at the end: d {mean['d']:.2f}, g {mean['g']:.2f}")
    print(
        f"{'':20s} share of the nearest mode: {torch.bincount(nearest, minlength=8).div(20).round().int().tolist()} %"
    )

# %% [markdown] figure="F3.4" points=3
# **Four games on a ring.** For the four games show samples at four moments, one row per game, and in a fifth column the
# field of the final discriminator's logit. In four or five sentences: read the vanishing gradient off the first row
# (what does the logit look like around the samples?), say how the second row gets where it ends and relate its
# overshooting to W3.4, and say what the penalties change in the field (mind the scales of the colour bars). Add two or
# three sentences about one of *your own* runs of this homework that failed on the way, by a bug or by a setting: what
# did you see, what did you suspect, and how did you find out? Honest failures earn the point, invented ones do not.
#
# Caption: Four adversarial games on a ring of eight modes: samples over time, and the final critic.
#
# ### BEGIN MARK SCHEME
# - (1) four rows with samples at four moments and a logit field with a colour bar or contour labels; all four settings
#   named
# - (1) minimax: modes missing, a logit of tens of units, saturated at the samples; non-saturating: overshooting as in
#   the Dirac-GAN, a steep field; R1 and GP: a field of a tenth of the range (R1) or bounded slope (GP), eight modes early
# - (1) a failed run with symptom, suspicion and the experiment that decided it
# ### END MARK SCHEME

# %% experiment="3.4"
fig, axes = plt.subplots(len(rings), 5, figsize=(9.4, 8), squeeze=False)
axis = torch.linspace(-5.5, 5.5, 120)
grid = torch.cartesian_prod(axis, axis)
for row, (name, (_, D, frames, _)) in zip(axes, rings.items(), strict=True):
    for panel, (step, x) in zip(row, frames, strict=False):
        panel.scatter(ring_data[:400, 0], ring_data[:400, 1], s=2, color=GREY)
        panel.scatter(x[:, 0], x[:, 1], s=3, color=ORANGE)
        panel.set(title=f"step {step}", xticks=[], yticks=[], xlim=(-5.5, 5.5), ylim=(-5.5, 5.5), aspect="equal")
        panel.set(xlabel="$x_1$", ylabel="$x_2$")
    row[0].set_ylabel(f"{name}\n$x_2$", fontsize=8)
    with torch.no_grad():
        field = D(grid).reshape(120, 120).T
    picture = row[4].imshow(field, origin="lower", extent=(-5.5, 5.5, -5.5, 5.5), cmap="cividis")
    row[4].set(title="logit of D", xlabel="$x_1$", xticks=[], yticks=[])
    fig.colorbar(picture, ax=row[4])
fig.tight_layout()
savefig(
    "F3.4",
    fig,
    alt="Four rows of scatter plots over training, one per game, with data in grey and samples in orange; on the right the"
    " discriminator's logit as a colour field.",
    answer="Replace this sentence by your four or five sentences.",
)

# %% [markdown]
# ### Experiment: a GAN for digits
#
# Pixels scaled to $[-1,1]$, noise of 16 dimensions, the same networks a little wider. Once without a penalty, once with
# R1.
#
# **What to expect** (budget `cpu`, 2500 steps each, 40 seconds in all). Without the penalty the discriminator memorises
# 1438 images, and the generator collapses to one or two shapes. With R1, strokes after 300 steps and digits after 1000;
# "d" settles at 1.37 ± 0.05, just below $2\log2$, and "g" at 0.73. If the run with R1 collapses like the other, its
# penalty does not reach the critic's parameters (`create_graph=True`). Do not judge a GAN by its losses, though:
# Problem 3.5 does it properly, and its cell needs the samples of this one and of Problem 3.2.

# %% experiment="3.4" cpu_minutes=0.7 t4_minutes=0.7
digit_data = digits.load("train")[0].flatten(1).float() / 8 - 1
how = {"noise": 16, "width": 200, "batch": 64, "rate": 5e-4, "squash": True}
gan_digits = {}
for name, weight in (("GAN without penalty", 0.0), ("GAN with R1", 2.0)):
    G, *_ = play(digit_data, "ns", GAN_STEPS, label=name, r1=weight, **how)
    with torch.no_grad():
        gan_digits[name] = (
            ((G(torch.randn(359, 16, generator=torch.Generator().manual_seed(5))) + 1) * 8).round().long()
        )

# %% [markdown] figure="F3.5" points=2
# **Does the generator copy?** Show ten samples of each digit GAN, and below each sample the training image that is
# nearest to it in pixels. In two or three sentences: does it? How would you notice if it did, and why is the nearest
# image in *pixels* a weak witness?
#
# Caption: Samples of two digit GANs, and the nearest training image of each.
#
# ### BEGIN MARK SCHEME
# - (1) four rows, samples above their neighbours; the collapsed run visible beside the regularised one
# - (1) samples differ from their neighbours in strokes, not only in noise; a copy would have distance near zero
#   (compare with distances of test images); pixel distance misses shifted or thickened copies
# ### END MARK SCHEME

# %% experiment="3.4"
fig, axes = plt.subplots(4, 10, figsize=(9, 4))
train_images = digits.load("train")[0].flatten(1)
for pair, (name, images) in enumerate(gan_digits.items()):
    nearest = torch.cdist(images[:10].float(), train_images.float()).argmin(1)
    for column in range(10):
        for row, image in ((2 * pair, images[column]), (2 * pair + 1, train_images[nearest[column]])):
            axes[row, column].imshow(image.reshape(8, 8), cmap="gray_r", vmin=0, vmax=16)
            axes[row, column].set(xticks=[], yticks=[])
    axes[2 * pair, 0].set_ylabel(name.removeprefix("GAN "), fontsize=8)
    axes[2 * pair + 1, 0].set_ylabel("nearest", fontsize=8)
savefig(
    "F3.5",
    fig,
    alt="Four rows of ten small digit images: samples without penalty, their nearest training images, samples with R1, and"
    " theirs.",
    answer="Replace this sentence by your two or three sentences.",
)

# %% [markdown] problem="3.5" minutes=160
# ## Problem 3.5: Judging samples
#
# A GAN has no likelihood. What is left is to compare samples with samples, and every way of doing so is blind to
# something. Four yardsticks; after them, a table in which they disagree.

# %% [markdown] written="W3.5" points=6 pages=1
# **Measuring with finite samples.** Let $x_1,\dots,x_n\sim p$ and $y_1,\dots,y_m\sim q$ be independent, $k$ a kernel.
#
# (a) $MMD^2=E\,k(x,x')-2E\,k(x,y)+E\,k(y,y')$ with independent copies $x',y'$. Show that the U-statistic (averages over
# pairs $i\ne j$) is unbiased, and that the V-statistic (averages over *all* pairs $i,j$) has bias
# $\frac1n\left(E\,k(x,x)-E\,k(x,x')\right)+\frac1m\left(E\,k(y,y)-E\,k(y,y')\right)$. What sign has it for a Gaussian
# kernel?
#
# (b) The Fréchet distance of two Gaussians is
# $\|\mu_1-\mu_2\|^2+\operatorname{tr}\left(\Sigma_1+\Sigma_2-2(\Sigma_1\Sigma_2)^{1/2}\right)$. Simplify it for
# commuting covariances with eigenvalues $\lambda_i$, $\nu_i$.
#
# (c) Take $p=q=N(0,\sigma^2)$ and compare two samples of size $n$. Show that the mean term alone has expectation
# $2\sigma^2/n$, and that the whole estimated distance is biased upwards, of order $1/n$. What follows for comparing two
# papers?
#
# ### BEGIN SOLUTION
# (a) For $i\ne j$, $x_i$ and $x_j$ are independent, so $E\,k(x_i,x_j)=E\,k(x,x')$, and the average over the $n(n-1)$
# ordered pairs has that expectation; the cross term $\frac1{nm}\sum_{i,j}k(x_i,y_j)$ has $E\,k(x,y)$ as all pairs are
# independent. So the U-statistic is unbiased. The V-statistic averages over $n^2$ pairs, of which $n$ are diagonal:
# $E\frac1{n^2}\sum_{i,j}k(x_i,x_j)=\frac1nE\,k(x,x)+\frac{n-1}{n}E\,k(x,x')
# =E\,k(x,x')+\frac1n\left(E\,k(x,x)-E\,k(x,x')\right)$; the same for $y$. For a Gaussian kernel $k(x,x)=1\ge k(x,x')$:
# the bias is positive (the V-statistic is a squared norm and cannot be negative, whereas the U-statistic must be
# negative now and then when $p=q$).
#
# (b) Commuting symmetric matrices share an eigenbasis $Q$: $\Sigma_1=Q\Lambda Q^\top$, $\Sigma_2=QNQ^\top$, so
# $(\Sigma_1\Sigma_2)^{1/2}=Q(\Lambda N)^{1/2}Q^\top$ and the trace is
# $\sum_i\left(\lambda_i+\nu_i-2\sqrt{\lambda_i\nu_i}\right)$. Hence
# $\|\mu_1-\mu_2\|^2+\sum_i\left(\sqrt{\lambda_i}-\sqrt{\nu_i}\right)^2$.
#
# (c) The true distance is 0. $\bar x-\bar y\sim N(0,2\sigma^2/n)$, so $E(\bar x-\bar y)^2=2\sigma^2/n$. By (b) the rest
# is $(s_x-s_y)^2\ge0$ with the two sample standard deviations, so the expected distance is at least $2\sigma^2/n$: it
# is biased upwards. For the order, $E(s_x-s_y)^2=2\operatorname{Var}(s)$, as the two are independent with one law;
# $\operatorname{Var}(s^2)=\frac{2\sigma^4}{n-1}$, and the root has slope $\frac1{2\sigma}$ at $\sigma^2$, so (delta
# method) $\operatorname{Var}(s)=\frac{1}{4\sigma^2}\cdot\frac{2\sigma^4}{n-1}+O(n^{-2})=\frac{\sigma^2}{2n}+O(n^{-2})$.
# Together $E\,\widehat{FD}=\frac{2\sigma^2}{n}+\frac{\sigma^2}{n}+O(n^{-2})=\frac{3\sigma^2}{n}+O(n^{-2})$. In $D$
# dimensions there are of the order of $D^2$ such terms. A model judged with more samples looks better: only distances
# with the *same* $n$ (and the same features) may be compared, and the distance of real data to real data at that $n$ is
# the floor.
# ### END SOLUTION
#
# ### BEGIN MARK SCHEME
# - (1) (a) the U-statistic is unbiased because only independent pairs are averaged
# - (1) (a) the $n$ (and $m$) diagonal terms give the bias, and it is positive for a Gaussian kernel
# - (1) (b) a common eigenbasis
# - (1) (b) the means, and the sum of $(\sqrt{\lambda_i}-\sqrt{\nu_i})^2$ (of $(\lambda_i-\nu_i)^2$: no mark)
# - (1) (c) $2\sigma^2/n$ from the means
# - (1) (c) the spread term is non-negative and of order $1/n$ as well; compare equal $n$ only
# ### END MARK SCHEME

# %% [markdown]
# ### Maximum mean discrepancy
#
# $$\widehat{MMD}{}^2=\frac{1}{n(n-1)}\sum_{i\ne j}k(x_i,x_j)+\frac{1}{m(m-1)}\sum_{i\ne j}k(y_i,y_j)
#   -\frac{2}{nm}\sum_{i,j}k(x_i,y_j),\qquad k(a,b)=\frac1S\sum_{s=1}^{S}e^{-\|a-b\|^2/(2\sigma_s^2)}. \tag{3.13}$$
#
# | symbol | variable | shape | dtype |
# |---|---|---|---|
# | $x$, $y$ | `x`, `y` | `(n, D)`, `(m, D)`, $n,m\ge2$ | floating |
# | $\sigma_1,\dots,\sigma_S$ | `sigmas` | a sequence of numbers | float |
# | $\widehat{MMD}{}^2$ | returned | `()`, differentiable | floating |
#
# Unbiased means that it is negative about half of the time when the laws agree. Do not take a root, do not clip.


# %% solution="3.5a"
def mmd2_unbiased(x: Tensor, y: Tensor, sigmas) -> Tensor:
    """Return the unbiased estimate of the squared MMD of samples (n, D) and (m, D), equation (3.13): a scalar."""

    ### BEGIN SOLUTION
    def kernel(a: Tensor, b: Tensor) -> Tensor:
        square = (a.unsqueeze(1) - b.unsqueeze(0)).square().sum(-1)
        return sum(torch.exp(-square / (2 * sigma**2)) for sigma in sigmas) / len(sigmas)

    n, m = len(x), len(y)
    own_x = (kernel(x, x).sum() - n) / (n * (n - 1))  # k(a, a) = 1: the diagonal is n
    own_y = (kernel(y, y).sum() - m) / (m * (m - 1))
    return own_x + own_y - 2 * kernel(x, y).mean()
    ### END SOLUTION


# %% tests="3.5a"
@core
@points(0.75)
def test_mmd_of_two_heaps(rng):
    """If all x coincide and all y coincide, MMD^2 is 2 - 2 k of their distance."""
    n, m, d = rng.size(2, 5), rng.size(6, 8), rng.size(1, 4)
    shift = torch.randn(d, generator=rng)
    sigma = 0.5 + float(torch.rand((), generator=rng))
    found = mmd2_unbiased(torch.zeros(n, d), shift.expand(m, d), [sigma])
    scalar = isinstance(found, Tensor) and found.dim() == 0
    assert scalar, "MMD^2 is a scalar tensor"
    value = 2 - 2 * torch.exp(-shift.square().sum() / (2 * sigma**2))
    assert not alike(found, value.sqrt()), "This is the MMD; its square is asked for, which may be negative"
    assert_close(found, value, "Two heaps: 1 + 1 - 2 k(distance), with k(d) = exp(-d^2 / (2 sigma^2))")


@points(0.5)
def test_a_point_is_not_its_own_neighbour(rng):
    """If all points are far from one another, MMD^2 is zero: a point is not paired with itself."""
    n, m = rng.size(2, 5), rng.size(6, 8)
    apart = 1000.0 * torch.arange(n + m).unsqueeze(-1) + torch.rand(n + m, 2, generator=rng)
    found = mmd2_unbiased(apart[:n], apart[n:], [1.0, 2.0])
    assert not alike(found, torch.tensor(1 / n + 1 / m)), (
        "The diagonal i = j is included: that is the biased V-statistic"
    )
    assert_close(found, torch.tensor(0.0), "Points without neighbours contribute nothing")


### BEGIN HIDDEN TESTS
@points(0.5)
def test_mmd_equals_its_definition(rng):
    """The estimate equals the double sums of the definition, with kernels averaged, and does not mind which sample is x."""
    n, m, d = rng.size(2, 4), rng.size(5, 7), rng.size(2, 4)
    x, y = torch.randn(n, d, generator=rng), 0.5 + torch.randn(m, d, generator=rng)
    sigmas = [0.3 + k + float(torch.rand((), generator=rng)) for k in range(rng.size(2, 4))]

    def average(a, b, same):
        pairs = [
            sum(math.exp(-float(((p - q) ** 2).sum()) / (2 * s * s)) for s in sigmas) / len(sigmas)
            for i, p in enumerate(a)
            for j, q in enumerate(b)
            if not (same and i == j)
        ]
        return sum(pairs) / len(pairs)

    for other in (y[:n], y):
        exact = torch.tensor(average(x, x, True) + average(other, other, True) - 2 * average(x, other, False))
        message = "The sums over pairs of the definition, for equal sample sizes and different ones"
        assert_close(mmd2_unbiased(x, other, sigmas), exact, message)
    assert_close(mmd2_unbiased(y, x, sigmas), exact, "Which sample is called x does not matter")
    assert_close(mmd2_unbiased(x, y, tuple(sigmas)), exact, "sigmas may be any sequence")


@points(0.75)
def test_mmd_is_unbiased_over_all_splits(rng):
    """Over all ways to split one sample in two, the estimates average to exactly zero; some are negative."""
    pool = torch.randn(6, rng.size(1, 3), generator=rng)
    size = rng.size(2, 4)
    values = []
    for chosen in torch.combinations(torch.arange(6), size):
        rest = torch.tensor([i for i in range(6) if i not in chosen.tolist()])
        values.append(mmd2_unbiased(pool[chosen], pool[rest], [0.7, 1.5]).detach())
    message = "Two halves of one sample differ by zero on average: the estimate is biased, or was clipped at zero"
    assert_close(torch.stack(values).mean(), torch.tensor(0.0), message)
    assert min(float(v) for v in values) < 0, "An unbiased estimate of zero is negative now and then"


@points(0.25)
def test_mmd_leaves_its_inputs_alone(rng):
    """Inputs are left unchanged, and autograd agrees with finite differences."""
    x, y = torch.randn(3, 2, generator=rng), torch.randn(4, 2, generator=rng)
    assert_inputs_unchanged(mmd2_unbiased, x, y, [1.0, 2.0])
    assert_gradients_match(lambda a, b: mmd2_unbiased(a, b, [1.0, 2.0]), x, y)


@points(0.25)
def test_mmd_keeps_the_dtype(rng):
    """float32 samples give a float32 MMD^2, whatever the default dtype is."""
    x, y = torch.randn(3, 2, generator=rng).float(), torch.randn(4, 2, generator=rng).float()
    found = mmd2_unbiased(x, y, [1.0, 2.0])
    assert found.dtype == torch.float32, "float32 samples gave another dtype: was a tensor made with a fixed one?"


### END HIDDEN TESTS

# %% [markdown]
# ### The Fréchet distance
#
# Fit a Gaussian to the *features* of each sample and compare the two Gaussians:
#
# $$FD=\lVert\bar x-\bar y\rVert^2+\operatorname{tr}A+\operatorname{tr}B-2\operatorname{tr}\left(A^{1/2}BA^{1/2}\right)^{1/2},
#   \qquad A=\operatorname{cov}x,\;B=\operatorname{cov}y. \tag{3.14}$$
#
# | symbol | variable | shape |
# |---|---|---|
# | $x$, $y$ | `x`, `y` | `(n, D)`, `(m, D)`; rows are examples |
# | $A$, $B$ | with or without Bessel's correction | `(D, D)` |
# | $FD$ | returned | `()`, real and finite also for singular covariances |
#
# The root is that of a *matrix*. $AB$ is not symmetric and its root may come out complex; the symmetric form in (3.14)
# has the same trace, and `torch.linalg.eigh` gives its eigenvalues, of which rounding may make some slightly negative.
# (`scipy.linalg.sqrtm` will not do: graded functions have PyTorch and numpy, nothing else.)


# %% solution="3.5b"
def frechet_distance(x: Tensor, y: Tensor) -> Tensor:
    """Return the Frechet distance of Gaussians fitted to samples (n, D) and (m, D), equation (3.14): a scalar.

    The dtype is that of the samples. It is a measurement: no gradient is asked for.
    """
    ### BEGIN SOLUTION
    a, b = (torch.cov(sample.T).reshape(x.shape[1], x.shape[1]) for sample in (x, y))
    values, vectors = torch.linalg.eigh(a)
    root = vectors * values.clamp(min=0).sqrt() @ vectors.T
    overlap = torch.linalg.eigvalsh(root @ b @ root).clamp(min=0).sqrt().sum()
    return (x.mean(0) - y.mean(0)).square().sum() + a.trace() + b.trace() - 2 * overlap
    ### END SOLUTION


# %% tests="3.5b"
def nearest(found, *allowed):
    """The allowed value that is nearest to the one found."""
    return min(allowed, key=lambda value: abs(float(value) - float(found)))


@core
@points(0.75)
def test_frechet_of_a_shifted_copy(rng):
    """A shifted copy of a sample is at the squared length of the shift, and the sample itself at zero."""
    n, d = rng.size(20, 40), rng.size(2, 5)
    x, shift = torch.randn(n, d, generator=rng), torch.randn(d, generator=rng)
    found = frechet_distance(x, x + shift)
    scalar = isinstance(found, Tensor) and found.dim() == 0
    assert scalar, "the distance is a scalar tensor"
    assert_close(frechet_distance(x, x), torch.tensor(0.0), "A sample is at distance zero from itself", atol=1e-5)
    assert_close(found, shift.square().sum(), "A shift by s is at distance |s|^2", atol=1e-5)


@points(0.5)
def test_frechet_of_a_stretched_copy(rng):
    """Stretching a centred sample by c costs (c - 1)^2 times its total variance."""
    n, d, c = rng.size(8, 15), rng.size(2, 4), 1.5 + float(torch.rand((), generator=rng))
    x = torch.randn(n, d, generator=rng) @ torch.randn(d, d, generator=rng)
    x = x - x.mean(0)
    found = frechet_distance(x, c * x).detach()
    for size in (n, n - 1):  # with or without Bessel's correction
        a = x.T @ x / size
        once = alike(found, (1 + c**2 - c) * a.trace())
        assert not once, "The factor 2 before the trace of the root is missing"
        entries = alike(found, (1 + c**2) * a.trace() - 2 * c * (a @ a).diagonal().sqrt().sum())
        assert not entries, "The root is that of a matrix, not of its entries"
    cost = nearest(found, *((c - 1) ** 2 * x.square().sum() / size for size in (n, n - 1)))
    assert_close(found, cost, "Stretching by c costs (c - 1)^2 tr(cov), with the covariance of the columns (D, D)")


### BEGIN HIDDEN TESTS
@points(0.5)
def test_frechet_of_planar_gaussians(rng):
    """In the plane, where the trace of a matrix root has a closed form, any two covariances give the right distance."""
    n = rng.size(8, 15)
    x, y = (torch.randn(n, 2, generator=rng) @ torch.randn(2, 2, generator=rng) for _ in range(2))
    a, b = (torch.cov(sample.T) for sample in (x, y))
    product = a @ b
    root = (product.trace() + 2 * product.det().clamp(min=0).sqrt()).sqrt()
    spread, shift = a.trace() + b.trace() - 2 * root, (x.mean(0) - y.mean(0)).square().sum()
    found = frechet_distance(x, y).detach()
    message = "For covariances that do not commute the root is that of a matrix, not of its entries"
    assert_close(found, nearest(found, shift + spread, shift + spread * (n - 1) / n), message)


@points(0.5)
def test_frechet_ignores_rotation(rng):
    """Rotating and shifting both samples changes nothing, nor does exchanging them."""
    for d in (1, rng.size(2, 5)):
        n, m = rng.size(20, 30), rng.size(31, 40)
        x, y = torch.randn(n, d, generator=rng), 1 + 2 * torch.randn(m, d, generator=rng)
        turn, shift = torch.linalg.qr(torch.randn(d, d, generator=rng)).Q, torch.randn(d, generator=rng)
        base = assert_inputs_unchanged(frechet_distance, x, y).detach()
        moved = frechet_distance(x @ turn + shift, y @ turn + shift)
        assert_close(moved, base, "The distance does not depend on the axes")
        assert_close(frechet_distance(y, x), base, "The distance is symmetric")


@points(0.5)
def test_frechet_of_singular_covariances(rng):
    """Fewer examples than dimensions, or a constant feature, give a real, finite, right distance."""
    d = rng.size(5, 8)
    x, y = torch.randn(3, d, generator=rng), torch.randn(4, d, generator=rng)
    for first, second in ((x, y), (torch.cat([x, x * 0 + 1], 1), torch.cat([x, x * 0 + 3], 1))):
        found = frechet_distance(first, second)
        assert not found.is_complex(), "the distance is complex: a non-symmetric matrix has a complex root"
        assert_finite(found, "A singular covariance: clip eigenvalues that rounding made negative")
        assert float(found.detach()) > -1e-6, "a distance is not negative"
    assert_close(found, torch.tensor(4.0 * d), "Constant features differ by their squared difference", atol=1e-4)


@float32
@points(0.25)
def test_frechet_keeps_the_dtype(rng):
    """float32 samples give a float32 distance."""
    x, y = torch.randn(6, 2, generator=rng), torch.randn(7, 2, generator=rng)
    assert frechet_distance(x, y).dtype == torch.float32, "float32 samples gave another dtype"


### END HIDDEN TESTS

# %% [markdown]
# ### Modes, precision and recall
#
# Where the modes $c_1,\dots,c_M$ are known, count. A sample is of **high quality** if it lies within $k\sigma$ of its
# nearest centre; a mode is **covered** if at least `min_count` high-quality samples are nearest to it:
#
# $$\text{hq}=\frac1n\#\left\{i:\min_j\|x_i-c_j\|\le k\sigma\right\},\qquad
#   \text{modes}=\#\left\{j:\#\{i\text{ of high quality, nearest to }j\}\ge\texttt{min\_count}\right\}. \tag{3.15}$$
#
# Where nothing is known, let each sample draw its own map: around every point a ball that reaches to its $k$-th nearest
# *other* point of the same sample. **Precision** is the share of fakes inside the balls of the real sample (is it
# plausible?), **recall** the share of real points inside the balls of the fakes (is everything covered?):
#
# $$\text{precision}=\frac1m\#\left\{j:\exists i\;\|y_j-x_i\|\le r_k(x_i)\right\},\qquad
#   \text{recall}=\frac1n\#\left\{i:\exists j\;\|x_i-y_j\|\le r_k(y_j)\right\}. \tag{3.16}$$
#
# | symbol | variable | shape |
# |---|---|---|
# | samples, $c_j$, $\sigma$, $k$ of (3.15) | `samples`, `centers`, `std`, `k` | `(n, D)`, `(M, D)`, numbers |
# | (modes, hq) | returned by `mode_coverage` | `(int, float)` |
# | $x$, $y$, $k$ of (3.16) | `real`, `fake`, `k` | `(n, D)`, `(m, D)`, int |
# | (precision, recall) | returned by `precision_recall_knn` | `(float, float)` |


# %% solution="3.5c"
def mode_coverage(
    samples: Tensor, centers: Tensor, std: float, k: float = 3.0, min_count: int = 20
) -> tuple[int, float]:
    """Return the number of covered modes and the share of high-quality samples, equation (3.15).

    `samples` is (n, D), `centers` (M, D), `min_count` at least 1. Only high-quality samples count towards a mode.
    """
    ### BEGIN SOLUTION
    distance, nearest = torch.cdist(samples, centers).min(dim=1)
    good = distance <= k * std
    counts = torch.bincount(nearest[good], minlength=len(centers))
    return int((counts >= min_count).sum()), float(good.double().mean())
    ### END SOLUTION


# %% tests="3.5c"
def on_the_modes(counts, spread, rng):
    """`counts[j]` points at distance `spread` from centre j, in random directions, and the centres (M, 2)."""
    centers = torch.stack([10.0 * torch.arange(len(counts)), torch.zeros(len(counts))], 1)
    angle = 2 * math.pi * torch.rand(sum(counts), generator=rng)
    around = spread * torch.stack([angle.cos(), angle.sin()], 1)
    return centers.repeat_interleave(torch.tensor(counts), 0) + around, centers


@core
@points(0.5)
def test_coverage_of_a_perfect_and_a_collapsed_sample(rng):
    """Samples on all modes cover them all; samples on one mode cover one; both are of high quality."""
    modes, std = rng.size(3, 8), 0.05 + 0.1 * float(torch.rand((), generator=rng))
    samples, centers = on_the_modes([25] * modes, 2 * std, rng)
    for chosen, covered in ((samples, modes), (samples[:25], 1)):
        found = mode_coverage(chosen, centers, std)
        plain = len(found) == 2 and type(found[0]) is int and type(found[1]) is float
        assert plain, "return two plain numbers: covered modes (int) and the share of high-quality samples (float)"
        assert found[1] <= 1, "High quality is a share of all samples, not a number of them"
        message = "A sample is of high quality within k standard deviations of its centre: k times std, not its square"
        assert found[1] == 1, message
        assert found[0] == covered, "25 good samples on a mode cover it, and nothing else is covered"
    one_each, centers = on_the_modes([25, 1], 2 * std, rng)
    assert mode_coverage(one_each, centers, std)[0] == 1, "A mode needs min_count good samples, not one"


### BEGIN HIDDEN TESTS
@points(0.75)
def test_only_close_samples_count(rng):
    """A sample is good up to k standard deviations from its centre, and only good samples count towards a mode."""
    std, k = 0.05 + 0.1 * float(torch.rand((), generator=rng)), 1.5 + 3 * float(torch.rand((), generator=rng))
    inside, centers = on_the_modes([30, 25, 40], 0.99 * k * std, rng)
    outside, _ = on_the_modes([60, 0, 45], 1.01 * k * std, rng)
    far = 300 + torch.randn(10, 2, generator=rng)
    samples = torch.cat([far, outside, inside])[torch.randperm(210, generator=rng)]
    modes, good = assert_inputs_unchanged(mode_coverage, samples, centers, std, k)
    assert_close(float(good), 95 / 210, "A sample is good within k times std (not squared) of its nearest centre")
    assert modes == 3, "Every mode has at least 20 good samples"
    only_bad = torch.cat([outside, inside[30:]])
    assert mode_coverage(only_bad, centers, std, k)[0] == 2, "Samples that are not good do not cover a mode"
    assert mode_coverage(samples, centers, std)[1] == mode_coverage(samples, centers, std, 3.0)[1], "k is 3 by default"


@points(0.75)
def test_a_mode_needs_enough_samples(rng):
    """A mode is covered from min_count good samples on, 20 unless told otherwise."""
    samples, centers = on_the_modes([19, 20, 21, 0, 3], 0.05, rng)
    for least, covered in ((20, 2), (19, 3), (21, 1), (3, 4), (22, 0)):
        found = mode_coverage(samples, centers, 0.1, 3.0, least)[0]
        assert int(found) == covered, (
            "The number of modes with at least min_count samples (exactly min_count is enough)"
        )
    assert int(mode_coverage(samples, centers, 0.1)[0]) == 2, "min_count is 20 by default"
    modes, good = mode_coverage(samples + 1000, centers, 0.1)
    assert (int(modes), float(good)) == (0, 0.0), "Samples far from every centre cover nothing"
    heaps = torch.tensor([[0.0, 0.0, 0.1], [0.0, 0.0, 1.0], [0.0, 0.0, 9.0]])
    samples = heaps.repeat_interleave(torch.tensor([25, 3, 12]), 0)
    modes, good = mode_coverage(samples, heaps[:2], 0.5)  # within 3 x 0.5 of both centres are 28 samples
    assert int(modes) == 1, "A sample counts towards its nearest centre only, also where two balls overlap"
    assert_close(float(good), 28 / 40, "Good samples are good in any dimension, whether their mode is covered or not")


### END HIDDEN TESTS


# %% solution="3.5d"
def precision_recall_knn(real: Tensor, fake: Tensor, k: int) -> tuple[float, float]:
    """Return precision and recall from balls that reach to the k-th nearest other point, equation (3.16).

    `real` is (n, D) and `fake` (m, D), each with more than `k` points.
    """

    ### BEGIN SOLUTION
    def covered(rows: Tensor, centres: Tensor) -> float:
        own = torch.cdist(centres, centres).fill_diagonal_(math.inf)  # a point is not its own neighbour
        radius = own.kthvalue(k).values
        return float((torch.cdist(rows, centres) <= radius).any(dim=1).double().mean())

    return covered(fake, real), covered(real, fake)
    ### END SOLUTION


# %% tests="3.5d"
@core
@points(0.5)
def test_identical_and_disjoint_samples(rng):
    """Of two samples from the same place both are near 1; of two that are far apart both are 0."""
    n, d = rng.size(8, 15), rng.size(1, 4)
    x = torch.randn(n, d, generator=rng)
    beside = x.flip(0) + 1e-6 * torch.randn(n, d, generator=rng)
    for k in (1, 3):
        found = precision_recall_knn(x, beside, k)
        plain = len(found) == 2 and all(type(v) is float for v in found)
        assert plain, "return two plain floats, precision and recall"
        selfish = k == 1 and max(found) < 1
        assert not selfish, "A ball reaches to the nearest other point: a point is not its own neighbour"
        assert_close(list(found), [1.0, 1.0], "Samples from the same places: precision 1, recall 1")
        apart = precision_recall_knn(x, x + 1000, k)
        assert_close(list(apart), [0.0, 0.0], "Samples that are far apart: precision 0, recall 0")


@points(0.5)
def test_dropping_a_mode_costs_recall_only(rng):
    """If fakes sit on one of two modes, precision is 1 and recall the share of that mode; rubbish costs precision."""
    n, d, k = rng.size(6, 10), rng.size(1, 3), 2
    one = torch.randn(n, d, generator=rng)
    two = 100 + torch.randn(3 * n, d, generator=rng)
    real = torch.cat([one, two])
    found = assert_inputs_unchanged(precision_recall_knn, real, one, k)
    swapped = alike(torch.tensor([float(v) for v in found]), torch.tensor([0.25, 1.0]))
    assert not swapped, "Precision and recall are swapped: precision asks about fakes, recall about real data"
    message = "Fakes on one of two modes: precision 1, and recall the share of that mode among the real data"
    assert_close([float(v) for v in found], [1.0, 0.25], message)
    found = precision_recall_knn(one, torch.cat([one, two]), k)
    assert_close([float(v) for v in found], [0.25, 1.0], "Rubbish among the fakes costs precision, not recall")


### BEGIN HIDDEN TESTS
@points(1)
def test_radius_is_the_distance_to_the_kth_other_point(rng):
    """The ball of a point reaches to its k-th nearest other point of its own sample."""
    scale, at = 1 + float(torch.rand((), generator=rng)), float(torch.randn((), generator=rng))
    real = torch.tensor([[0.0], [1.0], [3.0], [7.0]])  # radii for k = 1: 1, 1, 2, 4; for k = 2: 3, 2, 3, 6
    fake = torch.tensor([[-0.9], [-2.9], [10.9], [12.9], [40.0]])
    for k, share in ((1, 2 / 5), (2, 4 / 5)):
        precision, _ = precision_recall_knn(scale * real + at, scale * fake + at, k)
        assert_close(
            float(precision), share, "A ball reaches to the k-th nearest other point; a point is not its neighbour"
        )
        _, recall = precision_recall_knn(scale * fake + at, scale * real + at, k)
        assert_close(float(recall), share, "Recall uses the balls of the fakes")
    twice = torch.tensor([[0.0], [0.0], [5.0], [5.5]])  # radii for k = 1: 0, 0, 0.5, 0.5
    precision, _ = precision_recall_knn(twice, torch.tensor([[0.4], [5.2], [9.0]]), 1)
    assert_close(float(precision), 1 / 3, "A second point at the same place is another point: the radius is 0")


### END HIDDEN TESTS

# %% [markdown]
# ### Experiment: the judges disagree
#
# `digit_features.features` turns images into 24 numbers, the last hidden layer of a small classifier, and
# `digit_features.classify` names the digit. All samples below have 359 images, as many as the test set: compare equal
# $n$ only (W3.5c). Run the experiments of Problems 3.2 and 3.4 first, they made the samples.
#
# **What to expect** (budget `cpu`, a few seconds). FD of real training images: about 0.20 at $n=359$, the floor, and
# 0.12 for all 1438 of them; flows: 0.4 ± 0.1; GAN with R1: 0.4, below 0.75 with all ten classes; without penalty: above
# 5, with a precision near 1, a recall of 0 and only a few classes; independent pixels: 1.2 to 1.4. The surprise: from
# epoch 30 on the wide flow loses 0.4 bits per dimension, and its FD stays between 0.3 and 0.5 all the while. Begin with
# the row of the training images, which no model can spoil: precision and recall of 0.94 and 0.93 there, or your
# yardsticks are wrong, not your models.

# %% experiment="3.5" cpu_minutes=0.3 t4_minutes=0.3
import densities
import digit_features
import digits
import matplotlib.pyplot as plt
from hwkit import preset, savefig, set_seed

BLUE, ORANGE, GREEN, PURPLE, GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#555555"
REPEATS = preset(smoke=2, cpu=10, gpu=10)
set_seed(0)

print("ring of eight modes         modes   high quality   MMD^2")
ring_test = hard_ring.sample(1000, torch.Generator().manual_seed(7))
for name, (G, *_) in rings.items():
    with torch.no_grad():
        x = G(torch.randn(2000, 2))
    modes, good = mode_coverage(x, hard_ring.centers, hard_ring.std)
    print(f"{name:26s}  {modes:5d}   {good:12.2f}   {float(mmd2_unbiased(x[:1000], ring_test, [0.5, 1.0, 2.0])):.4f}")

train_images, test_images = digits.load("train")[0].flatten(1), digits.load("test")[0].flatten(1)
judged = {"training images": train_images[:359], "flow": flow_digits, **gan_digits}
judged |= {f"wide flow, epoch {epoch}": images for epoch, images in wide_samples[:1] + wide_samples[-1:]}
columns = torch.stack([train_images[torch.randperm(len(train_images))[:359], j] for j in range(64)], dim=1)
judged["independent pixels"] = columns
target = digit_features.features(test_images)
table = {}
print("\ndigits                       FD      MMD^2   precision   recall   classes")
for name, images in judged.items():
    x = digit_features.features(images)
    precision, recall = precision_recall_knn(target, x, 3)
    classes = int((torch.bincount(digit_features.classify(images), minlength=10) >= 4).sum())
    table[name] = (
        float(frechet_distance(x, target)),
        float(mmd2_unbiased(x, target, [1.0, 2.0, 4.0])),
        precision,
        recall,
    )
    print(f"{name:24s} {table[name][0]:7.3f}   {table[name][1]:8.5f}   {precision:9.2f}   {recall:6.2f}   {classes:7d}")

features = digit_features.features(train_images)
sizes, floor = (30, 60, 120, 359, 700), []
for n in sizes:
    draws = [features[torch.randperm(len(features))[:n]] for _ in range(REPEATS)]
    floor.append(sum(float(frechet_distance(x, target)) for x in draws) / REPEATS)
wide_fd = [(epoch, float(frechet_distance(digit_features.features(images), target))) for epoch, images in wide_samples]

# %% [markdown] figure="F3.6" points=3
# **The judges disagree.** Three panels: (i) FD of *training images* against sample size, on logarithmic axes; (ii)
# validation bpd and FD of the wide flow against the epoch; (iii) precision against recall of all judged samples; and
# the printed table in your answer. In four or five sentences: what is the slope in (i), and what does it mean for a
# table that compares 5000 with 50 000 samples? Why can bpd get much worse while samples do not? Name one pair of models
# that two metrics order differently, and say which you believe and why.
#
# Caption: The Frechet distance falls with sample size; likelihood gets worse and samples do not; precision
# against recall.
#
# ### BEGIN MARK SCHEME
# - (1) three labelled panels and the table; digit GAN with FD at most 0.75 and ten classes (at most 1.2: half a mark)
# - (1) slope between $-0.7$ and $-1$ over all of (i) (the bias is of order $1/n$), steeper at $n=30$, hardly more than the
#   24 features, and flatter at the end, where the size of the test set limits it; compare equal $n$ only
# - (1) bpd punishes over-confidence on held-out pixels, FD sees only means and covariances of features; a real pair
#   named
# ### END MARK SCHEME

# %% experiment="3.5"
fig, axes = plt.subplots(1, 3, figsize=(10, 3.4))
axes[0].loglog(sizes, floor, "o-", color=BLUE, label="training images")
axes[0].loglog(sizes, [floor[0] * sizes[0] / n for n in sizes], ":", color=GREY, label="slope -1")
axes[0].set(xlabel="sample size n", ylabel="FD to the test set")
axes[0].set_xticks(sizes, [str(n) for n in sizes])
axes[0].minorticks_off()
axes[0].legend()
axes[1].plot([row["step"] for row in wide_history], [row["val bpd"] for row in wide_history], color=BLUE)
axes[1].set(xlabel="epoch", ylabel="validation bpd (line)", ylim=(2, 3))
twin = axes[1].twinx()
twin.plot([epoch for epoch, _ in wide_fd], [value for _, value in wide_fd], "s--", color=ORANGE)
twin.set(ylabel="FD of 359 samples (squares)", ylim=(0, 0.8))
for (name, row), marker in zip(table.items(), "os^vD*P", strict=False):
    axes[2].scatter(row[3], row[2], marker=marker, label=name)
axes[2].set(xlabel="recall", ylabel="precision", xlim=(-0.05, 1.05), ylim=(-0.05, 1.05))
axes[2].legend(fontsize=7)
fig.tight_layout()
savefig(
    "F3.6",
    fig,
    alt="Left: log-log plot of the Frechet distance falling with sample size. Middle: bits per dimension and Frechet distance"
    " of the wide flow over epochs. Right: precision against recall of several samples.",
    answer="Replace this sentence by your four or five sentences.",
)

# %% [markdown]
# **Your samples** go along with the code, so that the person who marks F3.3 to F3.6 can measure them again. They carry
# no points of their own.

# %% artefact="hw3_samples" file="hw3_samples.npz" max_mb=2
import numpy as np

names = {"flow": flow_digits, "gan": gan_digits["GAN without penalty"], "gan_r1": gan_digits["GAN with R1"]}
arrays = {name: images.clamp(0, 16).numpy().astype(np.uint8) for name, images in names.items()}
with torch.no_grad():
    for number, (G, *_) in enumerate(rings.values()):
        arrays[f"ring_{number}"] = G(torch.randn(1000, 2)).numpy().astype(np.float32)
np.savez_compressed("hw3_samples.npz", **arrays)
print({name: array.shape for name, array in arrays.items()})

# %% [markdown]
# **Before you hand in.** Answer for yourself: which model of this homework would you use to detect a corrupted digit,
# which to draw a new one, which to compress them? Only one kind of model can answer all three, and it pays with layers
# that must be invertible. The next homework drops that constraint and keeps most of the rest.
#
# **Where it comes from.** Coupling layers: Dinh, Krueger and Bengio 2015 (NICE); Dinh, Sohl-Dickstein and Bengio 2017
# (Real NVP). ActNorm: Kingma and Dhariwal 2018 (Glow). Autoregressive flows: Papamakarios, Pavlakou and Murray 2017.
# The bound of W3.2: Theis, van den Oord and Bethge 2016. GANs: Goodfellow and others 2014; their gradients: Arjovsky
# and Bottou 2017; LSGAN: Mao and others 2017; hinge: Lim and Ye 2017; Wasserstein: Arjovsky, Chintala and Bottou 2017;
# WGAN-GP: Gulrajani and others 2017; R1 and the Dirac-GAN: Mescheder, Geiger and Nowozin 2018; spectral normalisation:
# Miyato and others 2018. MMD: Gretton and others 2012; Fréchet distance: Heusel and others 2017, its bias: Bińkowski
# and others 2018; precision and recall: Kynkäänniemi and others 2019.
