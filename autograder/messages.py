"""Sentences a student reads, and the cleaning that makes foreign text inert. Standard library only.

Nothing that a student's code wrote reaches a result without `clean`: no escape sequences, no control or bidirectional
characters, no lone surrogates, bounded length, bounded lines.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_MARKS = 2  # combining marks on one letter; more hide the lines around it
LINE = 300  # characters of one sentence of foreign text
PARTLY = (
    "Part of the grading went wrong on our side; the course staff have been told. Points may still be added, "
    "none will be taken away."
)
OUR_FAULT = "Something went wrong on our side; the course staff have been told. You lose no points for it now."
NOT_GRADED = (
    "Your submission has not been graded: something went wrong on our side. This is no judgement of your work; "
    "the course staff will grade it again."
)

_ESCAPES = re.compile(
    r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?"  # operating system commands: links, titles, clipboard
    r"|[\x1b\x9b][\[\]()#;?]*(?:[0-9]{1,4}(?:;[0-9]{0,4})*)?[0-9A-ORZcf-nqry=><~]?"  # colours, cursor movements
)
_BUILTIN_ERRORS = frozenset({
    "ArithmeticError", "AssertionError", "AttributeError", "BufferError", "EOFError", "FloatingPointError",
    "FileNotFoundError", "ImportError", "IndentationError", "IndexError", "KeyError", "LookupError", "MemoryError",
    "ModuleNotFoundError", "NameError", "NotImplementedError", "OSError", "OverflowError", "PermissionError",
    "RecursionError", "RuntimeError", "StopIteration", "SyntaxError", "SystemExit", "TabError", "TypeError",
    "UnboundLocalError", "UnicodeDecodeError", "UnicodeEncodeError", "ValueError", "ZeroDivisionError",
})  # fmt: skip


def clean(text: object, limit: int = 10_000, *, lines: int | None = None) -> str:
    """`text` made inert: plain characters, spaces and newlines, at most `limit` characters and `lines` lines."""
    raw = text if isinstance(text, str) else repr(text)
    if len(raw) <= limit and lines is None and raw.isascii() and raw.replace("\n", "").isprintable():
        return raw  # most texts: results are rewritten after every test
    raw = raw[: 4 * limit + 1000].replace("\r\n", "\n").replace("\r", "\n")
    raw = re.sub("[\u2028\u2029\x0b\x0c\x85]", "\n", _ESCAPES.sub("", raw)).expandtabs(4)
    kept, marks = [], 0
    for char in raw:
        kind = unicodedata.category(char)
        marks = marks + 1 if kind[0] == "M" else 0
        if char == "\n" or (kind[0] != "C" and marks <= _MARKS):
            kept.append(char)
    out = "".join(kept)
    if lines is not None:
        out = "\n".join(out.split("\n")[:lines])
    return out if len(out) <= limit else out[: max(limit - 2, 0)] + " …"


def one_line(text: object, limit: int = LINE) -> str:
    """`clean` for a single line: its line breaks become spaces."""
    return clean(" ".join(str(text).split()) if isinstance(text, str) else text, limit).replace("\n", " ").strip()


def plural(count: float, noun: str) -> str:
    """`3 points`, `1 point`, `0.5 points`."""
    return f"{count:g} {noun}" if count == 1 else f"{count:g} {noun}s"


def listed(names: list[str] | tuple[str, ...]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else ""


def place(file: object, line: object, known: Mapping[str, int]) -> str:
    """`cell 7, line 3`, only for a file and up to a line that are `known`: names and numbers can be made up."""
    if not isinstance(file, str) or file not in known:
        return ""
    label = one_line(file, 90)
    return f"{label}, line {line}" if isinstance(line, int) and 0 < line <= known[file] else label


def error_name(name: object) -> str:
    """The type of an exception when it is a built-in one; another name may carry a message out, so it is not shown."""
    return name if isinstance(name, str) and name in _BUILTIN_ERRORS else "an exception of its own"


def student_error(kind: object, text: object, where: str, *, hidden: bool) -> str:
    """Their exception, with its text unless the test is hidden: an exception's text can carry hidden inputs out."""
    at = f" at {where}" if where else ""
    said = one_line(text)
    if hidden or not said:
        return f"Your code raised {error_name(kind)}{at}."
    return f"Your code raised {one_line(kind, 60)}{at}: {said}"


