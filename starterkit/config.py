"""course.toml and assignment.toml: what the keys mean, and every mistake in them with its line and a hint."""

from __future__ import annotations

import datetime as dt
import itertools
import re
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from starterkit.diagnostics import Collector, did_you_mean
from starterkit.tomlfile import Location, nearest_line, read_toml

Visibility = Literal["visible", "after_due_date", "after_published"]
HOW_TO_MAKE_ONE = 'python3 -c "import secrets; print(secrets.token_hex(32))"'
IMPORT_NAMES = {
    "scikit-learn": "sklearn",
    "pillow": "PIL",
    "pyyaml": "yaml",
    "opencv-python": "cv2",
    "biopython": "Bio",
}


def _as_datetime(value: object, end_of_day: bool = False) -> object:
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return dt.datetime.combine(value, dt.time(23, 59) if end_of_day else dt.time(0, 0))
    if not isinstance(value, dt.datetime):
        raise ValueError("a date is written without quotes, such as 2026-10-01 or 2026-10-01T23:59:00")
    return value


Start = Annotated[dt.datetime, BeforeValidator(_as_datetime)]
Deadline = Annotated[dt.datetime, BeforeValidator(lambda value: _as_datetime(value, end_of_day=True))]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Late(_Table):
    """The late policy: `allowance` days or hours per term, then `penalty_per_unit` per cent each, until the stop.

    `team_charge` says whose allowance a team's late work uses up.
    """

    policy: Literal["none", "days", "hours"] = "none"
    allowance: int = Field(default=0, ge=0)
    penalty_per_unit: float = Field(default=0.0, ge=0, le=100)
    hard_stop_days: float | None = Field(default=None, ge=0)
    grace_minutes: int = Field(default=0, ge=0)
    team_charge: Literal["every member", "one member"] = "every member"


class Course(_Table):
    """course.toml. `secret` seeds every test of the term; `team_size` is the default of each assignment."""

    name: str = Field(min_length=1)
    term: str = Field(min_length=1)
    institution: str = ""
    secret: str
    staff_email: str = Field(default="", pattern=r"^([^@\s]+@[^@\s]+\.[^@\s]+)?$")
    repository: str | None = Field(default=None, pattern=r"^https://github\.com/[\w.-]+/[\w.-]+$")
    team_size: int = Field(default=1, ge=1, le=10)
    collaboration: str = ""
    regrade_window_days: int = Field(default=7, ge=0)
    late: Late = Late()

    @field_validator("secret")
    @classmethod
    def _secret_is_random(cls, value: str) -> str:
        if not re.fullmatch(r"[0-9a-f]{32,}", value) or len(value) % 2:
            raise ValueError("the secret must be at least 32 hexadecimal digits (0-9a-f), an even number of them")
        if len(set(value)) < 8:
            raise ValueError("the secret is guessable: it uses too few different digits")
        return value


class Totals(_Table):
    """Declared point totals; those given are checked against the source. Bonus points are outside of `code`."""

    written: float | None = Field(default=None, ge=0)
    code: float | None = Field(default=None, ge=0)
    figures: float | None = Field(default=None, ge=0)


class Limits(_Table):
    """Deadlines per call (CPU and wall seconds), memory of a worker, the whole run, and Gradescope's container."""

    cpu_s: float = Field(default=10, gt=0)
    wall_s: float = Field(default=40, gt=0)
    memory_mb: int = Field(default=2048, ge=128)
    run_s: float = Field(default=480, gt=0)
    container: Literal["0.5", "1.0", "2.0", "4.0"] = "0.5"
    timeout_minutes: int = Field(default=10, ge=1, le=40)


class Erratum(_Table):
    """One correction, dated, that students read in notebook, README and results."""

    date: dt.date
    text: str = Field(min_length=1)


