"""One test against one fresh worker: load the student's definitions, lend their names to the test, run it, judge it."""

from __future__ import annotations

import gc
import re
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

from autograder import messages, seeds
from autograder.ceiling import lifted, private_mb
from autograder.contexts import lent, probes, watchdog, watched
from autograder.failures import KILLED
from autograder.modules import HWKIT
from autograder.outcomes import Outcome, Situation, Verdict, judge, passed
from autograder.rng import make_rng, seed_everything
from autograder.sandbox import IsolationError
from autograder.specs import TestSpec
from autograder.testing import default_dtype
from autograder.worker import Limits, LoadReport, Piece, Program, Worker, WorkerLost

if TYPE_CHECKING:
    import types
    from collections.abc import Callable, Mapping, Sequence

    from autograder.manifest import Manifest, Question, Test
    from autograder.reading import Reading
    from autograder.server import Server

PATIENCE = 2.0  # times the wall limit of one call: what a whole test may take
MUCH_MB = 128  # that a test may leave behind
SOBER = 2  # time-outs after which the other tests of a question get less time


class NoWorker(Exception):  # noqa: N818  (a state of the machine)
    """No worker is to be had; the run cannot go on."""


@dataclass(kw_only=True)
class Lab:
    """What all tests of one submission share."""

    manifest: Manifest
    reading: Reading
    server: Server
    modules: Mapping[str, str]
    data: Mapping[str, bytes]
    device: str = "cpu"
    verbose: bool = False
    notes: set[str] = field(default_factory=set)  # for staff
    imports: set[str] | None = None  # what workers imported after the fork, if that is to be noted
    holds_value: Callable[[str], bool] = lambda _: False  # whether a graded name is a constant, by the reference's text
    settled_mb: int = field(default_factory=private_mb)  # the grader's own memory when it was last tidied up
    deadline: float = float("inf")  # time.monotonic() at which the run must be over

    def left(self) -> float:
        """Seconds until the run's deadline."""
        return self.deadline - time.monotonic()

    def seed(self, purpose: str) -> int:
        """The seed of this submission for `purpose`."""
        return seeds.derive(self.manifest.secret, self.manifest.homework, self.reading.digest, purpose)


@dataclass(kw_only=True)
class Bench:
    """What the tests of one question share: the program, the reference's functions lent to it, and what went wrong."""

    lab: Lab
    question: Question
    lent: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    stuck: Verdict | None = None  # the definitions themselves never end, or kill: tried once per question
    time_outs: int = 0
    worker: Worker | None = None  # kept between tests on a GPU only
    limits: Limits | None = None
    report: LoadReport | None = None
    killed: bool = False  # the last test lost its worker to a signal that nobody here sent

    def program(self) -> Program:
        """What the worker executes: given modules and cells from the bundle, the student's pieces from the reading."""
        given: list[Piece] = [
            {"file": f"given cell {g.key}", "line": g.line, "source": g.source, "names": list(g.names), "cell": 0}
            for g in self.lab.manifest.given
        ]
        pieces = cast("list[Piece]", self.lab.reading.programs.get(self.question.id, []))
        known = self.lab.server.modules
        modules = {
            name: source
            for name, source in {**self.lab.reading.modules, **self.lab.modules}.items()
            if known.get(name) != source
        }
        data = dict(self.lab.data) if self._reads_data([*given, *pieces]) else {}
        return {"modules": modules, "data": data, "given": given, "pieces": pieces}

    def _reads_data(self, pieces: Sequence[Piece]) -> bool:
        """Whether the program names a module that may read the data files: they cost every worker a copy."""
        readers = set(self.lab.modules) - {HWKIT}
        return any(name in piece["source"] for piece in pieces for name in (*readers, *self.lab.data))

    def limits_for(self, test: Test) -> Limits:
        """Limits of one call; shorter once a question has run out of time twice, so that the others are reached."""
        known = self.lab.manifest.limits
        cpu = test.timeout or known.cpu_s
        wall = known.wall_s * max(1.0, cpu / known.cpu_s)
        if self.time_outs >= SOBER and not test.heavy:  # both clocks: one that sleeps uses no processor time
            less = max(min(cpu, 2.0), cpu / 5)
            cpu, wall = less, wall * less / cpu
        return Limits(cpu_s=cpu, wall_s=wall, memory_mb=known.memory_mb)

    def close(self) -> None:
        """End the kept worker, if any."""
        if self.worker is not None:
            self.worker.close()
        self.worker = None


