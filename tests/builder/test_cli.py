"""The command line: exit codes, one-line failures, scaffolding."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

import pytest

from starterkit.cli import invoke

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., tuple[int, str]]


@pytest.mark.parametrize("arguments", [["nonsense"], ["release", "--nonsense"], ["new", "5"], ["emulate", "hw9"],
                                       ["audit", "hw9", "--json", "/no/such/folder/a.json"]])  # fmt: skip
def test_wrong_arguments_give_2(starterkit: Run, arguments: list[str]) -> None:
    """Unknown commands and options, unusable names, missing options and folders are the caller's mistake."""
    assert starterkit(*arguments)[0] == 2


def test_help_gives_0(starterkit: Run) -> None:
    """--help lists the commands and ends with 0."""
    code, said = starterkit("--help")
    assert code == 0
    assert all(name in said for name in ("release", "check", "new", "run", "preview", "emulate"))


def test_an_unexpected_failure_gives_3_in_one_line(starterkit: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug of ours ends in exit 3 and a line without a traceback."""

    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr("starterkit.release.release", fail)
    code, said = starterkit("release")
    assert code == 3
    assert said.startswith("internal error: ZeroDivisionError: by zero\n")
    assert "Traceback" not in said


def test_a_full_disk_is_not_our_failure(starterkit: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the machine refuses ends in exit 2, and says what to do."""

    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("starterkit.release.release", fail)
    code, said = starterkit("release")
    assert code == 2
    assert said.startswith("error[file]: No space left on device\n    = hint: make room")


def test_a_new_homework_releases_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`new hw5` in an empty folder makes a course whose homework builds without a problem."""
    assert invoke(["--course", str(tmp_path), "new", "hw5"]) == 0
    assert invoke(["--course", str(tmp_path), "release", "--draft"]) == 0
    assert invoke(["--course", str(tmp_path), "check"]) == 0
    assert "@@" not in (tmp_path / "solutions/hw5/hw5.py").read_text(encoding="utf-8")
    assert capsys.readouterr().err == ""


def test_new_overwrites_nothing(starterkit: Run) -> None:
    """A homework that is there already is refused."""
    code, said = starterkit("new", "hw9")
    assert code == 2
    assert "there already" in said


def test_the_report_has_no_colours_for_a_file(starterkit: Run, edit: Callable[..., None]) -> None:
    """Where nobody watches the report is plain text."""
    edit("code = 8", "code = 9", file="assignment.toml")
    assert "\x1b" not in starterkit("release")[1]


def test_preview_is_a_web_page(starterkit: Run, tmp_path: Path) -> None:
    """`preview` writes the starter as HTML under dist/preview, and says where PDFs are or how to get them."""
    code, said = starterkit("preview", "hw9")
    assert code == 0
    assert "dist/preview/hw9.html" in said
    assert "hw9_written.pdf" in said or "pdflatex is not installed" in said
    assert "total_surprise" in (tmp_path / "dist/preview/hw9.html").read_text(encoding="utf-8")
