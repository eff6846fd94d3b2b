"""hwkit: checks, devices, checkpoints, training, figures and hand-in for this homework.

HW3, Exact and adversarial: flows, GANs and how to judge samples. Release 1.

You need not read or change this file: Gradescope uses its own copy. The functions to call are listed in `__all__`. The
assertions and the extraction of your functions are the grader's own code, so a check here and there says the same.
"""

from __future__ import annotations

import importlib.util
import sys

if sys.version_info < (3, 10):
    raise ImportError("hwkit needs Python 3.10 or newer. In Colab: Runtime > Change runtime type > Python 3.")
if importlib.util.find_spec("torch") is None:
    raise ImportError(
        "PyTorch is not installed here. In Colab: Runtime > Change runtime type > Python 3. "
        "On your own computer: pip install -r requirements.txt, with the Python that runs this notebook."
    )

import ast
import builtins
import contextlib
import copy
import dataclasses
import difflib
import hashlib
import inspect
import io
import itertools
import json
import math
import numpy as np
import numpy.typing as npt
import os
import platform
import random
import re
import shutil
import signal
import symtable
import threading
import time
import torch
import traceback
import warnings
import zipfile
import zlib
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple, NoReturn, TypeVar


__all__ = [
    "CheckFailed",
    "Checkpointer",
    "KitError",
    "LawViolation",
    "Rng",
    "assert_cdf",
    "assert_close",
    "assert_finite",
    "assert_gradients_match",
    "assert_independent",
    "assert_inputs_unchanged",
    "assert_integrates_to_one",
    "assert_mean_close",
    "assert_p_value",
    "assert_probs",
    "assert_same_distribution",
    "assert_var_close",
    "budget",
    "cases",
    "check",
    "core",
    "device",
    "fit",
    "float32",
    "heavy",
    "in_colab",
    "make_figures_pdf",
    "one_step_cpu_check",
    "plot_style",
    "points",
    "preset",
    "probe",
    "raises",
    "run_test",
    "savefig",
    "set_budget",
    "set_seed",
    "start",
    "storage",
    "submit",
    "timeout",
    "visibility",
    "void",
]


# ---- edits -------------------------------------------------------------------------------------
# Arguments that student code changed in place: its side cannot write the tensors of the test, so it reports them.

_watchers: list[list[Any]] = []


def note_edits(changed: Iterable[Any]) -> None:
    """Tell everybody who watches that a call changed these objects of the test's (tensors, NumPy arrays)."""
    if _watchers:
        found = list(changed)
        for seen in _watchers:
            seen.extend(found)


@contextlib.contextmanager
def edits_watched() -> Iterator[list[Any]]:
    """The objects that calls made inside the block, by whatever way, changed in place."""
    seen: list[Any] = []
    _watchers.append(seen)
    try:
        yield seen
    finally:
        _watchers[:] = [other for other in _watchers if other is not seen]


# ---- assertions --------------------------------------------------------------------------------
# Assertions whose text a student may read: which law broke and where, never a value that the test expected.

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


# ---- rng ---------------------------------------------------------------------------------------
# The random streams of a test: one generator it draws its inputs from, and the global ones, all from one seed.

_MASK = (1 << 63) - 1


class Rng(torch.Generator):
    """A CPU `torch.Generator` that also draws sizes. Build one with `make_rng(seed)`.

    It lives on the CPU whatever the device of the test, so that a test sees the same inputs everywhere:
    write `torch.randn(b, d, generator=rng).to(device)`.
    """

    def size(self, low: int, high: int) -> int:
        """One integer between `low` and `high`, both included. Raises ValueError for an empty range."""
        if high < low:
            raise ValueError(f"rng.size({low}, {high}): the range is empty")
        return int(torch.randint(low, high + 1, (), generator=self))


def make_rng(seed: int) -> Rng:
    """A fresh `Rng` whose stream is fixed by `seed` (any non-negative int)."""
    rng = Rng()
    rng.manual_seed(seed & _MASK)
    return rng


def seed_everything(seed: int) -> None:
    """Seed torch, numpy and `random`, each unlike `make_rng(seed)`: equal streams would correlate inputs and noise."""
    mixed = (seed * 6364136223846793005 + 1442695040888963407) & _MASK
    if torch.accelerator.is_available():
        torch.manual_seed(mixed)
    else:
        torch.default_generator.manual_seed(mixed)  # torch.manual_seed notes a stack trace for each kind of device
    np.random.seed((seed * 2654435761 + 97) & 0xFFFFFFFF)
    random.seed((seed << 1) | 1)


# ---- specs -------------------------------------------------------------------------------------
# What an author writes above a test: points, cases, limits, visibility; and `@probe`. Only attributes are set.

VISIBILITIES = ("visible", "after_due_date", "after_published")  # never `hidden`: it would hide every total

F = TypeVar("F", bound=Callable[..., Any])


@dataclasses.dataclass(frozen=True, kw_only=True)
class TestSpec:
    """What the decorators said about a test. `cases` holds one mapping of arguments per case, () for a plain test."""

    __test__ = False  # pytest: this is no test class

    points: float = 0.0
    bonus: bool = False
    core: bool = False
    cases: tuple[Mapping[str, object], ...] = ()
    timeout: float | None = None
    heavy: bool = False
    visibility: str | None = None
    void: str | None = None
    float32: bool = False


def spec_of(fn: object) -> TestSpec:
    """The `TestSpec` of a test function; the default one when no decorator touched it."""
    found = getattr(fn, "__hw__", None)
    return found if isinstance(found, TestSpec) else TestSpec()


def _mark(fn: F, **changes: Any) -> F:
    fn.__hw__ = dataclasses.replace(spec_of(fn), **changes)  # type: ignore[attr-defined]
    return fn


def points(n: float, *, bonus: bool = False) -> Callable[[F], F]:
    """The test is worth `n` points; with `bonus=True` on top of the total."""
    if isinstance(n, bool) or not isinstance(n, (int, float)) or not 0 <= n < float("inf"):
        raise ValueError(f"points({n!r}): give a finite number of points, 0 or more")
    return lambda fn: _mark(fn, points=float(n), bonus=bonus)


def core(fn: F) -> F:
    """The test must pass before any other test of its question counts."""
    return _mark(fn, core=True)


def heavy(fn: F) -> F:
    """The test takes more than a moment: it is left out of quick local checks and of the time budget."""
    return _mark(fn, heavy=True)


def float32(fn: F) -> F:
    """The test runs with float32 as the default dtype instead of float64."""
    return _mark(fn, float32=True)


def timeout(cpu_seconds: float) -> Callable[[F], F]:
    """Every call of the student's code in this test may use this many CPU seconds."""
    if not cpu_seconds > 0:
        raise ValueError(f"timeout({cpu_seconds!r}): give a positive number of CPU seconds")
    return lambda fn: _mark(fn, timeout=float(cpu_seconds))


def visibility(word: str) -> Callable[[F], F]:
    """When students see the result: "visible", "after_due_date" or "after_published"."""
    if word not in VISIBILITIES:
        raise ValueError(f"visibility({word!r}): choose one of {', '.join(VISIBILITIES)}")
    return lambda fn: _mark(fn, visibility=word)


def void(reason: str) -> Callable[[F], F]:
    """The test turned out to be wrong: everyone gets its points, and students read why."""
    return lambda fn: _mark(fn, void=str(reason))


def cases(names: str, *values: object) -> Callable[[F], F]:
    """Run the test once per value: `cases("n", 1, 2)`, `cases("n,k", (1, 2), (3, 4))`. Stacked, they multiply."""
    keys = [name.strip() for name in names.split(",") if name.strip()]
    if not keys or not values:
        raise ValueError(f'cases({names!r}, …): give argument names and at least one value, e.g. cases("n", 1, 2)')

    def case(value: object) -> dict[str, object]:
        if len(keys) == 1:
            return {keys[0]: value}
        if not isinstance(value, (tuple, list)) or len(value) != len(keys):
            raise ValueError(f"cases({names!r}, …): {value!r} does not hold {len(keys)} values")
        return dict(zip(keys, value, strict=True))

    mine = tuple(case(value) for value in values)

    def mark(fn: F) -> F:
        inner = spec_of(fn).cases or ({},)
        return _mark(fn, cases=tuple({**a, **b} for a, b in itertools.product(mine, inner)))

    return mark


ProbeRunner = Callable[["Probe", tuple[Any, ...], Mapping[str, Any]], Any]
_probe_runner: list[ProbeRunner] = []  # the grader's; empty elsewhere


