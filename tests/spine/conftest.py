"""One worker server for all tests of the boundary, and programs that run both here and in a worker."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from autograder.server import Server
from autograder.worker import Limits, Program, Worker

torch.set_num_threads(1)  # before any maths: a fork after maths on several threads hangs
PROGRAMS = Path(__file__).with_name("programs")


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """The server of this session."""
    with Server.fork(["torch._dynamo"]) as forked:
        yield forked


def program(source: str) -> Program:
    """A program of one piece, its first line being line 1 of "cell 1"."""
    return {"pieces": [{"file": "cell 1", "line": 1, "source": source, "names": [], "cell": 1}]}


@dataclass
class Pair:
    """The same program twice: `here` as a module of this process, `there` as what a worker binds."""

    here: Any
    there: Any
    worker: Worker


@pytest.fixture
def start(server: Server) -> Iterator[Callable[..., Worker]]:
    """Starts a worker that runs a source text; ended with the test."""
    workers: list[Worker] = []

    def start(source: str = "", given: dict[str, type] | None = None, **limits: Any) -> Worker:
        worker = server.spawn(Limits(**limits), seed=7, given=given)
        workers.append(worker)
        report = worker.load(program(source))
        assert not report.errors, report.errors
        return worker

    yield start
    for worker in workers:
        worker.close()


@pytest.fixture
def pair(start: Callable[..., Worker], request: pytest.FixtureRequest) -> Iterator[Pair]:
    """`programs/basics.py` (or the file that the test module names PROGRAM), here and in a worker. The given dataclass Config is one class here."""
    source = (PROGRAMS / getattr(request.module, "PROGRAM", "basics.py")).read_text()
    here = types.ModuleType("reference_program")
    sys.modules["reference_program"] = here  # dataclasses look their module up
    exec(compile(source, "reference_program.py", "exec"), here.__dict__)
    given = {"Config": here.Config} if hasattr(here, "Config") else {}
    worker = start(source, given=given)
    names = [n for n, v in vars(here).items() if getattr(v, "__module__", None) == "reference_program"]
    there = types.SimpleNamespace(**worker.bind(names))
    torch.manual_seed(0)
    yield Pair(here, there, worker)
    del sys.modules["reference_program"]
