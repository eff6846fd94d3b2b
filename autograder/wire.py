"""Frames: a JSON header plus raw tensor buffers. Nothing that arrives is unpickled, evaluated or imported by name.

A frame is ``<u32 header length><u64 body length>`` header body. The header is a JSON object: the fields of the
message, a *tree* under ``m`` and the tensor table ``t`` (``[dtype, shape, needs_grad, offset, nbytes]`` for each
tensor in the body). A tree is a JSON scalar (itself) or ``[tag, payload]``. Tags known here are values; all others
belong to the hook of the peer.
"""

# ruff: noqa: BLE001, N818, C901, PLR0912  (whatever a forged message breaks is a breach; one branch for each kind of value)
from __future__ import annotations

import collections
import json
import math
import re
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

MAX_HEADER, MAX_BODY, MAX_DEPTH, MAX_NODES = 1 << 20, 1 << 28, 32, 200_000
MAX_TEXT = 1 << 24  # bytes of one string: unpacked it can be four times as long
MAX_ALIKE = 256  # keys of one dict or set with the hash of another: looking for a key asks all of them
LONG_TEXT = 4096  # longer strings travel in the body: escaping them as JSON is slow and the header is capped
PREFIX = struct.Struct("<IQ")
DTYPES: dict[str, torch.dtype] = {
    str(d)[6:]: d
    for d in (torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16,
              torch.int8, torch.uint8, torch.bool, torch.complex64, torch.complex128)
}  # fmt: skip
NAMES = {v: k for k, v in DTYPES.items()}
SEQUENCE_TAGS: dict[type, str] = {list: "l", tuple: "u", set: "S", frozenset: "F"}
DICTS = (dict, collections.OrderedDict, collections.defaultdict, collections.Counter)
SURROGATES = re.compile("[\ud800-\udfff]")
Tree = Any  # JSON: a scalar, or [tag, payload]


class CannotCross(TypeError):
    """An object that the boundary does not carry, with the reason."""


class ProtocolError(Exception):
    """The other side sent something malformed, forged or over a limit."""


class Deadline(Exception):
    """The other side did not finish in time."""


def byte_view(t: torch.Tensor) -> memoryview:
    """The bytes of a detached CPU tensor that is not empty, in row-major order; not copied if they lie so already."""
    flat = t.contiguous().reshape(-1)
    if flat.stride(0) != 1:  # one element that was expanded counts as contiguous
        flat = torch.empty(flat.shape, dtype=flat.dtype).copy_(flat)
    return memoryview(flat.view(torch.uint8).numpy().data)


class Gone(Exception):
    """The other side has closed the connection. No EOFError: student code may raise that."""


