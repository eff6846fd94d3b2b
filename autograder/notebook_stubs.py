"""What a notebook expects around it and a worker lacks: Colab, IPython, progress bars, a GPU, a compiler, somebody to
answer `input()`, and the course's own modules.
"""

# ruff: noqa: S102, ARG001  (executes the course's modules in a worker; stand-ins ignore what they are given)
from __future__ import annotations

import builtins
import contextlib
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import linecache
import sys
import types
from collections.abc import Mapping, Sequence
from typing import Any

import torch


def display(*objects: Any, **options: Any) -> None:
    """Shows nothing."""


def get_ipython() -> Any:
    """A shell that does nothing."""
    return _Nothing()


class _Nothing:
    """Any attribute is a function that returns nothing."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *args, **kwargs: None


class _Empty(types.ModuleType):
    """A module of which every public name is a function that returns nothing."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *args, **kwargs: None


class _Sources(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports modules from source text, each when it is first asked for."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        self.sources = dict(sources)

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        return importlib.util.spec_from_loader(name, self, origin=f"{name}.py") if name in self.sources else None

    def exec_module(self, module: types.ModuleType) -> None:
        name = module.__name__
        source, file = self.sources[name], f"{name}.py"
        module.__file__ = file  # relative to the worker's folder, where the data files of given modules lie
        linecache.cache[file] = (len(source), None, source.splitlines(True), file)
        exec(compile(source, file, "exec", dont_inherit=True), module.__dict__)


def offer_modules(sources: Mapping[str, str]) -> None:
    """Make modules importable from source; they come before anything installed or imported under the same name."""
    if sources:
        sys.meta_path.insert(0, _Sources(sources))
    for name in sources:
        sys.modules.pop(name, None)


def import_modules(sources: Mapping[str, str]) -> None:
    """Import the course's modules here, once for all workers; one that cannot be imported yet is left to its worker."""
    offer_modules(sources)
    for name in sources:
        with contextlib.suppress(Exception):
            importlib.import_module(name)


def install() -> None:
    """Put the stand-ins in place; once, in the worker server, because looking for modules takes milliseconds."""
    colab = ("google", "google.colab", *(f"google.colab.{n}" for n in ("drive", "files", "output", "userdata")))
    bars = ("tqdm", "tqdm.auto", "tqdm.notebook")  # installed or not: they are shown to nobody
    for name in (*colab, "IPython", "IPython.display", *bars):
        module = sys.modules[name] = _Empty(name)
        module.__path__ = []
        parent, _, child = name.rpartition(".")
        if parent:
            setattr(sys.modules[parent], child, module)
    sys.modules["IPython"].__dict__.update(get_ipython=get_ipython)
    sys.modules["IPython.display"].__dict__.update(display=display)
    for name in bars:
        sys.modules[name].__dict__.update(tqdm=_Bar, tqdm_notebook=_Bar, trange=lambda *a, **k: _Bar(range(*a)))
    builtins.input = _no_input
    torch.compile = _as_it_is  # it starts a compiler, which a worker may not; the plain function computes the same
    torch.nn.Module.compile = _not_compiled  # type: ignore[method-assign]


def ignore_cuda() -> None:
    """Make `.cuda()` do nothing: for notebooks written on Colab's GPU, where there is none."""
    for cls in (torch.Tensor, torch.nn.Module):
        if cls.cuda is not _here:
            cls.cuda = _here  # type: ignore[method-assign]


def _here(self: Any, *args: Any, **kwargs: Any) -> Any:
    return self


def _as_it_is(model: Any = None, **options: Any) -> Any:
    return model if model is not None else _as_it_is


def _not_compiled(self: Any, *args: Any, **kwargs: Any) -> None:
    return None


class _Bar(_Nothing):
    """Goes through what it is given, and shows nothing."""

    def __init__(self, iterable: Any = None, *args: Any, **kwargs: Any) -> None:
        self.iterable = iterable if iterable is not None else ()

    def __iter__(self) -> Any:
        return iter(self.iterable)

    def __len__(self) -> int:
        return len(self.iterable)

    def __bool__(self) -> bool:
        return True

    @staticmethod
    def write(*args: Any, **kwargs: Any) -> None:
        """Prints nothing: what a loop says beside its bar is for whoever watches it."""

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *error: object) -> None:
        return None


def _no_input(prompt: object = "") -> str:
    raise EOFError("input() has nobody to ask while the notebook is graded")
