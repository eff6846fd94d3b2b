"""Region markers, read strictly: nbgrader looks for substrings and fails open, so a near miss would ship a solution.

A marker is a whole line: `### BEGIN SOLUTION`, `### END SOLUTION`, the same with `HIDDEN TESTS` and `MARK SCHEME`.
"""

from __future__ import annotations

import difflib
import io
import re
import tokenize
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from starterkit.diagnostics import Collector
from starterkit.model import Cell, Kind

SOLUTION, HIDDEN, SCHEME = "SOLUTION", "HIDDEN TESTS", "MARK SCHEME"
ALLOWED = {
    SOLUTION: (Kind.SOLUTION, Kind.EXPERIMENT, Kind.WRITTEN),
    HIDDEN: (Kind.TESTS,),
    SCHEME: (Kind.WRITTEN, Kind.FIGURE),
}
_EXACT = re.compile(r"(\s*)### (BEGIN|END) (SOLUTION|HIDDEN TESTS|MARK SCHEME)\s*$")
_LOUD = re.compile(r"\b(BEGIN|END)\s+(SOLUTION|HIDDEN TESTS?|MARK SCHEME)")
_PHRASES = [f"{edge} {name}" for name in ALLOWED for edge in ("BEGIN", "END")]
_SYNONYMS = {"START": "BEGIN", "STARTS": "BEGIN", "STOP": "END", "FINISH": "END", "CLOSE": "END"}


@dataclass(frozen=True)
class Region:
    """The part of a cell between two markers, which stand on the 1-based lines `begin` and `end` of its source."""

    name: str
    begin: int
    end: int
    indent: str

    def holds(self, line: int) -> bool:
        """True if `line`, counted in the cell's source, stands strictly between the markers."""
        return self.begin < line < self.end


def regions(source: str, name: str | None = None) -> list[Region]:
    """Return the regions of a cell's source that passed the lint, in order, of one name if given."""
    found: list[Region] = []
    opened: tuple[str, int, str] | None = None
    for number, line in enumerate(source.splitlines(), 1):
        if marker := _EXACT.match(line):
            if marker[2] == "BEGIN":
                opened = (marker[3], number, marker[1])
            elif opened is not None:
                found.append(Region(opened[0], opened[1], number, opened[2]))
                opened = None
    return [region for region in found if name in {None, region.name}]


def without(source: str, name: str, replacement: str | None = None) -> str:
    """Return `source` without the regions called `name`, markers included; each leaves `replacement`, if one is given.

    The replacement takes the indentation of the BEGIN marker.
    """
    lines: list[str | None] = list(source.splitlines())
    for region in regions(source, name):
        for i in range(region.begin - 1, region.end):
            lines[i] = None
        if replacement is not None:
            lines[region.begin - 1] = region.indent + replacement
    return "\n".join(line for line in lines if line is not None)


def check(cell: Cell, path: Path, collector: Collector) -> bool:
    """Report everything that is wrong with the markers of one cell; True if nothing is."""
    lint = _Lint(cell, path, collector)
    comments = None if cell.is_markdown else _comments(cell.source)
    for number, line in enumerate(lint.lines, 1):
        _check_line(number, line, comments, lint)
    if lint.opened is not None:
        lint.unclosed(len(lint.lines))
    return lint.fine


@dataclass
class _Lint:
    cell: Cell
    path: Path
    collector: Collector
    fine: bool = True
    opened: Region | None = None
    lines: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.lines = self.cell.source.splitlines()

    def at(self, number: int) -> int:
        """The line in the file of a line of the cell."""
        return self.cell.body_line + number - 1

    def add(self, code: str, message: str, number: int, hint: str) -> None:
        self.fine = False
        self.collector.add(code, message, path=self.path, line=self.at(number), hint=hint)

    def unclosed(self, last: int) -> None:
        """Report the open region; the hint names the line where its block ends."""
        region = self.opened
        assert region is not None
        width = len(region.indent)
        end = region.begin
        for number in range(region.begin + 1, last + 1):
            line = self.lines[number - 1]
            if line.strip() and len(line) - len(line.lstrip()) < width:
                break
            end = number if line.strip() else end
        hint = f"add `### END {region.name}` after line {self.at(end)}, at the same indentation"
        code = "unclosed-" + region.name.split()[0].lower()
        self.add(code, f"BEGIN {region.name} is never closed", region.begin, hint)
        self.opened = None


