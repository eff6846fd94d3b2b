"""What a student, or staff, would see of a submission on Gradescope, drawn for a terminal.

Everything an autograder or a submission wrote is shown as inert text: rich's markup, control characters and characters
that turn the direction of writing have no effect.
"""

from __future__ import annotations

import enum
import json
import re
import unicodedata
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.rule import Rule
from rich.text import Text

from starterkit.harness import number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starterkit.emulate import Outcome
    from starterkit.harness import Verdict

WIDTH = 80
ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
BLANK = Text("")


class Role(enum.Enum):
    """Who is looking."""

    STUDENT = "student"
    STAFF = "staff"


class Moment(enum.Enum):
    """When a student is looking: while the assignment runs, after its late due date, after grades were published."""

    OPEN = 0
    AFTER_DUE_DATE = 1
    AFTER_PUBLISHED = 2


SEEN_FROM = {"visible": 0, "after_due_date": 1, "after_published": 2}
WHEN = {"after_due_date": "after the due date", "after_published": "when grades are published", "hidden": "never"}


def show(  # noqa: PLR0913  who looks at what, and when
    verdict: Verdict,
    *,
    role: Role,
    title: str,
    points: float | None = None,
    moment: Moment = Moment.OPEN,
    console: Console | None = None,
) -> None:
    """Print what `role` sees of `verdict` at `moment`; `points` is the assignment's maximum. Staff see everything
    always.
    """
    console = console or make_console()
    results = verdict.results or {}
    rows = sorted(results.get("tests") or [], key=_order)
    seen = [row for row in rows if role is Role.STAFF or _visible(row, results, moment)]
    console.print(_heading(title, f"{role.value}'s view" if role is Role.STUDENT else "staff's view"))
    console.print(_total(verdict, role, rows, points, moment))
    if verdict.problem is not None:
        console.print(_inert(verdict.problem, style="red"))
    console.print(Rule(style="dim", characters="-"))
    output = results.get("output")
    if output and output != verdict.problem and (role is Role.STAFF or _shown(results.get("visibility"), moment)):
        console.print(_inert(output))
        console.print(BLANK)
    for row in seen:
        _print_row(console, row, results, role)
    if role is Role.STUDENT and len(seen) < len(rows):
        console.print(BLANK)
        console.print(_withheld([row for row in rows if row not in seen], results))
    if role is Role.STAFF or _shown(results.get("stdout_visibility", "hidden"), moment):
        _print_log(console, "stdout", verdict.stdout)
    if role is Role.STAFF and results.get("extra_data"):
        _print_log(console, "extra_data", json.dumps(results["extra_data"], indent=1, ensure_ascii=False))


def show_summary(outcome: Outcome, *, kept: bool, console: Console | None = None) -> None:
    """Print the lines about the run itself: place, time, exit status, what the harness changed, where the files are."""
    console = console or make_console()
    verdict, run = outcome.verdict, outcome.run
    total = "nothing stored" if verdict.total is None else f"score {verdict.total:g}"
    console.print(Rule(style="dim", characters="-"))
    console.print(_inert(verdict.problem or total, style="red" if verdict.problem else "bold"))
    spent = f"{outcome.wall_s:.1f} s, {outcome.cpu_s:.1f} CPU-s, largest process {outcome.peak_mb:.0f} MiB"
    console.print(_inert(f"run_autograder: {spent}, exit status {run.exit_code}"))
    if outcome.setup_s is not None:
        console.print(_inert(f"setup.sh: {outcome.setup_s:.0f} s"))
    console.print(_inert(f"ran in {outcome.place}"))
    for notice in verdict.notices:
        console.print(_inert(f"note: {notice}"))
    if kept:
        console.print(_inert(f"written: {outcome.folder}/ (results.json, stored.json, stdout)"))


def make_console() -> Console:
    """Return a console for stdout: NO_COLOR is respected, and the width is at most 80 columns unless COLUMNS says
    else.
    """
    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        return Console(highlight=False, markup=False, emoji=False, width=WIDTH)
    return console


def clean(text: str) -> str:
    """Return `text` without escape sequences, every other control or direction character as U+FFFD."""
    text = ESCAPES.sub("", text.replace("\r\n", "\n"))
    return "".join(
        char if char in "\n\t" or unicodedata.category(char) not in {"Cc", "Cf", "Cs"} else "\ufffd" for char in text
    )


