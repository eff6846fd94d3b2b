"""What decides whose fault a failure is, and when a test is over."""

from __future__ import annotations

import gc
import sys
import time
import types
import weakref
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from autograder import contexts, session, trial
from autograder.ceiling import ROOMY_MB, ceiling, lifted, private_mb
from autograder.failures import Limits, student_error
from autograder.followthrough import Reference
from autograder.manifest import read_manifest
from autograder.outcomes import Outcome, Situation, TestTimeout, judge
from autograder.reading import Reading
from autograder.rng import seed_everything
from autograder.specs import TestSpec
from autograder.stubs import Remote, RemoteRecord, make_mirror
from autograder.trial import SOBER, Bench, Lab

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


def test_the_reference_tells_numbers_from_functions(tmp_path):
    """What its text defines by `def` or `class` is a function or a class; a file that cannot be read tells nothing."""
    (tmp_path / "reference").mkdir()
    (tmp_path / "reference" / "reference.py").write_text("def f(): ...\nclass C: ...\nRATE = 0.25\nraise OSError\n")
    known, unknown = Reference(tmp_path), Reference(tmp_path / "elsewhere")
    assert [known.holds_value(name) for name in ("f", "C", "RATE")] == [False, False, True]
    assert not unknown.holds_value("RATE")


def test_when_pytest_breaks_down_no_point_is_awarded(bundle, monkeypatch):
    """What it has not run by then waits for another run; a declared test that a sound pytest did not find is our fault."""
    question, heard = read_manifest(bundle).question("1.1a"), []
    bench = Bench(lab=SimpleNamespace(device="cpu"), question=question)
    monkeypatch.setattr(session.pytest, "main", lambda *_, **__: pytest.ExitCode.INTERNAL_ERROR)
    with pytest.raises(RuntimeError, match="pytest broke down"):
        session.run_questions([bench], bundle, lambda *verdict: heard.append(verdict))
    assert heard == []
    monkeypatch.setattr(session.pytest, "main", lambda *_, **__: pytest.ExitCode.NO_TESTS_COLLECTED)
    session.run_questions([bench], bundle, lambda *verdict: heard.append(verdict))
    assert {verdict.outcome for _, _, verdict in heard} == {Outcome.OUR_FAULT}


class Ring:
    """An object that holds itself, and some memory."""

    def __init__(self, size: int) -> None:
        self.me, self.ballast = self, bytes(size)


def test_what_a_test_leaves_in_cycles_is_freed_when_it_is_much(monkeypatch):
    """The megabytes of one test are not there any more when the next one starts; for a little nobody looks."""
    gc.collect()  # what other tests have left must not go while this one measures
    lab: Any = SimpleNamespace(settled_mb=private_mb())
    left = weakref.ref(Ring((trial.MUCH_MB + 16) << 20))
    trial.settle(lab)
    assert left() is None
    monkeypatch.setattr(trial.gc, "collect", lambda: pytest.fail("nothing was left"))
    trial.settle(lab)


def test_a_full_memory_is_judged_without_the_ceiling():
    """Where an allocation fails under the ceiling, the one who says so may allocate."""
    size = (ROOMY_MB + 64) << 20
    with ceiling(1):
        with pytest.raises(MemoryError):
            bytearray(size)
        with lifted():
            bytearray(size)
        with pytest.raises(MemoryError):
            bytearray(size)


def test_a_tests_generator_tells_nothing_of_the_others(bundle, monkeypatch):
    """Who is handed the test's generator can read its seed, and does not find those of torch, NumPy and `random` in it."""
    worker: Any = SimpleNamespace(bind=lambda names: dict.fromkeys(names, 1.0), request=None)
    monkeypatch.setattr(trial, "_worker", lambda *_: worker)
    server: Any = None
    lab = Lab(manifest=read_manifest(bundle), reading=Reading(digest="d"), server=server, modules={}, data={})
    bench, seeds = Bench(lab=lab, question=lab.manifest.question("1.1a")), []

    def law(rng: torch.Generator) -> None:
        seeds.extend([rng.initial_seed(), torch.initial_seed()])

    run = trial.Run(
        test=bench.question.tests[0], spec=TestSpec(), function=law, module=types.ModuleType("law"), arguments={"rng": None}
    )  # fmt: skip
    assert trial.attempt(bench, run).outcome is Outcome.PASSED
    seed_everything(seeds[0])
    assert seeds[1] not in {seeds[0], torch.initial_seed()}
