"""The forked worker server: one process that has imported everything, computed nothing and learnt no secret.

And forks one worker per job.

Spoken over a SEQPACKET socket, one JSON request at a time: "preflight", "spawn" (with the worker's socket and output
pipe), "reap".
"""

# ruff: noqa: PTH102, PTH106, PTH123, PTH208, BLE001, SIM105, SIM115, S607  (system calls on descriptors and names; whatever fails in a worker ends it)
from __future__ import annotations

import gc
import json
import os
import platform
import resource
import signal
import socket
import subprocess
import sys
import traceback
import warnings
from collections.abc import Mapping
from typing import Any, NoReturn

import torch

from autograder import folders, libc, notebook_stubs, rehearsal, sandbox, seccomp, student
from autograder.wire import Gone

MESSAGE = 1 << 16


def serve(control: socket.socket, skip: list[str], modules: Mapping[str, str]) -> NoReturn:
    """Answer requests until the grader closes its end. `modules`: sources of the course's public modules."""
    _drop_everything_but(control)
    libc.prctl(sandbox.PR_SET_PDEATHSIG, signal.SIGKILL)
    libc.prctl(sandbox.PR_SET_CHILD_SUBREAPER, 1)  # a daemon of the student's becomes our child, and dies with its user
    network = _network(skip)
    notebook_stubs.install()
    notebook_stubs.import_modules(modules)
    _warm_up()
    student.forked_with.update(sys.modules)
    gc.freeze()
    gc.enable()  # for the students' garbage
    server = _Zygote(control, network)
    while True:
        data, fds, _, _ = socket.recv_fds(control, MESSAGE, 4)
        if not data:
            os._exit(0)
        message = json.loads(data)
        try:
            answer = server.handle(message, fds)
        except OSError as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        for fd in fds:
            os.close(fd)
        control.send(json.dumps({**answer, "id": message["id"]}).encode())


class _Zygote:
    def __init__(self, control: socket.socket, network: tuple[bool, str]) -> None:
        self.control, self.network = control, network
        self.reaped: dict[int, tuple[int, resource.struct_rusage]] = {}
        self.kept = folders.FIRST_FD  # descriptors from FIRST_FD up to here lead to folders that workers import from
        self.imports, self.readable = sandbox.import_folders(), sandbox.readable_paths()
        sys.path[:] = self.imports  # the course's own folders are not for students

    def handle(self, m: dict[str, Any], fds: list[int]) -> dict[str, Any]:
        if m["op"] == "preflight":
            found = folders.unreadable(self.imports, m["uid"])
            self.kept = folders.install(list(found))
            return {"unreadable": found}
        return self.spawn(m, fds) if m["op"] == "spawn" else self.reap(m)

    def spawn(self, m: dict[str, Any], fds: list[int]) -> dict[str, Any]:
        os.mkdir(m["tmp"], 0o700)
        if m["uid"] != os.getuid() and "separate uid" not in m["skip"]:
            os.chown(m["tmp"], m["uid"], m["uid"])
        pid = os.fork()
        if pid == 0:
            try:
                self.control.close()
                self.become_worker(m, fds[0], fds[1])
            except Gone:
                os._exit(0)  # the grader is done with us
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(70)
        return {"pid": pid}

    def become_worker(self, m: dict[str, Any], rpc: int, out: int) -> None:
        """Drop what the server has, lock this process down, serve."""
        os.setsid()
        rpc, out = os.dup2(rpc, 250), os.dup2(out, 251)
        os.dup2(out, 1)
        os.dup2(out, 2)
        os.dup2(rpc, 3)
        os.closerange(4, folders.FIRST_FD)
        os.closerange(self.kept, 4096)
        os.chdir(m["tmp"])
        for name in ("HOME", "TMPDIR", "MPLCONFIGDIR"):
            os.environ[name] = m["tmp"]
        report = sandbox.lockdown(m, self.network, self.readable)
        student.main(socket.socket(fileno=3), m, report)

    def _collect_orphans(self) -> None:
        while True:
            try:
                found, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not found:
                return
            self.reaped[found] = (status, usage)  # perhaps a worker that is still to be asked for

    def reap(self, m: dict[str, Any]) -> dict[str, Any]:
        pid = m["pid"]
        for kill in (os.kill, os.killpg):
            try:
                kill(pid, signal.SIGKILL)
            except OSError:
                pass
        if pid not in self.reaped:
            _, ending, its = os.wait4(pid, 0)
            self.reaped[pid] = (ending, its)
        status, usage = self.reaped.pop(pid)
        if m["sweep"]:  # only where seccomp could not forbid fork
            for _ in range(100):
                _kill_user(m["uid"])
                self._collect_orphans()
                if not _has_processes(m["uid"]):
                    break
        _remove(m["tmp"])
        return {
            "status": os.waitstatus_to_exitcode(status),
            "cpu": usage.ru_utime + usage.ru_stime,
            "peak": usage.ru_maxrss >> 10,
        }


def _drop_everything_but(control: socket.socket) -> None:
    keep = control.fileno()
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        if fd != keep:
            os.dup2(null, fd)
    os.closerange(3, keep)
    os.closerange(keep + 1, 65536)
    sys.stdin = open(0, encoding="utf-8", closefd=False)
    sys.stdout = open(1, "w", encoding="utf-8", errors="backslashreplace", closefd=False)
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False, buffering=1)
    sys.argv = ["student"]
    os.environ.clear()
    os.environ.update(PATH="/usr/bin:/bin", LANG="C.UTF-8", MPLBACKEND="Agg")
    warnings.resetwarnings()
    warnings.simplefilter("ignore")  # a warning of the student's is nobody's error here


def _warm_up() -> None:
    """Compute here, once, what every worker would compute for itself."""
    if not torch.backends.cuda.is_built():  # type: ignore[no-untyped-call]  # torch's
        notebook_stubs.ignore_cuda()  # a change of nn.Module, which all its subclasses must hear of
    rehearsal.rehearse()
    try:
        seccomp.program(platform.machine(), 1)
    except OSError:
        return  # no table for this machine: the layer reports it


def _network(skip: list[str]) -> tuple[bool, str]:
    if "network namespace" in skip:
        return False, "turned off"
    try:
        return True, sandbox.leave_network()
    except OSError as error:
        return False, f"{error.strerror}: seccomp refuses sockets instead"


def _kill_user(uid: int) -> None:
    """Kill every process of a worker's user: one system call by that user, so that nothing can fork its way out."""
    pid = os.fork()
    if pid == 0:
        try:
            os.setresuid(uid, uid, uid)
            if os.getuid() >= 1000:
                os.kill(-1, signal.SIGKILL)
        finally:
            os._exit(0)
    os.waitpid(pid, 0)


def _has_processes(uid: int) -> bool:
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/status", encoding="utf-8", errors="replace") as f:
                    if f"Uid:\t{uid}\t" in f.read():
                        return True
            except OSError:  # it has ended since
                continue
    return False


def _remove(folder: str) -> None:
    """Remove what a student may have written; every process that could still change it is dead."""
    try:
        os.rmdir(folder)
    except OSError:
        subprocess.run(
            ["rm", "-rf", "--one-file-system", "--", folder],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
