"""Stand-ins for objects of the other side: remote objects, methods, mirrored networks, and the test's callables
inside a worker.
"""

# ruff: noqa: PLR0913, PLR0917  (constructors of stand-ins take what was sent)
from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from torch import nn

from autograder.signatures import signature
from autograder.values import fits


class Asker(Protocol):
    """What a stand-in needs of its peer."""

    home: bool
    edited: list[int]

    def request(self, op: str, *payload: Any) -> Any:
        """One call to the other side."""
        ...


def proper(name: str, value: Any) -> Any:
    """`value`, which an object of the student's has under `name`.

    What a test takes for a tensor's shape or dtype it quotes to students: a text there would carry its inputs out.
    """
    if not fits(name, value):
        raise TypeError(f"what it calls {name} is none of a tensor's")
    return value


class Remote:
    """In the grader: an object of the student's.

    It has no truth value, equality or order: those must come as plain values.
    """

    def __init__(self, peer: Asker, hid: int, kind: str, name: str) -> None:
        self.__dict__.update(_peer=peer, _hid=hid, _kind=kind, _name=name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._peer.request("call", self, args, kwargs or None)

    def __getattr__(self, name: str) -> Any:
        if name == "__signature__":
            return signature(self._peer.request("signature", self))
        if name in ("__name__", "__qualname__"):
            return self._name
        if name.startswith("__"):
            raise AttributeError(name)
        return proper(name, self._peer.request("getattr", self, name))

    def __setattr__(self, name: str, value: Any) -> None:
        self._peer.request("setattr", self, name, value)

    def __instancecheck__(self, obj: Any) -> bool:
        return isinstance(obj, Remote | Mirror) and bool(self._peer.request("isinstance", obj, self))

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[type, ...]:
        raise TypeError("a test cannot subclass a class of the student's: use a probe")

    def __getitem__(self, index: Any) -> Any:
        return self._peer.request("getitem", self, index)

    def __setitem__(self, index: Any, value: Any) -> None:
        self._peer.request("setitem", self, index, value)

    def __contains__(self, item: Any) -> bool:
        return bool(self._peer.request("contains", self, item))

    def __len__(self) -> int:
        return int(self._peer.request("len", self))

    def __iter__(self) -> Iterator[Any]:
        iterator = self._peer.request("iter", self)
        while True:
            done, item = self._peer.request("next", iterator)
            if done is True:
                return
            yield item

    def __next__(self) -> Any:
        done, item = self._peer.request("next", self)
        if done is True:
            raise StopIteration
        return item

    def __deepcopy__(self, memo: Any) -> Any:
        return self._peer.request("deepcopy", self)

    def __bool__(self) -> bool:
        raise TypeError(f"{self!r} has no truth value here: ask it for a number or a tensor")

    def _incomparable(self, other: Any) -> bool:
        raise TypeError(f"{self!r} cannot be compared here: ask it for a number or a tensor")

    __eq__ = __ne__ = __lt__ = __gt__ = __le__ = __ge__ = _incomparable
    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return f"<your {self._kind} {self._name}>"


class RemoteRecord(Remote):
    """A dataclass instance of the other side: its fields came along, the rest is asked for."""

    def __init__(self, peer: Asker, hid: int, name: str, fields: dict[str, Any]) -> None:
        super().__init__(peer, hid, "object", name)
        self.__dict__.update({n: v for n, v in fields.items() if n not in self.__dict__})


class Method:
    """A method of a mirrored network, called where the network lives."""

    def __init__(self, owner: Any, name: str) -> None:
        self._owner, self.__name__ = owner, name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._owner.__dict__["_peer"].request("method", self._owner, self.__name__, args, kwargs or None)

    def __getattr__(self, name: str) -> Any:
        peer = self.__dict__["_owner"].__dict__["_peer"]
        if name == "__signature__" and peer.home:
            return signature(peer.request("signature", peer.request("getattr", self._owner, self.__name__)))
        raise AttributeError(name)

    def __repr__(self) -> str:
        return f"<method {self.__name__} of {self._owner.__class__.__name__}>"


class Callback:
    """In the worker: something of the test's that may be called, iterated over, or asked for the methods and values
    that it offers.
    """

    def __init__(
        self, peer: Asker, hid: int, name: str, methods: list[str], properties: list[str], values: dict[str, Any]
    ) -> None:
        self.__dict__.update(
            _peer=peer,
            _hid=hid,
            __name__=name,
            _methods=frozenset(methods),
            _properties=frozenset(properties),
            **values,
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._peer.request("call", self, args, kwargs or None)

    def __getattr__(self, name: str) -> Any:
        d = self.__dict__
        if name in d["_methods"]:
            return Method(self, name)
        if name in d["_properties"]:
            return d["_peer"].request("property", self, name)
        raise AttributeError(f"'{d['__name__']}' is an object of the test; it offers no '{name}' here")

    def __len__(self) -> int:
        return int(self._peer.request("len", self))

    def __iter__(self) -> Iterator[Any]:
        iterator = self._peer.request("iter", self)
        while True:
            done, item = self._peer.request("next", iterator)
            if done:
                return
            yield item

    def __next__(self) -> Any:
        done, item = self._peer.request("next", self)
        if done:
            raise StopIteration
        return item

    def __bool__(self) -> bool:
        return True  # as for any function; without it, __len__ would be asked

    def __repr__(self) -> str:
        return f"<{self.__name__}, handed in by the test>"


class Mirror(nn.Module):
    """A real nn.Module whose parameters and buffers are kept equal to the other side's, and whose maths runs there."""

    _peer: Any
    _hid: int
    _methods: frozenset[str]
    _properties: frozenset[str]
    _part: bool

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Calls the network on the side where it lives."""
        return self._peer.request("call", self, args, kwargs or None)

    def __getattr__(self, name: str) -> Any:
        d = self.__dict__
        if name.startswith("__"):  # never one of its parts: torch and NumPy call what they find under such a name
            if name == "__signature__" and "_peer" in d and d["_peer"].home:
                return signature(d["_peer"].request("signature", self))
            raise AttributeError(name)
        try:
            part = super().__getattr__(name)
        except AttributeError:
            if "_peer" not in d:
                raise
            if name in d["_methods"]:
                return Method(self, name)
            if d["_peer"].home:
                return proper(name, d["_peer"].request("getattr", self, name))
            if name in d["_properties"]:
                return d["_peer"].request("property", self, name)
            raise
        return proper(name, part) if "_peer" in d and d["_peer"].home else part

    def __setattr__(self, name: str, value: Any) -> None:
        d = self.__dict__
        if "_peer" not in d:  # while it is being made
            super().__setattr__(name, value)
            return
        if name in d["_modules"] or isinstance(value, nn.Module):
            raise TypeError(f"a network of the other side keeps its own parts: '{name}' cannot be replaced here")
        local = name == "training" or name.startswith("_") or name in d["_parameters"] or name in d["_buffers"]
        if not local and d["_peer"].home:
            d["_peer"].request("setattr", self, name, value)
            return
        super().__setattr__(name, value)

    def extra_repr(self) -> str:
        """Nothing: the attributes it would print live on the other side."""
        return ""

    def __deepcopy__(self, memo: Any) -> Any:
        if not self._peer.home:
            raise TypeError("this network belongs to the test and cannot be copied")
        return self._peer.request("deepcopy", self)

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError("a network of the other side cannot be pickled")

    def _no_hook(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError("a hook on a part of this network would never fire, its maths runs elsewhere: use a probe")


def _hook_method(name: str) -> Any:
    def register(self: Mirror, *args: Any, **kwargs: Any) -> Any:
        if self.__dict__.get("_part", False):
            return self._no_hook()
        return getattr(nn.Module, name)(self, *args, **kwargs)

    return register


for _name in (
    "register_forward_hook",
    "register_forward_pre_hook",
    "register_full_backward_hook",
    "register_full_backward_pre_hook",
):
    setattr(Mirror, _name, _hook_method(_name))


def make_mirror(
    peer: Asker, hid: int, class_name: str, torch_class: bool, methods: list[str], properties: list[str], part: bool
) -> Mirror:
    """An empty mirror.

    One of a torch class is also an instance of that class, so that `isinstance(m.encoder[0], nn.Linear)` holds.
    """
    base = getattr(nn, class_name, None) if torch_class else None
    ok = isinstance(base, type) and issubclass(base, nn.Module) and base is not nn.Module
    bases: Any = (Mirror, base) if ok else (Mirror,)
    kind: Any = type(class_name if class_name.isidentifier() else "Module", bases, {})
    made: Mirror = kind.__new__(kind)
    nn.Module.__init__(made)
    made.__dict__.update(
        _peer=peer, _hid=hid, _methods=frozenset(methods), _properties=frozenset(properties), _part=part
    )
    return made
