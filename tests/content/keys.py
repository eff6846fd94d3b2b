"""Written questions with their keys: a check names the formulas that it checks, as they stand in the source."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

SOLUTIONS = Path(__file__).parents[2] / "solutions"


@lru_cache
def prompt_and_key(question: str) -> str:
    """The prompt and the solution of a written question such as W3.2, without line breaks and double spaces."""
    name = f"hw{question[1]}"
    text = (SOLUTIONS / name / f"{name}.py").read_text(encoding="utf-8")
    cell = re.search(
        rf'^# %% \[markdown\] written="{re.escape(question)}".*\n((?:#.*\n)*?)# ### END SOL', text, re.MULTILINE
    )
    assert cell, f"{name}.py has no written question {question} with a key"
    return " ".join(re.sub(r"^# ?", "", cell[1], flags=re.MULTILINE).split())


def states(question: str, *formulas: str) -> None:
    """Prompt or key states these formulas: whoever changes one there has to change the check that follows, too."""
    for formula in formulas:
        assert formula in prompt_and_key(question), f"{question} no longer states {formula}"
