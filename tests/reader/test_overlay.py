"""Wheat and chaff files."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from starterkit.diagnostics import Collector, StarterkitError
from starterkit.overlay import Alternative, check_alternatives, load_alternatives
from starterkit.source import load_homework

FILE = '''\
"""Alternatives."""

import math

from hwkit import chaff, points, wheat


def helper(x):
    return math.floor(x)


@wheat("by addition")
def double(x):
    return x + x


@chaff("twice, not squared")
def double(x):
    return helper(x) ** 2


@chaff("both together")
def double(x):
    return triple(x)


@chaff("both together")
def triple(x):
    return x / 0
'''


@pytest.fixture
def alternatives(tmp_path: Path) -> list[Alternative]:
    """The alternatives of FILE."""
    path = tmp_path / "5_1a.py"
    path.write_text(FILE, encoding="utf-8")
    return load_alternatives(path)


def test_each_decorated_function_is_an_alternative(alternatives: list[Alternative]) -> None:
    """Kind, name, question, text, functions and line are read; neighbours under one text belong together."""
    assert [(a.kind, a.name, a.question, tuple(a.functions), a.line) for a in alternatives] == [
        ("wheat", "wheat-by-addition", "5.1a", ("double",), 12),
        ("chaff", "chaff-twice-not-squared", "5.1a", ("double",), 17),
        ("chaff", "chaff-both-together", "5.1a", ("double", "triple"), 22),
    ]
    assert alternatives[1].text == "twice, not squared"


def test_an_alternative_runs_with_the_shared_code_of_its_file(alternatives: list[Alternative]) -> None:
    """The compiled alternative holds helpers and itself, and needs no hwkit for the marks."""
    source = alternatives[1].source
    assert (
        "wheat" not in source and "chaff" not in source.replace("chaff-", "") and "from hwkit import points" in source
    )
    namespace: dict[str, object] = {}
    exec(source.replace("from hwkit import points", ""), namespace)
    assert namespace["double"](3.5) == 9  # type: ignore[operator]


def test_lines_of_an_alternative_are_lines_of_its_file(alternatives: list[Alternative]) -> None:
    """A traceback through an alternative names the line in the file."""
    namespace: dict[str, object] = {"points": None}
    exec(compile(alternatives[2].source.replace("from hwkit import points", ""), "5_1a.py", "exec"), namespace)
    with pytest.raises(ZeroDivisionError) as raised:
        namespace["double"](1)  # type: ignore[operator]
    assert raised.traceback[-1].lineno + 1 == FILE.splitlines().index("    return x / 0") + 1


MISTAKES = {
    "no_alternatives": ("def double(x):\n    return x\n", "no-alternatives", "put @wheat"),
    "no_text": ("@wheat\ndef double(x):\n    return x\n", "bad-decorator", '@wheat("what is different")'),
    "misspelt": ('@chaf("x")\ndef double(x):\n    return x\n', "unknown-decorator", "did you mean @chaff?"),
    "unknown_name": ('@chaff("x")\ndef duoble(x):\n    return x\n', "unknown-name", "did you mean double?"),
    "broken": ('@chaff("x")\ndef double(x:\n', "syntax-error", "correct the code"),
}


@pytest.mark.parametrize(("text", "code", "hint"), MISTAKES.values(), ids=list(MISTAKES))
def test_a_mistake_in_a_file_of_alternatives_is_reported(tmp_path: Path, text: str, code: str, hint: str) -> None:
    """Each mistake has a code and a hint."""
    (tmp_path / "5_1a.py").write_text(text, encoding="utf-8")
    collector = Collector(tmp_path)
    load_alternatives(tmp_path / "5_1a.py", {"double": "5.1a"}, collector)
    assert any(problem.code == code and hint in str(problem.hint) for problem in collector.problems), collector.problems


def test_too_few_alternatives_are_warnings() -> None:
    """The sample has two wheats and three chaffs for 9.1a and 9.2a, so nothing is reported; without them, all is."""
    sample = Path(__file__).parents[1] / "sample_course"
    homework = load_homework(sample / "solutions" / "hw9", sample, Collector())
    assert homework is not None
    collector = Collector()
    assert len(check_alternatives(homework, collector)) == 10 and collector.problems == []
    bare = dataclasses.replace(homework, folder=homework.folder / "modules")
    check_alternatives(bare, collector)
    assert [problem.code for problem in collector.warnings] == ["few-chaffs", "few-wheats"] * 2 and collector.ok


def test_mistakes_raise_where_nobody_collects(tmp_path: Path) -> None:
    """Without a collector, a missing file raises with its report."""
    with pytest.raises(StarterkitError, match="missing-file"):
        load_alternatives(tmp_path / "5_1a.py")
