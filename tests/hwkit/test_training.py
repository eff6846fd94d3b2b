"""`fit` and checkpoints, on a model small enough to train in a blink."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.hwkit.conftest import line_fit

SCRIPT = """
import json, os, signal, sys
import numpy as np, random, torch
from hwkit import Checkpointer, fit, set_seed

set_seed(1)
model = torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.Dropout(0.2), torch.nn.Linear(8, 1))
optimizer = torch.optim.Adam(model.parameters(), 1e-2)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 20, 0.5)
own = torch.Generator().manual_seed(5)
seen = []
kill_at = int(sys.argv[1])

def step(i):
    x = torch.randn(16, 3, generator=own) + 0.1 * float(np.random.rand()) + 0.1 * random.random()
    loss = ((model(x) - x.sum(1, keepdim=True)) ** 2).mean()
    optimizer.zero_grad(); loss.backward(); optimizer.step(); scheduler.step()
    seen.append(i)
    if i == kill_at:
        os.kill(os.getpid(), signal.SIGKILL)
    return {"loss": loss, "lr": scheduler.get_last_lr()[0]}

checkpoint = Checkpointer("run.pt", every=0.003, model=model, optimizer=optimizer, scheduler=scheduler, own=own, seen=seen)
history = fit(step, 80, checkpoint=checkpoint)
json.dump({"history": history, "seen": seen}, open(sys.argv[2], "w"))
"""


def test_a_killed_run_resumes_on_the_same_curve(kit_text: str, tmp_path: Path) -> None:
    """SIGKILL in the middle of a step, then the same script again: metrics equal those of an uninterrupted run."""
    runs = {}
    for name, kills in {"whole": [-1], "killed": [37, -1]}.items():
        folder = tmp_path / name
        folder.mkdir()
        (folder / "hwkit.py").write_text(kit_text, encoding="utf-8")
        (folder / "run.py").write_text(SCRIPT)
        for kill in kills:
            command = [sys.executable, "run.py", str(kill), "out.json"]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
            assert done.returncode == (0 if kill < 0 else -signal.SIGKILL), done.stderr
        runs[name] = json.loads((folder / "out.json").read_text())
    assert "Resumed run.pt at step" in done.stdout
    assert runs["killed"] == runs["whole"]
    assert [entry["step"] for entry in runs["whole"]["history"]] == list(range(1, 81))


def test_an_interrupt_waits_for_the_end_of_the_step(kit: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Ctrl+C in a step: the step is finished and saved, then KeyboardInterrupt; the run goes on as if nothing had happened."""
    model, optimizer, step = line_fit(kit)
    whole = kit.fit(step, 30)
    model, optimizer, step = line_fit(kit)
    checkpoint = kit.Checkpointer("a.pt", model=model, optimizer=optimizer)

    def interrupted(i: int) -> Any:
        if i == 12:
            os.kill(os.getpid(), signal.SIGINT)
        return step(i)

    with pytest.raises(KeyboardInterrupt):
        kit.fit(interrupted, 30, checkpoint=checkpoint)
    assert "interrupted; step 13 is saved" in capsys.readouterr().out
    model, optimizer, step = line_fit(kit)
    again = kit.Checkpointer("a.pt", model=model, optimizer=optimizer)
    assert again.step == 13
    assert kit.fit(step, 30, checkpoint=again) == whole


