"""Richer values that cross by content: distributions, named tuples, enums, dataclasses of given cells.

Torch's own functions.

Each kind is a pair: an encoder that returns ``[tag, payload]`` or None, and a decoder. Decoders take names and fields
from the other side, so each of them builds only what an allow-list or a given cell declares.
"""

from __future__ import annotations

import builtins
import collections
import dataclasses
import enum
import keyword
import types
from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.distributions as td

from autograder.wire import Encoder, ProtocolError, Tree

Decode = Callable[[Tree], Any]
Given = Mapping[str, Any]

# constructor arguments; where a distribution accepts alternatives, the one that it was built with travels
DISTRIBUTIONS: dict[str, tuple[tuple[str, ...], ...]] = {
    "Normal": (("loc",), ("scale",)),
    "LogNormal": (("loc",), ("scale",)),
    "Laplace": (("loc",), ("scale",)),
    "Cauchy": (("loc",), ("scale",)),
    "Gumbel": (("loc",), ("scale",)),
    "HalfNormal": (("scale",),),
    "StudentT": (("df",), ("loc",), ("scale",)),
    "Uniform": (("low",), ("high",)),
    "Beta": (("concentration1",), ("concentration0",)),
    "Gamma": (("concentration",), ("rate",)),
    "Exponential": (("rate",),),
    "Poisson": (("rate",),),
    "Dirichlet": (("concentration",),),
    "Bernoulli": (("logits", "probs"),),
    "Categorical": (("logits", "probs"),),
    "OneHotCategorical": (("logits", "probs"),),
    "Geometric": (("logits", "probs"),),
    "Binomial": (("total_count",), ("logits", "probs")),
    "NegativeBinomial": (("total_count",), ("logits", "probs")),
    "RelaxedBernoulli": (("temperature",), ("logits", "probs")),
    "RelaxedOneHotCategorical": (("temperature",), ("logits", "probs")),
    "ContinuousBernoulli": (("logits", "probs"),),
    "MultivariateNormal": (("loc",), ("covariance_matrix", "precision_matrix", "scale_tril")),
}
MAX_FIELDS = 64
MAX_AXES = 16  # of a shape
MAX_NAMED = 1000  # classes of named tuples that are remembered


def is_name(s: object) -> bool:
    """Whether `s` may be used as a field or class name.

    Never one like `__array_interface__`: torch and NumPy look for these on instances too, and do what they find there.
    """
    if type(s) is not str or len(s) >= 80 or s.startswith("__"):
        return False
    return s.isidentifier() and not keyword.iskeyword(s)


def fits(name: str, value: Any) -> bool:
    """Whether `value` may stand under `name`: a shape is a few whole numbers, a dtype is a dtype."""
    if value is None:
        return True
    if name == "shape":
        return isinstance(value, (tuple, list)) and len(value) <= MAX_AXES and all(type(n) is int for n in value)
    return name != "dtype" or isinstance(value, torch.dtype)


def encode(o: Any, enc: Encoder, depth: int, given: Given, home: bool) -> Tree | None:
    """The tree of a rich value, or None. `home` is the grader's side: only it may name functions and classes."""
    if isinstance(o, td.Distribution):
        return _encode_distribution(o, enc, depth)
    if isinstance(o, tuple) and hasattr(o, "_fields"):
        return ["nt", [type(o).__name__, list(o._fields), [enc(x, depth + 1) for x in o]]]
    if isinstance(o, enum.Enum):
        return ["E", [type(o).__name__, o.name]] if type(o).__name__ in given else None
    if home and isinstance(o, types.SimpleNamespace):
        return ["ns", [[n, enc(v, depth + 1)] for n, v in vars(o).items()]]
    if home:
        return _encode_name(o, given)
    return None


def decode(tag: str, p: Any, dec: Decode, given: Given, home: bool) -> Any:
    """The rich value behind ``[tag, p]``; ProtocolError for an unknown tag or a name that is not allowed."""
    if tag == "P":
        return _decode_distribution(p, dec)
    if tag == "PI":
        return td.Independent(dec(p[0]), int(p[1]))
    if tag == "PM":
        return td.MixtureSameFamily(dec(p[0]), dec(p[1]), validate_args=False)
    if tag == "nt":
        return _named_tuple(p, dec, given, home)
    if tag == "E":
        cls = given.get(p[0])
        if isinstance(cls, type) and issubclass(cls, enum.Enum):
            return cls[p[1]]
    if tag == "ns" and not home:
        return types.SimpleNamespace(**{n: dec(v) for n, v in p if is_name(n)})
    if tag == "T" and not home:
        return _resolve(p, given)
    raise ProtocolError("unknown tag")


