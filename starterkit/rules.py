"""What cells may hold: imports of graded code, given code that calls graded names, experiments, solution regions."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from starterkit.code import Code
from starterkit.diagnostics import Collector, did_you_mean
from starterkit.markers import SOLUTION, Region, regions, without
from starterkit.model import Kind
from starterkit.names import Definition, Function, bound_names, closure, line_of_use, used_at_once, used_names
from starterkit.onefile import exported

GRADER_HAS = frozenset({"torch", "numpy", "hwkit", "__future__"})
STUB = "raise NotImplementedError"


def check_imports(code: Code, available: Iterable[str]) -> None:
    """Report imports, outside of functions, of what a grading machine does not have."""
    known = {*GRADER_HAS, *available}
    for statement in code.tree.body:
        for name, line in _imports(statement):
            if name not in known and name not in sys.stdlib_module_names:
                kind = "given" if code.cell.kind is Kind.GIVEN else "graded"
                message = f"the grader has no module `{name}`"
                code.add(
                    "given-import" if kind == "given" else "graded-import", message, line, _import_hint(name, known)
                )


def check_hwkit_names(code: Code) -> None:
    """Report names imported from `hwkit`, anywhere in a cell, that it does not have."""
    known = exported()
    for node in ast.walk(code.tree):
        if isinstance(node, ast.ImportFrom) and node.module == "hwkit":
            for alias in node.names:
                if alias.name not in known and alias.name != "*":
                    near = did_you_mean(alias.name, known)
                    hint = f"did you mean {near}?" if near else f"it has: {', '.join(known)}"
                    code.add("unknown-name", f"hwkit has no `{alias.name}`", alias.lineno, hint)


def check_module(path: Path, available: Iterable[str], collector: Collector) -> None:
    """Report a given module that does not parse, or that imports what the grader does not have."""
    text = collector.read(path, "name it in `modules`, or take it out")
    if text is None:
        return
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        message = f"this module does not parse: {error.msg}"
        collector.add("syntax-error", message, path=path, line=error.lineno, hint="correct the code")
        return
    known = {*GRADER_HAS, *available}
    for statement in tree.body:
        for name, line in _imports(statement):
            if name not in known and name not in sys.stdlib_module_names:
                message = f"the grader has no module `{name}`"
                collector.add("given-import", message, path=path, line=line, hint=_import_hint(name, known))


def check_given(code: Code, graded: Mapping[str, str], given_uses: Mapping[str, frozenset[str]]) -> None:
    """Report given code that needs a graded name while it is loaded: the student's version does not exist then."""
    hint = "call graded names inside functions only: given code is loaded before the student's"
    for statement in code.tree.body:
        for name in sorted(used_at_once(statement) & graded.keys()):
            line = line_of_use(statement, name)
            code.add(
                "given-calls-graded", f"given code uses {name} (question {graded[name]}) at the top level", line, hint
            )
        for called, line in _calls_at_once(statement):
            for name in sorted(closure(given_uses.get(called, ()), given_uses, frozenset(graded)) & graded.keys()):
                message = f"given code calls {called} at the top level, which needs {name} (question {graded[name]})"
                code.add("given-calls-graded", message, line, hint)


def check_loading_tests(code: Code, graded: Mapping[str, str]) -> None:
    """Report tests that need a graded name while they are loaded: names are bound when a test starts, not before."""
    for statement in code.tree.body:
        for name in sorted(used_at_once(statement) & graded.keys()):
            hint = f"use {name} inside the test: it is bound to the student's version when the test starts"
            message = f"the tests use {name} (question {graded[name]}) at the top level"
            code.add("graded-at-top-level", message, line_of_use(statement, name), hint)


def check_experiment_names(code: Code, experimental: Mapping[str, int]) -> None:
    """Report graded code that reads what only an experiment defines: the grader never runs experiments."""
    for statement in code.tree.body:
        used = used_at_once(statement) if code.cell.kind is Kind.GIVEN else used_names(statement)
        for name in sorted(used & experimental.keys()):
            hint = f"define {name} in a given cell, or import it inside the function"
            message = f"{name} comes from the experiment in line {experimental[name]}, which the grader never runs"
            code.add("name-of-experiment", message, line_of_use(statement, name), hint)


def check_free_cell(code: Code, graded: Mapping[str, str]) -> None:
    """Report an experiment or artefact that defines a graded name: the grader never runs such cells."""
    for statement in code.tree.body:
        for name in bound_names(statement):
            if name in graded:
                hint = f"use another name, or move the definition to the solution cell of {graded[name]}"
                message = f"this cell defines {name}, the graded name of {graded[name]}"
                code.add("experiment-defines-graded", message, statement.lineno, hint)


