"""From verdicts to points: cases, core tests, void tests, bonus. Every declared test gets a row, whatever happened."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from autograder import messages
from autograder.outcomes import Outcome, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from autograder.manifest import Question, Test


@dataclass(frozen=True, kw_only=True)
class Scored:
    """One row: a test, its verdict and the points it earned."""

    number: str
    test: Test
    verdict: Verdict
    points: float
    followed: tuple[str, ...] = ()  # names resolved to the reference for this row


def of_cases(verdicts: Sequence[Verdict], total_cases: int = 1) -> Verdict:
    """A test passes iff all its cases pass; otherwise the first failing case speaks, theirs before ours.

    `total_cases` is how many there are: after a failing case the others need not run.
    """
    failed = [(i, v) for i, v in enumerate(verdicts, 1) if v.outcome is not Outcome.PASSED]
    joined = {
        "staff": "\n".join(v.staff for v in verdicts if v.staff),
        "output": "".join(v.output for v in verdicts),
        "seconds": sum(v.seconds for v in verdicts),
    }
    if not failed:
        return replace(verdicts[0], **joined)  # type: ignore[arg-type]
    theirs = [(i, v) for i, v in failed if not v.outcome.earns]
    index, first = (theirs or failed)[0]
    sentence = first.sentence if total_cases == 1 or first.whole else f"Case {index} of {total_cases}: {first.sentence}"
    return replace(first, sentence=sentence, **joined)  # type: ignore[arg-type]


def score_question(question: Question, verdicts: Mapping[str, Verdict]) -> list[Scored]:
    """Rows of all declared tests in order; a test without a verdict is not graded, until it has one.

    While a core test of the question fails, the other tests that passed earn nothing and say which test holds them
    back. Void tests always earn; so do failures of ours.
    """
    found = {test.name: _void(test) or verdicts.get(test.name) or _undecided() for test in question.tests}
    broken = next((test for test in question.tests if test.core and not found[test.name].outcome.earns), None)
    rows = []
    for number, test in question.numbered():
        verdict = found[test.name]
        if broken is not None and test is not broken and verdict.outcome is Outcome.PASSED:
            verdict = replace(verdict, outcome=Outcome.GATED, sentence=messages.gated(broken.title))
        earned = test.points if verdict.outcome.earns else 0.0
        rows.append(Scored(number=number, test=test, verdict=verdict, points=earned))
    return rows


def uniform(question: Question, outcome: Outcome, sentence: str) -> list[Scored]:
    """The rows of a question none of whose tests ran, all with the same verdict; void tests still earn."""
    verdict = Verdict(outcome=outcome, sentence=sentence)
    return score_question(question, {test.name: verdict for test in question.tests})


def total(rows: Sequence[Scored]) -> float:
    """Points earned by `rows`, bonus included, rounded to what points are written with."""
    return round(sum(row.points for row in rows), 6)


def _void(test: Test) -> Verdict | None:
    return Verdict(outcome=Outcome.VOID, sentence=messages.void(test.void)) if test.void is not None else None


def _undecided() -> Verdict:
    """What stands in the results if the grader does not live to decide: no matter of the student's, nor of time."""
    return Verdict(outcome=Outcome.NOT_GRADED, sentence=messages.NOT_GRADED)
