"""The leak scan, case by case: what it must catch in a kit, and what it must let pass."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from starterkit import leaks
from starterkit.diagnostics import Collector

if TYPE_CHECKING:
    from collections.abc import Callable

    from starterkit.build import Built

    Run = Callable[..., tuple[int, str]]

SHORT = "total = 0\n    for row in x:\n        total += row\n    return total"


def found(built: Built, name: str, text: str) -> list[tuple[str, int | None]]:
    """Codes and lines of the leaks in the kit with one more file."""
    collector = Collector(built.homework.folder.parents[1])
    leaks.scan({**built.kit, name: text.encode()}, built.homework, built.modules, collector)
    return [(problem.code, problem.line) for problem in collector.errors]


def line(built: Built, words: str) -> int:
    """The source line that holds `words`."""
    return next(number for number, text in enumerate(built.homework.text.split("\n"), start=1) if words in text)


def test_the_sample_leaks_nothing(built: Built) -> None:
    """The kit as it is passes."""
    assert found(built, "empty.txt", "") == []


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("squared = (x - mu) ** 2", "squared=(x-mu)**2   # respaced"),
        ("return -0.5 * (squared", "# return -0.5 * (squared / var + torch.log(2 * math.pi * var))"),
        ("x = grid(-30.0, 30.0, 4001)", "    x = grid(-30.0, 30.0, 4001)"),
        ("def test_density_integrates_to_one", "see test_density_integrates_to_one"),
    ],
)
def test_lines_of_solutions_and_hidden_tests_are_caught(built: Built, words: str, text: str) -> None:
    """A telling line is found whatever its spacing, in a comment too, and reported at its source line."""
    assert ("leak", line(built, words)) in found(built, "extra.py", text + "\n")


def test_mark_schemes_and_answers_are_caught_across_lines(built: Built) -> None:
    """A sentence of a mark scheme is found in a file that wraps it elsewhere."""
    text = "applies Jensen's inequality\nto the logarithm, in the right direction"
    assert [code for code, _ in found(built, "extra.md", text)] == ["leak"]


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("secret", "5a6d0c1f3b7e4a928d10c2f4e6b8a7d95a6d0c1f3b7e4a928d10c2f4e6b8a7d9"),
        ("staff-email", "write to Staff@Example.org"),
        ("machine-path", "open('/home/ada/course/data.npz')"),
        ("machine-path", r"C:\Users\ada"),
    ],
)
def test_secrets_addresses_and_paths_are_caught(built: Built, code: str, text: str) -> None:
    """The course's secret, the staff's address and paths of a machine must not stand in a kit."""
    assert [name for name, _ in found(built, "extra.txt", text)] == [code]


def test_outputs_and_personal_metadata_are_caught(built: Built) -> None:
    """A cell with an output, and Colab's executionInfo, are found."""
    notebook = json.loads(built.kit["hw9.ipynb"])
    notebook["cells"][-5]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "1"}]
    notebook["cells"][0]["metadata"]["executionInfo"] = {"user": {"displayName": "Ada"}}
    codes = [code for code, _ in found(built, "hw9.ipynb", json.dumps(notebook))]
    assert sorted(codes) == ["output", "personal-metadata"]


def test_a_solved_notebook_in_place_of_the_starter_is_caught(built: Built) -> None:
    """If stripping failed altogether, every solution region would be reported."""
    leaked = {place for code, place in found(built, "hw9.ipynb", built.solutions["hw9_solved.ipynb"].decode())}
    assert {line(built, "squared = (x - mu) ** 2"), line(built, "return Thermometer(mu, var)")} <= leaked


def test_hidden_tests_left_in_a_notebook_are_caught(built: Built) -> None:
    """If hidden tests were not cleared, their names and their lines would be reported."""
    notebook = json.loads(built.kit["hw9.ipynb"])
    hidden = next(cell.source for cell in built.homework.cells if cell.key == "tests-9_1a")
    next(cell for cell in notebook["cells"] if cell["id"] == "tests-9_1a")["source"] = hidden
    leaked = {place for _, place in found(built, "hw9.ipynb", json.dumps(notebook))}
    assert {line(built, "def test_density_integrates"), line(built, "x = grid(-30.0, 30.0, 4001)")} <= leaked


def test_formulas_of_an_answer_may_stand_elsewhere(built: Built) -> None:
    """A formula without words is no leak."""
    assert found(built, "extra.md", "$-\\mathrm{KL} = 0$") == []


def test_trivial_lines_pass(built: Built) -> None:
    """Lines such as `return x` or a bracket say nothing."""
    assert found(built, "extra.py", "return x\n)\ncalls += 1\n") == []


def test_a_region_of_short_lines_is_caught_whole(starterkit: Run, edit: Callable[..., None]) -> None:
    """A region whose every line is short is found when all of it stands in prose, at the line that ships it."""
    edit("return Thermometer(mu, var).surprise(x).sum(-1)", SHORT)
    edit(
        "# A model that is given",
        "# ```\n# total = 0\n# for row in x:\n#     total += row\n# return total\n# ```\n# A model that is given",
    )
    code, said = starterkit("release", "--draft")
    assert code == 2
    assert "error[leak]" in said
    assert "| # total = 0" in said


def test_some_short_lines_pass(starterkit: Run, edit: Callable[..., None]) -> None:
    """One short line of such a region in prose is no leak."""
    edit("return Thermometer(mu, var).surprise(x).sum(-1)", SHORT)
    edit("# A model that is given", "# ```\n# total = 0\n# ```\n# A model that is given")
    assert starterkit("release", "--draft")[0] == 0


def test_lines_that_given_code_has_as_well_pass(starterkit: Run, edit: Callable[..., None]) -> None:
    """A solution line that also stands in a given cell does not count."""
    edit("return -gaussian_log_prob(x, self.mu, self.var)", "squared = (x - mu) ** 2\n        return squared")
    assert starterkit("release", "--draft")[0] == 0


def test_a_solution_left_in_a_comment_is_caught(starterkit: Run, edit: Callable[..., None]) -> None:
    """A commented-out solution beside its region is reported at the comment's line."""
    edit(
        "    squared = (x - mu) ** 2",
        "    ### END SOLUTION\n    # squared = (x - mu) ** 2\n    ### BEGIN SOLUTION\n    squared = (x - mu) ** 2",
    )
    code, said = starterkit("release", "--draft")
    assert code == 2
    assert "leak" in said
