"""An untouched question, and one whose regions hold next to nothing, must earn nothing."""

from __future__ import annotations

from types import CodeType
from typing import TYPE_CHECKING, Any

from starterkit.markers import SOLUTION, without

if TYPE_CHECKING:
    from starterkit.audit.world import Part, World
    from starterkit.model import Question

BODIES = ("raise NotImplementedError({stub!r})", "return None", "pass")


def stub(question: Question, body: str = BODIES[0]) -> str:
    """Return the solution cell of a question with `body` in the place of each region."""
    [cell] = question.cells
    filled = body.format(stub=f"Question {question.id}")
    if question.from_scratch:
        return "".join(f"def {name}(*args, **kwargs):\n    {filled}\n\n\n" for name in question.names)
    return without(cell.source, SOLUTION, filled)


def code(question: Question, body: str = BODIES[0]) -> CodeType:
    """Return the stub compiled."""
    return compile(stub(question, body), f"<stub {question.id}>", "exec", dont_inherit=True)


def check(world: World, part: Part) -> None:
    """Run every question's tests on its stubs."""
    jobs = [((question.id, body), (question.id, body)) for question in world.homework.questions for body in BODIES]

    def task(job: tuple[str, str]) -> Any:
        bench = world.bench(job[0])
        failures = bench.judge(code(bench.question, job[1]), 0)
        failed = {failure.test for failure in failures}
        return bench.earned(failures), [test.name for test in bench.tests if test.name not in failed]

    for (question, body), (earned, passed) in world.each(task, jobs).items():
        if earned:
            bench = world.bench(question)
            part.fail(
                f"question {question}: a solution that is only `{body.split('(')[0]}` earns {earned:g} points",
                f"it passes {', '.join(passed)}", "put a law that it breaks into the @core test",
                place=world.place(world.homework.source_path, bench.question.line),
            )  # fmt: skip
    part.summary = f"{len(jobs)} empty solutions, {len(part.findings)} earn points"
