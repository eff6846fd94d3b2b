"""Messy notebooks, one function each, with what a careful human would grade.

The graded names are `area` (1a), `Square` (1b) and `volume` (1c); each function is named after its defect.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.extract.program import GIVEN, code, notebook, text

if TYPE_CHECKING:
    from collections.abc import Callable

AREA = "def area(x):\n    return x * x"
STUB = 'def area(x):\n    """Area."""\n    # YOUR CODE (≈ 1 line)\n    raise NotImplementedError("Question 1a")'
SQUARE = (
    "class Square:\n    def __init__(self, x):\n        self.x = x\n    def size(self):\n        return area(self.x)"
)
WRONG = "def area(x):\n    return -1"


@dataclass(frozen=True, kw_only=True)
class Case:
    """A notebook and what is expected of it. `values`: expression in the namespace of 1a → value; `cell`: where `area` is
    found; `missing`: part of the sentence on `area` (then it is not found); `notices`: parts of notices, all must appear;
    `quiet`: no notice at all; `error`: part of the refusal; `question`: whose program is run.
    """

    data: bytes
    values: dict[str, object] = field(default_factory=dict)
    filename: str = "hw1.ipynb"
    question: str = "1a"
    cell: int | None = None
    stub: bool = False
    missing: str | None = None
    notices: tuple[str, ...] = ()
    quiet: bool = False
    error: str | None = None
    absent: tuple[str, ...] = ()  # names that the program must not bind
    errors: tuple[str, ...] = ()  # errors of pieces
    spec: dict[str, Any] = field(default_factory=dict)
    given: str = ""


CASES: dict[str, Callable[[], Case]] = {}


def case(build: Callable[[], Case]) -> Callable[[], Case]:
    CASES[build.__name__] = build
    return build


def plain(*cells: str | dict[str, Any], expected: object = 9, **more: Any) -> Case:
    """A notebook in which `area(3)` works."""
    return Case(data=notebook(*cells), values={"area(3)": expected}, **more)


# ------------------------------------------------------------------------------------------------ notebook syntax
@case
def shell_lines_and_line_magics() -> Case:
    return plain(
        "!pip install -q torch \\\n   numpy\n%matplotlib inline\n%load_ext autoreload\n" + AREA, cell=1, quiet=True
    )


@case
def magic_assignments_and_help_lines() -> Case:
    return plain("files = !ls\nhere = %pwd\n?print\narea?\n" + AREA, quiet=True)


@case
def magic_inside_a_function_body() -> Case:
    return plain("def area(x):\n    if False:\n        !nvidia-smi\n    return x * x", quiet=True)


@case
def magic_lookalikes_inside_strings() -> Case:
    body = 'def area(x):\n    s = """\n%d items\n!important\n""" % 3\n    return x * x, s'
    return plain("%time\n" + body, expected=(9, "\n3 items\n!important\n"))


@case
def modulo_at_the_start_of_a_line() -> Case:
    return plain("!ls\ndef area(x):\n    return (x * x\n% 5)", expected=4)


@case
def timed_statement() -> Case:
    return plain("%time k = 3\ndef area(x): return x * k", quiet=True)


@case
def cell_magic_time_keeps_the_body() -> Case:
    return plain("%%time\n" + AREA, cell=1)


@case
def cell_magic_after_a_form_title() -> Case:
    return plain("#@title Set-up\n%%capture\n!pip install x\n" + AREA)


@case
def cell_magic_bash_with_the_answer() -> Case:
    return Case(data=notebook("%%bash\n" + AREA), missing="starts with %%bash")


@case
def many_magics_in_one_cell() -> Case:
    return plain("\n".join(["!pip install x"] * 200) + "\n" + AREA)


@case
def module_written_by_the_notebook() -> Case:
    write = "%%writefile shapes.py\nSIDE = 2\ndef scale(x): return SIDE * x"
    return plain(write, "from shapes import scale\ndef area(x): return scale(x)", expected=6, quiet=True)


@case
def module_extended_with_append() -> Case:
    cells = ("%%writefile shapes.py\nSIDE = 2", "%%writefile -a shapes.py\n\ndef scale(x): return SIDE * x")
    return plain(*cells, "import shapes\ndef area(x): return shapes.scale(x)", expected=6)


@case
def own_copy_of_the_kit_is_ignored() -> Case:
    return plain("%%writefile hwkit.py\nHACKED = True", AREA, quiet=True)


@case
def module_that_would_hide_a_library() -> Case:
    return plain("%%writefile torch.py\nx = 1", AREA, notices=("would hide the library `torch`",))


@case
def google_colab_and_drive() -> Case:
    return plain(
        "from google.colab import drive\ndrive.mount('/content/drive')\nimport os\nos.chdir('/content/drive')",
        AREA,
        quiet=True,
    )


@case
def get_ipython_calls_from_nbconvert() -> Case:
    return plain("get_ipython().run_line_magic('matplotlib', 'inline')\n" + AREA, quiet=True)


@case
def top_level_await() -> Case:
    return plain("import asyncio\nawait asyncio.sleep(100)\n" + AREA)


@case
def cell_indented_as_a_whole() -> Case:
    return plain("    k = 2\n    def area(x):\n        return x * k", expected=6)


@case
def non_breaking_spaces_from_a_chat() -> Case:
    return plain("def area(x):\n\u00a0\u00a0\u00a0\u00a0y = x\u200b\n\u00a0\u00a0\u00a0\u00a0return x * y", quiet=True)


@case
def windows_line_ends_and_source_lists() -> Case:
    return plain(code(["def area(x):\r\n", "    return x * x\r\n"]), quiet=True)


@case
def nul_bytes_and_lone_surrogates() -> Case:
    return plain(code("def area(x):\n    s = '\ud800'\x00\n    return x * x"))


# ------------------------------------------------------------------------------------------------ broken code
@case
def syntax_error_in_another_cell() -> Case:
    return plain("def broken(:\n    pass", AREA, notices=("cell 1 does not parse: line 1",))


@case
def syntax_error_beside_the_answer() -> Case:
    return plain("x = # your code here\n\n" + AREA + "\n\nprint('a'", cell=1, notices=("only `x` is lost",))


@case
def syntax_error_in_the_answer() -> Case:
    return Case(
        data=notebook(SQUARE, "# comment\ndef area(x):\n    return (x * x\n"), missing="cell 2 does not parse: line 3"
    )


@case
def comment_only_body() -> Case:
    return Case(
        data=notebook("def area(x):\n    # your code here\n\ndef other(): pass"), missing="cell 1 does not parse: line"
    )


@case
def broken_attempt_below_the_stub() -> Case:
    return Case(data=notebook(STUB, "def area(x):\n    return x *"), missing="cell 2 does not parse: line 2")


@case
def broken_method_costs_only_itself() -> Case:
    broken = "class Square:\n    def __init__(self, x):\n        self.x = x\n    def bad(self:\n        pass\n    def size(self):\n        return self.x"
    return Case(
        data=notebook(broken),
        question="1b",
        values={"Square(5).size()": 5},
        notices=("only the method `bad` is lost", "line 4"),
    )


@case
def unclosed_string_above_the_answer() -> Case:
    return plain('note = """never closed', AREA, "s = 'open\n" + "k = 1")


