"""Find the submission in the folder that Gradescope hands over, trusting nothing in it.

Only regular files are opened, without following links; a zip is read in memory, never unpacked to disk.

    found = find_candidates(folder)                                   # Candidates | Refusal
    staged = choose(found.candidates, score, homework="hw2")          # Staged
    stage(folder, homework="hw2")                                     # both, by name alone

`score(filename, data)` returns how many graded names a file defines. It parses what a student wrote, so the caller runs
it in a limited child. The file that defines the most names is taken; among equals the rules of `_preference` decide.
"""

from __future__ import annotations

import io
import os
import re
import stat
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from autograder.cells import DOWNLOAD_HINT, MAX_NOTEBOOK_BYTES, WARN_NOTEBOOK_BYTES, script_label

MAX_DEPTH = 8
MAX_FILES = 2000
MAX_SCORED = 8
MAX_TOTAL_BYTES = 200_000_000  # of candidates, unpacked
_NOTEBOOK = re.compile(r"\.ipynb(?:\.(?:txt|json))?$|\.ipynb \(\d+\)$", re.IGNORECASE)  # browsers append .txt and .json
_SKIPPED_FOLDERS = {"__MACOSX", ".ipynb_checkpoints", ".git", "__pycache__", ".venv", "venv", "node_modules"}

Score = Callable[[str, bytes], int]


@dataclass(frozen=True)
class Artefact:
    """A regular file that is not the notebook: its path below the submission and its size in bytes, as announced.

    `path` is where it lies, `member` its name inside when that is a zip; None for what is not to be read again.
    """

    name: str
    size: int
    path: Path | None = None
    member: str = ""


@dataclass(frozen=True)
class Candidate:
    """A file that may be the submitted notebook."""

    filename: str
    data: bytes = field(repr=False)


@dataclass(frozen=True)
class Staged:
    """The submission: the file that is graded, sentences for the student, and the other files that came with it."""

    filename: str
    data: bytes = field(repr=False)
    notices: tuple[str, ...] = ()
    artefacts: tuple[Artefact, ...] = ()


@dataclass(frozen=True)
class Refusal:
    """Nothing to grade: one sentence for the student."""

    sentence: str


@dataclass
class Candidates:
    """What a submission folder holds: at least one candidate, the other files, and sentences for the student."""

    candidates: list[Candidate] = field(default_factory=list)
    artefacts: list[Artefact] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    read: int = 0  # bytes that were read or unpacked, kept or not

    @property
    def full(self) -> bool:
        """Whether nothing more is read: the notebooks would not fit into memory, nor unpacking them into the time."""
        return self.read > MAX_TOTAL_BYTES

    def take(self, name: str, data: bytes) -> None:
        """Keep a candidate, up to the caps."""
        self.read += len(data)
        if len(data) > MAX_NOTEBOOK_BYTES:
            self.notices.append(f"`{_shown(name)}` is ignored: it is larger than 50 MB, clear its outputs.")
        elif self.full:
            self.notices.append(f"`{_shown(name)}` is ignored: the submission is too large.")
        else:
            self.candidates.append(Candidate(name, data))


def stage(path: Path, score: Score | None = None, *, homework: str = "") -> Staged | Refusal:
    """The file to grade in a folder (or the file itself); never raises for what the folder holds."""
    found = find_candidates(path)
    return found if isinstance(found, Refusal) else choose(found, score, homework=homework)


def find_candidates(path: Path) -> Candidates | Refusal:
    """The notebooks, scripts and zip members in a folder, or a sentence that says why there are none."""
    found = Candidates()
    try:
        files, links = _regular_files(path)
    except OSError as error:
        return Refusal(
            f"The submission could not be opened ({error.strerror or type(error).__name__}): upload it again."
        )
    scripts: list[tuple[str, Path]] = []
    for name, file in files:
        if _NOTEBOOK.search(name):
            _take_file(found, name, file)
        elif name.lower().endswith(".zip"):
            _take_zip(found, name, file)
        elif name.lower().endswith(".py"):
            scripts.append((name, file))
        else:
            found.artefacts.append(Artefact(name, _size(file), file))
    if not found.candidates:
        for name, file in scripts:
            _take_file(found, name, file)
    else:
        found.artefacts += [Artefact(name, _size(file)) for name, file in scripts]
    return found if found.candidates else Refusal(_nothing_found(found, files, links))


def choose(found: Candidates, score: Score | None = None, *, homework: str = "") -> Staged:
    """The best of at least one candidate: the one with most graded names (if `score` is given), then `_preference`."""
    ranked = sorted(found.candidates, key=lambda c: _preference(c, homework))
    if score is not None and len(ranked) > 1:
        points = {c.filename: score(c.filename, c.data) for c in ranked[:MAX_SCORED]}
        ranked.sort(key=lambda c: -points.get(c.filename, -1))
    best, others = ranked[0], ranked[1:]
    notices = list(found.notices)
    if others:
        names = ", ".join(f"`{_shown(c.filename)}`" for c in others[:5]) + (" and others" if len(others) > 5 else "")
        notices.append(f"`{_shown(best.filename)}` is graded; ignored: {names}. Submit one notebook only.")
    if len(best.data) > WARN_NOTEBOOK_BYTES:
        notices.append(
            f"The notebook is large ({len(best.data) / 1e6:.0f} MB): clear its outputs before the next upload."
        )
    rest = [Artefact(c.filename, len(c.data)) for c in others]
    return Staged(best.filename, best.data, tuple(notices), tuple(found.artefacts + rest))


