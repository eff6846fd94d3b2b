"""Wheats must get full marks under many seeds; chaffs must lose points on their own question, under every seed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starterkit.audit.executor import Lost
from starterkit.overlay import LEAST

if TYPE_CHECKING:
    from starterkit.audit.world import Part, World
    from starterkit.overlay import Alternative

WHEAT_SEEDS = tuple(range(20))
CHAFF_SEEDS = tuple(range(5))


def wheats(world: World, part: Part) -> None:
    """Run every wheat, and the reference itself, under twenty seeds."""
    _enough(world, part, "wheat", world.wheats)
    runs: list[tuple[Any, int]] = [*_pairs(world.wheats, WHEAT_SEEDS)]
    runs += [(question.id, seed) for question in world.homework.questions for seed in WHEAT_SEEDS]

    def task(job: tuple[Any, int]) -> Any:
        which, seed = job
        if isinstance(which, str):
            return world.bench(which).run(seed, stop=True)
        wheat = world.wheats[which]
        return world.bench(wheat.question).judge(wheat.code(), seed, stop=True)

    failed: dict[Any, tuple[int, Any]] = {}
    for (which, seed), failures in sorted(world.each(task, [(run, run) for run in runs]).items(), key=str):
        if failures or isinstance(failures, Lost):
            failed.setdefault(which, (seed, failures))
    for which, (seed, failures) in failed.items():
        _failed(world, part, which, seed, failures)
    part.data = {"wheats": len(world.wheats), "seeds": len(WHEAT_SEEDS), "failed": len(failed)}
    part.summary = f"{len(world.wheats)} wheats and the reference under {len(WHEAT_SEEDS)} seeds, {len(failed)} fail"


def _failed(world: World, part: Part, which: Any, seed: int, failures: Any) -> None:
    """A right answer that a test refuses."""
    if isinstance(which, str):
        question, who, place = which, "the reference", ""
    else:
        wheat = world.wheats[which]
        question, who, place = wheat.question, wheat.name, world.place(wheat.path, wheat.line)
    if isinstance(failures, Lost):
        part.fail(f"question {question}: {who} {failures.reason}", place=place)
        return
    failure = failures[0]
    test = next(test for test in world.bench(question).tests if test.name == failure.test)
    part.fail(
        f"question {question}: {who} is right, and fails {failure.test} (inputs number {seed})", failure.message,
        f"the test stands at {world.place(world.homework.source_path, test.line)}: it asks for more than the law",
        place=place,
    )  # fmt: skip


def _pairs(found: list[Alternative], seeds: tuple[int, ...]) -> list[tuple[int, int]]:
    return [(i, seed) for i in range(len(found)) for seed in seeds]


def _enough(world: World, part: Part, kind: str, found: list[Alternative]) -> None:
    for question in world.homework.questions:
        count = sum(one.question == question.id for one in found)
        if count < LEAST[kind]:
            file = f"{kind}s/{question.id.replace('.', '_')}.py"
            part.fail(
                f"question {question.id} has {count} {kind}s, and needs {LEAST[kind]}", f"add functions to {file}",
                place=world.place(world.homework.source_path, question.line),
            )  # fmt: skip


def chaffs(world: World, part: Part) -> None:
    """Run every chaff under a few seeds, all tests of its question; keep what failed and what was said."""
    _enough(world, part, "chaff", world.chaffs)
    jobs = [((i, seed), (i, seed)) for i, seed in _pairs(world.chaffs, CHAFF_SEEDS)]

    def task(job: tuple[int, int]) -> Any:
        chaff = world.chaffs[job[0]]
        return world.bench(chaff.question).judge(chaff.code(), job[1])

    verdicts = world.each(task, jobs)
    outcomes: list[dict[int, Any]] = [{} for _ in world.chaffs]
    for (i, seed), failures in verdicts.items():
        outcomes[i][seed] = failures
    world.notes["chaffs"] = outcomes
    rows = [_row(world, part, i, outcomes[i]) for i in range(len(world.chaffs))]
    part.data = {"chaffs": rows, "seeds": len(CHAFF_SEEDS)}
    caught = sum(row["lost"] > 0 for row in rows)
    part.summary = f"{len(rows)} chaffs under {len(CHAFF_SEEDS)} seeds, {caught} lose points every time"


def _row(world: World, part: Part, i: int, by_seed: dict[int, Any]) -> dict[str, Any]:
    chaff = world.chaffs[i]
    bench = world.bench(chaff.question)
    place = world.place(chaff.path, chaff.line)
    sets: list[frozenset[str]] = []
    lost = bench.points
    for seed, failures in sorted(by_seed.items()):
        if isinstance(failures, Lost):
            sets.append(frozenset(test.name for test in bench.tests))
            continue
        sets.append(frozenset(failure.test for failure in failures))
        gone = bench.points - bench.earned(failures)
        lost = min(lost, gone)
        if gone <= 0 and not any(f.title.startswith(_title(chaff)) for f in part.findings):
            part.fail(
                f"{_title(chaff)} gets full marks (inputs number {seed})",
                f'its hint: "{chaff.text}"', "test the law that it breaks", place=place,
            )  # fmt: skip
    return {
        "question": chaff.question, "name": chaff.name, "hint": chaff.text, "place": place, "lost": lost,
        "failing": sorted(sets[0]) if sets and len(set(sets)) == 1 else None,
        "often": {test.name: sum(test.name in one for one in sets) for test in bench.tests},
    }  # fmt: skip


def _title(chaff: Alternative) -> str:
    return f"question {chaff.question}: {chaff.name}"
