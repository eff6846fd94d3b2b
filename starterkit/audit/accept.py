"""`audit_accept.toml`: the survivors that a person has judged to be no mistakes, each with the reason.

[[accept]]
reason = "the gradient of a count is zero either way"
ids = ["2dc880b7d7", "e659341eed"]
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from starterkit.diagnostics import Collector

FILE = "audit_accept.toml"
LEAST_REASON = 15  # characters: "equivalent" alone is a verdict, not a reason


@dataclass(frozen=True, kw_only=True)
class Signature:
    """One signed mutant."""

    id: str
    reason: str
    line: int


def read(path: Path, collector: Collector) -> dict[str, Signature]:
    """Return the signatures by mutant; mistakes in the file go to the collector. An absent file signs nothing."""
    if not path.is_file():
        return {}
    text = path.read_text(encoding="utf-8")
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        at = re.search(r"line (\d+)", str(error))
        hint = 'write [[accept]] blocks with reason = "…" and ids = ["…"]'
        collector.add("bad-toml", str(error), path=path, line=int(at[1]) if at else 1, hint=hint)
        return {}
    lines = text.splitlines()
    signed: dict[str, Signature] = {}
    for key in data.keys() - {"accept"}:
        hint = "only [[accept]] blocks belong here"
        collector.add("unknown-key", f"{key} means nothing here", path=path, line=_line(lines, key), hint=hint)
    for entry in data.get("accept", []) if isinstance(data.get("accept"), list) else []:
        for signature in _signatures(entry, lines, path, collector):
            if signature.id in signed:
                hint = f"line {signed[signature.id].line} has it already"
                message = f"mutant {signature.id} is signed twice"
                collector.add("signed-twice", message, path=path, line=signature.line, hint=hint)
            signed[signature.id] = signature
    return signed


def _signatures(entry: Any, lines: list[str], path: Path, collector: Collector) -> list[Signature]:
    ids = entry.get("ids") if isinstance(entry, dict) else None
    reason = entry.get("reason") if isinstance(entry, dict) else None
    if not isinstance(ids, list) or not ids or not all(isinstance(one, str) for one in ids):
        hint = 'ids = ["2dc880b7d7"]: what the audit prints before each survivor'
        line = _line(lines, "accept")
        collector.add("bad-ids", "an [[accept]] block names no mutants", path=path, line=line, hint=hint)
        return []
    found = [Signature(id=one, reason=str(reason), line=_line(lines, one)) for one in ids]
    if not isinstance(reason, str) or len(reason.strip()) < LEAST_REASON:
        hint = "say why no test could or should see the difference"
        message = f"mutant {ids[0]} is signed without a reason"
        collector.add("no-reason", message, path=path, line=found[0].line, hint=hint)
    return found


def check_known(signed: Mapping[str, Signature], known: Iterable[str], path: Path, collector: Collector) -> None:
    """Report every signature of a mutant that does not exist (any more)."""
    names = set(known)
    for signature in signed.values():
        if signature.id not in names:
            hint = "its function has changed: take the line out, run the audit, and judge what survives now"
            message = f"there is no mutant {signature.id}"
            collector.add("unknown-mutant", message, path=path, line=signature.line, hint=hint)


def check_needed(signed: Mapping[str, Signature], killed: Iterable[str], path: Path, collector: Collector) -> None:
    """Report every signature of a mutant that a test kills."""
    for one in sorted(set(killed) & signed.keys()):
        hint = "a test sees it now: take the line out"
        message = f"mutant {one} is signed, and killed"
        collector.add("needless-signature", message, path=path, line=signed[one].line, hint=hint)


def _line(lines: list[str], word: str) -> int:
    return next((number for number, line in enumerate(lines, 1) if word in line), 1)
