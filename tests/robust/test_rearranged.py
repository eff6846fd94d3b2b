"""The shipped homework's solved notebook as students hand it in: saved by Colab, rearranged, damaged where it may be."""

from __future__ import annotations

import copy
import random
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.robust.homework2 import Homework2
from tests.robust.running import Graded, grade_all, write_notebook

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Notebook = dict[str, Any]
CHANGES: dict[str, Callable[[Notebook], None]] = {}
QUIET = {"saved_by_colab", "saved_twice", "metadata_lost", "outputs_kept", "experiments_never_end", "cells_added"}
FULL_MARKS_LOST: dict[str, str] = {"one_question_broken": "2.1b"}
SAMPLE = ["2.1b", "2.1d", "2.2a", "2.2b"]  # of the questions, to save time: a function, two that borrow, a class


def change(edit: Callable[[Notebook], None]) -> Callable[[Notebook], None]:
    """Register an edit of a notebook under its name."""
    CHANGES[edit.__name__] = edit
    return edit


def text(cell: dict[str, Any]) -> str:
    """The source of a cell as one text."""
    return "".join(cell["source"])


def code(source: str) -> dict[str, Any]:
    """A new code cell, as Colab makes one."""
    return {"cell_type": "code", "metadata": {"id": "aB3dE"}, "execution_count": None, "outputs": [], "source": source}


@change
def saved_by_colab(notebook: Notebook) -> None:
    """Format 4.0, `metadata.id` for ids, its own badge cell, outputs, `executionInfo`, sources as lists of lines."""
    notebook["nbformat_minor"] = 0
    notebook["metadata"] = {
        "colab": {"provenance": [], "gpuType": "T4", "include_colab_link": True}, "accelerator": "GPU",
        "kernelspec": {"name": "python3", "display_name": "Python 3"}, "widgets": {"application/x": {"a": {"b": 1}}},
    }  # fmt: skip
    for number, cell in enumerate(notebook["cells"]):
        cell.pop("id", None)
        cell["metadata"] = {
            **cell.get("metadata", {}),
            "id": f"Zx{number}",
            "colab": {"base_uri": "https://localhost/"},
        }
        cell["source"] = text(cell).splitlines(keepends=True)
        if cell["cell_type"] == "code":
            cell["metadata"] |= {
                "executionInfo": {"elapsed": 12, "user": {"displayName": "Ada"}},
                "outputId": f"q{number}",
            }
            cell["execution_count"] = number
            cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ["done\n"]}]
    badge = {
        "cell_type": "markdown",
        "metadata": {"id": "view-in-github", "colab_type": "text"},
        "source": ["<a href=x>"],
    }
    notebook["cells"].insert(0, badge)
    for key in list(notebook):
        notebook[key] = notebook.pop(key)  # other order of keys


@change
def saved_twice(notebook: Notebook) -> None:
    """By Colab, then by Jupyter, which repairs ids and joins the sources."""
    saved_by_colab(notebook)
    notebook["nbformat_minor"] = 5
    for number, cell in enumerate(notebook["cells"]):
        cell["id"] = f"cell-{number}"
        cell["source"] = text(cell)


@change
def metadata_lost(notebook: Notebook) -> None:
    """No ids and no metadata at all."""
    notebook["metadata"] = {}
    for cell in notebook["cells"]:
        cell.pop("id", None)
        cell["metadata"] = {}


@change
def outputs_kept(notebook: Notebook) -> None:
    """Large pictures in the outputs."""
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"] = [{"output_type": "display_data", "metadata": {}, "data": {"image/png": "A" * 50_000}}]


@change
def cells_shuffled(notebook: Notebook) -> None:
    """The cells in another order."""
    random.Random(3).shuffle(notebook["cells"])


@change
def one_cell(notebook: Notebook) -> None:
    """All given code and all answers in one cell."""
    sources = [text(cell) for cell in notebook["cells"] if cell["id"].startswith(("given-", "solution-"))]
    notebook["cells"] = [code("\n\n".join(sources))]


@change
def everything_twice(notebook: Notebook) -> None:
    """Every cell copied below the last."""
    notebook["cells"] += copy.deepcopy(notebook["cells"])


@change
def old_stubs_left_above(notebook: Notebook) -> None:
    """The stub left in place above each answer, copied from the starter."""
    for index in range(len(notebook["cells"]) - 1, -1, -1):
        cell = notebook["cells"][index]
        question = cell.get("id", "").removeprefix("solution-").replace("_", ".")
        names = re.findall(r"^(def|class) (\w+)", text(cell), re.MULTILINE)
        if cell.get("id", "").startswith("solution-"):
            stubs = [f"{kind} {name}:\n    raise NotImplementedError('Question {question}')" if kind == "class" else
                     f"def {name}(*args):\n    raise NotImplementedError('Question {question}')" for kind, name in names]  # fmt: skip
            if all(kind == "def" for kind, _ in names):
                notebook["cells"].insert(index, code("\n\n".join(stubs)))


