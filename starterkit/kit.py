"""The starter kit: every file of assignments/hwN, from a homework that was read without errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starterkit import archive, contract, notebook, written
from starterkit.firstpage import badge
from starterkit.hwkit import generate, kit_info
from starterkit.readme import render_readme
from starterkit.setup_cells import EMBED_LIMIT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starterkit.contract import Contract
    from starterkit.diagnostics import Collector
    from starterkit.model import Homework

PACKAGES = ("numpy", "torch")  # what every worker has, as top-level module names


def modules(homework: Homework, release: Contract) -> dict[str, str]:
    """Return the sources of `hwkit` and of the given modules, by module name, in the order of the set-up cells."""
    facts = kit_info(homework, release=release["release"], extraction=extraction(homework, release))
    return {"hwkit": generate(facts)} | {path.stem: path.read_text(encoding="utf-8") for path in homework.modules}


def extraction(homework: Homework, release: Contract) -> dict[str, Any]:
    """Return what `autograder.extract.extract` must know inside the kit.

    The grader derives the same from its manifest and adds what tests use besides: hidden tests, too, so not here.
    """
    return {
        "questions": {question.id: list(question.names) for question in homework.questions},
        "given": release["given"],
        "packages": [*PACKAGES, *homework.assignment.import_names],
        "modules": ["hwkit", *(path.stem for path in homework.modules)],
        "stubs": {question.id: f"Question {question.id}" for question in homework.questions},
    }


def starter(homework: Homework, release: Contract, parts: Mapping[str, str], collector: Collector) -> archive.Files:
    """Return the files of the kit; what is wrong with them goes to the collector, leaks included.

    `parts` are the sources of `modules`.
    """
    from starterkit import leaks

    name, number = homework.name, release["release"]
    files = {f"{name}.ipynb": notebook.dumps(notebook.starter(homework, parts, number, collector))}
    files |= {f"{module}.py": archive.text(source) for module, source in parts.items()}
    files |= written.student_files(homework, number, collector)
    files |= {
        "README.md": archive.text(readme(homework, release)),
        "requirements.txt": archive.text(requirements(homework)),
        "release.json": contract.dumps(release),
    }
    for path in homework.data:
        if path.name in files:
            message, hint = f"every kit has a file {path.name} already", "give the data file another name"
            collector.add("name-taken", message, path=homework.folder / "assignment.toml", hint=hint)
        files[path.name] = path.read_bytes()
    _warn_of_large_data(homework, collector)
    leaks.scan(files, homework, parts, collector)
    return files


def requirements(homework: Homework) -> str:
    """Return what a student's own machine needs; in Colab all but the homework's extras are there."""
    return "\n".join(
        ["# Colab has the first four.", "matplotlib", "numpy", "torch", "tqdm", *homework.assignment.packages]
    )


def readme(homework: Homework, release: Contract) -> str:
    """Return the README of the kit."""
    return render_readme(homework, release["release"], badge=badge(homework, release["release"]))


def _warn_of_large_data(homework: Homework, collector: Collector) -> None:
    for path in homework.data:
        if path.stat().st_size > EMBED_LIMIT:
            message = f"{path.name} is too large (over {EMBED_LIMIT // 1024} KiB) to travel in the notebook"
            collector.add(
                "data-not-embedded", message,
                path=homework.folder / "assignment.toml", severity="warning",
                hint="let a given cell fetch it, or tell students to upload it to Colab's file panel",
            )  # fmt: skip
