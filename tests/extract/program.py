"""Builds notebooks and runs extracted programs as a worker does: piece by piece, an error in one does not stop the rest."""

from __future__ import annotations
import __future__

import json
import sys
import types
from typing import Any

from autograder.extract import extract

FLAGS = {name: getattr(__future__, name).compiler_flag for name in __future__.all_feature_names}
GIVEN = "import math\nclass Shape:\n    sides = 4\n    def size(self): return area(self.sides)\n"
SPEC: dict[str, Any] = {
    "questions": {"1a": ["area"], "1b": ["Square"], "1c": ["volume"]},
    "given": [],
    "packages": ["numpy", "torch"],
    "modules": ["hwkit", "digits"],
    "stubs": {"1a": "Question 1a", "1b": "Question 1b", "1c": "Question 1c"},
}


def code(source: str | list[str], **more: Any) -> dict[str, Any]:
    return {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": source, **more}


def text(source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": source}


def notebook(*cells: str | dict[str, Any], minor: int = 5) -> bytes:
    """A notebook; strings are code cells."""
    made = [code(cell) if isinstance(cell, str) else cell for cell in cells]
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    return json.dumps({"nbformat": 4, "nbformat_minor": minor, "metadata": metadata, "cells": made}).encode()


def answer(data: bytes, filename: str = "hw1.ipynb", **spec: Any) -> dict[str, Any]:
    """The extraction of a notebook; it must survive JSON."""
    result = extract(filename, data, {**SPEC, **spec})
    assert json.loads(json.dumps(result)) == result
    return result


def load(result: dict[str, Any], question: str = "1a", given: str = "") -> tuple[dict[str, Any], list[str]]:
    """The namespace of one question's program, and the errors of its pieces ("cell 3: NameError")."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    errors: list[str] = []
    before = {name: sys.modules.pop(name, None) for name in result["modules"]}
    exec(compile(given, "<given>", "exec"), namespace)
    try:
        for name, source in result["modules"].items():
            sys.modules[name] = types.ModuleType(name)
            exec(compile(source, f"{name}.py", "exec"), sys.modules[name].__dict__)
        for piece in result["programs"][question]:
            _run(piece, namespace, errors)
    finally:
        for name, module in before.items():
            sys.modules.pop(name, None)
            if module is not None:
                sys.modules[name] = module
    return namespace, errors


def _run(piece: dict[str, Any], namespace: dict[str, Any], errors: list[str]) -> None:
    flags = sum(FLAGS[name] for name in piece.get("future", ()))
    padded = "\n" * (piece["line"] - 1) + piece["source"]
    try:
        exec(compile(padded, piece["file"], "exec", flags=flags, dont_inherit=True), namespace)
    except Exception as error:  # noqa: BLE001
        errors.append(f"{piece['file']}: {type(error).__name__}")
