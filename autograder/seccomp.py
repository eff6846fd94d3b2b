"""A system-call filter: a deny list on top of whatever the container already allows.

`clone` may only make threads; `kill`, `tgkill` and `prlimit64` only concern the process itself; `fcntl` sets no owner for
signals; and system calls newer than the table do not exist. A worker that runs as the grader's own user is also kept from
what Landlock does not govern: modes, owners, times and attributes of the user's files, processors of other processes.

Needs nothing but no_new_privs. Tables: Linux `syscall_64.tbl` (x86-64) and `asm-generic/unistd.h` (AArch64).
"""

# ruff: noqa: C408, E501  (tables of system calls read best as keyword arguments, many to a line)
from __future__ import annotations

import errno
import functools
import os
import platform
import struct

from autograder import libc

NEWEST = 470  # system calls from this number on answer ENOSYS
COMMON = dict(
    pidfd_send_signal=424, io_uring_setup=425, io_uring_enter=426, io_uring_register=427, open_tree=428, move_mount=429, fsopen=430,
    fsmount=432, pidfd_open=434, clone3=435, pidfd_getfd=438, process_madvise=440, mount_setattr=442, memfd_secret=447,
)  # fmt: skip
TABLES: dict[str, dict[str, int]] = {
    "x86_64": dict(
        COMMON, clone=56, fork=57, vfork=58, execve=59, kill=62, tkill=200, tgkill=234, socket=41, connect=42, bind=49, listen=50,
        execveat=322, ptrace=101, process_vm_readv=310, process_vm_writev=311, kcmp=312, rt_sigqueueinfo=129, rt_tgsigqueueinfo=297,
        perf_event_open=298, bpf=321, userfaultfd=323, add_key=248, request_key=249, keyctl=250, mount=165, umount2=166, pivot_root=155,
        chroot=161, unshare=272, setns=308, memfd_create=319, shmget=29, shmat=30, shmctl=31, semget=64, msgget=68, mq_open=240,
        name_to_handle_at=303, open_by_handle_at=304, init_module=175, finit_module=313, delete_module=176, kexec_load=246, reboot=169,
        swapon=167, syslog=103, acct=163, quotactl=179, personality=135, mknod=133, mknodat=259, fanotify_init=300, seccomp=317,
        migrate_pages=256, move_pages=279, lookup_dcookie=212, ustat=136, vhangup=153, iopl=172, ioperm=173, modify_ldt=154,
        setpriority=141, sched_setscheduler=144, sched_setparam=142, sched_setattr=314, ioprio_set=251, prlimit64=302, sched_setaffinity=203,
        fcntl=72, ioctl=16,
    ),
    "aarch64": dict(
        COMMON, clone=220, execve=221, kill=129, tkill=130, tgkill=131, socket=198, connect=203, bind=200, listen=201, execveat=281,
        ptrace=117, process_vm_readv=270, process_vm_writev=271, kcmp=272, rt_sigqueueinfo=138, rt_tgsigqueueinfo=240,
        perf_event_open=241, bpf=280, userfaultfd=282, add_key=217, request_key=218, keyctl=219, mount=40, umount2=39, pivot_root=41,
        chroot=51, unshare=97, setns=268, memfd_create=279, shmget=194, shmat=196, shmctl=195, semget=190, msgget=186, mq_open=180,
        name_to_handle_at=264, open_by_handle_at=265, init_module=105, finit_module=273, delete_module=106, kexec_load=104, reboot=142,
        swapon=224, syslog=116, acct=89, quotactl=60, personality=92, mknodat=33, fanotify_init=262, seccomp=277, migrate_pages=238,
        move_pages=239, lookup_dcookie=18, vhangup=58, setpriority=140, sched_setscheduler=119, sched_setparam=118, sched_setattr=274, ioprio_set=30, prlimit64=261,
        sched_setaffinity=122, fcntl=25, ioctl=29,
    ),
}  # fmt: skip
FILES: dict[str, dict[str, int]] = {  # changes of files that Landlock does not govern (truncate: not before ABI 3)
    "x86_64": dict(
        chmod=90, fchmod=91, fchmodat=268, fchmodat2=452, chown=92, fchown=93, lchown=94, fchownat=260, utime=132, utimes=235,
        futimesat=261, utimensat=280, setxattr=188, lsetxattr=189, fsetxattr=190, removexattr=197, lremovexattr=198, fremovexattr=199,
        setxattrat=463, removexattrat=466, truncate=76, inotify_add_watch=254,
    ),
    "aarch64": dict(
        fchmod=52, fchmodat=53, fchmodat2=452, fchownat=54, fchown=55, utimensat=88, setxattr=5, lsetxattr=6, fsetxattr=7,
        removexattr=14, lremovexattr=15, fremovexattr=16, setxattrat=463, removexattrat=466, truncate=45, inotify_add_watch=27,
    ),
}  # fmt: skip
AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
ALLOW, KILL, ERROR = 0x7FFF0000, 0x80000000, 0x00050000
NUMBER, ARCHITECTURE, FIRST_ARGUMENT, SECOND_ARGUMENT = (
    0,
    4,
    16,
    24,
)  # offsets in struct seccomp_data (both machines are little-endian)
CLONE_THREAD = 0x10000
X32 = 0x40000000
OWNERSHIP = {
    "fcntl": (8, 10, 15),
    "ioctl": (0x8901, 0x8902, 0x5412),
}  # F_SETOWN, F_SETSIG, F_SETOWN_EX; FIOSETOWN, SIOCSPGRP, TIOCSTI
ANY_PID = 0x7ABCDEF1  # stands for the process in the cached program


