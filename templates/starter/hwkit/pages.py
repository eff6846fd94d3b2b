"""figures.pdf: a title page, then one page per figure in the order of the rubric, whether it is there or not."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .data import KIT
from .figures import figures_folder, is_blank
from .session import KitError, disk_trouble, say, warn
from .wrapping import wrapped

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAGE = (8.5, 11.0)  # Letter, in inches
_MARGIN = 0.9
_WIDTH = PAGE[0] - 2 * _MARGIN
_PICTURE = 5.0  # inches of height for the figure
_SIZES = (11.0, 10.0, 9.0, 8.0, 7.0)  # an answer is set smaller until it fits its page
_LEADING = 1.35
_OTHER_SCRIPTS = ("Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans SC", "PingFang SC", "Microsoft YaHei",
                  "WenQuanYi Micro Hei", "Arial Unicode MS", "Noto Sans Devanagari", "Noto Sans Arabic")  # fmt: skip

_people_named: set[str] = set()


@dataclass(frozen=True)
class _Item:
    """One declared figure and what was stored for it; `png` is None for a missing one."""

    id: str
    title: str
    caption: str
    points: float
    png: Path | None
    alt: str
    answer: str


def make_figures_pdf(
    names: Sequence[str] | str = (),
    netids: Sequence[str] | str = (),
    *,
    answers: Mapping[str, str] | None = None,
    path: str = "figures.pdf",
) -> None:
    """Write figures.pdf from what `savefig` stored.

    The number of pages is always one more than the number of declared figures, so each figure has its page on
    Gradescope. A missing figure gets a placeholder page and a warning. `answers` replaces those given to `savefig`.

    Raises
    ------
    KitError
        When names and NetIDs do not match, for an unknown figure in `answers`, and on a full disk.
    """
    people = _people(names, netids)
    _people_named.update(part.strip() for person in people for part in person)
    items = [_item(entry, answers or {}) for entry in KIT["figures"]]
    unknown = sorted(set(answers or {}) - {item.id for item in items})
    if unknown:
        raise KitError(f"answers= names {unknown[0]!r}, which is no figure of this homework")
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            shortened = _write(Path(path), people, items)
    except OSError as error:
        raise KitError(f"could not write {path}: {disk_trouble(error)}") from None
    if any("Glyph" in str(warning.message) for warning in caught):
        warn(
            "some characters have no font in this session and show as boxes: write names in Latin letters as on "
            "Gradescope"
        )
    _report_pages(path, items, shortened)


def named_people() -> list[str]:
    """Return the names and NetIDs that a title page was made for in this session."""
    return sorted(_people_named - {""})


def missing_figures() -> list[str]:
    """Return the ids of the declared figures that `savefig` has not stored."""
    return [entry["id"] for entry in KIT["figures"] if _item(entry, {}).png is None]


def _people(names: Sequence[str] | str, netids: Sequence[str] | str) -> list[tuple[str, str]]:
    names = [names] if isinstance(names, str) else list(names)
    netids = [netids] if isinstance(netids, str) else list(netids)
    if netids and len(names) != len(netids):
        raise KitError(f"{len(names)} names and {len(netids)} NetIDs: give one NetID for each name, in the same order")
    if all(is_blank(name) for name in names):
        warn('the title page has no names: make_figures_pdf(names=["First Last"], netids=["abc123"])')
    if len(names) > KIT.get("team_size", len(names)):
        warn(f"{len(names)} names, but teams have at most {KIT['team_size']}")
    return list(zip(names, netids or [""] * len(names), strict=True))


def _item(entry: Mapping[str, Any], answers: Mapping[str, str]) -> _Item:
    png = figures_folder() / f"{entry['id']}.png"
    try:
        note = json.loads(png.with_suffix(".json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        note = {}
    return _Item(
        id=entry["id"],
        title=entry.get("title", ""),
        caption=entry.get("caption", ""),
        points=entry.get("points", 0),
        png=png if png.is_file() else None,
        alt=str(note.get("alt", "")),
        answer=str(answers.get(entry["id"], note.get("answer", ""))),
    )


def _report_pages(path: str, items: Sequence[_Item], shortened: Sequence[str]) -> None:
    for item in items:
        if item.png is None:
            warn(
                f"{item.id} is missing: its page says so. Run the cell that calls savefig({item.id!r}, …), then this "
                "one again."
            )
        elif is_blank(item.answer):
            warn(f'{item.id} has no answer: savefig({item.id!r}, fig, alt=…, answer="…")')
    for figure_id in shortened:
        warn(f"{figure_id}: the answer is too long for its page and was cut; shorten it to about 3000 characters")
    say(f"✓ {path}: {len(items) + 1} pages, {sum(item.png is not None for item in items)} of {len(items)} figures")


def _write(path: Path, people: Sequence[tuple[str, str]], items: Sequence[_Item]) -> list[str]:
    """Draw all pages; return the ids of the figures whose answer did not fit."""
    import matplotlib as mpl
    from matplotlib import font_manager
    from matplotlib.backends.backend_pdf import PdfPages

    installed = set(font_manager.get_font_names())
    family = ["DejaVu Sans", *(name for name in _OTHER_SCRIPTS if name in installed)]
    style: Any = {"pdf.fonttype": 42, "font.family": family}
    about = {"Title": f"{KIT['homework'].upper()} figures", "Creator": "hwkit", "Producer": None, "CreationDate": None}
    temporary = path.with_name(path.name + ".tmp")
    shortened = []
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(style)
        try:
            with PdfPages(temporary, metadata=about) as pdf:
                pdf.savefig(_title_page(people, items))
                for number, item in enumerate(items, 2):
                    page = _Page(f"{item.id} · page {number}/{len(items) + 1} · {KIT['homework']}")
                    if not _figure_page(page, item):
                        shortened.append(item.id)
                    pdf.savefig(page.figure)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    return shortened


class _Page:
    """A Letter page that is filled from the top; `y` is the distance from the top in inches."""

    def __init__(self, footer: str) -> None:
        from matplotlib.figure import Figure

        self.figure: Figure = Figure(figsize=PAGE)
        self.y = _MARGIN
        self.figure.text(0.5, 0.5 / PAGE[1], footer, ha="center", fontsize=9, color="0.25", parse_math=False)

    def text(self, text: str, size: float, *, after: float = 0.1, x: float = 0.0, **style: Any) -> None:
        """Set wrapped text; what follows starts `after` inches below it."""
        for line in wrapped(text, size, _WIDTH - x, weight=style.get("fontweight", "normal")):
            self._line(line, size, x, style)
            self.y += size * _LEADING / 72
        self.y += after

    def cells(self, columns: Sequence[tuple[float, str]], size: float, **style: Any) -> None:
        """Set one row of a table; each entry starts `x` inches from the left margin."""
        for x, text in columns:
            self._line(text, size, x, style)
        self.y += size * _LEADING / 72 + 0.04

    def _line(self, text: str, size: float, x: float, style: Mapping[str, Any]) -> None:
        left, top = (_MARGIN + x) / PAGE[0], 1 - self.y / PAGE[1]
        self.figure.text(left, top, text, fontsize=size, va="top", parse_math=False, **style)

    def picture(self, png: Path) -> None:
        """Place a picture in its box, as large as fits, at the left margin's width."""
        from matplotlib.image import imread

        pixels = imread(png)
        height, width = pixels.shape[:2]
        scale = min(_WIDTH / width, _PICTURE / height)
        w, h = width * scale, height * scale
        box = ((PAGE[0] - w) / 2 / PAGE[0], 1 - (self.y + h) / PAGE[1], w / PAGE[0], h / PAGE[1])
        axes = self.figure.add_axes(box)
        axes.imshow(pixels, aspect="auto", interpolation="none")
        axes.set_axis_off()
        self.y += h + 0.2

    def placeholder(self, text: str) -> None:
        """Draw the box of a figure that is not there."""
        from matplotlib.patches import Rectangle

        box = (_MARGIN / PAGE[0], 1 - (self.y + 2.2) / PAGE[1])
        frame = Rectangle(box, _WIDTH / PAGE[0], 2.2 / PAGE[1], fill=False, edgecolor="#B00020", linestyle="--")
        self.figure.add_artist(frame)
        self.figure.text(
            0.5, 1 - (self.y + 1.1) / PAGE[1], text, ha="center", va="center", fontsize=13, color="#B00020"
        )
        self.y += 2.4

    def room(self) -> float:
        """Return the inches that are left above the footer."""
        return PAGE[1] - self.y - 0.9


