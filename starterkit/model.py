"""What a homework is once it has been read: cells, questions, tests, written parts, figures. Frozen, no behaviour."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starterkit.config import Assignment, Course

Option = str | int | float | bool


class Kind(enum.Enum):
    """The kind of a cell, decided by its header alone."""

    PROSE = "prose"
    PROBLEM = "problem"
    GIVEN = "given"
    SOLUTION = "solution"
    TESTS = "tests"
    EXPERIMENT = "experiment"
    WRITTEN = "written"
    FIGURE = "figure"
    ARTEFACT = "artefact"

    @property
    def is_markdown(self) -> bool:
        """True for the kinds whose cells are markdown."""
        return self in _MARKDOWN


_MARKDOWN = frozenset({Kind.PROSE, Kind.PROBLEM, Kind.WRITTEN, Kind.FIGURE})


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One cell of a source notebook.

    `line` is the 1-based line of its `# %%` header, `body_line` that of its first line of content. `source` is code
    verbatim, or markdown with the comment signs taken off; trailing blank lines are dropped. `key` is the notebook
    cell id: unique, at most 64 characters of [a-z0-9-_], independent of the cells around it.
    """

    kind: Kind
    line: int
    header: str
    source: str
    body_line: int
    id: str | None = None
    options: Mapping[str, Option] = field(default_factory=dict)
    key: str

    @property
    def is_markdown(self) -> bool:
        """True for prose, problem, written and figure cells."""
        return self.kind.is_markdown

    @property
    def end_line(self) -> int:
        """The 1-based line of the last line of content (the header's where there is none)."""
        return self.body_line + self.source.count("\n") if self.source else self.line


@dataclass(frozen=True, kw_only=True)
class TestFunction:
    """One `test_*` function. `cases` is 1 where there is no @cases; `uses` are graded names, of any question."""

    __test__ = False  # not for pytest to collect

    name: str
    title: str
    points: float
    bonus: bool
    core: bool
    hidden: bool
    visibility: str
    void: str | None
    timeout: float | None
    heavy: bool
    float32: bool
    cases: int
    line: int
    uses: tuple[str, ...]
    source: str


@dataclass(frozen=True, kw_only=True)
class Question:
    """One code question.

    `names` are graded, in source order. `depends` are graded names of other questions that the reference uses,
    directly or through given code; `follow` are those of them that are functions and do not depend on this question.
    `from_scratch` is true where the header says `names=`: the whole cell is the student's work. `lines_to_write` counts
    the lines of code inside the solution regions (of the whole cell, if from scratch).
    """

    id: str
    problem: str
    title: str
    names: tuple[str, ...]
    cells: tuple[Cell, ...]
    tests: tuple[TestFunction, ...]
    depends: tuple[str, ...]
    follow: tuple[str, ...]
    from_scratch: bool
    lines_to_write: int
    line: int

    @property
    def points(self) -> float:
        """Points without bonus."""
        return sum(test.points for test in self.tests if not test.bonus)

    @property
    def bonus(self) -> float:
        """Bonus points."""
        return sum(test.points for test in self.tests if test.bonus)


@dataclass(frozen=True, kw_only=True)
class MarkItem:
    """One item of a mark scheme: `- (2) states Jensen's inequality`."""

    points: float
    text: str


@dataclass(frozen=True, kw_only=True)
class Written:
    """One written question; `prompt` and `solution` are markdown."""

    id: str
    problem: str | None
    points: float
    pages: int
    prompt: str
    solution: str
    mark_scheme: tuple[MarkItem, ...]
    line: int


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One figure to hand in. `prompt` says what; `caption` is the line after `Caption:`; `alt` is the text that the
    `savefig` call gives (its expression, where it is computed); `savefig_line` is where that call stands.
    """

    id: str
    problem: str | None
    points: float
    prompt: str
    caption: str
    alt: str
    mark_scheme: tuple[MarkItem, ...]
    line: int
    savefig_line: int


@dataclass(frozen=True, kw_only=True)
class Artefact:
    """An optional hand-in file, by glob pattern, with a size limit. It carries no points."""

    id: str
    file: str
    max_mb: float
    source: str
    line: int


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A problem's heading: "2.1" and the title without number. `minutes` is the author's estimate, if given."""

    id: str
    title: str
    line: int
    minutes: int | None = None


@dataclass(frozen=True, kw_only=True)
class Homework:
    """Everything that was read of `solutions/hwN/`. `name` is the folder's name; `text` is hwN.py as it stands."""

    name: str
    folder: Path
    source_path: Path
    text: str
    course: Course
    assignment: Assignment
    cells: tuple[Cell, ...]
    problems: tuple[Problem, ...]
    questions: tuple[Question, ...]
    written: tuple[Written, ...]
    figures: tuple[Figure, ...]
    artefacts: tuple[Artefact, ...]
    modules: tuple[Path, ...]
    data: tuple[Path, ...]

    @property
    def points(self) -> float:
        """Points of the code questions, without bonus."""
        return sum(question.points for question in self.questions)

    @property
    def bonus(self) -> float:
        """Bonus points of the code questions."""
        return sum(question.bonus for question in self.questions)

    def question(self, name: str) -> Question:
        """Return the question with id `name`; raises KeyError."""
        return {question.id: question for question in self.questions}[name]

    def cells_of(self, kind: Kind, name: str | None = None) -> tuple[Cell, ...]:
        """Return the cells of one kind, of one id if given, in source order."""
        return tuple(cell for cell in self.cells if cell.kind is kind and (name is None or cell.id == name))
