"""What comes of reading a homework that is right."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from starterkit.diagnostics import Collector
from starterkit.markers import HIDDEN, SOLUTION, regions, without
from starterkit.model import Homework, Kind
from starterkit.source import load_homework

SAMPLE = Path(__file__).parents[1] / "sample_course"


@pytest.fixture
def homework(read: Callable[..., Any]) -> Homework:
    """The good homework."""
    return read().homework  # type: ignore[no-any-return]


def test_the_sample_course_has_no_mistakes() -> None:
    """The sample homework that other tests build from is read without a problem and holds every kind of cell."""
    collector = Collector()
    homework = load_homework(SAMPLE / "solutions" / "hw9", SAMPLE, collector)
    assert collector.problems == [] and homework is not None
    assert {cell.kind for cell in homework.cells} == set(Kind)
    assert (homework.points, homework.bonus) == (8, 1)


def test_graded_names_are_the_top_level_definitions(homework: Homework) -> None:
    """A question's names are the functions and classes of its solution cell."""
    assert [(q.id, q.problem, q.names) for q in homework.questions] == [
        ("5.1a", "5.1", ("double",)), ("5.1b", "5.1", ("Halver",)),
    ]  # fmt: skip


def test_names_option_replaces_regions(broken: Callable[[str, str], Any]) -> None:
    """With names=, no region is needed, other definitions are not graded, and the whole cell is to be written."""
    old = '# %% solution="5.1a"\ndef double(x: Tensor) -> Tensor:\n    """Return 2 x."""\n    ### BEGIN SOLUTION\n    return 2 * x\n    ### END SOLUTION\n'
    new = '# %% solution="5.1a" names="double"\ndef helper(x):\n    return x\n\n\ndef double(x):\n    """Twice."""\n    # A comment.\n    return 2 * helper(x)\n'
    question = broken(old, new).homework.questions[0]
    assert question.names == ("double",) and question.from_scratch and question.lines_to_write == 4


def test_lines_to_write_count_code_inside_regions(homework: Homework) -> None:
    """Only the lines of the solution region count."""
    assert [question.lines_to_write for question in homework.questions] == [1, 1]


def test_tests_know_points_sides_titles_and_cases(homework: Homework) -> None:
    """Points, @core, the hidden side, title, visibility and number of cases are read without running anything."""
    first, second = homework.questions[0].tests
    assert (first.name, first.title, first.points) == ("test_zero_stays_zero", "Zero stays zero", 1.0)
    assert (first.core, first.hidden, first.cases, first.visibility) == (True, False, 1, "visible")
    assert (second.core, second.hidden, second.cases, second.visibility) == (False, True, 2, "after_published")
    lines = homework.text.splitlines()
    assert lines[first.line - 1].startswith("def test_zero_stays_zero") and first.source.startswith(
        "@core\n@points(1)\ndef"
    )


def test_uses_reach_through_helpers_probes_and_given_functions(homework: Homework) -> None:
    """A test uses what its helpers, probes and given functions use, and graded names of other questions too."""
    assert {test.name: test.uses for question in homework.questions for test in question.tests} == {
        "test_zero_stays_zero": ("double",), "test_ones_become_twos": ("double",),
        "test_halves": ("Halver",), "test_halves_given": ("double", "Halver"),
    }  # fmt: skip


def test_a_question_depends_on_what_its_reference_calls(homework: Homework) -> None:
    """5.1b calls double, which follows it; 5.1a depends on nothing."""
    assert [(q.depends, q.follow) for q in homework.questions] == [((), ()), (("double",), ("double",))]


def test_dependence_goes_through_given_functions(broken: Callable[[str, str], Any]) -> None:
    """Calling a given function that calls a graded one is depending on it."""
    assert broken("return double(x) / 4", "return shared(x) / 4").homework.questions[1].depends == ("double",)


def test_a_name_that_depends_on_the_question_does_not_follow(read: Callable[..., Any], good: str) -> None:
    """Where two questions call each other, neither follows."""
    source = good.replace("    return 2 * x\n", "    return back(x)\n").replace(
        "class Halver:",
        "def back(x):\n    ### BEGIN SOLUTION\n    return double(x)\n    ### END SOLUTION\n\n\nclass Halver:",
    )
    first, second = read(source).homework.questions
    assert (first.depends, first.follow) == (("back",), ())
    assert (second.depends, second.follow) == (("double",), ())


