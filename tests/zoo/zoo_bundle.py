"""The homework that the zoo attacks: five small questions, with a canary in everything a submission must not learn.

1 `gaussian_kl` (public core, public, hidden); 2 `elbo`, which borrows it (follow-through); 3 the network `Meter` (a
probe); 4 `ascend`, which is handed a function of the test's; 5 the number `RATE`, and `weigh`, which is handed a network
of the test's, and whose answer meets bare arithmetic and a statistical assertion. Each has a wrong solution that earns
nothing.
"""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any

from autograder.cells import cell_hash

SECRET = "feedc0de5ec2e7feedc0de5ec2e7feed"
MARK = secrets.token_hex(6)  # this very file may be readable where a layer is off: what stands here is no canary
FAR = 383.4567  # a hidden input; its divergence from the prior is a hidden expected value
CANARIES = {
    "tests": f"heron-in-the-tests-{MARK}",
    "reference": f"heron-in-the-reference-{MARK}",
    "environment": f"heron-in-the-environment-{MARK}",
    "arguments": f"heron-in-the-arguments-{MARK}",
    "module": f"heron-in-the-staff-file-{MARK}",
    "secret": SECRET,
    "expected value": str(0.5 * FAR**2)[:6],
    "hidden input": str(FAR)[:6],
    "call-back": "271828.75",
}

GIVEN = """\
import torch
from torch import Tensor, nn


class Setting:
    def __init__(self, gain):
        self.gain = gain
"""

SOLUTIONS = {
    "1": "def gaussian_kl(mu: Tensor, logvar: Tensor) -> Tensor:\n    return 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum(-1)\n",
    "2": "def elbo(x: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:\n    return -((x - mu) ** 2).sum(-1) - gaussian_kl(mu, logvar)\n",
    "3": "class Meter(nn.Module):\n    def __init__(self, dim):\n        super().__init__()\n        self.gain = nn.Parameter(torch.ones(dim))\n\n"
    "    def forward(self, x):\n        return self.gain * x\n",
    "4": "def ascend(f, x: Tensor, steps: int, rate: float) -> Tensor:\n    for _ in range(steps):\n        x = x.detach().requires_grad_()\n"
    "        (gradient,) = torch.autograd.grad(f(x).sum(), x)\n        x = x + rate * gradient\n    return x.detach()\n",
    "5": "RATE = 0.25\n\n\ndef weigh(critic, x: Tensor) -> Tensor:\n    return RATE * critic(x)\n",
}
WRONG = {  # each earns nothing at all, but the last, which is right and has no gradient
    "1": "def gaussian_kl(mu, logvar):\n    return (mu + logvar).sum(-1) + 1.0\n",
    "2": "def elbo(x, mu, logvar):\n    return x.sum(-1, keepdim=True)\n",
    "3": "class Meter(nn.Module):\n    def __init__(self, dim):\n        super().__init__()\n        self.gain = nn.Parameter(torch.zeros(dim))\n\n"
    "    def forward(self, x):\n        return x\n",
    "4": "def ascend(f, x, steps, rate):\n    return 0 * x - 1\n",
    "5": "RATE = 0.5\n\n\ndef weigh(critic, x):\n    return critic(x) + 1\n",
    "cut gradient": SOLUTIONS["1"].replace(".sum(-1)", ".sum(-1).detach()"),
}
WORTH = {"1": 5.0, "2": 3.0, "3": 4.0, "4": 3.0, "5": 4.0}

