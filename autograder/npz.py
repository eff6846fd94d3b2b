"""Arrays from an .npz file that nobody vouches for: no pickle, no surprise in size, nothing but finite numbers.

Runs in a worker. `numpy.load` would believe a header that announces gigabytes; here every member is first unpacked up
to a cap, and what its header says must be what is there.
"""

from __future__ import annotations

import io
import math
import zipfile
from typing import Any

import numpy as np
from numpy.lib import format as npy

MAX_ARRAYS = 256
MAX_BYTES = 64 << 20  # of all arrays together, unpacked
KINDS = "biuf"  # booleans, integers, floating-point numbers

Arrays = dict[str, np.ndarray[Any, Any]]


class Unfit(ValueError):  # noqa: N818  (an answer for the student, not a failure)
    """What is wrong with a handed-in file, as one plain sentence without its full stop."""


def arrays(data: bytes) -> Arrays:
    """The arrays of an .npz file by name. Raises Unfit for anything but plain arrays of finite numbers."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            if len(members) > MAX_ARRAYS:
                raise Unfit(f"it holds {len(members)} arrays; {MAX_ARRAYS} is the most")
            found: Arrays = {}
            left = MAX_BYTES
            for member in members:
                raw = _unpacked(archive, member, left)
                left -= len(raw)
                found[_name(member.filename, found)] = _array(raw, member.filename)
    except Unfit:
        raise
    except Exception:  # noqa: BLE001  (the libraries below raise whatever a damaged member makes them raise)
        raise Unfit("it is not a sound .npz file: write it again with numpy.savez_compressed") from None
    if not found:
        raise Unfit("it holds no arrays")
    return found


def _unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo, most: int) -> bytes:
    """The bytes of one member, read up to a cap: what the archive says about its size is not believed."""
    with archive.open(member) as stream:
        raw = stream.read(most + 1)
    if len(raw) > most:
        raise Unfit(f"it unpacks to more than {MAX_BYTES >> 20} MiB: store fewer samples, or smaller types")
    return raw


def _name(filename: str, taken: Arrays) -> str:
    name = filename.removesuffix(".npy")
    if name == filename or not name.isprintable() or len(name) > 200:
        raise Unfit("it holds something that is no array: write it with numpy.savez_compressed")
    if name in taken:
        raise Unfit(f"it holds two arrays called {name}")
    return name


def _array(raw: bytes, filename: str) -> np.ndarray[Any, Any]:
    stream = io.BytesIO(raw)
    try:
        version = npy.read_magic(stream)
        read = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}[version]
        shape, by_columns, dtype = read(stream)
    except (ValueError, KeyError, TypeError, SyntaxError, RecursionError, MemoryError):
        raise Unfit(f"{filename} is not a sound array: write it again with numpy.savez_compressed") from None
    if dtype.hasobject or dtype.kind not in KINDS:
        raise Unfit(f"{filename} holds {_kind(dtype)} instead of numbers")
    start = stream.tell()
    if any(size < 0 for size in shape) or math.prod(shape) * dtype.itemsize != len(raw) - start:
        raise Unfit(f"{filename} announces another size than it has")
    flat = np.frombuffer(raw, dtype=dtype, offset=start)
    if dtype.kind == "f" and not np.isfinite(flat).all():
        raise Unfit(f"{filename} holds NaN or infinite numbers")
    native = flat.astype(dtype.newbyteorder("="))  # a copy, which may be written to
    return native.reshape(shape, order="F" if by_columns else "C")


def _kind(dtype: np.dtype[Any]) -> str:
    if dtype.hasobject:
        return "Python objects"
    return {"c": "complex numbers", "U": "text", "S": "text", "V": "records"}.get(dtype.kind, "dates")
