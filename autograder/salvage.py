"""What can be kept of a cell with a syntax error: every top-level block that parses, every sound method of a class."""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import cached_property
from typing import NamedTuple

from autograder.magics import PARSE_ERRORS, ParsedText, parse_python, parse_text

_CONTINUES = re.compile(r"(?:else|elif|except|finally|case)\b|[)\]}'\"#]")
_DEFINES = re.compile(r"(?m)^(?:async[ \t]+)?(?:def|class)[ \t]+(\w+)|^(\w+)[ \t]*(?::[^=\n]*)?=(?!=)")
_INCOMPLETE = (
    "was never closed",
    "unterminated triple-quoted",
    "unexpected EOF",
    "EOF in multi-line",
    "EOF while scanning",
)
_MAX_JOINS = 40  # blocks tried together when a bracket stays open
_MAX_ALL_JOINS = 400  # in one cell, so that the time stays linear in its length


class SoundBlock(NamedTuple):
    """A part of a cell that parses; `before` lines of the cell come before it."""

    parsed: ParsedText
    before: int


class BrokenBlock(NamedTuple):
    """A part of a cell that does not parse: `line` (1-based, in the cell) and `reason` of the error, the top-level
    `names` the part would have defined, and `method` when only this method of a class is broken.
    """

    line: int
    reason: str
    names: tuple[str, ...]
    method: str | None = None


def salvage(text: str) -> tuple[list[SoundBlock], list[BrokenBlock]]:
    """The sound and the broken top-level blocks of a cell, in order."""
    salvager = _Salvager(text.split("\n"))
    position = 0
    while position < len(salvager.starts):
        position = salvager.take(position)
    return salvager.sound, salvager.broken


def reason_of(error: BaseException) -> str:
    """One short phrase for a parse error."""
    if isinstance(error, SyntaxError):
        return re.sub(r" on line \d+| \(detected at line \d+\)", "", error.msg or "invalid syntax")
    if isinstance(error, (RecursionError, MemoryError)):
        return "the expression is nested too deeply"
    return str(error)[:120] or type(error).__name__


class _Salvager:
    """Splits a cell at its left margin; block `i` is `lines[starts[i]:ends[i]]`."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        self.starts = [i for i, line in enumerate(lines) if line[:1].strip() and not _CONTINUES.match(line)]
        self.ends = [*self.starts[1:], len(lines)]
        self.joins = _MAX_ALL_JOINS
        self.sound: list[SoundBlock] = []
        self.broken: list[BrokenBlock] = []

    def take(self, position: int) -> int:
        """Record the block at `position` as sound or broken; returns the position of the next one."""
        own = position
        while self._line(own).startswith("@") and own + 1 < len(self.starts):  # decorators belong to what follows
            own += 1
        error, last = self._try(position, own)
        if error is None:
            return last + 1
        first = self.starts[position]
        self._record_broken(self.lines[first : self.ends[own]], first, error)
        return own + 1

    def _line(self, position: int) -> str:
        return self.lines[self.starts[position]]

    def _try(self, position: int, last: int) -> tuple[BaseException | None, int]:
        """Parse the blocks from `position` to `last`, and to later ones while the text is merely unfinished."""
        first, error = self.starts[position], None
        for _ in range(_MAX_JOINS):
            try:
                self.sound.append(SoundBlock(parse_text("\n".join(self.lines[first : self.ends[last]])), first))
            except PARSE_ERRORS as problem:
                error = error or problem
                following = self._following(last, problem)
            else:
                return None, last
            if following is None or self.joins <= 0:
                break
            self.joins -= 1
            last = following
        return error, last

    def _following(self, last: int, error: BaseException) -> int | None:
        """The last block to join next, or None when joining cannot help."""
        if not isinstance(error, SyntaxError) or not any(hint in (error.msg or "") for hint in _INCOMPLETE):
            return None
        if "triple" not in error.msg:
            return last + 1 if last + 1 < len(self.starts) else None
        index = bisect_right(self._quoted, last)  # only a block with quotes can finish the text
        return self._quoted[index] if index < len(self._quoted) else None

    @cached_property
    def _quoted(self) -> list[int]:
        """The blocks that hold triple quotes."""
        rows = [i for i, line in enumerate(self.lines) if '"""' in line or "'''" in line]
        return sorted({bisect_right(self.starts, row) - 1 for row in rows})

    def _record_broken(self, block: list[str], first: int, error: BaseException) -> None:
        """Record a block that does not parse; of a class, keep what can be kept."""
        names = tuple(a or b for a, b in _DEFINES.findall("\n".join(block)))
        text, methods = _repair_class(block, first) or ("", [])
        if methods:
            try:
                self.sound.append(SoundBlock(ParsedText(parse_python(text), text), first))
            except PARSE_ERRORS:
                pass
            else:
                self.broken += [BrokenBlock(line, reason, names[:1], method) for method, line, reason in methods]
                return
        line = error.lineno if isinstance(error, SyntaxError) and error.lineno else 1
        self.broken.append(BrokenBlock(first + min(line, len(block)), reason_of(error), names))


def _repair_class(block: list[str], first: int) -> tuple[str, list[tuple[str, int, str]]] | None:
    """A class in which each broken method raises its SyntaxError instead, and (method, line, reason) of each."""
    header = next((i for i, line in enumerate(block) if re.match(r"class\s+\w+.*:\s*(#.*)?$", line)), None)
    if header is None:
        return None
    body = next((line for line in block[header + 1 :] if line.strip() and not line.lstrip().startswith("#")), "")
    indent = body[: len(body) - len(body.lstrip())]
    if not indent:
        return None
    lines, methods = list(block), []
    for start, end in _members(lines, header, indent):
        try:
            parse_text("class _:\n" + "\n".join(lines[start:end]))
        except PARSE_ERRORS as error:
            found = re.search(r"def\s+(\w+)", "\n".join(lines[start:end]))
            if not found:
                return None
            row = (error.lineno or 2) - 2 if isinstance(error, SyntaxError) else 0
            line, reason = first + min(start + row, end - 1) + 1, reason_of(error)
            told = repr(f"{reason} (line {line} of the cell)")
            stub = f"{indent}def {found.group(1)}(*args, **kwargs): raise SyntaxError({told})"
            lines[start:end] = [stub, *[""] * (end - start - 1)]
            methods.append((found.group(1), line, reason))
    return ("\n".join(lines), methods) if methods else None


def _members(lines: list[str], header: int, indent: str) -> list[tuple[int, int]]:
    """The (start, end) rows of a class's members, each with its decorators."""
    member = re.compile(re.escape(indent) + r"(?!(?:else|elif|except|finally)\b)(?:@|[A-Za-z_])")
    starts = [i for i in range(header + 1, len(lines)) if member.match(lines[i])]
    spans: list[tuple[int, int]] = []
    held: int | None = None
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        held = start if held is None else held
        if not lines[start].lstrip().startswith("@"):
            spans.append((held, end))
            held = None
    return spans
