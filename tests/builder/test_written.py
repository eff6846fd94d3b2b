"""The written part: markdown to LaTeX, one page map for all documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from starterkit.latex import latex

if TYPE_CHECKING:
    from collections.abc import Callable

    from starterkit.build import Built

    Run = Callable[..., tuple[int, str]]


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("50 % of _x_ & `a_b`", r"50 \% of \emph{x} \& \texttt{a\_b}"),
        ("**Show** $x_1 \\le 2$", r"\textbf{Show} $x_1 \le 2$"),
        ("- one\n- two", "\\begin{itemize}\n\\item one\n\n\\item two\n\n\\end{itemize}"),
        ("$$\n\\int p = 1\n$$", "\\[\n\\int p = 1\n\\]"),
        ("\\begin{align}a &= b\\end{align}", "\\begin{align}a &= b\\end{align}"),
        ("α → β", r"$\alpha$ $\to$ $\beta$"),
        ("[a](https://x.org/a#b)", r"\href{https://x.org/a\#b}{a}"),
        ("```\nx = {1}\n```", "\\begin{verbatim}\nx = {1}\n\\end{verbatim}"),
    ],
)
def test_markdown_becomes_latex(markdown: str, expected: str) -> None:
    """Each construct of course notebooks has its LaTeX."""
    assert latex(markdown) == (expected, [])


@pytest.mark.parametrize("markdown", ["text <b>bold</b>", "![a](b.png)", "a ☃ melts", "so $x is lost"])
def test_what_latex_cannot_carry_is_refused(markdown: str) -> None:
    """HTML, images, characters without a glyph and a dollar without a partner are named, not dropped."""
    assert latex(markdown)[1]


def test_a_refusal_is_an_error_of_the_source(starterkit: Run, edit: Callable[..., None]) -> None:
    """HTML in a written prompt gives exit 2 at its line."""
    edit("for densities $p$ and $q$.", "for <b>densities</b> $p$ and $q$.")
    code, said = starterkit("release", "--draft")
    assert code == 2
    assert "error[not-latex]" in said
    assert "<b>densities</b>" in said


def test_the_student_document_equals_its_golden(built: Built, golden: Callable[[str, str], None]) -> None:
    """The written part of the sample is the golden one."""
    golden("hw9_written.tex", built.kit["hw9_written.tex"].decode())


def test_answers_and_mark_schemes_are_for_staff(built: Built) -> None:
    """The key holds the answer, the rubric the mark schemes of written questions and figures, the kit none."""
    assert b"By Jensen" in built.solutions["hw9_key.tex"]
    assert b"axes are labelled" in built.solutions["hw9_rubric.tex"]
    assert b"Jensen" not in b"".join(built.kit.values())


def test_pages_follow_each_other(starterkit: Run, edit: Callable[..., None], course: object) -> None:
    """A question of two pages moves the next one to page 3, in the document and in release.json."""
    from starterkit.build import build
    from starterkit.course import CourseFolder
    from starterkit.diagnostics import Collector

    assert isinstance(course, CourseFolder)
    path = course.source("hw9") / "hw9.py"
    second = '\n\n# %% [markdown] written="W9.2" points=1\n# Why?\n#\n# ### BEGIN SOLUTION\n# Because.\n# ### END SOLUTION\n#\n# ### BEGIN MARK SCHEME\n# - (1) says so\n# ### END MARK SCHEME\n'
    path.write_text(path.read_text(encoding="utf-8").rstrip("\n") + second, encoding="utf-8")
    edit("points=4 pages=1", "points=4 pages=2")
    edit("written = 4", "written = 5", file="assignment.toml")
    collector = Collector(course.root)
    made = build(course, "hw9", collector)
    collector.raise_errors()
    assert made is not None
    assert [(w["id"], w["page"]) for w in made.release["written"]] == [("W9.1", 1), ("W9.2", 3)]
    tex = made.kit["hw9_written.tex"].decode()
    assert r"\begin{question}{W9.2}{1 point}{3}" in tex
    assert tex.count(r"\hwnextpage") == 1
