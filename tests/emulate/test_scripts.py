"""The two scripts at the root of every autograder zip, run as Gradescope does, with a stand-in for the grader."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from starterkit.emulate import Outcome, command, emulate

TEMPLATES = Path(__file__).parents[2] / "templates" / "autograder"
FALLBACK = {"output": "Nothing was graded; this is our fault.", "tests": [{"name": "a", "score": 0, "max_score": 2}]}
BASH = shutil.which("bash") or "/bin/bash"


def bundle_zip(folder: Path, grader: str, **extra: str) -> Path:
    """Return a zip with the real scripts whose autograder package is the module `grader`."""
    archive = folder / "dist" / "hw0-autograder.zip"
    archive.parent.mkdir(exist_ok=True)
    manifest = {"homework": "hw0", "title": "Warm-up", "points": 2, "bonus": 0}
    with zipfile.ZipFile(archive, "w") as opened:
        for name in ("setup.sh", "run_autograder"):
            opened.writestr(name, (TEMPLATES / name).read_bytes())
        opened.writestr("autograder/__init__.py", "")
        opened.writestr("autograder/__main__.py", grader)
        opened.writestr("bundle/fallback.json", json.dumps(FALLBACK))
        opened.writestr("bundle/manifest.json", json.dumps(manifest))
        for name, text in extra.items():
            opened.writestr(name, text)
    return archive


def run(tmp_path: Path, grader: str, **options: Any) -> Outcome:
    """Emulate the real run_autograder with `grader` as autograder/__main__.py."""
    submission = tmp_path / "hw0.ipynb"
    submission.write_text("{}", encoding="utf-8")
    return emulate(bundle_zip(tmp_path, grader), submission, results=tmp_path / "out", **options)


WRITE = (
    "import json, pathlib; pathlib.Path('results/results.json').write_text(json.dumps({'score': 2, 'extra_data': %s}))"
)


@pytest.mark.parametrize("name", ["setup.sh", "run_autograder"])
def test_scripts_are_strict_bash_with_unix_line_ends(name: str) -> None:
    """Each script parses, stops at errors, unset names and broken pipes, and has no carriage return."""
    text = (TEMPLATES / name).read_bytes()
    assert text.startswith(b"#!/usr/bin/env bash\n")
    assert b"set -euo pipefail\n" in text
    assert b"\r" not in text
    assert subprocess.run([BASH, "-n", TEMPLATES / name], check=False).returncode == 0


def test_only_setup_names_an_index_and_only_once() -> None:
    """PyTorch's public CPU index stands once in setup.sh, as TORCH_INDEX's default; there is no other address."""
    setup, run_autograder = ((TEMPLATES / name).read_text(encoding="utf-8") for name in ("setup.sh", "run_autograder"))
    assert setup.count("://") == 1
    assert "${TORCH_INDEX-https://download.pytorch.org/whl/cpu}" in setup
    assert "://" not in run_autograder


def test_the_grader_is_called_with_the_contracts_arguments(tmp_path: Path) -> None:
    """The package in source/ is run by the environment's Python, isolated, with the layout's four paths."""
    extra_data = "{'argv': sys.argv[1:], 'exe': sys.executable, 'I': sys.flags.isolated}"
    outcome = run(tmp_path, "import sys\n" + WRITE % extra_data)
    assert outcome.verdict.results is not None, outcome.verdict.stdout
    extra = outcome.verdict.results["extra_data"]
    assert extra["argv"] == [
        "grade", "--bundle", "source/bundle", "--submission", "submission", "--results", "results",
        "--metadata", "submission_metadata.json",
    ]  # fmt: skip
    assert extra["exe"] == f"{sys.prefix}/bin/python"
    assert extra["I"] == 1


def test_the_grader_gets_a_clean_environment(tmp_path: Path) -> None:
    """Gradescope's token and everything else of the container's environment stop at run_autograder."""
    outcome = run(tmp_path, "import os\n" + WRITE % "{'env': dict(os.environ)}", timeout=333)
    assert outcome.verdict.results is not None
    found = outcome.verdict.results["extra_data"]["env"]
    known = {"PATH", "HOME", "LANG", "TIMEOUT_SECONDS", "MPLBACKEND", "OMP_NUM_THREADS", "PYTHONDONTWRITEBYTECODE"}
    assert set(found) <= known | {"LC_CTYPE"}
    assert found["TIMEOUT_SECONDS"] == "333"
    assert found["OMP_NUM_THREADS"] == "1"


def test_trusted_folders_are_closed_to_other_users(tmp_path: Path) -> None:
    """Bundle, results, submission and metadata are root's alone when the grader starts; its own code is readable."""
    names = "'source/bundle', 'results', 'submission', 'submission_metadata.json', 'source/autograder/__main__.py'"
    modes = f"[oct(os.stat(name).st_mode & 0o777) for name in ({names})]"
    outcome = run(tmp_path, "import os\n" + WRITE % f"{{'modes': {modes}}}")
    assert outcome.verdict.results is not None
    assert outcome.verdict.results["extra_data"]["modes"] == ["0o700", "0o700", "0o700", "0o600", "0o644"]


