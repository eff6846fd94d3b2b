"""What all tests share: the option that rewrites goldens."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Goldens are rewritten only when asked for; a missing one fails."""
    parser.addoption("--refresh-goldens", action="store_true", help="Rewrite the golden files instead of comparing.")
