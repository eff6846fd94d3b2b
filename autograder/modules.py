"""The modules a test file may import in the grader: `hwkit` and the given modules of the bundle."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
import types
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autograder import testing

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from autograder.manifest import Manifest

HWKIT = "hwkit"
_KIT = "hwkit_kit"


class HwkitModule(types.ModuleType):
    """`hwkit` for the grader: the testing names are `autograder.testing`'s own, the rest comes from the kit's file."""

    def __init__(self, file: Path) -> None:
        super().__init__(HWKIT)
        self.__file__ = str(file)
        self._kit: types.ModuleType | None = None

    def __getattr__(self, name: str) -> Any:
        if name in testing.__all__:
            return getattr(testing, name)
        if name.startswith("__"):
            raise AttributeError(name)
        if self._kit is None:
            self._kit = load(Path(str(self.__file__)), _KIT)
        return getattr(self._kit, name)


def load(file: Path, name: str) -> types.ModuleType:
    """Execute a trusted file of the bundle as module `name`, leaving `sys.modules` as it was. Raises what it raises."""
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None or not file.is_file():
        raise ImportError(f"{file.name} is not in the bundle", name=name)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look up the module they are defined in
    try:
        spec.loader.exec_module(module)
    finally:
        sys.modules.pop(name, None)
    return module


@contextlib.contextmanager
def available(bundle: Path, manifest: Manifest) -> Iterator[None]:
    """While the block runs, `import hwkit` and the given modules are the bundle's; afterwards nothing is left.

    The current folder is the one with the data files, as it is where students work.
    """
    folder, here = str(bundle / "modules"), Path.cwd()
    names = {HWKIT, *manifest.modules}
    before = {name: sys.modules.pop(name) for name in names if name in sys.modules}
    sys.modules[HWKIT] = HwkitModule(bundle / "modules" / f"{HWKIT}.py")
    sys.path.insert(0, folder)
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(here)
        sys.path.remove(folder)
        for name in names:
            sys.modules.pop(name, None)
        sys.modules.update(before)


def preloadable(names: Collection[str], manifest: Manifest) -> list[str]:
    """Those of the module names that belong to a package of the manifest, sorted; what else they need comes along."""
    return sorted(name for name in names if name.partition(".")[0] in manifest.packages)


def data(bundle: Path, manifest: Manifest) -> dict[str, bytes]:
    """The data files beside the given modules, by name, for the worker; none when there is no module to read them."""
    if not set(manifest.modules) - {HWKIT}:
        return {}
    files = [file for file in sorted((bundle / "modules").iterdir()) if file.is_file() and file.suffix != ".py"]
    return {file.name: file.read_bytes() for file in files}


def sources(bundle: Path, manifest: Manifest) -> dict[str, str]:
    """Module name -> source, for a worker, which cannot read the bundle."""
    files = {name: bundle / "modules" / f"{name}.py" for name in manifest.modules}
    return {name: file.read_text(encoding="utf-8") for name, file in files.items() if file.is_file()}
