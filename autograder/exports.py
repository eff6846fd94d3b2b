"""What one side offers the other: exported objects, their public faces, and the encoding of whole network trees."""

# ruff: noqa: C901  (one branch for each kind of tensor)
from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable
from typing import Any, Protocol

import torch
from torch import nn

from autograder.shared import Node, Shared, structure
from autograder.stubs import Callback, Mirror, Remote, RemoteRecord, make_mirror
from autograder.wire import Encoder, ProtocolError, Tree

MAX_PARTS = 10_000  # of a network, one that is used twice counted twice: what walks through it meets it twice
_FOREIGN = frozenset(sys.stdlib_module_names) | {"torch", "numpy", "builtins"}
_SCALARS = (bool, int, float, str)


class Owner(Protocol):
    """The peer that exports."""

    home: bool
    edited: list[int]
    shared: Shared
    stubs: dict[int, Any]

    def request(self, op: str, *payload: Any) -> Any: ...


def own_class(cls: type) -> bool:
    """Whether a class was written by the course or the student, not by torch, NumPy or the standard library."""
    return cls.__module__.split(".")[0] not in _FOREIGN or cls.__module__ == "__main__"


def public_methods(cls: type) -> list[str]:
    """Methods that an own class (or an own base of it) defines publicly; never one of nn.Module's or object's."""
    return sorted({n for c in cls.__mro__ if own_class(c) for n, f in vars(c).items()
                   if inspect.isfunction(f) and not n.startswith("_") and n != "forward"})  # fmt: skip


def public_properties(cls: type) -> list[str]:
    """Properties that an own class defines publicly."""
    return sorted(
        {
            n
            for c in cls.__mro__
            if own_class(c)
            for n, f in vars(c).items()
            if isinstance(f, property) and not n.startswith("_")
        }
    )


def plain_attributes(o: Any) -> dict[str, Any]:
    """Public attributes of an instance that are scalars, sizes, dtypes, devices, or short sequences of scalars."""
    return {
        n: v for n, v in getattr(o, "__dict__", {}).items() if not n.startswith("_") and n != "training" and _plain(v)
    }


def _plain(v: Any) -> bool:
    if v is None or type(v) in _SCALARS or isinstance(v, torch.Size | torch.dtype | torch.device):
        return True
    return type(v) in (list, tuple) and len(v) <= 64 and all(type(x) in _SCALARS for x in v)


class Exports:
    """Objects of this side that the other side holds by number, and what it may do with each (`grants`, enforced in
    the grader).
    """

    def __init__(self) -> None:
        self.objects: dict[int, Any] = {}
        self.ids: dict[int, int] = {}
        self.grants: dict[int, frozenset[str]] = {}

    def add(self, o: Any, grants: frozenset[str] = frozenset()) -> int:
        """The number of `o`; the object stays alive, so its id is not reused."""
        hid = self.ids.get(id(o))
        if hid is None:
            hid = self.ids[id(o)] = len(self.objects) + 1
            self.objects[hid] = o
            self.grants[hid] = grants
        return hid

    def granted(self, o: Any, what: str) -> bool:
        """Whether the other side may do `what` ("()", "iter", "len", or a name) with `o`."""
        return what in self.grants.get(self.ids.get(id(o), 0), ())

    def rollback(self, size: int) -> None:
        """Forget what was exported after there were `size` objects."""
        while len(self.objects) > size:
            hid, o = self.objects.popitem()
            self.ids.pop(id(o), None)
            self.grants.pop(hid, None)


def face(o: Any) -> tuple[str, list[str], list[str], list[str]] | None:
    """How an object of the test's shows itself in a worker: its name, methods, properties, and abilities ("()",
    "iter", "len"). None: it does not cross.
    """
    cls = type(o)
    if isinstance(o, torch.optim.Optimizer):
        return cls.__name__, ["step", "zero_grad"], [], []
    if isinstance(o, torch.optim.lr_scheduler.LRScheduler):
        return cls.__name__, ["step", "get_last_lr"], [], []
    if isinstance(o, type):
        return o.__name__, [], [], ["()"]
    abilities = [
        a
        for a, dunder in (("()", "__call__"), ("iter", "__iter__"), ("next", "__next__"), ("len", "__len__"))
        if hasattr(cls, dunder)
    ]
    if own_class(cls):
        return getattr(o, "__name__", cls.__name__), public_methods(cls), public_properties(cls), abilities
    if callable(o) or "iter" in abilities:
        return getattr(o, "__name__", cls.__name__), [], [], abilities
    return None


def encode_module(root: nn.Module, owner: Owner, exports: Exports, enc: Encoder, depth: int) -> Tree:
    """A network of this side: each module with its class, modes, tensors and face.

    Tensors that are already shared travel as their key only.
    """
    shared, entries = owner.shared, []
    prefix = "T" if owner.home else "W"
    for path, m in root.named_modules(remove_duplicate=False):
        grants = frozenset(["()", *public_methods(type(m)), *public_properties(type(m))])
        hid = exports.add(m, grants)
        node = shared.nodes.setdefault(f"{prefix}{hid}", Node(m, True))
        node.structure, node.training = structure(m), m.training
        entry: dict[str, Any] = {
            "p": path, "h": hid, "c": type(m).__name__, "torch": not own_class(type(m)), "train": m.training,
            "f": public_methods(type(m)), "y": public_properties(type(m)),
            "a": [[n, enc(v, depth + 2)] for n, v in plain_attributes(m).items()] if owner.home else [],
            "q": sorted(m._non_persistent_buffers_set),
        }  # fmt: skip
        for field, table, keys in (("w", m._parameters, node.parameters), ("b", m._buffers, node.buffers)):
            rows: list[list[Any]] = []
            for n, t in table.items():
                if t is None:
                    rows.append([n, None, False, None])
                    continue
                key = keys.get(n) or shared.keys.get(id(t)) or f"{prefix}{hid}.{n}"
                keys[n] = key
                known = key in shared.leaves
                rows.append([n, key, t.requires_grad, None if known else enc(t.detach(), depth + 2)])
                shared.add(key, t, mine=True)
            entry[field] = rows
        entries.append(entry)
    return ["m", entries]


