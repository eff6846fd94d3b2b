"""Warm workers: forked once with everything loaded, given one small job after another, replaced when they are lost.

Only for one torch thread and no multi-threaded maths before: a forked child has none of its parent's threads.
"""

from __future__ import annotations

import contextlib
import multiprocessing.connection as mpc
import os
import resource
import signal
import time
import traceback
import warnings
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from multiprocessing import Pipe
from typing import Any

from starterkit.audit.stopping import as_a_worker, held_back

RECYCLE = 200  # jobs, after which what a mutant may have spoiled goes with the process
WALL_S = 120.0  # without an answer: stuck in C code, where no Python signal handler runs
MEMORY = 4 << 30  # bytes of address space beyond what a worker starts with
JOBS = max(1, min(8, os.cpu_count() or 1))

Task = Callable[[Any], Any]
Told = Callable[[Any, Any], None]


@dataclass(frozen=True)
class Lost:
    """A job whose worker died or never answered."""

    reason: str


class TaskError(RuntimeError):
    """The task itself raised: a mistake of the audit's, with the worker's traceback."""


@dataclass
class _Worker:
    pid: int
    pipe: Any
    jobs: deque[tuple[Any, Any]] = field(default_factory=deque)
    served: int = 0
    since: float = field(default_factory=time.monotonic)


def each(  # noqa: PLR0913  (keywords, each said where it is called)
    task: Task, jobs: Iterable[tuple[Any, Any]], *, workers: int = JOBS, recycle: int = RECYCLE,
    told: Told | None = None, wall_s: float = WALL_S,
) -> dict[Any, Any]:  # fmt: skip
    """Return {key: task(payload)} over jobs (key, payload); a `Lost` where the worker was. `told(key, result)` hears
    each at once. Results must be picklable; the task and what it closes over travel by the fork. Raises TaskError.
    """
    return _Pool(task, deque(jobs), workers, recycle, told, wall_s).run()


def isolated(
    task: Task, jobs: Iterable[tuple[Any, Any]], *, workers: int = JOBS, told: Told | None = None,
    wall_s: float = WALL_S,
) -> dict[Any, Any]:  # fmt: skip
    """As `each`, every job in a worker of its own."""
    return each(task, jobs, workers=workers, recycle=1, told=told, wall_s=wall_s)


class _Pool:
    def __init__(  # noqa: PLR0913, PLR0917  (built in one place)
        self, task: Task, jobs: deque[tuple[Any, Any]], workers: int, recycle: int, told: Told | None, wall_s: float
    ) -> None:
        self.task, self.jobs, self.size, self.recycle, self.told = task, jobs, workers, recycle, told
        self.wall_s = wall_s
        self.live: dict[Any, _Worker] = {}
        self.results: dict[Any, Any] = {}

    def run(self) -> dict[Any, Any]:
        try:
            while self.jobs or self.live:
                while self.jobs and len(self.live) < self.size:
                    self._start()
                ready = mpc.wait(list(self.live), timeout=1.0)
                for pipe in ready:
                    self._hear(self.live[pipe])
                for worker in list(self.live.values()):
                    if time.monotonic() - worker.since > self.wall_s:
                        self._lose(worker, "no answer")
        finally:
            for worker in list(self.live.values()):
                self._end(worker)
        return self.results

    def _start(self) -> None:
        ours, theirs = Pipe()
        with held_back():
            pid = os.fork()
            if pid == 0:
                _serve(theirs, self.task, [ours, *self.live])
            worker = self.live[ours] = _Worker(pid, ours)
        theirs.close()
        self._feed(worker)

    def _feed(self, worker: _Worker) -> None:
        """Keep one job in hand beside the one being done."""
        while self.jobs and len(worker.jobs) < 2 and worker.served + len(worker.jobs) < self.recycle:
            job = self.jobs.popleft()
            worker.jobs.append(job)
            try:
                worker.pipe.send(job[1])
            except OSError:
                return  # it is dead: the next read says so
        if not worker.jobs:
            self._end(worker)

    def _hear(self, worker: _Worker) -> None:
        try:
            good, result = worker.pipe.recv()
        except (EOFError, OSError):
            self._lose(worker, "crashed")
            return
        key, _ = worker.jobs.popleft()
        if not good:
            raise TaskError(f"{key}: {result}")
        self._done(key, result)
        worker.served, worker.since = worker.served + 1, time.monotonic()
        self._feed(worker)

    def _done(self, key: Any, result: Any) -> None:
        self.results[key] = result
        if self.told:
            self.told(key, result)

    def _lose(self, worker: _Worker, reason: str) -> None:
        status = self._end(worker)
        self.jobs.extendleft(reversed(list(worker.jobs)[1:]))  # not begun: another worker's
        if worker.jobs:
            detail = f" by signal {os.WTERMSIG(status)}" if reason == "crashed" and os.WIFSIGNALED(status) else ""
            self._done(worker.jobs[0][0], Lost(reason + detail))

    def _end(self, worker: _Worker) -> int:
        self.live.pop(worker.pipe, None)
        worker.pipe.close()
        if worker.jobs:
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker.pid, signal.SIGKILL)
        return os.waitpid(worker.pid, 0)[1]


def _serve(pipe: Any, task: Task, others: list[Any]) -> None:
    """The worker: answer until the pipe closes. It leaves by `os._exit`, past its parent's clean-up."""
    try:
        as_a_worker()
        for other in others:
            other.close()
        warnings.simplefilter("ignore")
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
        _limit_memory()
        _seed_cheaply()
        while True:
            try:
                payload = pipe.recv()
            except EOFError:
                break
            try:
                answer = True, task(payload)
            except BaseException:  # noqa: BLE001  # the parent raises it
                answer = False, traceback.format_exc()
            pipe.send(answer)
    finally:
        os._exit(0)


def _seed_cheaply() -> None:
    """Let torch.manual_seed seed the CPU alone: for a GPU that is not there it formats a stack trace, 1 ms a time."""
    import torch

    if not torch.cuda.is_available():
        torch.manual_seed = torch.default_generator.manual_seed


def _limit_memory() -> None:
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123
        size = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY, size + MEMORY))
