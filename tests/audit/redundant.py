"""Print the hidden tests of HW2 without which no further mutant or chaff would get full marks. A process of its own."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from starterkit.audit.command import one_thread  # noqa: E402
from starterkit.audit.preflight import prepared  # noqa: E402
from starterkit.diagnostics import Collector  # noqa: E402


def main() -> None:
    one_thread()
    with prepared(ROOT / "solutions" / "hw2", ROOT, Collector(ROOT)) as world:
        codes = [(mutant.question, mutant.code) for mutant in world.mutants]
        codes += [(chaff.question, chaff.code()) for chaff in world.chaffs]

        def task(i: int) -> Any:
            question, code = codes[i]
            return [failure.test for failure in world.bench(question).judge(code, 0, cpu_s=1.0)]

        found = world.each(task, [(i, i) for i in range(len(codes))])
        alone = {tests[0] for tests in found.values() if isinstance(tests, list) and len(tests) == 1}
        hidden = [test.name for question in world.homework.questions for test in question.tests if test.hidden]
        print(json.dumps([name for name in hidden if name not in alone]))


if __name__ == "__main__":
    main()