class Encoder:
    """Builds one frame.

    `hook(o, encoder, depth)` returns a tree for what is not a plain value, or None to refuse it; it sees tensors
    first.
    """

    def __init__(self, hook: Callable[[Any, Encoder, int], Tree | None]) -> None:
        self.hook = hook
        self.specs: list[list[Any]] = []
        self.buffers: list[Any] = []
        self.size = 0
        self.tensors: list[torch.Tensor] = []  # in the order they travel; kept alive so that an id is not reused
        self.arrays: dict[int, Any] = {}  # NumPy arrays by the index of the tensor as which they travel
        self._seen: dict[int, int] = {}
        self.memo: dict[int, int] = {}  # for the hook: objects of this message that must stay one object
        self.keep: list[Any] = []
        self.lent: list[Any] | None = None  # a request collects here the caches that may come back changed

    def tensor(self, t: torch.Tensor) -> int:
        """Index of `t` in this frame's tensor table; CannotCross for layouts and dtypes that have no plain bytes."""
        if id(t) in self._seen:
            return self._seen[id(t)]
        if torch._C._functorch.is_functorch_wrapped_tensor(t):
            raise CannotCross("torch.func transforms (vmap, grad, jacrev, jvp) do not cross the boundary: "
                              "use torch.autograd.functional, or a probe")  # fmt: skip
        if t.layout != torch.strided or t.dtype not in NAMES or t.device.type == "meta":
            raise CannotCross(f"cannot send a tensor of dtype {t.dtype}, layout {t.layout}, on {t.device}")
        raw = t.detach()
        if raw.device.type != "cpu":
            raw = raw.cpu()
        raw = raw.resolve_conj().resolve_neg()
        n = raw.numel() * raw.element_size()
        self.specs.append([NAMES[raw.dtype], list(raw.shape), t.requires_grad, self.size, n])
        if n:
            self.buffers.append(byte_view(raw))
            if n % 64:
                self.buffers.append(bytes(-n % 64))
        self.size += n + -n % 64
        if self.size > MAX_BODY:
            raise CannotCross(f"a message may carry {MAX_BODY >> 20} MiB of tensors at most")
        self.tensors.append(t)
        self._seen[id(t)] = len(self.specs) - 1
        return len(self.specs) - 1

    def raw(self, data: bytes | bytearray | memoryview) -> int:
        """Index of a byte string in the tensor table."""
        return self.tensor(
            torch.frombuffer(bytearray(data), dtype=torch.uint8) if len(data) else torch.empty(0, dtype=torch.uint8)
        )

    def __call__(self, o: Any, depth: int = 0) -> Tree:
        """The tree of `o`."""
        kind = type(o)
        if o is None or kind is bool or kind is float:
            return o
        if kind is str:
            return o if len(o) < LONG_TEXT else ["x", self.raw(o.encode("utf-8", "surrogatepass"))]
        if kind is int:
            return o if -(1 << 63) < o < 1 << 63 else ["i", str(o)]
        if depth > MAX_DEPTH:
            raise CannotCross("nested too deeply to send")
        if isinstance(o, torch.Tensor):
            special = self.hook(o, self, depth)
            return ["t", self.tensor(o)] if special is None else special
        tree = self.hook(o, self, depth)
        if tree is None:
            tree = self.plain(o, kind, depth)
        if tree is None:
            raise CannotCross(f"cannot send a {kind.__module__}.{kind.__qualname__} across the boundary")
        return tree

    def plain(self, o: Any, kind: type, depth: int) -> Tree | None:
        """The tree of a value that this module knows, or None."""
        if kind in SEQUENCE_TAGS:
            return [SEQUENCE_TAGS[kind], [self(x, depth + 1) for x in o]]
        if kind in DICTS:
            return ["d", [[self(k, depth + 1), self(v, depth + 1)] for k, v in o.items()]]
        if isinstance(o, np.ndarray | np.generic):
            if o.dtype.kind not in "biufc":
                raise CannotCross(f"cannot send a NumPy array of dtype {o.dtype}")
            try:
                t = torch.from_numpy(np.array(o, copy=True))
            except TypeError as error:
                raise CannotCross(str(error)) from None
            index = self.tensor(t)
            self.arrays[index] = o
            return ["n" if isinstance(o, np.ndarray) else "N", index]
        if isinstance(o, torch.Size):
            return ["z", list(o)]
        if isinstance(o, bytes | bytearray):
            return ["b", self.raw(o)]
        if isinstance(o, complex):
            return ["c", [o.real, o.imag]]
        if isinstance(o, range):
            return ["r", [o.start, o.stop, o.step]]
        if isinstance(o, slice):
            return ["s", [self(x, depth + 1) for x in (o.start, o.stop, o.step)]]
        if o is ...:
            return ["s", None]
        if isinstance(o, torch.dtype):
            return ["y", str(o)[6:]]
        if isinstance(o, torch.device):
            return ["D", str(o)]
        return None

    def frame(self, fields: dict[str, Any]) -> list[Any]:
        """The parts of the finished frame; `fields` must hold the tree under ``m``."""
        head = json.dumps({**fields, "t": self.specs}, separators=(",", ":")).encode()
        if len(head) > MAX_HEADER:
            raise CannotCross(f"a message may carry {MAX_HEADER >> 10} KiB of plain values at most: send a tensor")
        return [PREFIX.pack(len(head), self.size), head, *self.buffers]


class Frame:
    """A received message: its fields and tensors are checked, its tree is not built yet, so that autograd can put its
    own outputs in the tensors' places.
    """

    def __init__(self, head: bytes, body: Any) -> None:
        try:
            fields = json.loads(head)
            if type(fields) is not dict:
                raise ProtocolError("the header is not an object")
            self.fields: dict[str, Any] = fields
            self.tree: Tree = fields["m"]
            specs = fields["t"]
            self.tensors = _tensors(specs, body)
            self.wants = [
                s[2] is True and (t.is_floating_point() or t.is_complex())
                for s, t in zip(specs, self.tensors, strict=True)
            ]
        except (ProtocolError, MemoryError):
            raise
        except Exception as error:  # wrong arity, overflow, recursion …: the sender's fault, never ours
            raise ProtocolError(f"bad header: {type(error).__name__}") from None
        self.body = body
        self.memo: dict[str, list[Any]] = {}
        self._unpacked: dict[tuple[str, int], Any] = {}

    def build(self, tree: Tree, hook: Callable[[str, Any, Callable[[Tree], Any], Frame], Any]) -> Any:
        """The object behind `tree`; `hook(tag, payload, decode, frame)` decodes the tags that are not values."""
        try:
            return _Decoder(self, hook)(tree)
        except (ProtocolError, MemoryError):
            raise
        except Exception as error:
            raise ProtocolError(f"malformed message: {type(error).__name__}: {str(error)[:200]}") from None

    def stored(self, tag: str, index: int) -> Any:
        """The string ("x") or the bytes ("b") under `index` of the body: unpacked once, however often it is named."""
        if (tag, index) not in self._unpacked:
            raw = self.tensors[index].detach().numpy()
            if tag == "x" and raw.nbytes > MAX_TEXT:
                raise ProtocolError("a text over the size limit")
            data = raw.tobytes()
            self._unpacked[tag, index] = (
                data if tag == "b" else SURROGATES.sub("\ufffd", data.decode("utf-8", "replace"))
            )
        return self._unpacked[tag, index]


