"""A copy of the sample course to break, a build of it to read, and goldens."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from starterkit.build import Built, build
from starterkit.cli import invoke
from starterkit.course import CourseFolder
from starterkit.diagnostics import Collector

if TYPE_CHECKING:
    from collections.abc import Callable

SAMPLE = Path(__file__).resolve().parents[1] / "sample_course"
GOLDENS = Path(__file__).parent / "goldens"


def copy_sample(to: Path) -> CourseFolder:
    """Return a fresh copy of the sample course."""
    shutil.copytree(SAMPLE / "solutions", to / "solutions", ignore=shutil.ignore_patterns("__pycache__"))
    return CourseFolder(to)


@pytest.fixture
def new_course() -> Callable[[Path], CourseFolder]:
    """A function that makes a further copy of the sample course in a folder."""
    return copy_sample


@pytest.fixture
def course(tmp_path: Path) -> CourseFolder:
    """A copy of the sample course that a test may change."""
    return copy_sample(tmp_path)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The sample homework, built in memory; not to be changed."""
    course = copy_sample(tmp_path_factory.mktemp("sample"))
    collector = Collector(course.root)
    made = build(course, "hw9", collector)
    collector.raise_errors()
    assert made is not None
    return made


@pytest.fixture(scope="session")
def starter(built: Built) -> dict[str, dict[str, Any]]:
    """The cells of the sample's starter notebook by id."""
    return {cell["id"]: cell for cell in json.loads(built.kit["hw9.ipynb"])["cells"]}


@pytest.fixture(scope="session")
def released_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sample course that was released as a draft; not to be changed."""
    root = tmp_path_factory.mktemp("released")
    assert invoke(["--course", str(copy_sample(root).root), "release", "--draft"]) == 0
    return root


@pytest.fixture
def release(course: CourseFolder, released_once: Path) -> Callable[[], None]:
    """A function that puts what a draft release of the untouched sample writes into the copy."""

    def put() -> None:
        for folder in ("assignments", "dist"):
            shutil.copytree(released_once / folder, course.root / folder)

    return put


@pytest.fixture
def edit(course: CourseFolder) -> Callable[[str, str], None]:
    """A function that replaces a text, which must be there, in the copy's hw9.py."""

    def replace(old: str, new: str, file: str = "hw9.py") -> None:
        path = course.source("hw9") / file
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    return replace


@pytest.fixture
def starterkit(course: CourseFolder, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """A function that runs a command on the copy and returns its exit code and all it said."""

    def run(*arguments: str) -> tuple[int, str]:
        code = invoke(["--course", str(course.root), *arguments])
        said = capsys.readouterr()
        return code, said.out + said.err

    return run


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """A function that compares a text with a golden file."""

    def compare(name: str, text: str) -> None:
        path = GOLDENS / name
        if request.config.getoption("--refresh-goldens"):
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert path.is_file(), f"no golden {name}: make it with pytest --refresh-goldens, and review it"
        assert text == path.read_text(encoding="utf-8"), f"{name} differs; if that is right: pytest --refresh-goldens"

    return compare
