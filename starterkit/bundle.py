"""hwN-autograder.zip: the grader, and what it needs to know about one homework."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autograder import messages, results
from autograder.manifest import Question as BundledQuestion
from autograder.manifest import Test as BundledTest
from starterkit import archive, measures, pins
from starterkit.audit import hints
from starterkit.kit import PACKAGES
from starterkit.model import Kind
from starterkit.written import TEMPLATES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from starterkit.contract import Contract
    from starterkit.model import Cell, Homework, Question, TestFunction

GRADER = Path(__file__).resolve().parents[1] / "autograder"
SCRIPTS = ("setup.sh", "run_autograder")


def bundle(
    homework: Homework, release: Contract, modules: Mapping[str, str], preload: Sequence[str] = ()
) -> archive.Files:
    """Return the files of the autograder's zip; `modules` are the sources of hwkit and the given modules.

    `preload` names what the grader imports once before it forks: what the last self-grading saw workers import.
    Raises ValueError for a package of assignment.toml that is not pinned.
    """
    described = manifest(homework, release, tuple(modules), preload)
    reference = homework.cells_of(Kind.GIVEN) + homework.cells_of(Kind.SOLUTION)
    files = {
        "bundle/manifest.json": _json(described),
        "bundle/fallback.json": _json(fallback(described)),
        "bundle/reference/reference.py": archive.text(at_own_lines(reference)),
        "requirements.txt": archive.text(pins.requirements(homework.assignment.packages)),
    }
    for question in homework.questions:
        files[f"bundle/tests/test_{question.id.replace('.', '_')}.py"] = archive.text(tests(homework, question))
    files |= {f"bundle/modules/{name}.py": archive.text(source) for name, source in modules.items()}
    files |= {f"bundle/modules/{path.name}": path.read_bytes() for path in homework.data}
    files |= {f"bundle/measures/{name}.py": archive.text(text) for name, text in measures.sources(homework).items()}
    files |= {name: archive.text((TEMPLATES / "autograder" / name).read_text(encoding="utf-8")) for name in SCRIPTS}
    grader = sorted(GRADER.glob("*.py"))
    return files | {f"autograder/{path.name}": archive.text(path.read_text(encoding="utf-8")) for path in grader}


def zipped(files: Mapping[str, bytes]) -> bytes:
    """Return the zip, its two scripts executable."""
    return archive.zip_bytes(files, executable=SCRIPTS)


def manifest(homework: Homework, release: Contract, modules: Sequence[str], preload: Sequence[str]) -> dict[str, Any]:
    """Return bundle/manifest.json, schema 1 (read by autograder/manifest.py)."""
    assignment, limits = homework.assignment, homework.assignment.limits
    return {
        "schema": 1,
        "homework": homework.name,
        "title": assignment.title,
        "course": homework.course.name,
        "term": homework.course.term,
        "release": release["release"],
        "secret": homework.course.secret,
        "device": assignment.device,
        "limits": {
            "cpu_s": limits.cpu_s, "wall_s": limits.wall_s, "memory_mb": limits.memory_mb, "run_s": limits.run_s,
        },
        "preload": sorted(preload),
        "packages": [*PACKAGES, *assignment.import_names],
        "modules": list(modules),
        "given": _given(homework, release),
        "questions": [_question(question) for question in homework.questions],
        "points": homework.points,
        "bonus": homework.bonus,
        "hints": hints.of(homework),
        "artefacts": measures.declared(homework),
        "errata": [{"date": erratum.date.isoformat(), "text": erratum.text} for erratum in assignment.errata],
        # what late work and repeated attempts mean, for the lines above a student's results
        "due_date": assignment.due_date.isoformat(),
        "attempts_per_day": assignment.attempts_per_day,
    }  # fmt: skip


def _given(homework: Homework, release: Contract) -> list[dict[str, Any]]:
    return [
        {"key": cell.key, "line": cell.body_line, **known, "source": cell.source}
        for cell, known in zip(homework.cells_of(Kind.GIVEN), release["given"], strict=True)
    ]


def _question(question: Question) -> dict[str, Any]:
    return {
        "id": question.id,
        "problem": question.problem,
        "title": question.title,
        "names": list(question.names),
        "follow": list(question.follow),
        "tests": [_test(test) for test in question.tests],
    }


def _test(test: TestFunction) -> dict[str, Any]:
    """Return what the manifest says of a test; its cases and its source are in the test module."""
    return {key: value for key, value in asdict(test).items() if key not in ("source", "cases")}


def tests(homework: Homework, question: Question) -> str:
    """Return the test module of a question: given cells, shared helpers, its own tests, each at its line of hwN.py."""
    shared = homework.cells_of(Kind.GIVEN) + homework.cells_of(Kind.TESTS, "*")
    return at_own_lines(shared + homework.cells_of(Kind.TESTS, question.id))


def at_own_lines(cells: Iterable[Cell]) -> str:
    """Return the cells in one file, each at the line where it stands in the source notebook, blank lines between."""
    lines = list[str]()
    for cell in sorted(cells, key=lambda cell: cell.body_line):
        lines += [""] * (cell.body_line - 1 - len(lines)) + cell.source.split("\n")
    return "\n".join(lines)


def fallback(described: Mapping[str, Any]) -> dict[str, Any]:
    """Return a complete results.json that says nothing has been graded and that it is no student's fault."""
    rows = [row for question in described["questions"] for row in _fallback_rows(question)]
    release = {"release": described["release"], "outcome": _NotGraded.outcome.value, "our_fault": True}
    return results.document(rows, output=messages.NOT_GRADED, extra=release)  # type: ignore[arg-type]  # like Scored


class _NotGraded:
    """The verdict of a test that never ran: autograder.outcomes has it too, and costs an import of torch."""

    class outcome:  # noqa: N801  # stands in for a member of Outcome
        value = "not_graded"
        earns = False

    sentence = messages.NOT_GRADED


@dataclass(frozen=True, kw_only=True)
class _Row:
    number: str
    test: BundledTest
    verdict: type[_NotGraded] = _NotGraded
    points: float = 0.0
    followed: tuple[str, ...] = ()


def _fallback_rows(question: Mapping[str, Any]) -> list[_Row]:
    made = tuple(BundledTest(**{**test, "uses": tuple(test["uses"])}) for test in question["tests"])
    numbered = BundledQuestion(id=question["id"], names=tuple(question["names"]), tests=made).numbered()
    return [_Row(number=number, test=test) for number, test in numbered]


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()
