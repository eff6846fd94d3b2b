"""Loads any shipped homework in this process: its questions and tests, and the alternatives beside it."""

from __future__ import annotations

import re
import sys
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from autograder import testing
from starterkit.overlay import Alternative, load_alternatives

SOLUTIONS = Path(__file__).parents[2] / "solutions"


@dataclass
class Homework:
    """The reference's namespace, and per question its graded names, tests and alternatives."""

    folder: Path
    namespace: dict[str, Any]
    names: dict[str, list[str]] = field(default_factory=dict)
    tests: dict[str, list[Callable[..., Any]]] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)

    def failures(self, question: str, *, seed: int, quick: bool = False) -> dict[str, BaseException]:
        """Run the tests of a question; return what those that failed raised (`quick`: only the first of them)."""
        failed: dict[str, BaseException] = {}
        for number, test in enumerate(self.tests[question]):
            try:
                testing.run_test(test, seed=1000 * seed + number)
            except Exception as error:  # noqa: BLE001 - whatever a wrong answer raises
                failed[test.__name__] = error
                if quick:
                    break
        return failed

    def put(self, alternative: Alternative, monkeypatch: pytest.MonkeyPatch) -> None:
        """Put an alternative in place of the reference."""
        namespace: dict[str, Any] = {**self.namespace, "__name__": alternative.name}  # it may call other answers
        exec(alternative.code(), namespace)  # our own homework
        for name in alternative.functions:
            monkeypatch.setitem(self.namespace, name, namespace[name])

    def points(self, question: str, *, bonus: bool = False) -> float:
        """The points of a question's tests, ordinary ones or those on top."""
        specs = [testing.spec_of(test) for test in self.tests[question]]
        return sum(spec.points for spec in specs if spec.bonus == bonus)


def cells(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield line of the header, header and body of every cell of a percent script."""
    starts = [match.start() for match in re.finditer(r"^# %%.*$", text, re.MULTILINE)]
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        header, _, body = text[start:end].partition("\n")
        yield text.count("\n", 0, start) + 1, header, body


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


def load(name: str) -> Homework:
    """Execute the given, solution and tests cells of solutions/NAME/NAME.py, each at its own line."""
    path = SOLUTIONS / name / f"{name}.py"
    loaded = Homework(path.parent, {"__name__": name})
    for line, header, body in cells(path.read_text(encoding="utf-8")):
        if "[markdown]" in header or "experiment=" in header or "artefact=" in header:
            continue
        before = dict(loaded.namespace)
        execute("\n" * line + body, path, loaded.namespace)
        fresh = [key for key, value in loaded.namespace.items() if before.get(key) is not value]
        match = re.search(r'(solution|tests)="([\d.]+\w)"', header)
        if match and match[1] == "solution":
            loaded.names.setdefault(match[2], []).extend(key for key in fresh if not key.startswith("_"))
        elif match:
            tests = [loaded.namespace[key] for key in fresh if key.startswith("test_")]
            loaded.tests.setdefault(match[2], []).extend(tests)
            hidden_at = line + body[: body.index("### BEGIN HIDDEN TESTS")].count("\n")
            loaded.hidden |= {test.__name__ for test in tests if test.__code__.co_firstlineno > hidden_at}
    return loaded


def questions(name: str) -> list[str]:
    """The ids of the homework's questions, in order of the file."""
    text = (SOLUTIONS / name / f"{name}.py").read_text(encoding="utf-8")
    return re.findall(r'^# %% solution="([\d.]+\w)"', text, re.MULTILINE)


def alternatives(name: str, kind: str, question: str | None = None) -> list[Alternative]:
    """Every wheat or chaff of a homework, or of one of its questions."""
    folder = SOLUTIONS / name / f"{kind}s"
    return load_alternatives(folder / f"{question.replace('.', '_')}.py" if question else folder)


def names_of(items: list[Alternative]) -> list[str]:
    """Test ids for alternatives."""
    return [f"{item.question}-{item.name}" for item in items]


def named_by_public_checks(homework: Homework, concepts: Mapping[str, str], seeds: Iterable[int] = range(3)) -> None:
    """Assert that each chaff fails, under every seed, a public check whose message holds its concept's word.

    `concepts` maps chaffs to words: {"2.1a exp(logvar) is the variance": "standard deviation"}. A chaff is given as
    its question and a piece of its hint that no other chaff of the question has; case does not matter in either.
    All that is wrong is said at once, with what the public checks do say.
    """
    wrong = []
    for key, word in concepts.items():
        question, _, piece = key.partition(" ")
        chaffs = [
            item
            for item in alternatives(homework.folder.name, "chaff", question)
            if piece and piece.lower() in item.text.lower()
        ]
        if len(chaffs) != 1:
            wrong.append(f"{key}: {len(chaffs)} chaffs of {question} have this in their hint")
            continue
        for seed in seeds:
            said = public_messages(homework, chaffs[0], seed=seed)
            if not any(word.lower() in message.lower() for message in said):
                wrong.append(f"{key}: no public check says {word!r} under seed {seed}; they say {said}")
                break
    assert not wrong, "\n".join(wrong)


def public_messages(homework: Homework, alternative: Alternative, *, seed: int) -> list[str]:
    """What the public checks of its question say about an alternative: one message for each that fails."""
    with pytest.MonkeyPatch.context() as patch:
        homework.put(alternative, patch)
        failed = homework.failures(alternative.question, seed=seed)
    return [testing.failure_message(error) for name, error in failed.items() if name not in homework.hidden]
