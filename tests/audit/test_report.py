"""What an audit leaves on the screen: notes first and grouped, then what to mend, then the figures and the verdict."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from starterkit.audit import hints
from starterkit.audit.report import NAME_WIDTH, show
from starterkit.audit.world import Part, Report

if TYPE_CHECKING:
    import pytest


def test_the_figures_of_every_part_come_last(capsys: pytest.CaptureFixture[str]) -> None:
    """Notes, findings, one unbroken line per part, the verdict: in this order, where nobody watches."""
    wheats = Part(name="wheats", summary="2 wheats, " + "and more words " * 20, seconds=0.26, done=True)
    mutants = Part(name="mutants", summary="77 mutants, 66 killed", notes=["a note"], done=True)
    mutants.fail("this change keeps full marks", "- a", "+ b", place="hw1.py:3")
    show(Report(homework="hw1", sample=None, only=(), interrupted="", parts=[wheats, mutants], seconds=3.0, cpu_s=2.0))
    note, _, finding, place, minus, plus, _, first, second, _, verdict = capsys.readouterr().out.splitlines()
    assert (note, place, minus, plus) == ("note: mutants: a note", "  --> hw1.py:3", "    - a", "    + b")
    assert finding == "mutants: this change keeps full marks"
    assert first == f"✓  {'wheats':<{NAME_WIDTH}} {wheats.summary} (0.3 s)"
    assert second == f"✗  {'mutants':<{NAME_WIDTH}} 77 mutants, 66 killed (0.0 s)"
    assert verdict == "hw1: 1 finding (3 s, 2 CPU-s)"


def test_chaffs_that_look_the_same_are_counted_by_question() -> None:
    """Two notes for a homework, however many groups: their sizes by question; the names stand in the data."""

    def chaff(question: str, name: str, failing: list[str]) -> dict[str, Any]:
        return {"question": question, "name": name, "failing": failing, "hint": f"hint of {name}"}

    rows = [chaff("1.1b", name, ["test_x"]) for name in "abc"] + [chaff("1.1b", name, ["test_y"]) for name in "de"]
    rows += [
        chaff("1.1a", "f", ["test_x"]),
        chaff("1.1a", "g", ["test_x"]),
        chaff("1.2a", "h", []),
        chaff("1.2a", "i", []),
    ]
    part = Part(name="hints")
    hints.check(SimpleNamespace(report_of=lambda _: {"chaffs": rows}, only=("1.1a",)), part)  # type: ignore[arg-type]
    alike, unsteady = part.notes
    assert alike.endswith(": 1.1a 2; 1.1b 3 and 2")
    assert unsteady.endswith(": 1.2a 2")
    assert part.data["alike"] == [["a", "b", "c"], ["d", "e"], ["f", "g"]]
    assert [entry["hint"] for entry in part.data["hints"]] == ["hint of d Or: hint of e", "hint of f Or: hint of g"]
