"""What all parts of an audit share: the homework warmed up, its alternatives and mutants, and what has been found."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from starterkit.audit import executor

if TYPE_CHECKING:
    from starterkit.audit.bench import Bench
    from starterkit.audit.generate import Mutant
    from starterkit.diagnostics import Collector
    from starterkit.model import Homework
    from starterkit.overlay import Alternative
    from starterkit.runtime import Runtime


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that must be mended (or signed). `lines` go below the title as they are."""

    part: str
    title: str
    place: str = ""
    lines: tuple[str, ...] = ()


@dataclass(kw_only=True)
class Part:
    """One part of the audit that has been done: a line for the table, and data for the JSON and the page."""

    name: str
    summary: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0
    done: bool = False  # else it was cut short

    def fail(self, title: str, *lines: str, place: str = "") -> None:
        """Add a finding."""
        self.findings.append(Finding(part=self.name, title=title, place=place, lines=lines))


@dataclass(kw_only=True)
class Report:
    """The parts that have been done; `interrupted` names the one that Ctrl-C or SIGTERM cut short, or kept from
    being begun.
    """

    homework: str
    title: str = ""
    laws: dict[str, str] = field(default_factory=dict)  # "2.1a test_name" -> the law in words
    parts: list[Part] = field(default_factory=list)
    interrupted: str = ""
    seconds: float = 0.0
    cpu_s: float = 0.0
    sample: int | None = None
    only: tuple[str, ...] = ()

    @property
    def findings(self) -> list[Finding]:
        """Everything that must be mended."""
        return [finding for part in self.parts for finding in part.findings]

    def part(self, name: str) -> Part | None:
        """Return a part that has been done."""
        return next((part for part in self.parts if part.name == name), None)


@dataclass(kw_only=True)
class World:
    """The warmed-up homework. Everything in here reaches the workers by the fork."""

    homework: Homework
    runtime: Runtime
    benches: dict[str, Bench]
    wheats: list[Alternative]
    chaffs: list[Alternative]
    mutants: list[Mutant]
    collector: Collector
    workers: int = executor.JOBS
    sample: int | None = None
    only: tuple[str, ...] = ()
    advance: Callable[[int, int], None] = lambda done, total: None
    progress: str = ""  # "17 of 40", in what is being done
    notes: dict[str, Any] = field(default_factory=dict)  # what one part leaves for a later one

    def report_of(self, name: str) -> dict[str, Any]:
        """Return the data of a part that has been done; empty if it has not."""
        found: dict[str, Any] = self.notes.get(f"part {name}", {})
        return found

    def bench(self, question: str) -> Bench:
        """Return the bench of a question."""
        return self.benches[question]

    def each(
        self, task: executor.Task, jobs: Iterable[tuple[Any, Any]], *, isolated: bool = False, wall_s: float = 120.0
    ) -> dict[Any, Any]:
        """Run the jobs in workers, showing progress."""
        listed = list(jobs)
        done = 0

        def told(_key: Any, _result: Any) -> None:
            nonlocal done
            done += 1
            self.progress = f"{done} of {len(listed)}"
            self.advance(done, len(listed))

        recycle = 1 if isolated else executor.RECYCLE
        return executor.each(task, listed, workers=self.workers, recycle=recycle, told=told, wall_s=wall_s)

    def chosen(self) -> list[Mutant]:
        """Return the mutants to run: all, or a fixed sample of them."""
        if self.sample is None or self.sample >= len(self.mutants):
            return self.mutants
        picked = random.Random(0).sample(range(len(self.mutants)), self.sample)  # noqa: S311
        return [self.mutants[i] for i in sorted(picked)]

    def place(self, path: Any, line: int) -> str:
        """Return "path:line", relative to the course."""
        return f"{self.collector.display(path)}:{line}"


Stage = Callable[[World, Part], None]


def run(parts: Sequence[tuple[str, Stage]], world: World, report: Report, begin: Callable[[str], None]) -> None:
    """Run the parts one after the other, saying which begins. One cut short keeps what it has."""
    for name, stage in parts:
        report.interrupted = name  # until it is over
        part, world.progress = Part(name=name), ""
        began = time.monotonic()
        report.parts.append(part)
        try:
            begin(name)
            stage(world, part)
            part.done = True
        finally:
            part.seconds = time.monotonic() - began
            part.summary = part.summary or f"cut short, {world.progress or 'nothing'} done"
            world.notes[f"part {name}"] = part.data
