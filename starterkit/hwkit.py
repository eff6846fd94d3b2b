"""The student's `hwkit.py`: one readable file, made of the grader's pytest-free modules and `templates/starter/hwkit/`.

A check in Colab and on Gradescope is the same code because it is the same text (see starterkit/onefile.py).
"""

from __future__ import annotations

import pprint
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from starterkit.onefile import KIT_HERE, TITLE_HERE, KitClash, assembled

if TYPE_CHECKING:
    from starterkit.model import Homework

__all__ = ["KitClash", "KitInfo", "generate", "kit_info", "short_title"]

_FORBIDDEN = re.compile(r"\b(?:BEGIN|END) (?:SOLUTION|HIDDEN TESTS|MARK SCHEME)\b|/(?:home|root|work|tmp|Users)/\w")
_WIDTH = 118


@dataclass(frozen=True, kw_only=True)
class KitInfo:
    """What `hwkit.py` knows about its homework; plain data only, all of it may be read by students.

    `questions` maps ids to graded names in the order students meet them. `figures` and `artefacts` hold dicts with the
    keys id, title, caption, points and id, file, max_mb. `extraction` is the spec of `autograder.extract.extract`.
    `titles`, `points`, `public` and `hidden` (how many tests of either sort) are by question and may be left out.
    """

    homework: str
    title: str
    release: int
    course: str
    questions: Mapping[str, Sequence[str]]
    figures: Sequence[Mapping[str, Any]] = ()
    extraction: Mapping[str, Any] = field(default_factory=dict)
    artefacts: Sequence[Mapping[str, Any]] = ()
    titles: Mapping[str, str] = field(default_factory=dict)
    points: Mapping[str, float] = field(default_factory=dict)
    public: Mapping[str, int] = field(default_factory=dict)
    hidden: Mapping[str, int] = field(default_factory=dict)
    term: str = ""
    team_size: int = 1
    cpu_s: float = 10.0


def kit_info(homework: Homework, *, release: int, extraction: Mapping[str, Any]) -> KitInfo:
    """Return the `KitInfo` of a homework that was read; `extraction` as in the bundle (hashes of every release)."""
    return KitInfo(
        homework=homework.name,
        title=homework.assignment.title,
        release=release,
        course=homework.course.name,
        term=homework.course.term,
        questions={question.id: question.names for question in homework.questions},
        titles={question.id: question.title for question in homework.questions},
        points={question.id: question.points for question in homework.questions},
        public={question.id: sum(not test.hidden for test in question.tests) for question in homework.questions},
        hidden={question.id: sum(test.hidden for test in question.tests) for question in homework.questions},
        figures=[
            {"id": figure.id, "title": short_title(figure.prompt), "caption": figure.caption, "points": figure.points}
            for figure in homework.figures
        ],
        artefacts=[{"id": a.id, "file": a.file, "max_mb": a.max_mb} for a in homework.artefacts],
        extraction=extraction,
        team_size=homework.assignment.team_size or homework.course.team_size,
        cpu_s=homework.assignment.limits.cpu_s,
    )


def short_title(markdown: str, most: int = 90) -> str:
    """Return the first sentence of some markdown as plain text, without heading signs and points, cut to `most`."""
    line = next((line for line in markdown.splitlines() if line.strip()), "")
    line = re.sub(r"\(\s*\d+(?:\.\d+)?\s+points?\s*\)", "", line)
    line = " ".join(re.sub(r"^\s*#+\s*|[*`$]", "", line).split())
    sentence = re.split(r"(?<=[.!?])\s", line, maxsplit=1)[0].strip(" .:")
    if len(sentence) <= most:
        return sentence
    return sentence[:most].rsplit(" ", 1)[0].rstrip(" ,;:") + " …"


def generate(kit: KitInfo) -> str:
    """Return the text of `hwkit.py` for one homework: the same text for the same input, on any machine.

    Raises
    ------
    KitClash
        When two parts bind the same name, or the text holds a marker word or a machine path.
    """
    text = assembled().replace(KIT_HERE, f"KIT: dict[str, Any] = {_literal(_facts(kit))}", 1)
    text = text.replace(TITLE_HERE, f"{kit.homework.upper()}, {kit.title}. Release {kit.release}.", 1)
    found = _FORBIDDEN.search(text)
    if found:
        line = text[: found.start()].count("\n") + 1
        raise KitClash(f"hwkit.py, line {line}: {found.group()!r} must not stand in what students get")
    return text


def _facts(kit: KitInfo) -> dict[str, Any]:
    """Return the kit as plain data, in the form that the parts read (see templates/starter/hwkit/data.py)."""
    questions = [
        {
            "id": name,
            "names": list(names),
            "title": kit.titles.get(name, ""),
            "points": float(kit.points[name]) if name in kit.points else None,
            "public": kit.public.get(name, 0),
            "hidden": kit.hidden.get(name, 0),
        }
        for name, names in kit.questions.items()
    ]
    return {
        "artefacts": [dict(entry) for entry in kit.artefacts],
        "course": kit.course,
        "cpu_s": kit.cpu_s,
        "extraction": _plain(kit.extraction),
        "figures": [dict(entry) for entry in kit.figures],
        "homework": kit.homework,
        "questions": questions,
        "release": kit.release,
        "team_size": kit.team_size,
        "term": kit.term,
        "title": kit.title,
    }


def _plain(value: Any) -> Any:
    """Return mappings as dicts and sequences as lists, so that the literal can be read back."""
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(entry) for entry in (sorted(value) if isinstance(value, (set, frozenset)) else value)]
    return value


def _literal(facts: Mapping[str, Any]) -> str:
    return pprint.pformat(dict(facts), width=_WIDTH, sort_dicts=False)
