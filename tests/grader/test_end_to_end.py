"""Whole submissions through the real grader, with real workers."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile

import jsonschema
import pytest
import submissions
import tiny_bundle
from runs import ELBO, ENVIRONMENT, KL, REST, SCHEMA, Graded, grade_all


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Graded]:
    """Every submission of `submissions`, graded as a class is."""
    folder = tmp_path_factory.mktemp("class")
    bundle = tiny_bundle.write_bundle(folder / "bundle")
    found = submissions.write_all(folder / "submissions")
    jobs = {name: {"bundle": str(bundle), "submission": str(path)} for name, path in found.items()}
    for name in submissions.KL_ONLY:
        jobs[name]["only"] = ["1.1a", "1.1b"]
    return grade_all(folder, jobs)


def test_every_result_is_strict_and_complete(graded):
    """Whatever was submitted: valid JSON for Gradescope, all nine declared tests, all points reported, exit code 0."""
    for name, run in graded.items():
        jsonschema.validate(run.data, SCHEMA)
        assert len(run.data["tests"]) == 9, name
        assert sum(row["max_score"] for row in run.data["tests"]) == 13
        assert run.data["score"] == sum(row["score"] for row in run.data["tests"])
        assert run.code == 0 and run.data["extra_data"]["our_fault"] is False, name


def test_nothing_secret_reaches_a_student(graded):
    """Neither the secret nor the source of a hidden test stands in any result."""
    for run in graded.values():
        text = json.dumps(run.data)
        assert tiny_bundle.SECRET not in text and tiny_bundle.CANARY not in text


def test_what_students_see_is_inert(graded):
    """No escape, control or bidirectional character is left in any text."""
    for run in graded.values():
        for text in [run.data["output"], run.log, *(row["output"] + row["name"] for row in run.data["tests"])]:
            assert not set(text) & set("\x00\x1b\r\x07\u202e"), text[:200]


def test_a_solved_notebook_gets_everything(graded):
    """The reference earns all points and the bonus; the top says what was read and what comes later."""
    run = graded["solved"]
    assert run.data["score"] == 15
    assert set(run.outcomes((*KL, *ELBO, *REST))) == {"passed"}
    assert run.data["output"].split("\n")[:3] == [
        "HW9: A tiny homework, release 3", "Found 3 of 3 names in 5 cells.", "Points decided now: 8 of 8, and 2 bonus points.",
    ]  # fmt: skip
    assert "isolation: " in run.log
    assert set(run.data["extra_data"]["isolation_tried"].values()) == {"refused"}
    assert "tried in a worker, and refused: read a hidden file, write to /tmp" in run.log


def test_an_untouched_notebook_gets_only_what_everyone_gets(graded):
    """Stubs earn the withdrawn test's point and nothing else, and each row says what is not attempted."""
    run = graded["untouched"]
    assert run.data["score"] == 1
    assert set(run.outcomes((*KL, *ELBO, *REST))) == {"not_attempted"}
    assert run.row("1.1a.2")["output"] == "Question 1.1a is not attempted yet."
    assert "not attempted yet: gaussian_kl, elbo and Scaler" in run.data["output"]


@pytest.mark.parametrize("name", ["wrong_kl", "no_kl", "kl_deleted", "syntax_error_in_kl", "loops_at_import", "exits"])
def test_follow_through(graded, name):
    """A right elbo counts in full with the reference's gaussian_kl, whatever is wrong with the student's own."""
    run = graded[name]
    assert run.score(ELBO) == 4 and run.score(KL) < 5
    assert "reference's gaussian_kl" in run.row("1.1b.2")["output"]
    assert run.row("1.1b.2")["extra_data"]["counted_with_reference"] == ["gaussian_kl"]


@pytest.mark.parametrize(
    ("name", "outcome", "sentence"),
    [
        ("wrong_kl", "wrong", "Case 1 of 2: the KL divergence is off: 4 of 4 entries differ"),
        ("no_kl", "not_attempted", "Question 1.1a is not attempted yet."),
        ("kl_deleted", "missing", "`gaussian_kl` is not defined in the notebook."),
        ("syntax_error_in_kl", "missing", "cell 3 does not parse"),
        ("returns_none", "wrong", "expected a tensor, got None"),
        ("wrong_shape", "wrong_shape", "expected shape (4,), got (4, 1)"),
        ("nan", "not_finite", "4 of 4 entries are NaN"),
        ("float32", "wrong_dtype", "expected torch.float64, got torch.float32"),
        ("edits_inputs", "wrong", "argument 1 was changed in place"),
        ("raises", "student_error", "Your code raised ValueError at cell 3, line 2: mine"),
        ("exits", "crashed", "ended the process"),
        ("loops", "time_out", "1.5 seconds of computing time"),
        ("loops_at_import", "time_out", "Defining your functions took longer than 1.5 seconds"),
        ("allocates", "memory", "more than 1024 MB of memory"),
        ("floods", "output_flood", "printed far too much"),
        ("hostile_text", "student_error", "Your code raised <b>X</b> at cell 3, line 3"),
        ("unavailable", "unavailable_library", "Your code needs torchvision, which is not available"),
        ("import_error", "import_error", "FACTOR could not be defined (cell 3, line 1): ZeroDivisionError"),
        ("default_fails", "import_error", "gaussian_kl could not be defined (cell 3, line 1): ZeroDivisionError"),
        ("forged_stub", "student_error", "Your code raised NotImplementedError"),
        ("constant_for_a_function", "unusable", "should be a function"),
    ],
)
def test_each_mishap_has_its_outcome_and_one_sentence(graded, name, outcome, sentence):
    """What went wrong is told in the student's terms, with their own cell and line."""
    row = graded[name].row("1.1a.2")
    assert (row["extra_data"]["outcome"], row["score"], row["status"]) == (outcome, 0, "failed")
    assert sentence in row["output"] and "\n" not in row["output"]


