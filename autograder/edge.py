"""Autograd through the process boundary: one node whose backward is again a call, so second derivatives need no
special case.
"""

# ruff: noqa: ARG004  (autograd fixes the signatures)
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor


class Caller(Protocol):
    """What an edge needs of its peer."""

    dropped: list[int]

    def backward(
        self, record: int, indices: list[int], grads: list[Tensor], inputs: list[Tensor], create_graph: bool
    ) -> list[Tensor | None]:
        """Gradients of the other side's record `record` with respect to `inputs`."""
        ...


class Record:
    """Keeps the other side's graph alive exactly as long as ours."""

    def __init__(self, peer: Caller, number: int) -> None:
        self.peer, self.number = peer, number

    def __del__(self) -> None:
        self.peer.dropped.append(self.number)


class Edge(torch.autograd.Function):
    """Connects tensors that came out of the other side (`outs`) with the tensors that went in."""

    @staticmethod
    def forward(ctx: Any, peer: Caller, number: int, outs: Sequence[Tensor], *ins: Tensor) -> tuple[Tensor, ...]:
        """Returns `outs`, now with a gradient that is asked for across the boundary."""
        ctx.set_materialize_grads(False)
        ctx.record = Record(peer, number)
        ctx.ins = ins  # not save_for_backward: the side that owns the graph checks the versions
        return tuple(outs)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Any, ...]:
        """One call to the other side; differentiable itself when a graph is being created."""
        indices = [i for i, g in enumerate(grads) if g is not None]
        if not indices:
            return (None,) * (3 + len(ctx.ins))
        given = [g for g in grads if g is not None]
        record: Record = ctx.record
        return (
            None,
            None,
            None,
            *record.peer.backward(record.number, indices, given, list(ctx.ins), torch.is_grad_enabled()),
        )


class _Seed(torch.autograd.Function):
    """A scalar whose gradient with respect to `outs` is `grads`: passing grad_outputs to autograd.grad would import
    sympy (0.25 s).
    """

    @staticmethod
    def forward(ctx: Any, grads: list[Tensor], *outs: Tensor) -> Tensor:
        ctx.grads = grads
        return torch.zeros(())

    @staticmethod
    def backward(ctx: Any, one: Tensor) -> tuple[Any, ...]:
        return (None, *ctx.grads)


def pull_back(outs: list[Tensor], grads: list[Tensor], ins: list[Tensor], create_graph: bool) -> list[Tensor | None]:
    """Gradients of ``sum(outs · grads)`` with respect to `ins`; None where an input needs or has none.

    Linear in `grads`, differentiable if asked.
    """
    want = [t for t in ins if t.requires_grad]
    if not want:
        return [None] * len(ins)
    with torch.set_grad_enabled(create_graph):
        with torch.enable_grad():
            seed = _Seed.apply(grads, *outs)  # type: ignore[no-untyped-call]  # torch's
        found = iter(torch.autograd.grad(seed, want, retain_graph=True, create_graph=create_graph, allow_unused=True))
    return [next(found) if t.requires_grad else None for t in ins]
