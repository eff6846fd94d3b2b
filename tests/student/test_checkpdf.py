"""`check-pdf`: figures.pdf and written parts, as they should be and as students hand them in."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from pypdf import PdfReader, PdfWriter

from starterkit import pdfs
from starterkit.checkpdf import NotAPDF, check_pdf, promised, read_pages
from starterkit.cli import invoke
from starterkit.course import ROOT, CourseFolder
from tests.student.conftest import made

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from starterkit.build import Built

needs_latex = pytest.mark.skipif(shutil.which(pdfs.ENGINE) is None, reason=f"{pdfs.ENGINE} is not installed")
SAMPLE = ROOT / "tests" / "sample_course"
TEX = r"""\documentclass[11pt]{article}
\usepackage{hw}
\hwdocument{Course}{hw9}{Title}{3}
\hwauthors{Ada Lovelace}
\begin{document}
\begin{question}{W2.1}{6 points}{1}
\begin{prompt}
Prove it.
\end{prompt}
FIRST
\end{question}
\begin{question}{W2.2}{4 points}{2}
\begin{prompt}
Why?
\end{prompt}
SECOND
\hwnextpage
THIRD
\end{question}
\end{document}
"""


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> CourseFolder:
    """A copy of the sample course: hw9 has one figure and one written question."""
    root = tmp_path_factory.mktemp("sample")
    shutil.copytree(SAMPLE / "solutions", root / "solutions", ignore=shutil.ignore_patterns("__pycache__"))
    return CourseFolder(root)


@pytest.fixture(scope="session")
def hw9(sample: CourseFolder) -> Built:
    """The sample homework, built."""
    return made(sample, "hw9")


@pytest.fixture(scope="session")
def figures(hw9: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """figures.pdf with its one figure missing, as hwkit makes it."""
    path = tmp_path_factory.mktemp("figures") / "figures.pdf"
    path.write_bytes(pdfs.figures_template(hw9))
    return path


def rearranged(path: Path, order: Sequence[int | None], target: Path) -> Path:
    """The pages of a PDF in another order; None is an empty page."""
    reader, writer = PdfReader(path), PdfWriter()
    for number in order:
        writer.add_blank_page(612, 792) if number is None else writer.add_page(reader.pages[number - 1])
    writer.write(target)
    return target


def test_a_right_file_is_fine(figures: Path, hw9: Built) -> None:
    """figures.pdf as hwkit makes it has no problem; the missing figure is remarked."""
    report = check_pdf(figures, hw9.homework)
    assert (report.kind, report.homework, report.problems) == ("figures", "hw9", ())
    assert any("F9.1" in remark and "missing" in remark for remark in report.remarks)


@pytest.mark.parametrize(
    ("order", "says"),
    [
        ([2, 1], "page 1 says that it is page 2"),
        ([1], "1 page"),
        ([1, 2, None], "page 3 is blank"),
        ([1, None, 2], "page 2 has no footer"),
        ([1, 2, 2], "3 pages, not 2 as hw9 expects"),
    ],
)
def test_moved_lost_and_empty_pages_are_named(
    figures: Path, hw9: Built, tmp_path: Path, order: list[int | None], says: str
) -> None:
    """Pages out of order, missing, doubled or blank are each named with their number."""
    report = check_pdf(rearranged(figures, order, tmp_path / "f.pdf"), hw9.homework)
    assert any(says in problem for problem in (*report.problems, report.as_text()))
    assert report.problems


def test_what_is_no_pdf_is_said_to_be_none(tmp_path: Path) -> None:
    """Text, an empty file and a locked PDF are refused in words."""
    (tmp_path / "notes.pdf").write_text("not a PDF")
    (tmp_path / "empty.pdf").write_bytes(b"")
    writer = PdfWriter()
    writer.add_blank_page(612, 792)
    writer.encrypt("secret", algorithm="RC4-128")
    writer.write(tmp_path / "locked.pdf")
    for name, says in (("notes", "cannot be read"), ("empty", "cannot be read"), ("locked", "password")):
        with pytest.raises(NotAPDF, match=says):
            check_pdf(tmp_path / f"{name}.pdf")


def test_the_command_reports_every_file(
    figures: Path, sample: CourseFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Several files at once: 0 when all are fine, 1 when one is not, 2 for an unknown homework; --json is JSON."""
    on = ["--course", str(sample.root)]
    bad = rearranged(figures, [2, 1], tmp_path / "swapped.pdf")
    assert invoke([*on, "check-pdf", str(figures), "--homework", "hw9"]) == 0
    assert "figures.pdf: fine (2 pages, figures of hw9)" in capsys.readouterr().out
    assert invoke([*on, "check-pdf", str(figures), str(bad)]) == 1
    assert "swapped.pdf: not right" in capsys.readouterr().out
    assert invoke([*on, "check-pdf", "--json", str(bad)]) == 1
    [report] = json.loads(capsys.readouterr().out)
    assert report["pages"] == 2
    assert report["problems"]
    assert invoke([*on, "check-pdf", str(figures), "--homework", "hw99"]) == 2


