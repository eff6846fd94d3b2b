"""Grades submissions as a class is graded, and reads what came out."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
SCHEMA = json.loads((HERE / "results.schema.json").read_text())
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
KL, ELBO, REST = ("1.1a.1", "1.1a.2", "1.1a.3"), ("1.1b.1", "1.1b.2"), ("1.2.1", "1.2.2", "1.2.3")


@dataclass
class Graded:
    """What came out of one run."""

    data: dict[str, Any]
    log: str
    code: int

    def outcomes(self, numbers: tuple[str, ...]) -> list[str]:
        """Outcomes of these rows."""
        return [self.row(number)["extra_data"]["outcome"] for number in numbers]

    def row(self, number: str) -> dict[str, Any]:
        """The row of that number."""
        return next(row for row in self.data["tests"] if row["number"] == number)

    def score(self, numbers: tuple[str, ...]) -> float:
        """Points of these rows."""
        return sum(self.row(number)["score"] for number in numbers)


def grade_all(folder: Path, jobs: dict[str, dict[str, Any]], skip: tuple[str, ...] = ()) -> dict[str, Graded]:
    """Grade all jobs in one process; each gets its own results folder."""
    for name, job in jobs.items():
        job["results"] = str(folder / "results" / name)
        Path(job["results"]).mkdir(parents=True)
    done = subprocess.run(
        [sys.executable, str(HERE / "drive.py"), json.dumps(skip)], input=json.dumps(list(jobs.values())), text=True,
        env=ENVIRONMENT, capture_output=True, timeout=500, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    out = {}
    for name, job in jobs.items():
        results = Path(job["results"])
        data = json.loads((results / "results.json").read_text())
        out[name] = Graded(data, (results / "log.txt").read_text(), int((results / "code.txt").read_text()))
    return out
