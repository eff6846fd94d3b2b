"""`release`: reproducible, all mistakes at once, nothing written when there are any."""

from __future__ import annotations

import json
import threading
import zipfile
from typing import TYPE_CHECKING

import pytest

from starterkit import archive
from starterkit.cli import invoke
from starterkit.release import release as release_command

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from starterkit.course import CourseFolder

    Run = Callable[..., tuple[int, str]]


def outputs(course: CourseFolder) -> dict[str, bytes]:
    """Every file that a release wrote."""
    return {path.relative_to(course.root).as_posix(): path.read_bytes() for path in course.outputs("hw9")}


def test_two_builds_are_byte_identical(tmp_path: Path, new_course: Callable[[Path], CourseFolder]) -> None:
    """The same sources in two places give the same kit, zips and sheet."""
    courses = [new_course(tmp_path / place) for place in ("one", "another/place")]
    for course in courses:
        assert invoke(["--course", str(course.root), "release", "--draft"]) == 0
    assert outputs(courses[0]) == outputs(courses[1])


def test_a_second_build_changes_nothing(release: Callable[[], None], course: CourseFolder, starterkit: Run) -> None:
    """Building again over a release.json of the same contract gives the same bytes."""
    release()
    before = outputs(course)
    (course.dist / ".hw9.json").unlink()
    assert starterkit("release", "--draft")[0] == 0
    assert outputs(course) == before


def test_unchanged_homeworks_are_skipped(release: Callable[[], None], starterkit: Run) -> None:
    """A second release says unchanged."""
    release()
    assert starterkit("release", "--draft") == (0, "hw9: unchanged\n")


def test_a_draft_is_no_release(release: Callable[[], None], course: CourseFolder) -> None:
    """What was built as a draft is not current for a release, which must be self-graded."""
    release()
    assert not course.is_current("hw9", draft=False)


def test_a_hand_edit_of_the_kit_is_undone(release: Callable[[], None], course: CourseFolder, starterkit: Run) -> None:
    """A kit that somebody edited is built again."""
    release()
    readme = course.kit("hw9") / "README.md"
    before = readme.read_bytes()
    readme.write_bytes(b"edited")
    starterkit("release", "--draft")
    assert readme.read_bytes() == before


def test_stray_files_leave_the_kit(release: Callable[[], None], course: CourseFolder, starterkit: Run) -> None:
    """A file that no source explains does not survive a release."""
    release()
    (course.kit("hw9") / "notes.txt").write_text("mine")
    starterkit("release", "--draft")
    assert not (course.kit("hw9") / "notes.txt").exists()


