"""The real grader in the emulated container: a small course, built once, its zip run on submissions of every kind."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from starterkit.cli import invoke
from starterkit.emulate import Outcome, emulate

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "tests" / "grader" / "results.schema.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course with one homework, as `new` writes it, released as a draft; the solved and the untouched notebook beside."""
    root = tmp_path_factory.mktemp("course")
    (root / "solutions").mkdir()
    shutil.copyfile(ROOT / "solutions" / "course.toml", root / "solutions" / "course.toml")
    assert invoke(["--course", str(root), "new", "hw9"]) == 0
    assert invoke(["--course", str(root), "release", "--draft"]) == 0
    with zipfile.ZipFile(root / "dist" / "hw9-solutions.zip") as opened:
        [solved] = [name for name in opened.namelist() if name.endswith("hw9_solved.ipynb")]
        (root / "solved.ipynb").write_bytes(opened.read(solved))
    shutil.copyfile(root / "assignments" / "hw9" / "hw9.ipynb", root / "untouched.ipynb")
    return root


@pytest.fixture
def grade(course: Path, tmp_path: Path) -> Callable[..., Outcome]:
    """A function that runs the course's zip on a submission."""

    def go(submission: Path | None, **options: Any) -> Outcome:
        archive = course / "dist" / "hw9-autograder.zip"
        return emulate(archive, submission, results=tmp_path / "out", **options)

    return go


def checked(outcome: Outcome) -> dict[str, Any]:
    """Return the results, which every run must have: valid, stored as they were written, with all declared tests."""
    assert outcome.verdict.problem is None, outcome.verdict.stdout
    assert outcome.run.raw is not None
    results: dict[str, Any] = json.loads(outcome.run.raw)
    jsonschema.validate(results, SCHEMA)
    assert outcome.verdict.results == results
    assert [test["max_score"] for test in results["tests"]] == [1.0, 2.0, 1.0]
    return results


def test_the_solved_notebook_gets_full_marks_with_metadata_of_every_shape(
    course: Path, grade: Callable[..., Outcome], metadata_file: Path
) -> None:
    """Whatever the shape of the metadata, the solution gets everything and no row is hidden for ever."""
    outcome = grade(course / "solved.ipynb", metadata=metadata_file)
    results = checked(outcome)
    assert outcome.verdict.total == 4.0
    assert outcome.run.exit_code == 0
    assert "hidden" not in {test.get("visibility") for test in results["tests"]}


def test_the_untouched_starter_gets_nothing(course: Path, grade: Callable[..., Outcome]) -> None:
    """The starter as released scores 0."""
    outcome = grade(course / "untouched.ipynb")
    checked(outcome)
    assert outcome.verdict.total == 0


@pytest.mark.parametrize(("name", "content"), [(None, b""), ("hw9.ipynb", b'{"cells": [')])
def test_every_test_is_reported_for_a_submission_that_cannot_be_read(
    tmp_path: Path, grade: Callable[..., Outcome], name: str | None, content: bytes
) -> None:
    """No file at all, and half a notebook: all rows, 0 points, a sentence each."""
    folder = tmp_path / "handed_in"
    folder.mkdir()
    if name:
        (folder / name).write_bytes(content)
    results = checked(grade(folder))
    assert sum(test["score"] for test in results["tests"]) == 0
    assert all(test["output"] for test in results["tests"])


def test_the_token_of_the_container_is_nowhere_in_what_comes_out(course: Path, grade: Callable[..., Outcome]) -> None:
    """Neither results nor stdout hold the container's token."""
    outcome = grade(course / "solved.ipynb")
    assert b"emulated-token" not in (outcome.run.raw or b"") + outcome.run.stdout
