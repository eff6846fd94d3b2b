"""The shipped homework: its reference and every wheat pass, every chaff fails, points and kinds of tests add up."""

from __future__ import annotations

import re
import time
import tomllib
from typing import TYPE_CHECKING, Any

import pytest
import torch

from autograder import testing

if TYPE_CHECKING:
    from pathlib import Path

    from starterkit.overlay import Alternative
    from tests.content.conftest import Loaded

SEEDS = range(5)


@pytest.fixture
def folder(request: pytest.FixtureRequest) -> Path:
    """solutions/hw2."""
    return request.config.rootpath / "solutions" / "hw2"


def test_reference_gets_full_marks(hw2: Loaded, question: str) -> None:
    """The reference passes every test of every question under five seeds."""
    for seed in SEEDS:
        assert hw2.failures(question, seed=seed) == {}


def test_wheat_gets_full_marks(hw2: Loaded, wheat: Alternative, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every valid alternative passes every test of its question under five seeds."""
    hw2.put(wheat, monkeypatch)
    for seed in SEEDS:
        assert hw2.failures(wheat.question, seed=seed) == {}


def test_chaff_loses_points(hw2: Loaded, chaff: Alternative, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every misconception fails a test of its own question, under every seed."""
    hw2.put(chaff, monkeypatch)
    for seed in SEEDS:
        assert hw2.failures(chaff.question, seed=seed)


def test_alternatives_suffice(hw2: Loaded, question: str, alternatives_of: Any) -> None:
    """Each question has at least two wheats and three chaffs, under its own graded name."""
    wheats, chaffs = alternatives_of("wheat", question), alternatives_of("chaff", question)
    assert len(wheats) >= 2
    assert len(chaffs) >= 3
    assert all(set(item.functions) == set(hw2.names[question]) for item in wheats + chaffs)


def test_points_are_as_declared(hw2: Loaded, folder: Path) -> None:
    """Points add up to the totals that assignment.toml declares, and each problem has its share of the 54 for code."""
    declared = tomllib.loads((folder / "assignment.toml").read_text(encoding="utf-8"))["points"]
    found = {question: sum(testing.spec_of(test).points for test in tests) for question, tests in hw2.tests.items()}
    shares = {"2.1": 9, "2.2": 18, "2.3": 7, "2.4": 12, "2.5": 8}
    for problem, share in shares.items():
        assert sum(value for question, value in found.items() if question.startswith(problem)) == share
    assert sum(found.values()) == declared["code"] == 54
    assert (declared["written"], declared["figures"]) == (30, 16)
    text = (folder / "hw2.py").read_text(encoding="utf-8")
    by_hand = {kind: sum(map(int, re.findall(rf"{kind}=.* points=(\d+)", text))) for kind in ("written", "figure")}
    assert by_hand == {"written": declared["written"], "figure": declared["figures"]}


def test_every_question_has_one_public_core_test_and_hidden_ones(hw2: Loaded, question: str) -> None:
    """Each question has exactly one core test, which is public and comes first, and at least one hidden test."""
    tests = hw2.tests[question]
    assert [testing.spec_of(test).core for test in tests] == [True] + [False] * (len(tests) - 1)
    assert tests[0].__name__ not in hw2.hidden
    assert any(test.__name__ in hw2.hidden for test in tests)
    assert all(testing.spec_of(test).points > 0 and test.__doc__ for test in tests)


def test_stub_gets_nothing(hw2: Loaded, question: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A function that raises NotImplementedError, or returns its first argument, gets no points."""
    (name,) = hw2.names[question]

    def untouched(*_args: object, **_kwargs: object) -> object:
        raise NotImplementedError(f"Question {question}")

    for answer in (untouched, lambda *args: args[0]):
        monkeypatch.setitem(hw2.namespace, name, answer)
        assert hw2.tests[question][0].__name__ in hw2.failures(question, seed=1)


def test_constant_answers_fail_the_core_test(hw2: Loaded, question: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Zeros, ones and None fail the core test or a hidden test of every question."""
    (name,) = hw2.names[question]
    for answer in (lambda *_: torch.zeros(3), lambda *_: torch.ones(3), lambda *_: None, lambda *_: 0, lambda *_: 1.0):
        monkeypatch.setitem(hw2.namespace, name, answer)
        assert hw2.failures(question, seed=1)


def test_suite_is_cheap(hw2: Loaded) -> None:
    """All tests of the homework together take at most two CPU seconds in one process."""
    began = time.process_time()
    for question in hw2.tests:
        hw2.failures(question, seed=3)
    assert time.process_time() - began <= 2


def test_messages_hold_no_expected_numbers(hw2: Loaded, chaff: Alternative, monkeypatch: pytest.MonkeyPatch) -> None:
    """No message that a misconception earns holds a number with five or more decimals."""
    hw2.put(chaff, monkeypatch)
    for error in hw2.failures(chaff.question, seed=2).values():
        if isinstance(error, AssertionError):
            assert not re.search(r"\d\.\d{5,}", testing.failure_message(error))
