"""What kind of thing a top-level statement is, judged from its syntax alone."""

from __future__ import annotations

import ast
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_LIGHT_CALLS = _words(
    """
    device dict list tuple set int float bool str range len Path partial namedtuple defaultdict OrderedDict
    Counter TypeVar NewType getLogger is_available tensor array zeros ones eye linspace arange sqrt log exp
    compile cuda default_rng manual_seed Generator get_default_dtype SimpleNamespace Namespace join abspath
    getcwd min max round abs Compose ToTensor Normalize Resize Lambda MSELoss CrossEntropyLoss BCELoss
    BCEWithLogitsLoss lru_cache cache no_grad jit vmap full
    """
)
_SETUP_CALLS = _words(
    """
    manual_seed manual_seed_all seed set_default_dtype set_float32_matmul_precision use_deterministic_algorithms
    filterwarnings
    """
)
_MUTATORS = _words(
    """
    append extend update add insert setdefault remove pop clear sort reverse discard popitem fill apply eval
    train manual_seed register_buffer register_parameter add_module add_argument load_state_dict appendleft
    """
)
_WRAPPERS = _words("compile jit script vmap grad trace")
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_TYPE_ALIAS = getattr(ast, "TypeAlias", ())  # Python 3.12


def walk(node: ast.AST) -> Iterator[ast.AST]:
    """`node` and everything below it, like `ast.walk` in another order and in half the time."""
    stack = [node]
    while stack:
        item = stack.pop()
        yield item
        for value in item.__dict__.values():
            if isinstance(value, list):
                stack += [x for x in value if isinstance(x, ast.AST)]
            elif isinstance(value, ast.AST) and not isinstance(value, ast.expr_context):
                stack.append(value)


def bound_names(node: ast.stmt) -> frozenset[str]:
    """The names a statement binds in its own scope; targets of comprehensions are not among them."""
    names: set[str] = set()
    stack: list[ast.AST] = [node]
    while stack:
        item = stack.pop()
        if isinstance(item, DEFINITIONS):
            names.add(item.name)
        elif isinstance(item, _COMPREHENSIONS):
            names |= {x.target.id for x in walk(item) if isinstance(x, ast.NamedExpr)}
        elif isinstance(item, ast.Name):
            if not isinstance(item.ctx, ast.Load):
                names.add(item.id)
        elif isinstance(item, ast.alias):
            names.add(item.asname or item.name.partition(".")[0])
        elif not isinstance(item, ast.Lambda):
            names |= {x for x in (getattr(item, "rest", None), _captured(item)) if x}
            stack.extend(ast.iter_child_nodes(item))
    return frozenset(names)


def comprehension_targets(node: ast.AST) -> frozenset[str]:
    """The variables of a statement's comprehensions, which newer symbol tables show in the outer scope."""
    if isinstance(node, DEFINITIONS):
        return frozenset()  # theirs are shown in a scope of their own
    targets = [x.target for x in walk(node) if isinstance(x, ast.comprehension)]
    return frozenset(x.id for target in targets for x in walk(target) if isinstance(x, ast.Name))


def loop_variables(node: ast.stmt) -> frozenset[str]:
    """Names that a statement binds only as the variable of a `for` loop."""
    if isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Expr)):
        return frozenset()
    targets = [x.target for x in walk(node) if isinstance(x, (ast.For, ast.AsyncFor))]
    looped = {x.id for target in targets for x in walk(target) if isinstance(x, ast.Name)}
    if not looped:
        return frozenset()
    stored = Counter(x.id for x in walk(node) if isinstance(x, ast.Name) and isinstance(x.ctx, ast.Store))
    return frozenset(name for name in looped if stored[name] == 1)


def _captured(item: ast.AST) -> str | None:
    return item.name if isinstance(item, (ast.MatchAs, ast.MatchStar)) else None


