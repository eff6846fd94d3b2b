"""One tiny change to a good source notebook per defect: its code, the line it names, and its hint."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

# name of the defect: (what is replaced in the good source, by what, code, text of the line named, part of the hint)
Defect = tuple[str, str, str, str, str]

HEADERS: dict[str, Defect] = {
    "misspelt_key": ('# %% solution="5.1a"', '# %% soltion="5.1a"', "unknown-key", '# %% soltion="5.1a"', "did you mean `solution=`?"),
    "misspelt_option": ("points=3 pages=1", "points=3 page=1", "unknown-key", "page=1", "did you mean `pages=`?"),
    "option_of_another_kind": ('problem="5.1"', 'problem="5.1" points=3', "unknown-key", "points=3", "goes with another kind"),
    "title_in_header": ('# %% tests="*"', '# %% helpers tests="*"', "bad-header", "helpers", "titles go into the text"),
    "id_without_quotes": ('solution="5.1a"', "solution=5.1a", "missing-quotes", "solution=5.1a", 'write solution="5.1a"'),
    "quote_never_closed": ('solution="5.1a"', 'solution="5.1a', "missing-quotes", 'solution="5.1a', "between two"),
    "typographic_quotes": ('solution="5.1a"', "solution=“5.1a”", "missing-quotes", "“5.1a”", "the plain sign"),
    "number_in_quotes": ("points=3 pages=1", 'points="3" pages=1', "bad-value", 'points="3"', "points=3, without quotes"),
    "points_not_positive": ("points=3 pages=1", "points=0 pages=1", "bad-value", "points=0", "points=4"),
    "pages_not_whole": ("points=3 pages=1", "points=3 pages=0.5", "bad-value", "pages=0.5", "pages=4"),
    "points_missing": ("points=3 pages=1", "pages=1", "missing-key", 'written="W5.1"', "add points=4"),
    "two_kinds": ('# %% tests="5.1a"', '# %% tests="5.1a" experiment="5.1"', "two-kinds", "experiment=", "split it"),
    "solution_in_markdown": ('[markdown] problem="5.1"', 'problem="5.1"', "wrong-cell-type", 'problem="5.1"', '`# %% [markdown] problem="…"`'),
    "type_after_key": ('[markdown] problem="5.1"', 'problem="5.1" [markdown]', "bad-header", "[markdown]", "comes first"),
    "misspelt_markdown": ('[markdown] problem="5.1"', '[makrdown] problem="5.1"', "wrong-cell-type", "[makrdown]", "write `[markdown]`"),
    "raw_cell": ("# %% [markdown]\n# # Homework 5\n#\n# Prose with $\\frac{1}{2}$.", "# %% [raw]\n# text", "wrong-cell-type", "[raw]", "`[markdown]`"),
    "underscore_in_id": ('solution="5.1a"', 'solution="5_1a"', "bad-id", "5_1a", 'solution="5.1a"'),
    "capital_letter_in_id": ('solution="5.1a"', 'solution="5.1A"', "bad-id", "5.1A", 'solution="5.1a"'),
    "figure_without_f": ('figure="F5.1"', 'figure="5.1"', "bad-id", 'figure="5.1"', 'figure="F5.1"'),
    "key_twice": ("points=3 pages=1", "points=3 points=3", "repeated-key", "points=3 points=3", "keep one"),
    "text_before_first_cell": ("# %% [markdown]\n# # Homework 5", "import os\n# %% [markdown]\n# # Homework 5", "text-outside-cell", "import os", "# %%"),
    "empty_cell": ('# %% tests="*"\n', '# %%\n\n# %% tests="*"\n', "empty-cell", "# %%", "take the header out"),
    "markdown_not_commented": ("# ## Problem 5.1: twice\n", "# ## Problem 5.1: twice\nx = 1\n", "markdown-not-commented", "x = 1", "start the line with"),
    "fence_never_closed": ("# ## Problem 5.1: twice\n", "# ## Problem 5.1: twice\n# ```\n", "unclosed-fence", "# ```", "close it"),
    "comment_that_jupyter_runs": ("import torch\nfrom hwkit", "import torch\n# copy the tensor\nfrom hwkit", "comment-is-command", "# copy the tensor", "capital letter"),
    "magic_in_comment": ("import torch\nfrom hwkit", "import torch\n# %matplotlib inline\nfrom hwkit", "comment-is-command", "%matplotlib", "plain Python"),
    "magic": ("fig, ax = plt.subplots()", "%matplotlib inline\nfig, ax = plt.subplots()", "syntax-error", "%matplotlib", "Jupyter's commands"),
    "syntax_error": ("    return double(x) + 1", "    return double(x +", "syntax-error", "return double(x +", "correct the code"),
}  # fmt: skip

MARKERS: dict[str, Defect] = {
    "unclosed_solution": ("    return 2 * x\n    ### END SOLUTION\n", "    return 2 * x\n", "unclosed-solution", "### BEGIN SOLUTION", "add `### END SOLUTION` after line 24, at the same indentation"),
    "unclosed_hidden_tests": ("2 * ones(n))\n### END HIDDEN TESTS", "2 * ones(n))", "unclosed-hidden", "### BEGIN HIDDEN TESTS", "`### END HIDDEN TESTS` after line 46"),
    "unclosed_mark_scheme": ("# - (2) flat\n# ### END MARK SCHEME", "# - (2) flat", "unclosed-mark", "### BEGIN MARK SCHEME", "END MARK SCHEME"),
    "one_hash": ("    ### BEGIN SOLUTION\n    return 2 * x\n    ### END SOLUTION", "    #BEGIN SOLUTION\n    return 2 * x\n    ### END SOLUTION", "marker-typo", "#BEGIN SOLUTION", "exactly `### BEGIN SOLUTION`"),
    "hiden_tests": ('### BEGIN HIDDEN TESTS\n@points(2)', '### BEGIN HIDEN TESTS\n@points(2)', "marker-typo", "HIDEN", "exactly `### BEGIN HIDDEN TESTS`"),
    "wrong_case": ("return 2 * x\n    ### END SOLUTION", "return 2 * x\n    ### End Solution", "marker-typo", "### End Solution", "exactly `### END SOLUTION`"),
    "soltuion": ("    ### BEGIN SOLUTION\n    return 2", "    ### BEGIN SOLTUION\n    return 2", "marker-typo", "SOLTUION", "exactly `### BEGIN SOLUTION`"),
    "decorated": ("return 2 * x\n    ### END SOLUTION", "return 2 * x\n    # === END SOLUTION ===", "marker-typo", "===", "exactly `### END SOLUTION`"),
    "start_for_begin": ("    ### BEGIN SOLUTION\n    return 2", "    # Start of solution\n    return 2", "marker-typo", "Start of", "exactly `### BEGIN SOLUTION`"),
    "words_after_marker": ("return 2 * x\n    ### END SOLUTION", "return 2 * x\n    ### END SOLUTION (short)", "marker-typo", "(short)", "exactly `### END SOLUTION`"),
    "end_indented_otherwise": ("return 2 * x\n    ### END SOLUTION", "return 2 * x\n  ### END SOLUTION", "marker-indent", "### END SOLUTION", "indent it by 4 spaces, like line 23"),
    "nested": ("    return 2 * x\n", "    ### BEGIN SOLUTION\n    return 2 * x\n", "nested-marker", "### BEGIN SOLUTION", "close the region of line 23"),
    "stray_end": ("def ones(n: int) -> Tensor:", "### END HIDDEN TESTS\ndef ones(n: int) -> Tensor:", "stray-end", "END HIDDEN TESTS", "add `### BEGIN HIDDEN TESTS` above"),
    "closed_by_another": ("# Clear.\n# ### END SOLUTION", "# Clear.\n# ### END MARK SCHEME", "mismatched-marker", "END MARK SCHEME", "`### END SOLUTION`"),
    "in_a_string": ('"""Return 2 x."""', '"""Return 2 x.\n    ### BEGIN SOLUTION\n    """', "marker-in-string", "### BEGIN SOLUTION", "another way"),
    "in_an_expression": ("    ### BEGIN SOLUTION\n    return 2 * x\n    ### END SOLUTION", "    return (\n    ### BEGIN SOLUTION\n    2 * x\n    ### END SOLUTION\n    )", "marker-in-expression", "### BEGIN SOLUTION", "around the statement"),
    "after_code": ("    ### BEGIN SOLUTION\n    return 2 * x", "    y = x  ### BEGIN SOLUTION\n    return 2 * x", "code-on-marker-line", "y = x", "line of its own"),
    "in_given_code": ("    return double(x) + 1", "    ### BEGIN SOLUTION\n    return double(x) + 1\n    ### END SOLUTION", "marker-in-wrong-cell", "### BEGIN SOLUTION", "this is a given cell"),
    "solution_in_tests": ("    return torch.ones(n)", "    ### BEGIN SOLUTION\n    return torch.ones(n)\n    ### END SOLUTION", "marker-in-wrong-cell", "SOLUTION", "solution and experiment and written cells"),
    "in_prose": ("# Prose with", "# ### BEGIN SOLUTION\n# Prose with", "marker-in-wrong-cell", "BEGIN SOLUTION", "this is a prose cell"),
    "near_miss_in_prose": ("# Prose with", "# ## Begin solution\n# Prose with", "marker-typo", "Begin solution", "exactly `### BEGIN SOLUTION`"),
    "empty_region": ("    return 2 * x\n    ### END", "    ### END", "empty-region", "### BEGIN SOLUTION", "between the markers"),
    "hidden_marker_in_function": ("def test_ones_become_twos(n):\n    \"\"\"Ones become twos.\"\"\"\n    assert_close(double(ones(n)), 2 * ones(n))\n### END HIDDEN TESTS", "def test_ones_become_twos(n):\n    \"\"\"Ones become twos.\"\"\"\n    y = double(ones(n))\n### END HIDDEN TESTS\n    assert_close(y, 2 * ones(n))", "marker-in-function", "END HIDDEN TESTS", "below the function's last line"),
    "hidden_marker_below_decorator": ("### BEGIN HIDDEN TESTS\n@points(2)\n", "@points(2)\n### BEGIN HIDDEN TESTS\n", "marker-in-function", "BEGIN HIDDEN TESTS", "above the decorators"),
    "hidden_marker_indented": ("def ones(n: int) -> Tensor:\n    return torch.ones(n)", "def ones(n: int) -> Tensor:\n    ### BEGIN HIDDEN TESTS\n    return torch.ones(n)\n    ### END HIDDEN TESTS", "marker-indent", "### BEGIN HIDDEN TESTS", "first column"),
    "region_at_column_0": ("    ### BEGIN SOLUTION\n    return 2 * x\n    ### END SOLUTION", "### BEGIN SOLUTION\n    return 2 * x\n### END SOLUTION", "region-outside-function", "### BEGIN SOLUTION", "inside a function"),
    "stub_at_column_0_breaks": ("    ### BEGIN SOLUTION\n    return 2 * x\n    ### END SOLUTION", "    if len(x):\n### BEGIN SOLUTION\n        x = 2 * x\n### END SOLUTION\n    return x", "stub-does-not-parse", "### BEGIN SOLUTION", "block's indentation"),
    "region_in_class_body": ("class Halver:\n    \"\"\"Halves.\"\"\"\n", "class Halver:\n    \"\"\"Halves.\"\"\"\n\n    ### BEGIN SOLUTION\n    factor = 4\n    ### END SOLUTION\n", "region-outside-function", "### BEGIN SOLUTION", "inside a function"),
    "no_region": ("    ### BEGIN SOLUTION\n    return 2 * x\n    ### END SOLUTION", "    return 2 * x", "no-solution-region", 'solution="5.1a"', 'names="…"'),
    "second_function_ships": ("    return 2 * x\n    ### END SOLUTION\n", "    return 2 * x\n    ### END SOLUTION\n\n\ndef triple(x: Tensor) -> Tensor:\n    return 3 * x\n", "ships-solved", "def triple", "move it to a given cell"),
    "names_and_region": ('solution="5.1a"', 'solution="5.1a" names="double"', "names-and-region", "names=", "drop names="),
}  # fmt: skip

