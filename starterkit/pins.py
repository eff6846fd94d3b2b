"""The pinned requirements of the grading container: one text that serves every Python from 3.10 to 3.13.

The whole closure is pinned, so that an image rebuilt in May grades like the one built in January. A package whose
newest release has left Python 3.10 behind (the interpreter of Gradescope's Ubuntu 22.04 image) appears twice, told
apart by a marker. `tests/emulate/test_pins.py` resolves every pin for CPython 3.10 on manylinux x86_64.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.markers import Marker
from packaging.requirements import InvalidRequirement, Requirement

if TYPE_CHECKING:
    from collections.abc import Sequence

TORCH = "2.13.0"
"""The one version of torch that kits, graders and the self-grading share."""

PYTHONS = ("3.10", "3.11", "3.12", "3.13")
"""The Python versions for which the pins form a complete closure."""

OLD, NEW = 'python_version < "3.11"', 'python_version >= "3.11"'


@dataclass(frozen=True)
class Pin:
    """One exact version; `marker` is a PEP 508 environment marker, empty where the pin holds for every Python."""

    name: str
    version: str
    marker: str = ""

    @property
    def line(self) -> str:
        """The line of requirements.txt."""
        return f"{self.name}=={self.version}" + (f" ; {self.marker}" if self.marker else "")

    def applies(self, python: str) -> bool:
        """Return whether the pin holds under `python`, a version such as "3.10"."""
        environment = {"python_version": python, "python_full_version": f"{python}.0"}
        return not self.marker or Marker(self.marker).evaluate(environment)


TORCH_PINS = (  # torch and what `import torch` needs
    Pin("torch", TORCH),
    Pin("filelock", "4.1.0", OLD),
    Pin("filelock", "4.2.11", NEW),
    Pin("fsspec", "2026.9.0"),
    Pin("jinja2", "3.1.6"),
    Pin("markupsafe", "3.0.4"),
    Pin("mpmath", "1.3.0"),  # sympy wants < 1.4
    Pin("networkx", "3.4.2", OLD),
    Pin("networkx", "3.6.1", NEW),
    Pin("setuptools", "84.2.1"),
    Pin("sympy", "1.14.0"),
    Pin("typing-extensions", "4.16.0"),
)
NUMPY_PINS = (Pin("numpy", "2.2.6", OLD), Pin("numpy", "2.4.6", NEW))
PYTEST_PINS = (  # pytest and its closure: all that grading adds to torch and numpy
    Pin("pytest", "9.2.0"),
    Pin("exceptiongroup", "1.3.1", OLD),
    Pin("iniconfig", "2.3.1"),
    Pin("packaging", "26.3"),
    Pin("pluggy", "1.7.0"),
    Pin("pygments", "2.21.0"),
    Pin("tomli", "2.5.0", OLD),
)
PINS = TORCH_PINS + NUMPY_PINS + PYTEST_PINS


def pins_for(python: str) -> dict[str, Pin]:
    """Return the pins that hold under `python` ("3.10"), by name."""
    return {pin.name: pin for pin in PINS if pin.applies(python)}


def requirements(packages: Sequence[str] = ()) -> str:
    """Return the text of the bundle's requirements.txt: the pins, then the homework's own `packages`.

    Each of `packages` is an exact pin such as "einops==0.8.1" (a marker may follow). Raises ValueError, naming the
    entry, for anything looser, and for a package that is pinned here already.
    """
    lines = ["# Made by starterkit/pins.py: everything the grader needs, nothing else. setup.sh installs torch first."]
    lines += [pin.line for pin in PINS]
    lines += [_checked(entry) for entry in sorted(packages)]
    return "\n".join(lines) + "\n"


def _checked(entry: str) -> str:
    """Return `entry` if it is one exact pin of a package not pinned here; raises ValueError otherwise."""
    try:
        requirement = Requirement(entry)
    except InvalidRequirement as error:
        raise ValueError(f"{entry!r} is no requirement: {error}") from error
    exact = [s.operator == "==" and not s.version.endswith(".*") for s in requirement.specifier]
    if requirement.url or exact != [True]:
        raise ValueError(f"{entry!r} is not pinned: write it as {requirement.name}==VERSION")
    if requirement.name.lower().replace("_", "-") in {pin.name for pin in PINS}:
        raise ValueError(f"{entry!r} is pinned by starterkit/pins.py already: leave it out")
    return entry
