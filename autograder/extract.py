"""From a submitted notebook to the programs that are graded, without running anything.

Standard library only: the same code runs in the grader's limited child and, inside hwkit.py, in the student's notebook,
so that "complete here" means "complete on Gradescope".
"""

from __future__ import annotations

import builtins
import sys
import warnings
from typing import TYPE_CHECKING, Any

from autograder.cells import WARN_NOTEBOOK_BYTES, UnreadableNotebookError, digest_cells, read_cells
from autograder.closure import Closure
from autograder.cpu import to_cpu
from autograder.given import GivenCode
from autograder.magics import PARSE_ERRORS
from autograder.missing import broken_sentence, missing_sentence, parse_sentence
from autograder.salvage import reason_of
from autograder.statements import Statement
from autograder.survey import Survey, survey_cells
from autograder.untouched import is_partial, still_stub, stub_methods

if TYPE_CHECKING:
    from collections.abc import Iterable

Piece = dict[str, Any]  # file, line, source, names, cell; perhaps future (list of __future__ names), heavy (True)
_MAX_NOTICES = 60
_STOOD_IN = frozenset({"google", "IPython", "tqdm"})  # a worker has stand-ins for these (notebook_stubs.py)
_ALWAYS_BOUND = frozenset(dir(builtins)) | {
    "__name__",
    "__file__",
    "__doc__",
    "__builtins__",
    "get_ipython",
    "display",
    "In",
    "Out",
    "_",
}


