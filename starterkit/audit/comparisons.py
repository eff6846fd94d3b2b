"""What tests compare within a tolerance, written down while they run: how near it was, and what was expected."""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Callable, Iterator
from typing import Any

import torch

from autograder import assertions

Reading = Callable[..., tuple[Any, Any, float, float]]  # of a call's arguments: got, expected, rtol, atol
WATCHED: tuple[tuple[Any, str, Reading], ...] = (
    (assertions, "_compare", lambda got, want, _, rtol, atol: (got, want, rtol, atol)),  # assert_close
    (assertions, "_disagreeing", lambda got, want, rtol, atol: (got, want, rtol, atol)),  # assert_gradients_match
    (torch, "allclose", lambda got, want, rtol=1e-5, atol=1e-8, equal_nan=False: (got, want, rtol, atol)),
    (math, "isclose", lambda got, want, *, rel_tol=1e-9, abs_tol=0.0: (got, want, rel_tol, abs_tol)),
)


@contextlib.contextmanager
def watched(ratios: list[float], expected: list[torch.Tensor] | None = None) -> Iterator[None]:
    """While the block runs, every comparison by assert_close, assert_gradients_match, torch.allclose or math.isclose
    adds its largest error over tolerance to `ratios` unless it exceeds 1, and what was expected to `expected`.
    """
    inner = [getattr(module, name) for module, name, _ in WATCHED]
    for (module, name, reading), function in zip(WATCHED, inner, strict=True):
        setattr(module, name, _listening(function, reading, ratios, expected))
    try:
        yield
    finally:
        for (module, name, _), function in zip(WATCHED, inner, strict=True):
            setattr(module, name, function)


def _listening(
    function: Callable[..., Any], reading: Reading, ratios: list[float], expected: list[torch.Tensor] | None
) -> Callable[..., Any]:
    @functools.wraps(function)
    def compare(*args: Any, **kwargs: Any) -> Any:
        got, want, rtol, atol = reading(*args, **kwargs)
        a, b = (torch.as_tensor(value).detach() for value in (got, want))
        if expected is not None:
            expected.append(b)
        ratio = _ratio(a, b, rtol, atol)
        if ratio <= 1:  # else it fails, or the test wanted to know whether the two differ
            ratios.append(ratio)
        return function(*args, **kwargs)

    return compare


def _ratio(got: torch.Tensor, want: torch.Tensor, rtol: float, atol: float) -> float:
    if got.is_complex() or want.is_complex():
        return 0.0
    got, want = got.double(), want.double()
    error = (got - want).abs()
    shares = torch.where(error == 0, 0.0, error / (atol + rtol * want.abs())).nan_to_num(nan=0.0, posinf=0.0)
    return float(shares.max()) if shares.numel() else 0.0
