"""release.json: what students and graders rely on once a kit is out, and what may not change without saying so."""

from __future__ import annotations

import ast
import json
from typing import TYPE_CHECKING, Any

from autograder.cells import cell_hash
from starterkit import strip
from starterkit.diagnostics import Collector, did_you_mean
from starterkit.model import Kind
from starterkit.names import bound_names
from starterkit.written import first_pages

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from starterkit.model import Cell, Homework, Question

SCHEMA = 1
KEYS = {"homework", "title", "term", "release", "questions", "written", "figures", "artefacts", "given"}
Contract = dict[str, Any]


def contract(homework: Homework, previous: Contract | None, *, new: bool = False) -> Contract:
    """Return the release.json of this source; `new` counts the release up if the contract has changed.

    The hashes of given cells are those of every release so far: a cell that equals any of them is no student's edit.
    """
    now: Contract = {
        "schema": SCHEMA,
        "homework": homework.name,
        "title": homework.assignment.title,
        "term": homework.course.term,
        "release": 1,
        "questions": [_question(question) for question in homework.questions],
        "written": _written(homework),
        "figures": [{"id": figure.id, "points": figure.points} for figure in homework.figures],
        "artefacts": [{"id": a.id, "file": a.file, "max_mb": a.max_mb} for a in homework.artefacts],
        "given": [
            {"names": _bound(cell.source), "hashes": [cell_hash(cell.source)]} for cell in homework.cells_of(Kind.GIVEN)
        ],
    }
    if previous is None:
        return now
    now["release"] = previous["release"] + (1 if new and any(changes(previous, now)) else 0)
    for given in now["given"]:
        given["hashes"] = list(dict.fromkeys([*_earlier(previous["given"], given), *given["hashes"]]))
    return now


def _earlier(before: list[dict[str, Any]], given: dict[str, Any]) -> list[str]:
    """Return the hashes of the cell that `given` was in the last release: the same text, else the most names shared."""

    def likeness(old: dict[str, Any]) -> tuple[bool, int]:
        return given["hashes"][0] in old["hashes"], len(set(old["names"]) & set(given["names"]))

    nearest = max(before, key=likeness, default=None)
    return nearest["hashes"] if nearest is not None and any(likeness(nearest)) else []


def read(path: Path) -> Contract | None:
    """Return a release.json, or None where there is none yet. Raises ValueError if it is not one of ours."""
    if not path.is_file():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path.name} is not JSON: {error}") from None
    if not isinstance(found, dict) or found.get("schema") != SCHEMA or not found.keys() >= KEYS:
        raise ValueError(f"{path.name} is not one that a release of schema {SCHEMA} wrote")
    return found


def dumps(release: Contract) -> bytes:
    """Return the file."""
    return (json.dumps(release, indent=1, ensure_ascii=False) + "\n").encode()


def changes(old: Contract, new: Contract) -> Iterator[tuple[str, str]]:
    """Yield each difference that would surprise somebody who has the old kit: (id, one plain clause)."""
    for part in ("questions", "written", "figures", "artefacts"):
        before, after = ({item["id"]: item for item in release[part]} for release in (old, new))
        for name in before.keys() - after.keys():
            near = did_you_mean(name, after.keys() - before.keys())
            yield name, f"{name} is gone" + (f" (is it {near} now?)" if near else "")
        for name in after.keys() - before.keys():
            if part != "artefacts":  # one more optional file, without points, surprises nobody
                yield name, f"{name} is new"
        for name in before.keys() & after.keys():
            for key in before[name].keys() | after[name].keys():
                was, now = before[name].get(key), after[name].get(key)
                if was != now:
                    yield name, f"{name}: {key} changes from {_shown(was)} to {_shown(now)}"


def refuse_changes(old: Contract, new: Contract, homework: Homework, collector: Collector) -> None:
    """Report every change of the contract."""
    parts: list[Any] = [*homework.questions, *homework.written, *homework.figures, *homework.artefacts]
    lines = {part.id: part.line for part in parts}
    for name, clause in sorted(changes(old, new)):
        collector.add(
            "contract-changed", f"release {old['release']} promised otherwise: {clause}", path=homework.source_path,
            line=lines.get(name),
            hint=f"undo it, or release it as number {old['release'] + 1}: "
            f"python build.py release {homework.name} --new-contract\n"
            f"if no student has the kit yet, delete assignments/{homework.name}",
        )  # fmt: skip


def _bound(source: str) -> list[str]:
    """Return the names that a given cell binds at its top level, imports included."""
    names = (name for statement in ast.parse(source).body for name in bound_names(statement))
    return list(dict.fromkeys(names))


def _question(question: Question) -> dict[str, Any]:
    signatures = {name: text for cell in question.cells for name, text in _signatures(cell) if name in question.names}
    return {
        "id": question.id,
        "names": list(question.names),
        "signatures": {} if question.from_scratch else signatures,
        "points": question.points,
        "bonus": question.bonus,
    }


def _written(homework: Homework) -> list[dict[str, Any]]:
    pages = first_pages(homework)
    return [
        {"id": written.id, "points": written.points, "page": pages[written.id], "pages": written.pages}
        for written in homework.written
    ]


def _signatures(cell: Cell) -> Iterator[tuple[str, Any]]:
    """Yield the names and signatures that a solution cell shows: what stands inside regions is nobody's promise."""
    try:
        tree = ast.parse(strip.with_passes(cell.source))
    except SyntaxError:
        return  # strip.verify reports it
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            methods = {n.name: _signature(n) for n in node.body if isinstance(n, ast.FunctionDef) and _public(n.name)}
            yield node.name, {"class": ", ".join(map(ast.unparse, node.bases)), **methods}
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.name, _signature(node)


def _public(name: str) -> bool:
    return not name.startswith("_") or (name.startswith("__") and name.endswith("__"))


def _signature(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return f"({ast.unparse(node.args)}){returns}"


def _shown(value: Any) -> str:
    return "nothing" if value in (None, [], {}) else json.dumps(value, ensure_ascii=False)