QUESTIONS: dict[str, Defect] = {
    "duplicate_question": ('# %% solution="5.1b"', '# %% solution="5.1a"', "duplicate-question", 'solution="5.1a"', "line 20 has it already"),
    "unknown_problem": ('# %% experiment="5.1"', '# %% experiment="5.2"', "unknown-problem", 'experiment="5.2"', 'problem="5.2"'),
    "unknown_question": ('# %% tests="5.1b"', '# %% tests="5.1c"', "unknown-question", 'tests="5.1c"', "did you mean tests="),
    "question_without_tests": ('# %% tests="5.1b"', '# %% tests="5.1a"', "question-without-tests", 'solution="5.1b"', '# %% tests="5.1b"'),
    "no_title": ('    """Zero stays zero."""\n', "", "test-without-title", "def test_zero_stays_zero", "start it with the law"),
    "counts_nothing": ("@core\n@points(1)\n", "", "test-counts-nothing", "def test_zero_stays_zero", "@points(1)"),
    "zero_points": ("@core\n@points(1)\n", "@points(0)\n", "test-counts-nothing", "def test_zero_stays_zero", "@core"),
    "points_as_text": ("@points(2)", '@points("2")', "bad-decorator", '@points("2")', "write @points(2)"),
    "points_computed": ("@points(2)", "@points(POINTS)", "bad-decorator", "@points(POINTS)", "write @points(2)"),
    "points_bare": ("@points(2)", "@points", "bad-decorator", "@points", "write @points(2)"),
    "core_called": ("@core\n", "@core()\n", "bad-decorator", "@core()", "without brackets"),
    "misspelt_decorator": ("@core\n", "@coer\n", "unknown-decorator", "@coer", "did you mean @core?"),
    "hidden_core": ("@points(2)\n", "@core\n@points(2)\n", "hidden-core", "def test_ones_become_twos", "students must see what blocks them"),
    "decorator_twice": ("@points(2)\n", "@points(2)\n@points(2)\n", "repeated-decorator", "@points(2)", "keep one"),
    "hidden_visibility": ("@points(2)\n", '@points(2)\n@hwkit.visibility("hidden")\n', "bad-decorator", "visibility", 'write "after_published"'),
    "timeout_negative": ("@points(2)\n", "@points(2)\n@hwkit.timeout(-1)\n", "bad-decorator", "timeout(-1)", "@timeout(5)"),
    "void_without_reason": ("@points(2)\n", "@points(2)\n@hwkit.void\n", "bad-decorator", "hwkit.void", "@void("),
    "unknown_name_of_hwkit": ("import torch\nfrom hwkit import", "import torch\nfrom hwkit import assert_clos,", "unknown-name", "assert_clos", "did you mean assert_close?"),
    "points_below_zero": ("@points(2)", "@points(-2)", "bad-decorator", "@points(-2)", "write @points(2)"),
    "cases_without_values": ('@cases("n", 2, 3)', '@cases("n")', "bad-decorator", '@cases("n")', '@cases("n", 1, 2)'),
    "cases_of_wrong_length": ('@cases("n", 2, 3)\ndef test_ones_become_twos(n):', '@cases("n, k", (1, 2), (3,))\ndef test_ones_become_twos(n, k):', "bad-decorator", "(3,)", "@cases"),
    "cases_not_taken": ('@cases("n", 2, 3)', '@cases("n, k", (1, 2))', "unused-case", "def test_ones_become_twos", "add `k`"),
    "unknown_argument": ("def test_zero_stays_zero(rng):", "def test_zero_stays_zero(rnd, rng):", "unknown-argument", "rnd", "did you mean `rng`?"),
    "duplicate_test": ("### BEGIN HIDDEN TESTS\n@points(2)", "@points(1)\ndef test_zero_stays_zero(rng):\n    \"\"\"Again.\"\"\"\n    double(ones(1))\n\n\n### BEGIN HIDDEN TESTS\n@points(2)", "duplicate-test", "def test_zero_stays_zero", "only the last one would run"),
    "misspelt_test": ("def test_halves(rng):", "def tset_halves(rng):", "not-a-test", "def tset_halves", "rename it test_halves"),
    "test_class": ("# %% tests=\"5.1b\"\n", "# %% tests=\"5.1b\"\nclass TestHalver:\n    pass\n\n\n", "test-class", "class TestHalver", "plain function"),
    "test_in_shared_cell": ("def ones(n: int) -> Tensor:", "@points(1)\ndef test_x(rng):\n    \"\"\"X.\"\"\"\n\n\ndef ones(n: int) -> Tensor:", "test-of-no-question", "def test_x", "helpers"),
    "test_of_something_else": ("    assert repeated(ones(2)) == 1", "    assert ones(2).sum() == 2", "test-ignores-question", "def test_halves", "call Halver"),
    "public_uses_hidden": ("def ones(n: int) -> Tensor:\n    return torch.ones(n)", "### BEGIN HIDDEN TESTS\ndef ones(n: int) -> Tensor:\n    return torch.ones(n)\n### END HIDDEN TESTS", "public-uses-hidden", "assert repeated(ones(2)) == 1", "move ones above"),
    "public_uses_hidden_constant": ("def ones(n: int) -> Tensor:", "### BEGIN HIDDEN TESTS\nONE = 1\n### END HIDDEN TESTS\n\n\ndef ones(n: int = ONE) -> Tensor:", "public-uses-hidden", "n: int = ONE", "move ONE above"),
    "helper_hides_given": ("def ones(n: int) -> Tensor:", "def shared(n: int) -> Tensor:\n    return n\n\n\ndef ones(n: int) -> Tensor:", "duplicate-name", "def shared", "given code defines shared"),
    "given_defines_graded": ('def shared(x: Tensor) -> Tensor:\n    """Given."""\n    return double(x) + 1', 'def double(x: Tensor) -> Tensor:\n    return x\n\n\ndef shared(x: Tensor) -> Tensor:\n    return double(x) + 1', "duplicate-name", "def double", "graded name of 5.1a"),
    "graded_twice": ("class Halver:", "class double:\n    def f(self):\n        ### BEGIN SOLUTION\n        return 1\n        ### END SOLUTION\n\n\nclass Halver:", "duplicate-name", "class double", "question 5.1a defines it already"),
    "experiment_defines_graded": ("fig, ax = plt.subplots()", "double = 3\nfig, ax = plt.subplots()", "experiment-defines-graded", "double = 3", "use another name"),
    "given_calls_graded": ("# %% [markdown] problem=\"5.1\"", "# %%\ntwo = double(torch.ones(1))\n\n# %% [markdown] problem=\"5.1\"", "given-calls-graded", "two = double", "inside functions only"),
    "given_calls_graded_indirectly": ("# %% [markdown] problem=\"5.1\"", "# %%\nthree = shared(torch.ones(1))\n\n# %% [markdown] problem=\"5.1\"", "given-calls-graded", "three = shared", "inside functions only"),
    "given_inherits_graded": ("# %% [markdown] problem=\"5.1\"", "# %%\nclass Quarter(Halver):\n    pass\n\n# %% [markdown] problem=\"5.1\"", "given-calls-graded", "class Quarter", "inside functions only"),
    "given_plots": ("import torch\nfrom hwkit", "import matplotlib.pyplot as plt\nimport torch\nfrom hwkit", "given-import", "import matplotlib", "experiment cell"),
    "given_module_unknown": ("import torch\nfrom hwkit", "import digits\nimport torch\nfrom hwkit", "given-import", "import digits", "`modules` in assignment.toml"),
    "tests_import_pytest": ("# %% tests=\"5.1b\"\n", "# %% tests=\"5.1b\"\nimport pytest\n\n\n", "graded-import", "import pytest", "from hwkit import raises"),
    "default_argument_across_questions": ("def __call__(self, x: Tensor) -> Tensor:", "def __call__(self, x: Tensor, f=double) -> Tensor:", "graded-at-top-level", "f=double", "inside a function body"),
    "tests_load_graded": ('@cases("n", 2, 3)', '@cases("n", double(2), 3)', "graded-at-top-level", '@cases("n", double(2), 3)', "inside the test"),
    "test_reads_experiment": ("    assert repeated(ones(2)) == 1", "    assert repeated(ones(2)) == 1 and ax", "name-of-experiment", "and ax", "given cell"),
    "given_reads_experiment": ("# %% [markdown] problem=\"5.1\"", "# %%\nbackend = plt.get_backend()\n\n# %% [markdown] problem=\"5.1\"", "name-of-experiment", "backend = plt", "given cell"),
    "probe_reads_helper": ("    return float(Halver()(x).sum())", "    return float(Halver()(ones(2)).sum())", "probe-name", "ones(2)", "a probe sees"),
    "probe_reads_other_question": ("    return float(Halver()(x).sum())", "    return float(double(Halver()(x)).sum())", "probe-name", "double(", "its question's names"),
    "probe_asserts": ("    return float(Halver()(x).sum())", "    assert len(x)\n    return float(Halver()(x).sum())", "probe-asserts", "assert len(x)", "assert on it in the test"),
    "probe_returns_nothing": ("    return float(Halver()(x).sum())", "    Halver()(x)", "probe-returns-nothing", "def repeated", "plain value"),
}  # fmt: skip

