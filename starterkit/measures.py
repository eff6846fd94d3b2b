"""`solutions/hwN/measures.py`: what the grader measures of the files handed in beside the notebook. It never ships.

A function is named like the artefact that it measures. Its first parameter is the file's arrays, by name; further
parameters are graded names, and get the student's own definitions. It may import the given modules of the homework and
anything in `common/`, and returns `{thing: {"samples": 500, "Digits-FD": 0.42, "band": "full", "note": "…"}}`.
"""

from __future__ import annotations

import ast
import sys
from typing import TYPE_CHECKING, Any

from starterkit.diagnostics import did_you_mean
from starterkit.rules import GRADER_HAS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from starterkit.diagnostics import Collector
    from starterkit.model import Homework

FILE = "measures.py"
_ALLOWED = GRADER_HAS | {"autograder"}


def declared(homework: Homework) -> list[dict[str, Any]]:
    """Return the artefacts as the manifest has them: which are measured, and with which graded names."""
    functions = _functions(homework.folder / FILE)
    return [
        {
            "id": artefact.id, "file": artefact.file, "max_mb": artefact.max_mb, "measured": artefact.id in functions,
            "uses": [a.arg for a in functions[artefact.id].args.args[1:]] if artefact.id in functions else [],
        }
        for artefact in homework.artefacts
    ]  # fmt: skip


def sources(homework: Homework) -> dict[str, str]:
    """Return the module `measures` and the modules of the course that it needs, by name; none where there is no file.

    What the homework gives its students anyway comes from there.
    """
    path = homework.folder / FILE
    found: dict[str, str] = {}
    todo = [path] if path.is_file() else []
    while todo:
        file = todo.pop()
        found[file.stem] = file.read_text(encoding="utf-8")
        todo += [place for name in _imported(file) - found.keys() if (place := _module(homework, name)) is not None]
    return dict(sorted(found.items()))


def check(homework: Homework, collector: Collector) -> None:
    """Report functions that measure nothing, parameters that are no graded names, modules that the grader lacks."""
    path = homework.folder / FILE
    if not path.is_file():
        return
    try:
        functions = _functions(path)
    except SyntaxError as error:
        text = f"this file does not parse: {error.msg}"
        collector.add("syntax-error", text, path=path, line=error.lineno, hint="correct the code")
        return
    ids = {artefact.id for artefact in homework.artefacts}
    graded = {name for question in homework.questions for name in question.names}
    for name, function in functions.items():
        if name not in ids:
            near = did_you_mean(name, ids)
            hint = f"did you mean `{near}`?" if near else "name it like the artefact, or begin a helper's name with `_`"
            text = f"`{name}` is the id of no artefact of {homework.name}"
            collector.add("measures-nothing", text, path=path, line=function.lineno, hint=hint)
        for argument in function.args.args[1:]:
            if argument.arg not in graded:
                near = did_you_mean(argument.arg, graded)
                hint = f"did you mean `{near}`?" if near else "after the arrays come graded names only"
                text = f"`{argument.arg}` is not a graded name"
                collector.add("unknown-name", text, path=path, line=argument.lineno, hint=hint)
    for name in sorted(_imported(path)):
        if name not in _ALLOWED and name not in sys.stdlib_module_names and _module(homework, name) is None:
            hint = f"put {name}.py into common/, or measure without it"
            collector.add("given-import", f"the grader has no module `{name}`", path=path, line=1, hint=hint)


def _functions(path: Path) -> dict[str, ast.FunctionDef]:
    """The functions of the file whose names do not begin with an underscore."""
    if not path.is_file():
        return {}
    body = ast.parse(path.read_text(encoding="utf-8")).body
    return {node.name: node for node in body if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")}


def _imported(path: Path) -> set[str]:
    return set(_imports(ast.parse(path.read_text(encoding="utf-8"))))


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def _module(homework: Homework, name: str) -> Path | None:
    """The course's module of that name: the homework's own, or one in common/."""
    given = {path.stem: path for path in homework.modules}
    common = homework.folder.parent / "common"
    places = [given[name]] if name in given else [common / "modules" / f"{name}.py", common / f"{name}.py"]
    return next((place for place in places if place.is_file()), None)
