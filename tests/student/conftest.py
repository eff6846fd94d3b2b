"""The shipped HW2 as a student meets it: the released notebook, with the reference filled in, in a real kernel."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from starterkit import archive, strip
from starterkit.build import Built, build
from starterkit.course import ROOT, CourseFolder
from starterkit.diagnostics import Collector
from starterkit.run import execute
from tests.kernels import Session

NAMES, NETIDS = ["Ada Lovelace", "Bob Bernoulli"], ["al1815", "bb1700"]
Notebook = dict[str, Any]


def source(cell: dict[str, Any]) -> str:
    """The text of a notebook cell."""
    return "".join(cell["source"])


def fill_in(built: Built) -> Notebook:
    """The released notebook with the reference in its solution cells and names at the end."""
    notebook: Notebook = json.loads(built.kit[f"{built.homework.name}.ipynb"])
    reference = {cell.key: cell.source for cell in built.homework.cells if not cell.is_markdown}
    for cell in notebook["cells"]:
        if cell["id"].startswith(("solution-", "experiment-")):
            cell["source"] = strip.without_markers(reference[cell["id"]])
        elif cell["id"] == "hand-in-submit":
            cell["source"] = source(cell).replace("names = []", f"names = {NAMES}").replace(
                "netids = []", f"netids = {NETIDS}"
            )  # fmt: skip
    return notebook


@dataclass(frozen=True)
class Ran:
    """A notebook that was run in a folder: the folder, the notebook with its outputs, the first failure."""

    folder: Path
    notebook: Notebook
    failure: str | None

    def printed(self, cell_id: str) -> str:
        """What one cell printed."""
        [cell] = [cell for cell in self.notebook["cells"] if cell["id"] == cell_id]
        return "".join("".join(output.get("text", "")) for output in cell["outputs"])


@pytest.fixture(scope="session")
def course(tmp_path_factory: pytest.TempPathFactory) -> CourseFolder:
    """A copy of the shipped course's sources, without what was released of them."""
    root = tmp_path_factory.mktemp("course")
    shutil.copytree(ROOT / "solutions", root / "solutions", ignore=shutil.ignore_patterns("__pycache__"))
    return CourseFolder(root)


def made(course: CourseFolder, name: str) -> Built:
    """A homework of a course, built in memory."""
    collector = Collector(course.root)
    built = build(course, name, collector)
    collector.raise_errors()
    assert built is not None
    return built


@pytest.fixture(scope="session")
def hw2(course: CourseFolder) -> Built:
    """HW2, built from the sources as they are."""
    return made(course, "hw2")


@pytest.fixture(scope="session")
def bundle(hw2: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The autograder's zip."""
    path = tmp_path_factory.mktemp("bundle") / "hw2-autograder.zip"
    path.write_bytes(hw2.zips["autograder"])
    return path


@pytest.fixture(scope="session")
def filled(hw2: Built) -> Notebook:
    """The released notebook with the reference filled in; not to be changed."""
    return fill_in(hw2)


@pytest.fixture(scope="session")
def ran(hw2: Built, filled: Notebook, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """The filled notebook, run top to bottom in a Jupyter kernel under the smoke budget, in a folder that holds only it."""
    folder = tmp_path_factory.mktemp("student")
    data = (json.dumps(filled) + "\n").encode()
    archive.write_tree({"hw2.ipynb": data}, folder)  # self-contained: nothing lies beside it
    executed, failure = execute(data, folder, "smoke")
    return Ran(folder, json.loads(executed), failure)


@pytest.fixture
def session(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], Session]:
    """Starts a kernel in a folder, under the smoke budget; it ends with the test."""
    monkeypatch.setenv("HW_BUDGET", "smoke")
    monkeypatch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")

    def start(folder: Path) -> Session:
        made = Session(folder)
        request.addfinalizer(made.close)
        return made

    return start
