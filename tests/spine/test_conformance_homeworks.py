"""The signatures of all five homeworks: each is called here and in a worker and must agree."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from torch import Tensor, nn

PROGRAM = "homeworks.py"


def close(a: Any, b: Any, tolerance: float = 1e-6) -> None:
    """Equal types and structure, and values up to `tolerance`."""
    assert type(a) is type(b), (type(a), type(b))
    if isinstance(a, dict):
        assert list(a) == list(b)
        for key in a:
            close(a[key], b[key], tolerance)
    elif isinstance(a, list | tuple):
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            close(x, y, tolerance)
    elif isinstance(a, Tensor):
        assert a.shape == b.shape and a.dtype == b.dtype and a.requires_grad == b.requires_grad
        assert torch.allclose(a, b, atol=tolerance, rtol=1e-5)
    else:
        assert a == pytest.approx(b)


def twin(there: nn.Module, here: nn.Module) -> tuple[Any, Any]:
    """Both networks with the parameters and buffers of the remote one."""
    here.load_state_dict(there.state_dict())
    return there, here


class Oracle(nn.Module):
    """A small network of the test's with encode, decode and forward."""

    def __init__(self, n: int, out: int | None = None) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(n, 8), nn.Linear(8, n if out is None else out)
        self.enc, self.dec = nn.Linear(n, 4), nn.Linear(2, n)

    def forward(self, x: Tensor, t: Any = None, y: Any = None) -> Tensor:
        """(B, n) -> (B, out)."""
        return self.b(torch.tanh(self.a(x)))

    def encode(self, x: Tensor) -> Any:
        """Mean and log-variance."""
        return self.enc(x).chunk(2, -1)

    def decode(self, z: Tensor) -> Tensor:
        """Logits."""
        return self.dec(z)


class Tokens(nn.Module):
    """Logits that depend on the previous token only."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(6, 5)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T) -> (B, T, 5)."""
        return self.table(x)


def test_reductions_and_edge_values(pair: Any) -> None:
    """HW0: log_mean_exp agrees on ordinary, huge and all minus-infinite slices, with its gradient."""
    for a in (torch.randn(3, 4), torch.full((2, 2), -1e4), torch.full((2, 3), -torch.inf)):
        close(pair.there.log_mean_exp(a, 1), pair.here.log_mean_exp(a, 1))
    x = torch.randn(3, 4, requires_grad=True)
    close(*(torch.autograd.grad(m.log_mean_exp(x, 0).sum(), x)[0] for m in (pair.there, pair.here)))


def test_training_loop_with_a_loss_of_the_tests(pair: Any) -> None:
    """HW0: a loop over a model and a loss function of the test's returns the same list of floats."""
    model, batch = Oracle(3, 1), (torch.randn(4, 3), torch.randn(4, 1))
    close(
        pair.there.overfit_one_batch(model, nn.functional.mse_loss, batch, 2),
        [nn.functional.mse_loss(model(batch[0]), batch[1]).item()] * 2,
    )
    close(
        pair.there.overfit_one_batch(model, lambda a, b: (a - b).abs().mean(), batch, 1),
        [(model(batch[0]) - batch[1]).abs().mean().item()],
    )


def test_class_with_masks_and_buffers(pair: Any) -> None:
    """HW1: MADE agrees in log_prob over all states, gradients, Jacobian, buffers, dtype moves and sampling with a generator."""
    order = torch.tensor([2, 0, 3, 1])
    there, here = twin(pair.there.MADE(4, [16, 16], order=order), pair.here.MADE(4, [16, 16], order=order))
    states = torch.tensor(list(itertools.product([0.0, 1.0], repeat=4)))
    close(there.log_prob(states), here.log_prob(states))
    assert there.log_prob(states).exp().sum().item() == pytest.approx(1, abs=1e-5)
    x = torch.rand(4)
    close(*(torch.autograd.functional.jacobian(lambda v, m=m: m(v[None])[0], x) for m in (there, here)))
    close(
        there.sample(8, generator=torch.Generator().manual_seed(1)),
        here.sample(8, generator=torch.Generator().manual_seed(1)),
    )
    assert torch.equal(there.net[0].mask, here.net[0].mask) and torch.equal(there.order, order)
    close(there.double().log_prob(states.double()), here.double().log_prob(states.double()))
    optimisers = [(m, torch.optim.SGD(m.parameters(), 0.1)) for m in (there, here)]
    for _ in range(3):
        for m, opt in optimisers:
            opt.zero_grad()
            m.log_prob(states.double()).sum().backward()
            opt.step()
    close(there.net[0].weight.detach(), here.net[0].weight.detach())


