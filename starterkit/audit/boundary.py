"""What the process boundary does to a call, done in one process: so that a verdict here is a verdict there.

A worker gets copies of the arguments, contiguous, detached from what the test holds; what it edits in place is
reported and not applied; tensors that need a gradient arrive as leaves, which refuse in-place edits.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

from autograder.edits import note_edits

if TYPE_CHECKING:
    from autograder.specs import Probe

LEAF = "a leaf Variable that requires grad is being used in an in-place operation."
_DUNDERS = ("__call__", "__init__")
Listener = Callable[[str, Any, tuple[Any, ...], Mapping[str, Any]], None]  # name, instance or None, arguments


@dataclass
class _Crossing:
    """The tensors of one call: as the test holds them, and the copies the student's code gets."""

    originals: list[torch.Tensor] = field(default_factory=list)
    copies: list[torch.Tensor] = field(default_factory=list)
    empty: list[tuple[Any, Any]] = field(default_factory=list)  # containers that were empty, and their copies

    def copied(self, value: Any) -> Any:
        """Return `value` as it arrives: tensors and containers copied, anything else as it is."""
        if isinstance(value, torch.Tensor):
            copy = value.clone(memory_format=torch.contiguous_format)
            self.originals.append(value)
            self.copies.append(copy)
            return copy
        if type(value) is dict:
            return self._container(value, {key: self.copied(inner) for key, inner in value.items()})
        if type(value) is list:
            return self._container(value, [self.copied(inner) for inner in value])
        if type(value) is tuple:
            return tuple(self.copied(inner) for inner in value)
        return value

    def _container(self, value: Any, copy: Any) -> Any:
        if not value:
            self.empty.append((value, copy))
        return copy

    def edited(self) -> list[torch.Tensor]:
        """Return the test's tensors whose copies the call changed. Raises what a leaf would have raised."""
        for original, copy in self.empty:  # a cache that the test handed in empty comes back filled
            original.update(copy) if isinstance(original, dict) else original.extend(copy)
        found = []
        for original, copy in zip(self.originals, self.copies, strict=True):
            if copy._version == 0 and _same(original, copy):
                continue
            if original.requires_grad and torch.is_grad_enabled() and copy._version:
                raise RuntimeError(LEAF)
            found.append(original)
        return found


def _same(original: torch.Tensor, copy: torch.Tensor) -> bool:
    a, b = original.detach(), copy.detach()
    return torch.equal(a, b) or (a.shape == b.shape and bool(((a == b) | (a.isnan() & b.isnan())).all()))


class Boundary:
    """Wraps graded functions and classes. Calls inside a call pass through, as they do in a worker."""

    def __init__(self) -> None:
        self.depth = 0
        self.raised: BaseException | None = None  # what came out of the student's code last
        self.listener: Listener | None = None  # hears every call of a test's or a probe's before it is made
        self.probing = 0  # the depth at which a probe runs; 0 without one

    def reset(self) -> None:
        """Forget what a test that was cut short left behind."""
        self.raised, self.depth, self.probing = None, 0, 0

    def wrap(self, value: Any) -> Any:
        """Return a function behind the boundary; a class is given such methods and returned itself."""
        if isinstance(value, types.FunctionType):
            return self._function(value)
        if isinstance(value, type):
            for name, inner in list(vars(value).items()):
                if isinstance(inner, types.FunctionType) and (not name.startswith("__") or name in _DUNDERS):
                    setattr(value, name, self._function(inner, method=True))
        return value

    def probe(self, probe: Probe, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Run a probe as a worker does: it gets copies itself, and what it calls gets what it is given."""
        if self.depth:
            return probe.fn(*args, **kwargs)
        self.probing = 1
        try:
            return self._cross(probe.fn, (), args, kwargs)
        finally:
            self.probing = 0

    def _function(self, fn: Callable[..., Any], *, method: bool = False) -> Callable[..., Any]:
        @functools.wraps(fn)
        def call(*args: Any, **kwargs: Any) -> Any:
            owner, rest = (args[:1], args[1:]) if method else ((), args)
            if self.listener is not None and self.depth == self.probing:
                self.listener(fn.__name__, owner[0] if owner else None, rest, kwargs)
            if self.depth:
                return fn(*args, **kwargs)
            return self._cross(fn, owner, rest, kwargs)

        return call

    def _cross(
        self, fn: Callable[..., Any], owner: tuple[Any, ...], args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Any:
        crossing = _Crossing()
        arrived = tuple(crossing.copied(value) for value in args)
        named = {key: crossing.copied(value) for key, value in kwargs.items()}
        self.depth += 1
        try:
            result = fn(*owner, *arrived, **named)
            note_edits(crossing.edited())
        except BaseException as error:
            self.raised = error
            raise
        finally:
            self.depth -= 1
        return result
