"""User ids for workers: a block of the range 40000-40499, claimed with a file lock, so that two graders on one host
never share one.
"""

# ruff: noqa: PTH102, PTH118, PTH123, S108  (system calls; the lock folder's owner and mode are checked)
from __future__ import annotations

import fcntl
import os
import stat

FIRST, LAST, BLOCK = 40000, 40499, 20
FOLDERS = ("/run", "/var/tmp", "/tmp")
NEEDED = (0, 5, 6, 7)  # CAP_CHOWN, CAP_KILL, CAP_SETGID, CAP_SETUID


def can_switch() -> bool:
    """Whether this process may become another user.

    Being root is not enough: `docker run --cap-drop ALL` leaves uid 0 without the power.
    """
    with open("/proc/self/status", encoding="ascii", errors="replace") as f:
        effective = int(f.read().split("CapEff:")[1].split()[0], 16)
    return all(effective >> bit & 1 for bit in NEEDED)


class Block:
    """Twenty user ids that this process owns until `release`."""

    def __init__(self, first: int, lock: int) -> None:
        self.first, self._lock, self._next = first, lock, 0

    def take(self) -> int:
        """The next user id, round and round."""
        uid = self.first + self._next % BLOCK
        self._next += 1
        return uid

    def release(self) -> None:
        """Give the block back."""
        os.close(self._lock)


def claim() -> Block:
    """A free block; OSError if all are taken or no folder can hold the locks."""
    folder = _folder()
    for first in range(FIRST, LAST, BLOCK):
        fd = os.open(
            os.path.join(folder, f"{first}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
        )
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return Block(first, fd)
        except OSError:
            os.close(fd)
    raise OSError("all user ids for workers are taken: are 25 graders running on this host?")


def _folder() -> str:
    for parent in FOLDERS:
        path = os.path.join(parent, f"autograder-uids-{os.getuid()}")
        try:
            os.mkdir(path, 0o700)
        except FileExistsError:
            pass
        except OSError:
            continue
        info = os.lstat(path)  # in a folder that others may write, somebody may have been first
        if stat.S_ISDIR(info.st_mode) and info.st_uid == os.getuid() and stat.S_IMODE(info.st_mode) == 0o700:
            return path
    raise OSError("no folder for the locks on user ids (tried " + ", ".join(FOLDERS) + ")")
