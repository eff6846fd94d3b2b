"""How objects cross: what the boundary makes of anything that is not a plain value, on its way out and in."""

# ruff: noqa: C901  (one branch for each kind of object)
from __future__ import annotations

import itertools
from typing import Any

import torch
from torch import Tensor, nn

from autograder import exports as faces
from autograder import values
from autograder.exports import Exports
from autograder.shared import Shared
from autograder.stubs import Callback, Method, Mirror, Remote, RemoteRecord
from autograder.wire import CannotCross, Encoder, Frame, ProtocolError, Tree


class Crossing:
    """The objects of one end of the boundary: exported, stood in for, shared, and lent."""

    def __init__(self, *, home: bool, given: dict[str, Any]) -> None:
        self.home, self.given = home, given
        self.exports, self.shared = Exports(), Shared(home)
        self.stubs: dict[int, Any] = {}
        self.edited: list[Any] = []  # what the last call changed in place: numbers in its message, keys of kept tensors
        self.caches: dict[
            int, tuple[Any, list[int]]
        ] = {}  # caches that the worker filled, with the ids of their contents

    def request(self, op: str, *payload: Any) -> Any:
        """Call the other side."""
        raise NotImplementedError

    def encode_hook(self, o: Any, enc: Encoder, depth: int) -> Tree | None:
        """Trees of what is not a plain value, on its way out."""
        kind = type(o)
        if isinstance(o, Tensor):
            key = self.shared.keys.get(id(o))
            return None if key is None else ["L", key]
        if kind is dict or kind is list:
            return self._encode_cache(o, enc, depth) if enc.lent is not None and self._is_cache(o) else None
        if kind is tuple:
            return None
        if isinstance(o, Remote | Callback | Mirror) and o.__dict__.get("_peer") is self:
            if isinstance(o, RemoteRecord) and not o.__dict__["_hid"]:
                return None
            return ["h", o.__dict__["_hid"]]
        if isinstance(o, nn.Module):
            known = self.exports.ids.get(id(o))
            return faces.encode_module(o, self, self.exports, enc, depth) if known is None else ["H", known]
        if isinstance(o, Method):
            return ["M", [enc(o._owner, depth + 1), o.__name__]]
        if isinstance(o, torch.Generator):
            return self._encode_generator(o, enc)
        fields = values.dataclass_fields(o)
        if fields is not None:
            tree = [[n, enc(v, depth + 1)] for n, v in fields.items()]
            return ["R", [kind.__name__[:60], tree, 0 if self.home else self.exports.add(o)]]
        if id(o) in self.exports.ids:
            return ["H", self.exports.ids[id(o)]]
        rich = values.encode(o, enc, depth, self.given, self.home)
        if rich is not None:
            return rich
        plain = enc.plain(o, kind, depth)
        return faces.encode_face(o, self, self.exports, enc, depth) if plain is None else plain

    def decode_hook(self, tag: str, p: Any, dec: Any, frame: Frame) -> Any:
        """Objects that are not plain values, on their way in."""
        if tag == "L":
            leaf = self.shared.leaves[p]
            if leaf.fixed:
                frame.memo.setdefault("kept", []).append(p)
            return leaf.t
        if tag == "h":
            return self.exports.objects[p]
        if tag == "H":
            return self.stubs[p]
        if tag == "m":
            return faces.decode_module(p, self, dec)
        if tag == "o":
            return faces.decode_face(p, self, dec)
        if tag == "G":
            return self._decode_generator(p, dec, frame)
        if tag == "C" and not self.home:
            cache = dec(p)
            frame.memo["lent"].append(cache)
            return cache
        if tag == "M":
            owner = dec(p[0])
            if self.home and not self.exports.granted(owner, p[1]):
                raise ProtocolError("asked for a method that is not offered")
            return getattr(owner, p[1])
        if tag == "R":
            name, fields, hid = p
            found = {n: dec(v) for n, v in fields if values.is_name(n)}
            if self.home:
                found = {n: v for n, v in found.items() if values.fits(n, v)}
            made = values.make_given(name, found, self.given)
            return RemoteRecord(self, int(hid), str(name)[:60], found) if made is None else made
        return values.decode(tag, p, dec, self.given, self.home)

    def strict_encode_hook(self, o: Any, enc: Encoder, depth: int) -> Tree | None:
        """Plain values and detached tensors only: what a probe may return."""
        if isinstance(o, Tensor):
            return ["t", enc.tensor(o.detach())] if o.requires_grad else None
        if isinstance(o, nn.Module | torch.Generator | type) or callable(o):
            raise CannotCross(f"a probe returns plain values, not a {type(o).__name__}")
        return values.encode(o, enc, depth, {}, False)

    def strict_hook(self, tag: str, p: Any, dec: Any, frame: Frame) -> Any:
        """The inverse of `strict_encode_hook`: no handle gets in."""
        return values.decode(tag, p, dec, {}, True)

    def _is_cache(self, o: Any) -> bool:
        """A dict or list of the test's that was empty, or holds exactly what the worker put there: its contents come
        back after the call.
        """
        if not o:
            return True
        known = self.caches.get(id(o))
        return known is not None and known[0] is o and known[1] == _contents(o)

    def _encode_cache(self, o: Any, enc: Encoder, depth: int) -> Tree:
        assert enc.lent is not None
        plain = enc.plain(o, type(o), depth)
        if any(o is c for c in enc.lent):
            return plain
        enc.lent.append(o)
        return ["C", plain]

    def _encode_generator(self, g: torch.Generator, enc: Encoder) -> Tree:
        if id(g) in enc.memo:
            return ["G", [enc.memo[id(g)], None]]
        enc.memo[id(g)] = number = len(enc.memo)
        enc.keep.append(g)
        tree = ["G", [number, enc(g.get_state())]]
        # What is sent is used up over there. Go on with a stream that the worker does not know, or, in the worker,
        # with one that the old stream draws: a lent function called twice must not get the same numbers twice.
        source = None if self.home else g
        g.manual_seed(int(torch.randint(1 << 62, (), dtype=torch.int64, generator=source)))
        return tree

    def _decode_generator(self, p: Any, dec: Any, frame: Frame) -> torch.Generator:
        number, state = p
        known = frame.memo.setdefault(f"generator {number}", [])
        if not known:
            made = torch.Generator()
            made.set_state(dec(state).cpu())
            known.append(made)
        found: torch.Generator = known[0]
        return found

    def fill(self, lent: list[Any], i: Any, content: Any) -> None:
        """Take over what the worker put into a cache of ours; only caches lent with this very request may change."""
        cache = lent[i] if type(i) is int and 0 <= i < len(lent) else None
        if cache is None or type(content) is not type(cache):
            raise ProtocolError("tried to change an object of the test's")
        cache.clear()
        cache.update(content) if isinstance(cache, dict) else cache.extend(content)
        self.caches[id(cache)] = (cache, _contents(cache))


def _contents(o: Any) -> list[int]:
    return [id(x) for x in (itertools.chain(o.keys(), o.values()) if isinstance(o, dict) else o)]
