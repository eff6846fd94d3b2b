"""Messy notebooks, one function each, named after its defect, with what a careful human would grade.

The graded names are `area` (1a), `Square` (1b) and `volume` (1c).
"""

from tests.extract.messy import definitions, files, syntax  # noqa: F401  (each adds its cases)
from tests.extract.messy.case import AREA, CASES, SQUARE, STUB, WRONG, Case

__all__ = ["AREA", "CASES", "SQUARE", "STUB", "WRONG", "Case"]