class Probe:
    """A function that runs beside the student's code and returns plain values: see `probe`."""

    def __init__(self, fn: Callable[..., Any]) -> None:
        self.fn = fn
        self.__name__ = fn.__name__
        self.__doc__ = fn.__doc__
        self.__wrapped__ = fn

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if _probe_runner:
            return _probe_runner[-1](self, args, kwargs)
        return self.fn(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<probe {self.__name__}>"

    def source(self) -> tuple[str, int]:
        """The `def` without its decorators, dedented, and the line it stands on. Raises OSError without source."""
        lines, first = inspect.getsourcelines(self.fn)
        skip = next(i for i, line in enumerate(lines) if re.match(r"\s*(async\s+)?def\s", line))
        indent = len(lines[skip]) - len(lines[skip].lstrip())
        return "".join(line[indent:] if line.strip() else line for line in lines[skip:]), first + skip


def probe(fn: Callable[..., Any]) -> Probe:
    """Make `fn` a probe. In the grader it runs in the worker, where it sees its arguments, torch, given names and
    the question's names; everywhere else it is an ordinary call. It returns plain values and asserts nothing.
    """
    return Probe(fn)


@contextlib.contextmanager
def probe_runner(runner: ProbeRunner) -> Iterator[None]:
    """While the block runs, probes are handed to `runner(probe, args, kwargs)` (used by the grader)."""
    _probe_runner.append(runner)
    try:
        yield
    finally:
        _probe_runner.pop()


# ---- statistical -------------------------------------------------------------------------------
# Assertions about random results that a correct solution fails with probability at most `alpha`.
#
# Every test here is exact or holds for finite samples: exact Gaussian tails, Chernoff bounds, the inequality of
# Dvoretzky, Kiefer and Wolfowitz with Massart's constant (1990), exact binomial tails, the exact two-sample
# Kolmogorov-Smirnov law. There is no t-test and no chi-squared test: on heavy tails or small cells they are wrong by
# factors of a hundred. Only the standard library and numpy.
#
# Arguments may be tensors or arrays. A failure raises `LawViolation` with a sentence that is safe to show to
# students: what was measured, never what was expected. `observer`, when set, receives (assertion, p-value, alpha)
# each time; the audit checks that these p-values are super-uniform on correct solutions.

Array = npt.NDArray[np.float64]

observer: Callable[[str, float, float], None] | None = None


def assert_mean_close(
    x: Any,
    mean: Any,
    *,
    sd: Any = None,
    bounds: tuple[float, float] | None = None,
    alpha: float = 1e-7,
    message: str | None = None,
) -> None:
    """Draws `x` (n, ...) have expectation `mean`, which broadcasts to the shape after the first axis.

    Give exactly one of `sd` (x is Gaussian with this known standard deviation: exact test) and `bounds` (every draw
    lies in [low, high]: Chernoff-Hoeffding bound, any law). Several columns share alpha by Bonferroni. Raises
    LawViolation.
    """
    if (sd is None) == (bounds is None):
        raise TypeError("assert_mean_close needs either sd= (Gaussian draws) or bounds=(low, high)")
    message = message or "The sample mean is off"
    draws = _draws(x, message)
    n, expected = len(draws), _columns(mean, draws)
    average = draws.mean(axis=0).ravel()
    if bounds is not None:
        low, high = bounds
        if draws.min() < low or draws.max() > high:
            _fail(f"{message}: some draws lie outside [{low:g}, {high:g}]")
        width = high - low
        share = (expected - low) / width
        p = 2 * np.exp(-n * _bernoulli_kl((average - low) / width, share))
        farthest = np.maximum(_bernoulli_kl(np.zeros_like(share), share), _bernoulli_kl(np.ones_like(share), share))
        _enough(n, 2 * p.size * float(np.exp(-n * farthest).min()), alpha, message)
    else:
        z = np.abs(average - expected) * math.sqrt(n) / np.maximum(_columns(sd, draws), 1e-300)
        p = np.array([math.erfc(value / math.sqrt(2)) for value in z])
    worst = int(np.argmin(p))
    _decide("mean", p[worst] * p.size, alpha, message, f"measured {average[worst]:.4g} over {n} draws")


def assert_var_close(x: Any, var: Any, *, mean: Any = None, alpha: float = 1e-7, message: str | None = None) -> None:
    """Gaussian draws `x` (n, ...) have variance `var`, around `mean` if it is known.

    Chernoff bound of the chi-squared tails. The law must be Gaussian; for other laws use assert_cdf.
    """
    message = message or "The sample variance is off"
    draws = _draws(x, message)
    centre = draws.mean(axis=0) if mean is None else np.broadcast_to(_array(mean), draws.shape[1:])
    freedom = len(draws) - (mean is None)
    measured = ((draws - centre) ** 2).sum(axis=0).ravel() / freedom
    ratio = np.maximum(measured / np.maximum(_columns(var, draws), 1e-300), 1e-300)
    p = 2 * np.exp(-freedom / 2 * (ratio - 1 - np.log(ratio)))
    worst = int(np.argmin(p))
    _decide("var", p[worst] * p.size, alpha, message, f"measured {measured[worst]:.4g} over {len(draws)} draws")


def assert_cdf(x: Any, cdf: Callable[[Array], Any], *, alpha: float = 1e-7, message: str | None = None) -> None:
    """Scalar draws `x` (any shape) follow the continuous distribution function `cdf` (vectorised). DKW inequality."""
    message = message or "The draws do not follow the stated distribution"
    draws = np.sort(_draws(x, message).ravel())
    n, levels = draws.size, _array(cdf(draws))
    _enough(n, 2 * math.exp(-2 * n), alpha, message)
    distance = max(float((np.arange(1, n + 1) / n - levels).max()), float((levels - np.arange(n) / n).max()))
    p = 2 * math.exp(-2 * n * distance**2)
    _decide("cdf", p, alpha, message, f"the empirical distribution function is off by {distance:.3f} over {n} draws")


def normal_cdf(mean: float = 0.0, sd: float = 1.0) -> Callable[[Array], Array]:
    """Return the distribution function of N(mean, sd squared), for assert_cdf."""
    return lambda x: np.array([0.5 * math.erfc((mean - value) / (sd * math.sqrt(2))) for value in np.ravel(x)])


def assert_probs(counts: Any, probs: Any, *, alpha: float = 1e-7, message: str | None = None) -> None:
    """`counts` (K,) of K outcomes have probabilities `probs` (K,). Exact binomial test per cell, Bonferroni."""
    message = message or "The frequencies are off"
    seen, q = _array(counts).ravel(), _array(probs).ravel()
    n = max(round(float(seen.sum())), 0)
    _enough(n, 2 * len(q) * float(np.minimum(q, 1 - q).clip(0.0).min()) ** n, alpha, message)
    p = [_binomial_p(round(float(k)), n, float(prob)) for k, prob in zip(seen, q, strict=True)]
    worst = int(np.argmin(p))
    measured = f"outcome {worst} has frequency {seen[worst] / max(n, 1):.4f} over {n} draws"
    _decide("probs", p[worst] * len(p), alpha, message, measured)


def assert_independent(x: Any, y: Any, *, alpha: float = 1e-7, message: str | None = None) -> None:
    """Paired draws `x`, `y` (n,) are independent, whatever their laws.

    Each side, and its distance from its median, is replaced by sorted standard-normal scores in rank order: exactly
    Gaussian, and still independent if the sides were. A correlation r of n such pairs has P(|R| >= r) <= (1 -
    r^2)^((n - 2) / 2), the measure of two spherical caps. Four pairs are compared, so shared scale is caught as
    well as shared sign. Scores and ties use numpy's global generator, which is seeded before every test.
    """
    message = message or "The draws are not independent"
    first, second = _draws(x, message).ravel(), _draws(y, message).ravel()
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        _fail(f"{message}: one side never varies")
    n, strongest = first.size, 0.0
    for a in (first, np.abs(first - np.median(first))):
        for b in (second, np.abs(second - np.median(second))):
            r = float(np.corrcoef(_normal_scores(a), _normal_scores(b))[0, 1])
            strongest = max(strongest, abs(r))
    p = 4 * math.exp((n - 2) / 2 * math.log(max(1 - strongest**2, 1e-300)))
    _decide("independent", p, alpha, message, f"rank correlation {strongest:.3f} over {n} draws")


def assert_same_distribution(
    x: Any, y: Any, *, projections: int = 8, alpha: float = 1e-7, message: str | None = None
) -> None:
    """Draws `x` and `y` (n,) or (n, d) follow the same law: exact two-sample Kolmogorov-Smirnov tests.

    Bonferroni over the axes and `projections` fixed random directions. Of samples of unequal length only the first
    min(n, m) draws are used.
    """
    message = message or "The two samples follow different laws"
    first, second = _draws(x, message), _draws(y, message)
    n = min(len(first), len(second))
    first, second = first[:n].reshape(n, -1), second[:n].reshape(n, -1)
    d = first.shape[1]
    directions = np.eye(d)
    if d > 1:
        directions = np.hstack([directions, np.random.default_rng(0).standard_normal((d, projections))])
    gaps = [_largest_gap(first @ w, second @ w) for w in directions.T]
    _enough(n, _two_sample_p(n, n) * len(gaps), alpha, message)
    p = _two_sample_p(max(gaps), n) * len(gaps)
    measured = f"their empirical distribution functions differ by {max(gaps) / n:.3f} over {n} draws"
    _decide("same", p, alpha, message, measured)


def assert_integrates_to_one(
    log_prob_fn: Callable[[Any], Any],
    bounds: Sequence[tuple[float, float]],
    n: int = 200,
    *,
    tolerance: float = 1e-5,
    message: str | None = None,
) -> None:
    """exp(log_prob_fn(points)) integrates to 1 within `tolerance` over a box with one (low, high) per dimension.

    Deterministic midpoint rule with `n` points per axis; for smooth densities that vanish at the border its error falls
    faster than any power of n. `log_prob_fn` maps a float64 tensor (n**d, d) to (n**d,).
    """
    import torch  # only here: the rest of this module needs numpy alone

    axes = [low + (np.arange(n) + 0.5) * (high - low) / n for low, high in bounds]
    grid = np.stack([axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")], axis=1)
    volume = math.prod((high - low) / n for low, high in bounds)
    message = message or "The density is not normalised"
    log_prob = _array(log_prob_fn(torch.from_numpy(grid)))
    if log_prob.shape != (len(grid),):
        _fail(f"{message}: {len(grid)} points gave log-probabilities of shape {tuple(log_prob.shape)}")
    with np.errstate(over="ignore"):
        total = float(np.exp(log_prob).sum()) * volume
    if not abs(total - 1) <= tolerance:
        _fail(f"{message}: it integrates to {total:.4g} over the box, off by {abs(total - 1):.1e}")


def assert_p_value(p: float, *, alpha: float = 1e-7, message: str | None = None) -> None:
    """A p-value of the author's own, from a test that no assertion here covers, is at least `alpha`.

    The test must be exact or hold for finite samples: the audit checks that p is super-uniform on right solutions.
    """
    _decide("p-value", p, alpha, message or "The draws do not follow the stated law", f"p-value {float(p):.1e}")


def _decide(name: str, p: float, alpha: float, message: str, measured: str) -> None:
    p = min(float(p), 1.0)
    if observer is not None:
        observer(name, p, alpha)
    if not p >= alpha:
        _fail(f"{message}: {measured}; a correct solution does this with probability below {alpha:.0e}")


def _enough(n: int, least: float, alpha: float, message: str) -> None:
    """Of so few draws that no result has a p-value below alpha, any would pass: a sampler may not choose how many."""
    if not least < alpha:
        _fail(f"{message}: {n} draws are too few to tell")


def _fail(text: str) -> NoReturn:
    pass

    raise LawViolation(text)


def _array(x: Any) -> Array:
    if hasattr(x, "detach"):
        x = x.detach().cpu().numpy()
    return np.asarray(x, dtype=np.float64)


def _draws(x: Any, message: str) -> Array:
    draws = _array(x)
    if draws.ndim == 0 or len(draws) < 3:
        raise TypeError("a statistical assertion needs at least three draws along the first axis")
    if not np.isfinite(draws).all():
        _fail(f"{message}: some draws are NaN or infinite")
    return draws


def _columns(value: Any, draws: Array) -> Array:
    return np.broadcast_to(_array(value), draws.shape[1:]).ravel()


def _bernoulli_kl(a: Array, b: Array) -> Array:
    """Return KL(Bernoulli(a) || Bernoulli(b)) in nats, infinite where b excludes what a allows."""

    def term(p: Array, q: Array) -> Array:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(p > 0, p * np.log(p / q), 0.0)

    return np.maximum(term(a, b) + term(1 - a, 1 - b), 0.0)  # rounding can make it slightly negative


def _binomial_p(k: int, n: int, q: float) -> float:
    """Return the two-sided p-value of k successes in n trials: twice the smaller exact tail."""
    if q <= 0 or q >= 1:
        return float(k == (n if q >= 1 else 0))
    log_factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])
    j = np.arange(n + 1)
    choose = log_factorial[n] - log_factorial - log_factorial[::-1]
    pmf = np.exp(choose + j * math.log(q) + (n - j) * math.log1p(-q))
    return min(1.0, 2 * min(float(pmf[: k + 1].sum()), float(pmf[k:].sum())))


def _normal_scores(values: Array) -> Array:
    order = np.lexsort((np.random.random(values.size), values))  # ties in random order
    scores = np.empty(values.size)
    scores[order] = np.sort(np.random.standard_normal(values.size))
    return scores


def _largest_gap(a: Array, b: Array) -> int:
    """Return the largest difference of the two empirical distribution functions, in units of 1/n."""
    pooled = np.concatenate([a, b])
    below_a, below_b = (np.searchsorted(np.sort(side), pooled, side="right") for side in (a, b))
    return int(np.abs(below_a - below_b).max())


def _two_sample_p(gap: int, n: int) -> float:
    """Return P(largest gap of two samples of size n >= gap), exactly (Gnedenko and Korolyuk, 1951)."""
    if gap == 0:
        return 1.0
    total, top = 0.0, 2 * math.lgamma(n + 1)
    for i in range(1, n // gap + 1):
        total -= (-1) ** i * math.exp(top - math.lgamma(n - i * gap + 1) - math.lgamma(n + i * gap + 1))
    return min(1.0, max(0.0, 2 * total))


# ---- testing -----------------------------------------------------------------------------------
# What a test imports: decorators, assertions whose text a student may read, and the one way to run a test.
#
# The same objects serve a notebook in Colab (through `hwkit`), the source notebook under pytest, and the grader.
# Nothing here knows pytest. The parts live in `rng`, `specs`, `assertions` and `statistical`; `hwkit.py` is made of
# these modules in the order given by `PARTS`.

    pass

PARTS = ("rng", "specs", "assertions", "statistical", "testing")
STATISTICAL = (
    "assert_cdf", "assert_independent", "assert_integrates_to_one", "assert_mean_close", "assert_p_value",
    "assert_probs", "assert_same_distribution", "assert_var_close",
)  # fmt: skip
LAW_BROKEN = "the law does not hold"


def run_test(
    fn: Callable[..., Any], *, seed: int, device: str = "cpu", case: Mapping[str, object] | None = None
) -> None:
    """Run one test in this process: all its cases in turn, or only `case`. What the test raises passes through.

    Default dtype float64 (float32 under `@float32`), restored afterwards; torch, numpy, `random` and the `rng`
    fixture are seeded from `seed`, for the k-th case from `seed + k`.
    """
    spec = spec_of(fn)
    todo = [case] if case is not None else list(spec.cases) or [{}]
    offset = spec.cases.index(case) if case is not None and case in spec.cases else 0
    for index, arguments in enumerate(todo, offset):
        with default_dtype(spec):
            seed_everything(seed + index)
            fn(**arguments, **_fixtures(fn, seed + index, device, arguments))


@contextlib.contextmanager
def default_dtype(spec: TestSpec) -> Iterator[None]:
    """Torch's default dtype of a test, put back afterwards."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32 if spec.float32 else torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def _fixtures(fn: Callable[..., Any], seed: int, device: str, given: Mapping[str, object]) -> dict[str, object]:
    have: dict[str, Callable[[], object]] = {"rng": lambda: make_rng(seed), "device": lambda: torch.device(device)}
    wanted = [name for name in inspect.signature(fn).parameters if name not in given]
    unknown = [name for name in wanted if name not in have]
    if unknown:
        raise TypeError(f"{fn.__name__}: unknown argument {unknown[0]!r}; a test may take rng, device and its cases")
    return {name: have[name]() for name in wanted}


def assertion_text(exc: AssertionError) -> str:
    """The author's message of a failed assert, without what pytest's rewriting appended; "" for a bare assert."""
    text = error_text(exc)
    return "" if text.startswith("assert ") else text.split("\nassert ", 1)[0].strip()


def failure_message(exc: BaseException) -> str:
    """The one sentence a student may read about `exc`, raised by a test.

    A broken law gives the assertion's own text, a bare assert "the law does not hold", a stub "Question 2.1a is not
    attempted yet", anything else its type, text and the deepest line of the student's own code.
    """
    if is_stub(exc):
        return f"{error_text(exc).splitlines()[0].rstrip('.')} is not attempted yet"
    foreign = hasattr(exc, "type_name")  # came over from a worker: even its AssertionErrors are the student's
    if isinstance(exc, AssertionError) and not foreign:
        return assertion_text(exc) or LAW_BROKEN
    name = str(getattr(exc, "type_name", type(exc).__name__))
    text = error_text(exc).strip().splitlines()
    said = f"{name}: {text[0]}" if text else name
    return f"{said} ({where})" if (where := _where(exc)) else said


def _where(exc: BaseException) -> str:
    frames = getattr(exc, "frames", None)
    if frames:
        file, function, line = frames[-1]
        return f"{file}, line {line}" + (f", in {function}" if function and not function.startswith("<") else "")
    ours = {part.__code__.co_filename for part in (run_test, assert_close, spec_of)}  # `hwkit` has no file of its own
    own = [
        frame for frame in traceback.extract_tb(exc.__traceback__)
        if frame.filename not in ours and "site-packages" not in frame.filename
        and not frame.name.startswith("test_") and f"{os.sep}lib{os.sep}python" not in frame.filename
    ]  # fmt: skip
    return f"line {own[-1].lineno}, in {own[-1].name}" if own else ""


# ---- data --------------------------------------------------------------------------------------
KIT: dict[str, Any] = {'artefacts': [{'id': 'hw3_samples', 'file': 'hw3_samples.npz', 'max_mb': 2.0}],
 'course': 'Deep Probabilistic and Generative Models',
 'cpu_s': 10.0,
 'extraction': {'questions': {'3.1a': ['AffineCoupling'],
                              '3.1b': ['ActNorm'],
                              '3.1c': ['Flow'],
                              '3.2a': ['dequantize_logit'],
                              '3.2b': ['quantize_inverse'],
                              '3.2c': ['flow_bpd'],
                              '3.3a': ['d_loss'],
                              '3.3b': ['g_loss'],
                              '3.3c': ['gradient_penalty'],
                              '3.3d': ['r1_penalty'],
                              '3.3e': ['optimal_logit'],
                              '3.3f': ['spectral_sigma'],
                              '3.4a': ['gan_step'],
                              '3.5a': ['mmd2_unbiased'],
                              '3.5b': ['frechet_distance'],
                              '3.5c': ['mode_coverage'],
                              '3.5d': ['precision_recall_knn']},
                'given': [{'names': ['math',
                                     'torch',
                                     'assert_cdf',
                                     'assert_close',
                                     'assert_finite',
                                     'assert_gradients_match',
                                     'assert_inputs_unchanged',
                                     'assert_integrates_to_one',
                                     'assert_mean_close',
                                     'core',
                                     'float32',
                                     'points',
                                     'raises',
                                     'Generator',
                                     'Tensor',
                                     'nn',
                                     'F',
                                     'LOG_2PI'],
                           'hashes': ['a6fac9d05c9a66389d5168588b5e4e14f79fc97440d5cdbd495541e7f1e7d2d2']},
                          {'names': ['coupling_net'],
                           'hashes': ['1fa09b09f179e76d83dd5f469452c93f3b00e54f0a52859f09c8fc53f362445e']}],
                'packages': ['numpy', 'torch'],
                'modules': ['hwkit', 'densities', 'digits', 'digit_features'],
                'stubs': {'3.1a': 'Question 3.1a',
                          '3.1b': 'Question 3.1b',
                          '3.1c': 'Question 3.1c',
                          '3.2a': 'Question 3.2a',
                          '3.2b': 'Question 3.2b',
                          '3.2c': 'Question 3.2c',
                          '3.3a': 'Question 3.3a',
                          '3.3b': 'Question 3.3b',
                          '3.3c': 'Question 3.3c',
                          '3.3d': 'Question 3.3d',
                          '3.3e': 'Question 3.3e',
                          '3.3f': 'Question 3.3f',
                          '3.4a': 'Question 3.4a',
                          '3.5a': 'Question 3.5a',
                          '3.5b': 'Question 3.5b',
                          '3.5c': 'Question 3.5c',
                          '3.5d': 'Question 3.5d'}},
 'figures': [{'id': 'F3.1',
              'title': 'Two moons, layer by layer',
              'caption': 'A flow for two moons: its density and samples, and the data on their way to a Gaussian.',
              'points': 3.0},
             {'id': 'F3.2',
              'title': 'How close to the entropy?',
              'caption': 'Negative log-likelihood of the flow during training, against the entropy of the data.',
              'points': 2.0},
             {'id': 'F3.3',
              'title': 'A flow for digits',
              'caption': 'Digits from a flow, and its bits per dimension against the epoch; test bpd: fill in.',
              'points': 3.0},
             {'id': 'F3.4',
              'title': 'Four games on a ring',
              'caption': 'Four adversarial games on a ring of eight modes: samples over time, and the final critic.',
              'points': 3.0},
             {'id': 'F3.5',
              'title': 'Does the generator copy?',
              'caption': 'Samples of two digit GANs, and the nearest training image of each.',
              'points': 2.0},
             {'id': 'F3.6',
              'title': 'The judges disagree',
              'caption': 'The Frechet distance falls with sample size; likelihood gets worse and samples do not; '
                         'precision against recall.',
              'points': 3.0}],
 'homework': 'hw3',
 'questions': [{'id': '3.1a',
                'names': ['AffineCoupling'],
                'title': 'AffineCoupling',
                'points': 6.0,
                'public': 3,
                'hidden': 6},
               {'id': '3.1b', 'names': ['ActNorm'], 'title': 'ActNorm', 'points': 4.5, 'public': 2, 'hidden': 7},
               {'id': '3.1c', 'names': ['Flow'], 'title': 'Flow', 'points': 4.5, 'public': 3, 'hidden': 8},
               {'id': '3.2a',
                'names': ['dequantize_logit'],
                'title': 'dequantize_logit',
                'points': 3.0,
                'public': 2,
                'hidden': 4},
               {'id': '3.2b',
                'names': ['quantize_inverse'],
                'title': 'quantize_inverse',
                'points': 2.0,
                'public': 1,
                'hidden': 2},
               {'id': '3.2c', 'names': ['flow_bpd'], 'title': 'flow_bpd', 'points': 2.0, 'public': 1, 'hidden': 3},
               {'id': '3.3a', 'names': ['d_loss'], 'title': 'd_loss', 'points': 3.5, 'public': 3, 'hidden': 4},
               {'id': '3.3b', 'names': ['g_loss'], 'title': 'g_loss', 'points': 2.5, 'public': 2, 'hidden': 4},
               {'id': '3.3c',
                'names': ['gradient_penalty'],
                'title': 'gradient_penalty',
                'points': 3.0,
                'public': 3,
                'hidden': 4},
               {'id': '3.3d',
                'names': ['r1_penalty'],
                'title': 'r1_penalty',
                'points': 1.5,
                'public': 1,
                'hidden': 3},
               {'id': '3.3e',
                'names': ['optimal_logit'],
                'title': 'optimal_logit',
                'points': 1.5,
                'public': 1,
                'hidden': 4},
               {'id': '3.3f',
                'names': ['spectral_sigma'],
                'title': 'spectral_sigma',
                'points': 2.0,
                'public': 1,
                'hidden': 3},
               {'id': '3.4a', 'names': ['gan_step'], 'title': 'gan_step', 'points': 8.0, 'public': 3, 'hidden': 5},
               {'id': '3.5a',
                'names': ['mmd2_unbiased'],
                'title': 'mmd2_unbiased',
                'points': 3.0,
                'public': 2,
                'hidden': 4},
               {'id': '3.5b',
                'names': ['frechet_distance'],
                'title': 'frechet_distance',
                'points': 3.0,
                'public': 2,
                'hidden': 4},
               {'id': '3.5c',
                'names': ['mode_coverage'],
                'title': 'mode_coverage',
                'points': 2.0,
                'public': 1,
                'hidden': 2},
               {'id': '3.5d',
                'names': ['precision_recall_knn'],
                'title': 'precision_recall_knn',
                'points': 2.0,
                'public': 2,
                'hidden': 1}],
 'release': 1,
 'team_size': 2,
 'term': '2026FA',
 'title': 'Exact and adversarial: flows, GANs and how to judge samples'}


# ---- session -----------------------------------------------------------------------------------
# Where this notebook runs, where its files go, and how hwkit speaks to a student.

_DRIVE = Path("/content/drive/MyDrive")  # where Colab mounts a student's Drive
_told: set[str] = set()


class KitError(Exception):
    """A mistake that a student can repair: the message says what happened and what to do; notebooks show only it."""

    def _render_traceback_(self, *_: object, **__: object) -> list[str]:
        return [f"{type(self).__name__}: {self}"]


def say(text: str = "") -> None:
    """Print one message, also on a terminal that cannot show its ticks and arrows."""
    try:
        print(text)
    except UnicodeEncodeError:
        print(text.encode("ascii", "replace").decode())


def warn(text: str) -> None:
    """Print something the student should act on, marked so that it stands out without colour."""
    say(f"⚠ {text}")


def first_time(key: str) -> bool:
    """Whether this is the first time in this session that something called `key` is to be told."""
    if key in _told:
        return False
    _told.add(key)
    return True


def in_colab() -> bool:
    """Whether this is a Google Colab session."""
    return "google.colab" in sys.modules or "COLAB_RELEASE_TAG" in os.environ


def set_seed(seed: int = 0) -> None:
    """Seed Python's, numpy's and torch's generators (every GPU included). No mark ever depends on a seed.

    The environment variable HW_SEED (0 if absent) is added: the same notebook, run again by other chance.
    """
    seed += int(os.environ.get("HW_SEED", "0"))
    random.seed(seed)
    np.random.seed(seed % 2**32)  # the legacy generator is the one students' code calls
    torch.manual_seed(seed)


def storage() -> Path:
    """Return the folder for what must outlive this session, made if need be.

    `HW_STORAGE` when that variable is set; a folder of the student's Drive when it is mounted; else the current folder.
    In Colab without Drive a warning says what will be lost.
    """
    chosen = os.environ.get("HW_STORAGE")
    if chosen:
        folder = Path(chosen)
    elif drive_is_mounted():
        folder = _DRIVE / _slug(f"{KIT['course']} {KIT['term']}") / KIT["homework"]
    else:
        folder = Path()
        if in_colab() and first_time("drive"):
            warn(
                "Google Drive is not mounted: checkpoints and figures are lost when this Colab session ends.\n"
                "  To keep them: tick USE_DRIVE in the start cell at the top and run it, then this cell again.",
            )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise KitError(f"cannot make the folder {folder}: {disk_trouble(error)}") from None
    return folder


def drive_folder() -> Path:
    """Return where Colab mounts a student's Drive."""
    return _DRIVE


def drive_is_mounted() -> bool:
    """Whether a student's Google Drive is there and answers."""
    try:
        return _DRIVE.is_dir() and os.access(_DRIVE, os.W_OK)
    except OSError:  # a mount whose connection was lost
        return False


def mount_drive() -> bool:
    """Mount the student's Google Drive and return whether it is there; say what to do when it is not."""
    if drive_is_mounted():
        return True
    if not in_colab():
        say("Drive: only Colab can mount it. Here your files stay in this folder, which is as good.")
        return False
    try:
        from google.colab import drive  # type: ignore[import-not-found, unused-ignore]

        drive.mount(str(_DRIVE.parent))
    except Exception as error:  # noqa: BLE001 - consent refused, time-out, no browser: each has its own class there
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        warn(
            f"Google Drive could not be mounted ({reason}). Run this cell again and allow access in the window that "
            "opens (allow pop-ups; use the account you are signed in with). Without it you can work on: download what "
            "you want to keep."
        )
    return drive_is_mounted()


def disk_trouble(error: OSError) -> str:
    """Say in words what an error of the file system means and what to do about it."""
    if error.errno in (28, 122):  # ENOSPC, EDQUOT
        return (
            "the disk is full. Delete old checkpoints or outputs (Drive counts its Bin too: empty it), then run "
            "this cell again"
        )
    if error.errno in (5, 107):  # EIO, ENOTCONN: Drive went away
        return "the disk does not answer. Mount Google Drive again (drive.mount('/content/drive', force_remount=True))"
    if error.errno in (1, 13, 30):  # EPERM, EACCES, EROFS
        return "this folder cannot be written to. Work in a folder of your own"
    return f"{error.strerror or error}"


def _slug(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-") or "course"


# ---- budget ------------------------------------------------------------------------------------
# How much computing an experiment may use: smoke (seconds), cpu (a laptop), gpu (a T4).

BUDGETS = ("smoke", "cpu", "gpu")

T = TypeVar("T")
_budget: str | None = None
_UNSET: object = object()


def set_budget(name: str) -> None:
    """Choose "smoke", "cpu" or "gpu" for every `preset` that is evaluated from now on."""
    global _budget  # noqa: PLW0603 - one choice for a session, like a seed
    if name not in BUDGETS:
        raise KitError(f"there is no budget {name!r}: choose 'smoke' (seconds), 'cpu' (a laptop) or 'gpu' (a T4)")
    _budget = name
    say(f"Budget: {name}. Run the experiment cells again from the one that calls preset(...).")


def budget() -> str:
    """Return the budget in force: `set_budget`, else the environment variable HW_BUDGET, else "cpu"."""
    if _budget is not None:
        return _budget
    chosen = os.environ.get("HW_BUDGET", "cpu")
    if chosen not in BUDGETS:
        raise KitError(f"HW_BUDGET is {chosen!r}: it must be 'smoke', 'cpu' or 'gpu'")
    return chosen


def preset(*, smoke: T, cpu: T, gpu: T = _UNSET) -> T:  # type: ignore[assignment]
    """Return the value for the budget in force; without `gpu` the value for "cpu" serves both."""
    name = budget()
    if name == "gpu" and not torch.cuda.is_available():
        name = "cpu"
        if first_time("gpu-budget"):
            warn(
                "The budget is 'gpu' but this session has no GPU, so the sizes of 'cpu' are used.\n"
                "  In Colab: Runtime > Change runtime type > T4 GPU, then Runtime > Run all."
            )
    if name == "smoke":
        return smoke
    return gpu if name == "gpu" and gpu is not _UNSET else cpu


# ---- check -------------------------------------------------------------------------------------
# Public tests in the notebook, in the words of the grader.

TestCase = Callable[..., Any]
_STUB_HINT = "replace the line `raise NotImplementedError(...)` by your code and run that cell, then this one."
_SLOW = 2.0  # seconds after which a check says how long it took
_NOT_CHECKED = "not checked in this session"
_tests: dict[str, dict[str, TestCase]] = {}
_passed: dict[str, dict[str, bool]] = {}  # by question and test


class CheckFailed(AssertionError):  # noqa: N818 - what happened, in a student's words
    """At least one public test of a question failed. Notebooks show one line, without a traceback."""

    def _render_traceback_(self, *_: object, **__: object) -> list[str]:
        return [f"CheckFailed: {self}"]


@dataclass(frozen=True)
class _Verdict:
    title: str
    points: float
    message: str  # "" when the test passed
    hint: str
    seconds: float


def check(question: str | None = None, *tests: TestCase) -> None:
    """Run the public tests of a question on your functions as they are now; without arguments list all questions.

    `check("2.1a")` runs the tests of the last `check("2.1a", test, …)` again.

    Raises
    ------
    CheckFailed
        When a test fails, after all of them have been reported.
    """
    if question is None:
        _overview()
        return
    _require_known(question)
    known = _tests.setdefault(question, {})
    chosen = list(tests) or list(known.values())
    if not chosen:
        _check_attempted(question)
        return
    known.update({test.__name__: test for test in chosen})
    verdicts = {test.__name__: _run(test) for test in chosen}
    _passed.setdefault(question, {}).update({name: not verdict.message for name, verdict in verdicts.items()})
    failed = sum(bool(verdict.message) for verdict in verdicts.values())
    say(
        f"Question {question}: {len(verdicts) - failed} of {_counted(len(verdicts))} "
        f"pass{'es' if len(verdicts) == 1 else ''}"
    )
    hints: set[str] = set()
    for verdict in verdicts.values():
        _report(verdict, hints)
    say(f"On Gradescope, other questions' functions are ours{_more_there(question)}.")
    if failed:
        raise CheckFailed(
            f'question {question}: {failed} of {_counted(len(verdicts))} failed (see above). Again: check("{question}")'
        )


def checked(question: str) -> str:
    """Return in words how the public tests of a question went in this session."""
    known = _passed.get(question)
    return f"{sum(known.values())} of {_counted(len(known))} passed" if known else _NOT_CHECKED


def _counted(number: int) -> str:
    return f"{number} check{'' if number == 1 else 's'}"


def _check_attempted(question: str) -> None:
    """Without public tests: say whether the question's names are defined in the notebook and no longer stubs."""
    entry = _entry(question)
    if entry.get("public"):
        raise KitError(f'run the cell that ends in check("{question}", …) once: it holds the tests of this question')
    defined = vars(sys.modules["__main__"])
    for name in entry["names"]:
        if name not in defined:
            raise CheckFailed(
                f"question {question}: {name} is not defined yet. Write it in the cell above and run that cell."
            )
        if _is_untouched(defined[name], question):
            raise CheckFailed(f"question {question} is not attempted yet: {name} still raises NotImplementedError.")
    say(f"Question {question}: {', '.join(entry['names'])} defined. All tests of this question run on Gradescope.")


def _is_untouched(value: Any, question: str) -> bool:
    """Whether a function, or a method of a class, still holds the stub of its question."""
    if isinstance(value, type):
        return any(_is_untouched(member, question) for member in vars(value).values())
    code = getattr(inspect.unwrap(value) if callable(value) else value, "__code__", None)
    return code is not None and f"Question {question}" in code.co_consts and "NotImplementedError" in code.co_names


def _run(test: TestCase) -> _Verdict:
    """Run one test with inputs that stay the same from run to run, so that a mistake can be hunted down."""
    seed = zlib.crc32(f"{KIT['homework']} {test.__name__}".encode())
    doc = inspect.getdoc(test) or ""
    title = doc.splitlines()[0] if doc else test.__name__.removeprefix("test_").replace("_", " ")
    message, hint = "", ""
    started = time.process_time()
    try:
        run_test(test, seed=seed)
    except Exception as error:  # noqa: BLE001 - whatever a student's function raises is a verdict
        message = failure_message(error)
        hint = _STUB_HINT if is_stub(error) else _own_hint(doc) or _hint(error)
    return _Verdict(title, spec_of(test).points, message, hint, time.process_time() - started)


def _report(verdict: _Verdict, hints: set[str]) -> None:
    """Print one verdict; a hint that was printed before is not repeated."""
    points = f"  ({verdict.points:g} point{'' if verdict.points == 1 else 's'})" if verdict.points else ""
    say(f"  {'✗' if verdict.message else '✓'} {verdict.title}{points}")
    for line in verdict.message.splitlines():
        say(f"      {line}")
    if verdict.hint and verdict.hint not in hints:
        hints.add(verdict.hint)
        say(f"      Hint: {verdict.hint}")
    if verdict.seconds > KIT["cpu_s"]:
        say(f"      This took {verdict.seconds:.0f} s of CPU; Gradescope stops a call after {KIT['cpu_s']:g} s.")
    elif verdict.seconds > _SLOW:
        say(f"      This took {verdict.seconds:.1f} s.")


def _own_hint(doc: str) -> str:
    """Return what a test's docstring says after "Hint:"."""
    _, found, hint = doc.partition("Hint:")
    return " ".join(hint.split()) if found else ""


def _hint(error: Exception) -> str:
    """Return what to do about the failures that have nothing to do with the mathematics."""
    text = str(error)
    kind = getattr(error, "kind", "")
    if isinstance(error, NameError):
        return "run the cell that defines this name first (Runtime > Run before), and look at its spelling."
    if kind == "dtype" or (isinstance(error, (RuntimeError, TypeError)) and re.search("dtype|Double|Float", text)):
        return "tests use float64: make new tensors with x.new_zeros(...) or dtype=x.dtype, not with a fixed dtype."
    if isinstance(error, RuntimeError) and re.search("size of tensor|shapes cannot be|Expected size", text):
        return "print the shapes at this line; keepdim=True or unsqueeze(...) often mends it."
    if kind == "inputs" or (isinstance(error, RuntimeError) and re.search("in-?place", text)):
        return "work on a copy: do not change an argument with +=, x[...] = or a method whose name ends in _."
    if isinstance(error, RecursionError):
        return "the function calls itself without end."
    return ""


def _more_there(question: str) -> str:
    hidden = _entry(question).get("hidden", 0)
    if not hidden:
        return ""
    return (
        f", and {hidden} more test{'s' if hidden > 1 else ''} of this question {'run' if hidden > 1 else 'runs'} there"
    )


def _entry(question: str) -> dict[str, Any]:
    return next((entry for entry in KIT["questions"] if entry["id"] == question), {"names": []})


def _overview() -> None:
    """Print every question with what is known about it in this session."""
    say(f"{KIT['homework'].upper()}: {KIT['title']}")
    width = max((len(", ".join(entry["names"])) for entry in KIT["questions"]), default=0)
    for entry in KIT["questions"]:
        value = entry.get("points")
        points = f"{value:>4g} points  " if value is not None else ""
        say(f"  {entry['id']:<6} {', '.join(entry['names']):<{width}}  {points}{checked(entry['id'])}")
    say('One question: check("ID"). What you would hand in: submit().')


def _require_known(question: str) -> None:
    known = [entry["id"] for entry in KIT["questions"]]
    if known and question not in known:
        close = difflib.get_close_matches(question, known, n=1)
        raise KitError(
            f"there is no question {question!r}"
            + (f"; did you mean {close[0]!r}?" if close else f": choose from {', '.join(known)}")
        )


# ---- checkpoint --------------------------------------------------------------------------------
# Checkpoints: a killed session costs at most a minute of training.

_FORMAT = 1


class Checkpointer:
    """Saves and resumes what a training run consists of.

    `Checkpointer("vae.pt", model=model, optimizer=optimizer, config=cfg)` resumes at once when the file is there, so a
    cell that is run again after a lost session goes on where it stopped. Pass whatever changes while training: models,
    optimisers, schedulers, `torch.Generator` and `numpy.random.Generator` objects, lists and dicts of numbers. The
    generators of Python, numpy and torch are saved and restored too. A relative path lies under `storage()`: Drive when
    it is mounted.

    A file that belongs to other settings (`config`, or other parameter shapes) is refused, never mixed in; `fresh=True`
    sets it aside as `NAME.old` and starts over. Files hold tensors and numbers only: they are read with
    `weights_only=True`.
    """

    def __init__(
        self, path: str | os.PathLike[str], every: float = 60, *, config: Any = None, fresh: bool = False, **state: Any
    ) -> None:
        if not state:
            raise KitError(
                'nothing to save: pass what changes while training, as in Checkpointer("vae.pt", model=model, '
                "optimizer=opt)"
            )
        self.path = storage() / path
        self.every = every
        self.step = 0  # steps that are done
        self.history: list[dict[str, float]] = []
        self._state = state
        self._config = _config_hash(config, state)
        self._last = time.monotonic()
        self._refused = False
        if fresh and self.path.exists():
            self.path.replace(self.path.with_name(self.path.name + ".old"))
        if self.path.exists():
            self._resume()

    def tick(self, step: int, history: list[dict[str, float]]) -> None:
        """Note that `step` steps are done, and save when `every` seconds have passed since the last time."""
        self.step, self.history = step, history
        if time.monotonic() - self._last >= self.every:
            self.save()

    def save(self) -> bool:
        """Write everything to a temporary file and move it into place; return whether that worked.

        A full disk or a lost Drive does not stop the training: the file of before stays, and a warning says so.
        """
        temporary = self.path.with_name(self.path.name + ".tmp")
        content = {
            "format": _FORMAT,
            "config": self._config,
            "step": self.step,
            "history": self.history,
            "rng": _rng_state(),
            "state": {name: _dump(value) for name, value in self._state.items()},
        }
        self._last = time.monotonic()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("wb") as file:
                torch.save(content, file)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self.path)
        except (OSError, RuntimeError) as error:  # torch's zip writer reports a full disk as a RuntimeError
            self._remove(temporary)
            if not self._refused:
                self._refused = True
                reason = disk_trouble(error) if isinstance(error, OSError) else disk_trouble(OSError(28, ""))
                warn(
                    f"could not save {self.path} at step {self.step}: {reason}. Training goes on; the last good "
                    "checkpoint is kept."
                )
            return False
        self._refused = False
        return True

    def _resume(self) -> None:
        content = self._read()
        if content["config"] != self._config:
            raise KitError(
                f"{self.path} was written with other settings (its config or its model's shapes differ), so it is "
                "not used.\n"
                "  To start over: Checkpointer(..., fresh=True). To keep both: give this run another file name."
            )
        for name, value in self._state.items():
            if name not in content["state"]:
                raise KitError(f"{self.path} holds no {name!r}. To start over: Checkpointer(..., fresh=True).")
            self._state[name] = _restore(name, value, content["state"][name])
        self.step, self.history = content["step"], content["history"]
        _set_rng_state(content["rng"])
        minutes = max(0.0, time.time() - self.path.stat().st_mtime) / 60
        say(
            f"Resumed {self.path.name} at step {self.step} (saved {minutes:.0f} min ago). To start over: "
            "Checkpointer(..., fresh=True)."
        )

    def _read(self) -> dict[str, Any]:
        try:
            data = self.path.read_bytes()
        except OSError as error:
            raise KitError(f"cannot read {self.path}: {disk_trouble(error)}") from None
        try:
            content = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
            if content["format"] != _FORMAT:
                raise ValueError("of another kind")
        except Exception:  # noqa: BLE001 - whatever a damaged file makes torch raise, the answer is the same
            raise KitError(
                f"{self.path} is damaged (an upload or a Drive sync that was cut off), or no checkpoint of this "
                "homework.\n"
                "  To start over: Checkpointer(..., fresh=True)."
            ) from None
        return dict(content)

    @staticmethod
    def _remove(path: Path) -> None:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def _dump(value: Any) -> Any:
    """Return a value's state as tensors, numbers, strings, lists and dicts: what `weights_only` reads back."""
    if isinstance(value, torch.Generator):
        return value.get_state()
    if isinstance(value, np.random.Generator):
        return value.bit_generator.state
    if hasattr(value, "state_dict"):
        return value.state_dict()
    if isinstance(value, (torch.Tensor, list, dict)):
        return value
    raise KitError(
        f"a Checkpointer cannot save a {type(value).__name__}: pass models, optimisers, schedulers, generators, "
        "tensors, lists or dicts"
    )


def _restore(name: str, value: Any, saved: Any) -> Any:
    """Put a saved state back into the object it came from."""
    try:
        if isinstance(value, torch.Generator):
            value.set_state(saved)
        elif isinstance(value, np.random.Generator):
            value.bit_generator.state = saved
        elif hasattr(value, "load_state_dict"):
            value.load_state_dict(saved)
        elif isinstance(value, torch.Tensor):
            with torch.no_grad():
                value.copy_(saved)
        elif isinstance(value, list):
            value[:] = saved
        elif isinstance(value, dict):
            value.clear()
            value.update(saved)
    except (RuntimeError, ValueError, KeyError, TypeError) as error:
        raise KitError(
            f"the checkpoint does not fit {name!r} ({str(error).splitlines()[0]}). To start over: fresh=True."
        ) from None
    return value


def _rng_state() -> dict[str, Any]:
    kind, keys, position, has_gauss, gauss = np.random.get_state()
    return {
        "python": random.getstate(),
        "numpy": [kind, [int(k) for k in keys], int(position), int(has_gauss), float(gauss)],
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def _set_rng_state(saved: dict[str, Any]) -> None:
    random.setstate(saved["python"])
    kind, keys, position, has_gauss, gauss = saved["numpy"]
    np.random.set_state((kind, np.array(keys, dtype=np.uint32), position, has_gauss, gauss))
    torch.set_rng_state(saved["torch"])
    if torch.cuda.is_available() and len(saved["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(saved["cuda"])


def _config_hash(config: Any, state: dict[str, Any]) -> str:
    """Return a hash of the settings and of every model's parameter names and shapes."""
    shapes = {
        name: {key: list(entry.shape) for key, entry in value.state_dict().items() if isinstance(entry, torch.Tensor)}
        for name, value in state.items()
        if isinstance(value, torch.nn.Module)
    }
    text = json.dumps([config, sorted(state), shapes], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


# ---- device ------------------------------------------------------------------------------------
# CPU first: a GPU is handed out after one training iteration has gone through on the CPU.

_cpu_check_passed = False


def device() -> torch.device:
    """Return the device to train on, and say why.

    "cuda" when a GPU is there and `one_step_cpu_check(...)` has passed in this session; else "cpu".
    """
    if not torch.cuda.is_available():
        if first_time("no-gpu"):
            say(_no_gpu())
        return torch.device("cpu")
    if budget() == "smoke":
        say("Device: CPU, since the budget is 'smoke'.")
        return torch.device("cpu")
    if not _cpu_check_passed:
        say(
            "Device: CPU. A GPU is here, and it is yours once one training step has gone through on the CPU:\n"
            "  run one_step_cpu_check(step, model), then this cell again."
        )
        return torch.device("cpu")
    say(f"Device: {torch.cuda.get_device_name()}. Move the model with model.to(device()) and make a new optimiser.")
    return torch.device("cuda")


def one_step_cpu_check(
    step_fn: Callable[..., Any],
    model: torch.nn.Module | None = None,
    *,
    optimizer: torch.optim.Optimizer | None = None,
    steps: int = 8,
    falls: bool = True,
) -> None:
    """Run a few training steps on the CPU and say what is wrong before GPU time is spent.

    `step_fn` is what `fit` takes: it does one step (forward, backward, optimiser) and returns the loss, or a dict of
    metrics whose first entry is the loss. Checked: the loss is one finite number; every parameter of `model` got a
    finite gradient; the loss falls over `steps` steps that all see the same random numbers (`falls=False` where that
    is not to be expected, as with a GAN). Afterwards `model` (and `optimizer`, if given) are as they were, and so is
    torch's random generator.

    Raises
    ------
    KitError
        One sentence that names what is wrong.
    """
    global _cpu_check_passed  # noqa: PLW0603 - the gate belongs to the session
    if model is not None:
        _require_on_cpu(model)
    before = copy.deepcopy(model.state_dict()) if model is not None else {}
    optimizer_before = copy.deepcopy(optimizer.state_dict()) if optimizer is not None else {}
    losses = []
    with torch.random.fork_rng(devices=[]):
        seed = torch.initial_seed()
        try:
            for step in range(max(2, steps)):
                torch.manual_seed(seed)  # the same minibatch and noise each time: then a right step lowers the loss
                losses.append(first_metric(metrics_of(call_step(step_fn, step)), step))
                if model is not None and step == 0:
                    _require_gradients(model)
        finally:
            if model is not None:
                model.load_state_dict(before)
            if optimizer is not None:
                optimizer.load_state_dict(optimizer_before)
    if falls and not losses[-1] < losses[0]:
        raise KitError(
            f"the loss did not fall in {len(losses)} steps on one batch: {losses[0]:.4g} → {losses[-1]:.4g}. Look at "
            "the "
            "sign of the loss, the learning rate, zero_grad() before backward(), and whether the optimiser holds this "
            "model's parameters. (For an adversarial loss pass falls=False.)"
        )
    _cpu_check_passed = True
    then = "device() now gives you the GPU." if torch.cuda.is_available() else "The same code is ready for a GPU."
    say(
        f"✓ One training step works on the CPU: loss {losses[0]:.4g} → {losses[-1]:.4g} over {len(losses)} steps. "
        f"{then}"
    )


def call_step(step_fn: Callable[..., Any], step: int) -> Any:
    """Call a training step, with the number of the step when it takes one."""
    try:
        inspect.signature(step_fn).bind(step)
    except TypeError:
        return step_fn()
    except ValueError:  # a built-in without a signature
        pass
    return step_fn(step)


def metrics_of(result: Any) -> dict[str, float]:
    """Return what a training step returned as plain numbers by name; a bare loss is called "loss"."""
    if result is None:
        raise KitError("the step returned None: let it return the loss, or a dict such as {'loss': loss}")
    named = result if isinstance(result, Mapping) else {"loss": result}
    if not named:
        raise KitError("the step returned an empty dict: let it return the loss, or a dict such as {'loss': loss}")
    return {str(name): _number(str(name), value) for name, value in named.items()}


def first_metric(metrics: Mapping[str, float], step: int) -> float:
    """Return the first metric, which is the loss.

    Raises
    ------
    KitError
        When it is NaN or infinite.
    """
    name, value = next(iter(metrics.items()))
    if not math.isfinite(value):
        what = "NaN" if math.isnan(value) else "infinite"
        raise KitError(
            f"the {name} is {what} at step {step}. Usual causes: log of 0, exp of a large number, division by 0, a "
            "learning "
            "rate that is too high. Find the first bad tensor with torch.isfinite(x).all()."
        )
    return value


def _number(name: str, value: Any) -> float:
    if isinstance(value, torch.Tensor):
        if value.numel() != 1:
            raise KitError(
                f"{name!r} has shape {tuple(value.shape)}, not a single number: average over the batch with .mean()"
            )
        return float(value.detach())
    try:
        return float(value)
    except (TypeError, ValueError):
        raise KitError(f"{name!r} is a {type(value).__name__}, not a number") from None


def _require_on_cpu(model: torch.nn.Module) -> None:
    for name, parameter in model.named_parameters():
        if parameter.device.type != "cpu":
            raise KitError(
                f"the parameter {name} is on {parameter.device}: this check is for the CPU, so build the model anew "
                "first"
            )


def _require_gradients(model: torch.nn.Module) -> None:
    trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
    if all(p.grad is None for p in trained.values()):
        raise KitError(
            "no parameter has a gradient after the step. Call loss.backward(), let zero_grad() come before it and "
            "not after "
            "optimizer.step(), and do not compute the loss under torch.no_grad() or from .detach() or .item()."
        )
    missing = [name for name, p in trained.items() if p.grad is None]
    if missing:
        raise KitError(
            f"no gradient reached {_some(missing)}: the loss does not depend on "
            f"{'it' if len(missing) == 1 else 'them'}."
        )
    bad = [name for name, p in trained.items() if p.grad is not None and not torch.isfinite(p.grad).all()]
    if bad:
        raise KitError(f"the gradient of {_some(bad)} has entries that are NaN or infinite.")


def _some(names: list[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def _no_gpu() -> str:
    if any(name in os.environ for name in ("COLAB_TPU_ADDR", "TPU_NAME", "TPU_WORKER_ID")):
        return (
            "Device: CPU. This runtime has a TPU, which this homework does not use: Runtime > Change runtime type > "
            "T4 GPU."
        )
    if in_colab():
        return (
            "Device: CPU. No GPU in this session. Everything can be done on the CPU with the 'cpu' budget.\n"
            "  For a GPU: Runtime > Change runtime type > T4 GPU (this restarts the session; checkpoints on Drive "
            "stay).\n"
            "  If Colab says you cannot connect to a GPU, its free share is used up for now: go on with the CPU."
        )
    return "Device: CPU. No CUDA GPU found; the 'cpu' budget is made for that."


# ---- figures -----------------------------------------------------------------------------------
# Figures: one style that every reader can tell apart, and one file per figure that is handed in.

# Okabe & Ito (2008): tells apart for every common kind of colour vision
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#000000", "#F0E442")
LINES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)), (0, (5, 5)))
_MANY_POINTS = 5000  # drawn as pixels beyond this, so that a PDF stays small
_DPI = 160
_PLACEHOLDERS = (
    "",
    "todo",
    "your answer",
    "your answer here",
    "alt text",
    "describe the figure",
    "first last",
    "your name",
)


def plot_style() -> None:
    """Set matplotlib's defaults: colour-blind safe, told apart by line style too, text of 11 points."""
    try:
        import matplotlib as mpl
        from matplotlib.rcsetup import cycler
    except ImportError:  # where code is graded there is nothing to draw
        return
    mpl.rcParams.update(
        {
            "axes.prop_cycle": cycler(color=COLOURS, linestyle=LINES),
            "axes.grid": True,
            "axes.spines.right": False,
            "axes.spines.top": False,
            "figure.constrained_layout.use": True,
            "figure.figsize": (6.4, 4.0),
            "font.size": 11,
            "grid.alpha": 0.3,
            "image.cmap": "viridis",
            "legend.frameon": False,
            "lines.linewidth": 1.8,
            "pdf.fonttype": 42,
        }
    )


def savefig(figure_id: str, fig: Figure, *, alt: str, answer: str = "") -> None:
    """Store a figure for `make_figures_pdf`, as PNG and as PDF, under `figures/` of `storage()`.

    Parameters
    ----------
    figure_id
        One of the figures that this homework asks for, such as "F2.1".
    alt
        What the figure shows, for a reader who cannot see it: the axes, the curves, what stands out.
    answer
        Your answer to the question that comes with the figure; it is printed below the figure.

    Raises
    ------
    KitError
        For an id that this homework does not have, for something that is no figure, and on a full disk.
    """
    entry = figure_entry(figure_id)
    fig = _as_figure(fig)
    _advise(figure_id, fig, alt, answer)
    folder = figures_folder()
    about = {"Title": f"{figure_id} {entry['title']}".strip(), "Author": ""}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for kind, about_alt in (("png", {"Description": alt}), ("pdf", {"Subject": alt})):
            path = folder / f"{figure_id}.{kind}"
            fig.savefig(path, dpi=_DPI, bbox_inches="tight", metadata={**about, **about_alt})  # as notebooks show it
        note = json.dumps({"alt": alt, "answer": answer}, ensure_ascii=False)
        (folder / f"{figure_id}.json").write_text(note, encoding="utf-8")
    except OSError as error:
        raise KitError(f"could not store figure {figure_id}: {disk_trouble(error)}") from None
    say(f"✓ {figure_id} stored in {folder}")


def figures_folder() -> Path:
    """Return the folder that `savefig` writes to."""
    return storage() / "figures"


def figure_entry(figure_id: str) -> dict[str, Any]:
    """Return what the homework says about a figure: id, title, caption, points."""
    known: list[dict[str, Any]] = KIT["figures"]
    for entry in known:
        if entry["id"] == figure_id:
            return entry
    ids = [str(entry["id"]) for entry in known]
    close = difflib.get_close_matches(figure_id, ids, n=1)
    choice = f"did you mean {close[0]!r}?" if close else f"choose from {', '.join(ids) or 'none'}"
    raise KitError(f"this homework asks for no figure {figure_id!r}: {choice}")


def is_blank(text: str) -> bool:
    """Whether an answer, alt text or name was left as a placeholder: empty, dots, "Replace this …", "your answer"."""
    bare = text.strip(" .…_-").lower()
    return bare in _PLACEHOLDERS or bare.startswith("replace this")


def _as_figure(value: Any) -> Figure:
    if hasattr(value, "savefig") and hasattr(value, "axes"):
        return value  # type: ignore[no-any-return]
    inner = getattr(value, "figure", None)
    if inner is not None and hasattr(inner, "savefig"):
        return inner  # type: ignore[no-any-return]
    raise KitError(
        f"savefig needs the figure itself, not a {type(value).__name__}: write  fig, ax = plt.subplots()  and pass fig"
    )


def _advise(figure_id: str, fig: Figure, alt: str, answer: str) -> None:
    """Say what a grader would miss, and draw very large point clouds as pixels."""
    if is_blank(alt):
        warn(f"{figure_id}: alt= is empty. Say in one or two sentences what the figure shows.")
    if is_blank(answer):
        warn(f"{figure_id}: answer= is empty. Your answer is printed below the figure and is part of its points.")
    if not any(ax.has_data() or ax.images for ax in fig.axes):
        warn(f"{figure_id}: the figure is empty. Call savefig before plt.show(), with the figure that you drew on.")
    for ax in fig.axes:
        if _lacks_labels(ax):
            warn(f"{figure_id}: an axis has no label. Use ax.set_xlabel(...) and ax.set_ylabel(...), with units.")
            break
    for ax in fig.axes:
        for points in ax.collections:
            if len(points.get_offsets()) > _MANY_POINTS:  # type: ignore[arg-type]
                points.set_rasterized(True)


def _lacks_labels(ax: Axes) -> bool:
    """Whether a plot with axes (no picture, no colour bar) lacks a label; shared axes may leave it to others."""
    if not ax.axison or not ax.has_data() or ax.images or ax.get_label() == "<colorbar>":
        return False
    unshared = not any(ax.get_shared_x_axes().joined(ax, other) for other in ax.figure.axes if other is not ax)
    return (unshared and not ax.get_xlabel()) or not ax.get_ylabel()


# ---- wrapping ----------------------------------------------------------------------------------
# Breaks text into lines that fit a width on paper.

def wrapped(text: str, size: float, inches: float, weight: str = "normal") -> list[str]:
    """Break text into lines that are at most `inches` wide when set in `size` points; newlines stay."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextToPath

    font = FontProperties(family="DejaVu Sans", size=size, weight=weight)
    ruler = TextToPath()
    known: dict[str, float] = {}

    def width(word: str) -> float:
        if word not in known:
            known[word] = float(ruler.get_text_width_height_descent(word, font, ismath=False)[0]) / 72
        return known[word]

    lines = []
    for paragraph in text.strip().splitlines():
        line, used = "", 0.0
        for word in _breakable(paragraph, width, inches):
            extra = width(word) + (width("n n") - width("nn") if line else 0.0)
            if line and used + extra > inches:
                lines.append(line)
                line, used = word, width(word)
            else:
                line, used = (f"{line} {word}" if line else word), used + extra
        lines.append(line)
    return lines


def _breakable(paragraph: str, width: Callable[[str], float], inches: float) -> Iterator[str]:
    """Yield the words of a paragraph; one that is wider than the line (a link, text without spaces) in pieces."""
    for word in paragraph.split():
        rest = word
        while width(rest) > inches and len(rest) > 1:
            keep = max(1, int(len(rest) * inches / width(rest)) - 1)
            yield rest[:keep]
            rest = rest[keep:]
        yield rest


# ---- pages -------------------------------------------------------------------------------------
# figures.pdf: a title page, then one page per figure in the order of the rubric, whether it is there or not.

PAGE = (8.5, 11.0)  # Letter, in inches
_MARGIN = 0.9
_WIDTH = PAGE[0] - 2 * _MARGIN
_PICTURE = 5.0  # inches of height for the figure
_SIZES = (11.0, 10.0, 9.0, 8.0, 7.0)  # an answer is set smaller until it fits its page
_LEADING = 1.35
_OTHER_SCRIPTS = ("Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans SC", "PingFang SC", "Microsoft YaHei",
                  "WenQuanYi Micro Hei", "Arial Unicode MS", "Noto Sans Devanagari", "Noto Sans Arabic")  # fmt: skip

_people_named: set[str] = set()


@dataclass(frozen=True)
class _Item:
    """One declared figure and what was stored for it; `png` is None for a missing one."""

    id: str
    title: str
    caption: str
    points: float
    png: Path | None
    alt: str
    answer: str


def make_figures_pdf(
    names: Sequence[str] | str = (),
    netids: Sequence[str] | str = (),
    *,
    answers: Mapping[str, str] | None = None,
    path: str = "figures.pdf",
) -> None:
    """Write figures.pdf from what `savefig` stored.

    The number of pages is always one more than the number of declared figures, so each figure has its page on
    Gradescope. A missing figure gets a placeholder page and a warning. `answers` replaces those given to `savefig`.

    Raises
    ------
    KitError
        When names and NetIDs do not match, for an unknown figure in `answers`, and on a full disk.
    """
    people = _people(names, netids)
    _people_named.update(part.strip() for person in people for part in person)
    items = [_item(entry, answers or {}) for entry in KIT["figures"]]
    unknown = sorted(set(answers or {}) - {item.id for item in items})
    if unknown:
        raise KitError(f"answers= names {unknown[0]!r}, which is no figure of this homework")
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            shortened = _write(Path(path), people, items)
    except OSError as error:
        raise KitError(f"could not write {path}: {disk_trouble(error)}") from None
    if any("Glyph" in str(warning.message) for warning in caught):
        warn(
            "some characters have no font in this session and show as boxes: write names in Latin letters as on "
            "Gradescope"
        )
    _report_pages(path, items, shortened)


def named_people() -> list[str]:
    """Return the names and NetIDs that a title page was made for in this session."""
    return sorted(_people_named - {""})


def missing_figures() -> list[str]:
    """Return the ids of the declared figures that `savefig` has not stored."""
    return [entry["id"] for entry in KIT["figures"] if _item(entry, {}).png is None]


def _people(names: Sequence[str] | str, netids: Sequence[str] | str) -> list[tuple[str, str]]:
    names = [names] if isinstance(names, str) else list(names)
    netids = [netids] if isinstance(netids, str) else list(netids)
    if netids and len(names) != len(netids):
        raise KitError(f"{len(names)} names and {len(netids)} NetIDs: give one NetID for each name, in the same order")
    if all(is_blank(name) for name in names):
        warn('the title page has no names: make_figures_pdf(names=["First Last"], netids=["abc123"])')
    if len(names) > KIT.get("team_size", len(names)):
        warn(f"{len(names)} names, but teams have at most {KIT['team_size']}")
    return list(zip(names, netids or [""] * len(names), strict=True))


def _item(entry: Mapping[str, Any], answers: Mapping[str, str]) -> _Item:
    png = figures_folder() / f"{entry['id']}.png"
    try:
        note = json.loads(png.with_suffix(".json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        note = {}
    return _Item(
        id=entry["id"],
        title=entry.get("title", ""),
        caption=entry.get("caption", ""),
        points=entry.get("points", 0),
        png=png if png.is_file() else None,
        alt=str(note.get("alt", "")),
        answer=str(answers.get(entry["id"], note.get("answer", ""))),
    )


def _report_pages(path: str, items: Sequence[_Item], shortened: Sequence[str]) -> None:
    for item in items:
        if item.png is None:
            warn(
                f"{item.id} is missing: its page says so. Run the cell that calls savefig({item.id!r}, …), then this "
                "one again."
            )
        elif is_blank(item.answer):
            warn(f'{item.id} has no answer: savefig({item.id!r}, fig, alt=…, answer="…")')
    for figure_id in shortened:
        warn(f"{figure_id}: the answer is too long for its page and was cut; shorten it to about 3000 characters")
    say(f"✓ {path}: {len(items) + 1} pages, {sum(item.png is not None for item in items)} of {len(items)} figures")


def _write(path: Path, people: Sequence[tuple[str, str]], items: Sequence[_Item]) -> list[str]:
    """Draw all pages; return the ids of the figures whose answer did not fit."""
    import matplotlib as mpl
    from matplotlib import font_manager
    from matplotlib.backends.backend_pdf import PdfPages

    installed = set(font_manager.get_font_names())
    family = ["DejaVu Sans", *(name for name in _OTHER_SCRIPTS if name in installed)]
    style: Any = {"pdf.fonttype": 42, "font.family": family}
    about = {"Title": f"{KIT['homework'].upper()} figures", "Creator": "hwkit", "Producer": None, "CreationDate": None}
    temporary = path.with_name(path.name + ".tmp")
    shortened = []
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(style)
        try:
            with PdfPages(temporary, metadata=about) as pdf:
                pdf.savefig(_title_page(people, items))
                for number, item in enumerate(items, 2):
                    page = _Page(f"{item.id} · page {number}/{len(items) + 1} · {KIT['homework']}")
                    if not _figure_page(page, item):
                        shortened.append(item.id)
                    pdf.savefig(page.figure)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    return shortened


class _Page:
    """A Letter page that is filled from the top; `y` is the distance from the top in inches."""

    def __init__(self, footer: str) -> None:
        from matplotlib.figure import Figure

        self.figure: Figure = Figure(figsize=PAGE)
        self.y = _MARGIN
        self.figure.text(0.5, 0.5 / PAGE[1], footer, ha="center", fontsize=9, color="0.25", parse_math=False)

    def text(self, text: str, size: float, *, after: float = 0.1, x: float = 0.0, **style: Any) -> None:
        """Set wrapped text; what follows starts `after` inches below it."""
        for line in wrapped(text, size, _WIDTH - x, weight=style.get("fontweight", "normal")):
            self._line(line, size, x, style)
            self.y += size * _LEADING / 72
        self.y += after

    def cells(self, columns: Sequence[tuple[float, str]], size: float, **style: Any) -> None:
        """Set one row of a table; each entry starts `x` inches from the left margin."""
        for x, text in columns:
            self._line(text, size, x, style)
        self.y += size * _LEADING / 72 + 0.04

    def _line(self, text: str, size: float, x: float, style: Mapping[str, Any]) -> None:
        left, top = (_MARGIN + x) / PAGE[0], 1 - self.y / PAGE[1]
        self.figure.text(left, top, text, fontsize=size, va="top", parse_math=False, **style)

    def picture(self, png: Path) -> None:
        """Place a picture in its box, as large as fits, at the left margin's width."""
        from matplotlib.image import imread

        pixels = imread(png)
        height, width = pixels.shape[:2]
        scale = min(_WIDTH / width, _PICTURE / height)
        w, h = width * scale, height * scale
        box = ((PAGE[0] - w) / 2 / PAGE[0], 1 - (self.y + h) / PAGE[1], w / PAGE[0], h / PAGE[1])
        axes = self.figure.add_axes(box)
        axes.imshow(pixels, aspect="auto", interpolation="none")
        axes.set_axis_off()
        self.y += h + 0.2

    def placeholder(self, text: str) -> None:
        """Draw the box of a figure that is not there."""
        from matplotlib.patches import Rectangle

        box = (_MARGIN / PAGE[0], 1 - (self.y + 2.2) / PAGE[1])
        frame = Rectangle(box, _WIDTH / PAGE[0], 2.2 / PAGE[1], fill=False, edgecolor="#B00020", linestyle="--")
        self.figure.add_artist(frame)
        self.figure.text(
            0.5, 1 - (self.y + 1.1) / PAGE[1], text, ha="center", va="center", fontsize=13, color="#B00020"
        )
        self.y += 2.4

    def room(self) -> float:
        """Return the inches that are left above the footer."""
        return PAGE[1] - self.y - 0.9


def _title_page(people: Sequence[tuple[str, str]], items: Sequence[_Item]) -> Figure:
    page = _Page(f"figures · page 1/{len(items) + 1} · {KIT['homework']}")
    page.text(f"{KIT['course']}  {KIT['term']}".strip(), 12, color="0.25", after=0.25)
    page.text(f"{KIT['homework'].upper()}: {KIT['title']}", 20, fontweight="bold", after=0.1)
    page.text("Figures and answers", 15, after=0.4)
    for name, netid in people or [("", "")]:
        page.cells([(0.0, name.strip() or "Name: __________________"), (3.6, netid.strip() or "NetID: __________")], 13)
    page.y += 0.4
    columns = (0.0, 0.7, 4.4, 5.2, 5.8)
    page.cells(list(zip(columns, ("", "Figure", "Points", "Page", ""), strict=True)), 10, fontweight="bold")
    for number, item in enumerate(items, 2):
        title = wrapped(item.title, 10, columns[2] - columns[1] - 0.15)
        short = title[0] + (" …" if len(title) > 1 else "") if title else ""
        state = "missing" if item.png is None else "no answer" if is_blank(item.answer) else "given"
        colour = "black" if state == "given" else "#B00020"
        page.cells(
            list(zip(columns, (item.id, short, f"{item.points:g}", str(number), state), strict=True)), 10, color=colour
        )
    page.y += 0.3
    page.text(
        f"Made by hwkit, release {KIT['release']}. Each figure keeps its page, whether it is given or not.",
        9,
        color="0.25",
    )
    return page.figure


def _figure_page(page: _Page, item: _Item) -> bool:
    """Fill one figure's page; return whether the answer fits on it."""
    points = f"({item.points:g} point{'' if item.points == 1 else 's'})"
    page.text(f"{item.id}  {points}", 14, fontweight="bold", after=0.06)
    page.text(item.title, 11, fontweight="bold", after=0.12)
    if item.caption and item.caption.strip(". ") != item.title.strip(". "):
        page.text(item.caption, 10, color="0.25", after=0.15)
    if item.png is None:
        page.placeholder(f"{item.id} was not provided")
    else:
        page.picture(item.png)
        if not is_blank(item.alt):
            page.text(f"What it shows: {item.alt}", 8.5, color="0.25", fontstyle="italic", after=0.2)
    page.text("Answer", 11, fontweight="bold", after=0.04)
    if is_blank(item.answer):
        page.text("No answer was given.", 10, color="#B00020")
        return True
    return _set_answer(page, item.answer)


def _set_answer(page: _Page, answer: str) -> bool:
    """Set the answer in the largest size that fits; cut it, with a note, when not even the smallest does."""
    lines: list[str] = []
    size = _SIZES[0]
    for size in _SIZES:
        lines = wrapped(answer, size, _WIDTH)
        most = int(page.room() / (size * _LEADING / 72))
        if len(lines) <= most:
            break
    fits = len(lines) <= most
    if not fits:
        lines = [*lines[: max(0, most - 1)], f"[cut here: {len(lines) - most + 1} more lines]"]
    for line in lines:
        page.cells([(0.0, line)], size)
        page.y -= 0.04  # lines of one text stand closer than rows of a table
    return fits


# ---- start -------------------------------------------------------------------------------------
# The first call of a session: says where the notebook runs, on what, and where its files go.

_LEAST_TORCH = (2, 1)
_LEAST_ROOM = 500_000_000  # bytes


def start(*, drive: bool = False) -> None:
    """Say what this session is, and what about it a student should change first.

    With `drive=True` Google Drive is mounted (Colab asks for consent), so that checkpoints and figures outlive the
    session; when that fails the session goes on without, and says what is lost.
    """
    say(f"{KIT['homework'].upper()}, release {KIT['release']}. Python {platform.python_version()}, "
        f"PyTorch {torch.__version__}, {_processor()}.")  # fmt: skip
    if drive:
        mount_drive()
    folder = storage()
    say(f"Checkpoints and figures go to {folder if folder.name else 'the folder of this notebook'}.")
    _warn_of_room(folder)
    if _version(torch.__version__) < _LEAST_TORCH:
        warn(
            f"PyTorch {torch.__version__} is older than this homework. In Colab: Runtime > Change runtime type, choose "
            "the latest runtime version. On your own computer: pip install --upgrade -r requirements.txt"
        )


def _processor() -> str:
    if torch.cuda.is_available():
        return f"GPU {torch.cuda.get_device_name()} (yours after one_step_cpu_check)"
    return "no GPU (none is needed until you train)"


def _warn_of_room(folder: object) -> None:
    try:
        free = shutil.disk_usage(str(folder)).free
    except OSError:
        return
    if free < _LEAST_ROOM:
        warn(
            f"only {free / 1e6:.0f} MB are left on this disk: checkpoints may fail. Delete old files (Drive counts its "
            "Bin too: empty it)."
        )


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("+", maxsplit=1)[0].split(".")[:2] if part.isdigit())


# ---- scripts -----------------------------------------------------------------------------------
# A notebook that was downloaded as a .py file (Colab, jupytext, nbconvert), split into its cells again.

_CELL_MARKER = re.compile(r"#\s?%%(?:\s+(?P<rest>.*)|(?P<tag>\[.*))?$|# In\[[ \d*]*\]:\s*$")
_COLAB_MAGIC = "# Commented out IPython magic to ensure Python compatibility."
_COLAB_CELL_MAGIC = re.compile(r"# %%(time|timeit|capture|prun)\b")


class ScriptBlock(NamedTuple):
    """One cell of a script: `offset` lines of the file come before `source`."""

    kind: str
    source: str
    offset: int


def looks_like_python(text: str) -> bool:
    """Whether a text without a telling file name has at least one line that starts a Python definition or import."""
    return re.search(r"(?m)^(?:def \w+\(|class \w+.*:|import \w+|from \w[\w.]* import )", text) is not None


def split_script(text: str) -> list[ScriptBlock]:
    """The cells of a script: one per `# %%` or `# In[…]:` marker, or one for a file without markers."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    _uncomment_cell_magics(lines)
    starts = [index for index, line in enumerate(lines) if line.startswith("#") and _CELL_MARKER.match(line)]
    if not starts:
        return [ScriptBlock("code", "\n".join(lines), 0)]
    blocks = [ScriptBlock("code", "\n".join(lines[: starts[0]]), 0)] if starts[0] else []
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        blocks.append(_block(lines[start], lines[start + 1 : end], start + 1))
    return blocks


def _block(header: str, body: list[str], offset: int) -> ScriptBlock:
    match = _CELL_MARKER.match(header)
    title = (match.group("rest") or match.group("tag") or "") if match else ""
    if re.search(r"\[(markdown|md|raw)\]", title):
        return ScriptBlock("text", "\n".join(re.sub(r"^# ?", "", line) for line in body), offset)
    return ScriptBlock("code", "\n".join(body), offset)


def _uncomment_cell_magics(lines: list[str]) -> None:
    """Colab comments out a whole cell that starts with `%%time`: bring the code back, line for line."""
    for index, line in enumerate(lines[:-1]):
        if line.strip() != _COLAB_MAGIC or not _COLAB_CELL_MAGIC.match(lines[index + 1]):
            continue
        lines[index + 1] = ""
        row = index + 2
        while row < len(lines) and lines[row].startswith("#"):
            lines[row] = re.sub(r"^# ?", "", lines[row])
            row += 1


# ---- cells -------------------------------------------------------------------------------------
# A submitted file as a list of cells, whatever state it is in; and the hash by which cells are compared.

MAX_NOTEBOOK_BYTES = 50_000_000
WARN_NOTEBOOK_BYTES = 10_000_000
DOWNLOAD_HINT = "in Colab use File > Download > Download .ipynb, and upload that file"
_AGAIN = "download it again and check that it opens"

_SIGNATURES = (
    (b"PK\x03\x04", f"This is a zip or Office file under another name, not a notebook: {DOWNLOAD_HINT}."),
    (b"%PDF", f"This is a PDF, not a notebook: {DOWNLOAD_HINT}."),
    (b"{\\rtf", f"This is a rich-text document, not a notebook: {DOWNLOAD_HINT}."),
    (b"\x89PNG", f"This is an image, not a notebook: {DOWNLOAD_HINT}."),
    (b"\xff\xd8\xff", f"This is an image, not a notebook: {DOWNLOAD_HINT}."),
    (b"\x1f\x8b", f"This is a compressed file, not a notebook: {DOWNLOAD_HINT}."),
)
_CONFLICT = re.compile(r"^(<{7}|>{7})(?: .*)?$", re.MULTILINE)
_SHORTCUT_KEYS = {"url", "doc_id", "resource_id", "resource_key", "shortcutDetails", "mimeType"}
_FORM_FIELD = re.compile(r"#\s*@param\b")
_ZERO_WIDTH = re.compile("[\u200b\u200c\u200d\u2060\ufeff]")
_HARD_SPACE = re.compile("[\u00a0\u202f]")


class UnreadableNotebookError(Exception):
    """The file is not a notebook. `str()` is one sentence a student can act on."""


@dataclass(frozen=True)
class NotebookCell:
    """One cell. `number` counts all cells from 1; `kind` is "code" or "text"; `offset` is the number of lines before
    `source` in a script (0 in a notebook); `label` is the file name under which its code is compiled.
    """

    number: int
    kind: str
    source: str
    label: str
    offset: int = 0

    @property
    def is_script(self) -> bool:
        """Whether the cell is a part of a .py file, where line numbers count from the top of the file."""
        return not self.label.startswith("cell ")

    @cached_property
    def hash(self) -> str:
        """The `cell_hash` of the source."""
        return cell_hash(self.source)

    def line(self, line_in_source: int) -> int:
        """The line number a reader of the submitted file would give to a line of `source` (both 1-based)."""
        return self.offset + line_in_source

    def where(self, line_in_source: int | None = None) -> str:
        """`cell 7`, `cell 7, line 3`, or `line 120 of hw2.py`."""
        if self.is_script:
            return f"line {self.line(line_in_source or 1)} of {self.label}"
        return self.label if line_in_source is None else f"{self.label}, line {line_in_source}"


def read_cells(filename: str, data: bytes) -> list[NotebookCell]:
    """The cells of a notebook (nbformat 3 or 4) or of a script downloaded from one, in order.

    Raises UnreadableNotebookError, with a sentence for the student, for everything else.
    """
    text = _decode(data)
    head = text.lstrip()[:200].lower()
    conflict = _CONFLICT.search(text)
    if head.startswith("<") and not head.startswith("<<<<<<<"):
        raise UnreadableNotebookError(f"This is a web page, not a notebook: {DOWNLOAD_HINT}.")
    if head.startswith("{") or (conflict and '"cells"' in text):
        return _notebook_cells(_load_json(text, conflict))
    if head.startswith("["):
        raise UnreadableNotebookError(f"This is a JSON file, but not a notebook: {DOWNLOAD_HINT}.")
    if not (filename.lower().endswith(".py") or looks_like_python(text)):
        raise UnreadableNotebookError(f"This is a text file, not a notebook: {DOWNLOAD_HINT}.")
    label = script_label(filename)
    return [_script_cell(number, block, label) for number, block in enumerate(split_script(text), 1)]


def normal_form(source: str) -> str:
    """`source` without what editors change by themselves: line endings, trailing blanks, invisible characters, blank
    lines at both ends, and the lines that a Colab form rewrites (`#@param`).
    """
    lines = visible(tidy(source)).split("\n")
    if "@param" in source:
        lines = [line for line in lines if not _FORM_FIELD.search(line)]
    return "\n".join([line.rstrip() for line in lines]).strip("\n")


def cell_hash(source: str) -> str:
    """The sha256, in hex, of the normal form of one cell's source."""
    return hashlib.sha256(normal_form(source).encode()).hexdigest()


def digest_cells(cells: list[NotebookCell]) -> str:
    """The sha256, in hex, over the code cells' sources: unchanged when Colab or Jupyter saves the notebook again."""
    hashes = [cell.hash for cell in cells if cell.kind == "code" and cell.source.strip()]
    return hashlib.sha256("\n".join(hashes).encode()).hexdigest()


def tidy(text: str) -> str:
    """`text` with plain line ends, no NUL characters and no lone surrogates, so that it can be parsed and encoded."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def visible(text: str) -> str:
    """`text` without zero-width characters and with plain spaces for the non-breaking ones."""
    return text if text.isascii() else _HARD_SPACE.sub(" ", _ZERO_WIDTH.sub("", text))


def script_label(filename: str) -> str:
    """A short printable name for a submitted script; never one that looks like a cell's label."""
    base = re.split(r"[/\\]", filename)[-1]
    base = re.sub(r"[^\w.() -]", "_", base)[:80] or "submission.py"
    return f"{base}.py" if base.startswith("cell ") and not base.endswith(".py") else base


def _decode(data: bytes) -> str:
    if len(data) > MAX_NOTEBOOK_BYTES:
        raise UnreadableNotebookError(
            "The notebook is larger than 50 MB: use Edit > Clear all outputs, save, and upload it again."
        )
    for signature, sentence in _SIGNATURES:
        if data.startswith(signature):
            raise UnreadableNotebookError(sentence)
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    text = data.decode(encoding, "replace").replace("\x00", "").lstrip("\ufeff")
    if not text.strip():
        raise UnreadableNotebookError(f"The file is empty: save the notebook, then {DOWNLOAD_HINT}.")
    return text


def _load_json(text: str, conflict: re.Match[str] | None) -> Any:
    try:
        return json.JSONDecoder(strict=False).raw_decode(text.lstrip())[0]
    except json.JSONDecodeError as error:
        if conflict:
            line = text.count("\n", 0, conflict.start()) + 1
            raise UnreadableNotebookError(
                f"The notebook holds merge conflict markers ({conflict.group(1)} at line {line}): resolve the "
                "conflict in git, open the notebook to check it, and upload it again."
            ) from None
        if error.pos >= len(text.strip()) - 2 or error.msg.startswith("Unterminated"):
            raise UnreadableNotebookError(
                f"The notebook is cut off (its JSON ends at line {error.lineno}): {_AGAIN}."
            ) from None
        raise UnreadableNotebookError(
            f"The notebook is damaged (invalid JSON at line {error.lineno}: {error.msg}): {_AGAIN}."
        ) from None
    except (RecursionError, MemoryError):
        raise UnreadableNotebookError(
            "The notebook is damaged (its JSON is nested too deeply): download it again."
        ) from None
    except ValueError as error:
        raise UnreadableNotebookError(f"The notebook is damaged ({str(error)[:80]}): download it again.") from None


def _notebook_cells(notebook: Any) -> list[NotebookCell]:
    raw = notebook.get("cells") if isinstance(notebook, dict) else None
    if raw is None and isinstance(notebook, dict) and isinstance(notebook.get("worksheets"), list):  # nbformat 3
        sheets = [sheet.get("cells") for sheet in notebook["worksheets"] if isinstance(sheet, dict)]
        raw = [cell for cells in sheets if isinstance(cells, list) for cell in cells]
    if not isinstance(raw, list):
        if isinstance(notebook, dict) and _SHORTCUT_KEYS & notebook.keys():
            raise UnreadableNotebookError(
                f"This is a shortcut to a file in Google Drive, not the notebook itself: open it, then {DOWNLOAD_HINT}."
            )
        raise UnreadableNotebookError(f"This is a JSON file, but not a notebook (it has no cells): {DOWNLOAD_HINT}.")
    return [_notebook_cell(number, cell) for number, cell in enumerate(raw, 1)]


def _notebook_cell(number: int, cell: Any) -> NotebookCell:
    if not isinstance(cell, dict):
        return NotebookCell(number, "text", "", f"cell {number}")
    source = cell.get("source", cell.get("input", ""))
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    kind = "code" if cell.get("cell_type", "code") == "code" else "text"
    return NotebookCell(number, kind, tidy(source) if isinstance(source, str) else "", f"cell {number}")


def _script_cell(number: int, block: ScriptBlock, label: str) -> NotebookCell:
    return NotebookCell(number, block.kind, block.source, label, block.offset)


# ---- kinds -------------------------------------------------------------------------------------
# What kind of thing a top-level statement is, judged from its syntax alone.

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
        return "light" if all(kind_of(part) in ("def", "light", "import") for part in _kinds_parts(node)) else "heavy"
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


def _kinds_parts(node: ast.If | ast.Try) -> list[ast.stmt]:
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


# ---- closure -----------------------------------------------------------------------------------
# Which statements of a notebook a set of names needs, and which of several definitions of a name counts.

    pass

_CALLABLE_KINDS = ("def", "import")


class Closure:
    """The providers of every name, with the rules of a careful reader:

    - a later definition wins, except that an untouched stub never wins over an attempt;
    - a value that rebinds a function is ignored (`elbo = elbo(model, x)`), an alias or a partial is honoured;
    - names of given cells are never taken from the submission.
    """

    def __init__(
        self,
        statements: Iterable[Statement],
        given: Mapping[str, frozenset[str]],
        stubs: set[Statement],
        graded: set[str],
    ) -> None:
        self.statements = [s for s in statements if not s.given]
        self.given = given
        self.graded = graded
        self.order = {statement: index for index, statement in enumerate(self.statements)}
        self.shadows: list[tuple[Statement, str]] = []
        self.overridden_stubs: list[tuple[Statement, str]] = []
        self.definitions: dict[str, list[Statement]] = {}
        self._providers: dict[str, list[Statement]] = {}
        for statement in self.statements:
            if statement.kind == "def":
                for name in statement.binds - given.keys():
                    self.definitions.setdefault(name, []).append(statement)
        self._index(stubs)

    def providers(self, name: str) -> list[Statement]:
        """The statements that bind `name` (or change its object), in order, without those that are ignored."""
        return self._providers.get(name, [])

    def binding(self, name: str) -> Statement | None:
        """The statement that decides what `name` is: the last one that binds it."""
        return next((s for s in reversed(self.providers(name)) if name in s.binds), None)

    def needed(self, roots: Iterable[str]) -> list[Statement]:
        """The statements that the names `roots` need, in notebook order; definitions that are replaced before anything
        could have used them are left out.
        """
        chosen = self._reach(roots, frozenset())
        dead = self._dead(chosen)
        if dead:
            chosen = self._reach(roots, dead)
        return self._with_last_word(sorted(chosen, key=self.order.__getitem__))

    def _index(self, stubs: set[Statement]) -> None:
        callables = set(self.definitions)
        for statement in self.statements:
            if statement.kind == "import":
                callables |= statement.binds
            for name in statement.binds | statement.changes:
                if name in self.given:
                    continue
                if name in statement.binds and self._ignored(statement, name, stubs, callables):
                    continue
                self._providers.setdefault(name, []).append(statement)

    def _ignored(self, statement: Statement, name: str, stubs: set[Statement], callables: set[str]) -> bool:
        definitions = self.definitions.get(name, [])
        if statement in stubs:
            attempts = [d for d in definitions if d not in stubs]
            if attempts and self.order[attempts[-1]] < self.order[statement]:
                self.overridden_stubs.append((statement, name))
            return bool(attempts)
        if statement.kind in _CALLABLE_KINDS or is_alias(statement.node, name, callables):
            return False
        if definitions:
            if not (name in self.graded or name in self._called):
                return False
            if self.order[definitions[-1]] < self.order[statement]:
                self.shadows.append((statement, name))
            return True
        return name in statement.loop_targets and bool(self._providers.get(name))

    @cached_property
    def _called(self) -> set[str]:
        return {name for s in self.statements if s.kind == "def" for name in called_names(s.node)}

    def _reach(self, roots: Iterable[str], without: frozenset[Statement]) -> set[Statement]:
        chosen = {s for s in self._special if s.kind == "star"}
        seen: set[str] = set()
        todo = list(roots)
        while True:
            while todo:
                name = todo.pop()
                if name in seen:
                    continue
                seen.add(name)
                todo.extend(self.given.get(name, ()))
                for statement in self._submodule_imports.get(name, []) if name in self.given else self.providers(name):
                    if statement not in chosen and statement not in without:
                        chosen.add(statement)
                        todo.extend(statement.uses)
            setups = self._setups(chosen)
            if not setups:
                return chosen
            chosen |= setups
            todo = [name for s in setups for name in s.uses]

    def _setups(self, chosen: set[Statement]) -> set[Statement]:
        """Seeds and default dtypes matter where something is computed while the notebook loads."""
        if not any(s.kind in ("light", "heavy") for s in chosen):
            return set()
        return {s for s in self._special if s.kind == "setup" and s not in chosen}

    @cached_property
    def _special(self) -> list[Statement]:
        return [s for s in self.statements if s.kind in ("star", "setup")]

    @cached_property
    def _submodule_imports(self) -> dict[str, list[Statement]]:
        """`import torch.distributions` rebinds a given `torch` to itself but loads the submodule: worth keeping."""
        found: dict[str, list[Statement]] = {}
        for s in self.statements:
            if (
                s.kind == "import"
                and isinstance(s.node, ast.Import)
                and "." in s.node.names[0].name
                and not s.node.names[0].asname
            ):
                found.setdefault(s.node.names[0].name.partition(".")[0], []).append(s)
        return found

    def _dead(self, chosen: set[Statement]) -> frozenset[Statement]:
        """Definitions replaced by a later one, with nothing between them that runs code or reads the name."""
        dead: set[Statement] = set()
        ordered = sorted(chosen, key=self.order.__getitem__)
        last: dict[str, Statement] = {}
        for statement in ordered:
            if statement.kind not in ("def", "import"):
                last.clear()
                continue
            for name in statement.names.now:
                last.pop(name, None)
            for name in statement.binds:
                if statement.kind == "def":
                    if name in last:
                        dead.add(last[name])
                    last[name] = statement
                else:
                    last.pop(name, None)
        return frozenset(dead)

    def _with_last_word(self, ordered: list[Statement]) -> list[Statement]:
        """Repeat a definition after a statement that is needed for another name but would overwrite it."""
        shadows, present = set(self.shadows), set(ordered)
        repeat: dict[Statement, None] = {}
        for statement in ordered:
            for name in statement.binds:
                if (statement, name) in shadows:
                    repeat.update(dict.fromkeys(s for s in self.providers(name) if s in present))
        return ordered + list(repeat)


# ---- magics ------------------------------------------------------------------------------------
# Notebook syntax that is not Python: cell magics, line magics, shell lines and help lines.
#
# Lines are removed only where Python's parser stops ("error-driven"), so that a line that starts with % or ! inside a
# string or a bracket is never touched, and IPython is not needed.

PARSE_ERRORS = (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError)
_PARSE_FLAGS = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
_MAX_REPAIRS = 30  # a cell with more magics than this is repaired block by block, which keeps the cost linear
_CELL_MAGIC = re.compile(r"(?P<lead>(?:[ \t]*(?:#[^\n]*)?\n)*)[ \t]*%%(?P<name>[\w!]+)(?P<rest>[^\n]*)(?:\n|$)")
_KEEP_BODY = {
    "time",
    "timeit",
    "capture",
    "prun",
    "memit",
    "mprun",
    "wandb",
    "debug",
    "ipytest",
    "snakeviz",
    "heat",
    "python",
    "python3",
}
_NOT_PYTHON = {
    "bash",
    "sh",
    "script",
    "html",
    "HTML",
    "javascript",
    "js",
    "latex",
    "markdown",
    "svg",
    "perl",
    "ruby",
    "R",
    "sql",
    "bigquery",
    "cython",
    "system",
    "sx",
    "!",
    "shell",
    "cmd",
}
_PYTHON_FILE = re.compile(r"(?:\./|/content/)?(\w+)\.py")
_HELP_LINE = re.compile(r"\?{1,2}[\w.]+|[\w.]+\?{1,2}")
_MAGIC_TARGET = re.compile(r"[\w.,\s\[\]'\"()*]+")


class PythonBody(NamedTuple):
    """What a code cell holds: `python` (None when it is not Python), the cell `magic` it starts with if any, and for
    `%%writefile name.py` the module it `writes` as (name, text, whether it is appended).
    """

    python: str | None
    magic: str | None = None
    writes: tuple[str, str, bool] | None = None


class ParsedText(NamedTuple):
    """A parsed text: `text` is what was parsed, with as many lines as the original."""

    tree: ast.Module
    text: str


def python_body(source: str) -> PythonBody:
    """The Python in a code cell, at its own line numbers, after its cell magic is taken off."""
    match = _CELL_MAGIC.match(source)
    if not match:
        return PythonBody(source)
    name, rest, body = match.group("name"), match.group("rest").split(), source[match.end() :]
    if name in ("writefile", "file"):
        target = _PYTHON_FILE.fullmatch(rest[-1].strip("'\"")) if rest else None
        return PythonBody(None, name, (target.group(1), body, "-a" in rest) if target else None)
    if name in _NOT_PYTHON or (
        name not in _KEEP_BODY and not re.search(r"(?m)^(def|class|import|from|async def) ", body)
    ):
        return PythonBody(None, name)
    lines_before = source.count("\n", 0, match.end())
    inner = python_body(body)
    if inner.python is None:
        return inner
    return PythonBody("\n" * lines_before + inner.python, name)


def parse_text(text: str) -> ParsedText:
    """Parse a cell (or a part of one), removing what is not Python only where the parser stops.

    Raises one of PARSE_ERRORS when the rest is not Python either.
    """
    lines = text.split("\n")
    for _ in range(_MAX_REPAIRS):
        joined = "\n".join(lines)
        try:
            return ParsedText(parse_python(joined), joined)
        except SyntaxError as error:
            if not _repair(lines, error):
                raise
    return ParsedText(parse_python("\n".join(lines)), "\n".join(lines))


def parse_python(text: str) -> ast.Module:
    """The syntax tree of plain Python, top-level `await` allowed. Raises one of PARSE_ERRORS."""
    tree = compile(text, "<cell>", "exec", _PARSE_FLAGS, dont_inherit=True)
    assert isinstance(tree, ast.Module)
    return tree


def is_magic_line(line: str) -> bool:
    """Whether a line could be a line magic, a shell line, an assignment from one, or a help line."""
    text = line.strip()
    if not text or text[0] == "#":
        return False
    if text[0] in "%!":
        return True
    if "?" in (text[0], text[-1]):
        return len(text) < 200 and _HELP_LINE.fullmatch(text) is not None
    target, equals, value = text.partition("=")
    value = value.lstrip()
    return (
        bool(equals) and value[:1] in ("%", "!") and value[:2] != "!=" and _MAGIC_TARGET.fullmatch(target) is not None
    )


def _repair(lines: list[str], error: SyntaxError) -> bool:
    """Change `lines` where the parser stopped; False when nothing there looks like notebook syntax."""
    if "non-printable character" in (error.msg or ""):
        cleaned = [visible(line) for line in lines]
        if cleaned != lines:
            lines[:] = cleaned
            return True
    if isinstance(error, IndentationError) and "unexpected indent" in (error.msg or "") and _dedent(lines):
        return True
    stop = min(error.lineno or 1, len(lines)) - 1
    for index in range(stop, max(-1, stop - 4), -1):
        if is_magic_line(lines[index]):
            _remove_magic(lines, index)
            return True
    return False


def _dedent(lines: list[str]) -> bool:
    """Take off the first line's indentation everywhere, as IPython does for a cell that is indented as a whole."""
    first = next((line for line in lines if line.strip() and not line.lstrip().startswith("#")), "")
    indent = first[: len(first) - len(first.lstrip())]
    if not indent:
        return False
    lines[:] = [line.removeprefix(indent) for line in lines]
    return True


def _remove_magic(lines: list[str], index: int) -> None:
    last = index
    while lines[last].rstrip().endswith("\\") and last + 1 < len(lines):
        last += 1
    line = lines[index]
    indent, text = line[: len(line) - len(line.lstrip())], line.strip()
    timed = re.match(r"%time\s+(.+)", text)
    target = text.partition("=")[0].strip() if text[0] not in "%!?" and "=" in text else ""
    lines[index] = indent + (f"{target} = None" if target else timed.group(1) if timed else "pass")
    lines[index + 1 : last + 1] = [""] * (last - index)


# ---- cpu ---------------------------------------------------------------------------------------
# Source text for a machine without a GPU: `"cuda"` literals become `"cpu"`, and `.cuda()` calls go.

_CUDA = re.compile(r"cuda(:\d+)?")
_TEXT_METHODS = {"startswith", "endswith", "find", "index", "count", "replace", "split"}

Edit = tuple[int, int, int, str]  # row (1-based), start and end in UTF-8 bytes, new text


def to_cpu(source: str) -> str:
    """`source` with device literals changed in place: same lines, same layout. Comparisons (`x.type == "cuda"`),
    dictionary keys, f-strings and texts that are searched stay. A text that does not parse is returned as it is.
    """
    if "cuda" not in source:
        return source
    try:
        edits = sorted(_edits(parse_python(source)), reverse=True)
    except PARSE_ERRORS:
        return source
    lines = source.split("\n")
    for row, start, end, text in edits:
        raw = lines[row - 1].encode()
        lines[row - 1] = (raw[:start] + text.encode() + raw[end:]).decode()
    return "\n".join(lines)


def _edits(tree: ast.AST) -> Iterator[Edit]:
    stack: list[ast.AST] = [tree]
    while stack:  # not recursive: a student's expression may be arbitrarily deep
        node = stack.pop()
        if isinstance(node, ast.Constant):
            if isinstance(node.value, str) and _CUDA.fullmatch(node.value) and node.lineno == node.end_lineno:
                yield node.lineno, node.col_offset, node.end_col_offset or 0, '"cpu"'
            continue
        receiver = _cuda_receiver(node)
        if receiver is not None:
            yield from _cut(receiver, node)
            stack.append(receiver)
            continue
        stack.extend(_children(node))


def _cuda_receiver(node: ast.AST) -> ast.expr | None:
    """`x` of a call `x.cuda(…)`."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "cuda":
        return node.func.value
    return None


def _cut(receiver: ast.expr, call: ast.AST) -> Iterator[Edit]:
    """The edit that leaves only the receiver, where it ends on the line on which the call ends."""
    if isinstance(call, ast.Call) and receiver.end_lineno is not None and receiver.end_lineno == call.end_lineno:
        yield receiver.end_lineno, receiver.end_col_offset or 0, call.end_col_offset or 0, ""


def _children(node: ast.AST) -> list[ast.AST]:
    """The children in which a literal names a device."""
    if isinstance(node, ast.JoinedStr):
        return []
    if isinstance(node, ast.Compare):
        return [x for x in ast.iter_child_nodes(node) if not isinstance(x, ast.Constant)]
    if isinstance(node, ast.Dict):
        return list(node.values)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _TEXT_METHODS:
        return [node.func]
    found: list[ast.AST] = []
    for value in node.__dict__.values():
        if isinstance(value, list):
            found += [x for x in value if isinstance(x, ast.AST)]
        elif isinstance(value, ast.AST):
            found.append(value)
    return found


# ---- statements --------------------------------------------------------------------------------
# The top-level statements of a notebook: what each binds, changes and reads, and what kind of thing it is.
#
# Kinds: import · star (`from x import *`) · def · light (a value that costs nothing to compute) · heavy (everything else
# that binds or changes a name) · setup (seeds, default dtype) · drop (calls for their effect, prints, assertions).

    pass


_IMMEDIATE_SCOPES = {"genexpr", "listcomp", "setcomp", "dictcomp"}  # function scopes that run where they stand


@dataclass(eq=False)
class Statement:
    """One top-level statement (or one name of an import). `source` starts at `line` of the cell (1-based)."""

    cell: NotebookCell
    node: ast.stmt
    source: str
    line: int
    kind: str
    binds: frozenset[str]
    future: tuple[str, ...] = ()
    given: bool = False  # the cell is, unchanged, a given cell of a release
    loop_targets: frozenset[str] = field(default_factory=frozenset)

    @cached_property
    def names(self) -> NameUse:
        """What the statement reads and sets, by scope."""
        return scan_names(self.source, self.node)

    @property
    def uses(self) -> frozenset[str]:
        """Every global name it reads, now or when a function of it is called."""
        return self.names.now | self.names.later

    @cached_property
    def changes(self) -> frozenset[str]:
        """Names whose objects the statement changes in place (`x[0] = 1`, `x.append(1)`, `Cls.method = f`)."""
        if self.kind in ("import", "star", "def"):
            return frozenset()
        return frozenset(changed_names(self.node))

    @cached_property
    def packages(self) -> frozenset[str]:
        """Top-level packages it imports, at once or in a function, but not under `try`."""
        return frozenset(_imported_packages(self.node))

    @cached_property
    def annotated(self) -> frozenset[str]:
        """Names that its annotations mention."""
        parts = [getattr(x, field, None) for x in walk(self.node) for field in ("annotation", "returns")]
        return frozenset(x.id for p in parts if isinstance(p, ast.AST) for x in walk(p) if isinstance(x, ast.Name))

    @property
    def definition_line(self) -> int:
        """The line of the `def`, `class` or assignment itself, below its decorators."""
        return self.line + (self.node.lineno - first_row(self.node))

    @property
    def where(self) -> str:
        return self.cell.where(self.definition_line if self.cell.is_script else None)


@dataclass(frozen=True)
class NameUse:
    """Global names a statement reads when it runs (`now`), reads when its functions are called (`later`), or sets
    from inside a function by `global`.
    """

    now: frozenset[str] = frozenset()
    later: frozenset[str] = frozenset()
    declared: frozenset[str] = frozenset()


def split_statements(
    cell: NotebookCell, parsed: ParsedText, before: int, future: list[str], on_cpu: bool
) -> list[Statement]:
    """The statements of a parsed text that starts `before` lines into the cell. `future` collects `__future__` names,
    which hold for all later cells, as in a kernel.
    """
    lines = parsed.text.split("\n")
    found: list[Statement] = []
    for node, guarded in _top_level(parsed.tree):
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            future.extend(alias.name for alias in node.names if alias.name not in future)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found.extend(_imports(cell, node, before, tuple(future)))
        elif not isinstance(node, (ast.Pass, ast.Assert, ast.Delete, ast.Global)):
            source, line = _segment(lines, node), first_row(node) + before
            if guarded:  # a statement of `if __name__ == "__main__":`, with its lines as they are
                source, line = "if True:\n" + "\n".join(lines[first_row(node) - 1 : node.end_lineno]), line - 1
            found.append(_statement(cell, node, to_cpu(source) if on_cpu else source, line, tuple(future)))
    return [s for s in found if s.kind != "drop"]


def first_row(node: ast.stmt) -> int:
    """The row of the statement's first line, decorators included."""
    decorators = getattr(node, "decorator_list", [])
    return int(min([node.lineno, *(d.lineno for d in decorators)]))


def scan_names(source: str, node: ast.AST) -> NameUse:
    """The global names of one statement, from the compiler's own symbol table."""
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return NameUse()
    try:
        top = symtable.symtable(source, "<statement>", "exec")
    except PARSE_ERRORS:
        names = frozenset(x.id for x in walk(node) if isinstance(x, ast.Name) and isinstance(x.ctx, ast.Load))
        return NameUse(now=names, later=names)
    now = {symbol.get_name() for symbol in top.get_symbols() if symbol.is_referenced()}
    later, declared = _scan_scopes(top, now)
    later |= _stepped(node) & declared
    now -= comprehension_targets(node)
    return NameUse(frozenset(now), frozenset(later), frozenset(declared))


def _scan_scopes(top: symtable.SymbolTable, now: set[str]) -> tuple[set[str], set[str]]:
    """The globals that inner scopes read later and the ones they set; those they read at once are added to `now`."""
    later, declared = set[str](), set[str]()
    stack = [(table, True) for table in top.get_children()]
    while stack:
        table, runs_now = stack.pop()
        runs_now = runs_now and (str(table.get_type()) != "function" or table.get_name() in _IMMEDIATE_SCOPES)
        stack += [(child, runs_now) for child in table.get_children()]
        for symbol in table.get_symbols():
            if symbol.is_global():
                if symbol.is_referenced():
                    (now if runs_now else later).add(symbol.get_name())
                if symbol.is_assigned() and symbol.is_declared_global():
                    declared.add(symbol.get_name())
    return later, declared


def _stepped(node: ast.AST) -> set[str]:
    """Names that `node` changes by `n += 1`: it reads them, which a symbol table does not show."""
    return {x.target.id for x in walk(node) if isinstance(x, ast.AugAssign) and isinstance(x.target, ast.Name)}


def _top_level(tree: ast.Module) -> Iterator[tuple[ast.stmt, bool]]:
    """The statements of a module; those under `if __name__ == "__main__":` count as its own."""
    for node in tree.body:
        if isinstance(node, ast.If) and _is_main_guard(node.test):
            yield from ((child, node.lineno != child.lineno) for child in node.body)
        else:
            yield node, False


def _is_main_guard(test: ast.expr) -> bool:
    return (
        isinstance(test, ast.Compare)
        and isinstance(test.left, ast.Name)
        and test.left.id == "__name__"
        and "__main__" in ast.dump(test)
    )


def _segment(lines: list[str], node: ast.stmt) -> str:
    """The original text of a statement; it need not start at the beginning of its first line (`a = 1; b = 2`)."""
    start, end = first_row(node) - 1, (node.end_lineno or node.lineno) - 1
    rows = lines[start : end + 1]
    rows[-1] = rows[-1].encode()[: node.end_col_offset].decode()
    if start == node.lineno - 1 and node.col_offset:
        rows[0] = rows[0].encode()[node.col_offset :].decode()
    return "\n".join(rows)


def _imports(
    cell: NotebookCell, node: ast.Import | ast.ImportFrom, before: int, future: tuple[str, ...]
) -> Iterator[Statement]:
    """One statement per imported name: a missing module must not lose the others."""
    origin = f"from {'.' * node.level}{node.module or ''} " if isinstance(node, ast.ImportFrom) else ""
    for alias in node.names:
        text = f"{origin}import {alias.name}" + (f" as {alias.asname}" if alias.asname else "")
        part: ast.stmt = (
            ast.ImportFrom(node.module, [alias], node.level)
            if isinstance(node, ast.ImportFrom)
            else ast.Import([alias])
        )
        ast.copy_location(part, node)
        name = alias.asname or (alias.name if origin else alias.name.partition(".")[0])
        kind, binds = ("star", frozenset[str]()) if alias.name == "*" else ("import", frozenset((name,)))
        yield Statement(cell, part, text, node.lineno + before, kind, binds, future)


def _statement(cell: NotebookCell, node: ast.stmt, source: str, line: int, future: tuple[str, ...]) -> Statement:
    kind = kind_of(node)
    if kind == "drop":
        return Statement(cell, node, source, line, kind, frozenset())
    if isinstance(node, DEFINITIONS):
        return Statement(cell, node, source, line, kind, frozenset((node.name,)), future)
    statement = Statement(cell, node, source, line, kind, bound_names(node), future)
    statement.loop_targets = loop_variables(node)
    if isinstance(node, ast.Expr) and kind == "heavy" and not statement.binds and not statement.changes:
        statement.kind = "drop"
    return statement


def _imported_packages(node: ast.AST) -> Iterator[str]:
    stack: list[ast.AST] = [node]
    while stack:
        item = stack.pop()
        if isinstance(item, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in item.names)
        elif isinstance(item, ast.ImportFrom) and not item.level and item.module:
            yield item.module.partition(".")[0]
        elif not isinstance(item, (ast.Try, ast.expr)):
            stack.extend(ast.iter_child_nodes(item))


# ---- salvage -----------------------------------------------------------------------------------
# What can be kept of a cell with a syntax error: every top-level block that parses, every sound method of a class.

_CONTINUES = re.compile(r"(?:else|elif|except|finally|case)\b|[)\]}'\"#]")
_DEFINES = re.compile(r"(?m)^(?:async[ \t]+)?(?:def|class)[ \t]+(\w+)|^(\w+)[ \t]*(?::[^=\n]*)?=(?!=)")
_INCOMPLETE = (
    "was never closed",
    "unterminated triple-quoted",
    "unexpected EOF",
    "EOF in multi-line",
    "EOF while scanning",
)
_MAX_JOINS = 40  # blocks tried together when a bracket stays open
_MAX_ALL_JOINS = 400  # in one cell, so that the time stays linear in its length


class SoundBlock(NamedTuple):
    """A part of a cell that parses; `before` lines of the cell come before it."""

    parsed: ParsedText
    before: int


class BrokenBlock(NamedTuple):
    """A part of a cell that does not parse: `line` (1-based, in the cell) and `reason` of the error, the top-level
    `names` the part would have defined, and `method` when only this method of a class is broken.
    """

    line: int
    reason: str
    names: tuple[str, ...]
    method: str | None = None


def salvage(text: str) -> tuple[list[SoundBlock], list[BrokenBlock]]:
    """The sound and the broken top-level blocks of a cell, in order."""
    salvager = _Salvager(text.split("\n"))
    position = 0
    while position < len(salvager.starts):
        position = salvager.take(position)
    return salvager.sound, salvager.broken


def reason_of(error: BaseException) -> str:
    """One short phrase for a parse error."""
    if isinstance(error, SyntaxError):
        return re.sub(r" on line \d+| \(detected at line \d+\)", "", error.msg or "invalid syntax")
    if isinstance(error, (RecursionError, MemoryError)):
        return "the expression is nested too deeply"
    return str(error)[:120] or type(error).__name__


class _Salvager:
    """Splits a cell at its left margin; block `i` is `lines[starts[i]:ends[i]]`."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        self.starts = [i for i, line in enumerate(lines) if line[:1].strip() and not _CONTINUES.match(line)]
        self.ends = [*self.starts[1:], len(lines)]
        self.joins = _MAX_ALL_JOINS
        self.sound: list[SoundBlock] = []
        self.broken: list[BrokenBlock] = []

    def take(self, position: int) -> int:
        """Record the block at `position` as sound or broken; returns the position of the next one."""
        own = position
        while self._line(own).startswith("@") and own + 1 < len(self.starts):  # decorators belong to what follows
            own += 1
        error, last = self._try(position, own)
        if error is None:
            return last + 1
        first = self.starts[position]
        self._record_broken(self.lines[first : self.ends[own]], first, error)
        return own + 1

    def _line(self, position: int) -> str:
        return self.lines[self.starts[position]]

    def _try(self, position: int, last: int) -> tuple[BaseException | None, int]:
        """Parse the blocks from `position` to `last`, and to later ones while the text is merely unfinished."""
        first, error = self.starts[position], None
        for _ in range(_MAX_JOINS):
            try:
                self.sound.append(SoundBlock(parse_text("\n".join(self.lines[first : self.ends[last]])), first))
            except PARSE_ERRORS as problem:
                error = error or problem
                following = self._following(last, problem)
            else:
                return None, last
            if following is None or self.joins <= 0:
                break
            self.joins -= 1
            last = following
        return error, last

    def _following(self, last: int, error: BaseException) -> int | None:
        """The last block to join next, or None when joining cannot help."""
        if not isinstance(error, SyntaxError) or not any(hint in (error.msg or "") for hint in _INCOMPLETE):
            return None
        if "triple" not in error.msg:
            return last + 1 if last + 1 < len(self.starts) else None
        index = bisect_right(self._quoted, last)  # only a block with quotes can finish the text
        return self._quoted[index] if index < len(self._quoted) else None

    @cached_property
    def _quoted(self) -> list[int]:
        """The blocks that hold triple quotes."""
        rows = [i for i, line in enumerate(self.lines) if '"""' in line or "'''" in line]
        return sorted({bisect_right(self.starts, row) - 1 for row in rows})

    def _record_broken(self, block: list[str], first: int, error: BaseException) -> None:
        """Record a block that does not parse; of a class, keep what can be kept."""
        names = tuple(a or b for a, b in _DEFINES.findall("\n".join(block)))
        text, methods = _repair_class(block, first) or ("", [])
        if methods:
            try:
                self.sound.append(SoundBlock(ParsedText(parse_python(text), text), first))
            except PARSE_ERRORS:
                pass
            else:
                self.broken += [BrokenBlock(line, reason, names[:1], method) for method, line, reason in methods]
                return
        line = error.lineno if isinstance(error, SyntaxError) and error.lineno else 1
        self.broken.append(BrokenBlock(first + min(line, len(block)), reason_of(error), names))


def _repair_class(block: list[str], first: int) -> tuple[str, list[tuple[str, int, str]]] | None:
    """A class in which each broken method raises its SyntaxError instead, and (method, line, reason) of each."""
    header = next((i for i, line in enumerate(block) if re.match(r"class\s+\w+.*:\s*(#.*)?$", line)), None)
    if header is None:
        return None
    body = next((line for line in block[header + 1 :] if line.strip() and not line.lstrip().startswith("#")), "")
    indent = body[: len(body) - len(body.lstrip())]
    if not indent:
        return None
    lines, methods = list(block), []
    for start, end in _members(lines, header, indent):
        try:
            parse_text("class _:\n" + "\n".join(lines[start:end]))
        except PARSE_ERRORS as error:
            found = re.search(r"def\s+(\w+)", "\n".join(lines[start:end]))
            if not found:
                return None
            row = (error.lineno or 2) - 2 if isinstance(error, SyntaxError) else 0
            line, reason = first + min(start + row, end - 1) + 1, reason_of(error)
            told = repr(f"{reason} (line {line} of the cell)")
            stub = f"{indent}def {found.group(1)}(*args, **kwargs): raise SyntaxError({told})"
            lines[start:end] = [stub, *[""] * (end - start - 1)]
            methods.append((found.group(1), line, reason))
    return ("\n".join(lines), methods) if methods else None


def _members(lines: list[str], header: int, indent: str) -> list[tuple[int, int]]:
    """The (start, end) rows of a class's members, each with its decorators."""
    member = re.compile(re.escape(indent) + r"(?!(?:else|elif|except|finally)\b)(?:@|[A-Za-z_])")
    starts = [i for i in range(header + 1, len(lines)) if member.match(lines[i])]
    spans: list[tuple[int, int]] = []
    held: int | None = None
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        held = start if held is None else held
        if not lines[start].lstrip().startswith("@"):
            spans.append((held, end))
            held = None
    return spans


# ---- survey ------------------------------------------------------------------------------------
# Everything a notebook holds that grading may need: statements, blocks that do not parse, modules it writes.

    pass


@dataclass
class Survey:
    """The parts of a notebook, in notebook order."""

    cells: list[NotebookCell]
    statements: list[Statement] = field(default_factory=list)
    broken: list[tuple[NotebookCell, BrokenBlock]] = field(default_factory=list)
    modules: dict[str, str] = field(default_factory=dict)
    not_python: list[tuple[NotebookCell, str]] = field(default_factory=list)  # cell, its cell magic


def survey_cells(cells: list[NotebookCell], given_hashes: Collection[str] = (), on_cpu: bool = True) -> Survey:
    """Read every code cell once; a cell that cannot be parsed costs only what is broken in it."""
    survey, future = Survey(cells), list[str]()
    for cell in cells:
        if cell.kind != "code" or not cell.source.strip():
            continue
        body = python_body(cell.source)
        if body.writes:
            _write_module(survey.modules, *body.writes)
        if body.python is None:
            survey.not_python.append((cell, body.magic or ""))
            continue
        found = _cell_statements(survey, cell, body.python, future, on_cpu)
        if cell.hash in given_hashes:
            for statement in found:
                statement.given = True
        survey.statements.extend(found)
    return survey


def _cell_statements(survey: Survey, cell: NotebookCell, text: str, future: list[str], on_cpu: bool) -> list[Statement]:
    try:
        return split_statements(cell, parse_text(text), 0, future, on_cpu)
    except PARSE_ERRORS:
        pass
    sound, broken = salvage(text)
    survey.broken.extend((cell, block) for block in broken)
    found: list[Statement] = []
    for block in sound:
        try:
            found += split_statements(cell, block.parsed, block.before, future, on_cpu)
        except PARSE_ERRORS as error:
            survey.broken.append((cell, BrokenBlock(block.before + 1, reason_of(error), ())))
    return found


def _write_module(modules: dict[str, str], name: str, text: str, append: bool) -> None:
    if name.isidentifier():
        modules[name] = (modules.get(name, "") if append else "") + text


def find_definition(text: str, name: str, prefix: str = "") -> bool:
    """Whether a line of `text` starts, after `prefix` (a regular expression), to define `name`."""
    return (
        name in text
        and re.search(rf"(?m)^{prefix}[ \t]*(?:async +)?(?:def|class) +{re.escape(name)}\b", text) is not None
    )


def cells_defining(cells: Iterable[NotebookCell], name: str, prefix: str = "") -> list[NotebookCell]:
    """The cells whose text holds a definition of `name`."""
    return [cell for cell in cells if find_definition(cell.source, name, prefix)]


# ---- given -------------------------------------------------------------------------------------
# The code of given cells, which the bundle supplies: what it binds and reads, and whether a student changed it.

class GivenCode:
    """The given cells of a spec: for each name, the names its code reads, and what its code looks like."""

    def __init__(self, entries: Iterable[dict[str, Any]], survey: Survey) -> None:
        self.uses: dict[str, frozenset[str]] = {}
        self._statements: list[Statement] = []
        told: set[str] = set()
        for entry in entries:
            self.uses.update(dict.fromkeys(entry.get("names", ()), frozenset()))
            if entry.get("source"):
                told.update(entry.get("names", ()))
                original = survey_cells([NotebookCell(0, "code", entry["source"], "given")], on_cpu=False)
                self._statements += original.statements
                self._bind(original.statements)
                self._read(original.statements, self.uses.keys())
        self._bind(statement for statement in survey.statements if statement.given)
        self._read(survey.statements, self.uses.keys() - told)  # without a source, the student's own copy tells

    def edits(self, statement: Statement) -> bool:
        """Whether a statement that binds a given name differs from the given code (imports: only if that is known)."""
        if statement.kind == "import" and not self._statements:
            return False
        if not isinstance(statement.node, (*DEFINITIONS, ast.Assign, ast.AnnAssign, ast.Import, ast.ImportFrom)):
            return False  # a loop that happens to use the name is no edit
        return ast.dump(statement.node) not in self._originals

    @cached_property
    def _originals(self) -> set[str]:
        return {ast.dump(statement.node) for statement in self._statements}

    def _bind(self, statements: Iterable[Statement]) -> None:
        for statement in statements:
            for name in statement.binds:
                self.uses.setdefault(name, frozenset())

    def _read(self, statements: Iterable[Statement], names: Collection[str]) -> None:
        wanted = set(names)
        for statement in statements:
            for name in statement.binds & wanted:
                self.uses[name] |= statement.uses


# ---- missing -----------------------------------------------------------------------------------
# Why a graded name was not found: one sentence that says what to do.

    pass
    pass


def missing_sentence(survey: Survey, name: str, defined: Iterable[str]) -> str:
    """The likely reason why `name` has no definition, in words for the student; `defined` are the names there are."""
    broken = broken_sentence(survey, name)
    if broken:
        return broken
    text_cells = cells_defining((c for c in survey.cells if c.kind == "text"), name)
    if text_cells:
        return f"`{name}` was found in text {text_cells[0].where()}: change it to a code cell."
    for cell, magic in survey.not_python:
        if cells_defining([cell], name):
            return f"`{name}` is in {cell.where()}, which starts with %%{magic} so it is not Python: remove that line."
    code = [c for c in survey.cells if c.kind == "code"]
    commented = cells_defining(code, name, prefix="[ \t]*#+")
    if commented:
        return f"`{name}` is commented out in {commented[0].where()}: remove the # signs."
    nested = cells_defining(code, name, prefix="[ \t]+")
    if nested:
        return (
            f"`{name}` is defined inside another function or class in {nested[0].where()}: move it to the left margin."
        )
    close = difflib.get_close_matches(name, sorted(set(defined)), n=1, cutoff=0.8)
    if close:
        return f"`{name}` is not defined in the notebook; it does define `{close[0]}`: check the spelling."
    return f"`{name}` is not defined in the notebook."


def broken_sentence(survey: Survey, name: str) -> str | None:
    """The syntax error in the definition of `name`, if that is why it is missing."""
    for cell, block in reversed(survey.broken):
        if block.method is None and (name in block.names or _defines_after(cell, block, name)):
            return f"`{name}` could not be read: {parse_sentence(cell, block)}."
    return None


def parse_sentence(cell: NotebookCell, block: BrokenBlock) -> str:
    """`cell 9 does not parse: line 3: invalid syntax`."""
    place = cell.label if not cell.is_script else "the file"
    return f"{place} does not parse: line {cell.line(block.line)}: {block.reason}"


def _defines_after(cell: NotebookCell, block: BrokenBlock, name: str) -> bool:
    """A cell of which nothing could be read holds the definition somewhere."""
    return not block.names and bool(cells_defining([cell], name))


# ---- untouched ---------------------------------------------------------------------------------
# Whether a graded function or class is still the stub that was handed out.

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


# ---- extract -----------------------------------------------------------------------------------
# From a submitted notebook to the programs that are graded, without running anything.
#
# Standard library only: the same code runs in the grader's limited child and, inside hwkit.py, in the student's notebook,
# so that "complete here" means "complete on Gradescope".

Piece = dict[str, Any]  # file, line, source, names, cell; perhaps future (list of __future__ names), heavy (True)
_MAX_NOTICES = 60
_STOOD_IN = frozenset({"google", "IPython", "tqdm"})  # a worker has stand-ins for these (notebook_stubs.py)
_ALWAYS_BOUND = frozenset(dir(builtins)) | {
    "__name__",
    "__file__",
    "__doc__",
    "__builtins__",
    "get_ipython",
    "display",
    "In",
    "Out",
    "_",
}


def extract(filename: str, data: bytes, spec: dict[str, Any]) -> dict[str, Any]:
    """What a submission holds for each question; plain JSON data in and out, and no exception whatever `data` is.

    `spec`: questions {id: [names]}, given [{names, hashes, source?}], packages [top-level modules the worker has],
    modules [given modules], stubs {id: text}, and optionally needs {id: [other names its tests use]}, device ("cpu").
    Result: error (None or one sentence), cells (count), digest, found {name: {cell, line, stub, partial, stubs}},
    missing {name: sentence}, notices [sentences], programs {id: [Piece]}, modules {name: source},
    unavailable {id: [packages]}.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the student's invalid escapes are no concern of the log
            return _Extraction(filename, data, spec).result()
    except UnreadableNotebookError as error:
        return _nothing(spec, str(error))
    except Exception as error:  # noqa: BLE001  # whatever is uploaded, the answer is a sentence
        return _nothing(
            spec, f"The notebook could not be analysed ({type(error).__name__}): please tell the course staff."
        )


def _nothing(spec: dict[str, Any], sentence: str) -> dict[str, Any]:
    questions = spec.get("questions", {})
    return {
        "error": sentence, "cells": 0, "digest": "", "found": {}, "notices": [], "modules": {},
        "missing": {name: sentence for names in questions.values() for name in names},
        "programs": {question: [] for question in questions}, "unavailable": {},
    }  # fmt: skip


class _Extraction:
    """One run: surveys the notebook once, then answers question by question."""

    def __init__(self, filename: str, data: bytes, spec: dict[str, Any]) -> None:
        self.spec = spec
        self.questions: dict[str, list[str]] = spec.get("questions", {})
        self.notices: dict[str, None] = {}
        if len(data) > WARN_NOTEBOOK_BYTES:
            self._notice(f"The notebook is large ({len(data) / 1e6:.0f} MB): clear its outputs before the next upload.")
        cells = read_cells(filename, data)
        given = spec.get("given", [])
        hashes = {value for entry in given for value in entry.get("hashes", ())}
        self.on_cpu = spec.get("device", "cpu") == "cpu"
        self.survey: Survey = survey_cells(cells, hashes, self.on_cpu)
        self.stub_text = {name: spec.get("stubs", {}).get(q) for q, names in self.questions.items() for name in names}
        self._given = GivenCode(given, self.survey)
        self.given = self._given.uses
        self.modules = self._modules()
        self.allowed = {
            *sys.stdlib_module_names,
            *_STOOD_IN,
            *spec.get("packages", ()),
            *spec.get("modules", ()),
            *self.modules,
            "__main__",
        }
        stubs = {s for s in self.survey.statements if self._is_stub(s)}
        self.closure = Closure(self.survey.statements, self.given, stubs, set(self.stub_text))
        self.stubs = stubs

    def result(self) -> dict[str, Any]:
        """The answer of `extract`."""
        found, missing = self._find()
        self._tell_definitions(found)
        self._tell_given()
        self._tell_broken()
        programs: dict[str, list[Piece]] = {}
        unavailable: dict[str, list[str]] = {}
        for question, names in self.questions.items():
            needed = self.closure.needed([*names, *self.spec.get("needs", {}).get(question, ())])
            absent = self._unavailable(needed)
            self._tell_unbound(needed)
            if absent:
                unavailable[question] = sorted(absent)
            programs[question] = self._pieces(needed, absent)
        return {
            "error": None, "cells": len(self.survey.cells), "digest": digest_cells(self.survey.cells), "found": found,
            "missing": missing, "notices": list(self.notices)[:_MAX_NOTICES], "programs": programs,
            "modules": self.modules, "unavailable": unavailable,
        }  # fmt: skip

    def _notice(self, sentence: str) -> None:
        self.notices[sentence] = None

    def _is_stub(self, statement: Statement) -> bool:
        return statement.kind == "def" and any(
            still_stub(statement.node, self.stub_text[name]) and not is_partial(statement.node, self.stub_text[name])
            for name in statement.binds & self.stub_text.keys()
        )

    def _modules(self) -> dict[str, str]:
        """Modules the notebook writes, without those that the bundle or the machine supplies."""
        supplied = {*self.spec.get("modules", ()), "hwkit"}
        kept = {}
        for name, text in self.survey.modules.items():
            if name in supplied:
                continue
            if name in sys.stdlib_module_names or name in self.spec.get("packages", ()):
                self._notice(f"%%writefile {name}.py is ignored: it would hide the library `{name}`.")
            else:
                kept[name] = to_cpu(text) if self.on_cpu else text
        return kept

    def _find(self) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
        found: dict[str, dict[str, Any]] = {}
        missing: dict[str, str] = {}
        for name, text in self.stub_text.items():
            statement = self.closure.binding(name)
            stub = statement is not None and still_stub(statement.node, text)
            broken = broken_sentence(self.survey, name) if statement is None or stub else None
            if statement is None or (broken and not is_partial(statement.node, text)):
                missing[name] = broken or missing_sentence(self.survey, name, self.closure.definitions)
                continue
            reason = _compile_error(statement)
            if reason:
                missing[name] = f"`{name}` could not be read: {statement.cell.label} does not parse: {reason}."
                continue
            line = statement.cell.line(statement.definition_line)
            found[name] = {"cell": statement.cell.number, "line": line, "stub": stub}
            if stub and is_partial(statement.node, text):
                found[name].update(partial=True, stubs=stub_methods(statement.node, text))
        return found, missing

    def _tell_definitions(self, found: dict[str, dict[str, Any]]) -> None:
        """Notices on names that are bound more than once."""
        for name in found:
            used = self.closure.binding(name)
            if used is None:
                continue
            others = [
                s for s in self.closure.providers(name) if s is not used and s.kind == "def" and s not in self.stubs
            ]
            if others and used.kind in ("def", "import"):
                places = " and ".join(dict.fromkeys([*(s.where for s in others[-4:]), used.where]))
                twice = "twice in" if " and " not in places else "in"
                self._notice(f"`{name}` is defined {twice} {places}: the last one, in {used.where}, is graded.")
        for statement, name in self.closure.overridden_stubs:
            self._tell_graded(found, name, f"{statement.where} still holds the stub of `{name}`; the attempt")
        for statement, name in self.closure.shadows:
            self._tell_graded(found, name, f"{statement.where} gives the name `{name}` to a value; the function")

    def _tell_graded(self, found: dict[str, dict[str, Any]], name: str, start: str) -> None:
        used = self.closure.binding(name)
        if name in found and used is not None:
            self._notice(f"{start} in {used.where} is graded.")

    def _tell_given(self) -> None:
        """A student's own edit of given code is not used, and is worth a notice."""
        for statement in self.survey.statements:
            edited = statement.binds & self.given.keys()
            if edited and not statement.given and self._given.edits(statement):
                names = ", ".join(f"`{name}`" for name in sorted(edited))
                self._notice(f"{statement.where} changes {names}, which is given code: the original is used.")

    def _tell_broken(self) -> None:
        for cell, block in self.survey.broken:
            names = ", ".join(f"`{name}`" for name in block.names[:3])
            lost = f"only {names} is lost" if names else "this part is left out"
            if block.method:
                lost = f"only the method `{block.method}` is lost, calling it raises this error"
            self._notice(f"{parse_sentence(cell, block)}; {lost}.")

    def _unavailable(self, needed: Iterable[Statement]) -> set[str]:
        """Top-level packages that the statements import and the worker does not have."""
        absent: set[str] = set()
        for statement in needed:
            for package in sorted(statement.packages):
                if package in self.allowed:
                    continue
                absent.add(package)
                allowed = ", ".join(sorted({*self.spec.get("packages", ())})) or "no other package"
                allowed = f"allowed are the standard library and {allowed}"
                self._notice(f"{statement.where} uses `{package}`, which is not available when graded; {allowed}.")
        return absent

    def _bound(self, needed: Iterable[Statement]) -> set[str]:
        names: set[str] = set(_ALWAYS_BOUND | self.given.keys())
        for statement in needed:
            names |= statement.binds | statement.names.declared
        return names

    def _tell_unbound(self, needed: list[Statement]) -> None:
        """A graded function that reads a name no cell defines works only in the student's live kernel."""
        if any(s.kind == "star" for s in needed):
            return
        bound = self._bound(needed) | {n for _, block in self.survey.broken for n in block.names}
        for statement in needed:
            if statement.kind != "def":
                continue
            for name in sorted(statement.uses - bound):
                owner = next(iter(statement.binds))
                self._notice(f"`{owner}` in {statement.where} uses `{name}`, which no code cell defines.")

    def _pieces(self, needed: list[Statement], absent: set[str]) -> list[Piece]:
        usable = [s for s in needed if s.kind != "import" or not absent & s.packages]
        bound = self._bound(usable)
        return [_piece(statement, bound) for statement in needed]


def _compile_error(statement: Statement) -> str | None:
    """What only the compiler finds (an argument named twice, `break` outside a loop): `line 3: reason`, or None."""
    if statement.kind != "def":
        return None
    try:
        compile(statement.source, "<cell>", "exec", dont_inherit=True)
    except SyntaxError as error:
        return f"line {statement.cell.line(statement.line + (error.lineno or 1) - 1)}: {reason_of(error)}"
    except PARSE_ERRORS as error:
        return f"line {statement.cell.line(statement.line)}: {reason_of(error)}"
    return None


def _piece(statement: Statement, bound: set[str]) -> Piece:
    cell = statement.cell
    piece: Piece = {
        "file": cell.label, "line": cell.line(statement.line), "source": statement.source,
        "names": sorted(statement.binds), "cell": cell.number,
    }  # fmt: skip
    future = list(statement.future)
    absent = statement.names.now - bound if statement.kind == "def" else frozenset()
    if absent and absent & statement.annotated and "annotations" not in future:
        future.append("annotations")  # an annotation names something absent: that must not cost the function
    if future:
        piece["future"] = future
    if statement.kind == "heavy":
        piece["heavy"] = True
    return piece


# ---- locate ------------------------------------------------------------------------------------
# Finds the notebook that this session belongs to, among copies, renamed files and unsaved edits.

DOWNLOAD = "File > Download > Download .ipynb"
_MOST_BYTES = 50_000_000
_SUFFIXES = (".ipynb", ".py")


@dataclass(frozen=True)
class FoundNotebook:
    """A notebook's bytes, its file name, and where they come from, in words."""

    name: str
    data: bytes
    origin: str


def find_notebook(path: str | os.PathLike[str] | None = None) -> FoundNotebook:
    """Return the notebook to hand in: the file named, else the open one in Colab, else the likeliest file.

    Raises
    ------
    KitError
        With what to do, when there is none, or the one named cannot be read.
    """
    if path is not None:
        return _named(Path(path))
    if in_colab():
        live = _open_in_colab()
        if live is not None:
            return FoundNotebook(f"{KIT['homework']}.ipynb", live, "the notebook as it is open in Colab")
    current = _current_file()
    if current is not None:
        return _read_notebook(current)
    return _likeliest(_candidates())


def newer_than_saved(sources: Sequence[str]) -> list[str]:
    """Return the graded names whose newest definition run in this session stands in none of the saved cells."""
    history = _cells_run()
    if not history:
        return []
    saved = {_bare(source) for source in sources}
    stale = []
    for name in _graded_names():
        defines = re.compile(rf"^(?:class|(?:async\s+)?def)\s+{re.escape(name)}\b", re.MULTILINE)
        last = next((source for source in reversed(history) if defines.search(source)), None)
        if last is not None and _bare(last) not in saved:
            stale.append(name)
    return stale


def ago(path: Path) -> str:
    """Return how long ago a file was saved, in words."""
    minutes = max(0.0, time.time() - path.stat().st_mtime) / 60
    if minutes < 90:
        return f"{minutes:.0f} min ago"
    hours = minutes / 60
    return f"{hours:.0f} hours ago" if hours < 48 else f"{hours / 24:.0f} days ago"


def _named(path: Path) -> FoundNotebook:
    if path.is_file() and path.suffix in _SUFFIXES:
        return _read_notebook(path)
    others = ", ".join(sorted(str(other) for other in _candidates())) or "none"
    what = "is no .ipynb file" if path.is_file() else "does not exist"
    raise KitError(f"{path} {what}. Notebooks found here: {others}")


def _read_notebook(path: Path) -> FoundNotebook:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise KitError(f"{path.name} is larger than 50 MB: Edit > Clear all outputs, save, and call submit() again")
        return FoundNotebook(path.name, path.read_bytes(), f"{path.name}, saved {ago(path)}")
    except OSError as error:
        raise KitError(f"cannot read {path}: {error.strerror or error}") from None


def _open_in_colab() -> bytes | None:
    """Return the open notebook, unsaved edits included. Colab has no public call for it, so this may fail."""
    try:
        from google.colab import _message  # type: ignore[import-not-found]

        answer = _message.blocking_request("get_ipynb", request="", timeout_sec=20)
        return json.dumps(answer["ipynb"], ensure_ascii=False, indent=1).encode()
    except Exception:  # noqa: BLE001 - a private call: any failure means that files are looked at instead
        return None


def _current_file() -> Path | None:
    """Return the notebook's path where the editor tells it (VS Code, JupyterLab)."""
    names = vars(sys.modules["__main__"])
    for told in (names.get("__vsc_ipynb_file__"), os.environ.get("JPY_SESSION_NAME")):
        if isinstance(told, str) and told.endswith(".ipynb"):
            for path in (Path(told), Path(told).name and Path(Path(told).name)):
                if path and path.is_file():
                    return path
    return None


def _candidates() -> list[Path]:
    """Return the notebooks in this folder and, in Colab, in the usual places of Drive."""
    folders = [Path()]
    if in_colab() and drive_is_mounted():
        folders += [drive_folder(), drive_folder() / "Colab Notebooks"]
    found: list[Path] = []
    for folder in folders:
        try:
            found += [path for path in folder.glob("*.ipynb") if path.is_file()]
        except OSError:  # a Drive that went away
            continue
    return found


def _likeliest(paths: Iterable[Path]) -> FoundNotebook:
    """Return the newest of the notebooks that define graded names, and say which others there are."""
    ours = [(path.stat().st_mtime, path) for path in paths if _defines_any(path)]
    if not ours:
        raise KitError(_nothing_found())
    ours.sort(reverse=True)
    chosen = ours[0][1]
    if len(ours) > 1:
        others = ", ".join(f"{path} ({ago(path)})" for _, path in ours[1:4])
        warn(
            f"{len(ours)} notebooks define this homework's functions. The newest is taken: {chosen} ({ago(chosen)}); "
            f"not: {others}.\n"
            '  To choose another: submit(notebook="NAME.ipynb")'
        )
    return _read_notebook(chosen)


def _nothing_found() -> str:
    what = f"no notebook of {KIT['homework']} found here"
    if in_colab():
        return (
            f"{what}: Colab did not hand over the open notebook. Use {DOWNLOAD} and upload that file to Gradescope: "
            "it is a valid "
            "submission. Or upload it to this session (folder icon on the left) and call submit() again."
        )
    return f'{what} ({Path.cwd().name}/). Save it (Ctrl+S), or name it: submit(notebook="path/to/file.ipynb")'


def _defines_any(path: Path) -> bool:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    names = "|".join(map(re.escape, _graded_names()))
    return bool(names) and bool(re.search(rf"(?:def|class) (?:{names})\b", text))


def _graded_names() -> list[str]:
    return [name for entry in KIT["questions"] for name in entry["names"]]


def _cells_run() -> list[str]:
    """Return the sources of the cells run in this session, as typed, oldest first."""
    try:
        from IPython import get_ipython  # type: ignore[attr-defined, unused-ignore]

        shell: Any = get_ipython()  # type: ignore[no-untyped-call, unused-ignore]
        return [str(source) for source in shell.history_manager.input_hist_raw] if shell is not None else []
    except (ImportError, AttributeError):
        return []


def _bare(source: str) -> str:
    return "\n".join(line.rstrip() for line in source.strip().splitlines())


# ---- scrub -------------------------------------------------------------------------------------
# Takes out of a notebook what no grader needs: who ran it, where, widget state, huge outputs.

_KEPT_KEYS = ("accelerator", "kernelspec", "language_info")
_KEPT_CELL_KEYS = ("cellView", "nbgrader", "tags")
_DROPPED_TYPES = ("application/vnd.jupyter.widget-view+json", "application/vnd.google.colaboratory.intrinsic+json")
_MOST_TEXT = 20_000  # characters of one output
_MOST_PICTURE = 1_500_000  # base64 characters of one picture
_MOST_OUTPUTS = 8_000_000  # characters of all outputs
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64}){1,5}")  # bounded: outputs can be long
_HOMES = re.compile(r"(?:/home/|/Users/|[A-Za-z]:\\+Users\\+)[^/\\\s\"':]+")
_NAMES_GIVEN = re.compile(r"\b(names|netids)(\s*=\s*)(\[[^\]]*\]|\([^)]*\)|\"[^\"\n]*\"|'[^'\n]*')")
_NAMES_LINE = re.compile(r"\s*(?:names|netids)\b[\w, ]*=")
_HAND_IN = re.compile(r"\b(?:make_figures_pdf|submit)\s*\(")
_SHORTEST_NAME = 3


def scrub_notebook(notebook: dict[str, Any], people: Iterable[str] = ()) -> tuple[dict[str, Any], list[str]]:
    """Return a copy of a notebook (nbformat 4) without personal data and huge outputs, and what was done, in words.

    Code stays as it is, except for the cell that calls `make_figures_pdf(...)` or `submit(...)`, and for comments and
    lines `names = …` that hold a name in `people`. The names of those who ran cells in Colab count as `people`.
    """
    clean = copy.deepcopy(notebook)
    known = _pattern([*people, *_runners(notebook)])
    before = clean.get("metadata")
    clean["metadata"] = _notebook_metadata(before if isinstance(before, dict) else {})
    room = _MOST_OUTPUTS
    dropped = 0
    for cell in clean.get("cells", []):
        if not isinstance(cell, dict):
            continue
        metadata = cell.get("metadata")
        cell["metadata"] = _kept(metadata, _KEPT_CELL_KEYS)
        cell["source"] = _scrub_source(_joined(cell.get("source", "")), cell.get("cell_type") == "code", known)
        if isinstance(metadata, dict) and metadata.get("id") == "view-in-github":
            cell["source"] = ""  # a link to the student's own account; the cell stays, for the others are counted
        if cell.get("cell_type") == "code":
            cell["outputs"], used, lost = _scrub_outputs(cell.get("outputs"), room, known)
            room -= used
            dropped += lost
    notes = [f"{dropped} oversized or widget output{'s' if dropped > 1 else ''} left out"] if dropped else []
    return clean, notes


def _kept(metadata: Any, keys: Sequence[str]) -> dict[str, Any]:
    return {key: metadata[key] for key in keys if key in metadata} if isinstance(metadata, dict) else {}


def _notebook_metadata(metadata: dict[str, Any]) -> dict[str, Any]:
    kept = _kept(metadata, _KEPT_KEYS)
    colab = metadata.get("colab")
    if isinstance(colab, dict):
        kept["colab"] = {"provenance": []} | _kept(colab, ("gpuType",))
    return kept


def _runners(notebook: dict[str, Any]) -> list[str]:
    """Return the names and ids that Colab wrote into cells."""
    found = []
    for cell in notebook.get("cells", []):
        metadata = cell.get("metadata") if isinstance(cell, dict) else None
        info = metadata.get("executionInfo") if isinstance(metadata, dict) else None
        user = info.get("user") if isinstance(info, dict) else None
        if isinstance(user, dict):
            found += [str(user.get(key, "")) for key in ("displayName", "userId")]
    return found


def _pattern(people: Sequence[str]) -> re.Pattern[str] | None:
    names = sorted(
        {name.strip() for name in people if len(name.strip()) >= _SHORTEST_NAME}, key=lambda name: (-len(name), name)
    )
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, names))})(?!\w)", re.IGNORECASE) if names else None


