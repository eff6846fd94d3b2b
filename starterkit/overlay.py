"""Wheats and chaffs: `solutions/hw2/wheats/2_1a.py` holds valid alternatives, `chaffs/2_1a.py` plausible mistakes.

    from hwkit import chaff

    @chaff("is `var` the variance or the standard deviation?")
    def gaussian_log_prob(x, mu, var):
        ...

Each decorated function or class is one alternative; neighbours under the same kind and text belong together, for
questions of several names. What is not decorated (imports, helpers) is shared by all alternatives of the file.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import TYPE_CHECKING, Literal, TypeVar

from starterkit.diagnostics import Collector, did_you_mean
from starterkit.names import Definition, first_line

if TYPE_CHECKING:
    from starterkit.model import Homework

F = TypeVar("F")
LEAST = {"wheat": 2, "chaff": 3}  # of each question
KINDS = tuple(LEAST)


def wheat(_description: str) -> Callable[[F], F]:
    """Mark a valid alternative. Only read, never run: the decorator does nothing."""
    return lambda function: function


def chaff(_hint: str) -> Callable[[F], F]:
    """Mark a plausible mistake, with the hint a student would need. Only read, never run."""
    return lambda function: function


@dataclass(frozen=True, kw_only=True)
class Alternative:
    """One wheat or chaff. `text` is the description of a wheat, the hint of a chaff; `functions` maps the names it
    replaces to their sources, without decorators. `source` is the whole file with everything else of its kind blanked
    out, so that its lines are the file's: `exec(alternative.code(), namespace)` puts it in place.
    """

    kind: Literal["wheat", "chaff"]
    name: str
    question: str
    text: str
    functions: Mapping[str, str]
    source: str
    path: Path
    line: int

    def code(self) -> CodeType:
        """Return the alternative compiled under its file's name, with true line numbers."""
        return compile(self.source, str(self.path), "exec", dont_inherit=True)


@dataclass
class _Group:
    kind: str
    text: str
    line: int
    nodes: list[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]


def load_alternatives(
    path: Path, graded: Mapping[str, str] | None = None, collector: Collector | None = None
) -> list[Alternative]:
    """Return the alternatives of one file, or of all files of a folder, in order.

    `graded` maps graded names to questions; with it, functions of other names are reported. Without it the question is
    the file's name, 2_1a.py. Mistakes go to `collector`; without one, StarterkitError is raised when there are any.
    """
    found_in = collector if collector is not None else Collector()
    files = sorted(path.glob("*.py")) if path.is_dir() else [path]
    alternatives = [alternative for file in files for alternative in _load_file(file, graded, found_in)]
    if collector is None:
        found_in.raise_errors()
    return alternatives


def check_alternatives(homework: Homework, collector: Collector) -> list[Alternative]:
    """Return all wheats and chaffs of a homework; mistakes are errors, too few of them a warning per question."""
    graded = {name: question.id for question in homework.questions for name in question.names}
    found: list[Alternative] = []
    for kind, least in LEAST.items():
        folder = homework.folder / f"{kind}s"
        mine = load_alternatives(folder, graded, collector) if folder.is_dir() else []
        found += [alternative for alternative in mine if alternative.kind == kind]
        for question in homework.questions:
            count = sum(alternative.question == question.id for alternative in mine if alternative.kind == kind)
            if count < least:
                file = f"{folder.name}/{question.id.replace('.', '_')}.py"
                message = f"question {question.id} has {count} {kind}s; the audit wants {least}"
                hint = f'add functions under @{kind}("…") to {file}'
                collector.add(
                    f"few-{kind}s",
                    message,
                    path=homework.source_path,
                    line=question.line,
                    hint=hint,
                    severity="warning",
                )
    return found


def _load_file(path: Path, graded: Mapping[str, str] | None, collector: Collector) -> list[Alternative]:
    text = collector.read(path, "give a file of wheats/ or chaffs/")
    if text is None:
        return []
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        message = f"this file does not parse: {error.msg}"
        collector.add("syntax-error", message, path=path, line=error.lineno, hint="correct the code")
        return []
    groups = _groups(tree, path, graded, collector)
    if not groups:
        hint = 'put @wheat("…") or @chaff("…") above a function that has the graded name'
        collector.add("no-alternatives", f"{path.name} holds no wheat or chaff", path=path, line=1, hint=hint)
    taken: dict[str, int] = {}
    return [_alternative(group, groups, path, text, graded, taken) for group in groups]