def dataclass_fields(o: Any) -> dict[str, Any] | None:
    """Field values of a dataclass instance, or None for anything else."""
    if isinstance(o, type) or not dataclasses.is_dataclass(o):
        return None
    return {f.name: getattr(o, f.name) for f in dataclasses.fields(o) if hasattr(o, f.name)}


def make_given(name: str, fields: Mapping[str, Any], given: Given) -> Any | None:
    """An instance of the given dataclass `name` with these fields, or None if there is no such class.

    `__post_init__` ran where it was made.
    """
    cls = given.get(name)
    if (
        not isinstance(cls, type)
        or not dataclasses.is_dataclass(cls)
        or {f.name for f in dataclasses.fields(cls)} != set(fields)
    ):
        return None
    made = object.__new__(cls)
    for field, value in fields.items():
        object.__setattr__(made, field, value)  # also works for frozen and slotted classes
    return made


def _encode_distribution(d: Any, enc: Encoder, depth: int) -> Tree | None:
    kind = type(d)
    if kind is td.Independent:
        return ["PI", [enc(d.base_dist, depth + 1), d.reinterpreted_batch_ndims]]
    if kind is td.MixtureSameFamily:
        return ["PM", [enc(d.mixture_distribution, depth + 1), enc(d.component_distribution, depth + 1)]]
    if kind is not getattr(td, kind.__name__, None) or kind.__name__ not in DISTRIBUTIONS:
        return None
    names = [
        next((n for n in alternatives if n in vars(d)), alternatives[-1])
        for alternatives in DISTRIBUTIONS[kind.__name__]
    ]
    return ["P", [kind.__name__, [[n, enc(getattr(d, n), depth + 1)] for n in names]]]


def _decode_distribution(p: Any, dec: Decode) -> td.Distribution:
    name, arguments = p
    allowed = {n for alternatives in DISTRIBUTIONS[name] for n in alternatives}
    if not {n for n, _ in arguments} <= allowed:
        raise ProtocolError("bad distribution")
    made = getattr(td, name)(**{n: dec(v) for n, v in arguments}, validate_args=False)
    assert isinstance(made, td.Distribution)
    return made


_NAMED: dict[tuple[str, tuple[str, ...]], Any] = {}


def _named_tuple(p: Any, dec: Decode, given: Given, home: bool) -> Any:
    name, fields, items = p
    if (
        len(fields) > MAX_FIELDS
        or not all(is_name(f) and not f.startswith("_") for f in fields)
        or len(items) != len(fields)
    ):
        raise ProtocolError("bad named tuple")
    values = [dec(x) for x in items]
    if home and not all(map(fits, fields, values)):
        return tuple(values)
    cls = given.get(name)
    if isinstance(cls, type) and issubclass(cls, tuple) and getattr(cls, "_fields", None) == tuple(fields):
        return tuple.__new__(cls, values)
    key = (name if is_name(name) and not name.startswith("_") else "Tuple", tuple(fields))
    if key not in _NAMED:
        if len(_NAMED) >= MAX_NAMED:  # rather than to stay full of one submission's for all that follow
            _NAMED.clear()
        _NAMED[key] = collections.namedtuple(*key)  # noqa: PYI024  (the fields come over the wire)
    return _NAMED[key](*values)


def _encode_name(o: Any, given: Given) -> Tree | None:
    """torch's own functions and classes, built-in types and given classes are the same on both sides: their name is
    enough.
    """
    name = getattr(o, "__name__", None)
    if not isinstance(name, str) or not (isinstance(o, type) or callable(o)):
        return None
    if isinstance(o, type) and given.get(name) is o:
        return ["T", ["given", name]]
    if isinstance(o, type) and vars(builtins).get(name) is o:
        return ["T", ["builtins", name]]
    module = getattr(o, "__module__", None)
    for place in (module, "torch", "torch.nn.functional", "torch.nn", "torch.optim"):
        if isinstance(place, str) and place.split(".")[0] == "torch" and getattr(_walk(place), name, None) is o:
            return ["T", [place, name]]
    return None


def _walk(place: str) -> Any:
    found: Any = torch
    for part in place.split(".")[1:]:
        found = getattr(found, part, None)
    return found


def _resolve(p: Any, given: Given) -> Any:
    place, name = p
    if place == "given":
        return given[name]
    return vars(builtins)[name] if place == "builtins" else getattr(_walk(place), name)
