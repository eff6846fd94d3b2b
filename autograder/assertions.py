"""Assertions whose text a student may read: which law broke and where, never a value that the test expected."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch

MOST_ELEMENTS = 30  # of a finite-difference check: it costs two calls of the student's function for each


class LawViolation(AssertionError):  # noqa: N818  (a law is violated; an -Error would say no more)
    """A law that the student's answer breaks. The text is meant for students; `kind` names the family.

    Kinds: "law", "shape", "dtype", "not_finite", "type", "inputs", "gradient".
    """

    def __init__(self, message: str, *, kind: str = "law") -> None:
        super().__init__(message)
        self.kind = kind


def _said(message: str | None, detail: str) -> str:
    return f"{message.rstrip('. :')}: {detail}" if message else detail


def _shape(tensor: torch.Tensor) -> str:
    return str(tuple(tensor.shape))


def _kind_of(value: object) -> str:
    return "None" if value is None else f"a value of type {type(value).__name__}"


def _as_tensor(value: object) -> torch.Tensor | None:
    """A detached CPU tensor for tensors, numbers and numpy arrays, else None."""
    if isinstance(value, torch.Tensor):
        return value.detach().cpu()
    if isinstance(value, (bool, int, float, complex)):
        return torch.tensor(value, dtype=torch.float64 if isinstance(value, float) else None)
    if type(value).__module__ == "numpy":
        with contextlib.suppress(TypeError, ValueError):
            return torch.as_tensor(value)
    return None


def _close_trees(actual: Any, expected: Any, message: str | None, how: Mapping[str, float]) -> None:
    if isinstance(expected, Mapping):
        if not isinstance(actual, Mapping) or set(actual) != set(expected):
            raise LawViolation(_said(message, f"expected a mapping with {len(expected)} keys"), kind="type")
        pairs = [(actual[key], expected[key]) for key in expected]
    else:
        if not isinstance(actual, (tuple, list)):
            raise LawViolation(_said(message, f"expected {len(expected)} values, got {_kind_of(actual)}"), kind="type")
        if len(actual) != len(expected):
            raise LawViolation(_said(message, f"expected {len(expected)} values, got {len(actual)}"), kind="shape")
        pairs = list(zip(actual, expected, strict=True))
    for got, want in pairs:
        assert_close(got, want, message, **how)


def assert_close(
    actual: Any, expected: Any, message: str | None = None, *, rtol: float = 1e-5, atol: float = 1e-6
) -> None:
    """`actual` equals `expected` up to `rtol * |expected| + atol`, entry by entry, with the same shape and dtype.

    Tensors, numbers, numpy arrays, and lists, tuples or dicts of them. Equal infinities are equal; NaN never is.
    Raises LawViolation, whose text gives both shapes or dtypes, or how many entries differ, and never a value.
    `message` is the law in words and opens the text. Needs no `torch.testing`, whose import costs 0.4 s.
    """
    if isinstance(expected, (Mapping, tuple, list)):
        _close_trees(actual, expected, message, {"rtol": rtol, "atol": atol})
        return
    want, got = _as_tensor(expected), _as_tensor(actual)
    if want is None:
        raise TypeError(f"assert_close cannot compare with {_kind_of(expected)}")
    if got is None:
        raise LawViolation(_said(message, f"expected a tensor, got {_kind_of(actual)}"), kind="type")
    if got.shape != want.shape:
        raise LawViolation(_said(message, f"expected shape {_shape(want)}, got {_shape(got)}"), kind="shape")
    both = isinstance(actual, torch.Tensor) and isinstance(expected, torch.Tensor)
    if both and got.dtype != want.dtype:
        raise LawViolation(_said(message, f"expected {want.dtype}, got {got.dtype}"), kind="dtype")
    _compare(got, want, message, rtol, atol)


def _compare(got: torch.Tensor, want: torch.Tensor, message: str | None, rtol: float, atol: float) -> None:
    wide = torch.complex128 if got.is_complex() or want.is_complex() else torch.float64
    got, want, total = got.to(wide), want.to(wide), got.numel()
    nans, infinite = int(got.isnan().sum()), int((got.isinf() & ~want.isinf()).sum())
    if nans:
        raise LawViolation(_said(message, _count(nans, total, "NaN")), kind="not_finite")
    if infinite:
        raise LawViolation(_said(message, _count(infinite, total, "infinite")), kind="not_finite")
    same = (got == want) | ((got - want).abs() <= atol + rtol * want.abs().nan_to_num(posinf=0.0))
    wrong = total - int(same.sum())
    if wrong:
        detail = "the value is not right" if total == 1 else f"{wrong} of {total} entries differ"
        raise LawViolation(_said(message, detail))


def _count(some: int, total: int, what: str) -> str:
    return f"the value is {what}" if total == 1 else f"{some} of {total} entries are {what}"


def _leaves(value: Any, label: str) -> Iterator[tuple[str, torch.Tensor]]:
    """The tensors inside tuples, lists and dicts, in order, each with the label of the argument it came in."""
    if isinstance(value, torch.Tensor):
        yield label, value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _leaves(inner, label)
    elif isinstance(value, (tuple, list)):
        for inner in value:
            yield from _leaves(inner, label)


def assert_finite(value: Any, message: str | None = None) -> None:
    """Every number in `value` (tensors, numbers, lists, tuples, dicts of them) is finite; LawViolation otherwise."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, (tuple, list)):
        for inner in value:
            assert_finite(inner, message)
        return
    tensor = _as_tensor(value)
    if tensor is None:
        raise LawViolation(_said(message, f"expected a tensor, got {_kind_of(value)}"), kind="type")
    for what, mask in (("NaN", tensor.isnan()), ("infinite", tensor.isinf())):
        if int(mask.sum()):
            raise LawViolation(_said(message, _count(int(mask.sum()), tensor.numel(), what)), kind="not_finite")


