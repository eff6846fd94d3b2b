"""Assertions whose text a student may read: which law broke and where, never a value that the test expected."""

from __future__ import annotations

import contextlib
import dataclasses
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from autograder.edits import edits_watched

MOST_ELEMENTS = 30  # of a finite-difference check: it costs two calls of the student's function for each
MOST_NESTED = 8  # containers in containers that are looked through for tensors


class LawViolation(AssertionError):  # noqa: N818  (a law is violated; an -Error would say no more)
    """A law that the student's answer breaks. The text is meant for students; `kind` names the family.

    Kinds: "law", "shape", "dtype", "not_finite", "type", "inputs", "gradient".
    """

    def __init__(self, message: str, *, kind: str = "law") -> None:
        super().__init__(message)
        self.kind = kind


def _said(message: str | None, detail: str) -> str:
    return f"{message.rstrip('. :')}: {detail}" if message else detail


def _kind_of(value: object) -> str:
    """`a value of type dict`. A type of their own is not named: its name could carry a hidden test's inputs out."""
    if value is None:
        return "None"
    known = type(value).__module__.partition(".")[0] in {"builtins", "numpy", "torch"}
    return f"a value of type {type(value).__name__}" if known else "a value of another type"


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
        raise LawViolation(_said(message, f"expected shape {tuple(want.shape)}, got {tuple(got.shape)}"), kind="shape")
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


def _parts(value: Any, label: str, depth: int = 0) -> Iterator[tuple[str, Any]]:
    """The tensors and NumPy arrays of an argument, wherever in it they are, each with the argument's label."""
    if isinstance(value, (torch.Tensor, np.ndarray)):
        yield label, value
        return
    inner: Any = ()
    if isinstance(value, Mapping):
        inner = value.values()
    elif isinstance(value, (tuple, list, set, frozenset)):
        inner = value
    elif dataclasses.is_dataclass(value) or isinstance(value, torch.distributions.Distribution):
        inner = vars(value).values()
    for part in inner if depth < MOST_NESTED else ():
        yield from _parts(part, label, depth + 1)


def _frozen(value: Any) -> torch.Tensor:
    """A copy of a tensor or an array, to compare with later."""
    return (value.detach() if isinstance(value, torch.Tensor) else torch.from_numpy(np.array(value))).clone()


def _span(tensor: torch.Tensor) -> range:
    """The addresses between which a tensor's entries lie."""
    start = tensor.data_ptr()
    last = sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.stride(), strict=True))
    return range(start, start + (last + 1) * tensor.element_size() if tensor.numel() else start)


def _overlap(a: Any, b: Any) -> bool:
    if isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor):
        one, other = _span(a), _span(b)
        return max(one.start, other.start) < min(one.stop, other.stop)
    return isinstance(a, np.ndarray) and isinstance(b, np.ndarray) and bool(np.may_share_memory(a, b))


def _reported(seen: list[Any], parts: list[tuple[str, Any]]) -> str | None:
    """The argument in which an object lies that student code, by its side's report, changed in place, if any."""
    same = (label for changed in seen for label, part in parts if part is changed)
    views = (label for changed in seen for label, part in parts if _overlap(part, changed))
    return next(same, None) or next(views, None)


def assert_inputs_unchanged(fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call `fn` and return its result; LawViolation names the argument in which a tensor was edited in place."""
    parts = [part for label, value in _labelled(args, kwargs) for part in _parts(value, label)]
    plain = [(label, part) for label, part in parts if isinstance(part, torch.Tensor) or part.dtype.kind in "biufc"]
    before = [_frozen(part) for _, part in plain]
    with edits_watched() as seen:
        result = fn(*args, **kwargs)
    moved = (label for (label, part), old in zip(plain, before, strict=True) if not _bits_equal(_frozen(part), old))
    label = next(moved, None) or _reported(seen, parts)
    if label is not None:
        raise LawViolation(f"{label} was changed in place: a function should leave its inputs alone", kind="inputs")
    return result


def _scalar(output: Any) -> torch.Tensor:
    """A fixed weighted sum of all floating-point tensors in `output`, so that one gradient checks every entry."""
    parts = [t for _, t in _parts(output, "output") if isinstance(t, torch.Tensor) and t.is_floating_point()]
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
        assert_finite(numeric, _said(message, f"finite differences with respect to {label}"))
        if grad is None:
            if float(numeric.abs().max()) > atol:
                raise LawViolation(_said(message, f"no gradient reaches {label}"), kind="gradient")
            continue
        assert_finite(grad, _said(message, f"gradient with respect to {label}"))
        wrong = _disagreeing(grad.reshape(-1), numeric, rtol, atol)
        if wrong:
            detail = f"autograd and finite differences disagree in {wrong} of {x.numel()} entries of {label}"
            raise LawViolation(_said(message, detail), kind="gradient")


def _disagreeing(got: torch.Tensor, want: torch.Tensor, rtol: float, atol: float) -> int:
    return int(((got - want).abs() > atol + rtol * want.abs()).sum())


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
