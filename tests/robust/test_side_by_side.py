"""Two graders on one machine at once, and the memory that one of them takes."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from autograder import accounts
from tests.grader import tiny_bundle
from tests.robust.homework2 import Homework2
from tests.robust.processes import family, proportional_kib, user, workers
from tests.robust.running import ENVIRONMENT, command, strict, write_notebook

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_MB = 750  # of Gradescope's default container


@contextlib.contextmanager
def grading(results: Path, bundle: Path, submission: Path, temporary: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The command, running; its folder for temporary files is `temporary`."""
    temporary.mkdir(mode=0o711)
    arguments = command("--bundle", bundle, "--submission", submission, "--results", results)
    environment = {**ENVIRONMENT, "TMPDIR": str(temporary)}
    with subprocess.Popen(arguments, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        yield process


def test_two_graders_do_not_disturb_each_other(tiny: Path, tmp_path: Path) -> None:
    """Graded at the same time, both get full marks, their workers never have a user in common, and nothing is left."""
    users: dict[int, set[int | None]] = {}
    submission = tiny_bundle.submission(tmp_path / "submission")
    with contextlib.ExitStack() as stack:
        runs = [
            stack.enter_context(grading(tmp_path / f"results-{i}", tiny, submission, tmp_path / f"tmp-{i}"))
            for i in (0, 1)
        ]
        while any(run.poll() is None for run in runs):
            for run in runs:
                users.setdefault(run.pid, set()).update(user(worker) for worker in workers(run.pid))
            time.sleep(0.005)  # between two looks at /proc
    for i, run in enumerate(runs):
        assert run.returncode == 0
        assert strict((tmp_path / f"results-{i}" / "results.json").read_bytes())["score"] == 15
        assert list((tmp_path / f"tmp-{i}").iterdir()) == []
    if accounts.can_switch():
        first, second = (found - {None, os.getuid()} for found in users.values())
        assert first and second and not first & second


def test_the_same_submission_in_the_same_folder_twice(tiny: Path, tmp_path: Path) -> None:
    """Two graders that write to one folder, as a rerun may, leave one whole result."""
    submission = tiny_bundle.submission(tmp_path / "submission")
    with contextlib.ExitStack() as stack:
        for i in (0, 1):
            stack.enter_context(grading(tmp_path / "results", tiny, submission, tmp_path / f"tmp-{i}"))
    assert [file.name for file in (tmp_path / "results").iterdir()] == ["results.json"]
    assert strict((tmp_path / "results" / "results.json").read_bytes())["score"] == 15


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="the kernel does not add up memory")
def test_a_whole_run_fits_the_default_container(hw2: Homework2, tmp_path: Path) -> None:
    """Grading hw2 in full, all its processes together stay below 750 MB at every moment."""
    submission, most, looks = write_notebook(tmp_path / "submission", hw2.solved), 0, 0
    with grading(tmp_path / "results", hw2.bundle, submission, tmp_path / "tmp") as run:
        while run.poll() is None:
            members = family(run.pid)
            most = max(most, sum(map(proportional_kib, members)))
            looks += len(members) > 2
            time.sleep(0.02)  # between two looks at /proc
    data = strict((tmp_path / "results" / "results.json").read_bytes())
    assert data["score"] == hw2.manifest["points"]
    assert looks >= 10
    print(json.dumps({"most_mb": round(most / 1000)}))
    assert most * 1024 < MOST_MB * 10**6