def test_annotations_are_no_dependence(broken: Callable[[str, str], Any]) -> None:
    """Naming another question's class in an annotation neither depends on it nor constructs it."""
    found = broken("def double(x: Tensor) -> Tensor:", "def double(x: Tensor, halver: Halver | None = None) -> Tensor:")
    assert found.problems == [] and found.homework.questions[0].depends == ()


@pytest.mark.parametrize(
    "change", ["return Halver()(x) * 4", "class Local(Halver):\n        pass\n    return Local()(x) * 4"]
)
def test_a_class_of_another_question_is_neither_constructed_nor_inherited(
    broken: Callable[[str, str], Any], change: str
) -> None:
    """Classes across questions are an error, because follow-through marks replace functions only."""
    assert "class-across-questions" in broken("return 2 * x", change).codes


def test_an_instance_of_another_questions_class_may_be_passed_in(broken: Callable[[str, str], Any]) -> None:
    """isinstance and calls on an instance are allowed."""
    assert broken("return 2 * x", "return x(1) if isinstance(x, Halver) else 2 * x").problems == []


def test_written_parts_are_split(homework: Homework) -> None:
    """Prompt, solution and mark scheme of a written question stand apart, without markers."""
    (written,) = homework.written
    assert (written.prompt, written.solution, written.pages) == ("Prove it.", "Clear.", 1)
    assert [(item.points, item.text) for item in written.mark_scheme] == [(1, "starts"), (2, "ends")]


def test_figures_have_captions_and_alt_texts(homework: Homework) -> None:
    """Caption and prompt come from the figure's cell, the alt text and its line from the savefig call."""
    (figure,) = homework.figures
    assert (figure.prompt, figure.caption, figure.alt) == (
        "Hand in the line.",
        "Say whether it is flat.",
        "A flat line.",
    )
    assert homework.text.splitlines()[figure.savefig_line - 1].startswith("savefig(")


def test_keys_are_valid_unique_and_do_not_renumber(read: Callable[..., Any], good: str) -> None:
    """Every cell has its own key of [a-z0-9-_], and a cell inserted at the top changes no other key."""
    before = [cell.key for cell in read(good).homework.cells]
    after = [cell.key for cell in read("# %% [markdown]\n# New.\n\n" + good).homework.cells]
    assert after[1:] == before and len(set(after)) == len(after)
    assert all(re.fullmatch(r"[a-z0-9_-]{1,64}", key) for key in after)


def test_twin_cells_have_different_keys(read: Callable[..., Any], good: str) -> None:
    """Two prose cells with the same text get two keys."""
    twin = "# %% [markdown]\n# Twin.\n\n"
    keys = [cell.key for cell in read(twin + twin + good).homework.cells]
    assert keys[1] == keys[0] + "-2"


def test_removing_regions_leaves_the_rest(homework: Homework) -> None:
    """`without` cuts regions with their markers, and puts a stub at the marker's indentation."""
    (cell,) = homework.cells_of(Kind.SOLUTION, "5.1a")
    stub = without(cell.source, SOLUTION, "raise NotImplementedError")
    assert stub.endswith('"""Return 2 x."""\n    raise NotImplementedError')
    (tests,) = homework.cells_of(Kind.TESTS, "5.1a")
    assert "twos" not in without(tests.source, HIDDEN) and len(regions(tests.source)) == 1


def test_a_question_without_hidden_tests_is_a_warning(read: Callable[..., Any], good: str) -> None:
    """Public tests alone give a homework, and one warning."""
    first = good.index("### BEGIN HIDDEN TESTS\n@points(1)")
    last = good.index("### END HIDDEN TESTS\n", first)
    found = read(good[:first] + good[last + len("### END HIDDEN TESTS\n") :], assignment=SHORT)
    assert found.codes == ["no-hidden-test"] and found.homework is not None


SHORT = 'title = "Five"\nrelease_date = 2026-09-01\ndue_date = 2026-09-15\n'


def test_a_missing_source_is_reported(tmp_path: Path) -> None:
    """A folder without hwN.py gives errors, not an exception."""
    (tmp_path / "hw1").mkdir()
    collector = Collector(tmp_path)
    assert load_homework(tmp_path / "hw1", tmp_path, collector) is None
    assert {(problem.code, problem.path) for problem in collector.problems} == {
        ("missing-file", "solutions/course.toml"), ("missing-file", "hw1/assignment.toml"), ("missing-file", "hw1/hw1.py"),
    }  # fmt: skip
