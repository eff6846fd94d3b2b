"""The written part: a LaTeX template for students, and from the same source the answer key and the rubric."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starterkit import archive
from starterkit.latex import escape, latex

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jinja2 import Environment

    from starterkit.diagnostics import Collector
    from starterkit.model import Homework, MarkItem, Written

TEMPLATES = Path(__file__).resolve().parents[1] / "templates"


@dataclass(frozen=True, kw_only=True)
class Part:
    """One question of a LaTeX document; `page` is the page it starts on."""

    id: str
    points: str
    page: int
    pages: int
    prompt: str
    answer: str = ""


def first_pages(homework: Homework) -> dict[str, int]:
    """Return the page of the written part on which each question starts; the first question has page 1."""
    pages, page = dict[str, int](), 1
    for written in homework.written:
        pages[written.id] = page
        page += written.pages
    return pages


def student_files(homework: Homework, release: int, collector: Collector) -> archive.Files:
    """Return `hwN_written.tex` and `hw.sty`, or nothing where the homework has no written part."""
    if not homework.written:
        return {}
    parts = _questions(homework, collector, answers=False)
    tex = _document("written.tex.j2", homework, release, parts, kind="Written part")
    return {f"{homework.name}_written.tex": tex, "hw.sty": (TEMPLATES / "written/hw.sty").read_bytes()}


def staff_files(homework: Homework, release: int, collector: Collector) -> archive.Files:
    """Return the answer key and the rubric (written questions and figures), with the style file they need."""
    files = archive.Files()
    if homework.written:
        key = _questions(homework, collector, answers=True)
        files[f"{homework.name}_key.tex"] = _document("key.tex.j2", homework, release, key, kind="Answer key")
    rubric = _rubric(homework, collector)
    if rubric:
        files[f"{homework.name}_rubric.tex"] = _document("key.tex.j2", homework, release, rubric, kind="Rubric")
        files["hw.sty"] = (TEMPLATES / "written/hw.sty").read_bytes()
    return files


def counted(points: float) -> str:
    """Return "1 point", "2.5 points"."""
    return f"{points:g} point{'s' * (points != 1)}"


def _questions(homework: Homework, collector: Collector, *, answers: bool) -> list[Part]:
    pages = first_pages(homework)
    return [
        Part(
            id=written.id,
            points=counted(written.points),
            page=pages[written.id],
            pages=written.pages,
            prompt=_latex(written.prompt, homework, written.line, collector),
            answer=_answer(written, homework, collector) if answers else "",
        )
        for written in homework.written
    ]


def _answer(written: Written, homework: Homework, collector: Collector) -> str:
    """Return a model answer with its mark scheme below it."""
    solution = _latex(written.solution, homework, written.line, collector)
    scheme = _scheme(written.mark_scheme, homework, written.line, collector) if written.mark_scheme else ""
    return f"{solution}\n\n\\begin{{hwscheme}}\n{scheme}\n\\end{{hwscheme}}" if scheme else solution


def _rubric(homework: Homework, collector: Collector) -> list[Part]:
    """Return the mark schemes, each on a page of its own."""
    parts: list[Any] = [*homework.written, *homework.figures]
    return [
        Part(
            id=part.id,
            points=counted(part.points),
            page=page,
            pages=1,
            prompt=_latex(part.prompt, homework, part.line, collector),
            answer=_scheme(part.mark_scheme, homework, part.line, collector),
        )
        for page, part in enumerate(parts, start=1)
        if part.mark_scheme
    ]


def _scheme(items: Sequence[MarkItem], homework: Homework, line: int, collector: Collector) -> str:
    rows = (rf"\item[({item.points:g})] {_latex(item.text, homework, line, collector)}" for item in items)
    return "\\begin{itemize}\\itemsep0pt\n" + "\n".join(rows) + "\n\\end{itemize}"


def _latex(source: str, homework: Homework, line: int, collector: Collector) -> str:
    """Return markdown as LaTeX; what is refused is reported at the cell's own lines."""
    rendered, refused = latex(source)
    for offset, message in refused:
        words = source.split("\n")[offset].strip()
        collector.add(
            "not-latex", message, path=homework.source_path, line=_line_of(homework, line, words),
            hint="the written part becomes LaTeX: use markdown and $maths$ only",
        )  # fmt: skip
    return rendered


def _line_of(homework: Homework, header: int, words: str) -> int:
    """Return the line at or after `header` that holds `words`; the header's where it is not found."""
    lines = homework.text.split("\n")
    return next(
        (number for number, line in enumerate(lines[header:], start=header + 1) if words and words in line), header
    )


def _document(template: str, homework: Homework, release: int, parts: Sequence[Part], *, kind: str) -> bytes:
    rendered = _environment().get_template(template).render(
        course=homework.course.name, homework=homework.name, title=homework.assignment.title, release=release,
        kind=kind, questions=parts, first=parts[0], pages=sum(part.pages for part in parts),
        many=any(part.pages > 1 for part in parts),
    )  # fmt: skip
    return archive.text(rendered)


@functools.cache
def _environment() -> Environment:
    """Return a Jinja environment whose delimiters mean nothing to LaTeX."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(  # noqa: S701  # LaTeX escapes otherwise
        loader=FileSystemLoader(TEMPLATES / "written"), undefined=StrictUndefined, keep_trailing_newline=True,
        block_start_string="<%", block_end_string="%>", variable_start_string="<<", variable_end_string=">>",
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["tex"] = escape
    return environment
