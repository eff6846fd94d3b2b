"""Stochastic assertions: p-values that keep their promise on right answers, power on wrong ones, the flake bound.

A false failure with probability 1e-7 cannot be found by waiting for it. What can be checked is that the p-values of
right answers are not too small: their distribution function may not rise above the diagonal by more than a one-sided
Dvoretzky-Kiefer-Wolfowitz band (Massart's constant) allows.
"""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from autograder import statistical
from starterkit.audit.bench import Failure
from starterkit.readme import counted

if TYPE_CHECKING:
    from types import CodeType

    from starterkit.audit.bench import Bench
    from starterkit.audit.world import Part, World
    from starterkit.model import TestFunction

SEEDS = 400
BATCH = 50
LEVEL = 0.01  # that any of all the bands is left by chance
BOUND = 1e-5  # false failures of a right submission, all assertions together


def check(world: World, part: Part) -> None:
    """Collect p-values on the reference and every wheat under many seeds, and judge each assertion."""
    found = {q.id: tests for q in world.homework.questions if (tests := _stochastic(world.bench(q.id)))}
    alphas = sum(alpha for tests in found.values() for calls in tests.values() for _, _, alpha in calls)
    who: list[tuple[str, int | None]] = [(q, None) for q in found]
    who += [(wheat.question, i) for i, wheat in enumerate(world.wheats) if wheat.question in found]
    jobs = [((*one, start), (*one, start)) for one in who for start in range(1000, 1000 + SEEDS, BATCH)]

    def task(job: tuple[str, int | None, int]) -> Any:
        question, wheat, start = job
        code = None if wheat is None else world.wheats[wheat].code()
        bench = world.bench(question)
        tests = [test for test in bench.tests if test.name in found[question]]
        return _p_values(bench, code, tests, range(start, start + BATCH))

    values: dict[Any, list[float]] = defaultdict(list)
    failures: dict[Any, str] = {}
    for (question, wheat, _), (rows, failed) in world.each(task, jobs).items():
        for key, p in rows:
            values[question, wheat, *key].append(p)
        for test, message in failed:
            failures.setdefault((question, wheat, test), message)
    _judge(world, part, values, failures)
    part.data["flake_bound"] = alphas
    part.data["power"] = _power(world, found)
    if alphas > BOUND:
        part.fail(f"a right submission fails by chance with probability up to {alphas:.1e}", f"keep it below {BOUND:g}")
    assertions = sum(len(calls) for tests in found.values() for calls in tests.values())
    part.summary = "no stochastic assertion" if not assertions else (
        f"{counted(assertions, 'stochastic assertion')}, p-values of {len(who)} right answers under {SEEDS} seeds, "
        f"{len(part.findings)} out of bounds; a right submission fails by chance with probability at most {alphas:.0e}"
    )  # fmt: skip


def _stochastic(bench: Bench) -> dict[str, list[tuple[str, float, float]]]:
    """The assertions that each test makes on the reference: (kind, p-value, alpha), for tests that make any."""
    found = {}
    for test in bench.tests:
        calls: list[tuple[str, float, float]] = []
        with _observed(calls):
            bench.attempt(test, 0, 60.0)
        if calls:
            found[test.name] = calls
    return found


class _observed:  # noqa: N801  # used as a function
    """While the block runs, every p-value goes to the list."""

    def __init__(self, calls: list[tuple[str, float, float]]) -> None:
        self.calls = calls

    def __enter__(self) -> None:
        self.before = statistical.observer
        statistical.observer = lambda name, p, alpha: self.calls.append((name, p, alpha))

    def __exit__(self, *error: object) -> None:
        statistical.observer = self.before


def _p_values(bench: Bench, code: CodeType | None, tests: list[TestFunction], seeds: range) -> Any:
    """[((test, number of the assertion, its kind), p-value)], and [(test, message)] of what failed."""
    rows, failed = [], []
    with bench.holding(code):
        for seed in seeds:
            for test in tests:
                calls: list[tuple[str, float, float]] = []
                with _observed(calls):
                    failure = bench.attempt(test, seed, 30.0)
                rows += [((test.name, number, kind), p) for number, (kind, p, _) in enumerate(calls)]
                if isinstance(failure, Failure):
                    failed.append((test.name, failure.message))
    return rows, failed


def _judge(world: World, part: Part, values: dict[Any, list[float]], failures: dict[Any, str]) -> None:
    rows = []
    for (question, wheat, test, number, kind), found in sorted(values.items(), key=str):
        excess = _excess(found)
        band = math.sqrt(math.log(len(values) / LEVEL) / (2 * len(found)))
        who = "the reference" if wheat is None else world.wheats[wheat].name
        rows.append({"question": question, "test": test, "who": who, "kind": kind, "n": len(found),
                     "excess": round(excess, 4), "band": round(band, 4), "least": min(found)})  # fmt: skip
        if excess > band:
            part.fail(
                f"question {question}: p-values of {test} are too small on {who} (assertion {number + 1}, {kind})",
                f"their distribution function exceeds the diagonal by {excess:.3f}, and chance allows {band:.3f}",
                "its model does not hold: use an exact or finite-sample assertion of hwkit",
                place=_place(world, question, test),
            )  # fmt: skip
    for (question, wheat, test), message in failures.items():
        who = "the reference" if wheat is None else world.wheats[wheat].name
        title = f"question {question}: {test} refuses {who} under some of {SEEDS} seeds"
        part.fail(title, message, place=_place(world, question, test))
    part.data["assertions"] = rows


def _excess(values: list[float]) -> float:
    """The largest rise of the empirical distribution function above the diagonal."""
    n = len(values)
    return max((i / n - p for i, p in enumerate(sorted(values), 1)), default=0.0)


def _place(world: World, question: str, name: str) -> str:
    test = next(test for test in world.bench(question).tests if test.name == name)
    return world.place(world.homework.source_path, test.line)


def _power(world: World, found: dict[str, Any]) -> list[dict[str, Any]]:
    """Of the chaffs of its question, under all seeds, the share that each stochastic test sees."""
    chaffs = (world.report_of("chaffs") or {}).get("chaffs", [])
    rows = []
    for question, tests in found.items():
        mine = [row for row in chaffs if row["question"] == question]
        for test in tests:
            seen = [row["often"].get(test, 0) for row in mine]
            share = sum(seen) / (5 * len(seen)) if seen else 0.0
            rows.append({"question": question, "test": test, "chaffs": len(mine), "power": round(share, 3)})
    return rows
