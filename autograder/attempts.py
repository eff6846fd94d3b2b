"""At most so many graded submissions in 24 hours: which submissions count, and the last results told once more.

Everything follows from the times in the submission's metadata, never from the clock, so that a re-run decides the same.
A submission was graded if fewer than the allowed number had been graded in the 24 hours before it; what was told again
uses up no attempt, and neither does a submission that an error of ours spoilt.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from autograder import messages
from autograder.outcomes import Outcome, Verdict
from autograder.scoring import Scored

if TYPE_CHECKING:
    from collections.abc import Sequence

    from autograder.manifest import Manifest, Question, Test
    from autograder.metadata import Earlier, Metadata

WINDOW = timedelta(hours=24)
Rows = dict[str, list[Scored]]


@dataclass(frozen=True, kw_only=True)
class Repeat:
    """Results to tell again: rows by question id, the text that stood above them, and when the next attempt counts."""

    rows: Rows
    output: str
    notice: str
    submission: int | None

    def facts(self) -> dict[str, Any]:
        """What `extra_data` says of it."""
        return {"graded": False, "results_of": self.submission}


def used_up(data: Metadata, allowed: int | None) -> tuple[Earlier, datetime] | None:
    """(last graded submission, when the next one is graded) when this one comes too early; None when it counts."""
    if allowed is None or allowed < 1 or data.created_at is None:
        return None
    graded: list[Earlier] = []
    for earlier in data.earlier:
        if earlier.time < data.created_at and len(_within(graded, earlier.time)) < allowed:
            graded.append(earlier)
    counted = _within(graded, data.created_at)
    return (graded[-1], counted[-allowed].time + WINDOW) if len(counted) >= allowed else None


def _within(graded: Sequence[Earlier], moment: datetime) -> list[Earlier]:
    return [earlier for earlier in graded if moment - earlier.time < WINDOW]


def repeat(manifest: Manifest, data: Metadata) -> Repeat | str | None:
    """What to tell again instead of grading; None when the submission counts, and a sentence for staff when it does
    not but the last results are not there to be told.
    """
    found = used_up(data, manifest.attempts_per_day)
    if found is None:
        return None
    last, until = found
    rows = told_rows(manifest, last.results)
    if rows is None:
        return "no attempt is left, but the metadata does not hold the last results in full: graded after all"
    zone = data.created_at.tzinfo if data.created_at is not None else None
    notice = messages.no_attempt_left(manifest.attempts_per_day or 0, _said(last.time, zone), _said(until, zone))
    above = last.results.get("output")
    return Repeat(
        rows=rows, output=above if isinstance(above, str) else "", notice=notice, submission=last.submission
    )  # fmt: skip


def _said(moment: datetime, zone: Any) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S %z}"


def told_rows(manifest: Manifest, results: Mapping[str, Any]) -> Rows | None:
    """The rows of stored results as rows of this homework; None unless they are complete and make sense."""
    extra = results.get("extra_data")
    if not isinstance(extra, Mapping) or extra.get("finished") is not True or extra.get("our_fault"):
        return None
    tests = results.get("tests")
    listed = [row for row in tests if isinstance(row, Mapping)] if isinstance(tests, list) else []
    known = {row["number"]: row for row in listed if isinstance(row.get("number"), str)}
    rows = {question.id: _question(question, known) for question in manifest.questions}
    complete = {key: [row for row in found if row is not None] for key, found in rows.items()}
    whole = all(len(complete[question.id]) == len(question.tests) for question in manifest.questions)
    return complete if whole and len(known) == sum(len(q.tests) for q in manifest.questions) else None


def _question(question: Question, known: Mapping[str, Mapping[str, Any]]) -> list[Scored | None]:
    return [_row(number, test, known.get(number, {})) for number, test in question.numbered()]


def _row(number: str, test: Test, row: Mapping[str, Any]) -> Scored | None:
    extra, output, score = row.get("extra_data"), row.get("output"), row.get("score")
    if not isinstance(extra, Mapping) or extra.get("test") != test.name or not isinstance(output, str):
        return None
    if isinstance(score, bool) or not isinstance(score, (int, float)) or not math.isfinite(score):
        return None
    try:
        verdict = Verdict(outcome=Outcome(extra.get("outcome")), sentence=output)
    except ValueError:
        return None
    names = extra.get("counted_with_reference")
    followed = tuple(name for name in names if isinstance(name, str)) if isinstance(names, list) else ()
    sensible = 0 <= score <= test.points and (score == 0) == (not verdict.outcome.earns or test.points == 0)
    return (
        Scored(number=number, test=test, verdict=verdict, points=float(score), followed=followed) if sensible else None
    )
