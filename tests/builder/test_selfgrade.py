"""A release grades its own reference and the untouched starter with the zip just made."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from starterkit import archive
from starterkit.selfgrade import BORROWER, _borrower

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from starterkit.build import Built
    from starterkit.course import CourseFolder

    Run = Callable[..., tuple[int, str]]


def test_a_release_prints_both_scores(course: CourseFolder, starterkit: Run) -> None:
    """The reference gets full marks, the starter nothing; exit 0, and a second release finds nothing to do."""
    code, said = starterkit("release")
    assert code == 0
    assert "the reference gets 9 of 9 points (" in said
    assert "the untouched starter gets 0 of 9 points (" in said
    assert f"the reference {BORROWER} gets 4 of 4 points (" in said
    assert "Self-graded: the reference gets 9 of 9" in (course.dist / "hw9-gradescope.md").read_text(encoding="utf-8")
    assert starterkit("release") == (0, "hw9: unchanged\n")


@pytest.mark.parametrize("text", ["raise SyntaxError", "def gaussian_log_prob(x, mu, var):\n    return x.sum()\n"])
def test_a_broken_reference_in_the_bundle_is_noticed(built: Built, text: str, tmp_path: Path) -> None:
    """Only follow-through marks touch the bundle's reference; self-grading fails where it would not earn them."""
    broken = {**built.bundle, "bundle/reference/reference.py": text.encode()}
    for name, data in broken.items():
        archive.replace_file(data, tmp_path / "source" / name)
    (tmp_path / "source" / "bundle").chmod(0o700)
    tmp_path.chmod(0o711)
    graded = _borrower(tmp_path, built.homework, built.solutions["hw9_solved.ipynb"])
    assert graded is not None and not graded.as_expected and graded.wrong


def test_a_reference_that_loses_points_marks_the_zip(
    course: CourseFolder, starterkit: Run, edit: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reference that its own hidden test fails gives exit 1, names the test, and leaves no zip to upload; so does a
    test that breaks before it calls anything, for which everyone would get the points: both with the line in the source.
    """
    monkeypatch.setattr("starterkit.pdfs.write_pdfs", lambda *_: True)  # seconds, and not what is asked here
    edit("squared = (x - mu) ** 2", "squared = (x - mu) ** 2 / var")
    edit("    x = torch.randn(3, generator=rng)\n    assert gaussian", "    x = torch.rnadn(3)\n    assert gaussian")
    source = (course.source("hw9") / "hw9.py").read_text(encoding="utf-8").splitlines()
    broken = source.index("    x = torch.rnadn(3)") + 1
    code, said = starterkit("release", "--json")
    assert code == 1
    assert "The density integrates to one" in said
    assert "the untouched starter gets 1 of 9 points, some of them because a test is broken (" in said
    assert f"| solutions/hw9/hw9.py:{broken} in test_density_keeps_the_dtype: x = torch.rnadn(3)\n" in said
    assert "| AttributeError: module 'torch' has no attribute 'rnadn'" in said
    answer = json.loads(said[said.index("{") : said.rindex("}") + 1])
    assert [entry["status"] for entry in answer["homeworks"]] == ["failed"]
    assert not course.zip("hw9", "autograder").exists()
    assert (course.dist / "hw9-autograder-FAILED.zip").exists()
    assert "FAILED" in (course.dist / "hw9-gradescope.md").read_text(encoding="utf-8")
    assert not course.is_current("hw9", draft=False)
