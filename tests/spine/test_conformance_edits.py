"""Arguments changed in place: named alike whether the code runs here or in a worker, whatever travels beside them."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from autograder.testing import LawViolation, assert_inputs_unchanged

SOURCE = """
import torch
from torch import nn

def plain(a, b):
    b.add_(1)

def hidden(a, b):
    b.data.add_(1)

def array(a, b):
    b[0] = 7.0

def network(model, u):
    x = u
    with torch.no_grad():
        for i in range(u.shape[1]):
            x[:, i] = model(x)[:, i]
    return x

def call_back(f, u, text):
    u.mul_(f(u).sum())

def nested(batch, table):
    table["inner"][0].zero_()

def by_keyword(f, *, noise):
    f(noise)
    noise.zero_()

def sampled(generator, u):
    u += torch.rand(u.shape, generator=generator)

def honest(model, f, u, table):
    x = u.clone()
    x += model(x) + f(x)
    table["more"] = x
    return x

def keep(x):
    return lambda: x.sum()

def edit_kept(x):
    x.data.add_(1)

class Layer(nn.Module):
    def forward(self, x):
        return x.add_(1)

    def step(self, x, f):
        return f(x.add_(1))
"""
NAMES = ["plain", "hidden", "array", "network", "call_back", "nested", "by_keyword", "sampled", "honest", "keep", "edit_kept", "Layer"]  # fmt: skip


@pytest.fixture(params=["here", "worker"])
def code(request: pytest.FixtureRequest, start: Callable[..., Any]) -> Any:
    """The functions of SOURCE, in this process and in a worker."""
    if request.param == "here":
        space: dict[str, Any] = {}
        exec(SOURCE, space)
        return types.SimpleNamespace(**{n: space[n] for n in NAMES})
    return types.SimpleNamespace(**start(SOURCE).bind(NAMES))


def net() -> nn.Module:
    """A network of the test's."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 3), nn.Tanh())


def ones() -> torch.Tensor:
    """A fresh argument."""
    return torch.ones(2, 3)


CASES: dict[str, tuple[str, Callable[[], tuple[Any, ...]], dict[str, Any], str]] = {
    "a tensor beside another": ("plain", lambda: (ones(), ones()), {}, "argument 2"),
    "through .data": ("hidden", lambda: (1, ones()), {}, "argument 2"),
    "a NumPy array": ("array", lambda: ([ones()], np.ones(2)), {}, "argument 2"),
    "beside a network, over calls back": ("network", lambda: (net(), ones()), {}, "argument 2"),
    "beside a function": ("call_back", lambda: (lambda x: 2 * x, ones(), "t" * 5000), {}, "argument 2"),
    "beside a long text": ("plain", lambda: ("t" * 5000, ones()), {}, "argument 2"),
    "in a list in a dict": ("nested", lambda: ([ones(), ones()], {"k": 1, "inner": [ones()]}), {}, "argument 2"),
    "by keyword": ("by_keyword", lambda: (net(),), {"noise": ones()}, "argument noise"),
    "beside a generator": ("sampled", lambda: (torch.Generator().manual_seed(1), ones()), {}, "argument 2"),
    "a parameter as an argument": ("hidden", lambda: (net(), nn.Parameter(ones())), {}, "argument 2"),
}


@pytest.mark.parametrize("case", CASES)
def test_the_edited_argument_is_named(code: Any, case: str) -> None:
    """The law is broken, and the message names the argument that was changed and no other."""
    name, arguments, keywords, label = CASES[case]
    with pytest.raises(LawViolation, match=f"^{label} was changed in place"):
        assert_inputs_unchanged(getattr(code, name), *arguments(), **keywords)


def test_through_a_function_of_the_tests(code: Any) -> None:
    """It is the same law if the test wraps the call, and hands on a part of its argument."""
    x = torch.ones(4, 3)
    with pytest.raises(LawViolation, match=r"^argument 1 was"):
        assert_inputs_unchanged(lambda a: code.plain(0, a[1:3]), x)
    assert_inputs_unchanged(lambda a: code.plain(0, a + 1), torch.ones(3))


def test_methods_and_calls_of_a_network_of_the_students(code: Any) -> None:
    """A student's module that edits what it is given is found out, called or asked for a method."""
    layer = code.Layer()
    for call, rest in ((layer, ()), (layer.step, (lambda x: x + 1,))):
        with pytest.raises(LawViolation, match=r"^argument 1 was"):
            assert_inputs_unchanged(call, ones(), *rest)


def test_an_argument_kept_from_an_earlier_call(code: Any) -> None:
    """A tensor that the student's code still holds, and that therefore does not travel again, is watched as well."""
    x = ones().requires_grad_()
    kept = code.keep(x)
    with pytest.raises(LawViolation, match=r"^argument 1 was"):
        assert_inputs_unchanged(code.edit_kept, x)
    assert callable(kept)


def test_honest_code_breaks_nothing(code: Any) -> None:
    """Work on copies, calls back and a new entry in a dict are no edits of tensors."""
    assert_inputs_unchanged(code.honest, net(), lambda x: 2 * x, ones(), {"a": ones()})
