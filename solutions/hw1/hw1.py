# %% [markdown]
# How likely is this image? This sentence? This stretch of DNA? An **autoregressive model** answers with nothing but the
# chain rule: $p(x)=\prod_t p(x_t\mid x_1,\dots,x_{t-1})$. No bound, no sampling, no latent variable: an exact number,
# which can be *audited*. Over a small world its probabilities must sum to one; its average cost can be held against the
# entropy of the data; and a model that peeks at the answer is caught in the act. That is what you do here.
#
# ```
#      one directed graph, x1 → x2 → x3 → x4 …, obeyed in three ways
#
#   MADE                     PixelCNN                 causal Transformer
#   masked weight matrices   masked convolutions      masked attention
#   ┌ 0 . . . ┐              ┌ 1 1 1 ┐                q4 ─► k1 k2 k3 k4
#   │ 1 0 . . │              │ 1 0 . │  ◄ type A      q3 ─► k1 k2 k3  .
#   └ 1 1 0 . ┘              └ . . . ┘                q2 ─► k1 k2  .  .
#   digits, 0/1              digits, 17 grey levels   DNA with a hairpin
# ```
#
# **When you are done you can**
#
# - turn a log-likelihood into honest units (nats, bits per dimension, bits per base) and say what the best value is;
# - build masks for any order of the variables, and prove by enumeration that nothing leaks;
# - write causal attention with a key-value cache, and sample from it with temperature, top-k and top-p;
# - say what maximum likelihood minimises, what a receptive field cannot see, and why temperature is not tempering.
#
# **How it works.** Every question is a small function or class. Where something is random, the uniform numbers come in
# as an *argument* `u`, so there is one right answer and no seed to guess. Under each question stand checks that you can
# run. Gradescope runs those and more: *laws* that any right solution obeys, with other sizes and other numbers. Write
# code that works for every shape that the docstring allows, on any device, in float32 and float64, and that leaves its
# arguments alone.
#
# **Hand in** this notebook, the written part (W1.1 to W1.5), and the figures (F1.1 to F1.5). Everything runs on a
# laptop CPU: about three minutes of training in all; no GPU is needed. For a team of two, plan about twelve and a half
# hours, written questions and figures included. Problems can be done in any order: where one builds on another, a
# mistake is only charged once.

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
    cases,
    core,
    float32,
    points,
    probe,
)
from torch import Tensor, nn
from torch.nn import functional

LOG_2 = math.log(2)

# %% [markdown]
# ### Conventions
#
# All logarithms are natural: a log-probability is in **nats** unless a function says bits. There is one number per
# example, summed over everything that is not the batch.
#
# | letter | meaning | letter | meaning |
# |---|---|---|---|
# | $B$ | examples in a batch | $D$ | dimensions of one example |
# | $K$ | grey levels, categories | $H,W$ | height and width of an image |
# | $L$ | length of a sequence | $V$ | size of the vocabulary (4 for DNA) |
#
# **Drawing a category** from logits is *given*. It cuts the unit interval into pieces as long as the probabilities, in
# order, and returns the piece that a uniform number $u$ falls into. With $u$ fixed, sampling is a deterministic
# function, and deterministic functions can be tested.


# %%
def choose(logits: Tensor, u: Tensor) -> Tensor:
    """Return the category in whose piece of [0, 1) the number `u` falls: logits (..., K), u (...) -> (...) int64.

    If `u` is uniform, category k comes out with probability softmax(logits)[k]. A logit of minus infinity is never
    chosen.
    """
    upper = logits.softmax(-1).cumsum(-1)[..., :-1]
    return (u.unsqueeze(-1) >= upper).sum(-1)


# %% [markdown] problem="1.1" minutes=165
# ## Problem 1.1: A likelihood kit
#
# Before any network: what the number at the end of training *means*. Three written questions say what maximum
# likelihood does, how many parameters a conditional needs, and how low a loss can go. Four short functions then compute
# it in honest units.

# %% [markdown] written="W1.1" points=6 pages=1
# **Forward and reverse KL.** Let $p_d$ be the law of the data.
#
# (a) Show that $\arg\max_\theta E_{p_d}\log p_\theta(x)=\arg\min_\theta KL(p_d\,\|\,p_\theta)$.
#
# (b) Let $p_d=\tfrac12N(-a,1)+\tfrac12N(a,1)$ with $a>0$, and $q=N(\mu,\sigma^2)$. Find the minimiser of
# $KL(p_d\,\|\,q)$.
#
# (c) Show that $KL(N(a,1)\,\|\,p_d)\le\log2$ for all $a$, while $KL(N(0,1+a^2)\,\|\,p_d)\ge c\,a^2-O(\log a)$ with
# $c=1-\sqrt{2/\pi}$. Conclude: what does a Gaussian fitted by the *reverse* divergence $KL(q\,\|\,p_d)$ look like for
# large $a$, and what does the one fitted by maximum likelihood look like?
#
# ### BEGIN SOLUTION
# (a) $KL(p_d\,\|\,p_\theta)=E_{p_d}\log p_d(x)-E_{p_d}\log p_\theta(x)$. The first term, minus the entropy of the data,
# does not depend on $\theta$. Minimising the left side is maximising the second expectation.
#
# (b) By (a) we maximise $E_{p_d}\log q(x)=-\tfrac12\log(2\pi\sigma^2)-\frac{E(x-\mu)^2}{2\sigma^2}$. In $\mu$ this is a
# parabola with its top at $\mu=E_{p_d}x=0$. In $\sigma^2$ the derivative
# $-\frac1{2\sigma^2}+\frac{E x^2}{2\sigma^4}$ vanishes at $\sigma^2=E_{p_d}x^2=1+a^2$ and changes sign from plus to
# minus there. So $q^*=N(0,1+a^2)$: maximum likelihood matches moments, and covers both modes.
#
# (c) Since $p_d(x)\ge\tfrac12N(x;a,1)$ for every $x$,
# $KL(N(a,1)\,\|\,p_d)=E\log\frac{N(x;a,1)}{p_d(x)}\le\log2$. For the second, bound the mixture by its larger component:
# $p_d(x)\le\max_\pm N(x;\pm a,1)$, that is $\log p_d(x)\le-\tfrac12\log2\pi-\tfrac12(|x|-a)^2$. With $s^2=1+a^2$ and
# $x\sim N(0,s^2)$ we have $Ex^2=s^2$ and $E|x|=s\sqrt{2/\pi}$, so
#
# $$E\log p_d(x)\le-\tfrac12\log2\pi-\tfrac12\left(1+a^2-2a\sqrt{1+a^2}\sqrt{2/\pi}+a^2\right).$$
#
# Subtracting from $E\log q=-\tfrac12\log(2\pi e(1+a^2))$ gives
#
# $$KL(N(0,1+a^2)\,\|\,p_d)\ge\tfrac12+a^2-a\sqrt{1+a^2}\sqrt{2/\pi}-\tfrac12-\tfrac12\log(1+a^2)
#   \ge\left(1-\sqrt{2/\pi}\right)a^2-\tfrac12\log(1+a^2)-\sqrt{1/(2\pi)},$$
#
# because $a\sqrt{1+a^2}\le\tfrac12\left(a^2+1+a^2\right)=a^2+\tfrac12$. The bound grows like $0.2\,a^2$ while
# sitting on one mode costs at most $\log2$. Hence for large $a$ the reverse divergence is minimised by a Gaussian near
# *one* of the modes (mode seeking), and maximum likelihood by the broad one that covers both and the empty space
# between (mass covering).
#
# (This compares two candidates, which is all that is asked. For every $q=N(m,s^2)$ the same bound reads
# $KL(q\,\|\,p_d)\ge\tfrac12\operatorname{Var}|x|+\tfrac12(E|x|-a)^2-\log s-\tfrac12$, where $\operatorname{Var}|x|$ is
# least at $m=0$, $(1-\tfrac2\pi)s^2$. So a divergence of at most $\log2$ keeps $s$ bounded, hence $E|x|$ within a
# constant of $a$, hence $m$ within a constant of $a$ or $-a$.)
# ### END SOLUTION
#
# ### BEGIN MARK SCHEME
# - (1) (a) separates the entropy of the data, which does not depend on $\theta$
# - (2) (b) finds $\mu=0$ and $\sigma^2=1+a^2$, with a reason why it is the minimum (1 for the values alone; the
#   commonest mistake is $\sigma^2=1$, the variance of one component)
# - (1) (c) bounds the mixture from below by half of one component and gets $\log2$
# - (1) (c) bounds the log of the mixture from above, uses $E|x|=s\sqrt{2/\pi}$, and subtracts the entropy
# - (1) (c) concludes: reverse KL picks one mode, maximum likelihood covers both (comparing the two is enough)
# ### END MARK SCHEME

# %% [markdown] written="W1.2" points=6 pages=1
# **Order and parameters.** (a) How many free parameters has a law of $n$ binary variables as a full table; as a Markov
# chain of order $k$ whose tables may differ from position to position; fully factorised?
#
# (b) A DNA sequence of length $L$ is modelled by $L$ conditionals, each a multinomial logistic regression on the one-hot
# encoding (4 inputs per base) of the whole prefix, with 3 free logits and a bias each. Show that this takes $6L^2-3L$
# parameters.
#
# (c) With full tables every order of the variables represents the same set of laws. Show that this fails for Gaussian
# conditionals: $x_1\sim N(0,1)$, $x_2\mid x_1\sim N(c\,\mathrm{sign}(x_1),\epsilon^2)$ with $c,\epsilon>0$ cannot be
# written as $N(x_2)\,N(x_1\mid x_2)$, with any functions for mean and variance of the second factor.
#
# ### BEGIN SOLUTION
# (a) The table has $2^n$ entries that sum to one: $2^n-1$. In the chain, the conditional of variable $i$ has one free
# probability per configuration of its $\min(i-1,k)$ parents: $\sum_{i=1}^n2^{\min(i-1,k)}$. Factorised: $n$. The chain
# contains both ends: $k=n-1$ gives $\sum_i2^{i-1}=2^n-1$, and $k=0$ gives $n$.
#
# (b) Conditional $i$ has $4(i-1)$ inputs and a bias for each of 3 free logits, $3(4(i-1)+1)$ parameters. Summed,
# $\sum_{i=1}^L\left(12(i-1)+3\right)=12\cdot\frac{L(L-1)}2+3L=6L^2-3L$. For $L=48$ that is 13 680, already, and without
# a single interaction.
#
# (c) In a law $N(x_2)\,N(x_1\mid x_2)$ the marginal of $x_2$ is Gaussian, whatever the second factor is. Here it is
# $\tfrac12N(-c,\epsilon^2)+\tfrac12N(c,\epsilon^2)$, since the sign of $x_1$ is fair. That is not Gaussian for any
# $c>0$: it is centred with variance $c^2+\epsilon^2$, and a Gaussian with that variance has fourth moment
# $3(c^2+\epsilon^2)^2=3c^4+6c^2\epsilon^2+3\epsilon^4$, whereas $x_2=\pm c+\epsilon n$ has
# $E x_2^4=c^4+6c^2\epsilon^2+3\epsilon^4$, less by $2c^4$. (For $c>\epsilon$ one sees it: two modes.) So with restricted
# conditionals the order of the variables is a modelling decision.
# ### END SOLUTION
#
# ### BEGIN MARK SCHEME
# - (2) (a) the three counts $2^n-1$, $\sum_i2^{\min(i-1,k)}$ and $n$ (1 if one of them is wrong; $n\,2^k$ for the chain
#   forgets that the first variables have fewer parents)
# - (1) (b) counts one conditional, $3(4(i-1)+1)$, bias included
# - (1) (b) sums to the stated formula
# - (1) (c) observes that in the other order the marginal of the second variable is Gaussian
# - (1) (c) shows that here it is not: two modes, moments, or an equivalent argument
# ### END MARK SCHEME

# %% [markdown] written="W1.3" points=6 pages=1
# **What is the best possible number of bits per base?**
#
# (a) Let $X$ be stationary. Prove that $H(X_t\mid X_{t-k},\dots,X_{t-1})$ does not increase with $k$.
#
# (b) Show that the expected test cross-entropy minus the entropy is $KL(p\,\|\,q)\ge0$. Why can the *measured*
# difference be negative for a finite test set?
#
# (c) `HairpinDNA`, the data of Problem 1.4, has a stem of 6 bases and a closing stem, in which each base is the
# complement of its partner with probability 0.98 and otherwise uniform over the other three. The length of the loop
# between them is uniform over 4 values. What is the entropy of a closing base given its partner, in bits? Now compare
# two models: the best one, which has to find the loop's length $G$ in the sequence, and one that is told $G$ and is
# right about everything else, but calls the six closing bases uniform. Give an upper and a lower bound for the bits
# *per base* ($L=48$) by which the first beats the second.
#
# ### BEGIN SOLUTION
# (a) Conditioning does not increase entropy: $H(Y\mid Z)-H(Y\mid Z,U)=I(Y;U\mid Z)\ge0$, a conditional mutual
# information, which is an average of KL divergences. Take $Y=X_t$, $Z=(X_{t-k},\dots,X_{t-1})$, $U=X_{t-k-1}$.
#
# (b) $E_p[-\log q(x)]-H(p)=E_p[\log p(x)-\log q(x)]=KL(p\,\|\,q)\ge0$. The measured difference replaces the expectation
# by the mean over $n$ test sequences, $\frac1n\sum_i-\log q(x_i)-H(p)$: it has mean $KL$ but standard deviation
# $\mathrm{sd}(\log q)/\sqrt n$, so a good model dips below zero for a lucky test set. Subtracting the *measured*
# $\frac1n\sum-\log p(x_i)$ instead of $H(p)$ removes most of that noise, because both terms fluctuate together; even
# then the mean of $\log p/q$ over a finite sample can be negative.
#
# (c) $h=-0.98\log_20.98-0.02\log_2\frac{0.02}3=0.1414+0.02\log_23=0.1414+0.0317=0.173$ bit. Let $A$ be the entropy of
# the other 42 bases given $G$. Given $G$ and those, the closing bases are independent, with entropy $h$ each, so
# $H(X\mid G)=A+6h$. The second model pays $A+12$ bits per sequence, the best one pays $H(X)$, and
#
# $$A+6h=H(X\mid G)\;\le\;H(X)\;\le\;H(X,G)=H(G)+H(X\mid G)=2+A+6h,$$
#
# because conditioning does not increase entropy, and because $H(G)=\log_24=2$ bits is the most that not knowing $G$ can
# cost. The gain $A+12-H(X)$ is therefore at most $6(2-h)=10.96$ bits, $10.96/48=0.228$ per base, and at least
# $10.96-2=8.96$ bits, $0.187$ per base. (The positional bigram of Problem 1.4, another model that knows nothing of
# partners, reaches 1.778, and the exact law 1.590: 0.188.)
# ### END SOLUTION
#
# ### BEGIN MARK SCHEME
# - (1) (a) conditioning does not increase entropy, with a proof by mutual information or Jensen (not by name alone)
# - (1) (b) cross-entropy minus entropy is the divergence
# - (1) (b) a finite test set has a sampling error of order $1/\sqrt n$, so the difference may be negative
# - (1) (c) entropy of a closing base 0.173 bit (0.141 forgets which of the three other bases it is)
# - (1) (c) upper bound 0.228 bits per base: $6(2-h)/48$, as if the best model knew the loop, too
# - (1) (c) lower bound 0.187: not knowing the loop costs at most its entropy, 2 bits
# ### END MARK SCHEME

# %% [markdown]
# ### Units
#
# A loss in nats depends on the size of the picture. Divide it by the number of dimensions, and by $\log2$, and it says
# how many **bits** a perfect compressor built on the model would spend per pixel or per base:
#
# $$b=\frac{-\log p_\theta(x)}{D\,\log2}. \tag{1.1}$$
#
# | symbol | variable | shape | dtype |
# |---|---|---|---|
# | $-\log p_\theta(x)$ | `nll` | `(B,)`, nats | floating |
# | $D$ | `num_dims` | number | int |
# | $b$ | returned | `(B,)`, bits per dimension | same |
#
# A sanity check for life: a model that knows nothing about $K$ equally likely values pays $\log_2K$ bits.


# %% solution="1.1a"
def bits_per_dim(nll: Tensor, num_dims: int) -> Tensor:
    """Return the cost in bits per dimension of examples whose negative log-likelihood is `nll` nats, equation (1.1).

    (B,) -> (B,). `num_dims` is the number of dimensions of one example.
    """
    ### BEGIN SOLUTION
    return nll / (num_dims * LOG_2)
    ### END SOLUTION


# %% tests="1.1a"
@core
@points(0.5)
def test_a_fair_coin_costs_one_bit(rng):
    """An example that takes m tosses of a fair coin per dimension costs m bits per dimension."""
    b, d = rng.size(2, 5), rng.size(6, 50)
    tosses = torch.randint(2, 9, (b,), generator=rng).double()
    message = "A fair coin costs 1 bit: nats are divided by log 2 and by the number of dimensions, not by the batch"
    assert_close(bits_per_dim(tosses * d * math.log(2), d), tosses, message)


### BEGIN HIDDEN TESTS
@points(0.5)
def test_uniform_over_k_values_costs_log2_k(rng):
    """Independent uniform values among K cost log2 K bits each, whatever the number of dimensions, one included."""
    b, k = rng.size(2, 5), rng.size(3, 17)
    for d in (1, rng.size(2, 300)):
        nll = torch.full((b,), d * math.log(k))
        assert_close(bits_per_dim(nll, d), torch.full((b,), math.log2(k)), "K equally likely values cost log2 K bits")


@points(0.5)
def test_bits_are_per_example_and_linear(rng):
    """Each example keeps its own cost, costs add up, inputs are left unchanged, and float32 stays float32."""
    b, d = rng.size(1, 5), rng.size(2, 9)
    first, second = torch.randn(b, generator=rng), torch.randn(b, generator=rng)
    total = assert_inputs_unchanged(bits_per_dim, first + second, d)
    assert_close(total, bits_per_dim(first, d) + bits_per_dim(second, d), "Costs in bits add up as costs in nats do")
    assert_close(bits_per_dim((first + second)[:1], d), total[:1], "A batch of one example gives a cost of shape (1,)")
    assert_gradients_match(lambda nll: bits_per_dim(nll, d), first)
    assert bits_per_dim(first.float(), d).dtype == torch.float32, "float32 costs gave another dtype"


### END HIDDEN TESTS

# %% [markdown]
# ### Coins from logits
#
# For binary $x$, and one logit $\ell_i$ per entry,
#
# $$\log p(x)=\sum_i\left[x_i\log s(\ell_i)+(1-x_i)\log s(-\ell_i)\right],\qquad s(\ell)=\frac1{1+e^{-\ell}}. \tag{1.2}$$
#
# | symbol | variable | shape | dtype |
# |---|---|---|---|
# | $\ell$ | `logits` | `(B, ...)`, any number of further axes | floating |
# | $x$ | `x` | same shape, zeros and ones | same |
# | $\log p(x)$ | returned | `(B,)`, nats | same |
#
# At $\ell=1000$ the probability $s(-\ell)$ is zero in any floating-point format, and its logarithm is $-\infty$; the
# right answer is $-1000$. Do not leave log space.


# %% solution="1.1b"
def bernoulli_log_prob(logits: Tensor, x: Tensor) -> Tensor:
    """Return log p(x) in nats of independent coins, equation (1.2), summed over all axes but the first.

    `logits` and `x` are (B, ...), `x` of zeros and ones; returns (B,). Exact also for logits of plus or minus 1000.
    """
    ### BEGIN SOLUTION
    cost = functional.binary_cross_entropy_with_logits(logits, x, reduction="none")
    return -cost.flatten(1).sum(1)
    ### END SOLUTION


# %% tests="1.1b"
@core
@points(0.5)
def test_fair_coins_cost_log_two_each(rng):
    """With logits of zero every image costs log 2 per pixel, and there is one number per example."""
    b, c, h, w = rng.size(2, 4), rng.size(1, 2), rng.size(2, 4), rng.size(2, 4)
    x = torch.randint(2, (b, c, h, w), generator=rng).double()
    expected = torch.full((b,), -c * h * w * math.log(2))
    assert_close(bernoulli_log_prob(torch.zeros(b, c, h, w), x), expected, "Sum over all axes but the batch")


@points(0.5)
def test_a_certain_and_wrong_coin_costs_its_logit(rng):
    """A logit of 1000 costs 1000 nats when it is wrong and nothing when it is right."""
    b = rng.size(2, 4)
    logits = torch.full((b, 1), 1000.0)
    message = "At a logit of 1000 the log of the rounded sigmoid is minus infinity; compute from the logits"
    assert_close(bernoulli_log_prob(logits, torch.zeros(b, 1)), torch.full((b,), -1000.0), message)
    assert_close(bernoulli_log_prob(logits, torch.ones(b, 1)), torch.zeros(b), "A logit of 1000 says: surely one")


### BEGIN HIDDEN TESTS
@points(0.5)
def test_all_binary_vectors_have_total_probability_one(rng):
    """The probabilities of all 2^D vectors sum to one, and the logit is the log-odds."""
    d = rng.size(3, 5)
    x = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * d)
    logits = 2 * torch.randn(1, d, generator=rng)
    each = bernoulli_log_prob(logits.expand(x.shape), x)
    assert_close(each.exp().sum(), torch.tensor(1.0), f"The probabilities of all {len(x)} vectors do not sum to one")
    assert_close(each[-1] - each[0], logits.sum(), "A logit is log p(1) - log p(0): is the sign right?")


@points(0.5)
def test_gradients_at_extreme_logits_are_residuals(rng):
    """The gradient for a logit is x minus the probability of one, also at logits of 1000 and -1000."""
    d = rng.size(3, 6)
    logits = 400 * torch.randn(2, d, generator=rng)
    logits[:, 0], logits[:, 1] = 1000, -1000
    logits.requires_grad_()
    x = torch.randint(2, (2, d), generator=rng).double()
    value = bernoulli_log_prob(logits, x)
    wrong = -(logits.abs() * ((logits > 0) != (x > 0))).sum(-1).detach()
    assert_close(value, wrong, "Every wrong coin costs its logit, those of 1000 and -1000 too", atol=5.0)
    assert value.requires_grad, "the log-probability carries no gradient: was it detached?"
    (gradient,) = torch.autograd.grad(value.sum(), logits)
    assert_close(gradient, x - torch.sigmoid(logits.detach()), "The gradient at extreme logits")


