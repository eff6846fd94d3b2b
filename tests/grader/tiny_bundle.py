"""A tiny homework: a bundle written by hand and notebooks to grade with it.

Three questions: `gaussian_kl`; `elbo`, which borrows it; and the network `Scaler`, with a probe, a bonus test and a void one.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from autograder.cells import cell_hash

SECRET = "00112233445566778899aabbccddeeff"
CANARY = "canary-in-the-hidden-tests"

GIVEN = """\
import torch
from torch import Tensor, nn


class Setting:
    def __init__(self, gain):
        self.gain = gain
"""

KL_SOLUTION = """\
def gaussian_kl(mu: Tensor, logvar: Tensor) -> Tensor:
    return 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum(-1)
"""

ELBO_SOLUTION = """\
def elbo(x: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    return -((x - mu) ** 2).sum(-1) - gaussian_kl(mu, logvar)
"""

SCALER_SOLUTION = """\
class Scaler(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(dim))

    def forward(self, x):
        return self.gain * x
"""

STUBS = {
    "1.1a": 'def gaussian_kl(mu: Tensor, logvar: Tensor) -> Tensor:\n    raise NotImplementedError("Question 1.1a")\n',
    "1.1b": 'def elbo(x: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:\n    raise NotImplementedError("Question 1.1b")\n',
    "1.2": "class Scaler(nn.Module):\n    def __init__(self, dim):\n        super().__init__()\n"
    '        raise NotImplementedError("Question 1.2")\n',
}

IMPORTS = "from hwkit import assert_close, assert_gradients_match, assert_inputs_unchanged, cases, core, points, probe, void\n"

KL_TESTS = '''
@core
@points(1)
def test_zero_at_the_prior(rng):
    """The KL divergence is zero at the prior."""
    zeros = torch.zeros(rng.size(2, 5), 3)
    assert_close(gaussian_kl(zeros, zeros), torch.zeros(len(zeros)), "KL(N(0, 1) || N(0, 1)) is not zero")


@points(2)
@cases("scale", 0.5, 2.0)
def test_closed_form(rng, scale):
    """The KL divergence has its closed form."""
    mu, logvar = scale * torch.randn(4, 3, generator=rng), torch.randn(4, 3, generator=rng)
    want = (0.5 * (mu * mu + torch.exp(logvar) - 1) - 0.5 * logvar).sum(-1)
    assert_close(assert_inputs_unchanged(gaussian_kl, mu, logvar), want, "the KL divergence is off")


@points(2)
def test_gradients(rng):
    """Gradients agree with finite differences."""  # canary-in-the-hidden-tests
    assert_gradients_match(gaussian_kl, torch.randn(2, 3, generator=rng), torch.randn(2, 3, generator=rng))
'''

ELBO_TESTS = '''
@core
@points(1)
def test_shape(rng):
    """One value per example."""
    b = rng.size(2, 5)
    value = elbo(torch.randn(b, 2, generator=rng), torch.zeros(b, 2), torch.zeros(b, 2))
    assert value.shape == (b,), f"expected shape ({b},)"


@points(3)
def test_tight_where_the_kl_is_zero(rng):
    """The bound equals the reconstruction term minus the divergence."""  # canary-in-the-hidden-tests
    x, mu, logvar = (torch.randn(4, 3, generator=rng) for _ in range(3))
    kl = (0.5 * (mu * mu + torch.exp(logvar) - 1) - 0.5 * logvar).sum(-1)
    assert_close(elbo(x, mu, logvar), -((x - mu) ** 2).sum(-1) - kl)
'''

SCALER_TESTS = '''
@probe
def steps_taken(seed):
    torch.manual_seed(seed)
    model = Scaler(2)
    model(torch.ones(3, 2)).sum().backward()
    return model.gain.detach() - 0.1 * model.gain.grad


@points(2)
def test_gain_is_learned():
    """The gain has a gradient."""
    model = Scaler(3)
    x = torch.full((2, 3), 2.0)
    model(x).sum().backward()
    assert_close(model.gain.grad, torch.full((3,), 4.0))


@points(1)
def test_one_step():
    """One step changes the gain."""
    assert_close(steps_taken(3), torch.full((2,), 0.7))


@points(2, bonus=True)
def test_setting(device):
    """Any gain works."""
    setting = Setting(3.0)
    model = Scaler(1)
    with torch.no_grad():
        model.gain.fill_(setting.gain)
    assert_close(model(torch.ones(1, 1)), torch.full((1, 1), 3.0))


@points(1)
@void("its tolerance was wrong")
def test_withdrawn():
    """Withdrawn."""
    assert False
'''


def _test(name: str, title: str, points: float, **more: Any) -> dict[str, Any]:
    return {"name": name, "title": title, "points": points, "visibility": "visible", **more}


def manifest() -> dict[str, Any]:
    """The manifest as plain data, to change before writing."""
    hidden = {"hidden": True, "visibility": "after_published"}
    return {
        "schema": 1, "homework": "hw9", "title": "A tiny homework", "course": "Tiny", "term": "2026FA", "release": 3,
        "secret": SECRET, "device": "cpu", "packages": ["torch", "numpy"], "modules": ["hwkit"], "preload": [],
        "limits": {"cpu_s": 1.5, "wall_s": 15, "memory_mb": 1024, "run_s": 120},
        "given": [{"key": "given-1", "line": 1, "names": ["torch", "Tensor", "nn", "Setting"], "hashes": [cell_hash(GIVEN)], "source": GIVEN}],
        "questions": [
            {"id": "1.1a", "problem": "1.1", "title": "KL", "names": ["gaussian_kl"], "follow": [], "tests": [
                _test("test_zero_at_the_prior", "The KL divergence is zero at the prior", 1, core=True),
                _test("test_closed_form", "The KL divergence has its closed form", 2),
                _test("test_gradients", "Gradients agree with finite differences", 2, **hidden),
            ]},
            {"id": "1.1b", "problem": "1.1", "title": "ELBO", "names": ["elbo"], "follow": ["gaussian_kl"], "tests": [
                _test("test_shape", "One value per example", 1, core=True),
                _test("test_tight_where_the_kl_is_zero", "The bound is exact", 3, **hidden),
            ]},
            {"id": "1.2", "problem": "1.2", "title": "Scaler", "names": ["Scaler"], "follow": [], "tests": [
                _test("test_gain_is_learned", "The gain has a gradient", 2),
                _test("test_one_step", "One step changes the gain", 1),
                _test("test_setting", "Any gain works", 2, bonus=True),
                _test("test_withdrawn", "Withdrawn", 1, void="its tolerance was wrong"),
            ]},
        ],
        "points": 13.0, "bonus": 2.0, "errata": [{"date": "2026-10-01", "text": "the tolerance of one test"}],
    }  # fmt: skip


TESTS = {"1.1a": KL_TESTS, "1.1b": ELBO_TESTS, "1.2": SCALER_TESTS}


def write_bundle(folder: Path, *, data: dict[str, Any] | None = None, tests: dict[str, str] | None = None) -> Path:
    """Write the bundle into `folder`, with another manifest or other test sources if given; returns the folder."""
    for name in ("tests", "reference", "modules"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "manifest.json").write_text(json.dumps(data or manifest()))
    for question, source in {**TESTS, **(tests or {})}.items():
        file = folder / "tests" / f"test_{question.replace('.', '_')}.py"
        file.write_text(IMPORTS + "\n" * 20 + GIVEN + source)
    (folder / "reference" / "reference.py").write_text(GIVEN + KL_SOLUTION + ELBO_SOLUTION + SCALER_SOLUTION)
    (folder / "modules" / "hwkit.py").write_text("def savefig(*args, **kwargs):\n    return None\n")
    return folder


def notebook(*cells: str) -> bytes:
    """A notebook with these code cells after one of prose."""
    prose = {"cell_type": "markdown", "metadata": {}, "source": "# A tiny homework"}
    code = [{"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": c} for c in cells]
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [prose, *code]}).encode()


def submission(folder: Path, *, kl: str = KL_SOLUTION, elbo: str = ELBO_SOLUTION, scaler: str = SCALER_SOLUTION,
               extra: tuple[str, ...] = ()) -> Path:  # fmt: skip
    """A folder with the solved notebook, some of whose cells are replaced; `extra` cells come last."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "hw9.ipynb").write_bytes(notebook(GIVEN, kl, elbo, scaler, *extra))
    return folder
