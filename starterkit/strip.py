"""Solutions and hidden tests leave the notebook: nbgrader's preprocessors do it, strict checks follow.

nbgrader's markers fail open (a misspelt one ships the hidden tests), its stub is one for all regions, and it never
compiles what it leaves. So the marker scan comes before (starterkit.markers), and `verify` comes after.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starterkit.diagnostics import Collector
    from starterkit.model import Cell, Homework

Notebook = Any  # nbformat.NotebookNode: nbformat has no types, and costs too much to import here

SOLUTION, HIDDEN = "SOLUTION", "HIDDEN TESTS"
_SENTINEL = "raise NotImplementedError('starterkit:stub')"
_LEFTOVER = re.compile(r"\b(BEGIN|END)[ _]*(SOLUTIONS?|HIDDEN|MARK[ _]*SCHEME)|starterkit:stub")
_MAGIC = re.compile(r"^(\s*)[%!].*$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Region:
    """The lines between a BEGIN and an END marker; `first` is the 0-based index of the BEGIN line in the cell."""

    first: int
    lines: tuple[str, ...]

    @property
    def length(self) -> int:
        """How many lines of code a student replaces: blank lines and comments do not count; at least 1."""
        return max(1, sum(bool(line.strip()) and not line.lstrip().startswith("#") for line in self.lines))


def regions(source: str, word: str = SOLUTION) -> Iterator[Region]:
    """Yield the regions of a cell whose markers the scan has accepted: `### BEGIN word` … `### END word`."""
    begin, found = -1, list[str]()
    for index, line in enumerate(source.split("\n")):
        if line.strip() == f"### BEGIN {word}":
            begin, found = index, []
        elif line.strip() == f"### END {word}" and begin >= 0:
            yield Region(first=begin, lines=tuple(found))
            begin = -1
        elif begin >= 0:
            found.append(line)


def without_markers(source: str, *, hidden: bool = False) -> str:
    """Return the cell as it stands with solutions in: marker lines go; hidden tests go too unless `hidden`."""
    kept, skipping = list[str](), False
    for line in source.split("\n"):
        mark = line.strip()
        if mark == f"### BEGIN {HIDDEN}":
            skipping = not hidden
        elif mark == f"### END {HIDDEN}":
            skipping = False
        elif not skipping and mark not in (f"### BEGIN {SOLUTION}", f"### END {SOLUTION}"):
            kept.append(line)
    return "\n".join(kept).rstrip("\n")


def with_passes(source: str) -> str:
    """Return a cell with `pass` in place of each solution region: the shape that students see, without nbgrader."""
    lines, skipping = list[str](), False
    for line in source.split("\n"):
        mark = line.strip()
        if mark == f"### BEGIN {SOLUTION}":
            skipping = True
            lines.append(line[: len(line) - len(line.lstrip())] + "pass")
        elif mark == f"### END {SOLUTION}":
            skipping = False
        elif not skipping:
            lines.append(line)
    return "\n".join(lines)


def stub_reason(cell: Cell) -> str:
    """Return what the stub of a cell raises NotImplementedError with: "Question 2.1a" or "Experiment 2.1"."""
    from starterkit.model import Kind

    return f"{'Question' if cell.kind is Kind.SOLUTION else 'Experiment'} {cell.id}"


def strip(notebook: Notebook, cells: dict[str, Cell]) -> Notebook:
    """Clear solutions and hidden tests from a notebook (in place) and return it.

    `cells` maps notebook cell ids to the model's cells. Locks are nbgrader's; checksums come with `seal`.
    Raises RuntimeError where nbgrader refuses, which the checks before this step should have prevented.
    """
    from traitlets.config import Config

    from starterkit.jupyter import load_preprocessors

    steps = load_preprocessors()
    config = Config()
    config.ClearSolutions.code_stub = {"python": _SENTINEL}
    for step in (steps.LockCells, steps.ClearSolutions):
        notebook, _ = step(config=config)(notebook, {})
    for node in notebook.cells:
        if node.id in cells and _SENTINEL in node.source:
            node.source = _fill_stubs(node.source, cells[node.id])
    notebook, _ = steps.ClearHiddenTests(config=config)(notebook, {})
    return notebook


def seal(notebook: Notebook) -> Notebook:
    """Compute nbgrader's checksums of what students get, and check its metadata (schema 3, unique ids)."""
    from starterkit.jupyter import load_preprocessors

    steps = load_preprocessors()
    for step in (steps.ComputeChecksums, steps.CheckCellMetadata):
        notebook, _ = step()(notebook, {})
    return notebook


