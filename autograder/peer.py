"""Two processes that call each other's functions with real autograd, whichever side the call starts on.

While a side waits for its answer it serves the other side's requests. A request or answer carries values, then the
changes to shared tensors (`shared`); its tensors that need a gradient become leaves on the other side, and the
answer's tensors become outputs of one `Edge` whose backward is again such a request. Both sides run this code; `home`
(the grader) adds the refusals.
"""

# ruff: noqa: BLE001, PLR0913, PLR0917  (whatever a forged message breaks is a breach)
from __future__ import annotations

import itertools
from typing import Any, NoReturn

import torch
from torch import Tensor

from autograder.channel import Channel
from autograder.crossing import Crossing
from autograder.edge import Edge, pull_back
from autograder.edits import note_edits
from autograder.exports import claimed, encode_module
from autograder.shared import SMALL, Witness
from autograder.wire import DTYPES, Deadline, Encoder, Frame, Gone, ProtocolError, Tree

MAX_NESTING = 12


class Peer(Crossing):
    """One end of the boundary."""

    def __init__(self, channel: Channel, *, home: bool, given: dict[str, Any]) -> None:
        super().__init__(home=home, given=given)
        self.channel = channel
        self.records: dict[int, tuple[list[Tensor], list[Tensor]]] = {}
        self.dropped: list[int] = []  # the other side's records that our graphs no longer need
        self.numbers = itertools.count(2 if home else 1, 2)
        self.depth = 0
        self.deadline: float | None = None
        self.device: torch.device | None = None  # where arriving tensors go; None: where they are

    # ---- requests ---------------------------------------------------------------------------------------------------
    def request(self, op: str, *payload: Any) -> Any:
        """Call the other side; returns its result with gradients connected. Raises what `fail` makes of its error."""
        number = next(self.numbers)
        mark = (self.shared.mark(), len(self.exports.objects))
        enc = Encoder(self.encode_hook)
        lent: list[Any] = []
        try:
            enc.lent = lent if self.home else None
            tree = enc(list(payload))
            enc.lent, count = None, len(enc.tensors)
            parts = enc.frame({
                "k": "q", "n": number, "op": op, "g": torch.is_grad_enabled(), "d": str(torch.get_default_dtype())[6:],
                "x": self._take_dropped(), "a": count, "m": [tree, self.sync(enc)],
            })  # fmt: skip
        except BaseException:
            self.shared.rollback(mark[0])
            self.exports.rollback(mark[1])
            raise
        ins = [t for t in enc.tensors if t.requires_grad] + self.shared.tensors()
        self.channel.send(parts, self.deadline)
        value = self.receive(self.wait(number), ins, lent, strict=op == "probe")
        if self.edited:
            note_edits(self._objects(enc, count))
        return value

    def _objects(self, enc: Encoder, count: int) -> list[Any]:
        """The arguments of a request that were changed in place: our own tensors and arrays, not their numbers."""
        sent = {i: enc.arrays.get(i, t) for i, t in enumerate(enc.tensors[:count])}
        kept = {key: leaf.t for key, leaf in self.shared.leaves.items() if leaf.fixed}
        return [o for o in (sent.get(i, kept.get(i)) for i in self.edited) if o is not None]

    def backward(
        self, record: int, indices: list[int], grads: list[Tensor], inputs: list[Tensor], create_graph: bool
    ) -> list[Tensor | None]:
        """Gradients of the other side's record with respect to its inputs; checked for shape and dtype."""
        number = next(self.numbers)
        enc = Encoder(lambda o, e, d: None)
        tree = ["l", [enc(g.detach()) for g in grads]]
        fields = {"k": "b", "n": number, "r": record, "i": indices, "c": create_graph, "x": self._take_dropped()}
        self.channel.send(enc.frame({**fields, "m": [tree, self.sync(enc)]}), self.deadline)
        found = self.receive(self.wait(number), grads + inputs, [])
        if type(found) is not list or len(found) != len(inputs):
            raise ProtocolError("malformed gradient")
        for g, t in zip(found, inputs, strict=True):
            if g is not None and (not isinstance(g, Tensor) or g.shape != t.shape or g.dtype != t.dtype):
                raise ProtocolError("a gradient has another shape or dtype than its tensor")
        return found

    def receive(self, frame: Frame, ins: list[Tensor], lent: list[Any], strict: bool = False) -> Any:
        """The result in an answer; its tensors become outputs of an edge over `ins`."""
        fields = frame.fields
        self._place(frame)
        if any(frame.wants) and torch.is_grad_enabled() and not strict:
            outs = iter(
                Edge.apply(  # type: ignore[no-untyped-call]  # torch's
                    self, fields["n"], [t for t, w in zip(frame.tensors, frame.wants, strict=True) if w], *ins
                )
            )
            frame.tensors = [next(outs) if w else t for t, w in zip(frame.tensors, frame.wants, strict=True)]
        elif any(frame.wants):
            self.dropped.append(fields["n"])
        try:
            result, sync, filled = frame.tree
            kept, edited, dropped = fields["kept"], fields["e"], fields["x"]
        except Exception:
            raise ProtocolError("malformed answer") from None
        value = frame.build(result, self.strict_hook if strict else self.decode_hook)
        self._absorb(frame, sync, dropped)
        if fields.get("ok") is not True:
            self.fail(value)
        try:
            self.edited = [i for i in edited if type(i) in (int, str)]
            for i, content in filled:
                self.fill(lent, i, frame.build(content, self.decode_hook))
            for i, key in kept:  # the other side keeps these arguments inside an object that it returned
                claimed(key, "W" if self.home else "T")
                self.shared.add(key, ins[i], mine=True, fixed=True)
        except (IndexError, TypeError, ValueError) as error:
            raise ProtocolError(f"malformed answer: {type(error).__name__}") from None
        return value

    def fail(self, error: Any) -> NoReturn:
        """Raise the other side's error."""
        raise NotImplementedError

    def wait(self, number: int) -> Frame:
        """The answer to request `number`; serves the other side's requests until it comes."""
        while True:
            frame = self.channel.recv(self.deadline)
            kind = frame.fields.get("k")
            if kind == "r" and frame.fields.get("n") == number:
                return frame
            if kind not in ("q", "b") or self.depth >= MAX_NESTING:
                raise ProtocolError("answered out of turn" if kind == "r" else "nested too deeply")
            self.serve(frame)

    # ---- serving ----------------------------------------------------------------------------------------------------
    def serve(self, frame: Frame) -> None:
        """Carry out one request and send its answer."""
        self.depth += 1
        number = frame.fields.get("n", 0)
        try:
            self._place(frame)
            for t, wanted in zip(frame.tensors, frame.wants, strict=True):
                if wanted:
                    t.requires_grad_()
            parts, outs, ins = (
                self._serve_call(frame, number) if frame.fields["k"] == "q" else self._serve_backward(frame, number)
            )
            if outs:
                self.records[number] = (outs, ins)
        except BaseException as error:
            if self.home and not self.answerable(error):
                raise
            parts = self._answer_error(number, error)
        finally:
            self.depth -= 1
        self.before_answer()
        self.channel.send(parts, self.deadline)

    def before_answer(self) -> None:
        """What must be done before an answer leaves."""

    def answerable(self, error: BaseException) -> bool:
        """Whether an error while serving is an answer.

        In the grader a breach, a lost worker or Ctrl-C is not: it ends the worker.
        """
        return isinstance(error, Exception) and not isinstance(error, ProtocolError | Deadline | Gone)

    def perform(self, op: str, payload: list[Any]) -> Any:
        """Carry out one operation for the other side."""
        raise NotImplementedError

    def describe(self, error: BaseException) -> list[Any]:
        """An error in plain values."""
        raise NotImplementedError

    def _serve_call(self, frame: Frame, number: int) -> tuple[list[Any], list[Tensor], list[Tensor]]:
        fields = frame.fields
        caches: list[Any] = []
        frame.memo["lent"] = caches
        try:
            payload, sync = frame.tree
            op, grad, count = fields["op"], fields["g"] is True, int(fields["a"])
            dtype, dropped = DTYPES[fields["d"]], fields["x"]
        except Exception:
            raise ProtocolError("malformed request") from None
        arguments = frame.build(payload, self.decode_hook)
        self._absorb(frame, sync, dropped)
        leaves = [t for t, w in zip(frame.tensors, frame.wants, strict=True) if w]
        ins = leaves + self.shared.tensors()
        before = len(self.exports.objects)
        used = [bool(c) for c in caches]
        witness = None if self.home else self._witness(frame, count)
        with torch.set_grad_enabled(grad):
            if not self.home:
                torch.set_default_dtype(dtype)
            result = self.perform(str(op), arguments)
            edited = witness.edited() if witness else []
            filled = [(i, c) for i, c in enumerate(caches) if c or used[i]]
            parts, tensors = self._answer(number, result, before, leaves, edited, filled, strict=op == "probe")
        return parts, [t for t in tensors if t.requires_grad], ins

    def _witness(self, frame: Frame, count: int) -> Witness:
        """What sees edits of a request's arguments: its first `count` tensors, and those kept from an earlier one."""
        tensors: dict[int | str, Tensor] = dict(enumerate(frame.tensors[:count]))
        tensors.update({key: self.shared.leaves[key].t for key in frame.memo.get("kept", ())})
        return Witness(tensors, closely=len(frame.body) <= SMALL)

    def _serve_backward(self, frame: Frame, number: int) -> tuple[list[Any], list[Tensor], list[Tensor]]:
        fields = frame.fields
        try:
            tree, sync = frame.tree
            indices, create = [int(i) for i in fields["i"]], fields["c"] is True
            outs, ins = self.records[fields["r"]]
            chosen, dropped = [outs[i] for i in indices], fields["x"]
        except Exception:
            raise ProtocolError("malformed request") from None
        grads = frame.build(tree, self.decode_hook)
        self._absorb(frame, sync, dropped)
        if len(grads) != len(chosen) or any(
            not isinstance(g, Tensor) or g.shape != t.shape or g.dtype != t.dtype
            for g, t in zip(grads, chosen, strict=True)
        ):
            raise ProtocolError("a gradient has another shape or dtype than its tensor")
        grads = [g.requires_grad_(create) for g in grads]
        result = pull_back(chosen, grads, ins, create)
        parts, tensors = self._answer(number, result, None, [], [], [])
        return parts, [t for t in tensors if t.requires_grad], grads + ins

    def _answer(self, number: int, result: Any, before: int | None, leaves: list[Tensor], edited: list[Any],
                filled: list[tuple[int, Any]], strict: bool = False) -> tuple[list[Any], list[Tensor]]:  # fmt: skip
        mark = (self.shared.mark(), len(self.exports.objects))
        enc = Encoder(self.strict_encode_hook if strict else self.encode_hook)
        try:
            tree = enc(result)
            contents = [[i, enc(c)] for i, c in filled]
            kept: list[list[Any]] = []
            if before is not None and len(self.exports.objects) != before:
                for i, t in enumerate(leaves):  # a returned object may hold them: they become shared
                    key = f"{'T' if self.home else 'W'}kept{number}.{i}"
                    self.shared.add(key, t, mine=False, fixed=True)
                    kept.append([i, key])
            fields = {"k": "r", "n": number, "ok": True, "x": self._take_dropped(), "kept": kept, "e": edited}
            parts = enc.frame({**fields, "m": [tree, self.sync(enc), contents]})
        except BaseException:
            self.shared.rollback(mark[0])
            self.exports.rollback(mark[1])
            raise
        return parts, [] if strict else enc.tensors

    def _answer_error(self, number: int, error: BaseException) -> list[Any]:
        described = self.describe(error)
        enc = Encoder(self.encode_hook)
        try:
            sync = self.sync(enc)  # what the failed call changed before it failed
        except Exception:
            enc, sync = Encoder(self.encode_hook), []
        fields = {"k": "r", "n": number, "ok": False, "x": self._take_dropped(), "kept": [], "e": []}
        return enc.frame({**fields, "m": [enc(described), sync, []]})

    # ---- shared state -----------------------------------------------------------------------------------------------
    def sync(self, enc: Encoder) -> list[Tree]:
        """Encoded changes to shared tensors since the last message; empty, and free, while nothing is shared."""
        if not self.shared.nodes:
            return []
        out: list[Tree] = []
        for module in self.shared.outdated():  # parameters that a module made after it was sent
            out.append(["u", ["", "m", encode_module(module, self, self.exports, enc, 0)]])
        return out + [["u", [key, what, enc(value)]] for key, what, value in self.shared.changes()]

    def _absorb(self, frame: Frame, sync: Any, dropped: Any) -> None:
        """Take over the other side's changes and forget the records that it no longer needs."""
        try:
            if sync:
                self.shared.apply(frame.build(["l", sync], self.decode_hook))
            for n in dropped:
                self.records.pop(n, None)
        except (KeyError, TypeError, ValueError, RuntimeError, AttributeError) as error:
            raise ProtocolError(f"malformed change: {type(error).__name__}") from None

    def _take_dropped(self) -> list[int]:
        taken, self.dropped = self.dropped, []
        return taken

    def _place(self, frame: Frame) -> None:
        if self.device is not None:
            frame.tensors = [t.to(self.device) for t in frame.tensors]
