"""A submitted file as a list of cells, whatever state it is in; and the hash by which cells are compared."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from autograder.scripts import ScriptBlock, looks_like_python, split_script

MAX_NOTEBOOK_BYTES = 50_000_000
WARN_NOTEBOOK_BYTES = 10_000_000
DOWNLOAD_HINT = "in Colab use File > Download > Download .ipynb, and upload that file"
_AGAIN = "download it again and check that it opens"

_SIGNATURES = (
    (b"PK\x03\x04", f"This is a zip or Office file under another name, not a notebook: {DOWNLOAD_HINT}."),
    (b"%PDF", f"This is a PDF, not a notebook: {DOWNLOAD_HINT}."),
    (b"{\\rtf", f"This is a rich-text document, not a notebook: {DOWNLOAD_HINT}."),
    (b"\x89PNG", f"This is an image, not a notebook: {DOWNLOAD_HINT}."),
    (b"\xff\xd8\xff", f"This is an image, not a notebook: {DOWNLOAD_HINT}."),
    (b"\x1f\x8b", f"This is a compressed file, not a notebook: {DOWNLOAD_HINT}."),
)
_CONFLICT = re.compile(r"^(<{7}|>{7})(?: .*)?$", re.MULTILINE)
_SHORTCUT_KEYS = {"url", "doc_id", "resource_id", "resource_key", "shortcutDetails", "mimeType"}
_FORM_FIELD = re.compile(r"#\s*@param\b")
_ZERO_WIDTH = re.compile("[\u200b\u200c\u200d\u2060\ufeff]")
_HARD_SPACE = re.compile("[\u00a0\u202f]")


class UnreadableNotebookError(Exception):
    """The file is not a notebook. `str()` is one sentence a student can act on."""


@dataclass(frozen=True)
class NotebookCell:
    """One cell. `number` counts all cells from 1; `kind` is "code" or "text"; `offset` is the number of lines before
    `source` in a script (0 in a notebook); `label` is the file name under which its code is compiled.
    """

    number: int
    kind: str
    source: str
    label: str
    offset: int = 0

    @property
    def is_script(self) -> bool:
        """Whether the cell is a part of a .py file, where line numbers count from the top of the file."""
        return not self.label.startswith("cell ")

    @cached_property
    def hash(self) -> str:
        """The `cell_hash` of the source."""
        return cell_hash(self.source)

    def line(self, line_in_source: int) -> int:
        """The line number a reader of the submitted file would give to a line of `source` (both 1-based)."""
        return self.offset + line_in_source

    def where(self, line_in_source: int | None = None) -> str:
        """`cell 7`, `cell 7, line 3`, or `line 120 of hw2.py`."""
        if self.is_script:
            return f"line {self.line(line_in_source or 1)} of {self.label}"
        return self.label if line_in_source is None else f"{self.label}, line {line_in_source}"


def read_cells(filename: str, data: bytes) -> list[NotebookCell]:
    """The cells of a notebook (nbformat 3 or 4) or of a script downloaded from one, in order.

    Raises UnreadableNotebookError, with a sentence for the student, for everything else.
    """
    text = _decode(data)
    head = text.lstrip()[:200].lower()
    conflict = _CONFLICT.search(text)
    if head.startswith("<") and not head.startswith("<<<<<<<"):
        raise UnreadableNotebookError(f"This is a web page, not a notebook: {DOWNLOAD_HINT}.")
    if head.startswith("{") or (conflict and '"cells"' in text):
        return _notebook_cells(_load_json(text, conflict))
    if head.startswith("["):
        raise UnreadableNotebookError(f"This is a JSON file, but not a notebook: {DOWNLOAD_HINT}.")
    if not (filename.lower().endswith(".py") or looks_like_python(text)):
        raise UnreadableNotebookError(f"This is a text file, not a notebook: {DOWNLOAD_HINT}.")
    label = script_label(filename)
    return [_script_cell(number, block, label) for number, block in enumerate(split_script(text), 1)]


def normal_form(source: str) -> str:
    """`source` without what editors change by themselves: line endings, trailing blanks, invisible characters, blank
    lines at both ends, and the lines that a Colab form rewrites (`#@param`).
    """
    lines = visible(tidy(source)).split("\n")
    if "@param" in source:
        lines = [line for line in lines if not _FORM_FIELD.search(line)]
    return "\n".join([line.rstrip() for line in lines]).strip("\n")


def cell_hash(source: str) -> str:
    """The sha256, in hex, of the normal form of one cell's source."""
    return hashlib.sha256(normal_form(source).encode()).hexdigest()


