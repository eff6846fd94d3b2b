"""Verdicts in one warm process are those of real, isolated workers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


def test_verdicts_are_those_of_real_workers() -> None:
    """Thirty mutants and sixteen chaffs of HW2 fail the same tests in process as behind the boundary."""
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("isolated.py"))], capture_output=True, text=True, check=False,
        timeout=500,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == []
