"""A correction after release: who downloaded earlier is graded as before, and hears nothing of it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from starterkit.build import Built, build
from starterkit.cli import invoke
from starterkit.course import CourseFolder
from starterkit.diagnostics import Collector
from tests.student.conftest import Notebook, fill_in, source

SAMPLE = Path(__file__).parents[1] / "sample_course"
GIVEN = "given-"  # how the ids of given cells begin
OLD_LAW = "        return -gaussian_log_prob(x, self.mu, self.var)"
NEW_LAW = "        return -1.0 * gaussian_log_prob(x, self.mu, self.var)  # corrected on 5 September"


def edit(course: CourseFolder, old: str, new: str, file: str = "hw9.py") -> None:
    """Replace a text of the source, which must be there."""
    path = course.source("hw9") / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def made(course: CourseFolder) -> Built:
    """The sample homework of a course, built."""
    collector = Collector(course.root)
    built = build(course, "hw9", collector)
    collector.raise_errors()
    assert built is not None
    return built


@pytest.fixture(scope="module")
def corrected(tmp_path_factory: pytest.TempPathFactory) -> tuple[CourseFolder, Notebook]:
    """A course whose given class was corrected after release, and the notebook of somebody who downloaded before."""
    root = tmp_path_factory.mktemp("erratum")
    shutil.copytree(SAMPLE / "solutions", root / "solutions", ignore=shutil.ignore_patterns("__pycache__"))
    course = CourseFolder(root)
    assert invoke(["--course", str(root), "release", "--draft"]) == 0
    earlier = fill_in(made(course))
    edit(course, OLD_LAW, NEW_LAW)
    edit(course, "[[errata]]", '[[errata]]\ndate = 2026-09-05\ntext = "The given class was corrected."\n\n[[errata]]',
         file="assignment.toml")  # fmt: skip
    assert invoke(["--course", str(root), "release", "--draft"]) == 0
    return course, earlier


def graded(course: CourseFolder, notebook: Notebook, folder: Path) -> dict[str, Any]:
    """The results of grading a notebook with the course's zip."""
    folder.mkdir()
    submission = folder / "hw9.ipynb"
    submission.write_text(json.dumps(notebook), encoding="utf-8")
    command = [sys.executable, "-m", "autograder", "grade", "--bundle", str(course.zip("hw9", "autograder"))]
    command += ["--submission", str(submission), "--results", str(folder)]
    subprocess.run(command, check=True, capture_output=True, cwd=Path(__file__).parents[2])
    return dict(json.loads((folder / "results.json").read_text(encoding="utf-8")))


def total(results: dict[str, Any]) -> float:
    """The points of all rows."""
    return sum(float(row.get("score", 0)) for row in results["tests"])


def test_the_erratum_needs_no_new_contract(corrected: tuple[CourseFolder, Notebook]) -> None:
    """A corrected given cell stays release 1, and release.json knows both of its texts."""
    course, _ = corrected
    release = json.loads((course.kit("hw9") / "release.json").read_text(encoding="utf-8"))
    assert release["release"] == 1
    assert [len(given["hashes"]) for given in release["given"] if "Thermometer" in given["names"]] == [2]


def test_an_earlier_download_gets_full_marks_silently(corrected: tuple[CourseFolder, Notebook], tmp_path: Path) -> None:
    """The notebook of before, old given cell and all, gets full marks, and no notice speaks of a changed cell."""
    course, earlier = corrected
    homework = made(course).homework
    results = graded(course, earlier, tmp_path / "earlier")
    assert total(results) == homework.points + homework.bonus
    assert "Thermometer" not in results["output"]


def test_a_students_own_edit_of_a_given_cell_is_noticed(
    corrected: tuple[CourseFolder, Notebook], tmp_path: Path
) -> None:
    """A given class that no release had is replaced too, and the output says so."""
    course, earlier = corrected
    notebook = json.loads(json.dumps(earlier))
    [cell] = [cell for cell in notebook["cells"] if cell["id"].startswith(GIVEN) and "Thermometer" in source(cell)]
    cell["source"] = source(cell).replace("return -gaussian_log_prob", "return gaussian_log_prob")
    results = graded(course, notebook, tmp_path / "edited")
    homework = made(course).homework
    assert total(results) == homework.points + homework.bonus
    assert "Thermometer" in results["output"]


def test_both_errata_reach_students_and_results(corrected: tuple[CourseFolder, Notebook], tmp_path: Path) -> None:
    """The correction stands in the new notebook, in the README, and at the top of the results."""
    course, earlier = corrected
    assert "The given class was corrected." in (course.kit("hw9") / "README.md").read_text(encoding="utf-8")
    assert "The given class was corrected." in (course.kit("hw9") / "hw9.ipynb").read_text(encoding="utf-8")
    assert "The given class was corrected." in graded(course, earlier, tmp_path / "errata")["output"]