@dataclass(frozen=True, kw_only=True)
class Run:
    """One item: the test, its function, the module it lives in, its arguments, and which case it is."""

    test: Test
    spec: TestSpec
    function: Callable[..., Any]
    module: types.ModuleType
    arguments: Mapping[str, Any]
    case: int = 0
    describe: Callable[[BaseException], str] = str  # the traceback as staff read it


def attempt(bench: Bench, run: Run) -> Verdict:
    """The verdict on one test item. A test runs again in a fresh worker when it failed in a used one, which happens on
    a GPU only, and when its worker was killed: by the machine, or by the student's code, which will do so again.
    """
    used = bench.worker is not None
    verdict = _attempt(bench, run, used=used)
    if (used and verdict.outcome is not Outcome.PASSED) or bench.killed:
        bench.close()
        bench.killed, bench.stuck = False, None
        verdict = _attempt(bench, run, used=False)
        bench.killed = False
    if verdict.outcome is Outcome.TIME_OUT:
        bench.time_outs += 1
    settle(bench.lab)
    return verdict


def settle(lab: Lab) -> None:
    """Free what a test has left in cycles, if it is much: a worker and its stand-ins, an error and its frames.

    Python would get round to it in time; until then a test would pay for the megabytes of those before it.
    """
    if private_mb() > lab.settled_mb + MUCH_MB:
        gc.collect()
        lab.settled_mb = private_mb()


def _attempt(bench: Bench, run: Run, *, used: bool) -> Verdict:
    if bench.stuck is not None:
        return bench.stuck
    if bench.lab.left() <= 0:
        return Verdict(outcome=Outcome.NOT_REACHED, sentence=messages.NOT_REACHED, whole=True)
    limits = bench.limits_for(run.test)
    now = Situation(
        question=bench.question, test=run.test, limits=limits,
        ids=frozenset(q.id for q in bench.lab.manifest.questions), files=bench.lab.reading.files(bench.question.id),
        unread=bench.lab.reading.missing,
    )  # fmt: skip
    started, staff = time.monotonic(), ""
    try:
        with watchdog(min(PATIENCE * limits.wall_s, bench.lab.left()), now, bench.lab.deadline):
            verdict = _run(bench, run, limits, now)
    except (KeyboardInterrupt, NoWorker):
        bench.close()
        raise
    except BaseException as exc:  # noqa: BLE001  (WorkerLost and pytest's outcomes are BaseExceptions)
        with lifted():
            now.touched = now.touched or (not now.loading and _met_a_value(bench, run))
            verdict, staff = judge(exc, now), _described(run, exc)
        bench.killed = isinstance(exc, WorkerLost) and exc.detail.startswith(KILLED)
        if now.loading and not used and not isinstance(exc, Exception):
            bench.stuck = verdict = replace(verdict, staff=staff, whole=True)
    output = _retire(bench, verdict)
    return replace(verdict, staff=staff or verdict.staff, output=output, seconds=time.monotonic() - started)


def _run(bench: Bench, run: Run, limits: Limits, now: Situation) -> Verdict:
    now.loading = True  # until the names are bound, a failure is never ours: their definitions are running
    worker = _worker(bench, run, limits)
    names = sorted({*bench.question.names, *(n for t in bench.question.tests for n in t.uses)} - set(bench.lent))
    own = worker.bind(names)
    bound = {**own, **bench.lent}
    now.absent = absent(bench, frozenset(bound))
    needed = run.test.uses or bench.question.names
    if (lacking := next((n for n in needed if n in now.absent), None)) is not None:
        return now.absent[lacking]
    now.loading = False
    item = f"{bench.question.id} {run.test.name} case {run.case}"
    seed, apart = bench.lab.seed(f"test {item}"), bench.lab.seed(f"globals {item}")
    watching = watched(worker, own, now)
    with lent(run.module, bound), default_dtype(run.spec), probes(worker, run.module, now), watching:
        seed_everything(apart)  # whoever is handed the test's generator can read its seed
        arguments = dict(run.arguments)
        if "rng" in arguments:
            arguments["rng"] = make_rng(seed)
        run.function(**arguments)
    if bench.lab.imports is not None:
        bench.lab.imports.update(worker.imported())
    return passed()