def _joined(source: Any) -> str:
    return "".join(map(str, source)) if isinstance(source, list) else str(source)


def _scrub_source(source: str, is_code: bool, known: re.Pattern[str] | None) -> str:
    if source.startswith("%%writefile hwkit.py\n"):
        return source  # this text, given to everybody
    if is_code and _HAND_IN.search(source):
        source = _NAMES_GIVEN.sub(lambda m: f'{m[1]}{m[2]}["…"]', source)
        return known.sub("[name]", source) if known is not None else source
    if known is None or not known.search(source):
        return source
    if not is_code:
        return known.sub("[name]", source)
    return "\n".join(
        known.sub("[name]", line) if line.lstrip().startswith("#") or _NAMES_LINE.match(line) else line
        for line in source.split("\n")
    )


def _scrub_outputs(outputs: Any, room: int, known: re.Pattern[str] | None) -> tuple[list[Any], int, int]:
    """Return the outputs that stay, how many characters they hold, and how many were dropped."""
    kept: list[Any] = []
    used = dropped = 0
    for output in outputs if isinstance(outputs, list) else []:
        if not isinstance(output, dict):
            continue
        output.pop("metadata", None)
        if output.get("output_type") in ("display_data", "execute_result"):
            output["metadata"] = {}
        size, lost = _shrink(output, known)
        dropped += lost
        if used + size > room:
            dropped += 1
            continue
        if output.get("data", True):
            kept.append(output)
            used += size
    return kept, used, dropped


