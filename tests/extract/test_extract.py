"""What extract promises beyond single hazards: stability, true lines, isolation of questions, plain data."""

from __future__ import annotations

import json
import sys
import traceback
from typing import Any

import pytest

from autograder.cells import cell_hash, normal_form
from autograder.extract import extract
from tests.extract.messy import AREA, CASES, SQUARE, STUB
from tests.extract.program import SPEC, answer, code, load, notebook, text

BADGE = {"cell_type": "markdown", "metadata": {"id": "view-in-github", "colab_type": "text"}, "source": ["<a href=x>"]}
ORDINARY = (
    text("# Homework"),
    "!pip install -q einops\nimport math\nfrom functools import partial",
    "K = 2  #@param {type:'number'}\ntable = []\nfor i in range(4):\n    table.append(i)",
    AREA,
    SQUARE + "\n    def table(self): return table[K]",
    STUB.replace("area", "volume").replace("1a", "1c"),
    "for epoch in range(10**9):\n    area(epoch)",
)


def saved_by_colab(data: bytes) -> bytes:
    """The notebook as Colab writes it back: other keys and order, other ids, strings for sources, outputs, widgets."""
    old = json.loads(data)
    cells = [BADGE]
    for number, cell in enumerate(old["cells"]):
        source = "".join(cell["source"]).replace("\n", " \n", 1) if number == 1 else "".join(cell["source"])
        made = {"cell_type": cell["cell_type"], "source": source.splitlines(keepends=True) if number % 2 else source}
        made["metadata"] = {"id": f"x{number}", "executionInfo": {"user": {"displayName": "A Student", "userId": "1"}}}
        if cell["cell_type"] == "code":
            made |= {"execution_count": number, "outputs": [{"output_type": "stream", "name": "stdout", "text": "9"}]}
        cells.append(made)
    cells.append({"cell_type": "code", "metadata": {}, "source": "", "outputs": [], "execution_count": None})
    metadata = {
        "colab": {"provenance": []},
        "kernelspec": {"name": "python3"},
        "widgets": {"a": {}},
        "accelerator": "GPU",
    }
    return json.dumps({"nbformat": 4, "nbformat_minor": 0, "metadata": metadata, "cells": cells}).encode()


def without_cells(result: dict[str, Any]) -> dict[str, Any]:
    """A result without cell numbers, which the badge cell shifts."""
    plain = json.loads(json.dumps(result))
    plain.pop("cells")
    for entry in [*plain["found"].values(), *(p for pieces in plain["programs"].values() for p in pieces)]:
        entry.pop("cell")
        entry.pop("file", None)
    return plain


def test_a_colab_save_changes_nothing() -> None:
    """Digest, programs, findings and notices of an ordinary notebook survive a save by Colab."""
    before = notebook(*ORDINARY)
    assert without_cells(answer(saved_by_colab(before))) == without_cells(answer(before))


def test_digest_follows_the_code() -> None:
    """The digest changes with a code cell and not with a text cell."""
    base = answer(notebook(AREA))["digest"]
    assert answer(notebook(text("hello"), AREA))["digest"] == base
    assert answer(notebook(AREA + "\n# more"))["digest"] != base


def test_normal_form() -> None:
    """The normal form ignores line ends, trailing blanks, invisible characters, outer blank lines and form fields."""
    messy = "\n\nx\u00a0= 1  \r\ny = 2\u200b\r\nz = 3 #@param {type: 'slider'}\r\n\r\n"
    assert normal_form(messy) == "x = 1\ny = 2"
    assert cell_hash(messy) == cell_hash("x = 1\ny = 2")
    assert cell_hash("  x = 1") != cell_hash("x = 1")


def test_lines_are_the_students_own() -> None:
    """A traceback names the student's cell and line, below magics, decorators and broken code."""
    source = "!ls\nx = # blank\n\n\ndef area(x):\n    y = x\n    return 1 / 0"
    namespace, _ = load(answer(notebook("pass", source)))
    with pytest.raises(ZeroDivisionError) as caught:
        namespace["area"](1)
    frame = traceback.extract_tb(caught.value.__traceback__)[-1]
    assert (frame.filename, frame.lineno, frame.name) == ("cell 2", 7, "area")


def test_source_is_the_original_text() -> None:
    """Comments and layout of a statement survive; only device literals are changed, in place."""
    source = "def area(x):  # mine\n    d = 'cuda'  # device\n    return (x *\n            x)"
    piece = answer(notebook("a = 1; " + "b = 'é'; c = 2", source))["programs"]["1a"][0]
    assert piece["source"] == source.replace("'cuda'", '"cpu"')
    assert (piece["file"], piece["line"], piece["names"], piece["cell"]) == ("cell 2", 1, ["area"], 2)


def test_statements_that_share_a_line() -> None:
    """Statements separated by semicolons are separate pieces."""
    result = answer(notebook("é = 'ü'; k = 3; unused = k\ndef area(x): return k"))
    assert [piece["source"] for piece in result["programs"]["1a"]] == ["k = 3", "def area(x): return k"]


def test_decorators_belong_to_their_function() -> None:
    """A piece starts at its first decorator, `found` names the line of the def."""
    source = (
        "import functools\n@functools.lru_cache(\n    maxsize=None)\n@functools.wraps(print)\ndef area(x): return x"
    )
    result = answer(notebook(source))
    assert [piece["line"] for piece in result["programs"]["1a"]] == [1, 2]
    assert result["found"]["area"]["line"] == 5


