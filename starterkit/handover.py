"""dist/hwN-gradescope.md: what a person types into Gradescope once per homework."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from starterkit import measures
from starterkit.readme import last_moment, late_policy
from starterkit.written import first_pages

if TYPE_CHECKING:
    from starterkit.build import Built
    from starterkit.model import Homework
    from starterkit.selfgrade import SelfGrade

MEMORY_GB = {"0.5": 0.75, "1.0": 1.5, "2.0": 3.0, "4.0": 6.0}  # CPUs -> GB, as Gradescope's form pairs them
MARGIN = 1.5  # of the reference's memory: students' code is rarely leaner


def sheet(built: Built, graded: SelfGrade | None) -> str:
    """Return the sheet; `graded` is None for a draft, which measured nothing."""
    homework, assignment = built.homework, built.homework.assignment
    team = assignment.team_size or homework.course.team_size
    group = f"Group submission: on, at most {team}." if team > 1 else "Group submission: off."
    dates = [f"Release: {assignment.release_date:%Y-%m-%d %H:%M}", f"Due: {assignment.due_date:%Y-%m-%d %H:%M}"]
    last = last_moment(homework.course.late, assignment)
    if last:
        dates.append(f"Late due: {last:%Y-%m-%d %H:%M} (tick Allow late submissions)")
    elif homework.course.late.policy != "none":
        dates.append("Allow late submissions: on, without a late due date")
    policy = " ".join(late_policy(homework.course.late, assignment, team))
    dates.append(f"Students read: “{policy}” Gradescope takes nothing off by itself.")
    dates.append(f"Regrade requests: on, closed {homework.course.regrade_window_days} days after grades are published.")
    parts = [
        f"# {homework.name} on Gradescope (release {built.release['release']})",
        "\n".join(f"- {line}" for line in [*dates, group]),
        _status(graded),
        _programming(homework, graded),
    ]
    if homework.written:
        parts.append(_written(homework))
    if homework.figures:
        parts.append(_figures(homework))
    return "\n\n".join(parts) + "\n"


def container(homework: Homework, graded: SelfGrade | None) -> tuple[str, int]:
    """Return Gradescope's CPU size and the time-out in minutes: what assignment.toml asks for, or more if measured so.

    Memory decides the size. The time-out leaves the worst submission ten times the reference's CPU time on that size.
    """
    limits = homework.assignment.limits
    if graded is None:
        return limits.container, limits.timeout_minutes
    needed = graded.reference.peak_mb * MARGIN / 1000
    fitting = [
        size for size, memory in MEMORY_GB.items() if memory >= needed and float(size) >= float(limits.container)
    ]
    size = fitting[0] if fitting else "4.0"
    minutes = math.ceil(10 * graded.reference.cpu_s / min(1.0, float(size)) / 60)
    return size, min(40, max(limits.timeout_minutes, minutes))


def _status(graded: SelfGrade | None) -> str:
    if graded is None:
        return "**A draft: not self-graded. Do not upload it.**"
    if not graded.passed:
        return "**Self-grading FAILED. Do not upload it.**"
    reference = graded.reference
    return (
        f"Self-graded: the reference gets {reference.score:g} of {reference.expected:g} points "
        f"in {reference.cpu_s:.1f} CPU-s and {reference.peak_mb:.0f} MiB; "
        f"the untouched starter gets {graded.starter.score:g}."
    )


def _programming(homework: Homework, graded: SelfGrade | None) -> str:
    size, minutes = container(homework, graded)
    bonus = f" Bonus tests add up to {homework.bonus:g} points above that." if homework.bonus else ""
    attempts = homework.assignment.attempts_per_day
    lines = [
        f"## 1. Programming assignment: “{homework.name} code”",
        f"- Autograder points: **{homework.points:g}**.{bonus} Manual grading: off.",
        f"- Autograder: upload `{homework.name}-autograder.zip`. Base image: Ubuntu 22.04 (the default).",
        f"- Container: **{size} CPU, {MEMORY_GB[size]:g} GB**. Time-out: **{minutes} minutes**.",
        f"- Students upload `{homework.name}-submission.zip`; `{homework.name}.ipynb` or its .py download will do too.",
    ]
    if homework.artefacts:
        files = ", ".join(f"`{a.file}` (at most {a.max_mb:g} MB)" for a in homework.artefacts)
        lines.append(f"- They may add: {files}; it earns nothing by itself.")
    if any(artefact["measured"] for artefact in measures.declared(homework)):
        lines.append(
            "- The grader measures what they add. Whoever marks the figures finds numbers and bands (full, half, none, "
            "void) at the end of the submission's output, which only staff see; students see the numbers."
        )
    if attempts:
        lines.append(f"- Attempts: the grader expects at most {attempts} a day.")
    rows = ["| question | points | bonus |", "|---|--:|--:|"]
    rows += [f"| {q.id} {q.title} | {q.points:g} | {q.bonus:g} |" for q in homework.questions]
    return "\n".join(lines) + "\n\n" + "\n".join(rows)


def _written(homework: Homework) -> str:
    pages = first_pages(homework)
    total = sum(written.pages for written in homework.written)
    rows = ["| question | points | page |", "|---|--:|---|"]
    for written in homework.written:
        first, last = pages[written.id], pages[written.id] + written.pages - 1
        rows.append(f"| {written.id} | {written.points:g} | {first if first == last else f'{first} to {last}'} |")
    return "\n".join([
        f"## 2. Homework / problem set: “{homework.name} written”",
        f"- Templated (fixed length), students upload, {total} page{'s' * (total != 1)}.",
        f"- Template PDF: `{homework.name}_written.pdf` beside this sheet, or compile `{homework.name}_written.tex`.",
        f"- Key and rubric: `{homework.name}_key.pdf`, `{homework.name}_rubric.pdf`; as .tex in the solutions zip.",
        f"- A class's uploads: `python build.py check-pdf --homework {homework.name} *.pdf` finds wrong pages.",
        "", *rows,
    ])  # fmt: skip


def _figures(homework: Homework) -> str:
    number = 3 if homework.written else 2
    rows = ["| question | points | page |", "|---|--:|--:|"]
    rows += [
        f"| {figure.id} | {figure.points:g} | {page} |" for page, figure in enumerate(homework.figures, start=2)
    ]  # page 1 is the title page
    return "\n".join([
        f"## {number}. Homework / problem set: “{homework.name} figures”",
        "- Templated (fixed length), students upload the figures PDF that the notebook makes.",
        f"- Template PDF: `{homework.name}_figures.pdf` beside this sheet.",
        f"- It has {len(homework.figures) + 1} pages: a title page, then one per figure, whether it is there or not.",
        "", *rows,
    ])  # fmt: skip
