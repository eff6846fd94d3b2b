"""Gradescope's metadata is read whatever its shape."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder import metadata

ADA = {"id": 1, "email": "ada@example.edu", "name": "Ada Example", "sid": "1",
       "assignment": {"due_date": "2026-02-16T23:59:00.000000-08:00"}}  # fmt: skip
PLAIN = {
    "id": 300000001, "created_at": "2026-02-15T21:03:17.482913-08:00", "users": [ADA], "previous_submissions": [],
    "assignment": {"title": "HW2", "due_date": "2026-02-10T23:59:00.000000-08:00"},
}  # fmt: skip


def read(folder: Path, data: object) -> metadata.Metadata:
    """What `data`, written as a file, is read as."""
    file = folder / "submission_metadata.json"
    file.write_text(data if isinstance(data, str) else json.dumps(data))
    return metadata.read_metadata(file)


def test_on_time(tmp_path):
    """A user's own due date, with its extension, wins over the assignment's."""
    found = read(tmp_path, PLAIN)
    assert (found.submission, found.submitters, found.late_s, found.previous) == (300000001, ("ada@example.edu",), 0, 0)


def test_a_team_has_the_latest_due_date_of_its_members(tmp_path):
    """An extension for one partner is one for the team."""
    ben = {"email": None, "name": "Ben", "assignment": {"due_date": "2026-02-15T21:00:00-08:00"}}
    assert read(tmp_path, {**PLAIN, "users": [ben]}).late_s == pytest.approx(197.482913)
    team = read(tmp_path, {**PLAIN, "users": [ben, ADA]})
    assert (team.late_s, team.submitters) == (0, ("Ben", "ada@example.edu"))


def test_falls_back_to_the_assignments_due_date(tmp_path):
    """Without users' dates the assignment's counts."""
    assert read(tmp_path, {**PLAIN, "users": []}).late_s == pytest.approx(421457.482913)


def test_our_errors_are_no_attempts(tmp_path):
    """Submissions that failed by our fault are not counted as earlier ones."""
    before = [{"autograder_error": True, "results": {}}, {"autograder_error": False, "score": "3.0"}, None, 7]
    assert read(tmp_path, {**PLAIN, "previous_submissions": before}).previous == 1


def test_zulu_time(tmp_path):
    """A time that ends in Z is UTC, on Python 3.10 too."""
    found = read(tmp_path, {**PLAIN, "created_at": "2026-02-17T08:00:00Z"})
    assert found.late_s == pytest.approx(60)


@pytest.mark.parametrize(
    "odd",
    ["", "{", "null", "[]", "3", "{}", '"text"', "NaN", "[" * 100_000, '{"users": 3, "assignment": [], "id": "x"}',
     '{"users": [null, {"email": 3, "assignment": "no"}], "previous_submissions": {}}',
     '{"created_at": 12, "assignment": {"due_date": {}}}', '{"created_at": "yesterday"}', '{"id": true}',
     '{"created_at": "2026-02-17", "assignment": {"due_date": "2026-02-16T00:00:00+00:00"}}'],
)  # fmt: skip
def test_odd_shapes_never_raise(tmp_path, odd):
    """Broken and strange files give a Metadata, most with a notice."""
    found = read(tmp_path, odd)
    assert found.submission is None


def test_bytes_that_are_no_text(tmp_path):
    """Broken UTF-8 does not raise."""
    file = tmp_path / "m.json"
    file.write_bytes(b'{"id": 7, "users": [{"email": "\xff\xfe"}]}')
    assert metadata.read_metadata(file).submission == 7


def test_absent_files(tmp_path):
    """No path gives nothing; a path without a file, or to a folder, a notice."""
    assert metadata.read_metadata(None) == metadata.Metadata()
    assert metadata.read_metadata(tmp_path / "none.json").notices
    assert metadata.read_metadata(tmp_path).notices


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["id", "users", "assignment", "due_date", "created_at", "email", "previous_submissions"]), inner),
    max_leaves=12,
)  # fmt: skip


@given(JSON)
def test_any_json_is_read(data):
    """Whatever JSON the file holds, reading it gives a Metadata."""
    if isinstance(data, dict):
        assert isinstance(metadata._from(data).late_s, (float, type(None)))


@pytest.mark.parametrize(
    ("said", "seconds"), [("600", 480), ("100", 80), ("", 480), ("none", 480), ("-5", 480), ("nan", 480), ("inf", 480)]
)
def test_the_run_ends_at_80_percent_of_gradescopes_time(said, seconds):
    """TIMEOUT_SECONDS shortens the run to 80 % of it; nonsense does not."""
    assert metadata.run_seconds({"TIMEOUT_SECONDS": said}, 480) == seconds
    assert metadata.run_seconds({}, 480) == 480
