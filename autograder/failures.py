"""How student code fails: exceptions of its own, and the ways in which a worker is lost."""

# ruff: noqa: BLE001  (whatever a forged description breaks is a breach)
from __future__ import annotations

import builtins
import re
import signal
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from autograder.wire import ProtocolError

Reason = Literal["crashed", "cpu", "wall", "memory", "output", "protocol", "import"]
KILLED = f"ended by signal {signal.SIGKILL:d} "
"""How the detail of a lost worker starts that somebody killed: the machine when memory was short, or its own code."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a worker may use; times are per outermost call, memory is growth over the freshly forked process."""

    cpu_s: float = 10
    wall_s: float = 40
    memory_mb: int = 2048
    disk_mb: int = 128
    output_kb: int = 64
    files: int = 256
    threads: int = 64


@dataclass(frozen=True)
class Exit:
    """How a worker ended: exit status (negative: signal), CPU seconds, peak memory in MiB."""

    status: int
    cpu_s: float
    peak_mb: int


class WorkerLost(BaseException):
    """The worker is gone. Not an Exception, so that `raises(Exception)` in a test cannot turn a crash into a pass."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason: Reason = reason
        self.detail = detail


class StudentError(Exception):
    """The student's code raised `type_name` with `text`; `frames` are (file, function, line) of the student's pieces.

    Innermost last.

    Also an instance of the built-in error of that name, or of the built-in that it derives from, when there is a
    harmless one.
    """

    type_name: str = "Exception"
    text: str = ""
    frames: Sequence[tuple[str, str, int]] = ()

    def __str__(self) -> str:
        return self.text


_SAFE: dict[str, type[Exception]] = {
    n: t for n, t in vars(builtins).items()
    if isinstance(t, type) and issubclass(t, Exception) and t not in (Exception, StopIteration, StopAsyncIteration)
    and not issubclass(t, OSError | UnicodeError | Warning) and not n.endswith("Group")
}  # fmt: skip
_ESCAPES = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]{0,500}(\x07|\x1b\\)?|.)?")


def clean(text: str, limit: int = 4000) -> str:
    """`text` without terminal escapes, control, bidi or unpaired surrogate characters, cut at `limit`."""
    text = _ESCAPES.sub("", text[: limit * 4])
    if not (text.isascii() and text.isprintable()):
        text = "".join(
            c if c in "\n\t" or unicodedata.category(c)[0] != "C" else "\N{REPLACEMENT CHARACTER}" for c in text
        )
    return text[:limit] + (" [cut]" if len(text) > limit else "")


def told(text: Any, limit: int = 4000) -> str:
    """`clean` for what a worker says is a text: the text of anything else is made here, and may take for ever."""
    if type(text) is not str:
        raise ProtocolError("no text")
    return clean(text, limit)


def student_error(description: Any) -> StudentError:
    """The exception for a worker's error description ``[names, text, frames, …]``; ProtocolError if it is malformed."""
    try:
        names, text, frames = [told(n, 80) for n in description[0][:20]], told(description[1]), description[2][:8]
        places = [(told(f, 80), told(function, 80), int(line)) for f, function, line in frames]
        name = names[0]
    except Exception:
        raise ProtocolError("malformed error") from None
    base = next((_SAFE[n] for n in names if n in _SAFE), None)
    kind = type(
        name if name.isidentifier() else "Error",
        (StudentError, base) if base else (StudentError,),
        {"__module__": "student"},
    )
    made: StudentError = kind(text)
    made.type_name, made.text, made.frames = name, text, places
    return made


def cause_of_death(end: Exit, limits: Limits) -> tuple[Reason, str]:
    """Reason and sentence for a process that ended by itself."""
    if end.status == -signal.SIGXCPU:
        return "cpu", "used up its processor time"
    if end.status == -signal.SIGXFSZ:
        return "output", f"wrote a file larger than {limits.disk_mb} MiB"
    if end.status < 0:
        try:
            name = signal.strsignal(-end.status) or str(-end.status)
        except ValueError:
            name = str(-end.status)
        return "crashed", f"ended by signal {-end.status} ({name})"
    return "crashed", f"the process ended itself with exit code {end.status}"
