"""The zip builds its own environment from its pins, once, and proves in it that it can grade."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from starterkit.emulate import emulate
from starterkit.pins import TORCH
from tests.robust.running import strict, write_notebook

if TYPE_CHECKING:
    import pytest

    from tests.robust.homework2 import Homework2


def has_local_torch() -> bool:
    """Whether pip is configured to find the pinned torch on this machine, without any index."""
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--dry-run",
        "--no-deps",
        "--ignore-installed",
        "--no-index",
    ]
    return subprocess.run([*pip, f"torch=={TORCH}"], capture_output=True, check=False).returncode == 0


def test_set_up_from_the_pins_then_grade(hw2: Homework2, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """setup.sh installs the pins into a fresh environment, the self-test passes, and the solved notebook gets it all."""
    if has_local_torch():
        monkeypatch.setenv("TORCH_INDEX", "")  # pip finds that one; the ordinary index would bring CUDA
    submission = write_notebook(tmp_path / "submission", hw2.solved)
    outcome = emulate(
        hw2.zip, submission, results=tmp_path / "results", setup=True, python=Path(sys.executable), timeout=300
    )
    full = hw2.manifest["points"] + hw2.manifest["bonus"]
    assert f"the reference gets {full:g} of {full:g} points" in outcome.setup_log
    assert outcome.verdict.problem is None and outcome.run.raw is not None
    data = strict(outcome.run.raw)
    assert data["score"] == full
    assert json.loads((tmp_path / "results" / "stored.json").read_text(encoding="utf-8"))["score"] == full
