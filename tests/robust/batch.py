"""Grades the jobs on standard input one after the other with one worker server, as a class is graded."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import time
from pathlib import Path

from autograder import cli, launcher
from autograder.manifest import read_manifest
from autograder.server import Server


def main() -> None:
    """A job is what `autograder.grade.run` takes; `left` instead of `deadline` counts from the job's own start."""
    jobs = json.load(sys.stdin)
    manifest = read_manifest(Path(jobs[0]["bundle"]))
    public = cli.public_modules(Path(jobs[0]["bundle"]), manifest.modules)
    with Server.fork(manifest.preload, modules=public) as server:
        launcher.reseed()
        from autograder.grade import run

        for job in jobs:
            if "left" in job:
                job["deadline"] = time.monotonic() + job["left"]
            log = io.StringIO()
            with contextlib.redirect_stdout(log):
                code = run(job, server)
            Path(job["results"], "log.txt").write_text(log.getvalue(), encoding="utf-8")
            Path(job["results"], "code.txt").write_text(str(code), encoding="utf-8")
    os._exit(0)


if __name__ == "__main__":
    main()
