"""Loading a program: piece by piece, with given code, course modules, data, and what a notebook expects around it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from autograder.server import Server
from autograder.worker import Limits, StudentError, Worker, WorkerLost

ROOT = Path(__file__).parents[2]


def piece(source: str, *names: str, file: str = "cell 3", line: int = 1) -> Any:
    """A piece of a program."""
    return {"file": file, "line": line, "source": source, "names": list(names), "cell": 3}


@pytest.fixture
def worker(server: Server) -> Any:
    """A fresh worker without a program."""
    fresh = server.spawn(Limits(cpu_s=2, wall_s=10), seed=11)
    yield fresh
    fresh.close()


def test_an_error_in_one_piece_does_not_stop_the_rest(worker: Worker) -> None:
    """Errors carry file, line, names, type and text; other names are bound all the same."""
    report = worker.load({
        "given": [piece("import math", "math", file="given", line=1)],
        "pieces": [
            piece("x = 1\ny = math.pi + undefined", "x", "y", file="cell 4", line=7),
            piece("def f(:\n    pass", "f", file="cell 5", line=1),
            piece("import sys\nsys.exit(0)", "z", file="cell 6"),
            piece("def g():\n    return x", "g", file="cell 7"),
        ],
    })  # fmt: skip
    assert [(e["file"], e["line"], e["type"], e["names"]) for e in report.errors] == [
        ("cell 4", 8, "NameError", ["x", "y"]),
        ("cell 5", 1, "SyntaxError", ["f"]),
        ("cell 6", 2, "SystemExit", ["z"]),
    ]
    assert "undefined" in report.errors[0]["text"] and not report.errors[0]["given"]
    assert report.bound == ["g", "math", "x"]
    assert set(worker.bind(["g", "f", "x"])) == {"g", "x"} and worker.bind(["g"])["g"]() == 1  # type: ignore[operator]


def test_lines_are_those_of_the_cell(worker: Worker) -> None:
    """A traceback names the cell and its line, even when two pieces come from one cell."""
    worker.load(
        {
            "pieces": [
                piece("def f(x):\n    return 1 / x", "f", line=4),
                piece("def g(x):\n    return f(x)", "g", line=20),
            ]
        }
    )
    with pytest.raises(ZeroDivisionError) as caught:
        worker.bind(["g"])["g"](0)  # type: ignore[operator]
    assert caught.value.frames == [("cell 3", "g", 21), ("cell 3", "f", 5)]


def test_modules_and_data_come_with_the_program(worker: Worker) -> None:
    """Course modules are imported lazily from the sources sent and find their data beside them; their frames are not the student's."""
    worker.load({
        "modules": {"hwkit": "from pathlib import Path\nTEXT = Path(__file__).with_name('a.txt').read_text()\ndef boom(): raise ValueError('x')", "bad": "1/0"},
        "data": {"a.txt": b"data"},
        "pieces": [piece("import hwkit\ndef f(): return hwkit.TEXT\ndef g(): hwkit.boom()", "f", "g")],
    })  # fmt: skip
    bound: Any = worker.bind(["f", "g"])
    assert bound["f"]() == "data"
    with pytest.raises(ValueError, match="x") as caught:
        bound["g"]()
    assert [f[0] for f in caught.value.frames] == ["cell 3"]


def test_large_programs_fit(worker: Worker) -> None:
    """Sources far larger than a header's cap travel in the body."""
    big = "# " + "é" * 1_500_000 + "\nx = 1\n"
    assert worker.load({"modules": {"m": big}, "pieces": [piece(big + "import m", "x")]}).bound == ["x"]


def test_future_imports_hold_for_the_following_pieces_only_if_the_student_wrote_them(server: Server) -> None:
    """Annotations are evaluated as in the notebook: our own __future__ flags do not leak into student code."""
    source = "def f(x: unknown_name): return x"
    for first, fine in (("", False), ("from __future__ import annotations", True)):
        worker = server.spawn(Limits(), seed=1)
        report = worker.load({"pieces": [piece(first), piece(source, "f", file="cell 9")]})
        assert (report.bound == ["f"]) is fine
        worker.close()


