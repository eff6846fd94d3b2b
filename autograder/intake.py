"""Takes a submission in: finds it in its folder, and has it taken apart by workers, which can harm nobody."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from autograder import messages, staging
from autograder.failures import KILLED
from autograder.reading import Reading, reading
from autograder.worker import Limits, Worker, WorkerLost

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from autograder.manifest import Manifest
    from autograder.report import Story
    from autograder.server import Server

READING = Limits(cpu_s=20, wall_s=60, memory_mb=1024)


class Intake:
    """One submission on its way in; what is worth telling goes into the story."""

    def __init__(self, manifest: Manifest, server: Server, story: Story) -> None:
        self.manifest, self.server, self.story = manifest, server, story
        self.staged = staging.Staged("", b"")

    def read(self, folder: Path) -> Reading:
        """The submission in a folder, or in a file; a Reading with an error when there is nothing to grade."""
        found = staging.find_candidates(folder)
        if isinstance(found, staging.Refusal):
            return Reading(error=found.sentence)
        self.staged = staging.choose(found, self._names_in, homework=self.manifest.homework)
        self.story.notices += self.staged.notices
        result = self.extract()
        others = [f"{messages.one_line(a.name, 200)}, {a.size} bytes" for a in self.staged.artefacts]
        self.story.staff += [f"also submitted: {text}" for text in others]
        return result

    def extract(self, lent: Sequence[str] = ()) -> Reading:
        """What the submission holds; without the definitions of the names that are `lent`."""
        return self._extract(self.staged.filename, self.staged.data, lent)

    def _names_in(self, filename: str, data: bytes) -> int:
        return len(self._extract(filename, data).found)

    def _extract(self, filename: str, data: bytes, lent: Sequence[str] = ()) -> Reading:
        spec = {**self.manifest.extraction_spec(), "device": self.story.device}
        spec["given"] += [{"names": [name], "hashes": [], "source": f"{name} = None\n"} for name in lent]
        for _ in range(2):
            try:
                with contextlib.closing(self._worker()) as worker:
                    return reading(worker.extract(filename, data, spec))
            except WorkerLost as lost:
                self.story.staff.append(f"extraction: {lost.reason}: {messages.one_line(lost.detail)}")
                if not lost.detail.startswith(KILLED):
                    break  # else once more: nothing of theirs runs in there, so that it was the machine
        return Reading(error="the notebook is too large or too deeply nested to be taken apart")

    def _worker(self) -> Worker:
        """A worker to take a notebook apart in; the first one tries the layers before it sees anything of theirs."""
        worker = self.server.spawn(READING, seed=0)
        if not self.story.probes:
            try:
                self.story.probes = self.server.tried(worker)
            except WorkerLost as lost:
                self.story.staff.append(f"the layers could not be tried: {lost.reason}: {lost.detail}")
                worker.close()
                return self.server.spawn(READING, seed=0)
        return worker
