"""Landlock: a process that can only read some folders and only write its own, whatever its user may do.

The rule set is made while the process may still open everything and enforced after the change of user: rules are
about inodes, so folders below a private home work too. System calls 444-446; the ABI number says what this kernel can
forbid.
"""

# ruff: noqa: PTH112  (system calls on descriptors)
from __future__ import annotations

import ctypes
import errno
import os
import struct
from collections.abc import Iterable

from autograder import libc

CREATE, ADD_RULE, RESTRICT = 444, 445, 446
FILE_RIGHTS = (
    0b111 | 1 << 14 | 1 << 15
)  # execute, write, read; truncate; ioctl: the rights that a rule on a file may hold
READ = 1 << 2 | 1 << 3  # read file, list folder
NOT_GIVEN = 1 | 1 << 6 | 1 << 11  # execute, make character device, make block device: never granted


def abi() -> int:
    """The kernel's Landlock version; 0 where there is none."""
    try:
        return _call(CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(1))
    except OSError:
        return 0


def prepare(read: Iterable[str], write: Iterable[str]) -> int:
    """Descriptor of a rule set that allows reading `read` and changing `write` (files or folders; missing ones are
    skipped). OSError without Landlock.
    """
    version = abi()
    if not version:
        raise OSError(errno.ENOSYS, "no Landlock in this kernel")
    rights = (1 << {1: 13, 2: 14, 3: 15, 4: 15}.get(version, 16)) - 1
    tcp, scope = (
        (3 if version >= 4 else 0),
        (3 if version >= 6 else 0),
    )  # bind and connect; abstract sockets and signals
    attributes = struct.pack("<QQQ", rights, tcp, scope)[: 8 if version < 4 else 16 if version < 6 else 24]
    rules = _call(CREATE, attributes, ctypes.c_size_t(len(attributes)), ctypes.c_uint32(0))
    for paths, access in ((read, READ), (write, rights & ~NOT_GIVEN)):
        for path in paths:
            try:
                fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
            except OSError:
                continue
            try:
                allowed = access & rights & (-1 if os.path.isdir(path) else FILE_RIGHTS)
                _call(
                    ADD_RULE, ctypes.c_int(rules), ctypes.c_int(1), struct.pack("<Qi", allowed, fd), ctypes.c_uint32(0)
                )
            finally:
                os.close(fd)
    return rules


def enforce(rules: int) -> str:
    """Restrict this process to the rule set; it needs no_new_privs. Returns what this kernel cannot forbid."""
    try:
        _call(RESTRICT, ctypes.c_int(rules), ctypes.c_uint32(0))
    finally:
        os.close(rules)
    version = abi()
    return f"ABI {version}" + ("" if version >= 4 else ", no TCP rules") + ("" if version >= 6 else ", no signal scope")


def _call(number: int, *arguments: object) -> int:
    return libc.call("syscall", ctypes.c_long(number), *arguments)
