"""The first screen of a notebook: badge, what to do first, the table of problems, what to hand in, the rules."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from starterkit.model import Kind
from starterkit.readme import PointsRow, counted, day_and_time, late_policy, points_rows

if TYPE_CHECKING:
    from starterkit.model import Homework

COLAB = "https://colab.research.google.com"


def release_tag(homework: Homework, release: int) -> str:
    """Return the tag of a release in the public kit repository: 2026FA-hw2-r1."""
    return f"{homework.course.term}-{homework.name}-r{release}".replace(" ", "")


def badge(homework: Homework, release: int) -> str | None:
    """Return the "Open in Colab" badge, or None where the course names no public repository."""
    if not homework.course.repository:
        return None
    repository = str(homework.course.repository).rstrip("/").removesuffix(".git").removeprefix("https://github.com/")
    path = f"{homework.name}/{homework.name}.ipynb"
    url = f"{COLAB}/github/{repository}/blob/{release_tag(homework, release)}/{path}"
    return f"[![Open In Colab]({COLAB}/assets/colab-badge.svg)]({url})"


def first_screen(homework: Homework, release: int) -> str:
    """Return the markdown of the first cell."""
    assignment, course = homework.assignment, homework.course
    title = [] if has_title(homework) else [f"# {course.name}, {homework.name.upper()}: {assignment.title}"]
    mark = badge(homework, release)
    corrections = [f"**Correction, {erratum.date}:** {erratum.text.strip()}" for erratum in assignment.errata]
    return "\n\n".join([
        *title,
        *([mark] if mark else []),
        "**First: File ▸ Save a copy in Drive.** What Colab opens from a link is lost when the tab closes.",
        f"Release {release}, {course.term}. **Due {day_and_time(assignment.due_date)}.**",
        *corrections,
        "\n".join(_table(homework)),
        "\n".join(_to_hand_in(homework)),
        "\n".join(_rules(homework)),
    ])  # fmt: skip


def has_title(homework: Homework) -> bool:
    """Return whether the source begins with a title of its own, a markdown cell that starts with `# `."""
    first = homework.cells[0]
    return first.kind is Kind.PROSE and first.source.startswith("# ")


def facts(homework: Homework, problem: str) -> str:
    """Return the line under a problem's heading, or "" for a problem that carries no points."""
    row = next(row for row in points_rows(homework) if row.id == problem)
    parts = list[str]()
    if row.here + row.there:
        parts.append(f"{counted(row.here + row.there, 'point')} by tests ({row.here:g} checked here, "
                     f"{row.there:g} on Gradescope)")  # fmt: skip
    if row.people:
        parts.append(f"{counted(row.people, 'point')} read by people")
    if row.lines:
        parts.append(f"≈ {counted(row.lines, 'line')} to write")
    if row.minutes:
        parts.append(f"≈ {counted(row.minutes, 'minute')}")
    return " · ".join(parts)


def training_minutes(homework: Homework, problem: str, where: str) -> float:
    """Return the declared minutes of a problem's experiments; `where` is "cpu" or "t4"."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    cells = [cell for cell in homework.cells_of(Kind.EXPERIMENT) if str(cell.id).rstrip(letters) == problem]
    return math.fsum(float(cell.options.get(f"{where}_minutes", 0)) for cell in cells)


def _table(homework: Homework) -> list[str]:
    """Return the table of problems; a column that would be empty is left out."""
    rows = points_rows(homework)
    columns: list[tuple[str, list[float]]] = [
        ("points", [row.total for row in rows]),
        ("checked here", [row.here for row in rows]),
        ("on Gradescope", [row.there for row in rows]),
        ("read by people", [row.people for row in rows]),
        ("lines to write", [row.lines for row in rows]),
        ("your minutes", [row.minutes for row in rows]),
        ("CPU minutes", [training_minutes(homework, row.id, "cpu") for row in rows]),
        ("T4 minutes", [training_minutes(homework, row.id, "t4") for row in rows]),
    ]
    columns = [(name, values) for name, values in columns if any(values)]
    head = ["problem", *(name for name, _ in columns)]
    body = [[_title(row), *(_number(values[i]) for _, values in columns)] for i, row in enumerate(rows)]
    if len(rows) > 1:
        body.append(["**all**", *(f"**{_number(math.fsum(values))}**" for _, values in columns)])
    return [" | ".join(["", *cells, ""]).strip() for cells in (head, ["---"] + ["--:"] * len(columns), *body)]


def _title(row: PointsRow) -> str:
    return f"{row.id} {row.title}".strip().replace("|", "\\|")


def _number(value: float) -> str:
    return f"{value:g}" if value else "–"


def _to_hand_in(homework: Homework) -> list[str]:
    name = homework.name
    lines = ["**Hand in on Gradescope:**", "", f"- `{name}-submission.zip` to “{name} code”; the last cell makes it"]
    if homework.figures:
        lines.append(f"- `figures.pdf` ({len(homework.figures) + 1} pages) to “{name} figures”; the last cell makes it")
    if homework.written:
        pages = counted(sum(written.pages for written in homework.written), "page")
        ids = ", ".join(written.id for written in homework.written)
        lines.append(f"- {ids} as a PDF of {pages} to “{name} written”; the template is `{name}_written.tex`")
    return lines


def _rules(homework: Homework) -> list[str]:
    """Return the policies in short; the README has them with an example."""
    assignment, course = homework.assignment, homework.course
    size = assignment.team_size or course.team_size
    lines = ["**Rules**, in full in README.md:", ""]
    lines.append(f"- Teams of up to {size} hand in together." if size > 1 else "- Everybody hands in alone.")
    lines.append(f"- AI tools: {' '.join(assignment.ai_policy.split()) or 'ask the course staff before you use one.'}")
    lines.append(f"- Late work: {' '.join(late_policy(course.late, assignment, size))}")
    return lines
