"""Whether a graded function or class is still the stub that was handed out."""

from __future__ import annotations

import ast

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def still_stub(node: ast.AST, text: str | None) -> bool:
    """True when the body still raises `NotImplementedError(text)` (any text if `text` is None): a function whose body
    does so unconditionally, a class of which at least one method does.
    """
    if isinstance(node, ast.ClassDef):
        return any(still_stub(member, text) for member in node.body if isinstance(member, _FUNCTIONS))
    return isinstance(node, _FUNCTIONS) and _raises(node.body, text)


def stub_methods(node: ast.AST, text: str | None) -> list[str]:
    """Names of the methods of a class that still raise `NotImplementedError(text)`."""
    members = [member for member in getattr(node, "body", ()) if isinstance(member, _FUNCTIONS)]
    return [member.name for member in members if still_stub(member, text)] if isinstance(node, ast.ClassDef) else []


def is_partial(node: ast.AST, text: str | None) -> bool:
    """True for a class that is a stub in one method and not in another: work that a stub elsewhere may replace."""
    if not isinstance(node, ast.ClassDef):
        return False
    return len({still_stub(member, text) for member in node.body if isinstance(member, _FUNCTIONS)}) == 2


def _raises(body: list[ast.stmt], text: str | None) -> bool:
    for statement in body:
        if isinstance(statement, (ast.Return, ast.If, ast.For, ast.While, ast.Try, ast.Match)):
            return False
        if isinstance(statement, ast.With):
            return _raises(statement.body, text)
        if isinstance(statement, ast.Raise):
            return _is_not_implemented(statement.exc, text)
    return False


def _is_not_implemented(raised: ast.expr | None, text: str | None) -> bool:
    arguments = raised.args if isinstance(raised, ast.Call) else []
    function = raised.func if isinstance(raised, ast.Call) else raised
    if not isinstance(function, ast.Name) or function.id != "NotImplementedError":
        return False
    return text is None or (
        len(arguments) == 1 and isinstance(arguments[0], ast.Constant) and arguments[0].value == text
    )
