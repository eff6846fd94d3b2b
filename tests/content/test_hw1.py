"""HW1: its reference and every wheat pass, every chaff fails, points and kinds of tests add up."""

from __future__ import annotations

import re
import sys
import time
import tomllib

import pytest
import torch

from autograder import testing
from starterkit.overlay import Alternative
from tests.content import homeworks

sys.path.insert(0, str(homeworks.SOLUTIONS / "common"))  # a given cell imports hairpin_dna
NAME = "hw1"
SEEDS = range(5)
WHEATS, CHAFFS = homeworks.alternatives(NAME, "wheat"), homeworks.alternatives(NAME, "chaff")
COMMON = {  # the commonest mistakes of each problem, and the word that a public check must say about each
    "1.1": {
        "1.1a divide by log 2, do not multiply": "log 2",
        "1.1a not by the size of the batch": "batch",
        "1.1b the sigmoid rounds to 0 or 1": "rounded sigmoid",
        "1.1b the first axis is the batch": "all axes but the batch",
        "1.1c the edge bins take the tails": "edge bins",
        "1.1c the bin reaches half its width": "bins 2/(K-1) wide",
        "1.1c log_s is the logarithm of the scale": "log of the scale",
        "1.1d the difference of logs is their sum": "nll is already negative",
    },
    "1.2": {
        "1.2a the output's comparison is strict": "last comparison strict",
        "1.2a hidden units may listen": "hidden mask strict",
        "1.2a a mask is (out, in)": "(out, in)",
        "1.2a use the order in the argument": "rank of variable i",
        "1.2b masking the initial weights once": "every forward pass",
        "1.2c draw in the order of the ranks": "order of the ranks",
        "1.2c the logits change with every variable": "recomputed",
    },
    "1.3": {
        "1.3a they are swapped": "swapped",
        "1.3a the rows below the centre": "rows below",
        "1.3a in the rows above all columns": "rows above",
        "1.3b the first convolution must be of type A": "type A",
        "1.3b subtracting the mean of the image": "mean over the image",
        "1.3c the mean is the cost per pixel": "sum over pixels",
        "1.3d raster order runs along rows": "rows first",
        "1.3d one forward pass is not enough": "new logits",
        "1.3d the likeliest level is not a sample": "chosen by its u",
    },
    "1.4": {
        "1.4a a mask of -1e4": "minus infinity",
        "1.4a the square root of the width of one head": "1/sqrt(d)",
        "1.4a not of all heads together": "one head",
        "1.4a the softmax runs over the keys": "softmax runs over keys",
        "1.4a each position sees itself": "position t included",
        "1.4b the mask must know where the queries stand": "shifts the mask",
        "1.4b appended twice": "each once",
        "1.4c the input is not shifted": "shifted by one",
        "1.4c the mean is the cost per token": "sum over the L tokens",
        "1.4e 1e-10 is an ordinary logit": "minus infinity",
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


@pytest.mark.parametrize("problem", COMMON)
def test_commonest_mistakes_are_named_by_public_checks(hw: homeworks.Homework, problem: str) -> None:
    """Each of the commonest mistakes of a problem fails a public check whose message names the concept."""
    homeworks.named_by_public_checks(hw, COMMON[problem])


@each_question
def test_alternatives_suffice(hw: homeworks.Homework, qid: str) -> None:
    """Each question has at least two wheats and three chaffs, under its own graded name."""
    right, wrong = (homeworks.alternatives(NAME, kind, qid) for kind in ("wheat", "chaff"))
    assert len(right) >= 2
    assert len(wrong) >= 3
    assert all(set(item.functions) == set(hw.names[qid]) for item in right + wrong)


def test_points_are_as_declared(hw: homeworks.Homework) -> None:
    """Points add up to 30 + 54 + 16 as declared, and to 9, 11, 15 and 19 for the problems."""
    declared = tomllib.loads((hw.folder / "assignment.toml").read_text(encoding="utf-8"))["points"]
    found = {qid: hw.points(qid) for qid in hw.tests}
    of_problem = {p: sum(v for qid, v in found.items() if qid.startswith(p)) for p in {qid[:3] for qid in found}}
    assert of_problem == {"1.1": 9, "1.2": 11, "1.3": 15, "1.4": 19}
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


def test_oracle_of_the_hairpins_is_exact(hw: homeworks.Homework) -> None:
    """The oracle that `generate` is tested with has the exact log-probability, at once and token by token."""
    dna = hw.namespace["HairpinDNA"]()
    oracle, x = hw.namespace["HairpinOracle"](dna), dna.sample(40, torch.Generator().manual_seed(0))
    with testing.default_dtype(testing.TestSpec()):
        cost = hw.namespace["sequence_nll"](oracle, x, 4)
        assert torch.allclose(cost, -dna.log_prob(x), atol=1e-10)
        token, past, steps = torch.full((40, 1), 4), None, []
        for t in range(48):
            logits, past = oracle(token, past)
            steps.append(-logits[:, -1].log_softmax(-1).gather(-1, x[:, t : t + 1])[:, 0])
            token = x[:, t : t + 1]
        assert torch.allclose(torch.stack(steps).sum(0), cost, atol=1e-10)


def test_suite_is_cheap(hw: homeworks.Homework) -> None:
    """All tests of the homework together take at most two CPU seconds in one process."""
    began = time.process_time()
    for qid in hw.tests:
        hw.failures(qid, seed=3)
    assert time.process_time() - began <= 2
