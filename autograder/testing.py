"""What a test imports: decorators, assertions whose text a student may read, and the one way to run a test.

The same objects serve a notebook in Colab (through `hwkit`), the source notebook under pytest, and the grader.
Nothing here knows pytest. The parts live in `rng`, `specs`, `assertions` and `statistical`; `hwkit.py` is made of
these modules in the order given by `PARTS`.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import os
import traceback
from typing import TYPE_CHECKING, Any

import torch

from autograder.assertions import (
    LawViolation,
    assert_close,
    assert_finite,
    assert_gradients_match,
    assert_inputs_unchanged,
    error_text,
    is_stub,
    raises,
)
from autograder.rng import Rng, make_rng, seed_everything
from autograder.specs import (
    VISIBILITIES,
    Probe,
    TestSpec,
    cases,
    core,
    float32,
    heavy,
    points,
    probe,
    probe_runner,
    spec_of,
    timeout,
    visibility,
    void,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from autograder.statistical import *  # noqa: F403

PARTS = ("rng", "specs", "assertions", "statistical", "testing")
STATISTICAL = (
    "assert_cdf", "assert_independent", "assert_integrates_to_one", "assert_mean_close", "assert_p_value",
    "assert_probs", "assert_same_distribution", "assert_var_close",
)  # fmt: skip
LAW_BROKEN = "the law does not hold"

__all__ = [  # noqa: PLE0604  (STATISTICAL holds strings)
    "VISIBILITIES", "LawViolation", "Probe", "Rng", "TestSpec", "assert_close", "assert_finite",
    "assert_gradients_match", "assert_inputs_unchanged", "cases", "core", "failure_message", "float32", "heavy",
    "is_stub", "make_rng", "points", "probe", "probe_runner", "raises", "run_test", "seed_everything", "spec_of",
    "timeout", "visibility", "void", *STATISTICAL,
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """The finite-sample assertions, imported when first named."""
    if name in STATISTICAL:
        with contextlib.suppress(ModuleNotFoundError):
            return getattr(importlib.import_module("autograder.statistical"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def run_test(
    fn: Callable[..., Any], *, seed: int, device: str = "cpu", case: Mapping[str, object] | None = None
) -> None:
    """Run one test in this process: all its cases in turn, or only `case`. What the test raises passes through.

    Default dtype float64 (float32 under `@float32`), restored afterwards; torch, numpy, `random` and the `rng`
    fixture are seeded from `seed`, for the k-th case from `seed + k`.
    """
    spec = spec_of(fn)
    todo = [case] if case is not None else list(spec.cases) or [{}]
    offset = spec.cases.index(case) if case is not None and case in spec.cases else 0
    for index, arguments in enumerate(todo, offset):
        with default_dtype(spec):
            seed_everything(seed + index)
            fn(**arguments, **_fixtures(fn, seed + index, device, arguments))


@contextlib.contextmanager
def default_dtype(spec: TestSpec) -> Iterator[None]:
    """Torch's default dtype of a test, put back afterwards."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32 if spec.float32 else torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def _fixtures(fn: Callable[..., Any], seed: int, device: str, given: Mapping[str, object]) -> dict[str, object]:
    have: dict[str, Callable[[], object]] = {"rng": lambda: make_rng(seed), "device": lambda: torch.device(device)}
    wanted = [name for name in inspect.signature(fn).parameters if name not in given]
    unknown = [name for name in wanted if name not in have]
    if unknown:
        raise TypeError(f"{fn.__name__}: unknown argument {unknown[0]!r}; a test may take rng, device and its cases")
    return {name: have[name]() for name in wanted}


def assertion_text(exc: AssertionError) -> str:
    """The author's message of a failed assert, without what pytest's rewriting appended; "" for a bare assert."""
    text = error_text(exc)
    return "" if text.startswith("assert ") else text.split("\nassert ", 1)[0].strip()


def failure_message(exc: BaseException) -> str:
    """The one sentence a student may read about `exc`, raised by a test.

    A broken law gives the assertion's own text, a bare assert "the law does not hold", a stub "Question 2.1a is not
    attempted yet", anything else its type, text and the deepest line of the student's own code.
    """
    if is_stub(exc):
        return f"{error_text(exc).splitlines()[0].rstrip('.')} is not attempted yet"
    foreign = hasattr(exc, "type_name")  # came over from a worker: even its AssertionErrors are the student's
    if isinstance(exc, AssertionError) and not foreign:
        return assertion_text(exc) or LAW_BROKEN
    name = str(getattr(exc, "type_name", type(exc).__name__))
    text = error_text(exc).strip().splitlines()
    said = f"{name}: {text[0]}" if text else name
    return f"{said} ({where})" if (where := _where(exc)) else said


def _where(exc: BaseException) -> str:
    frames = getattr(exc, "frames", None)
    if frames:
        file, function, line = frames[-1]
        return f"{file}, line {line}" + (f", in {function}" if function and not function.startswith("<") else "")
    ours = {part.__code__.co_filename for part in (run_test, assert_close, spec_of)}  # `hwkit` has no file of its own
    own = [
        frame for frame in traceback.extract_tb(exc.__traceback__)
        if frame.filename not in ours and "site-packages" not in frame.filename
        and not frame.name.startswith("test_") and f"{os.sep}lib{os.sep}python" not in frame.filename
    ]  # fmt: skip
    return f"line {own[-1].lineno}, in {own[-1].name}" if own else ""
