"""HW4: its reference and every wheat pass, every chaff fails, points and kinds of tests add up."""

from __future__ import annotations

import re
import time
import tomllib

import pytest
import torch

from autograder import testing
from starterkit.overlay import Alternative
from tests.content import homeworks

NAME = "hw4"
SEEDS = range(5)
WHEATS, CHAFFS = homeworks.alternatives(NAME, "wheat"), homeworks.alternatives(NAME, "chaff")
each_question = pytest.mark.parametrize("qid", homeworks.questions(NAME))
each_wheat = pytest.mark.parametrize("right", WHEATS, ids=homeworks.names_of(WHEATS))
each_chaff = pytest.mark.parametrize("wrong", CHAFFS, ids=homeworks.names_of(CHAFFS))
# The commonest mistakes of each problem: the chaff, and what a public check must say about it
COMMONEST: dict[str, dict[str, str]] = {
    "4.1": {
        "4.1a without the cap": "cap",
        "4.1a the offset s is an argument": "offset",
        "4.1b alpha_bar_prev[0] is 1": "alpha_bar_prev[0]",
        "4.1c broadcasts along the last axis": "broadcasting",
        "4.1c tables are float64": "dtype",
        "4.1d scaled by roots": "sqrt",
        "4.1d alpha is the share of one step": "share of one step",
        "4.1d off by one": "off by one",
        "4.1d broadcasts along the last axis": "broadcasting",
        "4.1e subtract the noise": "sign",
        "4.1h the variance is beta-tilde": "beta-tilde",
        "4.1h not the standard deviation": "standard deviation",
    },
    "4.2": {
        "4.2a the target is the noise": "error in the noise",
        "4.2a sees the noisy data": "the model sees x_t",
        "4.2a where drop_mask is true": "null label",
        "4.2a replace them in a copy": "changed in place",
        "4.2b there is a minus": "against the noise",
        "4.2b not by its variance": "standard deviation",
        "4.2c with sigma, small noise levels": "sigma squared",
        "4.2c mind the sign of the target": "target",
        "4.2d the drift is half a step": "half a step",
        "4.2d the noise counts the root of the step": "root of the step",
    },
    "4.3": {
        "4.3a the last step adds no noise": "noise at t = 0",
        "4.3a also for t > 0": "beta-tilde",
        "4.3a the root of beta-tilde": "standard deviation",
        "4.3a not of alpha_bar": "one step",
        "4.3b with a stride": "stride",
        "4.3b as an index it is the noisiest entry": "t_prev = -1",
        "4.3b fresh noise takes its share": "fresh noise takes its share",
        "4.3b scaled by sigma": "not by its square",
        "4.3b no longer matches": "recompute",
        "4.3b eta scales sigma": "eta scales sigma",
        "4.3c the list is decreasing": "timesteps",
    },
    "4.4": {
        "4.4a the exponent has a minus": "frequencies",
        "4.4a not an integer division": "frequencies",
        "4.4a radians": "radians",
        "4.4a do not round": "rounding",
        "4.4b conv2 starts at zero": "zero init",
        "4.4b the scale is 1 + a": "1 + a",
        "4.4b do not average it over the batch": "embedding of one example",
        "4.4c (1 + w) is the other convention": "convention",
        "4.4c 0 is a real class": "null label",
    },
    "4.5": {
        "4.5a mask where u < t": "u < t",
        "4.5a broadcasts along the sequence": "broadcasting",
        "4.5b excluded before normalising": "mask_id",
        "4.5c not by the number of masked tokens": "mean over the masked tokens",
        "4.5c the weight 1/t is missing": "weight 1/t",
        "4.5c sum over the masked ones only": "masked tokens only",
        "4.5c not the answer": "leak",
        "4.5d revealed tokens are never drawn again": "revealed tokens stay",
        "4.5d (a - b) / a": "unmask probability",
        "4.5e the last step goes to time 0": "leftover masks",
        "4.5e visible to the network in the next one": "visible",
        "4.5f not pasted in afterwards": "visible",
    },
    "4.6": {
        "4.6a divided by beta": "r / beta",
        "4.6a normalise": "normalised",
        "4.6b the mean of all includes the draw itself": "leave one out",
        "4.6c enters with a minus": "sign",
        "4.6c the advantage is a constant": "detach",
        "4.6c leave out the draw itself": "leave one out",
        "4.6c going away from the reference is a cost": "a cost",
        "4.6c beta KL is forgotten": "forgotten",
    },
    "4.7": {
        "4.7a time 0 is noise": "noise",
        "4.7a the velocity points from noise to data": "direction",
        "4.7a not their roots": "roots",
        "4.7a broadcasts along the last axis": "broadcasting",
        "4.7b each step has length 1/n": "step length",
        "4.7b one time per example": "times",
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
    """Points add up to 30 + 54 + 16 as declared, 9, 9, 12, 9, 9 and 6 for the problems, and a bonus of 5."""
    declared = tomllib.loads((hw.folder / "assignment.toml").read_text(encoding="utf-8"))["points"]
    found = {qid: hw.points(qid) for qid in hw.tests}
    of_problem = {p: sum(v for qid, v in found.items() if qid.startswith(p)) for p in {qid[:3] for qid in found}}
    assert of_problem == {"4.1": 9, "4.2": 9, "4.3": 12, "4.4": 9, "4.5": 9, "4.6": 6, "4.7": 0}
    assert sum(found.values()) == declared["code"] == 54
    assert sum(hw.points(qid, bonus=True) for qid in hw.tests) == 5
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
