"""How much computing an experiment may use: smoke (seconds), cpu (a laptop), gpu (a T4)."""

from __future__ import annotations

import os
from typing import TypeVar

import torch

from .session import KitError, first_time, say, warn

BUDGETS = ("smoke", "cpu", "gpu")

T = TypeVar("T")
_budget: str | None = None
_UNSET: object = object()


def set_budget(name: str) -> None:
    """Choose "smoke", "cpu" or "gpu" for every `preset` that is evaluated from now on."""
    global _budget  # noqa: PLW0603 - one choice for a session, like a seed
    if name not in BUDGETS:
        raise KitError(f"there is no budget {name!r}: choose 'smoke' (seconds), 'cpu' (a laptop) or 'gpu' (a T4)")
    _budget = name
    say(f"Budget: {name}. Run the experiment cells again from the one that calls preset(...).")


def budget() -> str:
    """Return the budget in force: `set_budget`, else the environment variable HW_BUDGET, else "cpu"."""
    if _budget is not None:
        return _budget
    chosen = os.environ.get("HW_BUDGET", "cpu")
    if chosen not in BUDGETS:
        raise KitError(f"HW_BUDGET is {chosen!r}: it must be 'smoke', 'cpu' or 'gpu'")
    return chosen


def preset(*, smoke: T, cpu: T, gpu: T = _UNSET) -> T:  # type: ignore[assignment]
    """Return the value for the budget in force; without `gpu` the value for "cpu" serves both."""
    name = budget()
    if name == "gpu" and not torch.cuda.is_available():
        name = "cpu"
        if first_time("gpu-budget"):
            warn(
                "The budget is 'gpu' but this session has no GPU, so the sizes of 'cpu' are used.\n"
                "  In Colab: Runtime > Change runtime type > T4 GPU, then Runtime > Run all."
            )
    if name == "smoke":
        return smoke
    return gpu if name == "gpu" and gpu is not _UNSET else cpu