def check_stub(code: Code) -> None:
    """Report solution regions whose removal leaves a broken cell or a stub that would run at once."""
    source = code.cell.source
    found = regions(source, SOLUTION)
    if not found:
        return
    stubbed = without(source, SOLUTION, STUB)
    try:
        tree = ast.parse(stubbed)
    except SyntaxError as error:
        hint = "put the markers around whole statements of one block, at the block's indentation"
        line = code.cell.body_line + found[0].begin - 1
        code.add("stub-does-not-parse", f"without its solution the cell does not parse: {error.msg}", line, hint)
        return
    if code.cell.kind is Kind.SOLUTION:
        bodies = [(node.body[0].lineno, node.end_lineno or 0) for node in ast.walk(tree) if isinstance(node, Function)]
        for region, line in _stub_lines(found):
            if not any(first <= line <= last for first, last in bodies):
                hint = "move it inside a function: `def …:` and its docstring ship, the body is the student's"
                where = code.cell.body_line + region.begin - 1
                code.add("region-outside-function", "a solution region outside of any function", where, hint)


def graded_names(code: Code) -> tuple[str, ...]:
    """Return the graded names of a solution cell: those of `names=`, or its top-level functions and classes."""
    listed = code.cell.options.get("names")
    definitions = [statement for statement in code.tree.body if isinstance(statement, Definition)]
    held = {region.begin for region in regions(code.cell.source, SOLUTION)}
    if listed is None:
        _check_regions(code, definitions, held)
        return tuple(dict.fromkeys(definition.name for definition in definitions))
    if held:
        hint = "drop the markers (the whole cell is the student's work), or drop names="
        code.add("names-and-region", "`names=` and a solution region in one cell", code.cell.line, hint)
    names = tuple(dict.fromkeys(str(listed).replace(",", " ").split()))
    for name in names:
        if name not in code.bound:
            near = did_you_mean(name, code.bound)
            hint = f"did you mean `{near}`?" if near else f"define {name} in this cell"
            code.add("unknown-name", f"`names=` lists {name}, which the cell does not define", code.cell.line, hint)
    return names


def _check_regions(
    code: Code, definitions: list[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef], held: set[int]
) -> None:
    if not definitions:
        hint = "define the graded function in it, or make it given code: `# %%`"
        code.add("no-graded-name", "this solution cell defines no function or class", code.cell.line, hint)
    if not held:
        hint = (
            'put the answer between `### BEGIN SOLUTION` and `### END SOLUTION`, or say names="…" for a cell left empty'
        )
        code.add("no-solution-region", f"question {code.cell.id} would ship solved", code.cell.line, hint)
        return
    lines = [begin + code.cell.body_line - 1 for begin in held]
    for node in definitions:
        if not any(node.lineno <= line <= (node.end_lineno or 0) + 1 for line in lines):
            hint = "give it a region, or move it to a given cell"
            code.add("ships-solved", f"{node.name} has no solution region: it would ship solved", node.lineno, hint)


def _stub_lines(found: list[Region]) -> Iterable[tuple[Region, int]]:
    """Each region with the line of its stub in the stubbed source."""
    removed = 0
    for region in found:
        yield region, region.begin - removed
        removed += region.end - region.begin


def _imports(statement: ast.stmt) -> Iterable[tuple[str, int]]:
    todo: list[ast.AST] = [statement]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Import):
            yield from ((alias.name.split(".")[0], node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield ("." if node.level else str(node.module).split(".")[0]), node.lineno
        elif not isinstance(node, Function | ast.Lambda):
            todo.extend(ast.iter_child_nodes(node))


def _import_hint(name: str, known: Iterable[str]) -> str:
    if name in {"matplotlib", "seaborn", "tqdm", "IPython", "plotly", "PIL", "pylab"}:
        return "move plotting and progress bars to an experiment cell, or import inside the function that plots"
    if name == "pytest":
        return "write `from hwkit import raises, cases`: a released cell runs without pytest"
    near = did_you_mean(name, [*known, *sys.stdlib_module_names], cutoff=0.75)
    if near:
        return f"did you mean `{near}`?"
    return f'add "{name}" to `packages` or `modules` in assignment.toml, or import it inside an experiment cell'


def _calls_at_once(statement: ast.stmt) -> Iterable[tuple[str, int]]:
    """Functions called by name while the statement runs; constructors of classes are left to the author."""
    todo: list[ast.AST] = [statement]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.func.id[:1].isupper():
            yield node.func.id, node.lineno
        if isinstance(node, Function):
            todo.extend(node.decorator_list)
        elif not isinstance(node, ast.Lambda):
            todo.extend(ast.iter_child_nodes(node))


@dataclass(frozen=True)
class Owners:
    """Who defines a global name: a question, given code, or the tests."""

    graded: Mapping[str, str]
    given: frozenset[str]


def check_shadows(code: Code, owners: Owners) -> None:
    """Report definitions of a test or given cell that hide a graded name, and test helpers that hide given ones."""
    is_tests = code.cell.kind is Kind.TESTS
    for name, statement in code.bound.items():
        if isinstance(statement, ast.Import | ast.ImportFrom):
            continue
        if name in owners.graded:
            hint = f"use another name here: {name} is the graded name of {owners.graded[name]}"
            code.add("duplicate-name", f"{name} is defined twice", statement.lineno, hint)
        elif is_tests and name in owners.given:
            hint = f"use another name here: given code defines {name}"
            code.add("duplicate-name", f"{name} is defined twice", statement.lineno, hint)
