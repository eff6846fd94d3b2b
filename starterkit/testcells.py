"""Test functions, read from the syntax tree: points and limits from decorators, the title from the docstring."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from starterkit.code import Code
from starterkit.diagnostics import did_you_mean
from starterkit.markers import HIDDEN, regions
from starterkit.model import TestFunction
from starterkit.names import Function, bound_names, first_line

VISIBILITIES = ("visible", "after_due_date", "after_published")
FIXTURES = ("rng", "device")
DECORATORS = ("points", "core", "cases", "timeout", "heavy", "visibility", "void", "float32", "probe")


@dataclass
class Marks:
    """What the decorators of one function say."""

    points: float = 0.0
    bonus: bool = False
    core: bool = False
    visibility: str | None = None
    void: str | None = None
    timeout: float | None = None
    heavy: bool = False
    float32: bool = False
    probe: bool = False
    cases: int = 1
    case_names: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    bad: bool = False  # one of them was reported


@dataclass(frozen=True)
class Draft:
    """One top-level function of a test cell: `test` for a test (without `uses`), None for a helper or a probe."""

    node: Function
    code: Code
    hidden: bool
    probe: bool
    test: TestFunction | None


def read_functions(code: Code, hidden_visibility: str) -> list[Draft]:
    """Return the functions of a test cell; their mistakes go to the code's collector."""
    drafts = []
    for statement in code.tree.body:
        hidden = _side(code, statement)
        if isinstance(statement, ast.ClassDef) and statement.name.startswith("Test"):
            hint = "write each test as a plain function `def test_…(rng):`"
            code.add("test-class", f"tests are functions; {statement.name} is a class", statement.lineno, hint)
        if not isinstance(statement, Function):
            continue
        marks = _marks(code, statement)
        test = None
        if statement.name.startswith("test_"):
            test = _test(code, statement, marks, hidden=hidden, hidden_visibility=hidden_visibility)
        elif marks.seen - {"probe"}:
            word = min(marks.seen - {"probe"})
            hint = f"rename it test_{statement.name.removeprefix('tset_')}, or take @{word} off"
            code.add("not-a-test", f"@{word} on {statement.name}, which is not a test", statement.lineno, hint)
        drafts.append(Draft(statement, code, hidden, marks.probe, test))
    return drafts


def hidden_names(code: Code) -> set[str]:
    """Return every name that a test cell binds on its hidden side."""
    return {name for statement in code.tree.body if _side(code, statement) for name in bound_names(statement)}


def _side(code: Code, statement: ast.stmt) -> bool:
    """True for a statement between the hidden-test markers; one that stands on both sides is reported."""
    offset = code.cell.body_line - 1
    start, end = first_line(statement) - offset, (statement.end_lineno or statement.lineno) - offset
    for region in regions(code.cell.source, HIDDEN):
        if region.holds(start) and region.holds(end):
            return True
        if start < region.begin < end or start < region.end < end:
            marker = region.begin if start < region.begin < end else region.end
            hint = "put the marker above the decorators of a function, or below the function's last line"
            code.add("marker-in-function", "a hidden-test marker inside a statement", marker + offset, hint)
    return False


def _test(code: Code, node: Function, marks: Marks, *, hidden: bool, hidden_visibility: str) -> TestFunction:
    line = node.lineno
    docstring = (ast.get_docstring(node) or "").strip()
    if not docstring:
        hint = 'start it with the law it tests: """Zero noise returns the mean."""'
        code.add("test-without-title", f"{node.name} has no docstring; students read its first line", line, hint)
    if isinstance(node, ast.AsyncFunctionDef):
        code.add("async-test", f"{node.name} is async", line, "write `def`, not `async def`")
    if marks.probe:
        code.add(
            "probe-is-test", f"{node.name} is a probe and a test", line, "call the probe from a test of another name"
        )
    if not (marks.points or marks.core or marks.void or marks.bad):
        hint = "add @points(1), or @core for a test that only gates"
        code.add("test-counts-nothing", f"{node.name} has no points and gates nothing", line, hint)
    if marks.core and hidden:
        hint = "move it above `### BEGIN HIDDEN TESTS`, or take @core off: students must see what blocks them"
        code.add("hidden-core", f"{node.name} is hidden and @core", line, hint)
    _check_arguments(code, node, marks)
    return TestFunction(
        name=node.name, title=docstring.splitlines()[0].strip().removesuffix(".") if docstring else node.name,
        points=marks.points, bonus=marks.bonus, core=marks.core, hidden=hidden,
        visibility=marks.visibility or (hidden_visibility if hidden else "visible"), void=marks.void,
        timeout=marks.timeout, heavy=marks.heavy, float32=marks.float32, cases=marks.cases, line=line, uses=(),
        source=code.text(first_line(node), node.end_lineno or line),
    )  # fmt: skip