def _tensors(specs: list[Any], body: Any) -> list[torch.Tensor]:
    """The tensors of a body, which lie in it one behind the other, as `Encoder` puts them: none overlaps another."""
    out, at = [], 0
    for name, shape, _, offset, nbytes in specs:
        dtype = DTYPES[name]
        if len(shape) > 16 or any(type(s) is not int or s < 0 for s in shape):
            raise ProtocolError("bad shape")
        if math.prod(shape) * dtype.itemsize != nbytes or offset != at or at + nbytes > len(body):
            raise ProtocolError("shape and size disagree")
        if nbytes:
            flat = torch.frombuffer(body, dtype=dtype, count=math.prod(shape), offset=at)
            out.append(flat.reshape(shape))
        elif math.prod(s for s in shape if s) > MAX_BODY:  # a sum over the empty axis would have this size
            raise ProtocolError("bad shape")
        else:
            out.append(torch.empty(shape, dtype=dtype))
        at += nbytes + -nbytes % 64
    return out


class _Decoder:
    def __init__(self, frame: Frame, hook: Callable[..., Any]) -> None:
        self.frame, self.hook, self.nodes, self.depth = frame, hook, 0, 0

    def __call__(self, tree: Tree) -> Any:
        self.nodes += 1
        if tree is None or type(tree) in (bool, int, float):
            return tree
        if type(tree) is str:
            return tree if tree.isascii() else SURROGATES.sub("\ufffd", tree)
        if self.nodes > MAX_NODES or self.depth > MAX_DEPTH + 4:
            raise ProtocolError("too deep or too large")
        tag, payload = tree
        self.depth += 1
        try:
            known = _DECODE.get(tag)
            return self.hook(tag, payload, self, self.frame) if known is None else known(self, payload)
        finally:
            self.depth -= 1


def _hashed(keys: list[Any]) -> list[Any]:
    """`keys`, unless so many share a hash that a dict of them takes minutes to build: numbers can be chosen for it."""
    if len(keys) - len({hash(key) for key in keys}) > MAX_ALIKE:
        raise ProtocolError("keys of one hash")
    return keys


def _dict(dec: _Decoder, p: Any) -> dict[Any, Any]:
    pairs = [(dec(k), dec(v)) for k, v in p]
    return dict(zip(_hashed([k for k, _ in pairs]), (v for _, v in pairs), strict=True))


_DECODE: dict[str, Callable[[_Decoder, Any], Any]] = {
    "t": lambda dec, p: dec.frame.tensors[p],
    "n": lambda dec, p: dec.frame.tensors[p].detach().numpy(),
    "N": lambda dec, p: dec.frame.tensors[p].detach().numpy()[()],
    "b": lambda dec, p: dec.frame.stored("b", p),
    "x": lambda dec, p: dec.frame.stored("x", p),
    "d": _dict,
    "i": lambda dec, p: int(p[:200]),
    "z": lambda dec, p: torch.Size([int(x) for x in p]),
    "c": lambda dec, p: complex(*p),
    "r": lambda dec, p: range(*map(int, p)),
    "s": lambda dec, p: ... if p is None else slice(*[dec(x) for x in p]),
    "y": lambda dec, p: DTYPES[p],
    "D": lambda dec, p: torch.device(p),
    "l": lambda dec, p: [dec(x) for x in p],
    "u": lambda dec, p: tuple([dec(x) for x in p]),
    "S": lambda dec, p: set(_hashed([dec(x) for x in p])),
    "F": lambda dec, p: frozenset(_hashed([dec(x) for x in p])),
}
