"""One homework, read, checked and built in memory: nothing is written here."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starterkit import archive, contract

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from starterkit.contract import Contract
    from starterkit.course import CourseFolder
    from starterkit.diagnostics import Collector
    from starterkit.model import Homework


@dataclass(frozen=True, kw_only=True)
class Built:
    """Everything that a release of one homework writes; `kit` is assignments/hwN."""

    homework: Homework
    release: Contract
    modules: dict[str, str]
    kit: archive.Files
    solutions: archive.Files
    preload: tuple[str, ...]

    @property
    def bundle(self) -> archive.Files:
        """The files of the autograder's zip."""
        from starterkit.bundle import bundle

        return bundle(self.homework, self.release, self.modules, self.preload)

    @property
    def zips(self) -> dict[str, bytes]:
        """The three zips, by part."""
        from starterkit.bundle import zipped

        inside = {f"{self.homework.name}/{name}": data for name, data in self.kit.items()}
        return {
            "starter": archive.zip_bytes(inside),
            "autograder": zipped(self.bundle),
            "solutions": archive.zip_bytes(self.solutions),
        }


def build(
    course: CourseFolder, name: str, collector: Collector, *, new_contract: bool = False, preload: Sequence[str] = ()
) -> Built | None:
    """Return one homework built; None when it cannot even be read. All mistakes go to the collector."""
    from starterkit import kit, measures, solutions
    from starterkit.source import load_homework

    homework = load_homework(course.source(name), course.root, collector)
    if homework is None:
        _scan_source(course.source(name) / f"{name}.py", collector)
        return None
    previous = _previous(course, name, collector)
    release = contract.contract(homework, previous, new=new_contract)
    if previous is not None and not new_contract:
        contract.refuse_changes(previous, release, homework, collector)
    modules = kit.modules(homework, release)
    files = kit.starter(homework, release, modules, collector)
    _check_packages(homework, collector)
    measures.check(homework, collector)
    staff = solutions.solutions(homework, release, modules, files, collector)
    return Built(
        homework=homework, release=release, modules=modules, kit=files, solutions=staff, preload=tuple(preload)
    )


def build_or_raise(course: CourseFolder, name: str) -> Built:
    """Return one homework built. Raises StarterkitError with everything that is wrong with its source."""
    from starterkit.diagnostics import Collector

    collector = Collector(course.root)
    built = build(course, name, collector)
    collector.raise_errors()
    if built is None:
        raise RuntimeError("no homework and no problem")
    return built


def _scan_source(path: Path, collector: Collector) -> None:
    """Look for leaks in a source that cannot be built, so that one run reports them with its other mistakes."""
    from starterkit.diagnostics import Collector as Unused
    from starterkit.leaks import scan_cells
    from starterkit.source import read_cells

    with contextlib.suppress(OSError):  # reported already
        scan_cells(read_cells(path.read_text(encoding="utf-8", errors="replace"), path, Unused()), path, collector)


def _check_packages(homework: Homework, collector: Collector) -> None:
    from starterkit.pins import requirements
    from starterkit.source import line_of_key

    try:
        requirements(homework.assignment.packages)
    except ValueError as error:
        path = homework.folder / "assignment.toml"
        message, line = str(error).splitlines()[0], line_of_key(path, "packages")
        hint = 'write exact pins: packages = ["einops==0.8.1"]'
        collector.add("loose-package", message, path=path, line=line, hint=hint)


def _previous(course: CourseFolder, name: str, collector: Collector) -> Contract | None:
    """Return the committed release.json; one that cannot be read is an error, for it would forget a promise."""
    path = course.kit(name) / "release.json"
    if not path.exists() and course.kit(name).is_dir() and any(course.kit(name).iterdir()):
        message = f"{collector.display(course.kit(name))} has no release.json: a release would overwrite what is in it"
        collector.add("not-a-kit", message, path=path, hint="restore release.json, or move the folder away")
    try:
        return contract.read(path)
    except ValueError as error:
        collector.add(
            "bad-release", str(error), path=path, hint=f"restore it: git checkout -- {collector.display(path)}"
        )
        return None