NOTEBOOK = """
from google.colab import drive, files
from IPython.display import display, clear_output
drive.mount('/content/drive'); files.upload(); clear_output(); display(1)
get_ipython().system('pip install x'); get_ipython().run_line_magic('matplotlib', 'inline')
import torch
from torch import nn
t, m = torch.ones(2).cuda(), nn.Linear(1, 1).cuda()
def ask(): return input('name? ')
def threads(): return torch.get_num_threads()
def draw(): return torch.randn(2)
"""
BARS = """
import torch, tqdm, tqdm.auto
from tqdm import tqdm as plain, trange, tqdm_notebook
from tqdm.auto import tqdm as auto
from tqdm.notebook import tqdm as notebook
@torch.compile
def double(x): return 2 * x
@torch.compile(mode="max-autotune", fullgraph=True)
def triple(x): return 3 * x
net = torch.nn.Linear(1, 1)
net.compile()
def count(x):
    steps = 0
    with plain(total=3) as bar:
        for _ in auto(notebook(tqdm.auto.tqdm([1, 2]))):
            bar.set_postfix(loss=steps); bar.update(1); plain.write("going on")
            steps += len(trange(3)) + len(list(tqdm_notebook(range(2))))
    return steps, double(x) + triple(x) + torch.compile(torch.sin)(x), net(x[:, None]).shape
"""


def test_what_a_notebook_expects(worker: Worker) -> None:
    """Colab, IPython, display, magics and .cuda() do nothing; input() raises EOFError; torch has one thread."""
    assert worker.load({"pieces": [piece(NOTEBOOK, "ask", "threads", "t")]}).errors == []
    bound: Any = worker.bind(["ask", "threads", "t"])
    with pytest.raises(EOFError, match="nobody"):
        bound["ask"]()
    assert bound["threads"]() == 1 and bound["t"].tolist() == [1, 1]


def test_bars_and_compilers_change_nothing(worker: Worker) -> None:
    """Loops run under every kind of progress bar, and what is compiled computes what it says."""
    assert worker.load({"pieces": [piece(BARS, "count")]}).errors == []
    count: Any = worker.bind(["count"])["count"]
    x = torch.ones(2)
    steps, value, shape = count(x)
    assert steps == 10 and shape == (2, 1) and torch.equal(value, 5 * x + x.sin())


def test_the_worker_has_its_own_seed(server: Server) -> None:
    """Equal seeds draw equal numbers, others do not, and none draws the grader's."""
    torch.manual_seed(5)
    drawn = []
    for seed in (5, 5, 6):
        worker = server.spawn(Limits(), seed=seed)
        worker.load({"pieces": [piece(NOTEBOOK, "draw")]})
        drawn.append(worker.bind(["draw"])["draw"]().tolist())  # type: ignore[operator]
        worker.close()
    assert drawn[0] == drawn[1] != drawn[2]


def test_a_piece_that_never_ends_is_an_import_failure(worker: Worker) -> None:
    """A worker lost while it loads has the reason "import"."""
    with pytest.raises(WorkerLost) as caught:
        worker.load({"pieces": [piece("while True: pass")]})
    assert caught.value.reason == "import" and "processor time" in caught.value.detail


def test_workers_share_nothing(server: Server) -> None:
    """What one worker leaves in modules or on disk is not there for the next."""
    source = "import torch, os\nleft = getattr(torch, 'stash', None), os.listdir('.')\ntorch.stash = 1\nopen('x', 'w').write('x')"
    seen = []
    for _ in range(2):
        worker = server.spawn(Limits(), seed=1)
        worker.load({"pieces": [piece(source, "left")]})
        seen.append(worker.bind(["left"])["left"])
        worker.close()
    assert seen == [(None, []), (None, [])]