@points(0.25)
def test_bernoulli_leaves_its_inputs_alone(rng):
    """Inputs are left unchanged, and autograd agrees with finite differences."""
    b, d = rng.size(1, 3), rng.size(1, 4)
    logits = torch.randn(b, d, generator=rng)
    x = torch.randint(2, (b, d), generator=rng).double()
    cost = assert_inputs_unchanged(bernoulli_log_prob, logits, x)
    deep = bernoulli_log_prob(logits.reshape(1, b, d), x.reshape(1, b, d))
    assert_close(deep, cost.sum().reshape(1), "(1, b, d) gives (1,): sum over all axes but the first, which stays")
    assert_gradients_match(lambda values: bernoulli_log_prob(values, x), logits)


@float32
@points(0.25)
def test_bernoulli_keeps_the_dtype(rng):
    """float32 in, float32 out."""
    logits = torch.randn(2, rng.size(1, 4), generator=rng)
    value = bernoulli_log_prob(logits, torch.zeros_like(logits))
    assert value.dtype == torch.float32, "float32 inputs gave another dtype: was a tensor made with a fixed dtype?"


### END HIDDEN TESTS

# %% [markdown]
# ### Grey levels: the discretised logistic
#
# A pixel with levels $0,\dots,K-1$ is a number on a scale, which a softmax over $K$ categories ignores. Put the levels
# on $[-1,1]$, at $c_k=\frac{2k}{K-1}-1$, give each a bin of width $\delta=\frac2{K-1}$ around it, and let the two edge
# bins take the tails:
#
# $$p(k)=s\!\left(\frac{c_k+\delta/2-\mu}{\sigma}\right)-s\!\left(\frac{c_k-\delta/2-\mu}{\sigma}\right),\qquad
#   \text{first term }1\text{ for }k=K-1,\quad\text{second }0\text{ for }k=0. \tag{1.3}$$
#
# | symbol | variable | shape | dtype |
# |---|---|---|---|
# | $k$ | `x` | `(B, ...)` of $0,\dots,K-1$ | int64 |
# | $\mu$, $\log\sigma$ | `mu`, `log_s` | broadcast against `x` | floating |
# | $\log p(k)$ | returned | shape of `x` and `mu` together, **not** summed | as `mu` |
#
# The difference of two sigmoids that are both 1 is 0, and its log $-\infty$: one bright pixel under a dark mean, and
# training is over. An identity that never cancels (try to prove it): for $a<b$,
# $\log\left(s(b)-s(a)\right)=\log s(b)+\log s(-a)+\log\left(1-e^{a-b}\right)$.
# `functional.logsigmoid` and `torch.expm1` are your friends. Clamping the probability at $10^{-12}$ is accepted, too
# (its gradient is then 0, which counts as finite).


# %% solution="1.1c"
def discretized_logistic_log_prob(x: Tensor, mu: Tensor, log_s: Tensor, K: int) -> Tensor:
    """Return log p(x) in nats, entry by entry, of a logistic law cut into `K` levels, equation (1.3).

    `x` (B, ...) is int64 in 0..K-1; `mu` and `log_s` (the log of the scale) broadcast against it. Finite, with finite
    gradients, for every `x` even when the scale is tiny.
    """
    ### BEGIN SOLUTION
    half = 1 / (K - 1)  # half the width of a bin
    centre = 2 * x.to(mu.dtype) / (K - 1) - 1
    inverse = torch.exp(-log_s)
    upper, lower = (centre + half - mu) * inverse, (centre - half - mu) * inverse
    below, above = functional.logsigmoid(upper), functional.logsigmoid(-lower)
    inside = below + above + torch.log(-torch.expm1(-2 * half * inverse))
    return torch.where(x == 0, below, torch.where(x == K - 1, above, inside))
    ### END SOLUTION


# %% tests="1.1c"
@core
@points(1)
def test_all_levels_have_total_probability_one(rng):
    """For moderate scales the probabilities of the K levels sum to one, for every mean."""
    n, k = rng.size(3, 6), rng.size(3, 20)
    mu, log_s = 2 * torch.rand(n, 1, generator=rng) - 1, torch.rand(n, 1, generator=rng) - 1.5
    value = discretized_logistic_log_prob(torch.arange(k).expand(n, k), mu, log_s, k)
    assert tuple(value.shape) == (n, k), f"one log-probability per entry, nothing summed: expected shape {(n, k)}"
    message = "The K probabilities do not sum to one: do the edge bins take the tails, are bins 2/(K-1) wide?"
    assert_close(value.exp().sum(-1), torch.ones(n), message)


@points(0.5)
def test_two_levels_are_a_coin(rng):
    """With K = 2 the upper level has the logistic's mass above 0, a sigmoid of mu over the scale."""
    n = rng.size(2, 5)
    mu, log_s = torch.randn(n, generator=rng), torch.rand(n, generator=rng) - 0.5
    value = discretized_logistic_log_prob(torch.ones(n, dtype=torch.long), mu, log_s, 2)
    coin = torch.sigmoid(mu * torch.exp(-log_s))
    assert_close(value.exp(), coin, "With K = 2 the bins meet at 0; log_s is the log of the scale")


### BEGIN HIDDEN TESTS
@points(0.75)
def test_levels_carry_the_mass_of_their_bins(rng):
    """Cumulated over levels, the probabilities are the logistic distribution function at the edges of the bins."""
    n, k = rng.size(2, 5), rng.size(4, 17)
    mu, log_s = 1.5 * torch.randn(n, 1, generator=rng), torch.rand(n, 1, generator=rng) - 1
    value = discretized_logistic_log_prob(torch.arange(k).expand(n, k), mu, log_s, k)
    edges = (2 * torch.arange(k - 1) + 1) / (k - 1) - 1
    below = torch.sigmoid((edges - mu) / log_s.exp())
    message = "The mass up to level k is not s((edge - mu) / scale): look at half-widths, edges, and the scale"
    assert_close(value.exp().cumsum(-1)[:, :-1], below, message)
    for log_scale in (-2.0, -4.0, -9.0):
        scale = math.exp(log_scale)
        mu = edges - 0.3 * scale  # just below the edge over level k
        lower = (edges - 2 / (k - 1) - mu) / scale
        lower[0] = -math.inf
        wanted = torch.log(torch.sigmoid(torch.tensor(0.3)) - torch.sigmoid(lower))
        found = discretized_logistic_log_prob(torch.arange(k - 1), mu, torch.full((k - 1,), log_scale), k)
        assert_close(found, wanted, f"With log_s = {log_scale:g}, a mean just below an edge: the scale is exp(log_s)")
    steps = torch.arange(1.0, 9.0)  # a mean so many bins below level 9 of 17, with bins two scales wide
    nine, log_s = torch.full((8,), 9), torch.full((8,), math.log(0.0625))
    far = discretized_logistic_log_prob(nine, 0.125 - 0.125 * steps, log_s, 17)
    wanted = torch.log(torch.sigmoid(1 - 2 * steps) - torch.sigmoid(-1 - 2 * steps))
    assert_close(far, wanted, "A few bins from the mean, where the mass is small but above 1e-8", rtol=1e-4)


@points(0.5)
def test_logistic_is_stable_in_the_tails(rng):
    """A mean far away and a tiny scale give finite log-probabilities and gradients at every level."""
    k = rng.size(5, 17)
    for centre, log_scale in ((3.0, -7.0), (-3.0, -7.0), (0.3, -7.0), (0.0, 2.0)):
        mu = torch.full((k,), centre, requires_grad=True)
        log_s = torch.full((k,), log_scale, requires_grad=True)
        value = discretized_logistic_log_prob(torch.arange(k), mu, log_s, k)
        assert_finite(value, "Far from the mean both sigmoids round to the same number and the log is infinite")
        total = value.exp().sum().detach()
        assert_close(total, torch.tensor(1.0), "The K probabilities do not sum to one at extreme means or scales")
        assert value.requires_grad, "the log-probability carries no gradient: was it detached?"
        assert_finite(torch.autograd.grad(value.sum(), [mu, log_s]), "Gradients at extreme means or scales")


@points(0.5)
def test_logistic_leaves_its_inputs_alone(rng):
    """Means and scales broadcast, inputs are left unchanged, and autograd agrees with finite differences."""
    b, k = rng.size(2, 4), rng.size(3, 8)
    x = torch.randint(k, (b, 3), generator=rng)
    x[0] = torch.tensor([0, 1, k - 1])
    mu, log_s = torch.randn(b, 1, generator=rng), 0.3 * torch.randn(3, generator=rng)
    value = assert_inputs_unchanged(discretized_logistic_log_prob, x, mu, log_s, k)
    one = discretized_logistic_log_prob(x[1, 2], mu[1, 0], log_s[2], k)
    assert_close(value[1, 2], one, "mu and log_s broadcast against x")
    assert_gradients_match(lambda m, s: discretized_logistic_log_prob(x, m, s, k), mu, log_s)


@float32
@points(0.25)
def test_logistic_keeps_the_dtype(rng):
    """float32 in, float32 out."""
    mu = torch.randn(rng.size(1, 4), generator=rng)
    value = discretized_logistic_log_prob(torch.ones_like(mu).long(), mu, torch.zeros_like(mu), 4)
    assert value.dtype == torch.float32, "float32 inputs gave another dtype: was a tensor made with a fixed dtype?"


### END HIDDEN TESTS

# %% [markdown]
# ### How far from the truth?
#
# For generated data the true $\log p(x)$ is known, and the excess cost *is* the divergence that maximum likelihood
# minimises (W1.3b). Its estimate from $n$ test sequences, in bits per base, is
#
# $$\widehat{g}=\frac1{L\log2}\cdot\frac1n\sum_{i=1}^{n}\left[\log p(x_i)-\log q_\theta(x_i)\right]
#   \;\approx\;\frac{KL(p\,\|\,q_\theta)}{L\log2}. \tag{1.4}$$
#
# | symbol | variable | shape | dtype |
# |---|---|---|---|
# | $-\log q_\theta(x_i)$ | `nll` | `(n,)`, nats | floating |
# | $\log p(x_i)$ | `oracle_logp` | `(n,)`, nats | same |
# | $\widehat g$ | returned | number, bits per base | float |


# %% solution="1.1d"
def entropy_rate_gap(nll: Tensor, oracle_logp: Tensor, L: int) -> float:
    """Return by how many bits per base a model is worse than the truth, equation (1.4).

    `nll` (n,) is the model's negative log-likelihood and `oracle_logp` (n,) the true log-probability, both in nats, of
    the same sequences of length `L`. May come out slightly negative for a finite sample.
    """
    ### BEGIN SOLUTION
    return (nll + oracle_logp).mean().item() / (L * LOG_2)
    ### END SOLUTION


# %% tests="1.1d"
@core
@points(0.5)
def test_gap_of_a_worse_model(rng):
    """A model that spends c more bits on every base has a gap of c; the truth itself has none."""
    n, length = rng.size(3, 9), rng.size(4, 60)
    truth = -30 * torch.rand(n, generator=rng)
    extra = 0.1 + float(torch.rand((), generator=rng))
    message = "The gap is the mean over sequences of log p - log q, in bits per base; nll is already negative"
    assert_close(float(entropy_rate_gap(-truth, truth, length)), 0.0, message)
    nll = -truth + extra * length * math.log(2)
    assert_close(float(entropy_rate_gap(nll, truth, length)), extra, message)


### BEGIN HIDDEN TESTS
@points(0.5)
def test_gap_is_the_divergence(rng):
    """Over a list in which every outcome stands as often as it is likely, the gap is the divergence."""
    counts = torch.randint(1, 9, (rng.size(4, 8),), generator=rng)
    p = counts.double() / counts.sum()
    log_q = torch.randn(len(counts), generator=rng).log_softmax(0)
    rows = torch.repeat_interleave(torch.arange(len(counts)), counts)
    length = rng.size(2, 6)
    bits = float((p * (p.log2() - log_q / math.log(2))).sum()) / length
    found = assert_inputs_unchanged(entropy_rate_gap, -log_q[rows], p.log()[rows], length)
    assert_close(float(found), bits, "The mean excess cost is not KL(p || q) in bits per base")


@points(0.5)
def test_gap_may_be_negative(rng):
    """On a lucky sample the gap is negative, swapping model and truth changes its sign, and it is a plain number."""
    n, length = rng.size(2, 6), rng.size(3, 9)
    truth = -10 - torch.rand(n, generator=rng)
    lucky = truth + 1 + torch.rand(n, generator=rng)
    gap = entropy_rate_gap(-lucky, truth, length)
    assert isinstance(gap, float), "The gap is a number, not a tensor: call .item(), or a log keeps the whole graph"
    assert gap < 0, "A finite sample may favour the model: the estimate is not clipped at zero"
    assert_close(entropy_rate_gap(-truth, lucky, length), -gap, "Swapping model and truth changes the sign")


### END HIDDEN TESTS

# %% [markdown]
# **Experiment: what do pixels cost without any context?** A uniform guess pays $\log_217=4.087$ bits per pixel. A
# histogram of grey levels per pixel, with 0.1 pseudo-counts, pays **2.434**. One discretised logistic per pixel, with
# moments matched to the training data, pays about **2.70**: more than the histogram, because most pixels are either
# ink or paper and a single hump cannot say so. Everything below 2.43 is knowledge about *neighbours*. Reflect: which
# pixels make the logistic expensive?

# %% experiment="1.1" cpu_minutes=0.1 t4_minutes=0.1
import digits

train, test = (digits.load(split)[0].flatten(1) for split in ("train", "test"))
levels = torch.arange(17)
counts = (train.unsqueeze(-1) == levels).sum(0) + 0.1
histogram = (counts / counts.sum(-1, keepdim=True)).log()
nll = -histogram[torch.arange(64), test].sum(-1)
print(f"uniform    {math.log2(17):.3f} bits per pixel  (expected 4.087)")
print(f"histogram  {float(bits_per_dim(nll, 64).mean()):.3f}  (expected 2.434)")
grey = train / 8 - 1
log_scale = (grey.std(0) * math.sqrt(3) / math.pi).clamp(min=0.02).log()
nll = -discretized_logistic_log_prob(test, grey.mean(0), log_scale, 17).sum(-1)
print(f"logistic   {float(bits_per_dim(nll, 64).mean()):.3f}  (expected about 2.70)")

# %% [markdown] problem="1.2" minutes=125
# ## Problem 1.2: MADE, an autoencoder that cannot cheat
#
# An ordinary multilayer perceptron that predicts $D$ variables from the same $D$ variables learns to copy. Cut the right
# connections and it becomes $D$ conditionals $p(x_i\mid x_{<i})$ in one pass. Which connections? Give every unit a
# **degree**, the rank of the latest variable that it may know about.
#
# ### Masks
#
# Let $r_i\in\{0,\dots,D-1\}$ be the rank of variable $i$ in the chosen order. Input $i$ has degree $r_i$; a hidden unit
# has some degree $m\in\{0,\dots,D-2\}$. A hidden unit may listen to units of *at most* its own degree, and an output
# for variable $i$ only to units of degree *below* $r_i$:
#
# $$M^{(l)}_{ab}=\mathbb 1\left[m^{(l)}_a\ge m^{(l-1)}_b\right],\quad m^{(0)}_i=r_i,\qquad
#   M^{\text{out}}_{ib}=\mathbb 1\left[r_i>m^{(n)}_b\right]. \tag{1.5}$$
#
# | symbol | variable | shape | dtype |
# |---|---|---|---|
# | $D$, widths | `D`, `hidden` | number, list of numbers | int |
# | $r_i$ | `order[i]`, the **rank of variable i** (not: the variable at rank i) | `(D,)` | int64 |
# | outputs per variable | `out_per_dim`; rows $i\cdot o,\dots,i\cdot o+o-1$ belong to variable $i$ | number | int |
# | $M^{(1)},\dots,M^{\text{out}}$ | returned list | `(out, in)` each | floating, 0 and 1 |
#
# One $\ge$ and one $>$: swap them and the model either sees the answer or is blind to its neighbour. How to choose the
# degrees is up to you, as long as they are spread evenly: in *wide* layers every allowed pair must be connected, and few
# units may be idle (connected to no input, or to no output). `hidden` may be empty: then $M^{\text{out}}$, which
# compares ranks with ranks, is the only mask. With $D=1$ the only variable sees nothing, whatever degrees the hidden
# units have.


# %% solution="1.2a"
def made_masks(D: int, hidden: list[int], order: Tensor, out_per_dim: int = 1) -> list[Tensor]:
    """Return the masks of an autoregressive perceptron, equation (1.5): one (out, in) tensor of 0 and 1 per layer.

    `hidden` holds the widths of the hidden layers, `order` (D,) the rank of each variable. The last mask has
    D * out_per_dim rows, `out_per_dim` neighbouring ones per variable. Layers may be narrower than D, and D may be 1.
    """
    ### BEGIN SOLUTION
    before, masks = order, []
    for width in hidden:
        degrees = torch.arange(width, device=order.device) % max(D - 1, 1)
        masks.append((degrees.unsqueeze(1) >= before).to(torch.get_default_dtype()))
        before = degrees
    rank = order.repeat_interleave(out_per_dim)
    masks.append((rank.unsqueeze(1) > before).to(torch.get_default_dtype()))
    return masks
    ### END SOLUTION


# %% tests="*"
def reached(masks):
    """Which input each output is connected to along at least one path: (outputs, inputs) of True and False."""
    paths = masks[0].double()
    for mask in masks[1:]:
        paths = (mask.double() @ paths > 0).double()
    return paths > 0


def all_binary(d):
    """All binary vectors of length d, (2^d, d)."""
    return torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * d).reshape(-1, d)


# %% tests="1.2a"
@core
@points(1)
def test_masks_have_their_shapes(rng):
    """There is one mask of zeros and ones per layer, (out, in), and the first and last fit the data."""
    d, o, hidden = rng.size(4, 6), rng.size(1, 3), [rng.size(14, 18), rng.size(19, 24)]
    masks = made_masks(d, hidden, torch.randperm(d, generator=rng), o)
    shapes = [tuple(mask.shape) for mask in masks]
    expected = [(hidden[0], d), (hidden[1], hidden[0]), (d * o, hidden[1])]
    assert shapes == expected, f"expected masks (out, in) of shapes {expected}, got {shapes}"
    assert all(bool(((mask == 0) | (mask == 1)).all()) for mask in masks), "a mask holds zeros and ones only"
    assert all(bool((mask == 1).any()) for mask in masks), "a mask of zeros lets nothing through"
    message = "a mask of ones hides nothing: nobody may see the last variable, and the first one sees nobody"
    assert all(bool((mask == 0).any()) for mask in (masks[0], masks[-1])), message


@points(1)
def test_no_output_sees_itself_or_a_later_variable(rng):
    """In any order, no path leads from a variable to itself or to an earlier one, but to the next there is one."""
    d = rng.size(4, 6)
    other = torch.arange(d).roll(1)  # an order that is not its own inverse
    paths = reached(made_masks(d, [20 * d], other))
    message = "in another order, outputs see variables of higher rank: order[i] is the rank of variable i"
    assert not bool((paths & (other.unsqueeze(1) < other)).any()), message
    paths = reached(made_masks(d, [20 * d], torch.arange(d)))
    assert not bool(paths.diagonal().any()), "an output sees its own variable: is the last comparison strict (>)?"
    assert not bool(paths.triu(1).any()), "an output sees a later variable: is a mask transposed or turned round?"
    neighbours = paths.diagonal(-1)
    assert bool(neighbours.all()), "an output does not see the variable just before it: is a hidden mask strict (>)?"


### BEGIN HIDDEN TESTS
@points(1.25)
def test_every_earlier_variable_is_seen_in_any_order(rng):
    """In a random order with two wide layers, output i is connected to exactly the variables of lower rank."""
    d = rng.size(4, 6)
    order = torch.randperm(d, generator=rng)
    if bool((order == torch.argsort(order)).all()):
        order = (torch.arange(d) + 1) % d  # an order that differs from its own inverse
    paths = reached(assert_inputs_unchanged(made_masks, d, [20 * d, 20 * d], order))
    allowed = order.unsqueeze(1) > order
    leaks, missing = int((paths & ~allowed).sum()), int((allowed & ~paths).sum())
    assert not leaks, f"{leaks} forbidden pairs are connected; order[i] is the rank of variable i"
    assert not missing, f"{missing} allowed pairs are not connected although the layers are wide"


@points(0.5)
def test_degrees_are_spread(rng):
    """A wide layer over many variables connects every allowed pair, few of its units are idle, and masks are floats."""
    d = rng.size(28, 32)
    order = torch.randperm(d, generator=rng)
    first, last = masks = made_masks(d, [20 * d], order)
    assert all(mask.is_floating_point() for mask in masks), "a mask multiplies weights: make it floating-point"
    missing = int(((order.unsqueeze(1) > order) & ~reached(masks)).sum())
    assert not missing, f"{missing} allowed pairs are not connected: some degrees are missing"
    idle = ~(first > 0).any(1) | ~(last > 0).any(0)
    message = f"{int(idle.sum())} of {20 * d} hidden units are connected to no input or no output: spread the degrees"
    assert float(idle.double().mean()) < 0.25, message


