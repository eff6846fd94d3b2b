"""The generator: one file, readable, the same everywhere, and no part of it bound twice."""

from __future__ import annotations

import ast
import dataclasses
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from starterkit import hwkit, onefile
from starterkit.hwkit import KitClash, KitInfo, generate, short_title
from tests.hwkit.conftest import KIT


def _python(version: str) -> str | None:
    """The path of a Python of this version on this machine: on the PATH, or one that pyenv keeps."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    kept = sorted(str(path) for path in pyenv.glob(f"{version}.*/bin/python3"))
    return next(iter(kept), None) or shutil.which(f"python{version}")


OLDEST_AND_NEWEST = ("3.10", "3.13")

STAND_INS = """
import importlib.machinery, sys, types

class StandIn(types.ModuleType):
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {"__class_getitem__": classmethod(lambda cls, item: cls)})

for name in ("torch", "numpy", "numpy.typing"):
    sys.modules[name] = module = StandIn(name)
    module.__spec__ = importlib.machinery.ModuleSpec(name, None)
sys.modules["numpy"].typing = sys.modules["numpy.typing"]
import hwkit
data = b"import torch\\n\\ndef reparameterize(mu, logvar, eps):\\n    return mu\\n"
print(list(hwkit.extract("hw2.py", data, hwkit.KIT["extraction"])["found"]))
"""


def test_the_same_input_gives_the_same_text(kit_text: str) -> None:
    """Two generations of one homework are equal."""
    onefile.assembled.cache_clear()
    assert generate(KIT) == kit_text


def test_the_text_stands_alone(kit_text: str) -> None:
    """Nothing of autograder, of the parts or of the builder is imported, anywhere in the file."""
    for node in ast.walk(ast.parse(kit_text)):
        if isinstance(node, ast.ImportFrom):
            assert not node.level and (node.module or "").split(".")[0] not in ("autograder", "starterkit")
        if isinstance(node, ast.Import):
            assert all(alias.name.split(".")[0] not in ("autograder", "starterkit") for alias in node.names)


def test_heavy_libraries_are_imported_lazily(kit_text: str) -> None:
    """No import of matplotlib or tqdm stands at the top level."""
    top = [node for node in ast.parse(kit_text).body if isinstance(node, (ast.Import, ast.ImportFrom))]
    assert not any("matplotlib" in ast.unparse(node) or "tqdm" in ast.unparse(node) for node in top)


def test_only_allowed_libraries_are_imported(kit_text: str) -> None:
    """Beyond the standard library only numpy, torch, matplotlib, tqdm and what the shell itself brings."""
    allowed = {*sys.stdlib_module_names, "numpy", "torch", "matplotlib", "tqdm", "IPython", "google"}
    for node in ast.walk(ast.parse(kit_text)):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        assert {name.split(".")[0] for name in names} <= allowed


def test_markers_and_machine_paths_are_absent(kit_text: str) -> None:
    """nbgrader's marker words and this machine's folders do not occur."""
    for word in (
        "BEGIN SOLUTION",
        "END SOLUTION",
        "HIDDEN TESTS",
        "MARK SCHEME",
        str(onefile.ROOT),
        str(Path.home()) + "/",
    ):
        assert word not in kit_text


def test_what_is_exported_exists(kit: Any) -> None:
    """Every name in `__all__` is bound, and the parts' own `__all__` is the whole of it."""
    assert all(hasattr(kit, name) for name in kit.__all__)
    assert {"check", "submit", "assert_close", "points", "Checkpointer"} <= set(kit.__all__)


def test_the_facts_can_be_read_back(kit: Any) -> None:
    """KIT holds questions in order, points, and the extraction spec as given."""
    assert [entry["id"] for entry in kit.KIT["questions"]] == ["2.1a", "2.1b", "2.2a"]
    assert kit.KIT["extraction"]["stubs"]["2.1b"] == "Question 2.1b"
    assert kit.KIT["release"] == 3


@pytest.mark.parametrize("version", OLDEST_AND_NEWEST)
def test_older_and_newer_pythons_compile_it(version: str, kit_text: str, tmp_path: Path) -> None:
    """The text is valid syntax for the oldest and the newest Python that students may have."""
    python = _python(version) or pytest.skip(f"Python {version} is not installed")
    file = tmp_path / "hwkit.py"
    file.write_text(kit_text, encoding="utf-8")
    subprocess.run([python, "-m", "py_compile", str(file)], check=True)


