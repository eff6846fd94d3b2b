"""All mutants of a homework: of the reference inside its solution regions, and of every wheat."""

from __future__ import annotations

import ast
import difflib
import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import CodeType
from typing import TYPE_CHECKING

from starterkit.audit import operators, torch_operators, trivial
from starterkit.audit.operators import Edit, Scope
from starterkit.markers import SOLUTION, regions
from starterkit.names import Function

if TYPE_CHECKING:
    from starterkit.model import Homework, Question
    from starterkit.overlay import Alternative

REFERENCE = "reference"


@dataclass(frozen=True, kw_only=True)
class Origin:
    """A text that is mutated: a solution cell or a wheat. `first` is the line of the file where it begins."""

    question: str
    name: str
    path: Path
    source: str
    first: int
    held: Callable[[ast.AST], bool]

    def compile(self, source: str) -> CodeType:
        """Return `source`, a changed version, compiled at its lines. Raises SyntaxError."""
        return compile("\n" * (self.first - 1) + source, str(self.path), "exec", dont_inherit=True)


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """One change of one origin. `id` names it in audit_accept.toml: it stays while the function around it stays."""

    id: str
    origin: Origin
    operator: str
    line: int
    function: str
    source: str
    code: CodeType = field(repr=False, compare=False)

    @property
    def question(self) -> str:
        """The question whose tests it meets."""
        return self.origin.question

    @cached_property
    def diff(self) -> list[str]:
        """The changed lines, `-` before and `+` after, without context."""
        lines = difflib.ndiff(self.origin.source.splitlines(), self.source.splitlines())
        return [f"{line[0]} {line[2:].strip()}" for line in lines if line[0] in "-+"]


def origins(homework: Homework, wheats: Sequence[Alternative]) -> list[Origin]:
    """Return the texts to mutate: every solution cell, then every wheat."""
    found = [_cell(homework, question) for question in homework.questions]
    for wheat in wheats:
        written = _written(homework.question(wheat.question))
        found.append(
            Origin(question=wheat.question, name=wheat.name, path=wheat.path, source=wheat.source, first=1,
                   held=_inside(wheat.source, written))
        )  # fmt: skip
    return found


def mutants(origin: Origin) -> list[Mutant]:
    """Return the distinct mutants of one text; what compiles to the reference's own bytecode is left out."""
    maker = _Maker(origin)
    for definition in maker.tree.body:
        if isinstance(definition, ast.FunctionDef | ast.ClassDef):
            maker.definition(definition)
    return maker.found


def _cell(homework: Homework, question: Question) -> Origin:
    [cell] = question.cells
    held = regions(cell.source, SOLUTION)

    def inside(node: ast.AST) -> bool:
        line = getattr(node, "lineno", 0)
        return question.from_scratch or any(region.holds(line) for region in held)

    return Origin(
        question=question.id, name=REFERENCE, path=homework.source_path, source=cell.source, first=cell.body_line,
        held=inside,
    )  # fmt: skip


def _written(question: Question) -> frozenset[str]:
    """The functions that a student writes, "VAE.encode": those that hold a region. A wheat is mutated there alone."""
    [cell] = question.cells
    held = regions(cell.source, SOLUTION)
    return frozenset(
        name for name, node in _functions(ast.parse(cell.source))
        if question.from_scratch or any(node.lineno <= region.begin <= (node.end_lineno or 0) for region in held)
    )  # fmt: skip


def _functions(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef]]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, node
        elif isinstance(node, ast.ClassDef):
            yield from ((f"{node.name}.{f.name}", f) for f in node.body if isinstance(f, ast.FunctionDef))


def _inside(source: str, names: frozenset[str]) -> Callable[[ast.AST], bool]:
    spans = [
        (min([node.lineno, *(d.lineno for d in node.decorator_list)]), node.end_lineno or node.lineno)
        for name, node in _functions(ast.parse(source))
        if name in names
    ]
    return lambda node: any(first <= getattr(node, "lineno", 0) <= last for first, last in spans)


