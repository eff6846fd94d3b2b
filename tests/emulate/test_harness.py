"""Gradescope's harness rules, each met by a small zip that is really run."""

from __future__ import annotations

import json
import os
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from starterkit import container, harness, namespace
from starterkit.emulate import emulate

if TYPE_CHECKING:
    from collections.abc import Callable

    from starterkit.emulate import Outcome

    Emulate = Callable[..., Outcome]


def test_results_are_stored_and_kept(write: Emulate, tmp_path: Path) -> None:
    """A plain results.json is stored as it is, and left in the results folder together with stdout."""
    outcome = write({"score": 3.5, "tests": [{"name": "a", "score": 3.5, "max_score": 4}]})
    assert outcome.verdict.problem is None
    assert outcome.verdict.total == 3.5
    assert outcome.verdict.notices == []
    assert json.loads((tmp_path / "out" / "results.json").read_text())["score"] == 3.5
    assert json.loads((tmp_path / "out" / "stored.json").read_text()) == outcome.verdict.results
    assert (tmp_path / "out" / "stdout").read_text() == ""


def test_score_is_the_sum_of_the_tests_when_there_is_no_other(write: Emulate) -> None:
    """Without a top-level score the total is the sum of the tests' scores."""
    assert write({"tests": [{"score": 1.5}, {"score": 2}, {"name": "informs"}]}).verdict.total == 3.5


def test_time_out_overwrites_what_was_written(run: Emulate, tmp_path: Path) -> None:
    """A run that is still going at the time-out loses its results, however complete, and gets the harness's own."""
    script = """echo '{"score": 7, "output": "nearly done"}' >results/results.json; exec tail -f /dev/null"""
    outcome = run(script, timeout=0.5)
    assert outcome.verdict.code == "timeout"
    assert outcome.verdict.results is not None
    assert outcome.verdict.results["score"] == 0
    expected = "Your submission timed out. It took longer than 0.5 seconds to run."
    assert outcome.verdict.results["output"] == expected
    assert json.loads((tmp_path / "out" / "results.json").read_text())["output"] == expected


@pytest.mark.skipif(namespace.flags() is None, reason="no namespace: only the process group can be ended")
def test_time_out_leaves_no_process_behind(run: Emulate) -> None:
    """A daemon started by run_autograder in a session of its own does not outlive the time-out."""
    name = f"emulated-daemon-{os.getpid()}"
    run(f"setsid bash -c 'exec -a {name} tail -f /dev/null' & echo started; wait", timeout=0.7)
    assert not [p for p in Path("/proc").glob("[0-9]*/cmdline") if p.exists() and name.encode() in _read(p)]


def test_missing_results_are_an_error(run: Emulate) -> None:
    """A run that writes no results.json is reported as a failed autograder, and nothing is stored."""
    outcome = run("echo hello")
    assert outcome.verdict.code == "no_results"
    assert outcome.verdict.problem == harness.FAILED
    assert outcome.verdict.total is None
    assert outcome.verdict.stdout == "hello\n"


def test_results_that_are_no_json_score_zero_and_show_their_text_to_staff(write: Emulate) -> None:
    """Text that is no JSON scores 0 with the code invalid_json, and its raw content is added to the staff's stdout."""
    outcome = write("{'score': 1}")
    assert outcome.verdict.code == "invalid_json"
    assert outcome.verdict.total == 0
    assert outcome.verdict.stdout.endswith("{'score': 1}")


@pytest.mark.parametrize("text", ["[1]", "3", '"x"', "", "[" * 100_000])
def test_json_that_is_no_object_is_invalid(write: Emulate, text: str) -> None:
    """A list, a number, a string, nothing, and a nesting too deep to read are all invalid results."""
    assert write(text).verdict.code == "invalid_json"


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_numbers_that_are_not_finite_are_refused(write: Emulate, number: str) -> None:
    """NaN and infinities anywhere in results.json lose the whole result, because they cannot be sent on."""
    outcome = write(f'{{"score": 1, "tests": [{{"score": 1, "extra_data": {{"loss": [{number}]}}}}]}}')
    assert outcome.verdict.code == "not_finite"
    assert outcome.verdict.results is None


def test_results_without_any_score_are_an_error(write: Emulate) -> None:
    """Results with neither a score nor a test that has one are an error."""
    assert write({"output": "done", "tests": [{"name": "a"}]}).verdict.code == "no_score"


def test_long_outputs_are_cut_in_the_middle(write: Emulate) -> None:
    """An output of more than 100,000 characters keeps beginning and end, and has just that length afterwards."""
    long = "a" * 100_000 + "z" * 100_000
    outcome = write({"score": 0, "output": long, "tests": [{"number": "1.1", "score": 0, "output": long}]})
    assert outcome.verdict.results is not None
    for cut in (outcome.verdict.results["output"], outcome.verdict.results["tests"][0]["output"]):
        assert len(cut) == 100_000
        assert cut.startswith("aaa")
        assert cut.endswith("zzz")
        assert "[...(truncated)...]" in cut
    assert len(outcome.verdict.notices) == 2


