"""The process that grades: imports torch once, forks the worker server while it knows no secret.

Then becomes the grader.

Started by the command line with a scrubbed environment, and with what it must do on two descriptors: nothing of it is
in argv, which workers can read, and the second is read when the server no longer shares this memory.
"""

# ruff: noqa: BLE001, SIM105  (the process must end with a code whatever happens)
from __future__ import annotations

import gc
import os
import random
import sys
import traceback
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

EXIT_OURS = 3


def main(public: Mapping[str, Any], job: Callable[[], Mapping[str, Any]]) -> NoReturn:
    """Grade one job and end the process with its exit code (3: our own failure).

    `public`: what the worker server may know: "preload" (names), "modules" (name -> source of the course's modules,
    which students have too), "unsafe". `job` returns what `grade.run` needs, or `batch.run_all` where it names
    "submissions": paths that student code has no business with, and so it is asked only once the server has been
    forked. Ends with `os._exit` once the results are on disk: torch's ordinary teardown costs 0.3 s of processor time.
    """
    code = EXIT_OURS
    try:
        code = _grade(public, job)
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


def _grade(public: Mapping[str, Any], job: Callable[[], Mapping[str, Any]]) -> int:
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = "1"
    os.chdir(os.sep)  # libraries remember where they were imported, and workers inherit their memory
    os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "1"  # asking for a GPU must not initialise CUDA before the fork
    gc.disable()  # nothing that an import makes is garbage, and looking for it takes a twentieth of the import's time
    import torch

    torch.set_num_threads(1)
    from autograder.server import Server

    unsafe = bool(public.get("unsafe", False))
    with Server.fork(public.get("preload", ()), modules=public.get("modules"), unsafe=unsafe) as server:
        reseed()
        from autograder import grade

        gc.freeze()  # nor is it worth looking through again, all the while that tests make garbage
        gc.enable()
        what = job()
        if "submissions" in what:
            from autograder import batch

            return batch.run_all(what, server)
        return grade.run(what, server)


def reseed() -> None:
    """Give every generator a fresh secret state: the forked halves share what they had."""
    import numpy.random
    import torch

    torch.manual_seed(int.from_bytes(os.urandom(7), "big"))
    numpy.random.seed(int.from_bytes(os.urandom(4), "big"))
    random.seed(os.urandom(32))
