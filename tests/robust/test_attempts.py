"""Attempts per day: decided by the times in the metadata alone, told with the last results, the same in every re-run."""

from __future__ import annotations

import copy
import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder import attempts
from autograder.manifest import read_manifest
from autograder.metadata import read_metadata
from tests.grader import tiny_bundle
from tests.robust.running import Graded, grade_all

if TYPE_CHECKING:
    from collections.abc import Mapping

EXAMPLES = Path(__file__).parents[1] / "emulate" / "metadata"
PACIFIC = timezone(timedelta(hours=-8))
NOON = datetime(2026, 2, 19, 12, 0, 0, 123456, tzinfo=PACIFIC)


def entry(hours: float, number: int = 1, **more: Any) -> dict[str, Any]:
    """A previous submission, so many hours before noon."""
    time = (NOON - timedelta(hours=hours)).isoformat()
    return {"id": number, "submission_time": time, "score": "3.0", "autograder_error": False, "results": {}, **more}


def details(*previous: Any, created: object = NOON.isoformat()) -> dict[str, Any]:
    """A submission_metadata.json with these previous submissions."""
    return {"id": 99, "created_at": created, "users": [], "assignment": {}, "previous_submissions": list(previous)}


def decided(tmp_path: Path, data: object, allowed: int | None = 2) -> tuple[int | None, str] | None:
    """(number of the last graded submission, when the next one is graded) or None, if the submission counts."""
    file = tmp_path / "metadata.json"
    file.write_text(json.dumps(data), encoding="utf-8")
    found = attempts.used_up(read_metadata(file), allowed)
    return None if found is None else (found[0].submission, found[1].astimezone(PACIFIC).strftime("%d %H:%M"))


@pytest.mark.parametrize(
    ("previous", "expected"),
    [
        ([], None),
        ([entry(1, 1)], None),
        ([entry(1, 2), entry(3, 1)], (2, "20 09:00")),
        ([entry(3, 1), entry(1, 2)], (2, "20 09:00")),  # newest last
        ([entry(1, 2), entry(24, 1)], None),  # 24 hours ago is outside
        ([entry(1, 2), entry(23.99, 1)], (2, "19 12:00")),
        ([entry(1, 2), entry(3, 1, autograder_error=True)], None),
        ([entry(1, 3), entry(2, 2, autograder_error=None), entry(3, 1)], (2, "20 09:00")),  # 3 came too early itself
        ([entry(5, 3), entry(20, 2), entry(30, 1)], (3, "19 16:00")),
        ([entry(1, 4), entry(2, 3), entry(25, 2), entry(26, 1)], (4, "20 10:00")),
        ([entry(1, 4), entry(20, 3), entry(25, 2), entry(26, 1)], None),  # 3 was not graded: 1 and 2 were its limit
        ([entry(-1, 3), entry(1, 2)], None),  # later submissions, in a re-run, do not count
        ([entry(1, 2), {"id": 1, "score": "1.0"}, None, 7, "x", entry(2, 1, submission_time="yesterday")], None),
    ],
)
def test_what_counts(tmp_path: Path, previous: list[Any], expected: tuple[int, str] | None) -> None:
    """Two in 24 hours are graded; errors of ours, later and undated ones do not count, nor what was not graded itself."""
    assert decided(tmp_path, details(*previous)) == expected


@pytest.mark.parametrize(
    "data", [details(entry(1), entry(2), created=None), details(entry(1), entry(2), created=3), {}, [], None, "x"]
)
def test_without_a_time_everything_counts(tmp_path: Path, data: object) -> None:
    """If the time of submission is unknown the submission is graded."""
    assert decided(tmp_path, data) is None


def test_without_a_limit_everything_counts(tmp_path: Path) -> None:
    """No `attempts_per_day`, no limit."""
    assert decided(tmp_path, details(*(entry(i / 10) for i in range(50))), None) is None


@pytest.mark.parametrize(
    ("name", "allowed", "last"),
    [("solo_on_time", 1, None), ("team_late", 1, None), ("extension_with_history", 1, 300000008)],
)
def test_the_examples_of_metadata(name: str, allowed: int, last: int | None) -> None:
    """Real shapes: no history, a team, and a history with an error of ours in it."""
    found = attempts.used_up(read_metadata(EXAMPLES / f"{name}.json"), allowed)
    assert (found[0].submission if found else None) == last


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(st.integers(0, 4000), max_size=12, unique=True), st.integers(1, 4))
def test_what_was_graded_at_the_time_is_what_is_reckoned_later(minutes: list[int], allowed: int) -> None:
    """Submitting one after the other, each decision equals the one that the next submission reckons from the times."""
    from autograder.metadata import Earlier, Metadata

    times = [NOON + timedelta(minutes=m) for m in sorted(minutes)]
    known = [Earlier(submission=i, time=time, results={}) for i, time in enumerate(times)]
    graded: list[int] = []
    for i, time in enumerate(times):
        found = attempts.used_up(Metadata(created_at=time, earlier=tuple(known)), allowed)  # later ones are no secret
        in_window = [j for j in graded if time - times[j] < attempts.WINDOW]
        assert (found is None) == (len(in_window) < allowed)
        if found is None:
            graded.append(i)
        else:
            assert found[0].submission == graded[-1]
            assert found[1] == times[in_window[-allowed]] + attempts.WINDOW > time


