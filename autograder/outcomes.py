"""What can happen to a test, and the verdict that follows from what was raised: the ladder.

Points are awarded for PASSED, VOID and OUR_FAULT. OUR_FAULT is reserved for failures that no student could have caused:
as soon as anything of theirs took part in the test, a failure counts as theirs, or a submission could earn points by
breaking the grader.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from autograder import messages
from autograder.assertions import error_text, is_stub
from autograder.testing import LAW_BROKEN, LawViolation, assertion_text
from autograder.wire import CannotCross
from autograder.worker import Limits, StudentError, WorkerLost

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from autograder.manifest import Question, Test


class Outcome(str, enum.Enum):
    """How a test ended; the value is what `extra_data` and the staff report show."""

    PASSED = "passed"
    WRONG = "wrong"
    WRONG_SHAPE = "wrong_shape"
    WRONG_DTYPE = "wrong_dtype"
    NOT_FINITE = "not_finite"
    NOT_ATTEMPTED = "not_attempted"
    MISSING = "missing"
    IMPORT_ERROR = "import_error"
    STUDENT_ERROR = "student_error"
    UNUSABLE = "unusable"
    CRASHED = "crashed"
    TIME_OUT = "time_out"
    MEMORY = "memory"
    OUTPUT_FLOOD = "output_flood"
    PROTOCOL = "protocol"
    UNAVAILABLE_LIBRARY = "unavailable_library"
    GATED = "gated"
    VOID = "void"
    UNREADABLE = "unreadable"
    NOT_REACHED = "not_reached"
    NOT_GRADED = "not_graded"
    OUR_FAULT = "our_fault"

    @property
    def earns(self) -> bool:
        """Whether the test's points are awarded."""
        return self in {Outcome.PASSED, Outcome.VOID, Outcome.OUR_FAULT}


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """An outcome, its sentence for the student, and what only staff may read."""

    outcome: Outcome
    sentence: str
    staff: str = ""
    output: str = ""  # what the student's code printed
    seconds: float = 0.0
    whole: bool = False  # it would befall every case of the test alike


@dataclass(kw_only=True)
class Situation:
    """What is known about a test when it ends."""

    question: Question
    test: Test
    limits: Limits
    ids: frozenset[str]  # all question ids of the homework
    files: Mapping[str, int] = field(default_factory=dict)  # labels of the student's cells, and their last lines
    loading: bool = False  # the student's definitions are being executed
    touched: bool = False  # something of the student's took part: a call, a probe, a constant
    probe_error: BaseException | None = None  # what a probe of this test raised last
    deadline: bool = False  # the whole run's time is over
    absent: Mapping[str, Verdict] = field(default_factory=dict)  # verdicts for names that are not there
    unread: Mapping[str, str] = field(default_factory=dict)  # name -> why the student's definition could not be read


class TestTimeout(BaseException):
    """The test itself ran too long; a BaseException so that no `except Exception` of a test swallows it."""

    __test__ = False


_PLAIN = frozenset({"bool", "bytes", "dict", "float", "function", "generator", "int", "list", "set", "str", "tuple"})
_KINDS = {"shape": Outcome.WRONG_SHAPE, "dtype": Outcome.WRONG_DTYPE, "not_finite": Outcome.NOT_FINITE}
_LOST = {
    "cpu": Outcome.TIME_OUT,
    "wall": Outcome.TIME_OUT,
    "memory": Outcome.MEMORY,
    "output": Outcome.OUTPUT_FLOOD,
    "protocol": Outcome.PROTOCOL,
}


def passed() -> Verdict:
    """The law holds."""
    return Verdict(outcome=Outcome.PASSED, sentence=messages.PASSED)


def our_fault(staff: str = "") -> Verdict:
    """Nothing of the student's took part in the failure."""
    return Verdict(outcome=Outcome.OUR_FAULT, sentence=messages.OUR_FAULT, staff=staff)


