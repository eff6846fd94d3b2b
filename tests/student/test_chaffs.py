"""`check` on HW2's own catalogue of mistakes: what a public check catches, it explains."""

from __future__ import annotations

import json
import re
import sys
import time
import types
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from starterkit.overlay import Alternative, load_alternatives
from tests.student.conftest import source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from starterkit.build import Built
    from tests.student.conftest import Notebook

FOLDER = Path(__file__).parents[2] / "solutions" / "hw2" / "chaffs"
CHAFFS = load_alternatives(FOLDER)
SECONDS = 2.0  # of CPU, for all checks of a question
SHAPE = re.compile(r"\([\d, ]*\)|torch\.Size\(\[[\d, ]*\]\)")
LEAST_CAUGHT = 1 / 2  # of all chaffs; the others are what hidden tests are for


@dataclass
class Desk:
    """A student's session after all cells were run: the notebook's names, hwkit, and the checks by question."""

    names: dict[str, Any]
    kit: Any
    checks: dict[str, list[Callable[..., Any]]]


@pytest.fixture(scope="module")
def desk(hw2: Built, filled: Notebook) -> Iterator[Desk]:
    """The cells of the filled notebook, executed in this process; the calls of `check` are noted, not made."""
    kit = types.ModuleType("hwkit")
    before = {name: sys.modules.get(name) for name in ("hwkit", "digits")}
    sys.modules["hwkit"] = kit
    exec(compile(hw2.kit["hwkit.py"], "hwkit.py", "exec"), kit.__dict__)
    checks: dict[str, list[Callable[..., Any]]] = {}
    names: dict[str, Any] = {
        "__name__": "hw2",
        "check": lambda question, *tests: checks.setdefault(question, []).extend(tests),
    }
    for cell in filled["cells"]:
        if cell["cell_type"] == "code" and cell["id"].startswith(("given-", "solution-", "tests-")):
            exec(compile(source(cell), cell["id"], "exec"), names)
    yield Desk(names, kit, checks)
    for name, module in before.items():
        sys.modules.pop(name, None)
        if module is not None:
            sys.modules[name] = module


def said_of(chaff: Alternative, desk: Desk, capsys: pytest.CaptureFixture[str]) -> tuple[str, bool, float]:
    """What `check` prints about a chaff, whether it fails it, and the CPU seconds it takes."""
    own = dict(desk.names)
    exec(chaff.code(), own)
    kept = {name: desk.names[name] for name in chaff.functions}
    desk.names.update({name: own[name] for name in chaff.functions})
    capsys.readouterr()
    started = time.process_time()
    failed = False
    try:
        desk.kit.check(chaff.question, *desk.checks[chaff.question])
    except desk.kit.CheckFailed:
        failed = True
    finally:
        desk.names.update(kept)
    return capsys.readouterr().out, failed, time.process_time() - started


@pytest.mark.parametrize("chaff", CHAFFS, ids=[f"{chaff.question}-{chaff.name}" for chaff in CHAFFS])
def test_a_chaff_gets_a_message_to_act_on(chaff: Alternative, desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """A failed check says more than its title, names both shapes where shapes differ, shows no tensor, is fast."""
    out, failed, seconds = said_of(chaff, desk, capsys)
    assert seconds < SECONDS
    assert "tensor(" not in out
    assert "Traceback" not in out
    if not failed:
        assert "✗" not in out
        return
    lines = out.splitlines()
    for number, line in enumerate(lines):
        if line.startswith("  ✗"):
            message = lines[number + 1]
            assert message.startswith("      "), "a failed check without a message"
            assert "the law does not hold" not in message
            assert len(message.split()) >= 4, message
    for line in lines:
        if re.search(r"\bexpected shape|has shape|shapes? (?:is|are|differ)", line):
            assert len(SHAPE.findall(line)) >= 2, line


def test_most_chaffs_are_caught_in_the_notebook(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """Public checks catch every second chaff, and one or more of every question that has public tests."""
    caught: dict[str, list[bool]] = {}
    for chaff in CHAFFS:
        caught.setdefault(chaff.question, []).append(said_of(chaff, desk, capsys)[1])
    assert sum(map(sum, caught.values())) >= LEAST_CAUGHT * len(CHAFFS)
    assert all(any(found) for question, found in caught.items() if desk.checks.get(question))


def test_the_reference_passes_every_check(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """With the reference, no check fails and each takes less than two seconds of CPU."""
    for question, tests in desk.checks.items():
        started = time.process_time()
        desk.kit.check(question, *tests)
        assert time.process_time() - started < SECONDS
    assert "✗" not in capsys.readouterr().out


def test_a_wrong_shape_shows_both_shapes(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """A divergence summed over the batch too is told its own shape and the right one."""
    [chaff] = [chaff for chaff in CHAFFS if "one number per example" in chaff.text and chaff.question == "2.1b"]
    out, failed, _ = said_of(chaff, desk, capsys)
    assert failed
    shapes = next(SHAPE.findall(line) for line in out.splitlines() if "shape" in line)
    assert len(set(shapes)) == 2


def test_an_untouched_stub_is_called_not_attempted(hw2: Built, desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """The released stub of every question is told apart from a wrong answer."""
    stubs = {cell["id"]: source(cell) for cell in json.loads(hw2.kit["hw2.ipynb"])["cells"]}
    for question in hw2.homework.questions:
        kept = {name: desk.names[name] for name in question.names}
        exec(stubs[f"solution-{question.id.replace('.', '_')}"], desk.names)
        with pytest.raises(desk.kit.CheckFailed):
            desk.kit.check(question.id, *desk.checks[question.id])
        desk.names.update(kept)
        assert f"Question {question.id} is not attempted yet" in capsys.readouterr().out
