"""Mutation operators for tensor code: the slips that train without complaint.

Gradients cut, inputs edited in place, a mean for a sum, noise shared, a mode or a dtype that is always the same,
parameters that no optimiser will find, a schedule that is one step off everywhere at once.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator, Sequence

from starterkit.audit.operators import Edit, Scope, text

MODULES = frozenset({"torch", "F", "nn", "math", "np", "numpy", "self", "functional", "utils", "distributions", "init"})
SWAP: dict[str, tuple[str, ...]] = {
    "sum": ("mean",), "mean": ("sum",), "amax": ("amin",), "max": ("min",), "min": ("max",), "triu": ("tril",),
    "tril": ("triu",), "randn_like": ("rand_like", "zeros_like"), "randn": ("rand", "zeros"), "rand": ("randn",),
    "ones": ("zeros",), "zeros": ("ones",), "zeros_like": ("ones_like",), "ones_like": ("zeros_like",),
    "new_zeros": ("new_ones",), "softplus": ("relu", "logsigmoid"), "logsigmoid": ("softplus",), "sigmoid": ("tanh",),
    "tanh": ("sigmoid",), "log_softmax": ("softmax",), "softmax": ("log_softmax",), "cumprod": ("cumsum",),
    "cumsum": ("cumprod",), "train": ("eval",), "eval": ("train",), "log": ("log1p", "log2"), "exp": ("expm1",),
    "expm1": ("exp",), "logsumexp": ("sum",), "sqrt": ("square",), "square": ("sqrt",), "bernoulli": ("round",),
    "stack": ("cat",), "cat": ("stack",), "argmax": ("argmin",), "argmin": ("argmax",), "var": ("std",),
    "std": ("var",), "logaddexp": ("maximum",), "ReLU": ("Identity",), "Tanh": ("Identity",), "ModuleList": ("list",),
    "binary_cross_entropy_with_logits": ("binary_cross_entropy",), "unsqueeze": ("squeeze",), "gt": ("lt",),
    "binary_cross_entropy": ("binary_cross_entropy_with_logits",), "floor": ("ceil",), "ceil": ("floor",),
}  # fmt: skip
DROPPED = frozenset({
    "exp", "log", "sqrt", "square", "sigmoid", "tanh", "softplus", "detach", "clamp", "clamp_min", "clamp_max", "abs",
    "item", "flatten", "view", "reshape", "unsqueeze", "squeeze", "float", "double", "long", "to", "contiguous",
    "softmax", "log_softmax", "clone", "bernoulli", "neg", "cumprod", "cumsum", "flip", "expand", "expand_as", "t",
    "round", "expm1", "log1p", "logsigmoid", "requires_grad_", "min", "max", "bool", "int",
})  # fmt: skip
_ODD = frozenset({"exp", "expm1", "softplus", "sigmoid", "log_softmax", "logsigmoid", "tanh", "softmax", "logit"})
_PLAIN = frozenset({  # calls whose result is no tensor with a gradient
    "detach", "item", "size", "dim", "numel", "range", "len", "train", "eval", "backward", "step", "zero_grad", "zip",
    "parameters", "named_parameters", "print", "isinstance", "float", "int", "bool", "str", "list", "tuple",
    "enumerate",
    "super", "map", "reduce", "gt", "lt", "ge", "le", "eq", "argmax", "argmin", "manual_seed", "numpy", "tolist",
    "Linear", "Sequential", "ReLU", "Tanh", "ELU", "Parameter", "Normal", "Categorical", "Independent", "Bernoulli",
    "MixtureSameFamily", "AffineTransform", "chunk", "split", "unbind", "items", "keys", "values", "append", "encode",
    "zeros", "ones", "zeros_like", "ones_like", "arange", "linspace", "eye", "full", "randn", "rand", "randn_like",
    "rand_like", "new_zeros", "new_ones", "full_like", "min", "max", "abs",
})  # fmt: skip
_WITH_AXIS = frozenset({
    "sum", "mean", "logsumexp", "softmax", "log_softmax", "cumsum", "cumprod", "unsqueeze", "squeeze", "chunk", "cat",
    "stack", "max", "min", "amax", "amin", "var", "std", "flip", "unbind", "prod",
})  # fmt: skip
_MATHS = frozenset({"math", "np", "numpy"})


def expression(node: ast.AST, scope: Scope) -> Iterator[Edit]:
    """Yield the changes of one expression that tensor code suggests."""
    if isinstance(node, ast.Call):
        yield from _call(node)
    elif isinstance(node, ast.BinOp):
        yield from _in_place(node, scope)


def statement(node: ast.AST) -> Iterator[Edit]:
    """Yield the changes of one statement that tensor code suggests."""
    if isinstance(node, ast.With):
        for item in node.items:
            if "no_grad" in ast.unparse(item.context_expr) or "inference_mode" in ast.unparse(item.context_expr):
                yield "drop-no-grad", item.context_expr, "torch.enable_grad()"
    elif isinstance(node, ast.Return) and node.value is not None:
        yield from _returned(node.value)
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        yield from _buffer(node, node.value)


def definition(node: ast.FunctionDef | ast.ClassDef) -> Iterator[Edit]:
    """Yield the changes of a whole definition: its decorators."""
    for decorator in node.decorator_list:
        if "no_grad" in ast.unparse(decorator) or "inference_mode" in ast.unparse(decorator):
            yield "drop-no-grad", decorator, "torch.enable_grad()"


def schedules(
    functions: Sequence[tuple[ast.FunctionDef, Sequence[ast.AST]]],
) -> Iterator[tuple[str, list[ast.Subscript]]]:
    """Yield ("+ 1" or "- 1", places): one table, indexed by name in two functions or more, shifted in all of them."""
    places: dict[tuple[str, str], list[tuple[str, ast.Subscript]]] = {}
    for function, nodes in functions:
        for node in nodes:
            if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Name) and isinstance(node.ctx, ast.Load):
                key = ast.unparse(node.value), node.slice.id
                places.setdefault(key, []).append((function.name, node))
    for found in places.values():
        if len({name for name, _ in found}) > 1:
            for shift in ("+ 1", "- 1"):
                yield shift, [node for _, node in found]


def called(node: ast.Call) -> str:
    """Return the last part of the name that is called, "" if it has none."""
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _of_module(node: ast.Call) -> bool:
    """Whether a library's function is called, whose first argument is the operand; else it is a method's owner."""
    function = node.func
    root: ast.expr = function
    while isinstance(root, ast.Attribute):
        root = root.value
    return isinstance(function, ast.Name) or (isinstance(root, ast.Name) and root.id in MODULES - {"self"})


def _renamed(node: ast.Call, name: str) -> ast.Call:
    changed = copy.deepcopy(node)
    if name == "list":
        changed.func = ast.Name("list", ast.Load())
    elif isinstance(changed.func, ast.Attribute):
        changed.func.attr = name
    else:
        changed.func = ast.Name(name, ast.Load())
    return changed


def _call(node: ast.Call) -> Iterator[Edit]:
    name, library = called(node), _of_module(node)
    function = node.func
    for other in SWAP.get(name, ()):
        if isinstance(function, ast.Attribute) or other == "list":
            yield "other-function", node, text(_renamed(node, other))
    if name in DROPPED or name == "Parameter":
        if library and node.args:
            yield "drop-call", node, text(node.args[0])
        elif isinstance(function, ast.Attribute) and not library:
            yield "drop-call", node, text(function.value)
    yield from _negated(node, name, library)
    yield from _axes(node, name, library)
    if name == "randn_like" and node.args:
        like = ast.unparse(node.args[0])
        yield "shared-noise", node, f"torch.randn_like({like}[:1]).expand_as({like})"
        yield "shared-noise", node, f"torch.randn_like({like}[..., :1]).expand_as({like})"
    if name not in _PLAIN and not _starts_with(function, _MATHS):
        yield "detach", node, f"{text(node)}.detach()"


def _negated(node: ast.Call, name: str, library: bool) -> Iterator[Edit]:
    function = node.func
    if name in _ODD and library and node.args:
        changed = ast.Call(node.func, [ast.UnaryOp(ast.USub(), node.args[0]), *node.args[1:]], node.keywords)
        yield "negate-argument", node, text(changed)
    elif name in _ODD and isinstance(function, ast.Attribute):
        negated = ast.Attribute(ast.UnaryOp(ast.USub(), function.value), name, ast.Load())
        yield "negate-argument", node, text(ast.Call(negated, node.args, node.keywords))


def _starts_with(function: ast.expr, roots: frozenset[str]) -> bool:
    while isinstance(function, ast.Attribute):
        function = function.value
    return isinstance(function, ast.Name) and function.id in roots


def _axes(node: ast.Call, name: str, library: bool) -> Iterator[Edit]:
    """Another axis: the `dim=` of a call, or the number where a reduction takes one."""
    if name not in _WITH_AXIS:
        return
    places = [keyword.value for keyword in node.keywords if keyword.arg in {"dim", "axis"}]
    places += node.args[1:] if library else node.args[: name != "chunk"]
    for place in places:
        value = _number(place)
        if value is not None:
            for other in {0: (-1,), -1: (0, -2), 1: (0, -1), -2: (-1, 0)}.get(value, (0,)):
                yield "axis", place, str(other)
    if name in {"sum", "mean", "logsumexp", "max", "min", "var", "std"} and places and name not in {"max", "min"}:
        kept = [keyword for keyword in node.keywords if keyword.arg != "keepdim"]
        flipped = [*kept, ast.keyword("keepdim", ast.Constant(len(kept) == len(node.keywords)))]
        yield "keepdim", node, text(ast.Call(node.func, node.args, flipped))
    if name in {"var", "std"} and not any(k.arg in {"unbiased", "correction"} for k in node.keywords):
        without = ast.keyword("correction", ast.Constant(0))
        yield "bessel", node, text(ast.Call(node.func, node.args, [*node.keywords, without]))


def _number(node: ast.expr) -> int | None:
    try:
        value = ast.literal_eval(node)
    except ValueError:
        return None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _in_place(node: ast.BinOp, scope: Scope) -> Iterator[Edit]:
    methods = {ast.Add: "add_", ast.Sub: "sub_", ast.Mult: "mul_", ast.Div: "div_"}
    method = methods.get(type(node.op))
    sides = [(node.left, node.right)]
    if isinstance(node.op, ast.Add | ast.Mult):
        sides.append((node.right, node.left))
    for target, other in sides:
        if method and isinstance(target, ast.Name) and target.id in scope.parameters:
            yield "in-place", node, f"{target.id}.{method}({ast.unparse(other)})"


def _returned(value: ast.expr) -> Iterator[Edit]:
    """A result of a fixed dtype; for pairs and dicts, of their first entry."""
    inner: ast.expr | None = value
    if isinstance(value, ast.Tuple | ast.List):
        inner = value.elts[0] if value.elts else None
    elif isinstance(value, ast.Dict):
        inner = value.values[0] if value.values else None
    plain = isinstance(inner, ast.Constant) or (isinstance(inner, ast.Call) and called(inner) in {"int", "float"})
    if inner is None or plain:
        return
    for method in ("double", "float"):
        yield "fixed-dtype", inner, f"{text(inner)}.{method}()"


def _buffer(node: ast.Expr, call: ast.Call) -> Iterator[Edit]:
    first = call.args[0] if called(call) == "register_buffer" and len(call.args) >= 2 else None
    if isinstance(first, ast.Constant) and isinstance(first.value, str):
        name, value = first.value, ast.unparse(call.args[1])
        yield "buffer", node, f"self.{name} = {value}"
        yield "buffer", node, f"self.{name} = torch.nn.Parameter({value})"
        if not any(keyword.arg == "persistent" for keyword in call.keywords):
            changed = ast.Call(call.func, call.args, [*call.keywords, ast.keyword("persistent", ast.Constant(False))])
            yield "buffer", node, ast.unparse(ast.fix_missing_locations(changed))
