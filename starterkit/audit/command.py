"""`python build.py audit HW`: the parts in their order, what is printed, and the exit code."""

from __future__ import annotations

import os
import resource
import time
from pathlib import Path
from typing import TYPE_CHECKING

from starterkit.audit.stopping import stoppable
from starterkit.diagnostics import EXIT_OK, EXIT_STALE, Collector

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starterkit.audit.stopping import Stop
    from starterkit.audit.world import Report, Stage
    from starterkit.course import CourseFolder

WARM_UP = "reading and warming up"
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

    Returns 0, or 1 with findings. Ctrl-C and SIGTERM end it with what is known so far, and 1.
    Raises StarterkitError for sources that are wrong.
    """
    outputs = [path.resolve() if path else None for path in map(files.get, ("json_file", "html_file"))]
    with stoppable() as stop:
        report = run(course, name, sample, only, stop)
        write(report, *outputs)
    return EXIT_STALE if report.findings or report.interrupted else EXIT_OK


def write(report: Report, json_file: Path | None, html_file: Path | None) -> None:
    """Print the report and write it to the files that were asked for."""
    from starterkit.audit.report import as_json, show

    show(report)
    if json_file:
        json_file.write_text(as_json(report), encoding="utf-8")
    if html_file:
        from starterkit.audit.page import page

        html_file.write_text(page(report), encoding="utf-8")


def one_thread() -> None:
    """Keep torch to one thread, before it is imported if it has not been: forked workers have no others."""
    os.environ.update(dict.fromkeys(THREADS, "1"))
    import torch

    torch.set_num_threads(1)


def run(course: CourseFolder, name: str, sample: int | None, only: Sequence[str], stop: Stop) -> Report:
    """Return the report of all parts, or of those before a signal. Raises StarterkitError."""
    from starterkit.audit.world import Report

    report = Report(homework=name, sample=sample, only=tuple(only), interrupted=WARM_UP)
    began, cpu = time.monotonic(), cpu_seconds()
    try:
        _all(course, report, stop)
        stop.over = True
    except BaseException:
        if not stop.pressed:  # else whatever it was, the signal's doing
            raise
    report.seconds, report.cpu_s = time.monotonic() - began, cpu_seconds() - cpu
    return report


def _all(course: CourseFolder, report: Report, stop: Stop) -> None:
    one_thread()
    from starterkit.audit import accept
    from starterkit.audit.preflight import prepared
    from starterkit.audit.report import Screen
    from starterkit.audit.world import run as run_parts

    collector, source = Collector(course.root), course.source(report.homework)
    with Screen(report.homework) as screen:

        def begin(name: str) -> None:
            stop.check()
            screen.begin(name)

        begin(report.interrupted)
        with prepared(source, course.root, collector, sample=report.sample, only=report.only) as world:
            world.advance = screen.advance
            report.title = world.homework.assignment.title
            report.laws = {f"{q.id} {test.name}": test.title for q in world.homework.questions for test in q.tests}
            run_parts(parts(), world, report, begin)
            report.interrupted = "signatures"
            begin(report.interrupted)
            killed = [mutant.id for mutant, _ in world.notes["killed"]]
            accept.check_needed(world.notes["signed"], killed, world.homework.folder / accept.FILE, collector)
    if not report.findings:  # else the signatures may be right and the tests wrong: those first
        collector.raise_errors()
    report.interrupted = ""


def cpu_seconds() -> float:
    """Return the CPU seconds of this process and of the workers it has waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)
