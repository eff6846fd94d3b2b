"""Tensors that both sides know: parameters, buffers and kept arguments.

And how each side tells the other what it changed in them.

Before every message a side compares its shared tensors, bit for bit, with what the other side last saw and sends what
differs: values, ``.grad``, ``requires_grad``, train/eval. The worker may never change the values of a tensor of the
test's.
"""

# ruff: noqa: C901, N818  (one branch for each kind of change)
from __future__ import annotations

import ctypes
from typing import Any

import torch
from torch import nn

from autograder.wire import ProtocolError, byte_view

SMALL = 1 << 20  # bodies up to this size are compared byte for byte to find edited arguments
_memcmp = ctypes.CDLL(None).memcmp
_memcmp.argtypes = (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t)


class ForeignTensor(RuntimeError):
    """Student code changed the values of a network that belongs to the test."""


def raw_bytes(t: torch.Tensor) -> bytes:
    """The bytes of a tensor in row-major order."""
    return bytes(byte_view(t.detach().cpu().resolve_conj().resolve_neg())) if t.numel() else b""


class Snapshot:
    """A tensor as the other side last saw it.

    Compared bit for bit: a NaN that "differs from itself" would be re-sent with every message and spoil saved
    tensors.
    """

    __slots__ = ("dtype", "raw", "shape", "version")

    def __init__(self, t: torch.Tensor) -> None:
        self.dtype, self.shape, self.raw, self.version = t.dtype, t.shape, raw_bytes(t), (t.data_ptr(), t._version)

    def matches(self, t: torch.Tensor) -> bool:
        """Whether `t` still has these bits.

        On a GPU only versions are compared: edits through ``.data`` go unseen there.
        """
        if t.dtype is not self.dtype or t.shape != self.shape:
            return False
        if t.device.type != "cpu":
            return self.version == (t.data_ptr(), t._version)
        if not t.is_contiguous() or t.is_conj() or t.is_neg():
            return raw_bytes(t) == self.raw
        return not self.raw or _memcmp(t.data_ptr(), self.raw, len(self.raw)) == 0


class Witness:
    """Sees which tensors a call changes in place: by version, and, if `closely`, also byte by byte (edits through
    NumPy or ``.data``).
    """

    def __init__(self, tensors: dict[int | str, torch.Tensor], closely: bool) -> None:
        self.tensors = tensors
        self.versions = {name: t._version for name, t in tensors.items()}
        self.copies = {name: Snapshot(t) for name, t in tensors.items()} if closely else {}

    def edited(self) -> list[int | str]:
        """Names of the changed tensors."""
        return [
            name
            for name, t in self.tensors.items()
            if t._version != self.versions[name] or (name in self.copies and not self.copies[name].matches(t))
        ]


class Leaf:
    """One shared tensor.

    `mine`: it belongs to this side. `fixed`: an argument kept by the other side, whose value never changes. `own` holds
    the storage that the tensor had at first, or has been given here since.
    """

    __slots__ = ("fixed", "grad", "key", "mine", "own", "requires", "t", "value")

    def __init__(self, key: str, t: torch.Tensor, mine: bool, fixed: bool) -> None:
        self.key, self.t, self.mine, self.fixed, self.own = key, t, mine, fixed, t.detach()
        self.value = None if fixed else Snapshot(t)
        self.requires = t.requires_grad
        self.grad = Snapshot(t.grad) if not fixed and t.is_leaf and t.grad is not None else None


class Node:
    """One module of a shared tree and the keys of its tensors."""

    __slots__ = ("buffers", "mine", "module", "parameters", "structure", "training")

    def __init__(self, module: nn.Module, mine: bool) -> None:
        self.module, self.mine, self.training = module, mine, module.training
        self.parameters: dict[str, str] = {}
        self.buffers: dict[str, str] = {}
        self.structure = structure(module) if mine else None


def structure(m: nn.Module) -> tuple[Any, ...]:
    """What must stay the same for a mirror to stay true: names of parameters and buffers, and the children."""
    return (
        tuple(n for n, t in m._parameters.items() if t is not None),
        tuple(n for n, t in m._buffers.items() if t is not None),
        tuple((n, id(c)) for n, c in m._modules.items()),
    )


