"""Which tests each chaff fails: a submission that fails the same ones gets that chaff's hint."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from starterkit.readme import counted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starterkit.audit.world import Part, World
    from starterkit.model import Homework

FILE = "audit_hints.json"
TOGETHER = 2  # chaffs with the same failing tests whose hints may be shown side by side


def check(world: World, part: Part) -> None:
    """Write the matrix to `audit_hints.json`, from where a release takes it; count the chaffs that look the same."""
    groups: dict[tuple[str, tuple[str, ...]], list[dict[str, Any]]] = defaultdict(list)
    unsteady = []
    for row in world.report_of("chaffs")["chaffs"]:
        if row["failing"]:
            groups[row["question"], tuple(row["failing"])].append(row)
        else:
            unsteady.append(row)
    alike = [rows for rows in groups.values() if len(rows) > 1]
    if alike:
        sizes = _by_question([(rows[0]["question"], len(rows)) for rows in alike])
        said = f"no test tells these chaffs apart ({TOGETHER} share a hint, more get none)"
        part.notes.append(f"{said}: {sizes}")
    if unsteady:
        counts = _by_question(Counter(row["question"] for row in unsteady).items())
        part.notes.append(f"these chaffs fail other tests under other seeds, and get no hint: {counts}")
    entries = [
        {"question": question, "failing": list(failing), "hint": _joined(rows)}
        for (question, failing), rows in groups.items()
        if len(rows) <= TOGETHER
    ]
    part.data = {
        "hints": entries,
        "alike": [[row["name"] for row in rows] for rows in alike],
        "unsteady": [row["name"] for row in unsteady],
    }
    part.summary = (
        f"{counted(len(entries), 'hint')}, {counted(len(alike), 'group')} of chaffs that fail the same tests, "
        f"{len(unsteady)} unsteady"
    )
    if not world.only:
        _write(world, entries)


def _by_question(found: Iterable[tuple[str, int]]) -> str:
    """Return "1.1a 6 and 2; 1.2b 3": numbers of chaffs, by question."""
    numbers: dict[str, list[str]] = defaultdict(list)
    for question, number in found:
        numbers[question].append(str(number))
    return "; ".join(f"{question} {' and '.join(listed)}" for question, listed in sorted(numbers.items()))


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