PROSE: dict[str, Defect] = {
    "problem_without_heading": ("# ## Problem 5.1: twice", "# Problem 5.1: twice", "problem-without-heading", "# Problem 5.1", "## Problem 5.1"),
    "no_solution": ("# ### BEGIN SOLUTION\n# Clear.\n# ### END SOLUTION\n", "", "missing-solution", 'written="W5.1"', "model answer"),
    "no_mark_scheme": ("# ### BEGIN MARK SCHEME\n# - (2) flat\n# ### END MARK SCHEME\n", "", "missing-mark-scheme", 'figure="F5.1"', "- (2)"),
    "mark_scheme_sum": ("# - (2) ends", "# - (3) ends", "mark-scheme-sum", "BEGIN MARK SCHEME", "points=4"),
    "mark_item_without_points": ("# - (2) flat", "# - (2) flat\n# - straight", "bad-mark-item", "- straight", "`- (2)"),
    "empty_prompt": ("# Prove it.\n#\n", "", "empty-prompt", 'written="W5.1"', "above the first marker"),
    "no_caption": ("# Caption: Say whether it is flat.\n", "", "figure-without-caption", 'figure="F5.1"', "# Caption:"),
    "no_savefig": ('savefig("F5.1", fig, alt="A flat line.", answer="…")', "fig.show()", "figure-without-savefig", 'figure="F5.1"', 'savefig("F5.1"'),
    "savefig_twice": ("fig, ax = plt.subplots()", 'fig, ax = plt.subplots()\nsavefig("F5.1", fig, alt="x")', "repeated-savefig", 'alt="A flat line."', "keep one call"),
    "savefig_unknown": ("fig, ax = plt.subplots()", 'fig, ax = plt.subplots()\nsavefig("F5.2", fig, alt="x")', "unknown-figure", "F5.2", 'did you mean "F5.1"?'),
    "savefig_without_alt": (' alt="A flat line.",', "", "figure-without-alt", "savefig(", "add alt="),
    "savefig_in_solution": ("ax.plot(double(ones(3)))\n### END SOLUTION\n", "ax.plot(double(ones(3)))\n", "unclosed-solution", "BEGIN SOLUTION", "END SOLUTION"),
    "savefig_in_given": ("    return double(x) + 1", '    hwkit.savefig("F5.1", x, alt="x")\n    return double(x) + 1', "savefig-outside-experiment", "hwkit.savefig", "experiment cell"),
    "savefig_computed": ("fig, ax = plt.subplots()", "fig, ax = plt.subplots()\nsavefig(name, fig)", "bad-savefig", "savefig(name", "number first"),
    "pickled_artefact": ("# %% [markdown] figure=", '# %% artefact="model" file="*.pt"\nx = 1\n\n# %% [markdown] figure=', "pickled-artefact", "*.pt", "*.npz"),
}  # fmt: skip