def digest_cells(cells: list[NotebookCell]) -> str:
    """The sha256, in hex, over the code cells' sources: unchanged when Colab or Jupyter saves the notebook again."""
    hashes = [cell.hash for cell in cells if cell.kind == "code" and cell.source.strip()]
    return hashlib.sha256("\n".join(hashes).encode()).hexdigest()


def tidy(text: str) -> str:
    """`text` with plain line ends, no NUL characters and no lone surrogates, so that it can be parsed and encoded."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def visible(text: str) -> str:
    """`text` without zero-width characters and with plain spaces for the non-breaking ones."""
    return text if text.isascii() else _HARD_SPACE.sub(" ", _ZERO_WIDTH.sub("", text))


def script_label(filename: str) -> str:
    """A short printable name for a submitted script; never one that looks like a cell's label."""
    base = re.split(r"[/\\]", filename)[-1]
    base = re.sub(r"[^\w.() -]", "_", base)[:80] or "submission.py"
    return f"{base}.py" if base.startswith("cell ") and not base.endswith(".py") else base


def _decode(data: bytes) -> str:
    if len(data) > MAX_NOTEBOOK_BYTES:
        raise UnreadableNotebookError(
            "The notebook is larger than 50 MB: use Edit > Clear all outputs, save, and upload it again."
        )
    for signature, sentence in _SIGNATURES:
        if data.startswith(signature):
            raise UnreadableNotebookError(sentence)
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    text = data.decode(encoding, "replace").replace("\x00", "").lstrip("\ufeff")
    if not text.strip():
        raise UnreadableNotebookError(f"The file is empty: save the notebook, then {DOWNLOAD_HINT}.")
    return text


def _load_json(text: str, conflict: re.Match[str] | None) -> Any:
    try:
        return json.JSONDecoder(strict=False).raw_decode(text.lstrip())[0]
    except json.JSONDecodeError as error:
        if conflict:
            line = text.count("\n", 0, conflict.start()) + 1
            raise UnreadableNotebookError(
                f"The notebook holds merge conflict markers ({conflict.group(1)} at line {line}): resolve the "
                "conflict in git, open the notebook to check it, and upload it again."
            ) from None
        if error.pos >= len(text.strip()) - 2 or error.msg.startswith("Unterminated"):
            raise UnreadableNotebookError(
                f"The notebook is cut off (its JSON ends at line {error.lineno}): {_AGAIN}."
            ) from None
        raise UnreadableNotebookError(
            f"The notebook is damaged (invalid JSON at line {error.lineno}: {error.msg}): {_AGAIN}."
        ) from None
    except (RecursionError, MemoryError):
        raise UnreadableNotebookError(
            "The notebook is damaged (its JSON is nested too deeply): download it again."
        ) from None
    except ValueError as error:
        raise UnreadableNotebookError(f"The notebook is damaged ({str(error)[:80]}): download it again.") from None


def _notebook_cells(notebook: Any) -> list[NotebookCell]:
    raw = notebook.get("cells") if isinstance(notebook, dict) else None
    if raw is None and isinstance(notebook, dict) and isinstance(notebook.get("worksheets"), list):  # nbformat 3
        sheets = [sheet.get("cells") for sheet in notebook["worksheets"] if isinstance(sheet, dict)]
        raw = [cell for cells in sheets if isinstance(cells, list) for cell in cells]
    if not isinstance(raw, list):
        if isinstance(notebook, dict) and _SHORTCUT_KEYS & notebook.keys():
            raise UnreadableNotebookError(
                f"This is a shortcut to a file in Google Drive, not the notebook itself: open it, then {DOWNLOAD_HINT}."
            )
        raise UnreadableNotebookError(f"This is a JSON file, but not a notebook (it has no cells): {DOWNLOAD_HINT}.")
    return [_notebook_cell(number, cell) for number, cell in enumerate(raw, 1)]


def _notebook_cell(number: int, cell: Any) -> NotebookCell:
    if not isinstance(cell, dict):
        return NotebookCell(number, "text", "", f"cell {number}")
    source = cell.get("source", cell.get("input", ""))
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    kind = "code" if cell.get("cell_type", "code") == "code" else "text"
    return NotebookCell(number, kind, tidy(source) if isinstance(source, str) else "", f"cell {number}")


def _script_cell(number: int, block: ScriptBlock, label: str) -> NotebookCell:
    return NotebookCell(number, block.kind, block.source, label, block.offset)