def _shrink(output: dict[str, Any], known: re.Pattern[str] | None) -> tuple[int, int]:
    """Scrub one output in place; return its size in characters and how many of its forms were dropped."""
    lost = 0
    if "text" in output:
        output["text"] = _plain_text(output["text"], known)
    if "traceback" in output:
        output["traceback"] = [_plain_text(line, known) for line in output["traceback"]]
        output["evalue"] = _plain_text(output.get("evalue", ""), known)
    data = output.get("data")
    if isinstance(data, dict):
        for kind in list(data):
            value = _joined(data[kind]) if isinstance(data[kind], (str, list)) else data[kind]
            too_big = len(str(value)) > (_MOST_PICTURE if kind.startswith("image/") else _MOST_TEXT * 5)
            if kind in _DROPPED_TYPES or too_big:
                del data[kind]
                lost += 1
            elif isinstance(value, str) and not kind.startswith("image/"):
                data[kind] = _plain_text(value, known)
    return len(str(output)), lost


def _plain_text(value: Any, known: re.Pattern[str] | None) -> str:
    """Return an output's text without names, e-mail addresses and home folders, cut to its cap."""
    text = _HOMES.sub("~", _EMAIL.sub("[e-mail]", _joined(value).replace(str(Path.home()), "~")))
    if known is not None:
        text = known.sub("[name]", text)
    return (
        text if len(text) <= _MOST_TEXT else f"{text[:_MOST_TEXT]}\n[{len(text) - _MOST_TEXT} more characters left out]"
    )


