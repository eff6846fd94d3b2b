"""What Colab does to a notebook when it saves it, as measured on 211 public ones."""

from __future__ import annotations

import copy
from typing import Any

RUNNER = {"displayName": "Ada Lovelace", "userId": "01234567890123456789"}
BADGE = '<a href="https://colab.research.google.com/github/ada-lovelace/hw/blob/main/hw2.ipynb" target="_parent"></a>'


def as_colab_saves(notebook: dict[str, Any]) -> dict[str, Any]:
    """Return a notebook as Colab saves it: 4.0, ids in the metadata, a badge cell, who ran what, widget state."""
    cells = []
    for number, cell in enumerate(copy.deepcopy(notebook["cells"])):
        metadata = {"id": f"Xy{number:03d}"}
        if cell["cell_type"] == "code":
            metadata |= {
                "executionInfo": {"status": "ok", "timestamp": 1788888888888, "user": RUNNER, "user_tz": 240},
                "outputId": f"out-{number}",
                "colab": {"base_uri": "https://localhost:8080/"},
            }
        text = "".join(cell["source"])
        kept = {"cell_type": cell["cell_type"], "metadata": metadata, "source": text.splitlines(keepends=True)}
        if cell["cell_type"] == "code":
            kept |= {"execution_count": number, "outputs": [*cell["outputs"], widget()]}
        cells.append(kept)
    badge = {"cell_type": "markdown", "metadata": {"id": "view-in-github", "colab_type": "text"}, "source": [BADGE]}
    return {
        "nbformat": 4,
        "nbformat_minor": 0,
        "metadata": {
            "colab": {
                "provenance": [{"file_id": "1AbCdEfG", "timestamp": 1788888888888}],
                "authorship_tag": "ABX9TyLovelace",
                "include_colab_link": True,
                "name": "Copy of hw2 Ada.ipynb",
            },
            "kernelspec": {"name": "python3", "display_name": "Python 3"},
            "language_info": {"name": "python"},
            "widgets": {"application/vnd.jupyter.widget-state+json": {"abc": {"model_name": "FloatProgressModel"}}},
        },
        "cells": [badge, *cells],
    }


def widget() -> dict[str, Any]:
    """The output of a progress bar, and of a shell command that tells where it ran."""
    view = {"model_id": "abc", "version_major": 2, "version_minor": 0}
    return {
        "output_type": "display_data",
        "metadata": {},
        "data": {"application/vnd.jupyter.widget-view+json": view, "text/plain": "al1815@example.edu /home/ada/hw2"},
    }
