"""The zip just made grades its own reference (full marks) and the untouched starter (nothing)."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starterkit.build import Built

TOLERANCE = 1e-6  # points are written with a few decimals


class NotGraded(Exception):  # noqa: N818  # what happened
    """The grader wrote no results; the text is the end of what it said."""


@dataclass(frozen=True, kw_only=True)
class Graded:
    """One submission graded: `score` of `expected` points, CPU and wall seconds, peak memory in MiB of one process."""

    submission: str
    score: float
    expected: float
    cpu_s: float
    wall_s: float
    peak_mb: float
    lost: tuple[str, ...]
    results: dict[str, Any]

    @property
    def as_expected(self) -> bool:
        """Whether the score is what it must be."""
        return abs(self.score - self.expected) <= TOLERANCE


@dataclass(frozen=True, kw_only=True)
class SelfGrade:
    """Both gradings of one zip."""

    reference: Graded
    starter: Graded

    @property
    def passed(self) -> bool:
        """Full marks for the reference, nothing (but void tests) for the starter."""
        return self.reference.as_expected and self.starter.as_expected

    @property
    def lazy_modules(self) -> list[str]:
        """What workers imported after the fork, as the grader reports it: next time it is imported once, before."""
        found = (self.reference.results.get("extra_data") or {}).get("lazy_modules") or []
        return sorted({str(name) for name in found})


def self_grade(built: Built, zip_bytes: bytes) -> SelfGrade:
    """Grade reference and starter with `zip_bytes`, unpacked as Gradescope would. Raises NotGraded."""
    homework = built.homework
    gifts = sum(test.points for q in homework.questions for test in q.tests if test.void is not None)
    with tempfile.TemporaryDirectory(prefix="selfgrade-") as scratch:
        folder = Path(scratch)
        folder.chmod(0o711)  # the worker's user reads the grader's code, and nothing of the bundle
        source = folder / "source"
        with zipfile.ZipFile(io.BytesIO(zip_bytes)) as archive:
            archive.extractall(source)  # our own zip
        (source / "bundle").chmod(0o700)
        notebooks = {
            "reference": built.solutions[f"{homework.name}_solved.ipynb"],
            "starter": built.kit[f"{homework.name}.ipynb"],
        }
        expected = {"reference": homework.points + homework.bonus, "starter": gifts}
        return SelfGrade(**{name: _grade(folder, name, notebooks[name], expected[name]) for name in notebooks})


def _grade(folder: Path, name: str, notebook: bytes, expected: float) -> Graded:
    submission, results = folder / name, folder / f"{name}-results"
    submission.mkdir(mode=0o700)
    (submission / f"{name}.ipynb").write_bytes(notebook)
    command = [sys.executable, "-m", "autograder", "grade", "--bundle", "bundle", "--submission", str(submission)]
    command.append("--note-imports")
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg", "PYTHONDONTWRITEBYTECODE": "1"}
    with (folder / f"{name}.log").open("w+b") as log:
        started = time.monotonic()
        child = subprocess.Popen(  # our own interpreter
            [*command, "--results", str(results)], cwd=folder / "source", env=environment, stdout=log, stderr=log
        )
        _, status, usage = os.wait4(child.pid, 0)  # counts the workers too
        child.returncode = os.waitstatus_to_exitcode(status)
        wall = time.monotonic() - started
        log.seek(0)
        said = log.read().decode(errors="replace").strip().splitlines()
    try:
        found = json.loads((results / "results.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise NotGraded("\n".join([f"grading the {name} ended with status {child.returncode}", *said[-15:]])) from None
    rows = found.get("tests", [])
    lost = tuple(f"{row.get('number', '')} {row['name']}: {row.get('output', '')}" for row in rows if _short(row))
    score = float(found.get("score", sum(row.get("score", 0.0) for row in rows)))
    return Graded(
        submission=name, score=score, expected=expected, cpu_s=usage.ru_utime + usage.ru_stime, wall_s=wall,
        peak_mb=usage.ru_maxrss / 1024, lost=lost, results=found,
    )  # fmt: skip


def _short(row: dict[str, Any]) -> bool:
    return bool(row.get("status") == "failed" or row.get("score", 0) < row.get("max_score", 0) - TOLERANCE)