def import_error(name: str, kind: object, text: object, where: str) -> str:
    """A piece of theirs failed while it was being defined. This happens before any test, so its text is harmless."""
    at = f" ({where})" if where else ""
    said = one_line(text)
    return f"{name} could not be defined{at}: {one_line(kind, 60)}" + (f": {said}" if said else "")


def not_attempted(question: str) -> str:
    """An untouched stub was reached."""
    return f"Question {question} is not attempted yet."


def depends(question: str) -> str:
    """Another question's untouched stub was reached."""
    return f"This needs Question {question}, which is not attempted yet."


def missing(name: str, why: str | None) -> str:
    """A graded name is not in the submission."""
    return why or f"Your submission defines no {name}."


def unavailable(name: str, packages: list[str], allowed: tuple[str, ...] = ()) -> str:
    """The code needs a library the grader does not have; `allowed` are those it has besides the standard library."""
    who = "Your code" if name in packages else name
    instead = f" Use Python's standard library, {listed(sorted(allowed))} only." if allowed else ""
    return f"{who} needs {listed(packages)}, which is not available when your work is graded.{instead}"


def unusable(returned: str | None) -> str:
    """The test could not work with what their function returned."""
    what = f"Your function returned {returned}" if returned else "Your function returned something"
    return f"{what}, which the test could not use."


def misused(kind: object, where: str) -> str:
    """A function or network that the test handed in failed on what their code gave it."""
    at = f" ({where})" if where else ""
    said = f"Your code calls something that the test hands in{at}, and that raised {error_name(kind)}"
    return f"{said}: check what you pass to it."


def uncarried(text: object, where: str, *, hidden: bool) -> str:
    """What they return, or hand to a function of the test's, does not cross between the processes."""
    said = "a sparse tensor, for example, or a very large one" if hidden else one_line(text)
    return f"Your code hands over something that cannot be compared here{f' at {where}' if where else ''}: {said}."


def time_out(cpu_s: float, *, loading: bool = False) -> str:
    """CPU time or wall time ran out."""
    what = "Defining your functions" if loading else "Your code"
    return f"{what} took longer than {cpu_s:g} seconds of computing time: look for a loop that never ends."


def lost(reason: str, *, memory_mb: int, cpu_s: float, loading: bool) -> str:
    """The worker is gone: what a student can make of it."""
    when = "while your functions were being defined" if loading else "while it ran"
    return {
        "cpu": time_out(cpu_s, loading=loading),
        "wall": time_out(cpu_s, loading=loading),
        "memory": f"Your code needed more than {memory_mb} MB of memory {when}.",
        "output": f"Your code printed far too much {when}: remove the print calls inside loops.",
        "protocol": f"Your code disturbed the process that runs it {when}.",
    }.get(reason, f"Your code ended the process that runs it {when} (a crash, or a call of exit).")


def gated(core_title: str) -> str:
    """A core test of the question failed."""
    return f'This counts once "{core_title}" passes: that test checks what the rest builds on.'


def void(reason: str) -> str:
    """The test was withdrawn."""
    return f"This test was withdrawn and everyone gets its points: {reason}"


def unreadable(sentence: str) -> str:
    """No test could run because the submission could not be read."""
    return f"Your submission could not be read: {sentence}"


def no_attempt_left(allowed: int, last: str, until: str) -> str:
    """The submission was not graded because the attempts of the last 24 hours are used up."""
    return (
        f"This submission was not graded: at most {plural(allowed, 'submission')} in 24 hours "
        f"{'is' if allowed == 1 else 'are'} graded. Below are the results of your last graded submission, of {last}. "
        f"What you submit after {until} is graded again."
    )


NOT_CALLABLE = "Something that should be a function is a plain value in your notebook, so the test could not call it."
NOT_REACHED = "The grader ran out of time before this test; earlier tests took too long."
LEFT_OUT = "This test was left out of this run."
PASSED = "Passed."


def followed(names: tuple[str, ...]) -> str:
    """The row counts thanks to the reference's functions."""
    return f"Counted with the reference's {listed(names)}, because yours did not pass everywhere."
