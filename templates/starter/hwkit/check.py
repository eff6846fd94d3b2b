"""Public tests in the notebook, in the words of the grader."""

from __future__ import annotations

import difflib
import inspect
import re
import sys
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from autograder.assertions import is_stub
from autograder.specs import spec_of
from autograder.testing import failure_message, run_test

from .data import KIT
from .session import KitError, say

TestCase = Callable[..., Any]
_STUB_HINT = "replace the line `raise NotImplementedError(...)` by your code and run that cell, then this one."
_SLOW = 2.0  # seconds after which a check says how long it took
_NOT_CHECKED = "not checked in this session"
_tests: dict[str, dict[str, TestCase]] = {}
_passed: dict[str, dict[str, bool]] = {}  # by question and test


class CheckFailed(AssertionError):  # noqa: N818 - what happened, in a student's words
    """At least one public test of a question failed. Notebooks show one line, without a traceback."""

    def _render_traceback_(self, *_: object, **__: object) -> list[str]:
        return [f"CheckFailed: {self}"]


@dataclass(frozen=True)
class _Verdict:
    title: str
    points: float
    message: str  # "" when the test passed
    hint: str
    seconds: float


def check(question: str | None = None, *tests: TestCase) -> None:
    """Run the public tests of a question on your functions as they are now; without arguments list all questions.

    `check("2.1a")` runs the tests of the last `check("2.1a", test, …)` again.

    Raises
    ------
    CheckFailed
        When a test fails, after all of them have been reported.
    """
    if question is None:
        _overview()
        return
    _require_known(question)
    known = _tests.setdefault(question, {})
    chosen = list(tests) or list(known.values())
    if not chosen:
        _check_attempted(question)
        return
    known.update({test.__name__: test for test in chosen})
    verdicts = {test.__name__: _run(test) for test in chosen}
    _passed.setdefault(question, {}).update({name: not verdict.message for name, verdict in verdicts.items()})
    failed = sum(bool(verdict.message) for verdict in verdicts.values())
    say(
        f"Question {question}: {len(verdicts) - failed} of {_counted(len(verdicts))} "
        f"pass{'es' if len(verdicts) == 1 else ''}"
    )
    hints: set[str] = set()
    for verdict in verdicts.values():
        _report(verdict, hints)
    say(f"On Gradescope, other questions' functions are ours{_more_there(question)}.")
    if failed:
        raise CheckFailed(
            f'question {question}: {failed} of {_counted(len(verdicts))} failed (see above). Again: check("{question}")'
        )


def checked(question: str) -> str:
    """Return in words how the public tests of a question went in this session."""
    known = _passed.get(question)
    return f"{sum(known.values())} of {_counted(len(known))} passed" if known else _NOT_CHECKED


def _counted(number: int) -> str:
    return f"{number} check{'' if number == 1 else 's'}"


def _check_attempted(question: str) -> None:
    """Without public tests: say whether the question's names are defined in the notebook and no longer stubs."""
    entry = _entry(question)
    if entry.get("public"):
        raise KitError(f'run the cell that ends in check("{question}", …) once: it holds the tests of this question')
    defined = vars(sys.modules["__main__"])
    for name in entry["names"]:
        if name not in defined:
            raise CheckFailed(
                f"question {question}: {name} is not defined yet. Write it in the cell above and run that cell."
            )
        if _is_untouched(defined[name], question):
            raise CheckFailed(f"question {question} is not attempted yet: {name} still raises NotImplementedError.")
    say(f"Question {question}: {', '.join(entry['names'])} defined. All tests of this question run on Gradescope.")


def _is_untouched(value: Any, question: str) -> bool:
    """Whether a function, or a method of a class, still holds the stub of its question."""
    if isinstance(value, type):
        return any(_is_untouched(member, question) for member in vars(value).values())
    code = getattr(inspect.unwrap(value) if callable(value) else value, "__code__", None)
    return code is not None and f"Question {question}" in code.co_consts and "NotImplementedError" in code.co_names


