"""A course's folder: where its homeworks, kits and zips lie, and whether anything has changed since the last build."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starterkit.diagnostics import Problem, StarterkitError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

ROOT = Path(__file__).resolve().parents[1]
MACHINERY = ("starterkit", "autograder", "templates")  # a change there changes every kit
TOOLS = ("nbgrader", "nbformat", "markdown-it-py", "jinja2")
NOT_BUILT = frozenset({"wheats", "chaffs", "__pycache__", "audit_accept.toml", ".ipynb_checkpoints", ".pytest_cache"})
ZIPS = ("starter", "autograder", "solutions")
State = dict[str, Any]


class UnknownHomework(StarterkitError):  # noqa: N818  # it is the argument that is unknown
    """A name on the command line that no folder under solutions/ has."""

    def __init__(self, message: str, hint: str) -> None:
        path = "solutions"
        super().__init__([Problem(code="unknown-homework", message=message, path=path, line=None, text="", hint=hint)])


@dataclass(frozen=True)
class CourseFolder:
    """The folder given with --course, the repository itself by default."""

    root: Path

    def homeworks(self, names: Sequence[str] = ()) -> list[str]:
        """Return the names asked for, all by default, sorted. Raises UnknownHomework."""
        found = sorted(path.parent.name for path in self.solutions.glob("*/*.py") if path.stem == path.parent.name)
        if not found:
            raise UnknownHomework(f"there is no homework in {self.solutions}", "start one: python build.py new hw1")
        for name in names:
            if name not in found:
                near = did_you_mean(name, found)
                known = f"did you mean {near}?" if near else f"there are: {', '.join(found)}"
                raise UnknownHomework(f"there is no homework {name}", known)
        return sorted(set(names)) or found

    @property
    def solutions(self) -> Path:
        """Where the sources lie."""
        return self.root / "solutions"

    def source(self, name: str) -> Path:
        """Return the private folder of a homework."""
        return self.solutions / name

    def kit(self, name: str) -> Path:
        """Return the generated folder of a homework."""
        return self.root / "assignments" / name

    @property
    def dist(self) -> Path:
        """Where zips and hand-over sheets go."""
        return self.root / "dist"

    def zip(self, name: str, part: str) -> Path:
        """Return the path of a zip; `part` is starter, autograder or solutions."""
        return self.dist / f"{name}-{part}.zip"

    def outputs(self, name: str) -> list[Path]:
        """Return every file that a release writes for a homework and that is there."""
        kit = sorted(path for path in self.kit(name).rglob("*") if path.is_file())
        return [*kit, *(path for path in (self.zip(name, part) for part in ZIPS) if path.is_file()), *self._sheet(name)]

    def _sheet(self, name: str) -> list[Path]:
        sheet = self.dist / f"{name}-gradescope.md"
        return [sheet] if sheet.is_file() else []

    def state(self, name: str) -> State:
        """Return what the last release of a homework noted; empty if there is none to read."""
        try:
            found = json.loads((self.dist / f".{name}.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    @contextlib.contextmanager
    def writing(self, say: Callable[[str], None]) -> Iterator[None]:
        """While the block runs, another release of this course waits where it would enter its own."""
        self.dist.mkdir(parents=True, exist_ok=True)
        with (self.dist / ".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                say("another release of this course is running: waiting for it")
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def note(self, name: str, **facts: Any) -> None:
        """Note inputs and outputs as they are now, with `facts`, for the next run."""
        self.dist.mkdir(parents=True, exist_ok=True)
        state = {"inputs": self.inputs_digest(name), "outputs": _digest(self.outputs(name), self.root), **facts}
        (self.dist / f".{name}.json").write_text(json.dumps(state, indent=1) + "\n", encoding="utf-8")

    def is_current(self, name: str, *, draft: bool) -> bool:
        """Return whether all is as a good last release left it; a draft need not have been self-graded."""
        state = self.state(name)
        good = ("passed", "skipped") if draft else ("passed",)
        return (
            state.get("selfgrade") in good
            and state.get("inputs") == self.inputs_digest(name)
            and state.get("outputs") == _digest(self.outputs(name), self.root)
        )

    def inputs_digest(self, name: str) -> str:
        """Return a SHA-256 over everything a build reads: sources, the builder's own code and templates, its tools."""
        from importlib.metadata import version

        mine = [*_files(self.source(name)), *_files(self.solutions / "common"), self.solutions / "course.toml"]
        machinery = [path for folder in MACHINERY for path in _files(ROOT / folder)]
        versions = " ".join(f"{tool} {version(tool)}" for tool in TOOLS)
        return hashlib.sha256(
            "\n".join([versions, _digest(mine, self.root), _digest(machinery, ROOT)]).encode()
        ).hexdigest()


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix != ".pyc" and not NOT_BUILT & set(path.relative_to(folder).parts):
            yield path


def _digest(paths: Sequence[Path], root: Path) -> str:
    total = hashlib.sha256()
    for path in paths:
        data = path.read_bytes() if path.is_file() else b""
        total.update(f"{path.relative_to(root).as_posix()}\0{len(data)}\0".encode())
        total.update(data)
    return total.hexdigest()