def _worker(bench: Bench, run: Run, limits: Limits) -> Worker:
    """A worker with everything loaded: fresh for each test, on a GPU the question's own."""
    if bench.worker is not None and bench.limits == limits:
        return bench.worker
    bench.close()
    lab = bench.lab
    names = [name for cell in lab.manifest.given for name in cell.names]
    given = {n: c for n in names if isinstance(c := run.module.__dict__.get(n), type)}
    seed = lab.seed(f"worker {bench.question.id} {run.test.name} case {run.case}")
    worker = _spawned(lab, limits, seed, given)
    bench.worker, bench.limits = worker, limits
    bench.report = worker.load(bench.program())
    lab.notes |= {
        f"given code failed in a worker: {error.get('type')}: {error.get('text')} ({error.get('file')})"
        for error in bench.report.errors if error.get("given")
    }  # fmt: skip
    if bench.lent:
        worker.rebind(bench.lent)
    return worker


def _spawned(lab: Lab, limits: Limits, seed: int, given: Mapping[str, type]) -> Worker:
    """A worker, at the second try if need be: no student code runs in it yet, so a failure is the machine's."""
    for last in (False, True):
        try:
            return lab.server.spawn(limits, seed=seed, device=lab.device, given=given)
        except (Exception, WorkerLost) as error:
            if last or isinstance(error, IsolationError):
                raise NoWorker(f"no worker could be started: {type(error).__name__}: {error}") from error
    raise AssertionError("unreachable")


def absent(bench: Bench, bound: frozenset[str]) -> dict[str, Verdict]:
    """A verdict for every name that cannot be used: not defined, failed to run, or without its library."""
    reading, report = bench.lab.reading, bench.report
    out = {}
    for name in bench.lab.manifest.owner():
        if name not in bound:
            sentence = messages.missing(name, reading.missing.get(name))
            out[name] = Verdict(outcome=Outcome.MISSING, sentence=sentence, whole=True)
    packages = reading.unavailable.get(bench.question.id, [])
    for error in report.errors if report is not None else ():
        for name in error.get("names", ()):
            if name not in bound and name not in reading.missing:
                out[name] = _broken(name, error, packages, bench)
    return out


def _broken(name: str, error: Mapping[str, Any], packages: list[str], bench: Bench) -> Verdict:
    kind, text = error.get("type"), error.get("text")
    wanted = [p for p in packages if re.search(rf"\b{re.escape(p)}\b", str(text))]
    if kind in {"ModuleNotFoundError", "ImportError"} and wanted:
        sentence = messages.unavailable(name, wanted, bench.lab.manifest.packages)
        return Verdict(outcome=Outcome.UNAVAILABLE_LIBRARY, sentence=sentence, whole=True)
    where = messages.place(error.get("file"), error.get("line"), bench.lab.reading.files(bench.question.id))
    return Verdict(outcome=Outcome.IMPORT_ERROR, sentence=messages.import_error(name, kind, text, where), whole=True)


def _met_a_value(bench: Bench, run: Run) -> bool:
    """Whether the test takes a number or a network from the submission: a function under that name fails it unasked."""
    return any(bench.lab.holds_value(name) for name in run.test.uses or bench.question.names)


def _described(run: Run, exc: BaseException) -> str:
    try:
        return messages.clean(run.describe(exc), 8000)
    except BaseException:  # noqa: BLE001  (it shows values that came from the worker, which may be gone)
        return f"{type(exc).__name__} (its traceback could not be shown)"


def _retire(bench: Bench, verdict: Verdict) -> str:
    """What the student's code printed; ends the worker unless it may serve the next test."""
    worker = bench.worker
    if worker is None:
        return ""
    if bench.lab.device == "cpu" or verdict.outcome is not Outcome.PASSED:
        bench.close()  # which reads the rest of its output
    return messages.clean(worker.output, 4000)
