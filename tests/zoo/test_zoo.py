"""No hostile submission gains anything: with all layers, as an ordinary user, in a container, and without any one layer."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import harness
import pytest
import zoo_bundle
from harness import Batch, attacks, got_through, grade, ran

from autograder import accounts

ZOO = attacks()
CATALOGUE = set(range(1, 61)) - {36, 40}  # pass and fail bits, and time, are not defended: docs/security.md
root_only = pytest.mark.skipif(not accounts.can_switch(), reason="needs the capabilities to switch users")
REACH = [
    "atexit_write", "attack_harness", "ctypes_syscalls", "daemonise", "foreign_architecture", "gpu_grab", "import_hijack",
    "inherited_fds", "kill_grader", "limit_grader", "memory_secrets", "network", "ptrace_mem", "read_other_students", "read_proc",
    "read_results", "read_tests", "results_race", "sigio_grader", "stash_between_tests", "subprocess_shell",
]  # fmt: skip
CONSUME = [
    "big_file", "close_fds", "deep_tree", "disk_fill", "flood_stdout", "fork_bomb", "huge_return", "inode_bomb", "kill_grader",
    "locked_tree", "loop_in_thread", "loop_python", "memory_private", "memory_shared", "poison_environment", "renice_hog",
    "rpc_forge_reply", "segfault", "stack_overflow", "thread_bomb",
]  # fmt: skip

ELSEWHERE = sorted(
    {
        *REACH,
        *CONSUME,
        "callback_flood",
        "exit_zero_import",
        "inject_output",
        "leak_inputs_error",
        "rpc_slow_drip",
        "stop_itself",
        "zip_links",
    }
)

# Which attacks still get somewhere without a layer. None of them gains a point, a canary of the tests, or a change of the
# grader's files. `may`: where it depends on the machine (its /home, its device files, its kernel).
SURVIVORS: dict[str, tuple[list[str], set[str], set[str]]] = {
    "separate uid": (REACH, set(), set()),
    "landlock": (
        REACH,
        {"atexit_write", "import_hijack", "read_proc", "stash_between_tests", "read_other_students"},  # world-writable folders, /proc
        {"gpu_grab"},
    ),
    "seccomp": (
        REACH,
        {"daemonise", "stash_between_tests", "sigio_grader"},  # processes that die with their user, SysV memory
        {"foreign_architecture", "network", "ctypes_syscalls", "subprocess_shell"},
    ),
    "no_new_privs": (  # without it neither Landlock nor the filter can be installed: the separate user is alone
        REACH,
        {"atexit_write", "daemonise", "import_hijack", "network", "read_other_students", "read_proc", "sigio_grader", "stash_between_tests",
         "subprocess_shell"},
        {"ctypes_syscalls", "foreign_architecture", "gpu_grab"},
    ),
    "network namespace": (["network", "stash_between_tests", *REACH[:4]], set(), set()),
    "dies with parent": (["daemonise", "exit_zero_call", "kill_grader", "loop_python", "stop_itself"], set(), set()),
    "rlimits": (CONSUME, set(), {"thread_bomb"}),  # a thousand threads, if the time limit lets it get that far
    "oom first": (CONSUME, set(), set()),
}  # fmt: skip


def unacceptable(broken: list[str]) -> list[str]:
    """What may never get through, whatever layer is missing."""
    words = ("score", "canary", "text", "other questions", "trusted", "process left", "took", "made it", "not refused")
    return [entry for entry in broken if entry.startswith(words) and entry != "canary: arguments"]


def achieved(batch: Batch) -> dict[str, list[str]]:
    """What each attack of a batch achieved; those that achieved nothing are left out."""
    out = {}
    for name, run in batch.runs.items():
        if name in ZOO:
            broken = got_through(ZOO[name], run, batch.runs[f"baseline {ZOO[name].question}"])
            if broken:
                out[name] = broken
    return out


def unexecuted(batch: Batch) -> list[str]:
    """Attacks that never ran, and so prove nothing."""
    return [name for name, run in batch.runs.items() if name in ZOO and not ran(ZOO[name], run)]


@pytest.fixture(scope="module")
def everything() -> Iterator[Batch]:
    """The whole zoo on this machine as it is, with every layer."""
    with _folder() as folder:
        yield grade(folder, sorted(ZOO))


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder whose parents every user may pass (pytest's own are private)."""
    with _folder() as folder:
        yield folder


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="zoo-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


# ---- the zoo itself ------------------------------------------------------------------------------------------------
def test_every_class_is_attempted():
    """At least 60 files cover every class of the catalogue that is defended."""
    covered = {number for attack in ZOO.values() for number in attack.classes}
    assert len(ZOO) >= 60
    assert covered >= CATALOGUE, sorted(CATALOGUE - covered)


def test_every_file_says_what_success_would_be():
    """Every file opens with what the attack would achieve, in a sentence."""
    for attack in ZOO.values():
        assert re.match(r'"""Success: [^\n]{20,}\.\n\nclass', attack.source), attack.name


def test_the_same_wrong_code_without_the_attack_earns_the_baseline(everything):
    """The calm wrong solutions earn nothing, and exactly what the two exceptions state."""
    for question, worth in zoo_bundle.WORTH.items():
        calm = everything.runs[f"baseline {question}"]
        assert calm.score(question) == 0
        assert calm.data["score"] == sum(zoo_bundle.WORTH.values()) - worth
    public = sum(p for n, p in zoo_bundle.POINTS["1"] if n not in zoo_bundle.HIDDEN)
    stated = {name: attack.baseline for name, attack in ZOO.items() if attack.baseline}
    cut = everything.runs["baseline cut gradient"]
    assert stated == {"hardcode_public": public, "wrong_gradient": cut.score("1")}


