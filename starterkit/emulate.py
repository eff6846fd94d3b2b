"""Run an autograder zip the way Gradescope's harness would, on this machine and without a container engine.

What is the same: the layout of /autograder, the order of events, the environment variables, root where we are root,
the capture of stdout, the time-out and what it does to results. What is not: the Ubuntu 22.04 userland, the
container's CPU share and memory limit, and, without `setup`, the interpreter: then the current environment stands in
for the one that setup.sh makes.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from starterkit import container, harness
from starterkit.diagnostics import EXIT_OK, EXIT_SOURCE, EXIT_STALE
from starterkit.harness import Run, Verdict, ZipError
from starterkit.place import Docker, DockerError, Here, Place, SetupError, Usage, wait


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One emulated submission: the run, what the harness makes of it, and where it took place.

    `wall_s` and `cpu_s` (user and system, all processes) are of run_autograder alone; `peak_mb` is its largest single
    process. `setup_s` is None unless setup.sh was run. `folder` holds results.json as written, stored.json as
    Gradescope keeps it, and stdout.
    """

    run: Run
    verdict: Verdict
    place: str
    folder: Path
    wall_s: float
    cpu_s: float
    peak_mb: float
    setup_s: float | None = None
    setup_log: str = ""


def emulate(  # noqa: PLR0913  keywords: one per flag of the command
    zip_path: Path,
    submission: Path | None,
    *,
    metadata: Path | None = None,
    results: Path,
    setup: bool = False,
    timeout: float = 600,
    python: Path | None = None,
    docker: bool = False,
) -> Outcome:
    """Run `zip_path` on `submission` (a file, a folder, or None for nothing at all) and return the outcome.

    `metadata` is a submission_metadata.json; a synthetic one is made otherwise. `results` is a folder for what comes
    out; it is created, and only the files named in Outcome are written in it. `setup` executes setup.sh into a fresh
    environment made from `python` (minutes; TORCH_INDEX and PIP_* of our own environment are handed on). Without it
    `python`'s environment, ours by default, serves as the grader's. `timeout` is Gradescope's, in seconds. `docker`
    uses a Docker engine and implies `setup`.

    Raises harness.ZipError for a zip Gradescope cannot build, place.SetupError where setup.sh fails,
    place.DockerError, ValueError for metadata that is no JSON object, and OSError as files do.
    """
    results.mkdir(parents=True, exist_ok=True)  # a folder that cannot be written should not cost a run
    with tempfile.TemporaryDirectory(prefix="gradescope-") as folder:
        root = Path(folder) / "autograder"
        root.mkdir()
        root.chmod(0o755)
        Path(folder).chmod(0o711)
        mountpoint = Path(folder) / "root"
        mountpoint.mkdir()
        harness.unpack(zip_path, root / "source")
        shutil.copy2(root / "source" / "run_autograder", root / "run_autograder")
        details = container.metadata_text(zip_path, metadata)
        place: Place = Docker(root) if docker else Here(root, mountpoint, setup=setup, python=python)
        setup_s, log = place.setup() if setup or docker else (None, "")
        harness.stage(root, submission)
        (root / "submission_metadata.json").write_text(details, encoding="utf-8")
        usage, run = _run(place, root, details, timeout)
        verdict = harness.judge(run)
        _keep(results, run, verdict, log)
    return Outcome(
        run=run, verdict=verdict, place=place.description, folder=results, wall_s=run.seconds, cpu_s=usage.cpu_s,
        peak_mb=usage.peak_mb, setup_s=setup_s, setup_log=log,
    )  # fmt: skip


def _run(place: Place, root: Path, details: str, timeout: float) -> tuple[Usage, Run]:
    """Run run_autograder as the harness does, stdout and stderr into results/stdout; return its usage and what is
    left.
    """
    environment = container.environment(json.loads(details), timeout)
    command, variables = place.command(["./run_autograder"], environment)
    started = time.monotonic()
    with (root / "results" / "stdout").open("wb") as file:
        status, timed_out, usage = wait(command, variables, file, root, timeout)
    seconds = time.monotonic() - started
    found = root / "results" / "results.json"
    raw = found.read_bytes() if found.is_file() and not found.is_symlink() else None
    stdout = (root / "results" / "stdout").read_bytes()
    return usage, Run(raw=raw, stdout=stdout, exit_code=status, seconds=seconds, timed_out=timed_out, timeout=timeout)


def _keep(results: Path, run: Run, verdict: Verdict, log: str) -> None:
    """Write results.json (as the harness leaves it), stored.json, stdout and, after a setup, setup.log into
    `results`.
    """
    for stale in ("results.json", "stored.json", "stdout", "setup.log"):
        (results / stale).unlink(missing_ok=True)
    if run.timed_out:
        (results / "results.json").write_text(json.dumps(verdict.results), encoding="utf-8")
    elif run.raw is not None:
        (results / "results.json").write_bytes(run.raw)
    if verdict.results is not None:
        text = json.dumps(verdict.results, indent=1, ensure_ascii=False)
        (results / "stored.json").write_text(text, encoding="utf-8", errors="replace")
    (results / "stdout").write_text(verdict.stdout, encoding="utf-8", errors="replace")
    if log:
        (results / "setup.log").write_text(log, encoding="utf-8")


def command(  # noqa: PLR0913, PLR0917  one per flag of the command
    homework: str,
    course_root: Path,
    submission: Path,
    metadata: Path | None = None,
    results: Path | None = None,
    setup: bool = False,
    view: str | None = None,
    *,
    docker: bool = False,
) -> int:
    """Emulate `homework`'s zip in `course_root`/dist on `submission`, print what came of it, and return the exit
    code.

    0 where Gradescope would show results, 1 where it would report a failure (time-out, no results, …), 2 for wrong
    arguments. `view` is "student", "staff" or None for the summary alone. Without `results` what came out is shown
    and thrown away.
    """
    archive = course_root / "dist" / f"{homework}-autograder.zip"
    for path, hint in (
        (archive, f"run `python build.py release {homework}` first"),
        (submission, "check --submission"),
    ):
        if not path.exists():
            return _refuse(f"there is no {path}", hint)
    if metadata is not None and not metadata.is_file():
        return _refuse(f"there is no {metadata}", "check --metadata")
    with tempfile.TemporaryDirectory(prefix="results-") as scratch:
        try:
            outcome = emulate(
                archive, submission, metadata=metadata, results=results or Path(scratch), setup=setup, docker=docker
            )
        except SetupError as error:
            print(error.log, file=sys.stderr)
            return _refuse(
                str(error), "the last lines above say why; on Gradescope the image's build would fail like this", 1
            )
        except (ZipError, DockerError, ValueError, OSError) as error:
            return _refuse(str(error), None)
        _report(outcome, archive, view, kept=results is not None)
    return EXIT_OK if outcome.verdict.problem is None else EXIT_STALE


def _refuse(message: str, hint: str | None, status: int = EXIT_SOURCE) -> int:
    print(f"error[emulate]: {message}" + (f"\n    = hint: {hint}" if hint else ""), file=sys.stderr)
    return status


def _report(outcome: Outcome, archive: Path, view: str | None, *, kept: bool) -> None:
    """Print the view asked for, then the summary lines."""
    from starterkit import view as views

    manifest = container.manifest_of(archive)
    if view is not None:
        views.show(
            outcome.verdict, role=views.Role(view), title=container.title_of(manifest), points=manifest.get("points")
        )
    views.show_summary(outcome, kept=kept)