@case
def smart_quotes_cost_one_statement() -> Case:
    return plain("print(\u201chello\u201d)\n" + AREA)


@case
def merge_conflict_markers_in_a_cell() -> Case:
    return plain("<<<<<<< HEAD\nk = 1\n=======\nk = 2\n>>>>>>> theirs\n" + AREA)


@case
def argument_named_twice() -> Case:
    return Case(
        data=notebook("def area(x, x):\n    return 1"), missing="cell 1 does not parse: line 1: duplicate argument"
    )


@case
def return_outside_a_function() -> Case:
    return plain("return 5\n" + AREA)


@case
def triple_quoted_text_at_the_margin() -> Case:
    doc = 'def area(x):\n    """\nText at the margin.\nMore.\n\nEven more.\n"""\n    return x * x\n'
    return plain("y = (\n" + doc, notices=("does not parse",), cell=1)


@case
def deep_expression_in_another_cell() -> Case:
    return plain("x = " + "+".join(["1"] * 200_000), AREA)


# ------------------------------------------------------------------------------------------------ which definition
@case
def later_definition_wins() -> Case:
    return plain(
        WRONG,
        "k = 1",
        AREA,
        cell=3,
        notices=("`area` is defined in cell 1 and cell 3: the last one, in cell 3, is graded",),
    )


