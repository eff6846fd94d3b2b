"""Whole processes, measured from outside: CPU, wall, memory. And tables to print."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

ENVIRONMENT = {
    "PATH": os.environ.get("PATH", os.defpath),
    "HOME": os.environ.get("HOME", "/"),
    "LANG": "C.UTF-8",
    "OMP_NUM_THREADS": "1",
    "MPLBACKEND": "Agg",
}
"""The same few variables for everything that is compared."""


@dataclass(frozen=True)
class Cost:
    """User and system CPU seconds of a process and all its children, its wall seconds, and its output."""

    cpu: float
    wall: float
    output: str


class MeasuringError(RuntimeError):
    """A measured command did not do its work; there is nothing to measure."""


def cost(command: Sequence[str], cwd: Path, environment: Mapping[str, str] | None = None) -> Cost:
    """Run `command` and return what it cost. Raises MeasuringError, with its output, unless it exits with 0."""
    log = cwd / "benchmark.log"
    started = time.perf_counter()
    with log.open("wb") as file:
        process = subprocess.Popen(
            command, cwd=cwd, env={**ENVIRONMENT, **(environment or {})}, stdin=subprocess.DEVNULL, stdout=file,
            stderr=subprocess.STDOUT,
        )  # fmt: skip
        _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    text = log.read_text(encoding="utf-8", errors="replace")
    if process.returncode != 0:
        raise MeasuringError(f"{' '.join(map(str, command))[:200]}\nended with {process.returncode}:\n{text[-3000:]}")
    return Cost(used.ru_utime + used.ru_stime, time.perf_counter() - started, text)


def peak_memory(command: Sequence[str], cwd: Path, environment: Mapping[str, str] | None = None) -> float:
    """Return the largest sum, in MiB, of the proportional set sizes of `command` and its descendants.

    Sampled every 10 ms, which costs CPU: run it apart from `cost`. Shared pages count once, as in a container's memory
    limit. Needs Linux.
    """
    process = subprocess.Popen(
        command, cwd=cwd, env={**ENVIRONMENT, **(environment or {})}, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    most, done = [0.0], threading.Event()

    def sample() -> None:
        while not done.wait(0.01):
            most[0] = max(most[0], sum(_pss(pid) for pid in _family(process.pid)))

    watcher = threading.Thread(target=sample)
    watcher.start()
    process.wait()
    done.set()
    watcher.join()
    return most[0]


def _family(root: int) -> list[int]:
    """Return the process ids of `root` and everything below it, as /proc tells it now."""
    found = [root]
    for pid in found:
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            try:
                found += map(int, children.read_text().split())
            except OSError:
                continue
    return found


def _pss(pid: int) -> float:
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    except OSError:
        return 0.0
    kib = [line.split()[1] for line in rollup.splitlines() if line.startswith("Pss:")]
    return int(kib[0]) / 1024 if kib else 0.0


def pairs(first: Callable[[], Cost], second: Callable[[], Cost], n: int) -> list[tuple[Cost, Cost]]:
    """Return `n` pairs of costs, taken in turn (A B A B …) after one run of each that does not count."""
    first()
    second()
    return [(first(), second()) for _ in range(n)]


def spread(values: Sequence[float]) -> str:
    """Return "median (least-most)" of `values`, two digits after the point."""
    return f"{statistics.median(values):.2f} ({min(values):.2f}-{max(values):.2f})"


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table: the first column is text, the others are numbers."""
    drawn = Table(title=title, title_justify="left", title_style="bold")
    for index, name in enumerate(head):
        drawn.add_column(name, justify="left" if index == 0 else "right", overflow="fold")
    for row in rows:
        drawn.add_row(*row)
    console = Console() if sys.stdout.isatty() else Console(width=110)
    console.print(drawn)
