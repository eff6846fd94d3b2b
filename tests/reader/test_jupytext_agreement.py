"""The reader's own scanner against jupytext's."""

from __future__ import annotations

from pathlib import Path

import jupytext
import pytest

from starterkit.diagnostics import Collector
from starterkit.source import read_cells

ROOT = Path(__file__).parents[2]
SOURCES = sorted([*ROOT.glob("solutions/hw*/hw*.py"), *ROOT.glob("tests/sample_course/solutions/hw*/hw*.py")])
SNIPPETS = {
    "header in a string": '# %%\nx = """\n# %% not a header\n"""\n\n# %%\ny = 1\n',
    "quotes in comments": "# %%\n# don't stop here\nx = 'it''s'\n\n# %% [markdown]\n# It's \"\"\"prose\"\"\".\n\n# %%\ny = 2\n",
    "escaped quotes": '# %%\nx = "\\""\ny = \'\\\'\'\n# %%\nz = """a\\"b"""\n# %%\nw = 3\n',
    "no blank lines": "# %%\nx = 1\n# %% [md]\n# text\n# %%\ny = 2",
    "two blank lines": "# %%\ndef f():\n    pass\n\n\n# %%\ndef g():\n    pass\n\n\n# %%\nz = 1\n",
    "yaml": "# ---\n# jupyter:\n#   kernelspec:\n#     display_name: P\n#     name: python3\n# ---\n\n# %%\nx = 1\n",
    "indented text": "# %% [markdown]\n# - one\n#   - two\n#\n#     code\n#no space\n\n# %%\nx = 1\n",
    "fence": "# %% [markdown]\n# ```python\n# x = 1\n# ```\n\n# %%\nx = 1\n",
}  # fmt: skip


def agree(text: str) -> None:
    collector = Collector()
    ours = [(cell.is_markdown, cell.source) for cell in read_cells(text, Path("hw5.py"), collector)]
    notebook = jupytext.reads(text, fmt="py:percent")
    theirs = [(cell.cell_type == "markdown", cell.source.rstrip("\n")) for cell in notebook.cells]
    assert ours == theirs


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.parent.name)
def test_cells_of_a_source_notebook_are_those_of_jupytext(path: Path) -> None:
    """Number, types and sources of the cells are what jupytext reads from the same file."""
    agree(path.read_text(encoding="utf-8"))


def test_cells_of_the_good_source_are_those_of_jupytext(good: str) -> None:
    """The source that the defects are made from reads the same in jupytext."""
    agree(good)


@pytest.mark.parametrize("text", SNIPPETS.values(), ids=list(SNIPPETS))
def test_cells_of_a_tricky_text_are_those_of_jupytext(text: str) -> None:
    """Quotes, fences and blank lines end cells where jupytext ends them."""
    agree(text)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.parent.name)
def test_lines_of_cells_are_lines_of_the_file(path: Path) -> None:
    """The header stands on the cell's line, and the first line of content on the body's line."""
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    for cell in read_cells(text, path, Collector()):
        assert lines[cell.line - 1] == cell.header
        first = lines[cell.body_line - 1]
        assert cell.source.splitlines()[0] == (first.removeprefix("# ") if cell.is_markdown else first)


@pytest.mark.parametrize(
    "comment", ["# copy this", "# ls", "# why?", "# !pip install x", "# %time f()", "# ?f", "# x = !ls"]
)
def test_a_comment_that_jupytext_changes_is_an_error(comment: str) -> None:
    """A comment that would become a command in Jupyter is reported."""
    text = f"# %%\n{comment}\nx = 1\n"
    assert jupytext.reads(text, fmt="py:percent").cells[0].source != f"{comment}\nx = 1"
    collector = Collector()
    read_cells(text, Path("hw5.py"), collector)
    assert [problem.code for problem in collector.problems] == ["comment-is-command"]


@pytest.mark.parametrize(
    "comment", ["# Copy this", "# lsq", "# why not?", "# 50 % of", "# wow!", "# x != y", "#: note"]
)
def test_a_plain_comment_is_no_command(comment: str) -> None:
    """A comment that jupytext leaves alone is not reported."""
    text = f"# %%\n{comment}\nx = 1\n"
    assert jupytext.reads(text, fmt="py:percent").cells[0].source == f"{comment}\nx = 1"
    collector = Collector()
    read_cells(text, Path("hw5.py"), collector)
    assert collector.problems == []
