"""Fixtures for the emulator's tests: autograder zips made by hand, whose run_autograder is a few lines of shell."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from starterkit.emulate import Outcome, emulate

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).parent


@pytest.fixture
def make_zip(tmp_path: Path) -> Callable[..., Path]:
    """A function that makes an autograder zip from a run_autograder, with files added or replaced by name."""

    def make(run_autograder: str, files: dict[str, str] | None = None) -> Path:
        content = {"setup.sh": "#!/bin/bash\n", "run_autograder": f"#!/bin/bash\n{run_autograder}\n", **(files or {})}
        archive = tmp_path / "hw0-autograder.zip"
        with zipfile.ZipFile(archive, "w") as opened:
            for name, text in content.items():
                opened.writestr(name, text)
        return archive

    return make


@pytest.fixture
def submission(tmp_path: Path) -> Path:
    """A submission of one small file."""
    path = tmp_path / "hw0.ipynb"
    path.write_text("{}", encoding="utf-8")
    return path


@pytest.fixture
def run(make_zip: Callable[..., Path], submission: Path, tmp_path: Path) -> Callable[..., Outcome]:
    """A function that emulates one run of a run_autograder given as shell text."""

    def go(run_autograder: str, files: dict[str, str] | None = None, **options: object) -> Outcome:
        archive = make_zip(run_autograder, files)
        return emulate(archive, submission, results=tmp_path / "out", **options)  # type: ignore[arg-type]

    return go


@pytest.fixture
def write(run: Callable[..., Outcome]) -> Callable[..., Outcome]:
    """A function that emulates a run_autograder which writes `results` (JSON text, or an object) and nothing else."""

    def go(results: object, **options: object) -> Outcome:
        text = results if isinstance(results, str) else json.dumps(results)
        return run("cp source/wanted.json results/results.json", {"wanted.json": text}, **options)

    return go


@pytest.fixture(params=["solo_on_time", "team_late", "extension_with_history"])
def metadata_file(request: pytest.FixtureRequest) -> Path:
    """Each example of submission_metadata.json in turn."""
    return HERE / "metadata" / f"{request.param}.json"
