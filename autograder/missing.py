"""Why a graded name was not found: one sentence that says what to do."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from autograder.survey import Survey, cells_defining

if TYPE_CHECKING:
    from collections.abc import Iterable

    from autograder.cells import NotebookCell
    from autograder.salvage import BrokenBlock


def missing_sentence(survey: Survey, name: str, defined: Iterable[str]) -> str:
    """The likely reason why `name` has no definition, in words for the student; `defined` are the names there are."""
    broken = broken_sentence(survey, name)
    if broken:
        return broken
    text_cells = cells_defining((c for c in survey.cells if c.kind == "text"), name)
    if text_cells:
        return f"`{name}` was found in text {text_cells[0].where()}: change it to a code cell."
    for cell, magic in survey.not_python:
        if cells_defining([cell], name):
            return f"`{name}` is in {cell.where()}, which starts with %%{magic} so it is not Python: remove that line."
    code = [c for c in survey.cells if c.kind == "code"]
    commented = cells_defining(code, name, prefix="[ \t]*#+")
    if commented:
        return f"`{name}` is commented out in {commented[0].where()}: remove the # signs."
    nested = cells_defining(code, name, prefix="[ \t]+")
    if nested:
        return (
            f"`{name}` is defined inside another function or class in {nested[0].where()}: move it to the left margin."
        )
    close = difflib.get_close_matches(name, sorted(set(defined)), n=1, cutoff=0.8)
    if close:
        return f"`{name}` is not defined in the notebook; it does define `{close[0]}`: check the spelling."
    return f"`{name}` is not defined in the notebook."


def broken_sentence(survey: Survey, name: str) -> str | None:
    """The syntax error in the definition of `name`, if that is why it is missing."""
    for cell, block in reversed(survey.broken):
        if block.method is None and (name in block.names or _defines_after(cell, block, name)):
            return f"`{name}` could not be read: {parse_sentence(cell, block)}."
    return None


def parse_sentence(cell: NotebookCell, block: BrokenBlock) -> str:
    """`cell 9 does not parse: line 3: invalid syntax`."""
    place = cell.label if not cell.is_script else "the file"
    return f"{place} does not parse: line {cell.line(block.line)}: {block.reason}"


def _defines_after(cell: NotebookCell, block: BrokenBlock, name: str) -> bool:
    """A cell of which nothing could be read holds the definition somewhere."""
    return not block.names and bool(cells_defining([cell], name))
