"""The cells before the first problem: the header with its table, and what makes a notebook stand alone."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from starterkit.model import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starterkit.model import Homework

Node = dict[str, Any]

EMBED_LIMIT = 512 * 1024  # bytes of a data file that still travels inside the notebook
HOW = (
    "Run the set-up cells below, then work from top to bottom. Keep the names of functions and classes: "
    "they are what is graded, wherever in the notebook they stand."
)
COLAB = "https://colab.research.google.com"


def markdown(key: str, source: str) -> Node:
    """Return a markdown cell."""
    return {"cell_type": "markdown", "id": key, "metadata": {}, "source": source}


def code(key: str, source: str, *, folded: bool = False) -> Node:
    """Return a code cell without outputs; a folded one shows in Colab as a form."""
    metadata = {"cellView": "form"} if folded else {}
    node: Node = {"cell_type": "code", "execution_count": None, "id": key, "metadata": metadata, "outputs": []}
    return {**node, "source": source}


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


def header(homework: Homework, release: int) -> Node:
    """Return the first cell: badge, what to do first, and the table of problems."""
    assignment = homework.assignment
    lines = [] if has_title(homework) else [f"# {homework.course.name}, {homework.name}: {assignment.title}", ""]
    mark = badge(homework, release)
    if mark:
        lines += [mark, ""]
    lines += [
        "**First: File ▸ Save a copy in Drive.** What Colab opens from a link is lost when the tab closes.",
        "",
        f"Release {release}, {homework.course.term}. Due {_date(assignment.due_date)}. {HOW}",
        "",
        *_table(homework),
    ]
    for erratum in assignment.errata:
        lines += ["", f"**Correction, {_date(erratum.date)}:** {erratum.text.strip()}"]
    return markdown("header", "\n".join(lines))


def has_title(homework: Homework) -> bool:
    """Return whether the source begins with a title of its own, a markdown cell that starts with `# `."""
    first = homework.cells[0]
    return first.kind is Kind.PROSE and first.source.startswith("# ")


def _table(homework: Homework) -> list[str]:
    """Return the table of problems: points, how many are checked in the notebook, lines, minutes."""
    rows = ["| problem | points | checked here | on Gradescope | lines to write | minutes |"]
    rows += ["|---|--:|--:|--:|--:|--:|"]
    for problem in homework.problems:
        here, there, lines = _counts(homework, problem.id)
        by_hand = _by_hand(homework, problem.id)
        minutes = str(problem.minutes) if problem.minutes else ""
        points = f"{here + there + by_hand:g} | {here:g} | {there:g}"
        rows.append(f"| {problem.id} {problem.title} | {points} | {lines} | {minutes} |")
    total = homework.points + sum(w.points for w in homework.written) + sum(f.points for f in homework.figures)
    rows.append(f"| **all** | **{total:g}** | | | | |")
    if homework.written or homework.figures:
        rows += ["", "The other points are for written answers and figures, which people read."]
    return rows


def facts(homework: Homework, problem: str) -> str:
    """Return the line under a problem's heading, or "" for a problem that carries no points."""
    here, there, lines = _counts(homework, problem)
    by_hand = _by_hand(homework, problem)
    minutes = next((p.minutes for p in homework.problems if p.id == problem), None)
    parts = list[str]()
    if here + there:
        parts.append(f"{here + there:g} points by tests ({here:g} checked here, {there:g} on Gradescope)")
    if by_hand:
        parts.append(f"{by_hand:g} points read by people")
    if lines:
        parts.append(f"≈ {lines} line{'s' * (lines != 1)} to write")
    if minutes:
        parts.append(f"≈ {minutes} minutes")
    return " · ".join(parts)


def _counts(homework: Homework, problem: str) -> tuple[float, float, int]:
    """Return (points of public tests, points of hidden tests, lines to write) of one problem, bonus left out."""
    questions = [question for question in homework.questions if question.problem == problem]
    tests = [test for question in questions for test in question.tests if not test.bonus]
    here = sum(test.points for test in tests if not test.hidden)
    return here, sum(test.points for test in tests if test.hidden), sum(q.lines_to_write for q in questions)


def _by_hand(homework: Homework, problem: str) -> float:
    parts: list[Any] = [*homework.written, *homework.figures]
    return sum((float(part.points) for part in parts if part.problem == problem), 0.0)


def set_up(homework: Homework, modules: Mapping[str, str]) -> list[Node]:
    """Return the cells that write the given modules and data beside the notebook, and import what the checks need."""
    nodes = [markdown("setup", "## Set-up\n\nRun these cells once per session; there is nothing to change in them.")]
    for name, source in modules.items():
        title = f"#@title {name}.py (given)" if name != "hwkit" else "#@title hwkit.py: checks, figures, submission"
        body = source.rstrip("\n")
        nodes.append(code(f"setup-{slug(name)}", f"%%writefile {name}.py\n{title}\n{body}", folded=True))
    for path in homework.data:
        if path.stat().st_size <= EMBED_LIMIT:
            nodes.append(code(f"setup-{slug(path.name)}", _embedded(path.name, path.read_bytes()), folded=True))
    nodes.append(code("setup-import", "from hwkit import check"))
    return nodes


def hand_in(homework: Homework) -> list[Node]:
    """Return the last cells: what to upload where, and the call that packs the submission."""
    lines = ["## Hand in", "", "Save the notebook, fill in your names and NetIDs, and run the cell below."]
    lines.append(f"Upload `{homework.name}-submission.zip` to “{homework.name} code” on Gradescope")
    if homework.figures:
        lines[-1] += f", and `figures.pdf` to “{homework.name} figures”"
    if homework.written:
        lines[-1] += f"; the written part is a PDF of its own, for “{homework.name} written”"
    lines[-1] += "."
    tools = "make_figures_pdf, submit" if homework.figures else "submit"
    call = [f"from hwkit import {tools}", "", "names, netids = [], []  # of everybody who hands in together"]
    call += ["make_figures_pdf(names, netids)"] if homework.figures else []
    return [
        markdown("hand-in", "\n".join(lines)),
        code("hand-in-submit", "\n".join([*call, "submit(names, netids);"])),
    ]


def _embedded(name: str, data: bytes) -> str:
    """Return a cell that writes a data file; the text is cut into lines that an editor can bear."""
    encoded = base64.b64encode(data).decode()
    lines = "\n".join(encoded[start : start + 120] for start in range(0, len(encoded), 120))
    return (
        f"#@title {name} (given data)\nimport base64\nfrom pathlib import Path\n\n"
        f'Path("{name}").write_bytes(base64.b64decode("""\n{lines}\n"""));'
    )


def slug(name: str) -> str:
    """Return a name as part of a cell id: lower case, everything else a hyphen."""
    return "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in name.lower())


def _date(moment: object) -> str:
    """Return a date or date-time of a TOML file as people read it."""
    written = getattr(moment, "isoformat", None)
    return str(moment) if written is None else written().replace("T", " ")[:16]
