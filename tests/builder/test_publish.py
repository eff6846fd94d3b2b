"""`release --publish`: only into a clean checkout of the public repository, one tag per release."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from starterkit import archive
from starterkit.publish import RefusedCheckout, publish

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from starterkit.course import CourseFolder


def git(folder: Path, *arguments: str) -> str:
    """What git says."""
    identity = ("-c", "user.name=Test", "-c", "user.email=test@example.org")
    return subprocess.run(
        ["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty checkout whose origin is the sample's public repository."""
    folder = tmp_path / "public"
    folder.mkdir()
    git(folder, "init", "--quiet")
    git(folder, "remote", "add", "origin", "git@github.com:example-org/sample-course-kit.git")
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Test")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "test@example.org")
    return folder


@pytest.fixture
def graded(course: CourseFolder, release: Callable[[], None]) -> CourseFolder:
    """The released copy, noted as self-graded."""
    release()
    course.note("hw9", selfgrade="passed", preload=[])
    return course


def test_the_kit_is_committed_and_tagged(graded: CourseFolder, checkout: Path) -> None:
    """The checkout holds the kit, and the tag is the one that the badge points at."""
    [line] = publish(graded, ["hw9"], checkout)
    assert "2026FA-hw9-r1" in line
    assert git(checkout, "tag") == "2026FA-hw9-r1"
    assert archive.read_tree(checkout / "hw9") == archive.read_tree(graded.kit("hw9"))
    assert "blob/2026FA-hw9-r1/hw9/hw9.ipynb" in (checkout / "hw9/README.md").read_text(encoding="utf-8")
    assert list(publish(graded, ["hw9"], checkout)) == ["hw9: published already"]


def test_another_repository_is_refused(graded: CourseFolder, checkout: Path) -> None:
    """A checkout of something else is left alone."""
    git(checkout, "remote", "set-url", "origin", "https://github.com/example-org/solutions")
    with pytest.raises(RefusedCheckout, match="not of https://github"):
        list(publish(graded, ["hw9"], checkout))


def test_a_dirty_checkout_is_refused(graded: CourseFolder, checkout: Path) -> None:
    """Uncommitted work is not swept into a release."""
    (checkout / "notes.txt").write_text("mine")
    with pytest.raises(RefusedCheckout, match="uncommitted"):
        list(publish(graded, ["hw9"], checkout))


def test_a_draft_is_not_published(course: CourseFolder, release: Callable[[], None], checkout: Path) -> None:
    """A kit that was not self-graded stays at home."""
    release()
    with pytest.raises(RefusedCheckout, match="self-grading"):
        list(publish(course, ["hw9"], checkout))


def test_a_wrong_checkout_is_refused_before_anything_is_built(
    course: CourseFolder, starterkit: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    """`release --publish` looks at the folder first: exit 2, and no kit is written."""
    (tmp_path / "elsewhere").mkdir()
    code, said = starterkit("release", "--publish", str(tmp_path / "elsewhere"))
    assert code == 2
    assert "error[publish]" in said and "is not a git checkout" in said
    assert not course.kit("hw9").exists()
