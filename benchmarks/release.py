"""How long a release takes: cold, and when nothing has changed. Without self-grading; that is the grader's time."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from measure import Cost, cost, spread, table

ROOT = Path(__file__).resolve().parents[1]
COLD_BUDGET = 6.0 / 5  # CPU-s: 6 for a course of five homeworks
WARM_BUDGET = 1.0


def measure(repeats: int) -> None:
    """Print CPU and wall of `build.py release --draft` on a copy of the course, cold and again with nothing changed."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        course = Path(folder) / "course"
        cold, warm = [], []
        for _ in range(repeats):
            shutil.rmtree(course, ignore_errors=True)
            shutil.copytree(ROOT / "solutions", course / "solutions", ignore=shutil.ignore_patterns("__pycache__"))
            cold.append(release(course))
            warm.append(release(course))
    homeworks = sum(1 for path in (ROOT / "solutions").glob("hw*") if path.is_dir())
    table(
        f"release of {homeworks} homework(s), no self-grading",
        ["what", "CPU-s", "wall s", "budget CPU-s", "CPU / budget"],
        [row("cold", cold, COLD_BUDGET * homeworks), row("nothing changed", warm, WARM_BUDGET)],
    )


def release(course: Path, *names: str, draft: bool = True) -> Cost:
    """Release the homeworks `names` in `course`, all by default, once; a draft is not self-graded."""
    options = ["--draft"] if draft else []
    return cost([sys.executable, str(ROOT / "build.py"), "--course", str(course), "release", *names, *options], course)


def row(name: str, costs: list[Cost], budget: float) -> list[str]:
    """Return one row of the table."""
    cpu = [one.cpu for one in costs]
    return [name, spread(cpu), spread([one.wall for one in costs]), f"{budget:.1f}", spread([c / budget for c in cpu])]