# ---- submit ------------------------------------------------------------------------------------
# The hand-in: shows what Gradescope will read, then writes hwN-submission.zip without personal data.

_WARN_BYTES = 10_000_000


def submit(
    names: Sequence[str] | str = (),
    netids: Sequence[str] | str = (),
    *,
    notebook: str | os.PathLike[str] | None = None,
    download: bool = True,
) -> None:
    """Write hwN-submission.zip, and say what it holds and what is missing.

    The functions are found by the grader's own code, so what is listed here is what will be graded. `names` and
    `netids` go onto the title page of figures.pdf (made again when they are given) and never into the zip. `notebook`
    names the file when the open one is not found. A notebook from Colab's own download is a valid submission as well.

    Raises
    ------
    KitError
        When there is no notebook, or none of this homework's functions is in it, or the disk is full.
    """
    found = find_notebook(notebook)
    people = [*_as_list(names), *_as_list(netids), *named_people()]
    data, notes = _cleaned(found, people)
    result = extract(found.name, data, KIT["extraction"])
    if result["error"]:
        raise KitError(f"{found.name} cannot be graded: {result['error']}")
    if not result["found"]:
        raise KitError(
            f"{found.name} defines none of the functions of {KIT['homework']}. Is it the right notebook? Name "
            "another one: "
            'submit(notebook="NAME.ipynb")'
        )
    say(f"What Gradescope will read, from {found.origin}:")
    _report_questions(result)
    _report_stale(data)
    if _as_list(names):
        make_figures_pdf(names, netids)
    absent = missing_figures()
    if absent:
        warn(
            f"figures not stored yet: {', '.join(absent)}. Run the cells that call savefig, then make_figures_pdf(...)."
        )
    extras = _artefacts()
    name = f"{KIT['homework']}{Path(found.name).suffix or '.ipynb'}"
    path = _write_zip(name, data, _manifest(name, result, absent, extras), extras)
    for note in notes:
        say(f"  ({note})")
    _say_next(path)
    if download and in_colab():
        _download([path, Path("figures.pdf")])