def judge(exc: BaseException, now: Situation) -> Verdict:
    """The verdict on what a test raised. Never raises; `staff` is left to the caller, who holds the traceback."""
    if isinstance(exc, WorkerLost):
        return _lost(exc, now)
    if isinstance(exc, TestTimeout):
        if now.deadline:
            return Verdict(outcome=Outcome.NOT_REACHED, sentence=messages.NOT_REACHED, whole=True)
        return Verdict(outcome=Outcome.TIME_OUT, sentence=messages.time_out(_cpu(now)))
    if isinstance(exc, StudentError):
        return _student(exc, now)
    if isinstance(exc, AssertionError):
        kind = exc.kind if isinstance(exc, LawViolation) else "law"
        said = messages.clean(assertion_text(exc) or LAW_BROKEN, 1000)
        return Verdict(outcome=_KINDS.get(kind, Outcome.WRONG), sentence=said)
    if isinstance(exc, NameError) and (lacking := now.absent.get(str(exc.name))) is not None:
        return lacking
    if now.loading:  # their definitions were running, so it cannot be ours to award points for
        return Verdict(outcome=Outcome.PROTOCOL, sentence=_sentence_lost("protocol", now))
    through = getattr(exc, "passed_through", None)
    if through is not None:  # a function of the test's failed on what their code called it with
        said = messages.misused(type(exc).__name__, _where(through, now))
        return Verdict(outcome=Outcome.STUDENT_ERROR, sentence=said)
    if now.touched:
        return _unusable(exc)
    return Verdict(outcome=Outcome.NOT_GRADED, sentence=messages.NOT_GRADED) if _scarce(exc) else our_fault()


def _scarce(exc: BaseException) -> bool:
    """Memory or the GPU failed: a worker shares them, so that a submission could bring it about before it is called."""
    if isinstance(exc, RuntimeError):
        return re.search("memory|cuda|cublas|cudnn", error_text(exc), re.IGNORECASE) is not None
    return isinstance(exc, MemoryError)


def _unusable(exc: BaseException) -> Verdict:
    """Self-grading has shown that the test can use what the reference returns; so it is what theirs returned."""
    if "object is not callable" in error_text(exc):
        return Verdict(outcome=Outcome.UNUSABLE, sentence=messages.NOT_CALLABLE)
    found = re.search(r"'(NoneType|[a-z]{3,12})' object|object of type '(NoneType|[a-z]{3,12})'", error_text(exc))
    kind = (found.group(1) or found.group(2)) if found else None
    returned = "None" if kind == "NoneType" else f"a value of type {kind}" if kind in _PLAIN else None
    return Verdict(outcome=Outcome.UNUSABLE, sentence=messages.unusable(returned))


def _where(frames: Sequence[tuple[str, str, int]], now: Situation) -> str:
    """Their innermost line, "" if there is none that may be shown."""
    return next((p for file, _, line in reversed(frames) if (p := messages.place(file, line, now.files))), "")


def _cpu(now: Situation) -> float:
    return now.limits.cpu_s


def _lost(exc: WorkerLost, now: Situation) -> Verdict:
    reason = _reason(exc)
    return Verdict(outcome=_LOST.get(reason, Outcome.CRASHED), sentence=_sentence_lost(reason, now))


def _reason(exc: WorkerLost) -> str:
    """Why the worker was lost; one lost while loading says "import", and the why in its detail."""
    if exc.reason != "import":
        return exc.reason
    words = {"processor time": "cpu", "no answer": "wall", "memory": "memory", "printed": "output", "wrote": "output"}
    return next((reason for word, reason in words.items() if word in exc.detail), "crashed")


def _sentence_lost(reason: str, now: Situation) -> str:
    return messages.lost(reason, memory_mb=now.limits.memory_mb, cpu_s=_cpu(now), loading=now.loading)


def _student(exc: StudentError, now: Situation) -> Verdict:
    stub = error_text(exc).removeprefix("Question ").strip().rstrip(".") if is_stub(exc) else None
    if stub in now.ids:
        attempt = next((name for name in now.question.names if name in now.unread), None)
        if stub == now.question.id and attempt is not None:  # an attempt that does not parse leaves the stub above it
            return Verdict(outcome=Outcome.MISSING, sentence=messages.missing(attempt, now.unread[attempt]), whole=True)
        sentence = messages.not_attempted(stub) if stub == now.question.id else messages.depends(stub)
        return Verdict(outcome=Outcome.NOT_ATTEMPTED, sentence=sentence, whole=True)
    name = re.match(r"name '(\w+)' is not defined", exc.text) if exc.type_name == "NameError" else None
    if name is not None and name.group(1) in now.absent:
        return now.absent[name.group(1)]
    where = _where(exc.frames, now)
    if exc is now.probe_error and not where:
        return _unusable(exc)
    if exc.type_name == CannotCross.__name__:
        sentence = messages.uncarried(exc.text, where, hidden=now.test.hidden)
        return Verdict(outcome=Outcome.UNUSABLE, sentence=sentence)
    if exc.type_name == "MemoryError" or "can't allocate memory" in exc.text:
        return Verdict(outcome=Outcome.MEMORY, sentence=_sentence_lost("memory", now))
    sentence = messages.student_error(exc.type_name, exc.text, where, hidden=now.test.hidden)
    return Verdict(outcome=Outcome.STUDENT_ERROR, sentence=sentence)
