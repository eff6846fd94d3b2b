"""Ctrl-C and SIGTERM: the part at hand ends at once, and what is known by then is still printed and written."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from dataclasses import dataclass

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopped(BaseException):
    """Somebody wants the audit to end; no `except Exception` of a student's swallows it."""


@dataclass
class Stop:
    """`pressed` as soon as a signal has come, whatever became of the exception; `over` when none is of use any more."""

    pressed: bool = False
    over: bool = False

    def check(self) -> None:
        """Raise Stopped if a signal has come."""
        if self.pressed:
            raise Stopped


@contextlib.contextmanager
def stoppable() -> Iterator[Stop]:
    """While the block runs, the first signal raises Stopped in it, and further ones change nothing: the report is
    being written. Call it in the main thread.
    """
    stop = Stop()

    def ring(*_: object) -> None:
        if not (stop.pressed or stop.over):
            stop.pressed = True
            raise Stopped

    before = {number: signal.signal(number, ring) for number in SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def held_back() -> Iterator[None]:
    """While the block runs, signals wait: a process between fork and its own handlers must not act as its parent."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def as_a_worker() -> None:
    """In a forked process: Ctrl-C is the parent's business, SIGTERM ends this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
