"""Files handed in beside the notebook, measured for the person who marks the figures. They carry no points.

The bytes are opened in a worker of their own, by staff code that travels there: `bundle/measures/`. What comes back is
a small table of finite numbers, checked here before it is believed to be one.
"""

from __future__ import annotations

import fnmatch
import inspect
import io
import math
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autograder import messages, staging
from autograder.contexts import alarm
from autograder.failures import Limits, StudentError, WorkerLost
from autograder.outcomes import TestTimeout
from autograder.trial import PATIENCE, Bench

if TYPE_CHECKING:
    from autograder.manifest import Artefact
    from autograder.staging import Artefact as File
    from autograder.trial import Lab
    from autograder.worker import Program

LIMITS = Limits(cpu_s=20, wall_s=60, memory_mb=1024)
RESERVE_S = 5.0  # of the run's time: nothing is measured when less is left
BANDS = ("full", "half", "none", "void")
MOST_TABLES, MOST_NUMBERS, MOST_SIZE = 16, 12, 1e15
STUCK = {
    "cpu": "it takes too long to measure", "wall": "it takes too long to measure",
    "memory": "it needs more memory than the grader has", "import": "the notebook's own definitions do not load",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Table:
    """What was measured of one thing: its numbers, and for staff the band that they reach ("" where there is none)."""

    name: str
    numbers: Mapping[str, float]
    band: str = ""
    note: str = ""

    def text(self) -> str:
        """`flow: samples 359, Digits-FD 0.42 (a note)`."""
        told = ", ".join(f"{name} {value:.4g}" for name, value in self.numbers.items())
        return f"{self.name}: {told}{f' ({self.note})' if self.note else ''}"


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One declared artefact: the file that was taken ("" for none), its tables, or why there are none.

    `by` names definitions of the submission's own with which the numbers were computed: then they are its claim.
    """

    id: str
    file: str = ""
    by: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    trouble: str = ""
    staff: str = ""

    def for_student(self) -> str:
        """One line: what was received, in numbers. Bands are for the person who marks the figure."""
        if not self.file:
            return f"Not received (optional): {self.id}."
        told = f"cannot be measured: {self.trouble}" if self.trouble else "; ".join(t.text() for t in self.tables)
        return f"Received {self.file}: {told}."

    def for_staff(self) -> list[str]:
        """The same with the bands."""
        lines = [f"{self.id}: {self.file or 'not handed in'}{f': {self.trouble}' if self.trouble else ''}"]
        lines += [f"  computed by the submission's own {', '.join(self.by)}"] if self.by and self.tables else []
        lines += [f"  {t.text()}{f'  ->  band: {t.band}' if t.band else ''}" for t in self.tables]
        return lines + [f"  | {line}" for line in self.staff.splitlines()]

    def facts(self) -> dict[str, Any]:
        """For `extra_data`."""
        tables = [{"name": t.name, "band": t.band, "note": t.note, **t.numbers} for t in self.tables]
        return {"id": self.id, "file": self.file, "trouble": self.trouble, "tables": tables}


def measure_all(lab: Lab, bundle: Path, files: Sequence[File]) -> list[Measured]:
    """What the handed-in files amount to, for every artefact of the manifest that is measured."""
    return [_measure(lab, bundle, declared, files) for declared in lab.manifest.artefacts if declared.measured]


def _measure(lab: Lab, bundle: Path, declared: Artefact, files: Sequence[File]) -> Measured:
    found = chosen(declared, files)
    if found is None:
        return Measured(id=declared.id)
    name = messages.one_line(found.name.rpartition("/")[2], 80)
    most = int(declared.max_mb * 1_000_000)
    data = contents(found, most)
    if data is None:
        text = f"it is larger than {declared.max_mb:g} MB, or cannot be read"
        return Measured(id=declared.id, file=name, trouble=text)
    if lab.left() < RESERVE_S:
        return Measured(id=declared.id, file=name, trouble="there was no time left for it")
    try:
        with alarm(min(PATIENCE * LIMITS.wall_s, lab.left())):
            tables = _in_worker(lab, bundle, declared, data)
    except TestTimeout:
        return Measured(id=declared.id, file=name, trouble=STUCK["wall"])
    except StudentError as error:
        trouble, staff = _why(error, declared.uses)
        return Measured(id=declared.id, file=name, trouble=trouble, staff=staff)
    except WorkerLost as lost:
        trouble = STUCK.get(lost.reason, "it cannot be read")
        return Measured(id=declared.id, file=name, trouble=trouble, staff=messages.one_line(str(lost)))
    if tables is None:
        return Measured(id=declared.id, file=name, trouble="the measurement returned no table of finite numbers")
    return Measured(id=declared.id, file=name, tables=tables, by=declared.uses)


def _why(error: StudentError, uses: tuple[str, ...]) -> tuple[str, str]:
    """A sentence for the student, and what staff read besides."""
    told = f"{error.type_name}: {error.text}"
    if error.type_name == "Unfit":
        return messages.one_line(error.text), ""
    if error.type_name == "MemoryError" or "can't allocate memory" in error.text:
        return STUCK["memory"], ""
    if uses:
        return messages.one_line(f"{messages.listed(uses)} cannot be used for it ({told})"), told
    return "the measurement failed on it; the staff can see why", told


def chosen(declared: Artefact, files: Sequence[File]) -> File | None:
    """The file that is meant: one called after the artefact before others that match, then by path."""
    pattern = declared.file.lower()
    names = {file: file.name.rpartition("/")[2].lower() for file in files}
    matching = [file for file in files if fnmatch.fnmatchcase(names[file], pattern)]
    return min(matching, key=lambda f: (names[f].partition(".")[0] != declared.id, f.name), default=None)


def contents(file: File, most: int) -> bytes | None:
    """The bytes of a handed-in file or member of a zip, None if there are more than `most` or it cannot be read."""
    if file.path is None:
        return None
    if not file.member:
        return staging.read_file(file.path, most)
    archive = staging.read_file(file.path)
    if archive is None:
        return None
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened, opened.open(file.member) as inside:
            data = inside.read(most + 1)
    except Exception:  # noqa: BLE001  (the libraries below raise whatever a damaged member makes them raise)
        return None
    return data if len(data) <= most else None


# ---- in the worker ------------------------------------------------------------------------------------------------


def measured(data: bytes, function: str, names: list[str]) -> object:
    """The tables of one file. Sent to the worker as source; `names` are the student's own definitions it is given."""
    import importlib

    from autograder import npz

    absent = [name for name in names if name not in globals()]
    if absent:
        raise npz.Unfit(f"it needs {', '.join(absent)}, which the notebook does not define")
    return getattr(importlib.import_module("measures"), function)(npz.arrays(data), *(globals()[n] for n in names))


def _in_worker(lab: Lab, bundle: Path, declared: Artefact, data: bytes) -> tuple[Table, ...] | None:
    """The checked tables. Without `uses` no code of the student's runs in the worker; with it they are a claim."""
    limits = replace(LIMITS, wall_s=min(LIMITS.wall_s, lab.left()))
    worker = lab.server.spawn(limits, seed=lab.seed(f"artefact {declared.id}"))
    try:
        program = _program(lab, declared)
        staff = {file.stem: file.read_text(encoding="utf-8") for file in sorted((bundle / "measures").glob("*.py"))}
        worker.load({**program, "modules": {**program.get("modules", {}), **staff}, "data": dict(lab.data)})
        arguments = (data, declared.id, list(declared.uses))
        return tables_of(worker.probe(inspect.getsource(measured), measured.__name__, 1, arguments, {}))
    finally:
        worker.close()


def _program(lab: Lab, declared: Artefact) -> Program:
    """The student's definitions of the names in `uses`, and the given code around them; nothing without `uses`."""
    owners = lab.manifest.owner()
    program: Program = {}
    for question in dict.fromkeys(owners[name] for name in declared.uses):
        one = Bench(lab=lab, question=lab.manifest.question(question)).program()
        known = program.get("pieces", [])
        program = {**one, "pieces": known + [piece for piece in one["pieces"] if piece not in known]}
    return program


# ---- what comes back ----------------------------------------------------------------------------------------------


def tables_of(claim: object) -> tuple[Table, ...] | None:
    """The tables of `{name: {"samples": 500, …, "band": "full", "note": "…"}}`; None unless it is exactly that."""
    if not isinstance(claim, dict) or not 0 < len(claim) <= MOST_TABLES:
        return None
    found = [_table(name, row) for name, row in claim.items()]
    return None if None in found else tuple(table for table in found if table is not None)


def _table(name: object, row: object) -> Table | None:
    if type(name) is not str or not isinstance(row, dict) or len(row) > MOST_NUMBERS:
        return None
    band, note = row.get("band", ""), row.get("note", "")
    numbers = {key: value for key, value in row.items() if key not in {"band", "note"}}
    if type(band) is not str or band not in {"", *BANDS} or type(note) is not str:
        return None
    if not all(type(key) is str and type(value) in {int, float} for key, value in numbers.items()):
        return None
    if not all(abs(value) < MOST_SIZE and math.isfinite(value) for value in numbers.values()):
        return None
    clean = {messages.one_line(key, 60): float(value) for key, value in numbers.items()}
    return Table(name=messages.one_line(name, 60), numbers=clean, band=band, note=messages.one_line(note, 200))
