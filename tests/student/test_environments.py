"""hwkit where students have it: Python 3.10 and 3.13, and the oldest interactive shell that Colab ships."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.student.conftest import source
from tests.student.environments import environment, interpreter

if TYPE_CHECKING:
    from starterkit.build import Built
    from tests.student.conftest import Notebook

OLD_SHELL = "ipython==7.34.0"  # what Colab pins, on every Python it has had
OLD_KERNEL = "ipykernel==6.17.1"
TORCH_STAND_IN = '''
"""As much of torch as importing hwkit, drawing and handing in need; there is no torch for this Python here."""
import types
__version__ = "2.11.0"
cuda = types.SimpleNamespace(is_available=lambda: False, is_initialized=lambda: False)

class _Anything:
    def __class_getitem__(cls, item):
        return cls

def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    return type(name, (_Anything,), {})
'''
SHELL = """
import json, sys
from pathlib import Path
import IPython
from IPython.core.interactiveshell import InteractiveShell

shell = InteractiveShell.instance()
shell.run_line_magic("colors", "NoColor")
print("shell", IPython.__version__, "python", *sys.version_info[:2])
for text in json.loads(Path("cells.json").read_text(encoding="utf-8")):
    result = shell.run_cell(text, store_history=True)
    print("cell ended" if result.success else f"cell failed: {type(result.error_in_exec).__name__}", flush=True)
"""
FIGURE = """
import matplotlib.pyplot as plt
from hwkit import plot_style, savefig
plot_style()
fig, ax = plt.subplots()
ax.plot([1, 2, 3])
ax.set(xlabel="epoch", ylabel="nats")
savefig("F2.1", fig, alt="A line.", answer="It rises.")
"""


def run_cells(python: str, folder: Path, cells: list[str]) -> str:
    """What an IPython shell says that runs these cells in this folder."""
    (folder / "cells.json").write_text(json.dumps(cells), encoding="utf-8")
    variables = {**os.environ, "MPLBACKEND": "Agg", "HW_BUDGET": "smoke", "IPYTHONDIR": str(folder / ".ipython")}
    run = subprocess.run(
        [python, "-W", "ignore", "-c", SHELL], cwd=folder, env=variables, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


@pytest.mark.parametrize("version", ["3.10", "3.13"])
def test_drawing_and_handing_in_on_other_pythons(version: str, hw2: Built, filled: Notebook, tmp_path: Path) -> None:
    """Set-up cells, a figure, figures.pdf and submit() work in an environment of that Python with Colab's shell."""
    python = environment(interpreter(version), OLD_SHELL, "setuptools<81", "numpy", "matplotlib", "tqdm")
    (tmp_path / "torch.py").write_text(TORCH_STAND_IN, encoding="utf-8")
    (tmp_path / "hw2.ipynb").write_text(json.dumps(filled), encoding="utf-8")
    cells = {cell["id"]: source(cell) for cell in filled["cells"] if cell["cell_type"] == "code"}
    wrong = 'check("2.1z")'
    said = run_cells(
        python, tmp_path, [cells["setup-hwkit"], cells["setup-start"], FIGURE, cells["hand-in-submit"], wrong]
    )
    assert f"shell 7.34.0 python {version.replace('.', ' ')}" in said
    assert said.count("cell ended") == 4, said
    assert "✓ 2.2h   interpolate" in said
    figures = len(hw2.homework.figures)
    assert f"✓ figures.pdf: {figures + 1} pages, 1 of {figures} figures" in said
    assert "KitError: there is no question '2.1z'; did you mean" in said
    assert "Traceback" not in said
    assert (tmp_path / "hw2-submission.zip").is_file()


@pytest.fixture(scope="module")
def old_shell(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A Python like ours, torch included, with the shell and kernel of Colab."""
    return environment(getattr(sys, "_base_executable", sys.executable), OLD_SHELL, OLD_KERNEL, with_ours=True)


def test_the_notebook_runs_in_colabs_shell(
    old_shell: str, filled: Notebook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The filled notebook runs top to bottom in a kernel with IPython 7.34 and ipykernel 6.17.1."""
    spec = tmp_path / "jupyter" / "kernels" / "colab"
    spec.mkdir(parents=True)
    argv = [old_shell, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (spec / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "Colab", "language": "python"}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    import nbformat
    from nbclient import NotebookClient

    notebook: Any = nbformat.reads(json.dumps(filled), as_version=4)
    notebook.cells.append(
        nbformat.v4.new_code_cell("import IPython, ipykernel; IPython.__version__, ipykernel.__version__")
    )
    notebook.cells.append(nbformat.v4.new_code_cell("def reparameterize(mu, logvar, eps):\n    return mu"))
    notebook.cells.append(nbformat.v4.new_code_cell('check("2.1a")', metadata={"tags": ["raises-exception"]}))
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "hw2.ipynb").write_text(json.dumps(filled), encoding="utf-8")
    client = NotebookClient(
        notebook, timeout=300, kernel_name="colab", resources={"metadata": {"path": str(folder)}},
        extra_arguments=["--log-level=40"],
    )  # fmt: skip
    client.execute(env={**os.environ, "HW_BUDGET": "smoke", "MPLBACKEND": "module://matplotlib_inline.backend_inline"})
    versions, _, failed = notebook.cells[-3:]
    assert versions.outputs[0]["data"]["text/plain"] == "('7.34.0', '6.17.1')"
    [error] = [output for output in failed.outputs if output["output_type"] == "error"]
    assert len(error["traceback"]) == 1
    assert error["traceback"][0].startswith("CheckFailed: question 2.1a")
    assert (folder / "hw2-submission.zip").is_file()
