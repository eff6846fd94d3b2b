"""TOML with line numbers: tomllib parses, a small scanner remembers where each key stands."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from starterkit.diagnostics import Collector

_TABLE = re.compile(r"\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"""\s*([A-Za-z0-9_.-]+|"[^"]*"|'[^']*')\s*=(.*)$""")
_STRINGS = re.compile(r'"(?:\\.|[^"\\])*"|\'[^\']*\'|#.*')

Location = tuple[str | int, ...]

_QUOTES = 'strings need quotes, dates do not: title = "…", due_date = 2026-10-01'
_HINTS = {  # by the beginning of what tomllib says
    "Cannot overwrite a value": "this key stands above already: keep one of the two",
    "Cannot declare": "this table stands above already: keep one of the two",
    "Unclosed array": "close the list with `]`: it begins here or above",
    "Expected ']' at the end of a table": "close the table's name: [points]",
    "Invalid date": "there is no such day: write year-month-day, such as 2026-10-01",
}


def read_toml(
    path: Path, collector: Collector, if_missing: str = ""
) -> tuple[dict[str, Any], dict[Location, int]] | None:
    """Return the parsed file and the line of every table and key, by path (`("limits", "cpu_s")`, `("errata", 0)`).

    A file that is missing (with the hint `if_missing`), unreadable or broken is reported, and None returned.
    """
    text = collector.read(path, if_missing)
    if text is None:
        return None
    try:
        return tomllib.loads(text), key_lines(text)
    except tomllib.TOMLDecodeError as error:
        where = re.search(r"\(at line (\d+), column \d+\)", str(error))
        line = int(where[1]) if where else max(1, len(text.splitlines()))
        what = str(error).split(" (at ")[0]
        hint = next((hint for start, hint in _HINTS.items() if what.startswith(start)), _QUOTES)
        collector.add(
            "broken-toml", f"this is not TOML: {what}", path=path, line=line, text=_masked(text, line), hint=hint
        )
        return None


def key_lines(text: str) -> dict[Location, int]:
    """Return the 1-based line of each table header and key of a TOML text; inline tables are not looked into."""
    lines: dict[Location, int] = {}
    table: Location = ()
    counts: dict[str, int] = {}
    depth, quote = 0, ""  # inside a multi-line array, inside a multi-line string
    for number, line in enumerate(text.splitlines(), 1):
        if quote:
            quote = "" if quote in line else quote
            continue
        rest = line
        if depth == 0:
            if header := _TABLE.match(line):
                table = _table_location(header[1], header[2], counts)
                lines.setdefault(table, number)
                continue
            if not (key := _KEY.match(line)):
                continue
            lines.setdefault((*table, *_parts(key[1])), number)
            rest = key[2]
        for triple in ('"""', "'''"):
            if rest.count(triple) % 2:
                quote = triple
        bare = "" if quote else _STRINGS.sub("", rest)
        depth += sum(bare.count(c) for c in "[{") - sum(bare.count(c) for c in "]}")
    return lines


def nearest_line(lines: dict[Location, int], where: Location) -> int | None:
    """Return the line of `where`, or of the closest table around it that has one."""
    while where:
        if where in lines:
            return lines[where]
        where = where[:-1]
    return None


def _table_location(brackets: str, name: str, counts: dict[str, int]) -> Location:
    location: Location = tuple(_parts(name))
    if brackets == "[[":
        counts[name] = counts.get(name, -1) + 1
        location = (*location, counts[name])
    return location


def _parts(dotted: str) -> list[str]:
    return [part.strip().strip("\"'") for part in dotted.split(".")]


def _masked(text: str, line: int) -> str | None:
    """Secrets are never quoted in a report."""
    lines = text.splitlines()
    shown = lines[line - 1] if 0 < line <= len(lines) else ""
    return 'secret = "…"' if re.match(r"\s*secret\b", shown) else shown
