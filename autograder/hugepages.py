"""Memory in pages of 2 MiB: forking a process copies one entry for each page, and a hundred workers are forked."""

# ruff: noqa: PTH123  (a file of the kernel's)
from __future__ import annotations

import ctypes
import sys

from autograder import libc

TUNABLES = "glibc.malloc.hugetlb=1"  # glibc then asks for them as its heap grows
SIZE = 2 << 20
MADV_COLLAPSE = 25  # Linux 6.1


def collapse() -> int:
    """Gather what this process has written so far in huge pages; how many stretches the kernel agreed to.

    A wish: an older kernel, or one without such pages, says no, and nothing is lost but time.
    """
    if not sys.platform.startswith("linux"):
        return 0
    return sum(map(_gathered, _stretches()))


def _gathered(stretch: tuple[int, int]) -> bool:
    start, end = stretch
    try:
        libc.call("madvise", ctypes.c_void_p(start), ctypes.c_size_t(end - start), MADV_COLLAPSE)
    except OSError:
        return False
    return True


def _stretches() -> list[tuple[int, int]]:
    """Aligned stretches of private memory that belongs to no file and may be written."""
    found = []
    with open("/proc/self/maps", encoding="ascii", errors="replace") as maps:
        for line in maps:
            span, rights, _, _, inode, *name = line.split()
            if rights != "rw-p" or inode != "0" or name not in ([], ["[heap]"]):
                continue
            low, high = (int(part, 16) for part in span.split("-"))
            start, end = -(-low // SIZE) * SIZE, high // SIZE * SIZE
            if start < end:
                found.append((start, end))
    return found
