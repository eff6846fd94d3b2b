"""Whatever is submitted, whatever the metadata says, whatever a worker claims: a strict results.json, and inert text."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
import unicodedata
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from autograder import attempts, extract, report, results, staging
from autograder.failures import WorkerLost, student_error
from autograder.manifest import Manifest, Question, read_manifest
from autograder.metadata import read_metadata
from autograder.outcomes import Outcome, Situation, judge, passed
from autograder.reading import Reading, reading
from autograder.report import Story
from autograder.scoring import Scored, of_cases, score_question, uniform
from autograder.testing import LawViolation
from autograder.trial import Bench, Lab, absent
from autograder.wire import ProtocolError
from autograder.worker import Limits, LoadReport
from tests.grader import tiny_bundle
from tests.robust.generated import FOLDERS, HOSTILE, METADATA, WORDS
from tests.robust.running import grade_once, shown, strict

if TYPE_CHECKING:
    from collections.abc import Mapping

THOUSAND = settings(max_examples=1000, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
ZIP_RUNS = 30
TRACEBACK = re.compile(r"Traceback|autograder/\w+\.py|site-packages")
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # thousands of synced files
FORBIDDEN = {"Cc", "Cf", "Cs", "Co"}


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """The tiny homework's, with a limit on attempts."""
    data = {**tiny_bundle.manifest(), "attempts_per_day": 2}
    return read_manifest(tiny_bundle.write_bundle(tmp_path_factory.mktemp("generated") / "bundle", data=data))


def assert_inert(data: Mapping[str, Any], *, quoted: bool = False) -> None:
    """No control, bidirectional, private or lone character, bounded texts, and (unless quoted) no traceback."""
    for text in shown(data):
        assert not [c for c in text if c != "\n" and unicodedata.category(c) in FORBIDDEN]
        assert len(text) <= 100_000
        assert quoted or not TRACEBACK.search(text), text
    for row in data["tests"]:
        assert row["output_format"] == "text" and len(row["output"]) <= 2000
    assert data["output_format"] == "text"


def published(manifest: Manifest, rows: Mapping[str, list[Scored]], story: Story) -> dict[str, Any]:
    """results.json as written and read again; the staff log is made as well."""
    listed = [row for question in manifest.questions for row in rows[question.id]]
    log = report.staff_log(manifest, listed, story, {}, verbose=True)
    assert not [c for c in log if c != "\n" and unicodedata.category(c) in FORBIDDEN]
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        results.write(Path(folder), results.document(listed, output=report.top(manifest, listed, story)))
        return strict((Path(folder) / "results.json").read_bytes())


def write_folder(root: Path, files: Mapping[str, bytes]) -> None:
    """Files as a student may hand them in; names that this machine cannot have, or that collide, are left out."""
    for name, data in files.items():
        with contextlib.suppress(OSError):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            if name.endswith(".zip"):
                with zipfile.ZipFile(root / name, "w") as archive:
                    archive.writestr("hw9.ipynb", data)
            else:
                (root / name).write_bytes(data)


def graded_in_process(manifest: Manifest, folder: Path, metadata: Path) -> dict[str, Any]:
    """Everything of a run but the workers: staging, extraction, what is known of the metadata, rows and report."""
    story = Story(metadata=read_metadata(metadata), finished=True)
    again = attempts.repeat(manifest, story.metadata) if story.metadata else None
    if isinstance(again, attempts.Repeat):
        story.again = again
        return published(manifest, again.rows, story)
    spec = manifest.extraction_spec()

    def names_in(filename: str, data: bytes) -> int:
        return len(reading(extract.extract(filename, data, spec)).found)

    found = staging.find_candidates(folder)
    if isinstance(found, staging.Refusal):
        story.unreadable = found.sentence
    else:
        staged = staging.choose(found, names_in, homework=manifest.homework)
        story.notices += staged.notices
        story.reading = reading(extract.extract(staged.filename, staged.data, spec))
        story.unreadable = story.reading.error or ""
    return published(manifest, {q.id: rows_of(manifest, q, story) for q in manifest.questions}, story)


def rows_of(manifest: Manifest, question: Question, story: Story) -> list[Scored]:
    """Rows of a question as they are when no test could run, or when a name is not there; else they pass."""
    if story.unreadable or story.reading is None:
        return uniform(question, Outcome.UNREADABLE, f"Your submission could not be read: {story.unreadable}")
    lab = Lab(manifest=manifest, reading=story.reading, server=None, modules={}, data={})  # type: ignore[arg-type]  # starts none
    lacking = absent(Bench(lab=lab, question=question, report=LoadReport()), frozenset(story.reading.found))
    return score_question(question, {t.name: lacking.get(question.names[0], passed()) for t in question.tests})


