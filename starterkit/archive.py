"""Folders and zips with the same bytes at every build."""

from __future__ import annotations

import hashlib
import io
import shutil
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

Files = dict[str, bytes]  # POSIX path inside the folder or zip -> contents

EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest moment that a zip can state
PLAIN, EXECUTABLE = 0o100644, 0o100755


def text(source: str) -> bytes:
    """Return `source` as UTF-8 with LF line endings and one newline at the end."""
    return (source.replace("\r\n", "\n").rstrip("\n") + "\n").encode()


def zip_bytes(files: Mapping[str, bytes], executable: Iterable[str] = ()) -> bytes:
    """Return a zip of `files`: names sorted, timestamps of 1980, mode 0644 (0755 for `executable`)."""
    runnable = frozenset(executable)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in sorted(files):
            info = zipfile.ZipInfo(name, EPOCH)
            info.create_system = 3  # Unix, so that the mode bits below are read on every machine
            info.external_attr = (EXECUTABLE if name in runnable else PLAIN) << 16
            archive.writestr(info, files[name], zipfile.ZIP_DEFLATED, 6)
    return buffer.getvalue()


def read_tree(folder: Path) -> Files:
    """Return every regular file under `folder` by its POSIX path; an absent folder is an empty tree."""
    if not folder.is_dir():
        return {}
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def write_tree(files: Mapping[str, bytes], folder: Path) -> None:
    """Write `files` under `folder`, which is created."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def replace_tree(files: Mapping[str, bytes], folder: Path) -> None:
    """Make `folder` hold exactly `files`; a reader sees the old tree or the new one, never a mixture."""
    fresh, stale = folder.with_name(f".{folder.name}.new"), folder.with_name(f".{folder.name}.old")
    for leftover in (fresh, stale):
        shutil.rmtree(leftover, ignore_errors=True)
    fresh.mkdir(parents=True)
    write_tree(files, fresh)
    if folder.exists():
        folder.rename(stale)
    fresh.rename(folder)
    shutil.rmtree(stale, ignore_errors=True)


def replace_file(data: bytes, path: Path) -> None:
    """Write `data` to `path` in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_bytes(data)
    fresh.replace(path)


def digest(files: Mapping[str, bytes]) -> str:
    """Return the SHA-256 (hex) of a tree: of names, lengths and contents."""
    total = hashlib.sha256()
    for name in sorted(files):
        total.update(f"{name}\0{len(files[name])}\0".encode())
        total.update(files[name])
    return total.hexdigest()
