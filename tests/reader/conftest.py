"""A small homework that is right in every way; tests break one thing in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from starterkit.diagnostics import Collector, Problem
from starterkit.model import Homework
from starterkit.source import load_homework

GOOD = '''\
# %% [markdown]
# # Homework 5
#
# Prose with $\\\\frac{1}{2}$.

# %%
import torch
from hwkit import assert_close, cases, core, points, probe
from torch import Tensor


def shared(x: Tensor) -> Tensor:
    """Given."""
    return double(x) + 1


# %% [markdown] problem="5.1"
# ## Problem 5.1: twice

# %% solution="5.1a"
def double(x: Tensor) -> Tensor:
    """Return 2 x."""
    ### BEGIN SOLUTION
    return 2 * x
    ### END SOLUTION


# %% tests="*"
def ones(n: int) -> Tensor:
    return torch.ones(n)


# %% tests="5.1a"
@core
@points(1)
def test_zero_stays_zero(rng):
    """Zero stays zero."""
    assert_close(double(torch.zeros(rng.size(2, 4))), torch.zeros(2))


### BEGIN HIDDEN TESTS
@points(2)
@cases("n", 2, 3)
def test_ones_become_twos(n):
    """Ones become twos."""
    assert_close(double(ones(n)), 2 * ones(n))
### END HIDDEN TESTS


# %% solution="5.1b"
class Halver:
    """Halves."""

    def __call__(self, x: Tensor) -> Tensor:
        ### BEGIN SOLUTION
        return double(x) / 4
        ### END SOLUTION


# %% tests="5.1b"
@probe
def repeated(x: Tensor) -> float:
    return float(Halver()(x).sum())


@points(1)
def test_halves(rng):
    """Halves."""
    assert repeated(ones(2)) == 1


### BEGIN HIDDEN TESTS
@points(1)
def test_halves_given(rng):
    """Halves what is given."""
    assert_close(Halver()(shared(ones(2))), 1.5 * ones(2))
### END HIDDEN TESTS


# %% experiment="5.1"
import matplotlib.pyplot as plt
from hwkit import savefig

fig, ax = plt.subplots()
### BEGIN SOLUTION
ax.plot(double(ones(3)))
### END SOLUTION
savefig("F5.1", fig, alt="A flat line.", answer="…")

# %% [markdown] figure="F5.1" points=2
# Hand in the line.
#
# Caption: Say whether it is flat.
#
# ### BEGIN MARK SCHEME
# - (2) flat
# ### END MARK SCHEME

# %% [markdown] written="W5.1" points=3 pages=1
# Prove it.
#
# ### BEGIN SOLUTION
# Clear.
# ### END SOLUTION
#
# ### BEGIN MARK SCHEME
# - (1) starts
# - (2) ends
# ### END MARK SCHEME
'''.replace("\\\\", "\\")
COURSE = 'name = "C"\nterm = "2026FA"\nsecret = "0123456789abcdef0123456789abcdef"\nteam_size = 2\n'
ASSIGNMENT = """\
title = "Five"
release_date = 2026-09-01
due_date = 2026-09-15

[points]
written = 3
code = 5
figures = 2
"""


@dataclass(frozen=True)
class Read:
    """What came of reading a homework."""

    homework: Homework | None
    problems: list[Problem]
    folder: Path

    @property
    def codes(self) -> list[str]:
        return [problem.code for problem in self.problems]

    def shown(self, problem: Problem) -> str:
        return f"{problem.code} @ {problem.text.strip()} @ {problem.hint}"


Reader = Callable[..., Read]


@pytest.fixture
def good() -> str:
    """The source notebook that is right."""
    return GOOD


@pytest.fixture
def read(tmp_path: Path) -> Reader:
    """Write a homework with the given texts, read it, and return what came of it; None leaves a file as it is."""

    def read_texts(source: str | None = GOOD, *, assignment: str | None = ASSIGNMENT, course: str = COURSE) -> Read:
        folder = tmp_path / "solutions" / "hw5"
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in (("hw5.py", source), ("assignment.toml", assignment)):
            if text is not None:
                (folder / name).write_text(text, encoding="utf-8")
        (folder.parent / "course.toml").write_text(course, encoding="utf-8")
        collector = Collector(tmp_path)
        return Read(load_homework(folder, tmp_path, collector), collector.sorted(), folder)

    return read_texts


@pytest.fixture
def broken(read: Reader) -> Callable[[str, str], Read]:
    """Read the good homework after one replacement, which must apply exactly once."""

    def with_change(old: str, new: str) -> Read:
        assert GOOD.count(old) == 1, f"{old!r} stands {GOOD.count(old)} times in the good source"
        return read(GOOD.replace(old, new))

    return with_change
