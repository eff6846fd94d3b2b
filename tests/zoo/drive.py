"""Grade a list of hostile submissions in one process, as staff grade a class, and look around after each.

Jobs arrive as JSON on standard input, {"jobs": [...], "skip": [...], "unsafe": bool, "docker": bool, "user": uid or
null}; one line of JSON per job goes to the file named on the command line: what a hostile submission may have left behind or reached.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import resource
import socket
import sys
import time
from pathlib import Path
from typing import Any

from confine import become_docker, become_user, open_the_way

SHARED = ("/tmp", "/var/tmp", "/dev/shm", "/run/lock", "/dev/mqueue")
UIDS = range(40000, 40500)


def main() -> None:
    order = json.load(sys.stdin)
    listeners = Listeners()
    if order["open"]:
        open_the_way()
    if order["docker"]:
        become_docker()
    if order["user"] is not None:
        become_user(order["user"])
    os.environ["TMPDIR"] = order["tmp"]
    os.chdir(os.sep)  # as the launcher does
    from autograder import launcher
    from autograder.server import Server

    with Server.fork(["torch._dynamo"], skip=order["skip"], unsafe=order["unsafe"]) as server:
        launcher.reseed()
        from autograder.grade import run

        say({"check": _check(server), "isolation": server.isolation, "grade": server.grade})
        for job in order["jobs"]:
            say(one(job, lambda job=job: run(job, server), Path(order["tmp"]), server.pid, listeners))
    sys.stdout.flush()
    os._exit(0)


def _check(server: Any) -> dict[str, str]:
    try:
        return dict(server.check())
    except Exception as error:  # noqa: BLE001  (whatever stops it is the finding)
        return {"no worker": f"{type(error).__name__}: {error}"}


def one(job: dict[str, Any], grade: Any, tmp: Path, server: int, listeners: Listeners) -> dict[str, Any]:
    """Grade one job; what it took, and what is different afterwards."""
    trusted = [Path(p) for p in (job["bundle"], job["submission"], job["results"], *job["trusted"])]
    before, began, cpu = [digest(p) for p in trusted[:2] + trusted[3:]], time.monotonic(), resources()
    log = io.StringIO()
    with contextlib.redirect_stdout(log):
        code = grade()
    seconds, used = time.monotonic() - began, resources() - cpu
    results = Path(job["results"])
    (results / "log.txt").write_text(log.getvalue())
    return {
        "name": job["name"], "code": code, "seconds": round(seconds, 2), "cpu": round(used, 2),
        "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
        "changed": before != [digest(p) for p in trusted[:2] + trusted[3:]],
        "results": sorted(p.name for p in results.iterdir()),
        "survivors": survivors(server), "left": left_over(tmp), "reached": listeners.reached(),
    }  # fmt: skip


def say(fact: dict[str, Any]) -> None:
    """Append a line to the facts."""
    os.write(FACTS, json.dumps(fact).encode() + b"\n")


def resources() -> float:
    """Processor seconds of this process and of children that have ended."""
    mine, theirs = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return mine.ru_utime + mine.ru_stime + theirs.ru_utime + theirs.ru_stime


def digest(folder: Path) -> str:
    """A hash over names, modes, owners and contents below a folder; links are not followed."""
    found = hashlib.sha256()
    for path in sorted([folder, *folder.rglob("*")]):
        info = path.lstat()
        found.update(f"{path} {info.st_mode} {info.st_uid} {info.st_nlink}\n".encode())
        if path.is_file() and not path.is_symlink() and info.st_size < 1 << 24:
            found.update(path.read_bytes())
    return found.hexdigest()


def survivors(server: int) -> list[str]:
    """Processes below the worker server, or of a worker's user that this grader could have started."""
    parents, found = {}, {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with contextlib.suppress(OSError, IndexError):
                text = Path(entry.path, "stat").read_bytes()
                parents[int(entry.name)] = int(text.rpartition(b")")[2].split()[1])
                found[int(entry.name)] = text[:60].decode(errors="replace")
    return [text for pid, text in found.items() if _below(pid, server, parents)]


def _below(pid: int, server: int, parents: dict[int, int]) -> bool:
    seen = parents.get(pid, 0)
    for _ in range(50):
        if seen == server:
            return True
        seen = parents.get(seen, 0)
    return False


def left_over(tmp: Path) -> list[str]:
    """Files in shared folders that bear the zoo's mark, anything in our own but the server's empty folder, SysV IPC."""
    from autograder.leftovers import IN_USE

    found = []
    for folder in SHARED:
        with contextlib.suppress(OSError):
            for entry in os.scandir(folder):
                if entry.name.startswith("zoo-loot"):
                    found.append(entry.path)
                    with contextlib.suppress(OSError):
                        Path(entry.path).unlink()
    boxes = [p for p in tmp.iterdir() if p.name.startswith("autograder-box-")]
    ours = {*boxes, *tmp.glob("torchinductor_*")}  # the folder that importing torch._inductor makes
    found += [str(p) for p in tmp.iterdir() if p not in ours] + [
        str(p) for box in boxes for p in box.iterdir() if p.name != IN_USE
    ]
    return found + segments()


KEY = 0x2007


def segments() -> list[str]:
    """Our SysV shared-memory segment, if it is there; removed."""
    found = []
    for line in Path("/proc/sysvipc/shm").read_text().splitlines()[1:]:
        fields = line.split()
        if int(fields[0]) == KEY:
            found.append("a SysV segment")
            import ctypes

            ctypes.CDLL(None).shmctl(int(fields[1]), 0, None)
    return found


class Listeners:
    """TCP and UDP on fixed ports of the loopback, and an abstract Unix socket, for submissions to reach."""

    def __init__(self) -> None:
        self.sockets = []
        for family, kind, address in (
            (socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 28171)),
            (socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 28171)),
            (socket.AF_UNIX, socket.SOCK_DGRAM, "\0zoo-loot"),
        ):
            s = socket.socket(family, kind)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):  # another run of the zoo listens: that one notices
                s.bind(address)
                if kind == socket.SOCK_STREAM:
                    s.listen(16)
            s.setblocking(False)
            self.sockets.append(s)

    def reached(self) -> list[str]:
        """Which of them heard anything since the last time."""
        heard = []
        for s, name in zip(self.sockets, ("tcp", "udp", "unix"), strict=True):
            with contextlib.suppress(OSError):
                while True:
                    s.accept()[0].close() if name == "tcp" else s.recv(1000)
                    heard.append(name)
        return sorted(set(heard))


if __name__ == "__main__":
    FACTS = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
    main()