def test_long_stdout_is_cut_in_the_middle(run: Emulate) -> None:
    """Standard output is cut to 100,000 characters too."""
    outcome = run("head -c 300000 /dev/zero | tr '\\0' x; echo '{\"score\": 1}' >results/results.json")
    assert len(outcome.verdict.stdout) == 100_000


def test_a_text_at_the_limit_is_left_alone() -> None:
    """A text of exactly 100,000 characters is not cut."""
    assert harness.truncate("x" * 100_000) == "x" * 100_000


def test_unknown_keys_are_dropped_and_named(write: Emulate) -> None:
    """Keys that Gradescope does not know vanish from what is stored, and each is named in a notice."""
    outcome = write({"score": 1, "grade": "A", "tests": [{"number": "2.1", "score": 1, "points": 2}]})
    assert outcome.verdict.results == {"score": 1, "tests": [{"number": "2.1", "score": 1}]}
    assert outcome.verdict.notices == [
        "the key 'grade' of results.json is unknown and was dropped",
        "the key 'points' of test 2.1 is unknown and was dropped",
    ]


def test_exit_status_is_reported_but_does_not_void_the_results(run: Emulate) -> None:
    """A non-zero exit status with valid results keeps the results."""
    outcome = run("echo '{\"score\": 2}' >results/results.json; exit 3")
    assert outcome.run.exit_code == 3
    assert outcome.verdict.total == 2
    assert outcome.verdict.notices == ["run_autograder ended with status 3; the results still count"]


def test_nul_and_broken_utf8_become_replacement_characters(run: Emulate) -> None:
    """Bytes that are no UTF-8, and NUL, are replaced instead of breaking anything."""
    outcome = run(r"""printf '{"score": 1, "output": "a\xffb"}' >results/results.json; printf 'x\0y'""")
    assert outcome.verdict.results is not None
    assert outcome.verdict.results["output"] == "a\ufffdb"
    assert outcome.verdict.stdout == "x\ufffdy"


def test_both_scripts_may_have_windows_line_ends(make_zip: Callable[..., Path], tmp_path: Path) -> None:
    """CRLF in run_autograder and setup.sh is mended, as dos2unix does in the image; other files keep theirs."""
    script = "#!/bin/bash\r\ncat source/other.txt\r\necho '{\"score\": 1}' >results/results.json\r\n"
    archive = make_zip("", {"run_autograder": script, "other.txt": "a\r\n"})
    outcome = emulate(archive, None, results=tmp_path / "out")
    assert outcome.verdict.total == 1
    assert outcome.run.stdout == b"a\r\n"


def test_a_zipped_folder_is_refused_with_what_to_do(tmp_path: Path) -> None:
    """A zip of the folder instead of its files is refused, naming the folder."""
    archive = tmp_path / "wrong.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("hw2/setup.sh", "")
        opened.writestr("hw2/run_autograder", "")
    with pytest.raises(harness.ZipError, match=r"they lie in hw2/\. Zip the files of that folder, not the folder"):
        emulate(archive, None, results=tmp_path / "out")


def test_a_file_that_is_no_zip_is_refused(tmp_path: Path) -> None:
    """Something that is no zip is refused by name."""
    archive = tmp_path / "not.zip"
    archive.write_text("hello", encoding="utf-8")
    with pytest.raises(harness.ZipError, match=r"not\.zip cannot be unpacked"):
        emulate(archive, None, results=tmp_path / "out")


@pytest.mark.parametrize("name", ["../evil", "/evil", "a\\b"])
def test_names_that_leave_the_folder_are_refused(make_zip: Callable[..., Path], tmp_path: Path, name: str) -> None:
    """A zip with a name outside its own folder is refused before anything is written."""
    with pytest.raises(harness.ZipError, match="leaves its folder"):
        emulate(make_zip("", {name: ""}), None, results=tmp_path / "out")


def test_the_script_runs_in_autograder_with_fresh_folders(run: Emulate) -> None:
    """run_autograder starts in /autograder with submission, metadata and source, nothing but stdout in results."""
    outcome = run("pwd; ls . results source submission; echo '{\"score\": 0}' >results/results.json")
    first, *listing = outcome.verdict.stdout.split("\n")
    assert first == "/autograder" or namespace.flags() is None
    assert listing == [
        ".:", "results", "run_autograder", "source", "submission", "submission_metadata.json", "",
        "results:", "stdout", "", "source:", "run_autograder", "setup.sh", "", "submission:", "hw0.ipynb", "",
    ]  # fmt: skip


