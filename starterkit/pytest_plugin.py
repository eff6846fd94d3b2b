"""`pytest solutions/hw2/hw2.py -k kl --pdb`: a source notebook's tests, run on its own reference with true lines.

`--against FILE` puts a wheat or chaff file, a folder of them, or a submitted notebook in the place of the solutions.
Registered as a pytest plugin by the package; it touches no other file than `hwN/hwN.py` beside an assignment.toml.
"""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import ast

    from _pytest._code.code import ExceptionInfo, Traceback

    from starterkit.model import Homework, Question, TestFunction
    from starterkit.runtime import Overlay, Runtime


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--against` and `--hw-seed`."""
    group = parser.getgroup("starterkit", "source notebooks of homeworks")
    group.addoption("--against", metavar="FILE", help="run a source notebook's tests on wheats, chaffs or a submission")
    group.addoption("--hw-seed", metavar="N", type=int, default=0, help="another stream of random inputs (default: 0)")


def pytest_configure(config: pytest.Config) -> None:
    """Refuse a file that is not there before anything is collected."""
    given = config.getoption("--against", default=None)
    if given and not (config.invocation_params.dir / str(given)).exists():
        raise pytest.UsageError(f"--against {given}: there is no such file")


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Take source notebooks over from pytest's own collector."""
    folder = module_path.parent
    if module_path.stem == folder.name and (folder / "assignment.toml").is_file():
        return SourceNotebook.from_parent(parent, path=module_path)
    return None


class SourceNotebook(pytest.File):
    """One hwN.py. Its mistakes are shown as `build.py check` shows them."""

    def collect(self) -> Iterable[pytest.Item | pytest.Collector]:
        """Yield the tests, or one group of them per overlay."""
        from starterkit.diagnostics import Collector, render
        from starterkit.runtime import Runtime
        from starterkit.source import load_homework

        problems = Collector()
        homework = load_homework(self.path.parent, self.path.parent.parent.parent, problems)
        overlays = _overlays(self.config, homework, problems) if homework else []
        if homework is None or not problems.ok:
            raise self.CollectError(render(problems.errors))
        self.runtime = Runtime(homework)
        self.config.add_cleanup(self.runtime.close)
        if not overlays:
            yield from _items(self, self.runtime, homework.questions, None)
        for overlay in overlays:
            name = overlay.name if overlay else "reference"
            yield Run.from_parent(self, name=name, runtime=self.runtime, overlay=overlay)


class Run(pytest.Collector):
    """The tests of a homework against one wheat, chaff or submission."""

    def __init__(self, *, runtime: Runtime, overlay: Overlay, **rest: Any) -> None:
        super().__init__(**rest)
        self.runtime, self.overlay = runtime, overlay

    def collect(self) -> Iterable[pytest.Item]:
        """Yield the tests of the questions that the overlay answers."""
        questions = self.runtime.homework.questions
        question = getattr(self.overlay, "question", None)
        yield from _items(self, self.runtime, [q for q in questions if question in {None, q.id}], self.overlay)


class SourceTest(pytest.Item):
    """One test, or one case of it."""

    def __init__(
        self,
        *,
        runtime: Runtime,
        question: Question,
        test: TestFunction,
        case: int | None,
        overlay: Overlay,
        **rest: Any,
    ) -> None:
        super().__init__(**rest)
        self.runtime, self.question, self.test, self.case, self.overlay = runtime, question, test, case, overlay
        self.extra_keyword_matches.update({question.id, *question.names, "hidden" if test.hidden else "public"})

    def runtest(self) -> None:
        """Run it as the grader does: default dtype, seeds, fixtures, all by `autograder.testing.run_test`."""
        from autograder.testing import run_test, spec_of

        if self.test.void:
            pytest.skip(f"void: {self.test.void}")
        with self.runtime.active():
            function = _namespace(self)[self.test.name]
            case = None if self.case is None else spec_of(function).cases[self.case]
            run_test(function, seed=self._seed(), case=case)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where the test stands, 0-based, and what it is called."""
        against = f" against {self.overlay.name}" if self.overlay else ""
        return self.path, self.test.line - 1, f"{self.question.id} {self.name}{against}"

    def _seed(self) -> int:
        what = f"{self.runtime.homework.name} {self.question.id} {self.test.name} {self.config.getoption('--hw-seed')}"
        return zlib.crc32(what.encode())

    def _traceback_filter(self, excinfo: ExceptionInfo[BaseException]) -> Traceback:
        """Start the traceback at the notebook's own first frame, and leave the assertion helpers' insides out."""
        import autograder

        helpers = (str(Path(autograder.__file__).parent), contextlib.__file__)
        own = excinfo.traceback.cut(path=self.path)
        return own.filter(lambda entry: not str(entry.path).startswith(helpers)) or own


def _items(
    parent: pytest.Collector, runtime: Runtime, questions: Iterable[Question], overlay: Overlay
) -> Iterator[SourceTest]:
    from starterkit.runtime import case_labels

    for question in questions:
        for test in question.tests:
            labels = case_labels(test)
            cases = list(enumerate(labels)) if labels else [(None, "")]
            for case, label in cases:
                name = f"{test.name}[{label}]" if label else test.name
                yield SourceTest.from_parent(
                    parent, name=name, runtime=runtime, question=question, test=test, case=case, overlay=overlay
                )


def _namespace(item: SourceTest) -> dict[str, Any]:
    """The globals of an item's test: built once per question and overlay."""
    assert item.parent is not None
    cache: dict[str, dict[str, Any]] = item.parent.__dict__.setdefault("_namespaces", {})
    key = item.question.id
    if key not in cache:
        cache[key] = item.runtime.namespace(item.question, item.overlay, lambda tree, text: _rewrite(item, tree, text))
    return cache[key]


def _rewrite(item: SourceTest, tree: ast.Module, text: str) -> None:
    """Pytest's assertion introspection for a cell of tests."""
    from _pytest.assertion.rewrite import rewrite_asserts

    rewrite_asserts(tree, text.encode(), str(item.path), item.config)


def _overlays(config: pytest.Config, homework: Homework, problems: Any) -> list[Overlay]:
    given = config.getoption("--against")
    if not given:
        return []
    from starterkit.overlay import load_alternatives
    from starterkit.runtime import load_submission

    path = config.invocation_params.dir / str(given)
    if path.is_file() and not _is_alternatives(path):
        submission = load_submission(path, homework)
        if submission.error:
            raise pytest.Collector.CollectError(f"--against {given}: {submission.error}")
        return [submission]
    graded = {name: question.id for question in homework.questions for name in question.names}
    return list(load_alternatives(path, graded, problems))


def _is_alternatives(path: Path) -> bool:
    """A .py file that imports wheat or chaff; any other .py is a notebook downloaded as a script."""
    if path.suffix != ".py":
        return False
    text = path.read_text(encoding="utf-8", errors="replace")
    return path.parent.name in {"wheats", "chaffs"} or "@wheat" in text or "@chaff" in text
