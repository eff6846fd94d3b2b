"""Caches, follow-through, nested call-backs and probes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

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


def test_a_cache_that_starts_empty_is_carried_back(pair: Any) -> None:
    """A dict that was empty, or holds what the worker put there, is updated after the call, gradients included."""
    there: dict[str, Any] = {}
    here: dict[str, Any] = {}
    x = torch.randn(2, 3, requires_grad=True)
    for _ in range(3):
        a, b = pair.there.append_cache(x, there), pair.here.append_cache(x, here)
        close(a, b)
    assert there["n"] == 3 and there["k"].shape == (6, 3)
    close(torch.autograd.grad(a.sum(), x)[0], torch.autograd.grad(b.sum(), x)[0])
    log: list[float] = []
    for value in (1.0, 2.0):
        pair.there.log_losses(torch.tensor(value), log)
    assert log == [1.0, 2.0]


def test_a_dict_of_the_tests_is_never_written(pair: Any) -> None:
    """A dict with contents of the test's stays as it was, whatever the student does to its copy."""
    schedule = {"alpha": torch.ones(1)}
    pair.there.greedy(schedule)
    assert schedule["alpha"].item() == 1


# ---- follow-through and nesting ----------------------------------------------------------------------------------------
def test_rebinding_resolves_to_the_reference(pair: Any) -> None:
    """A rebound name calls the grader's function from inside student code, gradients to first and second order included."""
    calls: list[int] = []

    def reference(mu: Tensor, logvar: Tensor) -> Tensor:
        calls.append(1)
        return pair.here.gaussian_kl(mu, logvar)

    pair.worker.rebind({"gaussian_kl": reference})
    there, here = (m.double() for m in twins(pair))
    x, eps = torch.randn(3, 4, dtype=torch.float64, requires_grad=True), torch.randn(3, 2, dtype=torch.float64)
    a, b = pair.there.elbo(there, x, eps), pair.here.elbo(here, x, eps)
    close(a, b)
    assert calls == [1]
    close(torch.autograd.grad(a.sum(), x)[0], torch.autograd.grad(b.sum(), x)[0])
    assert torch.autograd.gradgradcheck(
        lambda x: pair.there.elbo(there, x, eps).sum(), x[:1].detach().requires_grad_(), atol=1e-4
    )


def test_reference_over_the_students_network(pair: Any) -> None:
    """A rebound function that gets the student's network calls its methods back."""
    pair.worker.rebind({"elbo": pair.here.elbo})
    there, here = twins(pair)
    x, eps = torch.randn(6, 4), torch.randn(6, 2)
    source = "def p(m, x, e):\n    l = -elbo(m, x, e).mean()\n    l.backward()\n    return l, [p.grad for p in m.parameters()]\n"
    value, grads = pair.worker.probe(source, "p", 1, (there, x, eps), {})
    local = -pair.here.elbo(here, x, eps).mean()
    local.backward()
    close(value, local.detach())
    for g, p in zip(grads, here.parameters(), strict=True):
        close(g, p.grad)  # type: ignore[arg-type]


def test_nested_call_backs(pair: Any) -> None:
    """A function of the test's calls a function of the student's that calls the test's again."""
    assert pair.there.apply_twice(lambda g, y: y + 1 if g is None else g(g(y)) * 10, 1) == 30


def test_an_exception_of_the_test_itself_comes_back_as_it_was(pair: Any) -> None:
    """An assertion in a call-back passes through student code and arrives as the test's own exception object."""
    mine = AssertionError("the oracle was called with t = -1")

    def oracle(x: Tensor, t: int) -> Tensor:
        raise mine

    with pytest.raises(AssertionError) as caught:
        pair.there.sampler(oracle, torch.zeros(1), 2)
    assert caught.value is mine


def test_the_students_error_inside_a_call_back(pair: Any) -> None:
    """A student's exception that passes through the test's call-back and student code again keeps its type and lines."""
    with pytest.raises(ValueError, match="mask must be boolean") as caught:
        pair.there.apply_twice(lambda g, y: pair.there.raise_value(), 1)
    assert isinstance(caught.value, StudentError) and caught.value.frames


# ---- probes ------------------------------------------------------------------------------------------------------------
def test_probe_counts_calls(pair: Any) -> None:
    """A probe runs beside the student's code and returns plain values."""
    source = "import torch\ndef p(steps):\n    seen = []\n    sampler(lambda x, t: (seen.append(t), 0 * x)[1], torch.zeros(2), steps)\n    return seen\n"
    assert pair.worker.probe(source, "p", 10, (4,), {}) == [3, 2, 1, 0]


@pytest.mark.parametrize("result", ["lambda: 1", "torch.nn.Linear(1, 1)", "Agent()", "sampler"])
def test_probe_returns_no_handles(pair: Any, result: str) -> None:
    """A probe that returns a function, a network or an object is an error."""
    with pytest.raises(StudentError, match=r"plain values|cannot send"):
        pair.worker.probe(f"import torch\ndef p(): return {result}", "p", 1, (), {})


def test_probe_helpers_do_not_overwrite(pair: Any) -> None:
    """Names that a probe defines stay its own; an exception without a frame of the student's shows none."""
    pair.worker.probe("def sampler(): pass\ndef p(): return 1", "p", 1, (), {})
    assert torch.equal(pair.there.sampler(lambda x, t: x, torch.zeros(1), 1), torch.zeros(1))
    with pytest.raises(TypeError) as caught:
        pair.worker.probe("def p(): return None + 1", "p", 1, (), {})
    assert caught.value.frames == []
