"""The grading processes are killed at random moments: what had been decided is in a valid results.json."""

from __future__ import annotations

import contextlib
import os
import random
import select
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from tests.grader import tiny_bundle
from tests.robust.processes import children, family, workers
from tests.robust.running import ENVIRONMENT, command, strict

RUNS = 50
VICTIMS = ("grader", "server", "worker")
DECIDED = {"passed", "wrong", "void", "gated", "our_fault", "student_error", "crashed"}


@dataclass
class Killed:
    """One run: who was to be killed and when, what the grader had announced by then, and what is left."""

    victim: str
    announced: dict[str, str] = field(default_factory=dict)  # test name -> outcome, as printed after it was written
    seen: list[bytes] = field(default_factory=list)  # versions of results.json, as read from outside
    hit: bool = False
    code: int | None = None
    survivors: list[int] = field(default_factory=list)
    leftovers: list[str] = field(default_factory=list)

    @cached_property
    def versions(self) -> list[dict[str, Any]]:
        """What was seen, as strictly read as can be."""
        return [strict(data) for data in self.seen]


def kill_one(folder: Path, bundle: Path, submission: Path, seed: int) -> Killed:
    """Grade, kill one process at a moment that follows from `seed`, and gather what is left."""
    dice = random.Random(seed)
    run = Killed(VICTIMS[seed % len(VICTIMS)])
    lines, delay = dice.randrange(0, 9), dice.random()
    results, temporary = folder / f"results-{seed}", folder / f"tmp-{seed}"
    temporary.mkdir(mode=0o711)
    arguments = ["--verbose", "--bundle", bundle, "--submission", submission, "--results", results]
    environment = {**ENVIRONMENT, "TMPDIR": str(temporary)}
    with subprocess.Popen(
        command(*arguments), env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        assert process.stdout is not None
        output, relatives = b"", set[int]()
        due = time.monotonic() + 1.5 * delay if not lines else None
        while True:
            ready, _, _ = select.select([process.stdout], [], [], 0.005)
            if ready:
                data = os.read(process.stdout.fileno(), 1 << 16)
                if not data:
                    break
                output += data
                run.announced = announcements(output)
            look(results / "results.json", run)
            if due is None and len(run.announced) >= lines:
                due = time.monotonic() + 0.06 * delay
            if due is not None and not run.hit and time.monotonic() >= due:
                relatives |= set(family(process.pid))
                run.hit = kill(run.victim, process.pid)
        run.code = process.wait()
    look(results / "results.json", run)
    deadline = time.monotonic() + 10
    while (alive := [pid for pid in relatives if is_ours(pid, temporary)]) and time.monotonic() < deadline:
        select.select([], [], [], 0.01)
    run.survivors = alive
    run.leftovers = [path.name for path in results.iterdir() if path.name != "results.json"]
    return run


def announcements(output: bytes) -> dict[str, str]:
    """Name -> outcome of the tests that the grader said it had written: whole lines only."""
    found = {}
    for line in output.decode(errors="replace").split("\n")[:-1]:
        words = line.replace(":", "").split()
        if len(words) == 5 and words[1].startswith("test_") and words[4] == "s)":
            found[words[1]] = words[2]
    return found


def look(file: Path, run: Killed) -> None:
    """Read results.json as anybody could at this moment."""
    with contextlib.suppress(FileNotFoundError):
        data = file.read_bytes()
        if not run.seen or data != run.seen[-1]:
            run.seen.append(data)


def kill(victim: str, grader: int) -> bool:
    """SIGKILL to the grader, its server, or one of its workers; whether there was one."""
    found = {"grader": lambda: [grader], "server": lambda: children(grader), "worker": lambda: workers(grader)}[
        victim
    ]()
    for pid in found[:1]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            return True
    return False


def is_ours(pid: int, temporary: Path) -> bool:
    """Whether the process still lives (and its number was not given to a stranger)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0]
        where = str(Path(f"/proc/{pid}/cwd").readlink())
    except OSError:
        return False
    return state != b"Z" and (where.startswith(str(temporary)) or "bundle" in where)


@pytest.fixture(scope="module")
def killed(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Killed]:
    """All runs, two at a time."""
    folder = tmp_path_factory.mktemp("killed")
    submission = tiny_bundle.submission(folder / "submission")
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda seed: kill_one(folder, tiny, submission, seed), range(RUNS)))


def decided(data: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Name of a test -> its row, of the tests that had been decided in a version of results.json."""
    rows = {row["extra_data"]["test"]: row for row in data["tests"] if row.get("extra_data", {}).get("test")}
    return {name: row for name, row in rows.items() if row["extra_data"]["outcome"] in DECIDED}


def test_there_is_a_strict_result_at_every_moment(killed: list[Killed]) -> None:
    """From its first appearance on results.json is valid whenever it is read, and alone in its folder."""
    assert len(killed) == RUNS
    assert all(run.versions for run in killed if run.victim != "grader" or run.announced)
    assert [
        run.leftovers for run in killed if [name for name in run.leftovers if not name.startswith(".results.json.")]
    ] == []


def test_no_finished_test_is_lost(killed: list[Killed]) -> None:
    """Every test that the grader said it had decided stands in the last version, with that outcome or a better one."""
    for run in killed:
        last = decided(run.versions[-1]) if run.versions else {}
        told = {name: outcome for name, outcome in run.announced.items() if outcome in DECIDED}
        kept = {name: last[name]["extra_data"]["outcome"] for name in told}
        better = {name for name in told if kept[name] == "passed"}  # a follow-through mark
        assert {name: kept[name] for name in told if name not in better} == {
            name: told[name] for name in told if name not in better
        }


def test_rows_only_grow(killed: list[Killed]) -> None:
    """No version of results.json takes back a test that an earlier one had decided, nor a point of it."""
    for run in killed:
        for before, after in zip(run.versions, run.versions[1:], strict=False):
            old, new = decided(before), decided(after)
            assert old.keys() <= new.keys()
            assert all(new[name]["score"] >= row["score"] for name, row in old.items())


def test_nothing_survives(killed: list[Killed]) -> None:
    """No process of a killed run is left, whoever was killed."""
    assert [run for run in killed if run.survivors] == []


def test_the_kills_hit_every_kind_of_process_in_every_phase(killed: list[Killed]) -> None:
    """The moments reach from before the first test to after the last, and every kind of victim was found alive several times."""
    counts = {len(run.announced) for run in killed}
    assert len(counts) >= 5
    for victim in VICTIMS:
        assert sum(run.hit for run in killed if run.victim == victim) >= RUNS // 10


def test_a_killed_worker_costs_nothing(killed: list[Killed]) -> None:
    """A worker that the machine killed is replaced and the test run again: full marks, exit code 0."""
    for run in killed:
        if run.victim == "worker":
            assert (run.code, run.versions[-1]["score"]) == (0, 15)


def test_a_killed_server_is_never_held_against_the_student(killed: list[Killed]) -> None:
    """Without its server the grader ends with what was decided, says that the rest is our fault, and exits with 3."""
    for run in killed:
        if run.victim == "server":
            last = run.versions[-1]
            outcomes = {row["extra_data"].get("outcome") for row in last["tests"]}
            assert outcomes <= {"passed", "void", "not_graded"}
            assert (run.code, last["score"]) == (0, 15) or (run.code == 3 and last["extra_data"]["our_fault"])
