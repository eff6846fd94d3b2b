"""A stream socket that carries frames, with one deadline for a whole message in both directions."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from autograder.wire import MAX_BODY, MAX_HEADER, PREFIX, Deadline, Frame, Gone, ProtocolError

TICK = 0.1  # seconds between two looks of the watchdog


class Channel:
    """Frames over `sock`.

    While it waits it calls `tick` ten times a second, and at once when the descriptor `extra` has output to drain.
    """

    def __init__(self, sock: socket.socket, tick: Callable[[], None] | None = None, extra: int | None = None) -> None:
        self.sock, self.tick, self.extra = sock, tick, extra
        self._ticked = 0.0
        sock.setblocking(False)

    def send(self, parts: list[Any], deadline: float | None = None) -> None:
        """Write one frame; Deadline if the other side does not read it in time."""
        if sum(map(len, parts)) < 1 << 16:  # one write for a small message
            parts = [b"".join(parts)]
        for part in parts:
            view = memoryview(part)
            while view:
                try:
                    view = view[self.sock.send(view) :]
                except BlockingIOError:
                    self._wait(select.POLLOUT, deadline)
                except ConnectionError:
                    raise Gone from None

    def recv(self, deadline: float | None = None) -> Frame:
        """The next frame; Gone when the other side has closed, ProtocolError for an oversized one."""
        if self.tick and time.monotonic() - self._ticked > TICK:  # many short waits must not escape the watchdog
            self._watch()
        head, body = PREFIX.unpack(self._read(PREFIX.size, deadline))
        if head > MAX_HEADER or body > MAX_BODY:
            raise ProtocolError("message over the size limit")
        header = bytes(self._read(head, deadline))
        return Frame(header, self._read(body, deadline))

    def close(self) -> None:
        """Close the socket."""
        self.sock.close()

    def _read(self, n: int, deadline: float | None) -> Any:
        buffer = np.empty(n, dtype=np.uint8)  # not zeroed: a large body is touched once
        view = memoryview(buffer.data)
        while view:
            try:
                got = self.sock.recv_into(view)
            except BlockingIOError:
                self._wait(select.POLLIN, deadline)
                continue
            except ConnectionError:
                raise Gone from None
            if not got:
                raise Gone
            view = view[got:]
            if view and deadline is not None and time.monotonic() > deadline:
                raise Deadline
        return buffer

    def _wait(self, event: int, deadline: float | None) -> None:
        poll = select.poll()
        poll.register(self.sock, event)
        if self.extra is not None:
            poll.register(self.extra, select.POLLIN)
        number = self.sock.fileno()
        while True:
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                raise Deadline
            wait = left if self.tick is None else min(TICK, TICK if left is None else left)
            ready = poll.poll(None if wait is None else wait * 1000)
            if any(fd == number for fd, _ in ready):
                return
            if self.tick is None:
                continue
            had = self.extra
            self._watch()
            if had is not None and self.extra is None:  # the output pipe was closed: stop polling it
                poll.unregister(had)

    def _watch(self) -> None:
        self._ticked = time.monotonic()
        if self.tick is not None:
            self.tick()
