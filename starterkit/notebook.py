"""Notebooks from the model: the starter a student opens in Colab, and the solved one. Deterministic, nbformat 4.5."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

from starterkit import strip
from starterkit.firstpage import facts, has_title
from starterkit.jupyter import load_nbformat
from starterkit.model import Kind
from starterkit.setup_cells import Node, code, hand_in, header, markdown, set_up
from starterkit.written import counted, first_pages

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starterkit.diagnostics import Collector
    from starterkit.model import Cell, Homework, Question

METADATA: dict[str, Any] = {
    "accelerator": "GPU",
    "colab": {
        "gpuType": "T4",
        "provenance": [],
        "runtime_attributes": {"runtime_version": "2026.07"},
        "toc_visible": True,
    },
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def starter(homework: Homework, modules: Mapping[str, str], release: int, collector: Collector) -> Any:
    """Return the starter notebook; what is wrong with it goes to the collector.

    `modules` maps the name of each embedded module to its source; `hwkit` is one of them.
    """
    cells = {cell.key: cell for cell in homework.cells}
    questions = {question.id: question for question in homework.questions}
    notebook = strip.strip(_notebook([_source_node(cell, homework) for cell in homework.cells]), cells)
    kept = []
    for node in notebook.cells:
        cell = cells[node.id]
        if cell.kind is Kind.TESTS and cell.id in questions:
            node.source = _released_tests(node.source, cell, questions[cell.id])
            if "check(" not in node.source:  # what hidden tests leave behind, such as imports, can earn nothing
                node.metadata.nbgrader.update(grade=False)
                node.metadata.nbgrader.pop("points")
        if node.source.strip():
            kept.append(node)
    from_dict = load_nbformat().from_dict
    front, tools = from_dict([header(homework, release)]), from_dict(set_up(homework, modules))
    notebook.cells = _with_front(front, tools, kept, homework)
    notebook = strip.seal(notebook)
    strip.verify(notebook, homework, cells, collector)
    return notebook


def solved(homework: Homework, modules: Mapping[str, str], release: int) -> Any:
    """Return the notebook with every solution in and the public tests; no mark schemes, no hidden tests, no outputs."""
    questions = {question.id: question for question in homework.questions}
    answers = {written.line: written.solution for written in homework.written}
    nodes = list[Node]()
    for cell in homework.cells:
        node = _source_node(cell, homework)
        source = strip.without_markers(cell.source)
        if cell.kind is Kind.TESTS and cell.id in questions:
            source = _released_tests(source, cell, questions[cell.id])
        elif cell.is_markdown:
            source = node["source"]
        if cell.kind is Kind.WRITTEN:
            source += f"\n\n**Solution.** {answers[cell.line].strip()}"
        if source.strip():
            node["source"] = source
            del node["metadata"]["nbgrader"]
            nodes.append(node)
    return _notebook(_with_front([header(homework, release)], set_up(homework, modules), nodes, homework))


def _with_front(front: list[Any], tools: list[Any], cells: list[Any], homework: Homework) -> list[Any]:
    """Return all cells in order: title, first screen, what else comes before the first code, set-up, rest, hand-in."""
    title = 1 if has_title(homework) else 0
    opening = {cell.key for cell in itertools.takewhile(lambda cell: cell.kind is Kind.PROSE, homework.cells)}
    split = sum(cell["id"] in opening for cell in cells)
    last = load_nbformat().from_dict(hand_in(homework))
    return [*cells[:title], *front, *cells[title:split], *tools, *cells[split:], *last]


def dumps(notebook: Any) -> bytes:
    """Return the notebook file: keys sorted, one-space indentation, as Jupyter writes it."""
    plain = {**notebook, "cells": [{**cell, "source": cell["source"].splitlines(True)} for cell in notebook["cells"]]}
    return (json.dumps(plain, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def plain_code(source: bytes) -> bytes:
    """Return the code cells of a notebook file as one Python file, for similarity tools that read no notebooks."""
    cells = json.loads(source)["cells"]
    parts = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    return ("\n\n".join(part for part in parts if not part.startswith("%%writefile")) + "\n").encode()


def _notebook(nodes: list[Node]) -> Any:
    return load_nbformat().from_dict({"nbformat": 4, "nbformat_minor": 5, "metadata": METADATA, "cells": nodes})


def _source_node(cell: Cell, homework: Homework) -> Node:
    """Return the notebook cell of a model cell, solutions and hidden tests still in, nbgrader metadata expanded."""
    source = _prompt(cell, homework) if cell.is_markdown else cell.source
    node = (markdown if cell.is_markdown else code)(cell.key, source)
    node["metadata"]["nbgrader"] = _nbgrader(cell, homework)
    return node


def _nbgrader(cell: Cell, homework: Homework) -> dict[str, Any]:
    """Return the nbgrader metadata (schema 3) of one cell."""
    solution = cell.kind is Kind.SOLUTION or (cell.kind is Kind.EXPERIMENT and any(strip.regions(cell.source)))
    graded = cell.kind is Kind.TESTS and (cell.id != "*" or any(strip.regions(cell.source, strip.HIDDEN)))
    meta: dict[str, Any] = {
        "schema_version": 3,
        "grade_id": cell.key,
        "grade": graded,
        "solution": solution,
        "locked": not solution and cell.kind not in (Kind.EXPERIMENT, Kind.ARTEFACT),
        "task": False,
    }
    if graded:
        tests = [test for question in homework.questions if question.id == cell.id for test in question.tests]
        meta["points"] = sum(test.points for test in tests if cell.line < test.line <= cell.end_line)
    return meta


def _released_tests(source: str, cell: Cell, question: Question) -> str:
    """Return a tests cell as students get it: the call of `check` runs its public tests and raises when one fails."""
    public = [test.name for test in question.tests if not test.hidden and cell.line < test.line <= cell.end_line]
    source = source.strip("\n")
    return f"{source}\n\n\n{_call('check', question.id, public)}" if public else source


def _call(function: str, question: str, names: list[str]) -> str:
    """Return `check("2.1a", test_a, test_b)`, one name a line where it is long."""
    line = f'{function}("{question}", {", ".join(names)})'
    if len(line) <= 100:
        return line
    return f'{function}(\n    "{question}",\n' + "".join(f"    {name},\n" for name in names) + ")"


def _prompt(cell: Cell, homework: Homework) -> str:
    """Return the markdown that students read: facts added to headings, solutions and mark schemes left out."""
    if cell.kind is Kind.PROBLEM:
        return _with_facts(cell, homework)
    if cell.kind is Kind.WRITTEN:
        written = next(item for item in homework.written if item.line == cell.line)
        page = first_pages(homework)[written.id]
        where = f"page {page}" if written.pages == 1 else f"pages {page} to {page + written.pages - 1}"
        return (
            f"**Written question {written.id}** ({counted(written.points)})\n\n{written.prompt.strip()}\n\n"
            f"*Answer in `{homework.name}_written.tex`, {where}; nothing is to be written here.*"
        )
    if cell.kind is Kind.FIGURE:
        figure = next(item for item in homework.figures if item.line == cell.line)
        caption = f"\n\n*Caption:* {figure.caption.strip()}" if figure.caption.strip() else ""
        return f"**Figure {figure.id}** ({counted(figure.points)})\n\n{figure.prompt.strip()}{caption}"
    return cell.source


def _with_facts(cell: Cell, homework: Homework) -> str:
    """Return a problem's text with a line of facts under its heading: points, lines to write, minutes."""
    heading, _, rest = cell.source.partition("\n")
    line = facts(homework, str(cell.id))
    return f"{heading}\n\n*{line}*\n{rest}".rstrip("\n") if line else cell.source
