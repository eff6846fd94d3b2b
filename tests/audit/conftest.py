"""Homeworks whose audit is clean, to spoil one thing at a time; and the command run as a person runs it."""

from __future__ import annotations

import os
import re
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
    """A copy of a course; `audit` runs the command on its homework in a process of its own."""

    root: Path
    name: str

    @property
    def homework(self) -> Path:
        """The folder of its homework."""
        return self.root / "solutions" / self.name

    def edit(self, file: str, old: str, new: str) -> None:
        """Replace a text, which must be there once."""
        path = self.homework / file
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {file}"
        path.write_text(text.replace(old, new), encoding="utf-8")

    def drop(self, test: str) -> None:
        """Delete a test; its points go to the core test of its question."""
        path = self.homework / f"{self.name}.py"
        text = path.read_text(encoding="utf-8")
        found = re.search(rf"(?m)^(?:@.*\n)+def {test}\((?:.*\n(?=[ \n]))+.*\n", text)
        assert found is not None, f"there is no {test}"
        lost = re.search(r"@points\((.*)\)", found[0])
        core = text.rindex("@core\n@points(", 0, found.start()) + len("@core\n@points(")
        end = text.index(")", core)
        assert lost is not None
        points = float(text[core:end]) + float(lost[1])
        kept = text[: found.start()] + text[found.end() :]
        kept = f"{kept[:core]}{points:g}{kept[end:]}"
        emptied = r"(?m)^### BEGIN HIDDEN TESTS\n\s*### END HIDDEN TESTS\n"
        path.write_text(re.sub(emptied, "", kept), encoding="utf-8")

    def command(self, *options: str) -> list[str]:
        """The command line of an audit of the course."""
        return [sys.executable, str(ROOT / "build.py"), "--course", str(self.root), "audit", self.name, *options]

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
    return Spoiled(tmp_path / "course", "hw1")


@pytest.fixture
def hw2(tmp_path: Path) -> Spoiled:
    """A copy of the shipped HW2."""
    solutions = tmp_path / "course" / "solutions"
    for name in ("hw2", "common"):
        source = ROOT / "solutions" / name
        shutil.copytree(source, solutions / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "solutions" / "course.toml", solutions)
    return Spoiled(tmp_path / "course", "hw2")
