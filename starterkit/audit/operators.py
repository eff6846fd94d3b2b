"""Generic mutation operators: slips in any Python code. An operator turns one node into (name, node, new text).

Every mutant is a splice of text, so that its diff shows the change and nothing else.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass

Edit = tuple[str, ast.AST, str]
MOST_VARIABLES = 3  # other names tried in the place of one

_BINARY: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Pow: ast.Mult,
    ast.FloorDiv: ast.Div, ast.Mod: ast.FloorDiv,
}  # fmt: skip
_COMPARE: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.Gt), ast.LtE: (ast.Lt, ast.GtE), ast.Gt: (ast.GtE, ast.Lt), ast.GtE: (ast.Gt, ast.LtE),
    ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,), ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}  # fmt: skip


@dataclass(frozen=True)
class Scope:
    """What is known around a node: the function's parameters, and all its variables that are not called."""

    parameters: frozenset[str]
    names: frozenset[str]


def text(node: ast.AST) -> str:
    """Return the source of a node, in brackets where it could fall apart."""
    plain = ast.unparse(ast.fix_missing_locations(node) if isinstance(node, ast.expr) else node)
    atom = (ast.Name, ast.Constant, ast.Call, ast.Attribute, ast.Subscript, ast.Tuple, ast.List, ast.Dict)
    negative = isinstance(node, ast.Constant) and plain.startswith("-")
    return plain if isinstance(node, atom) and not negative else f"({plain})"


def expression(node: ast.AST, scope: Scope) -> Iterator[Edit]:
    """Yield the generic changes of one expression."""
    handler = _HANDLERS.get(type(node))
    if handler is not None:
        for name, changed in handler(node, scope):
            yield name, node, text(changed)


def statement(node: ast.AST, scope: Scope) -> Iterator[Edit]:
    """Yield the generic changes of one statement."""
    if isinstance(node, ast.If | ast.While):
        if isinstance(node, ast.If):
            yield "if-true", node.test, "True"
        yield "if-false", node.test, "False"
    elif isinstance(node, ast.Break | ast.Continue):
        yield "drop-jump", node, "pass"
    elif isinstance(node, ast.AugAssign):
        yield "drop-statement", node, "pass"
        if type(node.op) in _BINARY:
            changed = copy.deepcopy(node)
            changed.op = _BINARY[type(node.op)]()
            yield "augmented", node, ast.unparse(changed)
        plain = ast.Assign([node.target], node.value)
        yield "assign-for-augmented", node, ast.unparse(ast.fix_missing_locations(plain))
    elif isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant):
        yield "drop-statement", node, "pass"
    elif isinstance(node, ast.Assign):
        yield from _assignment(node, scope)


def _assignment(node: ast.Assign, scope: Scope) -> Iterator[Edit]:
    target = node.targets[0]
    known = isinstance(target, ast.Name) and target.id in scope.parameters
    if isinstance(target, ast.Subscript | ast.Attribute) or known:
        yield "drop-statement", node, "pass"
    if isinstance(target, ast.Tuple) and len(target.elts) == 2:
        first, second = target.elts
        yield "swap-targets", target, f"{ast.unparse(second)}, {ast.unparse(first)}"


def _binary(node: ast.BinOp, _scope: Scope) -> Iterator[tuple[str, ast.expr]]:
    if type(node.op) in _BINARY:
        yield "operator", ast.BinOp(node.left, _BINARY[type(node.op)](), node.right)
    if isinstance(node.op, ast.Add | ast.Sub | ast.Mult | ast.Div | ast.Pow):
        yield "drop-right", node.left
        if not isinstance(node.op, ast.Pow):
            yield "drop-left", node.right
    if isinstance(node.op, ast.Sub | ast.Div | ast.MatMult | ast.FloorDiv):
        yield "swap-operands", ast.BinOp(node.right, node.op, node.left)


def _unary(node: ast.UnaryOp, _scope: Scope) -> Iterator[tuple[str, ast.expr]]:
    if not (isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant)):
        yield "drop-unary", node.operand
    else:
        yield "drop-sign", node.operand


