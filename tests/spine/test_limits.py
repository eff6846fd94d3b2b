"""Whatever student code does costs its own worker only, and the grader can say what it was."""

from __future__ import annotations

import mmap
import time
from typing import Any

import pytest
import torch

from autograder.ceiling import ceiling
from autograder.server import Server
from autograder.worker import Limits, StudentError, WorkerLost

ENDINGS = {
    "infinite loop": ("def f():\n    while True: pass", "cpu"),
    "loop in C": ("def f(): return sum(range(10**12))", "cpu"),
    "loop with all signals blocked": (
        "import signal\ndef f():\n    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\n    while True: pass",
        "cpu",
    ),
    "sleep": ("import time\ndef f(): time.sleep(60)", "wall"),
    "os._exit": ("import os\ndef f(): os._exit(0)", "crashed"),
    "segmentation fault": ("import ctypes\ndef f(): ctypes.string_at(0)", "crashed"),
    "abort": ("import os\ndef f(): os.abort()", "crashed"),
    "stops itself": ("import os, signal\ndef f(): os.kill(os.getpid(), signal.SIGSTOP)", "wall"),
    "kills itself": ("import os, signal\ndef f(): os.kill(os.getpid(), signal.SIGKILL)", "crashed"),
    "many small files": (
        "def f():\n    i = 0\n    while True:\n        i += 1\n        open(str(i), 'w').write('x')",
        "output",
    ),
    "fills the disk": (
        "def f():\n    i = 0\n    while True:\n        i += 1\n        open(str(i), 'wb').write(b'x' * 10_000_000)",
        "output",
    ),
    "prints without end": ("def f():\n    while True: print('x' * 100_000)", "output"),
}


@pytest.mark.parametrize("name", ENDINGS)
def test_the_worker_is_lost_and_the_reason_named(start: Any, name: str) -> None:
    """The call ends within seconds as WorkerLost with the right reason, and the next worker is healthy."""
    source, reason = ENDINGS[name]
    limits = {
        "cpu_s": 60.0 if reason == "output" else 0.5,
        "wall_s": 2.0 if reason == "wall" else 30.0,
        "disk_mb": 32,
    }
    worker = start(source, **limits)
    function = worker.bind(["f"])["f"]
    began = time.monotonic()
    with pytest.raises(WorkerLost) as caught:
        function()
    assert caught.value.reason == reason, caught.value
    assert time.monotonic() - began < 30 and len(worker.output) < 70_000
    assert start("def f(): return 1").bind(["f"])["f"]() == 1


@pytest.mark.parametrize(
    "source",
    ["def f(): return len(bytearray(8 << 30))", "import torch\ndef f(): return torch.zeros(2 << 30).sum().item()"],
)
def test_eight_gibibytes_are_refused(start: Any, source: str) -> None:
    """An allocation of 8 GiB fails in the worker, as MemoryError or torch's RuntimeError; the worker lives on."""
    worker = start(source, memory_mb=1024)
    with pytest.raises((MemoryError, RuntimeError)) as caught:
        worker.bind(["f"])["f"]()
    assert isinstance(caught.value, StudentError)
    assert worker.bind(["f"])


def test_memory_growth_is_bounded(start: Any) -> None:
    """Memory taken piece by piece ends as an error or a lost worker long before it hurts the host."""
    before = start().close().peak_mb
    worker = start("def f():\n    keep = []\n    while True: keep.append(bytearray(b'x') * (16 << 20))", memory_mb=256)
    with pytest.raises((StudentError, WorkerLost)):
        worker.bind(["f"])["f"]()
    assert worker.close().peak_mb < before + 800


