"""Faults of our own: a mistake in a bundle costs no student a point, and says whose it is."""

from __future__ import annotations

import pytest
import submissions
import tiny_bundle
from runs import ELBO, KL, REST, Graded, grade_all

BROKEN_TESTS = {
    "name_error": ("1.2", "def test_gain_is_learned():\n    Scalar(3)\n"),
    "import_fails": ("1.2", "import no_such_module\n"),
    "unknown_fixture": ("1.2", "def test_gain_is_learned(tmp_path_factory_of_ours):\n    pass\n"),
    "declared_but_absent": ("1.2", "def test_one_step():\n    assert True\n"),
    "fails_after_the_call": ("1.2", "def test_gain_is_learned():\n    Scaler(3)\n    undefined_name\n"),
    "skips": ("1.2", "import pytest\n\n\ndef test_gain_is_learned():\n    pytest.skip('no')\n"),
}


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Graded]:
    """The solved notebook against bundles with a mistake of ours."""
    folder = tmp_path_factory.mktemp("broken")
    submission = tiny_bundle.submission(folder / "submission")
    jobs = {}
    for name, (question, source) in BROKEN_TESTS.items():
        bundle = tiny_bundle.write_bundle(folder / name, tests={question: source})
        jobs[name] = {"bundle": str(bundle), "submission": str(submission), "only": ["1.2"]}
    manifest = tiny_bundle.manifest()
    manifest["limits"]["run_s"] = 0.0
    late = tiny_bundle.write_bundle(folder / "late", data=manifest)
    jobs["late"] = {"bundle": str(late), "submission": str(submission)}
    jobs["no_reference"] = {
        "bundle": str(tiny_bundle.write_bundle(folder / "no_reference")),
        "submission": str(tiny_bundle.submission(folder / "wrong", kl=submissions.DOUBLED)),
    }
    (folder / "no_reference" / "reference" / "reference.py").write_text("raise RuntimeError('broken')\n")
    jobs["bad_manifest"] = {"bundle": str(folder / "nowhere"), "submission": str(submission)}
    return grade_all(folder, jobs)


@pytest.mark.parametrize("name", ["name_error", "import_fails", "unknown_fixture", "declared_but_absent", "skips"])
def test_our_mistakes_cost_no_points(broken, name):
    """A test that fails before anything of the student's took part is our fault: points given, flagged on top."""
    run = broken[name]
    row = run.row("1.2.1")
    assert (row["extra_data"]["outcome"], row["score"]) == ("our_fault", 2.0)
    assert run.data["output"].startswith("Something went wrong on our side")
    assert "1.2.1" in run.data["extra_data"]["our_fault"] and "!! OUR FAULT: 1.2.1" in run.log


def test_a_failure_after_a_call_is_never_awarded(broken):
    """Once the student's code took part, a failure earns nothing, or submissions could earn by breaking the grader."""
    row = broken["fails_after_the_call"].row("1.2.1")
    assert (row["extra_data"]["outcome"], row["score"]) == ("unusable", 0)


def test_only_leaves_the_other_rows_in_place(broken):
    """With `only`, the other questions' tests are rows that say they were left out."""
    run = broken["name_error"]
    assert set(run.outcomes((*KL, *ELBO))) == {"not_graded"}
    assert "left out" in run.row("1.1a.1")["output"]


def test_the_deadline_of_the_run_leaves_rows(broken):
    """Tests that were not reached in time are rows that say so."""
    run = broken["late"]
    assert set(run.outcomes((*KL, *ELBO, *REST))) == {"not_reached"}
    assert run.data["score"] == 1


def test_a_broken_reference_keeps_the_first_run(broken):
    """Follow-through that fails is our fault, says so, and takes no point away."""
    run = broken["no_reference"]
    assert run.score(ELBO) == 1 and run.score(REST) == 5
    assert "went wrong on our side" in run.data["output"] and run.code == 3


def test_an_unusable_bundle_leaves_a_result(broken):
    """Without a manifest there is still a results.json that says it is our fault."""
    run = broken["bad_manifest"]
    assert run.code == 3 and "something went wrong on our side" in run.data["output"]


def test_refuses_where_nothing_confines_the_student(tmp_path):
    """Without a separate user and without Landlock nothing is run, no row is scored, and the result says whose fault it is."""
    bundle, submission = tiny_bundle.write_bundle(tmp_path / "bundle"), tiny_bundle.submission(tmp_path / "submission")
    jobs = {"refused": {"bundle": str(bundle), "submission": str(submission)}}
    run = grade_all(tmp_path, jobs, skip=("separate uid", "landlock"))["refused"]
    assert run.code == 3 and "something went wrong on our side" in run.data["output"]
    assert set(run.outcomes((*KL, *ELBO, *REST))) == {"not_graded"}
    assert "refus" in run.log
