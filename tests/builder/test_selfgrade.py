"""A release grades its own reference and the untouched starter with the zip just made."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from starterkit.course import CourseFolder

    Run = Callable[..., tuple[int, str]]


def test_a_release_prints_both_scores(course: CourseFolder, starterkit: Run) -> None:
    """The reference gets full marks, the starter nothing; exit 0, and a second release finds nothing to do."""
    code, said = starterkit("release")
    assert code == 0
    assert "the reference gets 9 of 9 points (" in said
    assert "the untouched starter gets 0 of 9 points (" in said
    assert "Self-graded: the reference gets 9 of 9" in (course.dist / "hw9-gradescope.md").read_text(encoding="utf-8")
    assert starterkit("release") == (0, "hw9: unchanged\n")


def test_a_reference_that_loses_points_marks_the_zip(
    course: CourseFolder, starterkit: Run, edit: Callable[..., None]
) -> None:
    """A reference that its own hidden test fails gives exit 1, names the test, and leaves no zip to upload."""
    edit("squared = (x - mu) ** 2", "squared = (x - mu) ** 2 / var")
    code, said = starterkit("release", "--json")
    assert code == 1
    assert "The density integrates to one" in said
    answer = json.loads(said[said.index("{") : said.rindex("}") + 1])
    assert [entry["status"] for entry in answer["homeworks"]] == ["failed"]
    assert not course.zip("hw9", "autograder").exists()
    assert (course.dist / "hw9-autograder-FAILED.zip").exists()
    assert "FAILED" in (course.dist / "hw9-gradescope.md").read_text(encoding="utf-8")
    assert not course.is_current("hw9", draft=False)
