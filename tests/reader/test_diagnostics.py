"""Reports, to the character."""

from __future__ import annotations

from pathlib import Path

import pytest

from starterkit.diagnostics import Collector, Problem, StarterkitError, did_you_mean, render, summary

UNCLOSED = """\
error[unclosed-solution]: BEGIN SOLUTION is never closed
  --> solutions/hw2/hw2.py:148
    |
148 |     ### BEGIN SOLUTION
    = hint: add `### END SOLUTION` after line 160, at the same indentation"""


def problem(**changes: object) -> Problem:
    values = {
        "code": "unclosed-solution", "message": "BEGIN SOLUTION is never closed", "path": "solutions/hw2/hw2.py",
        "line": 148, "text": "    ### BEGIN SOLUTION",
        "hint": "add `### END SOLUTION` after line 160, at the same indentation",
    }  # fmt: skip
    return Problem(**{**values, **changes})  # type: ignore[arg-type]


def test_a_problem_is_rendered_with_place_line_and_hint() -> None:
    """An error shows code, message, path:line, the line itself and the hint."""
    assert render([problem()]) == UNCLOSED


def test_a_problem_of_a_whole_file_has_no_line() -> None:
    """Without a line, neither number nor text is shown."""
    shown = render([problem(line=None, text="", hint="create it", severity="warning")])
    assert shown == (
        "warning[unclosed-solution]: BEGIN SOLUTION is never closed\n  --> solutions/hw2/hw2.py\n    = hint: create it"
    )


def test_problems_are_sorted_by_path_and_line() -> None:
    """Line 9 comes before line 10, and a.py before b.py."""
    shown = render([problem(line=10), problem(line=9), problem(path="a.py", line=99)])
    assert [line for line in shown.splitlines() if line.startswith("  -->")] == [
        "  --> a.py:99", "  --> solutions/hw2/hw2.py:9", "  --> solutions/hw2/hw2.py:10",
    ]  # fmt: skip


def test_the_collector_quotes_the_line_and_shortens_the_path(tmp_path: Path) -> None:
    """The file's own line is quoted, and the path is relative to the root."""
    (tmp_path / "a.py").write_text("one\ntwo\n", encoding="utf-8")
    collector = Collector(tmp_path)
    collector.add("x", "wrong", path=tmp_path / "a.py", line=2, hint=None)
    collector.add("x", "wrong", path=tmp_path / "a.py", line=2, hint=None)
    assert [(p.path, p.text) for p in collector.problems] == [("a.py", "two")]


def test_warnings_do_not_raise(tmp_path: Path) -> None:
    """Only errors make the collector raise, and the exception carries the report."""
    collector = Collector(tmp_path)
    collector.add("x", "odd", path=tmp_path / "a.py", hint=None, severity="warning")
    collector.raise_errors()
    collector.add("y", "wrong", path=tmp_path / "a.py", hint=None)
    with pytest.raises(StarterkitError, match=r"error\[y\]: wrong"):
        collector.raise_errors()
    assert summary(collector.problems) == "1 error, 1 warning"


def test_the_nearest_word_is_found_in_any_case() -> None:
    """The nearest to "Solutoin" is "solution"; nothing is near "xyz"."""
    assert did_you_mean("Solutoin", ["tests", "solution"]) == "solution"
    assert did_you_mean("xyz", ["tests", "solution"]) is None