def _groups(tree: ast.Module, path: Path, graded: Mapping[str, str] | None, collector: Collector) -> list[_Group]:
    groups: list[_Group] = []
    for node in tree.body:
        if not isinstance(node, Definition):
            continue
        mark = _mark(node, path, collector)
        if mark is None:
            if graded and node.name in graded and not _has_mark(node):
                hint = 'put @wheat("…") or @chaff("…") above it'
                message = f"{node.name} is neither wheat nor chaff"
                collector.add("unmarked-alternative", message, path=path, line=node.lineno, hint=hint)
            continue
        kind, text = mark
        if graded is not None and node.name not in graded:
            near = did_you_mean(node.name, graded)
            hint = f"did you mean {near}?" if near else f"graded names: {', '.join(graded)}"
            collector.add("unknown-name", f"{node.name} is not a graded name", path=path, line=node.lineno, hint=hint)
            continue
        last = groups[-1] if groups else None
        if last and (last.kind, last.text) == mark and node.name not in {other.name for other in last.nodes}:
            last.nodes.append(node)
        else:
            groups.append(_Group(kind, text, first_line(node), [node]))
    return groups


def _has_mark(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> bool:
    return any(_decorator_name(decorator) in KINDS for decorator in node.decorator_list)


def _decorator_name(decorator: ast.expr) -> str:
    target = decorator.func if isinstance(decorator, ast.Call) else decorator
    return ast.unparse(target).removeprefix("hwkit.")


def _mark(
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, path: Path, collector: Collector
) -> tuple[str, str] | None:
    """The kind and text of a definition's @wheat or @chaff, or None."""
    for decorator in node.decorator_list:
        name = _decorator_name(decorator)
        if name not in KINDS:
            if near := did_you_mean(name, KINDS, cutoff=0.7):
                hint = f"did you mean @{near}?"
                collector.add(
                    "unknown-decorator", f"@{name} marks nothing", path=path, line=decorator.lineno, hint=hint
                )
            continue
        text = decorator.args[0] if isinstance(decorator, ast.Call) and len(decorator.args) == 1 else None
        if isinstance(text, ast.Constant) and isinstance(text.value, str) and text.value.strip():
            return name, text.value
        what = "what is different" if name == "wheat" else "the hint a student would need"
        hint = f'write @{name}("{what}")'
        collector.add("bad-decorator", f"@{name} takes one text", path=path, line=decorator.lineno, hint=hint)
    return None


def _alternative(  # noqa: PLR0913, PLR0917
    group: _Group, groups: list[_Group], path: Path, text: str, graded: Mapping[str, str] | None, taken: dict[str, int]
) -> Alternative:
    lines = text.splitlines()
    question = graded[group.nodes[0].name] if graded else path.stem.replace("_", ".", 1)
    slug = re.sub(r"[^a-z0-9]+", "-", group.text.lower()).strip("-")[:48].strip("-")
    name = f"{group.kind}-{slug or group.line}"
    taken[name] = taken.get(name, 0) + 1
    functions = {node.name: "\n".join(lines[node.lineno - 1 : node.end_lineno]) for node in group.nodes}
    return Alternative(
        kind="wheat" if group.kind == "wheat" else "chaff",
        name=name if taken[name] == 1 else f"{name}-{taken[name]}",
        question=question, text=group.text, functions=functions, source=_only(group, groups, text), path=path,
        line=group.line,
    )  # fmt: skip


def _only(group: _Group, groups: list[_Group], text: str) -> str:
    """The file with the other alternatives, the marks, and their import blanked out."""
    lines = text.splitlines()
    for other in groups:
        for node in other.nodes:
            last = node.lineno - 1 if other is group else node.end_lineno or node.lineno
            kept = {d.lineno for d in node.decorator_list if other is group and _decorator_name(d) not in KINDS}
            _blank(lines, set(range(first_line(node), last + 1)) - kept)
    for statement in ast.parse(text).body:
        if isinstance(statement, ast.ImportFrom) and statement.module == "hwkit":
            rest = [alias for alias in statement.names if alias.name not in KINDS]
            _blank(lines, set(range(statement.lineno, (statement.end_lineno or statement.lineno) + 1)))
            if rest:
                lines[statement.lineno - 1] = ast.unparse(ast.ImportFrom("hwkit", rest, 0))
    return "\n".join(lines) + "\n"


def _blank(lines: list[str], numbers: set[int]) -> None:
    for number in numbers:
        lines[number - 1] = ""