@case
def defined_twice_in_one_cell() -> Case:
    return plain(WRONG + "\n\n" + AREA, cell=1, notices=("defined twice in cell 1",))


@case
def stub_above_the_answer() -> Case:
    return plain(STUB, AREA, cell=2, quiet=True)


@case
def stub_below_the_answer() -> Case:
    return plain(
        AREA, STUB, cell=1, notices=("cell 2 still holds the stub of `area`; the attempt in cell 1 is graded",)
    )


@case
def untouched_stub() -> Case:
    return Case(data=notebook(STUB), cell=1, stub=True)


@case
def stub_with_given_lines_before_it() -> Case:
    return Case(
        data=notebook('def area(x):\n    y = x\n    raise NotImplementedError("Question 1a")'), cell=1, stub=True
    )


@case
def attempt_that_leaves_the_raise_below_its_return() -> Case:
    return plain(AREA + '\n    raise NotImplementedError("Question 1a")', stub=False)


@case
def function_rebound_to_a_value() -> Case:
    return plain(
        AREA,
        "area = area(7)\nprint(area)",
        cell=1,
        notices=("cell 2 gives the name `area` to a value; the function in cell 1 is graded",),
    )


@case
def function_rebound_by_a_loop() -> Case:
    return plain(AREA, "for area in range(10**9):\n    pass", cell=1, notices=("cell 2",))


@case
def alias_is_honoured() -> Case:
    return plain(STUB, "def my_area(x):\n    return x * x", "area = my_area", cell=3)


@case
def lambda_is_honoured() -> Case:
    return plain(STUB, "area = lambda x: x * x", cell=2)


@case
def partial_is_honoured() -> Case:
    return plain("from functools import partial\ndef power(n, x): return x ** n\narea = partial(power, 2)", cell=1)


@case
def decorator_applied_by_assignment() -> Case:
    return plain("def doubled(f):\n    return lambda x: 2 * f(x)\n" + AREA + "\narea = doubled(area)", expected=18)


@case
def method_patched_from_another_cell() -> Case:
    return Case(
        data=notebook(SQUARE, "def size(self): return 7\nSquare.size = size"),
        question="1b",
        values={"Square(2).size()": 7},
    )


@case
def answer_under_a_main_guard() -> Case:
    return plain("if __name__ == '__main__':\n    K = 2\n    def area(x):\n        return x * K", expected=6, cell=1)


@case
def conditional_definition() -> Case:
    return plain("try:\n    import nothing_like_this\nexcept ImportError:\n    def area(x): return x * x", cell=1)


@case
def overwritten_by_a_statement_that_is_needed() -> Case:
    return plain(
        "def area(x): return x * table[2]",
        "table = []\nfor i in range(4):\n    area = i * i\n    table.append(area)",
        expected=12,
    )


# ------------------------------------------------------------------------------------------------ dependencies
@case
def training_never_runs() -> Case:
    return plain("import time\nwhile True:\n    time.sleep(1)", AREA, "model = train(10**9)\nmodel.fit()", quiet=True)


@case
def heavy_value_that_the_function_reads() -> Case:
    return plain("squares = [i * i for i in map(int, range(10))]", "def area(x): return squares[x]", quiet=True)


@case
def loop_that_fills_a_list() -> Case:
    return plain("table = []\nfor i in range(5):\n    table.append(i * i)", "def area(x): return table[x]", quiet=True)


@case
def loop_variable_is_not_the_constant() -> Case:
    return plain("T = 3\ndef area(x): return x * T", "for T in range(10**12):\n    train(T)", quiet=True)


@case
def helpers_below_and_in_other_cells() -> Case:
    return plain("def area(x): return helper(x)", "def helper(x): return x * scale", "scale = 3", absent=("unused",))


@case
def unused_definitions_stay_out() -> Case:
    return plain("def unused(): pass\nimport random as unused_too\n" + AREA, absent=("unused", "unused_too"))