def test_what_the_server_holds_is_not_a_workers_use() -> None:
    """A worker forked from a process that holds more than a worker may is not ended for it."""
    held = mmap.mmap(-1, 768 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    for page in range(0, len(held), mmap.PAGESIZE):
        held[page] = 1
    with Server.fork() as server:
        worker = server.spawn(Limits(memory_mb=128), seed=1)
        source = "def f(): return sum(range(30_000_000))"  # long enough to be looked at
        worker.load({"pieces": [{"file": "cell 1", "line": 1, "source": source, "names": ["f"], "cell": 1}]})
        assert worker.bind(["f"])["f"]() == sum(range(30_000_000))
        worker.close()
    held.close()


def test_what_the_grader_keeps_for_a_worker_is_the_workers_use(start: Any) -> None:
    """Calls of the test's function whose graphs the grader must keep end with the memory limit, not with the grader."""
    source = (
        "import torch\ndef f(cb):\n    type(cb._peer)._take_dropped = lambda self: []\n"
        "    while True: cb(torch.zeros(4 << 20, requires_grad=True))"
    )
    function = start(source, memory_mb=128, cpu_s=60, wall_s=60).bind(["f"])["f"]
    with pytest.raises(WorkerLost) as caught:
        function(lambda x: 2 * x)
    assert caught.value.reason == "memory"


def test_a_ceiling_turns_a_giant_answer_into_an_error() -> None:
    """Under the ceiling an allocation beyond it raises, afterwards it succeeds; no ceiling is none."""
    with ceiling(512), pytest.raises((MemoryError, RuntimeError)):
        torch.empty(1 << 30, dtype=torch.uint8)
    with ceiling(None):
        assert torch.empty(1 << 30, dtype=torch.uint8).numel() == 1 << 30


def test_output_is_captured_cut_and_cleaned(start: Any) -> None:
    """Print and stderr are captured, escapes are removed, a flood is cut at the limit while the call succeeds."""
    worker = start(
        "import sys\ndef f(n):\n    print('\\x1b[31mhello'); print('err', file=sys.stderr); print('y' * n)\n    return n",
        output_kb=4,
    )
    assert worker.bind(["f"])["f"](3_000_000) == 3_000_000
    worker.close()
    assert (
        "hello" in worker.output
        and "err" in worker.output
        and "\x1b" not in worker.output
        and len(worker.output) <= 4096
    )


def test_call_backs_do_not_count_against_the_student(start: Any) -> None:
    """Processor time that the test's own function burns is not the student's."""
    function = start("def f(cb): return cb()", cpu_s=0.3, wall_s=20).bind(["f"])["f"]

    def burn() -> int:
        end = time.process_time() + 0.8
        while time.process_time() < end:
            pass
        return 1

    assert function(burn) == 1


def test_limits_are_per_call(start: Any) -> None:
    """Three calls of 0.4 s each pass under a limit of 0.8 s per call."""
    source = "import time\ndef f():\n    end = time.process_time() + 0.4\n    while time.process_time() < end: pass\n    return 1"
    function = start(source, cpu_s=0.8).bind(["f"])["f"]
    assert [function() for _ in range(3)] == [1, 1, 1]


def test_exit_is_reported(start: Any) -> None:
    """Close returns status, processor time and peak memory, and may be called again."""
    worker = start("def f(): return sum(range(10**6))")
    worker.bind(["f"])["f"]()
    end = worker.close()
    assert end.cpu_s > 0 and end.peak_mb > 10 and worker.close() == end
    with pytest.raises(WorkerLost):
        worker.bind(["f"])


def test_lost_in_the_middle_of_a_gradient(start: Any) -> None:
    """A worker that loops inside backward is lost for its processor time."""
    source = (
        "import torch\nclass D(torch.autograd.Function):\n    @staticmethod\n    def forward(c, x): return x * 1\n"
        "    @staticmethod\n    def backward(c, g):\n        while True: pass\ndef f(x): return D.apply(x).sum()"
    )
    y = start(source, cpu_s=0.5).bind(["f"])["f"](torch.ones(2, requires_grad=True))
    with pytest.raises(WorkerLost) as caught:
        y.backward()
    assert caught.value.reason == "cpu"
