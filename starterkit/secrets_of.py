"""What of a homework must never reach students: solution regions, hidden tests, mark schemes, answers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starterkit import strip
from starterkit.latex import latex
from starterkit.model import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from starterkit.model import Cell, Homework

NEWLINE = " \n "
_WORD = re.compile(r"[A-Za-z]{2,}")
_TOKEN = re.compile(r"\w+|[^\w\s]")
_COMMENT = re.compile(r"""^((?:[^#"']|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')*)#.*$""")
_DECLARES = re.compile(r"\s*(def|class|import|from|@)\b")

ENOUGH_CODE = 6  # tokens from which one line of code says something: `return x` and `)` do not
ENOUGH_PROSE = 10  # tokens from which a line of code is recognised inside prose
ENOUGH_REGION = 8  # tokens from which a whole region of short lines says something
TELLING_REGION = 40  # tokens from which a whole region may stand nowhere, given code included
ENOUGH_WORDS = 4  # words of a sentence of a mark scheme or an answer; formulas such as $p(x) = 0$ stand everywhere


@dataclass(frozen=True, kw_only=True)
class Passage:
    """A run of lines that must not ship: `line` is where it starts in the source, `normal` its normal form.

    `excusable` passages may stand in given code as well: a line such as `optimizer.zero_grad()` is nobody's secret.
    """

    what: str
    line: int
    normal: str
    tokens: int
    excusable: bool
    prose: bool = False


def normal(line: str) -> str:
    """Return a line as its tokens with one space between them, comment signs included."""
    return " ".join(_TOKEN.findall(line))


def normal_code(line: str) -> str:
    """Return the normal form of a line of code without its comment."""
    match = _COMMENT.match(line) if "#" in line else None
    return normal(match.group(1) if match else line)


def normal_text(source: str, *, code: bool = False) -> str:
    """Return the normal form of several lines, blank ones dropped, with a space at both ends."""
    form = normal_code if code else normal
    lines = [form(line) for line in source.split("\n")]
    return " " + NEWLINE.join(line for line in lines if line) + " "


def shipped_code(cells: Iterable[Cell]) -> str:
    """Return the source of all code that ships on purpose: given cells, and what surrounds regions elsewhere."""
    parts = list[str]()
    for cell in cells:
        if cell.is_markdown or _from_scratch(cell):
            continue
        hidden = {index for word in (strip.SOLUTION, strip.HIDDEN) for index in _inside(cell.source, word)}
        parts += [line for index, line in enumerate(cell.source.split("\n")) if index not in hidden]
    return "\n".join(parts)


def code_passages(cells: Iterable[Cell]) -> Iterator[Passage]:
    """Yield the solutions and hidden tests of code cells."""
    for cell in cells:
        if cell.is_markdown:
            continue
        if _from_scratch(cell):
            yield from _code("solution", cell.body_line, tuple(cell.source.split("\n")))
        for region in strip.regions(cell.source):
            yield from _code("solution", cell.body_line + region.first + 1, region.lines)
        for region in strip.regions(cell.source, strip.HIDDEN):
            yield from _code("hidden test", cell.body_line + region.first + 1, region.lines)


def prose_passages(homework: Homework) -> Iterator[Passage]:
    """Yield the answers to written questions and all mark schemes."""
    for written in homework.written:
        yield from _sentences("answer", written.line, written.solution.split("\n"), written.prompt)
    parts: list[Any] = [*homework.written, *homework.figures]
    for part in parts:
        yield from _sentences("mark scheme", part.line, [item.text for item in part.mark_scheme], part.prompt)


def hidden_names(homework: Homework) -> dict[str, int]:
    """Return the names of hidden tests with their lines; a name alone tells what is tested."""
    return {test.name: test.line for question in homework.questions for test in question.tests if test.hidden}


def _code(what: str, first: int, lines: tuple[str, ...]) -> Iterator[Passage]:
    """Yield the telling lines of a region, and the region as a whole, whose lines may all be short."""
    whole = list[str]()
    for number, line in enumerate(lines, start=first):
        form = normal_code(line)
        if not form:
            continue
        whole.append(form)
        tokens = form.count(" ") + 1
        if tokens >= ENOUGH_CODE and not _DECLARES.match(line):
            yield Passage(what=what, line=number, normal=f" {form} ", tokens=tokens, excusable=True)
    tokens = sum(form.count(" ") + 1 for form in whole)
    if len(whole) > 1 and tokens >= ENOUGH_REGION:
        joined = f" {NEWLINE.join(whole)} "
        yield Passage(what=what, line=first, normal=joined, tokens=tokens, excusable=tokens < TELLING_REGION)


def _sentences(what: str, line: int, sentences: list[str], prompt: str) -> Iterator[Passage]:
    """Yield the sentences of an answer or a mark scheme, as markdown and as LaTeX, that the prompt does not hold."""
    known = normal_text(prompt).replace(NEWLINE, " ")
    for sentence in sentences:
        for form in dict.fromkeys((normal(sentence), normal(latex(sentence)[0]))):
            tokens = form.count(" ") + 1
            if len(_WORD.findall(form)) >= ENOUGH_WORDS and f" {form} " not in known:
                yield Passage(what=what, line=line, normal=f" {form} ", tokens=tokens, excusable=False, prose=True)


def _from_scratch(cell: Cell) -> bool:
    return cell.kind is Kind.SOLUTION and "names" in cell.options and not any(strip.regions(cell.source))


def _inside(source: str, word: str) -> Iterator[int]:
    """Yield the indices of the lines of all regions of one kind, markers included."""
    for region in strip.regions(source, word):
        yield from range(region.first, region.first + len(region.lines) + 2)
