"""The formulas in the solutions of HW3's written questions, checked numerically."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn.functional import logsigmoid

from tests.content.keys import states


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


def test_w31_jacobian_of_a_coupling_layer() -> None:
    """W3.1b: the Jacobian is block-triangular, its log-determinant the sum of s, and the stated inverse undoes it."""
    states("W3.1", r"\log|\det J|=\sum_{i\in B}s_i(x_A)", r"x_B=(z_B-t(z_A))\odot e^{-s(z_A)}")
    scale, shift, x = torch.randn(3, 2), torch.randn(3, 2), torch.randn(5)
    layer = lambda v: torch.cat([v[:2], v[2:] * torch.exp(torch.sin(scale @ v[:2])) + torch.cos(shift @ v[:2])])  # noqa: E731
    jacobian = torch.autograd.functional.jacobian(layer, x)
    s, t = torch.sin(scale @ x[:2]), torch.cos(shift @ x[:2])
    assert torch.equal(jacobian[:2], torch.eye(5)[:2])
    assert torch.allclose(jacobian[2:, 2:], torch.diag(s.exp()))
    assert torch.isclose(torch.linalg.slogdet(jacobian)[1], s.sum())
    assert torch.allclose((layer(x)[2:] - t) * torch.exp(-s), x[2:])


def test_w31_heights_of_the_modes() -> None:
    """W3.1c: the mode of N(0, diag(4, 1)) is half as high as that of N(0, I), and the entropies differ by log 2."""
    states("W3.1", r"\max p_z=(2\pi)^{-1}", r"=(4\pi)^{-1}", r"differ by $\log2$")
    high = torch.distributions.MultivariateNormal(torch.zeros(2), torch.eye(2))
    low = torch.distributions.MultivariateNormal(torch.zeros(2), torch.diag(torch.tensor([4.0, 1.0])))
    assert math.isclose(float(high.log_prob(torch.zeros(2)).exp()), 1 / (2 * math.pi))
    assert math.isclose(float(low.log_prob(torch.zeros(2)).exp()), 1 / (4 * math.pi))
    assert math.isclose(float(low.entropy() - high.entropy()), math.log(2))


def test_w32_gap_of_the_bound() -> None:
    """W3.2a: log P(k) exceeds the average log-density by KL(U || p(u | k)), which is zero for a flat density only."""
    states("W3.2", r"\log P(k)-E_u\log p(k+u)=E_u\left[-\log p(u\mid k)\right]")
    u = (torch.arange(20_000) + 0.5) / 20_000
    inside = normal(u, 0.3, 0.4)  # the density on one cell
    mass = inside.mean()
    gap = torch.log(mass) - torch.log(inside).mean()
    assert gap > 0.01
    assert torch.isclose(gap, torch.distributions.kl_divergence(
        torch.distributions.Categorical(torch.ones(20_000)), torch.distributions.Categorical(inside)
    ))  # fmt: skip


def test_w32_bits_with_every_constant() -> None:
    """W3.2b: the stated bits per dimension are those of the density of k + u that autograd finds."""
    states(
        "W3.2",
        r"-\frac{1}{D\log2}\left[\log q(y)+D\log(1-2\alpha)-D\log K-\sum_{i=1}^{D}\log s_i-\sum_{i=1}^{D}\log(1-s_i)",
    )
    alpha, levels, d = 0.03, 5, 3
    squeeze = lambda p: alpha + (1 - 2 * alpha) * p / levels  # noqa: E731
    position = levels * torch.rand(d)
    s = squeeze(position)
    log_q = -0.5 * (torch.logit(s).square() + math.log(2 * math.pi)).sum()
    constants = d * math.log(1 - 2 * alpha) - d * math.log(levels) - s.log().sum() - (1 - s).log().sum()
    jacobian = torch.autograd.functional.jacobian(lambda p: torch.logit(squeeze(p)), position)
    assert torch.isclose(
        -(log_q + constants) / (d * math.log(2)), -(log_q + torch.linalg.slogdet(jacobian)[1]) / math.log(2) / d
    )


def test_w32_derivative_of_the_squeezed_logit() -> None:
    """W3.2b: dy/d(k + u) is (1 - 2 alpha) / (K s (1 - s)); forgetting log K costs 4.09 bits for 17 levels."""
    states("W3.2", r"=\frac{1-2\alpha}{K}\cdot\frac{1}{s(1-s)}", r"\log_217\approx4.09")
    alpha, levels = 0.07, 17
    position = (levels * torch.rand(20)).requires_grad_()
    s = alpha + (1 - 2 * alpha) * position / levels
    (slope,) = torch.autograd.grad(torch.logit(s).sum(), position)
    assert torch.allclose(slope, (1 - 2 * alpha) / (levels * s * (1 - s)))
    assert round(math.log2(17), 2) == 4.09


def test_w32_spikes_have_unbounded_likelihood() -> None:
    """W3.2c: the average log-density of spike plus background exceeds the stated bound, which grows without bound."""
    states("W3.2", r"\pi_0\log\frac{1}{2\sigma\sqrt{2\pi}}+(1-\pi_0)\min_k\log\frac{r(k)}{2}")
    k, share = torch.arange(4.0), 0.3  # the spike stands at 0; the other integers are equally frequent
    background, bounds = normal(k, 2.0, 2.0), []
    for sd in (1e-2, 1e-8, 1e-32):
        log_p = torch.log(0.5 * normal(k, 0.0, sd) + 0.5 * background)
        average = share * log_p[0] + (1 - share) * log_p[1:].mean()
        bounds.append(
            -share * math.log(2 * sd * math.sqrt(2 * math.pi)) + (1 - share) * float((background / 2).log().min())
        )
        assert float(average) >= bounds[-1]
    assert bounds[0] < bounds[1] < bounds[2]
    assert bounds[2] > 15


def test_w32_the_spike_is_the_density_of_a_flow() -> None:
    """W3.2c: z = Phi^-1(F(x)) has the slope that gives spike plus background by the change of variables."""
    states("W3.2", r"z=\Phi^{-1}(F_\sigma(x))")
    unit = torch.distributions.Normal(0.0, 1.0)
    x = torch.linspace(-1.0, 3.0, 9, requires_grad=True)
    z = unit.icdf(0.5 * unit.cdf(x / 0.1) + 0.5 * unit.cdf((x - 2) / 2))
    (slope,) = torch.autograd.grad(z.sum(), x)
    assert bool((slope > 0).all())
    assert torch.allclose(unit.log_prob(z).exp() * slope, 0.5 * normal(x, 0.0, 0.1) + 0.5 * normal(x, 2.0, 2.0))


def test_w33_value_of_the_game() -> None:
    """W3.3a: at the optimal discriminator the value is -log 4 + 2 JS, and any other discriminator has less."""
    states("W3.3", r"V(D^*,G)=-2\log2+KL(p_d\,\|\,m)+KL(p_g\,\|\,m)=-\log4+2\,JS(p_d\,\|\,p_g)", r"D^*=a/(a+b)")
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
    states("W3.3", r"=-s(l)$", r"=-(1-s(l))$", r"4.5\cdot10^{-5}", "0.99995", r"e^{-l}=e^{10}\approx22\,026")
    logit = torch.tensor(-10.0, requires_grad=True)
    (minimax,) = torch.autograd.grad(logsigmoid(-logit), logit)
    (ns,) = torch.autograd.grad(-logsigmoid(logit), logit)
    assert math.isclose(float(minimax), -4.5398e-5, rel_tol=1e-4)
    assert math.isclose(float(ns), -0.99995, rel_tol=1e-4)
    assert math.isclose(float(ns / minimax), math.exp(10), rel_tol=1e-9)
    assert int(math.exp(10)) == 22026


def test_w33_gradient_of_the_non_saturating_loss() -> None:
    """W3.3c: at D* the gradient of E_p[-log D*] is that of KL(p || p_d) - 2 JS(p || p_d)."""
    states(
        "W3.3",
        r"\nabla_\theta E_p[-\log D^*]=\nabla_\theta\left[KL(p\,\|\,p_d)-2\,JS(p\,\|\,p_d)\right]$ at $\theta_0$",
    )
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
    states(
        "W3.4",
        r"$\sqrt{1+h^2}$",
        r"\begin{pmatrix}1&h\\-h&1\end{pmatrix}",
        r"M^\top M=(1+h^2)I",
        r"\begin{pmatrix}0&1\\-1&-\gamma\end{pmatrix}",
        r"\lambda=-\frac\gamma2\pm\sqrt{\frac{\gamma^2}{4}-1}",
    )
    step = torch.tensor([[1.0, 0.3], [-0.3, 1.0]])
    assert torch.allclose(step.T @ step, (1 + 0.3**2) * torch.eye(2))
    for gamma in (0.1, 1.0, 2.5, 10.0):
        found = torch.linalg.eigvals(torch.tensor([[0.0, 1.0], [-1.0, -gamma]]))
        root = torch.sqrt(torch.tensor(complex(gamma**2 / 4 - 1)))
        wanted = torch.stack([-gamma / 2 + root, -gamma / 2 - root])
        assert all(float((found - value).abs().min()) < 1e-6 for value in wanted)
        assert float(found.real.max()) < 0
        assert gamma == 2 or float(found.real.max()) > -1  # which is what gamma = 2 has


def test_w34_divergences_of_two_points() -> None:
    """W3.4a: JS of two different points is log 2, wherever they are."""
    states("W3.4", r"JS=\frac12\log2+\frac12\log2=\log2", r"W_1=|\theta|")
    p, q = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
    m = (p + q) / 2
    assert math.isclose(float(0.5 * (torch.xlogy(p, p / m) + torch.xlogy(q, q / m)).sum()), math.log(2))


def test_w35_bias_of_the_v_statistic() -> None:
    """W3.5a: over all samples from a three-point law the V-statistic has the stated bias, the U-statistic none."""
    states(
        "W3.5",
        r"$\frac1n\left(E\,k(x,x)-E\,k(x,x')\right)+\frac1m",
        r"=E\,k(x,x')+\frac1n\left(E\,k(x,x)-E\,k(x,x')\right)",
    )
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
    states("W3.5", r"\|\mu_1-\mu_2\|^2+\sum_i\left(\sqrt{\lambda_i}-\sqrt{\nu_i}\right)^2")
    turn = torch.linalg.qr(torch.randn(4, 4)).Q
    first, second = torch.rand(4) + 0.1, torch.rand(4) + 0.1
    a, b = turn @ torch.diag(first) @ turn.T, turn @ torch.diag(second) @ turn.T
    overlap = torch.linalg.eigvals(a @ b).real.sqrt().sum()
    assert torch.allclose(a.trace() + b.trace() - 2 * overlap, (first.sqrt() - second.sqrt()).square().sum())


def test_w35_bias_of_the_frechet_distance() -> None:
    """W3.5c: two samples of one Gaussian have a mean term of 2 sigma^2 / n and in all about 3 sigma^2 / n."""
    states(
        "W3.5", r"E(\bar x-\bar y)^2=2\sigma^2/n", r"=\frac{\sigma^2}{2n}+O(n^{-2})", r"=\frac{3\sigma^2}{n}+O(n^{-2})"
    )
    n, sd, repeats = 50, 1.7, 40_000
    x, y = sd * torch.randn(repeats, n), sd * torch.randn(repeats, n)
    shift = (x.mean(1) - y.mean(1)).square()
    spread = (x.std(1) - y.std(1)).square()
    assert abs(float(shift.mean()) * n / sd**2 - 2) < 0.1
    assert abs(float((shift + spread).mean()) * n / sd**2 - 3) < 0.15
