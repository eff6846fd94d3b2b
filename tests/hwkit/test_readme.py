"""The student's README: policies in words with a worked example, points that add up, corrections on top."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from starterkit.config import Assignment, Course, Erratum, Late
from starterkit.model import Figure, Homework, Problem, Question, TestFunction, Written
from starterkit.readme import late_example, late_policy, points_rows, render_readme

DUE = dt.datetime.fromisoformat("2026-10-05T23:59")
DAYS = Late(policy="days", allowance=4, penalty_per_unit=20, hard_stop_days=3)
HOURS = Late(policy="hours", allowance=120, penalty_per_unit=1, grace_minutes=5)


def assignment(**changes: Any) -> Assignment:
    return Assignment.model_validate(
        {"title": "VAEs", "release_date": dt.datetime.fromisoformat("2026-09-21T00:00"), "due_date": DUE, **changes}
    )


def one_test(points: float, hidden: bool, bonus: bool = False) -> TestFunction:
    return TestFunction(
        name="test_x", title="X", points=points, bonus=bonus, core=False, hidden=hidden, visibility="visible", void=None,
        timeout=None, heavy=False, float32=False, cases=1, line=1, uses=(), source="",
    )  # fmt: skip


@pytest.fixture
def homework(tmp_path: Any) -> Homework:
    tests = (one_test(1, False), one_test(3, True), one_test(2, True, bonus=True))
    question = Question(
        id="2.1a", problem="2.1", title="A", names=("a",), cells=(), tests=tests, depends=(), follow=(), from_scratch=False,
        lines_to_write=4, line=1,
    )  # fmt: skip
    written = Written(id="W1", problem="2.1", points=6, pages=1, prompt="P", solution="S", mark_scheme=(), line=1)
    figure = Figure(
        id="F1", problem=None, points=4, prompt="P", caption="", alt="", mark_scheme=(), line=1, savefig_line=1
    )
    course = Course(
        name="Generative Models",
        term="2026FA",
        secret="0123456789abcdef" * 4,
        team_size=2,
        late=DAYS,
        regrade_window_days=9,
    )
    return Homework(
        name="hw2", folder=tmp_path, source_path=tmp_path / "hw2.py", text="", course=course,
        assignment=assignment(ai_policy="None at all.", errata=(Erratum(date=dt.date(2026, 9, 30), text="Equation 2: a sign."),)),
        cells=(), problems=(Problem(id="2.1", title="Gaussians", line=1, minutes=50),), questions=(question,), written=(written,),
        figures=(figure,), artefacts=(), modules=(), data=(),
    )  # fmt: skip


def test_days() -> None:
    """The "days" preset: allowance, price, hard stop, in words."""
    text = " ".join(late_policy(DAYS, assignment()))
    assert "34 hours late is 2 late days" in text and "4 free late days for the whole term" in text
    assert "each further late day costs 20 % of the score" in text
    assert "Nothing is accepted after Thursday 8 October 2026, 23:59." in text


def test_hours() -> None:
    """The "hours" preset: allowance, price and grace period, in words."""
    text = " ".join(late_policy(HOURS, assignment(late_due_date=dt.datetime.fromisoformat("2026-10-09T12:00"))))
    assert "34 late hours" in text and "120 free late hours" in text and "late hour costs 1 %" in text
    assert "up to 5 minutes after the deadline counts as on time" in text and "Friday 9 October 2026, 12:00" in text


def test_no_late_work() -> None:
    """Without a policy late work is not accepted, and there is no example."""
    assert late_policy(Late(), assignment()) == ["Late work is not accepted."]
    assert late_example(Late(), assignment()) is None


@pytest.mark.parametrize(
    ("late", "sentences"),
    [
        (
            DAYS,
            [
                "34 hours late: that is 2 late days.",
                "With 4 left you use 2 and lose nothing.",
                "1 × 20 % = 20 %",
                "become 64.",
            ],
        ),
        (
            HOURS,
            [
                "that is 34 late hours.",
                "With 120 left you use 34",
                "With 30 left, 4 late hours are charged: 4 × 1 % = 4 %",
                "become 76.8.",
            ],
        ),
        (Late(policy="days", penalty_per_unit=10), ["With none left, 2 late days are charged: 2 × 10 % = 20 %"]),
        (Late(policy="days", penalty_per_unit=60), ["= 100 %, so 80 points become 0."]),
        (Late(policy="hours", penalty_per_unit=2, hard_stop_days=0.5), ["12 hours late"]),
    ],
)
def test_the_example_is_worked_out(late: Late, sentences: list[str]) -> None:
    """The example's arithmetic follows the policy, is capped at 100 %, and stays before the hard stop."""
    text = late_example(late, assignment()) or ""
    for sentence in sentences:
        assert sentence in text


def test_points_add_up(homework: Homework) -> None:
    """Rows hold public, hidden and hand-marked points; what belongs to no problem has a row; bonus is left out."""
    first, other = points_rows(homework)
    assert (first.here, first.there, first.people, first.total, first.lines) == (1, 3, 6, 10, 4)
    assert (other.title, other.total) == ("Other parts", 4)


def test_the_readme_says_it_all(homework: Homework) -> None:
    """Title, correction, points, hand-in table, team, AI, late policy and regrade window are there, once, without gaps."""
    text = render_readme(homework, 2, badge="[![Open](b)](u)")
    for words in (
        "# Generative Models, HW2: VAEs", "Release 2", "[![Open](b)](u)", "**Correction, 2026-09-30.** Equation 2: a sign.",
        "| lines to write | your minutes |\n|---|--:|--:|--:|--:|--:|--:|\n| 2.1 Gaussians | 10 | 1 | 3 | 6 | 4 | 50 |\n",
        "| Other parts | 4 | 0 | 0 | 4 |  |  |\n| **all** | **14** | 1 | 3 | 10 | 4 | 50 |\n", "Bonus tests add up to 2 points",
        "`hw2-submission.zip`", "2 pages, whether", "`hw2_written.tex`", "Up to 2 people", "None at all.", "within 9 days",
        "Monday 5 October 2026, 23:59", "*Example.*", "when grades are published",
    ):  # fmt: skip
        assert words in text
    assert "\n\n\n" not in text and "None\n" not in text and text.endswith("\n")


def test_single_work_without_extras(homework: Homework) -> None:
    """A homework without figures, written part, minutes or AI policy reads well too."""
    import dataclasses

    untimed = (dataclasses.replace(homework.problems[0], minutes=None),)
    bare = dataclasses.replace(homework, problems=untimed, figures=(), written=(), assignment=assignment(team_size=1))
    text = render_readme(bare, 1)
    assert "| lines to write |\n|---|--:|--:|--:|--:|--:|\n| 2.1 Gaussians | 4 | 1 | 3 | 0 | 4 |\n" in text
    assert (
        "Everybody hands in alone" in text
        and "figures.pdf" not in text
        and "written" not in text.split("## What")[1].split("## Rules")[0]
    )
    assert "ask the course staff" in text and "\n\n\n" not in text
