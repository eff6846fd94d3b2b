"""A class's submissions, graded one after the other from the command line."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import tiny_bundle

from autograder import batch, cli, session
from autograder.server import Server

ROOT = Path(__file__).parent.parent.parent
WRONG = tiny_bundle.KL_SOLUTION.replace("return", "return 2 *", 1)


def command(*words: object) -> subprocess.CompletedProcess[str]:
    """The grader's command line, as staff type it."""
    line = [sys.executable, "-m", "autograder", *map(str, words)]
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)


def judged(folder: Path) -> dict[str, Any]:
    """What results.json says of the submission, without what it says of this run."""
    data = json.loads((folder / "results.json").read_text())
    return {**data, "execution_time": None}


def table(folder: Path) -> list[dict[str, str]]:
    """The lines of scores.csv."""
    return list(csv.DictReader((folder / "scores.csv").read_text(encoding="utf-8").splitlines()))


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """Four submissions as Gradescope's export has them, and its list."""
    folder = tmp_path / "export"
    tiny_bundle.submission(folder / "submission_1")
    tiny_bundle.submission(folder / "submission_2", kl=WRONG)
    (folder / "submission_3").mkdir()
    (folder / "=1+1.ipynb").write_bytes((folder / "submission_1" / "hw9.ipynb").read_bytes())
    (folder / "submission_metadata.yml").write_text("---\nsubmission_1: {}\n")
    return folder


def test_each_gets_the_results_that_it_gets_alone(bundle, export, tmp_path):
    """Every row, sentence and seed is that of a run of its own; the table holds all in order, and no formula."""
    done = command("grade-all", "--bundle", bundle, "--submissions", export, "--results", tmp_path / "all")
    assert done.returncode == 0, done.stderr
    for name in ("submission_1", "submission_2"):
        command("grade", "--bundle", bundle, "--submission", export / name, "--results", tmp_path / name)
        assert judged(tmp_path / "all" / name) == judged(tmp_path / name)
        assert "isolation: " in (tmp_path / "all" / name / "staff.txt").read_text()
    rows = table(tmp_path / "all")
    assert [(row["submission"], row["outcome"]) for row in rows] == [
        ("'=1+1.ipynb", ""), ("submission_1", ""), ("submission_2", ""), ("submission_3", "unreadable"),
    ]  # fmt: skip
    scores = [float(row["score"]) for row in rows]
    assert scores[:2] == [15, 15] and 1 < scores[2] < 15
    assert scores[3] == 1, "everybody has the withdrawn test's point"
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["1/4", "2/4", "3/4", "4/4"]


def test_one_that_cannot_be_written_costs_the_others_nothing(bundle, export, tmp_path):
    """A file where a results folder should be: exit code 3, that line says whose fault it is, the rest is graded."""
    folder = tmp_path / "results"
    folder.mkdir()
    (folder / "submission_1").write_text("in the way")
    done = command("grade-all", "--bundle", bundle, "--submissions", export, "--results", folder)
    assert done.returncode == 3
    rows = {row["submission"]: row for row in table(folder)}
    assert rows["submission_1"]["score"] == "" and "OUR FAULT" in rows["submission_1"]["outcome"]
    assert float(rows["submission_2"]["score"]) == judged(folder / "submission_2")["score"] > 0
    assert len(rows) == 4


def test_ctrl_c_keeps_what_is_graded(bundle, export, tmp_path):
    """After the first line: exit code 130, a table of the finished ones, and nobody is told that time was up."""
    line = [sys.executable, "-m", "autograder", "grade-all", "--bundle", str(bundle), "--submissions", str(export)]
    with subprocess.Popen(
        [*line, "--results", str(tmp_path / "out")], cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as running:
        assert running.stdout is not None
        running.stdout.readline()
        os.killpg(running.pid, signal.SIGINT)  # a terminal sends it to all of the group, the worker server too
        rest = running.stdout.read()
    finished = [row["submission"].lstrip("'") for row in table(tmp_path / "out")]
    assert running.returncode == 130
    assert f"stopped: {len(finished)} of 4 submissions are graded" in rest and len(finished) < 4
    told = {file.parent.name: file.read_text() for file in (tmp_path / "out").glob("*/results.json")}
    complete = [name for name, text in told.items() if json.loads(text)["extra_data"].get("finished")]
    assert sorted(complete) == sorted(finished)
    assert not any("ran out of time" in text for text in told.values())


def test_what_ctrl_c_cut_short_is_to_be_graded_again(bundle, export, tmp_path, monkeypatch, capsys):
    """Stopped while tests run: the rows that were not reached blame neither the student nor the clock."""

    def stopped(*_arguments, **_more):
        raise KeyboardInterrupt

    monkeypatch.setattr(session, "run_questions", stopped)
    job = {"bundle": str(bundle), "submissions": str(export), "results": str(tmp_path / "out"), "device": "cpu"}
    with Server.fork() as server:
        assert batch.run_all(job, server) == 130
    assert capsys.readouterr().out == "stopped: 0 of 4 submissions are graded\n"
    rows = judged(tmp_path / "out" / "=1+1.ipynb")["tests"]
    assert {row["extra_data"]["outcome"] for row in rows} == {"not_graded", "void"}


@pytest.mark.parametrize(
    ("submissions", "results", "sentence"),
    [
        ("absent", "out", "there is no such folder; unpack the export first"),
        ("export", "export/out", "this lies among the submissions; give a folder elsewhere"),
    ],
)
def test_wrong_folders_exit_2(bundle, export, tmp_path, capsys, submissions, results, sentence):
    """A missing export, or results that the next run would take for a submission: one sentence, nothing made."""
    before = sorted(export.iterdir())
    paths = ["--submissions", str(tmp_path / submissions), "--results", str(tmp_path / results)]
    assert cli.main(["grade-all", "--bundle", str(bundle), *paths]) == 2
    assert sentence in capsys.readouterr().err
    assert sorted(export.iterdir()) == before and not (tmp_path / "out").exists()
