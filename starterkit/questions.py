"""From cells to questions: graded names, tests, who depends on whom; and the checks that need the whole homework."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from starterkit import rules
from starterkit.code import Code, parsed
from starterkit.config import Assignment
from starterkit.diagnostics import Collector, did_you_mean
from starterkit.markers import SOLUTION, regions
from starterkit.model import Artefact, Cell, Figure, Kind, Problem, Question, Written
from starterkit.names import closure, inherited_or_constructed, line_of_use, used_at_once
from starterkit.prose import Prose, savefig_calls
from starterkit.testnames import TestNames


@dataclass(frozen=True)
class Parts:
    """What the cells of a homework add up to."""

    problems: tuple[Problem, ...]
    questions: tuple[Question, ...]
    written: tuple[Written, ...]
    figures: tuple[Figure, ...]
    artefacts: tuple[Artefact, ...]


def build(cells: tuple[Cell, ...], path: Path, assignment: Assignment | None, collector: Collector) -> Parts:
    """Return the questions, written parts and figures of `cells`; every mistake goes to `collector`."""
    codes = parsed(cells, path, collector)
    _check_ids(cells, path, collector)
    world = _World.of(codes)
    _check_code(codes, world, assignment)
    visibility = assignment.hidden_visibility if assignment else "after_published"
    names = TestNames.of(codes, world.graded, world.given_uses, visibility)
    questions = tuple(_question(code, world, names) for code in codes if code.cell.kind is Kind.SOLUTION)
    _check_tests(cells, codes, questions, path, collector)
    prose, problem = Prose(path, collector), _problem_of(cells)
    figures = [cell for cell in cells if cell.kind is Kind.FIGURE]
    calls = savefig_calls(codes, [str(cell.id) for cell in figures])
    parts = Parts(
        problems=tuple(prose.problem(cell) for cell in cells if cell.kind is Kind.PROBLEM),
        questions=questions,
        written=tuple(prose.written(cell, problem[cell.line]) for cell in cells if cell.kind is Kind.WRITTEN),
        figures=tuple(prose.figure(cell, problem[cell.line], calls) for cell in figures),
        artefacts=tuple(prose.artefact(cell) for cell in cells if cell.kind is Kind.ARTEFACT),
    )
    if assignment is not None:
        _check_totals(parts, assignment, path.parent / "assignment.toml", collector)
    return parts


@dataclass(frozen=True)
class _World:
    """Who defines what. `graded` maps a name to its question, in source order."""

    graded: Mapping[str, str]
    classes: frozenset[str]
    given_uses: Mapping[str, frozenset[str]]
    solution_uses: Mapping[str, frozenset[str]]

    @classmethod
    def of(cls, codes: list[Code]) -> _World:
        graded: dict[str, str] = {}
        classes: set[str] = set()
        given_uses: dict[str, frozenset[str]] = {}
        solution_uses: dict[str, frozenset[str]] = {}
        for code in codes:
            if code.cell.kind is Kind.GIVEN:
                given_uses.update(code.uses)
            if code.cell.kind is not Kind.SOLUTION:
                continue
            solution_uses.update(code.uses)
            bound = code.bound
            for name in rules.graded_names(code):
                if name in graded and graded[name] != code.cell.id:
                    line = bound[name].lineno if name in bound else code.cell.line
                    hint = f"question {graded[name]} defines it already: rename one of the two"
                    code.add("duplicate-name", f"{name} is graded twice", line, hint)
                graded.setdefault(name, str(code.cell.id))
                if isinstance(bound.get(name), ast.ClassDef):
                    classes.add(name)
        return cls(graded, frozenset(classes), given_uses, solution_uses)

    @property
    def uses(self) -> dict[str, frozenset[str]]:
        """Everything the reference is made of."""
        return {**self.given_uses, **self.solution_uses}


def _question(code: Code, world: _World, names: TestNames) -> Question:
    """Return one question; what it may not do to other questions' names is reported."""
    number = str(code.cell.id)
    mine = tuple(name for name, owner in world.graded.items() if owner == number and name in code.bound)
    foreign = frozenset(name for name, owner in world.graded.items() if owner != number)
    reached = closure(code.bound, world.uses, stop=foreign)
    depends = tuple(name for name in world.graded if name in reached and name in foreign)
    follow = tuple(
        name for name in depends if name not in world.classes and not closure([name], world.uses).intersection(mine)
    )
    _check_foreign(code, world, foreign)
    tests = names.tests(number)
    if tests and not any(test.points for test in tests):
        hint = "give at least one of its tests @points(…)"
        code.add("question-without-points", f"question {number} is worth nothing", code.cell.line, hint)
    elif tests and not any(test.hidden for test in tests):
        hint = "put tests between `### BEGIN HIDDEN TESTS` and `### END HIDDEN TESTS`"
        message = f"question {number} has no hidden test: students see everything it is graded by"
        code.add("no-hidden-test", message, code.cell.line, hint, severity="warning")
    return Question(
        id=number, problem=number.rstrip("abcdefghijklmnopqrstuvwxyz"), names=mine, cells=(code.cell,), tests=tests,
        title=str(code.cell.options.get("title") or ", ".join(mine)), depends=depends, follow=follow,
        from_scratch="names" in code.cell.options, lines_to_write=_lines_to_write(code), line=code.cell.line,
    )  # fmt: skip


