"""One question with everything warm: its reference, its tests, and a place to put another answer."""

from __future__ import annotations

import contextlib
import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from autograder import messages, seeds
from autograder.assertions import error_text, is_stub
from autograder.testing import LAW_BROKEN, assertion_text, probe_runner, run_test, spec_of
from starterkit.audit.boundary import Boundary
from starterkit.audit.stopping import Stopped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from types import CodeType

    from starterkit.model import Homework, Question, TestFunction
    from starterkit.runtime import Runtime

Kind = Literal["law", "exception", "time-out"]
PATIENCE = 8.0  # seconds of wall time per second of CPU time


class OutOfTime(BaseException):
    """A test used up its CPU time; no `except Exception` of a student's swallows it."""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """One test that failed: how, and the sentence a student reads."""

    test: str
    kind: Kind
    message: str
    staff: str = ""  # the exception itself, where the sentence hides it


@dataclass
class Bench:
    """Runs the tests of one question, in this process, on the reference or on code put in its place."""

    homework: Homework
    question: Question
    space: dict[str, Any]
    boundary: Boundary

    @classmethod
    def of(cls, homework: Homework, question: Question, runtime: Runtime) -> Bench:
        """Return the bench of a question; the runtime is active. Raises what the cells raise."""
        bench = cls(homework, question, runtime.namespace(question), Boundary())
        bench._wrap([name for other in homework.questions for name in other.names])
        return bench

    @property
    def tests(self) -> list[TestFunction]:
        """The tests that decide about points: all but the void ones."""
        return [test for test in self.question.tests if test.void is None]

    @property
    def points(self) -> float:
        """What the tests are worth together, bonus included."""
        return sum(test.points for test in self.tests)

    def function(self, test: TestFunction) -> Callable[..., Any]:
        """Return the test function itself."""
        found: Callable[..., Any] = self.space[test.name]
        return found

    @contextlib.contextmanager
    def holding(self, code: CodeType | None = None, names: Mapping[str, Any] | None = None) -> Iterator[None]:
        """While the block runs, the code has been executed over the reference, or `names` are bound. Raises what the
        code raises.
        """
        before = dict(self.space)
        try:
            if code is not None:
                exec(code, self.space)  # noqa: S102  # our own homework, mutated
                self._wrap(self.question.names)
            self.space.update(names or {})
            yield
        finally:
            self.space.clear()
            self.space.update(before)

    def _wrap(self, names: Sequence[str]) -> None:
        for name in names:
            if name in self.space:
                self.space[name] = self.boundary.wrap(self.space[name])

    def run(
        self, seed: int, *, stop: bool = False, tests: Sequence[TestFunction] | None = None, cpu_s: float = 10.0
    ) -> list[Failure]:
        """Return the tests that fail under the inputs number `seed`; with `stop`, at most the first."""
        failures: list[Failure] = []
        for test in self.tests if tests is None else tests:
            failure = self.attempt(test, seed, cpu_s)
            if failure is not None:
                failures.append(failure)
                if stop:
                    break
        return failures

    def judge(
        self, code: CodeType, seed: int, *, stop: bool = False, tests: Sequence[TestFunction] | None = None,
        cpu_s: float = 10.0,
    ) -> list[Failure]:  # fmt: skip
        """As `run`, on `code`. Code that cannot even be executed fails every test."""
        with contextlib.ExitStack() as held:
            try:
                with limited(cpu_s):
                    held.enter_context(self.holding(code))
            except OutOfTime:
                broken: tuple[Kind, str] = "time-out", messages.time_out(cpu_s, loading=True)
            except Exception as error:  # noqa: BLE001  # whatever a mutant raises
                said = messages.import_error(self.question.names[0], type(error).__name__, str(error), "")
                broken = "exception", said
            else:
                return self.run(seed, stop=stop, tests=tests, cpu_s=cpu_s)
        chosen = self.tests if tests is None else tests
        return [Failure(test=test.name, kind=broken[0], message=broken[1]) for test in chosen[: 1 if stop else None]]

    def attempt(self, test: TestFunction, seed: int, cpu_s: float) -> Failure | None:
        """Run one test, all its cases, with the grader's own seeds and dtypes."""
        function = self.function(test)
        cases = spec_of(function).cases or (None,)
        self.boundary.reset()
        try:
            with limited(test.timeout or cpu_s), probe_runner(self.boundary.probe):
                for number, case in enumerate(cases):
                    inner = self.seed(seed, test.name, number)
                    run_test(function, seed=inner - (number if case is not None else 0), case=case)
        except OutOfTime:
            return Failure(test=test.name, kind="time-out", message=messages.time_out(test.timeout or cpu_s))
        except BaseException as error:
            if isinstance(error, Stopped):
                raise
            if isinstance(error, KeyboardInterrupt | SystemExit) and error is not self.boundary.raised:
                raise
            return self._failure(test, error)
        return None

    def seed(self, number: int, test: str, case: int = 0) -> int:
        """Return the seed that the grader would use for a submission called "audit NUMBER"."""
        purpose = f"test {self.question.id} {test} case {case}"
        return seeds.derive(self.homework.course.secret, self.homework.name, f"audit {number}", purpose)

    def _failure(self, test: TestFunction, error: BaseException) -> Failure:
        foreign = error is self.boundary.raised
        if is_stub(error):
            return Failure(test=test.name, kind="exception", message=messages.not_attempted(self.question.id))
        if isinstance(error, AssertionError) and not foreign:
            said = messages.clean(assertion_text(error) or LAW_BROKEN, 1000)
            return Failure(test=test.name, kind="law", message=said)
        if foreign:
            said = messages.student_error(type(error).__name__, error_text(error), "", hidden=test.hidden)
        else:
            said = messages.unusable(None)
        staff = f"{type(error).__name__}: {messages.one_line(error_text(error), 200)}"
        return Failure(test=test.name, kind="exception", message=said, staff=staff)

    def earned(self, failures: Sequence[Failure]) -> float:
        """Return the points of a submission with these failures: nothing if a core test is among them."""
        failed = {failure.test for failure in failures}
        if any(test.core and test.name in failed for test in self.tests):
            return 0.0
        return sum(test.points for test in self.tests if test.name not in failed)

    def costs(self, failure: Failure) -> bool:
        """Whether a failure takes points away: that of its own test, or those behind a core test."""
        test = next(test for test in self.tests if test.name == failure.test)
        return test.points > 0 or test.core


@contextlib.contextmanager
def limited(cpu_s: float) -> Iterator[None]:
    """Raise OutOfTime in the block after so many CPU seconds, or eight times as many on the clock."""

    def ring(*_: object) -> None:
        raise OutOfTime

    before = signal.signal(signal.SIGPROF, ring), signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_PROF, cpu_s)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE * cpu_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGPROF, before[0])
        signal.signal(signal.SIGALRM, before[1])


def cpu_seconds(bench: Bench, test: TestFunction, seed: int) -> float:
    """Return the CPU seconds that a test takes on the reference in this process."""
    began = time.process_time()
    bench.attempt(test, seed, 60.0)
    return time.process_time() - began
