"""Python environments of their own, made once and kept in a cache folder."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest

CACHE = Path(os.environ.get("STARTERKIT_TEST_CACHE", Path.home() / ".cache" / "starterkit-tests"))


def interpreter(version: str) -> str:
    """A Python of this version on this machine: one that pyenv keeps, or on the PATH. Skips where there is none."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    kept = sorted(str(path) for path in pyenv.glob(f"{version}.*/bin/python3"))
    found = next(iter(kept), None) or shutil.which(f"python{version}")
    if found is None:
        pytest.skip(f"Python {version} is not installed")
    return found


def environment(python: str, *packages: str, with_ours: bool = False) -> str:
    """The Python of an environment that holds these packages; `with_ours` lends it this environment's, after its own.

    Skips where the registry cannot be reached.
    """
    ours = sysconfig.get_paths()["purelib"] if with_ours else ""
    key = hashlib.sha256("\n".join([python, *packages, ours]).encode()).hexdigest()[:12]
    folder, done = CACHE / key, CACHE / key / "done"
    inside = folder / "bin" / "python"
    if done.is_file() and inside.exists():
        return str(inside)
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([python, "-m", "venv", str(folder)], check=True, capture_output=True)
    pip = [str(inside), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages]
    run = subprocess.run(pip, capture_output=True, text=True, check=False)
    if run.returncode:
        reason = (run.stderr.strip().splitlines() or ["no reason given"])[-1]
        shutil.rmtree(folder, ignore_errors=True)
        pytest.skip(f"{', '.join(packages)} cannot be installed for {python}: {reason}")
    if with_ours:
        [site] = folder.glob("lib/python3.*/site-packages")
        (site / "ours.pth").write_text(f"{ours}\n", encoding="utf-8")
    done.touch()
    return str(inside)
