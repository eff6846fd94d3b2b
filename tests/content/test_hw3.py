"""HW3: its reference and every wheat pass, every chaff fails, points and kinds of tests add up."""

from __future__ import annotations

import re
import time
import tomllib

import pytest
import torch

from autograder import testing
from starterkit.overlay import Alternative
from tests.content import homeworks

NAME = "hw3"
SEEDS = range(5)
WHEATS, CHAFFS = homeworks.alternatives(NAME, "wheat"), homeworks.alternatives(NAME, "chaff")
NAMED = {  # the commonest mistakes of each problem, and the word by which a public check calls them
    "3.1": {
        "3.1a yours has the sign of the inverse": "opposite sign",
        "3.1a multiply both by (1 - mask)": "mask",
        "3.1a give it x times the mask": "the net sees",
        "3.1a subtract the shift first": "shift first",
        "3.1b set anew by every training batch": "set again",
        "3.1b not by the variance": "standard deviation",
        "3.1c the base density needs its constant": "constant",
        "3.1c is added to the base density": "opposite sign",
        "3.1c undo the last one first": "reverse order",
    },
    "3.2": {
        "3.2a not by K - 1": "K - 1",
        "3.2a lacks -log K": "lacks -log K",
        "3.2a lacks log(1 - 2 alpha)": "slope of the squeeze",
        "3.2a two minus signs": "slope of the logit",
        "3.2b the squeeze by alpha is not undone": "undo the squeeze",
        "3.2b round down": "floor",
        "3.2c these are nats": "nats",
        "3.2c of the dequantisation is missing": "log-determinant",
    },
    "3.3": {
        "3.3a real and fake are swapped": "swapped",
        "3.3a log(1 - sigmoid) overflows": "overflow",
        "3.3b minimax and non-saturating are swapped": "swapped",
        "3.3c over the whole batch": "whole batch",
        "3.3c without create_graph": "create_graph",
        "3.3d R1 is half": "half the squared norm",
        "3.3e the densities are swapped": "swapped",
        "3.3f the square of sigma": "sigma squared",
    },
    "3.4": {
        "3.4a real and fake are swapped": "swapped",
        "3.4a uses z_d for both": "z_g",
        "3.4a stands on the wrong side": "detach",
        "3.4a as it is after its step": "old critic",
        "3.4a clear the discriminator's gradients": "zero_grad",
        "3.4a return Python floats": "floats",
    },
    "3.5": {
        "3.5a the diagonal i = j": "diagonal",
        "3.5a the squared MMD is asked for": "square is asked for",
        "3.5b counts twice": "factor 2",
        "3.5b not of its entries": "root is that of a matrix",
        "3.5c not k times its square": "not its square",
        "3.5d yours are swapped": "swapped",
        "3.5d leave out the distance zero": "own neighbour",
    },
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


@pytest.mark.parametrize("problem", NAMED)
def test_public_checks_name_the_commonest_mistakes(hw: homeworks.Homework, problem: str) -> None:
    """Six or more common mistakes of each problem fail a public check whose message holds the concept's name."""
    assert len(NAMED[problem]) >= 6
    homeworks.named_by_public_checks(hw, NAMED[problem])


@each_question
def test_alternatives_suffice(hw: homeworks.Homework, qid: str) -> None:
    """Each question has at least two wheats and three chaffs, under its own graded name."""
    right, wrong = (homeworks.alternatives(NAME, kind, qid) for kind in ("wheat", "chaff"))
    assert len(right) >= 2
    assert len(wrong) >= 3
    assert all(set(item.functions) == set(hw.names[qid]) for item in right + wrong)


def test_points_are_as_declared(hw: homeworks.Homework) -> None:
    """Points add up to 30 + 54 + 16 as declared, with 15, 7, 14, 8 and 10 for the problems."""
    declared = tomllib.loads((hw.folder / "assignment.toml").read_text(encoding="utf-8"))["points"]
    found = {qid: hw.points(qid) for qid in hw.tests}
    of_problem = {p: sum(v for qid, v in found.items() if qid.startswith(p)) for p in {qid[:3] for qid in found}}
    assert of_problem == {"3.1": 15, "3.2": 7, "3.3": 14, "3.4": 8, "3.5": 10}
    assert sum(found.values()) == declared["code"] == 54
    assert sum(hw.points(qid, bonus=True) for qid in hw.tests) == 0
    text = (hw.folder / f"{NAME}.py").read_text(encoding="utf-8")
    by_hand = {kind: sum(map(int, re.findall(rf"{kind}=.* points=(\d+)", text))) for kind in ("written", "figure")}
    assert by_hand == {"written": declared["written"], "figure": declared["figures"]} == {"written": 30, "figure": 16}


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


def test_suite_is_cheap(hw: homeworks.Homework) -> None:
    """All tests of the homework together take at most two CPU seconds in one process."""
    began = time.process_time()
    for qid in hw.tests:
        hw.failures(qid, seed=3)
    assert time.process_time() - began <= 2
