"""What the container runs without torch, run by a real Python 3.10, the interpreter of its Ubuntu 22.04 image."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
AUTOGRADER = ROOT / "autograder"
HEAVY = {"torch", "numpy", "pytest"}
PROMISED = set(
    "cells magics salvage statements extract staging manifest results metadata messages cli".split()  # noqa: SIM905
)


@cache
def python310() -> str:
    """Return a Python 3.10 interpreter, from PATH or from pyenv; skips the test where there is none."""
    candidates = [shutil.which("python3.10"), *map(str, Path.home().glob(".pyenv/versions/3.10.*/bin/python3.10"))]
    for candidate in candidates:
        if candidate and _version(candidate) == "3.10":
            return candidate
    pytest.skip("no Python 3.10 on PATH or under ~/.pyenv/versions")


def _version(python: str) -> str:
    command = [python, "-I", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def run(source: str) -> str:
    """Run `source` under Python 3.10, isolated, with autograder importable; return what it printed."""
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{source}"
    done = subprocess.run([python310(), "-I", "-B", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def imports_of(module: str) -> set[str]:
    """Return the names that `module` imports when it is imported: "torch", "autograder.wire", …"""
    found: set[str] = set()
    todo: list[ast.stmt] = list(ast.parse((AUTOGRADER / f"{module}.py").read_text(encoding="utf-8")).body)
    while todo:
        match todo.pop():
            case ast.Import(names=names):
                found |= {alias.name for alias in names}
            case ast.ImportFrom(module="autograder", names=names):
                found |= {f"autograder.{alias.name}" for alias in names}
            case ast.ImportFrom(module=str(name)):
                found.add(name)
            case ast.If(test=ast.Name(id="TYPE_CHECKING"), orelse=body):
                todo += body
            case ast.If(body=body, orelse=other) | ast.Try(body=body, orelse=other):
                todo += body + other
            case _:
                pass
    return found


def torch_free() -> list[str]:
    """Return the modules of the grader whose import never reaches torch, numpy or pytest."""
    graph = {path.stem: imports_of(path.stem) for path in AUTOGRADER.glob("*.py") if path.stem != "__init__"}
    heavy: set[str] = set()
    while True:
        more = {
            name for name, wanted in graph.items()
            if any(w.split(".")[0] in HEAVY or w.removeprefix("autograder.") in heavy for w in wanted)
        }  # fmt: skip
        if more <= heavy:
            return sorted(set(graph) - heavy)
        heavy |= more


def test_the_promised_modules_are_free_of_torch() -> None:
    """Reading notebook, manifest and results, and starting the command line, need the standard library only."""
    assert set(torch_free()) >= PROMISED


def test_every_module_of_the_grader_compiles() -> None:
    """Every file of autograder/, with torch or without, is valid syntax for Python 3.10."""
    files = [str(path) for path in sorted(AUTOGRADER.glob("*.py"))]
    run(f"for path in {files!r}: compile(open(path, encoding='utf-8').read(), path, 'exec')")


@pytest.mark.parametrize("module", torch_free())
def test_torch_free_modules_import(module: str) -> None:
    """The module imports under Python 3.10, which has no torch, no numpy and no pytest here."""
    run("import runpy" if module == "__main__" else f"import autograder.{module}")


def test_extraction_gives_the_same_answer() -> None:
    """The extraction of a small notebook, magics and a broken cell included, is the same as under our own Python."""
    from autograder.extract import extract

    code = (
        "!pip install x\nimport math",
        "def f(x):\n    return g(x) + math.pi",
        "def g(x):\n    return x",
        "def broken(:",
    )
    cells = [{"cell_type": "code", "source": text, "metadata": {}, "outputs": []} for text in code]
    data = json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells})
    spec = {
        "questions": {"1.1a": ["f"]},
        "given": [],
        "packages": [],
        "modules": [],
        "stubs": {"1.1a": "Question 1.1a"},
    }
    source = f"""
import json
from autograder.extract import extract
print(json.dumps(extract("hw.ipynb", {data!r}.encode(), json.loads({json.dumps(spec)!r})), sort_keys=True))
"""
    expected = extract("hw.ipynb", data.encode(), spec)
    assert list(expected["found"]) == ["f"]
    assert json.loads(run(source)) == json.loads(json.dumps(expected))


def test_the_command_line_answers() -> None:
    """`python -m autograder --help` works before anything heavy is imported."""
    source = """
import runpy
sys.argv = ["autograder", "--help"]
try:
    runpy.run_module("autograder", run_name="__main__", alter_sys=True)
except SystemExit as end:
    assert not end.code, end.code
"""
    assert "grade" in run(source)