def _compare(node: ast.Compare, _scope: Scope) -> Iterator[tuple[str, ast.expr]]:
    if len(node.ops) == 1:
        for other in _COMPARE.get(type(node.ops[0]), ()):
            yield "comparison", ast.Compare(node.left, [other()], node.comparators)


def _bool(node: ast.BoolOp, _scope: Scope) -> Iterator[tuple[str, ast.expr]]:
    yield "and-or", ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
    yield "drop-condition", node.values[0]
    yield "drop-condition", node.values[-1]


def _constant(node: ast.Constant, _scope: Scope) -> Iterator[tuple[str, ast.expr]]:
    value = node.value
    if isinstance(value, bool):
        yield "boolean", ast.Constant(not value)
    elif isinstance(value, int):
        for other in (value + 1, value - 1):
            yield "off-by-one", ast.Constant(other)
    elif isinstance(value, float):
        for changed in dict.fromkeys((2 * value, 0.0, -value, value + 1)):
            if changed != value:
                yield "constant", ast.Constant(changed)
    elif isinstance(value, str) and 0 < len(value) < 20:
        for word in ("sum", "mean", "none"):
            if value in {"sum", "mean", "none"} and word != value:
                yield "reduction", ast.Constant(word)
        yield "string", ast.Constant(value + "_")


def _choice(node: ast.IfExp, _scope: Scope) -> Iterator[tuple[str, ast.expr]]:
    yield "if-true", node.body
    yield "if-false", node.orelse


def _name(node: ast.Name, scope: Scope) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(node.ctx, ast.Load) and node.id in scope.names:
        for other in sorted(scope.names - {node.id, "self"})[:MOST_VARIABLES] if node.id != "self" else ():
            yield "wrong-variable", ast.Name(other, ast.Load())


def _subscript(node: ast.Subscript, _scope: Scope) -> Iterator[tuple[str, ast.expr]]:
    index = node.slice
    if isinstance(index, ast.Name):
        for op in (ast.Add(), ast.Sub()):
            moved = ast.BinOp(index, op, ast.Constant(1))
            yield "index-shift", ast.Subscript(node.value, moved, node.ctx)
    parts = index.elts if isinstance(index, ast.Tuple) else [index]
    for number, part in enumerate(parts):
        if isinstance(part, ast.Slice) and (part.lower is None) != (part.upper is None):
            changed = copy.deepcopy(node)
            chosen = changed.slice.elts[number] if isinstance(changed.slice, ast.Tuple) else changed.slice
            assert isinstance(chosen, ast.Slice)
            chosen.lower, chosen.upper = chosen.upper, chosen.lower
            yield "slice-flip", changed
    if isinstance(index, ast.Tuple) and len(index.elts) == 2:
        yield "transpose", ast.Subscript(node.value, ast.Tuple(index.elts[::-1], ast.Load()), node.ctx)


def _call(node: ast.Call, _scope: Scope) -> Iterator[tuple[str, ast.expr]]:
    for i in range(len(node.args) - 1):
        if not any(isinstance(argument, ast.Starred) for argument in node.args[i : i + 2]):
            args = [*node.args]
            args[i], args[i + 1] = args[i + 1], args[i]
            yield "swap-arguments", ast.Call(node.func, args, node.keywords)
    for i in range(len(node.keywords)):
        yield "drop-keyword", ast.Call(node.func, node.args, node.keywords[:i] + node.keywords[i + 1 :])


def _tuple(node: ast.Tuple, _scope: Scope) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(node.ctx, ast.Load) and len(node.elts) == 2:
        yield "swap-pair", ast.Tuple(node.elts[::-1], ast.Load())


_HANDLERS: dict[type[ast.AST], Callable[..., Iterator[tuple[str, ast.expr]]]] = {
    ast.BinOp: _binary, ast.UnaryOp: _unary, ast.Compare: _compare, ast.BoolOp: _bool, ast.Constant: _constant,
    ast.IfExp: _choice, ast.Name: _name, ast.Subscript: _subscript, ast.Call: _call, ast.Tuple: _tuple,
}  # fmt: skip
