"""Before anything is measured: the reference passes, wheats and chaffs can be executed, chaffs change something."""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from starterkit.audit import accept, generate
from starterkit.audit.bench import Bench
from starterkit.audit.world import World
from starterkit.overlay import check_alternatives
from starterkit.runtime import Runtime
from starterkit.source import load_homework

if TYPE_CHECKING:
    from pathlib import Path

    from starterkit.diagnostics import Collector
    from starterkit.model import Homework
    from starterkit.overlay import Alternative

SEEDS = range(3)


@contextlib.contextmanager
def prepared(
    folder: Path, root: Path, collector: Collector, *, sample: int | None = None, only: Sequence[str] = ()
) -> Iterator[World]:
    """Yield the homework, or `only` some of its questions, warm and ready to be audited.

    Raises StarterkitError with every mistake found on the way.
    """
    homework = load_homework(folder, root, collector)
    if homework is None:
        collector.raise_errors()
        raise AssertionError("a homework that cannot be read leaves an error")
    _check_known(homework, only, collector)
    found = check_alternatives(homework, collector)
    collector.raise_errors()
    runtime = Runtime(homework)
    try:
        with runtime.active():
            yield _world(_narrowed(homework, only), runtime, found, collector, sample)
    finally:
        runtime.close()


def _narrowed(homework: Homework, only: Sequence[str]) -> Homework:
    """The homework with only those questions; with all of them where none is named."""
    return replace(homework, questions=tuple(one for one in homework.questions if not only or one.id in only))


def _world(
    homework: Homework, runtime: Runtime, found: list[Alternative], collector: Collector, sample: int | None
) -> World:
    benches = {question.id: bench for question in homework.questions
               if (bench := _bench(runtime, question.id, collector)) is not None}  # fmt: skip
    collector.raise_errors()
    found = [one for one in found if one.question in benches]
    for alternative in found:
        _check_alternative(benches[alternative.question], alternative, collector)
    wheats = [one for one in found if one.kind == "wheat"]
    texts = generate.origins(homework, wheats)
    mutants = [mutant for text in texts for mutant in generate.mutants(text)]
    path, known = homework.folder / accept.FILE, {mutant.id for mutant in mutants}
    signed = accept.read(path, collector)
    whole = len(homework.questions) == len(runtime.homework.questions)
    if whole:  # else a signature may be of a question that is left out
        accept.check_known(signed, known, path, collector)
    collector.raise_errors()
    world = World(
        homework=homework, runtime=runtime, benches=benches, wheats=wheats, mutants=mutants, collector=collector,
        chaffs=[one for one in found if one.kind == "chaff"], sample=sample,
        only=() if whole else tuple(question.id for question in homework.questions),
    )  # fmt: skip
    world.notes["signed"] = {name: one for name, one in signed.items() if name in known}
    return world


def _check_known(homework: Homework, only: Sequence[str], collector: Collector) -> None:
    known = [question.id for question in homework.questions]
    for name in only:
        if name not in known:
            hint = f"the questions are {', '.join(known)}"
            collector.add("unknown-question", f"there is no question {name}", path=homework.source_path, hint=hint)


def _bench(runtime: Runtime, name: str, collector: Collector) -> Bench | None:
    """A question's bench, once its reference has passed its own tests."""
    homework = runtime.homework
    question = homework.question(name)
    try:
        bench = Bench.of(homework, question, runtime)
    except Exception as error:  # noqa: BLE001  # whatever a cell raises
        message = f"question {name} cannot be executed: {type(error).__name__}: {error}"
        hint = f"pytest {collector.display(homework.source_path)} shows where"
        collector.add("does-not-run", message, path=homework.source_path, line=question.line, hint=hint)
        return None
    for seed in SEEDS:
        for failure in bench.run(seed):
            line = next(test.line for test in bench.tests if test.name == failure.test)
            message = f"the reference fails its own test {failure.test}: {failure.staff or failure.message}"
            hint = f"pytest {collector.display(homework.source_path)} -k {failure.test}"
            collector.add("reference-fails", message, path=homework.source_path, line=line, hint=hint)
    return bench


def _check_alternative(bench: Bench, alternative: Alternative, collector: Collector) -> None:
    path, line = alternative.path, alternative.line
    try:
        with bench.holding(alternative.code()):
            pass
    except Exception as error:  # noqa: BLE001  # whatever the file raises
        message = f"this {alternative.kind} cannot be executed: {type(error).__name__}: {error}"
        hint = f"it runs where given cells and the reference have run; pytest {collector.display(path)}"
        collector.add(f"broken-{alternative.kind}", message, path=path, line=line, hint=hint)
        return
    bench.judge(alternative.code(), 0)  # so that what it imports is there before the workers are forked
    if alternative.kind == "chaff" and _same(bench, alternative):
        hint = "write what a student would get wrong, or take it out"
        collector.add("idle-chaff", "this chaff changes nothing: it is the reference", path=path, line=line, hint=hint)


def _same(bench: Bench, alternative: Alternative) -> bool:
    """Whether every function of an alternative parses to the reference's own body."""
    [cell] = bench.question.cells
    reference = _bodies(cell.source)
    return all(_bodies(source).get(name) == reference.get(name) for name, source in alternative.functions.items())


def _bodies(source: str) -> dict[str, str]:
    """Name -> what the definitions at the top of a source do, without docstrings, annotations and layout."""
    found = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            for inner in ast.walk(node):
                _strip(inner)
            found[node.name] = ast.dump(ast.Module(node.body, []))
    return found


def _strip(node: ast.AST) -> None:
    if isinstance(node, ast.FunctionDef):
        node.returns = None
    if isinstance(node, ast.arg):
        node.annotation = None
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        first = node.body[0]
        if len(node.body) > 1 and isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
            del node.body[0]
