"""The pins of the grading container: complete, exact, and to be had for the container's Python."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from starterkit.pins import PINS, PYTHONS, TORCH, pins_for, requirements

ROOT = Path(__file__).parents[2]


@cache
def resolved(python: str) -> list[dict[str, Any]]:
    """Return pip's report of all pins for CPython `python` on manylinux x86_64: metadata only, nothing is installed.

    Skips the test where no package index can be reached.
    """
    platforms = [f"--platform={name}_x86_64" for name in ("manylinux_2_28", "manylinux_2_17", "manylinux2014")]
    with TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [
            sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--no-deps", "--quiet",
            "--disable-pip-version-check", "--only-binary=:all:", f"--python-version={python}", "--implementation=cp",
            *platforms, f"--target={folder}", f"--report={report}",
            *(f"{pin.name}=={pin.version}" for pin in pins_for(python).values()),
        ]  # fmt: skip
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        unreachable = ("Temporary failure", "Connection", "ConnectTimeout", "NewConnectionError", "ProxyError")
        if run.returncode != 0 and any(sign in run.stderr for sign in unreachable):
            pytest.skip("no package index can be reached from here")
        assert run.returncode == 0, run.stderr
        found: list[dict[str, Any]] = json.loads(report.read_text(encoding="utf-8"))["install"]
    return found


def test_every_pin_has_a_wheel_for_the_containers_python() -> None:
    """Each pin resolves to a wheel for CPython 3.10 on manylinux x86_64 whose own Requires-Python allows 3.10."""
    found = {canonicalize_name(item["metadata"]["name"]): item for item in resolved("3.10")}
    assert set(found) == set(pins_for("3.10"))
    for item in found.values():
        assert item["download_info"]["url"].endswith(".whl"), item["download_info"]["url"]
        assert SpecifierSet(item["metadata"].get("requires_python", "")).contains("3.10.12"), item["metadata"]["name"]


def test_the_pins_are_closed_under_dependencies() -> None:
    """What a pinned package needs on Python 3.10 is pinned too, to a version that it accepts; CUDA's packages apart."""
    pins = pins_for("3.10")
    machine = {"python_version": "3.10", "python_full_version": "3.10.12", "platform_system": "none", "extra": ""}
    for item in resolved("3.10"):
        for text in item["metadata"].get("requires_dist", []):
            needed = Requirement(text)
            if needed.marker is None or needed.marker.evaluate(machine):
                pin = pins[canonicalize_name(needed.name)]
                assert needed.specifier.contains(pin.version), f"{item['metadata']['name']} needs {text}"


@pytest.mark.parametrize("python", PYTHONS)
def test_each_python_gets_one_version_of_everything(python: str) -> None:
    """Under each Python the markers leave exactly one version of every package but the back-ports."""
    names = [pin.name for pin in PINS if pin.applies(python)]
    assert len(names) == len(set(names))
    assert {pin.name for pin in PINS} - set(names) <= {"exceptiongroup", "tomli"}


def test_the_text_is_exact_pins_with_markers() -> None:
    """Every line of requirements.txt but the comment is one exact version, and torch stands first."""
    lines = requirements().splitlines()
    assert lines[0].startswith("#")
    assert lines[1] == f"torch=={TORCH}"
    for line in lines[1:]:
        assert [s.operator for s in Requirement(line).specifier] == ["=="]
    assert 'numpy==2.2.6 ; python_version < "3.11"' in lines


def test_a_homeworks_own_packages_follow_the_pins() -> None:
    """Extra packages come last, sorted, as they were written."""
    assert requirements(["torchdiffeq==0.2.5", "einops==0.8.1"]).splitlines()[-2:] == [
        "einops==0.8.1",
        "torchdiffeq==0.2.5",
    ]


@pytest.mark.parametrize("entry", ["einops", "einops>=0.8", "einops==0.8.*", "a b", "x @ file:///x", "Torch==2.0.0"])
def test_loose_or_double_packages_are_refused(entry: str) -> None:
    """A package without an exact version, by URL, or pinned already is refused with its own text in the message."""
    with pytest.raises(ValueError, match=entry.replace("*", r"\*").replace(".", r"\.")):
        requirements([entry])


def test_our_own_environment_has_the_pinned_torch() -> None:
    """The torch that pyproject.toml asks for is the one of the pins: self-grading and Gradescope use the same."""
    assert f'"torch=={TORCH}"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