@THOUSAND
@given(files=FOLDERS, metadata=METADATA)
def test_a_thousand_submissions(manifest: Manifest, files: dict[str, bytes], metadata: bytes) -> None:
    """Any folder with any metadata gives a complete, strict and inert result with every declared test."""
    with tempfile.TemporaryDirectory(dir=MEMORY) as root:
        folder, details = Path(root, "submission"), Path(root, "metadata.json")
        folder.mkdir()
        details.write_bytes(metadata)
        write_folder(folder, files)
        data = graded_in_process(manifest, folder, details)
    assert len(data["tests"]) == 9 and sum(row["max_score"] for row in data["tests"]) == 13
    assert_inert(data)


SESAME = "open sesame "
CLAIMS = st.tuples(
    st.lists(WORDS | st.sampled_from(["ValueError", "NotImplementedError", "NameError", "MemoryError"]), max_size=4),
    WORDS.map(SESAME.__add__) | st.sampled_from(["Question 1.1a", "Question 1.1b", "name 'elbo' is not defined"]),
    st.lists(st.tuples(WORDS | st.just("cell 2"), WORDS, st.integers(-5, 10**12)), max_size=3),
)
REASONS = st.sampled_from(["crashed", "cpu", "wall", "memory", "output", "protocol", "import"])


@THOUSAND
@given(claim=CLAIMS, reason=REASONS, text=HOSTILE, how=st.integers(0, 4), hidden=st.booleans(), touched=st.booleans())
def test_a_thousand_failures(
    manifest: Manifest, claim: tuple[Any, Any, Any], reason: Any, text: str, how: int, hidden: bool, touched: bool
) -> None:
    """Whatever a worker says of an exception, and however it dies, the row is inert, and never ours once it took part."""
    question = manifest.questions[0]
    test = next(test for test in question.tests if test.hidden == hidden)
    now = Situation(
        question=question, test=test, limits=Limits(), ids=frozenset(q.id for q in manifest.questions),
        files={"cell 2": 9}, touched=touched,
    )  # fmt: skip
    try:
        error: BaseException = student_error([*claim, 0])
    except ProtocolError as breach:
        error = breach
    chosen = [error, WorkerLost(reason, text), LawViolation(text), TypeError(text), AssertionError(text)][how]
    verdict = of_cases([passed(), judge(chosen, now)], 2)
    assert not (touched and verdict.outcome.earns)
    rows = {q.id: uniform(q, Outcome.NOT_REACHED, "…") for q in manifest.questions}
    rows[question.id] = score_question(question, {test.name: verdict})
    data = published(manifest, rows, Story(reading=Reading(notices=(text,)), notices=[text]))
    assert_inert(data, quoted=True)
    row = next(row for row in data["tests"] if row["extra_data"]["test"] == test.name)
    assert not hidden or SESAME not in row["output"], "the text of an exception may hold a hidden input"


# ------------------------------------------------------------------------------------------------ the real zip


def thirty() -> list[tuple[dict[str, bytes], bytes]]:
    """The first thirty folders and metadata files that hypothesis comes up with, always the same."""
    drawn: list[tuple[dict[str, bytes], bytes]] = []

    @settings(THOUSAND, max_examples=ZIP_RUNS, phases=[Phase.generate], database=None)
    @given(files=FOLDERS, metadata=METADATA)
    def draw(files: dict[str, bytes], metadata: bytes) -> None:
        drawn.append((files, metadata))

    draw()
    return drawn[:ZIP_RUNS]


def test_thirty_through_the_zip(tmp_path: Path) -> None:
    """The command, a zip, a generated submission and metadata: a strict, complete and inert result, exit code 0."""
    tiny_bundle.write_bundle(tmp_path / "bundle", data={**tiny_bundle.manifest(), "attempts_per_day": 2})
    archive = Path(shutil.make_archive(str(tmp_path / "hw9-autograder"), "zip", tmp_path, "bundle"))

    def run(number: int, files: dict[str, bytes], metadata: bytes) -> None:
        root = tmp_path / str(number)
        (root / "submission").mkdir(parents=True)
        write_folder(root / "submission", files)
        (root / "metadata.json").write_bytes(metadata)
        done = grade_once(
            root / "results", "--bundle", archive, "--submission", root / "submission", "--metadata",
            root / "metadata.json",
        )  # fmt: skip
        assert done.code == 0, done.log
        assert len(done.data["tests"]) == 9 and done.data["extra_data"]["our_fault"] is False
        assert_inert(done.data)
        assert [file.name for file in (root / "results").iterdir()] == ["results.json"]

    with ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(run, number, *drawn) for number, drawn in enumerate(thirty())]
        assert len(futures) == ZIP_RUNS
        for future in futures:
            future.result()
