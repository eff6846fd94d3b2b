"""What the tests of this folder share: two bundles, and the import of their helpers."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
if str(ROOT) not in sys.path:
    sys.path.append(str(ROOT))

from tests.grader import tiny_bundle  # noqa: E402  (after the path is set)
from tests.robust.homework2 import Homework2, build_homework2  # noqa: E402


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny homework's bundle; not to be changed."""
    folder = tmp_path_factory.mktemp("tiny")
    return tiny_bundle.write_bundle(folder / "bundle")


@pytest.fixture(scope="session")
def hw2(tmp_path_factory: pytest.TempPathFactory) -> Homework2:
    """The shipped homework: its zip's bundle, solved notebook and starter; not to be changed."""
    return build_homework2(tmp_path_factory.mktemp("hw2"))
