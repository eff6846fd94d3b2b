"""The zip just made grades its own reference (full marks), the untouched starter (nothing), and, where questions call
each other's functions, a submission in which exactly those are wrong: its other questions get full marks with the help
of the bundle's reference, which no other run touches.
"""

from __future__ import annotations

import io
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starterkit.build import Built
    from starterkit.model import Homework

BORROWER = "with wrong answers where other questions call them"
TOLERANCE = 1e-6  # points are written with a few decimals


class NotGraded(Exception):  # noqa: N818  # what happened
    """The grader wrote no results; the text is the end of what it said."""


@dataclass(frozen=True, kw_only=True)
class Graded:
    """One submission graded: `score` of `expected` points, CPU and wall seconds, peak memory in MiB of one process.

    `wrong` holds a text for each test that did not end as it must, with what the grader tells the staff about it;
    `ours` says that one of them failed by a mistake of the homework, which gives points to everyone.
    """

    submission: str
    score: float
    expected: float
    cpu_s: float
    wall_s: float
    peak_mb: float
    wrong: tuple[str, ...]
    ours: bool
    results: dict[str, Any]

    @property
    def as_expected(self) -> bool:
        """Whether the score is what it must be, and was earned."""
        return abs(self.score - self.expected) <= TOLERANCE and not self.ours


@dataclass(frozen=True, kw_only=True)
class SelfGrade:
    """The gradings of one zip; `borrower` is None where no question calls another's functions."""

    reference: Graded
    starter: Graded
    borrower: Graded | None = None

    @property
    def all(self) -> dict[str, Graded]:
        """Every grading, by the words for its submission."""
        named = {"the reference": self.reference, "the untouched starter": self.starter}
        return named if self.borrower is None else {**named, f"the reference {BORROWER}": self.borrower}

    @property
    def passed(self) -> bool:
        """Full marks for the reference, nothing (but void tests) for the starter, and follow-through marks work."""
        return all(one.as_expected for one in self.all.values())

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
        graded = {name: _grade(folder, name, notebooks[name], expected[name]) for name in notebooks}
        return SelfGrade(**graded, borrower=_borrower(folder, homework, notebooks["reference"]))


def _borrower(folder: Path, homework: Homework, notebook: bytes) -> Graded | None:
    """Grade the questions that call others' functions, in a submission in which those functions are wrong.

    Their full marks show that the bundle's reference can be lent; it must have helped, or nothing was shown.
    """
    lent = {name for question in homework.questions for name in question.follow}
    calling = [question for question in homework.questions if question.follow and not lent & set(question.names)]
    if not calling:
        return None
    broken = json.loads(notebook)
    source = "\n\n".join(f"def {name}(*args, **kwargs):\n    raise ArithmeticError" for name in sorted(lent))
    broken["cells"].append({
        "cell_type": "code", "id": "wrong-answers", "metadata": {}, "execution_count": None, "outputs": [],
        "source": source,
    })  # fmt: skip
    worth = sum(test.points for question in calling for test in question.tests)
    graded = _grade(folder, "borrower", json.dumps(broken).encode(), worth, only=[q.id for q in calling])
    helped = any((row.get("extra_data") or {}).get("counted_with_reference") for row in graded.results.get("tests", []))
    return graded if helped else replace(graded, score=0.0, wrong=("no test was counted with the reference's help",))


def _grade(folder: Path, name: str, notebook: bytes, expected: float, only: Sequence[str] = ()) -> Graded:
    submission, results = folder / name, folder / f"{name}-results"
    submission.mkdir(mode=0o700)
    (submission / f"{name}.ipynb").write_bytes(notebook)
    command = [sys.executable, "-m", "autograder", "grade", "--bundle", "bundle", "--submission", str(submission)]
    command += ["--note-imports", *(word for question in only for word in ("--only", question))]
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
    rows = [row for row in found.get("tests", []) if not only or str(row.get("number")).rpartition(".")[0] in only]
    off = [row for row in rows if _our_fault(row) or (_earned(row) if name == "starter" else _short(row))]
    score = round(sum(float(row.get("score", 0.0)) for row in rows), 6)
    return Graded(
        submission=name, score=score, expected=expected, cpu_s=usage.ru_utime + usage.ru_stime, wall_s=wall,
        peak_mb=usage.ru_maxrss / 1024, results=found, ours=any(map(_our_fault, rows)),
        wrong=tuple("\n".join([f"{row.get('number', '')} {row['name']}: {row.get('output', '')}", *_staff(row, said)])
                    for row in off),
    )  # fmt: skip


def _short(row: dict[str, Any]) -> bool:
    return bool(row.get("status") == "failed" or row.get("score", 0) < row.get("max_score", 0) - TOLERANCE)


def _outcome(row: dict[str, Any]) -> object:
    return (row.get("extra_data") or {}).get("outcome")


def _our_fault(row: dict[str, Any]) -> bool:
    return _outcome(row) == "our_fault"


def _earned(row: dict[str, Any]) -> bool:
    return bool(row.get("score", 0) > TOLERANCE and _outcome(row) != "void")


def _staff(row: dict[str, Any], said: Sequence[str]) -> list[str]:
    """Return what the log says to the staff about a row: the lines marked `|` below its number."""
    start = next((i for i, line in enumerate(said, 1) if line.startswith(f"[{row.get('number')}] ")), len(said))
    block = itertools.takewhile(lambda line: not line.startswith("["), said[start:])
    return [line for line in block if line.startswith("    | ")]
