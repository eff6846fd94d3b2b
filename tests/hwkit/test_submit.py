"""The hand-in: which notebook, what is in it, what leaves it, and what the zip holds."""

from __future__ import annotations

import errno
import json
import os
import sys
import types
import zipfile
from pathlib import Path
from typing import Any

import pytest

DONE = "import torch\n\ndef reparameterize(mu, logvar, eps):\n    return mu + torch.exp(0.5 * logvar) * eps\n"
STUB = 'def gaussian_kl(mu, logvar):\n    # YOUR CODE\n    raise NotImplementedError("Question 2.1b")\n'
ELBO = "import torchvision\n\ndef elbo(x):\n    return torchvision.ops(x)\n"
HAND_IN = 'make_figures_pdf(names=["Ada Lovelace"], netids=["al123"])\nsubmit()'
RUN_BY = {"user": {"displayName": "Ada Lovelace", "userId": "0123456789"}, "timestamp": 1}


def code(source: str, outputs: list[Any] | None = None, **metadata: Any) -> dict[str, Any]:
    return {"cell_type": "code", "execution_count": 1, "metadata": metadata, "outputs": outputs or [], "source": source}


def notebook(*cells: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {"nbformat": 4, "nbformat_minor": 0, "metadata": metadata, "cells": list(cells)}


def as_colab_saves_it() -> dict[str, Any]:
    """A notebook with all that Colab writes into one: runner, ids, widgets, outputs."""
    outputs = [
        {
            "output_type": "stream",
            "name": "stdout",
            "text": ["Hello Ada Lovelace, ada@example.org\n", "in /home/ada/hw2\n"],
        },
        {
            "output_type": "display_data",
            "metadata": {},
            "data": {"application/vnd.jupyter.widget-view+json": {"model_id": "1"}},
        },
        {
            "output_type": "display_data",
            "metadata": {},
            "data": {"image/png": "A" * 2_000_000, "text/plain": ["<Figure>"]},
        },
        {"output_type": "stream", "name": "stdout", "text": "y" * 100_000},
    ]
    return notebook(
        {
            "cell_type": "markdown",
            "metadata": {"id": "view-in-github", "colab_type": "text"},
            "source": "Work of Ada Lovelace",
        },
        code(DONE, outputs, id="a1", executionInfo=RUN_BY, outputId="x", colab={"base_uri": "https://localhost"}),
        code("# by ada lovelace\n" + STUB, nbgrader={"grade_id": "2_1b"}),
        code(ELBO),
        code(HAND_IN),
        widgets={"state": {}},
        colab={
            "provenance": [{"file_id": "secret", "timestamp": 1}],
            "authorship_tag": "ABX9",
            "name": "Ada.ipynb",
            "gpuType": "T4",
        },
        accelerator="GPU",
        kernelspec={"name": "python3", "display_name": "Python 3"},
    )


def write(name: str, content: Any) -> Path:
    path = Path(name)
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def test_the_zip_holds_notebook_and_manifest(kit: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """hw2-submission.zip holds hw2.ipynb and manifest.json; the manifest says release, versions, what was found."""
    write("renamed (1).ipynb", as_colab_saves_it())
    kit.submit()
    with zipfile.ZipFile("hw2-submission.zip") as archive:
        assert archive.namelist() == ["hw2.ipynb", "manifest.json"]
        manifest = json.loads(archive.read("manifest.json"))
    assert manifest["homework"] == "hw2" and manifest["release"] == 3
    assert manifest["found"] == ["elbo", "reparameterize"] and manifest["not_attempted"] == ["gaussian_kl"]
    assert set(manifest["versions"]) == {"python", "torch", "numpy"} and len(manifest["digest"]) == 64
    out = capsys.readouterr().out
    assert "renamed (1).ipynb" in out and "“hw2 code”" in out and "figures.pdf to “hw2 figures” (make it first" in out


def test_what_will_be_graded_is_shown(kit: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Found, not attempted, missing, defined twice, and libraries the grader lacks: each in one line."""
    write("hw2.ipynb", notebook(code(DONE), code(STUB), code(ELBO), code(DONE)))
    kit.submit()
    out = capsys.readouterr().out
    assert "✓ 2.1a   reparameterize  cell 4" in out and "✗ 2.1b   gaussian_kl     not attempted (cell 2" in out
    assert "2.2a imports torchvision, which Gradescope does not have" in out
    assert "cell 1 and cell 4" in out and "F2.1, F2.2, F2.3" in out
    write("hw2.ipynb", notebook(code(DONE)))
    kit.submit()
    assert "✗ 2.1b   gaussian_kl" in capsys.readouterr().out


def test_nothing_personal_is_left(kit: Any) -> None:
    """Runner, ids, provenance, widget state, names, e-mail, home folder: none of it is in the zip, code is as it was."""
    write("hw2.ipynb", as_colab_saves_it())
    kit.submit(names=["Ada Lovelace"], netids=["al123"])
    with zipfile.ZipFile("hw2-submission.zip") as archive:
        everything = b"".join(archive.read(name) for name in archive.namelist()).decode()
        clean = json.loads(archive.read("hw2.ipynb"))
    for word in (
        "Lovelace",
        "lovelace",
        "al123",
        "0123456789",
        "example.org",
        "/home/ada",
        "ABX9",
        "file_id",
        "widget",
        "base_uri",
    ):
        assert word not in everything
    assert clean["cells"][1]["source"] == DONE and STUB in clean["cells"][2]["source"]
    assert clean["cells"][2]["metadata"] == {"nbgrader": {"grade_id": "2_1b"}}
    assert clean["metadata"]["colab"] == {"provenance": [], "gpuType": "T4"}


def test_oversized_outputs_are_cut(kit: Any) -> None:
    """A picture over the cap and text over the cap go; the small forms beside them stay; the notebook stays valid."""
    import nbformat

    write("hw2.ipynb", as_colab_saves_it())
    kit.submit()
    with zipfile.ZipFile("hw2-submission.zip") as archive:
        data = archive.read("hw2.ipynb")
    assert len(data) < 60_000
    clean = nbformat.reads(data.decode(), as_version=4)
    nbformat.validate(clean)
    outputs = clean["cells"][1]["outputs"]
    assert [o["output_type"] for o in outputs] == ["stream", "display_data", "stream"]
    assert list(outputs[1]["data"]) == ["text/plain"] and "80000 more characters left out" in outputs[2]["text"]


def test_the_grader_reads_the_same_from_the_scrubbed_notebook(kit: Any) -> None:
    """Extraction finds the same functions before and after scrubbing."""
    raw = as_colab_saves_it()
    clean, _ = kit.scrub_notebook(raw, ["Ada Lovelace"])
    spec = kit.KIT["extraction"]
    before, after = (kit.extract("a.ipynb", json.dumps(n).encode(), spec) for n in (raw, clean))
    assert before["found"] == after["found"] and before["programs"] == after["programs"]


def test_scrubbing_leaves_the_original_alone(kit: Any) -> None:
    """The notebook that was read is not changed."""
    raw = as_colab_saves_it()
    before = json.dumps(raw)
    kit.scrub_notebook(raw, ["Ada Lovelace"])
    assert json.dumps(raw) == before


def test_the_newest_copy_is_taken_and_said(kit: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Of two copies the newer one counts, the other one is named, and `notebook=` chooses."""
    os.utime(write("hw2.ipynb", notebook(code(DONE))), (1, 1))
    write("Copy of hw2.ipynb", notebook(code(DONE), code(STUB)))
    write("other.ipynb", notebook(code("x = 1")))
    kit.submit()
    out = capsys.readouterr().out
    assert "2 notebooks define this homework's functions" in out and "taken: Copy of hw2.ipynb" in out
    assert 'submit(notebook="NAME.ipynb")' in out and "other.ipynb" not in out
    kit.submit(notebook="hw2.ipynb")
    assert "from hw2.ipynb" in capsys.readouterr().out


def test_no_notebook_says_what_to_do(kit: Any) -> None:
    """Without a notebook: save it, or name it."""
    with pytest.raises(kit.KitError, match=r"no notebook of hw2 found(.|\n)*Save it"):
        kit.submit()


def test_in_colab_without_access_the_download_is_explained(kit: Any, colab: None) -> None:
    """In Colab, when the open notebook is not handed over: File > Download > Download .ipynb is a valid submission."""
    with pytest.raises(kit.KitError, match=r"Download \.ipynb(.|\n)*valid submission"):
        kit.submit()


def test_a_named_file_that_is_not_there(kit: Any) -> None:
    """A wrong file name lists the notebooks that are there."""
    write("hw2.ipynb", notebook(code(DONE)))
    with pytest.raises(kit.KitError, match=r"missing\.ipynb does not exist(.|\n)*hw2\.ipynb"):
        kit.submit(notebook="missing.ipynb")


def test_another_homeworks_notebook_is_refused(kit: Any) -> None:
    """A notebook with none of the functions is not packed."""
    write("hw1.ipynb", notebook(code("def made(x):\n    return x\n")))
    with pytest.raises(kit.KitError, match="none of the functions of hw2"):
        kit.submit(notebook="hw1.ipynb")
    assert not Path("hw2-submission.zip").exists()


def test_a_damaged_notebook_is_explained(kit: Any) -> None:
    """A file that is no notebook is refused in the grader's own words."""
    write("hw2.ipynb", "<!DOCTYPE html><html>def reparameterize</html>")
    with pytest.raises(kit.KitError, match="web page"):
        kit.submit(notebook="hw2.ipynb")


def test_the_open_notebook_in_colab_is_preferred(
    kit: Any, colab: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Colab's open notebook is taken, unsaved edits included, and zip and figures are downloaded."""
    downloads: list[str] = []
    message = types.SimpleNamespace(blocking_request=lambda *_, **__: {"ipynb": notebook(code(DONE))})
    files = types.SimpleNamespace(download=downloads.append)
    monkeypatch.setitem(sys.modules, "google", types.ModuleType("google"))
    monkeypatch.setitem(sys.modules, "google.colab", types.SimpleNamespace(_message=message, files=files))
    write("old.ipynb", notebook(code(STUB)))
    kit.make_figures_pdf(names=["Ada"])
    kit.submit()
    out = capsys.readouterr().out
    assert "the notebook as it is open in Colab" in out and "✓ 2.1a" in out
    assert downloads == ["hw2-submission.zip", "figures.pdf"]


def test_a_download_that_fails_leaves_the_file(
    kit: Any, colab: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """When the browser refuses the download, the folder icon is named."""
    monkeypatch.setitem(sys.modules, "google", types.ModuleType("google"))
    monkeypatch.setitem(sys.modules, "google.colab", types.SimpleNamespace(_message=None, files=None))
    write("hw2.ipynb", notebook(code(DONE)))
    kit.submit()
    assert Path("hw2-submission.zip").is_file()
    assert "folder icon" in capsys.readouterr().out


def test_unsaved_edits_are_noticed(
    kit: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A function that was run in a newer version than the file holds: save and submit again."""
    monkeypatch.setattr(kit, "_cells_run", lambda: ["", DONE, DONE.replace("0.5", "0.50")])
    write("hw2.ipynb", notebook(code(DONE)))
    kit.submit()
    assert "you ran a version of reparameterize that is not in the file" in capsys.readouterr().out
    monkeypatch.setattr(kit, "_cells_run", lambda: ["", DONE])
    kit.submit()
    assert "you ran a version" not in capsys.readouterr().out


def test_optional_files_travel_within_their_limit(kit: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """An artefact is packed when it is small enough; otherwise a line says why not."""
    write("hw2.ipynb", notebook(code(DONE)))
    kit.submit()
    assert "optional hand-in samples is left out" in capsys.readouterr().out
    Path("digits.npz").write_bytes(b"1" * 1000)
    kit.submit()
    with zipfile.ZipFile("hw2-submission.zip") as archive:
        assert "digits.npz" in archive.namelist()
    Path("digits.npz").write_bytes(b"1" * 1_000_001)
    kit.submit()
    assert "larger than 1 MB" in capsys.readouterr().out


def test_a_full_disk_is_said_in_words(kit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the zip cannot be written: what to delete, and that the downloaded notebook will do."""
    write("hw2.ipynb", notebook(code(DONE)))

    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(zipfile.ZipFile, "writestr", full)
    with pytest.raises(kit.KitError, match=r"the disk is full(.|\n)*Download \.ipynb"):
        kit.submit()
    assert not list(Path().glob("*.tmp"))


def test_a_huge_notebook_is_refused(kit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above the limit: clear the outputs."""
    monkeypatch.setattr(kit, "_MOST_BYTES", 100, raising=False)
    write("hw2.ipynb", notebook(code(DONE * 5)))
    with pytest.raises(kit.KitError, match="Clear all outputs"):
        kit.submit()


def test_names_make_the_title_page(kit: Any) -> None:
    """`submit(names=…)` makes figures.pdf again, beside the zip and not in it."""
    write("hw2.ipynb", notebook(code(DONE)))
    kit.submit(names=["Ada"], netids=["al1"])
    assert Path("figures.pdf").is_file()
    with zipfile.ZipFile("hw2-submission.zip") as archive:
        assert "figures.pdf" not in archive.namelist()


def test_a_script_download_is_packed_as_a_script(kit: Any) -> None:
    """A .py download from Colab is a valid hand-in as well."""
    write("hw2.py", DONE)
    kit.submit(notebook="hw2.py")
    with zipfile.ZipFile("hw2-submission.zip") as archive:
        assert archive.namelist()[0] == "hw2.py"
