"""The markdown that carries points: written questions, figures, mark schemes, and the problems' headings.

# %% [markdown] written="W2.1" points=3 pages=1          # %% [markdown] figure="F2.1" points=2
# Show that the KL divergence is not negative.           # Hand in the training curve.
#                                                        #
# ### BEGIN SOLUTION                                     # Caption: What happens after step 500?
# By Jensen, …                                           #
# ### END SOLUTION                                       # ### BEGIN MARK SCHEME
#                                                        # - (2) says that the KL term collapses
# ### BEGIN MARK SCHEME                                  # ### END MARK SCHEME
# - (2) applies Jensen's inequality to the logarithm,
#   in the right direction
# - (1) takes the expectation under $p$
# ### END MARK SCHEME
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from starterkit.code import Code
from starterkit.diagnostics import Collector, did_you_mean
from starterkit.markers import SCHEME, SOLUTION, Region, regions, without
from starterkit.model import Artefact, Cell, Figure, Kind, MarkItem, Problem, Written

_ITEM = re.compile(r"-\s+\((\d*\.?\d+)\)\s+(\S.*)$")
_CAPTION = re.compile(r"[*_]{0,2}Caption:?[*_]{0,2}:?\s+", re.IGNORECASE)
PICKLES = (".pkl", ".pickle", ".pt", ".pth", ".joblib", ".npy.pkl")


@dataclass(frozen=True)
class Prose:
    """Reads markdown cells of one file."""

    path: Path
    collector: Collector

    def add(self, code: str, message: str, line: int, hint: str) -> None:
        """Report one mistake."""
        self.collector.add(code, message, path=self.path, line=line, hint=hint)

    def problem(self, cell: Cell) -> Problem:
        """Return the problem that a heading cell opens; its title goes without "Problem 2.1"."""
        first = next((line for line in cell.source.splitlines() if line.strip()), "")
        heading = re.match(r"#{1,6}\s+(.*\S)", first)
        if not heading:
            hint = f"start it with `# ## Problem {cell.id}: …`"
            self.add(
                "problem-without-heading", f"problem {cell.id} does not start with a heading", cell.body_line, hint
            )
        title = heading[1] if heading else str(cell.id)
        title = re.sub(rf"^Problem\s+{re.escape(str(cell.id))}\s*[:.–—-]?\s*", "", title) or title
        minutes = cell.options.get("minutes")
        return Problem(
            id=str(cell.id), title=title, line=cell.line, minutes=minutes if isinstance(minutes, int) else None
        )

    def written(self, cell: Cell, problem: str | None) -> Written:
        """Return a written question: prompt, solution, mark scheme."""
        self._one_region(cell, SOLUTION, "the model answer")
        prompt = self._prompt(cell)
        return Written(
            id=str(cell.id), problem=problem, points=_points(cell), pages=int(cell.options.get("pages", 1)),
            prompt=prompt, solution=_inside(cell, SOLUTION), mark_scheme=self._scheme(cell), line=cell.line,
        )  # fmt: skip

    def figure(self, cell: Cell, problem: str | None, calls: Sequence[SaveFig]) -> Figure:
        """Return a figure: what to hand in, the caption, the mark scheme, and the alt text of its `savefig` call."""
        prompt, caption = _split_caption(self._prompt(cell))
        if not caption:
            hint = "add a line `# Caption: what students say in one or two sentences`"
            self.add("figure-without-caption", f"figure {cell.id} has no caption", cell.line, hint)
        mine = [call for call in calls if call.figure == cell.id]
        if not mine:
            hint = f'call savefig("{cell.id}", fig, alt="…", answer="…") in an experiment cell'
            self.add("figure-without-savefig", f"nothing saves figure {cell.id}", cell.line, hint)
        for again in mine[1:]:
            hint = f"line {mine[0].line} saves it already: keep one call"
            self.add("repeated-savefig", f"figure {cell.id} is saved twice", again.line, hint)
        return Figure(
            id=str(cell.id), problem=problem, points=_points(cell), prompt=prompt, caption=caption,
            alt=mine[0].alt if mine else "", mark_scheme=self._scheme(cell), line=cell.line,
            savefig_line=mine[0].line if mine else cell.line,
        )  # fmt: skip

    def artefact(self, cell: Cell) -> Artefact:
        """Return an optional hand-in file."""
        file = str(cell.options.get("file", ""))
        if "/" in file or "\\" in file or file.startswith("."):
            self.add(
                "bad-value", f'`file="{file}"` is not a plain name', cell.line, 'write a pattern such as file="*.npz"'
            )
        if file.lower().endswith(PICKLES):
            hint = 'save plain arrays: file="*.npz"'
            self.add("pickled-artefact", f'`file="{file}"`: pickled files are never opened', cell.line, hint)
        size = float(cell.options.get("max_mb", 5))
        return Artefact(id=str(cell.id), file=file, max_mb=size, source=cell.source, line=cell.line)

    def _prompt(self, cell: Cell) -> str:
        prompt = without(without(cell.source, SOLUTION), SCHEME).strip()
        if not prompt:
            self.add("empty-prompt", f"{cell.id} asks nothing", cell.line, "write the question above the first marker")
        return prompt

    def _one_region(self, cell: Cell, name: str, what: str) -> Region | None:
        found = regions(cell.source, name)
        if not found:
            hint = f"add {what} between `# ### BEGIN {name}` and `# ### END {name}`"
            self.add("missing-" + name.lower().replace(" ", "-"), f"{cell.id} has no {name.lower()}", cell.line, hint)
            return None
        for again in found[1:]:
            line = cell.body_line + again.begin - 1
            self.add("repeated-region", f"{cell.id} has a second {name.lower()}", line, "join the two regions")
        return found[0]

    def _scheme(self, cell: Cell) -> tuple[MarkItem, ...]:
        region = self._one_region(cell, SCHEME, "items such as `- (2) what earns the points`")
        if region is None:
            return ()
        items = self._items(cell, region)
        total, points = sum(item.points for item in items), _points(cell)
        if "points" in cell.options and abs(total - points) > 1e-9:
            hint = f"change the items, or write points={total:g} in the header"
            message = f"the mark scheme of {cell.id} adds up to {total:g}, its header says {points:g}"
            self.add("mark-scheme-sum", message, cell.body_line + region.begin - 1, hint)
        return tuple(items)

    def _items(self, cell: Cell, region: Region) -> list[MarkItem]:
        items: list[MarkItem] = []
        for number, line in enumerate(cell.source.splitlines(), 1):
            if not region.holds(number) or not line.strip():
                continue
            found = _ITEM.match(line)
            if found and float(found[1]) > 0:
                items.append(MarkItem(points=float(found[1]), text=found[2].strip()))
            elif items and line.startswith(" "):
                items[-1] = MarkItem(points=items[-1].points, text=f"{items[-1].text} {line.strip()}")
            else:
                hint = "write `- (2) what earns the points`; further lines of an item are indented"
                self.add("bad-mark-item", "not an item of a mark scheme", cell.body_line + number - 1, hint)
        return items


@dataclass(frozen=True)
class SaveFig:
    """One call of `savefig`."""

    figure: str
    alt: str
    line: int


def savefig_calls(codes: Sequence[Code], figures: Sequence[str]) -> list[SaveFig]:
    """Return the `savefig("F2.1", …)` calls of the homework; misplaced, incomplete and unknown ones are reported."""
    calls = []
    for code in codes:
        for node in ast.walk(code.tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {"savefig", "hwkit.savefig"}:
                call = _savefig(code, node, figures)
                calls += [call] if call else []
    return sorted(calls, key=lambda call: call.line)


def _savefig(code: Code, node: ast.Call, figures: Sequence[str]) -> SaveFig | None:
    first = node.args[0] if node.args else None
    if not isinstance(first, ast.Constant) or not isinstance(first.value, str):
        hint = 'write the figure\'s number first: savefig("F2.1", fig, alt="…", answer="…")'
        code.add("bad-savefig", "savefig needs a figure's number, as plain text", node.lineno, hint)
        return None
    if first.value not in figures:
        near = did_you_mean(first.value, figures)
        hint = f'did you mean "{near}"?' if near else f'add a cell `# %% [markdown] figure="{first.value}" points=…`'
        code.add("unknown-figure", f'there is no figure "{first.value}"', node.lineno, hint)
    if code.cell.kind not in {Kind.EXPERIMENT, Kind.ARTEFACT}:
        hint = "move the plot to an experiment cell: the grader runs given code, and never plots"
        code.add("savefig-outside-experiment", f"savefig in a {code.cell.kind.value} cell", node.lineno, hint)
    if any(region.holds(node.lineno - code.cell.body_line + 1) for region in regions(code.cell.source, SOLUTION)):
        hint = "put the call below `### END SOLUTION`: students need it to hand the figure in"
        code.add("savefig-in-solution", "savefig inside a solution region", node.lineno, hint)
    words = {word.arg: word.value for word in node.keywords}
    alt = words.get("alt")
    if alt is None or (isinstance(alt, ast.Constant) and not str(alt.value or "").strip()):
        hint = 'add alt="what the figure shows, in one sentence"'
        code.add("figure-without-alt", f'savefig("{first.value}") has no alt text', node.lineno, hint)
    text = str(alt.value) if isinstance(alt, ast.Constant) else ast.unparse(alt) if alt else ""
    return SaveFig(first.value, text, node.lineno)


def _points(cell: Cell) -> float:
    return float(cell.options.get("points", 0))


def _inside(cell: Cell, name: str) -> str:
    found = regions(cell.source, name)
    return "\n".join(cell.source.splitlines()[found[0].begin : found[0].end - 1]).strip() if found else ""


def _split_caption(text: str) -> tuple[str, str]:
    """The prompt, and the paragraph that starts with `Caption:` (without that word)."""
    paragraphs = re.split(r"\n\s*\n", text)
    captions = [paragraph for paragraph in paragraphs if _CAPTION.match(paragraph)]
    rest = [paragraph for paragraph in paragraphs if paragraph not in captions]
    caption = " ".join(_CAPTION.sub("", captions[0], count=1).split()) if captions else ""
    return "\n\n".join(rest).strip(), caption