def _fill_stubs(source: str, cell: Cell) -> str:
    """Replace nbgrader's one stub by ours, region by region; a cell without regions is from-scratch work."""
    sizes = [region.length for region in regions(cell.source)]
    whole = Region(first=0, lines=tuple(cell.source.split("\n"))).length
    lines = list[str]()
    for line in source.split("\n"):
        if line.strip() != _SENTINEL:
            lines.append(line)
            continue
        indent, size = line[: len(line) - len(line.lstrip())], sizes.pop(0) if sizes else whole
        about = f"≈ {size} line{'s' * (size != 1)}"
        names = str(cell.options.get("names", "")) if not any(regions(cell.source)) else ""
        task = f": define `{names}` here, instead of the next line" if names else ""
        lines += [f"{indent}# YOUR CODE ({about}){task}", f'{indent}raise NotImplementedError("{stub_reason(cell)}")']
    return "\n".join(lines)


def verify(notebook: Notebook, homework: Homework, cells: dict[str, Cell], collector: Collector) -> None:
    """Report every code cell that does not parse, every stub that does not raise, every marker left over."""
    from starterkit.jupyter import load_nbformat
    from starterkit.model import Kind

    nbformat = load_nbformat()
    for node in notebook.cells:
        cell = cells.get(node.id)
        line = cell.line if cell else 1
        leftover = _LEFTOVER.search(node.source)
        if leftover:
            collector.add(
                "marker-left", f"`{leftover.group()}` is still in the starter notebook, cell `{node.id}`",
                path=homework.source_path, line=line, hint="a marker stands alone on its line, as `### BEGIN SOLUTION`",
            )  # fmt: skip
        if node.cell_type != "code" or (cell is None and node.source.startswith("%%writefile")):
            continue  # hwkit and the given modules have been compiled where they were made
        tree = _parse(node.source, homework, cell, collector)
        if tree is not None and cell is not None and cell.kind in (Kind.SOLUTION, Kind.EXPERIMENT):
            _check_stubs(tree, homework, cell, collector)
    try:
        nbformat.validate(notebook)
    except nbformat.ValidationError as error:
        reason = str(error).splitlines()[0]
        collector.add("invalid-notebook", f"the starter is not valid nbformat: {reason}", path=homework.source_path,
                      hint="this is Starterkit's mistake: please report it")  # fmt: skip


def _parse(source: str, homework: Homework, cell: Cell | None, collector: Collector) -> ast.Module | None:
    """Return the tree of a released cell, magics aside, or report where it does not parse."""
    try:
        return ast.parse(_MAGIC.sub(r"\1pass", source))
    except SyntaxError as error:
        marked = next(iter(regions(cell.source)), None) if cell else None
        line = 1 if cell is None else cell.body_line + (marked.first if marked else (error.lineno or 1) - 1)
        collector.add(
            "stub-does-not-parse" if marked else "cell-does-not-parse",
            f"the released cell is not valid Python: {error.msg}", path=homework.source_path, line=line,
            hint="a region holds whole statements inside a function body; both markers are indented like them"
            if marked else "given code and public tests must parse on their own",
        )  # fmt: skip
        return None


def _check_stubs(tree: ast.Module, homework: Homework, cell: Cell, collector: Collector) -> None:
    """Report a cell whose number of raising stubs is not the number of its regions."""
    reason = stub_reason(cell)
    wanted = [region.first for region in regions(cell.source)]
    if not wanted and "names" not in cell.options:
        return
    raised = sum(isinstance(node, ast.Raise) and _says(node, reason) for node in ast.walk(tree))
    if raised != max(1, len(wanted)):
        collector.add(
            "stub-does-not-raise", f"{raised} of {max(1, len(wanted))} stubs of this cell raise {reason!r}",
            path=homework.source_path, line=cell.body_line + (wanted[0] if wanted else 0),
            hint="keep regions out of strings and docstrings",
        )  # fmt: skip


def _says(node: ast.Raise, reason: str) -> bool:
    match node.exc:
        case ast.Call(func=ast.Name(id="NotImplementedError"), args=[ast.Constant(value=value)]):
            return bool(value == reason)
    return False
