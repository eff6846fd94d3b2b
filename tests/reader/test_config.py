"""course.toml and assignment.toml: values, and mistakes with their lines."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest

ASSIGNMENT = 'title = "Five"\nrelease_date = 2026-09-01\ndue_date = 2026-09-15\n'
COURSE = 'name = "C"\nterm = "2026FA"\nsecret = "0123456789abcdef0123456789abcdef"\n'

# what is added to assignment.toml (or the whole of it): code, line, part of the hint
ASSIGNMENTS = {
    "unknown_key": (ASSIGNMENT + 'modulse = ["x"]\n', "unknown-key", 4, "did you mean `modules`?"),
    "unknown_key_in_table": (ASSIGNMENT + "[limits]\ncpu = 3\n", "unknown-key", 5, "did you mean `cpu_s`?"),
    "unknown_table": (ASSIGNMENT + "[point]\ncode = 3\n", "unknown-key", 4, "did you mean `points`?"),
    "broken": (ASSIGNMENT + "team_size = = 3\n", "broken-toml", 4, "strings need quotes"),
    "unquoted": ("title = Five\n", "broken-toml", 1, "strings need quotes"),
    "twice": (ASSIGNMENT + 'title = "Six"\n', "broken-toml", 4, "keep one of the two"),
    "missing": ("release_date = 2026-09-01\ndue_date = 2026-09-15\n", "missing-key", None, "add `title = …`"),
    "number_as_text": (ASSIGNMENT + 'team_size = "2"\n', "bad-value", 4, "without quotes"),
    "number_as_text_in_table": (ASSIGNMENT + '[limits]\ncpu_s = "3"\n', "bad-value", 5, "without quotes"),
    "text_for_list": (ASSIGNMENT + 'data = "x.npz"\n', "bad-value", 4, "write a list"),
    "number_in_list": (ASSIGNMENT + "data = [3]\n", "bad-value", 4, "double quotes"),
    "unknown_device": (ASSIGNMENT + 'device = "gpu"\n', "bad-value", 4, "one of the values named"),
    "hidden_visibility": (ASSIGNMENT + 'hidden_visibility = "hidden"\n', "bad-value", 4, "one of the values named"),
    "negative": (ASSIGNMENT + "[limits]\ncpu_s = -1\n", "bad-value", 5, "correct `limits.cpu_s`"),
    "date_as_text": (ASSIGNMENT.replace("2026-09-15", '"2026-09-15"'), "bad-value", 3, "correct `due_date`"),
    "due_before_release": (ASSIGNMENT.replace("2026-09-15", "2026-08-15"), "dates-out-of-order", 3, "after release_date"),
    "late_before_due": (ASSIGNMENT + "late_due_date = 2026-09-14\n", "dates-out-of-order", 4, "after due_date"),
    "late_on_the_due_date": (ASSIGNMENT + "late_due_date = 2026-09-15\n", "dates-out-of-order", 4, "after due_date"),
    "mixed_zones": (ASSIGNMENT + "late_due_date = 2026-09-18T12:00:00-04:00\n", "mixed-time-zones", 4, "same way"),
    "erratum_without_text": (ASSIGNMENT + "[[errata]]\ndate = 2026-09-02\ntext = \"a\"\n[[errata]]\ndate = 2026-09-03\n", "missing-key", 7, "add `text = …`"),
    "module_is_a_file": (ASSIGNMENT + 'modules = ["digits.py"]\n', "bad-value", 4, "correct `modules`"),
    "missing_module": (ASSIGNMENT + 'modules = ["digits"]\n', "missing-module", 4, "modules/digits.py"),
    "missing_data": (ASSIGNMENT + 'data = ["digits.npz"]\n', "missing-data", 4, "data/digits.npz"),
    "no_such_day": (ASSIGNMENT.replace("2026-09-15", "2026-09-31"), "broken-toml", 3, "no such day"),
    "unclosed_list": (ASSIGNMENT + 'data = ["a"\ntitle = 3\n', "broken-toml", 5, "close the list"),
    "infinite": (ASSIGNMENT + "[limits]\nrun_s = inf\n", "bad-value", 5, "correct `limits.run_s`"),
    "data_elsewhere": (ASSIGNMENT + 'data = ["../../course.toml"]\n', "bad-value", 4, "correct `data`"),
    "data_by_its_path": (ASSIGNMENT + 'data = ["/etc/hostname"]\n', "bad-value", 4, "correct `data`"),
    "wrong_totals": (ASSIGNMENT + "[points]\nwritten = 4\n", "points-total", 5, "write written = 3"),
}  # fmt: skip
COURSES = {
    "short_secret": (COURSE.replace("0123456789abcdef0123456789abcdef", "abc"), "weak-secret", 3, "secrets.token_hex"),
    "guessable_secret": (COURSE.replace("0123456789abcdef0123456789abcdef", "ab" * 16), "weak-secret", 3, "secrets.token_hex"),
    "missing_secret": ('name = "C"\nterm = "T"\n', "missing-key", None, "add `secret = …`"),
    "repository": (COURSE + 'repository = "git@github.com:o/r.git"\n', "bad-value", 4, "https://github.com/ORG/REPO"),
    "late_policy": (COURSE + '[late]\npolicy = "weeks"\n', "bad-value", 5, "one of the values named"),
    "email": (COURSE + 'staff_email = "staff"\n', "bad-value", 4, "staff@example.org"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "code", "line", "hint"), ASSIGNMENTS.values(), ids=list(ASSIGNMENTS))
def test_a_mistake_in_assignment_toml_has_its_line(
    read: Callable[..., Any], text: str, code: str, line: int | None, hint: str
) -> None:
    """Each mistake is one error at its line, with a hint, and no homework comes of it."""
    found = read(assignment=text)
    assert found.codes == [code], [found.shown(problem) for problem in found.problems]
    problem = found.problems[0]
    assert hint in str(problem.hint), problem.hint
    assert line is None or problem.line == line
    assert problem.path.endswith("assignment.toml") and found.homework is None


@pytest.mark.parametrize(("text", "code", "line", "hint"), COURSES.values(), ids=list(COURSES))
def test_a_mistake_in_course_toml_has_its_line(
    read: Callable[..., Any], text: str, code: str, line: int | None, hint: str
) -> None:
    """Each mistake is one error at its line, with a hint, and the secret is not quoted."""
    found = read(course=text)
    assert found.codes == [code] and found.problems[0].line == line
    assert hint in str(found.problems[0].hint)
    assert not any("abab" in problem.text + problem.message for problem in found.problems)


def test_a_file_that_is_no_utf_8_has_its_line(read: Callable[..., Any]) -> None:
    """A letter of Latin-1 in the source, in assignment.toml or in a module is an error at the line it stands on."""
    found = read(assignment=ASSIGNMENT + 'modules = ["digits"]\n')
    for path in (found.folder / "hw5.py", found.folder / "assignment.toml", found.folder / "modules" / "digits.py"):
        path.parent.mkdir(exist_ok=True)
        good = path.read_bytes() if path.exists() else b"X = 1\n"
        path.write_bytes(b"# one\n# caf\xe9\n" + good)
        again = read(None, assignment=None)
        assert ("not-utf8", 2) in [(problem.code, problem.line) for problem in again.problems], path
        path.write_bytes(good)


def test_a_byte_order_mark_is_no_mistake(read: Callable[..., Any]) -> None:
    """Editors of Windows put one in front of a file: source and settings read as they would without."""
    found = read()
    for name in ("hw5.py", "assignment.toml"):
        path = found.folder / name
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    again = read(None, assignment=None)
    assert again.problems == [] and again.homework.text == found.homework.text


def test_a_plain_due_date_means_the_end_of_that_day(read: Callable[..., Any]) -> None:
    """The homework of 15 September is due at 23:59, and was released at midnight."""
    assignment = read(assignment=ASSIGNMENT).homework.assignment
    assert assignment.due_date == dt.datetime(2026, 9, 15, 23, 59)  # noqa: DTZ001
    assert assignment.release_date == dt.datetime(2026, 9, 1)  # noqa: DTZ001


def test_team_size_comes_from_the_course_unless_the_assignment_says_otherwise(read: Callable[..., Any]) -> None:
    """The course's team size is the default."""
    assert read(course=COURSE + "team_size = 3\n", assignment=ASSIGNMENT).homework.assignment.team_size == 3
    assert read(assignment=ASSIGNMENT + "team_size = 1\n").homework.assignment.team_size == 1


