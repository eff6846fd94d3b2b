"""Takes out of a notebook what no grader needs: who ran it, where, widget state, huge outputs."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

_KEPT_KEYS = ("accelerator", "kernelspec", "language_info")
_KEPT_CELL_KEYS = ("cellView", "nbgrader", "tags")
_DROPPED_TYPES = ("application/vnd.jupyter.widget-view+json", "application/vnd.google.colaboratory.intrinsic+json")
_MOST_TEXT = 20_000  # characters of one output
_MOST_PICTURE = 1_500_000  # base64 characters of one picture
_MOST_OUTPUTS = 8_000_000  # characters of all outputs
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64}){1,5}")  # bounded: outputs can be long
_HOMES = re.compile(r"(?:/home/|/Users/|[A-Za-z]:\\+Users\\+)[^/\\\s\"':]+")
_NAMES_GIVEN = re.compile(r"\b(names|netids)(\s*=\s*)(\[[^\]]*\]|\([^)]*\)|\"[^\"\n]*\"|'[^'\n]*')")
_NAMES_LINE = re.compile(r"\s*(?:names|netids)\b[\w, ]*=")
_HAND_IN = re.compile(r"\b(?:make_figures_pdf|submit)\s*\(")
_SHORTEST_NAME = 3


def scrub_notebook(notebook: dict[str, Any], people: Iterable[str] = ()) -> tuple[dict[str, Any], list[str]]:
    """Return a copy of a notebook (nbformat 4) without personal data and huge outputs, and what was done, in words.

    Code stays as it is, except for the cell that calls `make_figures_pdf(...)` or `submit(...)`, and for comments and
    lines `names = …` that hold a name in `people`. The names of those who ran cells in Colab count as `people`.
    """
    clean = copy.deepcopy(notebook)
    known = _pattern([*people, *_runners(notebook)])
    before = clean.get("metadata")
    clean["metadata"] = _notebook_metadata(before if isinstance(before, dict) else {})
    room = _MOST_OUTPUTS
    dropped = 0
    for cell in clean.get("cells", []):
        if not isinstance(cell, dict):
            continue
        metadata = cell.get("metadata")
        cell["metadata"] = _kept(metadata, _KEPT_CELL_KEYS)
        cell["source"] = _scrub_source(_joined(cell.get("source", "")), cell.get("cell_type") == "code", known)
        if isinstance(metadata, dict) and metadata.get("id") == "view-in-github":
            cell["source"] = ""  # a link to the student's own account; the cell stays, for the others are counted
        if cell.get("cell_type") == "code":
            cell["outputs"], used, lost = _scrub_outputs(cell.get("outputs"), room, known)
            room -= used
            dropped += lost
    notes = [f"{dropped} oversized or widget output{'s' if dropped > 1 else ''} left out"] if dropped else []
    return clean, notes


def _kept(metadata: Any, keys: Sequence[str]) -> dict[str, Any]:
    return {key: metadata[key] for key in keys if key in metadata} if isinstance(metadata, dict) else {}


def _notebook_metadata(metadata: dict[str, Any]) -> dict[str, Any]:
    kept = _kept(metadata, _KEPT_KEYS)
    colab = metadata.get("colab")
    if isinstance(colab, dict):
        kept["colab"] = {"provenance": []} | _kept(colab, ("gpuType",))
    return kept


def _runners(notebook: dict[str, Any]) -> list[str]:
    """Return the names and ids that Colab wrote into cells."""
    found = []
    for cell in notebook.get("cells", []):
        metadata = cell.get("metadata") if isinstance(cell, dict) else None
        info = metadata.get("executionInfo") if isinstance(metadata, dict) else None
        user = info.get("user") if isinstance(info, dict) else None
        if isinstance(user, dict):
            found += [str(user.get(key, "")) for key in ("displayName", "userId")]
    return found


def _pattern(people: Sequence[str]) -> re.Pattern[str] | None:
    names = sorted(
        {name.strip() for name in people if len(name.strip()) >= _SHORTEST_NAME}, key=lambda name: (-len(name), name)
    )
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, names))})(?!\w)", re.IGNORECASE) if names else None


def _joined(source: Any) -> str:
    return "".join(map(str, source)) if isinstance(source, list) else str(source)


def _scrub_source(source: str, is_code: bool, known: re.Pattern[str] | None) -> str:
    if source.startswith("%%writefile hwkit.py\n"):
        return source  # this text, given to everybody
    if is_code and _HAND_IN.search(source):
        source = _NAMES_GIVEN.sub(lambda m: f'{m[1]}{m[2]}["…"]', source)
        return known.sub("[name]", source) if known is not None else source
    if known is None or not known.search(source):
        return source
    if not is_code:
        return known.sub("[name]", source)
    return "\n".join(
        known.sub("[name]", line) if line.lstrip().startswith("#") or _NAMES_LINE.match(line) else line
        for line in source.split("\n")
    )


def _scrub_outputs(outputs: Any, room: int, known: re.Pattern[str] | None) -> tuple[list[Any], int, int]:
    """Return the outputs that stay, how many characters they hold, and how many were dropped."""
    kept: list[Any] = []
    used = dropped = 0
    for output in outputs if isinstance(outputs, list) else []:
        if not isinstance(output, dict):
            continue
        output.pop("metadata", None)
        if output.get("output_type") in ("display_data", "execute_result"):
            output["metadata"] = {}
        size, lost = _shrink(output, known)
        dropped += lost
        if used + size > room:
            dropped += 1
            continue
        if output.get("data", True):
            kept.append(output)
            used += size
    return kept, used, dropped


def _shrink(output: dict[str, Any], known: re.Pattern[str] | None) -> tuple[int, int]:
    """Scrub one output in place; return its size in characters and how many of its forms were dropped."""
    lost = 0
    if "text" in output:
        output["text"] = _plain_text(output["text"], known)
    if "traceback" in output:
        output["traceback"] = [_plain_text(line, known) for line in output["traceback"]]
        output["evalue"] = _plain_text(output.get("evalue", ""), known)
    data = output.get("data")
    if isinstance(data, dict):
        for kind in list(data):
            value = _joined(data[kind]) if isinstance(data[kind], (str, list)) else data[kind]
            too_big = len(str(value)) > (_MOST_PICTURE if kind.startswith("image/") else _MOST_TEXT * 5)
            if kind in _DROPPED_TYPES or too_big:
                del data[kind]
                lost += 1
            elif isinstance(value, str) and not kind.startswith("image/"):
                data[kind] = _plain_text(value, known)
    return len(str(output)), lost


def _plain_text(value: Any, known: re.Pattern[str] | None) -> str:
    """Return an output's text without names, e-mail addresses and home folders, cut to its cap."""
    text = _HOMES.sub("~", _EMAIL.sub("[e-mail]", _joined(value).replace(str(Path.home()), "~")))
    if known is not None:
        text = known.sub("[name]", text)
    return (
        text if len(text) <= _MOST_TEXT else f"{text[:_MOST_TEXT]}\n[{len(text) - _MOST_TEXT} more characters left out]"
    )