def _preference(candidate: Candidate, homework: str) -> tuple[bool, bool, bool, int, int, str]:
    """Smallest first: notebook before script, the homework's name, no sign of a copy, near the top, large, by name."""
    name = candidate.filename.lower()
    base = name.rpartition("/")[2]
    copy = re.search(r"copy|untitled|\(\d+\)|backup|old|solution", base) is not None
    return (name.endswith(".py"), homework.lower() not in base, copy, name.count("/"), -len(candidate.data), name)


def _regular_files(path: Path) -> tuple[list[tuple[str, Path]], int]:
    """(path below `path`, full path) of the regular files, sorted, and how many links were passed over."""
    path = path.resolve()  # the folder itself is named by staff or by Gradescope, only its contents are foreign
    if stat.S_ISREG(path.lstat().st_mode):
        return [(path.name, path)], 0
    files: list[tuple[str, Path]] = []
    links = 0
    folders: list[tuple[str, str, int]] = [("", str(path), 0)]
    while folders:
        prefix, folder, depth = folders.pop()
        for entry in _entries(folder):
            if entry.is_symlink():
                links += 1
            elif entry.is_dir(follow_symlinks=False):
                if depth + 1 < MAX_DEPTH and entry.name not in _SKIPPED_FOLDERS:
                    folders.append((f"{prefix}{entry.name}/", entry.path, depth + 1))
            elif entry.is_file(follow_symlinks=False) and not entry.name.startswith("._"):
                files.append((prefix + entry.name, Path(entry.path)))
            if len(files) >= MAX_FILES:
                return sorted(files), links
    return sorted(files), links


def _entries(folder: str) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            yield from sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return


def read_file(file: Path, most: int = MAX_NOTEBOOK_BYTES) -> bytes | None:
    """The bytes of a regular file, or None: a link, a device, a fifo, unreadable, or more than `most`."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as stream:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        data = stream.read(most + 1)
    return data if len(data) <= most else None


def _take_file(found: Candidates, name: str, file: Path) -> None:
    data = read_file(file)
    if data is None:
        found.notices.append(f"`{_shown(name)}` is ignored: {_why_unread(file)}.")
    else:
        found.take(name, data)


def _why_unread(file: Path) -> str:
    return "it is larger than 50 MB, clear its outputs" if _size(file) > MAX_NOTEBOOK_BYTES else "it could not be read"


def _take_zip(found: Candidates, name: str, file: Path) -> None:
    data = read_file(file)
    if data is None:
        found.notices.append(f"`{_shown(name)}` is ignored: {_why_unread(file)}.")
        return
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [m for m in archive.infolist()[:MAX_FILES] if _is_safe(m)]
            wanted = [m for m in members if _NOTEBOOK.search(m.filename)]
            wanted = wanted or [m for m in members if m.filename.lower().endswith(".py")]
            for member in members:
                if member not in wanted:
                    size = member.file_size
                    found.artefacts.append(Artefact(f"{name}/{member.filename}", size, file, member.filename))
            for member in wanted:
                if found.full:
                    found.notices.append(f"The rest of `{_shown(name)}` is ignored: the submission is too large.")
                    break
                _take_member(found, archive, member)
    except Exception:  # noqa: BLE001  (the libraries below raise whatever a damaged member makes them raise)
        found.notices.append(f"`{_shown(name)}` is ignored: it is not a sound zip file.")


def _take_member(found: Candidates, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
    """Read one member with a bound: what its header says about its size is not trusted."""
    with archive.open(member) as stream:
        found.take(member.filename, stream.read(MAX_NOTEBOOK_BYTES + 1))


def _is_safe(member: zipfile.ZipInfo) -> bool:
    """A plain, unencrypted file under an ordinary relative name."""
    parts = member.filename.replace("\\", "/").split("/")
    kind = stat.S_IFMT(member.external_attr >> 16)
    return not (
        member.is_dir()
        or member.flag_bits & 0x1
        or kind not in (0, stat.S_IFREG)
        or member.filename.startswith(("/", "\\"))
        or ":" in parts[0]
        or ".." in parts
        or len(parts) > MAX_DEPTH
        or parts[-1].startswith("._")
        or _SKIPPED_FOLDERS & set(parts)
        or parts[-1].lower().endswith(".zip")
    )


def _nothing_found(found: Candidates, files: Sequence[tuple[str, Path]], links: int) -> str:
    if found.notices:
        return " ".join(found.notices) + f" There is no other notebook: {DOWNLOAD_HINT}."
    if not files:
        return f"The submission is {'only links' if links else 'empty'}: {DOWNLOAD_HINT}."
    names = ", ".join(f"`{_shown(name)}`" for name, _ in files[:5]) + (" and others" if len(files) > 5 else "")
    if all(name.lower().endswith((".html", ".htm")) for name, _ in files):
        return f"{names} is a web page, not a notebook: {DOWNLOAD_HINT}."
    return f"There is no notebook in the submission, only {names}: {DOWNLOAD_HINT}."


def _shown(name: str) -> str:
    return script_label(name) if name.isprintable() and len(name) <= 80 else script_label(name[-80:])


def _size(file: Path) -> int:
    try:
        return file.lstat().st_size
    except OSError:
        return 0
