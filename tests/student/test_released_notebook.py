"""The released HW2 notebook: its first screen, its six blocks, and a run from top to bottom in a real kernel."""

from __future__ import annotations

import json
import re
import zipfile
from typing import TYPE_CHECKING

import pytest

from starterkit.checkpdf import check_pdf
from starterkit.firstpage import badge, first_screen
from tests.student.conftest import source

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from starterkit.build import Built
    from tests.student.conftest import Notebook, Ran, Session

KILLED_AT = 6  # of the 12 epochs of the smoke budget
SPY = """
import hwkit, os, signal

_tick = hwkit.Checkpointer.tick

def tick(self, step, history):
    self.every = 0  # save at every step: a smoke run is over before the minute is
    _tick(self, step, history)
    if step == KILL_AT:
        os.kill(os.getpid(), signal.SIGKILL)

hwkit.Checkpointer.tick = tick
"""
SAVE = """
import json, pathlib
pathlib.Path("curve.json").write_text(json.dumps(history))
"""


def test_the_first_screen_says_what_there_is_to_do(hw2: Built) -> None:
    """Save a copy first; then due date, problems with points, lines and minutes, what to hand in, and the rules."""
    text = first_screen(hw2.homework, 1)
    order = ["Save a copy in Drive", "Due Monday 5 October", "| problem |", "2.1 Gaussian toolkit", "hw2-submission.zip",
             "figures.pdf", "hw2_written.tex", "Teams of up to 2", "AI tools:", "Late work:"]  # fmt: skip
    places = [text.index(words) for words in order]
    assert places == sorted(places)
    head = text[text.index("| problem |") :].split("\n")[0]
    for column in ("points", "checked here", "on Gradescope", "read by people", "lines to write", "CPU", "T4"):
        assert column in head
    total = hw2.homework.points + sum(p.points for p in (*hw2.homework.written, *hw2.homework.figures))
    assert f"| **all** | **{total:g}** |" in text


def test_the_story_comes_before_the_set_up(hw2: Built) -> None:
    """What students will build, with its picture, is read before the cells that write hwkit."""
    ids = [cell["id"] for cell in json.loads(hw2.kit["hw2.ipynb"])["cells"]]
    assert ids[0] == "header"
    assert ids[1].startswith("prose-")
    assert ids.index("setup") == 2
    assert ids.index("setup-start") < min(ids.index(name) for name in ids if name.startswith("given-"))


def test_the_badge_opens_the_tag_of_the_release(hw2: Built) -> None:
    """The badge leads to the notebook at the release's tag in the public repository, above everything but the title."""
    course = hw2.homework.course.model_copy(update={"repository": "https://github.com/example-org/kits"})
    homework = hw2.homework.__class__(**{**vars(hw2.homework), "course": course})
    mark = badge(homework, 3)
    assert mark is not None
    assert "github/example-org/kits/blob/2026FA-hw2-r3/hw2/hw2.ipynb" in mark
    text = first_screen(homework, 3)
    assert text.index(mark) < text.index("Save a copy in Drive")


def test_each_problem_has_its_blocks(hw2: Built) -> None:
    """Each problem has numbered equations, code maps, skeletons, checks, an experiment, and a question to reflect on."""
    problem, found = "", dict[str, str]()
    for cell in json.loads(hw2.kit["hw2.ipynb"])["cells"]:
        name = cell["id"]
        problem = name.removeprefix("problem-") if name.startswith("problem-") else problem
        found[problem] = found.get(problem, "") + f"\n<{name.split('-')[0]}>\n{source(cell)}"
    for problem in {question.problem for question in hw2.homework.questions}:
        text = found[problem.replace(".", "_")]
        assert re.search(r"\\tag\{2\.\d+\}", text)
        assert "| symbol | variable | shape | dtype |" in text
        assert "raise NotImplementedError" in text
        assert "check(" in text
        assert "<experiment>" in text
        assert re.search(r"Reflect|why |<figure>", text)