def _bits_equal(a: torch.Tensor, b: torch.Tensor) -> bool:
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    return bool(((a == b) | (a.isnan() & b.isnan())).all())


def _labelled(args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return [*((f"argument {i}", v) for i, v in enumerate(args, 1)), *((f"argument {k}", v) for k, v in kwargs.items())]


def _sent(value: Any, label: str) -> Iterator[tuple[Any, str | None]]:
    """What of an argument travels to a worker as a tensor, in order; the label is None where an edit means nothing.

    Raises LookupError for what travels in parts that cannot be told apart from here: networks and callables.
    """
    if isinstance(value, torch.Tensor) and not isinstance(value, torch.nn.Parameter):
        yield value, label
    elif isinstance(value, torch.Generator):
        yield value, None
    elif type(value).__module__ == "numpy":
        yield value, label
    elif isinstance(value, (bytes, bytearray)):
        yield value, None
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _sent(inner, label)
    elif isinstance(value, (tuple, list)):
        for inner in value:
            yield from _sent(inner, label)
    elif callable(value) or not isinstance(value, (str, int, float, complex, type(None), torch.dtype, torch.device)):
        raise LookupError(label)


def _reported(fn: Callable[..., Any], arguments: list[tuple[str, Any]]) -> str | None:
    """The argument that a worker says it edited, if any: it cannot edit the tensors here, so it reports."""
    edited = getattr(fn, "__edited__", None)
    if not edited:
        return None
    try:
        sent = {id(value): label for name, inner in arguments for value, label in _sent(inner, name)}
    except LookupError:
        return None  # the numbers cannot be read; a missed edit is better than an invented one
    labels = list(sent.values())
    return next((labels[i] for i in sorted(edited) if i < len(labels) and labels[i]), None)


def assert_inputs_unchanged(fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call `fn` and return its result; LawViolation names the argument in which a tensor was edited in place."""
    arguments = _labelled(args, kwargs)
    tensors = [leaf for label, value in arguments for leaf in _leaves(value, label)]
    before = [tensor.detach().clone() for _, tensor in tensors]
    result = fn(*args, **kwargs)
    moved = (label for (label, new), old in zip(tensors, before, strict=True) if not _bits_equal(new.detach(), old))
    label = next(moved, None) or _reported(fn, arguments)
    if label is not None:
        raise LawViolation(f"{label} was changed in place: a function should leave its inputs alone", kind="inputs")
    return result


def _scalar(output: Any) -> torch.Tensor:
    """A fixed weighted sum of all floating-point tensors in `output`, so that one gradient checks every entry."""
    parts = [t for _, t in _leaves(output, "output") if t.is_floating_point()]
    if not parts:
        raise LawViolation(f"expected a tensor to differentiate, got {_kind_of(output)}", kind="type")
    total = torch.zeros((), dtype=torch.float64)
    for part in parts:
        weight = 1.0 + 0.5 * torch.cos(torch.arange(part.numel(), dtype=torch.float64) + 1.0)
        total = total + (part.double().cpu().reshape(-1) * weight).sum()
    return total


def assert_gradients_match(
    fn: Callable[..., Any], *inputs: Any, message: str | None = None, eps: float = 1e-5, rtol: float = 1e-4,
    atol: float = 1e-6,
) -> None:  # fmt: skip
    """Autograd's gradient of `fn(*inputs)` equals central finite differences in float64 for every floating-point input.

    Other inputs are passed on untouched. At most 30 elements in all (ValueError otherwise): two calls each.
    Raises LawViolation of kind "gradient" that names the argument, "not_finite" for NaN or infinite gradients.
    """
    tensors = {i: x for i, x in enumerate(inputs) if isinstance(x, torch.Tensor) and x.is_floating_point()}
    moving = {i: x.detach().double() for i, x in tensors.items()}
    count = sum(x.numel() for x in moving.values())
    if not 0 < count <= MOST_ELEMENTS:
        raise ValueError(f"assert_gradients_match wants 1 to {MOST_ELEMENTS} floating-point elements, got {count}")

    def value(changed: Mapping[int, torch.Tensor]) -> torch.Tensor:
        return _scalar(fn(*(changed.get(i, x) for i, x in enumerate(inputs))))

    leaves = {i: x.clone().requires_grad_() for i, x in moving.items()}
    output = value(leaves)
    if not output.requires_grad:
        raise LawViolation(_said(message, "no gradient flows back through the result"), kind="gradient")
    grads = torch.autograd.grad(output, list(leaves.values()), allow_unused=True)
    for (i, x), grad in zip(moving.items(), grads, strict=True):
        numeric = _differences(value, moving, i, eps)
        label = f"argument {i + 1}"
        if grad is None:
            if float(numeric.abs().max()) > atol:
                raise LawViolation(_said(message, f"no gradient reaches {label}"), kind="gradient")
            continue
        assert_finite(grad, _said(message, f"gradient with respect to {label}"))
        wrong = int(((grad.reshape(-1) - numeric).abs() > atol + rtol * numeric.abs()).sum())
        if wrong:
            detail = f"autograd and finite differences disagree in {wrong} of {x.numel()} entries of {label}"
            raise LawViolation(_said(message, detail), kind="gradient")


def _differences(
    value: Callable[..., torch.Tensor], moving: Mapping[int, torch.Tensor], i: int, eps: float
) -> torch.Tensor:
    """Central differences of `value` with respect to every entry of input `i`, flat, float64."""
    out = torch.zeros(moving[i].numel(), dtype=torch.float64)
    for k in range(out.numel()):
        sides = []
        for sign in (1.0, -1.0):
            moved = moving[i].clone().reshape(-1)
            moved[k] += sign * eps
            sides.append(float(value({**moving, i: moved.reshape(moving[i].shape)}).detach()))
        out[k] = (sides[0] - sides[1]) / (2 * eps)
    return out


def error_text(exc: BaseException) -> str:
    """`str(exc)` that cannot fail; for an exception that came over from a worker its own text."""
    text = getattr(exc, "text", None) if hasattr(exc, "type_name") else None
    try:
        return text if isinstance(text, str) else str(exc)
    except Exception:  # noqa: BLE001  (an exception may hold anything)
        return ""


class Raised:
    """What `raises` caught: `value` is the exception once the block has ended."""

    value: BaseException | None = None


def is_stub(exc: BaseException) -> bool:
    """Whether `exc` is what an untouched stub raises: NotImplementedError("Question …")."""
    return isinstance(exc, NotImplementedError) and error_text(exc).startswith("Question ")


@contextlib.contextmanager
def raises(exc: type[BaseException] | tuple[type[BaseException], ...], match: str | None = None) -> Iterator[Raised]:
    """The block raises `exc`, whose text matches the regular expression `match`; LawViolation otherwise.

    Other exceptions pass through, and so does an untouched stub's NotImplementedError, which is a RuntimeError.
    """
    caught, names = Raised(), "/".join(e.__name__ for e in (exc if isinstance(exc, tuple) else (exc,)))
    try:
        yield caught
    except exc as error:
        if is_stub(error) or isinstance(error, LawViolation):
            raise
        caught.value = error
        if match is not None and not re.search(match, error_text(error)):
            raise LawViolation(f"the {names} it raises does not say what it should") from None
        return
    raise LawViolation(f"should raise {names}, and nothing was raised")
