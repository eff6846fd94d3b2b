"""pytest in the grader: it collects the questions' test files, and hands every item to `trial`.

pytest brings collection, fixtures and parametrisation; points, seeds, workers and verdicts are ours. Its assertion
rewriting feeds the staff log only. Everything it could write or look for on disk is switched off.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch

from autograder import messages
from autograder.assertions import error_text
from autograder.outcomes import Verdict, our_fault
from autograder.rng import Rng, make_rng
from autograder.scoring import of_cases
from autograder.specs import spec_of
from autograder.trial import Bench, Run, attempt

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping, Sequence

_OFF = (
    "cacheprovider", "capture", "debugging", "doctest", "faulthandler", "freeze_support", "junitxml", "logging",
    "monkeypatch", "nose", "pastebin", "pytester", "recwarn", "setuponly", "setupplan", "stepwise", "terminal",
    "threadexception", "tmpdir", "unittest", "unraisableexception", "warnings",
)  # fmt: skip


class Part:
    """One question's share of a session: its bench, its declared tests, and the verdicts so far."""

    def __init__(self, bench: Bench, told: Callable[[str, str, Verdict], None]) -> None:
        self.bench = bench
        self.wanted = {test.name: test for test in bench.question.tests if test.void is None}
        self.cases: dict[str, list[Verdict]] = {}
        self.expected: dict[str, int] = {}
        self.broken = ""  # why the test file could not be collected
        self._told = told

    def failed(self, name: str) -> bool:
        """Whether a case of the test has failed, and so has the test."""
        return any(not verdict.outcome.earns for verdict in self.cases.get(name, ()))

    def hear(self, name: str, verdict: Verdict) -> None:
        """Note the verdict on an item; pass the test's on once it is decided."""
        heard = self.cases.setdefault(name, [])
        heard.append(verdict)
        if len(heard) == self.expected[name] or self.failed(name):
            self._told(self.bench.question.id, name, of_cases(heard, self.expected[name]))

    def finish(self, code: object) -> None:
        """A declared test that pytest did not run is our fault: nothing of the student's took part."""
        file = self.bench.question.file
        for name in self.wanted:
            if len(self.cases.get(name, ())) < self.expected.get(name, 1) and not self.failed(name):
                why = self.broken or f"{file} holds no test {name} that pytest would run (exit code {code})"
                self._told(self.bench.question.id, name, our_fault(messages.clean(why, 8000)))


class Plugin:
    """Hands every item that pytest collects to its question's part."""

    def __init__(self, parts: Mapping[str, Part]) -> None:
        self.parts = parts  # by file name
        self.current: Part | None = None
        self.failure: Exception | None = None

    @pytest.fixture
    def rng(self) -> Rng:
        """Replaced by the item's own generator just before the test runs."""
        return make_rng(0)

    @pytest.fixture
    def device(self, request: pytest.FixtureRequest) -> torch.device:
        """Where the test should put its tensors."""
        return torch.device(self.parts[request.path.name].bench.lab.device)

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """One item per case."""
        cases = spec_of(metafunc.function).cases
        if cases:
            names = list(cases[0])
            values = [tuple(case[name] for name in names) for case in cases]
            metafunc.parametrize(names, values, ids=[str(i) for i in range(len(cases))])

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Remember why a test file could not be imported."""
        part = self.parts.get(report.nodeid.partition("::")[0].rpartition("/")[2])
        if report.failed and part is not None:
            part.broken = str(report.longrepr)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep declared tests, in the order of the manifest."""
        order = {(f, n): i for i, (f, n) in enumerate((f, n) for f, part in self.parts.items() for n in part.wanted)}
        kept = [item for item in items if (item.path.name, _name(item)) in order]
        items[:] = sorted(kept, key=lambda item: order[item.path.name, _name(item)])
        for item in items:
            expected = self.parts[item.path.name].expected
            expected[_name(item)] = expected.get(_name(item), 0) + 1

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> bool:
        """Run the item our way."""
        part, name = self._enter(pyfuncitem.path.name), _name(pyfuncitem)
        if part.failed(name):
            return True  # one case has failed, and so has the test
        try:
            part.hear(name, attempt(part.bench, _run(pyfuncitem, part)))
        except Exception as error:  # noqa: BLE001  (a bug of ours must stop the run, not award points)
            self.failure = error
            pyfuncitem.session.shouldstop = "the grader cannot go on"
        return True

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """A fixture that fails is ours: nothing of the student's has run yet."""
        report = yield
        if call.excinfo is not None and call.when == "setup":
            self.parts[item.path.name].hear(_name(item), our_fault(messages.clean(str(report.longrepr), 8000)))
        return report

    def _enter(self, file: str) -> Part:
        """The part of that file; the worker that an earlier question kept is ended."""
        part = self.parts[file]
        if self.current is not None and self.current is not part:
            self.current.bench.close()
        self.current = part
        return part


