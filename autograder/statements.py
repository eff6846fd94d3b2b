"""The top-level statements of a notebook: what each binds, changes and reads, and what kind of thing it is.

Kinds: import · star (`from x import *`) · def · light (a value that costs nothing to compute) · heavy (everything else
that binds or changes a name) · setup (seeds, default dtype) · drop (calls for their effect, prints, assertions).
"""

from __future__ import annotations

import ast
import symtable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from autograder.cpu import to_cpu
from autograder.kinds import (
    DEFINITIONS,
    bound_names,
    changed_names,
    comprehension_targets,
    kind_of,
    loop_variables,
    walk,
)
from autograder.magics import PARSE_ERRORS, ParsedText

if TYPE_CHECKING:
    from collections.abc import Iterator

    from autograder.cells import NotebookCell


_IMMEDIATE_SCOPES = {"genexpr", "listcomp", "setcomp", "dictcomp"}  # function scopes that run where they stand


@dataclass(eq=False)
class Statement:
    """One top-level statement (or one name of an import). `source` starts at `line` of the cell (1-based)."""

    cell: NotebookCell
    node: ast.stmt
    source: str
    line: int
    kind: str
    binds: frozenset[str]
    future: tuple[str, ...] = ()
    given: bool = False  # the cell is, unchanged, a given cell of a release
    loop_targets: frozenset[str] = field(default_factory=frozenset)

    @cached_property
    def names(self) -> NameUse:
        """What the statement reads and sets, by scope."""
        return scan_names(self.source, self.node)

    @property
    def uses(self) -> frozenset[str]:
        """Every global name it reads, now or when a function of it is called."""
        return self.names.now | self.names.later

    @cached_property
    def changes(self) -> frozenset[str]:
        """Names whose objects the statement changes in place (`x[0] = 1`, `x.append(1)`, `Cls.method = f`)."""
        if self.kind in ("import", "star", "def"):
            return frozenset()
        return frozenset(changed_names(self.node))

    @cached_property
    def packages(self) -> frozenset[str]:
        """Top-level packages it imports, at once or in a function, but not under `try`."""
        return frozenset(_imported_packages(self.node))

    @cached_property
    def annotated(self) -> frozenset[str]:
        """Names that its annotations mention."""
        parts = [getattr(x, field, None) for x in walk(self.node) for field in ("annotation", "returns")]
        return frozenset(x.id for p in parts if isinstance(p, ast.AST) for x in walk(p) if isinstance(x, ast.Name))

    @property
    def definition_line(self) -> int:
        """The line of the `def`, `class` or assignment itself, below its decorators."""
        return self.line + (self.node.lineno - first_row(self.node))

    @property
    def where(self) -> str:
        return self.cell.where(self.definition_line if self.cell.is_script else None)


@dataclass(frozen=True)
class NameUse:
    """Global names a statement reads when it runs (`now`), reads when its functions are called (`later`), or sets
    from inside a function by `global`.
    """

    now: frozenset[str] = frozenset()
    later: frozenset[str] = frozenset()
    declared: frozenset[str] = frozenset()


def split_statements(
    cell: NotebookCell, parsed: ParsedText, before: int, future: list[str], on_cpu: bool
) -> list[Statement]:
    """The statements of a parsed text that starts `before` lines into the cell. `future` collects `__future__` names,
    which hold for all later cells, as in a kernel.
    """
    lines = parsed.text.split("\n")
    found: list[Statement] = []
    for node, guarded in _top_level(parsed.tree):
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            future.extend(alias.name for alias in node.names if alias.name not in future)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found.extend(_imports(cell, node, before, tuple(future)))
        elif not isinstance(node, (ast.Pass, ast.Assert, ast.Delete, ast.Global)):
            source, line = _segment(lines, node), first_row(node) + before
            if guarded:  # a statement of `if __name__ == "__main__":`, with its lines as they are
                source, line = "if True:\n" + "\n".join(lines[first_row(node) - 1 : node.end_lineno]), line - 1
            found.append(_statement(cell, node, to_cpu(source) if on_cpu else source, line, tuple(future)))
    return [s for s in found if s.kind != "drop"]


def first_row(node: ast.stmt) -> int:
    """The row of the statement's first line, decorators included."""
    decorators = getattr(node, "decorator_list", [])
    return int(min([node.lineno, *(d.lineno for d in decorators)]))


