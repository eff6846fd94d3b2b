"""What decides whose fault a failure is, and when a test is over."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from autograder import contexts
from autograder.failures import Limits, student_error
from autograder.manifest import read_manifest
from autograder.outcomes import Outcome, Situation, TestTimeout, judge
from autograder.stubs import Remote, RemoteRecord, make_mirror
from autograder.trial import SOBER, Bench

PEER: Any = SimpleNamespace(home=True, edited=[])


@pytest.fixture
def now(bundle):
    """The situation of a hidden test of question 1.1a."""
    question = read_manifest(bundle).question("1.1a")
    return Situation(question=question, test=question.tests[2], limits=Limits(), ids=frozenset({"1.1a"}))


@pytest.mark.parametrize(
    ("value", "touched"),
    [
        (Remote(PEER, 1, "function", "f"), False),
        (RemoteRecord(PEER, 1, "Setting", {"gain": 5}), True),
        (make_mirror(PEER, 1, "Net", torch_class=False, methods=[], properties=[], part=False), True),
        (3.0, True),
    ],
)
def test_only_a_handle_takes_no_part_by_itself(now, value, touched):
    """A failure before anything was asked of a handle is ours; a network or a constant may have caused it without that."""
    worker: Any = SimpleNamespace(request=lambda *_: None)
    with contexts.watched(worker, {"f": value}, now):
        assert now.touched is touched
        worker.request("call")
        assert now.touched


def test_an_alarm_that_is_swallowed_rings_again(now, monkeypatch):
    """What is raised while an object is destroyed is lost; the test is over at the next ring all the same."""
    lost: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda event: lost.append(event.exc_type))
    monkeypatch.setattr(contexts, "AGAIN", 0.01)
    end = time.monotonic() + 30

    class Stubborn:
        def __del__(self) -> None:
            while time.monotonic() < end:
                pass

    with pytest.raises(TestTimeout), contexts.watchdog(0.01, now, float("inf")):  # noqa: PT012  (both must ring)
        Stubborn()
        while time.monotonic() < end:
            pass
    assert lost == [TestTimeout]


def test_after_two_time_outs_both_limits_shrink(bundle):
    """Ten seconds of processor time become two, and forty of waiting eight: what sleeps uses no processor time."""
    known = read_manifest(bundle)
    lab: Any = SimpleNamespace(manifest=replace(known, limits=replace(known.limits, cpu_s=10.0, wall_s=40.0)))
    bench = Bench(lab=lab, question=known.question("1.1a"), time_outs=SOBER - 1)
    limits = [bench.limits_for(bench.question.tests[0])]
    bench.time_outs = SOBER
    limits.append(bench.limits_for(bench.question.tests[0]))
    assert [(each.cpu_s, each.wall_s) for each in limits] == [(10, 40), (2, 8)]


@pytest.mark.parametrize(
    ("hidden", "told"), [(True, "a sparse tensor, for example"), (False, "layout torch.sparse_coo")]
)
def test_what_cannot_be_carried_is_said_as_such(now, hidden, told):
    """An answer that does not cross is no exception of the student's own; its text is shown where inputs are public."""
    now.test = next(test for test in now.question.tests if test.hidden is hidden)
    error = student_error([["CannotCross", "TypeError"], "cannot send a tensor, layout torch.sparse_coo", [], 0])
    verdict = judge(error, now)
    assert verdict.outcome is Outcome.UNUSABLE and told in verdict.sentence
    assert ("layout" in verdict.sentence) is not hidden


def test_a_function_of_the_tests_that_fails_in_their_hands_is_named_as_such(now):
    """The sentence says where they called it and what it raised, not that they returned something."""
    now.touched, now.files = True, {"cell 7": 9}
    error = RuntimeError("expected 271828")
    error.__dict__["passed_through"] = [("cell 7", "ascend", 3)]
    verdict = judge(error, now)
    assert verdict.outcome is Outcome.STUDENT_ERROR and "271828" not in verdict.sentence
    assert "something that the test hands in (cell 7, line 3), and that raised RuntimeError" in verdict.sentence


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("CUDA out of memory. Tried to allocate 2 MiB")])
def test_a_machine_without_memory_awards_nothing(now, error):
    """Definitions that fill the GPU make the test's own first line fail: that blames nobody, and earns nothing."""
    verdict = judge(error, now)
    assert verdict.outcome is Outcome.NOT_GRADED and not verdict.outcome.earns
    assert judge(RuntimeError("a mistake of ours"), now).outcome is Outcome.OUR_FAULT