def is_alias(statement: ast.stmt, name: str, callables: set[str]) -> bool:
    """Whether an assignment gives `name` another function (`f = g`, `f = partial(g, 1)`, a lambda, `f = timed(f)`)."""
    if not isinstance(statement, ast.Assign | ast.AnnAssign) or statement.value is None:
        return False
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    named = {target.id for target in targets if isinstance(target, ast.Name)}
    return name in named and _is_callable_value(statement.value, callables)


def called_names(node: ast.AST) -> set[str]:
    """Names that are called as functions anywhere in `node`."""
    return {x.func.id for x in walk(node) if isinstance(x, ast.Call) and isinstance(x.func, ast.Name)}


def kind_of(node: ast.stmt) -> str:
    """import, def, light, heavy, setup or drop; see `autograder.statements`."""
    if isinstance(node, DEFINITIONS):
        return "def"
    if isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign)):
        return "light" if node.value is None or _is_light(node.value) else "heavy"
    if isinstance(node, ast.Expr):
        return _expression_kind(node.value)
    if isinstance(node, (ast.If, ast.Try)):
        return "light" if all(kind_of(part) in ("def", "light", "import") for part in _parts(node)) else "heavy"
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return "import"
    if isinstance(node, ast.Pass) or (_TYPE_ALIAS and isinstance(node, _TYPE_ALIAS)):
        return "light"
    return "drop" if isinstance(node, (ast.Return, ast.Raise, ast.Assert, ast.Delete)) else "heavy"


def _expression_kind(value: ast.expr) -> str:
    if isinstance(value, ast.Call) and _tail(value.func) in _SETUP_CALLS and all(_is_light(a) for a in value.args):
        return "setup"
    if isinstance(value, ast.Call) and _is_mutator(value.func):
        return "heavy"
    return "heavy" if any(isinstance(x, ast.NamedExpr) for x in walk(value)) else "drop"


def _parts(node: ast.If | ast.Try) -> list[ast.stmt]:
    parts = node.body + node.orelse
    if isinstance(node, ast.Try):
        parts = parts + node.finalbody + [x for handler in node.handlers for x in handler.body]
    return [x for x in parts if not isinstance(x, ast.Pass)]


def _is_light(value: ast.expr) -> bool:
    for node in walk(value):
        if isinstance(node, ast.Call) and _tail(node.func) not in _LIGHT_CALLS:
            return False
        if isinstance(node, (ast.Await, *_COMPREHENSIONS)):
            return False
    return True


def _is_callable_value(value: ast.expr, callables: set[str]) -> bool:
    if isinstance(value, ast.Lambda):
        return True
    if isinstance(value, ast.Name):
        return value.id in callables
    if isinstance(value, ast.Attribute):
        return _base(value) in callables
    if isinstance(value, ast.IfExp):
        return _is_callable_value(value.body, callables) and _is_callable_value(value.orelse, callables)
    if not isinstance(value, ast.Call):
        return False
    names_function = any(
        isinstance(a, ast.Lambda) or (isinstance(a, ast.Name) and a.id in callables) for a in value.args
    )
    return _tail(value.func) == "partial" or (
        names_function and (len(value.args) == 1 or _tail(value.func) in _WRAPPERS)
    )


def changed_names(node: ast.AST) -> Iterator[str]:
    """Names whose objects `node` changes in place (`x[0] = 1`, `x.append(1)`, `Cls.method = f`)."""
    for x in walk(node):
        base = None
        if isinstance(x, (ast.Attribute, ast.Subscript)) and isinstance(x.ctx, ast.Store):
            base = _base(x)
        elif isinstance(x, ast.Call) and _is_mutator(x.func):
            base = _base(x.func)
        if base:
            yield base


def _is_mutator(function: ast.expr) -> bool:
    if not isinstance(function, ast.Attribute) or _base(function) is None:
        return False
    return function.attr in _MUTATORS or (function.attr.endswith("_") and not function.attr.startswith("_"))


def _base(node: ast.expr) -> str | None:
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def _tail(function: ast.expr) -> str:
    return (
        function.attr if isinstance(function, ast.Attribute) else function.id if isinstance(function, ast.Name) else ""
    )