@pytest.mark.parametrize("broken", ["def volume(:", "raise SystemExit", "import nothing_at_all", "while True: pass"])
def test_one_broken_question_leaves_the_others_alone(broken: str) -> None:
    """The programs of the other questions are the same, whatever happens to one."""
    sound = answer(notebook(AREA, "", SQUARE))
    hurt = answer(notebook(AREA, broken, SQUARE))
    assert sound["programs"] == hurt["programs"]
    assert sound["found"] == hurt["found"]


def test_other_questions_come_from_the_students_own_code() -> None:
    """A question that calls another question's function gets the student's own."""
    result = answer(notebook("def area(x):\n    return -x", SQUARE))
    namespace, errors = load(result, "1b")
    assert namespace["Square"](3).size() == -3
    assert errors == []


def test_unavailable_packages_are_told_per_question() -> None:
    """A package the grader lacks is listed for the questions that use it, with one notice that names the allowed ones."""
    result = answer(
        notebook(
            "import einops, scipy\nfrom sklearn import svm",
            "def area(x):\n    import jax\n    return einops.f(x)",
            SQUARE,
        )
    )
    assert result["unavailable"] == {"1a": ["einops", "jax"], "1b": ["einops", "jax"]}
    assert sum("einops" in n for n in result["notices"]) == 1
    assert any("standard library and numpy, torch" in n for n in result["notices"])


def test_guarded_imports_are_not_unavailable() -> None:
    """An import under `try` may fail in peace."""
    result = answer(
        notebook("try:\n    import einops\nexcept ImportError:\n    einops = None", "def area(x): return einops")
    )
    assert result["unavailable"] == {}


def test_heavy_pieces_are_marked() -> None:
    """A piece that computes something says so, because it may be slow."""
    result = answer(notebook("net = build()\nk = 2", "def area(x): return net(x) + k"))
    assert [piece.get("heavy", False) for piece in result["programs"]["1a"]] == [True, False, False]


def test_other_names_that_tests_use() -> None:
    """`needs` adds helpers of the notebook that only the tests call."""
    cells = notebook(AREA, "def helper(): return 4")
    assert [p["names"] for p in answer(cells, needs={"1a": ["helper"]})["programs"]["1a"]] == [["area"], ["helper"]]


def test_a_gpu_keeps_its_literals() -> None:
    """With device "cuda" nothing is rewritten."""
    source = "def area(x): return x.cuda().to('cuda')"
    assert answer(notebook(source), device="cuda")["programs"]["1a"][0]["source"] == source
    assert answer(notebook(source))["programs"]["1a"][0]["source"] == 'def area(x): return x.to("cpu")'


def test_a_class_with_one_method_left() -> None:
    """A class is a stub while one of its methods is, and partial when another one is not."""
    left = "class Square:\n    def a(self):\n        raise NotImplementedError('Question 1b')\n"
    assert answer(notebook(left))["found"]["Square"] == {"cell": 1, "line": 1, "stub": True}
    found = answer(notebook(left + "    def b(self): return 1"))["found"]["Square"]
    assert found == {"cell": 1, "line": 1, "stub": True, "partial": True, "stubs": ["a"]}


def test_a_different_raise_is_an_attempt() -> None:
    """Only the stub's own text makes a stub."""
    other = "def area(x):\n    raise NotImplementedError('only for x > 0')"
    assert answer(notebook(other))["found"]["area"]["stub"] is False


@pytest.mark.parametrize("name", CASES)
def test_every_result_has_every_key(name: str) -> None:
    """Whatever the file is, the result has all its keys, and each name is found or missing."""
    result = answer(CASES[name]().data)
    assert set(result) == {
        "error",
        "cells",
        "digest",
        "found",
        "missing",
        "notices",
        "programs",
        "modules",
        "unavailable",
    }
    assert {*result["found"], *result["missing"]} == {"area", "Square", "volume"}
    assert result["programs"].keys() == SPEC["questions"].keys()


def test_a_large_notebook_is_told() -> None:
    """A notebook of more than 10 MB earns a notice, one of more than 50 MB a refusal."""
    output = [{"output_type": "stream", "name": "stdout", "text": "x" * 11_000_000}]
    assert "large (11 MB)" in answer(notebook(code(AREA, outputs=output)))["notices"][0]
    assert "larger than 50 MB" in extract("a.ipynb", b"{" * 50_000_001, SPEC)["error"]


@pytest.mark.parametrize(
    "cells",
    [
        ["\n".join(["x = ("] * 3000)],
        ["\n".join(["!ls", "x = 1"] * 3000)],
        ["class A:\n" + "\n".join(["  def f(self:\n    pass"] * 3000)],
        ["\n".join(['x = """ a', "y = 1"] * 3000) + "\nx"],
        [f"def f{i}(x): return f{i - 1}(x)" for i in range(3000)],
        ["area = area(1)\n" * 3000 + AREA],
        [" " * 300_000 + "x = !"],
        ["x =" * 100_000 + "!"],
    ],
)
def test_work_is_linear(cells: list[str]) -> None:
    """Three thousand repetitions of a hazard cost at most four times the calls per repetition of three hundred."""
    small = [cell[: len(cell) // 10] for cell in cells] if len(cells) == 1 else cells[: len(cells) // 10]
    assert _calls(notebook(*cells)) <= 40 * _calls(notebook(*small)) + 50_000


def _calls(data: bytes) -> int:
    """How many Python functions an extraction calls: a measure of work that does not depend on the machine."""
    count = 0

    def profile(_frame: object, event: str, _arg: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        extract("a.ipynb", data, SPEC)
    finally:
        sys.setprofile(before)
    return count
