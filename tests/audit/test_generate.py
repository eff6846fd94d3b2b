"""What is mutated, and how: each operator on a line that it is for, and changes that cannot matter left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from starterkit.audit.generate import Mutant, Origin, mutants


def made(source: str) -> list[Mutant]:
    """The mutants of a source, all of which is a student's."""
    return mutants(
        Origin(question="1.1a", name="reference", path=Path("hw1.py"), source=source, first=1, held=lambda _: True)
    )


@pytest.mark.parametrize(
    ("source", "operator", "after"),
    [
        ("def f(x):\n    return x.sum(-1)\n", "other-function", "x.mean(-1)"),
        ("def f(x):\n    return x.exp().sum()\n", "detach", "x.exp().detach().sum()"),
        ("def f(x, y):\n    return x * y\n", "in-place", "x.mul_(y)"),
        ("def f(x):\n    return x.exp()\n", "fixed-dtype", "x.exp().float()"),
        ("def f(x):\n    return torch.zeros(3, dtype=x.dtype, device=x.device)\n", "drop-keyword", "torch.zeros(3, dtype=x.dtype)"),
        ("def f(x, w):\n    return w.to(x.device) + x\n", "drop-call", "w + x"),
        ("@torch.no_grad()\ndef f(x):\n    return x\n", "drop-no-grad", "@torch.enable_grad()"),
        ("def f(x):\n    with torch.no_grad():\n        return x\n", "drop-no-grad", "with torch.enable_grad():"),
        ("class N(nn.Module):\n    def __init__(self):\n        super().__init__()\n", "drop-statement", "pass"),
        ("class N:\n    def __init__(self, n):\n        self.a = nn.ModuleList(n)\n", "other-function", "list(n)"),
        ("class N:\n    def __init__(self, t):\n        self.a = nn.Parameter(t)\n", "drop-call", "self.a = t"),
        ("class N:\n    def g(self, t):\n        self.register_buffer('b', t)\n", "buffer", "self.b = t"),
        ("class N:\n    def g(self, t):\n        self.register_buffer('b', t)\n", "buffer", "persistent=False"),
        ("def f(x, n):\n    return x if n < 3 else -x\n", "comparison", "n <= 3"),
        ("def f(x):\n    return F.cross_entropy(x, x, reduction='sum')\n", "reduction", "reduction='mean'"),
        ("def f(x):\n    return x + torch.randn_like(x)\n", "shared-noise", "torch.randn_like(x[:1]).expand_as(x)"),
    ],
)  # fmt: skip
def test_an_operator_makes_its_change(source: str, operator: str, after: str) -> None:
    """The operator is among the mutants of a line it is for, and its diff shows the change."""
    assert any(m.operator == operator and any(after in line for line in m.diff if line[0] == "+") for m in made(source))


def test_a_schedule_is_shifted_in_all_functions_at_once() -> None:
    """A table that two methods index by the same name is off by one in both, in one mutant."""
    source = "class N:\n    def a(self, t):\n        return self.beta[t]\n\n    def b(self, t):\n        return 1 - self.beta[t]\n"
    shifted = [m for m in made(source) if m.operator == "schedule"]
    assert {"+ return self.beta[t - 1]", "+ return 1 - self.beta[t - 1]"} <= {line for m in shifted for line in m.diff}


@pytest.mark.parametrize(
    ("source", "operator"),
    [
        ("def f(a, b):\n    return ((a - b) ** 2).sum()\n", "swap-operands"),
        ("def f(x):\n    return int(x.abs().sum().exp())\n", "detach"),
        ("def f(a):\n    return max(a, 1)\n", "swap-arguments"),
        ("def f(x):\n    return torch.linspace(0, 1, 5).unsqueeze(0) + x\n", "detach"),
    ],
)
def test_a_change_that_cannot_matter_is_left_out(source: str, operator: str) -> None:
    """Squares hide the sign, counts carry no gradient, and a maximum does not care for order."""
    assert operator not in {m.operator for m in made(source) if "sum()" not in m.diff[-1] or operator != "detach"}


def test_ids_outlive_comments_and_moves() -> None:
    """A mutant keeps its id when its function moves or its comments change, and loses it when the function changes."""
    ids = {m.id for m in made("def f(x, y):\n    return x + y\n")}
    assert ids == {m.id for m in made("import math\n\n\ndef f(x, y):\n    # why\n    return x + y  # so\n")}
    assert not ids & {m.id for m in made("def f(x, y):\n    return 2 * x + y\n")}


def test_equal_methods_of_two_classes_have_ids_of_their_own() -> None:
    """Two classes of one cell with the same method give mutants with different ids: one signature signs one change."""
    method = "    def energy(self, x):\n        return 2 * x + 1\n"
    found = made(f"class Left:\n{method}\n\nclass Right:\n{method}")
    left, right = ({m.id for m in found if m.line == line} for line in (3, 8))
    assert len(left) == len(right) == len(found) / 2
    assert not left & right


def test_mutants_are_distinct_and_lines_are_those_of_the_file() -> None:
    """No two mutants compile to the same code, and each knows its line."""
    found = made("def f(x):\n    y = x * 2\n    return y - x\n")
    assert len({m.code.co_consts for m in found}) == len(found)
    assert {m.line for m in found} == {2, 3}
