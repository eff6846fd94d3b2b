"""Loads the shipped homework in this process: its questions and tests, and the alternatives beside it."""

from __future__ import annotations

import re
import sys
import types
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from autograder import testing
from starterkit.overlay import Alternative, load_alternatives

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "solutions" / "hw2"


@dataclass
class Loaded:
    """The reference's namespace, and per question its graded names and tests."""

    namespace: dict[str, Any]
    names: dict[str, list[str]] = field(default_factory=dict)
    tests: dict[str, list[Callable[..., Any]]] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)

    def put(self, alternative: Alternative, monkeypatch: pytest.MonkeyPatch) -> None:
        """Put an alternative in place of the reference."""
        for name, value in implementation(alternative).items():
            monkeypatch.setitem(self.namespace, name, value)

    def failures(self, question: str, *, seed: int) -> dict[str, BaseException]:
        """Run the tests of a question; return what those that failed raised."""
        failed = {}
        for number, test in enumerate(self.tests[question]):
            try:
                testing.run_test(test, seed=1000 * seed + number)
            except Exception as error:  # noqa: BLE001 - whatever a wrong answer raises
                failed[test.__name__] = error
        return failed


def cells(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield line of the header, header and body of every cell of a percent script."""
    starts = [match.start() for match in re.finditer(r"^# %%.*$", text, re.MULTILINE)]
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        header, _, body = text[start:end].partition("\n")
        yield text.count("\n", 0, start) + 1, header, body


def alternatives(kind: str, question: str) -> list[Alternative]:
    """Every wheat or chaff of one question."""
    return load_alternatives(FOLDER / f"{kind}s" / f"{question.replace('.', '_')}.py")


def implementation(alternative: Alternative) -> dict[str, Any]:
    """The functions and classes of an alternative, by graded name."""
    namespace: dict[str, Any] = {"__name__": alternative.name}
    exec(alternative.code(), namespace)  # our own homework
    return {name: namespace[name] for name in alternative.functions}


def execute(source: str, path: Path, namespace: dict[str, Any]) -> None:
    """Execute a cell; `hwkit` is the testing module, as far as tests go."""
    before, module = sys.modules.get("hwkit"), types.ModuleType("hwkit")
    module.__dict__.update({name: getattr(testing, name) for name in testing.__all__})
    sys.modules["hwkit"] = module
    try:
        exec(compile(source, str(path), "exec"), namespace)  # our own homework
    finally:
        del sys.modules["hwkit"]
        if before is not None:
            sys.modules["hwkit"] = before


def load() -> Loaded:
    """Execute the given, solution and tests cells of hw2.py, each at its own line."""
    path = FOLDER / "hw2.py"
    loaded = Loaded({"__name__": "hw2"})
    for line, header, body in cells(path.read_text(encoding="utf-8")):
        if "[markdown]" in header or "experiment=" in header:
            continue
        before = dict(loaded.namespace)
        execute("\n" * line + body, path, loaded.namespace)
        fresh = [name for name, value in loaded.namespace.items() if before.get(name) is not value]
        match = re.search(r'(solution|tests)="([\d.]+\w)"', header)
        if match and match[1] == "solution":
            loaded.names.setdefault(match[2], []).extend(name for name in fresh if not name.startswith("_"))
        elif match:
            tests = [loaded.namespace[name] for name in fresh if name.startswith("test_")]
            loaded.tests.setdefault(match[2], []).extend(tests)
            hidden_at = line + body[: body.index("### BEGIN HIDDEN TESTS")].count("\n")
            loaded.hidden |= {test.__name__ for test in tests if test.__code__.co_firstlineno > hidden_at}
    return loaded


@pytest.fixture(scope="session")
def hw2() -> Loaded:
    """The shipped homework with its reference."""
    return load()


@pytest.fixture
def alternatives_of() -> Callable[[str, str], list[Alternative]]:
    """The function that lists the wheats or chaffs of a question."""
    return alternatives


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give `question`, `wheat` and `chaff` arguments one case per question or alternative."""
    questions = sorted(path.stem.replace("_", ".") for path in (FOLDER / "wheats").glob("*.py"))
    if "question" in metafunc.fixturenames:
        metafunc.parametrize("question", questions)
    for kind in ("wheat", "chaff"):
        if kind in metafunc.fixturenames:
            found = [item for question in questions for item in alternatives(kind, question)]
            metafunc.parametrize(kind, found, ids=[f"{item.question}-{item.name}" for item in found])
