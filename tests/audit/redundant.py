"""Print how many mutants and chaffs only one hidden test of a homework sees: python tests/audit/redundant.py hw2.

A process of its own; minutes, for every test runs on every mutant.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from starterkit.audit.command import one_thread  # noqa: E402
from starterkit.audit.preflight import prepared  # noqa: E402
from starterkit.diagnostics import Collector  # noqa: E402


def main(name: str, *only: str) -> None:
    one_thread()
    with prepared(ROOT / "solutions" / name, ROOT, Collector(ROOT), only=only) as world:
        codes = [("mutants", mutant.question, mutant.code) for mutant in world.mutants]
        codes += [("chaffs", chaff.question, chaff.code()) for chaff in world.chaffs]

        def task(i: int) -> Any:
            _, question, code = codes[i]
            return [failure.test for failure in world.bench(question).judge(code, 0, cpu_s=1.0)]

        found = world.each(task, [(i, i) for i in range(len(codes))])
        alone = Counter(
            (codes[i][:2], tests[0]) for i, tests in found.items() if isinstance(tests, list) and len(tests) == 1
        )
        for question in world.homework.questions:
            for test in question.tests:
                if test.hidden:
                    seen = [alone[(kind, question.id), test.name] for kind in ("mutants", "chaffs")]
                    needed = f"{seen[0]} mutants, {seen[1]} chaffs" if any(seen) else "NOT NEEDED"
                    print(f"{question.id}  {test.name}: {needed}")


if __name__ == "__main__":
    main(*sys.argv[1:])