@points(0.5)
def test_narrow_layers_and_single_variables_stay_legal(rng):
    """With layers narrower than D, with no hidden layer, and with D = 1, nothing leaks."""
    d = rng.size(6, 9)
    order = torch.randperm(d, generator=rng)
    for hidden in ([2], [3, 2], [d - 2, 3, 4]):
        paths = reached(made_masks(d, hidden, order))
        assert not bool((paths & (order.unsqueeze(1) <= order)).any()), "narrow hidden layers leak"
    linear = reached(made_masks(d, [], order))
    assert bool((linear == (order.unsqueeze(1) > order)).all()), "without hidden layers the mask is rank > rank"
    single = reached(made_masks(1, [4], torch.zeros(1, dtype=torch.long), 2))
    assert tuple(single.shape) == (2, 1), f"D = 1: expected 2 outputs and 1 input, got {tuple(single.shape)}"
    assert not bool(single.any()), "with D = 1 the output depends on nothing"


@points(0.75)
def test_outputs_of_a_variable_are_neighbours(rng):
    """With several outputs per variable, the rows of one variable stand together and see the same."""
    d, o = rng.size(3, 5), rng.size(2, 3)
    order = torch.randperm(d, generator=rng)
    paths = reached(made_masks(d, [20 * d], order, o)).reshape(d, o, d)
    allowed = (order.unsqueeze(1) > order).unsqueeze(1).expand(d, o, d)
    assert bool((paths == allowed).all()), (
        "rows i*o to i*o + o - 1 belong to variable i (repeat_interleave, not repeat)"
    )


### END HIDDEN TESTS

# %% [markdown]
# ### The network
#
# `MaskedLinear` is given; read it, for two of its lines carry the whole idea. The mask is a **buffer**: it moves with
# `.to(...)`, is saved with the weights, and is no parameter. And it multiplies in **every** forward pass: masking the
# initial weights once looks right until the first gradient step fills the holes again.


# %%
class MaskedLinear(nn.Linear):
    """A linear layer whose weight matrix is multiplied by a fixed mask (out, in)."""

    def __init__(self, mask: Tensor):
        super().__init__(mask.shape[1], mask.shape[0])
        self.register_buffer("mask", mask.to(self.weight.dtype))

    def forward(self, x: Tensor) -> Tensor:
        """(..., in) -> (..., out)."""
        return functional.linear(x, self.weight * self.mask, self.bias)


# %% [markdown]
# The network is a stack of masked layers with ReLUs in between (none after the last). Its outputs are logits,
#
# $$\ell_i=f_i\left(\{x_j:r_j<r_i\}\right),\qquad
#   \log p(x)=\sum_{i=1}^{D}\log p(x_i\mid x_{<i})\quad\text{with (1.2) for binary }x. \tag{1.6}$$
#
# | symbol | variable | shape | dtype |
# |---|---|---|---|
# | $r$ | `self.order`, a buffer; natural order if `order` is `None` | `(D,)` | int64 |
# | $x$ | `x` | `(B, D)` | floating |
# | $\ell$ | `forward(x)` | `(B, D, out_per_dim)` | same |
# | $\log p(x)$, binary, `out_per_dim` 1 | `log_prob(x)` | `(B,)`, nats | same |


# %% solution="1.2b"
class MADE(nn.Module):
    """A masked autoencoder for density estimation. `order[i]` is the rank of variable i."""

    def __init__(self, D: int, hidden: list[int], order: Tensor | None = None, out_per_dim: int = 1):
        super().__init__()
        self.out_per_dim = out_per_dim
        self.register_buffer("order", torch.arange(D) if order is None else order)
        ### BEGIN SOLUTION
        self.layers = nn.ModuleList(MaskedLinear(mask) for mask in made_masks(D, hidden, self.order, out_per_dim))
        ### END SOLUTION

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs for every variable, each a function of the variables of lower rank: (B, D) -> (B, D, o)."""
        ### BEGIN SOLUTION
        h = self.layers[0](x)
        for layer in self.layers[1:]:
            h = layer(functional.relu(h))
        return h.reshape(x.shape[0], x.shape[1], self.out_per_dim)
        ### END SOLUTION

    def log_prob(self, x: Tensor) -> Tensor:
        """Return log p(x) in nats for binary x, equation (1.6): (B, D) -> (B,). For `out_per_dim` 1."""
        ### BEGIN SOLUTION
        return bernoulli_log_prob(self(x).squeeze(-1), x)
        ### END SOLUTION


# %% tests="*"
def assert_respects_order(model, x, order, message):
    """Changing variable j of the binary vector x (D,) changes no output of a variable of rank up to that of j."""
    d = len(x)
    flipped = torch.where(torch.eye(d) > 0, 1 - x, x)  # row j differs from x in variable j
    outputs = model(torch.cat([x.unsqueeze(0), flipped])).detach()
    moved = (outputs[1:] - outputs[0]).abs().amax(-1) > 1e-12  # (changed variable, output)
    leaks = int((moved & (order <= order.unsqueeze(1))).sum())
    assert not leaks, f"{message}: {leaks} outputs depend on their own or on a later variable"
    return moved


# %% tests="1.2b"
@core
@points(0.5)
def test_made_shapes(rng):
    """forward gives (B, D, out_per_dim) and log_prob one number per example; both depend on x, and on x only."""
    b, d, o = rng.size(2, 5), rng.size(3, 6), rng.size(2, 3)
    x = torch.randint(2, (b, d), generator=rng).double()
    x[0], x[1] = 0, 1
    model, single = MADE(d, [40, 40], out_per_dim=o), MADE(d, [40])
    outputs, value = model(x).detach(), single.log_prob(x).detach()
    assert tuple(outputs.shape) == (b, d, o), f"forward: expected shape {(b, d, o)}, got {tuple(outputs.shape)}"
    shape = tuple(single(x).shape)
    assert shape == (b, d, 1), f"forward: expected shape {(b, d, 1)}, got {shape}"
    assert tuple(value.shape) == (b,), f"log_prob: expected shape {(b,)}, got {tuple(value.shape)}"
    for name, found in (("forward", outputs), ("log_prob", value)):
        assert float((found[0] - found[1]).abs().max()) > 1e-9, f"{name} gives the same for different x"
    assert_close(model(x), outputs, "Called twice with the same x, the network gives two different answers")


@points(0.5)
def test_sixteen_images_have_total_probability_one(rng):
    """The probabilities of all 16 images of four pixels sum to one, and they still do after a gradient step."""
    model, x = MADE(4, [24]), all_binary(4)
    log_p = model.log_prob(x)
    message = "The probabilities of all 16 images do not sum to one: something leaks"
    assert_close(log_p.exp().sum(), torch.tensor(1.0), message)
    parameters = list(model.parameters())
    assert parameters, "the network has no parameters: keep its layers in nn.Sequential or nn.ModuleList, not in a list"
    assert log_p.requires_grad, "log_prob carries no gradient: was it detached? It is what training follows"
    for parameter, gradient in zip(parameters, torch.autograd.grad(log_p.sum(), parameters), strict=True):
        parameter.data += 0.1 * gradient
    message = "After a gradient step the probabilities do not sum to one: mask the weights in every forward pass"
    assert_close(model.log_prob(x).exp().sum(), torch.tensor(1.0), message)


### BEGIN HIDDEN TESTS
@points(0.75)
def test_made_is_normalised_in_any_order(rng):
    """With a random order and two hidden layers, the probabilities of all 2^D vectors sum to one."""
    d = rng.size(6, 8)
    model = MADE(d, [30, 25], torch.randperm(d, generator=rng))
    total = model.log_prob(all_binary(d)).exp().sum()
    assert_close(total, torch.tensor(1.0), "In a random order with two layers, probabilities do not sum to one")


@points(0.5)
def test_outputs_are_the_logits_of_one(rng):
    """Switching on the last variable in the order changes log p by that variable's logit."""
    d = rng.size(3, 5)
    order = torch.randperm(d, generator=rng)
    model, last = MADE(d, [20, 20], order), int(order.argmax())
    off = torch.randint(2, (4, d), generator=rng).double()
    off[:, last] = 0
    on = off.clone()
    on[:, last] = 1
    large = MADE(d, [20, 20], order)
    for parameter in large.parameters():
        parameter.data *= 20
    odds = (large.log_prob(on) - large.log_prob(off)).detach()
    assert_close(large(off).detach()[:, last, 0], odds, "An output is a logit of any size, not clamped in log_prob")
    odds = model.log_prob(on) - model.log_prob(off)
    assert odds.requires_grad, "log_prob carries no gradient: was it detached? It is what training follows"
    assert_close(model(off)[:, last, 0], odds, "An output is the logit of x_i = 1, log p(on) - log p(off)")
    parameters, logits = list(model.parameters()), model(on)[..., 0]
    wanted = torch.autograd.grad(logits, parameters, on - torch.sigmoid(logits.detach()), retain_graph=True)
    found = torch.autograd.grad(model.log_prob(on).sum(), parameters, allow_unused=True)
    for gradient, right in zip(found, wanted, strict=True):
        assert gradient is not None, "log_prob sends no gradient to a parameter of the network"
        assert_close(gradient, right, "The gradient of log p with respect to the logits is x minus the probability")
    alone = torch.autograd.grad(logits[0, int(order.argmin())], parameters, allow_unused=True)
    learned = any(gradient is not None and bool(gradient.any()) for gradient in alone)
    assert learned, "The logit of the first variable, which sees nothing, cannot be learned: where is its bias?"


@points(0.5)
def test_masks_hold_after_training_steps(rng):
    """After three gradient steps every output still depends only on variables of lower rank."""
    d = rng.size(4, 6)
    order = torch.randperm(d, generator=rng)
    model = MADE(d, [24, 24], order, 2)
    x = torch.randint(2, (8, d), generator=rng).double()
    for _ in range(3):
        loss = (model(x) - x.unsqueeze(-1)).square().sum()
        parameters = list(model.parameters())
        for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
            parameter.data -= 0.01 * gradient
    moved = assert_respects_order(model, x[0], order, "After training steps")
    assert bool(moved.any()), "no output depends on any variable"


@points(0.25)
def test_hidden_layers_bend_and_outputs_do_not(rng):
    """With hidden layers the outputs are no affine function of x, without they are, and they take either sign."""
    d = rng.size(4, 6)
    x = 10 * torch.randn(16, d, generator=rng)
    for hidden in ([40], [40, 40]):
        model = MADE(d, hidden, out_per_dim=10)
        outputs = model(x).detach()
        bent = (outputs + model(-x) - 2 * model(torch.zeros(1, d))).detach()[:, -1].abs().max()
        assert float(bent) > 1e-6, "a network with hidden layers is an affine function of x: where are the ReLUs?"
        message = "ReLUs stand between the layers: none before the first one, where x may be negative"
        below = (model(-x.abs()) - model(-2 * x.abs())).detach()[:, -1]
        assert float(below.abs().max()) > 1e-6, message
        assert float(outputs.min()) < 0 < float(outputs.max()), "logits take either sign: no ReLU after the last layer"
    model = MADE(d, [])
    bent = (model(x) + model(-x) - 2 * model(torch.zeros(1, d))).detach().abs().max()
    assert float(bent) < 1e-9, "without hidden layers there is nothing to put a ReLU between"


@points(0.5)
def test_made_moves_and_copies_whole(rng):
    """Another network that loads its state gives the same outputs, order included; precision may change."""
    d = rng.size(4, 6)
    order = torch.arange(d).roll(1)
    first, second = MADE(d, [16], order).float(), MADE(d, [16])
    x = torch.randint(2, (5, d), generator=rng).double()
    single = first(x.float()), first.log_prob(x.float())
    assert all(value.dtype == torch.float32 for value in single), "a float32 network gave another dtype"
    second.load_state_dict({name: value.double() for name, value in first.state_dict().items()})
    first = first.double()
    assert_close(first(x), second(x), "A copy of the state gives other outputs: is a weight, or a mask, not in it?")
    assert_close(second.order, order, "The order is a part of the state: register it as a buffer")
    assert_respects_order(first, x[0], order, "After a change of precision")
    value = assert_inputs_unchanged(first.log_prob, x[:1])
    assert_close(value, second.log_prob(x)[:1], "An example on its own has another log-probability than in a batch")


### END HIDDEN TESTS

# %% [markdown]
# ### Sampling
#
# Likelihood takes one pass; sampling takes $D$, in the order of the **ranks**: fix the variable of rank 0, feed it back,
# fix the variable of rank 1, and so on,
#
# $$x_i=\mathbb 1\left[u_i<s\left(\ell_i(x)\right)\right]\qquad\text{for the }i\text{ with }r_i=0,1,\dots,D-1. \tag{1.7}$$
#
# | symbol | variable | shape | dtype |
# |---|---|---|---|
# | $u$ | `u`, uniform numbers | `(n, D)` | floating |
# | $\ell$ | `model(x)`, reads `model.order` for $r$ | `(n, D, 1)` | same |
# | $x$ | returned | `(n, D)` of zeros and ones | as `u` |
#
# Sampling in the order of the *index* is right for the natural order, and only for it. Note an elegant test: the finished
# $x$ satisfies (1.7) for all $i$ at once, and it is the only vector that does (why?).


# %% solution="1.2c"
def sample_made(model: nn.Module, u: Tensor) -> Tensor:
    """Return binary samples given uniform numbers `u` (n, D), equation (1.7): (n, D) of 0 and 1, dtype of `u`.

    `model` maps (n, D) to logits (n, D, 1), and `model.order` (D,) holds the rank of each variable.
    """
    ### BEGIN SOLUTION
    x = torch.zeros_like(u)
    with torch.no_grad():
        for i in model.order.argsort().tolist():
            x[:, i] = (u[:, i] < torch.sigmoid(model(x)[:, i, 0])).to(u.dtype)
    return x
    ### END SOLUTION


# %% tests="*"
class AnyOrderModel(nn.Module):
    """Binary variables in any order; each logit is a random linear function of the variables of lower rank."""

    def __init__(self, order, rng, *, scale=3.0):
        super().__init__()
        d = len(order)
        self.register_buffer("order", order)
        weight = scale * torch.randn(d, d, generator=rng)
        self.weight = nn.Parameter(weight * (order.unsqueeze(1) > order))
        self.bias = nn.Parameter(torch.randn(d, generator=rng))

    def forward(self, x):
        """(n, D) -> (n, D, 1)."""
        return ((2 * x - 1) @ self.weight.T + self.bias).unsqueeze(-1)


# %% tests="1.2c"
@core
@points(0.5)
def test_extreme_numbers_decide_every_variable(rng):
    """Where u is 0 every variable is one, where u is 1 every variable is zero."""
    n, d = rng.size(2, 4), rng.size(3, 6)
    model = AnyOrderModel(torch.arange(d), rng)
    assert_close(sample_made(model, torch.zeros(n, d)), torch.ones(n, d), "u = 0 lies below every probability of one")
    assert_close(sample_made(model, torch.ones(n, d)), torch.zeros(n, d), "u = 1 lies above every probability of one")


@points(0.5)
def test_samples_agree_with_the_model(rng):
    """Every sampled variable is one exactly if its u lies below the probability that the model gives it."""
    n, d = rng.size(20, 30), rng.size(4, 6)
    for order, message in (
        (torch.arange(d), "A variable disagrees with its own conditional: were the logits recomputed each time?"),
        (
            torch.arange(d).roll(1),
            "In another order a variable disagrees: draw in the order of the ranks, not of the index",
        ),
    ):
        model, u = AnyOrderModel(order, rng), torch.rand(n, d, generator=rng)
        x = sample_made(model, u)
        assert_close(x, (u < torch.sigmoid(model(x)[..., 0])).double().detach(), message)


### BEGIN HIDDEN TESTS
@points(1)
def test_samples_follow_the_ranks(rng):
    """The same holds for an order that is neither the natural one nor its own inverse."""
    n, d = rng.size(20, 30), rng.size(5, 7)
    order = (torch.arange(d) + rng.size(1, d - 2)) % d
    order = torch.where(order < 2, 1 - order, order)  # swap two ranks, so that no rotation is left
    model = AnyOrderModel(order, rng)
    u = torch.rand(n, d, generator=rng)
    x = assert_inputs_unchanged(sample_made, model, u)
    again = (u < torch.sigmoid(model(x)[..., 0])).double().detach()
    assert_close(x, again, "Variables are not drawn in the order of their ranks (argsort of order)")
    alone = torch.cat([sample_made(model, u[i : i + 1]) for i in range(4)])
    assert_close(alone, x[:4], "A sample on its own differs from the same one in a batch")
    chain = AnyOrderModel(order, rng)  # every variable wants to differ from the one before it
    chain.weight.data, chain.bias.data = -20.0 * (order.unsqueeze(1) == order + 1).double(), torch.zeros(d)
    alternating = (order % 2 == 0).double().unsqueeze(0)
    message = "In a chain of variables that alternate the last ones are wrong: D of them take D steps"
    assert_close(sample_made(chain, torch.full((1, d), 0.3)), alternating, message)
    single = sample_made(model.float(), u[:3].float())
    assert single.dtype == torch.float32, "float32 numbers gave samples of another dtype"


@points(0.5)
def test_frequencies_are_the_model_s_probabilities(rng):
    """Among many samples of three variables, each of the eight outcomes is as frequent as its probability."""
    order = torch.tensor([1, 2, 0])
    model = AnyOrderModel(order, rng, scale=1.0)
    x = all_binary(3)
    cost = functional.binary_cross_entropy_with_logits(model(x)[..., 0], x, reduction="none").sum(-1)
    drawn = sample_made(model, torch.rand(4000, 3, generator=rng))
    assert tuple(drawn.shape) == (4000, 3), "there is one sample for each row of u"
    assert not drawn.requires_grad, "samples carry a gradient: sample under torch.no_grad()"
    cell = (drawn @ torch.tensor([4.0, 2.0, 1.0])).long()
    probs = (-cost).exp().detach()
    assert_probs(torch.bincount(cell, minlength=8), probs, message="Outcomes are not as frequent as the model says")


### END HIDDEN TESTS

# %% [markdown]
# ### Experiment: MADE on binarised digits
#
# 1438 training images of 64 pixels, on or off. Independent pixels cost 25.32 nats per test image.
#
# **What to expect** (budget `cpu`, 60 epochs, about 7 seconds of one core): test cost below 22.9 nats at epoch 10,
# below 19.9 at epoch 30, and **about 18.1** at epoch 60; at most 19.0 is a good result, above 20.5 something is wrong.
# A cost that falls *below 15* is no triumph: a mask leaks, and the sum over all images in the last line of output would
# exceed one if we could afford it. (We can, for nine pixels: that is printed.) A cost stuck near 25 means that the
# outputs see nothing: look for a hidden mask that is too strict.

# %% experiment="1.2" cpu_minutes=0.3 t4_minutes=0.3
import digits
import matplotlib.pyplot as plt
from hwkit import Checkpointer, device, fit, one_step_cpu_check, preset, set_seed

EPOCHS = preset(smoke=2, cpu=60, gpu=60)
HIDDEN = preset(smoke=[64], cpu=[256, 256], gpu=[256, 256])


def train_made(epochs, hidden, name="made"):
    """Train MADE on binarised digits; return it with one dict of test metrics per epoch."""
    set_seed(0)
    train, test = digits.binarised("train"), digits.binarised("test")
    made = MADE(64, hidden)
    optimizer = torch.optim.AdamW(made.parameters(), lr=2e-3, weight_decay=0.05)

    def update(images):
        loss = -made.log_prob(images).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    one_step_cpu_check(lambda: update(train[:64]), made, optimizer=optimizer)
    where = device()
    made, train, test = made.to(where), train.to(where), test.to(where)
    optimizer = torch.optim.AdamW(made.parameters(), lr=2e-3, weight_decay=0.05)

    def epoch():
        for rows in torch.randperm(len(train), device=where).split(64):
            update(train[rows])
        with torch.no_grad():
            return {"test nats": -float(made.log_prob(test).mean())}

    saved = Checkpointer(f"{name}.pt", model=made, optimizer=optimizer, config={"epochs": epochs, "hidden": hidden})
    bands = {10: (20.5, 22.9), 30: (18.0, 19.9), 60: (17.0, 19.0)}
    return made, fit(epoch, epochs, checkpoint=saved, expect=bands)


