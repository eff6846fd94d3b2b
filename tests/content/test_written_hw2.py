"""The formulas in the model answers of HW2, checked against numbers: quadrature, enumeration, or a direct search."""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor

DOUBLE = torch.float64


def generator(seed: int) -> torch.Generator:
    """A generator in a known state."""
    made = torch.Generator()
    made.manual_seed(seed)
    return made


def random_joint(seed: int) -> tuple[Tensor, Tensor]:
    """log p(x, z) for one x over 6 values of z, up to the mass of the other x, and a random q over z."""
    gen = generator(seed)
    joint = 0.3 * torch.randn(6, generator=gen, dtype=DOUBLE).softmax(0)
    return joint.log(), torch.randn(6, generator=gen, dtype=DOUBLE).softmax(0)


def loadings(seed: int, d: int = 5, k: int = 3) -> Tensor:
    """Random loadings (d, k)."""
    return torch.randn(d, k, generator=generator(seed), dtype=DOUBLE)


def test_w21a_gap_of_the_elbo_is_the_divergence_from_the_posterior() -> None:
    """W2.1 (a): log p(x) = L(q) + KL(q || p(z | x)) for a random discrete model."""
    log_joint, q = random_joint(0)
    log_px = torch.logsumexp(log_joint, 0)
    elbo = (q * (log_joint - q.log())).sum()
    divergence = (q * (q.log() - (log_joint - log_px))).sum()
    assert torch.allclose(log_px, elbo + divergence)


def test_w21c_fisher_identity() -> None:
    """W2.1 (c): the gradient of log p(x) is the posterior mean of the gradients of log p(x, z)."""
    theta = torch.randn(6, 4, generator=generator(1), dtype=DOUBLE, requires_grad=True)
    log_joint = theta.flatten().log_softmax(0).reshape(6, 4)[:, 0]  # x is the first of four values
    log_px = torch.logsumexp(log_joint, 0)
    (exact,) = torch.autograd.grad(log_px, theta, retain_graph=True)
    posterior = (log_joint - log_px).exp().detach()
    (averaged,) = torch.autograd.grad((posterior * log_joint).sum(), theta)
    assert torch.allclose(exact, averaged)


def test_w21b_em_never_decreases_the_likelihood() -> None:
    """W2.1 (b): E-step and M-step of a mixture of coins raise log p(x), through the chain of inequalities."""
    gen = generator(10)
    x = torch.randint(2, (40, 6), generator=gen).to(DOUBLE)
    heads = 0.2 + 0.6 * torch.rand(3, 6, generator=gen, dtype=DOUBLE)

    def joint(heads: Tensor) -> Tensor:
        return (x @ heads.log().T + (1 - x) @ (1 - heads).log().T) - math.log(3)  # (N, 3)

    for _ in range(5):
        before = joint(heads)
        q = before.softmax(1)
        heads = (q.T @ x / q.sum(0).unsqueeze(1)).clamp(1e-9, 1 - 1e-9)
        elbo = [float((q * (terms - q.log())).sum()) for terms in (before, joint(heads))]
        assert abs(elbo[0] - float(before.logsumexp(1).sum())) < 1e-9
        assert elbo[0] <= elbo[1] <= float(joint(heads).logsumexp(1).sum()) + 1e-9


def bound(log_joint: Tensor, q: Tensor, k: int) -> float:
    """L_K by enumeration of all draws."""
    log_w = log_joint - q.log()
    total = 0.0
    for draws in itertools.product(range(len(q)), repeat=k):
        chosen = torch.tensor(draws)
        total += float(q[chosen].prod() * (torch.logsumexp(log_w[chosen], 0) - math.log(k)))
    return total


def test_w22_bounds_increase_towards_log_px() -> None:
    """W2.2 (a, b): L_1 < L_2 < L_3 < L_4 < log p(x) for a q that is not the posterior."""
    log_joint, q = random_joint(2)
    values = [bound(log_joint, q, k) for k in (1, 2, 3, 4)]
    assert all(low < high for low, high in itertools.pairwise([*values, float(torch.logsumexp(log_joint, 0))]))