def test_one_students_mishap_stays_in_its_question(graded):
    """Whatever gaussian_kl does, Scaler's tests pass."""
    for name in submissions.CASES:
        if name != "untouched" and name not in submissions.KL_ONLY:
            assert set(graded[name].outcomes(REST)) == {"passed"}, name


@pytest.mark.parametrize("name", ["syntax_error_elsewhere", "sys_exit_at_import", "prints"])
def test_what_is_not_graded_costs_nothing(graded, name):
    """Broken or endless cells that no graded function needs, and prints, leave the full score."""
    assert graded[name].data["score"] == 15


@pytest.mark.parametrize("name", [*submissions.UNREADABLE, "empty"])
def test_unreadable_submissions(graded, name):
    """Every row says that the submission could not be read; only the withdrawn test's point is given."""
    run = graded[name]
    assert run.data["score"] == 1
    assert set(run.outcomes((*KL, *ELBO, *REST))) == {"unreadable"}
    assert "Your submission could not be read" in run.data["output"]


def test_hidden_tests_show_neither_text_nor_type_of_an_exception(graded):
    """A student's exception text could carry hidden inputs out."""
    assert graded["raises"].row("1.1a.3")["output"] == "Your code raised ValueError at cell 3, line 2."
    assert (
        graded["hostile_text"].row("1.1a.3")["output"] == "Your code raised an exception of its own at cell 3, line 3."
    )
    assert graded["forged_stub"].row("1.1a.3")["output"] == "Your code raised NotImplementedError at cell 3, line 2."


def test_a_core_test_gates_what_passed(graded):
    """With a wrong shape the gradient test passes and earns nothing, naming the core test."""
    assert graded["wrong_shape"].outcomes(KL) == ["wrong_shape", "wrong_shape", "gated"]


def test_staff_read_what_students_do_not(graded):
    """The log holds the traceback with pytest's introspection, and what the student's code printed."""
    assert "LawViolation" in graded["wrong_kl"].log and "test_1_1a.py" in graded["wrong_kl"].log
    assert "> red" in graded["hostile_text"].log
    assert "seen" not in json.dumps(graded["prints"].data)


# ------------------------------------------------------------------------------------------------ command line


def command(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m autograder`."""
    return subprocess.run(
        [sys.executable, "-m", "autograder", *arguments], env={**ENVIRONMENT, **environment}, text=True,
        capture_output=True, timeout=120, check=False,
    )  # fmt: skip


def test_the_command_grades_a_zip_and_leaves_nothing_behind(tmp_path):
    """The zip is unpacked in private, the submission graded, the temporary folder removed, the exit code 0."""
    bundle = tiny_bundle.write_bundle(tmp_path / "bundle")
    archive, temporary = tmp_path / "hw9-autograder.zip", tmp_path / "tmp"
    temporary.mkdir(mode=0o711)
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("run_autograder", "#!/bin/sh\n")
        for file in bundle.rglob("*.*"):
            opened.write(file, file.relative_to(tmp_path))
    submission = tiny_bundle.submission(tmp_path / "submission")
    done = command(
        "grade", "--bundle", str(archive), "--submission", str(submission / "hw9.ipynb"), "--results",
        str(tmp_path / "results"), "--only", "1.2", "--verbose", TMPDIR=str(temporary), AUTHENTICATION_TOKEN="t0ken",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    data = json.loads((tmp_path / "results" / "results.json").read_text())
    jsonschema.validate(data, SCHEMA)
    assert data["score"] == 6 and data["extra_data"]["finished"] is True
    assert "1.2 test_one_step: passed" in done.stdout
    assert list(temporary.iterdir()) == [] and [f.name for f in (tmp_path / "results").iterdir()] == ["results.json"]


def test_results_stay_valid_when_the_grader_is_killed(tmp_path):
    """Killed in the middle of a run, the grader leaves a strict document with every row, decided or not."""
    bundle, results = tiny_bundle.write_bundle(tmp_path / "bundle"), tmp_path / "results"
    submission = tiny_bundle.submission(tmp_path / "submission", scaler=submissions.ENDLESS_SCALER)
    command = [sys.executable, "-m", "autograder", "grade", "--verbose", "--bundle", str(bundle), "--submission"]
    with subprocess.Popen(
        [*command, str(submission), "--results", str(results)], env=ENVIRONMENT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        next(line for line in process.stdout if line.startswith("1.1b test_tight"))
        process.kill()
    data = json.loads((results / "results.json").read_text())
    jsonschema.validate(data, SCHEMA)
    run = Graded(data, "", 0)
    assert set(run.outcomes((*KL, *ELBO))) == {"passed"} and set(run.outcomes(REST)) == {"not_graded"}
    assert "Grading has not finished" in data["output"] and "ran out of time" not in json.dumps(data)
