"""The formulas of HW4's written answers, checked numerically."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from tests.content.keys import states

RNG = np.random.default_rng(4)
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(60)
WEIGHTS = WEIGHTS / WEIGHTS.sum()  # expectation under N(0, 1)


@pytest.mark.parametrize(("alpha", "m", "tau"), [(0.9, 0.5, 1.2), (0.3, -1.0, 0.4), (0.99, 2.0, 3.0)])
def test_w41_best_guess_and_its_error(alpha: float, m: float, tau: float) -> None:
    """W4.1 (c): the stated guess has the stated error, no other linear guess does better, and Tweedie agrees."""
    states(
        "W4.1",
        r"\sigma(x_t-\alpha m)/(\alpha^2\tau^2+\sigma^2)$",
        r"=-\sigma\nabla\log q(x_t)=\sigma(x_t-\alpha m)/v",
        r"1-\sigma^2/v=\alpha^2\tau^2/v",
    )
    sigma = math.sqrt(1 - alpha**2)
    v = alpha**2 * tau**2 + sigma**2
    z, e = np.meshgrid(NODES, NODES)
    weight = np.outer(WEIGHTS, WEIGHTS)
    xt = alpha * (m + tau * z) + sigma * e

    def error(slope: float, shift: float) -> float:
        return float((weight * (e - slope * (xt - shift)) ** 2).sum())

    best = error(sigma / v, alpha * m)
    assert best == pytest.approx(alpha**2 * tau**2 / v)
    assert all(error(sigma / v * f, alpha * m + d) >= best for f in (0.9, 1, 1.1) for d in (-0.1, 0, 0.1))
    x = 0.7
    posterior_mean = m + alpha * tau**2 / v * (x - alpha * m)
    assert (x - sigma**2 * (x - alpha * m) / v) / alpha == pytest.approx(posterior_mean)


def test_w41_two_losses_differ_by_a_constant() -> None:
    """W4.1 (a): the difference of the two sides is the same for different functions s."""
    alpha, sigma, tau = 0.8, 0.6, 1.5
    z, e = np.meshgrid(NODES, NODES)
    weight, xt = np.outer(WEIGHTS, WEIGHTS), alpha * tau * z + sigma * e
    v = alpha**2 * tau**2 + sigma**2
    gaps = [(weight * ((s(xt) + e / sigma) ** 2 - (s(xt) + xt / v) ** 2)).sum() for s in (np.sin, lambda x: -2 * x)]
    assert gaps[0] == pytest.approx(gaps[1])


def test_w41_tweedie_for_two_points() -> None:
    """W4.1 (b): for data on two points, where the posterior mean is known, the formula gives it."""
    states("W4.1", r"\nabla\log q(x_t)=\frac{1}{q(x_t)}\int", r"=\frac{\alpha E[x_0\mid x_t]-x_t}{\sigma^2}")
    alpha, sigma, x = 0.7, 0.5, 0.3
    points, share = np.array([-1.0, 2.0]), np.array([0.4, 0.6])

    def log_density(x: float) -> float:
        return math.log((share * np.exp(-((x - alpha * points) ** 2) / (2 * sigma**2))).sum())

    weight = share * np.exp(-((x - alpha * points) ** 2) / (2 * sigma**2))
    score = (log_density(x + 1e-5) - log_density(x - 1e-5)) / 2e-5
    assert (alpha * (weight * points).sum() / weight.sum() - x) / sigma**2 == pytest.approx(score, abs=1e-8)


def test_w42_posterior_and_weight() -> None:
    """W4.2: precision and mean of the posterior, the weight of the KL term, and the three conversions."""
    states(
        "W4.2",
        r"$w_t=\beta_t^2/\left(2\sigma_t^2\alpha_t(1-\bar\alpha_t)\right)$",
        r"=\frac{1-\bar\alpha_t}{\beta_t(1-\bar\alpha_{t-1})}=1/\tilde\beta_t",
        r"\frac{\sqrt{\alpha_t}}{\beta_t}x_t+\frac{\sqrt{\bar\alpha_{t-1}}}{1-\bar\alpha_{t-1}}x_0",
        r"\|\Delta x_0\|^2=\|\Delta\varepsilon\|^2/SNR",
        r"=\|\Delta\varepsilon\|^2(1+SNR)/SNR",
    )
    for _ in range(20):
        alpha, prev = RNG.uniform(0.2, 0.99, 2)
        beta, ab = 1 - alpha, alpha * prev
        variance = 1 / (alpha / beta + 1 / (1 - prev))
        assert variance == pytest.approx(beta * (1 - prev) / (1 - ab))
        x0, eps, guess = RNG.normal(size=3)
        xt = math.sqrt(ab) * x0 + math.sqrt(1 - ab) * eps

        def data(e: float, xt: float = xt, ab: float = ab) -> float:
            return (xt - math.sqrt(1 - ab) * e) / math.sqrt(ab)

        def mean(x: float, xt: float = xt, alpha: float = alpha, prev: float = prev, ab: float = ab) -> float:
            return (math.sqrt(prev) * (1 - alpha) * x + math.sqrt(alpha) * (1 - prev) * xt) / (1 - ab)

        assert mean(x0) == pytest.approx(variance * (math.sqrt(alpha) / beta * xt + math.sqrt(prev) / (1 - prev) * x0))
        sigma2 = 0.37
        divergence = (mean(data(eps)) - mean(data(guess))) ** 2 / (2 * sigma2)
        assert divergence == pytest.approx(beta**2 / (2 * sigma2 * alpha * (1 - ab)) * (eps - guess) ** 2)
        snr, error = ab / (1 - ab), (eps - guess) ** 2
        assert (data(eps) - data(guess)) ** 2 == pytest.approx(error / snr)
        v, v_guess = (math.sqrt(ab) * e - math.sqrt(1 - ab) * data(e) for e in (eps, guess))
        assert (v - v_guess) ** 2 == pytest.approx(error * (1 + snr) / snr)


def test_w43_ddim() -> None:
    """W4.3: sigma^2 = beta-tilde gives the DDPM coefficients; the linear map of (c) never over-estimates."""
    states(
        "W4.3",
        r"$x_s=\frac{\alpha_s\alpha_t\tau^2+\sigma_s\sigma_t}{v_t}\,x_t$",
        r"=\frac{\alpha_t(1-\bar\alpha_{t-1})^2}{1-\bar\alpha_t}",
        r"=\frac{\sqrt{\bar\alpha_{t-1}}\,\beta_t}{1-\bar\alpha_t}",
        r"\hat x_0=\frac{x_t-\sigma_t\varepsilon^*}{\alpha_t}=\frac{v_t-\sigma_t^2}{\alpha_tv_t}x_t",
    )
    for _ in range(20):
        alpha, prev = RNG.uniform(0.2, 0.99, 2)
        ab, beta = alpha * prev, 1 - alpha
        tilde = beta * (1 - prev) / (1 - ab)
        rest = math.sqrt(1 - prev - tilde)
        assert rest / math.sqrt(1 - ab) == pytest.approx(math.sqrt(alpha) * (1 - prev) / (1 - ab))
        of_data = math.sqrt(prev) - rest * math.sqrt(ab) / math.sqrt(1 - ab)
        assert of_data == pytest.approx(math.sqrt(prev) * beta / (1 - ab))
        assert tilde == pytest.approx((1 - prev) / (1 - ab) * (1 - ab / prev))  # (4.12) at eta = 1
        a_t, a_s = math.sqrt(ab), math.sqrt(prev)
        s_t, s_s = math.sqrt(1 - ab), math.sqrt(1 - prev)
        for tau in (RNG.uniform(0.1, 2), 0.0):
            v_t, v_s = a_t**2 * tau**2 + s_t**2, a_s**2 * tau**2 + s_s**2
            eps = s_t / v_t
            factor = a_s * (1 - s_t * eps) / a_t + s_s * eps
            assert factor == pytest.approx((a_s * a_t * tau**2 + s_s * s_t) / v_t)
            assert factor**2 * v_t < v_s if tau else factor**2 * v_t == pytest.approx(v_s)


def test_w44_precisions() -> None:
    """W4.4 (b): both closed forms, equal for w = 0 and 1 only, and the guided precision larger for w > 1."""
    states(
        "W4.4",
        r"(1-w)+wP=1+\frac{w\bar\alpha r}{1+(1-\bar\alpha)r}",
        r"=1+\frac{w\bar\alpha r}{1+(1-\bar\alpha)wr}",
    )
    for w, tau, ab in itertools.product((0.0, 0.4, 1.0, 3.0), (0.3, 0.8), (0.1, 0.5, 0.9)):
        p = 1 / (ab * tau**2 + 1 - ab)
        start = (1 - w) + w / tau**2
        guided, noised = (1 - w) + w * p, 1 / (ab / start + 1 - ab)
        r = 1 / tau**2 - 1
        assert guided == pytest.approx(1 + w * ab * r / (1 + (1 - ab) * r))
        assert noised == pytest.approx(1 + w * ab * r / (1 + (1 - ab) * w * r))
        assert (abs(guided - noised) < 1e-9) == (w in (0.0, 1.0))
        assert w <= 1 or guided > noised


def test_w45_masked_diffusion_is_random_order() -> None:
    """W4.5: the Beta integral, and the identity with the average over all orders, for inexact conditionals too."""
    states("W4.5", r"=\int_0^1t^{k-1}(1-t)^{L-k}\,dt=\frac{(k-1)!\,(L-k)!}{L!}", r"$(L-k)!\,(k-1)!$ of $L!$ orders")
    length = 3
    t, weight = np.polynomial.legendre.leggauss(8)
    t, weight = (t + 1) / 2, weight / 2
    for k in range(1, length + 1):
        integral = float((weight * t ** (k - 1) * (1 - t) ** (length - k)).sum())
        exact = math.factorial(k - 1) * math.factorial(length - k) / math.factorial(length)
        assert integral == pytest.approx(exact)
    cost: dict[tuple[int, frozenset[int]], float] = {}  # -log p(x_i | visible set), any numbers
    for i in range(length):
        others = [j for j in range(length) if j != i]
        for n in range(length):
            cost.update({(i, frozenset(seen)): float(RNG.uniform(0, 3)) for seen in itertools.combinations(others, n)})
    masked = 0.0
    for k in range(1, length + 1):
        for mask in itertools.combinations(range(length), k):
            seen = frozenset(range(length)) - frozenset(mask)
            masked += float((weight * t ** (k - 1) * (1 - t) ** (length - k)).sum()) * sum(cost[i, seen] for i in mask)
    orders = list(itertools.permutations(range(length)))
    each = [sum(cost[i, frozenset(order[:n])] for n, i in enumerate(order)) for order in orders]
    assert masked == pytest.approx(np.mean(each))
    assert masked >= -math.log(np.mean(np.exp(-np.array(each))))


def test_w46_control_as_inference() -> None:
    """W4.6: J = beta log Z - beta KL(pi || pi*), and the gradient is that of the folded reward alone."""
    states(
        "W4.6",
        r"$J(\pi^*)=\beta\log Z$",
        r"=\beta\log Z-\beta\,KL(\pi\,\|\,\pi^*)",
        r"=E_{\pi_\theta}[R_\theta\nabla\log\pi_\theta]",
    )
    n, beta = 6, 0.4
    ref, r, theta = np.log(RNG.dirichlet(np.ones(n))), RNG.normal(size=n), RNG.normal(size=n)
    z = np.exp(ref + r / beta).sum()
    star = ref + r / beta - math.log(z)

    def log_policy(theta: np.ndarray) -> np.ndarray:
        return theta - math.log(np.exp(theta).sum())

    def value(log_p: np.ndarray) -> float:
        return float((np.exp(log_p) * (r - beta * (log_p - ref))).sum())

    assert value(star) == pytest.approx(beta * math.log(z))
    log_p = log_policy(theta)
    p = np.exp(log_p)
    assert value(log_p) == pytest.approx(beta * math.log(z) - beta * float((p * (log_p - star)).sum()))
    folded = r - beta * (log_p - ref)
    gradient = p * (folded - (p * folded).sum())  # E[R grad log pi] for a softmax
    step = 1e-6
    numeric = [
        (value(log_policy(theta + step * d)) - value(log_policy(theta - step * d))) / 2 / step for d in np.eye(n)
    ]
    assert gradient == pytest.approx(np.array(numeric), abs=1e-7)
