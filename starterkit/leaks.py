"""The leak scan: reads every file of a kit and reports what students must not get, at the line that ships it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starterkit import secrets_of
from starterkit.secrets_of import NEWLINE, Passage, normal, normal_text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from starterkit.diagnostics import Collector
    from starterkit.model import Cell, Homework

MACHINE_PATH = re.compile(
    r"(?<![\w:/.])(?:/(?:home|Users)/[\w.-]+|/root|/private/var|/var/folders)(?:/[\w.-]+)+|\b[A-Z]:\\{1,2}Users\\{1,2}\w+"
)
PERSONAL = frozenset({"executionInfo", "authorship_tag", "authors", "displayName", "userId", "outputId"})


@dataclass(frozen=True)
class Piece:
    """A part of a kit file: a whole text file, or one cell (`cell` is its id)."""

    file: str
    cell: str | None
    text: str
    is_code: bool

    def __str__(self) -> str:
        return f"`{self.file}`, cell `{self.cell}`" if self.cell else f"`{self.file}`"


@dataclass(frozen=True)
class Scan:
    """The source that a scan reports on: its path, its cells and where problems go."""

    path: Path
    cells: tuple[Cell, ...]
    collector: Collector

    def report(self, line: int | None, code: str, message: str, hint: str) -> None:
        """Report one leak at a line of the source."""
        self.collector.add(code, message, path=self.path, line=line, hint=hint)

    def line_of(self, words: str) -> int | None:
        """Return the first source line that holds `words`, None if none does."""
        for cell in self.cells:
            for number, line in enumerate(cell.source.lower().split("\n"), start=cell.body_line):
                if words.lower() in line:
                    return number
        return None


def scan(kit: Mapping[str, bytes], homework: Homework, modules: Mapping[str, str], collector: Collector) -> None:
    """Report every leak in `kit`. `modules` are the module sources that ship on purpose (hwkit and given ones)."""
    source = Scan(homework.source_path, homework.cells, collector)
    secret = homework.course.secret.encode()
    for name in sorted(kit):
        if secret in kit[name]:
            line = source.line_of(homework.course.secret)
            source.report(line, "secret", f"the course's secret stands in `{name}`", "take it out, and draw a new one")
    embedded = {data.decode("utf-8").rstrip("\n") for name, data in kit.items() if name.endswith(".py")}
    pieces = [piece for name in sorted(kit) for piece in _pieces(name, kit[name], embedded, source)]
    todo = [*_not_excused(homework.cells, modules.values()), *secrets_of.prose_passages(homework)]
    names = secrets_of.hidden_names(homework)
    for piece in pieces:
        _scan_passages(piece, todo, source)
        _scan_names(piece, names, source)
        _scan_identity(piece, homework, source)


def scan_cells(cells: Sequence[Cell], path: Path, collector: Collector) -> None:
    """Report solution and hidden test lines that the source ships; for a source too wrong for a kit to come of it."""
    source = Scan(path, tuple(cells), collector)
    todo = _not_excused(cells, ())
    for cell in cells:
        text = cell.source if cell.is_markdown else secrets_of.shipped_code([cell])
        _scan_passages(Piece(path.name, cell.key, text, not cell.is_markdown), todo, source)


def _not_excused(cells: Sequence[Cell], modules: Iterable[str]) -> list[Passage]:
    """Return the passages of code that do not stand in given code anyway."""
    excused = normal_text("\n".join([secrets_of.shipped_code(cells), *modules]), code=True)
    return [p for p in secrets_of.code_passages(cells) if not (p.excusable and p.normal in excused)]


def _pieces(name: str, data: bytes, embedded: Collection[str], source: Scan) -> Iterator[Piece]:
    """Yield the texts of a kit file; a notebook must hold neither outputs nor personal metadata.

    Cells that write one of the `embedded` files are left out: the file itself is scanned.
    """
    if not name.endswith(".ipynb"):
        try:
            yield Piece(name, None, data.decode("utf-8"), name.endswith(".py"))
        except UnicodeDecodeError:
            return  # binary data: only the secret is looked for in it
        return
    notebook = json.loads(data)
    personal = sorted(PERSONAL & set(_keys(notebook)))
    if personal:
        source.report(None, "personal-metadata", f"`{name}` carries {', '.join(personal)}", "clear it")
    for cell in notebook["cells"]:
        if cell.get("outputs") or cell.get("execution_count") is not None:
            source.report(None, "output", f"`{name}`, cell `{cell['id']}`, carries an output", "clear all outputs")
        text = "".join(cell["source"])
        if not (text.startswith("%%writefile") and text.split("\n", 2)[2] in embedded):
            yield Piece(name, cell["id"], text, cell["cell_type"] == "code")


def _keys(value: Any) -> Iterator[str]:
    """Yield every key of nested JSON."""
    if isinstance(value, dict):
        yield from value
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _keys(item)


def _scan_passages(piece: Piece, todo: Sequence[Passage], source: Scan) -> None:
    lines = normal_text(piece.text.replace("`", " "))
    without_comments = normal_text(piece.text, code=True) if piece.is_code else lines
    bare = lines.replace("\n # ", "\n ")  # without the signs of comments: a region may be commented out whole
    flowing = lines.replace(NEWLINE, " ")
    for passage in todo:
        if passage.prose:
            found = passage.normal in flowing
        elif piece.is_code or NEWLINE in passage.normal:
            found = passage.normal in lines or passage.normal in without_comments or passage.normal in bare
        else:
            found = passage.tokens >= secrets_of.ENOUGH_PROSE and passage.normal in lines
        if found:
            ships = _shipping_line(piece, passage, source)
            where = f"the {passage.what} of line {passage.line}" if ships != passage.line else f"this {passage.what}"
            hint = "take it out, or reword it" if ships != passage.line else f"it stands in {piece} as well"
            source.report(ships, "leak", f"{where} stands in the kit: {piece}", hint)


def _shipping_line(piece: Piece, passage: Passage, source: Scan) -> int:
    """Return the source line that brings a passage into the kit; the passage's own where that cannot be told."""
    first = passage.normal.split(NEWLINE)[0].strip()
    for cell in source.cells:
        if cell.key == piece.cell:
            for number, line in enumerate(cell.source.split("\n"), start=cell.body_line):
                if first in normal(line.replace("`", " ")) and number != passage.line:
                    return number
    return passage.line


def _scan_names(piece: Piece, names: Mapping[str, int], source: Scan) -> None:
    for name in sorted(names.keys() & set(re.findall(r"\btest_\w+", piece.text))):
        message = f"the name of the hidden test `{name}` stands in {piece}"
        source.report(names[name], "leak", message, "a public cell or the prose names it: take it out")


def _scan_identity(piece: Piece, homework: Homework, source: Scan) -> None:
    """Report the staff's address and paths of the machine that built the kit."""
    address = homework.course.staff_email
    if address and address.lower() in piece.text.lower():
        hint = "name the course's forum instead"
        source.report(source.line_of(address), "staff-email", f"the staff's address stands in {piece}", hint)
    paths = [*MACHINE_PATH.findall(piece.text), str(homework.folder)]
    for path in dict.fromkeys(path for path in paths if path in piece.text):
        message = f"a path of this machine stands in {piece}: {path}"
        source.report(source.line_of(path), "machine-path", message, "use a path relative to the notebook")
