"""A class's submissions, graded one after the other by one grader: torch is imported once, workers are forked as ever.

Each gets the folder that Gradescope's container would fill, and all together one table.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autograder import messages, results
from autograder.grade import EXIT_OK, EXIT_OURS, run
from autograder.outcomes import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from autograder.server import Server

TABLE, LOG = "scores.csv", "staff.txt"
COLUMNS = ("submission", "score", "outcome", "seconds")
STOPPED = 130  # a shell's code for Ctrl-C


def submissions(folder: Path) -> list[Path]:
    """What lies in an export, sorted: folders and files, without the export's own list and what starts with a dot."""
    own = ("submission_metadata.yml", "__MACOSX")
    return sorted(path for path in folder.iterdir() if path.name not in own and not path.name.startswith("."))


def run_all(job: Mapping[str, Any], server: Server) -> int:
    """Grade every entry of the folder job["submissions"] into job["results"]/NAME; 0 if none met a fault of ours.

    NAME/ gets results.json and staff.txt (what Gradescope shows to staff as standard output), scores.csv a line as soon
    as it is known. What has been graded stays whatever stops the rest. The other keys are those of `grade.run`.
    """
    found, folder = submissions(Path(job["submissions"])), Path(job["results"])
    worst, width = EXIT_OK, max((len(path.name) for path in found), default=0)
    done = 0
    with _removed(job), _table(folder / TABLE) as table:
        try:
            for path in found:
                started = time.monotonic()
                own = folder / path.name
                code = _run({**job, "submission": str(path), "results": str(own), "remove": []}, server)
                score, outcome = _outcome(own, code)
                seconds = f"{time.monotonic() - started:.1f}"
                table.writerow([_cell(path.name), score, _cell(outcome), seconds])
                done += 1
                name = messages.one_line(path.name)
                line = f"{done:4}/{len(found)}  {name:{width}}  {score:>6}  {seconds:>6} s  {outcome}"
                print(line.rstrip(), flush=True)
                worst = max(worst, code)
        except KeyboardInterrupt:
            print(f"stopped: {done} of {len(found)} submissions are graded", flush=True)
            return STOPPED
    return worst


def _run(job: Mapping[str, Any], server: Server) -> int:
    log = io.StringIO()
    folder = Path(job["results"])
    try:
        results.write_fallback(folder, Path(job["bundle"]))
        with contextlib.redirect_stdout(log):
            return run(job, server)
    except OSError as error:
        log.write(f"!! OUR FAULT: {error}\n")
        return EXIT_OURS
    finally:
        with contextlib.suppress(OSError):  # the table says that nothing could be written
            (folder / LOG).write_text(log.getvalue(), encoding="utf-8", errors="backslashreplace")


def _outcome(folder: Path, code: int) -> tuple[str, str]:
    """(score, remark): the remark is the outcome where all tests share one; no score where nothing was decided."""
    try:
        document = json.loads((folder / results.FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return "", "OUR FAULT: there is no results.json"
    if code != EXIT_OK:
        return f"{document['score']:g}", f"OUR FAULT: see {LOG}"
    kinds = {test["extra_data"]["outcome"] for test in document["tests"]} - {Outcome.VOID.value}
    return f"{document['score']:g}", kinds.pop() if len(kinds) == 1 and kinds != {Outcome.PASSED.value} else ""


@contextlib.contextmanager
def _removed(job: Mapping[str, Any]) -> Iterator[None]:
    """What one grading removes when it ends, the unpacked bundle, goes when all have."""
    try:
        yield
    finally:
        for path in job.get("remove") or ():
            shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def _table(path: Path) -> Iterator[Any]:
    """A CSV writer whose lines are on disk as soon as they are written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8", buffering=1) as stream:
        writer = csv.writer(stream)
        writer.writerow(COLUMNS)
        yield writer


def _cell(text: str) -> str:
    """Text that no spreadsheet takes for a formula: names are students' own."""
    line = messages.one_line(text)
    return f"'{line}" if line.startswith(("=", "+", "-", "@")) else line
