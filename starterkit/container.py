"""What Gradescope's container is given besides the files: submission_metadata.json and environment variables. All of
it is made up.
"""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

RELEASED, DUE, LATE, SENT = (
    "2026-02-02T09:00:00.000000-08:00",
    "2026-02-16T23:59:00.000000-08:00",
    "2026-02-18T23:59:00.000000-08:00",
    "2026-02-15T21:03:17.482913-08:00",
)
"""The dates of the synthetic submission: handed in a day before the deadline, always the same, so that runs repeat."""


def manifest_of(archive: Path) -> dict[str, Any]:
    """Return the bundle's manifest inside `archive`; empty where there is none (a zip that we did not make)."""
    try:
        with zipfile.ZipFile(archive) as opened:
            manifest = json.loads(opened.read("bundle/manifest.json"))
    except (KeyError, ValueError, OSError, zipfile.BadZipFile):
        return {}
    return manifest if isinstance(manifest, dict) else {}


def title_of(manifest: Mapping[str, Any]) -> str:
    """Return the assignment's title: number and name of the homework."""
    name, title = str(manifest.get("homework", "")).upper(), str(manifest.get("title", ""))
    return ": ".join(part for part in (name, title) if part) or "Homework"


def metadata_text(archive: Path, given: Path | None) -> str:
    """Return the text of submission_metadata.json: the content of `given`, else a synthetic one for `archive`.

    Raises ValueError where `given` is no JSON object: Gradescope never sends such a thing.
    """
    if given is None:
        return json.dumps(synthetic(manifest_of(archive)), indent=2)
    try:
        text = given.read_text(encoding="utf-8")
        parsed = json.loads(text)
    except ValueError as error:
        raise ValueError(f"{given} is no JSON: {error}") from error
    if not isinstance(parsed, dict):
        raise ValueError(f"{given} holds no JSON object")
    return text


def synthetic(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return metadata in the shape of real ones (undocumented keys included): one student, on time, no earlier
    submission.
    """
    points = f"{float(manifest.get('points', 100)):.1f}"
    dates = {"release_date": RELEASED, "due_date": DUE, "late_due_date": LATE}
    outline = {"id": 7000001, "type": "ProgrammingQuestion", "title": "Autograder", "parent_id": None}
    user = {"id": 900001, "email": "ada@example.edu", "name": "Ada Example", "sid": "10000001", "assignment": dates}
    return {
        "id": 300000001,
        "users": [user],
        "created_at": SENT,
        "assignment_id": None,
        "assignment": {
            "id": 5000001,
            "title": title_of(manifest),
            **dates,
            "total_points": points,
            "course_id": 800001,
            "group_submission": False,
            "group_size": None,
            "outline": [{**outline, "weight": points, "content": [], "index": 1}],
        },
        "submission_method": "upload",
        "previous_submissions": [],
    }


def environment(metadata: Mapping[str, Any], timeout: float) -> dict[str, str]:
    """Return the environment variables of the container. The token is a fake; a grader that shows it anywhere leaks
    the real one.
    """
    assignment, users = metadata.get("assignment"), metadata.get("users")
    first = users[0] if isinstance(users, list) and users and isinstance(users[0], dict) else {}
    course = assignment.get("course_id", 0) if isinstance(assignment, dict) else 0
    title = assignment.get("title", "") if isinstance(assignment, dict) else ""
    base = f"https://gradescope.invalid/courses/{course}/submissions/{metadata.get('id', 0)}"
    return {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": "/root",
        "ASSIGNMENT_TITLE": str(title),
        "STUDENT_NAME": str(first.get("name", "")),
        "TIMEOUT_SECONDS": f"{timeout:g}",
        "SUBMISSION_URL": base,
        "SUBMIT_RESULTS_URL": f"{base}/results",
        "AUTHENTICATION_TOKEN": "emulated-token-that-students-must-never-see",
        "ASSET_HOST": "https://assets.gradescope.invalid",
        "START_SSHD": "0",
    }
