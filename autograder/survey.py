"""Everything a notebook holds that grading may need: statements, blocks that do not parse, modules it writes."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from autograder.magics import PARSE_ERRORS, parse_text, python_body
from autograder.salvage import BrokenBlock, reason_of, salvage
from autograder.statements import Statement, split_statements

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from autograder.cells import NotebookCell


@dataclass
class Survey:
    """The parts of a notebook, in notebook order."""

    cells: list[NotebookCell]
    statements: list[Statement] = field(default_factory=list)
    broken: list[tuple[NotebookCell, BrokenBlock]] = field(default_factory=list)
    modules: dict[str, str] = field(default_factory=dict)
    not_python: list[tuple[NotebookCell, str]] = field(default_factory=list)  # cell, its cell magic


def survey_cells(cells: list[NotebookCell], given_hashes: Collection[str] = (), on_cpu: bool = True) -> Survey:
    """Read every code cell once; a cell that cannot be parsed costs only what is broken in it."""
    survey, future = Survey(cells), list[str]()
    for cell in cells:
        if cell.kind != "code" or not cell.source.strip():
            continue
        body = python_body(cell.source)
        if body.writes:
            _write_module(survey.modules, *body.writes)
        if body.python is None:
            survey.not_python.append((cell, body.magic or ""))
            continue
        found = _cell_statements(survey, cell, body.python, future, on_cpu)
        if cell.hash in given_hashes:
            for statement in found:
                statement.given = True
        survey.statements.extend(found)
    return survey


def _cell_statements(survey: Survey, cell: NotebookCell, text: str, future: list[str], on_cpu: bool) -> list[Statement]:
    try:
        return split_statements(cell, parse_text(text), 0, future, on_cpu)
    except PARSE_ERRORS:
        pass
    sound, broken = salvage(text)
    survey.broken.extend((cell, block) for block in broken)
    found: list[Statement] = []
    for block in sound:
        try:
            found += split_statements(cell, block.parsed, block.before, future, on_cpu)
        except PARSE_ERRORS as error:
            survey.broken.append((cell, BrokenBlock(block.before + 1, reason_of(error), ())))
    return found


def _write_module(modules: dict[str, str], name: str, text: str, append: bool) -> None:
    if name.isidentifier():
        modules[name] = (modules.get(name, "") if append else "") + text


def find_definition(text: str, name: str, prefix: str = "") -> bool:
    """Whether a line of `text` starts, after `prefix` (a regular expression), to define `name`."""
    return (
        name in text
        and re.search(rf"(?m)^{prefix}[ \t]*(?:async +)?(?:def|class) +{re.escape(name)}\b", text) is not None
    )


def cells_defining(cells: Iterable[NotebookCell], name: str, prefix: str = "") -> list[NotebookCell]:
    """The cells whose text holds a definition of `name`."""
    return [cell for cell in cells if find_definition(cell.source, name, prefix)]
