"""`run`: the solved notebook, executed in a real Jupyter kernel."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starterkit import archive
from starterkit.diagnostics import EXIT_OK, EXIT_STALE

if TYPE_CHECKING:
    from collections.abc import Callable

    from starterkit.course import CourseFolder

BUDGETS = ("smoke", "cpu")
LONGEST = {"smoke": 300, "cpu": 3600}  # seconds one cell may take
HANDED_IN = {"{name}-submission.zip": "{name}-run-submission.zip", "figures.pdf": "{name}-run-figures.pdf"}
"""What the notebook's last cell makes, and under which names it is kept in dist/."""


def run(course: CourseFolder, name: str, budget: str, say: Callable[[str], None], *, seed: int = 0) -> int:
    """Execute the solved notebook of `name` and write dist/NAME-run.ipynb; 1 if a cell failed.

    What a student would hand in is kept beside it: dist/NAME-run-submission.zip and dist/NAME-run-figures.pdf.
    `budget` and `seed` reach hwkit through the environment variables HW_BUDGET and HW_SEED.
    Raises StarterkitError for a wrong source.
    """
    from starterkit.build import build_or_raise

    [name] = course.homeworks([name])
    built = build_or_raise(course, name)
    say(f"{name}: running the solved notebook ({budget} budget)")
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="run-") as folder:
        solved = built.solutions[f"{name}_solved.ipynb"]
        archive.write_tree({**built.kit, f"{name}.ipynb": solved}, Path(folder))
        notebook, failure = execute(solved, Path(folder), budget, seed)
        kept = _keep(course, name, Path(folder))
    target = course.dist / f"{name}-run.ipynb"
    archive.replace_file(notebook, target)
    verdict = "failed" if failure else "all cells ran"
    files = ", ".join(str(path.relative_to(course.root)) for path in [target, *kept])
    say(f"{name}: {verdict} after {time.monotonic() - started:.0f} s; see {files}")
    if failure:
        say(failure)
    return EXIT_STALE if failure else EXIT_OK


def _keep(course: CourseFolder, name: str, folder: Path) -> list[Path]:
    """Move this run's hand-ins to dist/; those of an earlier run go, so that what lies there is of one run."""
    kept = []
    for made, wanted in HANDED_IN.items():
        source, target = folder / made.format(name=name), course.dist / wanted.format(name=name)
        if source.is_file():
            archive.replace_file(source.read_bytes(), target)
            kept.append(target)
        else:
            target.unlink(missing_ok=True)
    return kept


def execute(source: bytes, folder: Path, budget: str, seed: int = 0) -> tuple[bytes, str | None]:
    """Return the executed notebook, and the error of the first cell that failed."""
    from starterkit.jupyter import load_nbformat

    nbformat = load_nbformat()
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    notebook: Any = nbformat.reads(source.decode(), as_version=4)
    environment = {
        **os.environ, "HW_BUDGET": budget, "HW_SEED": str(seed), "OMP_NUM_THREADS": "1",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    }  # fmt: skip  # one thread: small networks gain nothing from more, and lose much where cores are shared
    client = NotebookClient(
        notebook, timeout=LONGEST[budget], kernel_name="python3", resources={"metadata": {"path": str(folder)}},
        extra_arguments=["--log-level=40"],
    )  # fmt: skip
    failure = None
    try:
        client.execute(env=environment)
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        failure = str(error)
    return (nbformat.writes(notebook) + "\n").encode(), failure
