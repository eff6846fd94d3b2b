"""Cells that are no plain Python: magics, shell lines, and code that does not parse."""

from __future__ import annotations

from tests.extract.messy.case import AREA, SQUARE, STUB, Case, case, plain
from tests.extract.program import code, notebook


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
