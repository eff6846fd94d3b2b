"""Nothing a student can upload makes extract or stage raise."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autograder.extract import extract
from autograder.staging import Refusal, Staged, stage
from tests.extract.program import SPEC, notebook

FUZZ = settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
FRAGMENTS = st.sampled_from(
    ["def area(x):", "    return x", "\n", "class Square:", "%%time\n", "!ls", "%x", "x = !y", '"""', "'", "(", ")", "[", "@d\n", "#", "\\",
     "if a:", "else:", "\t", "\u00a0", "\u200b", "\ud800", "\x00", "é", "lambda", "x := 1", "async ", "await z", "import a.b", "from . import *",
     "from __future__ import annotations\n", "global area", "area = area", "area.x.y[0] = 1", "del area", "match x:\n  case [*a, {**b}]: pass\n",
     "area = partial(area)", "'cuda'", ".cuda()", "raise NotImplementedError('Question 1a')", ": int", "`", "$", "?area", "area??", "1e999", "0777"]
)  # fmt: skip
CODE = st.lists(st.one_of(FRAGMENTS, st.text(max_size=8)), max_size=24).map("".join)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), CODE),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.sampled_from(["cells", "source", "cell_type", "worksheets", "input", "metadata", "url"]),
            inner,
            max_size=5,
        ),
    ),
    max_leaves=12,
)


def check(filename: str, data: bytes) -> None:
    result = extract(filename, data, SPEC)
    assert json.loads(json.dumps(result)) == result
    assert "could not be analysed" not in (result["error"] or ""), result["error"]
    assert {*result["found"], *result["missing"]} == {"area", "Square", "volume"}


@FUZZ
@given(st.lists(CODE, max_size=4))
def test_any_code(cells: list[str]) -> None:
    """Any text in code cells gives a result, and never our own failure."""
    check("a.ipynb", notebook(*cells))


@FUZZ
@given(JSON)
def test_any_json(value: object) -> None:
    """Any JSON gives a result, and never our own failure."""
    check("a.ipynb", json.dumps(value).encode())


@FUZZ
@given(st.binary(max_size=200), st.sampled_from(["a.ipynb", "a.py", "", "cell 1", "\x00/\n"]))
def test_any_bytes(data: bytes, filename: str) -> None:
    """Any bytes under any name give a result, and never our own failure."""
    check(filename, data)


@FUZZ
@given(st.lists(CODE, max_size=3), st.integers(0, 2000), st.integers(0, 255))
def test_damaged_notebooks(cells: list[str], position: int, value: int) -> None:
    """A notebook with one byte changed gives a result, and never our own failure."""
    data = bytearray(notebook("def area(x): return x", *cells))
    data[position % len(data)] = value
    check("a.ipynb", bytes(data))


NAMES = st.sampled_from(
    ["a.ipynb", "b.ipynb", "a.zip", "a.py", "x.pdf", "sub/a.ipynb", "._a.ipynb", ".ipynb_checkpoints/a.ipynb"]
)


@FUZZ
@given(st.dictionaries(NAMES, st.one_of(st.binary(max_size=60), CODE.map(notebook)), max_size=4))
def test_any_folder(files: dict[str, bytes]) -> None:
    """Any folder is staged or refused."""
    with tempfile.TemporaryDirectory() as name:
        for path, data in files.items():
            target = Path(name) / path
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(data)
        assert isinstance(stage(Path(name)), (Staged, Refusal))
