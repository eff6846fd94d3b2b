"""`measures.py` of a homework: mistakes in it are named before a release, and what it needs goes into the autograder."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from starterkit.course import CourseFolder

    Run = Callable[..., tuple[int, str]]

GOOD = "import staff_yardstick\n\n\ndef surprises(arrays, total_surprise):\n    return staff_yardstick.table(arrays)\n\n\ndef _helper():\n    pass\n"


def put(course: CourseFolder, text: str) -> None:
    """Write the measures of the sample homework, and a module of the course that is no part of its kit."""
    (course.source("hw9") / "measures.py").write_text(text, encoding="utf-8")
    (course.solutions / "common").mkdir(exist_ok=True)
    (course.solutions / "common" / "staff_yardstick.py").write_text(
        "import math\n\n\ndef table(arrays):\n    return {}\n", encoding="utf-8"
    )


def test_measures_and_their_modules_travel_with_the_autograder_only(course: CourseFolder, starterkit: Run) -> None:
    """The file and what it imports are in the autograder's zip, and nowhere in the kit; the manifest says what is measured."""
    put(course, GOOD)
    assert starterkit("release", "--draft")[0] == 0
    with zipfile.ZipFile(course.dist / "hw9-autograder.zip") as opened:
        names = set(opened.namelist())
        [declared] = json.loads(opened.read("bundle/manifest.json"))["artefacts"]
    assert {"bundle/measures/measures.py", "bundle/measures/staff_yardstick.py"} <= names
    assert (declared["id"], declared["measured"], declared["uses"]) == ("surprises", True, ["total_surprise"])
    kit = b"".join(path.read_bytes() for path in course.kit("hw9").iterdir() if path.is_file())
    assert b"staff_yardstick" not in kit


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("def surprises(", "def surprise(", "error[measures-nothing]: `surprise` is the id of no artefact of hw9"),
        ("total_surprise)", "total_suprise)", "error[unknown-name]: `total_suprise` is not a graded name"),
        ("import staff_yardstick", "import scipy", "error[given-import]: the grader has no module `scipy`"),
        ("return staff_yardstick", "return = staff_yardstick", "error[syntax-error]: this file does not parse"),
    ],
)
def test_mistakes_are_named(course: CourseFolder, starterkit: Run, old: str, new: str, says: str) -> None:
    """A name that measures nothing, an unknown parameter or module, or no Python at all: exit 2, with the file's name."""
    put(course, GOOD.replace(old, new))
    code, said = starterkit("release", "--draft")
    assert code == 2
    assert says in said
    assert "hw9/measures.py:" in said
