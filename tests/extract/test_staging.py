"""Staging finds the submission in a foreign folder and trusts nothing in it."""

from __future__ import annotations

import io
import os
import stat
import zipfile
from pathlib import Path

import pytest

from autograder import staging
from autograder.extract import extract
from autograder.staging import Candidates, Refusal, Staged, find_candidates, stage
from tests.extract.messy import AREA, WRONG
from tests.extract.program import SPEC, notebook

GOOD = notebook(AREA)
OTHER = notebook("x = 1")


def count_names(filename: str, data: bytes) -> int:
    return len(extract(filename, data, SPEC)["found"])


def zipped(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def staged(path: Path, **more: object) -> Staged:
    result = stage(path, **more)  # type: ignore[arg-type]
    assert isinstance(result, Staged), result
    return result


def refused(path: Path) -> str:
    result = stage(path)
    assert isinstance(result, Refusal), result
    return result.sentence


def test_one_notebook(tmp_path: Path) -> None:
    """A single notebook is taken under any name, other files are listed as artefacts."""
    (tmp_path / "My Copy of HW.ipynb").write_bytes(GOOD)
    (tmp_path / "figures.pdf").write_bytes(b"%PDF")
    result = staged(tmp_path)
    assert (result.filename, result.data, result.notices) == ("My Copy of HW.ipynb", GOOD, ())
    assert [(a.name, a.size) for a in result.artefacts] == [("figures.pdf", 4)]


def test_a_file_instead_of_a_folder(tmp_path: Path) -> None:
    """A path to one file stages that file."""
    (tmp_path / "a.ipynb").write_bytes(GOOD)
    assert staged(tmp_path / "a.ipynb").data == GOOD


def test_a_notebook_in_a_folder_and_with_a_browser_ending(tmp_path: Path) -> None:
    """Subfolders and endings that browsers append are understood."""
    (tmp_path / "hw" / "inner").mkdir(parents=True)
    (tmp_path / "hw" / "inner" / "hw1.ipynb.txt").write_bytes(GOOD)
    assert staged(tmp_path).filename == "hw/inner/hw1.ipynb.txt"


def test_the_notebook_that_defines_the_names_wins(tmp_path: Path) -> None:
    """Among several notebooks the one that defines graded names is graded, and the ignored ones are named."""
    (tmp_path / "hw1.ipynb").write_bytes(OTHER)
    (tmp_path / "zzz.ipynb").write_bytes(GOOD)
    result = staged(tmp_path, score=count_names, homework="hw1")
    assert result.filename == "zzz.ipynb"
    assert result.notices == ("`zzz.ipynb` is graded; ignored: `hw1.ipynb`. Submit one notebook only.",)


def test_equal_notebooks_are_chosen_by_name(tmp_path: Path) -> None:
    """With equal scores the homework's name decides, then the absence of a sign of a copy."""
    for name in ("aaa.ipynb", "Copy of hw1.ipynb", "hw1.ipynb"):
        (tmp_path / name).write_bytes(GOOD)
    assert staged(tmp_path, score=lambda _name, _data: 1, homework="hw1").filename == "hw1.ipynb"
    assert staged(tmp_path, homework="hw1").filename == "hw1.ipynb"


def test_a_script_counts_only_without_a_notebook(tmp_path: Path) -> None:
    """A .py download is graded when there is no notebook, and is an artefact otherwise."""
    (tmp_path / "hw1.py").write_text(WRONG)
    assert staged(tmp_path).filename == "hw1.py"
    (tmp_path / "hw1.ipynb").write_bytes(GOOD)
    result = staged(tmp_path)
    assert (result.filename, [a.name for a in result.artefacts]) == ("hw1.ipynb", ["hw1.py"])


def test_a_zip_is_read_in_memory(tmp_path: Path) -> None:
    """A zip's notebook is graded; what macOS and Jupyter add, escapes, and nested zips are ignored; nothing is unpacked."""
    members = {
        "__MACOSX/._hw1.ipynb": OTHER,
        "hw/.ipynb_checkpoints/hw1.ipynb": OTHER,
        "../evil.ipynb": OTHER,
        "/abs.ipynb": OTHER,
        "C:/drive.ipynb": OTHER,
        "a\\..\\evil.ipynb": OTHER,
        "inner.zip": zipped({"x.ipynb": OTHER}),
        "hw/hw1.ipynb": GOOD,
        "hw/figures.pdf": b"%PDF",
    }
    (tmp_path / "hw1.zip").write_bytes(zipped(members))
    result = staged(tmp_path)
    assert (result.filename, result.data, result.notices) == ("hw/hw1.ipynb", GOOD, ())
    assert [a.name for a in result.artefacts] == ["hw1.zip/hw/figures.pdf"]
    assert [p.name for p in tmp_path.iterdir()] == ["hw1.zip"]


def test_a_link_inside_a_zip_is_ignored(tmp_path: Path) -> None:
    """A member that is a symbolic link is no notebook."""
    member = zipfile.ZipInfo("hw1.ipynb")
    member.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(member, "/etc/passwd")
    assert "no notebook in the submission" in refused(tmp_path)


def test_an_encrypted_member_is_ignored(tmp_path: Path) -> None:
    """A member that needs a password is no notebook."""
    data = bytearray(zipped({"hw1.ipynb": GOOD}))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + offset] |= 1
    (tmp_path / "a.zip").write_bytes(bytes(data))
    assert "no notebook" in refused(tmp_path)


