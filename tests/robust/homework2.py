"""The shipped homework as students and the grader meet it, made from the sources once per session."""

from __future__ import annotations

import io
import json
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starterkit.build import build
from starterkit.bundle import zipped
from starterkit.course import CourseFolder
from starterkit.diagnostics import Collector

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Homework2:
    """`zip`: hw2-autograder.zip; `bundle`: its bundle, unpacked; `manifest`; the solved and the untouched notebook."""

    zip: Path
    bundle: Path
    manifest: dict[str, Any]
    solved: dict[str, Any]
    starter: dict[str, Any]

    def points(self, question: str) -> float:
        """What the tests of a question are worth."""
        [found] = [q for q in self.manifest["questions"] if q["id"] == question]
        return sum(test["points"] for test in found["tests"])

    def mixed(self, solved: set[str]) -> dict[str, Any]:
        """The starter with these questions' cells solved."""
        answers = {cell["id"]: cell for cell in self.solved["cells"]}
        wanted = {f"solution-{question.replace('.', '_')}" for question in solved}
        cells = [answers[cell["id"]] if cell["id"] in wanted else cell for cell in self.starter["cells"]]
        assert wanted <= {cell["id"] for cell in cells}
        return {**self.starter, "cells": cells}


def questions() -> list[str]:
    """Ids of the homework's questions, in order, as its source has them."""
    text = (ROOT / "solutions" / "hw2" / "hw2.py").read_text(encoding="utf-8")
    return re.findall(r'^# %%.*\bsolution="([^"]+)"', text, re.MULTILINE)


def build_homework2(folder: Path) -> Homework2:
    """Build hw2 in memory and write its zip and the unpacked zip into `folder`."""
    course = CourseFolder(ROOT)
    collector = Collector(ROOT)
    preload = course.state("hw2").get("preload") or ()
    built = build(course, "hw2", collector, preload=preload)
    collector.raise_errors()
    assert built is not None
    data = zipped(built.bundle)
    archive = folder / "hw2-autograder.zip"
    archive.write_bytes(data)
    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        opened.extractall(folder / "source")
    unpacked = folder / "source" / "bundle"
    return Homework2(
        zip=archive, bundle=unpacked, manifest=json.loads((unpacked / "manifest.json").read_text(encoding="utf-8")),
        solved=json.loads(built.solutions["hw2_solved.ipynb"]), starter=json.loads(built.kit["hw2.ipynb"]),
    )  # fmt: skip
