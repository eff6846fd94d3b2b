"""The formulas in the solutions of HW3's written questions, checked numerically."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn.functional import logsigmoid


@pytest.fixture(autouse=True)
def _float64() -> object:
    """Everything here is float64 and seeded."""
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(torch.float32)


def normal(x: torch.Tensor, mean: float, sd: float) -> torch.Tensor:
    """The density of N(mean, sd^2)."""
    return torch.exp(-((x - mean) ** 2) / (2 * sd**2)) / (sd * math.sqrt(2 * math.pi))


def test_w31_heights_of_the_modes() -> None:
    """W3.1c: the mode of N(0, diag(4, 1)) is half as high as that of N(0, I), and the entropies differ by log 2."""
    high = torch.distributions.MultivariateNormal(torch.zeros(2), torch.eye(2))
    low = torch.distributions.MultivariateNormal(torch.zeros(2), torch.diag(torch.tensor([4.0, 1.0])))
    assert math.isclose(float(high.log_prob(torch.zeros(2)).exp()), 1 / (2 * math.pi))
    assert math.isclose(float(low.log_prob(torch.zeros(2)).exp()), 1 / (4 * math.pi))
    assert math.isclose(float(low.entropy() - high.entropy()), math.log(2))


def test_w32_derivative_of_the_squeezed_logit() -> None:
    """W3.2b: dy/d(k + u) is (1 - 2 alpha) / (K s (1 - s)); forgetting log K costs 4.09 bits for 17 levels."""
    alpha, levels = 0.07, 17
    position = (levels * torch.rand(20)).requires_grad_()
    s = alpha + (1 - 2 * alpha) * position / levels
    (slope,) = torch.autograd.grad(torch.logit(s).sum(), position)
    assert torch.allclose(slope, (1 - 2 * alpha) / (levels * s * (1 - s)))
    assert round(math.log2(17), 2) == 4.09


def test_w32_spikes_have_unbounded_likelihood() -> None:
    """W3.2c: the average log-density of spike plus background grows without bound as the spike narrows."""
    values = []
    for sd in (1e-2, 1e-8, 1e-32):
        spike = 0.5 * normal(torch.tensor(0.0), 0.0, sd)
        values.append(0.3 * math.log(float(spike)) + 0.7 * math.log(0.5 * float(normal(torch.tensor(3.0), 2.0, 2.0))))
    assert values[0] < values[1] < values[2]
    assert values[2] > 15


def test_w33_value_of_the_game() -> None:
    """W3.3a: at the optimal discriminator the value is -log 4 + 2 JS, and any other discriminator has less."""
    x = torch.linspace(-15, 15, 6001)
    p, q = normal(x, 0.0, 1.0), normal(x, 1.3, 0.7)
    logit = torch.log(p / q).nan_to_num(0.0).clamp(-500, 500)
    value = lambda l: float((p * logsigmoid(l) + q * logsigmoid(-l)).sum() * 0.005)  # noqa: E731, E741
    m = (p + q) / 2
    js = float(0.5 * (torch.xlogy(p, p / m) + torch.xlogy(q, q / m)).nan_to_num(0.0).sum() * 0.005)
    assert abs(value(logit) - (2 * js - math.log(4))) < 1e-9
    assert value(logit + 0.1 * torch.sin(x)) < value(logit)


def test_w33_slopes_at_minus_ten() -> None:
    """W3.3b: at l = -10 the slopes are -4.5e-5 and -0.99995, and their ratio is e^10 = 22026."""
    logit = torch.tensor(-10.0, requires_grad=True)
    (minimax,) = torch.autograd.grad(logsigmoid(-logit), logit)
    (ns,) = torch.autograd.grad(-logsigmoid(logit), logit)
    assert math.isclose(float(minimax), -4.5398e-5, rel_tol=1e-4)
    assert math.isclose(float(ns), -0.99995, rel_tol=1e-4)
    assert math.isclose(float(ns / minimax), math.exp(10), rel_tol=1e-9)
    assert int(math.exp(10)) == 22026


def test_w33_gradient_of_the_non_saturating_loss() -> None:
    """W3.3c: at D* the gradient of E_p[-log D*] is that of KL(p || p_d) - 2 JS(p || p_d)."""
    x = torch.linspace(-15, 15, 6001)
    data, at = normal(x, 0.0, 1.0), 0.8
    theta = torch.tensor(at, requires_grad=True)
    p = torch.exp(-((x - theta) ** 2) / 2) / math.sqrt(2 * math.pi)
    fixed = data / (data + normal(x, at, 1.0))
    (left,) = torch.autograd.grad((p * -torch.log(fixed)).sum() * 0.005, theta, retain_graph=True)
    m = (p + data) / 2
    kl = (p * torch.log(p / data)).sum() * 0.005
    js = 0.5 * (p * torch.log(p / m) + data * torch.log(data / m)).sum() * 0.005
    (right,) = torch.autograd.grad(kl - 2 * js, theta)
    assert abs(float(left - right)) < 1e-8


def test_w34_dirac_gan() -> None:
    """W3.4: simultaneous steps multiply the radius by sqrt(1 + h^2); R1 gives the stated eigenvalues, all stable."""
    step = torch.tensor([[1.0, 0.3], [-0.3, 1.0]])
    assert torch.allclose(step.T @ step, (1 + 0.3**2) * torch.eye(2))
    for gamma in (0.1, 1.0, 2.5, 10.0):
        found = torch.linalg.eigvals(torch.tensor([[0.0, 1.0], [-1.0, -gamma]]))
        root = torch.sqrt(torch.tensor(complex(gamma**2 / 4 - 1)))
        wanted = torch.stack([-gamma / 2 + root, -gamma / 2 - root])
        assert all(float((found - value).abs().min()) < 1e-6 for value in wanted)
        assert float(found.real.max()) < 0


def test_w35_bias_of_the_v_statistic() -> None:
    """W3.5a: over all samples from a three-point law the V-statistic has the stated bias, the U-statistic none."""
    support = torch.tensor([0.0, 0.7, 2.0])
    kernel = torch.exp(-((support[:, None] - support) ** 2) / 2)
    n = 3
    samples = torch.cartesian_prod(*[torch.arange(3)] * n)  # all equally likely
    gram = kernel[samples[:, :, None], samples[:, None, :]]
    v = gram.mean((1, 2)).mean()
    u = ((gram.sum((1, 2)) - n) / (n * (n - 1))).mean()
    truth = kernel.mean()
    assert abs(float(u - truth)) < 1e-12
    assert abs(float(v - truth - (1 - truth) / n)) < 1e-12
    assert 1 - truth > 0


def test_w35_distance_of_commuting_gaussians() -> None:
    """W3.5b: for commuting covariances the trace term is the sum of squared differences of standard deviations."""
    turn = torch.linalg.qr(torch.randn(4, 4)).Q
    first, second = torch.rand(4) + 0.1, torch.rand(4) + 0.1
    a, b = turn @ torch.diag(first) @ turn.T, turn @ torch.diag(second) @ turn.T
    overlap = torch.linalg.eigvals(a @ b).real.sqrt().sum()
    assert torch.allclose(a.trace() + b.trace() - 2 * overlap, (first.sqrt() - second.sqrt()).square().sum())


def test_w35_bias_of_the_frechet_distance() -> None:
    """W3.5c: two samples of one Gaussian have a mean term of 2 sigma^2 / n and in all about 3 sigma^2 / n."""
    n, sd, repeats = 50, 1.7, 40_000
    x, y = sd * torch.randn(repeats, n), sd * torch.randn(repeats, n)
    shift = (x.mean(1) - y.mean(1)).square()
    spread = (x.std(1) - y.std(1)).square()
    assert abs(float(shift.mean()) * n / sd**2 - 2) < 0.1
    assert abs(float((shift + spread).mean()) * n / sd**2 - 3) < 0.15
