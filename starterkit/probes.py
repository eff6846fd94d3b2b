"""Probes: functions of a test cell that run beside the student's code, so what they may see is narrow."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from starterkit.names import line_of_use, used_names
from starterkit.testcells import Draft


def check_probe(draft: Draft, visible: Iterable[str], why_not: dict[str, str]) -> None:
    """Report what a probe may not do: read other names than `visible`, assert, or return nothing.

    `why_not` says what a name is instead ("a helper of the tests"), for the message.
    """
    node, code = draft.node, draft.code
    allowed = {*visible, "torch", "probe", node.name}
    for name in sorted(used_names(node) - allowed):
        hint = (
            "a probe sees its arguments, torch, given names and its question's names: pass it in, or define it inside"
        )
        what = why_not.get(name, "an unknown name")
        code.add("probe-name", f"probe {node.name} reads {name}, {what}", line_of_use(node, name), hint)
    for inner in _nodes(node):
        called = inner.func if isinstance(inner, ast.Call) else None
        asserts = isinstance(called, ast.Name) and called.id.startswith("assert_")
        if isinstance(inner, ast.Assert) or asserts:
            hint = "return the value, and assert on it in the test: a verdict from the student's side proves nothing"
            code.add("probe-asserts", f"probe {node.name} asserts", inner.lineno, hint)
    if not any(isinstance(inner, ast.Return) and inner.value is not None for inner in _nodes(node)):
        hint = "return a plain value: numbers, strings, tensors, lists or dicts of them"
        code.add("probe-returns-nothing", f"probe {node.name} returns nothing", node.lineno, hint)


def _nodes(node: ast.AST) -> Iterator[ast.stmt | ast.expr]:
    return (inner for inner in ast.walk(node) if isinstance(inner, ast.stmt | ast.expr))