def test_attention_with_a_cache(pair: Any) -> None:
    """HW1: decoding with a dict that the student fills equals the full run, and the test can look into the cache."""
    there, here = twin(pair.there.CausalSelfAttention(8, 2), pair.here.CausalSelfAttention(8, 2))
    x = torch.randn(2, 5, 8)
    cache: dict[str, Tensor] = {}
    steps = [there(x[:, i : i + 1], cache) for i in range(5)]
    close(torch.cat(steps, 1), there(x))
    close(there(x), here(x))
    assert cache["k"].shape == (2, 2, 5, 4)


def test_generation_from_an_oracle(pair: Any) -> None:
    """HW1: generate switches the test's network to eval, draws from the generator, leaves the mode as it was."""
    model = Tokens().train()
    draws = [
        m.generate(model, 3, 6, 5, temperature=0.7, generator=torch.Generator().manual_seed(2))
        for m in (pair.there, pair.here)
    ]
    close(*draws)
    assert model.training


def test_dict_of_terms_with_gradients_to_the_oracle(pair: Any) -> None:
    """HW2: elbo_terms returns a dict whose entries carry gradients to encoder and decoder of the test's network."""
    vae, x, eps = Oracle(6), torch.rand(3, 6).round(), torch.randn(4, 3, 2)
    there, here = pair.there.elbo_terms(vae, x, eps), pair.here.elbo_terms(vae, x, eps)
    close(there, here, 1e-5)
    weights = [vae.enc.weight, vae.dec.weight]
    close(*(torch.autograd.grad(t["log_w"].logsumexp(0).sum(), weights) for t in (there, here)), 1e-5)


def test_straight_through_and_tuples(pair: Any) -> None:
    """HW2: vector quantisation passes the gradient straight through and returns integer indices beside it."""
    results = []
    for m in (pair.there, pair.here):
        torch.manual_seed(1)
        z, codes = torch.randn(5, 3, requires_grad=True), torch.randn(4, 3, requires_grad=True)
        quantised, index, loss = m.vector_quantize(z, codes, 0.25)
        results.append((index, *torch.autograd.grad(quantised.sum() + loss, [z, codes])))
    close(*results)


@pytest.mark.parametrize("baseline", ["none", "mean_loo", 0.5])
def test_options_by_keyword(pair: Any, baseline: Any) -> None:
    """HW2: strings and floats as options."""
    f, logits, b = torch.randn(6), torch.randn(3), torch.randint(0, 2, (6, 3)).float()
    close(*(m.score_function_grad(f, logits, b, baseline=baseline) for m in (pair.there, pair.here)))


def test_flow_layers(pair: Any) -> None:
    """HW3: a coupling layer inverts itself and its log-determinant equals autograd's Jacobian."""
    there, _ = twin(
        pair.there.AffineCoupling(3, torch.tensor([True, False, True]), 8),
        pair.here.AffineCoupling(3, torch.tensor([True, False, True]), 8),
    )
    there.double()
    x = torch.randn(1, 3, dtype=torch.float64)
    z, logdet = there(x)
    back, inverse_logdet = there.inverse(z)
    close(back.detach(), x)
    close(-inverse_logdet, logdet, 1e-9)
    jacobian = torch.autograd.functional.jacobian(lambda v: there(v[None])[0][0], x[0])
    close(torch.linalg.slogdet(jacobian)[1].detach(), logdet[0].detach(), 1e-9)


def test_injected_network(pair: Any) -> None:
    """HW3: a network of the test's handed to a student's constructor is called back, with gradients."""
    net = nn.Linear(3, 6)
    there, here = (m.AffineCoupling(3, torch.tensor([True, False, True]), 8, net=net) for m in (pair.there, pair.here))
    x = torch.randn(4, 3, requires_grad=True)
    close(there(x), here(x))
    close(*(torch.autograd.grad(m(x)[1].sum() + m(x)[0].sum(), [x, net.weight]) for m in (there, here)), 1e-5)


def test_data_dependent_initialisation(pair: Any) -> None:
    """HW3: ActNorm initialises on its first training batch, keeps its flag in the state dict, and not in eval mode."""
    there, here = pair.there.ActNorm(3), pair.here.ActNorm(3)
    x = 3 * torch.randn(64, 3) + 1
    for m in (there.eval(), here.eval()):
        m(x)
        assert not bool(m.initialised)
    for m in (there.train(), here.train()):
        m(x)
        assert bool(m.state_dict()["initialised"])
    close(there(x + 1), here(x + 1))
    close(there.loc.detach(), here.loc.detach())