def test_the_autograder_zip_is_as_gradescope_wants_it(release: Callable[[], None], course: CourseFolder) -> None:
    """Scripts at the root, executable, LF line endings, timestamps of 1980, sorted names, no byte code, no tests."""
    release()
    with zipfile.ZipFile(course.zip("hw9", "autograder")) as zipped:
        names = zipped.namelist()
        assert names == sorted(names)
        assert {info.date_time for info in zipped.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        for script in ("setup.sh", "run_autograder"):
            assert zipped.getinfo(script).external_attr >> 16 == 0o100755
            assert b"\r" not in zipped.read(script)
            assert zipped.read(script).startswith(b"#!")
    assert "autograder/__init__.py" in names
    assert "bundle/modules/temperatures.csv" in names
    assert not [name for name in names if "__pycache__" in name or name.startswith("autograder/tests")]


def test_a_release_says_what_it_changes_in_the_kit(
    release: Callable[[], None], course: CourseFolder, starterkit: Run
) -> None:
    """Files that somebody edited, added or deleted by hand are named; a release that changes none says nothing."""
    release()
    (course.kit("hw9") / "README.md").write_bytes(b"edited")
    (course.kit("hw9") / "notes.txt").write_text("mine")
    (course.kit("hw9") / "requirements.txt").unlink()
    said = "hw9: in assignments/hw9/ changed: README.md; new: requirements.txt; gone: notes.txt\n"
    assert said in starterkit("release", "--draft")[1]
    (course.dist / ".hw9.json").unlink()
    assert "in assignments" not in starterkit("release", "--draft")[1].replace("written to assignments", "")


def test_what_cannot_be_written_changes_nothing(tmp_path: Path) -> None:
    """Where one of several files has no place to go, the others stay as they were, and nothing lies beside them."""
    (tmp_path / "file").write_bytes(b"old")
    archive.write_tree({"a": b"1", "b": b"2"}, tmp_path / "tree")
    before = archive.read_tree(tmp_path)
    with pytest.raises(FileExistsError):
        archive.replace({tmp_path / "tree": {"a": b"3"}}, {tmp_path / "new": b"4", tmp_path / "file" / "below": b"5"})
    assert archive.read_tree(tmp_path) == before
    archive.replace({tmp_path / "tree": {"a": b"3"}}, {tmp_path / "new": b"4"})
    assert archive.read_tree(tmp_path) == {"file": b"old", "new": b"4", "tree/a": b"3"}


def test_a_second_release_waits_for_the_first(release: Callable[[], None], course: CourseFolder) -> None:
    """While one release holds the course's lock, another says that it waits, and goes on when the lock is free."""
    release()
    said, waits = list[str](), threading.Event()

    def say(line: str) -> None:
        said.append(line)
        waits.set()

    second = threading.Thread(target=release_command, args=(course, ["hw9"], say), kwargs={"draft": True})
    with course.writing(lambda _: None):
        second.start()
        assert waits.wait(60)
        assert said == ["another release of this course is running: waiting for it"]
    second.join(60)
    assert said[1].startswith("hw9: ")


def test_ctrl_c_while_grading_leaves_no_zip_to_upload(
    course: CourseFolder, starterkit: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit 1 and one line; the zip that was being graded has a name that nobody uploads, and a release is due."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("starterkit.selfgrade.self_grade", interrupted)
    code, said = starterkit("release")
    assert code == 1
    assert "interrupted: what had begun is not done" in said and "Traceback" not in said
    assert not course.zip("hw9", "autograder").exists()
    assert (course.dist / "hw9-autograder-FAILED.zip").exists()
    assert not course.is_current("hw9", draft=True)


def test_all_mistakes_are_reported_at_once(
    release: Callable[[], None], course: CourseFolder, starterkit: Run, edit: Callable[..., None]
) -> None:
    """Near-miss marker, stub that does not parse, surviving solution line, duplicate test, wrong total: exit 2, one run."""
    release()
    before = outputs(course)
    edit(
        "### BEGIN HIDDEN TESTS\n@points(2)\ndef test_surprise_adds",
        "### BEGIN HIDEN TESTS\n@points(2)\ndef test_surprise_adds",
    )
    edit(
        "# Everything here is per entry",
        "# Hint: `return -0.5 * (squared / var + torch.log(2 * math.pi * var))`. Everything is per entry",
    )
    edit(
        "def test_density_moves_with_its_mean(rng, shift)", "def test_density_at_the_mean_is_the_normaliser(rng, shift)"
    )
    edit("code = 8", "code = 80", file="assignment.toml")
    edit(
        "    ### BEGIN SOLUTION\n    return Thermometer(mu, var).surprise(x).sum(-1)\n    ### END SOLUTION",
        "    return (\n        ### BEGIN SOLUTION\n        Thermometer(mu, var).surprise(x).sum(-1)\n        ### END SOLUTION\n    )",
    )
    code, said = starterkit("release", "--draft")
    assert code == 2
    for problem in (
        "HIDEN",
        "does not parse",
        "error[leak]",
        "test_density_at_the_mean_is_the_normaliser",
        "declares code = 80",
    ):
        assert problem in said
    assert "solutions/hw9/hw9.py:" in said
    assert outputs(course) == before


def test_json_names_homeworks_and_problems(starterkit: Run, edit: Callable[..., None]) -> None:
    """--json prints one object with the exit code and each problem's code, path and line."""
    edit("code = 8", "code = 9", file="assignment.toml")
    code, said = starterkit("release", "--draft", "--json")
    answer = json.loads(said)
    assert (code, answer["exit"]) == (2, 2)
    assert [(p["code"], p["path"]) for p in answer["problems"]] == [("points-total", "solutions/hw9/assignment.toml")]


def test_json_holds_for_a_name_that_nothing_has(starterkit: Run) -> None:
    """--json prints one object for an unknown homework as well, and nothing else."""
    code, said = starterkit("release", "hw8", "--json")
    [problem] = json.loads(said)["problems"]
    assert (code, problem["code"], problem["hint"]) == (2, "unknown-homework", "did you mean hw9?")


def test_a_data_file_does_not_replace_a_file_of_the_kit(
    course: CourseFolder, starterkit: Run, edit: Callable[..., None]
) -> None:
    """A data file called README.md is refused."""
    (course.source("hw9") / "data" / "README.md").write_text("columns")
    edit('data = ["', 'data = ["README.md", "', file="assignment.toml")
    code, said = starterkit("release", "--draft")
    assert code == 2
    assert "error[name-taken]" in said


def test_a_loose_package_is_an_error(starterkit: Run, edit: Callable[..., None]) -> None:
    """A package without an exact version is refused."""
    edit("packages = []", 'packages = ["einops"]', file="assignment.toml")
    code, said = starterkit("release", "--draft")
    assert code == 2
    assert "error[loose-package]" in said and '| packages = ["einops"]' in said


def test_the_fallback_reports_every_test_as_ungraded(release: Callable[[], None], course: CourseFolder) -> None:
    """fallback.json has a row of score 0 for each declared test, and the totals of the manifest."""
    release()
    with zipfile.ZipFile(course.zip("hw9", "autograder")) as zipped:
        manifest, fallback = (json.loads(zipped.read(f"bundle/{name}.json")) for name in ("manifest", "fallback"))
    declared = [test for question in manifest["questions"] for test in question["tests"]]
    assert [row["score"] for row in fallback["tests"]] == [0.0] * len(declared)
    assert sum(row["max_score"] for row in fallback["tests"]) == manifest["points"]


def test_the_grader_reads_the_manifest(release: Callable[[], None], course: CourseFolder, tmp_path: Path) -> None:
    """autograder.manifest accepts what the builder writes; the kit's extraction spec is a part of the grader's."""
    from autograder.manifest import read_manifest
    from starterkit import contract, kit
    from starterkit.diagnostics import Collector
    from starterkit.source import load_homework

    release()
    with zipfile.ZipFile(course.zip("hw9", "autograder")) as zipped:
        zipped.extractall(tmp_path / "zip")
    homework = load_homework(course.source("hw9"), course.root, Collector())
    assert homework is not None
    found = read_manifest(tmp_path / "zip" / "bundle").extraction_spec()
    ours = kit.extraction(homework, contract.contract(homework, None))
    assert {key: found[key] for key in ours if key != "given"} == {key: ours[key] for key in ours if key != "given"}
    assert [{key: given[key] for key in ("names", "hashes")} for given in found["given"]] == ours["given"]


def test_tests_stand_at_their_own_lines(release: Callable[[], None], course: CourseFolder) -> None:
    """Line N of a bundled test module is line N of hw9.py, or blank."""
    release()
    source = (course.source("hw9") / "hw9.py").read_text(encoding="utf-8").split("\n")
    with zipfile.ZipFile(course.zip("hw9", "autograder")) as zipped:
        for name in ("bundle/tests/test_9_1a.py", "bundle/tests/test_9_2a.py", "bundle/reference/reference.py"):
            lines = zipped.read(name).decode().rstrip("\n").split("\n")
            assert all(line in ("", original) for line, original in zip(lines, source, strict=False))


def test_zip_bytes_forget_the_order_of_insertion() -> None:
    """Two mappings with the same files give the same zip."""
    files = {"b": b"2", "a": b"1"}
    assert archive.zip_bytes(files) == archive.zip_bytes(dict(reversed(files.items())))


def test_a_folder_that_is_no_kit_is_not_overwritten(course: CourseFolder, starterkit: Run) -> None:
    """assignments/hw9 with files but without release.json is somebody's: exit 2, and the files stay."""
    course.kit("hw9").mkdir(parents=True)
    (course.kit("hw9") / "thesis.txt").write_text("mine")
    code, said = starterkit("release", "--draft")
    assert code == 2
    assert "error[not-a-kit]" in said
    assert (course.kit("hw9") / "thesis.txt").read_text() == "mine"


def test_a_course_without_homeworks_says_how_to_start(tmp_path: Path) -> None:
    """An empty folder gives exit 2."""
    assert invoke(["--course", str(tmp_path), "release"]) == 2
