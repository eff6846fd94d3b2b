"""The boundary between grader and worker: a fresh worker, calls, call-backs, a big tensor, a training step."""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from measure import cost, table

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[1]
BUDGETS_MS = {
    "fresh isolated worker, code loaded": 15.0,
    "one call, no arguments": 0.2,
    "one call, 8 floats there and back": 0.2,
    "10 MiB tensor to the worker": 10.0,
    "oracle call-back": 0.4,
    "training step across the boundary": 3.0,
}
STUDENT = """
import torch
def nothing():
    return None
def echo(x):
    return x
def size(x):
    return x.numel()
def ask(oracle, x, n):
    for _ in range(n):
        x = oracle(x)
    return x
def step(model, optimiser, x, y):
    optimiser.zero_grad()
    loss = ((model(x) - y) ** 2).mean()
    loss.backward()
    optimiser.step()
    return loss.item()
"""
NAMES = ["nothing", "echo", "size", "ask", "step"]
CALLBACKS = 50


def measure(repeats: int) -> None:
    """Print medians in milliseconds, measured in a process of its own, which forks the worker server first thing."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        report = json.loads(cost([sys.executable, __file__, str(repeats)], Path(folder)).output.splitlines()[-1])
    rows = [
        [name, f"{report['ms'][name]:.2f}", f"{budget:.1f}", f"{report['ms'][name] / budget:.2f}"]
        for name, budget in BUDGETS_MS.items()
    ]
    table(
        f"the boundary, medians of {repeats}; isolation: {report['isolation']}",
        ["what", "ms", "budget ms", "of budget"],
        [
            *rows,
            ["  CPU of one fresh worker, all processes", f"{report['worker_cpu_ms']:.1f}", "", ""],
            ["  for scale: fork and exit of a bare torch process", f"{report['fork_ms']:.2f}", "", ""],
        ],
    )  # fmt: skip


def inside(repeats: int) -> dict[str, Any]:
    """Measure everything in this process; return medians in ms by name, and what else the tables show."""
    sys.path.insert(0, str(ROOT))
    import torch

    from autograder.server import Server

    torch.set_num_threads(1)
    server = Server.fork()
    forks = median(fork_and_exit, repeats)
    fresh, cpu = fresh_worker(server, repeats)
    worker = new_worker(server)
    handles = worker.bind(NAMES)
    small, large = torch.zeros(8), torch.zeros(10 * 2**18)  # (8,), 10 MiB of float32
    oracle = lambda x: x + 1  # noqa: E731
    ask = median(lambda: handles["ask"](oracle, small, CALLBACKS), max(repeats // 5, 3))
    once = median(lambda: handles["ask"](oracle, small, 0), repeats)
    timings = {
        "one call, no arguments": median(handles["nothing"], repeats * 4),
        "one call, 8 floats there and back": median(lambda: handles["echo"](small), repeats * 4),
        "10 MiB tensor to the worker": median(lambda: handles["size"](large), repeats),
        "oracle call-back": (ask - once) / CALLBACKS,
        "training step across the boundary": median(training(handles["step"]), repeats),
    }
    worker.close()
    isolation = getattr(server, "grade", "") or ", ".join(name for name, (on, _) in server.isolation.items() if on)
    server.close()
    return {
        "ms": {"fresh isolated worker, code loaded": fresh, **timings},
        "isolation": isolation,
        "worker_cpu_ms": cpu,
        "fork_ms": forks,
    }


def new_worker(server: Any) -> Any:
    """Return a worker with the student's code loaded."""
    from autograder.worker import Limits

    worker = server.spawn(Limits(), seed=1)
    piece = {"file": "cell 1", "line": 1, "source": STUDENT, "names": NAMES, "cell": 1}
    report = worker.load({"modules": {}, "given": [], "pieces": [piece]})
    assert not report.errors, report.errors
    return worker


def fresh_worker(server: Any, repeats: int) -> tuple[float, float]:
    """Return the median wall milliseconds of a worker's whole life, and the mean CPU of ours and theirs for it."""
    cpu, walls = [0.0], list[float]()
    new_worker(server).close()
    mine = time.process_time()
    for _ in range(repeats):
        started = time.perf_counter()
        worker = new_worker(server)
        exited = worker.close()
        walls.append(time.perf_counter() - started)
        cpu[0] += exited.cpu_s
    return statistics.median(walls) * 1e3, (cpu[0] + time.process_time() - mine) / repeats * 1e3


def fork_and_exit() -> None:
    """Fork this process, which has imported torch, and wait for the child's end: what no fresh process can go below."""
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)


def training(step: Callable[..., Any]) -> Callable[[], Any]:
    """Return a function that lets the student's step train our small network with our Adam."""
    import torch

    model = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10))
    optimiser = torch.optim.Adam(model.parameters())
    x, y = torch.zeros(32, 64), torch.zeros(32, 10)
    return lambda: step(model, optimiser, x, y)


def median(call: Callable[[], Any], repeats: int) -> float:
    """Return the median milliseconds of `call`, after two calls that do not count."""
    call()
    call()
    taken = []
    for _ in range(repeats):
        started = time.perf_counter()
        call()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken) * 1e3


if __name__ == "__main__":
    print(json.dumps(inside(int(sys.argv[1]))))