def _check_arguments(code: Code, node: Function, marks: Marks) -> None:
    arguments = [arg.arg for arg in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
    known = [*FIXTURES, *marks.case_names]
    for name in arguments:
        if name not in known:
            near = did_you_mean(name, known)
            hint = (
                f"did you mean `{near}`?" if near else f'a test may take rng, device, and names of @cases("{name}", …)'
            )
            code.add("unknown-argument", f"{node.name} takes `{name}`, which nothing provides", node.lineno, hint)
    for name in marks.case_names:
        if name not in arguments:
            hint = f"add `{name}` to the arguments of {node.name}"
            code.add("unused-case", f"@cases names `{name}`, which {node.name} does not take", node.lineno, hint)


def _marks(code: Code, node: Function) -> Marks:
    marks = Marks()
    for decorator in node.decorator_list:
        call = decorator if isinstance(decorator, ast.Call) else None
        target = call.func if call else decorator
        if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.value.id == "hwkit":
            name = target.attr
        else:
            name = ast.unparse(target)
        if name not in DECORATORS:
            _unknown_decorator(code, node, name, decorator.lineno)
            continue
        if name in marks.seen and name != "cases":
            code.add("repeated-decorator", f"@{name} stands twice", decorator.lineno, "keep one of them")
        marks.seen.add(name)
        _READERS[name](_Reading(code, decorator.lineno, name, call, marks))
    return marks


def _unknown_decorator(code: Code, node: Function, name: str, line: int) -> None:
    near = did_you_mean(name, DECORATORS)
    if not near and not node.name.startswith("test_"):
        return  # a helper may be decorated with anything
    hint = f"did you mean @{near}?" if near else f"decorators of a test: {', '.join('@' + d for d in DECORATORS[:-1])}"
    code.add("unknown-decorator", f"@{name} is not a decorator of tests", line, hint)


@dataclass(frozen=True)
class _Reading:
    """One decorator that is being read."""

    code: Code
    line: int
    name: str
    call: ast.Call | None
    marks: Marks

    def bad(self, message: str, hint: str) -> None:
        self.marks.bad = True
        self.code.add("bad-decorator", f"@{self.name} {message}", self.line, hint)

    def literals(self, hint: str, keywords: tuple[str, ...] = ()) -> tuple[list[Any], dict[str, Any]] | None:
        """The literal arguments, or None after reporting what is not literal or not expected."""
        if self.call is None:
            self.bad("needs an argument", hint)
            return None
        unknown = [word.arg for word in self.call.keywords if word.arg not in keywords]
        if unknown:
            self.bad(f"does not take `{unknown[0]}=`", hint)
            return None
        try:
            args = [ast.literal_eval(arg) for arg in self.call.args]
            return args, {str(word.arg): ast.literal_eval(word.value) for word in self.call.keywords}
        except ValueError:
            self.bad("takes literal values only: the builder reads them without running the cell", hint)
            return None

    def one(self, fits: Callable[[Any], bool], what: str, hint: str) -> Any:
        """The single positional argument, if it fits."""
        found = self.literals(hint)
        if found is None:
            return None
        if len(found[0]) != 1 or not fits(found[0][0]):
            self.bad(f"takes {what}", hint)
            return None
        return found[0][0]


def _is_positive(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < float("inf")


def _points(reading: _Reading) -> None:
    hint = "write @points(2) or @points(2, bonus=True)"
    found = reading.literals(hint, ("bonus",))
    if found is None:
        return
    args, keywords = found
    if len(args) != 1 or isinstance(args[0], bool) or not isinstance(args[0], int | float) or not 0 <= args[0] < 1e6:
        reading.bad("takes one number from 0 to a million, not " + (", ".join(map(repr, args)) or "nothing"), hint)
    elif not isinstance(keywords.get("bonus", False), bool):
        reading.bad("takes bonus=True or bonus=False", hint)
    else:
        reading.marks.points, reading.marks.bonus = float(args[0]), keywords.get("bonus", False)


def _flag(reading: _Reading) -> None:
    if reading.call is not None:
        reading.bad("takes no arguments", f"write @{reading.name}, without brackets")
    setattr(reading.marks, reading.name, True)


def _timeout(reading: _Reading) -> None:
    reading.marks.timeout = reading.one(_is_positive, "a positive number of CPU seconds", "write @timeout(5)")


def _void(reading: _Reading) -> None:
    hint = 'write @void("the statement was ambiguous")'
    reading.marks.void = reading.one(
        lambda value: isinstance(value, str) and value.strip() != "", "the reason, as text", hint
    )


def _visibility(reading: _Reading) -> None:
    hint = f"choose one of {', '.join(VISIBILITIES)}"
    if reading.call and reading.call.args and getattr(reading.call.args[0], "value", None) == "hidden":
        hint = 'write "after_published": one row that Gradescope hides would hide every total'
    reading.marks.visibility = reading.one(lambda value: value in VISIBILITIES, "a visibility of Gradescope", hint)


def _cases(reading: _Reading) -> None:
    """The values may be any expressions; only their number is needed here."""
    hint = 'write @cases("n", 1, 2) or @cases("n, k", (1, 2), (3, 4))'
    args = reading.call.args if reading.call else []
    if len(args) < 2 or not isinstance(args[0], ast.Constant) or not isinstance(args[0].value, str):
        reading.bad("takes argument names, then at least one value", hint)
        return
    names = [name.strip() for name in args[0].value.split(",") if name.strip()]
    bad = [name for name in names if not name.isidentifier()]
    if bad or not names or any(isinstance(value, ast.Starred) for value in args):
        reading.bad("takes argument names, then the values one by one", hint)
        return
    for value in args[1:]:
        if len(names) > 1 and isinstance(value, ast.Tuple | ast.List) and len(value.elts) != len(names):
            reading.bad(f"names {len(names)} arguments, but {ast.unparse(value)} holds {len(value.elts)}", hint)
    reading.marks.cases *= len(args) - 1
    reading.marks.case_names += names


_READERS: dict[str, Callable[[_Reading], None]] = {
    "points": _points, "cases": _cases, "timeout": _timeout, "visibility": _visibility, "void": _void,
    "core": _flag, "heavy": _flag, "float32": _flag, "probe": _flag,
}  # fmt: skip
