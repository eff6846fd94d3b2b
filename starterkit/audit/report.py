"""The report on a terminal and as JSON, and the progress while it is being made."""

from __future__ import annotations

import dataclasses
import json
import sys
import textwrap
import time
from typing import TYPE_CHECKING, Any, Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from starterkit.audit.world import Finding, Part, Report

MOST = 40  # findings shown in full; the files hold all
NAME_WIDTH = 11  # of the longest name of a part


class Screen:
    """Progress on stderr: a bar where somebody watches, a line per part otherwise."""

    def __init__(self, homework: str) -> None:
        self.console = Console(stderr=True, highlight=False)
        self.homework = homework
        self.bar: Progress | None = None
        self.began = time.monotonic()
        if self.console.is_terminal:
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
            self.bar = Progress(*columns, console=self.console, transient=True)
            self.bar.start()
            self.task = self.bar.add_task(homework, total=None)

    def begin(self, name: str) -> None:
        """Say which part comes now."""
        if self.bar is not None:
            self.bar.reset(self.task, description=f"{self.homework}: {name}", total=None)
        else:
            seconds = time.monotonic() - self.began
            print(f"{self.homework}: {name} ({seconds:.0f} s)", file=sys.stderr, flush=True)

    def advance(self, done: int, total: int) -> None:
        """Show how much of the part is done."""
        if self.bar is not None:
            self.bar.update(self.task, completed=done, total=total)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Take the bar away."""
        if self.bar is not None:
            self.bar.stop()


def show(report: Report) -> None:
    """Print the report to stdout: notes, what must be mended, and last the figures of every part and the verdict."""
    console = Console(highlight=False, soft_wrap=True)
    for part in report.parts:
        for note in part.notes:
            console.print(f"note: {part.name}: {note}", markup=False)
    for finding in report.findings[:MOST]:
        _finding(console, finding)
    if len(report.findings) > MOST:
        console.print(f"\n… and {len(report.findings) - MOST} more; --json and --html hold all of them")
    console.print()
    for part in report.parts:
        _part(console, part)
    console.print()
    console.print(verdict(report), markup=False)


def _part(console: Console, part: Part) -> None:
    """Print what one part found; wrapped below itself where somebody watches."""
    mark = "…" if not part.done else "[red]✗[/]" if part.findings else "[green]✓[/]"
    said = f"{part.summary} ({part.seconds:.1f} s)"
    room = console.width - NAME_WIDTH - 4
    first, *rest = textwrap.wrap(said, room) if console.is_terminal and room > NAME_WIDTH else [said]
    console.print(f"{mark}  {part.name:<{NAME_WIDTH}} {escape(first)}")
    for line in rest:
        console.print(" " * (NAME_WIDTH + 4) + line, markup=False)


def _finding(console: Console, finding: Finding) -> None:
    console.print(f"\n[bold red]{finding.part}[/]: {escape(finding.title)}")
    if finding.place:
        console.print(f"  --> {finding.place}", markup=False)
    for line in finding.lines:
        style = "red" if line.startswith("- ") else "green" if line.startswith("+ ") else None
        console.print(f"    {line}", style=style, markup=False)


def verdict(report: Report) -> str:
    """Return the closing line."""
    spent = f"{report.seconds:.0f} s, {report.cpu_s:.0f} CPU-s"
    if report.interrupted:
        begun = report.interrupted in {part.name for part in report.parts} or not report.parts
        where = f"interrupted {'during' if begun else 'before'} {report.interrupted} ({spent})"
        known = "what stands above is what is known" if report.parts else "nothing is known yet"
        return f"{report.homework}: {where}; {known}"
    sampled = f"; a sample of {report.sample} mutants" if report.sample else ""
    count = len(report.findings)
    said = "the audit is clean" if not count else f"{count} finding{'s' * (count != 1)}"
    only = f"; only {', '.join(report.only)}" if report.only else ""
    return f"{report.homework}: {said} ({spent}{sampled}{only})"


def as_json(report: Report) -> str:
    """Return the whole report as JSON."""
    data: dict[str, Any] = {
        "schema": 1,
        "homework": report.homework,
        "clean": not report.findings and not report.interrupted,
        "interrupted": report.interrupted or None,
        "sample": report.sample,
        "only": list(report.only),
        "seconds": round(report.seconds, 2),
        "cpu_s": round(report.cpu_s, 2),
        "parts": {
            part.name: {"summary": part.summary, "seconds": round(part.seconds, 2), "notes": part.notes, **part.data}
            for part in report.parts
        },
        "findings": [dataclasses.asdict(finding) for finding in report.findings],
    }
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"