@change
def given_cells_deleted(notebook: Notebook) -> None:
    """Without set-up, given code, tests and prose: the answers alone."""
    notebook["cells"] = [cell for cell in notebook["cells"] if cell["id"].startswith("solution-")]


@change
def experiments_never_end(notebook: Notebook) -> None:
    """Every experiment is a loop without end."""
    for cell in notebook["cells"]:
        if cell["id"].startswith("experiment-"):
            cell["source"] = "while True:\n    train()\n"


@change
def cells_added(notebook: Notebook) -> None:
    """Shell lines, magics, an unfinished cell, plots and installs between the others."""
    for index in range(len(notebook["cells"]) - 1, 0, -7):
        notebook["cells"].insert(
            index, code("!pip install -q einops\n%matplotlib inline\nimport matplotlib.pyplot as plt")
        )
    notebook["cells"].append(code("model = VAE().cuda()\nfor epoch in range(10**9):\n    step(model)"))


@change
def syntax_errors_between(notebook: Notebook) -> None:
    """Broken cells between the sound ones."""
    for index in range(len(notebook["cells"]) - 1, 0, -5):
        notebook["cells"].insert(index, code("def broken(:\n    pass"))


@change
def windows_and_tabs(notebook: Notebook) -> None:
    """Windows line ends, tabs for indentation."""
    for cell in notebook["cells"]:
        if cell.get("id", "").startswith("solution-"):
            cell["source"] = text(cell).replace("    ", "\t").replace("\n", "\r\n")


@change
def one_question_broken(notebook: Notebook) -> None:
    """One answer does not parse: the others keep their points."""
    for cell in notebook["cells"]:
        if cell.get("id") == "solution-2_1b":
            cell["source"] = text(cell).replace("return", "return (", 1)


@pytest.fixture(scope="module")
def graded(hw2: Homework2, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Graded]:
    """The solved notebook after each change, and as it was."""
    folder = tmp_path_factory.mktemp("rearranged")
    jobs: dict[str, dict[str, Any]] = {}
    for name, edit in {"unchanged": lambda _: None, **CHANGES}.items():
        notebook = copy.deepcopy(hw2.solved)
        edit(notebook)
        submission = write_notebook(folder / "submissions" / name, notebook)
        jobs[name] = {"bundle": str(hw2.bundle), "submission": str(submission)}
        if name in CHANGES and name not in QUIET:
            jobs[name]["only"] = SAMPLE
    return grade_all(folder, jobs)


@pytest.mark.parametrize("name", CHANGES)
def test_a_rearranged_notebook_keeps_its_points(graded: Mapping[str, Graded], hw2: Homework2, name: str) -> None:
    """Whatever happened around the answers, they earn full marks; only a broken answer loses its own."""
    run = graded[name]
    lost = FULL_MARKS_LOST.get(name)
    wanted = run.scores if name in QUIET else SAMPLE
    assert {q: run.scores[q] for q in wanted if run.scores[q] != hw2.points(q)} == ({lost: 0} if lost else {}), run.log
    assert run.code == 0


@pytest.mark.parametrize("name", sorted(QUIET))
def test_nobody_is_told_of_what_does_not_matter(graded: Mapping[str, Graded], name: str) -> None:
    """A save by Colab or Jupyter, lost metadata, outputs and added cells cause no notice."""
    notices = [line for line in graded[name].data["output"].split("\n") if line.startswith("- ")]
    assert notices == [line for line in graded["unchanged"].data["output"].split("\n") if line.startswith("- ")] == []


@pytest.mark.parametrize("name", ["saved_by_colab", "saved_twice", "metadata_lost", "outputs_kept"])
def test_a_save_by_colab_changes_nothing(graded: Mapping[str, Graded], name: str) -> None:
    """After a save the submission has the same digest, so every test meets the same seeds, and the rows are equal."""
    before, after = graded["unchanged"].data, graded[name].data
    for key in ("submission_digest", "seeds"):
        assert before["extra_data"][key] == after["extra_data"][key] != ""
    strip = [{key: row[key] for key in row if key != "output" or name != "saved_by_colab"} for row in after["tests"]]
    assert strip == [
        {key: row[key] for key in row if key != "output" or name != "saved_by_colab"} for row in before["tests"]
    ]
