"""The rules of Gradescope's harness, without the running: what it unpacks, what it makes of results.json, what it
stores.

Source: the harness as published in 2023 and Gradescope's documentation, summed up with their messages in the
project's notes on Gradescope. The live harness updates itself, so this is how it behaved, not a promise.
"""

from __future__ import annotations

import json
import math
import shutil
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

ROOT_FILES = ("setup.sh", "run_autograder")
TEXT_LIMIT = 100_000
TRUNCATED = "[...(truncated)...]"
FAILED = (
    "The autograder failed to execute correctly. Please ensure that your submission is valid. "
    "Contact your course staff for help in debugging this issue."
)
TRY_AGAIN = "Something went wrong while sending the results. Please try submitting it again."

TOP_KEYS = frozenset({
    "score", "execution_time", "output", "output_format", "test_output_format", "test_name_format", "visibility",
    "stdout_visibility", "extra_data", "tests", "leaderboard",
})  # fmt: skip
TEST_KEYS = frozenset({
    "score", "max_score", "status", "name", "name_format", "number", "output", "output_format", "tags", "visibility",
    "extra_data",
})  # fmt: skip


class ZipError(Exception):
    """The zip is not one that Gradescope can build; the text says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """What is left of one run of run_autograder. `raw` is the content of results.json, None where there is none."""

    raw: bytes | None
    stdout: bytes
    exit_code: int
    seconds: float
    timed_out: bool
    timeout: float


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What Gradescope keeps of a run.

    `results` is the stored form, None where nothing could be stored. `problem` is the message shown instead of, or
    with, a score, None for a normal run; `code` is its machine-readable name. `stdout` is what staff see; `notices`
    say what was changed silently.
    """

    results: dict[str, Any] | None
    stdout: str
    problem: str | None = None
    code: str | None = None
    notices: list[str] = field(default_factory=list)

    @property
    def total(self) -> float | None:
        """The score: the top-level one, else the sum over the tests; None where nothing was stored."""
        return None if self.results is None else total(self.results)


def total(results: Mapping[str, Any]) -> float:
    """Return the score of `results`: the top-level one if given, else the sum over its tests. What is no number
    counts 0.
    """
    if results.get("score") is not None:
        return number(results["score"]) or 0.0
    return sum(number(test.get("score")) or 0.0 for test in results.get("tests") or [])


