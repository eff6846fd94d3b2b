"""`python build.py audit HW`: the parts in their order, what is printed, and the exit code."""

from __future__ import annotations

import os
import resource
import time
from pathlib import Path
from typing import TYPE_CHECKING

from starterkit.diagnostics import EXIT_OK, EXIT_STALE, Collector

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from starterkit.audit.report import Screen
    from starterkit.audit.world import Report, Stage, World
    from starterkit.course import CourseFolder

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def parts() -> list[tuple[str, Stage]]:
    """Return the parts of an audit in the order in which they run; later ones read what earlier ones found."""
    from starterkit.audit import (
        alternatives,
        calibration,
        cheats,
        headroom,
        hints,
        messages,
        partials,
        stability,
        stubs,
        survivors,
    )

    return [
        ("cost", headroom.cost), ("wheats", alternatives.wheats), ("chaffs", alternatives.chaffs),
        ("hints", hints.check), ("stubs", stubs.check), ("partials", partials.check), ("cheats", cheats.check),
        ("mutants", survivors.kill), ("survivors", survivors.triage), ("stability", stability.check),
        ("calibration", calibration.check), ("headroom", headroom.check), ("messages", messages.check),
    ]  # fmt: skip


def audit(
    course: CourseFolder, name: str, *, sample: int | None = None, only: Sequence[str] = (), **files: Path | None
) -> int:  # fmt: skip
    """Audit a homework; print the report, and write it to `json_file` and `html_file` where given.

    Returns 0, or 1 with findings. Ctrl-C ends it with what is known so far, and 1.
    Raises StarterkitError for sources that are wrong.
    """
    one_thread()
    from starterkit.audit.report import Screen, as_json, show

    outputs = [path.resolve() if path else None for path in map(files.get, ("json_file", "html_file"))]
    screen = Screen(name)
    report = run(course, name, sample, screen, only)
    screen.close()
    show(report)
    if outputs[0]:
        outputs[0].write_text(as_json(report), encoding="utf-8")
    if outputs[1]:
        from starterkit.audit.page import page

        outputs[1].write_text(page(report), encoding="utf-8")
    return EXIT_STALE if report.findings or report.interrupted else EXIT_OK


def one_thread() -> None:
    """Keep torch to one thread, before it is imported if it has not been: forked workers have no others."""
    os.environ.update(dict.fromkeys(THREADS, "1"))
    import torch

    torch.set_num_threads(1)


def run(course: CourseFolder, name: str, sample: int | None, screen: Screen, only: Sequence[str] = ()) -> Report:
    """Return the report of all parts, or of those before Ctrl-C."""
    from starterkit.audit.preflight import prepared
    from starterkit.audit.world import Report

    report = Report(homework=name, sample=sample, only=tuple(only))
    began, cpu = time.monotonic(), cpu_seconds()
    try:
        screen.begin("reading and warming up")
        collector = Collector(course.root)
        with prepared(course.source(name), course.root, collector, sample=sample, only=only) as world:
            world.advance = screen.advance
            _all(world, report, screen.begin)
    except KeyboardInterrupt:
        report.interrupted = report.parts[-1].name if report.parts else "warm-up"
    report.seconds, report.cpu_s = time.monotonic() - began, cpu_seconds() - cpu
    return report


def _all(world: World, report: Report, begin: Callable[[str], None]) -> None:
    from starterkit.audit import accept
    from starterkit.audit.world import timed

    report.title = world.homework.assignment.title
    report.laws = {f"{q.id} {test.name}": test.title for q in world.homework.questions for test in q.tests}
    todo = parts()
    begin(todo[0][0])
    for number, _ in enumerate(timed(todo, world, report), 1):
        if number < len(todo):
            begin(todo[number][0])
    killed = [mutant.id for mutant, _ in world.notes["killed"]]
    accept.check_needed(world.notes["signed"], killed, world.homework.folder / accept.FILE, world.collector)
    if not report.findings:  # else the signatures may be right and the tests wrong: those first
        world.collector.raise_errors()


def cpu_seconds() -> float:
    """Return the CPU seconds of this process and of the workers it has waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)