def test_extraction_runs_in_the_worker(worker: Worker) -> None:
    """A notebook is parsed in the limited process and its result is plain data."""
    cell = {
        "cell_type": "code",
        "source": "def f(x):\n    return x + 1\n",
        "metadata": {},
        "outputs": [],
        "execution_count": None,
    }
    notebook = json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    spec = {
        "questions": {"1a": ["f"]},
        "given": [],
        "packages": ["torch"],
        "modules": [],
        "stubs": {"1a": "Question 1a"},
    }
    result = worker.extract("hw.ipynb", notebook.encode(), spec)
    assert result["error"] is None and result["found"]["f"]["cell"] == 1


def test_given_classes_are_the_graders_own(server: Server) -> None:
    """An instance of a given dataclass that the student returns is an instance of the class in the test."""
    import dataclasses

    @dataclasses.dataclass(frozen=True)
    class Config:
        dim: int

    worker = server.spawn(Limits(), seed=1, given={"Config": Config})
    source = "import dataclasses\n@dataclasses.dataclass(frozen=True)\nclass Config:\n    dim: int\n"
    worker.load({"given": [piece(source, "Config")], "pieces": [piece("def f(c): return Config(c.dim + 1)", "f")]})
    assert worker.bind(["f"])["f"](Config(2)) == Config(3)  # type: ignore[operator]
    worker.close()


def test_an_interrupted_answer_does_not_confuse_the_next(server: Server) -> None:
    """When an alarm interrupts the wait for the server's answer, the next request still gets its own."""

    class AlarmError(Exception):
        pass

    def ring(*_: object) -> None:
        raise AlarmError

    before = signal.signal(signal.SIGALRM, ring)
    os.kill(server.pid, signal.SIGSTOP)  # the answer comes only after the alarm
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(AlarmError):
            server.spawn(Limits(), seed=1)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        os.kill(server.pid, signal.SIGCONT)
    worker = server.spawn(Limits(), seed=1)
    assert worker.load({"pieces": [piece("x = 1", "x")]}).bound == ["x"] and worker.close().cpu_s >= 0


def test_a_dead_server_is_reported(tmp_path: Path) -> None:
    """When the worker server dies, spawning raises instead of hanging."""
    server = Server.fork()
    os.kill(server.pid, 9)
    with pytest.raises((EOFError, ConnectionError)):
        server.spawn(Limits(), seed=1)
    server.close()


LAUNCH = """
import json, sys, types
sys.path.insert(0, {root!r})
import autograder
grade = types.ModuleType("autograder.grade")
def run(job, server):
    from autograder.worker import Limits
    worker = server.spawn(Limits(), seed=1)
    worker.load({{"pieces": [{{"file": "c", "line": 1, "source": "def f(): return 41", "names": ["f"]}}]}})
    print("answer", worker.bind(["f"])["f"]() + 1, job["word"])
    worker.close()
    if job["word"] == "raise":
        raise RuntimeError("ours")
    return 0
grade.run = run
sys.modules["autograder.grade"] = grade
from autograder.launcher import main
from autograder.server import Server
forked, fork = [], Server.fork
Server.fork = staticmethod(lambda *a, **k: (forked.append(True), fork(*a, **k))[1])
def job():
    return {{"word": sys.argv[1] if forked else "too early"}}
main({{"preload": ["no_such_module"]}}, job)
"""


@pytest.mark.parametrize(("word", "code"), [("ok", 0), ("raise", 3)])
def test_launcher(word: str, code: int) -> None:
    """The launcher forks the server, then reads the job, runs the grading, flushes, and ends with its code or 3."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", LAUNCH.format(root=str(ROOT)), word],
        env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    assert f"answer 42 {word}" in done.stdout and ("RuntimeError: ours" in done.stderr) is (code == 3)
    assert StudentError
