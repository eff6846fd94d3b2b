"""In a real Jupyter kernel: a killed session resumes on the same curve, and failures show one line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.kernels import Session

SETUP = """
import json, os, pathlib, signal, torch
from hwkit import *

set_seed(0)
model = torch.nn.Linear(3, 1)
optimizer = torch.optim.Adam(model.parameters(), 1e-2)

def step(i):
    if i == 23 and pathlib.Path("kill").exists():
        pathlib.Path("kill").unlink()
        os.kill(os.getpid(), signal.SIGKILL)  # the session dies here
    x = torch.randn(16, 3)
    loss = ((model(x) - x.sum(1, keepdim=True)) ** 2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return {"loss": loss}
"""
TRAIN = """
history = fit(step, 40, checkpoint=Checkpointer("run.pt", every=0, model=model, optimizer=optimizer))
pathlib.Path("history.json").write_text(json.dumps(history));
"""


@pytest.fixture
def session(kit_text: str, tmp_path: Path, request: pytest.FixtureRequest) -> Callable[[str], Session]:
    """Makes kernels in folders that hold hwkit.py."""

    def start(name: str) -> Session:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        (folder / "hwkit.py").write_text(kit_text, encoding="utf-8")
        made = Session(folder)
        request.addfinalizer(made.close)
        return made

    return start


def test_a_killed_kernel_resumes_on_the_same_curve(session: Callable[[str], Session], tmp_path: Path) -> None:
    """Kill the training cell's kernel half way, start again, run all: the metrics are those of an uninterrupted run."""
    whole = session("whole")
    whole.run(SETUP)
    printed, errors = whole.run(TRAIN)
    assert not errors and "40/40" in printed
    first = session("killed")
    (tmp_path / "killed" / "kill").touch()
    first.run(SETUP)
    first.run_until_killed(TRAIN)
    second = session("killed")
    second.run(SETUP)
    printed, errors = second.run(TRAIN)
    assert not errors and "Resumed run.pt at step 23" in printed
    curves = [json.loads((tmp_path / name / "history.json").read_text()) for name in ("whole", "killed")]
    assert curves[0] == curves[1] and len(curves[0]) == 40


def test_failures_show_one_line(session: Callable[[str], Session]) -> None:
    """A failing check and a student's mistake reach the notebook as one line, without a traceback."""
    kernel = session("plain")
    kernel.run('from hwkit import *\ndef test_a():\n    "A law."\n    assert 1 == 2, "one is not two"')
    printed, errors = kernel.run('check("2.1a", test_a)')
    assert "✗ A law." in printed and "one is not two" in printed
    assert errors == ['CheckFailed: question 2.1a: 1 of 1 check failed (see above). Again: check("2.1a")']
    assert kernel.run('check("9.9z")')[1] == ["KitError: there is no question '9.9z': choose from 2.1a, 2.1b, 2.2a"]