@pytest.mark.parametrize("version", OLDEST_AND_NEWEST)
def test_older_and_newer_pythons_run_it(version: str, kit_text: str, tmp_path: Path) -> None:
    """Importing works on the oldest and the newest Python (with stand-ins for torch and numpy), and extraction finds a function."""
    python = _python(version) or pytest.skip(f"Python {version} is not installed")
    (tmp_path / "hwkit.py").write_text(kit_text, encoding="utf-8")
    run = subprocess.run([python, "-c", STAND_INS], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.stdout == "['reparameterize']\n", run.stderr


def test_without_torch_the_import_says_what_to_install(kit_text: str, tmp_path: Path) -> None:
    """On a Python without torch, the import fails with one sentence that names the remedy."""
    python = next(filter(None, map(_python, OLDEST_AND_NEWEST)), None) or pytest.skip("no other Python here")
    (tmp_path / "hwkit.py").write_text(kit_text, encoding="utf-8")
    run = subprocess.run([python, "-c", "import hwkit"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "PyTorch is not installed here" in run.stderr and "requirements.txt" in run.stderr


def test_a_public_name_bound_twice_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two parts with one public name are refused, and the message names both."""
    _two_parts(tmp_path, monkeypatch, "def f(): ...", "def f(): ...")
    with pytest.raises(KitClash, match=r"f \(kit\.one and kit\.two\)"):
        onefile.assembled.__wrapped__()


def test_a_private_name_bound_twice_is_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two parts with one private name each keep their own; attributes of that name are left alone."""
    one = "_f = 1\n\n\ndef one():\n    return _f"
    two = "class _f:\n    def get(self):\n        return self._f\n\n\ndef two():\n    made = _f()\n    made._f = 2\n    return made.get()"
    _two_parts(tmp_path, monkeypatch, one, two)
    namespace: dict[str, Any] = {"__name__": "flat"}
    exec(onefile.assembled.__wrapped__(), namespace)
    assert namespace["one"]() == 1 and namespace["two"]() == 2


def test_a_private_name_that_cannot_be_renamed_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clash whose name is also an argument is refused."""
    _two_parts(tmp_path, monkeypatch, "_f = 1", "_f = 1\n\n\ndef g(_f): ...")
    with pytest.raises(KitClash, match=r"_f in kit\.two"):
        onefile.assembled.__wrapped__()


def test_a_name_that_another_part_imports_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A function called like a library name that another part imports is refused."""
    _two_parts(tmp_path, monkeypatch, "from dataclasses import field", "def field(): ...")
    with pytest.raises(KitClash, match=r"field \(an import of kit\.one and kit\.two"):
        onefile.assembled.__wrapped__()


def test_a_module_imported_as_an_object_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`from autograder import x` cannot work in one file and is refused."""
    _two_parts(tmp_path, monkeypatch, "from autograder import rng", "x = 1")
    with pytest.raises(KitClash, match="import names, not modules"):
        onefile.assembled.__wrapped__()


def test_imports_inside_functions_and_aliases_survive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A local import of a part becomes its alias or `pass`, and the function still works."""
    _two_parts(
        tmp_path,
        monkeypatch,
        "def go():\n    from .two import y as z\n    return z\n\n\ndef noop():\n    from .two import y",
        "y = 5",
    )
    namespace: dict[str, Any] = {"__name__": "flat"}
    exec(onefile.assembled.__wrapped__(), namespace)
    assert namespace["go"]() == 5 and namespace["noop"]() is None


@pytest.mark.parametrize(
    ("markdown", "title"),
    [
        ("### Bounds (4 points)\nText", "Bounds"),
        ("Plot the **ELBO** against epochs. Then say why.", "Plot the ELBO against epochs"),
        ("", ""),
    ],
)
def test_a_figure_title_is_its_first_sentence(markdown: str, title: str) -> None:
    """Heading signs, emphasis and points are left out of a title."""
    assert short_title(markdown) == title


def test_a_homework_without_figures_generates() -> None:
    """Figures, points and titles may all be left out."""
    bare = KitInfo(homework="hw0", title="Set up", release=1, course="C", questions={})
    assert '"homework"' in generate(bare) or "'homework': 'hw0'" in generate(bare)


def test_every_field_of_the_kit_is_used() -> None:
    """A field that is added to KitInfo must reach KIT."""
    facts = hwkit._facts(KIT)
    per_question = {"titles": "title", "points": "points", "public": "public", "hidden": "hidden"}
    for field in dataclasses.fields(KitInfo):
        assert field.name in facts or per_question[field.name] in facts["questions"][0]


def _two_parts(folder: Path, monkeypatch: pytest.MonkeyPatch, one: str, two: str) -> None:
    (folder / "__init__.py").write_text("from .one import a\nfrom .two import b\n\n__all__ = []\n")
    (folder / "one.py").write_text(one + "\n")
    (folder / "two.py").write_text(two + "\n")
    monkeypatch.setattr(onefile, "PARTS", folder)
