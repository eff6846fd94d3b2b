"""The grader's handle on one worker: run student code in it, survive it, and name what went wrong."""

# ruff: noqa: BLE001, PLR0913, PLR0917  (whatever a forged answer breaks is a breach)
from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn, TypedDict

from torch import Tensor, nn

from autograder.channel import Channel
from autograder.failures import (
    Exit,
    Limits,
    Reason,
    StudentError,
    WorkerLost,
    cause_of_death,
    clean,
    student_error,
    told,
)
from autograder.peer import Peer
from autograder.watch import Overuse, Watchdog
from autograder.wire import CannotCross, Deadline, Gone, ProtocolError

if TYPE_CHECKING:
    from autograder.server import Server

MAX_RESULT = 8 << 20  # bytes of JSON that an extraction may return
STARTUP_S = 30.0
MAX_ERRORS = 500  # pieces that failed; a notebook has no more (autograder/reading.py)


class Piece(TypedDict, total=False):
    """A stretch of source: compiled under the name `file`, its first line being `line`; `names` are what it defines."""

    file: str
    line: int
    source: str
    names: list[str]
    cell: int


class Program(TypedDict, total=False):
    """What a worker executes: modules importable by name, data files beside them, given pieces, then the student's
    pieces.
    """

    modules: dict[str, str]
    data: dict[str, bytes]
    given: list[Piece]
    pieces: list[Piece]


@dataclass(frozen=True)
class LoadReport:
    """`errors`: dicts with file, line, names, type, text, given. `bound`: the names of the program that exist now."""

    errors: list[dict[str, Any]] = field(default_factory=list)
    bound: list[str] = field(default_factory=list)