def test_a_zip_bomb_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A member that inflates beyond the cap is read only up to the cap, whatever its header says."""
    monkeypatch.setattr(staging, "MAX_NOTEBOOK_BYTES", 1000)
    (tmp_path / "a.zip").write_bytes(zipped({"hw1.ipynb": b" " * 100_000}))
    assert "larger than 50 MB" in refused(tmp_path)


def test_memory_is_bounded() -> None:
    """Candidates beyond the total cap are left out and named."""
    found = Candidates(read=staging.MAX_TOTAL_BYTES)
    found.take("hw1.ipynb", b"{}")
    assert (found.candidates, found.notices) == ([], ["`hw1.ipynb` is ignored: the submission is too large."])


def test_unpacking_is_bounded_whether_it_is_kept_or_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Members that are too large to keep use up what may be unpacked; what comes after is not unpacked, and that is told."""
    monkeypatch.setattr(staging, "MAX_NOTEBOOK_BYTES", 5000)
    monkeypatch.setattr(staging, "MAX_TOTAL_BYTES", 12_000)
    members = {f"{i}.ipynb": b" " * 9000 for i in range(9)}
    (tmp_path / "a.zip").write_bytes(zipped({"hw1.ipynb": GOOD, **members}))
    result = staged(tmp_path)
    assert result.filename == "hw1.ipynb" and result.notices[-1].startswith("The rest of `a.zip` is ignored")
    assert len(result.notices) == 4


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_damaged_member_is_no_sound_zip(tmp_path: Path, method: int) -> None:
    """Whatever compression a member has, one that cannot be unpacked is refused with a sentence."""
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", method) as archive:
        archive.writestr("hw1.ipynb", GOOD * 9)
    data = bytearray(raw.getvalue())
    start = data.index(b"hw1.ipynb") + len(b"hw1.ipynb")
    data[start + 4 : start + 20] = b"\xff" * 16
    (tmp_path / "a.zip").write_bytes(bytes(data))
    assert "not a sound zip" in refused(tmp_path)


def test_links_devices_and_fifos_are_never_opened(tmp_path: Path) -> None:
    """Symbolic links, folders behind links and fifos are passed over."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "hw1.ipynb").write_bytes(GOOD)
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "hw1.ipynb").symlink_to(outside / "hw1.ipynb")
    (inside / "folder").symlink_to(outside)
    os.mkfifo(inside / "pipe.ipynb")
    assert "only links" in refused(inside)


def test_depth_and_number_are_bounded(tmp_path: Path) -> None:
    """A notebook nine folders deep is not looked for, and a crowd of files is cut off."""
    deep = tmp_path.joinpath(*"abcdefghi")
    deep.mkdir(parents=True)
    (deep / "hw1.ipynb").write_bytes(GOOD)
    assert "empty" in refused(tmp_path)
    for number in range(staging.MAX_FILES + 5):
        (tmp_path / f"{number:05}.txt").touch()
    found = find_candidates(tmp_path)
    assert isinstance(found, Refusal)
    assert "and others" in found.sentence


@pytest.mark.parametrize(
    ("files", "part"),
    [
        ({}, "The submission is empty"),
        ({"report.pdf": b"%PDF"}, "only `report.pdf`"),
        ({"hw1.html": b"<html>"}, "`hw1.html` is a web page, not a notebook"),
        ({"hw1.zip": b"PK\x03\x04 broken"}, "is not a sound zip file"),
    ],
)
def test_refusals(tmp_path: Path, files: dict[str, bytes], part: str) -> None:
    """Each folder without a notebook is refused with a sentence that says what to upload."""
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    sentence = refused(tmp_path)
    assert part in sentence
    assert "Download .ipynb" in sentence


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    """A path that does not exist is a refusal, not an exception."""
    assert "could not be opened" in refused(tmp_path / "nowhere")


def test_a_large_notebook_earns_a_notice(tmp_path: Path) -> None:
    """More than 10 MB is graded with a notice."""
    (tmp_path / "hw1.ipynb").write_bytes(b" " * 10_000_001 + GOOD)
    assert "large (10 MB)" in staged(tmp_path).notices[0]


def test_names_are_made_printable(tmp_path: Path) -> None:
    """A hostile file name cannot smuggle markup or control characters into a sentence."""
    (tmp_path / "a`\n<b>.ipynb").write_bytes(GOOD)
    (tmp_path / "hw1.ipynb").write_bytes(GOOD)
    assert staged(tmp_path, homework="hw1").notices == (
        "`hw1.ipynb` is graded; ignored: `a___b_.ipynb`. Submit one notebook only.",
    )
