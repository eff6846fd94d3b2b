"""The command line checks its arguments before anything heavy is imported, and scrubs what it hands over."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import tiny_bundle

from autograder import cli

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def arguments(bundle, tmp_path):
    """Arguments that are all right."""
    submission = tiny_bundle.submission(tmp_path / "submission")
    return {"--bundle": str(bundle), "--submission": str(submission), "--results": str(tmp_path / "results")}


def flat(arguments: dict[str, str]) -> list[str]:
    """Arguments as a command line."""
    return ["grade", *(part for pair in arguments.items() for part in pair)]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"--bundle": "/no/such.zip"}, "--bundle /no/such.zip: there is no such file or folder"),
        ({"--submission": "/no/such"}, "--submission /no/such: there is no such file or folder"),
        ({"--only": "1.1"}, "--only 1.1: no such question; did you mean 1.1b?"),
        ({"--only": "zebra"}, "--only zebra: no such question; the questions are 1.1a, 1.1b, 1.2"),
        ({"--device": "tpu"}, "argument --device: invalid choice: 'tpu'"),
    ],
)
def test_wrong_arguments_exit_2_with_one_sentence(arguments, capsys, changes, sentence):
    """The code is 2, the text one line that names the argument."""
    assert cli.main(flat({**arguments, **changes})) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: {sentence}") or sentence.split(";")[0] in said
    assert said.count("\n") == 1


def test_missing_arguments_exit_2(capsys):
    """Without a command, or without its arguments, the code is 2."""
    assert cli.main([]) == 2
    assert cli.main(["grade"]) == 2
    assert capsys.readouterr().err.count("error: ") == 2


def test_results_that_are_a_file_exit_2(arguments, tmp_path, capsys):
    """--results must be a folder."""
    (tmp_path / "file").write_text("")
    assert cli.main(flat({**arguments, "--results": str(tmp_path / "file")})) == 2
    assert "give a folder" in capsys.readouterr().err


def test_cuda_without_a_gpu_says_so(arguments, capsys, monkeypatch):
    """--device cuda on a machine without a GPU exits 2 and names the way out."""
    monkeypatch.setattr(cli, "_has_gpu", lambda: False)
    assert cli.main(flat({**arguments, "--device": "cuda"})) == 2
    assert "there is no NVIDIA GPU on this machine; use --device cpu" in capsys.readouterr().err


@pytest.mark.parametrize("content", ["damaged", "empty", "foreign", "escaping"])
def test_a_zip_that_is_no_bundle_exits_2_and_leaves_nothing(arguments, tmp_path, capsys, monkeypatch, content):
    """A damaged zip, one without a bundle, and one whose members would land elsewhere are refused in one sentence."""
    archive, temporary = tmp_path / "hw9.zip", tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setattr(cli.tempfile, "tempdir", str(temporary))
    if content == "damaged":
        archive.write_bytes(b"PK\x03\x04 broken")
    else:
        members = {"empty": {}, "foreign": {"a.txt": ""}, "escaping": {"bundle/../../../evil": ""}}[content]
        with zipfile.ZipFile(archive, "w") as opened:
            for name, text in members.items():
                opened.writestr(name, text)
    assert cli.main(flat({**arguments, "--bundle": str(archive)})) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert list(temporary.iterdir()) == [] and not (tmp_path / "evil").exists()


def test_the_fallback_is_written_before_anything_else(arguments, bundle, tmp_path):
    """By the time the launcher starts, the bundle's own fallback lies in the results."""
    (bundle / "fallback.json").write_text('{"score": 0, "output": "not graded", "tests": []}')
    cli.prepare(cli._parser().parse_args(flat(arguments)), {})
    assert json.loads((tmp_path / "results" / "results.json").read_text())["output"] == "not graded"


def test_the_job_holds_paths_and_no_secret(arguments):
    """The job tells where things are; the secret stays in the bundle until the worker server has been forked."""
    public, job = cli.prepare(cli._parser().parse_args(flat(arguments)), {"TIMEOUT_SECONDS": "10"})
    assert tiny_bundle.SECRET not in json.dumps([public, job])
    assert job["only"] == [] and job["metadata"] is None and job["remove"] == []
    assert Path(public["home"], "autograder", "launcher.py").is_file() and public["preload"] == []


def test_workers_are_forked_from_a_process_that_knows_no_path(arguments):
    """Of what the launcher is told before it forks, nothing says where bundle, submission, results or metadata are."""
    public, job = cli.prepare(cli._parser().parse_args(flat(arguments)), {})
    told = json.dumps({**public, "modules": {}, "home": ""})
    assert not any(job[key] in told or Path(job[key]).name in told for key in ("bundle", "submission", "results"))
    assert public["modules"].keys() <= {"hwkit"} and job["bundle"] not in json.dumps(public["modules"])


def test_the_environment_is_built_from_nothing():
    """Tokens, PYTHON*, LD_PRELOAD and pytest's options do not survive; a GPU's choice does, only on a GPU."""
    dirty = {"AUTHENTICATION_TOKEN": "x", "PYTHONPATH": "/evil", "LD_PRELOAD": "/evil.so", "PYTEST_ADDOPTS": "-x",
             "CUDA_VISIBLE_DEVICES": "1", "TMPDIR": "/scratch"}  # fmt: skip
    clean = cli.scrubbed(dirty, "cpu")
    assert not {"AUTHENTICATION_TOKEN", "PYTHONPATH", "LD_PRELOAD", "PYTEST_ADDOPTS", "CUDA_VISIBLE_DEVICES"} & set(
        clean
    )
    assert clean["TMPDIR"] == "/scratch"
    assert cli.scrubbed(dirty, "cuda")["CUDA_VISIBLE_DEVICES"] == "1"


def test_the_command_line_imports_no_torch():
    """Arguments are checked within a moment: neither torch nor numpy nor pytest is imported."""
    code = "import sys, autograder.cli; sys.exit(any(n in sys.modules for n in ('torch', 'numpy', 'pytest')))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