class Assignment(_Table):
    """assignment.toml. A plain date as `due_date` means 23:59 of that day."""

    title: str = Field(min_length=1)
    release_date: Start
    due_date: Deadline
    late_due_date: Deadline | None = None
    team_size: int | None = Field(default=None, ge=1, le=10)
    ai_policy: str = ""
    device: Literal["cpu", "cuda"] = "cpu"
    modules: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    points: Totals = Totals()
    limits: Limits = Limits()
    hidden_visibility: Visibility = "after_published"
    attempts_per_day: int | None = Field(default=None, ge=1)
    errata: tuple[Erratum, ...] = ()

    @field_validator("modules", "data", "packages", "errata", mode="before")
    @classmethod
    def _lists_are_tuples(cls, value: object) -> object:
        return tuple(value) if isinstance(value, list) else value

    @field_validator("data")
    @classmethod
    def _data_are_files(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if Path(name).name != name:
                raise ValueError(f'"{name}" is not the name of a file; write data = ["digits.npz"] for data/digits.npz')
        return value

    @field_validator("modules")
    @classmethod
    def _modules_are_names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if not name.isidentifier():
                raise ValueError(f'"{name}" is not a module name; write modules = ["digits"] for modules/digits.py')
            if name == "hwkit":
                raise ValueError("hwkit is generated and always there; take it out of the list")
        return value

    @property
    def import_names(self) -> tuple[str, ...]:
        """Top-level module names of `packages`, such as "sklearn" for "scikit-learn==1.5"."""
        bare = [re.split(r"[\s<>=!~\[;]", package, maxsplit=1)[0].lower() for package in self.packages]
        return tuple(IMPORT_NAMES.get(name, name.replace("-", "_")) for name in bare)


_IF_MISSING = {
    "course.toml": "copy templates/course/late-days.toml to it, and write a secret of your own into it",
    "assignment.toml": "copy templates/new/assignment.toml to it",
}
Model = TypeVar("Model", bound=BaseModel)


def load_course(path: Path, collector: Collector) -> Course | None:
    """Read course.toml; its mistakes go to `collector`, and None is returned when there are any."""
    return _load(path, Course, collector)


def load_assignment(path: Path, course: Course | None, collector: Collector) -> Assignment | None:
    """Read assignment.toml, with `team_size` taken from the course where it says nothing; None when it has mistakes."""
    assignment = _load(path, Assignment, collector)
    if assignment is None:
        return None
    if assignment.team_size is None and course is not None:
        assignment = assignment.model_copy(update={"team_size": course.team_size})
    return assignment if _check_dates(path, assignment, collector) else None


def _check_dates(path: Path, found: Assignment, collector: Collector) -> bool:
    """Dates in order; time zones either everywhere or nowhere."""
    named = [("release_date", found.release_date), ("due_date", found.due_date), ("late_due_date", found.late_due_date)]
    dates = [(name, date) for name, date in named if date is not None]
    lines = (read_toml(path, Collector()) or ({}, {}))[1]
    for (before, first), (after, second) in itertools.pairwise(dates):
        line = lines.get((after,))
        if (first.tzinfo is None) != (second.tzinfo is None):
            hint = f"write {before} and {after} in the same way, both with an offset such as -04:00 or both without"
            collector.add(
                "mixed-time-zones", f"{after} and {before} differ in time zone", path=path, line=line, hint=hint
            )
            return False
        if first >= second:
            hint = f"put {after} after {before}, {first:%Y-%m-%d %H:%M}"
            collector.add("dates-out-of-order", f"{after} is not after {before}", path=path, line=line, hint=hint)
            return False
    return True


def _load(path: Path, model: type[Model], collector: Collector) -> Model | None:
    read = read_toml(path, collector, _IF_MISSING.get(path.name, ""))
    if read is None:
        return None
    values, lines = read
    try:
        return model.model_validate(values)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            _report(path, model, detail, lines, collector)
        return None


def _report(path: Path, model: type[BaseModel], detail: Any, lines: dict[Location, int], collector: Collector) -> None:
    where: Location = tuple(detail["loc"])
    line = nearest_line(lines, where)
    key = ".".join(str(part) for part in where)
    text = 'secret = "…"' if where == ("secret",) and line else None
    code, message, hint = _explain(model, detail, where, key)
    collector.add(code, message, path=path, line=line, text=text, hint=hint)


def _explain(model: type[BaseModel], detail: Any, where: Location, key: str) -> tuple[str, str, str]:
    """Code, message and hint of one of pydantic's errors."""
    kind, got = detail["type"], detail.get("input")
    if kind == "extra_forbidden":
        known = _keys_of(model, where[:-1])
        near = did_you_mean(str(where[-1]), known)
        hint = f"did you mean `{near}`?" if near else f"known keys: {', '.join(known)}"
        return "unknown-key", f"`{key}` is not a key of this file", hint
    if kind == "missing":
        where_to = f"in [{'.'.join(map(str, where[:-1]))}]" if len(where) > 1 else "at the top of the file"
        return "missing-key", f"`{key}` is missing", f"add `{where[-1]} = …` {where_to}"
    if where == ("secret",):
        message = str(detail.get("ctx", {}).get("error", "the secret must be a string"))
        return "weak-secret", message, f"make one with: {HOW_TO_MAKE_ONE}"
    if kind == "value_error":
        return "bad-value", f"`{key}`: {detail['ctx']['error']}", f"correct `{key}`"
    if kind == "string_pattern_mismatch":
        return "bad-value", f"`{key}` does not look right: {got!r}", _PATTERN_HINTS.get(key, f"correct `{key}`")
    what = (detail["msg"][0].lower() + detail["msg"][1:]).replace("valid tuple", "list")
    return "bad-value", f"`{key}`: {what}, not {_shown(got)}", _TYPE_HINTS.get(kind, f"correct `{key}`")


_PATTERN_HINTS = {
    "repository": 'write it as "https://github.com/ORG/REPO", without .git and without a slash at the end',
    "staff_email": 'write an address such as "staff@example.org"',
}
_TYPE_HINTS = {
    "int_type": "write a whole number without quotes",
    "float_type": "write a number without quotes",
    "string_type": "put the value between double quotes",
    "tuple_type": 'write a list: ["one", "two"]',
    "date_type": "write a date without quotes: 2026-10-01",
    "literal_error": "use one of the values named, spelt exactly so",
}


def _shown(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)


def _keys_of(model: type[BaseModel], where: Location) -> list[str]:
    """The keys that the table at `where` may hold."""
    tables: dict[str, type[BaseModel]] = {"late": Late, "points": Totals, "limits": Limits, "errata": Erratum}
    return sorted((tables[str(where[0])] if where else model).model_fields)
