"""Grade a list of jobs in one process, as a class's submissions are graded. Jobs arrive as JSON on standard input."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from pathlib import Path

from autograder import launcher
from autograder.server import Server


def main() -> None:
    jobs = json.load(sys.stdin)
    with Server.fork(skip=json.loads(sys.argv[1])) as server:
        launcher.reseed()
        from autograder.grade import run

        for job in jobs:
            log = io.StringIO()
            with contextlib.redirect_stdout(log):
                code = run(job, server)
            Path(job["results"], "log.txt").write_text(log.getvalue())
            Path(job["results"], "code.txt").write_text(str(code))
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