class _Maker:
    """Collects the mutants of one origin."""

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self.data = origin.source.encode()
        self.tree = ast.parse(origin.source)
        starts = [0]
        for line in self.data.splitlines(keepends=True):
            starts.append(starts[-1] + len(line))
        self.starts = starts
        self.seen = {_code_key(origin.compile(origin.source))}
        self.holding: dict[str, list[tuple[int, str]]] = {}  # a function: the statements that hold one of that name
        self.found: list[Mutant] = []

    def definition(self, node: ast.FunctionDef | ast.ClassDef) -> None:
        functions = [(f, list(_nodes(f))) for f in ast.walk(node) if isinstance(f, ast.FunctionDef)]
        for owner in [node, *(f for f, _ in functions if f is not node)]:
            for edit in torch_operators.definition(owner):
                if self.origin.held(edit[1]):
                    self._add(edit, owner.name)
        for function, nodes in functions:
            scope = _scope(function, nodes)
            idle = trivial.positions(function)
            for inner in nodes:
                if self.origin.held(inner):
                    for edit in _edits(inner, scope):
                        if (edit[0], id(edit[1])) not in idle:
                            self._add(edit, function.name)
        held = [(f, [n for n in nodes if self.origin.held(n)]) for f, nodes in functions]
        for shift, places in torch_operators.schedules(held):
            pieces = [(place.slice, f"{ast.unparse(place.slice)} {shift}") for place in places]
            self._splice("schedule", pieces, node.name)

    def _add(self, edit: Edit, function: str) -> None:
        operator, node, text = edit
        self._splice(operator, [(node, text)], function)

    def _splice(self, operator: str, pieces: Sequence[tuple[ast.AST, str]], function: str) -> None:
        data = self.data
        for node, text in sorted(pieces, key=lambda piece: self._span(piece[0]), reverse=True):
            first, last = self._span(node)
            data = data[:first] + text.encode() + data[last:]
        source = data.decode()
        try:
            code = self.origin.compile(source)
        except (SyntaxError, ValueError):
            return
        key = _code_key(code)
        if key in self.seen:
            return
        self.seen.add(key)
        line = self.origin.first - 1 + min(getattr(node, "lineno", 1) for node, _ in pieces)
        self.found.append(
            Mutant(id=self._id(source, function), origin=self.origin, operator=operator, line=line, function=function,
                   source=source, code=code)
        )  # fmt: skip

    def _id(self, source: str, function: str) -> str:
        """Ten hex digits over the definition before and after, as they parse: comments and layout do not count."""
        if function not in self.holding:
            found = [(i, ast.unparse(node)) for i, node in enumerate(self.tree.body) if _contains(node, function)]
            self.holding[function] = found
        body = ast.parse(source).body
        pairs = [(old, ast.unparse(body[i])) for i, old in self.holding[function]]
        shapes = next((pair for pair in pairs if pair[0] != pair[1]), pairs[0])  # helpers may have methods of that name
        text = "\0".join([self.origin.question, self.origin.name, *shapes])
        return hashlib.sha1(text.encode()).hexdigest()[:10]  # noqa: S324  # a name, not a secret

    def _span(self, node: ast.AST) -> tuple[int, int]:
        assert isinstance(node, ast.expr | ast.stmt)
        first = self.starts[node.lineno - 1] + node.col_offset
        return first, self.starts[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)


def _contains(node: ast.stmt, function: str) -> bool:
    return any(isinstance(n, Function | ast.ClassDef) and n.name == function for n in ast.walk(node))


def _edits(node: ast.AST, scope: Scope) -> Iterator[Edit]:
    if isinstance(node, ast.stmt):
        yield from operators.statement(node, scope)
        yield from torch_operators.statement(node)
    else:
        yield from operators.expression(node, scope)
        yield from torch_operators.expression(node, scope)


def _nodes(function: ast.FunctionDef) -> Iterator[ast.AST]:
    """The nodes of a body that mean something when it runs: no annotations, docstrings, messages of raise."""
    for statement in function.body:
        if not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)):
            yield from _within(statement)


def _within(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Raise | ast.JoinedStr | ast.Import | ast.ImportFrom):
        return  # inner functions are walked as functions of their own
    if isinstance(node, ast.expr | ast.stmt):
        yield node
    for name, value in ast.iter_fields(node):
        if name in {"annotation", "returns"}:
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not _lends_only_its_shape(node, name):
                yield from _within(child)


def _lends_only_its_shape(node: ast.AST, part: str) -> bool:
    """Whether `part` of a node only says what a new tensor looks like: zeros_like(x), x.dtype, y.expand_as(x)."""
    if isinstance(node, ast.Attribute):
        return node.attr in {"dtype", "device"}
    return part == "args" and isinstance(node, ast.Call) and torch_operators.called(node).endswith(("_like", "_as"))


def _scope(function: ast.FunctionDef, nodes: Sequence[ast.AST]) -> Scope:
    arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    parameters = frozenset(a.arg for a in arguments) - {"self", "cls"}
    called = {n.func.id for n in nodes if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
    local = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return Scope(parameters, (parameters | local) - called)


def _code_key(code: CodeType) -> tuple[object, ...]:
    """What a piece of code computes, whatever its lines."""
    constants = tuple(
        _code_key(inner) if isinstance(inner, CodeType) else (type(inner).__name__, repr(inner))
        for inner in code.co_consts
    )
    return (code.co_name, code.co_code, constants, code.co_names, code.co_varnames, code.co_freevars)
