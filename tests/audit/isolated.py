"""Compare verdicts in one process with those of real workers, on a sample of mutants and chaffs of HW2.

A process of its own: the worker server must be forked before any tensor maths. Prints JSON.
"""

from __future__ import annotations

import json
import os
import random
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from autograder.manifest import Given, Limits, Manifest, Question, Test  # noqa: E402
from autograder.reading import Reading  # noqa: E402
from autograder.server import Server  # noqa: E402
from autograder.specs import spec_of  # noqa: E402
from autograder.trial import Bench, Lab, Run, attempt  # noqa: E402
from starterkit.audit.preflight import prepared  # noqa: E402
from starterkit.audit.world import World  # noqa: E402
from starterkit.code import parsed  # noqa: E402
from starterkit.diagnostics import Collector  # noqa: E402
from starterkit.model import Kind  # noqa: E402

MUTANTS = 30


def main() -> None:
    with Server.fork(unsafe=True) as server, prepared(ROOT / "solutions" / "hw2", ROOT, Collector(ROOT)) as world:
        lab = laboratory(world, server)
        print(json.dumps([row for one in sample(world) if (row := compare(world, lab, *one)) is not None]))
    sys.stdout.flush()
    os._exit(0)


def sample(world: World) -> list[tuple[str, str, Any, str]]:
    """(label, question, code, source) of mutants and chaffs, all those of 2.3b, which has a probe, among them."""
    mutants = random.Random(7).sample(world.mutants, MUTANTS)
    found = [(m.id, m.question, m.code, m.source) for m in mutants]
    probed = [chaff for chaff in world.chaffs if chaff.question == "2.3b"]
    chosen = probed + random.Random(8).sample([chaff for chaff in world.chaffs if chaff.question != "2.3b"], 8)
    return found + [(chaff.name, chaff.question, chaff.code(), chaff.source) for chaff in chosen]


def laboratory(world: World, server: Server) -> Lab:
    homework = world.homework
    given = [
        Given(key=code.cell.key, line=code.cell.body_line, names=tuple(code.bound), source=code.cell.source)
        for code in parsed(homework.cells_of(Kind.GIVEN), homework.source_path, world.collector)
    ]
    manifest = Manifest(
        schema=1, homework=homework.name, secret=homework.course.secret, limits=Limits(), points=homework.points,
        given=tuple(given), modules=("hwkit",), questions=tuple(question(q) for q in homework.questions),
    )  # fmt: skip
    kit = (world.runtime.folder / "hwkit.py").read_text(encoding="utf-8")
    return Lab(manifest=manifest, reading=Reading(digest="audit 0"), server=server, modules={"hwkit": kit}, data={})


def question(found: Any) -> Question:
    tests = [{k: v for k, v in asdict(test).items() if k not in ("source", "cases")} for test in found.tests]
    return Question(id=found.id, names=found.names, tests=tuple(Test(**test) for test in tests))


def compare(world: World, lab: Lab, label: str, name: str, code: Any, source: str) -> dict[str, Any] | None:
    """The tests that fail here and there, where the two differ; the digest "audit 0" gives both the same inputs."""
    bench = world.bench(name)
    here = {failure.test for failure in bench.judge(code, 0)}
    reference = "\n".join(cell.source for cell in world.homework.cells_of(Kind.SOLUTION))
    pieces = [
        {"file": "cell 1", "line": 1, "source": reference, "names": list(bench.space), "cell": 1},
        {"file": "cell 2", "line": 1, "source": source, "names": list(bench.question.names), "cell": 2},
    ]
    mine = replace(lab, reading=Reading(digest="audit 0", programs={name: pieces}))
    there = set()
    manifest_question = lab.manifest.question(name)
    for test in manifest_question.tests:
        function = bench.space[test.name]
        verdict = attempt(
            Bench(lab=mine, question=manifest_question),
            Run(
                test=test,
                spec=spec_of(function),
                function=function,
                module=sys.modules[bench.space["__name__"]],
                arguments={"rng": None},
            ),
        )
        if not verdict.outcome.earns:
            there.add(test.name)
    if here == there:
        return None
    return {"label": label, "question": name, "only_here": sorted(here - there), "only_there": sorted(there - here)}


if __name__ == "__main__":
    main()