def decode_module(entries: Any, owner: Owner, dec: Any) -> Mirror:
    """The mirror of a network of the other side, made or brought up to date."""
    shared, prefix = owner.shared, "W" if owner.home else "T"
    made: dict[str, Mirror] = {}
    children: dict[str, list[str]] = {}
    known = {int(e["h"]) for e in entries} & owner.stubs.keys()
    for e in entries:
        hid, path = int(e["h"]), str(e["p"])
        mirror = owner.stubs.get(hid)
        if mirror is None:
            mirror = make_mirror(
                owner,
                hid,
                str(e["c"])[:60],
                e["torch"] is True,
                [str(x) for x in e["f"]],
                [str(x) for x in e["y"]],
                path != "",
            )
            if not owner.home:  # a student's network is asked for its attributes: here they could hide its methods
                mirror.__dict__.update({str(n): dec(v) for n, v in e["a"] if not str(n).startswith("_")})
            mirror.__dict__["training"] = e["train"] is True
            owner.stubs[hid] = mirror
            shared.nodes[f"{prefix}{hid}"] = Node(mirror, False)
        node = shared.nodes[f"{prefix}{hid}"]
        node.training = mirror.__dict__["training"] = e["train"] is True
        tables: list[tuple[str, Any, dict[str, str]]] = [
            ("w", mirror._parameters, node.parameters),
            ("b", mirror._buffers, node.buffers),
        ]
        for field, table, keys in tables:
            for called, key, requires, value in e[field]:
                name = str(called)
                if key is None:
                    table.setdefault(name, None)
                    continue
                if key not in shared.leaves:
                    claimed(key, prefix)
                    t = dec(value).detach()
                    shared.add(str(key), nn.Parameter(t, requires is True) if field == "w" else t, mine=False)
                table[name] = shared.leaves[key].t
                keys[name] = key
            for gone in set(table) - {str(row[0]) for row in e[field]}:
                del table[gone]
                keys.pop(gone, None)
        mirror.__dict__["_non_persistent_buffers_set"] = {str(x) for x in e["q"]}
        made[path] = mirror
        if path:
            parent, _, child = path.rpartition(".")
            made[parent]._modules[child] = mirror
            children.setdefault(parent, []).append(child)
    for path, mirror in made.items():
        for gone in set(mirror._modules) - set(children.get(path, ())):
            del mirror._modules[gone]
    root: Mirror = made[""]
    if owner.home:  # a part that was there before may be one of any other network, too
        _check_parts(owner.stubs.values() if known else [root])
    return root


def claimed(key: Any, prefix: str) -> None:
    """ProtocolError unless a new key is one of the sender's own kind: a worker that took the name of a parameter that
    the test has not sent yet would be told its values, and could write them.
    """
    if type(key) is not str or not key.startswith(prefix):
        raise ProtocolError("a tensor under a name of the other side's")


def _check_parts(stubs: Iterable[Any]) -> None:
    """ProtocolError where the grader would walk through a network without end: one inside itself, or that unfolds."""
    sizes: dict[int, int] = {}
    for stub in stubs:
        if isinstance(stub, Mirror):
            _parts(stub, sizes)


def _parts(m: nn.Module, sizes: dict[int, int]) -> int:
    """How many parts a walk through `m` meets."""
    if id(m) not in sizes:
        sizes[id(m)] = 0
        sizes[id(m)] = 1 + sum(_parts(child, sizes) for child in m._modules.values() if child is not None)
    if not 0 < sizes[id(m)] <= MAX_PARTS:
        raise ProtocolError("a network inside itself, or of too many parts")
    return sizes[id(m)]


def encode_face(o: Any, owner: Owner, exports: Exports, enc: Encoder, depth: int) -> Tree | None:
    """A handle on any other object. The worker offers everything; the grader offers what `face` says."""
    if not owner.home:
        kind = "class" if isinstance(o, type) else "function" if callable(o) else "object"
        return ["o", [exports.add(o), kind, str(getattr(o, "__name__", type(o).__name__))[:60]]]
    shown = face(o)
    if shown is None:
        return None
    name, methods, properties, abilities = shown
    hid = exports.add(o, frozenset([*methods, *properties, *abilities]))
    values = (
        [[n, enc(v, depth + 2)] for n, v in plain_attributes(o).items()]
        if own_class(type(o)) and not isinstance(o, type)
        else []
    )
    return ["o", [hid, "function", name, methods, properties, values]]


def decode_face(p: Any, owner: Owner, dec: Any) -> Any:
    """The stand-in for a handle."""
    hid = int(p[0])
    if hid not in owner.stubs:
        if owner.home:
            owner.stubs[hid] = Remote(owner, hid, str(p[1])[:20], str(p[2])[:60])
        else:
            values = {str(n): dec(v) for n, v in p[5]}
            owner.stubs[hid] = Callback(owner, hid, str(p[2]), p[3], p[4], values)
    return owner.stubs[hid]


__all__ = ["Exports", "RemoteRecord", "decode_face", "decode_module", "encode_face", "encode_module"]
