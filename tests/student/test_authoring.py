"""docs/authoring.md: its example is a homework, and what it names exists."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from starterkit.build import build
from starterkit.cli import cli
from starterkit.config import Assignment
from starterkit.course import ROOT, CourseFolder
from starterkit.diagnostics import Collector
from starterkit.headers import RULES

if TYPE_CHECKING:
    from starterkit.build import Built

TEXT = (ROOT / "docs" / "authoring.md").read_text(encoding="utf-8")
EXAMPLE, CHAFF, MEASURES = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
ARTEFACT = '# %% artefact="curve" file="curve.npz"\ncurve = 1\n'
SETTINGS = """title = "Sums"
release_date = 2026-10-01
due_date = 2026-10-15

[points]
code = 3
written = 2
figures = 2
"""


def example(folder: Path) -> tuple[Built | None, Collector]:
    """The example, built in a course of its own, with the chaff beside it."""
    home = folder / "solutions" / "hw8"
    (home / "chaffs").mkdir(parents=True)
    shutil.copyfile(ROOT / "solutions" / "course.toml", folder / "solutions" / "course.toml")
    (home / "hw8.py").write_text(f"{EXAMPLE}\n{ARTEFACT}", encoding="utf-8")
    (home / "measures.py").write_text(MEASURES, encoding="utf-8")
    (home / "assignment.toml").write_text(SETTINGS, encoding="utf-8")
    (home / "chaffs" / "8_1a.py").write_text(CHAFF, encoding="utf-8")
    collector = Collector(folder)
    return build(CourseFolder(folder), "hw8", collector), collector


def test_the_example_is_a_homework(tmp_path: Path) -> None:
    """The homework in the text builds without an error, with the points that it declares."""
    built, collector = example(tmp_path)
    assert [problem for problem in collector.sorted() if problem.severity == "error"] == []
    assert built is not None
    homework = built.homework
    assert (homework.points, [w.id for w in homework.written], [f.id for f in homework.figures]) == (
        3,
        ["W8.1"],
        ["F8.1"],
    )


def test_its_file_is_measured(tmp_path: Path) -> None:
    """The autograder gets the measure, and knows that it wants the student's own function."""
    built, _ = example(tmp_path)
    assert built is not None
    [declared] = json.loads(built.bundle["bundle/manifest.json"])["artefacts"]
    assert declared == {"id": "curve", "file": "curve.npz", "max_mb": 5.0, "measured": True, "uses": ["log_sum_exp"]}
    assert built.bundle["bundle/measures/measures.py"].decode() == MEASURES


def test_every_header_key_is_described() -> None:
    """Each kind of cell and each of its options stands in the text."""
    for key, rule in RULES.items():
        assert f"{key}=" in TEXT, key
        for option in rule.options:
            assert re.search(rf"\b{option}\b", TEXT), option


def test_what_the_text_names_exists() -> None:
    """Each command is one of build.py's, each setting one of assignment.toml's."""
    for command in re.findall(r"build\.py ([a-z-]+)", TEXT):
        assert command in {*cli.commands, "audit"}
    settings = TEXT[TEXT.index("`assignment.toml`: ") : TEXT.index("`course.toml`: ")]
    for name in re.findall(r"`\[{0,2}([a-z_]+)\]{0,2}`", settings):
        assert name in {*Assignment.model_fields, "date", "text"}, name