def program(machine: str, pid: int, *, same_user: bool = False) -> bytes:
    """The BPF program for a process `pid` on `machine`, stricter for one that runs as the grader's own user.

    OSError(ENOSYS) for a machine without a table.
    """
    return _template(machine, same_user).replace(struct.pack("<I", ANY_PID), struct.pack("<I", pid))


@functools.cache
def _template(machine: str, same_user: bool) -> bytes:
    if machine not in TABLES:
        raise OSError(errno.ENOSYS, f"no table of system calls for {machine}")
    code: list[bytes] = []

    def add(op: int, k: int, yes: int = 0, no: int = 0) -> None:
        code.append(struct.pack("<HBBI", op, yes, no, k))

    add(LOAD, ARCHITECTURE)
    add(EQUAL, AUDIT[machine], 1, 0)
    add(RETURN, KILL)
    add(LOAD, NUMBER)
    add(AT_LEAST, X32, 0, 1)
    add(RETURN, KILL)
    add(AT_LEAST, NEWEST, 0, 1)
    add(RETURN, ERROR | errno.ENOSYS)
    denied = TABLES[machine] | (FILES[machine] if same_user else {})
    for name, commands in OWNERSHIP.items():
        add(EQUAL, denied.pop(name), 0, len(commands) + 3)
        add(LOAD, SECOND_ARGUMENT)
        for left, command in zip(range(len(commands), 0, -1), commands, strict=True):
            add(EQUAL, command, left, 0)
        add(RETURN, ALLOW)
        add(RETURN, ERROR | errno.EPERM)
    affinity = denied.pop("sched_setaffinity")  # of threads, by OpenMP or a driver: fine where the user is another
    for number in (denied.pop("prlimit64"), *([affinity] if same_user else [])):
        add(EQUAL, number, 0, 5)
        add(LOAD, FIRST_ARGUMENT)
        add(EQUAL, 0, 2, 0)
        add(EQUAL, ANY_PID, 1, 0)
        add(RETURN, ERROR | errno.EPERM)
        add(RETURN, ALLOW)
    for name, test, value in (("kill", EQUAL, ANY_PID), ("tgkill", EQUAL, ANY_PID), ("clone", ANY_BIT, CLONE_THREAD)):
        add(EQUAL, denied.pop(name), 0, 4)  # no match: on to the next rule
        add(LOAD, FIRST_ARGUMENT)
        add(test, value, 1, 0)
        add(RETURN, ERROR | errno.EPERM)
        add(RETURN, ALLOW)
    for name, number in denied.items():
        add(EQUAL, number, 0, 1)
        add(
            RETURN, ERROR | (errno.ENOSYS if name == "clone3" else errno.EPERM)
        )  # glibc falls back from clone3 to clone
    add(RETURN, ALLOW)
    return b"".join(code)


def install(same_user: bool = False) -> str:
    """Filter this process from now on; returns how many instructions. OSError where the kernel refuses."""
    code = program(platform.machine(), os.getpid(), same_user=same_user)
    header = struct.pack("@HxxxxxxP", len(code) // 8, libc.address(code))
    set_seccomp, mode_filter = 22, 2
    libc.prctl(set_seccomp, mode_filter, libc.address(header))
    return f"{len(code) // 8} instructions"