def _inert(text: str, style: str = "") -> Text:
    return Text(clean(text).expandtabs(4), style=style)


def _heading(title: str, who: str) -> Text:
    gap = max(WIDTH - len(clean(title)) - len(who), 2)
    return Text.assemble((clean(title), "bold"), " " * gap, (who, "dim"))


def _total(verdict: Verdict, role: Role, rows: list[Any], points: float | None, moment: Moment) -> Text:
    """The line with the total. A row that the student cannot see yet holds back the whole total, a hidden one for
    ever.
    """
    of = "" if points is None else f" / {points:.1f}"
    results = verdict.results or {}
    if verdict.total is None:
        return _inert(f"Autograder score: -{of}")
    if role is Role.STUDENT:
        words = {_visibility(row, results) for row in rows}
        if "hidden" in words:
            return _inert(f"Autograder score: -{of} (a hidden result hides the total from students)")
        if not all(_shown(word, moment) for word in words):
            return _inert(f"Autograder score: -{of} (not yet published)")
    return _inert(f"Autograder score: {verdict.total:.1f}{of}", style="bold")


def _print_row(console: Console, row: Mapping[str, Any], results: Mapping[str, Any], role: Role) -> None:
    passed = _passed(row)
    mark, style = {True: ("✓", "green"), False: ("✗", "red"), None: ("·", "")}[passed]
    label = ") ".join(str(row[key]) for key in ("number", "name") if row.get(key))
    if row.get("score") is not None:
        most = "" if row.get("max_score") is None else f"/{number(row['max_score']) or 0:g}"
        label += f" ({number(row['score']) or 0:g}{most})"
    word = _visibility(row, results)
    if role is Role.STAFF and word != "visible":
        label += f"  [students: {WHEN.get(word, word)}]"
    console.print(Text.assemble((mark, style), " ", clean(label).replace("\n", " ")))
    for key in ("output", "extra_data"):
        if key == "extra_data" and (role is Role.STUDENT or not row.get(key)):
            continue
        text = row.get(key) if key == "output" else json.dumps(row[key], ensure_ascii=False)
        for line in clean(str(text or "")).rstrip().expandtabs(4).splitlines():
            console.print(Text("    " + line, style="" if key == "output" else "dim"))


def _print_log(console: Console, name: str, text: str) -> None:
    console.print(Rule(name, style="dim", characters="-", align="left"))
    console.print(_inert(text.rstrip() or "(empty)"))


def _withheld(rows: list[Mapping[str, Any]], results: Mapping[str, Any]) -> Text:
    """The emulator's own remark on what is not shown; Gradescope says nothing about it."""
    parts = []
    for word, when in WHEN.items():
        held = [row for row in rows if _visibility(row, results) == word]
        worth = sum(number(row.get("max_score")) or 0.0 for row in held)
        if held:
            parts.append(f"[emulator: {_count(len(held), 'result')} worth {worth:g} shown {when}]")
    return _inert("\n".join(parts), style="dim")


def _count(n: int, word: str) -> str:
    return f"{n} {word}{'s' * (n != 1)}"


def _visibility(row: Mapping[str, Any], results: Mapping[str, Any]) -> str:
    return str(row.get("visibility") or results.get("visibility") or "visible")


def _visible(row: Mapping[str, Any], results: Mapping[str, Any], moment: Moment) -> bool:
    return _shown(_visibility(row, results), moment)


def _shown(word: object, moment: Moment) -> bool:
    """Return whether a student sees at `moment` what has the visibility `word`; an unknown word hides."""
    return word is None or (isinstance(word, str) and SEEN_FROM.get(word, 3) <= moment.value)


def _passed(row: Mapping[str, Any]) -> bool | None:
    """Return the row's colour: its status, else full points; None for a row that only informs."""
    if row.get("status") in {"passed", "failed"}:
        return bool(row["status"] == "passed")
    score, most = number(row.get("score")), number(row.get("max_score"))
    return None if score is None or most is None else score >= most


def _order(row: Mapping[str, Any]) -> list[tuple[int, int, str]]:
    """Sort key: the `number`, its digits by value ("2.9" before "2.10"); rows without one keep their order at the
    end.
    """
    parts = re.findall(r"\d+|\D+", str(row.get("number") or ""))
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts] or [(2, 0, "")]