def extract(filename: str, data: bytes, spec: dict[str, Any]) -> dict[str, Any]:
    """What a submission holds for each question; plain JSON data in and out, and no exception whatever `data` is.

    `spec`: questions {id: [names]}, given [{names, hashes, source?}], packages [top-level modules the worker has],
    modules [given modules], stubs {id: text}, and optionally needs {id: [other names its tests use]}, device ("cpu").
    Result: error (None or one sentence), cells (count), digest, found {name: {cell, line, stub, partial, stubs}},
    missing {name: sentence}, notices [sentences], programs {id: [Piece]}, modules {name: source},
    unavailable {id: [packages]}.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the student's invalid escapes are no concern of the log
            return _Extraction(filename, data, spec).result()
    except UnreadableNotebookError as error:
        return _nothing(spec, str(error))
    except Exception as error:  # noqa: BLE001  # whatever is uploaded, the answer is a sentence
        return _nothing(
            spec, f"The notebook could not be analysed ({type(error).__name__}): please tell the course staff."
        )


def _nothing(spec: dict[str, Any], sentence: str) -> dict[str, Any]:
    questions = spec.get("questions", {})
    return {
        "error": sentence, "cells": 0, "digest": "", "found": {}, "notices": [], "modules": {},
        "missing": {name: sentence for names in questions.values() for name in names},
        "programs": {question: [] for question in questions}, "unavailable": {},
    }  # fmt: skip


class _Extraction:
    """One run: surveys the notebook once, then answers question by question."""

    def __init__(self, filename: str, data: bytes, spec: dict[str, Any]) -> None:
        self.spec = spec
        self.questions: dict[str, list[str]] = spec.get("questions", {})
        self.notices: dict[str, None] = {}
        if len(data) > WARN_NOTEBOOK_BYTES:
            self._notice(f"The notebook is large ({len(data) / 1e6:.0f} MB): clear its outputs before the next upload.")
        cells = read_cells(filename, data)
        given = spec.get("given", [])
        hashes = {value for entry in given for value in entry.get("hashes", ())}
        self.on_cpu = spec.get("device", "cpu") == "cpu"
        self.survey: Survey = survey_cells(cells, hashes, self.on_cpu)
        self.stub_text = {name: spec.get("stubs", {}).get(q) for q, names in self.questions.items() for name in names}
        self._given = GivenCode(given, self.survey)
        self.given = self._given.uses
        self.modules = self._modules()
        self.allowed = {
            *sys.stdlib_module_names,
            *_STOOD_IN,
            *spec.get("packages", ()),
            *spec.get("modules", ()),
            *self.modules,
            "__main__",
        }
        stubs = {s for s in self.survey.statements if self._is_stub(s)}
        self.closure = Closure(self.survey.statements, self.given, stubs, set(self.stub_text))
        self.stubs = stubs

    def result(self) -> dict[str, Any]:
        """The answer of `extract`."""
        found, missing = self._find()
        self._tell_definitions(found)
        self._tell_given()
        self._tell_broken()
        programs: dict[str, list[Piece]] = {}
        unavailable: dict[str, list[str]] = {}
        for question, names in self.questions.items():
            needed = self.closure.needed([*names, *self.spec.get("needs", {}).get(question, ())])
            absent = self._unavailable(needed)
            self._tell_unbound(needed)
            if absent:
                unavailable[question] = sorted(absent)
            programs[question] = self._pieces(needed, absent)
        return {
            "error": None, "cells": len(self.survey.cells), "digest": digest_cells(self.survey.cells), "found": found,
            "missing": missing, "notices": list(self.notices)[:_MAX_NOTICES], "programs": programs,
            "modules": self.modules, "unavailable": unavailable,
        }  # fmt: skip

    def _notice(self, sentence: str) -> None:
        self.notices[sentence] = None

    def _is_stub(self, statement: Statement) -> bool:
        return statement.kind == "def" and any(
            still_stub(statement.node, self.stub_text[name]) and not is_partial(statement.node, self.stub_text[name])
            for name in statement.binds & self.stub_text.keys()
        )

    def _modules(self) -> dict[str, str]:
        """Modules the notebook writes, without those that the bundle or the machine supplies."""
        supplied = {*self.spec.get("modules", ()), "hwkit"}
        kept = {}
        for name, text in self.survey.modules.items():
            if name in supplied:
                continue
            if name in sys.stdlib_module_names or name in self.spec.get("packages", ()):
                self._notice(f"%%writefile {name}.py is ignored: it would hide the library `{name}`.")
            else:
                kept[name] = to_cpu(text) if self.on_cpu else text
        return kept

    def _find(self) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
        found: dict[str, dict[str, Any]] = {}
        missing: dict[str, str] = {}
        for name, text in self.stub_text.items():
            statement = self.closure.binding(name)
            stub = statement is not None and still_stub(statement.node, text)
            broken = broken_sentence(self.survey, name) if statement is None or stub else None
            if statement is None or (broken and not is_partial(statement.node, text)):
                missing[name] = broken or missing_sentence(self.survey, name, self.closure.definitions)
                continue
            reason = _compile_error(statement)
            if reason:
                missing[name] = f"`{name}` could not be read: {statement.cell.label} does not parse: {reason}."
                continue
            line = statement.cell.line(statement.definition_line)
            found[name] = {"cell": statement.cell.number, "line": line, "stub": stub}
            if stub and is_partial(statement.node, text):
                found[name].update(partial=True, stubs=stub_methods(statement.node, text))
        return found, missing

    def _tell_definitions(self, found: dict[str, dict[str, Any]]) -> None:
        """Notices on names that are bound more than once."""
        for name in found:
            used = self.closure.binding(name)
            if used is None:
                continue
            others = [
                s for s in self.closure.providers(name) if s is not used and s.kind == "def" and s not in self.stubs
            ]
            if others and used.kind in ("def", "import"):
                places = " and ".join(dict.fromkeys([*(s.where for s in others[-4:]), used.where]))
                twice = "twice in" if " and " not in places else "in"
                self._notice(f"`{name}` is defined {twice} {places}: the last one, in {used.where}, is graded.")
        for statement, name in self.closure.overridden_stubs:
            self._tell_graded(found, name, f"{statement.where} still holds the stub of `{name}`; the attempt")
        for statement, name in self.closure.shadows:
            self._tell_graded(found, name, f"{statement.where} gives the name `{name}` to a value; the function")

    def _tell_graded(self, found: dict[str, dict[str, Any]], name: str, start: str) -> None:
        used = self.closure.binding(name)
        if name in found and used is not None:
            self._notice(f"{start} in {used.where} is graded.")

    def _tell_given(self) -> None:
        """A student's own edit of given code is not used, and is worth a notice."""
        for statement in self.survey.statements:
            edited = statement.binds & self.given.keys()
            if edited and not statement.given and self._given.edits(statement):
                names = ", ".join(f"`{name}`" for name in sorted(edited))
                self._notice(f"{statement.where} changes {names}, which is given code: the original is used.")

    def _tell_broken(self) -> None:
        for cell, block in self.survey.broken:
            names = ", ".join(f"`{name}`" for name in block.names[:3])
            lost = f"only {names} is lost" if names else "this part is left out"
            if block.method:
                lost = f"only the method `{block.method}` is lost, calling it raises this error"
            self._notice(f"{parse_sentence(cell, block)}; {lost}.")

    def _unavailable(self, needed: Iterable[Statement]) -> set[str]:
        """Top-level packages that the statements import and the worker does not have."""
        absent: set[str] = set()
        for statement in needed:
            for package in sorted(statement.packages):
                if package in self.allowed:
                    continue
                absent.add(package)
                allowed = ", ".join(sorted({*self.spec.get("packages", ())})) or "no other package"
                allowed = f"allowed are the standard library and {allowed}"
                self._notice(f"{statement.where} uses `{package}`, which is not available when graded; {allowed}.")
        return absent

    def _bound(self, needed: Iterable[Statement]) -> set[str]:
        names: set[str] = set(_ALWAYS_BOUND | self.given.keys())
        for statement in needed:
            names |= statement.binds | statement.names.declared
        return names

    def _tell_unbound(self, needed: list[Statement]) -> None:
        """A graded function that reads a name no cell defines works only in the student's live kernel."""
        if any(s.kind == "star" for s in needed):
            return
        bound = self._bound(needed) | {n for _, block in self.survey.broken for n in block.names}
        for statement in needed:
            if statement.kind != "def":
                continue
            for name in sorted(statement.uses - bound):
                owner = next(iter(statement.binds))
                self._notice(f"`{owner}` in {statement.where} uses `{name}`, which no code cell defines.")

    def _pieces(self, needed: list[Statement], absent: set[str]) -> list[Piece]:
        usable = [s for s in needed if s.kind != "import" or not absent & s.packages]
        bound = self._bound(usable)
        return [_piece(statement, bound) for statement in needed]


def _compile_error(statement: Statement) -> str | None:
    """What only the compiler finds (an argument named twice, `break` outside a loop): `line 3: reason`, or None."""
    if statement.kind != "def":
        return None
    try:
        compile(statement.source, "<cell>", "exec", dont_inherit=True)
    except SyntaxError as error:
        return f"line {statement.cell.line(statement.line + (error.lineno or 1) - 1)}: {reason_of(error)}"
    except PARSE_ERRORS as error:
        return f"line {statement.cell.line(statement.line)}: {reason_of(error)}"
    return None


def _piece(statement: Statement, bound: set[str]) -> Piece:
    cell = statement.cell
    piece: Piece = {
        "file": cell.label, "line": cell.line(statement.line), "source": statement.source,
        "names": sorted(statement.binds), "cell": cell.number,
    }  # fmt: skip
    future = list(statement.future)
    absent = statement.names.now - bound if statement.kind == "def" else frozenset()
    if absent and absent & statement.annotated and "annotations" not in future:
        future.append("annotations")  # an annotation names something absent: that must not cost the function
    if future:
        piece["future"] = future
    if statement.kind == "heavy":
        piece["heavy"] = True
    return piece
