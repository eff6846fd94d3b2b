"""A small course whose audit is clean, to spoil one thing at a time; and the command run as a person runs it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COURSE = Path(__file__).parent / "course"


@dataclass
class Spoiled:
    """A copy of the small course; `audit` runs the command on it in a process of its own."""

    root: Path

    @property
    def homework(self) -> Path:
        """The folder of its homework."""
        return self.root / "solutions" / "hw1"

    def edit(self, file: str, old: str, new: str) -> None:
        """Replace a text, which must be there once."""
        path = self.homework / file
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {file}"
        path.write_text(text.replace(old, new), encoding="utf-8")

    def drop(self, test: str) -> None:
        """Delete a test, and its points from the total."""
        path = self.homework / "hw1.py"
        text = path.read_text(encoding="utf-8")
        start = text.index(f"@points(1)\ndef {test}(")
        end = min(i for i in (text.find("\n@", start + 1), text.find("\n###", start + 1)) if i > 0)
        path.write_text(text[:start] + text[end + 1 :], encoding="utf-8")
        self.edit("assignment.toml", "code = 6", "code = 5")

    def command(self, *options: str) -> list[str]:
        """The command line of an audit of the course."""
        return [sys.executable, str(ROOT / "build.py"), "--course", str(self.root), "audit", "hw1", *options]

    def audit(self, *options: str) -> tuple[int, str]:
        """Return the exit code and all that was said."""
        done = subprocess.run(
            self.command(*options), capture_output=True, text=True, check=False, timeout=300, cwd=self.root,
            env={**os.environ, "OMP_NUM_THREADS": "1", "NO_COLOR": "1", "COLUMNS": "200"},
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr


@pytest.fixture
def course(tmp_path: Path) -> Spoiled:
    """A copy of the small course."""
    shutil.copytree(COURSE, tmp_path / "course", ignore=shutil.ignore_patterns("__pycache__"))
    return Spoiled(tmp_path / "course")