def run_questions(
    benches: Sequence[Bench], bundle: Path, told: Callable[[str, str, Verdict], None], *, keep_bytecode: bool = False
) -> str:
    """Run the tests of the benches' questions; `told(question, test, verdict)` hears each as soon as it is known.

    Returns what the test files printed. `keep_bytecode`: leave the compiled tests beside them, where the next run finds
    them. A test file that cannot be imported, or lacks a declared test, is our fault.
    Raises what stops the whole run: NoWorker, a bug of ours or of pytest's, KeyboardInterrupt.
    """
    parts = {bench.question.file: Part(bench, told) for bench in benches}
    parts = {file: part for file, part in parts.items() if part.wanted}
    if not parts:
        return ""
    plugin, printed, before = Plugin(parts), io.StringIO(), set(sys.modules)
    folder = bundle / "tests"
    try:
        with _quiet(printed, keep_bytecode=keep_bytecode):
            files = [path for file in parts if (path := folder / file).is_file()]
            code = pytest.main(_arguments(folder, files), plugins=[plugin]) if files else None
    finally:
        for bench in benches:
            bench.close()
        for name in set(sys.modules) - before:
            if str(getattr(sys.modules[name], "__file__", "")).startswith(str(folder) + os.sep):
                del sys.modules[name]
    if plugin.failure is not None:
        raise plugin.failure
    if code == pytest.ExitCode.INTERRUPTED:
        raise KeyboardInterrupt
    if code == pytest.ExitCode.INTERNAL_ERROR:  # in the midst of their tests, so that no point may hang on it
        raise RuntimeError(f"pytest broke down: {messages.clean(printed.getvalue()[-4000:], 4000)}")
    for part in parts.values():
        part.finish(code)
    return messages.clean(printed.getvalue(), 10_000)


def _run(item: pytest.Function, part: Part) -> Run:
    names, name = item._fixtureinfo.argnames, _name(item)

    def describe(exc: BaseException) -> str:
        if part.bench.lab.verbose:
            return str(item.repr_failure(pytest.ExceptionInfo.from_exception(exc)))
        return brief(exc, str(item.path.parent))

    return Run(
        test=part.wanted[name], spec=spec_of(item.function), function=item.obj, module=item.module,
        arguments={argument: item.funcargs[argument] for argument in names}, case=len(part.cases.get(name, ())),
        describe=describe,
    )  # fmt: skip


def brief(exc: BaseException, folder: str) -> str:
    """Where in the test files it happened, what was raised with pytest's introspection, where in the student's code."""
    lines = []
    for frame in traceback.extract_tb(exc.__traceback__):
        if frame.filename.startswith(folder):
            lines.append(f"{Path(frame.filename).name}:{frame.lineno} in {frame.name}: {frame.line}")
    lines.append(f"{getattr(exc, 'type_name', type(exc).__name__)}: {error_text(exc)}")
    lines += [f"  raised at {file}:{line} in {function}" for file, function, line in getattr(exc, "frames", ())]
    return "\n".join(lines)


def _name(item: pytest.Item) -> str:
    return getattr(item, "originalname", None) or item.name


def _arguments(folder: Path, files: Sequence[Path]) -> list[str]:
    off = [word for name in _OFF for word in ("-p", f"no:{name}")]
    return [
        "-c", os.devnull, "--rootdir", str(folder), "--confcutdir", str(folder), "--import-mode=importlib",
        "-o", "python_files=test_*.py", "-o", "python_functions=test_*", "--continue-on-collection-errors",
        *off, *map(str, files),
    ]  # fmt: skip


@contextlib.contextmanager
def _quiet(printed: io.StringIO, *, keep_bytecode: bool) -> Iterator[None]:
    """No plugin of the machine, no options from the environment, no bytecode beside the tests, no output."""
    switches = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": "", "PYTEST_PLUGINS": ""}
    before, bytecode = {key: os.environ.get(key) for key in switches}, sys.dont_write_bytecode
    os.environ.update(switches)
    sys.dont_write_bytecode = not keep_bytecode
    try:
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            yield
    finally:
        sys.dont_write_bytecode = bytecode
        for key, value in before.items():
            if value is None:
                os.environ.pop(key, None)
            else:
                os.environ[key] = value
