"""hwN-solutions.zip: the solved notebook, the answer key, the rubric, and the base files for similarity tools."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starterkit import archive, notebook, written

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starterkit.contract import Contract
    from starterkit.diagnostics import Collector
    from starterkit.model import Homework


def solutions(
    homework: Homework, release: Contract, modules: Mapping[str, str], kit: Mapping[str, bytes], collector: Collector
) -> archive.Files:
    """Return the files of the zip. `base/` holds what every student starts from, which similarity tools leave out."""
    name, number = homework.name, release["release"]
    starter = kit[f"{name}.ipynb"]
    files = {
        f"{name}_solved.ipynb": notebook.dumps(notebook.solved(homework, modules, number)),
        f"base/{name}.ipynb": starter,
        f"base/{name}.py": notebook.plain_code(starter),
    }
    files |= {f"base/{path.name}": kit[path.name] for path in homework.modules}
    files |= {path.name: path.read_bytes() for path in homework.data}
    return files | written.staff_files(homework, number, collector)
