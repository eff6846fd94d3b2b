"""Questions of the shipped homework earn their own points: no question needs another to be solved."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.robust.homework2 import Homework2, questions
from tests.robust.running import Graded, grade_all, write_notebook

if TYPE_CHECKING:
    from collections.abc import Mapping

QUESTIONS = questions()


@pytest.fixture(scope="module")
def graded(hw2: Homework2, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Graded]:
    """Notebooks with only, and with all but, question k solved, for every k; and the two ends."""
    folder = tmp_path_factory.mktemp("mixed")
    every = {question["id"] for question in hw2.manifest["questions"]}
    wanted = {f"only {k}": {k} for k in every} | {f"all but {k}": every - {k} for k in every}
    wanted |= {"all": every, "none": set()}
    jobs = {
        name: {
            "bundle": str(hw2.bundle),
            "submission": str(write_notebook(folder / "submissions" / name, hw2.mixed(solved))),
        }
        for name, solved in wanted.items()
    }
    return grade_all(folder, jobs)


def test_the_ends_are_full_marks_and_nothing(graded: Mapping[str, Graded], hw2: Homework2) -> None:
    """All questions solved is full marks, none is nothing, and the list of questions is the manifest's."""
    assert [question["id"] for question in hw2.manifest["questions"]] == QUESTIONS
    assert graded["all"].data["score"] == hw2.manifest["points"] + hw2.manifest["bonus"]
    assert graded["none"].data["score"] == 0


@pytest.mark.parametrize("question", QUESTIONS)
def test_only_this_question(graded: Mapping[str, Graded], hw2: Homework2, question: str) -> None:
    """With only question k solved, k earns its points and nothing else earns any."""
    run = graded[f"only {question}"]
    earned = {name: points for name, points in run.scores.items() if points}
    assert earned == {question: hw2.points(question)}


@pytest.mark.parametrize("question", QUESTIONS)
def test_all_but_this_question(graded: Mapping[str, Graded], hw2: Homework2, question: str) -> None:
    """With all but question k solved, k earns nothing and every other question its points."""
    run = graded[f"all but {question}"]
    assert run.scores == {name: 0 if name == question else hw2.points(name) for name in QUESTIONS}
