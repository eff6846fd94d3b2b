"""The tiny homework that the grader's tests share."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import tiny_bundle


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """The tiny homework's bundle."""
    return tiny_bundle.write_bundle(tmp_path / "bundle")
