"""A code cell with its syntax tree, in lines of the file."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from starterkit.diagnostics import Collector, Severity
from starterkit.model import Cell
from starterkit.names import bound_names, used_names


@dataclass(frozen=True)
class Code:
    """`tree` carries the line numbers of hwN.py; `add` reports a mistake in it."""

    cell: Cell
    tree: ast.Module
    path: Path
    collector: Collector

    def add(self, code: str, message: str, line: int, hint: str | None, severity: Severity = "error") -> None:
        """Report one mistake at a line of the file."""
        self.collector.add(code, message, path=self.path, line=line, hint=hint, severity=severity)

    def text(self, first: int, last: int) -> str:
        """Return the cell's text from one line of the file to another, both included."""
        lines = self.cell.source.splitlines()
        return "\n".join(lines[first - self.cell.body_line : last - self.cell.body_line + 1])

    @cached_property
    def bound(self) -> dict[str, ast.stmt]:
        """The global names the cell binds, with the first statement that does."""
        found: dict[str, ast.stmt] = {}
        for statement in self.tree.body:
            for name in bound_names(statement):
                found.setdefault(name, statement)
        return found

    @cached_property
    def uses(self) -> dict[str, frozenset[str]]:
        """For each global name the cell binds, the global names its statements read."""
        found: dict[str, frozenset[str]] = {}
        for statement in self.tree.body:
            used = used_names(statement)
            for name in bound_names(statement):
                found[name] = found.get(name, frozenset()) | used
        return found


def parsed(cells: Iterable[Cell], path: Path, collector: Collector) -> list[Code]:
    """Return the code cells that parse; the others have been reported by the reader already."""
    found = []
    for cell in cells:
        if cell.is_markdown:
            continue
        try:
            tree = ast.parse(cell.source)
        except SyntaxError:
            continue
        ast.increment_lineno(tree, cell.body_line - 1)
        found.append(Code(cell, tree, path, collector))
    return found
