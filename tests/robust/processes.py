"""The processes of a grading run as /proc shows them."""

from __future__ import annotations

import os
from pathlib import Path


def parents() -> dict[int, int]:
    """Process id -> id of its parent, of every process that is no zombie."""
    found = {}
    for entry in os.listdir("/proc"):  # noqa: PTH208  (names are enough, a hundred times a second)
        if entry.isdigit():
            try:
                fields = Path("/proc", entry, "stat").read_bytes().rpartition(b")")[2].split()
            except OSError:
                continue
            if fields[0] != b"Z":
                found[int(entry)] = int(fields[1])
    return found


def children(pid: int) -> list[int]:
    """The living children of a process, oldest first."""
    return sorted(child for child, parent in parents().items() if parent == pid)


def family(pid: int) -> list[int]:
    """The process itself, if it lives, and its descendants."""
    known = parents()
    members = [pid] if pid in known else []
    for member in members:
        members += sorted(child for child, parent in known.items() if parent == member)
    return members


def workers(grader: int) -> list[int]:
    """The workers of a grader: children of its server, which is the grader's only child."""
    return [worker for server in children(grader) for worker in children(server)]


def proportional_kib(pid: int) -> int:
    """Memory of a process in KiB, shared pages divided among those who share them (PSS); 0 once it is gone."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")), 0)


def user(pid: int) -> int | None:
    """The effective user id of a process; None once it is gone."""
    try:
        text = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return next((int(line.split()[2]) for line in text.splitlines() if line.startswith("Uid:")), None)
