"""`new hw5`: a homework that releases as it is, to be written over; and a course around it where there is none."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING

from starterkit.written import TEMPLATES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from starterkit.course import CourseFolder

NAME = re.compile(r"[a-z]+(\d+)")
PRESETS = ("late-days", "late-hours")  # templates/course/


class CannotCreate(Exception):  # noqa: N818  # what happened
    """The name is unusable or taken; the text says what to do."""


def new(course: CourseFolder, name: str, preset: str = PRESETS[0]) -> list[Path]:
    """Write solutions/NAME/ and, if there is none, solutions/course.toml from a preset; return the files.

    Raises CannotCreate.
    """
    match = NAME.fullmatch(name)
    if not match:
        raise CannotCreate(f"{name!r} is no name for a homework: write letters, then its number, such as hw5")
    folder = course.source(name)
    if folder.exists():
        raise CannotCreate(f"{folder.relative_to(course.root)} is there already")
    values = {"HW": name, "NUMBER": match.group(1), "SECRET": secrets.token_hex(32)}
    written = list(_copy(TEMPLATES / "new", folder, values))
    if not (course.solutions / "course.toml").exists():
        course.solutions.joinpath("course.toml").write_text(
            _filled((TEMPLATES / "course" / f"{preset}.toml").read_text(encoding="utf-8"), values), encoding="utf-8"
        )
        written.append(course.solutions / "course.toml")
    return written


def _copy(template: Path, target: Path, values: dict[str, str]) -> Iterator[Path]:
    """Copy a folder of templates, `@@NAME@@` replaced in file names and texts."""
    for path in sorted(item for item in template.rglob("*") if item.is_file()):
        to = target / _filled(path.relative_to(template).as_posix(), values)
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_text(_filled(path.read_text(encoding="utf-8"), values), encoding="utf-8")
        yield to


def _filled(text: str, values: dict[str, str]) -> str:
    return re.sub(r"@@(\w+)@@", lambda found: values[found.group(1)], text)
