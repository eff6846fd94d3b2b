"""The deadline of the whole run: what was graded by then is kept, the rest is told as not reached."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from autograder.metadata import run_seconds
from tests.grader import tiny_bundle
from tests.robust.running import ENVIRONMENT, Graded, command, grade_all, strict

SLEEPY = {
    "kl": "import time\n" + tiny_bundle.KL_SOLUTION.replace("    return", "    time.sleep(60)\n    return"),
    "elbo": "import time\n" + tiny_bundle.ELBO_SOLUTION.replace("    return", "    time.sleep(60)\n    return"),
    "scaler": "import time\n"
    + tiny_bundle.SCALER_SOLUTION.replace("        return", "        time.sleep(60)\n        return"),
}
BUSY = {"elbo": tiny_bundle.ELBO_SOLUTION.replace("    return", "    while True: pass\n    return")}
ENDLESS = "def forever():\n    while True: pass\n\n\nC = forever()\n"
AT_IMPORT = {"kl": ENDLESS + tiny_bundle.KL_SOLUTION.replace("    return", "    C\n    return")}
FINISHED = {"passed", "void"}


def patient_manifest(**limits: Any) -> dict[str, Any]:
    """Limits of a call that are longer than those of the whole run."""
    data = tiny_bundle.manifest()
    data["limits"] = {"cpu_s": 100, "wall_s": 100, "memory_mb": 1024, "run_s": 300, **limits}
    return data


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Graded]:
    """Submissions that would take minutes, with three seconds to go."""
    folder = tmp_path_factory.mktemp("deadline")
    bundle = tiny_bundle.write_bundle(folder / "bundle", data=patient_manifest())
    slow = {"sleepy": SLEEPY, "busy": BUSY, "at_import": AT_IMPORT}
    jobs: dict[str, Any] = {
        name: {"bundle": str(bundle), "left": 3.0, "submission": str(tiny_bundle.submission(folder / name, **parts))}
        for name, parts in slow.items()
    }
    short = tiny_bundle.write_bundle(folder / "short", data=patient_manifest(run_s=3))
    jobs["run_s"] = {**jobs["sleepy"], "bundle": str(short)}
    del jobs["run_s"]["left"]
    once = tiny_bundle.write_bundle(folder / "once", data=patient_manifest(cpu_s=1))
    jobs["once"] = {"bundle": str(once), "submission": jobs["at_import"]["submission"]}
    return grade_all(folder, jobs)


@pytest.mark.parametrize("name", ["sleepy", "at_import", "run_s"])
def test_a_running_call_is_interrupted(graded: dict[str, Graded], name: str) -> None:
    """A submission that is slow in every function ends on time; every test but the withdrawn one was not reached."""
    run = graded[name]
    assert {n: o for n, o in run.outcomes.items() if o != "not_reached"} == {"1.2.4": "void"}
    assert run.data["execution_time"] < 10 and run.data["score"] == 1
    assert "ran out of time" in run.row("1.1a.1")["output"]
    assert run.code == 0 and run.data["extra_data"]["our_fault"] is False


def test_what_was_graded_is_kept(graded: dict[str, Graded]) -> None:
    """The question before the slow one keeps its points, the question after it is not reached, no class is told twice."""
    run = graded["busy"]
    assert {run.outcomes[f"1.1a.{i}"] for i in (1, 2, 3)} == {"passed"} and run.scores["1.1a"] == 5
    rest = {outcome for number, outcome in run.outcomes.items() if not number.startswith("1.1a")}
    assert rest == {"not_reached", "void"}


def test_an_import_that_never_ends_is_tried_once_for_a_question(graded: dict[str, Graded]) -> None:
    """Three tests and two cases of a function whose definition never ends cost one time-out, not four."""
    run = graded["once"]
    assert {run.outcomes[f"1.1a.{i}"] for i in (1, 2, 3)} == {"time_out"}
    assert "Defining your functions took longer than 1 seconds" in run.row("1.1a.1")["output"]
    assert run.scores["1.1b"] == 4, "follow-through lends the function, so its import is not needed"
    assert run.data["execution_time"] < 10


@pytest.mark.parametrize(
    ("environment", "seconds"),
    [({}, 480), ({"TIMEOUT_SECONDS": "300"}, 240), ({"TIMEOUT_SECONDS": "1200"}, 480), ({"TIMEOUT_SECONDS": "nan"}, 480),
     ({"TIMEOUT_SECONDS": "soon"}, 480), ({"TIMEOUT_SECONDS": "-1"}, 480), ({"TIMEOUT_SECONDS": "inf"}, 480)],
)  # fmt: skip
def test_the_smaller_of_both_deadlines(environment: dict[str, str], seconds: float) -> None:
    """80 % of Gradescope's time, or the manifest's run_s when that is smaller; nonsense is ignored."""
    assert run_seconds(environment, 480) == seconds


def test_the_command_ends_before_gradescope_ends_it(tmp_path: Path) -> None:
    """With TIMEOUT_SECONDS=15 a run over sleeping functions ends by itself, with what was announced and the rest."""
    bundle = tiny_bundle.write_bundle(tmp_path / "bundle", data=patient_manifest())
    parts = {key: value for key, value in SLEEPY.items() if key != "kl"}
    submission = tiny_bundle.submission(tmp_path / "submission", **parts)
    arguments = command("--verbose", "--bundle", bundle, "--submission", submission, "--results", tmp_path / "results")
    started = time.monotonic()
    done = subprocess.run(
        arguments, env={**ENVIRONMENT, "TIMEOUT_SECONDS": "15"}, capture_output=True, text=True, check=False
    )
    assert time.monotonic() - started < 15 and done.returncode == 0, done.stderr
    data = strict((tmp_path / "results" / "results.json").read_text(encoding="utf-8"))
    outcomes = {row["extra_data"]["test"]: row["extra_data"]["outcome"] for row in data["tests"]}
    announced = [
        line.split()[1].rstrip(":")
        for line in done.stdout.splitlines()
        if line.startswith("1.") and ": passed (" in line
    ]
    assert set(announced) == {name for name, outcome in outcomes.items() if outcome == "passed"}
    assert set(outcomes.values()) - {"passed", "void"} == {"not_reached"}
