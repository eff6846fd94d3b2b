"""What a messy notebook is made of, and what is expected of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.extract.program import notebook

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