def _check_foreign(code: Code, world: _World, foreign: frozenset[str]) -> None:
    """Classes of other questions are neither inherited nor constructed, and nothing foreign is needed while loading."""
    reported = inherited_or_constructed(code.tree, world.classes & foreign)
    for name, line in reported.items():
        hint = "take an instance as an argument, or call a function: follow-through marks resolve calls, not classes"
        message = (
            f"question {code.cell.id} inherits from or constructs {name}, a class of question {world.graded[name]}"
        )
        code.add("class-across-questions", message, line, hint)
    for statement in code.tree.body:
        for name in sorted(used_at_once(statement) & foreign - reported.keys()):
            hint = f"use {name} inside a function body, where follow-through marks can replace it"
            message = f"question {code.cell.id} needs {name} (question {world.graded[name]}) while it is loaded"
            code.add("graded-at-top-level", message, line_of_use(statement, name), hint)


def _lines_to_write(code: Code) -> int:
    """Lines of code, without blanks, comments and docstrings, that the student has to write."""
    held = regions(code.cell.source, SOLUTION)
    skip = set[int]()
    for node in ast.walk(code.tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            skip.update(range(node.lineno - code.cell.body_line + 1, (node.end_lineno or 0) - code.cell.body_line + 2))
    lines = enumerate(code.cell.source.splitlines(), 1)
    return sum(
        bool(line.strip()) and not line.lstrip().startswith("#") and number not in skip
        and ("names" in code.cell.options or any(region.holds(number) for region in held))
        for number, line in lines
    )  # fmt: skip


def _check_code(codes: list[Code], world: _World, assignment: Assignment | None) -> None:
    owners = rules.Owners(world.graded, _given_definitions(codes))
    experimental = _only_in_experiments(codes)
    for code in codes:
        kind = code.cell.kind
        rules.check_hwkit_names(code)
        if kind in {Kind.GIVEN, Kind.SOLUTION, Kind.TESTS} and assignment is not None:
            rules.check_imports(code, [*assignment.modules, *assignment.import_names])
        if kind in {Kind.GIVEN, Kind.TESTS}:
            rules.check_shadows(code, owners)
        if kind in {Kind.GIVEN, Kind.SOLUTION, Kind.TESTS}:
            rules.check_experiment_names(code, experimental)
        if kind is Kind.TESTS:
            rules.check_loading_tests(code, world.graded)
        if kind is Kind.GIVEN:
            rules.check_given(code, world.graded, world.given_uses)
        if kind in {Kind.EXPERIMENT, Kind.ARTEFACT}:
            rules.check_free_cell(code, world.graded)
        rules.check_stub(code)


def _only_in_experiments(codes: list[Code]) -> dict[str, int]:
    """Names that experiments bind and no other cell does, with the line."""
    free = {Kind.EXPERIMENT, Kind.ARTEFACT}
    elsewhere = {name for code in codes if code.cell.kind not in free for name in code.bound}
    return {
        name: statement.lineno
        for code in reversed(codes)
        if code.cell.kind in free
        for name, statement in code.bound.items()
        if name not in elsewhere
    }


def _given_definitions(codes: list[Code]) -> frozenset[str]:
    found = set[str]()
    for code in codes:
        if code.cell.kind is Kind.GIVEN:
            imports = (ast.Import, ast.ImportFrom)
            found.update(name for name, statement in code.bound.items() if not isinstance(statement, imports))
    return frozenset(found)


def _check_ids(cells: Iterable[Cell], path: Path, collector: Collector) -> None:
    """Every id once, and every number inside a problem that exists."""
    problems = {str(cell.id) for cell in cells if cell.kind is Kind.PROBLEM}
    first: dict[tuple[Kind, str], int] = {}
    for cell in cells:
        if cell.id is None or cell.id == "*":
            continue
        seen = first.setdefault((cell.kind, cell.id), cell.line)
        if seen != cell.line and cell.kind not in {Kind.TESTS, Kind.EXPERIMENT}:
            hint = f"line {seen} has it already: give one of the two another number"
            message = f"{cell.kind.value} {cell.id} stands twice"
            collector.add("duplicate-question", message, path=path, line=cell.line, hint=hint)
        number = cell.id.rstrip("abcdefghijklmnopqrstuvwxyz")
        if cell.kind in {Kind.SOLUTION, Kind.EXPERIMENT} and number not in problems:
            near = did_you_mean(number, problems)
            hint = f'add `# %% [markdown] problem="{number}"` above it' + (f", or did you mean {near}?" if near else "")
            collector.add("unknown-problem", f"there is no problem {number}", path=path, line=cell.line, hint=hint)


def _check_tests(
    cells: Iterable[Cell], codes: list[Code], questions: tuple[Question, ...], path: Path, collector: Collector
) -> None:
    """Tests belong to a question above them, and every question has some."""
    solved = {str(cell.id): cell.line for cell in cells if cell.kind is Kind.SOLUTION}
    readable = {code.cell.line for code in codes}
    tested = set[str]()
    for cell in cells:
        if cell.kind is not Kind.TESTS or cell.id == "*":
            continue
        tested.add(str(cell.id))
        if cell.id not in solved:
            near = did_you_mean(str(cell.id), solved, cutoff=0.5)
            hint = f'did you mean tests="{near}"?' if near else f'add a cell `# %% solution="{cell.id}"` above it'
            collector.add(
                "unknown-question", f"tests of {cell.id}: no such question", path=path, line=cell.line, hint=hint
            )
        elif cell.line < solved[cell.id]:
            hint = "move it below the solution cell: students run cells from top to bottom"
            collector.add(
                "tests-above-solution", f"tests of {cell.id} above its solution", path=path, line=cell.line, hint=hint
            )
    for question in questions:
        no_functions = not question.tests and all(
            c.line in readable for c in cells if c.id == question.id and not c.is_markdown
        )
        if question.id not in tested or no_functions:
            hint = f'add a cell `# %% tests="{question.id}"` with functions `def test_…(rng):`'
            message = f"question {question.id} has no tests"
            collector.add("question-without-tests", message, path=path, line=question.line, hint=hint)


def _problem_of(cells: Iterable[Cell]) -> dict[int, str | None]:
    """The problem under whose heading each cell stands, by line."""
    current: str | None = None
    found: dict[int, str | None] = {}
    for cell in cells:
        current = cell.id if cell.kind is Kind.PROBLEM else current
        found[cell.line] = current
    return found


_POINTS_UNREAD = frozenset({"bad-decorator", "no-cells", "syntax-error", "unknown-decorator", "unknown-question"})


def _check_totals(parts: Parts, assignment: Assignment, path: Path, collector: Collector) -> None:
    """The totals in [points], where given, are those of the source; unless some of its points could not be read."""
    if any(problem.code in _POINTS_UNREAD for problem in collector.errors):
        return
    sums = {
        "written": sum(written.points for written in parts.written),
        "code": sum(question.points for question in parts.questions),
        "figures": sum(figure.points for figure in parts.figures),
    }
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    for key, total in sums.items():
        declared = getattr(assignment.points, key)
        if declared is not None and abs(declared - total) > 1e-9:
            line = next((n for n, text in enumerate(lines, 1) if text.split("=")[0].strip() == key), None)
            hint = f"write {key} = {total:g}, or change the points in {path.parent.name}.py (bonus points do not count)"
            message = f"[points] declares {key} = {declared:g}, the source adds up to {total:g}"
            collector.add("points-total", message, path=path, line=line, hint=hint)