def _as_list(value: Sequence[str] | str) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _cleaned(found: FoundNotebook, people: Sequence[str]) -> tuple[bytes, list[str]]:
    """Return the notebook's bytes without personal data; what is no JSON stays as it is: the extraction explains it."""
    try:
        notebook = json.loads(found.data.decode("utf-8-sig"))
    except ValueError:
        return found.data, []
    if not isinstance(notebook, dict) or not isinstance(notebook.get("cells"), list):
        return found.data, []
    clean, notes = scrub_notebook(notebook, people)
    data = (json.dumps(clean, ensure_ascii=False, indent=1) + "\n").encode("utf-8", "replace")
    if len(data) > _WARN_BYTES:
        warn(f"the notebook holds {len(data) / 1e6:.0f} MB: Edit > Clear all outputs makes it small again")
    return data, notes


def _report_questions(result: Mapping[str, Any]) -> None:
    unavailable = result.get("unavailable", {})
    width = max((len(name) for entry in KIT["questions"] for name in entry["names"]), default=0)
    for entry in KIT["questions"]:
        for name in entry["names"]:
            place = result["found"].get(name)
            if place is None:
                state = result["missing"].get(name, "not found")
            elif place.get("stub"):
                state = f"not attempted (cell {place['cell']} still raises NotImplementedError)"
            else:
                state = f"cell {place['cell']}; {checked(entry['id'])}"
            good = place is not None and not place.get("stub")
            say(f"  {'✓' if good else '✗'} {entry['id']:<6} {name:<{width}}  {state}")
        for package in unavailable.get(entry["id"], []):
            warn(f"{entry['id']} imports {package}, which Gradescope does not have: write this function without it")
    for notice in result.get("notices", []):
        warn(str(notice))


