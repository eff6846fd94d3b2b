"""The calls that the tests of a question make, recorded on the reference, to be made again on something else."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from starterkit.audit.bench import Bench

MOST_CALLS = 3  # of one name under one seed and test
SEEDS = (11, 12)
BIG = 4000  # elements; larger arguments are left out, they make replay slow and show nothing new


@dataclass(frozen=True)
class Call:
    """A function or method of that name, with the arguments it was given."""

    name: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]


@dataclass
class Session:
    """What was done with one thing: a function called once, or an instance made and its methods called."""

    name: str
    calls: list[Call] = field(default_factory=list)
    made: Call | None = None  # of a class: the arguments of its constructor


def record(bench: Bench) -> list[Session]:
    """Return what the tests of a question do with its names, under a few seeds."""
    recorder = _Recorder(bench)
    try:
        bench.boundary.listener = recorder.hear
        for seed in SEEDS:
            for test in bench.tests:
                recorder.count.clear()
                bench.attempt(test, seed, 30.0)
                recorder.instances.clear()
    finally:
        bench.boundary.listener = None
    return recorder.sessions


class _Recorder:
    def __init__(self, bench: Bench) -> None:
        names = bench.question.names
        self.classes = {name for name in names if isinstance(bench.space.get(name), type)}
        self.names = set(names) - self.classes
        self.sessions: list[Session] = []
        self.instances: dict[int, tuple[Any, Session]] = {}
        self.count: dict[str, int] = {}

    def hear(self, name: str, owner: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        if owner is None and name not in self.names:
            return
        kind = name if owner is None else f"{type(owner).__name__}.{name}"
        self.count[kind] = self.count.get(kind, 0) + 1
        if self.count[kind] > MOST_CALLS or _size((args, kwargs)) > BIG:
            return
        call = Call(name, _kept(args), _kept(dict(kwargs)))
        if owner is None:
            self.sessions.append(Session(name, [call]))
        elif name == "__init__":
            session = Session(type(owner).__name__, made=call)
            self.sessions.append(session)
            self.instances[id(owner)] = owner, session
        elif id(owner) in self.instances:
            self.instances[id(owner)][1].calls.append(call)


def _size(value: Any) -> int:
    return sum(leaf.numel() for leaf in leaves(value))


def _kept(value: Any) -> Any:
    """A copy that later calls cannot change; what cannot be copied (a closure's network, say) is kept itself."""
    if isinstance(value, torch.Tensor):
        return value.detach().clone()
    if type(value) in {list, tuple}:
        return type(value)(_kept(inner) for inner in value)
    if type(value) is dict:
        return {key: _kept(inner) for key, inner in value.items()}
    try:
        return copy.deepcopy(value)
    except Exception:  # noqa: BLE001  # whatever a copy may raise
        return value


def leaves(value: Any) -> list[torch.Tensor]:
    """Return the tensors in tuples, lists and dicts, in order."""
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, tuple | list):
        return [leaf for inner in value for leaf in leaves(inner)]
    return []
