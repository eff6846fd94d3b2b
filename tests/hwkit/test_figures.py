"""Figures and figures.pdf: stored with their words, always the same number of pages, looked at through pypdf."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

PDF = Path("figures.pdf")


def pages_of(kit: Any, **options: Any) -> Any:
    kit.make_figures_pdf(**options)
    return PdfReader(PDF).pages


def figure(labels: bool = True) -> Any:
    from matplotlib.figure import Figure

    fig = Figure()
    ax = fig.add_subplot()
    ax.plot([1, 2, 3])
    if labels:
        ax.set(xlabel="epoch", ylabel="nats")
    return fig


def store(kit: Any, name: str, answer: str = "It falls.") -> None:
    kit.savefig(name, figure(), alt="A rising line.", answer=answer)


@pytest.mark.parametrize("given", [[], ["F2.2"], ["F2.1", "F2.2", "F2.3"]])
def test_the_page_count_is_constant(kit: Any, given: list[str]) -> None:
    """With no, some, or all figures there is a title page and one Letter page each, in rubric order, with footers."""
    for name in given:
        store(kit, name)
    pages = pages_of(kit, names=["Ada"], netids=["al1"])
    assert len(pages) == 4
    for number, (page, name) in enumerate(zip(pages, ["figures", "F2.1", "F2.2", "F2.3"], strict=True), 1):
        assert (float(page.mediabox.width), float(page.mediabox.height)) == (612.0, 792.0)
        text = page.extract_text()
        assert f"{name} · page {number}/4 · hw2" in text
        if name.startswith("F"):
            assert (f"{name} was not provided" in text) == (name not in given)


def test_labels_outside_the_canvas_are_kept(kit: Any) -> None:
    """A label that sticks out of the figure, as default margins leave it on a small one, is in the stored picture."""
    from matplotlib.image import imread

    fig = figure()
    fig.axes[0].set_xlabel("epoch", labelpad=400)
    kit.savefig("F2.1", fig, alt="A rising line.", answer="It falls.")
    height, width, _ = imread("figures/F2.1.png").shape
    assert height > 1.3 * width, "the label lies far below the axes"


def test_pages_carry_names_captions_and_answers(kit: Any) -> None:
    """The title page has names and NetIDs; a figure's page has its caption, its alt text and the answer."""
    store(kit, "F2.1", "Because of the gap.\nSecond paragraph with $5 and 50 % & more_things.")
    kit.make_figures_pdf(names=["Ada Lovelace", "Alan Turing"], netids=["al1", "at2"])
    title, page, *_ = [page.extract_text() for page in PdfReader(PDF).pages]
    assert all(
        word in title for word in ("Ada Lovelace", "al1", "Alan Turing", "at2", "Variational autoencoders", "missing")
    )
    assert all(
        word in page
        for word in ("Bounds against epochs.", "A rising line.", "Because of the gap.", "$5 and 50 % & more_things.")
    )


