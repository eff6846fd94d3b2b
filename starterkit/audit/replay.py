"""What a survivor does that the reference does not: recorded calls made again, and everything observable compared.

The observable that differs is the test to write. None that differs makes an equivalent mutant likely, not certain:
replay sees what the tests' own inputs, some of them scaled or of another dtype, can show. So a person signs it.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from autograder.rng import seed_everything
from starterkit.audit.recording import Call, Session, leaves

if TYPE_CHECKING:
    from types import CodeType

    from starterkit.audit.bench import Bench

Seen = dict[str, Any]
LAWS = {
    "value": "a law about the value of {name}{variation}",
    "shape": "the shape of the result of {name}{variation}",
    "type": "what kind of thing {name} returns{variation}",
    "dtype": "the dtype{variation}: a @float32 test that float32 arguments give a float32 result",
    "input": "that arguments are left alone: assert_inputs_unchanged({name}, …)",
    "gradient": "the gradient: assert_gradients_match({name}, …), or autograd.grad through it{variation}",
    "error": "a call of {name}{variation} on which one of the two raises",
    "state": "what {name} leaves in a network it was given: parameters, train or eval{variation}",
    "parameters": "the parameters and buffers of {name}: their names, shapes, what state_dict holds",
}


@dataclass(frozen=True)
class Variation:
    """How recorded arguments are changed before they are used again."""

    text: str
    dtype: torch.dtype = torch.float64
    scale: float = 1.0
    default: torch.dtype | None = None  # torch's default dtype meanwhile, if it is another
    first: float | None = None  # what the first plain number among the arguments is multiplied by
    rest: float | None = None  # and the others


VARIATIONS = (
    Variation(""),
    Variation(" in float32", torch.float32),
    Variation(" in float32 where float64 is the default", torch.float32, default=torch.float64),
    Variation(" for arguments 30 times as large", scale=30.0),
    Variation(" for arguments 3000 times as large", scale=3000.0),
    Variation(" for a number half as large", first=0.5),
    Variation(" where numbers are zero", first=0.0, rest=0.0),
)
Known = dict[Variation, list[list[tuple[str, "Seen"]]]]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """The first observable that differs, and the law that would have seen it."""

    observable: str
    law: str


def known(bench: Bench, code: CodeType | None, sessions: Sequence[Session]) -> Known:
    """Return what `code` (the reference, if None) shows on the recorded calls, for `compare`."""
    with bench.holding(code):
        return {v: [list(_observe(bench, session, v)) for session in sessions] for v in VARIATIONS}


def compare(bench: Bench, code: CodeType, expected: Known, sessions: Sequence[Session]) -> Difference | None:
    """Return the most telling observable in which `code` differs from what is known; None if it never does."""
    with bench.holding(code):
        for variation, before in expected.items():
            tolerance = 1e-9 if variation.dtype is torch.float64 else 1e-4
            found: dict[str, str] = {}
            for session, wanted in zip(sessions, before, strict=True):
                for (name, seen), (_, right) in zip(_observe(bench, session, variation), wanted, strict=False):
                    what = _differing(right, seen, tolerance)
                    if what is not None:
                        found.setdefault(what, name)
                if "value" in found:
                    break
            for what in LAWS:
                if what in found:
                    return Difference(observable=what + variation.text, law=_law(what, found[what], variation))
    return None


def _law(what: str, name: str, variation: Variation) -> str:
    return LAWS[what].format(name=name, variation=variation.text)


def _observe(bench: Bench, session: Session, variation: Variation) -> Iterator[tuple[str, Seen]]:
    """What each call of a session shows; an instance is made first, with the same random numbers."""
    target = bench.space[session.name]
    before, bench.boundary.depth = torch.get_default_dtype(), 1  # no boundary: edits in place are to be seen
    torch.set_default_dtype(variation.default or variation.dtype)
    try:
        seed_everything(5)
        if session.made is None:
            yield session.name, _called(target, session.calls[0], variation)
            return
        made = session.made
        try:
            args, kwargs = _all_arrived(made, variation)
            instance = target(*args, **kwargs)
        except Exception as error:  # noqa: BLE001
            yield session.name, {"error": type(error).__name__}
            return
        yield session.name, {"parameters": _tensors(instance)}
        for call in session.calls:
            yield f"{session.name}.{call.name}", _called(getattr(instance, call.name), call, variation, instance)
    finally:
        torch.set_default_dtype(before)
        bench.boundary.depth = 0


def _tensors(instance: Any) -> list[Any]:
    if not isinstance(instance, nn.Module):
        return sorted(vars(instance))
    kinds = (("parameter", instance.named_parameters()), ("buffer", instance.named_buffers()))
    rows: list[Any] = [(kind, name, tuple(t.shape), str(t.dtype)) for kind, found in kinds for name, t in found]
    return rows + sorted(instance.state_dict())


def _called(function: Any, call: Call, variation: Variation, owner: Any = None) -> Seen:
    args, kwargs = _all_arrived(call, variation)
    tensors = leaves((args, kwargs))
    before = [tensor.detach().clone() for tensor in tensors]
    networks = [value for value in (*args, *kwargs.values(), owner) if isinstance(value, nn.Module)]
    seed_everything(6)
    try:
        result = function(*args, **kwargs)
    except Exception as error:  # noqa: BLE001
        return {"error": type(error).__name__}
    out = leaves(result)
    return {
        "type": _kind(result),
        "shape": [tuple(t.shape) for t in out],
        "dtype": [str(t.dtype) for t in out],
        "value": [t.detach().double() for t in out] or _plain(result),
        "input": [not _equal(a.detach(), b, 0.0) for a, b in zip(tensors, before, strict=True)],
        "state": [m.training for network in networks for m in network.modules()]
        + [p.detach().double().clone() for network in networks for p in network.parameters()],
        "gradient": _gradient(out, [*tensors, *(p for network in networks for p in network.parameters())]),
    }


def _kind(result: Any) -> Any:
    if isinstance(result, dict):
        return sorted(map(str, result))
    return "sequence" if isinstance(result, tuple | list) else type(result).__name__


def _plain(result: Any) -> Any:
    return result if isinstance(result, bool | int | float | str | type(None)) else []


def _gradient(out: Sequence[torch.Tensor], inputs: Sequence[torch.Tensor]) -> Any:
    wanted = [t for t in inputs if t.requires_grad]
    moving = [t for t in out if t.requires_grad]
    if not moving or not wanted:
        return [None] * len(wanted)
    weight = [torch.linspace(0.5, 1.5, t.numel(), dtype=torch.float64).reshape(t.shape) for t in moving]
    total = sum((t.double() * w).sum() for t, w in zip(moving, weight, strict=True))
    assert isinstance(total, torch.Tensor)
    with contextlib.suppress(RuntimeError):
        found = torch.autograd.grad(total, wanted, allow_unused=True)
        return [torch.zeros(t.shape) if g is None else g.double() for g, t in zip(found, wanted, strict=True)]
    return "no gradient"


def _all_arrived(call: Call, variation: Variation) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of a call once more."""
    args, kwargs = _arrived(call.args, variation), _arrived(dict(call.kwargs), variation)
    values, factor = [*args, *kwargs.values()], variation.first
    for i, value in enumerate(values):
        if factor is not None and type(value) in {int, float}:
            values[i], factor = type(value)(value * factor), variation.rest
    return tuple(values[: len(args)]), dict(zip(kwargs, values[len(args) :], strict=True))


