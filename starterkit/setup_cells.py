"""The cells around the homework's own: the first screen, what makes a notebook stand alone, and the hand-in."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from starterkit.firstpage import first_screen

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starterkit.model import Homework

Node = dict[str, Any]

EMBED_LIMIT = 512 * 1024  # bytes of a data file that still travels inside the notebook
SET_UP = """## Set-up

Run these cells once per session; there is nothing to change in them. **After Colab has disconnected, run them \
again**, then the cells above the one where you were: `NameError: name '…' is not defined` means nothing else.

Then work from top to bottom. Keep the names of functions and classes: they are what is graded, wherever in the \
notebook they stand."""
START = """#@title Start: where your files are kept
USE_DRIVE = False  #@param {type:"boolean"}
#@markdown Tick the box in Colab: then checkpoints and figures outlive the session.
from hwkit import check, start

start(drive=USE_DRIVE)"""


def markdown(key: str, source: str) -> Node:
    """Return a markdown cell."""
    return {"cell_type": "markdown", "id": key, "metadata": {}, "source": source}


def code(key: str, source: str, *, folded: bool = False) -> Node:
    """Return a code cell without outputs; a folded one shows in Colab as a form."""
    metadata = {"cellView": "form"} if folded else {}
    node: Node = {"cell_type": "code", "execution_count": None, "id": key, "metadata": metadata, "outputs": []}
    return {**node, "source": source}


def header(homework: Homework, release: int) -> Node:
    """Return the first cell."""
    return markdown("header", first_screen(homework, release))


def set_up(homework: Homework, modules: Mapping[str, str]) -> list[Node]:
    """Return the cells that write the given modules and data beside the notebook, and import what the checks need."""
    nodes = [markdown("setup", SET_UP)]
    for name, source in modules.items():
        title = f"#@title {name}.py (given)" if name != "hwkit" else "#@title hwkit.py: checks, figures, submission"
        body = source.rstrip("\n")
        nodes.append(code(f"setup-{slug(name)}", f"%%writefile {name}.py\n{title}\n{body}", folded=True))
    for path in homework.data:
        if path.stat().st_size <= EMBED_LIMIT:
            nodes.append(code(f"setup-{slug(path.name)}", _embedded(path.name, path.read_bytes()), folded=True))
    nodes.append(code("setup-start", START, folded=True))
    return nodes


def hand_in(homework: Homework) -> list[Node]:
    """Return the last cells: what to upload where, and the call that packs the submission."""
    name = homework.name
    lines = ["## Hand in", "", "Save the notebook, fill in your names and NetIDs, and run the cell below."]
    lines.append(f"Upload `{name}-submission.zip` to “{name} code” on Gradescope")
    if homework.figures:
        lines[-1] += f", and `figures.pdf` to “{name} figures”"
    if homework.written:
        lines[-1] += f"; the written part is a PDF of its own, for “{name} written”"
    lines[-1] += ". After each upload read what Gradescope answers, and add your team mate with *Group Members*."
    call = ["from hwkit import submit", "", "submit();"]
    if homework.figures:
        call = [
            "from hwkit import make_figures_pdf, submit",
            "",
            'names = []  # everybody who hands in together, as on Gradescope: ["First Last", "First Last"]',
            'netids = []  # in the same order: ["abc123", "abc124"]',
            "make_figures_pdf(names, netids)",
            "submit();",
        ]
    return [markdown("hand-in", "\n".join(lines)), code("hand-in-submit", "\n".join(call))]


def _embedded(name: str, data: bytes) -> str:
    """Return a cell that writes a data file; the text is cut into lines that an editor can bear."""
    encoded = base64.b64encode(data).decode()
    lines = "\n".join(encoded[start : start + 120] for start in range(0, len(encoded), 120))
    return (
        f"#@title {name} (given data)\nimport base64\nfrom pathlib import Path\n\n"
        f'Path("{name}").write_bytes(base64.b64decode("""\n{lines}\n"""));'
    )


def slug(name: str) -> str:
    """Return a name as part of a cell id: lower case, everything else a hyphen."""
    return "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in name.lower())