@pytest.mark.parametrize("grader", ["raise SystemExit(3)", "import os; os.kill(os.getpid(), 9)", "def", "1 / 0"])
def test_a_grader_that_dies_leaves_the_fallback_and_status_zero(tmp_path: Path, grader: str) -> None:
    """Whatever ends the grader before it wrote anything, the fallback's rows are there and the exit status is 0."""
    outcome = run(tmp_path, grader)
    assert outcome.run.exit_code == 0
    assert outcome.verdict.results == FALLBACK
    assert "The grader ended with status" in outcome.verdict.stdout


def test_a_grader_that_dies_late_keeps_what_it_wrote(tmp_path: Path) -> None:
    """Results written before the grader dies are kept."""
    outcome = run(tmp_path, WRITE % "{}" + "; raise SystemExit(2)")
    assert outcome.run.exit_code == 0
    assert outcome.verdict.total == 2


def test_a_missing_environment_is_named_in_the_fallback(tmp_path: Path) -> None:
    """Without the virtual environment every row is reported and the text says that setup.sh did not finish."""
    outcome = run(tmp_path, "", python=tmp_path / "nowhere" / "bin" / "python")
    assert outcome.run.exit_code == 0
    assert outcome.verdict.results is not None
    assert outcome.verdict.results["tests"] == FALLBACK["tests"]
    assert "setup.sh did not finish" in outcome.verdict.results["output"]
    assert str(FALLBACK["output"]) in outcome.verdict.results["output"]
    assert "Rebuild the autograder" in outcome.verdict.stdout


def test_a_student_file_cannot_shadow_the_graders_imports(tmp_path: Path) -> None:
    """Modules in the submission, and in the folder the script runs in, are never imported by the grader."""
    folder = tmp_path / "handed_in"
    folder.mkdir()
    (folder / "json.py").write_text("raise SystemExit(9)", encoding="utf-8")
    archive = bundle_zip(tmp_path, WRITE % "{}", **{"autograder/json.py": "raise SystemExit(9)"})
    assert emulate(archive, folder, results=tmp_path / "out").verdict.total == 2


def course(tmp_path: Path, grader: str) -> Path:
    """Return a course folder with one built zip, and a submission beside it."""
    bundle_zip(tmp_path, grader)
    (tmp_path / "hw0.ipynb").write_text("{}", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("view", [None, "student", "staff"])
def test_the_command_shows_the_view_and_ends_with_zero(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], view: str | None
) -> None:
    """`emulate` prints the view asked for and a summary, keeps the results folder, and ends with 0."""
    root = course(tmp_path, WRITE % "{}")
    assert command("hw0", root, root / "hw0.ipynb", None, tmp_path / "kept", False, view) == 0
    printed = capsys.readouterr().out
    assert ("HW0: Warm-up" in printed) == (view is not None)
    assert (f"{view}'s view" in printed) == (view is not None)
    assert "score 2" in printed
    assert (tmp_path / "kept" / "stored.json").is_file()


def test_the_command_ends_with_one_when_gradescope_would_report_a_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Results that Gradescope cannot take end the command with 1 and its message."""
    root = course(tmp_path, "open('results/results.json', 'w').write('nan')")
    assert command("hw0", root, root / "hw0.ipynb") == 1
    assert "failed to execute correctly" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("homework", "submission", "metadata", "said"),
    [
        ("hw9", "hw0.ipynb", None, "run `python build.py release hw9` first"),
        ("hw0", "none.ipynb", None, "check --submission"),
        ("hw0", "hw0.ipynb", "none.json", "check --metadata"),
        ("hw0", "hw0.ipynb", "hw0-autograder.zip", "is no JSON"),
    ],
)
def test_wrong_arguments_end_with_two(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], homework: str, submission: str, metadata: str | None, said: str
) -> None:
    """A zip, submission or metadata file that is not there, or no JSON, is named, and the status is 2."""
    root = course(tmp_path, WRITE % "{}")
    given = None if metadata is None else root / "dist" / metadata
    assert command(homework, root, root / submission, given) == 2
    assert said in capsys.readouterr().err