class Shared:
    """All shared tensors and modules of one connection, in the order in which both sides registered them."""

    def __init__(self, home: bool) -> None:
        self.home = home
        self.leaves: dict[str, Leaf] = {}
        self.nodes: dict[str, Node] = {}  # "T7": the test's object 7, "W7": the worker's
        self.keys: dict[int, str] = {}  # id(tensor) → key
        self.borrowed: dict[tuple[Any, str], bool] = {}  # modes of the test's modules before the worker switched them

    def add(self, key: str, t: torch.Tensor, *, mine: bool, fixed: bool = False) -> None:
        """Register a tensor under a key that both sides use; nothing happens if the key is known."""
        if key not in self.leaves:
            self.leaves[key] = Leaf(key, t, mine, fixed)
            self.keys[id(t)] = key

    def tensors(self) -> list[torch.Tensor]:
        """Every shared tensor, in the common order: inputs of each boundary-crossing autograd node."""
        return [leaf.t for leaf in self.leaves.values()]

    def mark(self) -> tuple[int, int]:
        """A point to which `rollback` can return."""
        return len(self.leaves), len(self.nodes)

    def rollback(self, mark: tuple[int, int]) -> None:
        """Forget what was registered since `mark`: the message that would have announced it was never sent."""
        while len(self.leaves) > mark[0]:
            self.keys.pop(id(self.leaves.popitem()[1].t), None)
        while len(self.nodes) > mark[1]:
            self.nodes.popitem()

    def outdated(self) -> list[nn.Module]:
        """Own modules whose parameters, buffers or children have other names than the mirror knows."""
        return [n.module for n in self.nodes.values() if n.mine and structure(n.module) != n.structure]

    def changes(self) -> list[list[Any]]:
        """What this side changed since the other side last saw it: ``[key, what, value]``, ready to encode.

        ForeignTensor if the worker changed the test's.
        """
        if not self.nodes:
            return []
        out: list[list[Any]] = []
        foreign = False
        for hid, node in self.nodes.items():
            if node.module.training != node.training:
                node.training = node.module.training
                out.append([hid, "t", node.training])
            foreign |= self._rebind(node.module._parameters, node.parameters)
            foreign |= self._rebind(node.module._buffers, node.buffers)
        for key, leaf in self.leaves.items():
            if leaf.fixed:
                continue
            t = leaf.t
            if leaf.value is None or not leaf.value.matches(t):
                if not self.home and not leaf.mine:
                    foreign = True
                    self._restore(leaf)
                else:
                    leaf.value = Snapshot(t)
                    out.append([key, "v", t.detach()])
            if t.requires_grad != leaf.requires:
                leaf.requires = t.requires_grad
                out.append([key, "r", leaf.requires])
            if t.is_leaf:
                grad = t.grad
                if (grad is None) != (leaf.grad is None) or (
                    grad is not None and leaf.grad is not None and not leaf.grad.matches(grad)
                ):
                    leaf.grad = None if grad is None else Snapshot(grad)
                    out.append([key, "g", None if grad is None else grad.detach()])
        if foreign:
            raise ForeignTensor(
                "this network belongs to the test and its values cannot be changed here: "
                "use the optimiser that was handed in"
            )
        return out

    def apply(self, changes: Any) -> None:
        """Take over what the other side changed; ProtocolError for anything that it may not change."""
        for key, what, value in changes:
            if what == "m":  # a network tree, already rebuilt while it was decoded
                continue
            if what == "t":
                self._switch(self.nodes[key], key, value is True)
                continue
            leaf = self.leaves[key]
            guarded = self.home and leaf.mine
            if leaf.fixed or (guarded and what == "v"):
                raise ProtocolError("tried to change the test's own tensors")
            if what == "r":
                if guarded:
                    self.borrowed.setdefault((key, "r"), leaf.t.requires_grad)
                leaf.requires = value is True
                leaf.t.requires_grad_(leaf.requires)
            elif what == "g":
                self._set_grad(leaf, value)
            elif what == "v" and isinstance(value, torch.Tensor):
                self._set_value(leaf, value)
            else:
                raise ProtocolError("unknown change")

    def give_back(self) -> None:
        """Restore train/eval and requires_grad of the test's modules to what they were before the worker switched
        them.
        """
        for (key, what), was in self.borrowed.items():
            if what == "t":
                self.nodes[key].module.training = was
            else:
                self.leaves[key].t.requires_grad_(was)
        self.borrowed.clear()

    def _switch(self, node: Node, hid: str, training: bool) -> None:
        if self.home and node.mine:
            self.borrowed.setdefault((hid, "t"), node.module.training)
        node.training = node.module.training = training

    def _set_grad(self, leaf: Leaf, value: Any) -> None:
        t = leaf.t
        if value is not None and (
            not isinstance(value, torch.Tensor) or value.shape != t.shape or value.dtype != t.dtype
        ):
            raise ProtocolError("a gradient has another shape or dtype than its tensor")
        t.grad = None if value is None else value.detach().to(t.device).clone()
        leaf.grad = None if value is None else Snapshot(t.grad)  # type: ignore[arg-type]  # just set

    def _rebind(self, table: Any, keys: dict[str, str]) -> bool:
        """Follow a tensor replaced under its name (re-assigned buffer, new nn.Parameter); True if the worker replaced
        one of the test's.
        """
        foreign = False
        for name, key in keys.items():
            t, leaf = table.get(name), self.leaves[key]
            if t is not None and t is not leaf.t:
                if not self.home and not leaf.mine:
                    table[name] = leaf.t
                    foreign = True
                    continue
                self.keys.pop(id(leaf.t), None)
                leaf.t = t
                self.keys[id(t)] = key
        return foreign

    @staticmethod
    def _restore(leaf: Leaf) -> None:
        assert leaf.value is not None
        raw = bytearray(leaf.value.raw)
        flat = torch.frombuffer(raw, dtype=leaf.value.dtype) if raw else torch.empty(0, dtype=leaf.value.dtype)
        leaf.t.data = flat.reshape(leaf.value.shape).to(leaf.t.device)
        leaf.value = Snapshot(leaf.t)

    def _set_value(self, leaf: Leaf, value: torch.Tensor) -> None:
        """Write in place, but never into a storage that a test gave a parameter (`net.weight.data = w`): `w` is its."""
        t = leaf.t
        if t.is_leaf and t.requires_grad and not (value.is_floating_point() or value.is_complex()):
            raise ProtocolError("a parameter turned into integers")
        lent = self.home and t.untyped_storage().data_ptr() != leaf.own.untyped_storage().data_ptr()
        with torch.no_grad():
            if t.dtype == value.dtype and t.shape == value.shape and not lent:
                t.copy_(value)
            else:
                t.data = value.detach().to(t.device).clone()
                leaf.own = t.detach()
        leaf.value = Snapshot(t)
