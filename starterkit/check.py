"""`check`: lint, leak scan, alternatives, and whether assignments/ is what the sources would give. Writes nothing."""

from __future__ import annotations

import difflib
from itertools import islice
from typing import TYPE_CHECKING

from starterkit import archive
from starterkit.diagnostics import EXIT_OK, EXIT_SOURCE, EXIT_STALE, Collector
from starterkit.release import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from starterkit.course import CourseFolder

DIFF_LINES = 100


def check(course: CourseFolder, names: Sequence[str], say: Callable[[str], None]) -> Outcome:
    """Return what is wrong with the sources and which kits are stale. Raises course.UnknownHomework."""
    from starterkit.build import build
    from starterkit.overlay import check_alternatives

    collector, outcome = Collector(course.root), Outcome()
    stale = list[str]()
    for name in course.homeworks(names):
        before = len(collector.errors)
        built = build(course, name, collector)
        if built is not None:
            check_alternatives(built.homework, collector)
        if built is None or len(collector.errors) > before:
            outcome.homeworks.append({"name": name, "status": "failed"})
            continue
        committed = archive.read_tree(course.kit(name))
        diff = list(islice(differences(committed, built.kit, f"assignments/{name}"), DIFF_LINES + 1))
        outcome.homeworks.append({"name": name, "status": "stale" if diff else "in sync"})
        say(f"{name}: {'not released yet' if not committed else 'NOT in sync' if diff else 'in sync'}")
        if diff:
            stale.append(name)
        if committed:  # else all of it is new
            for line in diff[:DIFF_LINES]:
                say(line)
            if len(diff) > DIFF_LINES:
                say(f"… (the first {DIFF_LINES} lines)")
    if stale:
        say(f"repair it with: python build.py release {' '.join(stale)}")
    outcome.problems = collector.sorted()
    outcome.exit_code = EXIT_SOURCE if not collector.ok else EXIT_STALE if stale else EXIT_OK
    return outcome


def differences(old: Mapping[str, bytes], new: Mapping[str, bytes], label: str) -> Iterator[str]:
    """Yield the lines of a unified diff between two trees; binary files are only named."""
    for name in sorted(old.keys() | new.keys()):
        before, after = old.get(name), new.get(name)
        if before == after:
            continue
        try:
            texts = [(data or b"").decode("utf-8").splitlines() for data in (before, after)]
        except UnicodeDecodeError:
            yield f"Binary files {label}/{name} differ"
            continue
        heads = [f"{label}/{name}" if data is not None else "(no such file)" for data in (before, after)]
        yield from difflib.unified_diff(texts[0], texts[1], heads[0], heads[1], lineterm="", n=1)
