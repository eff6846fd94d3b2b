"""What surrounds a test while it runs: the lent names, its probes, the note of who took part, and a clock."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from typing import TYPE_CHECKING, Any

from autograder.outcomes import Situation, TestTimeout
from autograder.probing import shipped
from autograder.specs import Probe, probe_runner
from autograder.stubs import Remote
from autograder.worker import StudentError, Worker

if TYPE_CHECKING:
    import types
    from collections.abc import Callable, Iterator, Mapping

AGAIN = 20.0  # seconds between two rings of the alarm; long enough to end a worker in


@contextlib.contextmanager
def lent(module: types.ModuleType, bound: Mapping[str, Any]) -> Iterator[None]:
    """Put the names into the test module for the duration of the test, then put back what was there."""
    space = module.__dict__
    before = {name: space[name] for name in bound if name in space}
    space.update(bound)
    try:
        yield
    finally:
        for name in bound:
            space.pop(name, None)
        space.update(before)


@contextlib.contextmanager
def probes(worker: Worker, module: types.ModuleType, now: Situation) -> Iterator[None]:
    """Send the probes of the test to the worker."""

    def run(probe: Probe, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        now.touched = True
        source, line = shipped(probe, module)
        try:
            return worker.probe(source, probe.__name__, line, args, dict(kwargs))
        except StudentError as error:
            now.probe_error = error
            raise

    with probe_runner(run):
        yield


@contextlib.contextmanager
def watched(worker: Worker, own: Mapping[str, Any], now: Situation) -> Iterator[None]:
    """Note whether anything of the student's took part in the test: only then may a failure be held against them.

    A handle asks the worker for everything. Whatever else is among their `own` names can fail a test without that: a
    constant, and a mirrored network, whose attributes are here.
    """
    now.touched = any(type(value) is not Remote for value in own.values())
    ask = worker.request

    def request(*args: Any) -> Any:
        now.touched = True
        return ask(*args)

    worker.request = request  # type: ignore[method-assign, assignment]  # seen by the stubs, which ask the peer
    try:
        yield
    finally:
        del worker.request


@contextlib.contextmanager
def watchdog(seconds: float, now: Situation, deadline: float) -> Iterator[None]:
    """An `alarm` over a test, which notes whether the run's own time is up."""

    def late() -> None:
        now.deadline = time.monotonic() >= deadline

    with alarm(seconds, late):
        yield


@contextlib.contextmanager
def alarm(seconds: float, late: Callable[[], object] = bool) -> Iterator[None]:
    """Raise TestTimeout in the block after `seconds`: what a worker sends may keep this process busy for ever.

    `late` is called first. It rings again and again: what is raised while an object is being destroyed is lost.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(*_: object) -> None:
        late()
        raise TestTimeout

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.001), AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
