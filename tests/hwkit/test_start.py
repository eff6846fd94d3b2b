"""The first call of a session, and what it says when something should be changed before work begins."""

from __future__ import annotations

import collections
import shutil
import sys
import types
from pathlib import Path
from typing import Any

import pytest


def drive_module(monkeypatch: pytest.MonkeyPatch, mount: Any) -> None:
    """Colab's own module, as far as hwkit calls it; it exists nowhere but there."""
    colab, google = types.ModuleType("google.colab"), types.ModuleType("google")
    colab.drive = types.SimpleNamespace(mount=mount)  # type: ignore[attr-defined]
    google.colab = colab  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "google", google)
    monkeypatch.setitem(sys.modules, "google.colab", colab)


def test_it_says_what_the_session_is(kit: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Homework, release, versions, processor, and the folder for checkpoints and figures; nothing to worry about."""
    kit.start()
    out = capsys.readouterr().out
    assert "HW2, release 3. Python 3." in out
    assert "no GPU (none is needed until you train)" in out or "GPU " in out
    assert "Checkpoints and figures go to the folder of this notebook." in out
    assert "⚠" not in out


def test_in_colab_without_drive_it_says_what_to_tick(kit: Any, colab: None, capsys: pytest.CaptureFixture[str]) -> None:
    """No Drive: what is lost when the session ends, and that USE_DRIVE keeps it."""
    kit.start()
    out = capsys.readouterr().out
    assert "are lost when this Colab session ends" in out
    assert "USE_DRIVE" in out


def test_outside_of_colab_drive_is_not_needed(kit: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """drive=True on a student's own machine is no error."""
    kit.start(drive=True)
    assert "only Colab can mount it" in capsys.readouterr().out


def test_a_refused_drive_does_not_stop_the_work(
    kit: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """When consent is refused or the mount times out: what to click, and that one can work on without."""

    def refuse(_: str) -> None:
        raise ValueError("mount failed: credential propagation was unsuccessful")

    drive_module(monkeypatch, refuse)
    kit.start(drive=True)
    out = capsys.readouterr().out
    assert "credential propagation was unsuccessful" in out
    assert "Run this cell again and allow access" in out
    assert "Without it you can work on" in out


def test_a_mounted_drive_is_named(
    kit: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With consent, files go to a folder per course and homework on Drive, and the session says which."""
    mine = tmp_path / "drive" / "MyDrive"
    monkeypatch.setattr(kit, "_DRIVE", mine)
    drive_module(monkeypatch, lambda _: mine.mkdir(parents=True))
    kit.start(drive=True)
    assert f"Checkpoints and figures go to {mine}" in capsys.readouterr().out


def test_a_nearly_full_disk_is_named(
    kit: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Less than half a gigabyte: checkpoints may fail, and what to delete."""
    usage = collections.namedtuple("usage", "total used free")  # noqa: PYI024 - as shutil's own
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**10, 10**10, 10**8))
    kit.start()
    assert "only 100 MB are left on this disk" in capsys.readouterr().out


def test_an_old_torch_is_named(kit: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A runtime whose PyTorch is too old: which runtime to choose."""
    monkeypatch.setattr(kit.torch, "__version__", "1.13.1+cu116")
    kit.start()
    assert "PyTorch 1.13.1+cu116 is older than this homework" in capsys.readouterr().out


def test_an_old_python_is_refused(kit_text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A runtime whose Python is too old: the import says which menu changes it."""
    monkeypatch.setattr(sys, "version_info", (3, 9, 18))
    with pytest.raises(ImportError, match=r"Python 3\.10 or newer\. In Colab: Runtime > Change runtime type"):
        exec(compile(kit_text, "hwkit.py", "exec"), {"__name__": "hwkit"})


def test_after_an_expired_session_submit_still_packs(kit: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """In a new session, with nothing run and no figure left, submit() packs the saved notebook and says what to run."""
    text = "def reparameterize(mu, logvar, eps):\n    return mu\n"
    Path("hw2.py").write_text(text, encoding="utf-8")
    kit.submit(notebook="hw2.py")
    out = capsys.readouterr().out
    assert "not checked in this session" in out
    assert "figures not stored yet: F2.1, F2.2, F2.3. Run the cells that call savefig" in out
    assert Path("hw2-submission.zip").is_file()