def _arrived(value: Any, variation: Variation) -> Any:
    """The argument once more: floating-point tensors scaled, of the dtype, with a gradient; networks copied."""
    if isinstance(value, torch.Tensor):
        if not value.is_floating_point():
            return value.clone()
        within = bool(((value >= 0) & (value <= 1)).all())  # probabilities, pixels, coins: scaled they would be none
        fresh = (value if within else value * variation.scale).to(variation.dtype).clone()
        return fresh.requires_grad_() * 1  # no leaf: an edit in place shows as an edit, not as an error
    if type(value) in {list, tuple}:
        return type(value)(_arrived(inner, variation) for inner in value)
    if type(value) is dict:
        return {key: _arrived(inner, variation) for key, inner in value.items()}
    if isinstance(value, nn.Module):
        with contextlib.suppress(Exception):
            return copy.deepcopy(value).to(variation.dtype)
    return value


def _differing(known: Seen, seen: Seen, tolerance: float) -> str | None:
    if known.get("error") != seen.get("error"):
        return "error"
    for what in LAWS:
        if (what in known or what in seen) and not _alike(known.get(what), seen.get(what), tolerance):
            return what
    return None


def _alike(a: Any, b: Any, tolerance: float) -> bool:
    if isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor):
        return _equal(a, b, tolerance)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(_alike(x, y, tolerance) for x, y in zip(a, b, strict=True))
    return type(a) is type(b) and bool(a == b)


def _equal(a: torch.Tensor, b: torch.Tensor, tolerance: float) -> bool:
    if a.shape != b.shape:
        return False
    a, b = a.double(), b.double()
    near = (a - b).abs() <= tolerance * (1e-2 + b.abs())
    return bool((near | (a == b) | (a.isnan() & b.isnan())).all())
