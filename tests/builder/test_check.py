"""`check` sees a stale kit, shows the difference and the command that repairs it, and writes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starterkit import archive

if TYPE_CHECKING:
    from collections.abc import Callable

    from starterkit.course import CourseFolder

    Run = Callable[..., tuple[int, str]]


def test_a_released_homework_is_in_sync(release: Callable[[], None], starterkit: Run) -> None:
    """After a release check ends with 0."""
    release()
    assert starterkit("check") == (0, "hw9: in sync\n")


def test_a_stale_kit_is_shown_with_its_repair(
    release: Callable[[], None], course: CourseFolder, starterkit: Run, edit: Callable[..., None]
) -> None:
    """An edited source gives exit 1, a unified diff and the command."""
    release()
    edit("nothing is summed", "nothing is added up")
    before = archive.read_tree(course.root)
    code, said = starterkit("check")
    assert code == 1
    assert "--- assignments/hw9/hw9.ipynb" in said
    assert "nothing is added up" in said
    assert "python build.py release hw9" in said
    assert archive.read_tree(course.root) == before


def test_a_long_diff_is_cut(starterkit: Run) -> None:
    """A kit that is not there at all shows at most 100 lines of difference."""
    code, said = starterkit("check")
    assert code == 1
    assert said.count("\n") <= 104


def test_mistakes_come_before_staleness(
    release: Callable[[], None], starterkit: Run, edit: Callable[..., None]
) -> None:
    """A wrong source gives exit 2 even when the kit is stale as well."""
    release()
    edit("code = 8", "code = 9", file="assignment.toml")
    assert starterkit("check")[0] == 2


def test_an_unknown_homework_is_answered_with_a_suggestion(starterkit: Run) -> None:
    """A name that no folder has gives exit 2 and the nearest name."""
    code, said = starterkit("check", "hw8")
    assert code == 2
    assert "did you mean hw9?" in said
