"""From the text of hwN.py to cells that know their lines, and from a folder to a Homework.

The text is scanned here, not by jupytext, which discards line numbers; the cells are jupytext's own
(tests/reader/test_jupytext_agreement.py holds the two together).
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from starterkit import markers, questions, rules
from starterkit.config import Assignment, load_assignment, load_course
from starterkit.diagnostics import Collector
from starterkit.headers import parse_header
from starterkit.model import Cell, Homework, Kind

_HEADER = re.compile(r"\s*#\s*%%(?:%*\s.*|\s*)$")
_YAML_FENCE = re.compile(r"#\s?---\s*$")
# What jupytext takes for a commented Jupyter command when it opens the file (magics.py): the comment loses its sign.
_COMMAND_COMMENT = re.compile(
    r"\s*(?:# ?)+(?:%{1,3}[A-Za-z]|[?!]\s*[A-Za-z.~$\\/{}])"
    r"|(?:# ?)+(?:cat|cd|cp|mv|rm|rmdir|mkdir|copy|ddir|echo|ls|ldir|ren)(?:$|\s$|\s[^=,])"
    r"|\s*(?:# )+[^\s]*\?\s*$"
    r"|(?:# ?)+\s*[a-zA-Z_]\w*\s*=\s*(?:%{1,3}|!)[a-zA-Z]"
)


@dataclass(frozen=True)
class RawCell:
    """A header line and the lines below it, up to the next one; trailing blank lines dropped."""

    line: int
    header: str
    lines: tuple[str, ...]


def load_homework(folder: Path, course_root: Path, collector: Collector) -> Homework | None:
    """Read `solutions/hwN`. Every mistake goes to `collector`; None is returned if any of them is an error.

    course.toml is looked for beside the homework's folder, then in `course_root/solutions`.
    """
    folder = folder.resolve()
    before = len(collector.errors)
    beside = folder.parent / "course.toml"
    course = load_course(beside if beside.exists() else course_root / "solutions" / "course.toml", collector)
    assignment = load_assignment(folder / "assignment.toml", course, collector)
    modules, data = _files(folder, assignment, collector)
    for module in modules:
        rules.check_module(module, [*assignment.modules, *assignment.import_names] if assignment else [], collector)
    path = folder / f"{folder.name}.py"
    text = collector.read(path, f"the source notebook of {folder.name}/ is {path.name}")
    if text is None:
        return None
    cells = read_cells(text, path, collector)
    parts = questions.build(cells, path, assignment, collector)
    if course is None or assignment is None or len(collector.errors) > before:
        return None
    return Homework(
        name=folder.name, folder=folder, source_path=path, text=text, course=course, assignment=assignment, cells=cells,
        problems=parts.problems, questions=parts.questions, written=parts.written, figures=parts.figures,
        artefacts=parts.artefacts, modules=modules, data=data,
    )  # fmt: skip


def read_cells(text: str, path: Path, collector: Collector) -> tuple[Cell, ...]:
    """Return the cells of a source notebook, linted one by one: headers, markers, comments, syntax."""
    cells: list[Cell] = []
    keys: dict[str, int] = {}
    for raw in scan(text, path, collector):
        header = parse_header(raw.header, path=path, line=raw.line, collector=collector)
        lines = _uncommented(raw, path, collector) if header.kind.is_markdown else raw.lines
        source = "\n".join(lines)
        if not source.strip():
            hint = "write something below the header, or take the header out"
            collector.add("empty-cell", "this cell is empty", path=path, line=raw.line, hint=hint)
        cell = Cell(
            kind=header.kind, line=raw.line, header=raw.header, source=source, body_line=raw.line + 1, id=header.id,
            options=header.options, key=_key(header.kind, header.id, source, keys),
        )  # fmt: skip
        cells.append(cell)
        if not cell.is_markdown:
            _check_comments(cell, path, collector)
        if markers.check(cell, path, collector) and not cell.is_markdown:
            _check_syntax(cell, path, collector)
    return tuple(cells)


def scan(text: str, path: Path, collector: Collector) -> list[RawCell]:
    """Return the cells of a percent file as they stand. Text above the first header is reported, then left out."""
    lines = text.splitlines()
    start = _after_yaml(lines, path, collector)
    cells: list[RawCell] = []
    current: list[str] = []
    header_at: int | None = None
    for number, line, quoted in _with_quotes(lines, start):
        if not quoted and _HEADER.match(line):
            _close(cells, header_at, lines, current)
            header_at, current = number, []
        elif header_at is not None:
            current.append(line)
        elif line.strip():
            hint = "put `# %%` (code) or `# %% [markdown]` above it"
            collector.add("text-outside-cell", "text before the first cell header", path=path, line=number, hint=hint)
            header_at, current = 0, []  # report it once
    _close(cells, header_at, lines, current)
    if not cells:
        collector.add("no-cells", "no cell header in the file", path=path, line=1, hint="start a cell with `# %%`")
    return cells


def _close(cells: list[RawCell], header_at: int | None, lines: list[str], body: list[str]) -> None:
    while body and not body[-1].strip():
        body.pop()
    if header_at:
        cells.append(RawCell(header_at, lines[header_at - 1], tuple(body)))


def _with_quotes(lines: list[str], start: int) -> Iterator[tuple[int, str, bool]]:
    """Number, text, and whether the line begins inside a triple-quoted string (which cannot hold a header)."""
    triple = ""
    for number, line in enumerate(lines[start:], start + 1):
        yield number, line, bool(triple)
        triple = _triple_after(line, triple)


def _triple_after(line: str, triple: str) -> str:
    """The triple quote that is open after `line`, given the one open before it ("" for none)."""
    i, single = 0, ""
    while i < len(line):
        three = line[i : i + 3]
        if line[i] == "\\" and (triple or single):
            i += 2
        elif triple:
            triple, i = ("", i + 3) if three == triple else (triple, i + 1)
        elif single:
            single, i = ("" if line[i] == single else single), i + 1
        elif line[i] == "#":
            break
        elif three in {'"""', "'''"}:
            triple, i = three, i + 3
        else:
            single, i = (line[i] if line[i] in "\"'" else ""), i + 1
    return triple


