"""`results.json`: built from rows, strictly shaped, replaced atomically: a valid one exists at every moment."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from autograder import messages
from autograder.specs import VISIBILITIES

if TYPE_CHECKING:
    from pathlib import Path

    from autograder.scoring import Scored

FILE = "results.json"
MOST_ROWS = 4096  # that are remembered
MOST_CHARACTERS = 95_000  # of one output; Gradescope cuts the middle out above 100 000


def test_row(row: Scored) -> dict[str, Any]:
    """One entry of `tests`. A bonus test has `max_score` 0: Gradescope's total stays the total without bonus."""
    test, verdict = row.test, row.verdict
    worth = f" (bonus, {messages.plural(test.points, 'point')})" if test.bonus else ""
    extra: dict[str, Any] = {"outcome": verdict.outcome.value, "test": test.name}
    if row.followed:
        extra["counted_with_reference"] = list(row.followed)
    return {
        "name": (messages.one_line(test.title) or test.name) + worth,
        "number": row.number,
        "score": finite(row.points),
        "max_score": 0.0 if test.bonus else finite(test.points),
        "status": "passed" if verdict.outcome.earns else "failed",
        "visibility": test.visibility if test.visibility in VISIBILITIES else "after_published",
        "output": messages.clean(verdict.sentence, 2000),
        "output_format": "text",
        "tags": test.flags(),
        "extra_data": extra,
    }


_made: dict[int, tuple[Scored, dict[str, Any]]] = {}


def _known_row(row: Scored) -> dict[str, Any]:
    """`test_row`, made once: results are rewritten after every test, and most rows stay as they were."""
    known = _made.get(id(row))
    if known is None or known[0] is not row:
        if len(_made) > MOST_ROWS:
            _made.clear()
        known = _made[id(row)] = (row, test_row(row))
    return known[1]


def document(
    rows: Sequence[Scored], *, output: str, seconds: float = 0.0, extra: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The whole of results.json. `output` is shown above the rows; `extra` is kept and shown to nobody."""
    return {
        "score": finite(round(sum(row.points for row in rows), 6)),
        "output": messages.clean(output, MOST_CHARACTERS),
        "output_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "execution_time": finite(max(0.0, round(seconds, 2))),
        "tests": [_known_row(row) for row in rows],
        "extra_data": plain(dict(extra or {})),
    }


def bare(sentence: str) -> dict[str, Any]:
    """A results document without rows, for when not even the manifest can be read."""
    return {
        "score": 0.0,
        "output": messages.clean(sentence, 5000),
        "output_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": [],
        "extra_data": {"our_fault": True},
    }


def finite(value: float) -> float:
    """`value` as a float. Raises ValueError for NaN and infinities, which Gradescope turns into a failed upload."""
    number = float(value)
    if not math.isfinite(number):
        raise ValueError("a score must be a finite number")
    return number


def plain(value: Any, depth: int = 6) -> Any:
    """`value` as JSON data with clean, bounded texts: whatever is none of these becomes its cleaned `repr`."""
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if depth and isinstance(value, Mapping):
        return {messages.one_line(str(key), 200): plain(inner, depth - 1) for key, inner in value.items()}
    if depth and isinstance(value, (list, tuple, set, frozenset)):
        return [plain(inner, depth - 1) for inner in value]
    return messages.clean(value, 20_000)


def write(folder: Path, data: Mapping[str, Any], *, settle: bool = True) -> None:
    """Replace `folder/results.json`: a temporary file, fsync, `os.replace`. Readers see the old or the new one whole.

    Without `settle` it survives the death of every process, but not that of the machine, which spares a wait for the
    disk: for what is rewritten a moment later.

    Raises ValueError for NaN or infinities, before anything is written.
    """
    text = json.dumps(data, allow_nan=False, ensure_ascii=True)  # an indent would take Python's slow encoder
    temporary = folder / f".{FILE}.{os.getpid()}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            if settle:
                os.fsync(file.fileno())
        temporary.replace(folder / FILE)
    except OSError:  # the disk is full: what was there before stays, and nothing beside it
        temporary.unlink(missing_ok=True)
        raise


def write_fallback(folder: Path, bundle: Path | None) -> None:
    """Before anything can go wrong: the bundle's own fallback, or a document without rows. It says it is our fault."""
    folder.mkdir(parents=True, exist_ok=True)
    data: Any = None
    if bundle is not None:
        try:
            data = json.loads((bundle / "fallback.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            data = None
    write(folder, data if isinstance(data, dict) else bare(messages.NOT_GRADED))