def scan_names(source: str, node: ast.AST) -> NameUse:
    """The global names of one statement, from the compiler's own symbol table."""
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return NameUse()
    try:
        top = symtable.symtable(source, "<statement>", "exec")
    except PARSE_ERRORS:
        names = frozenset(x.id for x in walk(node) if isinstance(x, ast.Name) and isinstance(x.ctx, ast.Load))
        return NameUse(now=names, later=names)
    now = {symbol.get_name() for symbol in top.get_symbols() if symbol.is_referenced()}
    later, declared = _scan_scopes(top, now)
    later |= _stepped(node) & declared
    now -= comprehension_targets(node)
    return NameUse(frozenset(now), frozenset(later), frozenset(declared))


def _scan_scopes(top: symtable.SymbolTable, now: set[str]) -> tuple[set[str], set[str]]:
    """The globals that inner scopes read later and the ones they set; those they read at once are added to `now`."""
    later, declared = set[str](), set[str]()
    stack = [(table, True) for table in top.get_children()]
    while stack:
        table, runs_now = stack.pop()
        runs_now = runs_now and (str(table.get_type()) != "function" or table.get_name() in _IMMEDIATE_SCOPES)
        stack += [(child, runs_now) for child in table.get_children()]
        for symbol in table.get_symbols():
            if symbol.is_global():
                if symbol.is_referenced():
                    (now if runs_now else later).add(symbol.get_name())
                if symbol.is_assigned() and symbol.is_declared_global():
                    declared.add(symbol.get_name())
    return later, declared


def _stepped(node: ast.AST) -> set[str]:
    """Names that `node` changes by `n += 1`: it reads them, which a symbol table does not show."""
    return {x.target.id for x in walk(node) if isinstance(x, ast.AugAssign) and isinstance(x.target, ast.Name)}


def _top_level(tree: ast.Module) -> Iterator[tuple[ast.stmt, bool]]:
    """The statements of a module; those under `if __name__ == "__main__":` count as its own."""
    for node in tree.body:
        if isinstance(node, ast.If) and _is_main_guard(node.test):
            yield from ((child, node.lineno != child.lineno) for child in node.body)
        else:
            yield node, False


def _is_main_guard(test: ast.expr) -> bool:
    return (
        isinstance(test, ast.Compare)
        and isinstance(test.left, ast.Name)
        and test.left.id == "__name__"
        and "__main__" in ast.dump(test)
    )


def _segment(lines: list[str], node: ast.stmt) -> str:
    """The original text of a statement; it need not start at the beginning of its first line (`a = 1; b = 2`)."""
    start, end = first_row(node) - 1, (node.end_lineno or node.lineno) - 1
    rows = lines[start : end + 1]
    rows[-1] = rows[-1].encode()[: node.end_col_offset].decode()
    if start == node.lineno - 1 and node.col_offset:
        rows[0] = rows[0].encode()[node.col_offset :].decode()
    return "\n".join(rows)


def _imports(
    cell: NotebookCell, node: ast.Import | ast.ImportFrom, before: int, future: tuple[str, ...]
) -> Iterator[Statement]:
    """One statement per imported name: a missing module must not lose the others."""
    origin = f"from {'.' * node.level}{node.module or ''} " if isinstance(node, ast.ImportFrom) else ""
    for alias in node.names:
        text = f"{origin}import {alias.name}" + (f" as {alias.asname}" if alias.asname else "")
        part: ast.stmt = (
            ast.ImportFrom(node.module, [alias], node.level)
            if isinstance(node, ast.ImportFrom)
            else ast.Import([alias])
        )
        ast.copy_location(part, node)
        name = alias.asname or (alias.name if origin else alias.name.partition(".")[0])
        kind, binds = ("star", frozenset[str]()) if alias.name == "*" else ("import", frozenset((name,)))
        yield Statement(cell, part, text, node.lineno + before, kind, binds, future)


def _statement(cell: NotebookCell, node: ast.stmt, source: str, line: int, future: tuple[str, ...]) -> Statement:
    kind = kind_of(node)
    if kind == "drop":
        return Statement(cell, node, source, line, kind, frozenset())
    if isinstance(node, DEFINITIONS):
        return Statement(cell, node, source, line, kind, frozenset((node.name,)), future)
    statement = Statement(cell, node, source, line, kind, bound_names(node), future)
    statement.loop_targets = loop_variables(node)
    if isinstance(node, ast.Expr) and kind == "heavy" and not statement.binds and not statement.changes:
        statement.kind = "drop"
    return statement


def _imported_packages(node: ast.AST) -> Iterator[str]:
    stack: list[ast.AST] = [node]
    while stack:
        item = stack.pop()
        if isinstance(item, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in item.names)
        elif isinstance(item, ast.ImportFrom) and not item.level and item.module:
            yield item.module.partition(".")[0]
        elif not isinstance(item, (ast.Try, ast.expr)):
            stack.extend(ast.iter_child_nodes(item))
