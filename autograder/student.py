"""What a worker answers. Student code may rewrite all of it at run time: the grader believes nothing it says."""

# ruff: noqa: PTH108, PTH119, PTH123, BLE001, S102, S108  (this process exists to execute student code; whatever it raises is an answer)
from __future__ import annotations

import builtins
import copy
import json
import linecache
import os
import random
import socket
import sys
import traceback
import types
from collections.abc import Mapping
from typing import Any, NoReturn

import numpy.random
import torch

from autograder import notebook_stubs
from autograder.channel import Channel
from autograder.peer import Peer
from autograder.signatures import describe_signature
from autograder.wire import Encoder

MODULE = "submission"
MAX_TEXT, MAX_FRAMES = 2000, 8
forked_with: set[str] = set()  # filled by the server before it forks: here it would copy a page for every name


def main(sock: socket.socket, config: Mapping[str, Any], report: Mapping[str, Any]) -> None:
    """Say hello with the isolation report, then answer until the grader hangs up."""
    torch.set_num_threads(1)
    if config["device"] == "cpu":
        notebook_stubs.ignore_cuda()
        torch.default_generator.manual_seed(config["seed"])  # torch.manual_seed looks for every kind of device first
    else:
        torch.manual_seed(config["seed"])
    numpy.random.seed(config["seed"] & 0xFFFFFFFF)
    random.seed(config["seed"])
    channel = Channel(sock)
    channel.send(Encoder(lambda o, e, d: None).frame({"k": "hello", "m": json.dumps(report)}))
    device = None if config["device"] == "cpu" else torch.device(config["device"])
    Student(channel, device).loop()