def test_w22_bounds_are_equal_at_the_posterior() -> None:
    """W2.2 (c): with the posterior as q, every L_K is log p(x)."""
    log_joint, _ = random_joint(3)
    log_px = float(torch.logsumexp(log_joint, 0))
    for k in (1, 2, 3):
        assert abs(bound(log_joint, (log_joint - log_px).exp(), k) - log_px) < 1e-12


def test_w22_mean_over_subsets_and_limit() -> None:
    """W2.2 (b, c): a mean is the mean over all subsets' means, and L_K approaches log p(x), from below like 1 / K."""
    w = torch.rand(5, generator=generator(11), dtype=DOUBLE)
    subsets = torch.tensor(list(itertools.combinations(range(5), 4)))
    assert torch.allclose(w.mean(), w[subsets].mean(1).mean())
    log_joint, q = random_joint(2)
    log_px = torch.logsumexp(log_joint, 0)
    draws = torch.multinomial(q, 500 * 4000, replacement=True, generator=generator(12)).reshape(500, 4000)
    log_w = (log_joint - q.log())[draws]
    gaps = [float(log_px - (log_w[:k].logsumexp(0) - math.log(k)).mean()) for k in (5, 50, 500)]
    assert gaps[0] > 5 * gaps[1] > 0
    assert abs(gaps[2]) < 0.01


def test_w23a_posterior_by_conditioning_the_joint_gaussian() -> None:
    """W2.3 (a): mean M^-1 W'x and covariance sigma^2 M^-1 are those of the joint Gaussian of z and x given x."""
    w, s = loadings(4), 0.7
    m = w.T @ w + s * torch.eye(3, dtype=DOUBLE)
    regression = torch.linalg.solve(w @ w.T + s * torch.eye(5, dtype=DOUBLE), w).T
    assert torch.allclose(torch.linalg.solve(m, w.T), regression)
    assert torch.allclose(s * torch.linalg.inv(m), torch.eye(3, dtype=DOUBLE) - regression @ w)


def gap(w: Tensor, s: float) -> float:
    """The gap of W2.3 (b)."""
    precision = torch.eye(w.shape[1], dtype=DOUBLE) + w.T @ w / s
    return 0.5 * float(precision.diagonal().log().sum() - torch.logdet(precision))


def test_w23b_gap_by_direct_minimisation() -> None:
    """W2.3 (b): gradient descent on the variances of a diagonal q ends at 1 / Lambda_ii with the stated divergence."""
    w, s = loadings(5), 0.7
    precision = torch.eye(3, dtype=DOUBLE) + w.T @ w / s
    log_var = torch.zeros(3, dtype=DOUBLE)
    for _ in range(400):  # the derivative of the divergence for log S_ii is (Lambda_ii S_ii - 1) / 2
        log_var = log_var - 0.2 * (precision.diagonal() * log_var.exp() - 1) / 2
    variances = log_var.exp()
    divergence = 0.5 * float(precision.diagonal() @ variances - 3 - log_var.sum() - torch.logdet(precision))
    assert torch.allclose(variances, 1 / precision.diagonal(), rtol=1e-6)
    assert abs(divergence - gap(w, s)) < 1e-9
    assert bool((torch.linalg.inv(precision).diagonal() > variances).all())  # "not the diagonal of the inverse, larger"


def test_w23c_gap_vanishes_for_orthogonal_columns_only() -> None:
    """W2.3 (c): no gap for orthogonal columns, a gap once they are rotated, and the same marginal covariance."""
    w = torch.linalg.qr(loadings(6)).Q * torch.tensor([0.5, 1.0, 2.0], dtype=DOUBLE)
    turn = torch.linalg.qr(loadings(7, 3, 3)).Q
    assert abs(gap(w, 0.4)) < 1e-12
    assert gap(w @ turn, 0.4) > 1e-3
    assert torch.allclose(w @ turn @ (w @ turn).T, w @ w.T)


def objective(w: Tensor, v: Tensor, s2: Tensor, lam: float, sigma2: float, beta: float) -> Tensor:
    """F of W2.4 without its constant."""
    error = (1 - w * v) ** 2 * lam + w**2 * s2
    return -error / (2 * sigma2) - beta / 2 * (v**2 * lam + s2 - 1 - s2.log())