def _after_yaml(lines: list[str], path: Path, collector: Collector) -> int:
    """The number of lines that the YAML header takes at the top of the file, 0 without one."""
    if not lines or not _YAML_FENCE.match(lines[0]):
        return 0
    for number, line in enumerate(lines[1:], 2):
        if _YAML_FENCE.match(line):
            return number
        if not line.startswith("#"):
            break
    hint = "close it with `# ---` before the first cell"
    collector.add("unclosed-yaml", "the header at the top is never closed", path=path, line=1, hint=hint)
    return 0


def _uncommented(raw: RawCell, path: Path, collector: Collector) -> tuple[str, ...]:
    """The markdown of a cell; every line must be a comment, and every fence closed (it would hide later headers)."""
    lines: list[str] = []
    fence: int | None = None
    for number, line in enumerate(raw.lines, raw.line + 1):
        if line.strip() and not line.startswith("#"):
            hint = "start the line with `# `, or put `# %%` above it if it is code"
            collector.add(
                "markdown-not-commented",
                "a line of a markdown cell is not a comment",
                path=path,
                line=number,
                hint=hint,
            )
        lines.append(line[2:] if line.startswith("# ") else line.removeprefix("#"))
        if re.match(r" {0,3}(`{3,}|~{3,})", lines[-1]):
            fence = number if fence is None else None
    if fence is not None:
        collector.add(
            "unclosed-fence", "a fenced block is never closed", path=path, line=fence, hint="close it with ```"
        )
    return tuple(lines)


def _check_comments(cell: Cell, path: Path, collector: Collector) -> None:
    for number, line, quoted in _with_quotes(cell.source.splitlines(), 0):
        if not quoted and _COMMAND_COMMENT.match(line):
            hint = "in Jupyter it would run: begin the comment with a capital letter, or say it in plain Python"
            where = cell.body_line + number - 1
            collector.add(
                "comment-is-command", "jupytext reads this comment as a command", path=path, line=where, hint=hint
            )


def _check_syntax(cell: Cell, path: Path, collector: Collector) -> None:
    try:
        ast.parse(cell.source)
    except SyntaxError as error:
        line = cell.body_line + (error.lineno or 1) - 1
        magic = cell.source.splitlines()[(error.lineno or 1) - 1].lstrip()[:1] in {"%", "!"}
        hint = "Jupyter's commands cannot stand in a source notebook" if magic else "correct the code"
        collector.add("syntax-error", f"this cell does not parse: {error.msg}", path=path, line=line, hint=hint)


def _key(kind: Kind, name: str | None, source: str, taken: dict[str, int]) -> str:
    """A notebook cell id that other cells do not influence, but for equal twins, which are numbered."""
    if name is None:
        stem = f"{kind.value}-{hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()[:12]}"
    else:
        slug = "all" if name == "*" else re.sub(r"[^a-z0-9]", "_", name.lower())
        stem = f"{kind.value}-{slug}"[:56]
    taken[stem] = taken.get(stem, 0) + 1
    return stem if taken[stem] == 1 else f"{stem}-{taken[stem]}"


def _files(
    folder: Path, assignment: Assignment | None, collector: Collector
) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """The given modules and data files, each in the homework's own folder or in common/."""
    if assignment is None:
        return (), ()
    common = folder.parent / "common"
    found: dict[str, list[Path]] = {"modules": [], "data": []}
    for key, names in (("modules", [f"{name}.py" for name in assignment.modules]), ("data", assignment.data)):
        for name in names:
            places = [folder / key / name, common / key / name, common / name]
            file = next((place for place in places if place.is_file()), None)
            if file is None:
                hint = f"put it at {collector.display(places[0])} or {collector.display(places[2])}"
                collector.add(f"missing-{key.rstrip('s')}", f"{name} is missing", path=folder / "assignment.toml",
                              line=line_of_key(folder / "assignment.toml", key), hint=hint)  # fmt: skip
            else:
                found[key].append(file)
    return tuple(found["modules"]), tuple(found["data"])


def line_of_key(path: Path, key: str) -> int | None:
    """Return the first line of a TOML file that gives the key `key` a value."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return next((number for number, line in enumerate(lines, 1) if re.match(rf"\s*{key}\s*=", line)), None)
