"""Which names a piece of code binds and which global names it uses: the basis of every dependency."""

from __future__ import annotations

import ast
import builtins
import symtable
from collections.abc import Iterable, Mapping
from functools import lru_cache

BUILTINS = frozenset(dir(builtins)) | {"__name__", "__file__", "__doc__"}
Function = ast.FunctionDef | ast.AsyncFunctionDef
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def bound_names(statement: ast.stmt) -> tuple[str, ...]:
    """Return the global names that a top-level statement binds, in order: definitions, imports, assignments, loops."""
    if isinstance(statement, Definition):
        return (statement.name,)
    found: dict[str, None] = {}
    for node in _own_scope(statement):
        if isinstance(node, Definition):
            found[node.name] = None
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found[node.id] = None
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found.update({(alias.asname or alias.name.split(".")[0]): None for alias in node.names})
        elif isinstance(node, ast.ExceptHandler) and node.name:
            found[node.name] = None
    return tuple(found)


@lru_cache(maxsize=4096)  # trees are compared by identity and never changed
def used_names(code: ast.AST) -> frozenset[str]:
    """Return the global names that a statement reads anywhere inside; annotations and builtins left out."""
    bare = _WithoutAnnotations().visit(_copied(code))
    source = ast.unparse(ast.fix_missing_locations(bare))
    table = symtable.symtable(source, "<cell>", "exec")
    return frozenset(_globals(table, top=True)) - BUILTINS


def used_at_once(statement: ast.stmt) -> frozenset[str]:
    """Return the global names read while `statement` itself runs: not those inside function bodies."""
    bare = _copied(statement)
    for node in ast.walk(bare):
        if isinstance(node, Function):
            node.body = [ast.Pass()]
        elif isinstance(node, ast.Lambda):
            node.body = ast.Constant(value=None)
    return used_names(bare)


def line_of_use(code: ast.AST, name: str) -> int:
    """Return the line, within the code's own numbering, where `name` is first read; else of the code's first line."""
    lines = [node.lineno for node in ast.walk(code) if isinstance(node, ast.Name) and node.id == name]
    return min(lines, default=getattr(code, "lineno", 1))


def closure(names: Iterable[str], uses: Mapping[str, frozenset[str]], stop: frozenset[str] = frozenset()) -> set[str]:
    """Return everything reachable from `names` through `uses`, `names` included; `stop` names are not looked into."""
    found: set[str] = set()
    todo = list(names)
    while todo:
        name = todo.pop()
        if name in found:
            continue
        found.add(name)
        if name not in stop:
            todo.extend(uses.get(name, ()))
    return found


def inherited_or_constructed(code: ast.AST, names: Iterable[str]) -> dict[str, int]:
    """Return those of `names` that `code` inherits from or calls, with the line."""
    wanted, found = set(names), dict[str, int]()
    for node in ast.walk(code):
        hits = node.bases if isinstance(node, ast.ClassDef) else [node.func] if isinstance(node, ast.Call) else []
        for hit in hits:
            if isinstance(hit, ast.Name) and hit.id in wanted:
                found.setdefault(hit.id, hit.lineno)
    return found


def first_line(node: ast.stmt) -> int:
    """Return the line where a statement starts, decorators included."""
    decorators = node.decorator_list if isinstance(node, Definition) else []
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def _copied(code: ast.AST) -> ast.Module:
    """A tree of its own, without lines; five times as fast as copy.deepcopy."""
    return ast.parse(ast.unparse(code))


def _globals(table: symtable.SymbolTable, *, top: bool) -> Iterable[str]:
    for symbol in table.get_symbols():
        if symbol.is_referenced() and (top or symbol.is_global()):
            yield symbol.get_name()
    for child in table.get_children():
        yield from _globals(child, top=False)


def _own_scope(statement: ast.stmt) -> Iterable[ast.AST]:
    """The nodes of a statement that run in the module's own scope: no bodies of functions, classes, comprehensions."""
    yield statement
    todo: list[ast.AST] = [statement]
    inner = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
    while todo:
        for child in ast.iter_child_nodes(todo.pop()):
            if isinstance(child, inner):
                continue
            yield child
            if not isinstance(child, Definition):
                todo.append(child)


class _WithoutAnnotations(ast.NodeTransformer):
    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        self.generic_visit(node)
        node.annotation = ast.Constant(value=None)
        return node

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        node.returns = None
        self.generic_visit(node)
        return node

    visit_FunctionDef = visit_AsyncFunctionDef = _function  # noqa: N815  (ast's spelling)
