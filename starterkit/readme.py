"""The student's README: points, policies in words with an example, what to hand in where, corrections."""

from __future__ import annotations

import datetime as dt
import functools
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Template

    from starterkit.config import Assignment, Late
    from starterkit.model import Figure, Homework, Written

TEMPLATES = Path(__file__).resolve().parent.parent / "templates" / "starter"
_EXAMPLE_HOURS = 34  # late: a day and a bit, so that "each day that has begun" shows
_EXAMPLE_SCORE = 80.0
_HOURS_A_DAY = 24


@dataclass(frozen=True, kw_only=True)
class PointsRow:
    """One problem's points: by tests in the notebook, by tests on Gradescope, by people; lines to write; minutes."""

    id: str
    title: str
    here: float
    there: float
    people: float
    lines: int
    minutes: int

    @property
    def total(self) -> float:
        """All points of the problem, bonus left out."""
        return self.here + self.there + self.people


def render_readme(homework: Homework, release: int, *, badge: str | None = None) -> str:
    """Return README.md of a starter kit; `badge` is the markdown of the "Open in Colab" badge."""
    course, assignment = homework.course, homework.assignment
    text = _template().render(
        course=course,
        assignment=assignment,
        homework=homework,
        release=release,
        badge=badge,
        rows=points_rows(homework),
        team_size=assignment.team_size or course.team_size,
        due=day_and_time(assignment.due_date),
        late=late_policy(course.late, assignment, assignment.team_size or course.team_size),
        example=late_example(course.late, assignment),
    )
    return text.strip("\n") + "\n"


def points_rows(homework: Homework) -> list[PointsRow]:
    """Return one row per problem, and one for what belongs to none."""
    titles = {problem.id: problem.title for problem in homework.problems}
    minutes = {problem.id: problem.minutes or 0 for problem in homework.problems}
    rows = []
    for problem in [*titles, None]:
        questions = [q for q in homework.questions if (q.problem if q.problem in titles else None) == problem]
        tests = [test for question in questions for test in question.tests if not test.bonus]
        parts: list[Written | Figure] = [*homework.written, *homework.figures]
        people = [part.points for part in parts if _owner(part.problem, titles) == problem]
        row = PointsRow(
            id=problem or "",
            title=titles.get(problem or "", "Other parts"),
            here=sum(test.points for test in tests if not test.hidden),
            there=sum(test.points for test in tests if test.hidden),
            people=sum(people),
            lines=sum(question.lines_to_write for question in questions),
            minutes=minutes.get(problem or "", 0),
        )
        if problem is not None or row.total:
            rows.append(row)
    return rows


def _owner(problem: str | None, titles: dict[str, str]) -> str | None:
    return problem if problem in titles else None


def late_policy(late: Late, assignment: Assignment, team_size: int = 1) -> list[str]:
    """Return the late policy as sentences; where there are teams, also who is charged."""
    if late.policy == "none" or not (late.allowance or late.penalty_per_unit):
        said = ["Late work is not accepted."]
    else:
        unit = late.policy.removesuffix("s")
        said = [
            f"Each late {unit} that has begun counts: uploading {_EXAMPLE_HOURS} hours late is "
            + (
                f"{math.ceil(_EXAMPLE_HOURS / _HOURS_A_DAY)} late days."
                if unit == "day"
                else f"{_EXAMPLE_HOURS} late hours."
            )
        ]
        if late.allowance:
            said.append(
                f"You have {counted(late.allowance, f'free late {unit}')} for the whole term, for all homeworks "
                "together."
            )
        after = "Once they are used up, each" if late.allowance else "Each"
        if late.penalty_per_unit:
            said.append(f"{after} further late {unit} costs {late.penalty_per_unit:g} % of the score." if late.allowance
                        else f"{after} late {unit} costs {late.penalty_per_unit:g} % of the score.")  # fmt: skip
        else:
            said.append("Once they are used up, late work is not accepted.")
    if team_size > 1 and late.policy != "none" and late.allowance:
        who = "every member" if late.team_charge == "every member" else "one member, whom the team names,"
        said.append(f"A team's late {late.policy} are charged to {who}{' of it' if who == 'every member' else ''}.")
    if late.grace_minutes:
        said.append(f"An upload up to {counted(late.grace_minutes, 'minute')} after the deadline counts as on time.")
    return said + _stop(late, assignment)


def _stop(late: Late, assignment: Assignment) -> list[str]:
    last = last_moment(late, assignment)
    return [f"Nothing is accepted after {day_and_time(last)}."] if last else []


def last_moment(late: Late, assignment: Assignment) -> dt.datetime | None:
    """Return when the last upload is accepted: the hard stop or the late due date, the earlier; None without either."""
    if late.policy == "none":
        return None
    stops = [assignment.late_due_date] if assignment.late_due_date else []
    if late.hard_stop_days is not None:
        stops.append(assignment.due_date + dt.timedelta(days=late.hard_stop_days))
    return min(stops) if stops else None


def late_example(late: Late, assignment: Assignment) -> str | None:
    """Return the policy worked out for one upload, with dates; None where no late work is accepted."""
    last = last_moment(late, assignment)
    room = (last - assignment.due_date).total_seconds() / 3600 if last else math.inf
    if late.policy == "none" or not late.penalty_per_unit or room < 1:
        return None
    hours = int(min(_EXAMPLE_HOURS, room))
    units = math.ceil(hours / _HOURS_A_DAY) if late.policy == "days" else hours
    free = min(late.allowance, max(0, units - (1 if late.policy == "days" else 4)))
    charged = units - free
    percent = min(100.0, charged * late.penalty_per_unit)
    unit = f"late {late.policy.removesuffix('s')}"
    uploaded = assignment.due_date + dt.timedelta(hours=hours)
    first = f"You upload on {day_and_time(uploaded)}, {counted(hours, 'hour')} late: that is {counted(units, unit)}."
    with_all = f" With {late.allowance} left you use {units} and lose nothing." if late.allowance >= units else ""
    left = f"With {free} left" if free else "With none left"
    with_few = (
        f" {left}, {counted(charged, unit)} {'is' if charged == 1 else 'are'} charged: {charged} × "
        f"{late.penalty_per_unit:g} % = "
        f"{percent:g} %, so {_EXAMPLE_SCORE:g} points become {_EXAMPLE_SCORE * (1 - percent / 100):g}."
    )
    return first + with_all + with_few


def counted(number: float, noun: str) -> str:
    """Return "1 day", "3 days"."""
    return f"{number:g} {noun}{'' if number == 1 else 's'}"


def day_and_time(moment: dt.datetime) -> str:
    """Return "Monday 5 October 2026, 23:59", in the time zone in which it was written."""
    offset = f"{moment:%z}"
    zone = f" (UTC{offset[:3]}:{offset[3:5]})" if offset else ""
    return f"{moment:%A} {moment.day} {moment:%B %Y}, {moment:%H:%M}{zone}"


@functools.cache
def _template() -> Template:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # noqa: S701 - markdown for people, from staff's own files
    )
    return environment.get_template("README.md.j2")