def test_w24_profile_and_threshold() -> None:
    """W2.4: v and s^2 are optimal, what remains is f(r), and its maximum over r is max(0, lambda / sigma^2 - beta)."""
    for lam, sigma2, beta in ((2.0, 0.5, 1.0), (2.0, 0.5, 3.0), (2.0, 0.5, 5.0), (0.3, 1.0, 1.0)):
        r = torch.linspace(0, 12, 24001, dtype=DOUBLE)
        w = (r * sigma2).sqrt()
        v, s2 = (w / sigma2 / (beta + r)).requires_grad_(), (beta / (beta + r)).requires_grad_()
        value = objective(w, v, s2, lam, sigma2, beta)
        for slope in torch.autograd.grad(value.sum(), [v, s2]):
            assert float(slope.abs().max()) < 1e-9
        f = -lam * beta / (2 * sigma2 * (beta + r)) + beta / 2 * torch.log(beta / (beta + r))
        assert float((value.detach() - f).std()) < 1e-12
        assert abs(float(r[f.argmax()]) - max(0.0, lam / sigma2 - beta)) <= 5e-4


def test_w25ab_baselines_by_enumeration() -> None:
    """W2.5 (a, b): constants and leave-one-out are unbiased, the full mean scales by (K-1)/K, and c* is the best."""
    logit = torch.tensor(0.6, dtype=DOUBLE)
    p = torch.sigmoid(logit)
    f, prob = torch.tensor([1.3, 4.0], dtype=DOUBLE), torch.stack([1 - p, p])
    score = torch.stack([-p, 1 - p])
    exact = float((prob * f * score).sum())
    assert abs(exact - float((f[1] - f[0]) * p * (1 - p))) < 1e-12
    k = 3
    means = {"constant": 0.0, "others": 0.0, "all": 0.0}
    for draws in itertools.product((0, 1), repeat=k):
        b = torch.tensor(draws)
        weight, values, s = float(prob[b].prod()), f[b], score[b]
        baselines = {"constant": 2.2, "others": (values.sum() - values) / (k - 1), "all": values.mean()}
        for name, c in baselines.items():
            means[name] += weight * float(((values - c) * s).mean())
    assert abs(means["constant"] - exact) < 1e-12
    assert abs(means["others"] - exact) < 1e-12
    assert abs(means["all"] - exact * (k - 1) / k) < 1e-12
    best = float((prob * f * score**2).sum() / (prob * score**2).sum())
    second_moment = {c: float((prob * (f - c) ** 2 * score**2).sum()) for c in (best - 0.1, best, best + 0.1)}
    assert min(second_moment, key=second_moment.__getitem__) == best


def test_w25d_gumbel_max_by_quadrature() -> None:
    """W2.5 (d): the integral of the Gumbel density times the other distribution functions is the softmax."""
    logits = torch.tensor([0.3, -1.0, 1.2], dtype=DOUBLE)
    t = torch.linspace(-6, 40, 200_001, dtype=DOUBLE)
    density = torch.exp(-t - torch.exp(-t))
    for j in range(3):
        others = [torch.exp(-torch.exp(-(t + logits[j] - logits[i]))) for i in range(3) if i != j]
        probability = torch.trapezoid(density * others[0] * others[1], t)
        assert torch.allclose(probability, logits.softmax(0)[j], atol=1e-9)


def test_equations_214_and_215() -> None:
    """The determinant lemma and Woodbury's identity as printed in Problem 2.3."""
    w, s = loadings(8), 0.3
    x = torch.randn(5, generator=generator(9), dtype=DOUBLE)
    big, m = w @ w.T + s * torch.eye(5, dtype=DOUBLE), w.T @ w + s * torch.eye(3, dtype=DOUBLE)
    assert torch.allclose(torch.logdet(big), torch.logdet(m) + 2 * math.log(s))
    y = w.T @ x
    assert torch.allclose(x @ torch.linalg.solve(big, x), (x @ x - y @ torch.linalg.solve(m, y)) / s)
