"""Arguments that student code changed in place: its side cannot write the tensors of the test, so it reports them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

_watchers: list[list[Any]] = []


def note_edits(changed: Iterable[Any]) -> None:
    """Tell everybody who watches that a call changed these objects of the test's (tensors, NumPy arrays)."""
    if _watchers:
        found = list(changed)
        for seen in _watchers:
            seen.extend(found)


@contextlib.contextmanager
def edits_watched() -> Iterator[list[Any]]:
    """The objects that calls made inside the block, by whatever way, changed in place."""
    seen: list[Any] = []
    _watchers.append(seen)
    try:
        yield seen
    finally:
        _watchers[:] = [other for other in _watchers if other is not seen]
