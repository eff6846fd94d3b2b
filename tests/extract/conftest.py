"""Lets the tests of this folder import its helpers under `pytest` as well as under `python -m pytest`."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = str(Path(__file__).parents[2])
if ROOT not in sys.path:
    sys.path.append(ROOT)
