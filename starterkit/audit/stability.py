"""The same verdict under other inputs: no mutant gets full marks by luck, none is refused by bad luck."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starterkit.audit.survivors import QUICK_S, enumerate_

if TYPE_CHECKING:
    from starterkit.audit.bench import Failure
    from starterkit.audit.generate import Mutant
    from starterkit.audit.world import Part, World

SEEDS = (1, 2)


def check(world: World, part: Part) -> None:
    """Run every mutant again under other seeds: a killed one against its killer first, a survivor against all."""
    killed: list[tuple[Mutant, Failure]] = [
        pair for pair in world.notes["killed"] if pair[1].kind != "time-out"
    ]  # what never ends does so whatever its inputs
    survivors: list[Mutant] = world.notes["survivors"]
    lucky = world.each(lambda i: _survives(world, *killed[i]), enumerate_(killed))
    unlucky = world.each(lambda i: _falls(world, survivors[i]), enumerate_(survivors))
    for i, seed in sorted(lucky.items()):
        if seed is not None:
            mutant, failure = killed[i]
            part.fail(
                f"question {mutant.question}: this change keeps full marks under some inputs "
                f"({mutant.operator}, {mutant.id})",
                *mutant.diff, f"{failure.test} sees it under inputs number 0 and nothing does under number {seed}",
                "draw more inputs in the test, or larger ones",
                place=world.place(mutant.origin.path, mutant.line),
            )  # fmt: skip
    for i, found in sorted(unlucky.items()):
        if found is not None:
            mutant = survivors[i]
            part.fail(
                f"question {mutant.question}: {found[1]} refuses a survivor, under inputs number {found[0]} only "
                f"({mutant.id})",
                *mutant.diff, place=world.place(mutant.origin.path, mutant.line),
            )  # fmt: skip
    count, unstable = len(killed) + len(survivors), len(part.findings)
    part.data = {"seeds": len(SEEDS) + 1, "mutants": count, "unstable": unstable}
    part.summary = f"{count} mutants under {len(SEEDS) + 1} seeds, {unstable} change their verdict"


def _survives(world: World, mutant: Mutant, failure: Failure) -> int | None:
    """The first seed under which a killed mutant gets full marks."""
    bench = world.bench(mutant.question)
    tests = [test for test in bench.tests if test.points > 0 or test.core]
    first = sorted(tests, key=lambda test: test.name != failure.test)
    return next((s for s in SEEDS if not bench.judge(mutant.code, s, stop=True, tests=first, cpu_s=QUICK_S)), None)


def _falls(world: World, mutant: Mutant) -> Any:
    """(seed, test) under which a survivor loses points after all."""
    bench = world.bench(mutant.question)
    tests = [test for test in bench.tests if test.points > 0 or test.core]
    for seed in SEEDS:
        failures = bench.judge(mutant.code, seed, stop=True, tests=tests, cpu_s=10 * QUICK_S)
        if failures:
            return seed, failures[0].test
    return None