def _title_page(people: Sequence[tuple[str, str]], items: Sequence[_Item]) -> Figure:
    page = _Page(f"figures · page 1/{len(items) + 1} · {KIT['homework']}")
    page.text(f"{KIT['course']}  {KIT['term']}".strip(), 12, color="0.25", after=0.25)
    page.text(f"{KIT['homework'].upper()}: {KIT['title']}", 20, fontweight="bold", after=0.1)
    page.text("Figures and answers", 15, after=0.4)
    for name, netid in people or [("", "")]:
        page.cells([(0.0, name.strip() or "Name: __________________"), (3.6, netid.strip() or "NetID: __________")], 13)
    page.y += 0.4
    columns = (0.0, 0.7, 4.4, 5.2, 5.8)
    page.cells(list(zip(columns, ("", "Figure", "Points", "Page", ""), strict=True)), 10, fontweight="bold")
    for number, item in enumerate(items, 2):
        title = wrapped(item.title, 10, columns[2] - columns[1] - 0.15)
        short = title[0] + (" …" if len(title) > 1 else "") if title else ""
        state = "missing" if item.png is None else "no answer" if is_blank(item.answer) else "given"
        colour = "black" if state == "given" else "#B00020"
        page.cells(
            list(zip(columns, (item.id, short, f"{item.points:g}", str(number), state), strict=True)), 10, color=colour
        )
    page.y += 0.3
    page.text(
        f"Made by hwkit, release {KIT['release']}. Each figure keeps its page, whether it is given or not.",
        9,
        color="0.25",
    )
    return page.figure


