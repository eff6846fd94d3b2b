"""Running a source notebook on a staff machine, in this process: its reference, or an overlay, under its own tests."""

from __future__ import annotations
import __future__

import ast
import contextlib
import itertools
import linecache
import os
import shutil
import sys
import tempfile
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starterkit.model import Cell, Homework, Kind, Question, TestFunction
from starterkit.overlay import Alternative

Rewrite = Callable[[ast.Module, str], None]
_COUNT = itertools.count(1)


@dataclass(frozen=True, kw_only=True)
class Submission:
    """What was extracted from a submitted notebook: pieces of code per question, and why names are missing."""

    name: str
    programs: Mapping[str, Sequence[Mapping[str, Any]]]
    missing: Mapping[str, str]
    error: str | None = None


Overlay = Alternative | Submission | None


@dataclass
class Runtime:
    """The modules and data files of one homework, as a folder that its code can run in. Close it when done."""

    homework: Homework
    loaded: dict[str, types.ModuleType] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=f"{self.homework.name}-"))
        for file in (*self.homework.modules, *self.homework.data):
            (self.folder / file.name).symlink_to(file)
        (self.folder / "hwkit.py").write_text(_hwkit_source(self.homework), encoding="utf-8")

    def close(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    @contextlib.contextmanager
    def active(self) -> Iterator[None]:
        """While the block runs, `hwkit` and given modules can be imported, and data files lie in the current folder."""
        from autograder.modules import HwkitModule

        names = ["hwkit", *(path.stem for path in self.homework.modules)]
        before = {name: sys.modules.pop(name) for name in names if name in sys.modules}
        self.loaded.setdefault("hwkit", HwkitModule(self.folder / "hwkit.py"))
        sys.modules.update(self.loaded)
        sys.path.insert(0, str(self.folder))
        here = Path.cwd()
        os.chdir(self.folder)
        try:
            yield
        finally:
            os.chdir(here)
            sys.path.remove(str(self.folder))
            self.loaded = {name: sys.modules.pop(name) for name in names if name in sys.modules}
            sys.modules.update(before)

    def namespace(self, question: Question, overlay: Overlay = None, rewrite: Rewrite | None = None) -> dict[str, Any]:
        """Return the globals in which the tests of one question run: given and solution cells, then the tests.

        Experiments are skipped. `overlay` replaces the solutions, `rewrite` may change the tests' syntax trees (for
        pytest's assertions). Call it while the runtime is active. Raises what the cells raise.
        """
        module = types.ModuleType(f"{self.homework.name}_{next(_COUNT)}")
        module.__file__ = str(self.homework.source_path)
        sys.modules[module.__name__] = module  # dataclasses look their module up
        flags = 0
        for cell in self.homework.cells:
            if isinstance(overlay, Submission) and cell.kind is Kind.SOLUTION:
                continue
            if cell.kind in {Kind.GIVEN, Kind.SOLUTION}:
                flags |= self._run(cell, module, flags)
        self._overlay(module, question, overlay)
        for cell in self.homework.cells_of(Kind.TESTS):
            if cell.id in {"*", question.id}:
                flags |= self._run(cell, module, flags, rewrite)
        return module.__dict__

    def _run(self, cell: Cell, module: types.ModuleType, flags: int, rewrite: Rewrite | None = None) -> int:
        """Execute one cell at its own lines; return the compiler flags that its __future__ imports leave on."""
        tree = ast.parse(cell.source)
        ast.increment_lineno(tree, cell.body_line - 1)
        future = [alias.name for node in tree.body if isinstance(node, ast.ImportFrom) and node.module == "__future__"
                  for alias in node.names]  # fmt: skip
        if rewrite is not None:
            rewrite(tree, self.homework.text)
        path = str(self.homework.source_path)
        exec(compile(tree, path, "exec", flags=flags, dont_inherit=True), module.__dict__)  # noqa: S102
        return sum(getattr(__future__, name).compiler_flag for name in future)

    def _overlay(self, module: types.ModuleType, question: Question, overlay: Overlay) -> None:
        if isinstance(overlay, Alternative):
            exec(overlay.code(), module.__dict__)  # noqa: S102
        elif overlay is not None:
            for owner in self.homework.questions:
                for name in owner.names:
                    module.__dict__[name] = _absent(name, overlay.missing.get(name))
            for piece in overlay.programs.get(question.id, ()):
                exec(_compiled(piece, overlay.name), module.__dict__)  # noqa: S102


def load_submission(path: Path, homework: Homework) -> Submission:
    """Return what the grader would take from a submitted notebook; nothing of it is run."""
    from autograder.cells import cell_hash
    from autograder.extract import extract

    given = list(homework.cells_of(Kind.GIVEN))
    spec = {
        "questions": {question.id: list(question.names) for question in homework.questions},
        "given": [{"names": _bound(cell), "hashes": [cell_hash(cell.source)], "source": cell.source} for cell in given],
        "packages": ["torch", "numpy", *homework.assignment.import_names],
        "modules": ["hwkit", *(module.stem for module in homework.modules)],
        "stubs": {question.id: f"Question {question.id}" for question in homework.questions},
    }
    found = extract(path.name, path.read_bytes(), spec)
    return Submission(name=path.stem, programs=found["programs"], missing=found["missing"], error=found["error"])


def case_labels(test: TestFunction) -> list[str]:
    """Return one label per case, in the order of `TestSpec.cases`; none for a test without @cases."""
    decorators = ast.parse(_dedented(test.source)).body[0].decorator_list  # type: ignore[attr-defined]  # a function
    values = [
        [ast.unparse(value) for value in decorator.args[1:]]
        for decorator in decorators
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func).removeprefix("hwkit.") == "cases"
    ]
    return ["-".join(labels) for labels in itertools.product(*values)] if values else []


def _dedented(source: str) -> str:
    return source.strip("\n")


def _bound(cell: Cell) -> list[str]:
    from starterkit.names import bound_names

    return [name for statement in ast.parse(cell.source).body for name in bound_names(statement)]


def _compiled(piece: Mapping[str, Any], name: str) -> types.CodeType:
    """A piece of a submission, compiled as "NAME, cell 7", with its source where tracebacks look for it."""
    file = f"<{name}, {piece['file']}>"
    source = "\n" * (int(piece["line"]) - 1) + str(piece["source"])
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    flags = sum(getattr(__future__, word).compiler_flag for word in piece.get("future", ()))
    code: types.CodeType = compile(source, file, "exec", flags=flags, dont_inherit=True)
    return code


def _absent(name: str, why: str | None) -> Callable[..., Any]:
    def absent(*_args: object, **_kwargs: object) -> Any:
        raise NotImplementedError(why or f"the submission does not define {name}")

    absent.__name__ = name
    return absent


def _hwkit_source(homework: Homework) -> str:
    from starterkit.hwkit import KitClash, generate, kit_info

    try:
        return generate(kit_info(homework, release=0, extraction={}))
    except KitClash as clash:
        return _WITHOUT_KIT.format(why=str(clash))


# Tests need little of the kit beyond `autograder.testing`; what is missing says so when it is called.
_WITHOUT_KIT = """
def __getattr__(name):
    def missing(*args, **kwargs):
        raise ImportError(f"hwkit.{{name}} is not there: " + {why!r})
    return missing
"""
