"""What this homework consists of. The builder replaces this sample by the homework's own facts."""

from __future__ import annotations

from typing import Any

KIT: dict[str, Any] = {
    "artefacts": [],
    "course": "Course",
    "cpu_s": 10.0,
    "extraction": {"questions": {}, "given": [], "packages": [], "modules": [], "stubs": {}},
    "figures": [],
    "homework": "hw0",
    "questions": [],
    "release": 1,
    "term": "",
    "title": "Sample homework",
}
