"""Warm workers: results by key, lost ones named, the innocent job behind a lost one done by another."""

from __future__ import annotations

import os
import signal
import time

import pytest

from starterkit.audit import executor


def test_every_job_gets_its_result() -> None:
    """Results come back under their keys, whatever the order of the workers, and across recycled workers."""
    heard = []
    found = executor.each(
        lambda n: n * n, [(n, n) for n in range(50)], workers=2, recycle=7, told=lambda k, _: heard.append(k)
    )
    assert found == {n: n * n for n in range(50)}
    assert sorted(heard) == list(range(50))


def test_a_crash_costs_one_job() -> None:
    """A job that kills its worker is lost by signal; all others are done."""

    def task(n: int) -> int:
        if n == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return n

    found = executor.each(task, [(n, n) for n in range(8)], workers=2)
    assert found.pop(3) == executor.Lost("crashed by signal 9")
    assert found == {n: n for n in range(8) if n != 3}


def test_a_job_that_never_answers_is_lost() -> None:
    """A job that blocks past its wall time is given up."""

    def task(n: int) -> int:
        while n == 0:
            time.sleep(60)
        return n

    assert executor.each(task, [(n, n) for n in range(3)], workers=1, wall_s=1.5) == {
        0: executor.Lost("no answer"),
        1: 1,
        2: 2,
    }


def test_an_error_of_the_task_is_ours() -> None:
    """What the task raises ends the run with the worker's traceback."""
    with pytest.raises(executor.TaskError, match="ZeroDivisionError"):
        executor.each(lambda n: 1 // n, [(0, 0)], workers=1)


def test_isolated_jobs_have_processes_of_their_own() -> None:
    """Every job of `isolated` runs under another process id."""
    pids = executor.isolated(lambda _: os.getpid(), [(n, n) for n in range(5)], workers=2)
    assert len(set(pids.values())) == 5
