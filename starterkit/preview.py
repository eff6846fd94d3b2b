"""`preview`: the starter notebook as a web page under dist/preview, the written part, key and rubric as PDFs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starterkit import archive

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from starterkit.course import CourseFolder


def preview(course: CourseFolder, name: str, say: Callable[[str], None]) -> Path:
    """Write dist/preview/NAME.html and the PDFs from the sources as they are; return the page's path.

    Raises StarterkitError for a source that cannot be built.
    """
    from starterkit.build import build_or_raise
    from starterkit.jupyter import load_nbformat
    from starterkit.pdfs import write_pdfs

    [name] = course.homeworks([name])
    built = build_or_raise(course, name)
    notebook = load_nbformat().reads(built.kit[f"{name}.ipynb"].decode(), as_version=4)
    for cell in notebook.cells:
        if cell.metadata.get("cellView") == "form":  # folded in Colab; highlighting 190 kB of hwkit takes seconds
            cell.source = "\n".join([*cell.source.split("\n")[:2], "…"])
    from nbconvert import HTMLExporter

    notebook.metadata["title"] = f"{name}: {built.homework.assignment.title}"
    exporter: Any = HTMLExporter
    page, _ = exporter(embed_images=True).from_notebook_node(notebook)
    target = course.dist / "preview" / f"{name}.html"
    archive.replace_file(page.encode(), target)
    say(f"{name}: the notebook as a web page in {target.relative_to(course.root).as_posix()}")
    write_pdfs(course, built, say)
    return target
