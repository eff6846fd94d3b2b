"""`pytest hwN/hwN.py`, as an author types it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "tests" / "sample_course" / "solutions" / "hw9"
Pytest = Callable[..., str]


@pytest.fixture
def run_pytest(tmp_path: Path) -> Pytest:
    """Run pytest on a file in a process of its own and return what it prints."""

    def run(*arguments: object, rc: int = 0) -> str:
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "no:cacheprovider",
            "-p",
            "starterkit.pytest_plugin",
            "--color=no",
        ]
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "OMP_NUM_THREADS": "1",
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        }
        command += ["-c", "/dev/null", "--rootdir", str(ROOT), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path, check=False)
        assert done.returncode == rc, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


def outcomes(printed: str) -> dict[str, str]:
    """Short names of tests to PASSED or FAILED, from the output of -v."""
    return dict(re.findall(r"hw9\.py::(\S+(?: \S+)*?) (PASSED|FAILED|SKIPPED)", printed))


def test_the_reference_passes_its_own_tests(run_pytest: Pytest) -> None:
    """All tests of the sample pass on its reference, cases one by one."""
    found = outcomes(run_pytest("-v", SAMPLE / "hw9.py"))
    assert set(found.values()) == {"PASSED"} and len(found) == 9
    assert "test_density_moves_with_its_mean[-1.0]" in found


def test_tests_are_selected_by_question_name_and_side(run_pytest: Pytest) -> None:
    """-k knows the question's id, the graded name, and hidden and public."""
    assert "2 passed, 7 deselected" in run_pytest(SAMPLE / "hw9.py", "-k", "9.2a and hidden")
    assert "4 passed, 5 deselected" in run_pytest(SAMPLE / "hw9.py", "-k", "gaussian_log and public")


def test_every_wheat_passes(run_pytest: Pytest) -> None:
    """--against a folder of wheats runs the tests of each wheat's question, and all pass."""
    found = outcomes(run_pytest("-v", SAMPLE / "hw9.py", "--against", SAMPLE / "wheats"))
    assert len(found) == 2 * 6 + 2 * 3 and set(found.values()) == {"PASSED"}


def test_every_chaff_fails_a_test_of_its_question(run_pytest: Pytest) -> None:
    """--against a file of chaffs fails at least one test of each, and a failure names the line in the source notebook."""
    printed = run_pytest("-v", SAMPLE / "hw9.py", "--against", SAMPLE / "chaffs" / "9_1a.py", rc=1)
    failed = {name.split("::")[0] for name, outcome in outcomes(printed).items() if outcome == "FAILED"}
    assert failed == {
        "chaff-is-var-the-variance-or-the-standard-deviation", "chaff-does-the-density-integrate-to-one", "chaff-the-mean-matters",
    }  # fmt: skip
    line = next(
        n
        for n, text in enumerate((SAMPLE / "hw9.py").read_text().splitlines(), 1)
        if "assert_close(here, there)" in text
    )
    assert f"hw9.py:{line}: " in printed and ">       assert_close(here, there)" in printed


def test_a_submission_is_graded_by_what_it_defines(run_pytest: Pytest, tmp_path: Path) -> None:
    """A notebook with a wrong function fails its tests; a missing function says that it is missing."""
    sources = ["import torch, math", "def gaussian_log_prob(x, mu, var):\n    return x * 0", "1 / 0"]
    cell = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    notebook = {"cells": [{**cell, "source": s} for s in sources], "metadata": {}, "nbformat": 4, "nbformat_minor": 4}
    (tmp_path / "mine.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    printed = run_pytest("-v", SAMPLE / "hw9.py", "--against", "mine.ipynb", rc=1)
    found = outcomes(printed)
    assert found["mine::test_density_at_the_mean_is_the_normaliser"] == "FAILED"
    assert found["mine::test_density_keeps_the_dtype"] == "PASSED"
    assert "total_surprise" in printed and "NotImplementedError" in printed


def test_mistakes_in_the_source_are_shown_as_a_report(run_pytest: Pytest, tmp_path: Path) -> None:
    """A source with a mistake is not collected; its report is."""
    folder = tmp_path / "solutions" / "hw9"
    folder.mkdir(parents=True)
    text = (SAMPLE / "hw9.py").read_text(encoding="utf-8").replace("@core\n", "@coer\n")
    (folder / "hw9.py").write_text(text, encoding="utf-8")
    (folder / "assignment.toml").write_text(
        'title = "x"\nrelease_date = 2026-09-01\ndue_date = 2026-09-02\nmodules = []\n'
    )
    (folder.parent / "course.toml").write_text((SAMPLE.parent / "course.toml").read_text())
    printed = run_pytest(folder / "hw9.py", rc=2)
    assert "error[unknown-decorator]: @coer is not a decorator of tests" in printed
    assert "  --> solutions/hw9/hw9.py:" in printed


def test_a_file_that_is_not_there_is_a_usage_error(run_pytest: Pytest) -> None:
    """--against a missing file says so, without a traceback."""
    printed = run_pytest(SAMPLE / "hw9.py", "--against", "nothing.py", rc=4)
    assert "--against nothing.py: there is no such file" in printed and "Traceback" not in printed


def test_ordinary_tests_are_left_alone(run_pytest: Pytest, tmp_path: Path) -> None:
    """A folder called like its file, but without assignment.toml, is collected by pytest itself."""
    (tmp_path / "test_x").mkdir()
    (tmp_path / "test_x" / "test_x.py").write_text("def test_it(tmp_path):\n    assert tmp_path\n")
    assert "1 passed" in run_pytest(tmp_path / "test_x" / "test_x.py")
