"""Stripping, case by case: what a cell of the source becomes in the starter."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from starterkit.build import build
from starterkit.diagnostics import Collector

if TYPE_CHECKING:
    from collections.abc import Callable

    from starterkit.course import CourseFolder

    Run = Callable[..., tuple[int, str]]
    Edit = Callable[..., None]

BODY = """    squared = (x - mu) ** 2
    return -0.5 * (squared / var + torch.log(2 * math.pi * var))
"""


@pytest.fixture
def cell(course: CourseFolder) -> Callable[[str], str]:
    """A function that builds the copy and returns the source of one cell of its starter."""

    def source(key: str) -> str:
        collector = Collector(course.root)
        made = build(course, "hw9", collector)
        collector.raise_errors()
        assert made is not None
        cells = {cell["id"]: "".join(cell["source"]) for cell in json.loads(made.kit["hw9.ipynb"])["cells"]}
        return cells[key]

    return source


def test_two_regions_give_two_stubs_with_their_own_lengths(edit: Edit, cell: Callable[[str], str]) -> None:
    """Each region of a cell gets a stub that counts its own lines, indented like its markers."""
    edit(
        f"    ### BEGIN SOLUTION\n{BODY}    ### END SOLUTION",
        "    if var.dim():\n        ### BEGIN SOLUTION\n        squared = (x - mu) ** 2\n"
        "        # a comment does not count\n        logs = torch.log(2 * math.pi * var)\n"
        "        return -0.5 * (squared / var + logs)\n        ### END SOLUTION\n"
        "    ### BEGIN SOLUTION\n    return gaussian_log_prob(x, mu, var[None])[0]\n    ### END SOLUTION",
    )
    assert cell("solution-9_1a").split("\n")[2:] == [
        "    if var.dim():",
        "        # YOUR CODE (≈ 3 lines)",
        '        raise NotImplementedError("Question 9.1a")',
        "    # YOUR CODE (≈ 1 line)",
        '    raise NotImplementedError("Question 9.1a")',
    ]


def test_from_scratch_work_leaves_only_its_name(edit: Edit, cell: Callable[[str], str]) -> None:
    """A cell with names= ships as a stub that says what to define."""
    edit('# %% solution="9.1a"', '# %% solution="9.1a" names="gaussian_log_prob"')
    edit("    ### BEGIN SOLUTION\n    squared", "    squared")
    edit("math.pi * var))\n    ### END SOLUTION", "math.pi * var))")
    assert cell("solution-9_1a") == (
        "# YOUR CODE (≈ 4 lines): define `gaussian_log_prob` here, instead of the next line\n"
        'raise NotImplementedError("Question 9.1a")'
    )


def test_experiments_may_hold_regions(edit: Edit, cell: Callable[[str], str]) -> None:
    """A region of an experiment cell becomes a stub that names the experiment."""
    edit("fig, ax = plt.subplots()", "### BEGIN SOLUTION\nfig, ax = plt.subplots()\n### END SOLUTION")
    assert '# YOUR CODE (≈ 1 line)\nraise NotImplementedError("Experiment 9.2")' in cell("experiment-9_2")


def test_hidden_helpers_of_all_tests_stay_hidden(edit: Edit, cell: Callable[[str], str]) -> None:
    """A hidden region in a tests="*" cell does not ship, and what is around it does."""
    edit(
        '# %% tests="*"\n',
        '# %% tests="*"\n### BEGIN HIDDEN TESTS\ndef trick(x):\n    """Nobody knows."""\n    return x * 7919\n'
        "### END HIDDEN TESTS\n\n\n",
    )
    assert "def standard" in cell("tests-all")
    assert "7919" not in cell("tests-all")


@pytest.mark.parametrize(
    "words", ["Write between BEGIN SOLUTION and END SOLUTION.", "### BEGIN HIDDEN TESTS", "### END SOLUTION"]
)
def test_markers_in_prose_are_mistakes_of_the_source(starterkit: Run, edit: Edit, words: str) -> None:
    """Marker words in prose, which nbgrader would act on, give exit 2 and not a crash."""
    edit("# Everything here is per entry", f"# {words}\n# Everything here is per entry")
    assert starterkit("release", "--draft")[0] == 2


def test_a_marker_inside_a_string_is_no_crash(starterkit: Run, edit: Edit) -> None:
    """Marker words in a string of given code give exit 2 or ship unharmed, never exit 3."""
    edit('"""A normal model of temperatures', '"""BEGIN SOLUTION is a marker. A normal model of temperatures')
    assert starterkit("release", "--draft")[0] in (0, 2)
