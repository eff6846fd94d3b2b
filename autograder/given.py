"""The code of given cells, which the bundle supplies: what it binds and reads, and whether a student changed it."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable
from functools import cached_property
from typing import Any

from autograder.cells import NotebookCell
from autograder.kinds import DEFINITIONS
from autograder.statements import Statement
from autograder.survey import Survey, survey_cells


class GivenCode:
    """The given cells of a spec: for each name, the names its code reads, and what its code looks like."""

    def __init__(self, entries: Iterable[dict[str, Any]], survey: Survey) -> None:
        self.uses: dict[str, frozenset[str]] = {}
        self._statements: list[Statement] = []
        told: set[str] = set()
        for entry in entries:
            self.uses.update(dict.fromkeys(entry.get("names", ()), frozenset()))
            if entry.get("source"):
                told.update(entry.get("names", ()))
                original = survey_cells([NotebookCell(0, "code", entry["source"], "given")], on_cpu=False)
                self._statements += original.statements
                self._bind(original.statements)
                self._read(original.statements, self.uses.keys())
        self._bind(statement for statement in survey.statements if statement.given)
        self._read(survey.statements, self.uses.keys() - told)  # without a source, the student's own copy tells

    def edits(self, statement: Statement) -> bool:
        """Whether a statement that binds a given name differs from the given code (imports: only if that is known)."""
        if statement.kind == "import" and not self._statements:
            return False
        if not isinstance(statement.node, (*DEFINITIONS, ast.Assign, ast.AnnAssign, ast.Import, ast.ImportFrom)):
            return False  # a loop that happens to use the name is no edit
        return ast.dump(statement.node) not in self._originals

    @cached_property
    def _originals(self) -> set[str]:
        return {ast.dump(statement.node) for statement in self._statements}

    def _bind(self, statements: Iterable[Statement]) -> None:
        for statement in statements:
            for name in statement.binds:
                self.uses.setdefault(name, frozenset())

    def _read(self, statements: Iterable[Statement], names: Collection[str]) -> None:
        wanted = set(names)
        for statement in statements:
            for name in statement.binds & wanted:
                self.uses[name] |= statement.uses
