"""Ctrl-C and SIGTERM, at any moment: what is known by then is printed and written, and the part is named."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from autograder.specs import points
from starterkit.audit.bench import Bench
from starterkit.audit.boundary import Boundary
from starterkit.audit.stopping import Stopped

if TYPE_CHECKING:
    from pathlib import Path

    from tests.audit.conftest import Spoiled

# runs the command; when progress says that a part begins, the signal is there before its first line runs
AT_THE_BEGINNING = """
import os, signal, sys
from starterkit import cli
from starterkit.audit import report

def begin(self, name, before=report.Screen.begin):
    before(self, name)
    if name == sys.argv[1]:
        os.kill(os.getpid(), int(sys.argv[2]))

report.Screen.begin = begin
cli.main(sys.argv[3:])
"""


def left(course: Spoiled, folder: Path, child: subprocess.Popen[str]) -> tuple[str, dict[str, object]]:
    """What an interrupted command leaves: its output, and the JSON; exit code 1 and a page are checked."""
    out, err = child.communicate(timeout=120)
    assert child.returncode == 1, out + err
    assert "Traceback" not in err
    assert re.search(r"<p class=\"bad\">hw1: interrupted ", (folder / "a.html").read_text(encoding="utf-8"))
    report = json.loads((folder / "a.json").read_text(encoding="utf-8"))
    assert report["clean"] is False
    assert not list(course.homework.glob("*.new"))
    return out, report


def start(course: Spoiled, folder: Path, command: list[str]) -> subprocess.Popen[str]:
    """Start a command line of an audit that writes both files."""
    return subprocess.Popen(
        [*command, "--json", str(folder / "a.json"), "--html", str(folder / "a.html")], text=True, cwd=course.root,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "OMP_NUM_THREADS": "1", "NO_COLOR": "1", "COLUMNS": "200"},
    )  # fmt: skip


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_during_a_part_leaves_a_report(course: Spoiled, tmp_path: Path, number: signal.Signals) -> None:
    """In the middle of the mutants: earlier parts stand in the report, the interrupted one says how far it came."""
    child = start(course, tmp_path, course.command())
    assert child.stderr is not None
    for line in child.stderr:
        if ": mutants" in line:  # the longest part, and what follows takes a while yet
            child.send_signal(number)
            break
    out, report = left(course, tmp_path, child)
    at = re.search(r"interrupted during (\w+)", out)
    assert at is not None
    assert report["interrupted"] == at[1]
    assert re.search(r"✓ +wheats .*\n✓ +chaffs ", out)
    assert re.search(rf"… +{at[1]} +cut short, (\d+ of \d+|nothing) done", out)


@pytest.mark.parametrize(
    ("part", "number", "said"),
    [
        ("chaffs", signal.SIGINT, "during chaffs"),
        ("reading and warming up", signal.SIGTERM, "during reading and warming up"),
        ("signatures", signal.SIGTERM, "before signatures"),
    ],
)
def test_a_signal_between_parts_leaves_a_report(
    course: Spoiled, tmp_path: Path, part: str, number: signal.Signals, said: str
) -> None:
    """Before the first part, between two, after the last: the one that was to come is named, the others are done."""
    command = course.command("--sample", "20", "--only", "1.1a")[2:]
    child = start(course, tmp_path, [sys.executable, "-c", AT_THE_BEGINNING, part, str(int(number)), *command])
    out, report = left(course, tmp_path, child)
    assert f"interrupted {said} (" in out
    assert report["interrupted"] == part
    assert re.findall(r"… +(\w+) +cut short, nothing done", out) == (["chaffs"] if part == "chaffs" else [])


def test_a_signal_inside_a_solution_is_no_failure_of_its_test() -> None:
    """A signal that comes while the reference runs ends the audit and fails no test."""

    def interrupted() -> None:
        raise Stopped

    boundary = Boundary()

    @points(1)
    def test() -> None:
        boundary.wrap(interrupted)()

    homework = SimpleNamespace(name="hw1", course=SimpleNamespace(secret="00" * 16))
    found = SimpleNamespace(name="test", timeout=None)
    bench = Bench(homework, SimpleNamespace(id="1.1a"), {"test": test}, boundary)  # type: ignore[arg-type]
    with pytest.raises(Stopped):
        bench.attempt(found, 0, 10.0)  # type: ignore[arg-type]