@pytest.mark.parametrize("defect", [*HEADERS.values(), *MARKERS.values(), *QUESTIONS.values(), *PROSE.values()],
                         ids=[*HEADERS, *MARKERS, *QUESTIONS, *PROSE])  # fmt: skip
def test_a_defect_is_reported_with_its_line_and_a_hint(broken: Callable[[str, str], Any], defect: Defect) -> None:
    """Each defect is an error that quotes the offending line and says what to type."""
    old, new, code, line, hint = defect
    found = broken(old, new)
    mine = [problem for problem in found.problems if problem.code == code]
    assert mine, [found.shown(problem) for problem in found.problems]
    text = (found.folder / "hw5.py").read_text(encoding="utf-8").splitlines()
    assert any(line in problem.text and problem.text == text[(problem.line or 0) - 1] for problem in mine), mine
    assert any(hint in str(problem.hint) for problem in mine), [problem.hint for problem in mine]
    assert found.homework is None


ALONE = [
    "misspelt_option", "number_in_quotes", "type_after_key", "comment_that_jupyter_runs", "end_indented_otherwise",
    "near_miss_in_prose", "region_at_column_0", "counts_nothing", "hidden_core", "unknown_argument", "probe_asserts",
    "probe_reads_helper", "given_plots", "unknown_name_of_hwkit", "mark_scheme_sum", "no_caption", "savefig_without_alt", "duplicate_test",
]  # fmt: skip