def _report_stale(data: bytes) -> None:
    """Warn about functions that were run in a newer version than the file holds."""
    try:
        cells = json.loads(data)["cells"]
    except (ValueError, KeyError, TypeError):
        return
    stale = newer_than_saved([cell["source"] for cell in cells if cell.get("cell_type") == "code"])
    if stale:
        warn(
            f"you ran a version of {', '.join(stale)} that is not in the file. Save the notebook (Ctrl+S), wait for "
            '"All changes saved", and call submit() again.'
        )


def _artefacts() -> list[Path]:
    """Return the optional files to hand in that are there and small enough, and say what became of the others."""
    chosen = []
    for entry in KIT["artefacts"]:
        matches = sorted(
            {*Path().glob(entry["file"]), *storage().glob(entry["file"])}, key=lambda path: path.stat().st_mtime
        )
        if not matches:
            say(f"  (no file {entry['file']}: the optional hand-in {entry['id']} is left out)")
        elif matches[-1].stat().st_size > entry["max_mb"] * 1_000_000:
            warn(
                f"{matches[-1].name} is larger than {entry['max_mb']:g} MB and is left out: store fewer samples, or "
                "as uint8"
            )
        else:
            chosen.append(matches[-1])
    return chosen


def _manifest(name: str, result: Mapping[str, Any], absent: Sequence[str], extras: Sequence[Path]) -> dict[str, Any]:
    """Return what staff may want to know about where a submission comes from; nothing personal."""
    places: Mapping[str, Mapping[str, Any]] = result["found"]
    return {
        "schema": 1,
        "homework": KIT["homework"],
        "release": KIT["release"],
        "notebook": name,
        "digest": result["digest"],
        "found": sorted(key for key, place in places.items() if not place.get("stub")),
        "not_attempted": sorted(key for key, place in places.items() if place.get("stub")),
        "missing": sorted(result["missing"]),
        "checks": {entry["id"]: checked(entry["id"]) for entry in KIT["questions"]},
        "figures_missing": list(absent),
        "files": [path.name for path in extras],
        "versions": {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__},
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
        "where": "Colab" if in_colab() else "local",
        "written": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def _write_zip(name: str, data: bytes, manifest: Mapping[str, Any], extras: Sequence[Path]) -> Path:
    path = Path(f"{KIT['homework']}-submission.zip")
    temporary = path.with_name(path.name + ".tmp")
    try:
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(name, data)
            archive.writestr("manifest.json", json.dumps(manifest, indent=1, sort_keys=True) + "\n")
            for extra in extras:
                archive.write(extra, extra.name)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise KitError(
            f"could not write {path}: {disk_trouble(error)}. Or use {DOWNLOAD}: that file can be handed in too"
        ) from None
    return path


def _say_next(path: Path) -> None:
    homework = KIT["homework"]
    say(f"✓ {path} ({path.stat().st_size / 1000:.0f} kB). On Gradescope upload")
    say(f"  {path.name} to “{homework} code”")
    if KIT["figures"]:
        there = "" if Path("figures.pdf").is_file() else " (make it first: make_figures_pdf(names=[…], netids=[…]))"
        say(f"  figures.pdf to “{homework} figures”{there}")
    say("and read the first lines of its answer: they must list the same functions as above.")


def _download(paths: Sequence[Path]) -> None:
    try:
        from google.colab import files  # type: ignore[import-not-found]

        for path in paths:
            if path.is_file():
                files.download(str(path))
    except Exception:  # noqa: BLE001 - whatever the browser or an editor refuses, the file is there
        warn(f"the download did not start. Open the folder icon on the left, right-click {paths[0].name}, Download.")


# ---- training ----------------------------------------------------------------------------------
# The training loop: progress, what to expect, checkpoints, and a stop at the first NaN.

Expected = str | Mapping[int, "float | tuple[float, float]"]
_LINES = 10  # progress lines per run where no bar can be drawn
_gpu_seconds = 0.0


def fit(
    step_fn: Callable[..., Any],
    steps: int,
    *,
    checkpoint: Checkpointer | None = None,
    expect: Expected | None = None,
    label: str = "training",
    stop: Callable[[list[dict[str, float]]], bool] | None = None,
) -> list[dict[str, float]]:
    """Run `steps` training steps and return one dict of metrics per step, with the key "step" (1, 2, …).

    Parameters
    ----------
    step_fn
        Does one step (forward, backward, optimiser), with or without the number of the step (0, 1, …) as its argument,
        and returns the loss or a dict of metrics whose first entry is the loss.
    checkpoint
        Saves every `checkpoint.every` seconds, at the end, and when the cell is interrupted. A run that was cut off
        goes on where its last checkpoint was made; the metrics returned cover all of it.
    expect
        What a right solution shows: a sentence, or steps with the largest value or the (low, high) band of the loss
        there. It is printed first, and each band is compared when its step is reached.
    stop
        Called after each step with all metrics so far; training ends when it returns True.

    Raises
    ------
    KitError
        When the loss becomes NaN or infinite; the last checkpoint is from before that.
    """
    history: list[dict[str, float]] = list(checkpoint.history) if checkpoint else []
    start = checkpoint.step if checkpoint else 0
    _print_expected(expect, steps)
    if start >= steps:
        say(f"{label}: all {steps} steps were done before (checkpoint). To train anew: Checkpointer(..., fresh=True).")
        return history
    progress = _Progress(label, start, steps)
    began = time.monotonic()
    try:
        with _between_steps() as interrupted:
            for step in range(start, steps):
                metrics = metrics_of(call_step(step_fn, step))
                first_metric(metrics, step + 1)
                history.append({"step": step + 1, **metrics})
                progress.update(step + 1, metrics)
                _compare_with_band(expect, step + 1, metrics, progress)
                if checkpoint is not None:
                    checkpoint.tick(step + 1, history)
                if interrupted:
                    raise KeyboardInterrupt
                if stop is not None and stop(history):
                    progress.write(f"{label}: stopped early at step {step + 1}.")
                    break
    except KeyboardInterrupt:
        if checkpoint is not None and interrupted and checkpoint.save():
            progress.write(f"{label}: interrupted; step {checkpoint.step} is saved. Run the cell again to go on.")
        raise
    except torch.cuda.OutOfMemoryError:
        raise KitError(
            "the GPU's memory is full. Use a smaller batch, then Runtime > Restart session and run all: "
            "a run with a checkpoint goes on where it was."
        ) from None
    finally:
        progress.close()
        _count_gpu_time(time.monotonic() - began)
    if checkpoint is not None:
        checkpoint.save()
    return history


@contextlib.contextmanager
def _between_steps() -> Iterator[list[bool]]:
    """Hold an interrupt back until the step is done: a checkpoint never holds half a step. A second acts at once."""
    interrupted: list[bool] = []
    if threading.current_thread() is not threading.main_thread():
        yield interrupted
        return

    def note(signum: int, frame: FrameType | None) -> None:
        if interrupted:
            interrupted.clear()  # mid-step: what is in memory is no state to save
            signal.default_int_handler(signum, frame)
        interrupted.append(True)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, before)


