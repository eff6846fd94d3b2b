"""The grader's handle on the forked worker server."""

# ruff: noqa: PTH101, PTH108, PTH118, S103  (system calls on names that workers pass through)
from __future__ import annotations

import importlib
import json
import os
import secrets
import shutil
import socket
import tempfile
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy.random  # noqa: F401  (workers must not import lazily what we need)
import torch

from autograder import accounts, hugepages, leftovers, sandbox, zygote
from autograder.failures import Exit, Limits
from autograder.sandbox import IsolationError, Report
from autograder.worker import Worker

if TYPE_CHECKING:
    from typing import Self

MESSAGE = 1 << 16
OWN_IMPORTS = (
    "encodings.ascii",
    "encodings.utf_16_le",
    "encodings.utf_8_sig",
    "autograder.extract",
    "autograder.npz",
    "autograder.testing",
    "autograder.statistical",
    "secrets",
    "statistics",
    "colorsys",
    "torch.distributions",
)


class Server:
    """Spawns workers. `isolation` holds each layer's (on, detail) as of the last spawn, `grade` their sum."""

    def __init__(
        self, control: socket.socket, pid: int, *, modules: Mapping[str, str], skip: Collection[str], unsafe: bool
    ) -> None:
        self.modules = dict(modules)
        self._control, self.pid, self.skip, self.unsafe = control, pid, list(skip), unsafe
        self._count = self._asked = 0
        leftovers.sweep()
        self._root, self._mark = leftovers.make("box")
        os.chmod(self._root, 0o711)  # workers pass through, nobody lists
        self._accounts = accounts.claim() if "separate uid" not in skip and accounts.can_switch() else None
        self._preflight_done = False
        self._unreadable: dict[str, str] = {}
        self.isolation: Report = {}
        self.grade = "none"

    @staticmethod
    def fork(
        preload: Sequence[str] = (),
        *,
        modules: Mapping[str, str] | None = None,
        skip: Collection[str] = (),
        unsafe: bool = False,
    ) -> Server:
        """Fork the worker server; call it before any secret is read and before any tensor maths, with one thread.

        `preload`: modules that student code will import (missing ones are ignored). `skip`: layers to leave out, for
        tests. `unsafe`: run student code even where neither a separate user nor Landlock confines it.
        """
        torch.set_num_threads(1)
        for name in (*OWN_IMPORTS, *preload):
            try:
                importlib.import_module(name)
            except ImportError:
                continue
        if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]  # torch's
            raise RuntimeError("CUDA is initialised: the worker server must be forked before")
        hugepages.collapse()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        pid = os.fork()
        if pid == 0:
            try:
                ours.close()
                zygote.serve(theirs, list(skip), modules or {})
            finally:
                os._exit(70)
        theirs.close()
        return Server(ours, pid, modules=modules or {}, skip=skip, unsafe=unsafe)

    def spawn(
        self, limits: Limits, *, seed: int, device: str = "cpu", given: Mapping[str, type] | None = None
    ) -> Worker:
        """A fresh worker. IsolationError where student code cannot be confined; WorkerLost if it does not come up."""
        self._count += 1
        uid = self._accounts.take() if self._accounts else os.getuid()
        self._preflight(uid)
        tmp = os.path.join(self._root, f"{self._count}-{secrets.token_hex(4)}")
        ours, theirs = socket.socketpair()
        pipe, write_end = os.pipe()
        request = {
            "op": "spawn", "uid": uid, "tmp": tmp, "seed": seed % (1 << 63), "device": device, "skip": self.skip,
            "limits": {"memory_mb": limits.memory_mb, "disk_mb": limits.disk_mb, "files": limits.files,
                       "threads": limits.threads, "cpu_s": 60 + 30 * limits.cpu_s},
        }  # fmt: skip
        try:
            pid = self._ask(request, [theirs.fileno(), write_end])["pid"]
        except BaseException:
            ours.close()
            os.close(pipe)
            raise
        finally:
            theirs.close()
            os.close(write_end)
        worker = Worker(self, pid, uid, tmp, ours, pipe, limits, given or {})
        try:
            self._inspect(worker, worker.hello())
        except BaseException:
            worker.close()
            raise
        return worker

    def check(self) -> dict[str, str]:
        """Try in a throw-away worker what the layers must refuse; {what: "refused" or "ALLOWED"}."""
        worker = self.spawn(Limits(), seed=0)
        try:
            return self.tried(worker)
        finally:
            worker.close()

    def tried(self, worker: Worker) -> dict[str, str]:
        """As `check`, in a worker that no student code has run in."""
        fd, hidden = tempfile.mkstemp(prefix="hidden-", dir=self._root)
        os.close(fd)
        try:
            found = worker.request("try_out", hidden, os.getpid())
        finally:
            os.unlink(hidden)
        return {str(k): "refused" if v is True else "ALLOWED" for k, v in found.items()}

    def reap(self, worker: Worker) -> Exit:
        """Kill a worker (and, where it could fork, all of its user's processes), wait for it, remove its folder."""
        sweep = worker.sweep and self._accounts is not None
        try:
            end = self._ask({"op": "reap", "pid": worker.pid, "uid": worker.uid, "tmp": worker.tmp, "sweep": sweep})
        except (ConnectionError, EOFError):
            return Exit(-9, 0.0, 0)
        return Exit(int(end["status"]), float(end["cpu"]), int(end["peak"]))

    def close(self) -> None:
        """End the server and every worker, remove their folders, give the user ids back. Safe to call again."""
        if self._control.fileno() < 0:
            return
        self._control.close()
        os.waitpid(self.pid, 0)
        shutil.rmtree(self._root, ignore_errors=True)
        os.close(self._mark)
        if self._accounts:
            self._accounts.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _ask(self, message: dict[str, Any], fds: Sequence[int] = ()) -> dict[str, Any]:
        self._asked += 1
        socket.send_fds(self._control, [json.dumps({**message, "id": self._asked}).encode()], list(fds))
        answer: dict[str, Any] = {}
        while answer.get("id") != self._asked:  # an alarm may have interrupted the wait for an earlier answer
            data = self._control.recv(MESSAGE)
            if not data:
                raise EOFError("the worker server has died")
            answer = json.loads(data)
        if "error" in answer:
            raise OSError(f"the worker server could not {message['op']}: {answer['error']}")
        return answer

    def _preflight(self, uid: int) -> None:
        """Once: can a worker's user read what it may import?"""
        if self._preflight_done or self._accounts is None:
            return
        self._preflight_done = True
        self._unreadable = self._ask({"op": "preflight", "uid": uid})["unreadable"]

    def _inspect(self, worker: Worker, claim: Mapping[str, Sequence[Any]]) -> None:
        report = {str(k): (v[0] is True, str(v[1])) for k, v in claim.items()}
        self.isolation = report = sandbox.verified(report, worker.pid, worker.uid)
        self.grade = sandbox.grade(report)
        worker.sweep = not report["seccomp"][0]
        if self._unreadable and not report["landlock"][0]:
            parents = " ".join(sorted(set(self._unreadable.values())))
            raise IsolationError(
                f"the workers' user cannot read {', '.join(self._unreadable)}: "
                f"run `chmod 711 {parents}`, or install Python elsewhere"
            )
        if not sandbox.enough(report) and not self.unsafe:
            layers = "; ".join(f"{name}: {detail}" for name, (on, detail) in report.items() if not on)
            raise IsolationError(
                "refusing to run student code: it would run without a separate user and without Landlock, "
                f"or without limits ({layers})"
            )