def test_the_environment_is_the_containers_and_not_ours(run: Emulate, monkeypatch: pytest.MonkeyPatch) -> None:
    """The script gets Gradescope's variables with made-up values, and none of the variables of our own process."""
    monkeypatch.setenv("OUR_SECRET", "hunter2")
    outcome = run("env; echo '{\"score\": 0}' >results/results.json", timeout=321)
    variables = dict(line.split("=", 1) for line in outcome.verdict.stdout.splitlines() if "=" in line)
    assert variables["TIMEOUT_SECONDS"] == "321"
    assert variables["STUDENT_NAME"] == "Ada Example"
    assert {"ASSIGNMENT_TITLE", "SUBMISSION_URL", "SUBMIT_RESULTS_URL", "AUTHENTICATION_TOKEN"} <= set(variables)
    assert "OUR_SECRET" not in variables


def test_nothing_is_created_on_the_machine(run: Emulate) -> None:
    """Whatever the script does in /autograder, this machine's root has the same entries afterwards."""
    before = sorted(Path("/").iterdir())
    run("touch new; echo '{\"score\": 0}' >results/results.json")
    assert sorted(Path("/").iterdir()) == before


@pytest.mark.skipif(namespace.flags() is None, reason="no namespace: /tmp is the machine's")
@pytest.mark.skipif(Path(sys.prefix).is_relative_to("/tmp"), reason="our own environment lies in /tmp")
def test_tmp_is_empty_and_private(run: Emulate) -> None:
    """The script finds an empty /tmp, and what it leaves there is gone afterwards."""
    outcome = run("ls -A /tmp; touch /tmp/left-behind-by-the-emulator; echo '{\"score\": 0}' >results/results.json")
    assert outcome.verdict.stdout == ""
    assert not Path("/tmp/left-behind-by-the-emulator").exists()


def test_a_folder_may_be_submitted(make_zip: Callable[..., Path], tmp_path: Path) -> None:
    """A folder's content, not the folder, is what the script finds in submission/."""
    folder = tmp_path / "handed_in"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.py").write_text("", encoding="utf-8")
    archive = make_zip("ls submission; echo '{\"score\": 0}' >results/results.json")
    assert emulate(archive, folder, results=tmp_path / "out").verdict.stdout == "a.py\nsub\n"


def test_old_results_do_not_survive(run: Emulate, tmp_path: Path) -> None:
    """A results folder used before holds nothing of the earlier run when this one writes no results."""
    run("echo '{\"score\": 1}' >results/results.json")
    run("true")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["stdout"]


def test_usage_counts_children(run: Emulate) -> None:
    """CPU time of the script's children is counted, and the peak is a plausible number of MiB."""
    outcome = run("for i in {1..20000}; do :; done & wait; echo '{\"score\": 0}' >results/results.json")
    assert outcome.cpu_s > 0
    assert 1 < outcome.peak_mb < 10_000
    assert outcome.wall_s > 0


def test_the_fallback_place_needs_no_namespace(run: Emulate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no namespace can be made the same run takes place in a folder named by GRADER_ROOT, and says so."""
    monkeypatch.setattr(namespace, "flags", lambda: None)
    outcome = run('[ "$PWD" = "$GRADER_ROOT" ] && echo \'{"score": 1}\' >results/results.json')
    assert outcome.verdict.total == 1
    assert "GRADER_ROOT" in outcome.place


def test_synthetic_metadata_has_the_shape_of_real_ones() -> None:
    """The metadata made up by default have every key, at every level, of the example of an ordinary submission."""
    example = json.loads((Path(__file__).parent / "metadata" / "solo_on_time.json").read_text(encoding="utf-8"))
    assert _shape(container.synthetic({"points": 54})) == _shape(example)


def test_given_metadata_reach_the_script_unchanged(run: Emulate, metadata_file: Path) -> None:
    """A metadata file given is what the script finds, and the student's name in the environment is its first user's."""
    script = (
        'cmp submission_metadata.json source/same && echo "$STUDENT_NAME"; echo \'{"score": 0}\' >results/results.json'
    )
    text = metadata_file.read_text(encoding="utf-8")
    outcome = run(script, {"same": text}, metadata=metadata_file)
    assert outcome.verdict.stdout == json.loads(text)["users"][0]["name"] + "\n"


@pytest.mark.parametrize("text", ["", "[]", "{", "<html>"])
def test_metadata_that_are_no_object_are_refused(run: Emulate, tmp_path: Path, text: str) -> None:
    """Metadata that are no JSON object are a mistake of the caller, not of the autograder."""
    path = tmp_path / "metadata.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"metadata\.json"):
        run("true", metadata=path)


def _read(path: Path) -> bytes:
    """Return what a file of /proc holds; nothing where its process has just ended."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _shape(value: object) -> object:
    """Replace every plain value by its type's name."""
    if isinstance(value, dict):
        return {key: _shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_shape(item) for item in value]
    return type(value).__name__
