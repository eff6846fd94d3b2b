"""The hand-in: shows what Gradescope will read, then writes hwN-submission.zip without personal data."""

from __future__ import annotations

import json
import os
import platform
import time
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from autograder.extract import extract

from .check import checked
from .data import KIT
from .locate import DOWNLOAD, FoundNotebook, find_notebook, newer_than_saved
from .pages import make_figures_pdf, missing_figures, named_people
from .scrub import scrub_notebook
from .session import KitError, disk_trouble, in_colab, say, storage, warn

_WARN_BYTES = 10_000_000


def submit(
    names: Sequence[str] | str = (),
    netids: Sequence[str] | str = (),
    *,
    notebook: str | os.PathLike[str] | None = None,
    download: bool = True,
) -> None:
    """Write hwN-submission.zip, and say what it holds and what is missing.

    The functions are found by the grader's own code, so what is listed here is what will be graded. `names` and
    `netids` go onto the title page of figures.pdf (made again when they are given) and never into the zip. `notebook`
    names the file when the open one is not found. A notebook from Colab's own download is a valid submission as well.

    Raises
    ------
    KitError
        When there is no notebook, or none of this homework's functions is in it, or the disk is full.
    """
    found = find_notebook(notebook)
    people = [*_as_list(names), *_as_list(netids), *named_people()]
    data, notes = _cleaned(found, people)
    result = extract(found.name, data, KIT["extraction"])
    if result["error"]:
        raise KitError(f"{found.name} cannot be graded: {result['error']}")
    if not result["found"]:
        raise KitError(
            f"{found.name} defines none of the functions of {KIT['homework']}. Is it the right notebook? Name "
            "another one: "
            'submit(notebook="NAME.ipynb")'
        )
    say(f"What Gradescope will read, from {found.origin}:")
    _report_questions(result)
    _report_stale(data)
    if _as_list(names):
        make_figures_pdf(names, netids)
    absent = missing_figures()
    if absent:
        warn(
            f"figures not stored yet: {', '.join(absent)}. Run the cells that call savefig, then make_figures_pdf(...)."
        )
    extras = _artefacts()
    name = f"{KIT['homework']}{Path(found.name).suffix or '.ipynb'}"
    path = _write_zip(name, data, _manifest(name, result, absent, extras), extras)
    for note in notes:
        say(f"  ({note})")
    _say_next(path)
    if download and in_colab():
        _download([path, Path("figures.pdf")])


def _as_list(value: Sequence[str] | str) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _cleaned(found: FoundNotebook, people: Sequence[str]) -> tuple[bytes, list[str]]:
    """Return the notebook's bytes without personal data; what is no JSON stays as it is: the extraction explains it."""
    try:
        notebook = json.loads(found.data.decode("utf-8-sig"))
    except ValueError:
        return found.data, []
    if not isinstance(notebook, dict) or not isinstance(notebook.get("cells"), list):
        return found.data, []
    clean, notes = scrub_notebook(notebook, people)
    data = (json.dumps(clean, ensure_ascii=False, indent=1) + "\n").encode("utf-8", "replace")
    if len(data) > _WARN_BYTES:
        warn(f"the notebook holds {len(data) / 1e6:.0f} MB: Edit > Clear all outputs makes it small again")
    return data, notes


def _report_questions(result: Mapping[str, Any]) -> None:
    unavailable = result.get("unavailable", {})
    width = max((len(name) for entry in KIT["questions"] for name in entry["names"]), default=0)
    for entry in KIT["questions"]:
        for name in entry["names"]:
            place = result["found"].get(name)
            if place is None:
                state = result["missing"].get(name, "not found")
            elif place.get("stub"):
                state = f"not attempted (cell {place['cell']} still raises NotImplementedError)"
            else:
                state = f"cell {place['cell']}; {checked(entry['id'])}"
            good = place is not None and not place.get("stub")
            say(f"  {'✓' if good else '✗'} {entry['id']:<6} {name:<{width}}  {state}")
        for package in unavailable.get(entry["id"], []):
            warn(f"{entry['id']} imports {package}, which Gradescope does not have: write this function without it")
    for notice in result.get("notices", []):
        warn(str(notice))


