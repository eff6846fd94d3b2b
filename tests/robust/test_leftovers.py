"""Folders that a killed grader leaves are cleared by the next one, and nothing else is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from autograder import cli, leftovers
from tests.grader import tiny_bundle

ROOT = Path(__file__).resolve().parents[2]
OWNER = """
import sys
from autograder.server import Server
with Server.fork() as server:
    print(server.isolation, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files, in this process and in those it starts."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


def killed(command: list[str]) -> None:
    """Start a process in a group of its own, wait for its first line, and kill it before it can clear up."""
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    ) as process:  # fmt: skip
        assert process.stdout is not None and process.stdout.readline()
        os.kill(process.pid, signal.SIGKILL)
        process.wait()


def test_the_box_of_a_killed_grader_goes(scratch: Path) -> None:
    """What SIGKILL left is there, survives its owner only until the next sweep, and a box in use survives that."""
    killed([sys.executable, "-c", OWNER])
    [left] = scratch.glob("autograder-box-*")
    (left / "1-abcd").mkdir()
    (left / "1-abcd" / "loot").symlink_to(ROOT)
    folder, mark = leftovers.make("box")
    assert leftovers.sweep() == [left.name]
    assert not left.exists() and Path(folder).is_dir() and (ROOT / "autograder").is_dir()
    os.close(mark)
    assert leftovers.sweep() == [Path(folder).name]


def test_an_unpacked_bundle_belongs_to_the_process_that_reads_it(scratch: Path, tmp_path: Path) -> None:
    """The tests of a zip that was being graded do not stay on the disk: they go with the first run after the kill."""
    bundle, zipped = tiny_bundle.write_bundle(tmp_path / "bundle"), tmp_path / "hw9.zip"
    subprocess.run([sys.executable, "-m", "zipfile", "-c", str(zipped), str(bundle)], check=True)
    code = "import sys; from pathlib import Path; from autograder import cli\n"
    code += "print(cli.open_bundle(Path(sys.argv[1]))[0], flush=True); sys.stdin.read()"
    killed([sys.executable, "-c", code, str(zipped)])
    [left] = scratch.glob("autograder-bundle-*")
    kept, temporary = cli.open_bundle(zipped)
    assert not left.exists() and (kept / "manifest.json").is_file() and temporary is not None
    assert leftovers.sweep() == []


def test_what_is_not_ours_stays(scratch: Path, tmp_path: Path) -> None:
    """Links, folders without a mark, marks that are links, files, and other users' folders are let alone."""
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / leftovers.IN_USE).touch()
    (scratch / "autograder-box-link").symlink_to(precious)
    (scratch / "autograder-box-file").touch()
    (scratch / "autograder-box-bare").mkdir()
    (scratch / "autograder-box-marked").mkdir()
    (scratch / "autograder-box-marked" / leftovers.IN_USE).symlink_to(precious / leftovers.IN_USE)
    (scratch / "other").mkdir()
    (scratch / "other" / leftovers.IN_USE).touch()
    if os.getuid() == 0:
        (scratch / "autograder-box-theirs").mkdir()
        (scratch / "autograder-box-theirs" / leftovers.IN_USE).touch()
        os.chown(scratch / "autograder-box-theirs", 12345, 12345)
    before = sorted(scratch.iterdir())
    assert leftovers.sweep() == [] and sorted(scratch.iterdir()) == before and list(precious.iterdir())
