"""One submission from folder to results: stage, read, run every question, follow through, report.

`run` keeps a valid results.json on disk from its first moment to its last: every declared test is always a row, and
whatever fails inside the grader is said to be our fault and leaves what was decided before.
"""

from __future__ import annotations

import platform
import shutil
import sys
import time
import traceback
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from autograder import (
    artefacts,
    attempts,
    followthrough,
    hints,
    messages,
    modules,
    report,
    results,
    seeds,
    session,
)
from autograder.ceiling import ceiling
from autograder.intake import Intake
from autograder.manifest import Manifest, ManifestError, Question, read_manifest
from autograder.metadata import read_metadata
from autograder.outcomes import Outcome, Verdict
from autograder.reading import Reading
from autograder.report import Story
from autograder.sandbox import IsolationError
from autograder.scoring import Scored, score_question, uniform
from autograder.trial import Bench, Lab, NoWorker

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from autograder.server import Server

EXIT_OK, EXIT_USAGE, EXIT_OURS = 0, 2, 3


def run(job: Mapping[str, Any], server: Server) -> int:
    """Grade one submission. Returns 0 when results.json holds a grading, 2 for a device that is not there, 3 otherwise.

    `job` (plain data): bundle, submission, results (folders or files), metadata (or None), device, only (question ids),
    verbose, keep_bytecode, deadline (time.monotonic() at which the run must end, or None), remove (folders to delete at
    the end).
    The server stays open, so that a class can be graded one by one; nothing of one run is left for the next.
    """
    paths = [key for key in ("bundle", "submission", "results", "metadata") if job.get(key)]
    job = {**job, **{key: str(Path(job[key]).resolve()) for key in paths}}
    folder = Path(job["results"])
    try:
        manifest = read_manifest(Path(job["bundle"]))
        if job.get("device") == "cuda" and not torch.cuda.is_available():
            sys.stderr.write("error: there is no CUDA GPU on this machine: use --device cpu\n")
            return EXIT_USAGE
        growth = None if job.get("device") == "cuda" else manifest.limits.memory_mb  # CUDA reserves without measure
        with modules.available(Path(job["bundle"]), manifest), ceiling(growth):
            return Grading(job, manifest, server).run()
    except ManifestError as error:
        results.write(folder, results.bare(messages.NOT_GRADED))
        print(f"!! OUR FAULT: {error}")
        return EXIT_OURS
    except Exception:  # noqa: BLE001  (the last line of defence: what was written before stays)
        print(f"!! OUR FAULT: {traceback.format_exc()}")
        return EXIT_OURS
    finally:
        for path in job.get("remove") or ():
            shutil.rmtree(path, ignore_errors=True)


