"""One submission through the grader against the same tests in one bare pytest process, measured in pairs."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from measure import Cost, cost, pairs, peak_memory, spread, table
from release import ROOT, release

if TYPE_CHECKING:
    from collections.abc import Callable

HOMEWORK = "hw2"
BUDGET = 1.25
CLASS, CLASS_BUDGET = 5, 0.30  # submissions graded in one go; CPU of one more of them, relative to the bare process
MEMORY_BUDGET = 768.0  # MiB, Gradescope's smallest container

DOOR = """
import runpy, sys
sys.path.insert(0, sys.argv.pop(1))
runpy.run_module("autograder", run_name="__main__", alter_sys=True)
"""

# The same tests without a boundary: the reference's names stand in the test module itself, and `run_test` gives them
# the dtype, the seeds and the fixtures that the grader gives them.
BARE_HEAD = """
import reference as _reference
globals().update({name: value for name, value in vars(_reference).items() if not name.startswith("__")})
"""
BARE_TAIL = """
def _bare():
    from hwkit import run_test
    for name, fn in [(name, fn) for name, fn in globals().items() if name.startswith("test_") and callable(fn)]:
        globals()[name] = (lambda fn: lambda: run_test(fn, seed=0))(fn)
_bare()
"""
EXIT_AT_ONCE = "import os, sys, pytest; code = pytest.main(sys.argv[1:]); sys.stdout.flush(); os._exit(code)"


def measure(repeats: int) -> None:
    """Print the CPU ratio, in pairs, and the peak memory, of grading against bare tests."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        work = Path(folder)
        source, submission = built(work)
        grader = grading(work, source, submission)
        bare = bare_tests(work, source)
        ordinary = pairs(grader, lambda: bare_run(bare, at_once=False), repeats)
        alike = pairs(grader, lambda: bare_run(bare, at_once=True), repeats)
        warm = pairs(one_more(work, source, submission), lambda: bare_run(bare, at_once=False), max(1, repeats // 2))
        memory = peak_memory(grade_command(work, source, submission), work)
        bare_memory = peak_memory(bare_command(at_once=False), bare)
        tests = sum(len(q["tests"]) for q in json.loads((source / "bundle/manifest.json").read_text())["questions"])
    table(
        f"{HOMEWORK}: one solved notebook, {tests} tests, {repeats} pairs each",
        ["compared with", "grader CPU-s", "bare CPU-s", "CPU ratio", "wall ratio", "budget"],
        [
            row("bare pytest", ordinary),
            row("bare pytest that leaves by os._exit, as the grader does", alike),
            [*row("one more of a class (grade-all) against bare pytest", warm)[:-1], f"{CLASS_BUDGET:.2f}"],
        ],
    )
    table(
        "peak memory: sum of proportional set sizes, MiB",
        ["process", "MiB", "budget", "of budget"],
        [["grader, server and worker", f"{memory:.0f}", f"{MEMORY_BUDGET:.0f}", f"{memory / MEMORY_BUDGET:.2f}"],
         ["bare pytest", f"{bare_memory:.0f}", "", ""]],
    )  # fmt: skip


def row(name: str, costs: list[tuple[Cost, Cost]]) -> list[str]:
    """Return one row of the table."""
    return [
        name,
        spread([grader.cpu for grader, _ in costs]),
        spread([bare.cpu for _, bare in costs]),
        spread([grader.cpu / bare.cpu for grader, bare in costs]),
        spread([grader.wall / bare.wall for grader, bare in costs]),
        f"{BUDGET:.2f}",
    ]


def built(work: Path) -> tuple[Path, Path]:
    """Build the course in `work`; return the unpacked autograder (compiled, as in an image) and the solved notebook."""
    course = work / "course"
    shutil.copytree(ROOT / "solutions", course / "solutions", ignore=shutil.ignore_patterns("__pycache__"))
    release(course, HOMEWORK, draft=False)  # self-graded, so that the bundle names what the grader should preload
    source = work / "source"
    with zipfile.ZipFile(course / "dist" / f"{HOMEWORK}-autograder.zip") as opened:
        opened.extractall(source)
    with zipfile.ZipFile(course / "dist" / f"{HOMEWORK}-solutions.zip") as opened:
        [solved] = [name for name in opened.namelist() if name.endswith(f"{HOMEWORK}_solved.ipynb")]
        (work / "submission.ipynb").write_bytes(opened.read(solved))
    cost([sys.executable, "-I", "-m", "compileall", "-q", str(source / "autograder")], work)
    cost([*grade_command(work, source, work / "submission.ipynb"), "--keep-bytecode"], work)  # as setup.sh's self-test
    return source, work / "submission.ipynb"


def grade_command(work: Path, source: Path, submission: Path) -> list[str]:
    """Return the command line that run_autograder uses, for folders of ours."""
    paths = {"--bundle": source / "bundle", "--submission": submission, "--results": work / "results"}
    arguments = [str(part) for pair in paths.items() for part in pair]
    return [sys.executable, "-I", "-B", "-c", DOOR, str(source), "grade", *arguments]


def grading(work: Path, source: Path, submission: Path) -> Callable[[], Cost]:
    """Return a function that grades once and makes sure that the submission got everything."""
    manifest = json.loads((source / "bundle" / "manifest.json").read_text(encoding="utf-8"))

    def once() -> Cost:
        spent = cost(grade_command(work, source, submission), work)
        results = json.loads((work / "results" / "results.json").read_text(encoding="utf-8"))
        score = results.get("score", sum(test.get("score", 0) for test in results["tests"]))
        if score < manifest["points"]:
            raise SystemExit(f"the solved notebook got {score} of {manifest['points']} points: {spent.output}")
        return spent

    return once


def one_more(work: Path, source: Path, submission: Path) -> Callable[[], Cost]:
    """Return a function that measures what a submission costs that is not the first of its class."""
    for count in (1, CLASS):
        folder = work / f"class-{count}"
        folder.mkdir()
        for number in range(count):
            shutil.copy(submission, folder / f"submission_{number}.ipynb")
    paths = {"--bundle": source / "bundle", "--results": work / "class-results"}
    arguments = ["grade-all", *(str(part) for pair in paths.items() for part in pair), "--submissions"]

    def once() -> Cost:
        few, many = (
            cost([sys.executable, "-I", "-B", "-c", DOOR, str(source), *arguments, str(work / f"class-{count}")], work)
            for count in (1, CLASS)
        )
        share = CLASS - 1
        return Cost((many.cpu - few.cpu) / share, (many.wall - few.wall) / share, many.output)

    return once


def bare_tests(work: Path, source: Path) -> Path:
    """Write the bundle's tests as plain test modules beside the reference; return their folder."""
    folder = work / "bare"
    folder.mkdir()
    (folder / "reference.py").write_bytes((source / "bundle/reference/reference.py").read_bytes())
    for path in sorted((source / "bundle" / "modules").iterdir()):
        (folder / path.name).write_bytes(path.read_bytes())
    for path in sorted((source / "bundle" / "tests").glob("test_*.py")):
        (folder / path.name).write_text(BARE_HEAD + path.read_text(encoding="utf-8") + BARE_TAIL, encoding="utf-8")
    return folder


def bare_command(*, at_once: bool) -> list[str]:
    """Return the bare pytest command line; `at_once` leaves by os._exit, as the grader does."""
    start = ["-c", EXIT_AT_ONCE] if at_once else ["-m", "pytest"]
    return [sys.executable, *start, "-q", "-p", "no:cacheprovider", "--rootdir=.", "--import-mode=importlib"]


def bare_run(folder: Path, *, at_once: bool) -> Cost:
    """Run the bare tests once."""
    return cost(bare_command(at_once=at_once), folder, {"PYTHONPATH": str(folder)})
