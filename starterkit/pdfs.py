"""PDFs in dist/, never in a kit or zip: written part, key and rubric by pdflatex, the figures' template by hwkit."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from starterkit import archive

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starterkit.build import Built
    from starterkit.course import CourseFolder

ENGINE = "pdflatex"
HOW_TO_GET_IT = "apt-get install texlive-latex-recommended; or upload the .tex and hw.sty to Overleaf"
RUNS = 2  # the second knows the pages of the first
LONGEST = 600  # seconds of one run: a guard against endless loops, which a busy machine must not meet


def write_pdfs(course: CourseFolder, built: Built, say: Callable[[str], None]) -> bool:
    """Write every PDF of a homework into dist/, say a line about it, and return whether all went well.

    Without pdflatex the line says how to get it; that is no failure.
    """
    name = built.homework.name
    remove_pdfs(course, built)  # an old one must not pass for the new
    made = list[str]()
    if built.homework.figures:
        archive.replace_file(figures_template(built), course.dist / f"{name}_figures.pdf")
        made.append(f"{name}_figures.pdf")
    documents, fine = _documents(built), True
    if documents and shutil.which(ENGINE) is None:
        say(f"{name}: no PDFs of the written part, since {ENGINE} is not installed ({HOW_TO_GET_IT})")
        documents = {}
    for tex, source in documents.items():
        pdf, trouble = compile_tex(tex, {tex: source, "hw.sty": built.solutions["hw.sty"]})
        if pdf is None:
            say(f"{name}: {ENGINE} stops at {tex}: {trouble}")
        else:
            target = course.dist / Path(tex).with_suffix(".pdf")
            archive.replace_file(pdf, target)
            made.append(target.name)
            if trouble:
                say(f"{name}: {tex}: {trouble}")
        fine = fine and pdf is not None and not trouble
    if made:
        say(f"{name}: {', '.join(sorted(made))} in dist/")
    return fine


def remove_pdfs(course: CourseFolder, built: Built) -> None:
    """Remove the PDFs of an earlier build."""
    for name in [*_documents(built), f"{built.homework.name}_figures.tex"]:
        (course.dist / Path(name).with_suffix(".pdf")).unlink(missing_ok=True)


def _documents(built: Built) -> dict[str, bytes]:
    """Return the LaTeX documents of kit and solutions by name."""
    return {path: data for path, data in sorted({**built.kit, **built.solutions}.items()) if path.endswith(".tex")}


def figures_template(built: Built) -> bytes:
    """Return figures.pdf without any figure, made by the kit's own hwkit: the template that Gradescope asks for."""
    with tempfile.TemporaryDirectory(prefix="figures-") as folder:
        (Path(folder) / "hwkit.py").write_bytes(built.kit["hwkit.py"])
        environment = {**os.environ, "HW_STORAGE": folder, "MPLBACKEND": "Agg"}
        command = [sys.executable, "-c", "import hwkit; hwkit.make_figures_pdf()"]
        subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, timeout=LONGEST)
        return (Path(folder) / "figures.pdf").read_bytes()


def compile_tex(tex: str, files: Mapping[str, bytes]) -> tuple[bytes | None, str]:
    """Return the PDF of `tex` among `files` (None where LaTeX stops), and in words what LaTeX complains about."""
    with tempfile.TemporaryDirectory(prefix="tex-") as folder:
        archive.write_tree(files, Path(folder))
        for _ in range(RUNS):
            log, ended = _run(tex, Path(folder))
            if not ended:
                return None, _first_error(log)
        return (Path(folder) / tex).with_suffix(".pdf").read_bytes(), _complaints(log)


def _run(tex: str, folder: Path) -> tuple[str, bool]:
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "315532800", "FORCE_SOURCE_DATE": "1", "max_print_line": "1000"}
    command = [ENGINE, "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "-file-line-error", tex]
    try:
        run = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, timeout=LONGEST, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"! it ran longer than {LONGEST} s", False
    return run.stdout.decode("utf-8", "replace"), run.returncode == 0


def _first_error(log: str) -> str:
    """Return LaTeX's first error, which with -file-line-error reads `./hw2_written.tex:14: Undefined control …`."""
    found = re.search(r"^(?:\./)?([\w.-]+:\d+: .*)$", log, re.MULTILINE) or re.search(r"^! (.*)$", log, re.MULTILINE)
    return found[1] if found else "it gave no reason"


def _complaints(log: str) -> str:
    """Return what makes a document worse than it looks: overfull lines, text that ran over, missing references."""
    wide = [float(points) for points in re.findall(r"Overfull \\hbox \((\d+(?:\.\d+)?)pt too wide\)", log)]
    said = [f"{sum(points > 5 for points in wide)} lines stick out of the margin"] if any(p > 5 for p in wide) else []
    said += re.findall(r"Package hw Warning: (.*?) on input", log)
    return "; ".join(said)
