"""Folders and zips with the same bytes at every build."""

from __future__ import annotations

import contextlib
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


def replace(trees: Mapping[Path, Mapping[str, bytes]], files: Mapping[Path, bytes]) -> None:
    """Make each folder hold exactly its files, and each file its bytes; where one cannot be written, none changes.

    Everything is written beside its place first. A reader sees the old or the new of each, never a mixture.
    """
    fresh = {path: path.with_name(f".{path.name}.new") for path in (*trees, *files)}
    try:
        for path, new in fresh.items():
            _remove(new)
            new.parent.mkdir(parents=True, exist_ok=True)
            if path in trees:
                new.mkdir()
                write_tree(trees[path], new)
            else:
                new.write_bytes(files[path])
    except BaseException:
        for new in fresh.values():
            _remove(new)
        raise
    for path, new in fresh.items():
        if path in trees and path.exists():
            stale = path.with_name(f".{path.name}.old")
            _remove(stale)
            path.rename(stale)
            new.rename(path)
            _remove(stale)
        else:
            new.replace(path)


def replace_tree(files: Mapping[str, bytes], folder: Path) -> None:
    """Make `folder` hold exactly `files`, as `replace` does."""
    replace({folder: files}, {})


def replace_file(data: bytes, path: Path) -> None:
    """Write `data` to `path`, as `replace` does."""
    replace({}, {path: data})


def _remove(path: Path) -> None:
    """Remove a file or a folder with all that is in it; one that is not there, or cannot be removed, stays so."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink()


def digest(files: Mapping[str, bytes]) -> str:
    """Return the SHA-256 (hex) of a tree: of names, lengths and contents."""
    total = hashlib.sha256()
    for name in sorted(files):
        total.update(f"{name}\0{len(files[name])}\0".encode())
        total.update(files[name])
    return total.hexdigest()
