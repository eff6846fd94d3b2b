"""What students and staff see, compared with whole screens in goldens/ (--refresh-goldens rewrites them)."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from starterkit.harness import Verdict
from starterkit.view import Moment, Role, clean, make_console, show

GOLDENS = Path(__file__).parent / "goldens"

RESULTS: dict[str, Any] = {
    "output": "Release 2 of HW2. Read 9 of 11 functions.\nDecided now: 3 of 4 points.",
    "visibility": "visible",
    "extra_data": {"release": 2, "device": "cpu"},
    "tests": [
        {"number": "2.10", "name": "Sampling repeats", "score": 0, "max_score": 2, "visibility": "after_published",
         "output": "The draws differ.", "extra_data": {"outcome": "wrong"}},
        {"number": "2.9", "name": "Zero noise returns the mean", "score": 1, "max_score": 1, "status": "passed"},
        {"number": "2.9", "name": "Shapes", "score": 0.5, "max_score": 1, "output": "2 of 4 differ\nby [1] at most"},
        {"number": "3.1", "name": "After the deadline", "score": 1, "max_score": 1, "visibility": "after_due_date"},
        {"name": "How to read this", "output": "Rows with a number carry points."},
    ],
}  # fmt: skip
VERDICT = Verdict(results=RESULTS, stdout="isolation: strong\ngraded in 3.1 s\n")
FAILED = Verdict(results=None, stdout="Traceback …", problem="The autograder failed.", code="no_results")


def screen(verdict: Verdict, role: Role, moment: Moment = Moment.OPEN, **options: Any) -> str:
    """Return the plain text that `show` prints in 80 columns."""
    console = Console(file=io.StringIO(), width=80, highlight=False, markup=False, emoji=False, **options)
    show(verdict, role=role, title="HW2: VAE (code)", points=5, moment=moment, console=console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize(
    ("name", "verdict", "role", "moment"),
    [
        ("student_open", VERDICT, Role.STUDENT, Moment.OPEN),
        ("student_after_due_date", VERDICT, Role.STUDENT, Moment.AFTER_DUE_DATE),
        ("student_after_published", VERDICT, Role.STUDENT, Moment.AFTER_PUBLISHED),
        ("staff", VERDICT, Role.STAFF, Moment.OPEN),
        ("student_failed", FAILED, Role.STUDENT, Moment.OPEN),
        ("staff_failed", FAILED, Role.STAFF, Moment.OPEN),
    ],
)
def test_screens(name: str, verdict: Verdict, role: Role, moment: Moment, request: pytest.FixtureRequest) -> None:
    """Each role's screen at each moment is the golden one, to the character."""
    golden = GOLDENS / f"{name}.txt"
    found = screen(verdict, role, moment)
    if request.config.getoption("--refresh-goldens"):
        golden.write_text(found, encoding="utf-8")
    assert found == golden.read_text(encoding="utf-8")


def test_a_hidden_row_hides_the_students_total_for_ever() -> None:
    """One row with the visibility hidden takes the total from students even after publishing; staff see it."""
    rows = [{"name": "a", "score": 1, "visibility": "hidden"}, {"name": "b", "score": 2}]
    verdict = Verdict(results={"tests": rows}, stdout="")
    student = screen(verdict, Role.STUDENT, Moment.AFTER_PUBLISHED)
    assert "score: - / 5.0 (a hidden result hides the total" in student
    assert "score: 3.0 / 5.0" in screen(verdict, Role.STAFF)


def test_the_top_level_visibility_is_the_rows_default() -> None:
    """A row without a visibility of its own takes the top-level one."""
    verdict = Verdict(results={"visibility": "after_published", "tests": [{"name": "row", "score": 1}]}, stdout="")
    assert "row" not in screen(verdict, Role.STUDENT)
    assert "row" in screen(verdict, Role.STUDENT, Moment.AFTER_PUBLISHED)


def test_students_see_stdout_only_when_it_is_made_visible() -> None:
    """Standard output is for staff unless stdout_visibility says else."""
    assert "the log" not in screen(Verdict(results={"score": 1}, stdout="the log"), Role.STUDENT)
    results = {"score": 1, "stdout_visibility": "visible"}
    assert "the log" in screen(Verdict(results=results, stdout="the log"), Role.STUDENT)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[bold red]x[/]", "[bold red]x[/]"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]8;;http://evil\x1b\\click\x1b]8;;\x1b\\", "click"),
        ("a\rb\x07c\x9bd", "a\ufffdb\ufffdc\ufffdd"),
        ("evil\u202etxt.exe\u2066", "evil\ufffdtxt.exe\ufffd"),
        (":smile:", ":smile:"),
    ],
)
def test_text_from_outside_is_inert(text: str, expected: str) -> None:
    """Markup, escape sequences, control and direction characters in outputs have no effect on the terminal."""
    assert clean(text) == expected
    rows = [{"name": text, "number": text, "score": 1, "output": text, "extra_data": {"x": text}}]
    verdict = Verdict(results={"output": text, "tests": rows}, stdout=text)
    for role in Role:
        shown = screen(verdict, role, force_terminal=True, no_color=True)
        assert "\x1b]" not in shown
        assert "\x1b[31" not in shown
        assert expected in shown


def test_no_line_is_wider_than_80_columns_when_nobody_watches(capsys: pytest.CaptureFixture[str]) -> None:
    """Printed into a pipe, the screen keeps to 80 columns and holds no escape sequence."""
    rows = [{"name": "long " * 60, "output": "word " * 100, "score": 0, "max_score": 1}]
    verdict = Verdict(results={"output": "text " * 100, "tests": rows}, stdout="x" * 500)
    show(verdict, role=Role.STAFF, title="HW2", points=5, console=make_console())
    printed = capsys.readouterr().out
    assert max(len(line) for line in printed.splitlines()) <= 80
    assert "\x1b" not in printed


def test_no_color_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    """With NO_COLOR set even a terminal gets no colour codes."""
    monkeypatch.setenv("NO_COLOR", "1")
    shown = screen(VERDICT, Role.STUDENT, force_terminal=True)
    assert "\x1b[32m" not in shown
    assert "\x1b[31m" not in shown
