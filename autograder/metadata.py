"""What Gradescope says about a submission: a tolerant reading of `submission_metadata.json` and of the environment.

The file's shape has drifted from its documentation for years, so nothing in it is relied on: whatever is missing or odd
becomes "unknown" and a notice for staff, never an exception. Lateness is computed from the time of submission, never
from the clock, so that a re-run changes no grade.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from autograder.messages import one_line

if TYPE_CHECKING:
    from pathlib import Path

SHARE_OF_TIMEOUT = 0.8  # Gradescope overwrites all partial results when its own time runs out
LARGEST = 20_000_000  # bytes; previous results of many submissions add up


@dataclass(frozen=True, kw_only=True)
class Earlier:
    """A previous submission that was graded without an error of ours; `results` as Gradescope stored them, or {}."""

    submission: int | None
    time: datetime
    results: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Metadata:
    """What is known; None or empty where the file does not say."""

    submission: int | None = None
    assignment: str = ""
    submitters: tuple[str, ...] = ()  # e-mail addresses or names, for the staff report only
    created_at: datetime | None = None
    due_at: datetime | None = None
    previous: int = 0  # earlier submissions that were graded without an error of ours
    earlier: tuple[Earlier, ...] = ()  # those of them whose time is known, in the order of their times
    notices: tuple[str, ...] = ()

    @property
    def late_s(self) -> float | None:
        """Seconds after the due date, 0 when on time, None when either time is unknown."""
        if self.created_at is None or self.due_at is None:
            return None
        return max(0.0, (self.created_at - self.due_at).total_seconds())


def read_metadata(path: Path | None) -> Metadata:
    """Read the file; an absent, broken or strange one gives an empty Metadata with a notice. Never raises."""
    if path is None:
        return Metadata()
    try:
        if path.stat().st_size > LARGEST:
            return Metadata(notices=("submission_metadata.json is too large to be read",))
        data = json.loads(path.read_text(encoding="utf-8", errors="replace"))
    except FileNotFoundError:
        return Metadata(notices=("there is no submission_metadata.json",))
    except (OSError, ValueError, RecursionError):
        return Metadata(notices=("submission_metadata.json is not readable JSON",))
    if not isinstance(data, Mapping):
        return Metadata(notices=("submission_metadata.json holds no object",))
    return _from(data)


def _from(data: Mapping[str, Any]) -> Metadata:
    notices: list[str] = []
    assignment = _mapping(data.get("assignment"))
    users = [user for user in _list(data.get("users")) if isinstance(user, Mapping)]
    created = _time(data.get("created_at"))
    if created is None:
        notices.append("the time of submission is unknown")
    dues = [due for user in users if (due := _time(_mapping(user.get("assignment")).get("due_date")))]
    # The team's latest date counts: an extension for one partner is one for the team.
    due = max(dues) if dues else _time(assignment.get("due_date"))
    counted = [entry for entry in _list(data.get("previous_submissions")) if _counts(entry)]
    earlier = [found for entry in counted if (found := _earlier(entry)) is not None]
    if len(earlier) < len(counted):
        notices.append("the time of an earlier submission is unknown: it does not count as an attempt")
    return Metadata(
        submission=_number(data.get("id")),
        assignment=one_line(assignment["title"]) if isinstance(assignment.get("title"), str) else "",
        submitters=tuple(name for user in users if (name := _person(user))),
        created_at=created,
        due_at=due,
        previous=len(counted),
        earlier=tuple(sorted(earlier, key=lambda found: found.time)),
        notices=tuple(notices),
    )


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _person(user: Mapping[str, Any]) -> str:
    return next((one_line(user[key], 100) for key in ("email", "name") if isinstance(user.get(key), str)), "")


def _counts(entry: object) -> bool:
    return isinstance(entry, Mapping) and entry.get("autograder_error") is not True


def _earlier(entry: Mapping[str, Any]) -> Earlier | None:
    time = _time(entry.get("submission_time"))
    if time is None:
        return None
    return Earlier(submission=_number(entry.get("id")), time=time, results=_mapping(entry.get("results")))


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _time(value: object) -> datetime | None:
    """An ISO-8601 time with its offset; UTC is assumed without one, "Z" understood (Python 3.10 does not)."""
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value.strip().replace("Z", "+00:00"))
    except ValueError:
        return None
    found = found if found.tzinfo else found.replace(tzinfo=timezone.utc)
    return found if 1970 <= found.year < 9000 else None  # room for sums with time zones and days


def run_seconds(environment: Mapping[str, str], run_s: float) -> float:
    """How long the whole run may take: `run_s`, or 80 % of Gradescope's TIMEOUT_SECONDS when that is less."""
    try:
        seconds = float(environment.get("TIMEOUT_SECONDS", ""))
    except ValueError:
        return run_s
    return min(run_s, SHARE_OF_TIMEOUT * seconds) if math.isfinite(seconds) and seconds > 0 else run_s
