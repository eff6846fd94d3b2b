"""HW0: its reference and every wheat pass, every chaff fails, points and kinds of tests add up."""

from __future__ import annotations

import re
import time
import tomllib

import pytest
import torch

from autograder import testing
from starterkit.overlay import Alternative
from tests.content import homeworks

NAME = "hw0"
SEEDS = range(5)
WHEATS, CHAFFS = homeworks.alternatives(NAME, "wheat"), homeworks.alternatives(NAME, "chaff")
NAMED = {
    "0.1a divides by n": "subtract log n",
    "0.1a runs over the axis": "axis `dim`",
    "0.1a exp under": "subtract the maximum first",
    "0.1a mean of logs": "mean of logs",
    "0.1a no keepdim": "no keepdim",
    "0.1a slice of minus infinity": "minus infinity",
    "0.1b not of the standard deviation": "log of the variance",
    "0.1b log 2 pi": "log 2 pi belongs",
    "0.1b last axis": "a sum over them",
    "0.1b sign": "mind the sign",
    "0.1b variance is exp": "variance, which is exp(logvar)",
    "0.1c two minus signs": "two minus signs",
    "0.1c double logarithm": "double logarithm",
    "0.1c not to their exponentials": "added to the logits",
    "0.1c not the smallest": "not the smallest",
    "0.1c one category per row": "one category per row",
    "0.1c do not draw your own": "do not draw your own",
    "0.2a add up": "gradients add up",
    "0.2a without a step": "step",
    "0.2a after the backward pass.": "after the backward pass",
    "0.2a every graph alive": "plain numbers",
    "0.2a leaves nothing": "cleared",
    "0.2a before the step": "before the first step",
}
each_question = pytest.mark.parametrize("qid", homeworks.questions(NAME))
each_wheat = pytest.mark.parametrize("right", WHEATS, ids=homeworks.names_of(WHEATS))
each_chaff = pytest.mark.parametrize("wrong", CHAFFS, ids=homeworks.names_of(CHAFFS))


@pytest.fixture(scope="module")
def hw() -> homeworks.Homework:
    """The homework with its reference."""
    return homeworks.load(NAME)


@each_question
def test_reference_gets_full_marks(hw: homeworks.Homework, qid: str) -> None:
    """The reference passes every test of every question under five seeds."""
    for seed in SEEDS:
        assert hw.failures(qid, seed=seed) == {}


@each_wheat
def test_wheat_gets_full_marks(hw: homeworks.Homework, right: Alternative, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every valid alternative passes every test of its question under five seeds."""
    hw.put(right, monkeypatch)
    for seed in SEEDS:
        assert hw.failures(right.question, seed=seed) == {}


@each_chaff
def test_chaff_loses_points(hw: homeworks.Homework, wrong: Alternative, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every misconception fails a test of its own question, under every seed."""
    hw.put(wrong, monkeypatch)
    for seed in SEEDS:
        assert hw.failures(wrong.question, seed=seed, quick=True)


@each_chaff
def test_messages_hold_no_expected_numbers(
    hw: homeworks.Homework, wrong: Alternative, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No message that a misconception earns holds a number with five or more decimals."""
    hw.put(wrong, monkeypatch)
    for error in hw.failures(wrong.question, seed=2).values():
        if isinstance(error, AssertionError):
            assert not re.search(r"\d\.\d{5,}", testing.failure_message(error))


@each_question
def test_alternatives_suffice(hw: homeworks.Homework, qid: str) -> None:
    """Each question has at least two wheats and three chaffs, under its own graded name."""
    right, wrong = (homeworks.alternatives(NAME, kind, qid) for kind in ("wheat", "chaff"))
    assert len(right) >= 2
    assert len(wrong) >= 3
    assert all(set(item.functions) == set(hw.names[qid]) for item in right + wrong)


def test_points_are_as_declared(hw: homeworks.Homework) -> None:
    """Points add up to 1 + 3 + 1 as declared."""
    declared = tomllib.loads((hw.folder / "assignment.toml").read_text(encoding="utf-8"))["points"]
    assert sum(hw.points(qid) for qid in hw.tests) == declared["code"] == 3
    text = (hw.folder / f"{NAME}.py").read_text(encoding="utf-8")
    by_hand = {kind: sum(map(int, re.findall(rf"{kind}=.* points=(\d+)", text))) for kind in ("written", "figure")}
    assert by_hand == {"written": declared["written"], "figure": declared["figures"]} == {"written": 1, "figure": 1}


@each_question
def test_every_question_has_one_public_core_test_and_hidden_ones(hw: homeworks.Homework, qid: str) -> None:
    """Each question has exactly one core test, which is public and comes first, and at least one hidden test."""
    tests = hw.tests[qid]
    assert [testing.spec_of(test).core for test in tests] == [True] + [False] * (len(tests) - 1)
    assert tests[0].__name__ not in hw.hidden
    assert any(test.__name__ in hw.hidden for test in tests)
    assert sum(test.__name__ not in hw.hidden for test in tests) <= 3
    assert all(testing.spec_of(test).points > 0 and test.__doc__ for test in tests)


@each_question
def test_stub_and_constants_get_nothing(hw: homeworks.Homework, qid: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A function that raises NotImplementedError, returns its first argument or a constant, fails the core test."""
    (name,) = hw.names[qid]

    def untouched(*_args: object, **_kwargs: object) -> object:
        raise NotImplementedError(f"Question {qid}")

    constants = [lambda *_, c=c, **__: c for c in (torch.zeros(3), torch.ones(3), None, 0, 1.0)]
    for answer in (untouched, lambda *args, **_: args[0], *constants):
        monkeypatch.setitem(hw.namespace, name, answer)
        assert hw.tests[qid][0].__name__ in hw.failures(qid, seed=1, quick=True)


def test_common_mistakes_are_named(hw: homeworks.Homework) -> None:
    """A public check names the concept behind each of the commonest mistakes, six or all there are for a question."""
    homeworks.named_by_public_checks(hw, NAMED)


def test_suite_is_cheap(hw: homeworks.Homework) -> None:
    """All tests of the homework together take at most two CPU seconds in one process."""
    began = time.process_time()
    for qid in hw.tests:
        hw.failures(qid, seed=3)
    assert time.process_time() - began <= 2