def _run(test: TestCase) -> _Verdict:
    """Run one test with inputs that stay the same from run to run, so that a mistake can be hunted down."""
    seed = zlib.crc32(f"{KIT['homework']} {test.__name__}".encode())
    doc = inspect.getdoc(test) or ""
    title = doc.splitlines()[0] if doc else test.__name__.removeprefix("test_").replace("_", " ")
    message, hint = "", ""
    started = time.process_time()
    try:
        run_test(test, seed=seed)
    except Exception as error:  # noqa: BLE001 - whatever a student's function raises is a verdict
        message = failure_message(error)
        hint = _STUB_HINT if is_stub(error) else _own_hint(doc) or _hint(error)
    return _Verdict(title, spec_of(test).points, message, hint, time.process_time() - started)


def _report(verdict: _Verdict, hints: set[str]) -> None:
    """Print one verdict; a hint that was printed before is not repeated."""
    points = f"  ({verdict.points:g} point{'' if verdict.points == 1 else 's'})" if verdict.points else ""
    say(f"  {'✗' if verdict.message else '✓'} {verdict.title}{points}")
    for line in verdict.message.splitlines():
        say(f"      {line}")
    if verdict.hint and verdict.hint not in hints:
        hints.add(verdict.hint)
        say(f"      Hint: {verdict.hint}")
    if verdict.seconds > KIT["cpu_s"]:
        say(f"      This took {verdict.seconds:.0f} s of CPU; Gradescope stops a call after {KIT['cpu_s']:g} s.")
    elif verdict.seconds > _SLOW:
        say(f"      This took {verdict.seconds:.1f} s.")


def _own_hint(doc: str) -> str:
    """Return what a test's docstring says after "Hint:"."""
    _, found, hint = doc.partition("Hint:")
    return " ".join(hint.split()) if found else ""


def _hint(error: Exception) -> str:
    """Return what to do about the failures that have nothing to do with the mathematics."""
    text = str(error)
    kind = getattr(error, "kind", "")
    if isinstance(error, NameError):
        return "run the cell that defines this name first (Runtime > Run before), and look at its spelling."
    if kind == "dtype" or (isinstance(error, (RuntimeError, TypeError)) and re.search("dtype|Double|Float", text)):
        return "tests use float64: make new tensors with x.new_zeros(...) or dtype=x.dtype, not with a fixed dtype."
    if isinstance(error, RuntimeError) and re.search("size of tensor|shapes cannot be|Expected size", text):
        return "print the shapes at this line; keepdim=True or unsqueeze(...) often mends it."
    if kind == "inputs" or (isinstance(error, RuntimeError) and re.search("in-?place", text)):
        return "work on a copy: do not change an argument with +=, x[...] = or a method whose name ends in _."
    if isinstance(error, RecursionError):
        return "the function calls itself without end."
    return ""


def _more_there(question: str) -> str:
    hidden = _entry(question).get("hidden", 0)
    if not hidden:
        return ""
    return (
        f", and {hidden} more test{'s' if hidden > 1 else ''} of this question {'run' if hidden > 1 else 'runs'} there"
    )


def _entry(question: str) -> dict[str, Any]:
    return next((entry for entry in KIT["questions"] if entry["id"] == question), {"names": []})


def _overview() -> None:
    """Print every question with what is known about it in this session."""
    say(f"{KIT['homework'].upper()}: {KIT['title']}")
    width = max((len(", ".join(entry["names"])) for entry in KIT["questions"]), default=0)
    for entry in KIT["questions"]:
        value = entry.get("points")
        points = f"{value:>4g} points  " if value is not None else ""
        say(f"  {entry['id']:<6} {', '.join(entry['names']):<{width}}  {points}{checked(entry['id'])}")
    say('One question: check("ID"). What you would hand in: submit().')


def _require_known(question: str) -> None:
    known = [entry["id"] for entry in KIT["questions"]]
    if known and question not in known:
        close = difflib.get_close_matches(question, known, n=1)
        raise KitError(
            f"there is no question {question!r}"
            + (f"; did you mean {close[0]!r}?" if close else f": choose from {', '.join(known)}")
        )
