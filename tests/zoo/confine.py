"""Make this process what a grader is elsewhere: an ordinary user's, or root in a container with Docker's defaults."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import stat
import struct
import sys
import tempfile
from pathlib import Path

# chown, dac_override, fowner, fsetid, kill, setgid, setuid, setpcap, net_bind_service, net_raw, sys_chroot, mknod, audit_write, setfcap
DOCKER_CAPABILITIES = (0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31)
X86_64 = dict(  # noqa: C408  (a table reads best as keyword arguments)
    unshare=272, mount=165, umount2=166, setns=308, pivot_root=155, bpf=321, perf_event_open=298, userfaultfd=323,
    add_key=248, request_key=249, keyctl=250, open_by_handle_at=304, init_module=175, finit_module=313,
    delete_module=176, kexec_load=246, reboot=169, swapon=167, acct=163, quotactl=179, io_uring_setup=425,
    io_uring_enter=426, io_uring_register=427, open_tree=428, move_mount=429, fsopen=430, fsmount=432,
    mount_setattr=442, process_madvise=440, pidfd_getfd=438, lookup_dcookie=212, syslog=103, iopl=172, ioperm=173,
)  # fmt: skip
CLONE, CLONE3, NAMESPACES = 56, 435, 0x7E020000
PR_CAPBSET_DROP, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 24, 22, 38


def become_docker() -> None:
    """Keep Docker's default capabilities and install what matters here of its default filter. For x86-64 and root."""
    if platform.machine() != "x86_64":
        raise OSError(errno.ENOSYS, "the table of system calls is for x86-64")
    libc = ctypes.CDLL(None, use_errno=True)
    _filter(libc)
    for capability in range(64):
        if capability not in DOCKER_CAPABILITIES:
            libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    mask = sum(1 << c for c in DOCKER_CAPABILITIES)
    low, high = mask & 0xFFFFFFFF, mask >> 32
    header = ctypes.create_string_buffer(struct.pack("<II", 0x20080522, 0))
    if libc.capset(header, ctypes.create_string_buffer(struct.pack("<6I", low, low, 0, high, high, 0))):
        raise OSError(ctypes.get_errno(), "capset")


def _filter(libc: ctypes.CDLL) -> None:
    load, equal, any_bit, give = 0x20, 0x15, 0x45, 0x06
    allow, refuse, unknown = 0x7FFF0000, 0x50000 | errno.EPERM, 0x50000 | errno.ENOSYS
    steps = [(load, 0, 0, 0), (equal, 0, 1, CLONE3), (give, 0, 0, unknown)]
    for number in X86_64.values():
        steps += [(equal, 0, 1, number), (give, 0, 0, refuse)]
    steps += [(equal, 0, 3, CLONE), (load, 0, 0, 16), (any_bit, 0, 1, NAMESPACES), (give, 0, 0, refuse)]
    steps += [(give, 0, 0, allow)]
    code = b"".join(struct.pack("<HBBI", op, yes, no, k) for op, yes, no, k in steps)
    buffer = ctypes.create_string_buffer(code, len(code))
    header = ctypes.create_string_buffer(struct.pack("@HxxxxxxP", len(steps), ctypes.addressof(buffer)))
    if libc.prctl(PR_SET_SECCOMP, 2, ctypes.byref(header), 0, 0):
        libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)  # without CAP_SYS_ADMIN
        if libc.prctl(PR_SET_SECCOMP, 2, ctypes.byref(header), 0, 0):
            raise OSError(ctypes.get_errno(), "seccomp")


def become_user(uid: int) -> None:
    """An ordinary user without groups or capabilities."""
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)  # dumpable, as a process is that was started by this user
    os.environ["HOME"] = "/nonexistent"


def blocked() -> list[Path]:
    """Folders that keep others from the interpreter and the grader (a 0700 home, usually), outermost first."""
    tops = [Path(p).resolve() for p in (sys.prefix, sys.base_prefix, __file__)]
    found = {parent for top in tops for parent in top.parents if not parent.stat().st_mode & stat.S_IXOTH}
    return sorted(found, key=lambda path: len(path.parts))


def open_the_way() -> None:
    """Let every user read the interpreter and the grader, in a mount namespace of this process's own.

    A private home in the way is covered by an empty folder that shows only what is needed. OSError where that is not
    allowed.
    """
    if not blocked():
        return
    libc = ctypes.CDLL(None, use_errno=True)
    bind, private = 4096, 16384 | (1 << 18)

    def mount(source: str, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
        words = [None if word is None else word.encode() for word in (source, target, kind)]
        if libc.mount(*words, ctypes.c_ulong(flags), None if data is None else data.encode()):
            raise OSError(ctypes.get_errno(), f"mount {target}")

    if libc.unshare(0x00020000):
        raise OSError(ctypes.get_errno(), "unshare")
    mount("none", "/", None, private)
    top = blocked()[0]
    roots = {str(Path(p).resolve()) for p in (sys.prefix, sys.base_prefix, Path(__file__).parents[2])}
    needed = [path for path in sorted(roots) if Path(path).is_relative_to(top)]
    kept = [tempfile.mkdtemp() for _ in needed]
    for path, held in zip(needed, kept, strict=True):
        mount(path, held, None, bind)
    mount("none", str(top), "tmpfs", 0, "mode=755")
    for path, held in zip(needed, kept, strict=True):
        Path(path).mkdir(parents=True, exist_ok=True)
        mount(held, path, None, bind)
        libc.umount2(held.encode(), 2)
        Path(held).rmdir()
