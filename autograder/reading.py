"""What the extraction found in a submission: plain data from a limited child, taken with no trust in its shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from autograder.messages import one_line

_METHODS = 12  # of one class that are named
_MOST = 500  # notices, names and pieces beyond this are no honest notebook's


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A submission as the grader knows it. `error` is the one sentence when nothing could be read."""

    error: str | None = None
    cells: int = 0
    digest: str = ""
    found: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)
    notices: tuple[str, ...] = ()
    programs: Mapping[str, list[dict[str, Any]]] = field(default_factory=dict)
    unavailable: Mapping[str, list[str]] = field(default_factory=dict)
    modules: Mapping[str, str] = field(default_factory=dict)  # what the student's notebook writes with %%writefile

    def attempted(self, name: str) -> bool:
        """Whether the submission defines `name` by more than its stub."""
        entry = self.found.get(name)
        return entry is not None and (entry.get("stub") is not True or entry.get("partial") is True)

    def unfinished(self, name: str) -> list[str]:
        """The methods of a class that are still stubs while others are not; a given `__init__` is one of the others."""
        entry = self.found.get(name, {})
        return [one_line(text, 60) for text in _texts(entry.get("stubs"))][:_METHODS] if entry.get("partial") else []

    def files(self, question: str) -> dict[str, int]:
        """Label ("cell 7") -> last line, of the question's pieces: the only places named to a student."""
        ends: dict[str, int] = {}
        for piece in self.programs.get(question, ()):
            file, line = str(piece.get("file")), piece.get("line")
            end = (line if isinstance(line, int) else 1) + str(piece["source"]).count("\n")
            ends[file] = max(end, ends.get(file, 0))
        return ends


def reading(data: object) -> Reading:
    """A `Reading` from `extract`'s answer; odd parts are dropped, an answer that is no object is an error."""
    if not isinstance(data, Mapping):
        return Reading(error="the notebook could not be taken apart")
    error = data.get("error")
    cells = data.get("cells")
    return Reading(
        error=one_line(error, 500) if isinstance(error, str) and error else None,
        cells=cells if isinstance(cells, int) else 0,
        digest=one_line(data.get("digest") or "", 128),
        found={name: value for name, value in _items(data.get("found")) if isinstance(value, Mapping)},
        missing={name: one_line(value, 500) for name, value in _items(data.get("missing")) if isinstance(value, str)},
        notices=tuple(one_line(notice, 500) for notice in _texts(data.get("notices"))),
        programs={name: _pieces(value) for name, value in _items(data.get("programs"))},
        modules={name: value for name, value in _items(data.get("modules")) if isinstance(value, str)},
        unavailable={name: [one_line(v, 60) for v in _texts(value)] for name, value in _items(data.get("unavailable"))},
    )


def _items(value: object) -> list[tuple[str, Any]]:
    pairs = list(value.items())[:_MOST] if isinstance(value, Mapping) else []
    return [(key, inner) for key, inner in pairs if isinstance(key, str)]


def _texts(value: object) -> list[str]:
    return [text for text in value[:_MOST] if isinstance(text, str)] if isinstance(value, (list, tuple)) else []


def _pieces(value: object) -> list[dict[str, Any]]:
    pieces = value[:_MOST] if isinstance(value, (list, tuple)) else []
    return [dict(p) for p in pieces if isinstance(p, Mapping) and isinstance(p.get("source"), str)]
