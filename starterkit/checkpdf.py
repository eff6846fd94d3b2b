"""`check-pdf`: whether a PDF that was handed in has the pages that Gradescope's outline expects."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from starterkit.diagnostics import EXIT_OK, EXIT_STALE, Collector
from starterkit.readme import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from pypdf import PageObject

    from starterkit.course import CourseFolder
    from starterkit.model import Homework

WRITTEN = re.compile(r"(?P<hw>[\w.-]+) \| (?P<part>[\w.]+) \| page (?P<page>\d+)/(?P<total>\d+)")
FIGURES = re.compile(r"(?P<part>[\w.]+) · page (?P<page>\d+)/(?P<total>\d+) · (?P<hw>[\w.-]+)")
TITLE = "figures"  # what the title page of figures.pdf calls itself
REMARKS = {
    "This answer runs over its page": "the answer runs over its page, so later pages have moved",
    "was not provided": "the figure is missing",
    "No answer was given.": "the figure has no answer",
}
INK = re.compile(rb"(?<![\w.])(?:f\*?|F|B\*?|b\*?|S|s|Do|BI|sh)(?!\w)")  # operators that paint, text aside
LEAST_WORDS = 3  # fewer besides the footer, and nothing drawn: blank


class NotAPDF(Exception):  # noqa: N818  # what it is
    """The file cannot be read as a PDF; the text says why."""


@dataclass(frozen=True, kw_only=True)
class Page:
    """One page: its 1-based position, what its footer says (None without one), its other text, and how many
    things besides text are painted (lines, pictures, scans).
    """

    number: int
    homework: str | None
    part: str | None
    said: int | None
    total: int | None
    ink: int
    text: str

    @property
    def blank(self) -> bool:
        """Whether nothing stands on it but its footer."""
        return len(self.text.split()) < LEAST_WORDS and not self.ink


@dataclass(frozen=True, kw_only=True)
class Report:
    """What was found: `kind` is "written", "figures" or "unmarked" (no footers); `problems` are plain sentences."""

    file: str
    kind: str
    homework: str | None
    pages: int
    problems: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    def as_text(self) -> str:
        """Return the lines for a terminal."""
        what = {"written": ", written part", TITLE: ", figures"}.get(self.kind, "")
        of = f" of {self.homework}" if self.homework else ""
        verdict = "not right" if self.problems else "fine"
        lines = [f"{self.file}: {verdict} ({counted(self.pages, 'page')}{what}{of})"]
        lines += [f"  ✗ {problem}" for problem in self.problems] + [f"  ⚠ {remark}" for remark in self.remarks]
        return "\n".join(lines)


def command(
    course: CourseFolder, files: Sequence[Path], homework: str | None, say: Callable[[str], None], *, as_json: bool
) -> int:
    """Check each file and say what was found; 1 when one of them has a problem. Raises StarterkitError."""
    from starterkit.source import load_homework

    collector = Collector(course.root)
    found, template = None, None
    if homework is not None:
        [name] = course.homeworks([homework])
        found = load_homework(course.source(name), course.root, collector)
        collector.raise_errors()
        template = course.dist / f"{name}_written.pdf"
    reports = []
    for path in files:
        try:
            reports.append(check_pdf(path, found, template if template is not None and template.is_file() else None))
        except NotAPDF as error:
            reports.append(Report(file=path.name, kind="none", homework=None, pages=0, problems=(str(error),)))
    if as_json:
        say(json.dumps([asdict(report) for report in reports], indent=1, ensure_ascii=False))
    else:
        for report in reports:
            say(report.as_text())
    return EXIT_STALE if any(report.problems for report in reports) else EXIT_OK


def check_pdf(path: Path, homework: Homework | None = None, template: Path | None = None) -> Report:
    """Return what is wrong with the pages of `path`; with `homework`, compared with the pages that it promises.

    `template` is the untouched written part as a PDF: a page that equals the template's has no answer.

    Raises
    ------
    NotAPDF
        For a file that is no PDF, is damaged or is protected by a password.
    """
    pages = read_pages(path)
    marked = [page for page in pages if page.part]
    kind = "unmarked" if not marked else TITLE if any(page.part == TITLE for page in marked) else "written"
    if kind == "written" and homework is not None and {page.part for page in marked} & {f.id for f in homework.figures}:
        kind = TITLE
    problems, remarks = _blank_pages(pages), _remarks(pages)
    if marked:
        problems += _footers(pages, marked)
    if homework is not None:
        problems += _against(homework, kind, pages)
        if template is not None and kind == "written":
            remarks += _unanswered(pages, read_pages(template))
    if kind == "unmarked":
        remarks.append("no page has a footer of ours (handwritten, or another template): only pages were counted")
    name = next((page.homework for page in marked), None)
    return Report(
        file=path.name, kind=kind, homework=name, pages=len(pages), problems=tuple(problems), remarks=tuple(remarks)
    )


def read_pages(path: Path) -> list[Page]:
    """Return the pages of a PDF. Raises NotAPDF."""
    import logging

    from pypdf import PdfReader
    from pypdf.errors import PyPdfError

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # what it repairs in silence is no concern of staff
    try:
        reader = PdfReader(path)
        if reader.is_encrypted and not reader.decrypt(""):
            raise NotAPDF("it is protected by a password")
        return [_page(number, page) for number, page in enumerate(reader.pages, start=1)]
    except NotAPDF:
        raise
    except (PyPdfError, OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise NotAPDF(f"it cannot be read as a PDF ({str(error) or type(error).__name__})") from None


def _page(number: int, page: PageObject) -> Page:
    text = page.extract_text() or ""
    footer = next((found for pattern in (WRITTEN, FIGURES) if (found := pattern.search(text))), None)
    rest = text.replace(footer[0], "") if footer else text
    return Page(
        number=number, text=" ".join(rest.split()), ink=_ink(page),
        homework=footer["hw"] if footer else None, part=footer["part"] if footer else None,
        said=int(footer["page"]) if footer else None, total=int(footer["total"]) if footer else None,
    )  # fmt: skip


def _ink(page: PageObject) -> int:
    """Return how many operators of a page paint something that is no text."""
    contents: Any = page.get_contents()
    if contents is None:
        return 0
    return len(INK.findall(re.sub(rb"\((?:[^()\\]|\\.)*\)|<[^>]*>", b"", contents.get_data())))


def _blank_pages(pages: Sequence[Page]) -> list[str]:
    return [f"page {page.number} is blank" + (f" ({page.part})" if page.part else "") for page in pages if page.blank]


def _remarks(pages: Sequence[Page]) -> list[str]:
    """Return what a page says of itself, the gravest thing only."""
    found = ((page, next((REMARKS[words] for words in REMARKS if words in page.text), None)) for page in pages)
    return [f"page {page.number} ({page.part or 'no footer'}): {meaning}" for page, meaning in found if meaning]


def _footers(pages: Sequence[Page], marked: Sequence[Page]) -> list[str]:
    """Return what the footers contradict: each other, or where the page lies."""
    problems = []
    names = sorted({str(page.homework) for page in marked})
    if len(names) > 1:
        problems.append(f"pages of several homeworks are mixed: {', '.join(names)}")
    for page in pages:
        if page.part is None:
            problems.append(f"page {page.number} has no footer: it was inserted, or an answer ran over")
        elif page.said != page.number:
            problems.append(f"page {page.number} says that it is page {page.said} ({page.part})")
        elif page.total != len(pages):
            problems.append(f"page {page.number} counts {page.total} pages, the file has {len(pages)}")
    return problems


def promised(homework: Homework, kind: str) -> list[str]:
    """Return the part that each page of a hand-in belongs to, in order: ["figures", "F2.1"] or ["W2.1", "W2.1"]."""
    if kind == TITLE:
        return [TITLE, *(figure.id for figure in homework.figures)]
    return [written.id for written in homework.written for _ in range(written.pages)]


def _against(homework: Homework, kind: str, pages: Sequence[Page]) -> list[str]:
    """Return where a file differs from what a homework promises."""
    kinds = [kind] if kind != "unmarked" else [name for name in ("written", TITLE) if promised(homework, name)]
    lengths = sorted({len(promised(homework, name)) for name in kinds})
    problems = []
    if len(pages) not in lengths:
        problems.append(f"{len(pages)} pages, not {' or '.join(map(str, lengths))} as {homework.name} expects")
    if kind == "unmarked":
        return problems
    found = next((page.homework for page in pages if page.homework), None)
    if found != homework.name:
        problems.append(f"it is a file of {found}, not of {homework.name}")
    expected = promised(homework, kind)
    for page, part in zip(pages, expected, strict=False):
        if page.part not in (part, None):
            problems.append(f"page {page.number} holds {page.part}, where {part} is expected")
    return problems


def _unanswered(pages: Sequence[Page], template: Sequence[Page]) -> list[str]:
    """Return the pages that hold no word below the question's number that the template's page lacks."""
    untouched = {page.number: (_words(page), page.ink) for page in template}
    return [
        f"page {page.number} ({page.part}): no answer below the question"
        for page in pages
        if page.number in untouched
        and not _words(page) - untouched[page.number][0]
        and page.ink <= untouched[page.number][1]
    ]


def _words(page: Page) -> Counter[str]:
    """Return the words of a page, from the question's number on: names stand above the first."""
    _, found, below = page.text.partition(f"Question {page.part}")
    return Counter((below if found else page.text).split())
