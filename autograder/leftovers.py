"""Temporary folders of ours, and what a killed grader left of them: the next run of the same user clears it away."""

# ruff: noqa: PTH118, PTH208  (system calls on names that workers pass through)
from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import stat
import tempfile

PREFIX = "autograder-"
HIGH = 64  # the mark's descriptor is not among the low ones, which a process may give to another program by number
IN_USE = ".in-use"  # locked by the process that owns the folder, and by nobody once that is dead


def make(kind: str) -> tuple[str, int]:
    """A new private folder "autograder-KIND-…" and the descriptor that marks it as in use for as long as it is open."""
    while True:
        folder = tempfile.mkdtemp(prefix=f"{PREFIX}{kind}-")
        mark = os.open(os.path.join(folder, IN_USE), os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:  # a sweep was faster, and is about to remove it
            os.close(mark)
            continue
        if os.fstat(mark).st_nlink:
            high = fcntl.fcntl(mark, fcntl.F_DUPFD_CLOEXEC, HIGH)
            os.close(mark)
            return folder, high
        os.close(mark)


def sweep() -> list[str]:
    """Remove the folders that this user's dead processes left, follow no link, and return their names."""
    top, gone = tempfile.gettempdir(), []
    for name in os.listdir(top):
        if name.startswith(PREFIX):
            with contextlib.suppress(OSError):  # somebody else's, not a folder, without a mark, in use, or gone by now
                gone += [name] if _remove(os.path.join(top, name)) else []
    return gone


def _remove(folder: str) -> bool:
    """Remove one folder unless it is in use. OSError for what is none of ours."""
    info = os.lstat(folder)
    if not stat.S_ISDIR(info.st_mode) or info.st_uid != os.getuid():
        return False
    mark = os.open(os.path.join(folder, IN_USE), os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if os.fstat(mark).st_uid != os.getuid():
            return False
        fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)  # which follows no links
        return not os.path.lexists(folder)
    finally:
        os.close(mark)
