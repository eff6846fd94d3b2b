"""How near right answers come to a tolerance, and what the tests cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starterkit.audit.bench import cpu_seconds
from starterkit.audit.comparisons import watched

if TYPE_CHECKING:
    from starterkit.audit.world import Part, World

MOST = 0.1  # of a tolerance, for any right answer
SEEDS = range(6)
BUDGET_S = 2.0  # CPU seconds of all tests that are not @heavy


def check(world: World, part: Part) -> None:
    """Measure error over tolerance in every comparison that can be watched, on the reference and every wheat."""
    who: list[tuple[str, int | None]] = [(question.id, None) for question in world.homework.questions]
    who += [(wheat.question, i) for i, wheat in enumerate(world.wheats)]

    def task(job: tuple[str, int | None]) -> Any:
        question, wheat = job
        bench, worst = world.bench(question), dict[str, float]()
        with bench.holding(None if wheat is None else world.wheats[wheat].code()):
            for test in bench.tests:
                ratios: list[float] = []
                with watched(ratios):
                    for seed in SEEDS:
                        bench.attempt(test, seed, 30.0)
                worst[test.name] = max(ratios, default=0.0)
        return worst

    rows = []
    for (question, wheat), worst in world.each(task, [(one, one) for one in who]).items():
        name = "the reference" if wheat is None else world.wheats[wheat].name
        for test, ratio in worst.items():
            rows.append({"question": question, "who": name, "test": test, "ratio": ratio})
            if ratio > MOST:
                line = next(t.line for t in world.bench(question).tests if t.name == test)
                part.fail(
                    f"question {question}: in {test}, {name} uses {100 * ratio:.0f} % of a tolerance",
                    f"leave right answers ten times as much room as they need (at most {100 * MOST:.0f} %)",
                    place=world.place(world.homework.source_path, line),
                )  # fmt: skip
    rows.sort(key=lambda row: -row["ratio"])
    part.data = {"tightest": rows[:10]}
    tight = f"; the tightest uses {rows[0]['ratio']:.1e} of its tolerance ({rows[0]['test']})" if rows else ""
    part.summary = f"{len(rows)} tests of right answers{tight}"


def cost(world: World, part: Part) -> None:
    """Measure the CPU seconds of every test on the reference; those of a whole homework have a budget."""
    rows = []
    for question in world.homework.questions:
        bench = world.bench(question.id)
        for test in bench.tests:
            seconds = min(cpu_seconds(bench, test, seed) for seed in range(3))
            row: dict[str, Any] = {"question": question.id, "test": test.name, "seconds": seconds}
            rows.append({**row, "heavy": test.heavy, "line": test.line})
    rows.sort(key=lambda row: -row["seconds"])
    light = sum(row["seconds"] for row in rows if not row["heavy"])
    part.data = {"suite_s": light, "slowest": rows[:10]}
    part.summary = f"the suite takes {light:.2f} CPU-s in-process ({len(rows)} tests)"
    if light > BUDGET_S:
        slow = [row for row in rows if not row["heavy"]][:3]
        part.fail(
            f"the tests take {light:.1f} CPU seconds together; {BUDGET_S:g} are the most",
            *(f"{row['test']}: {row['seconds']:.2f} s" for row in slow),
            "make inputs smaller, or mark what must train as @heavy",
            place=world.place(world.homework.source_path, slow[0]["line"]),
        )  # fmt: skip
