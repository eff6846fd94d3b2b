"""Every messy notebook through the whole grader: staged, taken apart, executed and tested as a careful human would."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.extract.messy import CASES, Case
from tests.robust.running import Graded, grade_all, shown, write_notebook

if TYPE_CHECKING:
    from collections.abc import Mapping

LOCAL = {"area.__code__"}  # what cannot be asked for across the boundary
NAMES = {"1a": ["area"], "1b": ["Square"], "1c": ["volume"]}
LACKING = {  # the answer is there, and what it needs is not
    ("uses `nothing_like_this`, which is not available",): "unavailable_library",
    ("uses `lost_helper`, which no code cell defines",): "student_error",
}
MADE = {name: build() for name, build in CASES.items()}


def write_bundle(folder: Path, case: Case) -> Path:
    """A bundle with one test, which holds what the case expects of its question."""
    for part in ("tests", "reference", "modules"):
        (folder / part).mkdir(parents=True)
    checks = {e: v for e, v in case.values.items() if not any(word in e for word in LOCAL)}
    lines = [f"    assert {expression} == {value!r}" for expression, value in checks.items()]
    lines = lines or [f"    assert {NAMES[case.question][0]}(3) is not None"]
    given = [
        {"key": f"given-{i}", "line": 1, "names": entry["names"], "hashes": entry["hashes"], "source": case.given}
        for i, entry in enumerate(case.spec.get("given", ()))
    ]
    test = {"name": "test_value", "title": "The value is right", "points": 1, "visibility": "visible",
            "uses": NAMES[case.question]}  # fmt: skip
    manifest = {
        "schema": 1, "homework": "hw1", "title": "Shapes", "release": 1, "secret": "ab" * 16, "points": 1.0,
        "packages": ["numpy", "torch"], "modules": [], "preload": [], "given": given,
        "limits": {"cpu_s": 5, "wall_s": 30, "memory_mb": 1024, "run_s": 60},
        "questions": [
            {"id": question, "names": names, "tests": [test] if question == case.question else []}
            for question, names in NAMES.items()
        ],
    }  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    name = f"test_{case.question}.py"
    text = "\n".join([case.given, "def test_value():", '    """The value is right."""', *lines, ""])
    (folder / "tests" / name).write_text(text, encoding="utf-8", errors="surrogatepass")
    (folder / "reference" / "reference.py").write_text("", encoding="utf-8")
    (folder / "modules" / "hwkit.py").write_text("", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Graded]:
    """Every case, graded with its own bundle as part of one class."""
    folder = tmp_path_factory.mktemp("messy")
    jobs: dict[str, dict[str, Any]] = {}
    for name, case in MADE.items():
        submission = write_notebook(folder / "submissions" / name, case.data, case.filename)
        jobs[name] = {
            "bundle": str(write_bundle(folder / "bundles" / name, case)), "submission": str(submission),
        }  # fmt: skip
    return grade_all(folder, jobs)


def expected(case: Case) -> str:
    """The outcome that a careful human would give."""
    if case.error is not None:
        return "unreadable"
    if case.missing is not None:
        return "missing"
    return "not_attempted" if case.stub else LACKING.get(case.notices, "passed")


@pytest.mark.parametrize("name", MADE)
def test_messy_notebook_is_graded_as_a_careful_human_would(graded: Mapping[str, Graded], name: str) -> None:
    """Full marks where the answer is right, and otherwise the outcome and the sentence that the student needs."""
    case, run = MADE[name], graded[name]
    [row] = run.data["tests"]
    assert row["extra_data"]["outcome"] == expected(case), row["output"]
    said = " ".join(shown(run.data)).replace("`", "")
    for part in (case.error, case.missing, *case.notices):
        assert part is None or part.replace("`", "") in said
    assert run.code == 0 and run.data["extra_data"]["our_fault"] is False


def test_there_are_at_least_forty(graded: Mapping[str, Graded]) -> None:
    """At least forty hazards go through the real grader."""
    assert len(graded) >= 40
