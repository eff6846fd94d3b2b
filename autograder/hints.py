"""A hint for a submission that fails exactly the tests that a known mistake fails.

The audit puts into the manifest, for each mistake, the tests that it fails and the hint that helped. The hint stands in
the row that is shown last among those that failed, so that it says nothing about a hidden test before its time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from autograder.outcomes import Outcome
from autograder.specs import VISIBILITIES

if TYPE_CHECKING:
    from autograder.manifest import Manifest
    from autograder.scoring import Scored

# The code ran and the answer was wrong; a crash or an empty cell needs no hint about laws.
_WRONG = frozenset({Outcome.WRONG, Outcome.WRONG_SHAPE, Outcome.WRONG_DTYPE, Outcome.NOT_FINITE})
_ANSWERED = _WRONG | {Outcome.STUDENT_ERROR, Outcome.UNUSABLE}


def hinted(manifest: Manifest, question: str, rows: Sequence[Scored]) -> list[Scored]:
    """The rows of one question, one of them with a hint if these very tests failed as a known mistake fails them.

    Rows that only wait for a core test count as passed: the test itself did pass.
    """
    failed = [row for row in rows if not row.verdict.outcome.earns and row.verdict.outcome is not Outcome.GATED]
    names = {row.test.name for row in failed}
    known = next((h for h in manifest.hints if h.question == question and set(h.failing) == names), None)
    outcomes = {row.verdict.outcome for row in failed}
    broken = len(failed) == len(rows) and not outcomes & _WRONG  # nothing works at all: no sign of a known mistake
    if known is None or not failed or broken or not outcomes <= _ANSWERED:
        return list(rows)
    strictest = max(_rank(row) for row in failed)
    chosen = next(row for row in failed if _rank(row) == strictest)
    sentence = f"{chosen.verdict.sentence}\nHint: {known.hint}"
    told = replace(chosen, verdict=replace(chosen.verdict, sentence=sentence))
    return [told if row is chosen else row for row in rows]


def _rank(row: Scored) -> int:
    """How late a row is shown; an unknown word counts as last, as it does in the results."""
    visibility = row.test.visibility
    return VISIBILITIES.index(visibility) if visibility in VISIBILITIES else len(VISIBILITIES) - 1
