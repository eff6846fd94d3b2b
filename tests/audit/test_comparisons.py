"""Comparisons within a tolerance are seen, with the share of the tolerance that they use."""

from __future__ import annotations

import math

import pytest
import torch

from autograder import testing
from starterkit.audit.comparisons import watched


@pytest.mark.parametrize(
    ("compare", "share"),
    [
        (lambda: testing.assert_close(torch.tensor(1.0 + 2e-6), torch.tensor(1.0), rtol=0, atol=1e-5), 0.2),
        (lambda: torch.allclose(torch.tensor(2.0 + 3e-6), torch.tensor(2.0), rtol=5e-6, atol=0), 0.3),
        (lambda: math.isclose(4.0, 4.0 + 4e-4, rel_tol=0, abs_tol=1e-3), 0.4),
    ],
    ids=["assert_close", "torch.allclose", "math.isclose"],
)
def test_a_comparison_is_measured(compare: object, share: float) -> None:
    """Error over tolerance and the expected value are noted while the block runs, and no longer."""
    ratios: list[float] = []
    expected: list[torch.Tensor] = []
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        with watched(ratios, expected):
            compare()  # type: ignore[operator]
        compare()  # type: ignore[operator]
    finally:
        torch.set_default_dtype(before)
    assert ratios == [pytest.approx(share, rel=1e-3)]
    assert len(expected) == 1


def test_gradients_are_measured() -> None:
    """The distance between autograd and finite differences counts as a share of its tolerance."""
    ratios: list[float] = []
    with watched(ratios):
        testing.assert_gradients_match(lambda x: x.exp(), torch.ones(2, dtype=torch.float64))
    assert len(ratios) == 1
    assert 0 < ratios[0] < 0.1


def test_things_that_shall_differ_are_not_measured() -> None:
    """A comparison that finds two different values, as a test may want, is no right answer near a tolerance."""
    ratios: list[float] = []
    with watched(ratios):
        assert not torch.allclose(torch.zeros(2), torch.ones(2))
        assert not math.isclose(1.0, 2.0)
    assert ratios == []