def number(value: object) -> float | None:
    """Return `value` as a float; numeric strings are accepted, as Gradescope does. None for anything else, and for
    NaN.
    """
    try:
        found = float(value) if isinstance(value, int | float | str) else math.nan
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def unpack(archive: Path, source: Path) -> None:
    """Unpack `archive` into the folder `source`, with Unix line ends in the two scripts, and nothing else changed.

    Raises ZipError for a file that is no zip, for scripts that are not at the zip's root, and for names that leave
    the folder.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            names = opened.namelist()
            _refuse_misplaced(archive.name, names)
            _refuse_escapes(archive.name, names)
            opened.extractall(source)
    except (zipfile.BadZipFile, OSError) as error:
        raise ZipError(f"{archive.name} cannot be unpacked: {error}") from error
    for name in ROOT_FILES:  # as the image's build does: dos2unix for these two only, chmod +x for one
        script = source / name
        script.write_bytes(script.read_bytes().replace(b"\r\n", b"\n"))
    (source / "run_autograder").chmod(0o755)


def _refuse_misplaced(archive: str, names: list[str]) -> None:
    """Raise ZipError unless both scripts lie at the root, naming the folder that was zipped by mistake."""
    missing = [name for name in ROOT_FILES if name not in names]
    if not missing:
        return
    parents = sorted({str(PurePosixPath(n).parent) for n in names if PurePosixPath(n).name in missing})
    what = f"{archive} has no {' and no '.join(missing)} at its root"
    if parents:
        raise ZipError(f"{what}: they lie in {parents[0]}/. Zip the files of that folder, not the folder itself.")
    raise ZipError(f"{what}. Gradescope needs both.")


def _refuse_escapes(archive: str, names: list[str]) -> None:
    for name in names:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\\" in name:
            raise ZipError(f"{archive} holds the name {name!r}, which leaves its folder.")


def stage(root: Path, submission: Path | None) -> None:
    """Delete and recreate `root`'s submission/ and results/, then put the student's file, or the folder's content, in
    place.

    None is a submission without files. Nothing baked into either folder survives, as on Gradescope.
    """
    for name in ("submission", "results"):
        shutil.rmtree(root / name, ignore_errors=True)
        (root / name).mkdir(parents=True)
    if submission is None:
        return
    if submission.is_dir():
        shutil.copytree(submission, root / "submission", symlinks=True, dirs_exist_ok=True)
    else:
        shutil.copyfile(submission, root / "submission" / submission.name)


def judge(run: Run) -> Verdict:
    """Return what Gradescope would keep of `run`: its rules for time-outs, for missing and broken results, and for
    long texts.
    """
    stdout = truncate(run.stdout.decode("utf-8", "replace").replace("\0", "\ufffd"))
    if run.timed_out:
        results = timeout_results(run.timeout, run.seconds)
        return Verdict(results=results, stdout=stdout, problem=results["output"], code="timeout")
    if run.raw is None:
        return Verdict(results=None, stdout=stdout, problem=FAILED, code="no_results")
    text = run.raw.decode("utf-8", "replace").replace("\0", "\ufffd")
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, dict):
        stdout = f"{stdout}\n\nThe contents of results.json:\n{truncate(text)}"
        return Verdict(results={"score": 0, "output": FAILED}, stdout=stdout, problem=FAILED, code="invalid_json")
    if any(isinstance(x, float) and not math.isfinite(x) for x in _leaves(parsed)):
        return Verdict(results=None, stdout=stdout, problem=TRY_AGAIN, code="not_finite")
    notices = (
        [] if run.exit_code == 0 else [f"run_autograder ended with status {run.exit_code}; the results still count"]
    )
    results = stored(parsed, notices)
    if "score" not in results and not any("score" in test for test in results.get("tests", [])):
        return Verdict(results=None, stdout=stdout, problem=FAILED, code="no_score", notices=notices)
    return Verdict(results=results, stdout=stdout, notices=notices)


def timeout_results(timeout: float, seconds: float) -> dict[str, Any]:
    """Return the results that the harness puts in the place of whatever had been written before the time-out."""
    output = f"Your submission timed out. It took longer than {timeout:g} seconds to run."
    return {"score": 0, "output": output, "execution_time": round(seconds, 3)}


def stored(results: Mapping[str, Any], notices: list[str]) -> dict[str, Any]:
    """Return `results` as Gradescope stores them: unknown keys dropped, long outputs cut; each such change is added
    to `notices`.
    """
    kept = _known(results, TOP_KEYS, "results.json", notices)
    kept = _cut(kept, "the output", notices)
    tests = [test for test in kept.get("tests") or [] if isinstance(test, Mapping)]
    if "tests" in kept:
        kept["tests"] = [
            _cut(_known(test, TEST_KEYS, _label(test), notices), f"the output of {_label(test)}", notices)
            for test in tests
        ]
    return kept


def truncate(text: str, limit: int = TEXT_LIMIT) -> str:
    """Return `text`, its middle replaced by a mark where it is longer than `limit` characters."""
    if len(text) <= limit:
        return text
    head = (limit - len(TRUNCATED)) // 2
    return text[:head] + TRUNCATED + text[-(limit - len(TRUNCATED) - head) :]


def _known(item: Mapping[str, Any], keys: frozenset[str], where: str, notices: list[str]) -> dict[str, Any]:
    notices.extend(f"the key {key!r} of {where} is unknown and was dropped" for key in item if key not in keys)
    return {key: value for key, value in item.items() if key in keys}


def _cut(item: dict[str, Any], what: str, notices: list[str]) -> dict[str, Any]:
    output = item.get("output")
    if isinstance(output, str) and len(output) > TEXT_LIMIT:
        notices.append(f"{what} has {len(output)} characters and was cut in the middle to {TEXT_LIMIT}")
        item["output"] = truncate(output)
    return item


def _label(test: Mapping[str, Any]) -> str:
    return f"test {test.get('number') or test.get('name') or '(unnamed)'}"


def _leaves(value: object) -> Iterator[object]:
    """Yield every plain value inside nested dicts and lists, without recursion: its depth is not ours."""
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)
        else:
            yield item
