"""Imports for a worker whose interpreter lies below a private home (pyenv, uv or conda in /root).

Through folders opened before the change of user.

A descriptor of a folder opened with O_PATH leads past parents that the new user may not search. Used only together
with Landlock, which keeps such a descriptor from leading anywhere else.
"""

from __future__ import annotations

import importlib.machinery
import os
import sys

FIRST_FD = 50
LOADERS = (
    (importlib.machinery.ExtensionFileLoader, importlib.machinery.EXTENSION_SUFFIXES),
    (importlib.machinery.SourceFileLoader, importlib.machinery.SOURCE_SUFFIXES),
    (importlib.machinery.SourcelessFileLoader, importlib.machinery.BYTECODE_SUFFIXES),
)


def unreadable(paths: list[str], uid: int) -> dict[str, str]:
    """For each of `paths` that user `uid` cannot list: the parent that stops it.

    Forks a short-lived child that becomes that user.
    """
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            lines = [f"{path}\0{_culprit(path)}" for path in paths if not os.access(path, os.R_OK | os.X_OK)]
            os.write(w, "\n".join(lines).encode()[:60000])
        finally:
            os._exit(0)
    os.close(w)
    with os.fdopen(r, "rb") as f:
        text = f.read().decode(errors="replace")
    os.waitpid(pid, 0)
    return dict(line.split("\0") for line in text.splitlines())


def _culprit(path: str) -> str:
    parts = path.strip("/").split("/")
    for i in range(1, len(parts) + 1):
        parent = "/" + "/".join(parts[:i])
        if not os.access(parent, os.X_OK):
            return parent
    return path


def install(paths: list[str]) -> int:
    """Let imports below `paths` go through descriptors from FIRST_FD on, in this process and its children.

    Returns the first unused number.

    Done once, in the worker server: emptying the import system's caches costs a worker 4 ms.
    """
    opened: dict[str, int] = {}
    for number, path in enumerate(paths, FIRST_FD):
        fd = os.open(path, os.O_PATH | os.O_DIRECTORY)
        opened[path] = os.dup2(fd, number)
        os.close(fd)

    def hook(path: str) -> importlib.machinery.FileFinder:
        for folder, fd in opened.items():
            if path == folder or path.startswith(folder + "/"):
                return importlib.machinery.FileFinder(f"/proc/self/fd/{fd}{path[len(folder) :]}", *LOADERS)
        raise ImportError(path)

    if opened:
        sys.path_hooks.insert(0, hook)
        sys.path_importer_cache.clear()
    return FIRST_FD + len(opened)