class Worker(Peer):
    """One isolated process with a student's program. Made by `Server.spawn`; `close` it in every case."""

    def __init__(
        self,
        server: Server,
        pid: int,
        uid: int,
        tmp: str,
        sock: socket.socket,
        output: int,
        limits: Limits,
        given: Mapping[str, Any],
    ) -> None:
        self.server, self.pid, self.uid, self.tmp, self.limits = server, pid, uid, tmp, limits
        self.watchdog = Watchdog(pid, tmp, output, limits)
        super().__init__(Channel(sock, self._tick, output), home=True, given=dict(given))
        self.sweep = True
        self.exit: Exit | None = None
        self._raised: dict[int, BaseException] = {}
        self._busy = 0
        self._loading = False
        self._start = 0.0

    # ---- what a grader asks for -----------------------------------------------------------------------------------
    def load(self, program: Program) -> LoadReport:
        """Execute a program piece by piece; an error in one piece does not stop the rest.

        A worker lost here has the reason "import".
        """
        self._loading = True
        try:
            claim = self.request("load", dict(program))
        finally:
            self._loading = False
        try:
            errors = [{
                "file": told(e["file"], 80), "line": int(e["line"]),
                "names": [told(n, 80) for n in e["names"][:MAX_ERRORS]],
                "type": told(e["type"], 80), "text": told(e["text"]), "given": e["given"] is True,
            } for e in claim["errors"][:MAX_ERRORS]]  # fmt: skip
            return LoadReport(errors, [told(n, 80) for n in claim["bound"]])
        except Exception:
            self.lost("protocol", "malformed load report")

    def bind(self, names: Sequence[str]) -> dict[str, object]:
        """Plain values, or handles on functions, classes and objects; missing names are absent."""
        found = self.request("bind", list(names))
        if not isinstance(found, dict) or not set(found) <= set(names):
            self.lost("protocol", "answered with names that were not asked for")
        return found

    def imported(self) -> list[str]:
        """Names of the modules that the worker says it has imported since it was forked."""
        names = self.request("imported")
        return [name for name in names if type(name) is str] if isinstance(names, list) else []

    def rebind(self, functions: Mapping[str, Callable[..., Any]]) -> None:
        """Put the grader's callables under these names of the student's program; they run here, by call-back."""
        self.request("rebind", dict(functions))

    def probe(self, source: str, name: str, line: int, args: tuple[Any, ...], kwargs: dict[str, Any]) -> object:
        """Run the function `name` of `source` (whose first line is `line`) beside the student's code; plain values
        and detached tensors only.
        """
        return self.request("probe", source, name, line, tuple(args), dict(kwargs) or None)

    def extract(self, filename: str, data: bytes, spec: dict[str, Any]) -> dict[str, Any]:
        """Run `autograder.extract.extract` in this limited process; the result is plain JSON data."""
        text = self.request("extract", filename, bytes(data), json.dumps(spec))
        if not isinstance(text, bytes) or len(text) > MAX_RESULT:
            self.lost("protocol", "the extraction returned too much")
        try:
            result = json.loads(text)
        except (ValueError, RecursionError):
            result = None
        if not isinstance(result, dict):
            self.lost("protocol", "the extraction returned no object")
        return result

    @property
    def output(self) -> str:
        """What the worker printed, cleaned and capped."""
        return clean(self.watchdog.output.decode("utf-8", "replace"), self.limits.output_kb << 10)

    def close(self) -> Exit:
        """End the process and everything of its user's, remove its folder. Safe to call again."""
        if self.exit is None:
            self.exit = Exit(0, 0.0, 0)
            self.watchdog.drain()
            self.channel.close()
            self.exit = self.server.reap(self)
            self.watchdog.close()
        return self.exit

    # ---- the boundary -----------------------------------------------------------------------------------------------
    def request(self, op: str, *payload: Any) -> Any:
        """As in Peer, under the limits of this worker.

        Raises StudentError, WorkerLost, or CannotCross for an argument that cannot be sent.
        """
        return self._limited(super().request, op, *payload)

    def backward(self, *arguments: Any) -> list[Tensor | None]:
        """As in Peer, under the limits of this worker."""
        return self._limited(super().backward, *arguments)  # type: ignore[no-any-return]  # what Peer.backward returns

    def hello(self) -> Any:
        """The isolation report with which a worker starts."""
        self.deadline = time.monotonic() + STARTUP_S
        frame = self._guarded(self.channel.recv, self.deadline)
        if frame.fields.get("k") != "hello":
            self.lost("protocol", "did not start properly")
        return json.loads(str(frame.tree))

    def _limited(self, call: Callable[..., Any], *arguments: Any) -> Any:
        if self.exit is not None:
            raise WorkerLost("crashed", "the worker has ended already")
        if self._busy:
            return self._guarded(call, *arguments)
        self._busy += 1
        self._start = time.monotonic()
        self.deadline = self._start + self.limits.wall_s
        self.watchdog.begin()
        try:
            return self._guarded(call, *arguments)
        finally:
            self._busy -= 1
            self._raised.clear()
            if self.shared.borrowed:
                self.shared.give_back()

    def _guarded(self, call: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return call(*arguments)
        except Gone:
            self.lost("crashed", "")
        except Deadline:
            self.lost("wall", f"no answer within {self.limits.wall_s:g} s")
        except Overuse as over:
            self.lost(over.reason, over.detail)
        except ProtocolError as breach:
            self.lost("protocol", str(breach))
        except MemoryError as error:
            if isinstance(error, StudentError):  # theirs, of which the worker has told
                raise
            self.lost("memory", "the answer is larger than the grader has room for")
        except Exception:
            raise
        except BaseException:  # Ctrl-C, or pytest's verdict out of a call-back: the worker still waits for an answer
            self.close()
            raise

    def lost(self, reason: Reason, detail: str) -> NoReturn:
        """End the worker and say why."""
        end = self.close()
        if reason == "crashed":
            reason, detail = cause_of_death(end, self.limits)
        if self._loading and reason != "protocol":
            reason = "import"
        raise WorkerLost(reason, detail) from None

    def _tick(self) -> None:
        self.watchdog.look()

    def fail(self, error: Any) -> NoReturn:
        """Raise the student's error; an error of the test's own that came back through student code is raised as it
        was, with their frames as `passed_through`.
        """
        made = student_error(error)
        reference = error[3] if len(error) > 3 else 0
        if type(reference) is int and reference in self._raised:
            own = self._raised[reference]
            own.__dict__["passed_through"] = made.frames
            raise own
        raise made

    def describe(self, error: BaseException) -> list[Any]:
        """An error of a call-back, for the worker: its type, not its text, which may hold what the test expects."""
        reference = len(self._raised) + 1
        self._raised[reference] = error
        names = [type(error).__name__, *(c.__name__ for c in type(error).__mro__ if c.__module__ == "builtins")]
        text = (
            str(error)[:2000] if isinstance(error, StudentError | CannotCross) else "raised by a function of the test"
        )
        return [names, text, [], reference]

    def serve(self, frame: Any) -> None:
        """As in Peer; the time that the grader itself computes is not the student's (one more `wall_s` at most)."""
        before = time.thread_time()
        super().serve(frame)
        if self.depth == 0 and self.deadline is not None:
            self.deadline = min(self.deadline + time.thread_time() - before, self._start + 2 * self.limits.wall_s)

    def perform(self, op: str, payload: list[Any]) -> Any:
        """What a worker may ask of the grader, only with what was handed to it: call, read a property, iterate."""
        target: Any = payload[0] if payload else None
        allowed = self.exports.granted
        if op == "call" and len(payload) == 3 and (allowed(target, "()") or isinstance(target, nn.Module)):
            return target(*payload[1], **(payload[2] or {}))
        if (
            op == "method"
            and len(payload) == 4
            and type(payload[1]) is str
            and payload[1].isidentifier()
            and allowed(target, payload[1])
        ):
            return getattr(target, payload[1])(*payload[2], **(payload[3] or {}))
        if (
            op == "property"
            and len(payload) == 2
            and type(payload[1]) is str
            and payload[1].isidentifier()
            and allowed(target, payload[1])
        ):
            return getattr(target, payload[1])
        if op == "iter" and allowed(target, "iter"):
            return iter(target)
        if op == "len" and allowed(target, "len"):
            return len(target)
        if op == "next" and allowed(target, "next"):
            try:
                return False, next(target)
            except StopIteration:
                return True, None
        raise ProtocolError(f"asked for {clean(op, 20)} of something that does not offer it")


__all__ = [
    "CannotCross",
    "Exit",
    "Limits",
    "LoadReport",
    "Piece",
    "Program",
    "StudentError",
    "Worker",
    "WorkerLost",
    "clean",
]