@pytest.mark.parametrize("name", ALONE)
def test_one_defect_is_one_error(broken: Callable[[str, str], Any], name: str) -> None:
    """A defect that does not change the points draws no second error."""
    old, new, code, _, _ = {**HEADERS, **MARKERS, **QUESTIONS, **PROSE}[name]
    found = broken(old, new)
    errors = [problem for problem in found.problems if problem.severity == "error" and problem.code != "points-total"]
    assert [problem.code for problem in errors] == [code], [found.shown(problem) for problem in errors]


@pytest.mark.parametrize("name", ["syntax_error", "points_as_text", "points_below_zero", "unknown_question"])
def test_points_that_cannot_be_read_are_not_added_up(broken: Callable[[str, str], Any], name: str) -> None:
    """A mistake that hides points draws no error about a total, whose hint would be to write the wrong one."""
    old, new, code, _, _ = {**HEADERS, **QUESTIONS}[name]
    codes = broken(old, new).codes
    assert code in codes and "points-total" not in codes and "test-counts-nothing" not in codes


def test_the_good_source_is_good(read: Callable[..., Any]) -> None:
    """The homework that the defects are made from has no mistake and no warning."""
    found = read()
    assert found.problems == [] and found.homework is not None


def test_all_mistakes_are_reported_at_once(read: Callable[..., Any], good: str) -> None:
    """Three unrelated mistakes in three cells and one in assignment.toml give four errors, in the order of files and lines."""
    source = good.replace("@core\n", "@coer\n").replace("- (2) flat", "- flat").replace('tests="5.1b"', 'test="5.1b"')
    found = read(source, assignment='titel = "Five"\nrelease_date = 2026-09-01\ndue_date = 2026-09-15\n')
    assert {"unknown-decorator", "bad-mark-item", "unknown-key", "missing-key"} <= set(found.codes)
    places = [(problem.path, problem.line or 0) for problem in found.problems]
    assert places == sorted(places)