def compiled(tmp_path: Path, hw9: Built, **answers: str) -> tuple[Path, str]:
    """A written part of two questions on three pages with these answers, and what LaTeX complains about."""
    text = re.sub("FIRST|SECOND|THIRD", lambda word: answers.get(word[0].lower(), "An answer of several words."), TEX)
    pdf, trouble = pdfs.compile_tex("w.tex", {"w.tex": text.encode(), "hw.sty": hw9.kit["hw.sty"]})
    assert pdf is not None, trouble
    path = tmp_path / "written.pdf"
    path.write_bytes(pdf)
    return path, trouble


@needs_latex
def test_each_question_has_its_page(hw9: Built, tmp_path: Path) -> None:
    """Two questions on one and two pages: three pages, a footer on each, in order, no complaint."""
    path, trouble = compiled(tmp_path, hw9)
    report = check_pdf(path)
    assert (report.kind, report.pages, report.problems, trouble) == ("written", 3, (), "")
    footers = [re.search(r"hw9 \| (\S+) \| page (\d)/3", page.extract_text()) for page in PdfReader(path).pages]
    assert [found and found.groups() for found in footers] == [("W2.1", "1"), ("W2.2", "2"), ("W2.2", "3")]


@needs_latex
def test_an_answer_that_runs_over_is_found(hw9: Built, tmp_path: Path) -> None:
    """A long answer moves later pages: LaTeX warns, the page says it in red, and check-pdf names it."""
    path, trouble = compiled(tmp_path, hw9, first=r"\vspace{7in} More. \par \vspace{4in} And more.")
    assert "W2.1 runs over page 1" in trouble.replace("\\space", " ").replace("  ", " ")
    report = check_pdf(path)
    assert report.problems
    assert any("runs over" in remark for remark in report.remarks)


@needs_latex
def test_template_key_and_rubric_compile(hw9: Built, tmp_path: Path) -> None:
    """The sample's template, key and rubric compile without complaint; the template's pages are those of release.json."""
    said: list[str] = []
    course = CourseFolder(tmp_path)
    assert pdfs.write_pdfs(course, hw9, said.append)
    names = sorted(path.name for path in course.dist.iterdir())
    assert names == ["hw9_figures.pdf", "hw9_key.pdf", "hw9_rubric.pdf", "hw9_written.pdf"]
    assert check_pdf(course.dist / "hw9_written.pdf", hw9.homework).problems == ()
    assert check_pdf(course.dist / "hw9_figures.pdf", hw9.homework).problems == ()
    key = " ".join(page.extract_text() for page in PdfReader(course.dist / "hw9_key.pdf").pages)
    assert "Mark scheme" in key
    assert "Jensen" in key


@needs_latex
@pytest.mark.parametrize("name", CourseFolder(ROOT).homeworks())
def test_every_homework_prints_one_question_a_page(name: str, course: CourseFolder, tmp_path: Path) -> None:
    """Template and key of each shipped homework: as many pages as promised, a question on each, nothing sticks out far."""
    built = made(course, name)
    for kind in ("written", "key"):
        tex = f"{name}_{kind}.tex"
        source = {**built.kit, **built.solutions}[tex]
        pdf, trouble = pdfs.compile_tex(tex, {tex: source, "hw.sty": built.kit["hw.sty"]})
        assert pdf is not None, trouble
        path = tmp_path / f"{kind}.pdf"
        path.write_bytes(pdf)
        pages = [page.part for page in read_pages(path)]
        assert pages == promised(built.homework, "written"), kind


@needs_latex
def test_an_untouched_template_has_no_answer(hw9: Built, tmp_path: Path) -> None:
    """Against the template, a page on which nothing was written is remarked, one with an answer is not."""
    (tmp_path / "empty").mkdir()
    blank, _ = compiled(tmp_path / "empty", hw9, first="", second="", third="")
    path, _ = compiled(tmp_path, hw9, second="")
    report = check_pdf(path, hw9.homework, template=blank)
    assert [remark for remark in report.remarks if "no answer" in remark] == [
        "page 2 (W2.2): no answer below the question"
    ]


@needs_latex
def test_a_mistake_in_latex_is_named_with_its_line(hw9: Built) -> None:
    """Where LaTeX stops, the file, line and reason are given."""
    files = {"w.tex": TEX.replace("FIRST", r"\nonsense").encode(), "hw.sty": hw9.kit["hw.sty"]}
    pdf, trouble = pdfs.compile_tex("w.tex", files)
    assert pdf is None
    assert trouble == "w.tex:10: Undefined control sequence."


def test_without_latex_one_plain_line(hw9: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without pdflatex nothing fails: a line says what is missing and how to get it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    said: list[str] = []
    assert pdfs.write_pdfs(CourseFolder(tmp_path), hw9, said.append)
    assert any("pdflatex is not installed" in line and "texlive-latex-recommended" in line for line in said)


def test_pdfs_are_in_no_zip_and_no_kit(hw9: Built) -> None:
    """Neither the kit nor a zip holds a PDF."""
    everything: dict[str, Any] = {**hw9.kit, **hw9.solutions, **hw9.bundle}
    assert not [name for name in everything if name.endswith(".pdf")]
    assert ROOT.is_dir()