def test_it_runs_from_top_to_bottom(ran: Ran) -> None:
    """With the reference filled in, every cell runs in a real kernel, in a folder that holds nothing else."""
    assert ran.failure is None
    assert (ran.folder / "hwkit.py").is_file()


def test_every_check_passes(hw2: Built, ran: Ran) -> None:
    """Each check reports all of its tests as passed, and ends with the words about Gradescope."""
    for question in hw2.homework.questions:
        printed = ran.printed(f"tests-{question.id.replace('.', '_')}")
        assert re.search(rf"Question {re.escape(question.id)}: (\d+) of \1 checks? pass", printed)
        assert "On Gradescope, other questions' functions are ours" in printed


def test_the_start_cell_says_where_files_go(ran: Ran) -> None:
    """The start cell names release, versions, the device, and the folder for checkpoints and figures."""
    printed = ran.printed("setup-start")
    assert "HW2, release" in printed
    assert "PyTorch" in printed
    assert "Checkpoints and figures go to" in printed


def test_the_last_cell_makes_both_files(hw2: Built, ran: Ran) -> None:
    """The hand-in cell writes figures.pdf, with a page per figure, and the zip, without the names."""
    printed = ran.printed("hand-in-submit")
    assert "✓ 2.1a   reparameterize" in printed
    assert "✗" not in printed
    report = check_pdf(ran.folder / "figures.pdf")
    assert (report.kind, report.pages, report.problems) == ("figures", len(hw2.homework.figures) + 1, ())
    with zipfile.ZipFile(ran.folder / "hw2-submission.zip") as opened:
        everything = b"".join(opened.read(name) for name in opened.namelist()).decode()
    for word in ("Ada Lovelace", "Bob Bernoulli", "al1815", "bb1700", str(ran.folder)):
        assert word not in everything


def test_a_killed_training_cell_resumes_on_the_same_curve(
    filled: Notebook, session: Callable[[Path], Session], tmp_path: Path
) -> None:
    """Kill HW2's training cell half way, restart, run all: it resumes there, and the curve is the uninterrupted one."""
    cells = {cell["id"]: source(cell) for cell in filled["cells"] if cell["cell_type"] == "code"}
    [training] = [name for name, text in cells.items() if "train_vae(EPOCHS)" in text]
    before = [text for name, text in cells.items() if name.startswith(("setup-", "given-", "solution-"))]

    def prepared(name: str, kill_at: int) -> Session:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        kernel = session(folder)
        for text in [*before, SPY.replace("KILL_AT", str(kill_at))]:
            _, errors = kernel.run(text)
            assert not errors
        return kernel

    whole = prepared("whole", -1)
    assert not whole.run(cells[training] + SAVE)[1]
    prepared("killed", KILLED_AT).run_until_killed(cells[training] + SAVE)
    printed, errors = prepared("killed", -1).run(cells[training] + SAVE)
    assert not errors
    assert f"Resumed vae.pt at step {KILLED_AT}" in printed
    curves = [json.loads((tmp_path / name / "curve.json").read_text()) for name in ("whole", "killed")]
    assert len(curves[0]) == 12
    assert curves[0] == curves[1]


@pytest.mark.parametrize("kit_file", ["hw2.ipynb", "README.md"])
def test_errata_show_in_notebook_and_readme(hw2: Built, kit_file: str) -> None:
    """A correction stands on the first screen and in the README, with its date."""
    import datetime as dt

    from starterkit.config import Erratum
    from starterkit.kit import readme

    erratum = Erratum(date=dt.date(2026, 9, 25), text="Equation (2.2) sums over dimensions.")
    assignment = hw2.homework.assignment.model_copy(update={"errata": (erratum,)})
    homework = hw2.homework.__class__(**{**vars(hw2.homework), "assignment": assignment})
    text = first_screen(homework, 1) if kit_file == "hw2.ipynb" else readme(homework, hw2.release)
    assert "2026-09-25" in text
    assert "Equation (2.2) sums over dimensions." in text
