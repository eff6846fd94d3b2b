"""A known mistake's hint stands in one row, shown no earlier than the last of the tests that failed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from autograder.hints import hinted
from autograder.manifest import Hint, Manifest, Question, Test
from autograder.outcomes import Outcome, Verdict
from autograder.scoring import Scored, score_question

HINT = "is it the variance?"


def manifest(failing: tuple[str, ...]) -> Manifest:
    """Three tests, of which the second is hidden until grades are published."""
    tests = (
        Test(name="test_core", title="A", points=1.0, core=True),
        Test(name="test_hidden", title="B", points=1.0, hidden=True, visibility="after_published"),
        Test(name="test_last", title="C", points=1.0),
    )
    question = Question(id="1.1a", names=("f",), tests=tests)
    hints = (Hint(question="1.1a", failing=failing, hint=HINT),)
    return Manifest(schema=1, homework="hw1", secret="00", questions=(question,), points=3.0, hints=hints)


def rows(known: Manifest, failed: dict[str, Outcome]) -> list[Scored]:
    """The rows of a submission whose other tests pass."""
    [question] = known.questions
    outcomes = {test.name: failed.get(test.name, Outcome.PASSED) for test in question.tests}
    verdicts = {name: Verdict(outcome=outcome, sentence="no") for name, outcome in outcomes.items()}
    return hinted(known, "1.1a", score_question(question, verdicts))


def shown(found: list[Scored]) -> list[str]:
    """The names of the tests in whose rows the hint stands."""
    return [row.test.name for row in found if f"Hint: {HINT}" in row.verdict.sentence]


@pytest.mark.parametrize(
    ("failing", "where"),
    [(("test_last",), "test_last"), (("test_hidden", "test_last"), "test_hidden"), (("test_core",), "test_core")],
)
def test_the_hint_stands_in_the_strictest_row(failing: tuple[str, ...], where: str) -> None:
    """The hint is in the top-most failing row among those that are shown last; gated rows do not count as failing."""
    assert shown(rows(manifest(failing), dict.fromkeys(failing, Outcome.WRONG))) == [where]


def test_another_set_of_failures_gets_no_hint() -> None:
    """A submission that fails more, or less, than the mistake gets no hint."""
    known = manifest(("test_hidden", "test_last"))
    assert shown(rows(known, {"test_last": Outcome.WRONG})) == []
    assert shown(rows(known, {})) == []


def test_code_that_fails_everywhere_by_errors_gets_no_hint() -> None:
    """Where every test ends with an exception, none says anything about a mistake in the mathematics; one answer does."""
    names = ("test_core", "test_hidden", "test_last")
    known = manifest(names)
    assert shown(rows(known, dict.fromkeys(names, Outcome.STUDENT_ERROR))) == []
    assert shown(rows(known, {**dict.fromkeys(names, Outcome.STUDENT_ERROR), "test_last": Outcome.WRONG})) != []


@pytest.mark.parametrize("outcome", [Outcome.NOT_ATTEMPTED, Outcome.CRASHED, Outcome.TIME_OUT, Outcome.MISSING])
def test_code_that_gave_no_answer_gets_no_hint(outcome: Outcome) -> None:
    """A stub, a crash or a time-out is no known mistake, even if it fails the same tests."""
    assert shown(rows(manifest(("test_last",)), {"test_last": outcome})) == []


def test_points_do_not_change() -> None:
    """A hint changes a sentence and nothing else."""
    known = manifest(("test_last",))
    bare = replace(known, hints=())
    failed = {"test_last": Outcome.WRONG}
    assert [row.points for row in rows(known, failed)] == [row.points for row in rows(bare, failed)]
