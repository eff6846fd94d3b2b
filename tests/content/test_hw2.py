"""HW2: its reference and every wheat pass, every chaff fails, points and kinds of tests add up."""

from __future__ import annotations

import re
import time
import tomllib

import pytest
import torch

from autograder import testing
from starterkit.overlay import Alternative
from tests.content import homeworks

NAME = "hw2"
SEEDS = range(5)
WHEATS, CHAFFS = homeworks.alternatives(NAME, "wheat"), homeworks.alternatives(NAME, "chaff")
each_question = pytest.mark.parametrize("qid", homeworks.questions(NAME))
each_wheat = pytest.mark.parametrize("right", WHEATS, ids=homeworks.names_of(WHEATS))
each_chaff = pytest.mark.parametrize("wrong", CHAFFS, ids=homeworks.names_of(CHAFFS))
# The commonest mistakes of each problem: the chaff, and what a public check must say about it
COMMONEST: dict[str, dict[str, str]] = {
    "2.1": {
        "2.1a exp(logvar) is the variance": "standard deviation",
        "2.1b one half belongs to every term": "one half",
        "2.1b without the -1": "-1",
        "2.1b not symmetric": "reversed",
        "2.1b sum over dimensions only": "not over the batch",
        "2.1a a detach or .data": "detached",
        "2.1a use the noise in the argument": "noise in eps",
        "2.1b log ratio has the wrong sign": "log ratio",
    },
    "2.2": {
        "2.2b kl has the wrong sign": "wrong sign",
        "2.2b averaged over the latent dimensions": "not a mean",
        "2.2a mean over pixels": "no mean",
        "2.2e average over the K draws": "not over the batch",
        "2.2e log K is missing": "log K",
        "2.2e average the weights, not their logarithms": "not their logarithms",
        "2.2c beta multiplies the divergence": "beta multiplies the divergence",
        "2.2d never exceeds 1": "end of the warm-up",
        "2.2f the variance is over examples": "varies over the data",
    },
    "2.3": {
        "2.3a noise variance is missing": "sigma2 added",
        "2.3a it has to be inverted": "inverted",
        "2.3b the power of sigma2": "D - k",
        "2.3b log-determinant makes a wide density low": "log-determinant",
        "2.3b log 2 pi counts D times": "log 2 pi",
        "2.3c the best variances are 1 / Lambda_ii": "1 / Lambda_ii",
    },
    "2.4": {
        "2.4a must leave draw k out": "the mean of the rest, not of all",
        "2.4a multiplied by the score": "score",
        "2.4a a logit is not a probability": "sigmoid",
        "2.4a the sign of the score is wrong": "sign",
        "2.4b the outer minus is missing": "-log(-log u)",
        "2.4b small tau means close to one-hot": "temperature divides",
        "2.4b one-hot vector alone has no gradient": "straight through",
        "2.4c the stop-gradients are swapped": "stop-gradient",
        "2.4c without the straight-through copy": "straight-through copy",
        "2.4c argmin, not argmax": "smallest distance",
    },
    "2.5": {
        "2.5a theta is the INVERSE dispersion": "inverse dispersion",
        "2.5a lgamma(x + 1) is missing": "lgamma(x + 1)",
        "2.5a a silent gene": "0 log 0",
        "2.5b library size multiplies the shares": "multiplies",
        "2.5b not over the cells": "not over cells",
        "2.5a this is the Poisson law": "variance",
    },
}


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
    """Points add up to 30 + 54 + 16 as declared, and to 9, 18, 7, 12 and 8 for the problems."""
    declared = tomllib.loads((hw.folder / "assignment.toml").read_text(encoding="utf-8"))["points"]
    found = {qid: hw.points(qid) for qid in hw.tests}
    of_problem = {p: sum(v for qid, v in found.items() if qid.startswith(p)) for p in {qid[:3] for qid in found}}
    assert of_problem == {"2.1": 9, "2.2": 18, "2.3": 7, "2.4": 12, "2.5": 8}
    assert sum(found.values()) == declared["code"] == 54
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


@pytest.mark.parametrize("problem", COMMONEST)
def test_public_checks_name_the_commonest_mistakes(hw: homeworks.Homework, problem: str) -> None:
    """At least six of the commonest mistakes of a problem fail a public check whose message says the concept's name."""
    assert len(COMMONEST[problem]) >= 6
    homeworks.named_by_public_checks(hw, COMMONEST[problem])


def test_a_mistake_that_no_public_check_names_is_found(hw: homeworks.Homework) -> None:
    """A word that no message holds, a hint of no chaff, and one of several are each said."""
    with pytest.raises(AssertionError) as told:
        homeworks.named_by_public_checks(hw, {"2.1a exp(logvar) is": "Jacobian", "2.1b no such": "x", "2.1b log": "x"})
    said = str(told.value).splitlines()
    assert said[0].startswith(
        "2.1a exp(logvar) is: no public check says 'Jacobian' under seed 0; they say ['Variance 9"
    )
    assert said[1] == "2.1b no such: 0 chaffs of 2.1b have this in their hint"
    assert said[2].endswith("chaffs of 2.1b have this in their hint")