def _report_stale(data: bytes) -> None:
    """Warn about functions that were run in a newer version than the file holds."""
    try:
        cells = json.loads(data)["cells"]
    except (ValueError, KeyError, TypeError):
        return
    stale = newer_than_saved([cell["source"] for cell in cells if cell.get("cell_type") == "code"])
    if stale:
        warn(
            f"you ran a version of {', '.join(stale)} that is not in the file. Save the notebook (Ctrl+S), wait for "
            '"All changes saved", and call submit() again.'
        )


def _artefacts() -> list[Path]:
    """Return the optional files to hand in that are there and small enough, and say what became of the others."""
    chosen = []
    for entry in KIT["artefacts"]:
        matches = sorted(
            {*Path().glob(entry["file"]), *storage().glob(entry["file"])}, key=lambda path: path.stat().st_mtime
        )
        if not matches:
            say(f"  (no file {entry['file']}: the optional hand-in {entry['id']} is left out)")
        elif matches[-1].stat().st_size > entry["max_mb"] * 1_000_000:
            warn(
                f"{matches[-1].name} is larger than {entry['max_mb']:g} MB and is left out: store fewer samples, or "
                "as uint8"
            )
        else:
            chosen.append(matches[-1])
    return chosen


def _manifest(name: str, result: Mapping[str, Any], absent: Sequence[str], extras: Sequence[Path]) -> dict[str, Any]:
    """Return what staff may want to know about where a submission comes from; nothing personal."""
    places: Mapping[str, Mapping[str, Any]] = result["found"]
    return {
        "schema": 1,
        "homework": KIT["homework"],
        "release": KIT["release"],
        "notebook": name,
        "digest": result["digest"],
        "found": sorted(key for key, place in places.items() if not place.get("stub")),
        "not_attempted": sorted(key for key, place in places.items() if place.get("stub")),
        "missing": sorted(result["missing"]),
        "checks": {entry["id"]: checked(entry["id"]) for entry in KIT["questions"]},
        "figures_missing": list(absent),
        "files": [path.name for path in extras],
        "versions": {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__},
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
        "where": "Colab" if in_colab() else "local",
        "written": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def _write_zip(name: str, data: bytes, manifest: Mapping[str, Any], extras: Sequence[Path]) -> Path:
    path = Path(f"{KIT['homework']}-submission.zip")
    temporary = path.with_name(path.name + ".tmp")
    try:
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(name, data)
            archive.writestr("manifest.json", json.dumps(manifest, indent=1, sort_keys=True) + "\n")
            for extra in extras:
                archive.write(extra, extra.name)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise KitError(
            f"could not write {path}: {disk_trouble(error)}. Or use {DOWNLOAD}: that file can be handed in too"
        ) from None
    return path


def _say_next(path: Path) -> None:
    homework = KIT["homework"]
    say(f"✓ {path} ({path.stat().st_size / 1000:.0f} kB). On Gradescope upload")
    say(f"  {path.name} to “{homework} code”")
    if KIT["figures"]:
        there = "" if Path("figures.pdf").is_file() else " (make it first: make_figures_pdf(names=[…], netids=[…]))"
        say(f"  figures.pdf to “{homework} figures”{there}")
    say("and read the first lines of its answer: they must list the same functions as above.")


def _download(paths: Sequence[Path]) -> None:
    try:
        from google.colab import files  # type: ignore[import-not-found]

        for path in paths:
            if path.is_file():
                files.download(str(path))
    except Exception:  # noqa: BLE001 - whatever the browser or an editor refuses, the file is there
        warn(f"the download did not start. Open the folder icon on the left, right-click {paths[0].name}, Download.")