TESTS = {
    "1": '''
@core
@points(1)
def test_zero_at_the_prior(rng):
    """The divergence is zero at the prior."""
    zeros = torch.zeros(rng.size(2, 5), 3)
    assert_close(gaussian_kl(zeros, zeros), torch.zeros(len(zeros)), "the divergence from itself is not zero")


@points(1)
def test_unit_shift():
    """A shift by one costs a half."""
    assert_close(gaussian_kl(torch.ones(1, 1), torch.zeros(1, 1)), torch.full((1,), 0.5), "a shift by one")


@points(2)
def test_far_from_the_prior():
    """The divergence grows with the square of the shift."""  # heron-in-the-tests
    mu = torch.full((2, 1), 383.4567)
    want = 0.5 * (mu * mu).sum(-1)
    got = gaussian_kl(mu, torch.zeros(2, 1))
    assert bool(((got - want).abs() <= 1e-6 * want).all()), "far from the prior"


@points(1)
def test_gradients(rng):
    """Gradients agree with finite differences."""  # heron-in-the-tests
    mu, logvar = torch.randn(2, 3, generator=rng), torch.randn(2, 3, generator=rng)
    want = (0.5 * (mu * mu + torch.exp(logvar) - 1) - 0.5 * logvar).sum(-1)
    assert_close(gaussian_kl(mu, logvar), want)
    assert_gradients_match(gaussian_kl, mu, logvar)
''',
    "2": '''
@core
@points(1)
def test_shape(rng):
    """One value per example."""
    b = rng.size(2, 5)
    value = elbo(torch.randn(b, 2, generator=rng), torch.zeros(b, 2), torch.zeros(b, 2))
    assert value.shape == (b,), f"expected shape ({b},)"


@points(2)
def test_reconstruction_minus_divergence(rng):
    """The bound is the reconstruction term minus the divergence."""  # heron-in-the-tests
    x, mu, logvar = (torch.randn(4, 3, generator=rng) for _ in range(3))
    kl = (0.5 * (mu * mu + torch.exp(logvar) - 1) - 0.5 * logvar).sum(-1)
    assert_close(elbo(x, mu, logvar), -((x - mu) ** 2).sum(-1) - kl)
''',
    "3": '''
@probe
def two_steps(start, x, rate):
    meter, seen = Meter(len(start)), []
    meter.register_forward_hook(lambda *_: seen.append(1))
    with torch.no_grad():
        meter.gain.copy_(start)
    optimiser = torch.optim.SGD(meter.parameters(), lr=rate)
    for _ in range(2):
        optimiser.zero_grad()
        meter(x).sum().backward()
        optimiser.step()
    return {"gain": meter.gain.detach(), "calls": len(seen)}


@points(1)
def test_gain_has_a_gradient(rng):
    """The gain has a gradient."""
    meter, x = Meter(3), torch.randn(2, 3, generator=rng)
    meter(x).sum().backward()
    assert_close(meter.gain.grad, x.sum(0))


@points(1)
def test_state_dict_decides(rng):
    """What is loaded decides what comes out."""
    meter, gain = Meter(3), torch.randn(3, generator=rng)
    meter.load_state_dict({"gain": gain})
    assert_close(meter(torch.ones(1, 3)), gain[None])


@points(2)
def test_two_steps(rng):
    """Two steps move the gain twice."""  # heron-in-the-tests
    start, x, rate = torch.randn(3, generator=rng), torch.randn(4, 3, generator=rng), 0.1
    found = two_steps(start, x, rate)
    assert_close(found["gain"], start - 2 * rate * x.sum(0))
    assert type(found["calls"]) is int and found["calls"] == 2, "the forward pass did not run once per step"
''',
    "4": '''
@points(1)
def test_one_step_up_a_parabola(rng):
    """One step climbs a parabola."""
    x = torch.randn(3, generator=rng)
    assert_close(ascend(lambda z: -(z**2), x, 1, 0.1), 0.8 * x)


@points(2)
def test_every_step_asks_the_function(rng):
    """Every step asks for the function's gradient."""
    x, secret, seen = torch.randn(3, generator=rng), 271828.75, []  # heron-in-the-tests

    def objective(z):
        seen.append(secret)
        return -((z - 1) ** 2) + secret

    got = ascend(objective, x, 3, 0.25)
    assert_close(got, 1 + (x - 1) * 0.125)
    assert len(seen) >= 3, "the function was not asked in every step"
''',
    "5": '''
@points(1)
def test_rate_is_a_quarter():
    """The rate is a quarter."""
    assert_close(torch.full((2,), 0.25), RATE * torch.ones(2), "the rate is not a quarter")


@points(2)
def test_weighs_what_the_critic_says(rng):
    """The answer is a quarter of what the critic says."""  # heron-in-the-tests
    critic, x = nn.Linear(3, 1), torch.randn(4, 3, generator=rng)
    got = weigh(critic, x)
    want = 0.25 * critic(x).detach()
    assert tuple(got.shape) == (4, 1), f"expected shape (4, 1), got {tuple(got.shape)}"
    assert got.dtype == torch.float64, f"expected float64, got {got.dtype}"
    assert bool(((want - got).abs() <= 1e-9).all()), "a quarter of what the critic says"


@points(1)
def test_weighs_numbers_fairly(rng):
    """Numbers between 0 and 1 weigh an eighth on average."""  # heron-in-the-tests
    assert_mean_close(weigh(nn.Identity(), torch.rand(400, generator=rng)), 0.125, bounds=(0.0, 0.25))
''',
}
HIDDEN = {
    "test_far_from_the_prior", "test_gradients", "test_reconstruction_minus_divergence", "test_two_steps",
    "test_every_step_asks_the_function", "test_weighs_what_the_critic_says", "test_weighs_numbers_fairly",
}  # fmt: skip
USES = {"1": ["gaussian_kl"], "2": ["elbo"], "3": ["Meter"], "4": ["ascend"], "5": ["RATE", "weigh"]}
POINTS = {
    "1": [("test_zero_at_the_prior", 1), ("test_unit_shift", 1), ("test_far_from_the_prior", 2), ("test_gradients", 1)],
    "2": [("test_shape", 1), ("test_reconstruction_minus_divergence", 2)],
    "3": [("test_gain_has_a_gradient", 1), ("test_state_dict_decides", 1), ("test_two_steps", 2)],
    "4": [("test_one_step_up_a_parabola", 1), ("test_every_step_asks_the_function", 2)],
    "5": [("test_rate_is_a_quarter", 1), ("test_weighs_what_the_critic_says", 2), ("test_weighs_numbers_fairly", 1)],
}
CORE = {"test_zero_at_the_prior", "test_shape"}


