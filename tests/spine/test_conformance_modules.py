"""Networks and objects of the student's in the hands of a test: they look, train and change as local ones."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn


def close(a: Tensor, b: Tensor) -> None:
    """Equal shape, dtype and values."""
    assert a.shape == b.shape and a.dtype == b.dtype
    assert torch.allclose(a, b, atol=1e-6)


def twins(pair: Any, train: bool = False) -> tuple[Any, Any]:
    """A student's VAE in the worker and the same network here, equal parameters."""
    there, here = pair.there.VAE(pair.here.Config()), pair.here.VAE(pair.here.Config())
    here.load_state_dict(there.state_dict())
    return there.train(train), here.train(train)


def test_construct_load_forward_backward(pair: Any) -> None:
    """A student's class is constructed, loaded, called and differentiated as a local one."""
    there, here = twins(pair)
    x = torch.randn(5, 4)
    a, b = there(x), here(x)
    close(a, b)
    a.sum().backward()
    b.sum().backward()
    for p, q in zip(there.parameters(), here.parameters(), strict=True):
        assert (p.grad is None) == (q.grad is None)
        if p.grad is not None and q.grad is not None:
            close(p.grad, q.grad)
    assert there.name == "vae" and there.cfg == pair.here.Config() and there.seen.item() == 5


def test_looks_like_a_module(pair: Any) -> None:
    """isinstance, names, shapes, buffers, children and repr of a student's module are those of the local one."""
    there, here = twins(pair)
    assert (
        isinstance(there, nn.Module) and isinstance(there, pair.there.VAE) and not isinstance(there, pair.there.Agent)
    )
    assert (
        isinstance(there.encoder[0], nn.Linear) and not isinstance(there.encoder, nn.Linear) and len(there.encoder) == 3
    )
    for view in ("named_parameters", "named_buffers"):
        assert [(n, t.shape) for n, t in getattr(there, view)()] == [(n, t.shape) for n, t in getattr(here, view)()]
    assert [n for n, _ in there.named_modules()] == [n for n, _ in here.named_modules()]
    assert (
        list(there.state_dict()) == list(here.state_dict())
        and there.lv.bias is None
        and there.encoder[0].in_features == 4
    )
    assert isinstance(there.mu.weight, nn.Parameter) and "VAE" in repr(there)
    close(there.mu(torch.ones(1, 8)), here.mu(torch.ones(1, 8)))


def test_edits_reach_the_student(pair: Any) -> None:
    """Edits under no_grad, through .data, by assignment and of plain attributes are seen by the student's code."""
    there, _ = twins(pair)
    x = torch.randn(3, 4)
    with torch.no_grad():
        there.dec.weight.zero_()
    close(there(x), there.dec.bias.expand(3, 4))
    there.dec.bias.data.fill_(7.0)
    close(there(x), torch.full((3, 4), 7.0))
    there.dec.bias = nn.Parameter(torch.ones(4))
    close(there(x), torch.ones(3, 4))
    there.name = "other"
    assert there.name == "other"
    with pytest.raises(TypeError, match="cannot be replaced"):
        there.dec = nn.Linear(2, 4)


def test_train_eval_double_deepcopy(pair: Any) -> None:
    """train() and eval() switch dropout, double() the dtype, and a deep copy is independent."""
    there, _ = twins(pair, train=True)
    x = torch.randn(8, 4)
    assert not torch.equal(there.encode(x)[0], there.encode(x)[0])
    there.eval()
    assert torch.equal(there.encode(x)[0], there.encode(x)[0])
    twin = copy.deepcopy(there).double()
    assert (
        twin(x.double()).dtype == torch.float64 and there(x).dtype == torch.float32 and isinstance(twin, pair.there.VAE)
    )
    with torch.no_grad():
        twin.dec.bias.fill_(3)
    assert not torch.equal(twin.dec.bias.float(), there.dec.bias)


def test_optimisers_on_both_sides(pair: Any) -> None:
    """A test-side Adam with clipping trains the student's network as it does locally; so does the student's own optimiser."""
    there, here = twins(pair)
    x = torch.randn(5, 4)
    optimisers = [(m, torch.optim.Adam(m.parameters(), 0.1)) for m in (there, here)]
    for _ in range(3):
        for m, opt in optimisers:
            opt.zero_grad()
            m(x).pow(2).sum().backward()
            nn.utils.clip_grad_norm_(m.parameters(), 1.0)
            opt.step()
    opt = pair.there.make_opt(there)
    before = there.dec.weight.detach().clone()
    there.zero_grad()
    there(x).sum().backward()
    gradient = there.dec.weight.grad.clone()
    opt.step()
    close(there.dec.weight.detach(), before - 0.5 * gradient)
    for p, q in zip(there.mu.parameters(), here.mu.parameters(), strict=True):
        assert p.shape == q.shape


def test_requires_grad_and_functional_call(pair: Any) -> None:
    """requires_grad_ is respected and functional_call uses the given parameters."""
    there, _ = twins(pair)
    x = torch.randn(5, 4)
    there.requires_grad_(False)
    assert not there(x).requires_grad
    there.requires_grad_(True)
    assert there(x).requires_grad
    zeros = {n: torch.zeros_like(p) for n, p in there.named_parameters()}
    assert torch.func.functional_call(there, zeros, (x,)).abs().max() == 0


def test_students_own_training_is_seen(pair: Any) -> None:
    """After the student's own step the test sees new values and gradients; an EMA over two networks works."""
    there, here = twins(pair)
    x = torch.randn(5, 4)
    pair.there.train_own(there, x, x)
    pair.here.train_own(here, x, x)
    for p, q in zip(there.parameters(), here.parameters(), strict=True):
        close(p, q)
    close(there.dec.weight.grad, here.dec.weight.grad)
    average = copy.deepcopy(there)
    for p in average.parameters():
        p.data.zero_()
    pair.there.ema(average, there, 0.9)
    close(average.dec.weight.detach(), 0.1 * there.dec.weight.detach())


def test_parameters_made_at_the_first_batch(pair: Any) -> None:
    """Parameters, buffers and children that a network makes later appear in the mirror, with gradients."""
    there, here = pair.there.Lazy(), pair.here.Lazy()
    x = torch.randn(6, 3)
    a, b = there(x), here(x)
    close(a, b)
    there(x).sum().backward()
    here(x).sum().backward()
    assert (
        [n for n, _ in there.named_parameters()] == [n for n, _ in here.named_parameters()] == ["scale", "head.weight"]
    )
    close(there.scale.grad, here.scale.grad)
    assert bool(there.ready)


def test_plain_objects(pair: Any) -> None:
    """A plain object's network gets gradients when the test fetched it before the call; len and indexing work."""
    agent = pair.there.Agent()
    net = agent.net
    agent.loss(torch.ones(3)).backward()
    assert net.weight.grad is not None and len(agent) == 3 and agent[4] == 8


def test_hooks_on_parts_are_refused_loudly(pair: Any) -> None:
    """A hook on a submodule raises instead of never firing; one on the root fires."""
    there, _ = twins(pair)
    with pytest.raises(TypeError, match="probe"):
        there.encoder[0].register_forward_hook(lambda *a: None)
    fired: list[int] = []
    there.register_forward_hook(lambda *a: fired.append(1))
    there(torch.zeros(1, 4))
    assert fired == [1]
