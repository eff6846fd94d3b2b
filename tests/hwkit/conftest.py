"""A generated hwkit.py for a small homework, fresh for each test, in a folder of its own."""

from __future__ import annotations

import itertools
import sys
import types
from pathlib import Path
from typing import Any

import pytest
import torch

from starterkit.hwkit import KitInfo, generate

SPEC: dict[str, Any] = {
    "questions": {"2.1a": ["reparameterize"], "2.1b": ["gaussian_kl"], "2.2a": ["elbo"]},
    "given": [],
    "packages": ["torch", "numpy"],
    "modules": ["hwkit"],
    "stubs": {"2.1a": "Question 2.1a", "2.1b": "Question 2.1b", "2.2a": "Question 2.2a"},
}
FIGURES = [
    {"id": "F2.1", "title": "Bounds", "caption": "Bounds against epochs.", "points": 4.0},
    {"id": "F2.2", "title": "Samples", "caption": "Samples from the prior.", "points": 3.0},
    {"id": "F2.3", "title": "Collapse", "caption": "", "points": 1.0},
]
KIT = KitInfo(
    homework="hw2",
    title="Variational autoencoders",
    release=3,
    course="Generative Models",
    term="2026FA",
    questions=SPEC["questions"],
    titles={"2.1a": "Reparameterisation", "2.1b": "KL", "2.2a": "ELBO"},
    points={"2.1a": 3, "2.1b": 4.5, "2.2a": 2},
    public={"2.1a": 2, "2.1b": 1, "2.2a": 0},
    hidden={"2.1a": 2, "2.1b": 1, "2.2a": 3},
    figures=FIGURES,
    artefacts=[{"id": "samples", "file": "*.npz", "max_mb": 1}],
    extraction=SPEC,
    team_size=2,
)
_numbers = itertools.count()


@pytest.fixture(scope="session")
def kit_text() -> str:
    """The generated module's text."""
    return generate(KIT)


@pytest.fixture(scope="session")
def kit_code(kit_text: str) -> types.CodeType:
    return compile(kit_text, "hwkit.py", "exec")


@pytest.fixture
def kit(kit_code: types.CodeType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module as a student has it just after importing it, in an empty folder, outside of Colab."""
    monkeypatch.chdir(tmp_path)
    for name in ("HW_BUDGET", "HW_STORAGE", "COLAB_RELEASE_TAG", "JPY_SESSION_NAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    name = f"hwkit_{next(_numbers)}"
    module = types.ModuleType(name)
    monkeypatch.setitem(sys.modules, name, module)  # dataclasses look their module up
    exec(kit_code, module.__dict__)
    return module


@pytest.fixture
def colab(monkeypatch: pytest.MonkeyPatch) -> None:
    """Colab's mark in the environment."""
    monkeypatch.setenv("COLAB_RELEASE_TAG", "release-colab-20260901")


def line_fit(kit: Any) -> tuple[torch.nn.Module, torch.optim.Optimizer, Any]:
    """A model, its optimiser, and a step that fits it to the sum of its inputs."""
    kit.set_seed(0)
    model = torch.nn.Linear(3, 1)
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)

    def step(_: int) -> dict[str, Any]:
        x = torch.randn(16, 3)
        loss = ((model(x) - x.sum(1, keepdim=True)) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return {"loss": loss}

    return model, optimizer, step
