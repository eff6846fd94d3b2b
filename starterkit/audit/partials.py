"""Only question k solved, or all but k: exactly the points of what is solved, with follow-through marks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starterkit.audit import stubs

if TYPE_CHECKING:
    from starterkit.audit.bench import Bench
    from starterkit.audit.world import Part, World


def check(world: World, part: Part) -> None:
    """Run every question with the others untouched, and with each other one untouched that it touches."""
    jobs: list[tuple[Any, Any]] = []
    ids = [question.id for question in world.homework.questions]
    for question in world.homework.questions:
        jobs.append(((question.id, "only"), (question.id, [other for other in ids if other != question.id])))
        used = {*question.depends, *(name for test in question.tests for name in test.uses)}
        for other in world.homework.questions:
            if other.id != question.id and used & set(other.names):
                jobs.append(((question.id, other.id), (question.id, [other.id])))

    def task(job: tuple[str, list[str]]) -> Any:
        bench = world.bench(job[0])
        return bench.earned(_without(world, bench, job[1])), bench.points

    for (question, other), (earned, expected) in world.each(task, jobs).items():
        if abs(earned - expected) > 1e-9:
            what = "all other questions are" if other == "only" else f"question {other} is"
            part.fail(
                f"question {question}: the reference earns {earned:g} of {expected:g} points while {what} untouched",
                "its tests need a name of another question that follow-through cannot lend: "
                "test it through what the reference calls, or through given code",
                place=world.place(world.homework.source_path, world.bench(question).question.line),
            )  # fmt: skip
    part.summary = f"{len(jobs)} partial submissions, {len(part.findings)} with a wrong total"


def _without(world: World, bench: Bench, others: list[str]) -> Any:
    """The failures of a question's tests while other questions are stubs, but for what follow-through lends."""
    home = {name: question.id for question in world.homework.questions for name in question.names}
    # from another bench: what is lent runs among the whole reference, as in the grader, and not among the stubs
    lent = {name: world.benches.get(home.get(name, ""), bench).space[name] for name in bench.question.follow}
    source = "\n".join(_headless(stubs.stub(world.homework.question(other))) for other in others)
    code = compile("from __future__ import annotations\n" + source, "<stubs>", "exec", dont_inherit=True)
    with bench.holding():
        exec(code, bench.space)  # noqa: S102  # our own homework
        bench.space.update(lent)
        return bench.run(0)


def _headless(source: str) -> str:
    """A cell without its own __future__ imports, which may only stand at the top of a file."""
    return "\n".join(line for line in source.splitlines() if not line.startswith("from __future__"))
