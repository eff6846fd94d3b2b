"""Mistakes as data: a code, a place, the line itself and a hint. Collected first, rendered once, all of them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

EXIT_OK, EXIT_STALE, EXIT_SOURCE, EXIT_OURS = 0, 1, 2, 3
"""0 fine · 1 out of date, or a check failed · 2 the source or the arguments are wrong · 3 our own failure."""

Severity = Literal["error", "warning"]


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One mistake in a file that people edit. `line` is 1-based; None where the mistake is about the whole file."""

    code: str
    message: str
    path: str
    line: int | None
    text: str
    hint: str | None
    severity: Severity = "error"

    def sort_key(self) -> tuple[str, int, str, str]:
        """Return the key that puts problems in reading order: path, line, code, message."""
        return (self.path, self.line or 0, self.code, self.message)


class Collector:
    """Gathers the problems of one run. Files are read once, so that every problem can quote its line.

    `root` is what paths are shown relative to; the current directory by default, so that an editor can click them.
    """

    def __init__(self, root: Path | None = None) -> None:
        self.root = (root or Path.cwd()).resolve()
        self.problems: list[Problem] = []
        self._lines: dict[str, list[str]] = {}

    def add(  # noqa: PLR0913  (keywords, each said where it is called)
        self,
        code: str,
        message: str,
        *,
        path: Path | str,
        line: int | None = None,
        text: str | None = None,
        hint: str | None,
        severity: Severity = "error",
    ) -> None:
        """Record one problem; a repetition is dropped. `text` defaults to the file's line; `hint` has no default."""
        if text is None:
            text = self._line_of(path, line)
        problem = Problem(
            code=code, message=message, path=self.display(path), line=line, text=text, hint=hint, severity=severity
        )
        if problem not in self.problems:
            self.problems.append(problem)

    def display(self, path: Path | str) -> str:
        """Return `path` relative to the root where it lies inside it, else as given; forward slashes."""
        try:
            return Path(path).resolve().relative_to(self.root).as_posix()
        except ValueError:
            return Path(path).as_posix()

    @property
    def errors(self) -> list[Problem]:
        """The problems of severity "error", sorted."""
        return [problem for problem in self.sorted() if problem.severity == "error"]

    @property
    def warnings(self) -> list[Problem]:
        """The problems of severity "warning", sorted."""
        return [problem for problem in self.sorted() if problem.severity == "warning"]

    @property
    def ok(self) -> bool:
        """True when nothing worse than a warning was recorded."""
        return not self.errors

    def sorted(self) -> list[Problem]:
        """Return all problems by path and line."""
        return sorted(self.problems, key=Problem.sort_key)

    def raise_errors(self) -> None:
        """Raise StarterkitError with everything recorded, if any of it is an error."""
        if not self.ok:
            raise StarterkitError(self.sorted())

    def read(self, path: Path, if_missing: str) -> str | None:
        """Return the text of a UTF-8 file without a byte order mark; one that cannot be read is reported.

        `if_missing` is the hint where there is no such file.
        """
        try:
            return path.read_text(encoding="utf-8-sig")
        except FileNotFoundError:
            self.add("missing-file", f"{path.name} is missing", path=path, hint=if_missing)
        except UnicodeDecodeError as error:
            line = error.object[: error.start].count(b"\n") + 1
            self.add("not-utf8", f"{path.name} is not UTF-8: {error.reason}", path=path, line=line,
                     hint="save the file as UTF-8")  # fmt: skip
        except OSError as error:
            why = f"{path.name} cannot be read: {error.strerror}"
            self.add("unreadable-file", why, path=path, hint="ls -l shows what stands there, and who may read it")
        return None

    def _line_of(self, path: Path | str, line: int | None) -> str:
        if line is None:
            return ""
        key = str(path)
        if key not in self._lines:
            try:
                self._lines[key] = Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
            except OSError:
                self._lines[key] = []
        lines = self._lines[key]
        return lines[line - 1] if 0 < line <= len(lines) else ""


class StarterkitError(Exception):
    """The source or the configuration is wrong. Carries every problem found; `str()` is the rendered report."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = list(problems)
        super().__init__(render(self.problems))


def render(problems: Iterable[Problem]) -> str:
    """Return the plain-text report of `problems`, sorted by path and line, with a blank line between two of them."""
    return "\n\n".join(_render_one(problem) for problem in sorted(problems, key=Problem.sort_key))


def summary(problems: Iterable[Problem]) -> str:
    """Return a closing line such as "2 errors, 1 warning", or "no problems"."""
    found = list(problems)
    errors = sum(problem.severity == "error" for problem in found)
    counts = [(errors, "error"), (len(found) - errors, "warning")]
    return ", ".join(f"{n} {word}{'s' * (n != 1)}" for n, word in counts if n) or "no problems"


def did_you_mean(word: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """Return the known word nearest to `word`, or None if none is near."""
    by_lower = {name.lower(): name for name in known}
    near = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=cutoff)
    return by_lower[near[0]] if near else None


def _render_one(problem: Problem) -> str:
    place = problem.path if problem.line is None else f"{problem.path}:{problem.line}"
    number = "" if problem.line is None else str(problem.line)
    gutter = " " * max(len(number), 3)
    lines = [f"{problem.severity}[{problem.code}]: {problem.message}", f"  --> {place}"]
    if problem.line is not None:
        lines += [f"{gutter} |", f"{number:>{len(gutter)}} | {problem.text}".rstrip()]
    if problem.hint:
        first, *rest = problem.hint.splitlines()
        lines += [f"{gutter} = hint: {first}", *(f"{gutter}         {more}" for more in rest)]
    return "\n".join(lines)
