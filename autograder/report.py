"""The words around the rows: what students read at the top of the results, and what staff read in the log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from autograder import messages
from autograder.outcomes import Outcome
from autograder.scoring import Scored, total

if TYPE_CHECKING:
    from autograder.artefacts import Measured
    from autograder.attempts import Repeat
    from autograder.manifest import Manifest
    from autograder.metadata import Metadata
    from autograder.reading import Reading

_LATER = {"after_due_date": "after the due date", "after_published": "when grades are published"}


@dataclass(kw_only=True)
class Story:
    """What happened in a run besides the rows."""

    device: str = "cpu"
    reading: Reading | None = None
    metadata: Metadata | None = None
    unreadable: str = ""
    ours: list[str] = field(default_factory=list)  # what went wrong on our side; the first line of everything
    notices: list[str] = field(default_factory=list)  # for students
    staff: list[str] = field(default_factory=list)
    isolation: Mapping[str, Any] = field(default_factory=dict)
    probes: Mapping[str, str] = field(default_factory=dict)  # what a worker tried: "refused" or "ALLOWED"
    grade: str = "unknown"  # of the isolation: strong, good, weak, none
    finished: bool = False
    only: tuple[str, ...] = ()
    measured: list[Measured] = field(default_factory=list)  # files handed in beside the notebook
    again: Repeat | None = None  # earlier results that are told once more instead of grading


def top(manifest: Manifest, rows: Sequence[Scored], story: Story) -> str:
    """The text above the rows: faults of ours, release, what was read, points now and later, notices."""
    if story.again is not None:
        return f"{story.again.notice}\n\n{story.again.output}"
    lines = [*_faults(rows, story), _headline(manifest)]
    if story.unreadable:
        lines.append(messages.unreadable(story.unreadable))
    elif story.reading is not None:
        lines += _read(manifest, story.reading)
    lines += [f"- {messages.one_line(notice, 500)}" for notice in story.notices]
    lines += [f"- {messages.one_line(one.for_student(), 1000)}" for one in story.measured]
    if story.only:
        verb = "was" if len(story.only) == 1 else "were"
        lines.append(f"Only {messages.listed(story.only)} {verb} graded in this run.")
    lines += _points(rows)
    if not story.finished and not story.unreadable and not story.ours:
        lines.append("Grading has not finished: this is what is known so far.")
    if story.isolation and story.grade in {"weak", "none"}:
        lines.append(f"Note for staff: isolation is {story.grade} on this machine; see the log.")
    lines += [f"Correction: {_erratum(entry)}" for entry in manifest.errata]
    return "\n".join(lines)


def _faults(rows: Sequence[Scored], story: Story) -> list[str]:
    if story.ours:
        return [messages.PARTLY if story.finished else messages.NOT_GRADED]
    if any(row.verdict.outcome is Outcome.OUR_FAULT and row.test.visibility == "visible" for row in rows):
        return [messages.OUR_FAULT]
    return []


def _headline(manifest: Manifest) -> str:
    title = messages.one_line(manifest.title)
    name = manifest.homework.upper() if manifest.homework.startswith("hw") else manifest.homework
    return f"{name}{f': {title}' if title else ''}, release {manifest.release}"


def _read(manifest: Manifest, reading: Reading) -> list[str]:
    names = list(manifest.owner())
    found = [name for name in names if name in reading.found]
    stubs = [name for name in found if not reading.attempted(name)]
    line = f"Found {len(found)} of {messages.plural(len(names), 'name')} in {messages.plural(reading.cells, 'cell')}"
    if stubs:
        line += f"; not attempted yet: {messages.listed(stubs)}"
    begun = [f"{name}.{method}" for name in found for method in reading.unfinished(name)]
    if begun:
        line += f"; still to be written: {messages.listed(begun)}"
    lost = [f"- {messages.missing(name, reading.missing.get(name))}" for name in names if name not in reading.found]
    return [f"{line}.", *lost, *(f"- {notice}" for notice in reading.notices)]


def _points(rows: Sequence[Scored]) -> list[str]:
    """Only visible rows are summed up: anything else would tell the result of a hidden test."""
    seen = [row for row in rows if row.test.visibility == "visible"]
    most = sum(row.test.points for row in seen if not row.test.bonus)
    bonus = total([row for row in seen if row.test.bonus])
    line = f"Points decided now: {total([row for row in seen if not row.test.bonus]):g} of {most:g}"
    lines = [line + (f", and {messages.plural(bonus, 'bonus point')}." if bonus else ".")]
    for visibility, when in _LATER.items():
        later = sum(row.test.points for row in rows if row.test.visibility == visibility and not row.test.bonus)
        if later:
            lines.append(f"Tests worth {messages.plural(later, 'more point')} are shown {when}.")
    return lines


def _erratum(entry: Any) -> str:
    if isinstance(entry, Mapping):
        entry = " ".join(str(entry[key]) for key in ("date", "text") if entry.get(key))
    return messages.one_line(entry, 500)


def staff_log(
    manifest: Manifest, rows: Sequence[Scored], story: Story, facts: Mapping[str, Any], *, verbose: bool
) -> str:
    """What is printed to stdout, which students do not see: isolation, points per question, every failure in full."""
    lines = [f"== {manifest.homework} release {manifest.release} ({manifest.term or 'no term'}) on {story.device} =="]
    lines += [f"!! OUR FAULT: {text}" for text in story.ours]
    lines += [f"!! OUR FAULT: {row.number} {row.test.name}" for row in rows if row.verdict.outcome is Outcome.OUR_FAULT]
    lines += [f"{key}: {value}" for key, value in facts.items() if not isinstance(value, (Mapping, list))]
    lines += _isolation(story) + _submission(story)
    lines += [f"note: {text}" for text in story.staff]
    lines += [f"note: {story.again.notice}"] if story.again is not None else []
    lines += ["", *_table(manifest, rows), *_measured(story)]
    for row in rows:
        if verbose or not row.verdict.outcome.earns or row.verdict.outcome is Outcome.OUR_FAULT:
            lines += _row(row)
    return messages.clean("\n".join(lines), 400_000)


def _isolation(story: Story) -> list[str]:
    lines = [f"isolation: {story.grade}"]
    for layer, state in story.isolation.items():
        on, detail = state if isinstance(state, tuple) else (state, "")
        lines.append(f"  {'on ' if on else 'OFF'} {layer}{f' ({detail})' if detail else ''}")
    for word in ("refused", "ALLOWED"):
        found = [what for what, how in story.probes.items() if how == word]
        lines += [f"  tried in a worker, and {word}: {', '.join(found)}"] if found else []
    return lines


def _submission(story: Story) -> list[str]:
    data, lines = story.metadata, []
    if data is not None:
        who = ", ".join(data.submitters) or "unknown"
        late = "unknown" if data.late_s is None else f"{data.late_s / 3600:.1f} h" if data.late_s else "no"
        lines = [f"submission: {data.submission or 'unknown'} by {who}; late: {late}; earlier ones: {data.previous}"]
        lines += [f"note: {notice}" for notice in data.notices]
    return lines


def _table(manifest: Manifest, rows: Sequence[Scored]) -> list[str]:
    lines = []
    for question in manifest.questions:
        mine = [row for row in rows if row.number.rpartition(".")[0] == question.id]
        worth = sum(row.test.points for row in mine if not row.test.bonus)
        passed = sum(row.verdict.outcome.earns for row in mine)
        seconds = sum(row.verdict.seconds for row in mine)
        names = ", ".join(question.names)
        earned = f"{total(mine):6g} / {worth:g}"
        lines.append(f"{question.id:>6}  {earned}  {passed} of {len(mine)} tests  {seconds:5.1f} s  {names}")
    lines.append(f" total  {total(rows):6g} / {manifest.points:g}")
    return lines


def _measured(story: Story) -> list[str]:
    """Numbers and bands of the handed-in files, for the person who marks the figures."""
    if not story.measured:
        return []
    lines = [f"  {line}" for one in story.measured for line in one.for_staff()]
    return ["", "handed in beside the notebook, for whoever marks the figures (no autograder points):", *lines]


def _row(row: Scored) -> list[str]:
    flags = row.test.flags()
    head = f"[{row.number}] {row.test.name} ({', '.join([*flags, messages.plural(row.test.points, 'point')])})"
    lines = ["", f"{head}: {row.verdict.outcome.value}", f"    {row.verdict.sentence}"]
    lines += [f"    | {text}" for text in row.verdict.staff.rstrip().split("\n") if row.verdict.staff.strip()]
    if row.verdict.output.strip():
        lines += ["    printed by the student's code:"]
        lines += [f"    > {text}" for text in row.verdict.output.rstrip().split("\n")]
    return lines
