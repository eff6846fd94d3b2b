"""`run` executes the solved notebook in a real kernel."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from starterkit.course import CourseFolder

    Run = Callable[..., tuple[int, str]]

pytestmark = pytest.mark.filterwarnings("ignore")  # jupyter_client, zmq and asyncio warn about each other


def test_the_solved_notebook_runs(course: CourseFolder, starterkit: Run) -> None:
    """All cells of the sample run, with their public checks passing and both uploads packed."""
    code, said = starterkit("run", "hw9")
    assert code == 0, said
    text = (course.dist / "hw9-run.ipynb").read_text(encoding="utf-8")
    assert "2 of 2 checks pass" in text
    assert "figures.pdf: 2 pages" in text
    assert not (course.root / "assignments").exists()
    assert (course.dist / "hw9-run-figures.pdf").read_bytes().startswith(b"%PDF")
    with zipfile.ZipFile(course.dist / "hw9-run-submission.zip") as handed_in:
        assert "hw9.ipynb" in handed_in.namelist()


def test_a_cell_that_fails_is_shown(course: CourseFolder, starterkit: Run, edit: Callable[..., None]) -> None:
    """An experiment that raises gives exit 1 and its error, and the notebook holds the traceback."""
    edit('savefig("F9.1", fig,', 'missing = 1 / 0\nsavefig("F9.1", fig,')
    code, said = starterkit("run", "hw9", "--budget", "smoke")
    assert code == 1
    assert "ZeroDivisionError" in said
    assert not list(course.dist.glob("hw9-run-*")), "the notebook never came to its last cell"
    cells = json.loads((course.dist / "hw9-run.ipynb").read_text(encoding="utf-8"))["cells"]
    assert any(output["output_type"] == "error" for cell in cells for output in cell.get("outputs", []))
