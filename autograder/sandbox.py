"""Layers that turn a freshly forked process into an untrusted worker.

Each layer reports whether it is on; the caller decides what is enough.

Nothing here needs CAP_SYS_ADMIN except the namespaces; nothing needs root except the change of user.
"""

# ruff: noqa: PTH112, PTH123, PLR0913, PLR0917, PLW2901  (system calls and /proc)
from __future__ import annotations

import contextlib
import errno
import os
import resource
import site
import struct
import sys
from collections.abc import Callable, Collection
from typing import Any

from autograder import landlock, libc, seccomp

Report = dict[str, tuple[bool, str]]
LAYERS = (
    "oom first",
    "network namespace",
    "rlimits",
    "separate uid",
    "no_new_privs",
    "dies with parent",
    "landlock",
    "seccomp",
)
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 36, 38
CLONE_NEWIPC, CLONE_NEWNET = 0x08000000, 0x40000000
SYSTEM_PATHS = (
    "/usr/lib", "/usr/lib64", "/lib", "/lib64", "/usr/share/zoneinfo", "/etc/ld.so.cache", "/etc/localtime",
    "/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/sys/devices/system/cpu", "/dev/null", "/dev/zero", "/dev/urandom",
)  # fmt: skip
GPU_PATHS = (
    "/proc/driver/nvidia",
    "/proc/devices",
    "/proc/sys/vm/mmap_min_addr",
    "/sys/bus/pci",
    "/sys/devices",
    "/sys/module/nvidia",
    "/etc/ssl",
)
GPU_DEVICES = ("/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools", *(f"/dev/nvidia{i}" for i in range(16)))


class IsolationError(Exception):
    """The host cannot confine student code well enough, and why."""


def leave_network() -> str:
    """Move this process, and all its children, to a network and IPC namespace of their own.

    OSError where that is not allowed.
    """
    libc.call("unshare", CLONE_NEWNET | CLONE_NEWIPC)
    return "no interface but a closed loopback"


def import_folders() -> list[str]:
    """The folders a worker may import from: the interpreter's and its packages', never the course's or the current
    one.
    """
    own = [
        p
        for p in {sys.prefix, sys.base_prefix, *site.getsitepackages()}
        if os.path.isdir(p) and os.path.realpath(p) != "/"
    ]
    return list(dict.fromkeys(p for p in sys.path if p and os.path.isdir(p) and any(_inside(p, top) for top in own)))


def readable_paths() -> list[str]:
    """What Landlock lets a worker read."""
    prefixes = [p for p in (sys.prefix, sys.base_prefix) if os.path.realpath(p) not in ("/", "/usr")]
    return [*prefixes, *import_folders(), *SYSTEM_PATHS]


def _inside(path: str, top: str) -> bool:
    return os.path.commonpath([os.path.realpath(path), os.path.realpath(top)]) == os.path.realpath(top)


def drop_uid(uid: int) -> str:
    """Become `uid`, without groups; OSError where that is not possible."""
    if uid == os.getuid():
        raise OSError(errno.EPERM, "cannot switch users here: the worker runs as the grader's own")
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    return f"uid {uid}"


def drop_capabilities() -> None:
    """Give up every capability for good; a change of user has done so already."""
    with contextlib.suppress(OSError):  # `verified` looks at what is left
        libc.call("capset", struct.pack("<II", 0x20080522, 0), bytes(24))


def set_limits(memory_mb: int, disk_mb: int, files: int, threads: int, cpu_s: float, address_space: bool) -> str:
    """Resource limits of this process: memory as growth of the address space (torch alone maps 600 MiB), file size,
    descriptors, threads, CPU.
    """
    with open("/proc/self/statm", "rb", buffering=0) as f:
        mapped = int(f.read().split()[0]) * resource.getpagesize()
    limits: dict[int, int] = {
        resource.RLIMIT_FSIZE: disk_mb << 20,
        resource.RLIMIT_NOFILE: files,
        resource.RLIMIT_NPROC: threads,
        resource.RLIMIT_CPU: int(cpu_s) + 1,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_STACK: 8 << 20,
        resource.RLIMIT_MSGQUEUE: 0,
        resource.RLIMIT_MEMLOCK: 0,
    }
    if address_space:
        limits[resource.RLIMIT_AS] = mapped + (memory_mb << 20)
    for which, value in limits.items():
        hard = resource.getrlimit(which)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(which, (value, value))
    memory = f"memory +{memory_mb} MiB" if address_space else "memory by watchdog only"
    return f"{memory}, {threads} threads, {int(cpu_s)} s cpu"


def lockdown(config: dict[str, Any], network: tuple[bool, str], readable: list[str]) -> Report:
    """Apply every layer to this process.

    `config`: uid, tmp, skip, device, and the arguments of `set_limits` under "limits".
    """
    report: Report = {}
    skip: Collection[str] = config["skip"]
    gpu = config["device"] != "cpu"

    def layer(name: str, apply: Callable[..., Any], *arguments: Any) -> Any:
        if name in skip:
            report[name] = (False, "turned off")
            return None
        try:
            detail = apply(*arguments)
            report[name] = (True, detail if isinstance(detail, str) else "")
            return detail
        except (OSError, ValueError) as error:
            report[name] = (False, f"{type(error).__name__}: {error}")
            return None

    layer("oom first", _oom_first)
    report["network namespace"] = network
    layer("rlimits", lambda: set_limits(**config["limits"], address_space=not gpu))
    devices = list(GPU_DEVICES) if gpu else []
    rules = layer(
        "landlock",
        landlock.prepare,
        readable + (list(GPU_PATHS) if gpu else []),
        [config["tmp"], "/dev/null", *devices],
    )
    layer("separate uid", drop_uid, config["uid"])
    drop_capabilities()  # a root that may not switch users keeps some
    layer("no_new_privs", libc.prctl, PR_SET_NO_NEW_PRIVS, 1)
    layer("dies with parent", libc.prctl, PR_SET_PDEATHSIG, 9)  # after the change of user, which resets it
    if rules is not None:
        layer("landlock", landlock.enforce, rules)
    layer("seccomp", seccomp.install, not report["separate uid"][0])
    return report


def _oom_first() -> str:
    with open("/proc/self/oom_score_adj", "wb", buffering=0) as f:
        f.write(b"1000")
    return "the kernel kills this process first"


def grade(report: Report) -> str:
    """Returns "strong" for own uid, Landlock and seccomp, "good" for two of them, "weak" for one, else "none"."""
    count = sum(report.get(name, (False, ""))[0] for name in ("separate uid", "landlock", "seccomp"))
    return ("none", "weak", "good", "strong")[count]


def enough(report: Report) -> bool:
    """Whether student code may run: resource limits hold, and its user or Landlock keeps it from the grader's files."""
    on = {name for name, (active, _) in report.items() if active}
    return "rlimits" in on and bool(on & {"separate uid", "landlock"})


def verified(report: Report, pid: int, uid: int) -> Report:
    """`report` with every line that /proc can check from outside corrected: user, no_new_privs, filter."""
    with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as f:
        facts = dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)
    out = dict(report)
    checks = {
        "separate uid": facts.get("Uid", "").split() == [str(uid)] * 4 and int(facts.get("CapEff", "1"), 16) == 0,
        "no_new_privs": facts.get("NoNewPrivs") == "1",
        "seccomp": facts.get("Seccomp") == "2",
    }
    for name, true in checks.items():
        if out.get(name, (False, ""))[0] and not true:
            out[name] = (False, "claimed, but not so according to /proc")
    return out