@case
def one_missing_module_of_an_import_line() -> Case:
    source = "import math, nothing_like_this, random\ndef area(x): return math.floor(x) * random.choice([x]) * (nothing_like_this and 1 or 1)"
    return Case(
        data=notebook(source),
        notices=("uses `nothing_like_this`, which is not available",),
        errors=("cell 1: ModuleNotFoundError",),
    )


@case
def helper_of_a_deleted_cell() -> Case:
    return Case(
        data=notebook("def area(x): return lost_helper(x)"),
        cell=1,
        notices=("uses `lost_helper`, which no code cell defines",),
    )


@case
def annotation_names_something_absent() -> Case:
    return plain(
        "from nothing_like_this import TensorType\ndef area(x: TensorType['B']) -> 'Tensor':\n    return x * x"
    )


@case
def future_import_holds_for_later_cells() -> Case:
    return plain("from __future__ import annotations", "def area(x: Undefined):\n    return x * x")


@case
def cuda_without_a_gpu() -> Case:
    source = "device = 'cuda:0'\nclass T:\n    def cuda(self): raise RuntimeError\ndef area(x):\n    y = x if device == 'cuda' else device\n    return y"
    return plain(source, expected="cpu")


@case
def global_set_by_a_function() -> Case:
    return plain("def area(x):\n    global seen\n    seen = x * x\n    return seen", quiet=True)


# ------------------------------------------------------------------------------------------------ not found
@case
def answer_in_a_text_cell() -> Case:
    return Case(
        data=notebook("x = 1", text("```\n" + AREA + "\n```")), missing="found in text cell 2: change it to a code cell"
    )


@case
def answer_commented_out() -> Case:
    return Case(data=notebook("\n".join("# " + line for line in AREA.split("\n"))), missing="commented out in cell 1")


@case
def answer_inside_another_function() -> Case:
    return Case(
        data=notebook("def outer():\n    def area(x): return 1"), missing="inside another function or class in cell 1"
    )


@case
def misspelt_answer() -> Case:
    return Case(data=notebook("def areas(x): return 1"), missing="does define `areas`")


@case
def nothing_at_all() -> Case:
    return Case(data=notebook("print(1)"), missing="`area` is not defined in the notebook")


# ------------------------------------------------------------------------------------------------ given code
@case
def given_cell_as_released() -> Case:
    from autograder.cells import cell_hash

    spec = {"given": [{"names": ["math", "Shape"], "hashes": ["0" * 64, cell_hash(GIVEN)]}]}
    return Case(
        data=notebook(GIVEN + "\n\n", "def area(x): return Shape.sides * x"),
        values={"area(3)": 12},
        spec=spec,
        given=GIVEN,
        quiet=True,
    )


@case
def given_cell_edited_by_the_student() -> Case:
    edited = GIVEN.replace("sides = 4", "sides = 5") + "def mine(x): return 10 * x\n"
    spec = {"given": [{"names": ["math", "Shape"], "hashes": ["0" * 64], "source": GIVEN}]}
    source = "def area(x): return mine(Shape.sides * x)"
    return Case(
        data=notebook(edited, source),
        values={"area(3)": 120},
        spec=spec,
        given=GIVEN,
        notices=("cell 1 changes `Shape`, which is given code",),
    )


@case
def helper_added_to_a_given_cell() -> Case:
    spec = {"given": [{"names": ["math", "Shape"], "hashes": ["0" * 64], "source": GIVEN}]}
    source = "def area(x): return mine(Shape.sides * x)"
    return plain(GIVEN + "def mine(x): return 10 * x\n", source, expected=120, spec=spec, given=GIVEN, quiet=True)


@case
def given_name_imported_from_elsewhere() -> Case:
    spec = {"given": [{"names": ["math", "Shape"], "hashes": ["0" * 64], "source": GIVEN}]}
    cells = ("import math\nimport cmath as math", "def area(x): return math.sqrt(x * x)")
    return plain(*cells, expected=3.0, spec=spec, given=GIVEN, notices=("cell 1 changes `math`",))


