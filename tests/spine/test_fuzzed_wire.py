"""Whatever bytes arrive, the decoder returns a value or raises a ProtocolError: bounded fuzzing."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autograder.wire import DTYPES, Encoder, Frame, ProtocolError

SCALARS = st.none() | st.booleans() | st.integers(-(1 << 70), 1 << 70) | st.floats() | st.text(max_size=5)
TAGS = st.sampled_from([*"tnNbxdizcrsyDluSFLhHmoGCMRQ", "nt", "E", "P", "PI", "PM", "ns", "T"])
TREES = st.recursive(
    SCALARS, lambda t: st.tuples(TAGS, st.lists(t, max_size=4) | t).map(list) | st.lists(t, max_size=3), max_leaves=12
)
SPECS = st.lists(
    st.tuples(
        st.sampled_from([*DTYPES, "object"]),
        st.lists(st.integers(-2, 5), max_size=3),
        st.booleans(),
        st.integers(-1, 20),
        st.integers(-1, 64),
    ),
    max_size=3,
)
BOUNDED = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)


def decode(head: bytes, body: bytes) -> None:
    """Build whatever is in this frame, with the hook of a grader that holds nothing."""
    import socket

    from autograder.channel import Channel
    from autograder.peer import Peer

    a, b = socket.socketpair()
    try:
        peer = Peer(Channel(a), home=True, given={})
        frame = Frame(head, bytearray(body))
        frame.build(frame.tree, peer.decode_hook)
    finally:
        a.close()
        b.close()


@BOUNDED
@given(tree=TREES, specs=SPECS, body=st.binary(max_size=64))
def test_fuzzed_frames_raise_only_protocol_errors(tree: Any, specs: Any, body: bytes) -> None:
    """Any JSON tree over any tensor table is a value or a ProtocolError."""
    with contextlib.suppress(ProtocolError):
        decode(json.dumps({"k": "r", "m": tree, "t": specs}).encode(), body)


@BOUNDED
@given(head=st.binary(max_size=200), body=st.binary(max_size=32))
def test_fuzzed_bytes_raise_only_protocol_errors(head: bytes, body: bytes) -> None:
    """Any header bytes are a value or a ProtocolError."""
    with contextlib.suppress(ProtocolError):
        decode(head, body)


@BOUNDED
@given(flip=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=4))
def test_mutated_frames_raise_only_protocol_errors(flip: list[tuple[int, int]]) -> None:
    """An honest frame with a few bytes changed is a value or a ProtocolError."""
    enc = Encoder(lambda *a: None)
    parts = enc.frame({"k": "r", "m": enc({"a": [torch.ones(2, 3), 1.5, "x" * 30], "b": (1 << 70, {2}, 1j)})})
    head, body = bytearray(parts[1]), bytearray(b"".join(bytes(p) for p in parts[2:]))
    for place, value in flip:
        head[place % len(head)] = value
    with contextlib.suppress(ProtocolError):
        decode(bytes(head), bytes(body))
