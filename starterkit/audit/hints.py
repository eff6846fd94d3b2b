"""Which tests each chaff fails: a submission that fails the same ones gets that chaff's hint."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starterkit.audit.world import Part, World
    from starterkit.model import Homework

FILE = "audit_hints.json"
TOGETHER = 2  # chaffs with the same failing tests whose hints may be shown side by side


def check(world: World, part: Part) -> None:
    """Write the matrix to `audit_hints.json`, from where a release takes it; name the chaffs that look the same."""
    chaffs = world.report_of("chaffs")
    groups: dict[tuple[str, tuple[str, ...]], list[dict[str, Any]]] = defaultdict(list)
    unsteady = []
    for row in chaffs["chaffs"]:
        if row["failing"]:
            groups[row["question"], tuple(row["failing"])].append(row)
        else:
            unsteady.append(row["name"])
    alike = [rows for rows in groups.values() if len(rows) > 1]
    for rows in alike:
        names = ", ".join(row["name"] for row in rows)
        part.notes.append(f"question {rows[0]['question']}: the tests cannot tell apart {names}")
    part.notes += [f"{name} fails other tests under other seeds: it gives no hint" for name in unsteady]
    entries = [
        {"question": question, "failing": list(failing), "hint": _joined(rows)}
        for (question, failing), rows in groups.items()
        if len(rows) <= TOGETHER
    ]
    part.data = {"hints": entries, "alike": [[row["name"] for row in rows] for rows in alike], "unsteady": unsteady}
    groups_said = f"{len(alike)} groups of chaffs that fail the same tests"
    part.summary = f"{len(entries)} hints, {groups_said}, {len(unsteady)} unsteady"
    if not world.only:
        _write(world, entries)


def _joined(rows: list[dict[str, Any]]) -> str:
    return " Or: ".join(row["hint"] for row in rows)


def _write(world: World, entries: list[dict[str, Any]]) -> None:
    """Replace the file if it says something else."""
    path = world.homework.folder / FILE
    note = f"Written by `python build.py audit {world.homework.name}`; the next release puts it into the autograder."
    text = json.dumps({"note": note, "hints": entries}, indent=1, ensure_ascii=False) + "\n"
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        fresh = path.with_suffix(".new")
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(path)


def of(homework: Homework) -> list[dict[str, Any]]:
    """Return the hints of the last audit, for the manifest, as far as the tests they name are still there."""
    try:
        found = json.loads((homework.folder / FILE).read_text(encoding="utf-8"))["hints"]
        tests = {question.id: {test.name for test in question.tests} for question in homework.questions}
        return [entry for entry in found if set(entry["failing"]) <= tests.get(entry["question"], set())]
    except (OSError, ValueError, KeyError, TypeError):
        return []