class Student(Peer):
    """The worker's end of the boundary, and the student's namespace."""

    def __init__(self, channel: Channel, device: torch.device | None) -> None:
        self.module = types.ModuleType(MODULE)
        super().__init__(channel, home=False, given=self.module.__dict__)
        self.device = device
        self.files: set[str] = set()  # names under which the student's pieces were compiled

    def loop(self) -> NoReturn:
        """Answer requests; Gone ends it."""
        while True:
            self.serve(self.channel.recv())

    def before_answer(self) -> None:
        """Flush what was printed: the grader may end this process once it has the answer."""
        try:
            sys.stdout.flush()
        except Exception:  # closed or replaced by the student
            return

    def perform(self, op: str, payload: list[Any]) -> Any:
        """Run `op_<op>`."""
        return getattr(self, "op_" + op)(*payload)

    def fail(self, error: Any) -> NoReturn:
        """Raise the error of a function of the test's, as the built-in type that it is or derives from."""
        names, text, _, reference = error
        base = next(
            (b for n in names if isinstance(b := vars(builtins).get(n), type) and issubclass(b, Exception)),
            RuntimeError,
        )
        try:
            made: Exception = base(text)
        except TypeError:  # UnicodeDecodeError and friends want more than a text
            made = RuntimeError(text)
        made.__dict__["_from_test"] = reference
        raise made

    def describe(self, error: BaseException) -> list[Any]:
        """``[names, text, frames, reference]``: the type and its built-in bases, and the student's own frames only."""
        names = [type(error).__name__[:80], *(c.__name__ for c in type(error).__mro__ if c.__module__ == "builtins")]
        try:
            text = str(error)[:MAX_TEXT]
        except BaseException:
            text = "(its text cannot be printed)"
        frames = [
            [f.filename, f.name, f.lineno or 0]
            for f in traceback.extract_tb(error.__traceback__)
            if f.filename in self.files
        ]
        if isinstance(error, SyntaxError) and error.filename in self.files:
            frames.append([error.filename, "<module>", error.lineno or 0])
        return [names, text, frames[-MAX_FRAMES:], getattr(error, "_from_test", 0)]

    # ---- the program
    # --------------------------------------------------------------------------------------------------
    def op_load(self, program: dict[str, Any]) -> dict[str, Any]:
        """Execute given pieces and the student's pieces one by one; an error in one does not stop the rest."""
        sys.modules[MODULE] = self.module
        self.module.__dict__.update(
            __file__=f"{MODULE}.py", get_ipython=notebook_stubs.get_ipython, display=notebook_stubs.display
        )
        for name, data in program.get("data", {}).items():
            with open(os.path.basename(name), "wb") as f:
                f.write(data)
        notebook_stubs.offer_modules(program.get("modules", {}))
        errors: list[dict[str, Any]] = []
        flags = 0
        for kind in ("given", "pieces"):
            for piece in program.get(kind, []):
                flags = self._execute(piece, flags, errors, kind == "given")
        names = {n for kind in ("given", "pieces") for piece in program.get(kind, []) for n in piece["names"]}
        return {"errors": errors, "bound": sorted(n for n in names if n in self.module.__dict__)}

    def _execute(self, piece: dict[str, Any], flags: int, errors: list[dict[str, Any]], given: bool) -> int:
        file, line, source = piece["file"], piece["line"], piece["source"]
        if not given:
            self.files.add(file)
        padded = "\n" * (line - 1) + source
        known = linecache.cache.get(file)
        lines = _overlay(list(known[2] or []) if known and len(known) == 4 else [], padded.splitlines(True))
        linecache.cache[file] = (sum(map(len, lines)), None, lines, file)
        try:
            own = _future_flags(piece.get("future", ()))  # the extraction's: for this piece only
            code = compile(padded, file, "exec", flags=flags | own, dont_inherit=True)
            flags |= (
                code.co_flags & _FUTURES & ~own
            )  # as in Jupyter, a __future__ import holds for the cells that follow
            exec(code, self.module.__dict__)
        except BaseException as error:
            names, text, frames, _ = self.describe(error)
            where = next((f[2] for f in reversed(frames) if f[0] == file), line)
            errors.append(
                {
                    "file": file,
                    "line": where,
                    "names": list(piece["names"]),
                    "type": names[0],
                    "text": text,
                    "given": given,
                }
            )
        return flags

    def op_bind(self, names: list[str]) -> dict[str, Any]:
        """The objects behind these names; absent names are absent."""
        return {n: self.module.__dict__[n] for n in names if n in self.module.__dict__}

    def op_imported(self) -> list[str]:
        """Names of the modules that were imported since this process was forked."""
        return sorted(name for name in sys.modules if name not in forked_with)

    def op_rebind(self, functions: dict[str, Any]) -> None:
        """Put functions of the test's under these names."""
        self.module.__dict__.update(functions)

    def op_probe(self, source: str, name: str, line: int, args: tuple[Any, ...], kwargs: dict[str, Any] | None) -> Any:
        """Run a probe in a copy of the student's namespace: its helpers do not overwrite the student's names."""
        space = {**self.module.__dict__, "__name__": "probe"}
        linecache.cache["probe"] = (len(source), None, ("\n" * (line - 1) + source).splitlines(True), "probe")
        exec(compile("\n" * (line - 1) + source, "probe", "exec", dont_inherit=True), space)
        return space[name](*args, **(kwargs or {}))

    def op_extract(self, filename: str, data: bytes, spec: str) -> bytes:
        """Parse a submission here, where it can harm nobody."""
        from autograder.extract import extract  # imported before the fork

        return json.dumps(extract(filename, data, json.loads(spec))).encode()

    def op_try_out(self, hidden: str, parent: int) -> dict[str, bool]:
        """Try what the layers must refuse; {what: refused}."""
        return {name: _refused(attempt) for name, attempt in {
            "read a hidden file": lambda: open(hidden, "rb").close(),
            "write to /tmp": lambda: _write(f"/tmp/{os.getpid()}.try"),
            "open a socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close(),
            "start a process": _fork,
            "signal the grader": lambda: os.kill(parent, 0),
        }.items()}  # fmt: skip

    # ---- objects
    # ------------------------------------------------------------------------------------------------------
    def op_call(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any] | None) -> Any:
        return function(*args, **(kwargs or {}))

    def op_method(self, o: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any] | None) -> Any:
        return getattr(o, name)(*args, **(kwargs or {}))

    def op_getattr(self, o: Any, name: str) -> Any:
        return getattr(o, name)

    def op_setattr(self, o: Any, name: str, value: Any) -> None:
        setattr(o, name, value)

    def op_isinstance(self, o: Any, cls: Any) -> bool:
        return isinstance(o, cls)

    def op_getitem(self, o: Any, index: Any) -> Any:
        return o[index]

    def op_setitem(self, o: Any, index: Any, value: Any) -> None:
        o[index] = value

    def op_contains(self, o: Any, item: Any) -> bool:
        return item in o

    def op_len(self, o: Any) -> int:
        return len(o)

    def op_iter(self, o: Any) -> Any:
        return _Iterator(iter(o))

    def op_next(self, o: Any) -> tuple[bool, Any]:
        try:
            return False, next(o)
        except StopIteration:
            return True, None

    def op_deepcopy(self, o: Any) -> Any:
        return copy.deepcopy(o)

    def op_signature(self, o: Any) -> list[list[Any]]:
        return describe_signature(o)


class _Iterator:
    """Hides the type of an iterator, so that it travels as a handle whatever it is."""

    def __init__(self, iterator: Any) -> None:
        self.iterator = iterator

    def __next__(self) -> Any:
        return next(self.iterator)


def _futures() -> int:
    import __future__

    return sum(
        getattr(__future__, n).compiler_flag
        for n in __future__.all_feature_names
        if getattr(__future__, n).compiler_flag > 0x10
    )


def _future_flags(names: Any) -> int:
    """The compiler flags of these `__future__` names; unknown ones count nothing."""
    import __future__

    return sum(getattr(__future__, name).compiler_flag for name in set(names) & set(__future__.all_feature_names))


_FUTURES = _futures()


def _overlay(old: list[str], new: list[str]) -> list[str]:
    """Lines of two pieces of one file, each at its own place."""
    size = max(len(old), len(new))
    old, new = ([*lines, *["\n"] * (size - len(lines))] for lines in (old, new))
    return [b if b.strip() else a for a, b in zip(old, new, strict=True)]


def _refused(attempt: Any) -> bool:
    try:
        attempt()
    except OSError:
        return True
    return False


def _write(path: str) -> None:
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
    os.unlink(path)


def _fork() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
