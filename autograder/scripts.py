"""A notebook that was downloaded as a .py file (Colab, jupytext, nbconvert), split into its cells again."""

from __future__ import annotations

import re
from typing import NamedTuple

_CELL_MARKER = re.compile(r"#\s?%%(?:\s+(?P<rest>.*)|(?P<tag>\[.*))?$|# In\[[ \d*]*\]:\s*$")
_COLAB_MAGIC = "# Commented out IPython magic to ensure Python compatibility."
_COLAB_CELL_MAGIC = re.compile(r"# %%(time|timeit|capture|prun)\b")


class ScriptBlock(NamedTuple):
    """One cell of a script: `offset` lines of the file come before `source`."""

    kind: str
    source: str
    offset: int


def looks_like_python(text: str) -> bool:
    """Whether a text without a telling file name has at least one line that starts a Python definition or import."""
    return re.search(r"(?m)^(?:def \w+\(|class \w+.*:|import \w+|from \w[\w.]* import )", text) is not None


def split_script(text: str) -> list[ScriptBlock]:
    """The cells of a script: one per `# %%` or `# In[…]:` marker, or one for a file without markers."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    _uncomment_cell_magics(lines)
    starts = [index for index, line in enumerate(lines) if line.startswith("#") and _CELL_MARKER.match(line)]
    if not starts:
        return [ScriptBlock("code", "\n".join(lines), 0)]
    blocks = [ScriptBlock("code", "\n".join(lines[: starts[0]]), 0)] if starts[0] else []
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        blocks.append(_block(lines[start], lines[start + 1 : end], start + 1))
    return blocks


def _block(header: str, body: list[str], offset: int) -> ScriptBlock:
    match = _CELL_MARKER.match(header)
    title = (match.group("rest") or match.group("tag") or "") if match else ""
    if re.search(r"\[(markdown|md|raw)\]", title):
        return ScriptBlock("text", "\n".join(re.sub(r"^# ?", "", line) for line in body), offset)
    return ScriptBlock("code", "\n".join(body), offset)


def _uncomment_cell_magics(lines: list[str]) -> None:
    """Colab comments out a whole cell that starts with `%%time`: bring the code back, line for line."""
    for index, line in enumerate(lines[:-1]):
        if line.strip() != _COLAB_MAGIC or not _COLAB_CELL_MAGIC.match(lines[index + 1]):
            continue
        lines[index + 1] = ""
        row = index + 2
        while row < len(lines) and lines[row].startswith("#"):
            lines[row] = re.sub(r"^# ?", "", lines[row])
            row += 1
