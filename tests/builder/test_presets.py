"""The two presets of a course: what `new` writes loads, and students and staff read its policies."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from starterkit.cli import invoke
from starterkit.config import Course, load_course
from starterkit.diagnostics import Collector
from starterkit.new import PRESETS

DAYS = (
    "Each late day that has begun counts: uploading 34 hours late is 2 late days. You have 4 free late days for the "
    "whole term, for all homeworks together. Once they are used up, each further late day costs 20 % of the score. "
    "A team's late days are charged to every member of it. Nothing is accepted after Friday 18 September 2026, 23:59."
)
HOURS = (
    "Each late hour that has begun counts: uploading 34 hours late is 34 late hours. You have 120 free late hours for "
    "the whole term, for all homeworks together. Once they are used up, each further late hour costs 1 % of the score."
)
SAID = {
    "late-days": (DAYS, "Up to 2 people hand in together", "- Teams of up to 2 hand in together.", "within 7 days",
                  "- Late due: 2026-09-18 23:59", "- Group submission: on, at most 2."),
    "late-hours": (HOURS, "Everybody hands in alone", "- Everybody hands in alone.", "within 9 days",
                   "- Allow late submissions: on, without a late due date", "- Group submission: off."),
}  # fmt: skip


def started(root: Path, preset: str) -> Course:
    """A course with one homework, as `new` writes it from a preset; its settings as they load."""
    assert invoke(["--course", str(root), "new", "hw1", "--preset", preset]) == 0
    collector = Collector(root)
    settings = load_course(root / "solutions" / "course.toml", collector)
    assert collector.errors == []
    assert settings is not None
    return settings


def test_late_days(tmp_path: Path) -> None:
    """Teams of two, 4 late days, 20 % a day, nothing after three days, every member charged."""
    settings = started(tmp_path, "late-days")
    late = settings.late
    assert (settings.team_size, late.policy, late.allowance, late.penalty_per_unit) == (2, "days", 4, 20)
    assert (late.hard_stop_days, late.team_charge) == (3, "every member")


def test_late_hours(tmp_path: Path) -> None:
    """Individual code, 120 late hours, 1 % an hour, nine days to ask for a regrade."""
    settings = started(tmp_path, "late-hours")
    late = settings.late
    assert (settings.team_size, late.policy, late.allowance, late.penalty_per_unit) == (1, "hours", 120, 1)
    assert (late.hard_stop_days, settings.regrade_window_days) == (None, 9)


@pytest.mark.parametrize("preset", PRESETS)
def test_everybody_reads_the_policies(tmp_path: Path, preset: str) -> None:
    """README, first screen and hand-over sheet say the policies of the course in the same words."""
    started(tmp_path, preset)
    assert invoke(["--course", str(tmp_path), "release", "--draft"]) == 0
    kit = tmp_path / "assignments" / "hw1"
    readme = (kit / "README.md").read_text(encoding="utf-8")
    cells = json.loads((kit / "hw1.ipynb").read_text(encoding="utf-8"))["cells"]
    [screen] = ["".join(cell["source"]) for cell in cells if "**Rules**" in "".join(cell["source"])]
    sheet = (tmp_path / "dist" / "hw1-gradescope.md").read_text(encoding="utf-8")
    policy, alone, short, regrades, late, group = SAID[preset]
    assert all(policy in text for text in (readme, screen, sheet))
    assert alone in readme
    assert regrades in readme
    assert short in screen
    assert late in sheet
    assert group in sheet


def test_two_courses_have_two_secrets(tmp_path: Path) -> None:
    """Every course draws a secret of its own."""
    first, second = (started(tmp_path, "late-days").secret for tmp_path in _folders(tmp_path))
    assert first != second


def _folders(root: Path) -> list[Path]:
    folders = [root / "one", root / "two"]
    for folder in folders:
        folder.mkdir()
    return folders
