"""The resolved description of one homework's autograder, read from `bundle/manifest.json` with the standard library."""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = 1
_CENT = 1e-6  # sums of points are compared up to rounding
T = TypeVar("T")
_hints: dict[type, dict[str, Any]] = {}


class ManifestError(Exception):
    """The bundle cannot be used; the text is one sentence for staff that says what is wrong and where."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one call of the student's code, and the whole run, may use."""

    cpu_s: float = 10.0
    wall_s: float = 40.0
    memory_mb: int = 2048
    run_s: float = 480.0


@dataclass(frozen=True, kw_only=True)
class Given:
    """One given cell: its names come from the bundle, whatever the student's copy says."""

    key: str
    line: int
    names: tuple[str, ...]
    hashes: tuple[str, ...] = ()
    source: str


@dataclass(frozen=True, kw_only=True)
class Test:
    """One declared test function: what it is worth, who sees it, and the graded names it uses."""

    __test__ = False  # pytest: this is no test class

    name: str
    title: str
    points: float
    bonus: bool = False
    core: bool = False
    hidden: bool = False
    visibility: str = "visible"
    void: str | None = None
    timeout: float | None = None
    heavy: bool = False
    float32: bool = False
    line: int = 1
    uses: tuple[str, ...] = ()

    def flags(self) -> list[str]:
        """Which of "core", "hidden" and "bonus" it is."""
        return [word for word in ("core", "hidden", "bonus") if getattr(self, word)]


@dataclass(frozen=True, kw_only=True)
class Question:
    """One question: the names it grades, its tests, and the names its reference borrows from other questions."""

    id: str
    problem: str = ""
    title: str = ""
    names: tuple[str, ...]
    follow: tuple[str, ...] = ()
    tests: tuple[Test, ...] = ()

    @property
    def file(self) -> str:
        """File name of the test module inside `bundle/tests`."""
        return f"test_{self.id.replace('.', '_')}.py"

    def numbered(self) -> Iterator[tuple[str, Test]]:
        """Tests with their display numbers "2.1a.1", padded so that they also sort as text."""
        width = len(str(len(self.tests)))
        for index, test in enumerate(self.tests, 1):
            yield f"{self.id}.{index:0{width}d}", test


@dataclass(frozen=True, kw_only=True)
class Hint:
    """What helps a submission that fails exactly the tests `failing` of a question."""

    question: str
    failing: tuple[str, ...]
    hint: str


@dataclass(frozen=True, kw_only=True)
class Artefact:
    """An optional file beside the notebook. If `measured`, a function of that name in `bundle/measures/measures.py`
    turns its arrays into numbers, with the student's own definitions of the graded names in `uses`.
    """

    id: str
    file: str
    max_mb: float = 5.0
    measured: bool = False
    uses: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """Everything the grader must know about a homework. `secret` never leaves the grader."""

    schema: int
    homework: str
    title: str = ""
    course: str = ""
    term: str = ""
    release: int = 1
    secret: str
    device: str = "cpu"
    limits: Limits = Limits()
    preload: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    given: tuple[Given, ...] = ()
    questions: tuple[Question, ...]
    points: float
    bonus: float = 0.0
    errata: tuple[Any, ...] = ()
    attempts_per_day: int | None = None  # graded submissions in any 24 hours; None for as many as you like
    hints: tuple[Hint, ...] = ()
    artefacts: tuple[Artefact, ...] = ()

    def question(self, question_id: str) -> Question:
        """The question of that id. Raises KeyError."""
        for question in self.questions:
            if question.id == question_id:
                return question
        raise KeyError(question_id)

    def owner(self) -> dict[str, str]:
        """Graded name -> id of the question that grades it."""
        return {name: question.id for question in self.questions for name in question.names}

    def extraction_spec(self) -> dict[str, Any]:
        """What `autograder.extract.extract` wants to know: plain data, no secret."""
        needs = {q.id: sorted({n for t in q.tests for n in t.uses} - set(q.names)) for q in self.questions}
        return {
            "questions": {question.id: list(question.names) for question in self.questions},
            "needs": {question_id: names for question_id, names in needs.items() if names},
            "given": [{"names": list(g.names), "hashes": list(g.hashes), "source": g.source} for g in self.given],
            "packages": list(self.packages),
            "modules": list(self.modules),
            "stubs": {question.id: f"Question {question.id}" for question in self.questions},
        }


def read_manifest(folder: Path) -> Manifest:
    """Read `folder/manifest.json`. Raises ManifestError: absent, no JSON, of another schema, or inconsistent."""
    path = folder / "manifest.json"
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ManifestError(f"{folder.name}/ holds no manifest.json: it is not an autograder bundle") from None
    except (OSError, ValueError) as error:
        raise ManifestError(f"manifest.json cannot be read: {error}") from None
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        raise ManifestError(f"manifest.json is not of schema {SCHEMA}: build the bundle again with this version")
    manifest = _build(Manifest, data, "manifest.json")
    _check(manifest)
    return manifest


def _check(manifest: Manifest) -> None:
    ids = [question.id for question in manifest.questions]
    if len(set(ids)) != len(ids):
        raise ManifestError("manifest.json: a question id occurs twice")
    for question in manifest.questions:
        names = [test.name for test in question.tests]
        if len(set(names)) != len(names):
            raise ManifestError(f"manifest.json: question {question.id} has two tests of the same name")
    worth = sum(test.points for question in manifest.questions for test in question.tests if not test.bonus)
    if abs(worth - manifest.points) > _CENT:
        raise ManifestError(f"manifest.json: the tests are worth {worth:g} points, the total says {manifest.points:g}")


def _build(cls: type[T], data: object, where: str) -> T:
    """A frozen dataclass from plain data. Unknown keys are ignored, so that an older grader reads a newer bundle."""
    if not isinstance(data, Mapping):
        raise ManifestError(f"{where}: expected an object")
    hints = _hints.get(cls) or _hints.setdefault(cls, typing.get_type_hints(cls))  # slow, and a bundle has 200 objects
    known = [f.name for f in fields(cls) if f.name in data]  # type: ignore[arg-type]  # callers pass dataclasses
    values = {name: _value(hints[name], data[name], f"{where}: {name}") for name in known}
    try:
        return cls(**values)
    except TypeError as error:
        raise ManifestError(f"{where}: {error}") from None


def _value(hint: Any, value: object, where: str) -> Any:
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple:
        if not isinstance(value, list):
            raise ManifestError(f"{where}: expected a list")
        return tuple(_value(inner[0], item, where) for item in value)
    if origin in {typing.Union, types.UnionType}:
        return None if value is None else _value(inner[0], value, where)
    if hint is Any:
        return value
    if isinstance(hint, type) and hasattr(hint, "__dataclass_fields__"):
        return _build(hint, value, where)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, hint) or (hint is int and isinstance(value, bool)):
        raise ManifestError(f"{where}: expected {hint.__name__}, got {type(value).__name__}")
    return value
