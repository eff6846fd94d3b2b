"""release.json: changes of what students rely on are named and refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from starterkit.course import CourseFolder

    Run = Callable[..., tuple[int, str]]
    Edit = Callable[..., None]


def release_json(course: CourseFolder) -> dict[str, Any]:
    """The committed contract."""
    return dict(json.loads((course.kit("hw9") / "release.json").read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("def total_surprise(x: Tensor,", "def total_surprise(batch: Tensor,", "9.2a: signatures changes"),
        (
            "@points(2)\ndef test_surprise_adds",
            "@points(3)\ndef test_surprise_adds",
            "9.2a: points changes from 4.0 to 5.0",
        ),
        ("points=4 pages=1", "points=4 pages=2", "W9.1: pages changes from 1 to 2"),
        ("max_mb=1", "max_mb=2", "surprises: max_mb changes"),
    ],
)
def test_a_change_of_the_contract_is_refused(
    release: Callable[[], None], starterkit: Run, edit: Edit, old: str, new: str, says: str
) -> None:
    """A changed signature, total, page count or hand-in is named, with exit 2."""
    release()
    edit(old, new)
    edit("code = 8\n", "", file="assignment.toml")
    code, said = starterkit("release", "--draft")
    assert code == 2
    assert "error[contract-changed]" in said
    assert says in said
    assert "--new-contract" in said


def test_a_new_contract_counts_the_release_up(
    release: Callable[[], None], course: CourseFolder, starterkit: Run, edit: Edit
) -> None:
    """--new-contract releases the change as number 2, and the next release is no change."""
    release()
    edit("def total_surprise(x: Tensor,", "def total_surprise(x: Tensor, *,")
    assert starterkit("release", "--draft", "--new-contract")[0] == 0
    assert release_json(course)["release"] == 2
    assert starterkit("check") == (0, "hw9: in sync\n")


def test_one_more_optional_file_is_no_change_of_the_contract(
    release: Callable[[], None], course: CourseFolder, starterkit: Run, edit: Edit
) -> None:
    """A new artefact, which nobody has to hand in, is released under the same number."""
    release()
    edit('# %% artefact="surprises"', '# %% artefact="more" file="more.npz"\nmore = 1\n\n# %% artefact="surprises"')
    assert starterkit("release", "--draft")[0] == 0
    assert [a["id"] for a in release_json(course)["artefacts"]] == ["more", "surprises"]
    assert release_json(course)["release"] == 1


def test_hashes_of_given_cells_pile_up(
    release: Callable[[], None], course: CourseFolder, starterkit: Run, edit: Edit
) -> None:
    """A corrected given cell keeps the hash of the earlier one, without a new contract."""
    release()
    first = release_json(course)["given"][1]["hashes"]
    edit("with a mean and a variance per day; given.", "one mean and one variance per day; given.")
    assert starterkit("release", "--draft")[0] == 0
    second = release_json(course)["given"][1]["hashes"]
    assert second[: len(first)] == first
    assert len(second) == 2
    assert release_json(course)["release"] == 1


def test_the_release_number_shows(
    release: Callable[[], None], course: CourseFolder, starterkit: Run, edit: Edit
) -> None:
    """Notebook, README and manifest carry the number of the release."""
    release()
    edit("max_mb=1", "max_mb=2")
    starterkit("release", "--draft", "--new-contract")
    for name in ("hw9.ipynb", "README.md"):
        assert "Release 2" in (course.kit("hw9") / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("text", ["{", "[]", '{"schema": 1}'])
def test_a_broken_release_json_is_an_error(
    release: Callable[[], None], course: CourseFolder, starterkit: Run, text: str
) -> None:
    """A release.json that cannot be read, or holds something else, is not silently forgotten."""
    release()
    (course.kit("hw9") / "release.json").write_text(text)
    code, said = starterkit("release", "--draft")
    assert code == 2
    assert "error[bad-release]" in said