def _check_line(number: int, line: str, comments: _Comments | None, lint: _Lint) -> None:
    exact = _EXACT.match(line)
    if comments is not None and number <= comments.known:
        if (exact or _LOUD.search(line)) and number not in comments.at:
            hint = "nbgrader would cut the text there: write the words in another way, such as lower case"
            lint.add("marker-in-string", "a region marker inside a string or an expression", number, hint)
            return
        if exact and comments.depth.get(number):
            hint = "regions hold whole statements: put both markers around the statement"
            lint.add("marker-in-expression", "a region marker between brackets", number, hint)
            return
    if exact:
        _check_exact(number, exact, lint)
    elif phrase := _near_miss(line, code=comments is not None):
        before = line.split("#", maxsplit=1)[0].strip() if comments is not None else ""
        if before:
            hint = f"put `### {phrase}` on a line of its own; the code on its line would be lost"
            lint.add("code-on-marker-line", "a region marker after code", number, hint)
        else:
            hint = f"write exactly `### {phrase}`, alone on its line"
            lint.add("marker-typo", f"this is almost a region marker: {line.strip()}", number, hint)


def _check_exact(number: int, exact: re.Match[str], lint: _Lint) -> None:
    indent, edge, name = exact[1], exact[2], exact[3]
    kinds = ALLOWED[name]
    if lint.cell.kind not in kinds:
        where = " and ".join(kind.value for kind in kinds)
        hint = f"{name} regions belong in {where} cells; this is a {lint.cell.kind.value} cell"
        lint.add("marker-in-wrong-cell", f"{edge} {name} does not belong here", number, hint)
        return
    if edge == "BEGIN":
        _open(number, name, indent, lint)
    else:
        _close(number, name, indent, lint)


def _open(number: int, name: str, indent: str, lint: _Lint) -> None:
    if lint.opened is not None:
        opened = lint.opened
        hint = f"close the region of line {lint.at(opened.begin)} with `### END {opened.name}` first, or drop this line"
        lint.add("nested-marker", f"BEGIN {name} inside another region", number, hint)
        return
    if indent and (lint.cell.is_markdown or name == HIDDEN):
        lint.add("marker-indent", f"BEGIN {name} is indented", number, "write it in the first column")
    lint.opened = Region(name, number, number, indent)


def _close(number: int, name: str, indent: str, lint: _Lint) -> None:
    opened, lint.opened = lint.opened, None
    if opened is None:
        hint = f"add `### BEGIN {name}` above it, or drop this line"
        lint.add("stray-end", f"END {name} without a BEGIN", number, hint)
    elif opened.name != name:
        hint = f"line {lint.at(opened.begin)} opens {opened.name}: close it with `### END {opened.name}`"
        lint.add("mismatched-marker", f"END {name} closes another region", number, hint)
    elif opened.indent != indent:
        hint = f"indent it by {len(opened.indent)} spaces, like line {lint.at(opened.begin)}"
        lint.add("marker-indent", f"END {name} is not indented like its BEGIN", number, hint)
    elif not "".join(lint.lines[opened.begin : number - 1]).strip():
        hint = "write the region's content between the markers"
        lint.add("empty-region", f"nothing between BEGIN {name} and END {name}", opened.begin, hint)


def _near_miss(line: str, *, code: bool) -> str | None:
    """The marker that `line` was probably meant to be: the loud words anywhere, or a comment that is nearly one."""
    if loud := _LOUD.search(line):
        return _nearest(f"{loud[1]} {loud[2]}")
    text = line.partition("#")[2] if code else line
    words = re.sub(r"[^A-Z ]+", " ", text.upper()).split()
    if not words or len(words) > 4:
        return None
    words[0] = _SYNONYMS.get(words[0], words[0])
    first = words[0]
    like_an_edge = first.startswith(("BEGIN", "END")) or difflib.get_close_matches(first, ["BEGIN", "END"], cutoff=0.6)
    return _nearest(" ".join(words), cutoff=0.8) if like_an_edge else None


def _nearest(words: str, cutoff: float = 0.0) -> str | None:
    near: Sequence[str] = difflib.get_close_matches(words, _PHRASES, n=1, cutoff=cutoff)
    return near[0] if near else None


@dataclass
class _Comments:
    """Lines that hold a comment, how deep in brackets each begins, and how far the tokenizer came."""

    at: set[int] = field(default_factory=set)
    depth: dict[int, int] = field(default_factory=dict)
    known: int = 0


def _comments(source: str) -> _Comments:
    found = _Comments(known=len(source.splitlines()))
    depth, last = 0, 0
    try:
        for token in tokenize.generate_tokens(io.StringIO(source + "\n").readline):
            last = token.end[0]
            if token.type == tokenize.OP:
                depth += (token.string in "([{") - (token.string in ")]}")
            elif token.type == tokenize.COMMENT:
                found.at.add(token.start[0])
                found.depth[token.start[0]] = depth
    except (tokenize.TokenError, SyntaxError):
        found.known = last - 1  # unclosed bracket or string: the syntax check reports it
    return found