@pytest.mark.parametrize("name", sorted(ZOO))
def test_nothing_gets_through(everything, name):
    """With every layer on, the attack runs and achieves nothing at all."""
    attack, run = ZOO[name], everything.runs[name]
    assert got_through(attack, run, everything.runs[f"baseline {attack.question}"]) == []
    assert ran(attack, run), run.log[-2000:]


def test_every_refusal_is_confirmed_by_a_throw_away_worker(everything):
    """The active probes of the isolation report are all refused."""
    assert set(everything.check.values()) == {"refused"}
    assert everything.grade == ("strong" if accounts.can_switch() else "good")


# ---- other machines ------------------------------------------------------------------------------------------------
@root_only
def test_an_ordinary_user_is_as_safe(place):
    """Without root (Landlock and the filter, no user of its own) nothing gets through either."""
    reason = _no_way()
    if reason:
        pytest.skip(reason)
    batch = grade(place, ELSEWHERE, user=harness.USER, way=True, only=True)
    assert batch.grade == "good" and not batch.isolation["separate uid"][0]
    assert achieved(batch) == {} and unexecuted(batch) == []


@root_only
@pytest.mark.skipif(platform.machine() != "x86_64", reason="the Docker-like filter is a table for x86-64")
def test_dockers_defaults_are_as_safe(place):
    """With Docker's default capabilities and system-call filter nothing gets through, and the isolation is strong."""
    batch = grade(place, ELSEWHERE, docker=True, only=True)
    assert batch.grade == "strong" and not batch.isolation["network namespace"][0]
    assert achieved(batch) == {} and unexecuted(batch) == []


@root_only
@pytest.mark.skipif(platform.machine() != "x86_64", reason="the Docker-like filter is a table for x86-64")
def test_in_docker_without_the_filter_only_the_network_is_open(place):
    """Where neither our filter nor a network namespace is to be had, datagrams leave; no test, point or file does."""
    batch = grade(place, REACH, docker=True, skip=["seccomp"], way=not _no_way(), only=True)
    found = achieved(batch)
    assert "reached: udp" in found["network"]
    assert {name: bad for name, broken in found.items() if (bad := unacceptable(broken))} == {}


@root_only
@pytest.mark.parametrize("layer", SURVIVORS)
def test_without_one_layer_the_survivors_are_known(place, layer):
    """Without the layer exactly the named attacks get somewhere, and none of them to a point, a test or a file of the grader's."""
    names, expected, maybe = SURVIVORS[layer]
    reason = _no_way()
    if reason and layer in ("landlock", "no_new_privs"):
        pytest.skip(reason)
    batch = grade(place, names, skip=[layer], unsafe=layer == "rlimits", way=not reason, only=True)
    found = achieved(batch)
    assert {name: bad for name, broken in found.items() if (bad := unacceptable(broken))} == {}
    assert not batch.isolation[layer][0]
    assert expected <= set(found) <= expected | maybe, found


def _no_way() -> str:
    """Why another user cannot read the interpreter here, or ''."""
    code = "import confine; confine.open_the_way()"
    tried = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parent, capture_output=True, text=True, check=False
    )
    return (
        f"no other user may read the interpreter, and no mount namespace: {tried.stderr[-200:]}"
        if tried.returncode
        else ""
    )


# ---- through the front door ------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "name", ["exit_zero_import", "inject_output", "leak_inputs_error", "memory_secrets", "read_proc", "zip_links"]
)
def test_through_the_command_line(tmp_path, name):
    """The command line itself: no canary in what students see, nothing left, no process, and the score of the baseline."""
    attack, secret = ZOO[name], zoo_bundle.CANARIES
    here = tmp_path / secret["arguments"]  # the folder that the command is started in
    tmp, results = tmp_path / "tmp", tmp_path / "results"
    for folder in (here, tmp):
        folder.mkdir()
    bundle = zoo_bundle.write_bundle(tmp_path / "bundle")
    submission = attack.write(tmp_path / "submission")
    environment = {
        "PATH": "/usr/bin:/bin", "PYTHONPATH": str(harness.ROOT), "TMPDIR": str(tmp), "GRADESCOPE_TOKEN": secret["environment"],
    }  # fmt: skip
    command = [
        sys.executable,
        "-m",
        "autograder",
        "grade",
        "--bundle",
        str(bundle),
        "--submission",
        str(submission),
        "--results",
        str(results),
    ]
    done = subprocess.run(
        [*command, "--only", attack.question],
        env=environment,
        cwd=here,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    data = json.loads((results / "results.json").read_text())
    run = harness.Run(data, done.stdout, {})
    assert run.score(attack.question) <= attack.baseline
    assert ran(attack, run)
    assert [what for what, word in secret.items() if word in run.seen()] == []
    assert sorted(p.name for p in results.iterdir()) == ["results.json"]
    assert [p.name for p in tmp.iterdir() if not p.name.startswith("torchinductor_")] == []
    assert _running_below(tmp) == []


def _running_below(folder: Path) -> list[str]:
    found = []
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                place = str(Path(entry.path, "cwd").readlink())
            except OSError:
                continue
            if place.startswith(str(folder)):
                found.append(entry.name)
    return found
