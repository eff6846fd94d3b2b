"""The C library's system calls that Python has no function for.

Looked up once, before workers are forked: each would look them up again, in pages that it must copy first.
"""

from __future__ import annotations

import ctypes
import os

_libc = ctypes.CDLL(None, use_errno=True)


def call(name: str, *arguments: object) -> int:
    """What the function returns; OSError if that is negative. Plain integers go as C's `int`."""
    result = int(getattr(_libc, name)(*arguments))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def prctl(option: int, *arguments: int) -> str:
    """One process-control call; OSError where it is refused."""
    call("prctl", option, *(ctypes.c_ulong(value) for value in (*arguments, 0, 0, 0, 0)[:4]))
    return ""


def address(data: bytes) -> int:
    """Where the bytes lie, for as long as they live."""
    return ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p).value or 0
