"""The Jupyter libraries, imported without their slowest optional part."""

from __future__ import annotations

import logging
import sys
from typing import Any

_SLOW = "rfc3987_syntax"  # a grammar that jsonschema compiles for a format nobody checks here: 1.4 CPU-s at import


def load_nbformat() -> Any:
    """Return `nbformat`, imported in 0.2 s instead of 1.6 s where the whole Jupyter stack is installed."""
    if "jsonschema" in sys.modules or _SLOW in sys.modules:
        import nbformat

        return nbformat
    sys.modules[_SLOW] = None  # type: ignore[assignment]  # None makes the import raise; jsonschema then goes without
    try:
        import jsonschema  # type: ignore[import-untyped]  # noqa: F401
        import nbformat
    finally:
        sys.modules.pop(_SLOW, None)
    return nbformat


def load_preprocessors() -> Any:
    """Return `nbgrader.preprocessors` with nbgrader's own log lines silenced: our errors name path and line."""
    load_nbformat()
    import nbgrader.preprocessors  # type: ignore[import-untyped]

    logging.getLogger("traitlets").setLevel(logging.CRITICAL)
    return nbgrader.preprocessors