def _figure_page(page: _Page, item: _Item) -> bool:
    """Fill one figure's page; return whether the answer fits on it."""
    points = f"({item.points:g} point{'' if item.points == 1 else 's'})"
    page.text(f"{item.id}  {points}", 14, fontweight="bold", after=0.06)
    page.text(item.title, 11, fontweight="bold", after=0.12)
    if item.caption and item.caption.strip(". ") != item.title.strip(". "):
        page.text(item.caption, 10, color="0.25", after=0.15)
    if item.png is None:
        page.placeholder(f"{item.id} was not provided")
    else:
        page.picture(item.png)
        if not is_blank(item.alt):
            page.text(f"What it shows: {item.alt}", 8.5, color="0.25", fontstyle="italic", after=0.2)
    page.text("Answer", 11, fontweight="bold", after=0.04)
    if is_blank(item.answer):
        page.text("No answer was given.", 10, color="#B00020")
        return True
    return _set_answer(page, item.answer)


def _set_answer(page: _Page, answer: str) -> bool:
    """Set the answer in the largest size that fits; cut it, with a note, when not even the smallest does."""
    lines: list[str] = []
    size = _SIZES[0]
    for size in _SIZES:
        lines = wrapped(answer, size, _WIDTH)
        most = int(page.room() / (size * _LEADING / 72))
        if len(lines) <= most:
            break
    fits = len(lines) <= most
    if not fits:
        lines = [*lines[: max(0, most - 1)], f"[cut here: {len(lines) - most + 1} more lines]"]
    for line in lines:
        page.cells([(0.0, line)], size)
        page.y -= 0.04  # lines of one text stand closer than rows of a table
    return fits