@pytest.mark.parametrize("penalty", [False, True])
def test_adversarial_step(pair: Any, penalty: bool) -> None:
    """HW3: a GAN step on networks and optimisers of the test's, with or without a penalty of either side's, moves both as locally."""
    results = []
    for m in (pair.there, pair.here):
        torch.manual_seed(4)
        g, d = Oracle(2), Oracle(2, 1)
        opt_g, opt_d = torch.optim.SGD(g.parameters(), 0.1), torch.optim.Adam(d.parameters(), 0.01)
        arguments = (torch.randn(6, 2), torch.randn(6, 2), torch.randn(6, 2), "ns", m.r1_penalty if penalty else None)
        losses = [m.gan_step(g, d, opt_g, opt_d, *arguments) for _ in range(2)]
        assert all(p.requires_grad for p in d.parameters())
        results.append((losses, [p.detach() for p in (*g.parameters(), *d.parameters())]))
    close(*results, 1e-5)


def test_schedules_as_dicts(pair: Any) -> None:
    """HW4: a schedule made by the student or by the test goes in and out as a dict of float64 tensors."""
    alpha_bar = torch.linspace(0.99, 0.01, 10, dtype=torch.float64)
    schedule = pair.there.make_schedule(alpha_bar)
    close(schedule, pair.here.make_schedule(alpha_bar))
    x0, t, eps = (
        torch.randn(5, 1, 3, 3, dtype=torch.float64),
        torch.randint(0, 10, (5,)),
        torch.randn(5, 1, 3, 3, dtype=torch.float64),
    )
    close(pair.there.q_sample(schedule, x0, t, eps), pair.here.q_sample(schedule, x0, t, eps))


def test_loss_with_recorded_arguments(pair: Any) -> None:
    """HW4: the test sees what the student passed to its model: noisy input, times, labels with the dropped ones replaced."""
    schedule = pair.here.make_schedule(torch.linspace(0.99, 0.01, 10))
    seen: list[list[Any]] = []

    def model(*arguments: Tensor) -> Tensor:
        seen.append([a.detach().clone() for a in arguments])
        return torch.zeros_like(arguments[0])

    x0, t, eps = torch.randn(4, 3), torch.arange(4), torch.randn(4, 3)
    y, drop = torch.tensor([1, 2, 3, 1]), torch.tensor([True, False, False, True])
    losses = [
        m.ddpm_loss(model, schedule, x0, t, eps, y=y, drop_mask=drop, null_label=9) for m in (pair.there, pair.here)
    ]
    close(*losses)
    close(*seen)
    assert seen[0][2].tolist() == [9, 2, 3, 9]


@pytest.mark.parametrize("eta", [0.0, 1.0])
def test_sampler_loop(pair: Any, eta: float) -> None:
    """HW4: a sampler over a list of time steps with given noises and an oracle equals the local one and leaves its input alone."""
    schedule = pair.here.make_schedule(torch.linspace(0.99, 0.05, 10, dtype=torch.float64))
    x, noises = torch.randn(4, 2, dtype=torch.float64), torch.randn(5, 4, 2, dtype=torch.float64)
    before = x.clone()
    oracle = lambda x, t: x * (t[:, None] + 1) / 10  # noqa: E731
    close(*(m.sample_loop(oracle, schedule, x, [9, 7, 4, 1], eta, noises) for m in (pair.there, pair.here)))
    assert torch.equal(x, before) and pair.worker.edited == []


def test_score_functions_and_samplers_with_generators(pair: Any) -> None:
    """HW4: Langevin steps on a score of the test's, and masked sampling with a positional generator."""
    x, noises = torch.randn(3, 2, requires_grad=True), torch.randn(4, 3, 2)
    results = [m.langevin(lambda x: -x, x, 0.1, 4, noises) for m in (pair.there, pair.here)]
    close(*results)
    close(*(torch.autograd.grad(r.sum(), x)[0] for r in results))
    close(
        *(
            m.mdlm_sample(Tokens_with_mask, 3, 4, 5, 3, torch.Generator().manual_seed(3))
            for m in (pair.there, pair.here)
        )
    )


def Tokens_with_mask(x: Tensor) -> Tensor:
    """(B, L) -> (B, L, 5) logits that favour the position."""
    return torch.nn.functional.one_hot(torch.arange(x.shape[1]) % 5, 5).float().expand(len(x), -1, -1) * 3


def test_policy_gradient_surrogate(pair: Any) -> None:
    """HW4: the gradient of the surrogate with respect to the logits agrees."""
    logits, rewards = torch.randn(5, requires_grad=True), torch.randn(5)
    grads = []
    for m in (pair.there, pair.here):
        logp = torch.log_softmax(logits, 0)
        grads.append(torch.autograd.grad(m.pg_surrogate(logp, logp.detach(), rewards, 0.1), logits)[0])
    close(*grads)
