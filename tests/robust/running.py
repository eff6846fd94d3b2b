"""Runs the real grader: many jobs in one process, or the command itself."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "tests" / "grader" / "results.schema.json").read_text(encoding="utf-8"))
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


@dataclass(frozen=True)
class Graded:
    """What came out of one run: results.json, the staff log, the exit code."""

    data: dict[str, Any]
    log: str
    code: int

    @property
    def outcomes(self) -> dict[str, str]:
        """Number of a row -> its outcome."""
        return {row["number"]: row["extra_data"]["outcome"] for row in self.data["tests"]}

    @property
    def scores(self) -> dict[str, float]:
        """Id of a question -> its points."""
        out: dict[str, float] = {}
        for row in self.data["tests"]:
            question = row["number"].rpartition(".")[0]
            out[question] = out.get(question, 0.0) + row["score"]
        return out

    def row(self, number: str) -> dict[str, Any]:
        """The row of that number."""
        return next(row for row in self.data["tests"] if row["number"] == number)


def strict(text: str | bytes) -> dict[str, Any]:
    """results.json read as strictly as can be: no NaN, no infinities, the schema, and the score is the rows' sum."""

    def refuse(constant: str) -> float:
        raise AssertionError(f"results.json holds {constant}")

    data: dict[str, Any] = json.loads(text, parse_constant=refuse)
    VALIDATOR.validate(data)
    assert abs(data["score"] - sum(row["score"] for row in data["tests"])) < 1e-6
    return data


def shown(data: Mapping[str, Any]) -> list[str]:
    """Every text of results.json that a student can see."""
    rows = data.get("tests", [])
    return [data.get("output", ""), *(row.get("output", "") for row in rows), *(row["name"] for row in rows)]


def write_notebook(folder: Path, notebook: Mapping[str, Any] | bytes, name: str = "hw2.ipynb") -> Path:
    """A submission folder with this notebook."""
    folder.mkdir(parents=True, exist_ok=True)
    data = notebook if isinstance(notebook, bytes) else json.dumps(notebook).encode()
    (folder / name).write_bytes(data)
    return folder


def grade_all(folder: Path, jobs: Mapping[str, dict[str, Any]], *, lanes: int = 2) -> dict[str, Graded]:
    """Grade all jobs (name -> bundle, submission, …), `lanes` processes side by side; every result is strict."""
    for name, job in jobs.items():
        job["results"] = str(folder / "results" / name)
        Path(job["results"]).mkdir(parents=True)
    names = list(jobs)
    shares = [[jobs[name] for name in names[lane::lanes]] for lane in range(lanes)]
    with ThreadPoolExecutor(lanes) as pool:
        list(pool.map(_grade, [share for share in shares if share]))
    return {name: _read(Path(job["results"])) for name, job in jobs.items()}


def _grade(jobs: list[dict[str, Any]]) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests" / "robust" / "batch.py")], input=json.dumps(jobs), text=True,
        env=ENVIRONMENT, capture_output=True, timeout=500, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]


def _read(results: Path) -> Graded:
    data = strict((results / "results.json").read_text(encoding="utf-8"))
    log = (results / "log.txt").read_text(encoding="utf-8")
    return Graded(data, log, int((results / "code.txt").read_text(encoding="utf-8")))


def command(*arguments: str | Path) -> list[str]:
    """The grading command of this interpreter."""
    return [sys.executable, "-m", "autograder", "grade", *map(str, arguments)]


def grade_once(results: Path, *arguments: str | Path, **environment: str) -> Graded:
    """Run the command itself; its exit code is 0 or 3, its result strict."""
    done = subprocess.run(
        command(*arguments, "--results", results), env={**ENVIRONMENT, **environment}, capture_output=True, text=True,
        timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode in {0, 3}, done.stderr[-3000:]
    return Graded(strict((results / "results.json").read_text(encoding="utf-8")), done.stdout, done.returncode)
