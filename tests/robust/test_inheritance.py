"""What workers inherit from the server, and what they import by themselves."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import torch

from autograder import cli, hugepages, rehearsal
from autograder.student import MODULE
from tests.grader import tiny_bundle
from tests.robust.running import grade_once

LAZY = tiny_bundle.SCALER_SOLUTION.replace(
    "        return", "        import torch.utils.benchmark, fractions\n        return"
)


def test_lazy_imports_are_noted_on_request(tiny: Path, tmp_path: Path) -> None:
    """With --note-imports the modules of the homework's packages that a worker imported are listed, others are not."""
    submission = tiny_bundle.submission(tmp_path / "submission", scaler=LAZY)
    run = grade_once(tmp_path / "results", "--note-imports", "--bundle", tiny, "--submission", submission)
    noted = run.data["extra_data"]["lazy_modules"]
    assert "torch.utils.benchmark" in noted and not {"fractions", "torch", "submission", "hwkit"} & set(noted)
    assert run.data["score"] == 15


def test_compiled_tests_are_kept_on_request(tmp_path: Path) -> None:
    """With --keep-bytecode the bundle holds the compiled tests, and the next run earns the same with them."""
    bundle = tiny_bundle.write_bundle(tmp_path / "bundle")
    submission = tiny_bundle.submission(tmp_path / "submission")
    arguments = ("--bundle", bundle, "--submission", submission, "--only", "1.2")
    first = grade_once(tmp_path / "first", *arguments)
    assert not list(bundle.rglob("__pycache__"))
    kept = grade_once(tmp_path / "kept", "--keep-bytecode", *arguments)
    assert list((bundle / "tests" / "__pycache__").glob("*.pyc"))
    again = grade_once(tmp_path / "again", *arguments)
    assert first.data["tests"] == kept.data["tests"] == again.data["tests"]


def test_huge_pages_are_only_a_wish() -> None:
    """Collapsing this process's memory harms nothing, wherever it is refused, and the launcher is asked for them."""
    block = bytearray(os.urandom(8 << 20))
    before = bytes(block)
    assert hugepages.collapse() >= 0 and bytes(block) == before
    assert cli.scrubbed({}, "cpu")["GLIBC_TUNABLES"] == hugepages.TUNABLES


def test_a_rehearsal_leaves_nothing() -> None:
    """No module, thread, descriptor, dtype or random state is different afterwards."""

    def state() -> tuple[object, ...]:
        random = torch.random.get_rng_state().tolist()
        return (
            MODULE in sys.modules,
            threading.active_count(),
            len(list(Path("/proc/self/fd").iterdir())),
            torch.get_default_dtype(),
            random,
        )

    rehearsal.rehearse()
    before = state()
    rehearsal.rehearse()
    assert state() == before and before[0] is False
