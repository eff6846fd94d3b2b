"""Changes that cannot matter, by the look of the code: no one should have to sign them.

A difference that is squared may be turned round; a gradient that nothing could receive may be cut.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

COMMUTATIVE = frozenset({"min", "max", "maximum", "minimum", "logaddexp", "add", "mul", "hypot", "isclose"})
CONSTANTS = frozenset({
    "linspace", "arange", "zeros", "ones", "eye", "full", "tensor", "zeros_like", "ones_like", "randn", "rand",
    "randint",
})  # fmt: skip
_BLIND = frozenset({"int", "float", "bool", "len", "range"})  # their results carry no gradient
_BLIND_METHODS = frozenset({"item", "detach", "numpy", "tolist", "argmax", "argmin", "gt", "lt", "ge", "le", "eq"})
_EVEN = frozenset({"square", "abs", "cosh"})
_AXES = frozenset({
    "sum", "mean", "logsumexp", "softmax", "log_softmax", "cat", "stack", "unsqueeze", "squeeze", "chunk", "cumsum",
    "cumprod", "max", "min", "amax", "amin", "var", "std", "unbind", "flip", "split", "size",
})  # fmt: skip


def positions(function: ast.AST) -> frozenset[tuple[str, int]]:
    """Return (operator, id of the node) of every change in a function that is trivially equivalent."""
    found = {(name, id(node)) for outer in ast.walk(function) for name, node in _within(outer)}
    if isinstance(function, ast.FunctionDef) and any("no_grad" in ast.unparse(d) for d in function.decorator_list):
        found |= {(name, id(node)) for name, node in _cut(function)}
    return frozenset(found)


def _within(outer: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    if isinstance(outer, ast.Compare):
        yield from _cut(outer)
    elif isinstance(outer, ast.BinOp) and isinstance(outer.op, ast.Pow) and _is_even(outer.right):
        yield from _turned(outer.left)
    elif isinstance(outer, ast.Call):
        yield from _call(outer)


def _call(outer: ast.Call) -> Iterator[tuple[str, ast.AST]]:
    function = outer.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    owner = function.value if isinstance(function, ast.Attribute) else None
    if name in COMMUTATIVE and len(outer.args) == 2:
        yield "swap-arguments", outer
    if name in _EVEN or (name == "pow" and outer.args and _is_even(outer.args[-1])):
        for operand in [owner, *outer.args]:
            if operand is not None:
                yield from _turned(operand)
    if (isinstance(function, ast.Name) and name in _BLIND) or (owner is not None and name in _BLIND_METHODS):
        yield from _cut(outer)
    if _is_constant(outer) or (owner is not None and _decided(owner)):
        yield "detach", outer
    yield from _arguments(outer, name)


def _arguments(outer: ast.Call, name: str) -> Iterator[tuple[str, ast.AST]]:
    for axis in (*outer.args, *(k.value for k in outer.keywords if k.arg in {"dim", "axis"})):
        if name in _AXES and isinstance(axis, ast.UnaryOp):
            yield "drop-sign", axis  # -1 to 1: the axis operator tries other axes, this one is often the same
    for keyword in outer.keywords:
        if keyword.arg == "strict":  # of zip: it only guards
            yield "boolean", keyword.value
            yield "drop-keyword", outer


def _cut(outer: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    for inner in ast.walk(outer):
        if isinstance(inner, ast.Call):
            yield "detach", inner


def _turned(node: ast.expr) -> Iterator[tuple[str, ast.AST]]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub):
        yield "swap-operands", node


def _is_even(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float) and node.value % 2 == 0


def _decided(node: ast.expr) -> bool:
    """Whether an expression is a comparison, or methods of one."""
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        node = node.func.value
    return isinstance(node, ast.Compare)


def _is_constant(node: ast.expr) -> bool:
    """Whether an expression is a new tensor of numbers, or methods of one."""
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr in CONSTANTS:
            return True
        node = node.func.value
    return False