class Grading:
    """The state of one run: rows per question, what is known about the submission, and what to tell."""

    def __init__(self, job: Mapping[str, Any], manifest: Manifest, server: Server) -> None:
        self.job, self.manifest, self.server = job, manifest, server
        self.bundle, self.folder = Path(job["bundle"]), Path(job["results"])
        self.started = time.monotonic()
        self.story = Story(device=str(job.get("device") or "cpu"), only=tuple(job.get("only") or ()))
        self.reading = Reading()
        self.screen = sys.stdout  # while tests run, sys.stdout belongs to them
        self.intake = Intake(manifest, server, self.story)
        self.imports: set[str] | None = set() if job.get("note_imports") else None
        self.rows: dict[str, list[Scored]] = {}
        for question in manifest.questions:
            left_out = self.story.only and question.id not in self.story.only
            sentence = messages.LEFT_OUT if left_out else messages.NOT_GRADED
            self.rows[question.id] = uniform(question, Outcome.NOT_GRADED, sentence)

    def run(self) -> int:
        """The whole run; results.json and the staff log are written whatever happens."""
        self.publish()
        try:
            self._grade()
        except IsolationError as error:
            self._ours(f"refused to run the submission: {error}")
        except NoWorker as error:
            self._ours(str(error))
        except Exception as error:  # noqa: BLE001  (a bug of ours must not cost the rows that are decided)
            self._ours(f"{type(error).__name__}: {error}\n{traceback.format_exc()}")
        except KeyboardInterrupt:  # nobody's time was up: what was not reached waits for another run
            self._ours("interrupted")
            raise
        finally:
            self._isolation()
            self.publish(last=True)
            facts, rows = self.facts(), self._all_rows()
            print(report.staff_log(self.manifest, rows, self.story, facts, verbose=bool(self.job.get("verbose"))))
            sys.stdout.flush()
        return EXIT_OURS if self.story.ours else EXIT_OK

    def _ours(self, text: str) -> None:
        self.story.ours.append(text)

    def _grade(self) -> None:
        path = self.job.get("metadata")
        self.story.metadata = read_metadata(Path(path) if path else None)
        if self._told_again() or not self._read():
            return
        reference = followthrough.Reference(self.bundle)
        lab = Lab(
            manifest=self.manifest, reading=self.reading, server=self.server, device=self.story.device,
            modules=modules.sources(self.bundle, self.manifest), data=modules.data(self.bundle, self.manifest),
            deadline=self._deadline(), verbose=bool(self.job.get("verbose")), imports=self.imports,
            holds_value=reference.holds_value,
        )  # fmt: skip
        questions = [q for q in self.manifest.questions if not self.story.only or q.id in self.story.only]
        self._run(questions, lab)
        for question in questions:
            self._follow(question, lab, reference)
        self.story.staff += sorted(messages.one_line(note) for note in lab.notes)
        self._measure(lab)
        self.story.finished = True

    def _told_again(self) -> bool:
        """Whether the attempts are used up: then the last results are told again, under a notice; nothing is run."""
        if self.story.metadata is None or self.story.only:
            return False
        found = attempts.repeat(self.manifest, self.story.metadata)
        if isinstance(found, attempts.Repeat):
            self.rows, self.story.again, self.story.finished = found.rows, found, True
            return True
        if found is not None:
            self.story.staff.append(found)
        return False

    def _deadline(self) -> float:
        given = self.job.get("deadline")
        return float(given) if given is not None else self.started + self.manifest.limits.run_s

    def _read(self) -> bool:
        """Find and take apart the submission; False, with all rows saying why, when there is nothing to grade."""
        self.reading = self.story.reading = self.intake.read(Path(self.job["submission"]))
        sentence = self.reading.error
        if sentence is None:
            return True
        self.story.unreadable = sentence
        for question in self.manifest.questions:
            self.rows[question.id] = uniform(question, Outcome.UNREADABLE, messages.unreadable(sentence))
        self.story.finished = True
        return False

    # ---- questions ----------------------------------------------------------------------------------------------

    def _run(self, questions: Sequence[Question], lab: Lab) -> None:
        heard: dict[str, dict[str, Verdict]] = {question.id: {} for question in questions}
        known = {question.id: question for question in questions}

        def told(question: str, name: str, verdict: Verdict) -> None:
            heard[question][name] = verdict
            self.rows[question] = score_question(known[question], heard[question])
            self.publish()
            line = f"{question} {name}: {verdict.outcome.value} ({verdict.seconds:.2f} s)"
            if self.job.get("verbose"):
                print(line, file=self.screen, flush=True)

        benches = [Bench(lab=lab, question=question) for question in questions]
        keep = bool(self.job.get("keep_bytecode"))
        printed = session.run_questions(benches, self.bundle, told, keep_bytecode=keep)
        if printed.strip():
            self.story.staff.append(f"printed by the tests: {printed.strip()}")

    def _follow(self, question: Question, lab: Lab, reference: followthrough.Reference) -> None:
        rows = self.rows[question.id]
        if not followthrough.worth_trying(question, rows, lab):
            return
        try:
            # What the lent names needed, a loop at import perhaps, goes with them; seeds stay those of the first run.
            apart = self.intake.extract(question.follow)
            alone = replace(lab, reading=replace(apart, digest=self.reading.digest, missing=self.reading.missing))
            self.rows[question.id] = followthrough.second_run(question, rows, alone, reference, self.bundle)
        except NoWorker:
            raise
        except Exception as error:  # noqa: BLE001  (the first run stands)
            self._ours(f"follow-through of {question.id}: {type(error).__name__}: {error}")
        self.publish()

    def _measure(self, lab: Lab) -> None:
        """Measure what came with the notebook. It carries no points, so that nothing here may cost any."""
        if self.story.only:
            return
        try:
            self.story.measured = artefacts.measure_all(lab, self.bundle, self.intake.staged.artefacts)
        except Exception as error:  # noqa: BLE001  (the points stand)
            self.story.staff.append(f"the handed-in files were not measured: {type(error).__name__}: {error}")

    # ---- telling ------------------------------------------------------------------------------------------------

    def _all_rows(self) -> list[Scored]:
        return [row for question in self.manifest.questions for row in self._told(question.id)]

    def _told(self, question: str) -> list[Scored]:
        """A question's rows; once everything has run, with the hint for a known mistake."""
        rows = self.rows[question]
        done = self.story.finished and self.story.again is None
        return hints.hinted(self.manifest, question, rows) if done else rows

    def publish(self, *, last: bool = False) -> None:
        """Replace results.json with what is known now."""
        rows = self._all_rows()
        data = results.document(
            rows, output=report.top(self.manifest, rows, self.story), seconds=time.monotonic() - self.started,
            extra=self.facts(),
        )  # fmt: skip
        results.write(self.folder, data, settle=last)

    def facts(self) -> dict[str, Any]:
        """What `extra_data` keeps: enough to repeat the run, nothing that reveals a seed."""
        ours = [row.number for row in self._all_rows() if row.verdict.outcome is Outcome.OUR_FAULT]
        manifest, secret = self.manifest, self.manifest.secret
        return {
            "homework": manifest.homework,
            "release": manifest.release,
            "submission_digest": self.reading.digest,
            "seeds": seeds.fingerprint(secret, manifest.homework, self.reading.digest),
            "device": self.story.device,
            "torch": torch.__version__,
            "python": platform.python_version(),
            "isolation": self.story.grade,
            "isolation_tried": dict(self.story.probes),
            "finished": self.story.finished,
            "our_fault": ours or bool(self.story.ours),
            **({"artefacts": [one.facts() for one in self.story.measured]} if self.story.measured else {}),
            "our_fault_reasons": [messages.one_line(text, 300) for text in self.story.ours],
            **({} if self.imports is None else {"lazy_modules": modules.preloadable(self.imports, manifest)}),
            **(self.story.again.facts() if self.story.again is not None else {}),
        }

    def _isolation(self) -> None:
        self.story.isolation = dict(self.server.isolation)
        self.story.grade = str(getattr(self.server, "grade", "unknown"))
