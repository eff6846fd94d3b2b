"""A ceiling for the grader's own memory.

An answer that unfolds to more fails there: an allocation raises, instead of the machine ending whoever it likes.
"""

from __future__ import annotations

import contextlib
import resource
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOMY_MB = 512  # the least that a grader needs for itself


def private_mb() -> int:
    """MiB of this process's private memory, as the limit counts it."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[5]) * resource.getpagesize() >> 20


@contextlib.contextmanager
def ceiling(growth_mb: int | None) -> Iterator[None]:
    """While the block runs, this process's private memory may grow by `growth_mb` MiB (512 at least; None: freely)."""
    if growth_mb is None:
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    most = (private_mb() + max(growth_mb, ROOMY_MB)) << 20
    if soft != resource.RLIM_INFINITY:
        most = min(most, soft)
    resource.setrlimit(resource.RLIMIT_DATA, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


@contextlib.contextmanager
def lifted() -> Iterator[None]:
    """While the block runs there is no ceiling: whoever judges that memory is full needs some of it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
