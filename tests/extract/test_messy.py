"""Every messy notebook is read as a careful human would read it."""

from __future__ import annotations

import pytest

from tests.extract.messy import CASES
from tests.extract.program import answer, load


@pytest.mark.parametrize("name", CASES)
def test_messy_notebook(name: str) -> None:
    """A messy notebook gives the names, values, notices and sentences that a careful human would."""
    case = CASES[name]()
    result = answer(case.data, case.filename, **case.spec)
    if case.error is not None:
        assert case.error in (result["error"] or "")
        assert result["missing"]["area"] == result["error"]
        return
    assert result["error"] is None
    if case.missing is not None:
        assert "area" not in result["found"]
        assert case.missing in result["missing"]["area"]
    elif case.question == "1a":
        found = result["found"]["area"]
        assert (found["stub"], found["cell"]) == (case.stub, case.cell or found["cell"])
    namespace, errors = load(result, case.question, case.given)
    for expression, expected in case.values.items():
        assert eval(expression, namespace) == expected
    for part in case.notices:
        assert any(part in notice for notice in result["notices"]), result["notices"]
    assert not case.quiet or not result["notices"]
    assert not set(case.absent) & namespace.keys()
    assert all(error in errors for error in case.errors)


def test_there_are_enough_cases() -> None:
    """At least 40 hazards are covered."""
    assert len(CASES) >= 40