made, history = train_made(EPOCHS, HIDDEN)
print(f"test cost  {history[-1]['test nats']:.2f} nats  (expected about 18.1 after 60 epochs)")
tiny = MADE(9, [32, 32], torch.randperm(9))
images = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * 9)
print(f"sum of p over all 512 images of nine pixels  {float(tiny.log_prob(images).exp().sum().detach()):.5f}")
new = sample_made(made, torch.rand(10, 64, device=next(made.parameters()).device)).cpu()
fig, axes = plt.subplots(1, 10, figsize=(10, 1.2))
for axis, image in zip(axes, new, strict=True):
    axis.imshow(image.reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
    axis.set_axis_off()
plt.show()

# %% [markdown]
# **Reflect.** Train once more with `MADE(64, hidden, torch.randperm(64))`, and with `name="shuffled"`, because under
# the old name the finished run would be found and nothing trained. Is the test cost better, worse, or the same? W1.2
# says what to expect with unlimited tables; why is a network different?

# %% [markdown] problem="1.3" minutes=200
# ## Problem 1.3: PixelCNN
#
# For grey levels and larger pictures, share the conditional between places: a **convolution** whose kernel is cut so
# that it sees only pixels above, and to the left in the same row. Pixels are ordered by rows, left to right; pixel
# $(i,j)$ comes at position $iW+j$ of that *raster order*.
#
# ### The mask of a kernel
#
# For a kernel of odd height and width with centre $(i_0,j_0)$,
#
# $$M_{ij}=\mathbb 1\left[\,i<i_0\ \text{ or }\ (i=i_0\text{ and }j<j_0)\,\right]\ \text{(type A)},\qquad
#   \text{type B: also }M_{i_0j_0}=1. \tag{1.8}$$
#
# | symbol | variable | shape | dtype |
# |---|---|---|---|
# | type | `kind`, `"A"` or `"B"` | string | str |
# | kernel size | `height`, `width`, odd | numbers | int |
# | $M$ | returned | `(height, width)` | floating, 0 and 1 |
#
# Type A goes first, and once: the input pixel itself must not be seen. After it a feature at $(i,j)$ knows nothing of
# pixel $(i,j)$, and type B may look at it. A second type A would only throw knowledge away.


# %% solution="1.3a"
def conv_mask(kind: str, height: int, width: int) -> Tensor:
    """Return the mask (height, width) of 0 and 1 of a causal convolution, equation (1.8). Both sizes are odd.

    `kind` "A" excludes the centre, "B" includes it. Raises ValueError for another kind.
    """
    ### BEGIN SOLUTION
    if kind not in ("A", "B"):
        raise ValueError(f'kind must be "A" or "B", not {kind!r}')
    mask = torch.zeros(height, width)
    mask[: height // 2] = 1
    mask[height // 2, : width // 2 + (kind == "B")] = 1
    return mask
    ### END SOLUTION


# %% tests="1.3a"
@core
@points(0.75)
def test_type_a_hides_the_centre_and_type_b_shows_it(rng):
    """The centre is masked for type A only; elsewhere the types agree."""
    h, w = 2 * rng.size(1, 30) + 1, 2 * rng.size(1, 30) + 1
    a, b = conv_mask("A", h, w), conv_mask("B", h, w)
    for name, mask in (("A", a), ("B", b)):
        assert tuple(mask.shape) == (h, w), f"type {name}: expected shape {(h, w)}, got {tuple(mask.shape)}"
    assert float(a[h // 2, w // 2]) == 0, "type A may not see the pixel that it predicts: are A and B swapped?"
    assert float(b[h // 2, w // 2]) == 1, "type B sees the centre, which after a type A holds no secret"
    assert int((a != b).sum()) == 1, "types A and B differ in the centre only"


@points(0.5)
def test_nothing_below_and_nothing_to_the_right(rng):
    """Rows below the centre and the right part of its row are masked, rows above and the left part are open."""
    h, w = 2 * rng.size(1, 9) + 1, 2 * rng.size(1, 9) + 1
    for kind in ("A", "B"):
        mask = conv_mask(kind, h, w)
        assert not bool(mask[h // 2 + 1 :].any()), "the rows below the centre come later in raster order"
        assert not bool(mask[h // 2, w // 2 + 1 :].any()), (
            "pixels to the right of the centre come later in raster order"
        )
        assert bool(mask[: h // 2].all()), "all pixels of the rows above come earlier in raster order: open them"
        assert bool(mask[h // 2, : w // 2].all()), "pixels to the left of the centre come earlier in raster order"


### BEGIN HIDDEN TESTS
@points(1)
def test_kernel_sees_exactly_the_earlier_pixels(rng):
    """For kernels of any odd height and width, exactly the positions before the centre in raster order are open."""
    height, width = 2 * rng.size(0, 3) + 1, 2 * rng.size(0, 3) + 1
    for h, w in ((height, width), (1, 5), (5, 1), (3, 7)):
        before = (torch.arange(h * w) < h * w // 2).double().reshape(h, w)
        at_centre = (torch.arange(h * w) == h * w // 2).double().reshape(h, w)
        assert_close(conv_mask("A", h, w).double(), before, "Type A opens the positions before the centre, no others")
        assert_close(conv_mask("B", h, w).double(), before + at_centre, "Type B opens those and the centre")
        assert conv_mask("A", h, w).is_floating_point(), "a mask multiplies weights: make it floating-point"


@points(0.25)
def test_other_kinds_are_refused(rng):
    """Another kind raises ValueError."""
    size = 2 * rng.size(0, 2) + 1
    for kind in ("a", "C", ""):
        refused = False
        try:
            conv_mask(kind, size, size)
        except ValueError:
            refused = True
        assert refused, "a kind other than A and B should raise ValueError"


### END HIDDEN TESTS

# %% [markdown]
# ### The network
#
# Two classes are given: a convolution that applies your mask, and a residual block around a type-B convolution.


# %%
class MaskedConv2d(nn.Conv2d):
    """A convolution with a causal kernel of type "A" or "B" and odd size; padded so that the image keeps its size."""

    def __init__(self, kind: str, channels_in: int, channels_out: int, size: int):
        super().__init__(channels_in, channels_out, size, padding=size // 2)
        self.register_buffer("mask", conv_mask(kind, size, size).to(self.weight.dtype))

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels_in, H, W) -> (B, channels_out, H, W)."""
        return functional.conv2d(x, self.weight * self.mask, self.bias, padding=self.padding)


class ResidualBlock(nn.Module):
    """Features (B, width, H, W) plus a correction that sees the 3 x 3 causal neighbourhood, centre included."""

    def __init__(self, width: int, dropout: float = 0.0):
        super().__init__()
        half = max(width // 2, 1)
        self.body = nn.Sequential(
            nn.ReLU(),
            nn.Conv2d(width, half, 1),
            nn.ReLU(),
            MaskedConv2d("B", half, half, 3),
            nn.ReLU(),
            nn.Conv2d(half, width, 1),
            nn.Dropout(dropout),
        )

    def forward(self, h: Tensor) -> Tensor:
        """(B, width, H, W) -> the same."""
        return h + self.body(h)


# %% [markdown]
# Yours is what holds them together:
#
# $$h_0=\text{conv}^{5\times5}_A\left(\tfrac{2x}{K-1}-1\right)+e_y,\qquad h_n=\text{block}_n(h_{n-1}),\qquad
#   \ell=\text{conv}^{1\times1}\left(\text{relu}\left(\text{conv}^{1\times1}(\text{relu}(h_N))\right)\right). \tag{1.9}$$
#
# | symbol | variable | shape | dtype |
# |---|---|---|---|
# | $x$ | `x`, levels $0,\dots,K-1$ | `(B, 1, H, W)` | int64 |
# | $y$, $e_y$ | `y`, a learned vector of `width` numbers per class, added at every pixel | `(B,)` or `None` | int64 |
# | $h$ | features | `(B, width, H, W)` | floating |
# | $K$, $N$ | `K`, `n_blocks` | numbers | int |
# | channels of $h_n$ and of the first $1\times1$ convolution | `width` (the last convolution gives `K`) | number | int |
# | dropout | `dropout`, handed to every block | number in [0, 1) | float |
# | $\ell$ | returned: logits over the levels of every pixel | `(B, K, H, W)` | floating |
#
# Scale the levels by the *constant* $K-1$. Subtracting the mean of the image, or batch normalisation over space, hands
# every pixel a summary of its future. `n_classes=None` makes an unconditional model, called without `y`; a model with
# classes is always called with them.


# %% solution="1.3b"
class PixelCNN(nn.Module):
    """An autoregressive model of images (B, 1, H, W) with K grey levels, optionally given a class; see (1.9)."""

    def __init__(
        self, K: int = 17, width: int = 32, n_blocks: int = 4, n_classes: int | None = None, dropout: float = 0.0
    ):
        super().__init__()
        self.K = K
        ### BEGIN SOLUTION
        self.first = MaskedConv2d("A", 1, width, 5)
        self.classes = None if n_classes is None else nn.Embedding(n_classes, width)
        self.blocks = nn.Sequential(*[ResidualBlock(width, dropout) for _ in range(n_blocks)])
        self.head = nn.Sequential(nn.ReLU(), nn.Conv2d(width, width, 1), nn.ReLU(), nn.Conv2d(width, K, 1))
        ### END SOLUTION

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """Return logits (B, K, H, W) for images `x` (B, 1, H, W) of levels 0..K-1 and classes `y` (B,) or None."""
        ### BEGIN SOLUTION
        scaled = 2 * x.to(self.first.weight.dtype) / (self.K - 1) - 1
        h = self.first(scaled)
        if y is not None:
            h = h + self.classes(y)[:, :, None, None]
        return self.head(self.blocks(h))
        ### END SOLUTION


# %% tests="1.3b"
@core
@points(0.75)
def test_pixelcnn_shapes(rng):
    """Images of any size give logits (B, K, H, W), with and without classes, which depend on the image and nothing else."""
    b, k, h, w = rng.size(2, 3), rng.size(4, 9), rng.size(3, 5), rng.size(6, 8)
    x = torch.randint(k, (b, 1, h, w), generator=rng)
    for n_classes, y in ((None, None), (3, torch.randint(3, (b,), generator=rng))):
        model = PixelCNN(k, 32, 1, n_classes)
        logits = model(x, y).detach()
        assert tuple(logits.shape) == (b, k, h, w), f"expected shape {(b, k, h, w)}, got {tuple(logits.shape)}"
        assert float((logits[0] - logits[1]).abs().max()) > 1e-9, "two different images have the same logits"
        assert_close(model(x, y), logits, "Called twice with the same image, the network gives two different answers")


@points(1)
def test_first_pixel_sees_nothing_and_last_sees_its_neighbour(rng):
    """The first pixel sees nothing, nobody sees the last one, and the last one sees the pixel before it."""
    k, h, w = rng.size(4, 9), rng.size(3, 4), rng.size(3, 5)
    model = PixelCNN(k, 32, 1)
    x = torch.randint(k - 1, (1, 1, h, w), generator=rng)
    x = torch.cat([x, (x + 1) % (k - 1)])  # two images that differ everywhere
    first = model(x)[:, :, 0, 0].detach()
    assert_close(first[0], first[1], "the first pixel sees something: is the first convolution of type A?", atol=1e-9)
    late = x.clone()
    late[:, :, -1, -1] = k - 1
    message = (
        "the last pixel is seen before its time: is a mean over the image taken, is the first convolution of type A?"
    )
    assert_close(model(late), model(x).detach(), message, atol=1e-9)
    near = x.clone()
    near[:, :, -1, -2] = k - 1
    moved = (model(near) - model(x))[:, :, -1, -1].detach().abs().max()
    assert float(moved) > 1e-9, "the last pixel does not see its left neighbour"


### BEGIN HIDDEN TESTS
@points(1.25)
def test_no_logit_sees_its_own_or_a_later_pixel(rng):
    """Changing a pixel changes no logits up to and including that pixel, anywhere, also after a training step."""
    k, (h, w) = rng.size(3, 6), (5, 7) if rng.size(0, 1) else (7, 5)
    model = PixelCNN(k, 32, 2)
    x = torch.randint(k, (1, 1, h, w), generator=rng)
    parameters = list(model.parameters())
    loss = functional.cross_entropy(model(x), x[:, 0])
    for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
        parameter.data -= 0.01 * gradient
    places = torch.eye(h * w, dtype=torch.long).reshape(h * w, 1, h, w)
    logits = model(torch.cat([x, (x + places * rng.size(1, k - 1)) % k])).detach().flatten(2)
    moved = (logits[1:] - logits[:1]).abs().amax(1) > 1e-9  # (changed pixel, logits of pixel)
    leaks = int(moved.tril().sum())
    assert not leaks, (
        f"{leaks} logits depend on their own or on a later pixel: a mask, a mean over the image, or padding?"
    )
    near = moved.reshape(h, w, h, w)[2, 2]
    reach = [bool(near[2, 3]), bool(near[3, 2]), bool(near[3, 1]), bool(near[3, 3]), bool(near[4, 2])]
    assert all(reach), "a pixel is not seen by all of its later neighbours: right, below, and below to either side"


@points(0.25)
def test_every_block_widens_the_view(rng):
    """Each block lets a pixel see at least one column further to the left, beginning with two."""
    k, n, w = 2, rng.size(3, 4), 9
    x, before = torch.zeros(2, 1, 1, w, dtype=torch.long), 0
    sizes = [sum(parameter.numel() for parameter in PixelCNN(k, 8, blocks).parameters()) for blocks in (1, 2)]
    assert sizes[0] < sizes[1], "a second block brings no weights of its own: is one block used twice?"
    for blocks in (0, 1, n):
        model = PixelCNN(k, 32, blocks)
        seen = []
        for j in range(w - 1):
            x[1] = 0
            x[1, :, :, j] = k - 1
            logits = model(x).detach()[:, :, 0, -1]
            seen.append(float((logits[0] - logits[1]).abs().max()) > 1e-12)
        far = sum(seen)
        assert far >= 2 + blocks, f"with {blocks} blocks of 3 x 3 after the 5 x 5, a pixel sees {far} columns back only"
        assert before < far < w - 1 or blocks > 1, (
            f"with {blocks} blocks a pixel sees {far} columns back: are there more blocks?"
        )
        before = far


@points(0.5)
def test_all_small_images_have_total_probability_one(rng):
    """The probabilities of all 16 binary images of 2 x 2 pixels sum to one."""
    model = PixelCNN(2, 8, 2)
    x = torch.cartesian_prod(*[torch.arange(2)] * 4).reshape(16, 1, 2, 2)
    log_p = model(x).log_softmax(1).gather(1, x).sum((1, 2, 3))
    assert_close(log_p.exp().sum(), torch.tensor(1.0), "The probabilities of all 16 images do not sum to one")


@points(0.25)
def test_examples_do_not_see_each_other(rng):
    """An image has the same logits alone and in a batch, in training mode too, which differs by dropout only."""
    k, b = rng.size(3, 6), rng.size(2, 4)
    x = torch.randint(k, (b, 1, 4, 4), generator=rng)
    model = PixelCNN(k, 32, 2)
    alone = torch.cat([model(x[i : i + 1]) for i in range(b)]).detach()
    assert_close(
        assert_inputs_unchanged(model, x), alone, "Images of a batch influence each other: batch normalisation?"
    )
    assert_close(model.eval()(x), alone, "Without dropout, training and evaluation mode give the same")
    model = PixelCNN(k, 32, 2, dropout=0.5)
    first, second = model(x).detach(), model(x).detach()
    assert float((first - second).abs().max()) > 1e-9, (
        "dropout=0.5 has no effect in training mode: hand it to the blocks"
    )
    model.eval()
    assert_close(model(x), model(x).detach(), "Dropout is off in evaluation mode")


@points(0.5)
def test_every_image_follows_its_own_class(rng):
    """The class changes the logits of every pixel, the first one included, for the example that it belongs to."""
    k = rng.size(3, 6)
    n = k + rng.size(1, 3)
    model = PixelCNN(k, 32, 1, n)
    x = torch.randint(k, (1, 1, 3, 4), generator=rng).expand(n, 1, 3, 4)
    y = torch.randperm(n, generator=rng)
    logits = model(x, y).detach()
    apart = (logits.unsqueeze(0) - logits.unsqueeze(1)).abs().amax(2) + torch.eye(n)[:, :, None, None]
    assert bool((apart > 1e-9).all()), "two classes give the same logits at some pixel: is e_y added everywhere?"
    assert_close(model(x, y.flip(0)), logits.flip(0), "Each image follows the class in its own row of y")


@float32
@points(0.25)
def test_pixelcnn_trains_every_weight(rng):
    """Every parameter, class vectors included, receives a gradient; levels are scaled; logits take either sign."""
    k = rng.size(200, 256)
    x, y = torch.randint(k, (4, 1, 4, 4), generator=rng), torch.tensor([0, 1, 0, 1])
    sizes = [float(PixelCNN(k, 8, 2, 2)(x, y).detach().abs().max()) for _ in range(8)]
    message = "untrained networks have huge logits: are the levels scaled to between -1 and 1?"
    assert sum(sizes) / len(sizes) < 8, message
    model = PixelCNN(k, 8, 2, 2)
    logits = model(x, y)
    assert logits.dtype == torch.float32, "a float32 network gave another dtype"
    low, high = float(logits.detach().min()), float(logits.detach().max())
    assert low < 0 < high, "logits take either sign: no ReLU after the last layer"
    functional.cross_entropy(logits, x[:, 0]).backward()
    unused = [name for name, parameter in model.named_parameters() if parameter.grad is None]
    assert not unused, f"{len(unused)} parameter tensors receive no gradient from the loss"


@points(0.25)
def test_pixelcnn_copies_whole(rng):
    """Another network that loads its state gives the same outputs, and gradients are those of the outputs."""
    k = rng.size(3, 6)
    first, second = PixelCNN(k, 16, 2, 2), PixelCNN(k, 16, 2, 2)
    second.load_state_dict(first.state_dict())
    x, y = torch.randint(k, (2, 1, 3, 5), generator=rng), torch.tensor([1, 0])
    assert_close(second(x, y), first(x, y).detach(), "A copy of the state gives other outputs: is a weight not in it?")
    parameters = list(first.parameters())
    gradients = torch.autograd.grad(first(x, y).square().sum(), parameters)
    length = torch.stack([gradient.square().sum() for gradient in gradients]).sum().sqrt()
    sides = []
    for sign in (1, -2):  # up the gradient by a small step, then down by twice as much
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.data += sign * 1e-5 * gradient / length
        sides.append(first(x, y).square().sum().detach())
    message = "The outputs change along their gradient less than it says: is a part of the network detached?"
    assert_close((sides[0] - sides[1]) / 2e-5, length, message, rtol=0.01)


### END HIDDEN TESTS

# %% [markdown] written="W1.4" points=6 pages=1
# **The blind spot.** Stack one type-A and $d$ type-B convolutions, all $3\times3$, in the manner of (1.8).
#
# (a) Prove by induction: the features of pixel $(i,j)$ after the stack can depend on pixels of row $i-r$, $r\ge1$, only
# in columns up to $j+r$; and for $r\le d$ column $j+r$ is reached.
#
# (b) Conclude that a pixel $(i-r,j+c)$ with $c>r\ge1$ comes *earlier* in raster order and is nevertheless never seen,
# however deep the network. What is the consequence for the likelihood?
#
# (c) Give an architecture without the blind spot, and say why it has none.
#
# ### BEGIN SOLUTION
# (a) One layer moves information along the open positions of its kernel: from $(i-1,j-1),(i-1,j),(i-1,j+1),(i,j-1)$
# and, for type B, $(i,j)$. Write a dependence of $(i,j)$ on a pixel as a chain of at most $d+1$ such steps. Claim: after
# $m$ steps that go up $r$ rows in total, the column is at most $j+r$. For $m=0$ this is clear ($r=0$, column $j$). Each
# further step either stays in its row and moves by 0 or $-1$ (column does not grow, $r$ unchanged), or goes up one row
# and moves by at most $+1$ ($r$ grows by one, the column by at most one). So the bound is kept. It is attained: $r$
# steps up and to the right, $(i-1,j+1),(i-2,j+2),\dots$, reach column $j+r$. The last step of a chain, into the pixels,
# belongs to the type-A layer, whose kernel is open there; the other $r-1$ belong to layers of type B, and the layers of
# type B that are left over stay on their centre. This needs $r\le d+1$.
#
# (b) With $c>r$ the pixel $(i-r,j+c)$ lies beyond the bound for *every* number of layers, since the bound does not
# depend on $m$. It precedes $(i,j)$ because its row does. The model is a valid density (it ignores a legal parent), but
# it cannot represent laws in which $x_{ij}$ depends on such a pixel given the others; its likelihood is bounded away
# from the best by that conditional mutual information, and depth does not help.
#
# (c) Two stacks. In the *vertical* one the first kernel is open in the row above only, in all its columns, and the later
# kernels are open in the row above and in the current row, again in all columns, right of the centre too. Any chain of
# $m$ steps then goes up at least once, at its last step into the pixels, and sideways freely: the feature $v_{ij}$ sees
# the full rectangle of rows $i-m..i-1$ and columns $j-m..j+m$, and nothing of row $i$. In the *horizontal* stack
# $1\times k$ kernels (first type A, then type B) see the pixels to the left in row $i$, and $v_{ij}$ is added at every
# layer. Together they see, with depth, all earlier pixels and no others. Or: causal self-attention over the raster
# sequence, in which every earlier pixel is one step away.
# ### END SOLUTION
#
# ### BEGIN MARK SCHEME
# - (1) (a) lists the moves of one layer, and sees that moving right is only possible together with moving up
# - (1) (a) induction over the layers
# - (1) (a) shows that column $j+r$ is reached
# - (1) (b) a pixel with $c>r$ precedes in raster order, and the bound holds for any depth
# - (1) (b) consequence: still a valid density, but a restricted family
# - (1) (c) a fix that works (vertical and horizontal stacks, or attention) with a reason; larger kernels only make the
#   edge less steep, and earn nothing
# ### END MARK SCHEME

# %% [markdown]
# ### Likelihood and samples
#
# Three functions that work for *any* model which maps images to logits: your network, or the small exact ones that the
# tests bring along.
#
# $$-\log p(x)=-\sum_{i,j}\log\operatorname{softmax}\left(\ell_{\cdot ij}(x)\right)_{x_{ij}}. \tag{1.10}$$
#
# | symbol | variable | shape | dtype |
# |---|---|---|---|
# | $x$, $y$ | `x`, `y` | `(B, 1, H, W)`, `(B,)` or `None` | int64 |
# | $\ell$ | `model(x, y)` | `(B, K, H, W)` | floating |
# | $-\log p(x)$ | returned | `(B,)`, nats | floating |


# %% solution="1.3c"
def pixel_nll(model: nn.Module, x: Tensor, y: Tensor | None = None) -> Tensor:
    """Return the negative log-likelihood of images in nats, equation (1.10): (B, 1, H, W) -> (B,).

    `model(x, y)` returns logits (B, K, H, W).
    """
    ### BEGIN SOLUTION
    cost = functional.cross_entropy(model(x, y), x[:, 0], reduction="none")  # (B, H, W)
    return cost.sum((1, 2))
    ### END SOLUTION


# %% tests="*"
class RasterModel(nn.Module):
    """Images with K levels; the logits of a pixel are a random linear function of all earlier pixels, and of y.

    In training mode the logits are spoiled, as by dropout.
    """

    def __init__(self, h, w, k, rng, *, n_classes=0, scale=2.0):
        super().__init__()
        t = h * w
        weight = scale * torch.randn(k, t, t, generator=rng)
        self.weight = nn.Parameter(weight.tril(-1))
        self.bias = nn.Parameter(torch.randn(1, k, t, generator=rng))
        self.classes = nn.Parameter(2 * torch.randn(max(n_classes, 1), k, 1, generator=rng))
        self.spoiled = torch.randn(1, k, t, generator=rng)
        self.eval()

    def forward(self, x, y=None):
        """(B, 1, H, W), (B,) or None -> (B, K, H, W)."""
        b, _, h, w = x.shape
        k = self.weight.shape[0]
        grey = torch.arange(k, device=x.device).to(self.weight.dtype) / (k - 1) - 0.5
        flat = grey[x].reshape(b, 1, h * w, 1)  # x is an index: a model with an embedding wants int64, too
        logits = (self.weight @ flat).squeeze(-1) + self.bias
        if y is not None:
            logits = logits + self.classes[y]
        if self.training:
            logits = logits + 4 * self.spoiled
        return logits.reshape(b, k, h, w)


def agrees(model, x, u, y=None):
    """Whether each pixel of x is what `choose` makes of the model's own logits and u: (B, 1, H, W) of booleans."""
    logits = model(x, y).detach()
    return x == choose(logits.movedim(1, -1), u).unsqueeze(1)


# %% tests="1.3c"
@core
@points(0.5)
def test_uniform_logits_cost_log_k_per_pixel(rng):
    """A model with equal logits pays log K for every pixel, per image."""
    b, k, h, w = rng.size(2, 4), rng.size(2, 9), rng.size(2, 4), rng.size(5, 6)
    x = torch.randint(k, (b, 1, h, w), generator=rng)
    nll = pixel_nll(lambda x, y=None: torch.zeros(b, k, h, w), x)
    message = "Equal logits cost H W log K nats per image: sum over pixels, one number per example"
    assert_close(nll, torch.full((b,), h * w * math.log(k)), message)


@points(0.5)
def test_a_certain_and_right_model_pays_nothing(rng):
    """If the logits put all their mass on the right levels, the cost is zero."""
    b, k, h, w = rng.size(2, 4), rng.size(3, 9), rng.size(2, 4), rng.size(2, 4)
    x = torch.randint(k, (b, 1, h, w), generator=rng)
    sure = 1000 * functional.one_hot(x[:, 0], k).movedim(-1, 1).double()
    assert_close(pixel_nll(lambda x, y=None: sure, x), torch.zeros(b), "A model that is certain and right pays nothing")


### BEGIN HIDDEN TESTS
@points(0.75)
def test_likelihoods_of_all_images_sum_to_one(rng):
    """For a small exact model, exp(-nll) over all images sums to one, for every class."""
    k = rng.size(2, 3)
    model, y = RasterModel(2, 2, k, rng, n_classes=3), rng.size(0, 2)
    x = torch.cartesian_prod(*[torch.arange(k)] * 4).reshape(-1, 1, 2, 2)
    labels = torch.full((len(x),), y)
    first, second = pixel_nll(model, x, labels), pixel_nll(model, x)
    assert_close((-first).exp().sum(), torch.tensor(1.0), f"The probabilities of all {len(x)} images do not sum to one")
    assert float((first - second).detach().abs().max()) > 1e-3, "the class y is not passed on to the model"


@points(0.5)
def test_every_image_is_scored_on_its_own(rng):
    """The cost of an image does not depend on its batch, and is the sum of its pixels' costs one by one."""
    b, k, h, w = rng.size(2, 3), rng.size(3, 5), 2, rng.size(3, 4)
    model = RasterModel(h, w, k, rng, n_classes=2)
    x, y = torch.randint(k, (b, 1, h, w), generator=rng), torch.arange(b) % 2
    nll = assert_inputs_unchanged(pixel_nll, model, x, y)
    assert_close(pixel_nll(model, x[:1], y[:1]), nll[:1].detach(), "A batch of one image gives a cost of shape (1,)")
    sure = 1000 * functional.one_hot((x[:, 0] + 1) % k, k).movedim(-1, 1).double()
    wrong = pixel_nll(lambda x, y=None: sure, x)
    message = "A model that is certain and wrong pays its logit: the log of a rounded probability is infinite"
    assert_close(wrong, torch.full((b,), 1000.0 * h * w), message)
    log_p = model(x, y).log_softmax(1).detach()
    one_by_one = [-sum(log_p[n, x[n, 0, i, j], i, j] for i in range(h) for j in range(w)) for n in range(b)]
    assert_close(nll, torch.stack(one_by_one), "The cost of an image is the sum over its pixels of -log softmax")


@points(0.25)
def test_gradients_reach_the_model(rng):
    """The gradient for the model's bias is the sum of probabilities minus outcomes."""
    b, k, h, w = rng.size(2, 3), rng.size(3, 5), 2, 3
    model = RasterModel(h, w, k, rng)
    x = torch.randint(k, (b, 1, h, w), generator=rng)
    nll = pixel_nll(model, x)
    assert nll.requires_grad, "the cost carries no gradient: was it detached?"
    (gradient,) = torch.autograd.grad(nll.sum(), model.bias, allow_unused=True)
    assert gradient is not None, "no gradient reaches the model"
    expected = model(x).softmax(1).detach() - functional.one_hot(x[:, 0], k).movedim(-1, 1)
    assert_close(gradient, expected.sum(0, keepdim=True).flatten(2), "The gradient of the cost with respect to logits")
    assert pixel_nll(model.float(), x).dtype == torch.float32, "a float32 model gave a cost of another dtype"


### END HIDDEN TESTS

# %% [markdown]
# To sample, fill the image in raster order. The logits of a pixel are right only when all earlier pixels have their
# final values, so there are $HW$ forward passes:
#
# $$x_{ij}=\texttt{choose}\left(\ell_{\cdot ij}(x),u_{ij}\right)\qquad\text{for }(i,j)\text{ in raster order}. \tag{1.11}$$
#
# | symbol | variable | shape | dtype |
# |---|---|---|---|
# | $u$ | `u`, uniform numbers | `(n, H, W)` | floating |
# | $x$ | returned | `(n, 1, H, W)` | int64 |
#
# Dropout must be off while sampling: switch the model to evaluation mode, and leave it in the mode in which it came.


# %% solution="1.3d"
def sample_images(model: nn.Module, u: Tensor, y: Tensor | None = None) -> Tensor:
    """Return images (n, 1, H, W) of int64 levels given uniform numbers `u` (n, H, W), equation (1.11).

    `model(x, y)` returns logits (n, K, H, W). The model is in evaluation mode meanwhile, without gradients, and
    afterwards in the mode in which it was before.
    """
    ### BEGIN SOLUTION
    n, height, width = u.shape
    x = torch.zeros(n, 1, height, width, dtype=torch.long, device=u.device)
    was_training = model.training
    model.eval()
    with torch.no_grad():
        for i in range(height):
            for j in range(width):
                x[:, 0, i, j] = choose(model(x, y)[:, :, i, j], u[:, i, j])
    model.train(was_training)
    return x
    ### END SOLUTION


# %% tests="1.3d"
@core
@points(0.75)
def test_sampled_pixels_are_chosen_from_their_logits(rng):
    """Every pixel is what `choose` makes of the model's logits for the finished image."""
    n, k, h, w = rng.size(6, 9), rng.size(3, 5), 2, rng.size(3, 4)
    model = RasterModel(h, w, k, rng)
    u = torch.rand(n, h, w, generator=rng)
    x = sample_images(model, u)
    assert tuple(x.shape) == (n, 1, h, w), f"expected shape {(n, 1, h, w)}, got {tuple(x.shape)}"
    assert x.dtype == torch.int64, f"levels are integers (int64), not {x.dtype}"
    message = "A pixel is not chosen by its u from its logits: rows first, then columns, and new logits for every pixel"
    assert bool(agrees(model, x, u).all()), message


### BEGIN HIDDEN TESTS
@points(0.75)
def test_sampling_passes_the_class_on(rng):
    """With classes, each image follows the logits for its own class, on wide and on tall images."""
    k, (h, w) = rng.size(3, 5), (4, 2) if rng.size(0, 1) else (2, 5)
    model = RasterModel(h, w, k, rng, n_classes=3)
    y, u = torch.randint(3, (8,), generator=rng), torch.rand(8, h, w, generator=rng)
    x = assert_inputs_unchanged(sample_images, model, u, y)
    assert bool(agrees(model, x, u, y).all()), "An image disagrees with the logits for its class"
    alone = sample_images(model, u[:1], y[:1])
    assert bool((alone == x[:1]).all()), "An image sampled on its own differs from the same one in a batch"


@probe
def mode_after_sampling(u, training):
    """Whether a model that came in training mode, or not, is in training mode after sampling."""

    class Coins(torch.nn.Module):
        def forward(self, x, y=None):
            return torch.zeros(len(x), 2, *x.shape[2:])

    model = Coins()
    model.train(training)
    sample_images(model, u)
    return model.training


@points(0.5)
def test_sampling_switches_dropout_off(rng):
    """A model in training mode is used in evaluation mode, and is in training mode again afterwards."""
    k, h, w = rng.size(3, 5), 2, 3
    model, u = RasterModel(h, w, k, rng).train(), torch.rand(8, h, w, generator=rng)
    x = sample_images(model, u)
    model.eval()
    assert bool(agrees(model, x, u).all()), "Samples come from the model in training mode: call model.eval() first"
    message = "the model is not left in the mode in which it came: training would go on without dropout, or with it"
    assert mode_after_sampling(u, True), message
    assert not mode_after_sampling(u, False), message


@points(0.5)
def test_pixel_frequencies_are_right(rng):
    """Among many images of two pixels, each pair of levels is as frequent as its probability."""
    model = RasterModel(1, 2, 2, rng, scale=1.0)
    drawn = sample_images(model, torch.rand(3000, 1, 2, generator=rng)).reshape(3000, 2)
    x = torch.cartesian_prod(torch.arange(2), torch.arange(2)).reshape(4, 1, 1, 2)
    probs = model(x).log_softmax(1).gather(1, x).sum((1, 2, 3)).exp().detach()
    counts = torch.bincount(drawn @ torch.tensor([2, 1]), minlength=4)
    assert_probs(counts, probs, message="Images are not as frequent as the model says")


### END HIDDEN TESTS

# %% [markdown]
# **Inpainting** is sampling with some pixels given: where $m_{ij}=1$ the pixel keeps its value; elsewhere it is drawn as
# in (1.11), from logits that see the *known* pixels before it. (What comes later in raster order, known or not, has no
# influence: that is the price of a fixed order.) As before: evaluation mode, no gradients, and the mode put back.
#
# | symbol | variable | shape | dtype |
# |---|---|---|---|
# | known values | `x`, any levels where unknown | `(n, 1, H, W)` | int64 |
# | $m$ | `known` | `(1, 1, H, W)` | bool |
# | $u$ | `u` | `(n, H, W)` | floating |


# %% solution="1.3e"
def inpaint(model: nn.Module, x: Tensor, known: Tensor, u: Tensor, y: Tensor | None = None) -> Tensor:
    """Return `x` (n, 1, H, W) with the pixels where `known` (1, 1, H, W) is False drawn as in (1.11) from `u` (n, H, W).

    Known pixels keep their values and are seen by later ones. `model(x, y)` returns logits (n, K, H, W). The model is
    in evaluation mode meanwhile, and afterwards in the mode in which it was before.
    """
    ### BEGIN SOLUTION
    was_training = model.training
    model.eval()
    filled = x.clone()
    with torch.no_grad():
        for i, j in (~known[0, 0]).nonzero().tolist():  # in raster order
            filled[:, 0, i, j] = choose(model(filled, y)[:, :, i, j], u[:, i, j])
    model.train(was_training)
    return filled
    ### END SOLUTION


# %% tests="1.3e"
@core
@points(0.75)
def test_known_pixels_stay(rng):
    """Known pixels keep their values; with all of them known nothing changes."""
    n, k, h, w = rng.size(3, 5), rng.size(3, 5), 3, rng.size(3, 4)
    model = RasterModel(h, w, k, rng)
    x = torch.randint(k, (n, 1, h, w), generator=rng)
    u, known = torch.rand(n, h, w, generator=rng), torch.zeros(1, 1, h, w, dtype=torch.bool)
    known[:, :, rng.size(0, 2)] = True
    filled = inpaint(model, x, known, u)
    assert tuple(filled.shape) == tuple(x.shape), f"expected shape {tuple(x.shape)}, got {tuple(filled.shape)}"
    assert filled.dtype == torch.int64, f"levels are integers (int64), not {filled.dtype}"
    assert bool((filled == x)[known.expand(x.shape)].all()), "a known pixel was changed"
    assert bool((inpaint(model, x, ~known | known, u) == x).all()), "everything is known, and something changed"
    fresh = inpaint(model, x, ~known & known, u)
    assert bool(agrees(model, fresh, u).all()), "with nothing known, inpainting is sampling"


### BEGIN HIDDEN TESTS
@points(1)
def test_unknown_pixels_see_the_known_ones(rng):
    """Every unknown pixel is drawn from logits that see the known pixels before it, and inputs are left unchanged."""
    n, k, h, w = rng.size(10, 14), rng.size(3, 5), 3, rng.size(3, 4)
    model = RasterModel(h, w, k, rng, n_classes=2)
    x, y = torch.randint(k, (n, 1, h, w), generator=rng), torch.randint(2, (n,), generator=rng)
    known = torch.rand(1, 1, h, w, generator=rng) < 0.5
    known[:, :, 0, 0], known[:, :, -1, -1] = True, False
    u = torch.rand(n, h, w, generator=rng)
    filled = assert_inputs_unchanged(inpaint, model, x, known, u, y)
    kept = known.expand(x.shape)
    assert bool((filled == x)[kept].all()), "a known pixel was changed"
    message = "An unknown pixel disagrees with its logits: known pixels must be in place before the others are drawn"
    assert bool(agrees(model, filled, u, y)[~kept].all()), message
    alone = inpaint(model, x[:1], known, u[:1], y[:1])
    assert bool((alone == filled[:1]).all()), "An image inpainted on its own differs from the same one in a batch"


@probe
def mode_after_inpainting(x, known, u, training):
    """Whether a model that came in training mode, or not, is in training mode after inpainting."""

    class Coins(torch.nn.Module):
        def forward(self, x, y=None):
            return torch.zeros(len(x), 2, *x.shape[2:])

    model = Coins()
    model.train(training)
    inpaint(model, x, known, u)
    return model.training


@points(0.75)
def test_values_under_the_mask_do_not_matter(rng):
    """What stood in the unknown pixels has no influence, dropout is off meanwhile, and the model's mode is kept."""
    n, k, h, w = 8, rng.size(3, 5), 3, 3
    model = RasterModel(h, w, k, rng).train()
    known = torch.zeros(1, 1, h, w, dtype=torch.bool)
    known[:, :, 1] = True
    u, x = torch.rand(n, h, w, generator=rng), torch.randint(k, (n, 1, h, w), generator=rng)
    other = torch.where(known, x, torch.randint(k, (n, 1, h, w), generator=rng))
    first, second = inpaint(model, x, known, u), inpaint(model, other, known, u)
    assert bool((first == second).all()), "the result depends on the old values of unknown pixels"
    model.eval()
    unknown = ~known.expand(x.shape)
    assert bool(agrees(model, first, u)[unknown].all()), "Pixels come from the model in training mode: model.eval()"
    kept = mode_after_inpainting(x, known, u, True) and not mode_after_inpainting(x, known, u, False)
    assert kept, "the model is not left in the mode in which it came"


### END HIDDEN TESTS

# %% [markdown]
# ### Experiment: digits with 17 grey levels
#
# Two networks of 16 000 weights, one without and one with classes. Both see 1438 images, which is little: dropout and
# weight decay earn their keep, and the curve below is that of the *test* images.
#
# **What to expect** (budget `cpu`, 40 epochs, about 25 seconds of one core each): test cost near 2.08 bits per pixel at
# epoch 10, 2.00 at epoch 20, and **1.94 to 1.98** at epoch 40; with classes **1.89 to 1.92**. At most 2.00 is a good
# result, and above 2.10 something is missing. Independent pixels pay 2.434. If your cost is *below 1.7*, do not celebrate: look for
# a leak (is the first convolution of type A?).

# %% experiment="1.3" cpu_minutes=1 t4_minutes=1
import digits
import matplotlib.pyplot as plt
from hwkit import Checkpointer, device, fit, one_step_cpu_check, preset, savefig, set_seed

EPOCHS_PIXEL = preset(smoke=1, cpu=40, gpu=40)
WIDTH, BLOCKS = preset(smoke=(8, 1), cpu=(32, 4), gpu=(32, 4))


def train_pixelcnn(epochs, n_classes=None, name="pixelcnn"):
    """Train a PixelCNN on the digits; return it with one dict of test metrics per epoch."""
    set_seed(0)
    (train, train_y), (test, test_y) = digits.load("train"), digits.load("test")
    model = PixelCNN(17, WIDTH, BLOCKS, n_classes, dropout=0.1)
    where, steps = torch.device("cpu"), epochs * -(-len(train) // 64)

    def labels(y):
        return None if n_classes is None else y

    def update(rows):
        loss = bits_per_dim(pixel_nll(model, train[rows], labels(train_y[rows])), 64).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=1e-2)
    one_step_cpu_check(lambda: update(torch.arange(64)), model, optimizer=optimizer)
    where = device()
    model = model.to(where)
    train, train_y, test, test_y = (tensor.to(where) for tensor in (train, train_y, test, test_y))
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)

    def epoch():
        model.train()
        for rows in torch.randperm(len(train), device=where).split(64):
            update(rows)
            schedule.step()
        model.eval()
        with torch.no_grad():
            return {"test bits per pixel": float(bits_per_dim(pixel_nll(model, test, labels(test_y)), 64).mean())}

    config = {"epochs": epochs, "n_classes": n_classes, "width": WIDTH, "blocks": BLOCKS}
    saved = Checkpointer(f"{name}.pt", model=model, optimizer=optimizer, scheduler=schedule, config=config)
    bands = {10: (1.9, 2.12), 20: (1.85, 2.03), 40: (1.8, 2.0)}
    return model, fit(epoch, epochs, checkpoint=saved, expect=bands)


pixelcnn, pixel_history = train_pixelcnn(EPOCHS_PIXEL)
conditional, conditional_history = train_pixelcnn(EPOCHS_PIXEL, n_classes=10, name="pixelcnn_conditional")
for name, curve, expected in (
    ("no class", pixel_history, "1.94 to 1.98"),
    ("class", conditional_history, "1.89 to 1.92"),
):
    print(f"{name:9s} {curve[-1]['test bits per pixel']:.3f} bits per pixel  (expected {expected})")

# %% [markdown]
# **How good are the samples?** Bits per pixel measure *every* image; what a model draws is another question. The given
# `metrics.digits_fd` compares 359 samples with the 359 test digits by their features in a small classifier (the Fréchet
# distance of two Gaussians; real training digits have 0.20, independent pixels 1.3), and *label agreement* is the share
# of conditional samples that the classifier, which is right on 97 % of real digits, takes for the class asked for.
#
# **What to expect** (budget `cpu`, a few seconds): distances near **0.8** without and **0.5** with classes, agreement
# **0.55 to 0.67**. A conditional model with an agreement near 0.1 ignores its class. The classifier's own training is
# fixed, so that everybody measures with the same ruler.

# %% experiment="1.3" cpu_minutes=0.2 t4_minutes=0.2
from digit_features import classify
from metrics import digits_fd

set_seed(2)
DRAWN = preset(smoke=16, cpu=359, gpu=359)
where = next(pixelcnn.parameters()).device
wanted, u = digits.load("test")[1][:DRAWN].to(where), torch.rand(DRAWN, 8, 8, device=where)
free, given = sample_images(pixelcnn, u), sample_images(conditional, u, wanted)
agreement = float((classify(given) == wanted.cpu()).double().mean())
print(f"Fréchet distance, no class  {digits_fd(free):.2f}  (expected 0.7 to 0.95)")
print(f"Fréchet distance, class     {digits_fd(given):.2f}  (expected about 0.5)")
print(f"label agreement             {agreement:.2f}  (expected 0.55 to 0.67; real digits 0.97)")

# %% [markdown] figure="F1.1" points=2
# **The blind spot.** Show, for an *untrained* PixelCNN with one type-A and four type-B layers on $17\times17$ images,
# which pixels the logits of the centre depend on. The cell below changes every pixel in turn and records where the
# logits move. In two or three sentences: where is the blind spot of W1.4 in your picture (the first layer here is
# $5\times5$: what is the slope of its edge?), and which of the pixels that are *not* seen come earlier in raster order?
#
# Caption: Pixels that the logits of the centre depend on, in a PixelCNN on 17 by 17 images.
#
# ### BEGIN MARK SCHEME
# - (1) picture with the centre marked; nothing at, right of, or below the centre; a region open to the left and above
# - (1) names the wedge above and to the right that is never seen although it comes earlier; its edge has slope one, and
#   the one $5\times5$ layer shifts it by one column: $r\le5$ rows up, the last column seen is $j+r+1$ (pixels more than
#   six rows up or six columns to the left come earlier, too, but more layers would reach them)
# ### END MARK SCHEME

# %% experiment="1.3"
set_seed(0)
SIDE = 17
with torch.no_grad():
    wide = PixelCNN(17, 16, 4).double()
    centre = SIDE // 2
    places = torch.eye(SIDE * SIDE, dtype=torch.long).reshape(-1, 1, SIDE, SIDE)
    base = torch.full((1, 1, SIDE, SIDE), 8)
    moved = wide(base + 8 * places)[:, :, centre, centre] - wide(base)[:, :, centre, centre]
seen = (moved.abs().amax(1).reshape(SIDE, SIDE) > 1e-12).double()
fig, axis = plt.subplots(figsize=(4, 4))
axis.imshow(seen, cmap="Blues", vmin=0, vmax=1.4)
axis.plot(centre, centre, "s", color="#D55E00", markersize=9, label="predicted pixel")
axis.set(xlabel="column", ylabel="row", xticks=range(0, SIDE, 4), yticks=range(0, SIDE, 4))
axis.legend(loc="lower right")
savefig(
    "F1.1",
    fig,
    alt="Grid of 17 by 17 pixels: a region above and to the left of the centre is seen; a wedge above right is not.",
    answer="Replace this sentence by your two or three sentences.",
)

# %% [markdown] figure="F1.2" points=4
# **Digits, sampled and completed.** Show (a) ten samples of the unconditional model, (b) one sample per class of the
# conditional one, (c) ten test images of which the lower half was removed and inpainted. In three or four sentences:
# which digits come out well? What do the unconditional samples get wrong that the conditional ones get right, and what
# does the difference in bits per pixel say about it? Why could this model not fill in the *upper* half as well?
#
# Caption: Samples, class-conditional samples, and test digits with an inpainted lower half.
#
# ### BEGIN MARK SCHEME
# - (1) three labelled rows, legible at 300 pixels; in the third the upper halves are those of real digits
# - (1) conditional samples are recognisable more often; global shape is what unconditional samples get wrong
# - (1) relates about 0.05 bits per pixel, 64 pixels, to about 3 bits: what knowing the class (at most 3.3 bits) is
#   worth
# - (1) later pixels cannot influence earlier ones in raster order, so the known lower half would be ignored
# ### END MARK SCHEME

# %% experiment="1.3"
set_seed(3)
where = next(pixelcnn.parameters()).device
u = torch.rand(10, 8, 8, device=where)
classes = torch.arange(10, device=where)
known = torch.zeros(1, 1, 8, 8, dtype=torch.bool, device=where)
known[:, :, :4] = True
originals = digits.load("test")[0][:10].to(where)
rows = {
    "sampled": sample_images(pixelcnn, u),
    "given 0 to 9": sample_images(conditional, u, classes),
    "inpainted": inpaint(pixelcnn, originals, known, u),
}
fig, axes = plt.subplots(3, 10, figsize=(6, 2.8))
for line, (name, images) in zip(axes, rows.items(), strict=True):
    for axis, image in zip(line, images, strict=True):
        axis.imshow(image[0].cpu(), cmap="gray_r", vmin=0, vmax=16)
        axis.set(xticks=[], yticks=[])
    line[0].set_title(name, loc="left")
savefig(
    "F1.2",
    fig,
    alt="Three rows of ten digits: unconditional samples, one sample per class, digits with a generated lower half.",
    answer="Replace this sentence by your three or four sentences.",
)

# %% [markdown]
# **Your digits and your network** go along with the code, so that the person who marks F1.2 can measure them again. They
# carry no points of their own.

# %% artefact="pixelcnn_samples" file="pixelcnn_samples.npz" max_mb=1
import numpy as np

drawn = {"without_class": free, "with_class": given}
arrays = {name: images.cpu().numpy().astype(np.uint8) for name, images in drawn.items()}
np.savez_compressed("pixelcnn_samples.npz", labels=wanted.cpu().numpy(), **arrays)

# %% artefact="pixelcnn_weights" file="pixelcnn_weights.npz" max_mb=4
weights = {f"model.{name}": value.cpu().numpy() for name, value in pixelcnn.state_dict().items()}
np.savez_compressed("pixelcnn_weights.npz", width=WIDTH, blocks=BLOCKS, **weights)

# %% [markdown]
# **Reflect.** A sample of 64 pixels took 64 forward passes, although each pass computes the logits of all pixels. What
# would have to be stored to compute only what changed? Problem 1.4 does that for attention.

# %% [markdown] problem="1.4" minutes=260
# ## Problem 1.4: A causal Transformer that reads DNA
#
# The data: sequences of 48 bases over A, C, G, T, given as 0, 1, 2, 3. At position 8 stands a box that looks like TATAAA;
# behind it a **hairpin**: six bases, a loop of 3 to 6, and then the first six again, reversed and complemented, so that
# the strand can fold back on itself. Everything around is a Markov chain.
#
# ```
#   position  0        8      14       20      23..26          29..32
#             ........ TATAAA s1…s6    loop    s6'…s1'         ........
#                             └──────── pairs with ─┘
# ```
#
# Each base of the closing stem depends on one base 4 to 17 positions earlier, *at a distance that varies*. An $n$-gram
# would need a table of $4^{17}$ rows; attention has to learn where to look. And since `HairpinDNA` (given, in
# `hairpin_dna.py`) knows its exact $\log p(x)$, we know the best possible score: **1.590 bits per base**.
#
# ### Attention
#
# Each position asks a query and mixes the values of the positions *up to its own*, weighted by how well their keys match:
#
# $$a_t=\sum_{s\le t'}w_{ts}v_s,\qquad
#   w_{ts}=\operatorname*{softmax}_{s\le t'}\left(\frac{q_t\cdot k_s}{\sqrt d}\right),\qquad t'=t+S-T. \tag{1.12}$$
#
# | symbol | variable | shape | dtype |
# |---|---|---|---|
# | $q$ | `q`: queries of the *last* $T$ of $S$ positions | `(B, heads, T, d)` | floating |
# | $k$, $v$ | `k`, `v`, with $S\ge T$ | `(B, heads, S, d)` | same |
# | $a$ | returned | `(B, heads, T, d)` | same |
#
# $S>T$ happens when keys and values of earlier positions were kept: query 0 then stands at position $S-T$. Forbidden
# scores must be $-\infty$, not "very negative": against a mask of $-10^4$ a network with large weights learns to win,
# reports a perfect loss, and writes nonsense when it is asked to generate.


# %% solution="1.4a"
def causal_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Return causal attention, equation (1.12): q (B, heads, T, d), k and v (B, heads, S, d) -> (B, heads, T, d).

    The T queries belong to the last T of the S positions.
    """
    ### BEGIN SOLUTION
    T, S = q.shape[-2], k.shape[-2]
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    allowed = torch.ones(T, S, dtype=torch.bool, device=q.device).tril(S - T)
    return scores.masked_fill(~allowed, -math.inf).softmax(-1) @ v
    ### END SOLUTION


# %% tests="1.4a"
@core
@points(0.75)
def test_equal_scores_give_running_means(rng):
    """With queries of zero, every position returns the mean of the values up to its own."""
    b, h, t, d = rng.size(1, 3), rng.size(1, 3), rng.size(3, 6), rng.size(2, 4)
    k, v = torch.randn(b, h, t, d, generator=rng), torch.randn(b, h, t, d, generator=rng)
    means = v.cumsum(2) / (torch.arange(t) + 1.0).unsqueeze(-1)
    message = "Equal scores give the mean of values 0..t, position t included; the softmax runs over keys"
    assert_close(causal_attention(torch.zeros(b, h, t, d), k, v), means, message)


@points(0.5)
def test_one_query_sees_all_kept_keys(rng):
    """A single query against S keys stands at the last position and sees them all, weighted by their scores."""
    s, d = rng.size(3, 6), rng.size(2, 4)
    v = torch.randn(2, 3, s, d, generator=rng)
    out = causal_attention(torch.zeros(2, 3, 1, d), torch.randn(2, 3, s, d, generator=rng), v)
    assert_close(out, v.mean(2, keepdim=True), "With S keys and T queries, the queries are the last T positions")
    q, k = torch.zeros(2, 3, 1, d), torch.zeros(2, 3, s, d)
    q[..., 0], k[..., 0, 0] = math.log(2) * math.sqrt(d), 1.0
    mean = (v.sum(2, keepdim=True) + v[:, :, :1]) / (s + 1)
    message = "A score of log 2 doubles a weight: the scale of q k is 1/sqrt(d), d the width of one head"
    assert_close(causal_attention(q, k, v), mean, message)


@points(0.75)
def test_no_weight_however_large_sees_the_future(rng):
    """With huge queries and keys, changing the last position changes no earlier output at all."""
    t, d = rng.size(4, 6), rng.size(2, 4)
    q, k, v = (torch.randn(2, 2, t, d, generator=rng) for _ in range(3))
    q, k = 300 * q, 300 * k
    base = causal_attention(q, k, v)
    assert_finite(base, "Attention at large scores")
    k2, v2 = k.clone(), v.clone()
    k2[:, :, -1], v2[:, :, -1] = -k[:, :, -1], v[:, :, -1] + 5
    message = "Earlier outputs see a later position when scores are large: mask with minus infinity"
    assert_close(causal_attention(q, k2, v2)[:, :, :-1], base[:, :, :-1], message)


### BEGIN HIDDEN TESTS
@points(1)
def test_attention_is_a_softmax_average_of_the_past(rng):
    """For S of at least T, every output is the average of the values it may see, with softmax weights of q k / root d."""
    b, h, t, d = rng.size(1, 2), 3, rng.size(4, 5), rng.size(6, 8)
    for s in (t, t + rng.size(1, 3)):
        q = 2 * torch.randn(b, h, t, d, generator=rng)
        k, v = (torch.randn(b, h, s, d, generator=rng) for _ in range(2))
        out = assert_inputs_unchanged(causal_attention, q, k, v)
        assert tuple(out.shape) == (b, h, t, d), f"expected shape {(b, h, t, d)}, got {tuple(out.shape)}"
        for i in range(t):
            last = s - t + i + 1
            match = (q[:, :, i : i + 1] * k[:, :, :last]).sum(-1) / math.sqrt(d)
            mean = (match.softmax(-1).unsqueeze(-1) * v[:, :, :last]).sum(2)
            assert_close(
                out[:, :, i], mean, "An output is not the softmax average over its past: mask, or scale 1/sqrt(d)"
            )


@points(0.75)
def test_attention_gradients(rng):
    """Autograd agrees with finite differences, for more keys than queries; scores of any size find the best key."""
    q = torch.randn(1, 1, 2, 2, generator=rng)
    k, v = torch.randn(1, 1, 3, 2, generator=rng), torch.randn(1, 1, 3, 2, generator=rng)
    assert_gradients_match(causal_attention, q, k, v)
    q, k = q.abs() + 0.1, -k.abs() - 0.1  # all scores are negative, and the one that query 0 may not see is the best
    k[:, :, 2] = -0.05
    scores = (q @ k.transpose(-1, -2))[0, 0]
    best = torch.stack([v[0, 0, scores[0, :2].argmax()], v[0, 0, scores[1].argmax()]])
    message = "At scores of -1e12 the best allowed key has all the weight: clamp nothing, mask with minus infinity"
    assert_close(causal_attention(1e6 * q, 1e6 * k, v)[0, 0], best, message)


@float32
@points(0.25)
def test_attention_keeps_the_dtype(rng):
    """float32 in, float32 out."""
    q = torch.randn(1, 1, rng.size(1, 4), 2, generator=rng)
    assert causal_attention(q, q, q).dtype == torch.float32, "float32 inputs gave another dtype"


### END HIDDEN TESTS

# %% [markdown]
# ### The layer, and its memory
#
# A layer makes queries, keys and values from its input by linear maps, splits them into heads, attends, joins the heads
# and applies one more linear map. When text is generated token by token, keys and values of earlier tokens never change:
# keep them.
#
# $$q,k,v=xW_q,\;xW_k,\;xW_v\ \text{(with biases)},\qquad
#   y=\operatorname{join}\left(\operatorname{attention}\left(q,[k_\text{past};k],[v_\text{past};v]\right)\right)W_o. \tag{1.13}$$
#
# | symbol | variable | shape | dtype |
# |---|---|---|---|
# | $x$, $y$ | `x` and first result | `(B, T, width)` | floating |
# | $k_\text{past},v_\text{past}$ | `past`, a pair of tensors, or `None` at the start | `(B, heads, P, d)`, $d$ = `width / heads` | same |
# | $[k_\text{past};k],[v_\text{past};v]$ | second result, a pair | `(B, heads, P + T, d)` | same |
#
# $W_o$ may have a bias or none. Head $n$ owns the features $nd,\dots,(n+1)d-1$. To go from `(B, T, width)` to
# `(B, heads, T, d)`: `reshape` to `(B, T, heads, d)`, then `transpose`. Reshaping straight to the goal gives the right
# shape and mixes up time and features.


# %% solution="1.4b"
class CausalSelfAttention(nn.Module):
    """Multi-head causal self-attention with a memory of earlier keys and values, equation (1.13)."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        if width % heads:
            raise ValueError(f"{heads} heads do not divide a width of {width}")
        self.heads = heads
        ### BEGIN SOLUTION
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        ### END SOLUTION

    def forward(self, x: Tensor, past: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Return the output (B, T, width) and the keys and values so far, each (B, heads, P + T, width / heads).

        `x` is (B, T, width); `past` is the second result of the call for the P tokens before, or None.
        """
        ### BEGIN SOLUTION
        B, T, width = x.shape
        q, k, v = (part.reshape(B, T, self.heads, -1).transpose(1, 2) for part in self.qkv(x).chunk(3, dim=-1))
        if past is not None:
            k, v = torch.cat([past[0], k], dim=2), torch.cat([past[1], v], dim=2)
        mixed = causal_attention(q, k, v)
        return self.out(mixed.transpose(1, 2).reshape(B, T, width)), (k, v)
        ### END SOLUTION


# %% tests="1.4b"
@core
@points(0.5)
def test_layer_shapes(rng):
    """The layer returns (B, T, width), which depends on x, and keys and values per head, which grow with every call."""
    b, t, more, heads, d = rng.size(2, 3), rng.size(2, 4), rng.size(1, 3), rng.size(2, 3), rng.size(4, 6)
    layer = CausalSelfAttention(heads * d, heads)
    x = torch.randn(b, t, heads * d, generator=rng)
    y, past = layer(x)
    assert tuple(y.shape) == (b, t, heads * d), f"output: expected {(b, t, heads * d)}, got {tuple(y.shape)}"
    assert float((y[0] - y[1]).detach().abs().max()) > 1e-9, "two different sequences have the same output"
    assert_close(layer(x)[0], y.detach(), "Called twice with the same x, the layer gives two different answers")
    assert len(past) == 2, "the second result is a pair, keys and values"
    shapes = [tuple(kept.shape) for kept in past]
    assert shapes == [(b, heads, t, d)] * 2, f"keys and values: expected two of {(b, heads, t, d)}, got {shapes}"
    _, past = layer(torch.randn(b, more, heads * d, generator=rng), past)
    shapes = [tuple(kept.shape) for kept in past]
    assert shapes == [(b, heads, t + more, d)] * 2, "with a past of P tokens and T new ones, P + T are kept, each once"


@points(0.75)
def test_later_tokens_change_nothing_before(rng):
    """Changing the last token leaves all earlier outputs as they were."""
    t, heads, d = rng.size(3, 6), rng.size(2, 3), rng.size(2, 4)
    layer = CausalSelfAttention(heads * d, heads)
    x = torch.randn(2, t, heads * d, generator=rng)
    changed = x.clone()
    changed[:, -1] += 1
    first, second = layer(x)[0].detach(), layer(changed)[0].detach()
    message = "An output sees a later token: were heads split by reshape without transpose?"
    assert_close(first[:, :-1], second[:, :-1], message)
    assert float((first[:, -1] - second[:, -1]).abs().max()) > 1e-9, "the last output does not see its own token"


@points(0.75)
def test_memory_changes_nothing(rng):
    """Read in pieces of any length with the memory handed on, a sequence gives the outputs of one pass."""
    b, heads, d = rng.size(1, 2), rng.size(2, 3), rng.size(2, 3)
    pieces = [rng.size(1, 3), 1, rng.size(2, 3)]
    layer = CausalSelfAttention(heads * d, heads)
    x = torch.randn(b, sum(pieces), heads * d, generator=rng)
    whole, kept = layer(x)
    past, outputs = None, []
    for piece in x.split(pieces, dim=1):
        y, past = layer(piece, past)
        outputs.append(y)
    message = "Reading with memory differs from reading at once: the past comes first, and shifts the mask"
    assert_close(torch.cat(outputs, 1), whole, message)
    assert_close(list(past), list(kept), "The memory after the pieces differs from that of one pass")


### BEGIN HIDDEN TESTS
@points(0.5)
def test_attention_has_no_sense_of_order_but_the_mask(rng):
    """Shuffling the tokens before the last one leaves its output alone; equal tokens give equal outputs."""
    t, heads, d = rng.size(4, 6), rng.size(2, 3), rng.size(2, 4)
    layer = CausalSelfAttention(heads * d, heads)
    x = torch.randn(2, t, heads * d, generator=rng)
    shuffled = torch.cat([x[:, :-1].flip(1), x[:, -1:]], 1)
    message = "The last output depends on the order of the tokens before it: heads or time steps are mixed up"
    assert_close(layer(x)[0][:, -1], layer(shuffled)[0][:, -1], message)
    same = layer(x[:, :1].expand(2, t, heads * d))[0]
    assert_close(same, same[:, :1].expand(same.shape), "Equal tokens give equal outputs: weights over keys sum to one")


@points(0.5)
def test_heads_attend_separately(rng):
    """With the same weights, one head and several heads give different outputs; examples do not mix."""
    heads, d, t = rng.size(2, 3), rng.size(2, 4), rng.size(3, 5)
    many, single = CausalSelfAttention(heads * d, heads), CausalSelfAttention(heads * d, 1)
    single.load_state_dict(many.state_dict())
    x = 3 * torch.randn(3, t, heads * d, generator=rng)
    y = many(x)[0].detach()
    assert_close(y[:, 0], single(x)[0][:, 0], "The first token attends to itself only: every number of heads agrees")
    assert float((y - single(x)[0]).detach().abs().max()) > 1e-9, "the number of heads makes no difference"
    assert_close(many(x[1:2])[0], y[1:2], "Examples of a batch influence each other")


@points(0.5)
def test_second_of_the_memory_are_values(rng):
    """The output is an affine function of the kept values, not of the kept keys, and follows the dtype of x."""
    heads, d = rng.size(2, 3), rng.size(4, 6)
    layer = CausalSelfAttention(heads * d, heads)
    x = torch.randn(2, 2, heads * d, generator=rng)
    k, v, more = (torch.randn(2, heads, 3, d, generator=rng) for _ in range(3))
    y = layer(x, (k, v))[0].detach()
    moved = [layer(x, (k, v + sign * more))[0].detach() - y for sign in (1, -1)]
    assert float(moved[0].abs().max()) > 1e-6, "the kept values have no influence on the output"
    assert_close(moved[0], -moved[1], "The output is an average of values: the memory is the pair (keys, values)")
    moved = [layer(x, (k + sign * more, v))[0].detach() - y for sign in (1, -1)]
    assert float((moved[0] + moved[1]).abs().max()) > 1e-6, "the kept keys are not matched with the queries"
    small = CausalSelfAttention(2, 2)
    pieces = torch.randn(1, 2, 2, generator=rng), *(torch.randn(1, 2, 2, 1, generator=rng) for _ in range(2))
    assert_gradients_match(lambda x, k, v: small(x, (k, v)), *pieces)
    assert y.dtype == torch.float64, "a float64 layer gave another dtype"
    assert layer.float()(x.float())[0].dtype == torch.float32, "a float32 layer gave another dtype"


@points(0.5)
def test_layer_trains_and_leaves_its_inputs_alone(rng):
    """Every parameter and the input receive a gradient, also through the memory; inputs are left unchanged."""
    heads, d = 2, rng.size(2, 3)
    layer = CausalSelfAttention(heads * d, heads)
    x = torch.randn(2, 2, heads * d, generator=rng, requires_grad=True)
    _, past = layer(x)
    following = torch.randn(2, 1, heads * d, generator=rng)
    kept = [tensor.detach().clone() for tensor in past]
    y, _ = assert_inputs_unchanged(layer, following, (kept[0], kept[1]))
    y, _ = layer(following, past)
    (gradient,) = torch.autograd.grad(y.sum(), x, retain_graph=True, allow_unused=True)
    assert gradient is not None, "no gradient reaches earlier tokens through the memory: was it detached?"
    y.square().sum().backward()
    unused = [name for name, parameter in layer.named_parameters() if parameter.grad is None]
    assert not unused, f"{len(unused)} parameter tensors receive no gradient"
    values = layer(torch.zeros_like(following))[1][1]
    slopes = torch.autograd.grad(values.sum(), list(layer.parameters()), allow_unused=True)
    learned = any(slope is not None and bool(slope.any()) for slope in slopes)
    assert learned, "The values of an input of zeros are the biases, which have to be learned: where are they?"
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.zero_()
    nothing = layer(following)[0].detach()
    assert_close(nothing, torch.zeros_like(nothing), "With all weights zero the output is zero: x is not added here")


### END HIDDEN TESTS

# %% [markdown]
# ### The model
#
# The wiring is given: embeddings of tokens and positions, and blocks of your attention and a perceptron. Note the
# interface, for the next functions work with *any* model that has it: **`model(tokens, past)` returns logits for the
# token after each one, and a memory**; what the memory is made of is the model's own business. Token number $V$ is
# `BOS`, the beginning of a sequence.


# %%
from hairpin_dna import HairpinDNA

BOS = 4  # tokens 0 to 3 are A, C, G, T


class Block(nn.Module):
    """Attention and a perceptron, each added to the features after layer normalisation."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.before_attention, self.before_mlp = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = CausalSelfAttention(width, heads)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor, past: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """(B, T, width) and the memory of this block -> the same, longer by T."""
        y, present = self.attention(self.before_attention(x), past)
        x = x + y
        return x + self.mlp(self.before_mlp(x)), present


class DNATransformer(nn.Module):
    """A causal Transformer over tokens 0..V-1 and BOS = V, for sequences of at most L tokens."""

    def __init__(self, V: int = 4, L: int = 48, width: int = 64, heads: int = 4, n_blocks: int = 2):
        super().__init__()
        self.tokens = nn.Embedding(V + 1, width)
        self.positions = nn.Parameter(0.02 * torch.randn(L, width))
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(n_blocks))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, V)

    def forward(
        self, tokens: Tensor, past: list[tuple[Tensor, Tensor]] | None = None
    ) -> tuple[Tensor, list[tuple[Tensor, Tensor]]]:
        """Return logits (B, T, V) for the token after each of `tokens` (B, T), and the memory of every block."""
        start = 0 if past is None else past[0][0].shape[2]
        h = self.tokens(tokens) + self.positions[start : start + tokens.shape[1]]
        memory = []
        for number, block in enumerate(self.blocks):
            h, present = block(h, None if past is None else past[number])
            memory.append(present)
        return self.head(self.norm(h)), memory


# %% [markdown]
# ### Likelihood of a sequence
#
# To score $x_1,\dots,x_L$ in one pass, feed the sequence shifted by one place:
#
# $$-\log p(x)=-\sum_{t=1}^{L}\log\operatorname{softmax}\left(\ell_t\right)_{x_t},\qquad
#   \ell=\texttt{model}\left(\texttt{bos},x_1,\dots,x_{L-1}\right). \tag{1.14}$$
#
# | symbol | variable | shape | dtype |
# |---|---|---|---|
# | $x$ | `x` | `(B, L)` | int64 |
# | $\ell$ | first result of `model(tokens)` | `(B, L, V)` | floating |
# | $-\log p(x)$ | returned | `(B,)`, nats | floating |
#
# Feed $x$ unshifted and the model predicts the token that it sees: a loss of zero, and the shortest bug hunt of the
# course, if one knows that *nobody* beats the entropy.


# %% solution="1.4c"
def sequence_nll(model: nn.Module, x: Tensor, bos: int) -> Tensor:
    """Return the negative log-likelihood of sequences in nats, equation (1.14): (B, L) int64 -> (B,).

    `model(tokens)` returns logits (B, L, V) for the token after each one, and something else. `bos` is the number of the
    token that begins a sequence.
    """
    ### BEGIN SOLUTION
    begin = torch.full_like(x[:, :1], bos)
    logits, _ = model(torch.cat([begin, x[:, :-1]], dim=1))
    return functional.cross_entropy(logits.transpose(1, 2), x, reduction="none").sum(1)
    ### END SOLUTION


# %% tests="*"
class RecurrentModel(nn.Module):
    """A small exact sequence model with the interface of the Transformer: a random recurrent network over V tokens.

    `fed` lists, for each call, the tokens and whether a memory came with them.
    """

    def __init__(self, v, rng, *, size=3, scale=2.0):
        super().__init__()
        self.embed = nn.Parameter(scale * torch.randn(v + 1, size, generator=rng))
        self.back = nn.Parameter(torch.randn(size, size, generator=rng))
        self.head = nn.Parameter(scale * torch.randn(size, v, generator=rng))
        self.fed = []

    def forward(self, tokens, past=None):
        """(B, T), None or a list of one pair of tensors -> (B, T, V), list of one pair."""
        self.fed.append((tokens.detach().clone(), past is not None))
        h = self.embed.new_zeros(len(tokens), self.embed.shape[1]) if past is None else past[0][0]
        steps = []
        for t in range(tokens.shape[1]):
            h = torch.tanh(h @ self.back + self.embed[tokens[:, t]])
            steps.append(h @ self.head)
        return torch.stack(steps, 1), [(h, torch.tensor(float(len(self.fed))))]


def next_logits(model, x, bos):
    """The model's logits (B, L, V) for every token of x (B, L), from the tokens before it."""
    return model(torch.cat([torch.full_like(x[:, :1], bos), x[:, :-1]], 1))[0].detach()


# %% tests="1.4c"
@core
@points(0.5)
def test_equal_logits_cost_log_v_per_token(rng):
    """A model with equal logits pays log V for every token, per sequence."""
    b, length, v = rng.size(2, 4), rng.size(5, 9), rng.size(2, 4)
    x = torch.randint(v, (b, length), generator=rng)
    nll = sequence_nll(lambda tokens, past=None: (torch.zeros(*tokens.shape, v), None), x, v)
    assert_close(nll, torch.full((b,), length * math.log(v)), "Equal logits cost L log V nats: sum over the L tokens")


@points(0.5)
def test_model_is_fed_bos_and_all_but_the_last_token(rng):
    """The model sees bos and the first L - 1 tokens; each token is predicted from those before it."""
    b, length, v = rng.size(2, 4), rng.size(4, 6), rng.size(3, 5)
    model, x = RecurrentModel(v, rng), torch.randint(v, (b, length), generator=rng)
    sequence_nll(model, x, v)
    fed = torch.cat([tokens for tokens, _ in model.fed], 1)
    assert not bool((fed[:, -1] == x[:, -1]).all() and fed.shape[1] > length), "the last token is never an input"
    expected = torch.cat([torch.full((b, 1), v), x[:, :-1]], 1)
    assert_close(fed, expected, "The input is bos, then x without its last token: is it shifted by one?")


### BEGIN HIDDEN TESTS
@points(0.75)
def test_likelihoods_of_all_sequences_sum_to_one(rng):
    """For a small exact model, exp(-nll) over all sequences sums to one."""
    v, length = rng.size(2, 4), 4
    model, bos = RecurrentModel(v, rng), v
    x = torch.cartesian_prod(*[torch.arange(v)] * length)
    total = (-sequence_nll(model, x, bos)).exp().sum()
    assert_close(total, torch.tensor(1.0), f"The probabilities of all {len(x)} sequences do not sum to one")


@points(0.5)
def test_cost_is_the_chain_rule_token_by_token(rng):
    """The cost of a sequence is the sum of the costs of its tokens, each given its own prefix."""
    b, length, v = rng.size(2, 3), rng.size(3, 5), rng.size(3, 5)
    model, bos = RecurrentModel(v, rng), rng.size(0, v)
    x = torch.randint(v, (b, length), generator=rng)
    nll = assert_inputs_unchanged(sequence_nll, model, x, bos)
    log_p = next_logits(model, x, bos).log_softmax(-1)
    tokens = [[log_p[n, t, x[n, t]] for t in range(length)] for n in range(b)]
    expected = torch.stack([-torch.stack(row).sum() for row in tokens])
    assert_close(nll, expected, "The cost is not the sum over tokens of -log p(token | tokens before)")
    sure = torch.tensor([0.0, 1000.0])
    wrong = sequence_nll(lambda tokens, past=None: (sure.repeat(*tokens.shape, 1), None), torch.zeros_like(x), 2)
    message = "A model that is certain and wrong pays its logit: the log of a rounded probability is infinite"
    assert_close(wrong, torch.full((b,), 1000.0 * length), message)


@points(0.25)
def test_sequence_cost_trains_the_model(rng):
    """Gradients reach every parameter of the model."""
    model = RecurrentModel(3, rng)
    nll = sequence_nll(model, torch.randint(3, (6, rng.size(3, 5)), generator=rng), 3)
    assert nll.requires_grad, "the cost carries no gradient: was it detached?"
    gradients = torch.autograd.grad(nll.sum(), list(model.parameters()), allow_unused=True)
    assert all(gradient is not None for gradient in gradients), "a parameter of the model receives no gradient"
    single = sequence_nll(model.float(), torch.randint(3, (1, 4), generator=rng), 3)
    assert single.dtype == torch.float32, "a float32 model gave a cost of another dtype"


### END HIDDEN TESTS

# %% [markdown]
# ### A baseline worth beating
#
# Count how often each base follows each context of $k$ bases, with $\alpha$ pseudo-counts:
#
# $$p(x_t\mid c_t)=\frac{n(c_t,x_t)+\alpha}{\sum_{b}n(c_t,b)+\alpha V},\qquad
#   c_t=\left(x_{\max(1,t-k)},\dots,x_{t-1}\right). \tag{1.15}$$
#
# | symbol | variable | shape | dtype |
# |---|---|---|---|
# | training and test sequences | `train`, `test` | `(N, L)`, `(M, L)` | int64 |
# | $k$, $\alpha$, $V$ | `k` ≥ 0, `alpha`, `V` | numbers | int, float, int |
# | $-\log p(x)$ | returned | `(M,)`, nats | floating |
#
# The first $k$ positions have shorter contexts, and their own counts (a context of one base at the beginning is not the
# same as a context of one base elsewhere). With `positional=True` *every* position has its own counts.


# %% solution="1.4d"
def ngram_nll(train: Tensor, test: Tensor, k: int, alpha: float = 0.5, V: int = 4, positional: bool = False) -> Tensor:
    """Return the cost in nats of test sequences under counts from training sequences, equation (1.15): (M,).

    `train` (N, L) and `test` (M, L) hold tokens 0..V-1. The context is the last `k` tokens, or all there are; shorter
    contexts have counts of their own, and with `positional` every position has.
    """
    ### BEGIN SOLUTION
    length = train.shape[1]
    place = torch.arange(length, device=train.device)
    place = place if positional else place.clamp(max=k)

    def numbered(x: Tensor) -> Tensor:
        """A number for the context of every token: (N, L)."""
        context = torch.zeros_like(x)
        for t in range(length):
            for s in range(max(0, t - k), t):
                context[:, t] = V * context[:, t] + x[:, s]
        return context + place * V**k

    counts = torch.bincount((numbered(train) * V + train).flatten(), minlength=length * V**k * V).reshape(-1, V)
    smooth = counts.to(torch.get_default_dtype()) + alpha
    log_p = (smooth / smooth.sum(1, keepdim=True)).log()
    return -log_p[numbered(test), test].sum(1)
    ### END SOLUTION


# %% tests="1.4d"
@core
@points(0.5)
def test_without_training_data_every_token_costs_log_v(rng):
    """Without counts, pseudo-counts alone make every token equally likely, for every k."""
    m, length, v = rng.size(4, 6), rng.size(5, 7), rng.size(3, 4)
    empty, test = torch.zeros(0, length, dtype=torch.long), torch.randint(v, (m, length), generator=rng)
    message = "Without data each of V tokens has probability alpha / (alpha V)"
    for k, positional in ((0, False), (1, True), (2, True), (5, False)):
        found = ngram_nll(empty, test, k, 0.5, v, positional)
        assert_close(found, torch.full((m,), length * math.log(v)), message)


### BEGIN HIDDEN TESTS
@points(0.75)
def test_probabilities_are_smoothed_counts(rng):
    """Every token costs -log of its smoothed share among the tokens after the same context, counted one by one."""
    n, m, length, v = rng.size(20, 24), rng.size(5, 6), rng.size(5, 6), rng.size(3, 4)
    train, test = torch.randint(v, (n, length), generator=rng), torch.randint(v, (m, length), generator=rng)
    alpha = 0.2 + float(torch.rand((), generator=rng))
    for k, positional in ((1, False), (2, False), (2, True)):
        counts: dict = {}
        for row in train.tolist():
            for t in range(length):
                key = (t if positional else None, tuple(row[max(0, t - k) : t]))
                counts.setdefault(key, [0] * v)[row[t]] += 1
        expected = []
        for row in test.tolist():
            keys = [(t if positional else None, tuple(row[max(0, t - k) : t])) for t in range(length)]
            shares = [counts.get(key, [0] * v) for key in keys]
            expected.append(
                sum(-math.log((c[x] + alpha) / (sum(c) + alpha * v)) for c, x in zip(shares, row, strict=True))
            )
        found = assert_inputs_unchanged(ngram_nll, train, test, k, alpha, v, positional)
        word = "With counts per position" if positional else "With shared counts"
        assert_close(
            found.double(), torch.tensor(expected), f"{word}, a token does not cost -log of its smoothed share"
        )


@points(0.5)
def test_ngram_is_normalised(rng):
    """For every k the probabilities of all sequences sum to one; k = 0 gives relative frequencies."""
    v, length, n = rng.size(2, 3), 4, rng.size(5, 9)
    train = torch.randint(v, (n, length), generator=rng)
    x = torch.cartesian_prod(*[torch.arange(v)] * length)
    for k, positional in ((0, False), (1, True), (2, False), (length, False)):
        total = (-ngram_nll(train, x, k, 0.3, v, positional)).exp().sum()
        assert_close(float(total), 1.0, f"For k = {k} the probabilities of all sequences do not sum to one")
    share = (torch.bincount(train.flatten(), minlength=v) + 0.3) / (n * length + 0.3 * v)
    cost = -share.log()[x].sum(1)
    assert_close(ngram_nll(train, x, 0, 0.3, v).double(), cost.double(), "k = 0 uses the share of each token")


@points(0.25)
def test_ngram_defaults(rng):
    """By default there are four tokens, half a pseudo-count each, and counts shared by all positions."""
    train, test = torch.randint(4, (9, 5), generator=rng), torch.randint(4, (3, 5), generator=rng)
    explicit = ngram_nll(train, test, 1, 0.5, 4, False)
    assert_close(ngram_nll(train, test, 1), explicit, "The defaults are alpha = 0.5, V = 4, positional = False")


### END HIDDEN TESTS

# %% [markdown]
# ### Shaping the next token
#
# Three knobs change the law of the next token. They are applied **in this order**:
#
# 1. *temperature* $\tau$: logits $\ell/\tau$;
# 2. *top-k*: keep the $k$ largest logits;
# 3. *top-p*: with the probabilities that are left now, keep the smallest set of most likely tokens whose total
#    probability is **at least** $p$. The token that crosses the threshold stays, and so there is always one:
#
# $$\text{token }i\text{ stays}\iff\sum_{j:\,\pi_j>\pi_i}\pi_j<p. \tag{1.16}$$
#
# | symbol | variable | shape | dtype |
# |---|---|---|---|
# | $\ell$ | `logits` | `(B, V)` | floating |
# | $\tau$, $k$, $p$ | `temperature` > 0, `top_k` ≥ 1 or `None` (among equal logits at the k-th place, keep any or all), `top_p` in (0, 1) or `None` | numbers | float, int, float |
# | filtered logits, $-\infty$ for tokens that are out | returned | `(B, V)` | as `logits` |


# %% solution="1.4e"
def filter_logits(
    logits: Tensor, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Tensor:
    """Return logits (B, V) after temperature, top-k and top-p, in this order; minus infinity for tokens that are out.

    Kept tokens keep their logit divided by the temperature. See (1.16) for top-p.
    """
    ### BEGIN SOLUTION
    logits = logits / temperature
    if top_k is not None and top_k < logits.shape[-1]:
        smallest = logits.topk(top_k, dim=-1).values[..., -1:]
        logits = logits.masked_fill(logits < smallest, -math.inf)
    if top_p is not None:
        probs, order = logits.softmax(-1).sort(dim=-1, descending=True)
        out = probs.cumsum(-1) - probs >= top_p  # the mass of better tokens suffices
        logits = logits.masked_fill(torch.zeros_like(out).scatter(-1, order, out), -math.inf)
    return logits
    ### END SOLUTION


# %% tests="*"
def shuffled_logits(b, v, rng):
    """Logits (b, v), at least 0.3 apart from each other within a row, in random order."""
    steps = 0.3 + torch.rand(b, v, generator=rng)
    rank = torch.rand(b, v, generator=rng).argsort(-1)
    return (steps.cumsum(-1) - steps.sum(-1, keepdim=True) / 2).gather(-1, rank)


# %% tests="1.4e"
@core
@points(0.5)
def test_temperature_divides_the_logits(rng):
    """Without filters, logits are divided by the temperature, and by default left as they are."""
    logits = shuffled_logits(rng.size(2, 4), rng.size(4, 7), rng)
    temperature = 0.3 + float(torch.rand((), generator=rng))
    assert_close(filter_logits(logits), logits, "By default nothing is changed; the result are logits")
    assert_close(filter_logits(logits, temperature), logits / temperature, "Temperature divides the logits")


@points(0.5)
def test_top_two_of_five(rng):
    """With top_k = 2 the two largest of five logits stay, and the others are minus infinity."""
    logits = shuffled_logits(3, 5, rng)
    kept = filter_logits(logits, top_k=2)
    message = "the other logits must be minus infinity (1e-10, or 0, is a fine logit)"
    assert bool((torch.isneginf(kept).sum(-1) == 3).all()), message
    largest = logits >= logits.sort(-1).values[:, -2:-1]
    assert_close(kept[largest], logits[largest], "The two largest logits stay as they are")


### BEGIN HIDDEN TESTS
@points(1)
def test_top_p_keeps_the_smallest_sufficient_set(rng):
    """The kept tokens have at least mass p, without the least likely of them less, and none outside is likelier."""
    b, v = rng.size(3, 5), rng.size(5, 8)
    logits = shuffled_logits(b, v, rng)
    pi = logits.softmax(-1)
    for top_p in (0.02, 0.4 + 0.2 * float(torch.rand((), generator=rng)), 0.9, 0.99):
        kept = ~torch.isneginf(filter_logits(logits, top_p=top_p))
        assert bool(kept.any(-1).all()), "the most likely token always stays"
        mass = (pi * kept).sum(-1)
        assert bool((mass >= top_p - 1e-9).all()), "the kept tokens have less mass than p: the crossing token stays"
        least = torch.where(kept, pi, torch.ones(b, v)).amin(-1)
        assert bool((mass - least < top_p + 1e-9).all()), "a smaller set would have had mass p: too many tokens stay"
        assert bool((torch.where(kept, torch.zeros(b, v), pi).amax(-1) < least).all()), "the most likely tokens stay"
        assert_close(filter_logits(logits, top_p=top_p)[kept], logits[kept], "Kept tokens keep their logit")


@points(0.75)
def test_filters_follow_the_temperature(rng):
    """Temperature comes first, then top-k, then top-p on what is left: each step sees the result of the one before."""
    logits = torch.tensor([[2.0, 1.0, 0.0, -1.0], [-1.0, 2.0, 1.0, 0.0]]) + float(torch.rand((), generator=rng))
    # at temperature 1: 0.64, 0.24, 0.09, 0.03; at 2: 0.46, 0.28, 0.17, 0.10; at 2 with top-3: 0.51, 0.31, 0.19
    number = [
        (~torch.isneginf(filter_logits(logits, **knobs))).sum(-1).tolist()
        for knobs in (
            {"top_p": 0.6},
            {"temperature": 2.0, "top_p": 0.6},
            {"temperature": 2.0, "top_k": 3, "top_p": 0.78},
            {"temperature": 2.0, "top_p": 0.78},
            {"temperature": 0.25, "top_p": 0.95},
        )
    ]
    assert number[0] == [1, 1], "top-p alone keeps a wrong number of tokens"
    assert number[1] == [2, 2], "top-p must use the probabilities after the temperature"
    assert number[2] == [2, 2], "top-p must use the probabilities that are left after top-k"
    assert number[3:] == [[3, 3], [1, 1]], "top-p keeps a wrong number of tokens at another temperature"
    kept = filter_logits(logits, 2.0, 3, 0.78)
    assert_close(kept[0, 0] - kept[0, 1], torch.tensor(0.5), "Kept tokens keep their logit over the temperature")


@points(0.5)
def test_limits_of_the_knobs(rng):
    """A top-k of V or more changes nothing, and a tiny temperature leaves only the likeliest token."""
    b, v = rng.size(2, 4), rng.size(4, 7)
    logits = shuffled_logits(b, v, rng)
    for top_k in (v, v + rng.size(1, 5)):
        assert_close(filter_logits(logits, top_k=top_k), logits, "top_k of V or more keeps everything")
    assert_close(filter_logits(logits, top_k=1).argmax(-1), logits.argmax(-1), "top_k = 1 keeps the largest logit")
    cold = filter_logits(logits, temperature=1e-4).softmax(-1)
    greedy = functional.one_hot(logits.argmax(-1), v).double()
    assert_close(cold, greedy, "At a temperature near zero the likeliest token has all the probability")


@points(0.25)
def test_filtering_leaves_its_inputs_alone(rng):
    """Inputs are left unchanged, rows are filtered separately, of equal logits one stays, and float32 stays float32."""
    logits = shuffled_logits(3, rng.size(4, 6), rng)
    kept = assert_inputs_unchanged(filter_logits, logits, 0.7, 3, 0.8)
    rows = torch.cat([filter_logits(row.unsqueeze(0), 0.7, 3, 0.8) for row in logits])
    assert bool((kept == rows).all()), "rows of a batch influence each other"
    ties = filter_logits(torch.zeros(2, 4), top_p=0.6)
    assert bool((~torch.isneginf(ties)).any(-1).all()), "among equal logits at least one stays"
    assert filter_logits(logits.float(), 0.7, 3, 0.8).dtype == torch.float32, "float32 logits gave another dtype"


### END HIDDEN TESTS

# %% [markdown] written="W1.5" points=6 pages=1
# **Temperature is not tempering.** Sequences of two tokens: the first is A with probability 0.6 and B with 0.4. After A
# there are four continuations with probability 1/4 each, after B a single one.
#
# (a) What does sampling with a per-step temperature give as $\tau\to0$, and what is the probability of each possible
# output under the model? What does sampling from $p(x)^{1/\tau}/Z$ give as $\tau\to0$?
#
# (b) For general $\tau$, write the probability of a sequence under per-step temperature as $p(x)^{1/\tau}$ over a product
# of normalisers. Show that it equals the tempered law $p(x)^{1/\tau}/Z$ if and only if that product is the same for every
# sequence of positive probability; in particular, agreement holds if no next-step normaliser depends on the prefix.
#
# (c) For sequences of two tokens, show the converse: if the two laws agree, the normaliser of the second step does not
# depend on the first token.
#
# ### BEGIN SOLUTION
# (a) Per step, $\tau\to0$ takes the likeliest token: A first. The four continuations tie, so each comes out with
# probability 1/4 (or the first, if ties are broken): the output is some A$\ast$, of probability $0.6/4=0.15$ under the
# model. The tempered law concentrates on the likeliest *sequence*, which is B with its continuation, probability 0.4. So
# greedy decoding does not find the mode.
#
# (b) Per-step temperature multiplies $\frac{p(x_t\mid x_{<t})^{1/\tau}}{Z_t(x_{<t})}$ with
# $Z_t(x_{<t})=\sum_bp(b\mid x_{<t})^{1/\tau}$, so
#
# $$q_\tau(x)=\frac{p(x)^{1/\tau}}{\prod_tZ_t(x_{<t})}.$$
#
# If $\prod_tZ_t(x_{<t})=C$ for every $x$ with $p(x)>0$, summing $q_\tau=1$ gives $C=\sum_xp(x)^{1/\tau}=Z$, and the laws
# agree. Conversely, if they agree, dividing by $p(x)^{1/\tau}>0$ shows that the product is $Z$ for every such $x$. If no
# $Z_t$ depends on its prefix the product is a constant.
#
# (c) With two steps the product is $Z_1\cdot Z_2(x_1)$, and $Z_1$ is a sum over the first token with no prefix: a
# constant. If the laws agree, (b) gives $Z_2(x_1)=Z/Z_1$ for every $x_1$ of positive probability. In the example with
# $\tau=1/2$: $Z_2(A)=4\cdot\frac1{16}=\frac14$ and $Z_2(B)=1$: not equal. (Rényi's view: $\log Z_2$ is, up to a factor,
# the Rényi entropy of order $1/\tau$ of the next step. Per-step temperature ignores how many good continuations a token
# has; tempering does not.) For longer sequences only the product must be constant.
# ### END SOLUTION
#
# ### BEGIN MARK SCHEME
# - (1) (a) greedy gives A with some continuation, each of probability 0.15 under the model (0.6 is that of A alone)
# - (1) (a) tempering gives B, probability 0.4: the mode of the joint law
# - (2) (b) writes the product of normalisers, and shows both directions (1 for one of them)
# - (1) (b) constant normalisers imply a constant product
# - (1) (c) the first normaliser is a constant, so that the second must be one too
# ### END MARK SCHEME

# %% [markdown]
# ### Writing
#
# A sequence is written token by token: ask the model for the logits of the next one, filter them, choose, and append
# the choice. With the memory each step feeds *one* token:
#
# $$x_t=\texttt{choose}\left(\texttt{filter}(\ell_t),u_t\right),\qquad
#   \ell_t,\text{memory}=\texttt{model}\left(x_{t-1},\text{memory}\right),\qquad x_0=\texttt{bos}. \tag{1.17}$$
#
# | symbol | variable | shape | dtype |
# |---|---|---|---|
# | $u$ | `u`, uniform numbers | `(n, L)` | floating |
# | memory | second result of `model(tokens, past)`, handed on as it is; `None` first | the model's business | – |
# | $x$ | returned, without bos | `(n, L)` | int64 |
#
# With `use_cache=False` feed the whole prefix every time, bos included, and no memory. The result is the same, the cost
# is not: the first way does $L$ token-steps, the second $L(L+1)/2$. That they agree is the best test of a memory.


# %% solution="1.4f"
def generate(
    model: nn.Module,
    u: Tensor,
    bos: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    use_cache: bool = True,
) -> Tensor:
    """Return sequences (n, L) of int64 tokens given uniform numbers `u` (n, L), equation (1.17); no gradients.

    `model(tokens, past)` returns logits (n, T, V) and the new memory; the first `past` is None. With `use_cache` each
    call feeds one token and the memory of the call before; without it each call feeds the whole prefix and no memory.
    """
    ### BEGIN SOLUTION
    n, length = u.shape
    tokens = torch.full((n, 1), bos, dtype=torch.long, device=u.device)
    past = None
    with torch.no_grad():
        for t in range(length):
            logits, memory = model(tokens[:, -1:] if use_cache else tokens, past)
            past = memory if use_cache else None
            following = choose(filter_logits(logits[:, -1], temperature, top_k, top_p), u[:, t])
            tokens = torch.cat([tokens, following.unsqueeze(1)], dim=1)
    return tokens[:, 1:]
    ### END SOLUTION


# %% tests="*"
class HairpinOracle(nn.Module):
    """The exact conditionals of HairpinDNA with the interface of the Transformer; token 4, bos, comes first.

    The memory: the tokens so far, log p(layout, tokens) per layout, and log p(next | layout, tokens) per layout.
    """

    def __init__(self, dna):
        super().__init__()
        self.dna = dna

    def following(self, x, first, loop):
        """log p(x_t | x_<t, layout) for x_<t (B, t) and one layout: (B, 4)."""
        t, stem, close = x.shape[1], first + 6, first + 12 + loop
        if t in (0, close + 6):
            return self.dna.stationary.log().expand(len(x), 4)
        if first <= t < stem:
            return self.dna.box[t - first].log().expand(len(x), 4)
        if stem <= t < close:
            return torch.full((len(x), 4), math.log(0.25))
        if close <= t < close + 6:
            partner = 3 - x[:, stem + close + 5 - t]
            return torch.full((len(x), 4), 0.02 / 3).scatter(1, partner.unsqueeze(1), 0.98).log()
        return self.dna.background.log()[x[:, -1]]

    def forward(self, tokens, past=None):
        """(B, T), None or the memory -> (B, T, 4), the memory."""
        seen, weight, rows = past or (tokens[:, :0], torch.zeros(len(self.dna.layouts), len(tokens)), None)
        steps = []
        for token in tokens.split(1, 1):
            if rows is not None:
                weight = weight + rows.gather(-1, token.expand(len(rows), -1, 1)).squeeze(-1)
            seen = torch.cat([seen, token], 1)
            rows = torch.stack([self.following(seen[:, 1:], *layout) for layout in self.dna.layouts])
            steps.append((weight.log_softmax(0).unsqueeze(-1) + rows).logsumexp(0))
        return torch.stack(steps, 1), [seen, weight, rows]


# %% tests="1.4f"
@core
@points(0.75)
def test_tokens_are_chosen_from_their_logits(rng):
    """Every token is what `choose` makes of the model's logits given the tokens before it."""
    n, length, v = rng.size(6, 9), rng.size(4, 6), rng.size(3, 5)
    model, u = RecurrentModel(v, rng), torch.rand(n, length, generator=rng)
    x = generate(model, u, v)
    assert tuple(x.shape) == (n, length), f"expected {(n, length)} without bos, got {tuple(x.shape)}"
    assert bool((x == choose(next_logits(model, x, v), u)).all()), "a token disagrees with the logits after its prefix"


### BEGIN HIDDEN TESTS
@points(0.5)
def test_memory_saves_work_and_changes_nothing(rng):
    """With memory each call feeds one token, without it the whole prefix; the sequences are the same."""
    n, length, v = rng.size(4, 6), rng.size(4, 6), rng.size(3, 5)
    model, u = RecurrentModel(v, rng), torch.rand(n, length, generator=rng)
    with_memory = assert_inputs_unchanged(generate, model, u, v, use_cache=True)
    fed, model.fed = model.fed, []
    without = generate(model, u, v, use_cache=False)
    assert bool((with_memory == without).all()), "use_cache changes the sequences"
    widths = [tokens.shape[1] for tokens, _ in fed]
    assert widths == [1] * length, f"with use_cache every call feeds one new token; the calls fed {widths}"
    assert [kept for _, kept in fed] == [False] + [True] * (length - 1), "the memory of each call goes into the next"
    widths = [tokens.shape[1] for tokens, _ in model.fed]
    assert widths == list(range(1, length + 1)), f"without use_cache every call feeds the whole prefix, not {widths}"
    assert not any(kept for _, kept in model.fed), "without use_cache no memory is handed on"


@points(0.25)
def test_temperature_is_used_at_every_step(rng):
    """At another temperature every token agrees with the logits divided by it."""
    n, length, v = rng.size(6, 9), rng.size(4, 6), rng.size(3, 5)
    model, u = RecurrentModel(v, rng), torch.rand(n, length, generator=rng)
    for temperature, use_cache in ((0.4, True), (2.5, True), (2.5, False)):
        x = generate(model, u, v, temperature, use_cache=use_cache)
        chosen = choose(next_logits(model, x, v) / temperature, u)
        assert bool((x == chosen).all()), "a token disagrees with its logits divided by the temperature"


@points(0.5)
@cases("knob", "top_k", "top_p")
def test_filters_are_used_at_every_step(rng, knob):
    """With top_k = 1, or a tiny top_p, every token is the likeliest one, whatever u is."""
    n, length, v = rng.size(6, 9), rng.size(4, 6), rng.size(3, 5)
    model, u = RecurrentModel(v, rng), torch.rand(n, length, generator=rng)
    for use_cache in (True, False):
        x = generate(model, u, v, **{knob: 1 if knob == "top_k" else 1e-6}, use_cache=use_cache)
        assert bool((x == next_logits(model, x, v).argmax(-1)).all()), f"{knob} is not applied to every token"


@points(0.5)
def test_sequences_are_as_frequent_as_likely(rng):
    """Among many sequences of two tokens, each pair is as frequent as its probability."""
    v, model = 3, RecurrentModel(3, rng, scale=1.0)
    drawn = generate(model, torch.rand(3000, 2, generator=rng), v)
    assert tuple(drawn.shape) == (3000, 2), "there is one token for each number in u"
    assert drawn.dtype == torch.int64, f"tokens are integers (int64), not {drawn.dtype}"
    pairs = torch.cartesian_prod(torch.arange(v), torch.arange(v))
    log_p = next_logits(model, pairs, v).log_softmax(-1).gather(-1, pairs.unsqueeze(-1)).sum((1, 2))
    counts = torch.bincount(drawn @ torch.tensor([v, 1]), minlength=v * v)
    assert_probs(counts, log_p.exp(), message="Sequences are not as frequent as the model says")


@points(0.5)
def test_the_true_law_writes_sequences_of_its_own_entropy(rng):
    """From the exact conditionals of the hairpins come sequences that cost, on average, the entropy of the source."""
    dna = HairpinDNA()
    x = generate(HairpinOracle(dna), torch.rand(200, 48, generator=rng), 4)
    # 1.5 million sequences cost 52.946 nats each on average, with a standard deviation of 3.54
    message = (
        "Sequences from the exact conditionals do not cost the entropy of the source: are they tempered, or shifted?"
    )
    assert_mean_close(-dna.log_prob(x), 52.946, sd=3.6, message=message)


### END HIDDEN TESTS

# %% [markdown]
# ### Experiment: learn to fold
#
# Two blocks of width 64, 104 000 weights, 20 000 sequences.
#
# **What to expect** (budget `cpu`, 1500 updates, about 80 seconds of one core; costs on held-out sequences, in bits per
# base). Uniform guessing pays 2. Within 100 updates the model knows the composition and the box. It passes **1.78**, the
# positional bigram, near update 400, is near **1.72** at update 750, and ends at **1.65 to 1.68**; the truth is 1.590.
# At most 1.70 is a good result. The step from 1.78 downwards *is* the hairpin: no model of neighbours can make it.
#
# If the curve stays at 1.78, the attention sees no further than its neighbour: check the mask and the scale. If it falls
# *below 1.55*, nobody is that good: the input is not shifted.

# %% experiment="1.4" cpu_minutes=1.7 t4_minutes=1
import matplotlib.pyplot as plt
from hwkit import Checkpointer, device, fit, one_step_cpu_check, preset, savefig, set_seed

ROUNDS, UPDATES = preset(smoke=(2, 4), cpu=(30, 50), gpu=(30, 50))
DNA_WIDTH, SEQUENCES = preset(smoke=(16, 500), cpu=(64, 20_000), gpu=(64, 20_000))

dna = HairpinDNA()
dna_train = dna.sample(SEQUENCES, torch.Generator().manual_seed(1))
dna_test = dna.sample(2000, torch.Generator().manual_seed(2))
oracle = dna.log_prob(dna_test)
print("\n".join(dna.text(dna_train[:3])))


def train_transformer(rounds, updates, name="dna"):
    """Train the Transformer; return it with one dict of test metrics per round of `updates` updates."""
    set_seed(0)
    model = DNATransformer(width=DNA_WIDTH)
    train, test = dna_train, dna_test[:500]
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)

    def update(rows):
        loss = bits_per_dim(sequence_nll(model, train[rows], BOS), 48).mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return loss

    one_step_cpu_check(lambda: update(torch.arange(64)), model, optimizer=optimizer)
    where = device()
    model, train, test = model.to(where), train.to(where), test.to(where)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, rounds * updates, pct_start=0.1)

    def one_round():
        for _ in range(updates):
            update(torch.randint(len(train), (64,), device=where))
            schedule.step()
        with torch.no_grad():
            return {"test bits per base": float(bits_per_dim(sequence_nll(model, test, BOS), 48).mean())}

    config = {"rounds": rounds, "updates": updates, "width": DNA_WIDTH}
    saved = Checkpointer(f"{name}.pt", model=model, optimizer=optimizer, scheduler=schedule, config=config)
    bands = {8: (1.62, 1.83), 15: (1.60, 1.77), 30: (1.60, 1.70)}
    return model, fit(one_round, rounds, checkpoint=saved, expect=bands)


transformer, dna_history = train_transformer(ROUNDS, UPDATES)
where = next(transformer.parameters()).device
with torch.no_grad():
    nll = torch.cat([sequence_nll(transformer, rows, BOS) for rows in dna_test.to(where).split(500)]).cpu()
baselines = {
    "uniform": torch.full((2000,), 48 * math.log(4)),
    "5-gram": ngram_nll(dna_train, dna_test, 5),
    "positional bigram": ngram_nll(dna_train, dna_test, 1, positional=True),
    "Transformer": nll,
    "truth": -oracle,
}
for name, cost in baselines.items():
    gap = entropy_rate_gap(cost.double(), oracle, 48)
    print(f"{name:18s} {float(bits_per_dim(cost, 48).mean()):.3f} bits per base, {gap:.3f} above the truth")
print("expected           2.000, 1.90, 1.78, 1.65 to 1.68, 1.59")

# %% [markdown] figure="F1.3" points=3
# **What sees what?** Show which inputs each output depends on, for small *untrained* networks of the three kinds: MADE
# in a random order with 16 variables (rows and columns sorted by rank), PixelCNN on $4\times4$ pixels, and a
# Transformer on 16 tokens. In two or three sentences: what do the three pictures have in common, and why does the
# Transformer's output $t$ not depend on token $t$ although its attention looks at position $t$? Where does PixelCNN
# differ, and is that a mistake?
#
# Caption: Outputs (rows) against the inputs that they depend on (columns) for MADE, PixelCNN and a causal Transformer.
#
# ### BEGIN MARK SCHEME
# - (1) three pictures, strictly lower triangular, with rows and columns labelled
# - (1) the Transformer's inputs are shifted by one: position t holds token t - 1
# - (1) PixelCNN lacks some allowed pairs (limited or blind receptive field); it is legal, only weaker
# ### END MARK SCHEME

# %% experiment="1.4"
set_seed(0)


def dependence(outputs, x, changed):
    """Return the largest change of each output (rows) when each input (columns) takes its value in `changed`."""
    t = x.numel()
    swapped = torch.where(torch.eye(t) > 0, changed.flatten(), x.flatten()).to(x.dtype)
    with torch.no_grad():
        moved = (outputs(swapped) - outputs(x.reshape(1, t))).abs().amax(-1)  # (changed input, output)
    return moved.T


rank = torch.randperm(16)
by_rank = rank.argsort()
small_made, small_cnn, small_net = MADE(16, [128], rank), PixelCNN(4, 16, 2), DNATransformer(width=16, L=16)
pixels, bases = torch.randint(4, (16,)), torch.randint(4, (16,))


def shifted(tokens):
    """Logits of the small Transformer for every token, from the tokens before it."""
    return small_net(torch.cat([torch.full_like(tokens[:, :1], BOS), tokens[:, :-1]], 1))[0]


maps = {
    "MADE": dependence(small_made, torch.zeros(16), torch.ones(16))[by_rank][:, by_rank],
    "PixelCNN": dependence(lambda x: small_cnn(x.reshape(-1, 1, 4, 4)).flatten(2).mT, pixels, (pixels + 2) % 4),
    "Transformer": dependence(shifted, bases, (bases + 1) % 4),
}
fig, axes = plt.subplots(1, 3, figsize=(6, 2.4), sharey=True)
for axis, (name, matrix) in zip(axes, maps.items(), strict=True):
    axis.imshow(matrix > 1e-7, cmap="Blues", vmin=0, vmax=1.4)
    axis.set(title=name, xlabel="input", xticks=(0, 5, 10, 15), yticks=(0, 5, 10, 15))
axes[0].set_ylabel("output")
fig.tight_layout()
savefig(
    "F1.3",
    fig,
    alt="Three 16 by 16 matrices, all strictly lower triangular; that of PixelCNN has gaps below the diagonal.",
    answer="Replace this sentence by your two or three sentences.",
)

# %% [markdown] figure="F1.4" points=4
# **Who finds the stem?** Plot test bits per base against the number of updates, with horizontal lines for the truth,
# the 5-gram and the positional bigram. In three or four sentences: why does attention beat $n$-grams here, and which
# lines could a 12-gram with unlimited data reach? When did the model find the stem, and how can you tell from the
# curve? How much of the way from the positional bigram to the truth did it go?
#
# Caption: Held-out bits per base of a causal Transformer on hairpin DNA, with baselines and the entropy of the source.
#
# ### BEGIN MARK SCHEME
# - (1) labelled curve and three labelled lines; ends between 1.60 and 1.70 after 1500 updates
# - (1) attention finds the partner, 4 to 17 positions back, by content and position; a table of $4^{17}$ contexts is
#   never filled. A 12-gram sees three to five of the six partners and does not know where it stands: with unlimited
#   data it passes the 5-gram and just about reaches the positional bigram (1.77), not the truth
# - (1) the drop below the positional bigram (1.78) marks the stem, which no model of close neighbours can predict
# - (1) about half to seven tenths of the 0.188 bits per base, with the calculation
# ### END MARK SCHEME

# %% experiment="1.4"
fig, axis = plt.subplots(figsize=(6, 4))
steps = [row["step"] * UPDATES for row in dna_history]
axis.plot(steps, [row["test bits per base"] for row in dna_history], color="#0072B2", linewidth=2, label="Transformer")
for name, style, colour in (
    ("5-gram", ":", "#009E73"),
    ("positional bigram", "--", "#D55E00"),
    ("truth", "-.", "#555555"),
):
    level = float(bits_per_dim(baselines[name], 48).mean())
    axis.axhline(level, linestyle=style, color=colour, label=name)
axis.set(xlabel="updates", ylabel="bits per base (test)", ylim=(1.55, 2.05))
axis.legend(loc="upper right")
savefig(
    "F1.4",
    fig,
    alt="Test bits per base fall with updates below the 5-gram and positional-bigram lines towards the truth.",
    answer="Replace this sentence by your three or four sentences.",
)

# %% [markdown] figure="F1.5" points=3
# **Temperature.** For temperatures 0.5, 0.7, 1 and 1.3 generate 500 sequences each and plot (a) their cost under the
# *truth*, in bits per base, and (b) a measure of diversity: the entropy of their base composition per position,
# averaged. In three sentences: what is the cost of real sequences, and is a *lower* cost than that good news? Which
# temperature would you use to design new hairpins, and which to estimate how frequent a motif is? Relate to W1.5.
#
# Caption: Cost under the true law and diversity of generated sequences against temperature.
#
# ### BEGIN MARK SCHEME
# - (1) both curves over four temperatures, with the cost of real sequences (1.59) as a line
# - (1) at a low temperature a cost near or below the entropy is bought with diversity (mass on few, typical sequences);
#   well above the entropy means mistakes
# - (1) frequencies need temperature 1, design may go lower; a lower temperature does not sample the tempered law
# ### END MARK SCHEME

# %% experiment="1.4"
set_seed(4)
DRAWS = preset(smoke=20, cpu=500, gpu=500)
temperatures = (0.5, 0.7, 1.0, 1.3)
cost, diversity = [], []
for temperature in temperatures:
    x = generate(transformer, torch.rand(DRAWS, 48, device=where), BOS, temperature).cpu()
    cost.append(float(bits_per_dim(-dna.log_prob(x), 48).mean()))
    share = torch.stack([(x == base).double().mean(0) for base in range(4)], 1)
    diversity.append(float(torch.special.entr(share).sum(1).mean() / LOG_2))
print("cost     ", [round(value, 2) for value in cost], " (expected about 1.6, 1.7, 1.8, 2.0)")
print("diversity", [round(value, 2) for value in diversity])
fig, axis = plt.subplots(figsize=(6, 4))
axis.plot(temperatures, cost, "o-", color="#0072B2", label="cost under the truth")
axis.plot(temperatures, diversity, "s--", color="#D55E00", label="entropy per position")
axis.axhline(-float(oracle.mean()) / (48 * LOG_2), color="#555555", linestyle=":", label="cost of real sequences")
axis.set(xlabel="temperature", ylabel="bits per base")
axis.legend()
savefig(
    "F1.5",
    fig,
    alt="Cost under the truth and entropy per position both rise with temperature; a line marks real sequences.",
    answer="Replace this sentence by your three sentences.",
)

# %% [markdown]
# ### Going further (no points lost or gained)
#
# **Text.** Nothing above knows that the tokens are bases. English prose comes with Python, in `pydoc_data.topics`; take
# one token per character, cut it into windows, and hand them to the same functions:
#
# ```python
# from pydoc_data.topics import topics
#
# text = "".join(topics.values())
# symbols = sorted(set(text))  # about 100
# number = {symbol: i for i, symbol in enumerate(symbols)}
# stream = torch.tensor([number[symbol] for symbol in text])
# windows = stream[: len(stream) // 64 * 64].reshape(-1, 64)
# windows = windows[torch.randperm(len(windows))]
# held_out, windows = windows[:500], windows[500:]
# V = len(symbols)
# model = DNATransformer(V=V, L=64, width=128, heads=4, n_blocks=3)
# # train with sequence_nll(model, rows, V): token number V begins a sequence
# # compare with ngram_nll(windows, held_out, k, alpha=0.1, V=V) for k = 0, 1
# # (its table has 64 V**k rows)
# # write with generate(model, torch.rand(5, 64), V, temperature=0.8, top_p=0.9)
# ```
#
# Nobody knows the entropy of English, so there is no oracle here, and the text differs a little from one version of
# Python to the next: compare with your own $n$-grams (about 4.7 bits per character for $k=0$, 3.6 for $k=1$). What does
# the model learn first, and what does temperature do?
#
# **Harder DNA.** `HairpinDNA(starts=range(20))` hides the position of the box. How many updates until the stem is found?
#
# **Where it comes from.** MADE: Germain, Gregor, Murray and Larochelle, ICML 2015. PixelCNN: van den Oord, Kalchbrenner
# and Kavukcuoglu, ICML 2016; the blind spot and the two stacks: van den Oord and others, NeurIPS 2016. Discretised
# logistics: Salimans and others (PixelCNN++), ICLR 2017. The Transformer: Vaswani and others, NeurIPS 2017. Top-p:
# Holtzman and others, ICLR 2020.
