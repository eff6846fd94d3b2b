"""The process that grades: imports torch once, forks the worker server while it knows no secret.

Then becomes the grader.

Started by the command line with a scrubbed environment and the job on a descriptor: nothing secret in argv, which
workers can read.
"""

# ruff: noqa: BLE001, SIM105  (the process must end with a code whatever happens)
from __future__ import annotations

import gc
import os
import random
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

EXIT_OURS = 3


def main(job: Mapping[str, Any]) -> NoReturn:
    """Grade one job and end the process with its exit code (3: our own failure).

    `job`: "preload" and "modules" (names, optional) and whatever `autograder.grade.run` needs. Ends with `os._exit`
    once the results are on disk: torch's ordinary teardown costs 0.3 s of processor time.
    """
    code = EXIT_OURS
    try:
        code = _grade(job)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else EXIT_OURS
    except BaseException:
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (OSError, ValueError):
                pass
        os._exit(code)


def _grade(job: Mapping[str, Any]) -> int:
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = "1"
    os.chdir(os.sep)  # libraries remember where they were imported, and workers inherit their memory
    os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "1"  # asking for a GPU must not initialise CUDA before the fork
    gc.disable()  # nothing that an import makes is garbage, and looking for it takes a twentieth of the import's time
    import torch

    gc.enable()
    torch.set_num_threads(1)
    from autograder.server import Server

    unsafe = bool(job.get("unsafe", False))
    with Server.fork(job.get("preload", ()), modules=public_modules(job), unsafe=unsafe) as server:
        reseed()
        from autograder.grade import run

        return int(run(job, server))


def public_modules(job: Mapping[str, Any]) -> dict[str, str]:
    """Name -> source of the course's modules. Students have them too, so workers may be forked with them imported."""
    files = {name: Path(job["bundle"], "modules", f"{name}.py") for name in job.get("modules", ())}
    return {name: file.read_text(encoding="utf-8") for name, file in files.items() if file.is_file()}


def reseed() -> None:
    """Give every generator a fresh secret state: the forked halves share what they had."""
    import numpy.random
    import torch

    torch.manual_seed(int.from_bytes(os.urandom(7), "big"))
    numpy.random.seed(int.from_bytes(os.urandom(4), "big"))
    random.seed(os.urandom(32))
