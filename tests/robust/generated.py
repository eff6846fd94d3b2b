"""Strategies for what students, Gradescope and workers can come up with."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from tests.grader.tiny_bundle import ELBO_SOLUTION, GIVEN, KL_SOLUTION, SCALER_SOLUTION, STUBS, notebook

HOSTILE = st.sampled_from(
    ["", "<script>alert(1)</script>", "\x1b[31mred\x1b[0m", "\x1b]8;;https://evil.example\x07x", "a\x00b", "\u202eabc\u2066", "\ud800", "Ωσ² ≤ ½",
     "\r\n", "x" * 5000, "\u0301" * 40, "Traceback (most recent call last):\n  File \"/autograder/x.py\", line 1", "NaN", "Infinity", "{{7*7}}", "$x$"]
)  # fmt: skip
WORDS = st.one_of(HOSTILE, st.text(max_size=30))
SNIPPETS = st.sampled_from(
    [GIVEN, KL_SOLUTION, ELBO_SOLUTION, SCALER_SOLUTION, *STUBS.values(), KL_SOLUTION.replace("0.5", "1.5"), KL_SOLUTION[:60], "!pip install x\n",
     "%%bash\nls\n", "gaussian_kl = None\n", "class Scaler: pass\n", "import torchvision\n", "def gaussian_kl(*a):\n    raise ValueError(a)\n",
     "def elbo(:\n", "while True: pass\n", "def gaussian_kl(mu, logvar): return float('nan')\n", "from hwkit import *\n", "x = 1 / 0\n",
     "def gaussian_kl(mu, logvar):\n    return '<b>\\x1b[31m\\u202e'\n", "%%writefile torch.py\nx = 1\n", "exit()\n", "elbo = gaussian_kl\n"]
)  # fmt: skip
SOURCES = st.lists(st.one_of(SNIPPETS, WORDS), max_size=3).map("".join)
NOTEBOOKS = st.lists(SOURCES, max_size=6).map(lambda cells: notebook(*cells))
SOLVED = notebook(GIVEN, KL_SOLUTION, ELBO_SOLUTION, SCALER_SOLUTION)


def damaged(data: bytes, at: int, byte: int, cut: bool) -> bytes:
    """`data` with one byte changed, or cut there."""
    at %= max(1, len(data))
    return data[:at] if cut else data[:at] + bytes([byte]) + data[at + 1 :]


FILES = st.one_of(
    NOTEBOOKS, st.just(SOLVED), st.binary(max_size=120), WORDS.map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.builds(damaged, st.just(SOLVED), st.integers(0, 5000), st.integers(0, 255), st.booleans()),
)  # fmt: skip
NAMES = st.one_of(
    st.sampled_from(
        ["hw9.ipynb", "Copy of hw9 (1).ipynb", "hw9.py", "hw9.ipynb.txt", "hw9.zip", "deep/er/hw9.ipynb", "__MACOSX/._hw9.ipynb", "notes.pdf",
         "sub/hw9.zip", "a\nb.ipynb", "<b>.ipynb", "\u202egnp.ipynb", "-rf.ipynb", "x" * 200 + ".ipynb"]
    ),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), min_size=1, max_size=8).map(lambda n: f"x{n}.ipynb"),
)  # fmt: skip
FOLDERS = st.dictionaries(NAMES, FILES, max_size=3)

TIMES = st.one_of(
    st.datetimes().map(lambda t: t.isoformat()), st.datetimes().map(lambda t: t.isoformat() + "-08:00"),
    st.sampled_from(["", "now", "2026-02-30T00:00:00Z", "9999-12-31T23:59:59+14:00", "0001-01-01T00:00:00-12:00", None, 0, 1e308]),
)  # fmt: skip
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), WORDS)
JUNK = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "tests", "users", "score", "x"]), inner, max_size=3)
    ),
    max_leaves=6,
)


def records(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Objects that have each of these keys or not, with a value of the right kind or junk."""
    return st.one_of(
        st.fixed_dictionaries({}, optional={key: st.one_of(value, JUNK) for key, value in fields.items()}), JUNK
    )


ROWS = records(
    name=WORDS,
    number=st.sampled_from(["1.1a.1", "1.1a.2", "x"]),
    score=st.floats(),
    output=WORDS,
    extra_data=JUNK,
    tags=st.none(),
)
RESULTS = records(
    tests=st.lists(ROWS, max_size=3), score=st.floats(), output=WORDS, extra_data=records(finished=st.just(True))
)
PREVIOUS = records(
    id=st.integers(), submission_time=TIMES, score=WORDS, autograder_error=st.booleans(), results=RESULTS
)
USERS = records(email=WORDS, name=WORDS, assignment=records(due_date=TIMES, late_due_date=TIMES))
DETAILS = records(
    id=st.integers(), created_at=TIMES, users=st.lists(USERS, max_size=3), assignment=records(title=WORDS, due_date=TIMES),
    previous_submissions=st.lists(PREVIOUS, max_size=4),
)  # fmt: skip
METADATA = st.one_of(
    DETAILS.map(lambda data: json.dumps(data).encode()), st.binary(max_size=60), st.just(b'{"users": ' + b"[" * 100_000),
)  # fmt: skip
