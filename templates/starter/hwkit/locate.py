"""Finds the notebook that this session belongs to, among copies, renamed files and unsaved edits."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .data import KIT
from .session import KitError, drive_folder, drive_is_mounted, in_colab, warn

DOWNLOAD = "File > Download > Download .ipynb"
_MOST_BYTES = 50_000_000
_SUFFIXES = (".ipynb", ".py")


@dataclass(frozen=True)
class FoundNotebook:
    """A notebook's bytes, its file name, and where they come from, in words."""

    name: str
    data: bytes
    origin: str


def find_notebook(path: str | os.PathLike[str] | None = None) -> FoundNotebook:
    """Return the notebook to hand in: the file named, else the open one in Colab, else the likeliest file.

    Raises
    ------
    KitError
        With what to do, when there is none, or the one named cannot be read.
    """
    if path is not None:
        return _named(Path(path))
    if in_colab():
        live = _open_in_colab()
        if live is not None:
            return FoundNotebook(f"{KIT['homework']}.ipynb", live, "the notebook as it is open in Colab")
    current = _current_file()
    if current is not None:
        return _read_notebook(current)
    return _likeliest(_candidates())


def newer_than_saved(sources: Sequence[str]) -> list[str]:
    """Return the graded names whose newest definition run in this session stands in none of the saved cells."""
    history = _cells_run()
    if not history:
        return []
    saved = {_bare(source) for source in sources}
    stale = []
    for name in _graded_names():
        defines = re.compile(rf"^(?:class|(?:async\s+)?def)\s+{re.escape(name)}\b", re.MULTILINE)
        last = next((source for source in reversed(history) if defines.search(source)), None)
        if last is not None and _bare(last) not in saved:
            stale.append(name)
    return stale


def ago(path: Path) -> str:
    """Return how long ago a file was saved, in words."""
    minutes = max(0.0, time.time() - path.stat().st_mtime) / 60
    if minutes < 90:
        return f"{minutes:.0f} min ago"
    hours = minutes / 60
    return f"{hours:.0f} hours ago" if hours < 48 else f"{hours / 24:.0f} days ago"


def _named(path: Path) -> FoundNotebook:
    if path.is_file() and path.suffix in _SUFFIXES:
        return _read_notebook(path)
    others = ", ".join(sorted(str(other) for other in _candidates())) or "none"
    what = "is no .ipynb file" if path.is_file() else "does not exist"
    raise KitError(f"{path} {what}. Notebooks found here: {others}")


def _read_notebook(path: Path) -> FoundNotebook:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise KitError(f"{path.name} is larger than 50 MB: Edit > Clear all outputs, save, and call submit() again")
        return FoundNotebook(path.name, path.read_bytes(), f"{path.name}, saved {ago(path)}")
    except OSError as error:
        raise KitError(f"cannot read {path}: {error.strerror or error}") from None


def _open_in_colab() -> bytes | None:
    """Return the open notebook, unsaved edits included. Colab has no public call for it, so this may fail."""
    try:
        from google.colab import _message  # type: ignore[import-not-found]

        answer = _message.blocking_request("get_ipynb", request="", timeout_sec=20)
        return json.dumps(answer["ipynb"], ensure_ascii=False, indent=1).encode()
    except Exception:  # noqa: BLE001 - a private call: any failure means that files are looked at instead
        return None


def _current_file() -> Path | None:
    """Return the notebook's path where the editor tells it (VS Code, JupyterLab)."""
    names = vars(sys.modules["__main__"])
    for told in (names.get("__vsc_ipynb_file__"), os.environ.get("JPY_SESSION_NAME")):
        if isinstance(told, str) and told.endswith(".ipynb"):
            for path in (Path(told), Path(told).name and Path(Path(told).name)):
                if path and path.is_file():
                    return path
    return None


def _candidates() -> list[Path]:
    """Return the notebooks in this folder and, in Colab, in the usual places of Drive."""
    folders = [Path()]
    if in_colab() and drive_is_mounted():
        folders += [drive_folder(), drive_folder() / "Colab Notebooks"]
    found: list[Path] = []
    for folder in folders:
        try:
            found += [path for path in folder.glob("*.ipynb") if path.is_file()]
        except OSError:  # a Drive that went away
            continue
    return found


def _likeliest(paths: Iterable[Path]) -> FoundNotebook:
    """Return the newest of the notebooks that define graded names, and say which others there are."""
    ours = [(path.stat().st_mtime, path) for path in paths if _defines_any(path)]
    if not ours:
        raise KitError(_nothing_found())
    ours.sort(reverse=True)
    chosen = ours[0][1]
    if len(ours) > 1:
        others = ", ".join(f"{path} ({ago(path)})" for _, path in ours[1:4])
        warn(
            f"{len(ours)} notebooks define this homework's functions. The newest is taken: {chosen} ({ago(chosen)}); "
            f"not: {others}.\n"
            '  To choose another: submit(notebook="NAME.ipynb")'
        )
    return _read_notebook(chosen)


def _nothing_found() -> str:
    what = f"no notebook of {KIT['homework']} found here"
    if in_colab():
        return (
            f"{what}: Colab did not hand over the open notebook. Use {DOWNLOAD} and upload that file to Gradescope: "
            "it is a valid "
            "submission. Or upload it to this session (folder icon on the left) and call submit() again."
        )
    return f'{what} ({Path.cwd().name}/). Save it (Ctrl+S), or name it: submit(notebook="path/to/file.ipynb")'


def _defines_any(path: Path) -> bool:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    names = "|".join(map(re.escape, _graded_names()))
    return bool(names) and bool(re.search(rf"(?:def|class) (?:{names})\b", text))


def _graded_names() -> list[str]:
    return [name for entry in KIT["questions"] for name in entry["names"]]


def _cells_run() -> list[str]:
    """Return the sources of the cells run in this session, as typed, oldest first."""
    try:
        from IPython import get_ipython  # type: ignore[attr-defined, unused-ignore]

        shell: Any = get_ipython()  # type: ignore[no-untyped-call, unused-ignore]
        return [str(source) for source in shell.history_manager.input_hist_raw] if shell is not None else []
    except (ImportError, AttributeError):
        return []


def _bare(source: str) -> str:
    return "\n".join(line.rstrip() for line in source.strip().splitlines())
