"""Taking a submission in survives the machine's killing the process that does it."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest
import tiny_bundle

from autograder.intake import Intake
from autograder.manifest import read_manifest
from autograder.report import Story
from autograder.server import Server
from autograder.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A worker server."""
    with Server.fork() as forked:
        yield forked


@pytest.fixture
def intake(bundle, server, monkeypatch):
    """An intake whose first `kills` workers are killed when they should take the notebook apart."""

    def make(kills: int) -> Intake:
        left, extract = [kills], Worker.extract

        def dying(worker, *arguments):
            if left[0]:
                left[0] -= 1
                os.kill(worker.pid, signal.SIGKILL)
            return extract(worker, *arguments)

        monkeypatch.setattr(Worker, "extract", dying)
        return Intake(read_manifest(bundle), server, Story())

    return make


def test_a_worker_that_the_machine_killed_is_replaced(intake, tmp_path):
    """The notebook is read by the second worker, and staff are told of the first one."""
    reader = intake(1)
    reading = reader.read(tiny_bundle.submission(tmp_path / "submission"))
    assert reading.error is None
    assert {"gaussian_kl", "elbo", "Scaler"} <= set(reading.found)
    assert [note.split(":")[0] for note in reader.story.staff] == ["extraction"]


def test_one_that_kills_every_worker_is_refused(intake, tmp_path):
    """After the second death the notebook is held to be what kills them: a sentence, not a third try."""
    reader = intake(2)
    reading = reader.read(tiny_bundle.submission(tmp_path / "submission"))
    assert reading.error == "the notebook is too large or too deeply nested to be taken apart"
    assert len(reader.story.staff) == 2