@case
def given_code_that_calls_the_answer() -> Case:
    spec = {"given": [{"names": ["math", "Shape"], "hashes": [], "source": GIVEN}]}
    square = "class Square(Shape):\n    sides = 6"
    return Case(
        data=notebook(AREA, square), question="1b", values={"Square().size()": 36}, spec=spec, given=GIVEN, quiet=True
    )


# ------------------------------------------------------------------------------------------------ other files
@case
def notebook_format_3() -> Case:
    cells = [
        {"cell_type": "heading", "source": ["x"]},
        {"cell_type": "code", "input": ["def area(x):\n", "    return x * x"], "outputs": []},
    ]
    return Case(
        data=json.dumps({"nbformat": 3, "worksheets": [{"cells": cells}]}).encode(), values={"area(3)": 9}, cell=2
    )


@case
def byte_order_mark() -> Case:
    return Case(data=b"\xef\xbb\xbf" + notebook(AREA), values={"area(3)": 9})


@case
def utf_16() -> Case:
    return Case(data=notebook(AREA).decode().encode("utf-16"), values={"area(3)": 9})


@case
def jupytext_script() -> Case:
    source = (
        "# ---\n# jupyter: {}\n# ---\n# %% [markdown]\n# text\n# %%\n# %matplotlib inline\n"
        + AREA
        + "\n# %%\narea(10)\n"
    )
    return Case(
        data=source.encode(),
        filename="hw1.py",
        values={"area(3)": 9, "area.__code__.co_filename": "hw1.py", "area.__code__.co_firstlineno": 8},
    )


@case
def colab_script_with_a_commented_cell_magic() -> Case:
    body = "\n".join("# " + line for line in ("%%time\n" + AREA).split("\n"))
    source = f'# -*- coding: utf-8 -*-\n"""hw1.ipynb\n\nAutomatically generated by Colab.\n"""\n# Commented out IPython magic to ensure Python compatibility.\n{body}\n'
    return Case(data=source.encode(), filename="hw1.py", values={"area(3)": 9, "area.__code__.co_firstlineno": 8})


@case
def script_with_a_notebook_name() -> Case:
    return Case(data=("import os\n" + AREA).encode(), values={"area(3)": 9})


@case
def alias_with_an_annotation() -> Case:
    return plain("from typing import Callable\n" + WRONG, "def better(x):\n    return x * x\narea: Callable = better")


@case
def counts_its_calls() -> Case:
    counted = "def area(x):\n    global calls\n    calls += 1\n    return x * x * calls"
    return plain("calls = 0\n" + counted, quiet=True)


@case
def progress_bar_in_the_function() -> Case:
    looped = "def area(x):\n    total = 0\n    for _ in tqdm(range(x)):\n        total += x\n    return total"
    return plain("from tqdm.notebook import tqdm\n", looped, quiet=True)


@case
def web_page() -> Case:
    return Case(
        data=b"\n<!DOCTYPE html><html>sign in</html>",
        error="This is a web page, not a notebook: in Colab use File > Download > Download .ipynb",
    )


@case
def empty_file() -> Case:
    return Case(data=b"  \n", error="The file is empty")


@case
def drive_shortcut() -> Case:
    return Case(
        data=b'{"url": "https://docs.google.com/open?id=x", "doc_id": "x"}', error="shortcut to a file in Google Drive"
    )


@case
def truncated_download() -> Case:
    return Case(data=notebook(AREA)[:-30], error="The notebook is cut off")


@case
def unresolved_merge() -> Case:
    merged = notebook(AREA).decode().replace('"cells"', '\n<<<<<<< HEAD\n"cells"\n=======\n')
    return Case(data=merged.encode(), error="merge conflict markers (<<<<<<< at line 2)")


@case
def deep_json() -> Case:
    return Case(data=b'{"cells": ' + b"[" * 200_000, error="The notebook is damaged")


@case
def json_of_something_else() -> Case:
    return Case(data=b'{"layers": [1, 2]}', error="not a notebook (it has no cells)")


@case
def pdf_with_a_notebook_name() -> Case:
    return Case(data=b"%PDF-1.7 ...", error="This is a PDF, not a notebook")


@case
def essay() -> Case:
    return Case(data=b"Dear staff, the dog ate it.", error="This is a text file, not a notebook")
