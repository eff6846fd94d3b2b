"""Figures: one style that every reader can tell apart, and one file per figure that is handed in."""

from __future__ import annotations

import difflib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .data import KIT
from .session import KitError, disk_trouble, say, storage, warn

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe & Ito (2008): tells apart for every common kind of colour vision
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#000000", "#F0E442")
LINES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)), (0, (5, 5)))
_MANY_POINTS = 5000  # drawn as pixels beyond this, so that a PDF stays small
_DPI = 160
_PLACEHOLDERS = (
    "",
    "todo",
    "your answer",
    "your answer here",
    "alt text",
    "describe the figure",
    "first last",
    "your name",
)


def plot_style() -> None:
    """Set matplotlib's defaults: colour-blind safe, told apart by line style too, text of 11 points."""
    try:
        import matplotlib as mpl
        from matplotlib.rcsetup import cycler
    except ImportError:  # where code is graded there is nothing to draw
        return
    mpl.rcParams.update(
        {
            "axes.prop_cycle": cycler(color=COLOURS, linestyle=LINES),
            "axes.grid": True,
            "axes.spines.right": False,
            "axes.spines.top": False,
            "figure.constrained_layout.use": True,
            "figure.figsize": (6.4, 4.0),
            "font.size": 11,
            "grid.alpha": 0.3,
            "image.cmap": "viridis",
            "legend.frameon": False,
            "lines.linewidth": 1.8,
            "pdf.fonttype": 42,
        }
    )


def savefig(figure_id: str, fig: Figure, *, alt: str, answer: str = "") -> None:
    """Store a figure for `make_figures_pdf`, as PNG and as PDF, under `figures/` of `storage()`.

    Parameters
    ----------
    figure_id
        One of the figures that this homework asks for, such as "F2.1".
    alt
        What the figure shows, for a reader who cannot see it: the axes, the curves, what stands out.
    answer
        Your answer to the question that comes with the figure; it is printed below the figure.

    Raises
    ------
    KitError
        For an id that this homework does not have, for something that is no figure, and on a full disk.
    """
    entry = figure_entry(figure_id)
    fig = _as_figure(fig)
    _advise(figure_id, fig, alt, answer)
    folder = figures_folder()
    about = {"Title": f"{figure_id} {entry['title']}".strip(), "Author": ""}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for kind, about_alt in (("png", {"Description": alt}), ("pdf", {"Subject": alt})):
            path = folder / f"{figure_id}.{kind}"
            fig.savefig(path, dpi=_DPI, bbox_inches="tight", metadata={**about, **about_alt})  # as notebooks show it
        note = json.dumps({"alt": alt, "answer": answer}, ensure_ascii=False)
        (folder / f"{figure_id}.json").write_text(note, encoding="utf-8")
    except OSError as error:
        raise KitError(f"could not store figure {figure_id}: {disk_trouble(error)}") from None
    say(f"✓ {figure_id} stored in {folder}")


def figures_folder() -> Path:
    """Return the folder that `savefig` writes to."""
    return storage() / "figures"


def figure_entry(figure_id: str) -> dict[str, Any]:
    """Return what the homework says about a figure: id, title, caption, points."""
    known: list[dict[str, Any]] = KIT["figures"]
    for entry in known:
        if entry["id"] == figure_id:
            return entry
    ids = [str(entry["id"]) for entry in known]
    close = difflib.get_close_matches(figure_id, ids, n=1)
    choice = f"did you mean {close[0]!r}?" if close else f"choose from {', '.join(ids) or 'none'}"
    raise KitError(f"this homework asks for no figure {figure_id!r}: {choice}")


def is_blank(text: str) -> bool:
    """Whether an answer, alt text or name was left as a placeholder: empty, dots, "Replace this …", "your answer"."""
    bare = text.strip(" .…_-").lower()
    return bare in _PLACEHOLDERS or bare.startswith("replace this")


def _as_figure(value: Any) -> Figure:
    if hasattr(value, "savefig") and hasattr(value, "axes"):
        return value  # type: ignore[no-any-return]
    inner = getattr(value, "figure", None)
    if inner is not None and hasattr(inner, "savefig"):
        return inner  # type: ignore[no-any-return]
    raise KitError(
        f"savefig needs the figure itself, not a {type(value).__name__}: write  fig, ax = plt.subplots()  and pass fig"
    )


def _advise(figure_id: str, fig: Figure, alt: str, answer: str) -> None:
    """Say what a grader would miss, and draw very large point clouds as pixels."""
    if is_blank(alt):
        warn(f"{figure_id}: alt= is empty. Say in one or two sentences what the figure shows.")
    if is_blank(answer):
        warn(f"{figure_id}: answer= is empty. Your answer is printed below the figure and is part of its points.")
    if not any(ax.has_data() or ax.images for ax in fig.axes):
        warn(f"{figure_id}: the figure is empty. Call savefig before plt.show(), with the figure that you drew on.")
    for ax in fig.axes:
        if _lacks_labels(ax):
            warn(f"{figure_id}: an axis has no label. Use ax.set_xlabel(...) and ax.set_ylabel(...), with units.")
            break
    for ax in fig.axes:
        for points in ax.collections:
            if len(points.get_offsets()) > _MANY_POINTS:  # type: ignore[arg-type]
                points.set_rasterized(True)


def _lacks_labels(ax: Axes) -> bool:
    """Whether a plot with axes (no picture, no colour bar) lacks a label; shared axes may leave it to others."""
    if not ax.axison or not ax.has_data() or ax.images or ax.get_label() == "<colorbar>":
        return False
    unshared = not any(ax.get_shared_x_axes().joined(ax, other) for other in ax.figure.axes if other is not ax)
    return (unshared and not ax.get_xlabel()) or not ax.get_ylabel()
