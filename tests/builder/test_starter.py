"""The starter notebook: what students get, and that nbformat and nbgrader agree."""

from __future__ import annotations

import ast
import json
from typing import TYPE_CHECKING, Any

import pytest

from starterkit.jupyter import load_nbformat, load_preprocessors

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from starterkit.build import Built
    from starterkit.course import CourseFolder

Cells = dict[str, dict[str, Any]]


def source(cell: dict[str, Any]) -> str:
    """The text of a notebook cell."""
    return "".join(cell["source"])


def test_the_starter_equals_its_golden(built: Built, golden: Callable[[str, str], None]) -> None:
    """The sample's starter notebook is the golden one, hwkit's own text aside."""
    notebook = json.loads(built.kit["hw9.ipynb"])
    for cell in notebook["cells"]:
        if cell["id"] == "setup-hwkit":
            cell["source"] = cell["source"][:2]
    golden("hw9.ipynb", json.dumps(notebook, indent=1, ensure_ascii=False) + "\n")


def test_the_starter_is_valid_nbformat(built: Built) -> None:
    """nbformat validates the starter, which has format 4.5."""
    nbformat = load_nbformat()
    notebook = nbformat.reads(built.kit["hw9.ipynb"].decode(), as_version=4)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)


def test_the_starter_has_valid_nbgrader_metadata(built: Built) -> None:
    """nbgrader's own check accepts the metadata of every cell."""
    notebook = load_nbformat().reads(built.kit["hw9.ipynb"].decode(), as_version=4)
    load_preprocessors().CheckCellMetadata()(notebook, {})


def test_no_cell_has_an_output(starter: Cells) -> None:
    """No code cell carries an output or an execution count."""
    assert not [cell for cell in starter.values() if cell.get("outputs") or cell.get("execution_count")]


def test_stubs_say_question_and_length(starter: Cells) -> None:
    """A stub tells how many lines are missing and raises NotImplementedError with the question's name."""
    assert source(starter["solution-9_1a"]).endswith(
        '    # YOUR CODE (≈ 2 lines)\n    raise NotImplementedError("Question 9.1a")'
    )


def test_code_around_a_region_ships(starter: Cells) -> None:
    """What stands before a region in the function body is in the starter."""
    assert "if x.dim() != 2:" in source(starter["solution-9_2a"])


def test_test_cells_end_in_a_check_of_their_public_tests(starter: Cells) -> None:
    """A released tests cell ends with check(id, its public tests)."""
    last = ast.parse(source(starter["tests-9_1a"])).body[-1]
    assert ast.unparse(last) == (
        "check('9.1a', test_density_at_the_mean_is_the_normaliser, test_density_moves_with_its_mean)"
    )


def test_every_code_cell_parses(starter: Cells) -> None:
    """Each code cell is Python, and each %%writefile cell is Python below its first line."""
    for cell in starter.values():
        if cell["cell_type"] == "code":
            ast.parse(
                source(cell).removeprefix(source(cell).split("\n")[0]) if source(cell)[0] == "%" else source(cell)
            )


def test_hidden_tests_are_gone(built: Built) -> None:
    """Neither the names nor the laws of hidden tests stand in any file of the kit."""
    everything = b"".join(built.kit.values())
    for question in built.homework.questions:
        for test in question.tests:
            assert (test.name.encode() in everything) is not test.hidden


def test_written_cells_are_prompts(starter: Cells) -> None:
    """A written question ships its prompt and where to answer, locked; neither answer nor mark scheme."""
    cell = starter["written-w9_1"]
    assert "hw9_written.tex`, page 1" in source(cell)
    assert "Jensen" not in source(cell)
    assert cell["metadata"]["nbgrader"]["locked"] is True


def test_problems_say_points_lines_and_minutes(starter: Cells) -> None:
    """The line under a heading counts points here and on Gradescope, lines to write and minutes."""
    assert source(starter["problem-9_1"]).split("\n")[2] == (
        "*4 points by tests (2 checked here, 2 on Gradescope) · ≈ 2 lines to write · ≈ 30 minutes*"
    )


def test_the_notebook_writes_hwkit_and_modules(built: Built, starter: Cells) -> None:
    """Set-up cells hold hwkit and the given modules as plain text, equal to the files of the kit."""
    for name in ("hwkit", "grids"):
        magic, title, rest = source(starter[f"setup-{name}"]).split("\n", 2)
        assert magic == f"%%writefile {name}.py"
        assert title.startswith("#@title")
        assert f"{rest}\n" == built.kit[f"{name}.py"].decode()


def test_an_inserted_cell_renumbers_nothing(course: CourseFolder, edit: Callable[..., None], starter: Cells) -> None:
    """A new prose cell leaves every other cell id as it was."""
    from starterkit.build import build
    from starterkit.diagnostics import Collector

    edit('# %% [markdown] problem="9.2"', '# %% [markdown]\n# A new remark.\n\n# %% [markdown] problem="9.2"')
    made = build(course, "hw9", Collector())
    assert made is not None
    ids = [cell["id"] for cell in json.loads(made.kit["hw9.ipynb"])["cells"]]
    assert [name for name in ids if name in starter] == list(starter)
    assert len(ids) == len(starter) + 1


def test_a_tests_cell_of_hidden_tests_alone_disappears(course: CourseFolder, edit: Callable[..., None]) -> None:
    """A tests cell whose tests are all hidden leaves no cell behind."""
    from starterkit.build import build
    from starterkit.diagnostics import Collector

    edit(
        "### BEGIN HIDDEN TESTS\n@points(2)\ndef test_density_integrates",
        '# %% tests="9.1a"\n### BEGIN HIDDEN TESTS\n@points(2)\ndef test_density_integrates',
    )
    collector = Collector()
    made = build(course, "hw9", collector)
    assert made is not None
    assert collector.ok
    assert "tests-9_1a-2" not in {cell["id"] for cell in json.loads(made.kit["hw9.ipynb"])["cells"]}


@pytest.mark.filterwarnings("ignore")  # jupyter_client, zmq and asyncio warn about each other
def test_nbgraders_validator_fails_every_question_of_an_untouched_starter(built: Built, tmp_path: Path) -> None:
    """nbgrader, executing the untouched starter, reports every cell of tests as failed."""
    load_preprocessors()
    from nbgrader.validator import Validator

    for name, data in built.kit.items():
        (tmp_path / name).write_bytes(data)
    results = Validator().validate(str(tmp_path / "hw9.ipynb"))
    failed = "\n".join(entry["source"] for entry in results["failed"])
    assert set(results) == {"failed"}
    assert all(f'check("{question.id}"' in failed for question in built.homework.questions)