def test_lines_are_found_below_multi_line_values(read: Callable[..., Any]) -> None:
    """A key after a multi-line list and a multi-line string is named with its own line."""
    text = ASSIGNMENT + 'data = [\n  "a = 1",\n]\nai_policy = """\ndevice = "none"\n"""\ndevice = "gpu"\n'
    (problem,) = [problem for problem in read(assignment=text).problems if problem.code == "bad-value"]
    assert problem.line == 10 and problem.text == 'device = "gpu"'


def test_packages_are_known_by_their_import_names(read: Callable[..., Any]) -> None:
    """scikit-learn is imported as sklearn, and versions do not matter."""
    homework = read(assignment=ASSIGNMENT + 'packages = ["scikit-learn==1.5", "torch-fidelity>=0.3"]\n').homework
    assert homework.assignment.import_names == ("sklearn", "torch_fidelity")


def test_a_given_module_may_import_only_what_the_grader_has(read: Callable[..., Any]) -> None:
    """An import of sklearn in a given module is an error at its line."""
    folder = read().folder
    (folder / "modules").mkdir()
    (folder / "modules" / "digits.py").write_text("import torch\nimport sklearn\n", encoding="utf-8")
    (problem,) = read(assignment=ASSIGNMENT + 'modules = ["digits"]\n').problems
    assert (problem.code, problem.line, problem.text) == ("given-import", 2, "import sklearn")


def test_a_common_module_is_found(read: Callable[..., Any]) -> None:
    """A given module may lie in solutions/common."""
    folder = read().folder
    (folder.parent / "common").mkdir()
    (folder.parent / "common" / "digits.py").write_text("X = 1\n", encoding="utf-8")
    assert read(assignment=ASSIGNMENT + 'modules = ["digits"]\n').homework.modules == (
        folder.parent / "common" / "digits.py",
    )
