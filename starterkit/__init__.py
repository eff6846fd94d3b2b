"""The builder: turns a source notebook into a starter kit for students and a bundle for the autograder."""

from __future__ import annotations

__version__ = "0.1.0"
