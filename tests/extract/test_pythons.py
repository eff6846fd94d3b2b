"""The same notebooks give the same results on every Python that may grade them or that Colab may run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from autograder.extract import extract
from tests.extract.messy import CASES
from tests.extract.program import SPEC

ROOT = Path(__file__).parents[2]
SKIPPED = {
    "deep_expression_in_another_cell"
}  # Python 3.10's own parser crashes on it; the grader's child then counts as failed
SCRIPT = """
import json, sys
from autograder.extract import extract
import autograder.staging
jobs = json.load(sys.stdin)
json.dump([extract(job["filename"], bytes.fromhex(job["data"]), job["spec"]) for job in jobs], sys.stdout)
"""
MESSAGES = ("notices", "missing")  # CPython words its syntax errors differently from one version to the next


def find_python(version: str) -> str | None:
    """A working `python3.x` from PATH or from pyenv."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = [shutil.which(f"python{version}"), *(str(path / "bin" / "python3") for path in pyenv.glob(f"{version}.*"))]
    return next((path for path in found if path and _works(path)), None)


def _works(path: str) -> bool:
    """False for a pyenv shim whose version is not selected."""
    try:
        return subprocess.run([path, "-c", ""], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


@pytest.mark.parametrize("version", ["3.10", "3.11", "3.12", "3.13"])
def test_other_pythons_agree(version: str) -> None:
    """Extraction runs on the standard library of another Python and finds the same."""
    python = find_python(version)
    if python is None:
        pytest.skip(f"there is no python{version} on this machine")
    cases = {name: build() for name, build in CASES.items() if name not in SKIPPED}
    jobs = [{"filename": c.filename, "data": c.data.hex(), "spec": {**SPEC, **c.spec}} for c in cases.values()]
    done = subprocess.run(
        [python, "-S", "-c", SCRIPT],
        input=json.dumps(jobs),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    for name, job, theirs in zip(cases, jobs, json.loads(done.stdout), strict=True):
        ours = extract(str(job["filename"]), cases[name].data, job["spec"])  # type: ignore[arg-type]
        for key in ours.keys() - {*MESSAGES, "programs"}:
            assert theirs[key] == ours[key], (name, key)
        for key in MESSAGES:
            assert len(theirs[key]) == len(ours[key]), (name, key, theirs[key])
        assert _outline(theirs) == _outline(ours), name


def _outline(result: dict) -> object:  # type: ignore[type-arg]
    """Programs without the texts of syntax errors."""
    return {
        q: [(p["file"], p["line"], p["names"], p.get("future"), len(p["source"].split("\n"))) for p in pieces]
        for q, pieces in result["programs"].items()
    }