class _Progress:
    """A text progress bar where somebody watches, else a few lines. No widget: it would be saved into the notebook."""

    def __init__(self, label: str, start: int, steps: int) -> None:
        self._label, self._start, self._steps = label, start, steps
        self._bar: Any = None
        self._shown = time.monotonic()
        if _somebody_watches():
            try:
                from tqdm import tqdm  # type: ignore[import-untyped, unused-ignore]
            except ImportError:
                return
            self._bar = tqdm(
                total=steps, initial=start, desc=label, file=sys.stdout, mininterval=0.5, dynamic_ncols=True
            )

    def update(self, done: int, metrics: Mapping[str, float]) -> None:
        now = time.monotonic()
        due = now - self._shown > 0.5 or done == self._steps  # every step would be slow
        if self._bar is not None:
            self._bar.update(1)
            if due:
                self._bar.set_postfix_str(_show(metrics), refresh=False)
                self._shown = now
        elif done == self._steps or (done - self._start) % max(1, (self._steps - self._start) // _LINES) == 0:
            say(f"{self._label}: step {done}/{self._steps}  {_show(metrics)}")

    def write(self, text: str) -> None:
        if self._bar is not None:
            self._bar.write(text, file=sys.stdout)
        else:
            say(text)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()


def _somebody_watches() -> bool:
    return sys.stdout.isatty() or type(sys.stdout).__module__.startswith("ipykernel")


def _show(metrics: Mapping[str, float]) -> str:
    return "  ".join(f"{name} {value:.4g}" for name, value in metrics.items())


def _print_expected(expect: Expected | None, steps: int) -> None:
    if isinstance(expect, str):
        say(f"Expect: {expect}")
    elif expect:
        bands = [f"{_band(value)} at step {step}" for step, value in sorted(expect.items()) if step <= steps]
        if bands:
            say(f"Expect: {', '.join(bands)}")


def _compare_with_band(expect: Expected | None, step: int, metrics: Mapping[str, float], progress: _Progress) -> None:
    if expect is None or isinstance(expect, str) or step not in expect:
        return
    low, high = _limits(expect[step])
    name, value = next(iter(metrics.items()))
    said = f"step {step}: {name} {value:.4g}, expected {_band(expect[step])}"
    if low <= value <= high:
        progress.write(f"✓ {said}")
    elif value > high:
        progress.write(f"⚠ {said}. Stop and look for a mistake before you spend more time.")
    else:
        progress.write(f"⚠ {said}. Too good: is a term missing, or is the metric computed on training data?")


def _limits(value: float | tuple[float, float]) -> tuple[float, float]:
    if isinstance(value, (int, float)):
        return float("-inf"), float(value)
    if len(value) != 2:
        raise KitError("expect= maps a step to the largest loss, or to a pair (low, high)")
    return float(value[0]), float(value[1])


def _band(value: float | tuple[float, float]) -> str:
    low, high = _limits(value)
    return f"≤ {high:g}" if low == float("-inf") else f"between {low:g} and {high:g}"


def _count_gpu_time(seconds: float) -> None:
    global _gpu_seconds  # noqa: PLW0603 - a running total of the session
    if torch.cuda.is_available() and torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        _gpu_seconds += seconds
        say(
            f"GPU time in this session: {_gpu_seconds / 60:.1f} min of training. Runtime > Disconnect when you only "
            "write or read."
        )
        if _gpu_seconds > 3 * 3600:
            warn("That is a lot: Colab may soon refuse you a GPU. Debug with set_budget('smoke') on the CPU.")