def test_a_missing_figure_is_warned_about(kit: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Each missing figure and each empty answer is named, with what to run."""
    store(kit, "F2.1", answer="...")
    capsys.readouterr()
    kit.make_figures_pdf(names=["Ada"])
    out = capsys.readouterr().out
    assert "F2.2 is missing" in out and "F2.3 is missing" in out and "F2.1 has no answer" in out
    assert "4 pages, 1 of 3 figures" in out


def test_a_very_long_answer_keeps_its_page(kit: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """An answer that does not fit is set smaller, then cut with a note and a warning; pages do not move."""
    store(kit, "F2.1", "word " * 5000)
    store(kit, "F2.2", "x" * 900)
    kit.make_figures_pdf(names=["Ada"])
    pages = [page.extract_text() for page in PdfReader(PDF).pages]
    assert len(pages) == 4 and "[cut here:" in pages[1] and "F2.1: the answer is too long" in capsys.readouterr().out


def test_text_stays_inside_the_margins(kit: Any) -> None:
    """No wrapped line is wider than asked, whatever its words."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextToPath

    font = FontProperties(family="DejaVu Sans", size=11)
    text = "An ordinary sentence with WIDE WORDS and illicit " * 5 + "https://example.org/" + "a" * 300 + "\n\nend"
    lines = kit.wrapped(text, 11, 4.0)
    widths = [TextToPath().get_text_width_height_descent(line, font, ismath=False)[0] / 72 for line in lines if line]
    assert max(widths) < 4.05 and lines[-2:] == ["", "end"]


def test_the_same_figures_give_the_same_bytes(kit: Any) -> None:
    """figures.pdf holds no date and no author."""
    store(kit, "F2.1")
    kit.make_figures_pdf(names=["Ada"])
    first = PDF.read_bytes()
    kit.make_figures_pdf(names=["Ada"])
    assert PDF.read_bytes() == first
    assert "/Author" not in (PdfReader("figures.pdf").metadata or {})


def test_names_and_netids_must_match(kit: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Two names and one NetID are refused; no names, or too many for a team, are warned about."""
    with pytest.raises(kit.KitError, match="2 names and 1 NetIDs"):
        kit.make_figures_pdf(names=["A", "B"], netids=["a1"])
    for nobody in ([], ["First Last"]):
        kit.make_figures_pdf(names=nobody)
        assert "no names" in capsys.readouterr().out
    kit.make_figures_pdf(names=["A", "B", "C"])
    assert "teams have at most 2" in capsys.readouterr().out


def test_a_name_without_a_font_is_warned_about(kit: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Characters that no font has are named as a problem instead of silently becoming boxes."""
    kit.make_figures_pdf(names=["Ada \U00012000"])
    assert "have no font" in capsys.readouterr().out


def test_answers_can_be_given_at_the_end(kit: Any) -> None:
    """`answers=` replaces what savefig stored, and refuses an unknown figure."""
    store(kit, "F2.1", "old words")
    kit.make_figures_pdf(names=["Ada"], answers={"F2.1": "new words"})
    text = PdfReader(PDF).pages[1].extract_text()
    assert "new words" in text and "old words" not in text
    with pytest.raises(kit.KitError, match=r"F9\.9"):
        kit.make_figures_pdf(answers={"F9.9": ""})


def test_savefig_stores_png_and_pdf_with_alt_text(kit: Any) -> None:
    """Both files carry the alt text in their metadata."""
    png = Path("figures/F2.1.png")
    kit.savefig("F2.1", figure(), alt="A rising line.", answer="Yes.")
    assert b"A rising line." in png.read_bytes()
    assert (PdfReader(png.with_suffix(".pdf")).metadata or {})["/Subject"] == "A rising line."


def test_savefig_knows_the_declared_figures(kit: Any) -> None:
    """An id that the homework does not have is refused with the nearest one."""
    with pytest.raises(kit.KitError, match=r"did you mean 'F2\.\d'"):
        kit.savefig("F2.9", figure(), alt="x")


def test_savefig_says_what_a_reader_would_miss(kit: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Missing labels, alt text and answers are warned about; the figure is stored all the same."""
    from matplotlib.figure import Figure

    kit.savefig("F2.1", figure(labels=False), alt="...")
    out = capsys.readouterr().out
    assert "axis has no label" in out and "alt= is empty" in out and "answer= is empty" in out
    assert Path("figures/F2.1.png").is_file()
    kit.savefig("F2.2", Figure(), alt="Nothing.", answer="None.")
    assert "the figure is empty" in capsys.readouterr().out


def test_pictures_and_shared_axes_need_no_labels(kit: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """imshow grids, hidden axes and colour bars draw no warning."""
    from matplotlib.figure import Figure

    fig = Figure()
    axes = fig.subplots(2, 2)
    image = axes[0, 0].imshow([[1, 2], [3, 4]])
    fig.colorbar(image, ax=axes[0, 0])
    for ax in axes.flat[1:]:
        ax.plot([1, 2])
        ax.axis("off")
    kit.savefig("F2.2", fig, alt="Four pictures.", answer="Yes.")
    assert "⚠" not in capsys.readouterr().out


def test_savefig_takes_axes_and_refuses_the_rest(kit: Any) -> None:
    """Axes stand for their figure; anything else is explained."""
    kit.savefig("F2.1", figure().axes[0], alt="A line.", answer="Yes.")
    with pytest.raises(kit.KitError, match=r"plt\.subplots"):
        kit.savefig("F2.1", [1, 2], alt="x")


def test_a_full_disk_is_said_in_words(kit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A figure that cannot be written says that the disk is full and what to delete."""
    fig = figure()

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(fig), "savefig", full)
    with pytest.raises(kit.KitError, match="the disk is full"):
        kit.savefig("F2.1", fig, alt="x", answer="y")


def test_the_style_changes_lines_as_well_as_colours(kit: Any) -> None:
    """Each of the first eight lines differs in colour and in dashes, so that a print in grey can be read."""
    import matplotlib as mpl

    with mpl.rc_context():
        kit.plot_style()
        cycle = list(mpl.rcParams["axes.prop_cycle"])
    assert len({entry["color"] for entry in cycle}) == len({str(entry["linestyle"]) for entry in cycle}) == 8
