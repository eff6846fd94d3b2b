"""`release`: sources in, kits and zips out, then the zip just made grades its own reference."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from starterkit import archive
from starterkit.diagnostics import EXIT_OK, EXIT_SOURCE, EXIT_STALE, Collector, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from starterkit.build import Built
    from starterkit.course import CourseFolder
    from starterkit.selfgrade import SelfGrade

    Say = Callable[[str], None]

TEST_MODULE = re.compile(r"(?:\.\./tests/)?\btest_\w+\.py:(?=\d)")  # its lines are those of the source


@dataclass(kw_only=True)
class Outcome:
    """What came of a run: per homework a status ("released", "unchanged", "draft", "failed"), and all problems."""

    homeworks: list[dict[str, Any]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    exit_code: int = EXIT_OK

    def as_json(self) -> dict[str, Any]:
        """Return plain data for `--json`."""
        return {
            "exit": self.exit_code,
            "homeworks": self.homeworks,
            "problems": [vars(problem) for problem in self.problems],
        }


def release(
    course: CourseFolder, names: Sequence[str], say: Say, *, draft: bool = False, new_contract: bool = False
) -> Outcome:
    """Release the homeworks that have changed; nothing is written unless all of them are without errors.

    Raises course.UnknownHomework, selfgrade.NotGraded.
    """
    wanted = course.homeworks(names)
    with course.writing(say):
        return _release(course, wanted, say, draft=draft, new_contract=new_contract)


def _release(course: CourseFolder, wanted: Sequence[str], say: Say, *, draft: bool, new_contract: bool) -> Outcome:
    outcome = Outcome()
    stale = [name for name in wanted if new_contract or not course.is_current(name, draft=draft)]
    for name in wanted:
        if name not in stale:
            say(f"{name}: unchanged")
            outcome.homeworks.append({"name": name, "status": "unchanged"})
    built = _build_all(course, stale, outcome, new_contract=new_contract) if stale else []
    if outcome.exit_code == EXIT_OK:
        for one in built:
            outcome.homeworks.append(_write(course, one, say, draft=draft))
        if any(entry["status"] == "failed" for entry in outcome.homeworks):
            outcome.exit_code = EXIT_STALE
    outcome.homeworks.sort(key=lambda entry: str(entry["name"]))
    return outcome


def _build_all(course: CourseFolder, names: Sequence[str], outcome: Outcome, *, new_contract: bool) -> list[Built]:
    """Build every homework and note all problems of all of them at once."""
    from starterkit.build import build

    collector = Collector(course.root)
    built = [
        build(course, name, collector, new_contract=new_contract, preload=course.state(name).get("preload", ()))
        for name in names
    ]
    outcome.problems = collector.sorted()
    outcome.exit_code = EXIT_OK if collector.ok else EXIT_SOURCE
    return [one for one in built if one is not None]


def _write(course: CourseFolder, built: Built, say: Say, *, draft: bool) -> dict[str, Any]:
    """Write one homework's kit, zips and sheet, self-grade, and return its entry in the outcome."""
    name = built.homework.name
    zips, before = built.zips, archive.read_tree(course.kit(name))
    archive.replace({course.kit(name): built.kit}, {course.zip(name, part): data for part, data in zips.items()})
    failed_mark(course, name).unlink(missing_ok=True)
    say(f"{name}: release {built.release['release']} written to assignments/{name}/ and dist/{name}-*.zip")
    if before and before != built.kit:
        say(f"{name}: in assignments/{name}/ {_difference(before, built.kit)}")
    graded = None if draft else _self_grade(course, built, zips["autograder"], say)
    status = "draft" if graded is None else "released" if graded.passed else "failed"
    _sheet(course, built, graded)
    _pdfs(course, built, say, draft=draft)
    preload = list(built.preload) if graded is None else graded.lazy_modules or list(built.preload)
    verdict = {"draft": "skipped", "released": "passed", "failed": "failed"}[status]
    course.note(name, selfgrade=verdict, preload=preload)
    return {"name": name, "status": status, "release": built.release["release"], **_scores(graded)}


def _difference(old: archive.Files, new: archive.Files) -> str:
    """Return "changed: README.md; new: data.csv; gone: notes.txt", as far as there is something to say."""
    kinds = {
        "changed": [name for name in new if name in old and old[name] != new[name]],
        "new": [name for name in new if name not in old],
        "gone": [name for name in old if name not in new],
    }
    return "; ".join(f"{kind}: {', '.join(sorted(names))}" for kind, names in kinds.items() if names)


def _self_grade(course: CourseFolder, built: Built, data: bytes, say: Say) -> SelfGrade:
    """Self-grade and say both scores; a zip that fails is renamed, so that nobody uploads it."""
    from dataclasses import replace

    from starterkit.selfgrade import self_grade

    name = built.homework.name
    say(f"{name}: grading the reference and the untouched starter")
    try:
        graded = self_grade(built, data)
    except BaseException:  # Ctrl-C as well: nobody uploads what has not been graded
        course.zip(name, "autograder").rename(failed_mark(course, name))
        raise
    most = built.homework.points + built.homework.bonus
    for word, one in graded.all.items():
        of = one.expected if one is graded.borrower else most
        mark = "" if one.as_expected else ", some of them because a test is broken" if one.ours else (
            f", but must get {one.expected:g}"
        )  # fmt: skip
        say(f"{name}: {word} gets {one.score:g} of {of:g} points{mark} ({one.cpu_s:.1f} CPU-s)")
    if not graded.passed:
        for text in dict.fromkeys(text for one in graded.all.values() if not one.as_expected for text in one.wrong):
            say(textwrap.indent(TEST_MODULE.sub(f"solutions/{name}/{name}.py:", text), "    "))
        say(f"    = hint: pytest solutions/{name}/{name}.py runs these tests in one process, with --pdb if you like")
        course.zip(name, "autograder").rename(failed_mark(course, name))
        say(f"{name}: self-grading FAILED; the zip is now dist/{failed_mark(course, name).name}")
    elif graded.lazy_modules and tuple(graded.lazy_modules) != built.preload:
        better = replace(built, preload=tuple(graded.lazy_modules))
        archive.replace_file(better.zips["autograder"], course.zip(name, "autograder"))
    return graded


def _pdfs(course: CourseFolder, built: Built, say: Say, *, draft: bool) -> None:
    from starterkit.pdfs import remove_pdfs, write_pdfs

    if draft:  # drafts are for looking at the kit in a hurry; `preview` makes the PDFs as well
        remove_pdfs(course, built)
    else:
        write_pdfs(course, built, say)


def failed_mark(course: CourseFolder, name: str) -> Path:
    """Return the name that a zip gets when it fails to grade its own reference."""
    return course.dist / f"{name}-autograder-FAILED.zip"


def _sheet(course: CourseFolder, built: Built, graded: SelfGrade | None) -> None:
    from starterkit.handover import sheet

    archive.replace_file(archive.text(sheet(built, graded)), course.dist / f"{built.homework.name}-gradescope.md")


def _scores(graded: SelfGrade | None) -> dict[str, Any]:
    if graded is None:
        return {}
    return {
        one.submission: {"score": one.score, "expected": one.expected, "cpu_s": round(one.cpu_s, 2)}
        for one in graded.all.values()
    }
