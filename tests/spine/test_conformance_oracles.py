"""Networks, optimisers and loaders of the test's in the student's hands."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from autograder.worker import StudentError


def close(a: Tensor, b: Tensor) -> None:
    """Equal shape, dtype and values."""
    assert a.shape == b.shape and a.dtype == b.dtype
    assert torch.allclose(a, b, atol=1e-6)


def twins(pair: Any, train: bool = False) -> tuple[Any, Any]:
    """A student's VAE in the worker and the same network here, equal parameters."""
    there, here = pair.there.VAE(pair.here.Config()), pair.here.VAE(pair.here.Config())
    here.load_state_dict(there.state_dict())
    return there.train(train), here.train(train)


class Critic(nn.Module):
    """A network of the test's."""

    def __init__(self, dim: int = 5) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(dim, 16), nn.Tanh(), nn.Linear(16, 1))
        self.dim = dim
        self.calls = 0

    def forward(self, x: Tensor, t: Any = None) -> Tensor:
        """(B, dim) -> (B, 1)."""
        self.calls += 1
        return self.net(x)


class LinearVAE(nn.Module):
    """An oracle with the interface that homeworks ask for."""

    def __init__(self) -> None:
        super().__init__()
        self.enc, self.dec = nn.Linear(4, 4), nn.Linear(2, 4)

    @property
    def latent_dim(self) -> int:
        """Two."""
        return 2

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance, (B, 2) each."""
        mu, logvar = self.enc(x).chunk(2, -1)
        return mu, logvar

    def decode(self, z: Tensor) -> Tensor:
        """(B, 2) -> (B, 4)."""
        return self.dec(z)

    def _secret(self) -> str:
        return "expected"


@pytest.mark.parametrize("kind", ["function", "module"])
def test_sampler_with_an_oracle(pair: Any, kind: str) -> None:
    """A sampler calls the test's network at every step; value and gradients, to its parameters too, are the local ones."""
    net = Critic(8)
    net.net[2] = nn.Linear(16, 8)
    model = net if kind == "module" else lambda x, t: x * (t + 1) / 20
    x = torch.randn(4, 8, requires_grad=True)
    a, b = pair.there.sampler(model, x, 20), pair.here.sampler(model, x, 20)
    close(a, b)
    wanted = [x, *(net.parameters() if kind == "module" else [])]
    for g, h in zip(torch.autograd.grad(a.sum(), wanted), torch.autograd.grad(b.sum(), wanted), strict=True):
        assert torch.allclose(g, h, atol=1e-5)


def test_gradient_penalty_on_a_critic_of_the_tests(pair: Any) -> None:
    """create_graph inside the student's code through the test's critic: penalty and its gradient equal the local ones."""
    critic, x = Critic().double(), torch.randn(7, 5, dtype=torch.float64)
    a, b = pair.there.gradient_penalty(critic, x), pair.here.gradient_penalty(critic, x)
    close(a, b)
    weights = [critic.net[0].weight, critic.net[2].weight]
    for g, h in zip(torch.autograd.grad(a, weights), torch.autograd.grad(b, weights), strict=True):
        close(g, h)
    close(
        pair.there.gradient_penalty(lambda x: (x**3).sum(1), x), pair.here.gradient_penalty(lambda x: (x**3).sum(1), x)
    )


def test_training_step_with_model_and_optimiser_of_the_tests(pair: Any) -> None:
    """Three steps of the student's training function move the test's network as locally."""
    nets = [nn.Linear(4, 2), nn.Linear(4, 2)]
    nets[1].load_state_dict(nets[0].state_dict())
    optimisers = [torch.optim.Adam(n.parameters(), 0.1) for n in nets]
    x, y = torch.randn(8, 4), torch.randn(8, 2)
    for _ in range(3):
        assert pair.there.train_step(nets[0], optimisers[0], x, y) == pytest.approx(
            pair.here.train_step(nets[1], optimisers[1], x, y), abs=1e-6
        )
    close(nets[0].weight, nets[1].weight)


def test_oracle_with_methods_and_properties(pair: Any) -> None:
    """The student calls encode and decode of the test's network, gradients reach its parameters, underscored names stay away."""
    model = LinearVAE()
    x, eps = torch.randn(6, 4), torch.randn(6, 2)
    close(pair.there.elbo(model, x, eps), pair.here.elbo(model, x, eps))
    pair.there.elbo(model, x, eps).sum().backward()
    assert model.enc.weight.grad is not None
    assert pair.worker.probe("def p(m): return m.latent_dim, hasattr(m, '_secret')", "p", 1, (model,), {}) == (2, False)


def test_the_students_methods_as_arguments(pair: Any) -> None:
    """A method of the student's network can be handed to another of the student's functions."""
    there, here = twins(pair)
    x = torch.randn(2, 2)
    close(pair.there.apply_twice(lambda g, y: y if g is None else there.decode(g(y)), x), here.decode(x))
    close(pair.there.closure(2.0)(there.decode(x)), 2 * here.decode(x))


def test_mode_switches_of_the_worker_end_with_the_call(pair: Any) -> None:
    """model.eval() and requires_grad_(False) in student code hold during the call; afterwards the test's network is as it was."""
    net = Critic().train()
    was, during, count, names, state = pair.there.mode_of(net)
    assert (was, during) == (True, False) and count == sum(p.numel() for p in net.parameters())
    assert names == [n for n, _ in net.named_parameters()] and state == sorted(net.state_dict())
    assert net.training and net.net.training
    assert pair.there.mode_of(net)[0] is True
    pair.there.freeze_then_call(net, torch.zeros(1, 5))
    assert all(p.requires_grad for p in net.parameters())


@pytest.mark.parametrize("name", ["zero_it", "train_own"])
def test_writing_the_tests_parameters_is_refused(pair: Any, name: str) -> None:
    """The student cannot change values of the test's network except through the optimiser that was handed in."""
    net = nn.Linear(4, 2)
    before = net.weight.detach().clone()
    arguments = (net,) if name == "zero_it" else (net, torch.randn(8, 4), torch.randn(8, 2))
    with pytest.raises(StudentError, match="belongs to the test"):
        getattr(pair.there, name)(*arguments)
    assert torch.equal(net.weight, before)
    assert torch.allclose(
        pair.there.sampler(lambda x, t: net(x).sum() * x, torch.ones(1, 4), 1),
        torch.ones(1, 4) * (1 - 0.01 * net(torch.ones(1, 4)).sum()),
    )


def test_copying_the_tests_network_is_refused_loudly(pair: Any) -> None:
    """Deepcopy of the test's network in student code raises."""
    with pytest.raises(TypeError, match="cannot be copied"):
        pair.there.copy_it(Critic())


def test_loaders_and_streams(pair: Any) -> None:
    """A DataLoader and an endless generator of the test's can be iterated by the student."""
    data = torch.utils.data.DataLoader([torch.ones(2), torch.zeros(2)], batch_size=1)
    assert pair.there.over_loader(data) == ([2.0, 0.0], 2)
    assert pair.there.pull((i * i for i in range(100)), 4) == [0, 1, 4, 9]


def test_torch_classes_by_name(pair: Any) -> None:
    """Torch's own classes and functions arrive as themselves, so that the student can build with them."""
    net = pair.there.make_net(nn.Linear, nn.Tanh)
    assert isinstance(net[0], nn.Linear) and net(torch.zeros(1, 3)).shape == (1, 3)
