"""Follow-through marks: a question that lost points is run again with other questions' functions from the reference.

Only the names that the question's own reference borrows are lent, as call-backs: the reference never travels to a
worker. The better of the two results counts, and the rows that changed say with whose help.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from autograder import messages, modules
from autograder.kinds import DEFINITIONS
from autograder.outcomes import Outcome
from autograder.scoring import Scored, score_question, total
from autograder.session import run_questions
from autograder.trial import Bench, Lab

if TYPE_CHECKING:
    import types
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from autograder.manifest import Question
    from autograder.outcomes import Verdict


class Reference:
    """The reference solution, executed in the grader when a function of it is first wanted."""

    def __init__(self, bundle: Path) -> None:
        self._file = bundle / "reference" / "reference.py"
        self._module: types.ModuleType | None = None
        self._defined: frozenset[str] | None = None

    def functions(self, names: Sequence[str]) -> dict[str, Callable[..., Any]]:
        """The reference's functions of those names. Raises what executing the reference raises, or AttributeError."""
        if self._module is None:
            self._module = modules.load(self._file, "reference")
        return {name: getattr(self._module, name) for name in names}

    def holds_value(self, name: str) -> bool:
        """Whether the reference makes `name` something else than a function or a class, by its text."""
        if self._defined is None:
            try:
                body = ast.parse(self._file.read_text(encoding="utf-8")).body
            except (OSError, SyntaxError, ValueError):
                return False
            self._defined = frozenset(node.name for node in body if isinstance(node, DEFINITIONS))
        return name not in self._defined


def worth_trying(question: Question, rows: Sequence[Scored], lab: Lab) -> bool:
    """Whether a second run could earn something: points were lost, functions are borrowed, and there is an attempt."""
    lost = any(not row.verdict.outcome.earns for row in rows)
    attempted = any(lab.reading.attempted(name) for name in question.names)
    return bool(lost and question.follow and attempted and lab.left() > 0)


def second_run(question: Question, rows: list[Scored], lab: Lab, reference: Reference, bundle: Path) -> list[Scored]:
    """The better of `rows` and the rows with the borrowed functions lent. Raises what the reference raises."""
    heard: dict[str, Verdict] = {}
    bench = Bench(lab=lab, question=question, lent=reference.functions(question.follow))
    run_questions([bench], bundle, lambda _, name, verdict: heard.__setitem__(name, verdict))
    ours = {row.test.name for row in rows if row.verdict.outcome is Outcome.OUR_FAULT}
    if any(v.outcome is Outcome.OUR_FAULT and name not in ours for name, v in heard.items()):
        return rows  # lending must not turn a failure of theirs into one of ours
    better = score_question(question, heard)
    if total(better) <= total(rows):
        return rows
    pairs = zip(rows, better, strict=True)
    return [_marked(new, question.follow) if new.points > old.points else new for old, new in pairs]


def _marked(row: Scored, names: tuple[str, ...]) -> Scored:
    sentence = f"{row.verdict.sentence} {messages.followed(names)}"
    return replace(row, verdict=replace(row.verdict, sentence=sentence), followed=names)
