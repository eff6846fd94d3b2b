"""Source text for a machine without a GPU: `"cuda"` literals become `"cpu"`, and `.cuda()` calls go."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from autograder.magics import PARSE_ERRORS, parse_python

if TYPE_CHECKING:
    from collections.abc import Iterator

_CUDA = re.compile(r"cuda(:\d+)?")
_TEXT_METHODS = {"startswith", "endswith", "find", "index", "count", "replace", "split"}

Edit = tuple[int, int, int, str]  # row (1-based), start and end in UTF-8 bytes, new text


def to_cpu(source: str) -> str:
    """`source` with device literals changed in place: same lines, same layout. Comparisons (`x.type == "cuda"`),
    dictionary keys, f-strings and texts that are searched stay. A text that does not parse is returned as it is.
    """
    if "cuda" not in source:
        return source
    try:
        edits = sorted(_edits(parse_python(source)), reverse=True)
    except PARSE_ERRORS:
        return source
    lines = source.split("\n")
    for row, start, end, text in edits:
        raw = lines[row - 1].encode()
        lines[row - 1] = (raw[:start] + text.encode() + raw[end:]).decode()
    return "\n".join(lines)


def _edits(tree: ast.AST) -> Iterator[Edit]:
    stack: list[ast.AST] = [tree]
    while stack:  # not recursive: a student's expression may be arbitrarily deep
        node = stack.pop()
        if isinstance(node, ast.Constant):
            if isinstance(node.value, str) and _CUDA.fullmatch(node.value) and node.lineno == node.end_lineno:
                yield node.lineno, node.col_offset, node.end_col_offset or 0, '"cpu"'
            continue
        receiver = _cuda_receiver(node)
        if receiver is not None:
            yield from _cut(receiver, node)
            stack.append(receiver)
            continue
        stack.extend(_children(node))


def _cuda_receiver(node: ast.AST) -> ast.expr | None:
    """`x` of a call `x.cuda(…)`."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "cuda":
        return node.func.value
    return None


def _cut(receiver: ast.expr, call: ast.AST) -> Iterator[Edit]:
    """The edit that leaves only the receiver, where it ends on the line on which the call ends."""
    if isinstance(call, ast.Call) and receiver.end_lineno is not None and receiver.end_lineno == call.end_lineno:
        yield receiver.end_lineno, receiver.end_col_offset or 0, call.end_col_offset or 0, ""


def _children(node: ast.AST) -> list[ast.AST]:
    """The children in which a literal names a device."""
    if isinstance(node, ast.JoinedStr):
        return []
    if isinstance(node, ast.Compare):
        return [x for x in ast.iter_child_nodes(node) if not isinstance(x, ast.Constant)]
    if isinstance(node, ast.Dict):
        return list(node.values)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _TEXT_METHODS:
        return [node.func]
    found: list[ast.AST] = []
    for value in node.__dict__.values():
        if isinstance(value, list):
            found += [x for x in value if isinstance(x, ast.AST)]
        elif isinstance(value, ast.AST):
            found.append(value)
    return found
