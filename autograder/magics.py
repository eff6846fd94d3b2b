"""Notebook syntax that is not Python: cell magics, line magics, shell lines and help lines.

Lines are removed only where Python's parser stops ("error-driven"), so that a line that starts with % or ! inside a
string or a bracket is never touched, and IPython is not needed.
"""

from __future__ import annotations

import ast
import re
from typing import NamedTuple

from autograder.cells import visible

PARSE_ERRORS = (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError)
_PARSE_FLAGS = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
_MAX_REPAIRS = 30  # a cell with more magics than this is repaired block by block, which keeps the cost linear
_CELL_MAGIC = re.compile(r"(?P<lead>(?:[ \t]*(?:#[^\n]*)?\n)*)[ \t]*%%(?P<name>[\w!]+)(?P<rest>[^\n]*)(?:\n|$)")
_KEEP_BODY = {
    "time",
    "timeit",
    "capture",
    "prun",
    "memit",
    "mprun",
    "wandb",
    "debug",
    "ipytest",
    "snakeviz",
    "heat",
    "python",
    "python3",
}
_NOT_PYTHON = {
    "bash",
    "sh",
    "script",
    "html",
    "HTML",
    "javascript",
    "js",
    "latex",
    "markdown",
    "svg",
    "perl",
    "ruby",
    "R",
    "sql",
    "bigquery",
    "cython",
    "system",
    "sx",
    "!",
    "shell",
    "cmd",
}
_PYTHON_FILE = re.compile(r"(?:\./|/content/)?(\w+)\.py")
_HELP_LINE = re.compile(r"\?{1,2}[\w.]+|[\w.]+\?{1,2}")
_MAGIC_TARGET = re.compile(r"[\w.,\s\[\]'\"()*]+")


class PythonBody(NamedTuple):
    """What a code cell holds: `python` (None when it is not Python), the cell `magic` it starts with if any, and for
    `%%writefile name.py` the module it `writes` as (name, text, whether it is appended).
    """

    python: str | None
    magic: str | None = None
    writes: tuple[str, str, bool] | None = None


class ParsedText(NamedTuple):
    """A parsed text: `text` is what was parsed, with as many lines as the original."""

    tree: ast.Module
    text: str


def python_body(source: str) -> PythonBody:
    """The Python in a code cell, at its own line numbers, after its cell magic is taken off."""
    match = _CELL_MAGIC.match(source)
    if not match:
        return PythonBody(source)
    name, rest, body = match.group("name"), match.group("rest").split(), source[match.end() :]
    if name in ("writefile", "file"):
        target = _PYTHON_FILE.fullmatch(rest[-1].strip("'\"")) if rest else None
        return PythonBody(None, name, (target.group(1), body, "-a" in rest) if target else None)
    if name in _NOT_PYTHON or (
        name not in _KEEP_BODY and not re.search(r"(?m)^(def|class|import|from|async def) ", body)
    ):
        return PythonBody(None, name)
    lines_before = source.count("\n", 0, match.end())
    inner = python_body(body)
    if inner.python is None:
        return inner
    return PythonBody("\n" * lines_before + inner.python, name)


def parse_text(text: str) -> ParsedText:
    """Parse a cell (or a part of one), removing what is not Python only where the parser stops.

    Raises one of PARSE_ERRORS when the rest is not Python either.
    """
    lines = text.split("\n")
    for _ in range(_MAX_REPAIRS):
        joined = "\n".join(lines)
        try:
            return ParsedText(parse_python(joined), joined)
        except SyntaxError as error:
            if not _repair(lines, error):
                raise
    return ParsedText(parse_python("\n".join(lines)), "\n".join(lines))


def parse_python(text: str) -> ast.Module:
    """The syntax tree of plain Python, top-level `await` allowed. Raises one of PARSE_ERRORS."""
    tree = compile(text, "<cell>", "exec", _PARSE_FLAGS, dont_inherit=True)
    assert isinstance(tree, ast.Module)
    return tree


def is_magic_line(line: str) -> bool:
    """Whether a line could be a line magic, a shell line, an assignment from one, or a help line."""
    text = line.strip()
    if not text or text[0] == "#":
        return False
    if text[0] in "%!":
        return True
    if "?" in (text[0], text[-1]):
        return len(text) < 200 and _HELP_LINE.fullmatch(text) is not None
    target, equals, value = text.partition("=")
    value = value.lstrip()
    return (
        bool(equals) and value[:1] in ("%", "!") and value[:2] != "!=" and _MAGIC_TARGET.fullmatch(target) is not None
    )


def _repair(lines: list[str], error: SyntaxError) -> bool:
    """Change `lines` where the parser stopped; False when nothing there looks like notebook syntax."""
    if "non-printable character" in (error.msg or ""):
        cleaned = [visible(line) for line in lines]
        if cleaned != lines:
            lines[:] = cleaned
            return True
    if isinstance(error, IndentationError) and "unexpected indent" in (error.msg or "") and _dedent(lines):
        return True
    stop = min(error.lineno or 1, len(lines)) - 1
    for index in range(stop, max(-1, stop - 4), -1):
        if is_magic_line(lines[index]):
            _remove_magic(lines, index)
            return True
    return False


def _dedent(lines: list[str]) -> bool:
    """Take off the first line's indentation everywhere, as IPython does for a cell that is indented as a whole."""
    first = next((line for line in lines if line.strip() and not line.lstrip().startswith("#")), "")
    indent = first[: len(first) - len(first.lstrip())]
    if not indent:
        return False
    lines[:] = [line.removeprefix(indent) for line in lines]
    return True


def _remove_magic(lines: list[str], index: int) -> None:
    last = index
    while lines[last].rstrip().endswith("\\") and last + 1 < len(lines):
        last += 1
    line = lines[index]
    indent, text = line[: len(line) - len(line.lstrip())], line.strip()
    timed = re.match(r"%time\s+(.+)", text)
    target = text.partition("=")[0].strip() if text[0] not in "%!?" and "=" in text else ""
    lines[index] = indent + (f"{target} = None" if target else timed.group(1) if timed else "pass")
    lines[index + 1 : last + 1] = [""] * (last - index)