def test_a_finished_run_is_not_repeated(kit: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """The cell of a finished run gives its metrics at once and says how to train anew."""
    model, optimizer, step = line_fit(kit)
    first = kit.fit(step, 5, checkpoint=kit.Checkpointer("a.pt", model=model, optimizer=optimizer))
    again = kit.fit(step, 5, checkpoint=kit.Checkpointer("a.pt", model=model, optimizer=optimizer))
    assert again == first
    assert "all 5 steps were done before" in capsys.readouterr().out


def test_fresh_sets_the_old_file_aside(kit: Any) -> None:
    """`fresh=True` starts at step 0 and keeps the old file as NAME.old."""
    model, optimizer, step = line_fit(kit)
    kit.fit(step, 5, checkpoint=kit.Checkpointer("a.pt", model=model, optimizer=optimizer))
    assert kit.Checkpointer("a.pt", model=model, optimizer=optimizer, fresh=True).step == 0
    assert Path("a.pt.old").exists()


def test_other_settings_are_refused(kit: Any) -> None:
    """A checkpoint of another config or of other shapes is refused with both ways out."""
    model, optimizer, step = line_fit(kit)
    kit.fit(step, 2, checkpoint=kit.Checkpointer("a.pt", model=model, optimizer=optimizer, config={"beta": 1}))
    with pytest.raises(kit.KitError, match=r"other settings(.|\n)*fresh=True(.|\n)*another file name"):
        kit.Checkpointer("a.pt", model=model, optimizer=optimizer, config={"beta": 2})
    with pytest.raises(kit.KitError, match="other settings"):
        kit.Checkpointer("a.pt", model=torch.nn.Linear(4, 1), optimizer=optimizer, config={"beta": 1})


def test_a_damaged_checkpoint_is_refused(kit: Any) -> None:
    """A file that was cut off is named as such, with the way out."""
    model, optimizer, step = line_fit(kit)
    kit.fit(step, 2, checkpoint=kit.Checkpointer("a.pt", model=model, optimizer=optimizer))
    data = Path("a.pt").read_bytes()
    for bad in (data[: len(data) // 2], b"", b"<html>"):
        Path("a.pt").write_bytes(bad)
        with pytest.raises(kit.KitError, match="damaged"):
            kit.Checkpointer("a.pt", model=model, optimizer=optimizer)


def test_a_full_disk_does_not_stop_training(
    kit: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """When nothing can be written, training ends with all its metrics, one warning, and the last good file in place."""
    model, optimizer, step = line_fit(kit)
    checkpoint = kit.Checkpointer("a.pt", every=0, model=model, optimizer=optimizer)
    kit.fit(step, 2, checkpoint=checkpoint)
    good = Path("a.pt").read_bytes()

    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    assert len(kit.fit(step, 8, checkpoint=checkpoint)) == 8
    out = capsys.readouterr().out
    assert out.count("could not save") == 1 and "the disk is full" in out and "Training goes on" in out
    assert Path("a.pt").read_bytes() == good and not Path("a.pt.tmp").exists()


def test_numpy_generators_and_tensors_are_restored(kit: Any) -> None:
    """Generators of numpy, tensors and dicts continue where the checkpoint was made."""
    import numpy as np

    own, ema, notes = np.random.default_rng(3), torch.zeros(2), {"best": 1.0}
    checkpoint = kit.Checkpointer("a.pt", own=own, ema=ema, notes=notes)
    own.random(5)
    ema += 7
    notes["best"] = 0.5
    assert checkpoint.save()
    expected = own.random(3).tolist()
    ema.zero_()
    notes["best"] = 9.0
    kit.Checkpointer("a.pt", own=own, ema=ema, notes=notes)
    assert own.random(3).tolist() == expected and ema.tolist() == [7.0, 7.0] and notes == {"best": 0.5}


def test_checkpoints_are_read_with_weights_only(kit: Any) -> None:
    """A file that would run code when unpickled is refused and runs nothing."""
    import pickle

    class Evil:
        def __reduce__(self) -> Any:
            return (os.mkdir, ("pwned",))

    torch.save({"format": 1, "x": Evil()}, "a.pt", pickle_module=pickle)
    with pytest.raises(kit.KitError, match="damaged"):
        kit.Checkpointer("a.pt", notes=[])
    assert not Path("pwned").exists()


def test_nan_stops_training_and_names_the_step(kit: Any) -> None:
    """The first loss that is NaN ends training with its step and the usual causes."""
    with pytest.raises(kit.KitError, match="loss is NaN at step 4"):
        kit.fit(lambda i: float("nan") if i == 3 else 1.0, 10)


def test_a_full_gpu_is_explained(kit: Any) -> None:
    """When the GPU's memory runs out: a smaller batch, a restart, and the run goes on."""

    def step() -> float:
        raise torch.cuda.OutOfMemoryError("CUDA out of memory.")

    with pytest.raises(kit.KitError, match=r"smaller batch(.|\n)*Restart session"):
        kit.fit(step, 3)


def test_the_band_is_printed_and_compared(kit: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Bands are printed first; inside gets a tick, above gets advice to stop, steps beyond the end are left out."""
    kit.fit(lambda i: 10.0 - i, 8, expect={2: 9.5, 5: (1, 2), 900: 1})
    out = capsys.readouterr().out
    assert out.startswith("Expect: ≤ 9.5 at step 2, between 1 and 2 at step 5\n")
    assert (
        "✓ step 2: loss 9, expected ≤ 9.5" in out
        and "⚠ step 5: loss 6" in out
        and "Stop and look" in out
        and "900" not in out
    )


def test_where_nobody_watches_progress_is_a_few_lines(kit: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a terminal a run of 1000 steps prints about ten lines, the last step among them."""
    kit.fit(lambda: 1.0, 1000, label="vae")
    lines = capsys.readouterr().out.splitlines()
    assert 8 <= len(lines) <= 12 and lines[-1].startswith("vae: step 1000/1000")


def test_stop_ends_training_early(kit: Any) -> None:
    """`stop` sees all metrics so far and ends the run."""
    assert len(kit.fit(lambda i: 1.0 / (i + 1), 100, stop=lambda history: history[-1]["loss"] < 0.11)) == 10


@pytest.mark.parametrize(
    ("result", "words"),
    [(None, "returned None"), (torch.zeros(3), r"shape \(3,\)"), ("x", "is a str"), ({}, "empty dict")],
)
def test_a_step_that_returns_no_number_is_explained(kit: Any, result: Any, words: str) -> None:
    """What a step returns instead of a loss is named."""
    with pytest.raises(kit.KitError, match=words):
        kit.fit(lambda: result, 3)