# --------------------------------------------------------------------------------------------- through the grader


def stored(results: Mapping[str, Any]) -> dict[str, Any]:
    """Results as Gradescope hands them back: keys that were not set are null."""
    data = {"score": None, "leaderboard": [], "test_name_format": None, **copy.deepcopy(dict(results))}
    data["tests"] = [{"name_format": None, **row} for row in data["tests"]]
    return data


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Graded]:
    """A wrong submission, then the solved one with histories of several kinds, one attempt a day."""
    folder = tmp_path_factory.mktemp("attempts")
    bundle = tiny_bundle.write_bundle(folder / "bundle", data={**tiny_bundle.manifest(), "attempts_per_day": 1})
    wrong = tiny_bundle.submission(folder / "wrong", kl=tiny_bundle.STUBS["1.1a"])
    solved = tiny_bundle.submission(folder / "solved")
    first = grade_all(folder / "first", {"first": {"bundle": str(bundle), "submission": str(wrong)}}, lanes=1)["first"]
    before = stored(first.data)
    histories = {
        "too_early": [entry(3, 7, results=before)],
        "re_run": [entry(3, 7, results=before), entry(-2, 100, results=before)],
        "next_day": [entry(25, 7, results=before)],
        "our_error": [entry(3, 7, results=before, autograder_error=True)],
        "no_results": [entry(3, 7)],
        "of_another_release": [entry(3, 7, results={**before, "tests": before["tests"][1:]})],
        "unfinished": [entry(3, 7, results={**before, "extra_data": {**before["extra_data"], "finished": False}})],
        "not_finite": [entry(3, 7, results={**before, "tests": [{**row, "score": 1e999} for row in before["tests"]]})],
        "strange": [entry(3, 7, results={"tests": [None, 3, {"number": []}], "extra_data": {"finished": True}})],
        "told_twice": [],
    }
    jobs = {}
    for name, history in histories.items():
        if name != "told_twice":
            jobs[name] = {"bundle": str(bundle), "submission": str(solved), "metadata": write(folder, name, history)}
    runs = grade_all(folder / "second", jobs)
    history = [entry(1, 8, results=stored(runs["too_early"].data)), entry(3, 7, results=before)]
    last = {"bundle": str(bundle), "submission": str(solved), "metadata": write(folder, "told_twice", history)}
    return {**runs, **grade_all(folder / "third", {"told_twice": last}, lanes=1), "first": first}


def write(folder: Path, name: str, history: list[Any]) -> str:
    """A metadata file of that history."""
    file = folder / f"{name}.json"
    file.write_text(json.dumps(details(*history)).replace("Infinity", "1e999"), encoding="utf-8")
    return str(file)


@pytest.mark.parametrize("name", ["too_early", "re_run", "told_twice"])
def test_the_last_results_are_told_again_under_a_notice(graded: dict[str, Graded], name: str) -> None:
    """Nothing is run: the rows and the text are those of the last graded submission, under one sentence that says so."""
    again, first = graded[name], graded["first"]
    assert again.data["tests"] == first.data["tests"] and again.data["score"] == first.data["score"] < 15
    notice, _, rest = again.data["output"].partition("\n\n")
    assert notice.startswith("This submission was not graded: at most 1 submission in 24 hours is graded.")
    assert "of 2026-02-19 09:00:00 -0800" in notice and "after 2026-02-20 09:00:00 -0800" in notice
    assert rest == first.data["output"]
    assert again.data["extra_data"]["graded"] is False and again.data["extra_data"]["results_of"] == 7
    assert again.code == 0 and "was not graded" in again.log


@pytest.mark.parametrize("name", ["next_day", "our_error"])
def test_a_submission_that_counts_is_graded(graded: dict[str, Graded], name: str) -> None:
    """A day later, or after an error of ours, the submission is graded."""
    assert graded[name].data["score"] == 15 and "graded" not in graded[name].data["extra_data"]


@pytest.mark.parametrize("name", ["no_results", "of_another_release", "unfinished", "not_finite", "strange"])
def test_without_the_last_results_it_is_graded_and_staff_are_told(graded: dict[str, Graded], name: str) -> None:
    """Results that are absent, incomplete or odd are never told again: the submission is graded instead."""
    assert graded[name].data["score"] == 15
    assert "graded after all" in graded[name].log


def test_results_survive_storage(tmp_path: Path, graded: dict[str, Graded]) -> None:
    """What the grader writes can be read back as rows of the same homework, whatever the order of the rows."""
    bundle = tiny_bundle.write_bundle(tmp_path / "bundle")
    data = stored(graded["first"].data)
    data["tests"].reverse()
    rows = attempts.told_rows(read_manifest(bundle), data)
    assert rows is not None and sum(row.points for found in rows.values() for row in found) == data["score"]
