"""A notebook that Colab has saved: submit() packs it without personal data, and it earns what the plain one earns."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from starterkit.emulate import emulate
from tests.student.colab import RUNNER, as_colab_saves
from tests.student.conftest import NAMES, NETIDS

if TYPE_CHECKING:
    from pathlib import Path

    from starterkit.build import Built
    from tests.student.conftest import Ran

PERSONAL = (*NAMES, *NETIDS, *RUNNER.values(), "Lovelace", "lovelace", "example.edu", "/home/ada", "ABX9", "1AbCdEfG")
KEYS = ("executionInfo", "widgets", "displayName", "authorship_tag", "outputId")


@pytest.fixture(scope="module")
def packed(ran: Ran, hw2: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a fresh session, in Colab as far as it can tell, called submit() on the saved notebook."""
    folder = tmp_path_factory.mktemp("colab")
    saved = as_colab_saves(ran.notebook)
    (folder / "Copy of hw2 Ada.ipynb").write_text(json.dumps(saved), encoding="utf-8")
    (folder / "hwkit.py").write_bytes(hw2.kit["hwkit.py"])
    environment = {**os.environ, "COLAB_RELEASE_TAG": "release-colab-20260901", "MPLBACKEND": "Agg"}
    code = "import hwkit; hwkit.submit()"
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    (folder / "said.txt").write_text(run.stdout, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def unpacked(packed: Path) -> Path:
    """What Gradescope makes of the zip: a folder with its files."""
    with zipfile.ZipFile(packed / "hw2-submission.zip") as opened:
        opened.extractall(packed / "upload")
    return packed / "upload"


def graded(bundle: Path, submission: Path, results: Path) -> dict[str, Any]:
    """The results that the emulated container gives."""
    outcome = emulate(bundle, submission, results=results)
    assert outcome.verdict.problem is None, outcome.verdict.stdout
    return dict(outcome.verdict.results or {})


def test_all_functions_are_found(packed: Path, hw2: Built) -> None:
    """submit() lists every graded function with its cell, and says what was not run in this session."""
    said = (packed / "said.txt").read_text(encoding="utf-8")
    for question in hw2.homework.questions:
        for name in question.names:
            assert f"✓ {question.id:<6} {name}" in said
    assert "✗" not in said
    assert "download did not start" in said  # no browser here: what to do instead


def test_nothing_personal_is_in_the_zip(unpacked: Path) -> None:
    """No name, NetID, user id, e-mail, home folder, provenance or widget state is left in any file of the zip."""
    everything = b"".join(path.read_bytes() for path in unpacked.iterdir()).decode()
    for word in PERSONAL:
        assert word not in everything, word
    notebook = json.loads((unpacked / "hw2.ipynb").read_text(encoding="utf-8"))
    kept = json.dumps([notebook["metadata"], [{**cell, "source": ""} for cell in notebook["cells"]]])
    for key in KEYS:
        assert key not in kept, key


def test_the_code_is_untouched(unpacked: Path, ran: Ran) -> None:
    """Every code cell but the one with the names is as the student wrote it."""
    kept = [
        cell["source"]
        for cell in json.loads((unpacked / "hw2.ipynb").read_text())["cells"]
        if cell["cell_type"] == "code"
    ]
    mine = ["".join(cell["source"]) for cell in ran.notebook["cells"] if cell["cell_type"] == "code"]
    assert kept[:-1] == mine[:-1]


def test_the_score_is_that_of_the_plain_notebook(
    bundle: Path, unpacked: Path, ran: Ran, hw2: Built, tmp_path: Path
) -> None:
    """The zip from Colab and the plain downloaded notebook both get full marks, test by test."""
    plain = tmp_path / "hw2.ipynb"
    plain.write_text(json.dumps(ran.notebook), encoding="utf-8")
    first = graded(bundle, unpacked, tmp_path / "colab")
    second = graded(bundle, plain, tmp_path / "plain")
    scores = [[(row["name"], row.get("score")) for row in results["tests"]] for results in (first, second)]
    assert scores[0] == scores[1]
    assert sum(score for _, score in scores[0] if score) == hw2.homework.points