def _test(name: str, points: float, uses: list[str]) -> dict[str, Any]:
    hidden = name in HIDDEN
    return {
        "name": name, "title": name.removeprefix("test_").replace("_", " "), "points": points, "core": name in CORE,
        "hidden": hidden, "visibility": "after_published" if hidden else "visible", "uses": uses,
    }  # fmt: skip


def manifest() -> dict[str, Any]:
    """The manifest as plain data."""
    questions = [
        {
            "id": q, "problem": q, "title": q, "names": USES[q], "follow": ["gaussian_kl"] if q == "2" else [],
            "tests": [_test(name, points, USES[q]) for name, points in POINTS[q]],
        }
        for q in TESTS
    ]  # fmt: skip
    given = {"key": "given-1", "line": 1, "names": ["torch", "Tensor", "nn", "Setting"], "hashes": [cell_hash(GIVEN)]}
    return {
        "schema": 1, "homework": "hw9", "title": "The zoo", "course": "Zoo", "term": "2026FA", "release": 1,
        "secret": SECRET, "device": "cpu", "packages": ["torch", "numpy"], "modules": ["hwkit"],
        "preload": ["torch._dynamo"],
        "limits": {"cpu_s": 0.6, "wall_s": 4, "memory_mb": 512, "run_s": 120},
        "given": [{**given, "source": GIVEN}], "questions": questions, "points": sum(WORTH.values()), "bonus": 0.0,
    }  # fmt: skip


def write_bundle(folder: Path) -> Path:
    """Write the bundle into `folder` (private, as a bundle is); returns it."""
    for name in ("tests", "reference", "modules"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    (folder / "manifest.json").write_text(json.dumps(manifest()))
    words = "assert_close, assert_gradients_match, assert_mean_close, core, points, probe"
    for question, source in TESTS.items():
        text = (
            f"from hwkit import {words}\n" + "\n" * 20 + GIVEN + source.replace("heron-in-the-tests", CANARIES["tests"])
        )
        (folder / "tests" / f"test_{question}.py").write_text(text)
    reference = GIVEN + f'\nNOTE = "{CANARIES["reference"]}"\n\n\n' + "\n\n".join(SOLUTIONS.values())
    (folder / "reference" / "reference.py").write_text(reference)
    (folder / "modules" / "hwkit.py").write_text("def savefig(*args, **kwargs):\n    return None\n")
    (folder / "staff.txt").write_text(CANARIES["module"])
    return folder


def notebook(*cells: str, metadata: dict[str, Any] | None = None) -> bytes:
    """A notebook with these code cells."""
    code = [
        {"cell_type": "code", "id": f"c{i}", "metadata": {}, "outputs": [], "execution_count": None, "source": source}
        for i, source in enumerate(cells)
    ]
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": metadata or {}, "cells": code}).encode()


def cells_with(question: str, hostile: str) -> list[str]:
    """The cells of a submission that solves everything but `question`, whose answer is `hostile`; that cell is last."""
    return [GIVEN, *(solution for q, solution in SOLUTIONS.items() if q != question), hostile]
