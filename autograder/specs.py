"""What an author writes above a test: points, cases, limits, visibility; and `@probe`. Only attributes are set."""

from __future__ import annotations

import contextlib
import dataclasses
import inspect
import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

VISIBILITIES = ("visible", "after_due_date", "after_published")  # never `hidden`: it would hide every total

F = TypeVar("F", bound=Callable[..., Any])


@dataclasses.dataclass(frozen=True, kw_only=True)
class TestSpec:
    """What the decorators said about a test. `cases` holds one mapping of arguments per case, () for a plain test."""

    __test__ = False  # pytest: this is no test class

    points: float = 0.0
    bonus: bool = False
    core: bool = False
    cases: tuple[Mapping[str, object], ...] = ()
    timeout: float | None = None
    heavy: bool = False
    visibility: str | None = None
    void: str | None = None
    float32: bool = False


def spec_of(fn: object) -> TestSpec:
    """The `TestSpec` of a test function; the default one when no decorator touched it."""
    found = getattr(fn, "__hw__", None)
    return found if isinstance(found, TestSpec) else TestSpec()


def _mark(fn: F, **changes: Any) -> F:
    fn.__hw__ = dataclasses.replace(spec_of(fn), **changes)  # type: ignore[attr-defined]
    return fn


def points(n: float, *, bonus: bool = False) -> Callable[[F], F]:
    """The test is worth `n` points; with `bonus=True` on top of the total."""
    if isinstance(n, bool) or not isinstance(n, (int, float)) or not 0 <= n < float("inf"):
        raise ValueError(f"points({n!r}): give a finite number of points, 0 or more")
    return lambda fn: _mark(fn, points=float(n), bonus=bonus)


def core(fn: F) -> F:
    """The test must pass before any other test of its question counts."""
    return _mark(fn, core=True)


def heavy(fn: F) -> F:
    """The test takes more than a moment: it is left out of quick local checks and of the time budget."""
    return _mark(fn, heavy=True)


def float32(fn: F) -> F:
    """The test runs with float32 as the default dtype instead of float64."""
    return _mark(fn, float32=True)


def timeout(cpu_seconds: float) -> Callable[[F], F]:
    """Every call of the student's code in this test may use this many CPU seconds."""
    if not cpu_seconds > 0:
        raise ValueError(f"timeout({cpu_seconds!r}): give a positive number of CPU seconds")
    return lambda fn: _mark(fn, timeout=float(cpu_seconds))


def visibility(word: str) -> Callable[[F], F]:
    """When students see the result: "visible", "after_due_date" or "after_published"."""
    if word not in VISIBILITIES:
        raise ValueError(f"visibility({word!r}): choose one of {', '.join(VISIBILITIES)}")
    return lambda fn: _mark(fn, visibility=word)


def void(reason: str) -> Callable[[F], F]:
    """The test turned out to be wrong: everyone gets its points, and students read why."""
    return lambda fn: _mark(fn, void=str(reason))


def cases(names: str, *values: object) -> Callable[[F], F]:
    """Run the test once per value: `cases("n", 1, 2)`, `cases("n,k", (1, 2), (3, 4))`. Stacked, they multiply."""
    keys = [name.strip() for name in names.split(",") if name.strip()]
    if not keys or not values:
        raise ValueError(f'cases({names!r}, …): give argument names and at least one value, e.g. cases("n", 1, 2)')

    def case(value: object) -> dict[str, object]:
        if len(keys) == 1:
            return {keys[0]: value}
        if not isinstance(value, (tuple, list)) or len(value) != len(keys):
            raise ValueError(f"cases({names!r}, …): {value!r} does not hold {len(keys)} values")
        return dict(zip(keys, value, strict=True))

    mine = tuple(case(value) for value in values)

    def mark(fn: F) -> F:
        inner = spec_of(fn).cases or ({},)
        return _mark(fn, cases=tuple({**a, **b} for a, b in itertools.product(mine, inner)))

    return mark


ProbeRunner = Callable[["Probe", tuple[Any, ...], Mapping[str, Any]], Any]
_probe_runner: list[ProbeRunner] = []  # the grader's; empty elsewhere


class Probe:
    """A function that runs beside the student's code and returns plain values: see `probe`."""

    def __init__(self, fn: Callable[..., Any]) -> None:
        self.fn = fn
        self.__name__ = fn.__name__
        self.__doc__ = fn.__doc__
        self.__wrapped__ = fn

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if _probe_runner:
            return _probe_runner[-1](self, args, kwargs)
        return self.fn(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<probe {self.__name__}>"

    def source(self) -> tuple[str, int]:
        """The `def` without its decorators, dedented, and the line it stands on. Raises OSError without source."""
        lines, first = inspect.getsourcelines(self.fn)
        skip = next(i for i, line in enumerate(lines) if re.match(r"\s*(async\s+)?def\s", line))
        indent = len(lines[skip]) - len(lines[skip].lstrip())
        return "".join(line[indent:] if line.strip() else line for line in lines[skip:]), first + skip


def probe(fn: Callable[..., Any]) -> Probe:
    """Make `fn` a probe. In the grader it runs in the worker, where it sees its arguments, torch, given names and
    the question's names; everywhere else it is an ordinary call. It returns plain values and asserts nothing.
    """
    return Probe(fn)


@contextlib.contextmanager
def probe_runner(runner: ProbeRunner) -> Iterator[None]:
    """While the block runs, probes are handed to `runner(probe, args, kwargs)` (used by the grader)."""
    _probe_runner.append(runner)
    try:
        yield
    finally:
        _probe_runner.pop()
