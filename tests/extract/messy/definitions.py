"""Which definition counts, and what it needs to run."""

from __future__ import annotations

from tests.extract.messy.case import AREA, SQUARE, STUB, WRONG, Case, case, plain
from tests.extract.program import notebook


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
