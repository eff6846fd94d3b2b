"""Watches a worker from outside: processor time, memory, disk, output.

Reads only /proc and the worker's folder, follows no name in it.
"""

# ruff: noqa: PTH123, N818  (reads /proc while a worker runs; Overuse is no error of ours)
from __future__ import annotations

import os
import resource
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autograder.failures import Limits, Reason

PAGE, CLOCK = resource.getpagesize(), os.sysconf("SC_CLK_TCK")
FLOOD = 256 << 20  # bytes printed before a worker is ended; less is drained and cut
MAX_ENTRIES, MAX_DEPTH = 2000, 20  # more files, or deeper folders, than honest code makes


class Overuse(Exception):
    """A worker went over one of its limits."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason: Reason = reason
        self.detail = detail


class Watchdog:
    """Looks after one worker; `look` is called ten times a second while the grader waits for it.

    Made before the worker runs anything of a student's: what it holds then, as a copy of its server, is not its use.
    """

    def __init__(self, pid: int, folder: str, pipe: int, limits: Limits) -> None:
        self.pid, self.folder, self.pipe, self.limits = pid, folder, pipe, limits
        self.output = bytearray()
        self.printed = 0
        self._open = True
        self._next_scan = 0.0
        self._began = time.monotonic()
        self._cpu_at_start: float | None = None
        self._resident_at_start = {process: _resident(process) for process in (str(pid), "self")}
        os.set_blocking(pipe, False)

    def begin(self) -> None:
        """A new outermost call starts. Costs nothing: the processor time so far is worked out at the first look."""
        self._began = time.monotonic()
        self._cpu_at_start = None

    def look(self) -> None:
        """Drain the output; Overuse if a limit is passed."""
        self.drain()
        if self.printed > FLOOD:
            raise Overuse("output", f"printed more than {FLOOD >> 20} MiB")
        self._check_cpu()
        self._check_memory()
        began = time.monotonic()
        if began >= self._next_scan:
            full = self._disk() > self.limits.disk_mb << 20
            self._next_scan = began + 10 * (time.monotonic() - began)  # a tenth of our time at most
            if full:
                raise Overuse("output", f"wrote more than {self.limits.disk_mb} MiB, or too many files, to disk")

    def drain(self) -> None:
        """Read what was printed so far; keep the first `output_kb` KiB."""
        room = self.limits.output_kb << 10
        while self._open:
            try:
                data = os.read(self.pipe, 1 << 16)
            except BlockingIOError:
                return
            if not data:
                self._open = False
            self.printed += len(data)
            self.output += data[: max(0, room - len(self.output))]

    def close(self) -> None:
        """Read the rest and close the pipe."""
        self.drain()
        os.close(self.pipe)
        self._open = False

    def cpu(self) -> float | None:
        """Processor seconds of the worker so far; None if it is gone."""
        try:
            with open(f"/proc/{self.pid}/stat", "rb") as f:
                fields = f.read().rpartition(b")")[2].split()
        except (OSError, IndexError):
            return None
        return (int(fields[11]) + int(fields[12])) / CLOCK

    def _check_cpu(self) -> None:
        used = self.cpu()
        if used is None:
            return
        if self._cpu_at_start is None:  # a lower bound: one thread cannot use more than the time that has passed
            self._cpu_at_start = max(0.0, used - (time.monotonic() - self._began))
        if used - self._cpu_at_start > self.limits.cpu_s:
            raise Overuse("cpu", f"used more than {self.limits.cpu_s:g} s of processor time in one call")

    def _check_memory(self) -> None:
        """The worker's memory, and our own: what student code sends, and has us keep for it, is its use too."""
        for process, before in self._resident_at_start.items():
            if _resident(process) - before > self.limits.memory_mb << 20:
                raise Overuse("memory", f"used more than {self.limits.memory_mb} MiB of memory")

    def _disk(self) -> int:
        """Bytes in the worker's folder; a huge number for a tree too large or deep to count."""
        total, count, folders = 0, 0, [(self.folder, 0)]
        while folders:
            folder, depth = folders.pop()
            try:
                entries = list(os.scandir(folder))
            except OSError:
                continue
            count += len(entries)
            if count > MAX_ENTRIES or depth > MAX_DEPTH:
                return 1 << 62
            for entry in entries:
                try:
                    info = entry.stat(follow_symlinks=False)
                    total += info.st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        folders.append((entry.path, depth + 1))
                except OSError:
                    continue
        return total


def _resident(process: str) -> int:
    """Bytes of memory that a process holds; 0 if it is gone."""
    try:
        with open(f"/proc/{process}/statm", "rb") as f:
            return int(f.read().split()[1]) * PAGE
    except (OSError, IndexError):
        return 0
