"""Budgets, the CPU gate before the GPU, where Colab keeps files, and seeds."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.hwkit.conftest import line_fit


def test_budgets(kit: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The environment, then `set_budget`, choose the preset; without a GPU "gpu" means "cpu" and says so once."""
    assert kit.preset(smoke=1, cpu=2, gpu=3) == 2
    monkeypatch.setenv("HW_BUDGET", "smoke")
    assert kit.preset(smoke=1, cpu=2, gpu=3) == 1
    kit.set_budget("gpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    capsys.readouterr()
    assert [kit.preset(smoke=1, cpu=2, gpu=3) for _ in range(2)] == [2, 2]
    assert capsys.readouterr().out.count("no GPU") == 1
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert kit.preset(smoke=1, cpu=2, gpu=3) == 3 and kit.preset(smoke=1, cpu=2) == 2
    with pytest.raises(kit.KitError, match="'smoke'"):
        kit.set_budget("tpu")


def test_the_gpu_comes_after_the_cpu_check(
    kit: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a GPU present `device()` is the CPU and says why, until one step has passed."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda *_: "Tesla T4")
    assert kit.device().type == "cpu"
    assert "run one_step_cpu_check(step, model)" in capsys.readouterr().out
    model, optimizer, step = line_fit(kit)
    kit.one_step_cpu_check(step, model, optimizer=optimizer)
    assert "device() now gives you the GPU" in capsys.readouterr().out
    assert kit.device().type == "cuda"
    assert "Tesla T4" in capsys.readouterr().out
    kit.set_budget("smoke")
    assert kit.device().type == "cpu"


def test_the_cpu_check_leaves_no_trace(kit: Any) -> None:
    """Model, optimiser and random generator are afterwards what they were."""
    model, optimizer, step = line_fit(kit)
    kit.fit(step, 3)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    moments = copy.deepcopy(optimizer.state_dict()["state"])
    seed = torch.get_rng_state()
    kit.one_step_cpu_check(step, model, optimizer=optimizer)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert all(
        torch.equal(moments[key]["exp_avg"], value["exp_avg"]) for key, value in optimizer.state_dict()["state"].items()
    )
    assert torch.equal(seed, torch.get_rng_state())


def test_the_cpu_check_names_what_is_wrong(kit: Any) -> None:
    """No backward, a parameter left out, a rising loss and NaN each get their own sentence."""
    model, optimizer, _ = line_fit(kit)
    with pytest.raises(kit.KitError, match="no parameter has a gradient"):
        kit.one_step_cpu_check(lambda: model(torch.ones(1, 3)).mean(), model)
    spare = torch.nn.ModuleDict({"used": torch.nn.Linear(3, 1), "spare": torch.nn.Linear(3, 1)})

    def partly() -> Any:
        loss = spare["used"](torch.ones(1, 3)).mean()
        loss.backward()
        return loss

    with pytest.raises(kit.KitError, match=r"no gradient reached spare\.weight, spare\.bias"):
        kit.one_step_cpu_check(partly, spare)
    model, optimizer, _ = line_fit(kit)

    def uphill(i: int) -> Any:
        x = torch.ones(4, 3)
        loss = -((model(x) - 3) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return -loss

    with pytest.raises(kit.KitError, match="did not fall"):
        kit.one_step_cpu_check(uphill, model, optimizer=optimizer)
    with pytest.raises(kit.KitError, match="NaN"):
        kit.one_step_cpu_check(lambda: float("nan"))


def test_without_a_gpu_colab_students_read_where_to_get_one(
    kit: Any, colab: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In Colab without a GPU `device()` says once how to change the runtime; a TPU runtime is named as such."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    kit.device()
    kit.device()
    assert capsys.readouterr().out.count("Change runtime type > T4 GPU") == 1


def test_a_tpu_runtime_is_named(
    kit: Any, colab: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A TPU runtime is the wrong one, and the message says so."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setenv("COLAB_TPU_ADDR", "10.0.0.1")
    kit.device()
    assert "This runtime has a TPU" in capsys.readouterr().out


def test_colab_without_drive_warns_what_is_lost(kit: Any, colab: None, capsys: pytest.CaptureFixture[str]) -> None:
    """In Colab without Drive a checkpoint is made all the same, and one warning says how to mount Drive."""
    kit.Checkpointer("a.pt", notes=[])
    kit.Checkpointer("b.pt", notes=[])
    assert capsys.readouterr().out.count("tick USE_DRIVE") == 1


def test_a_mounted_drive_is_used(kit: Any, colab: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With Drive mounted, files go to a folder per course and homework on it."""
    monkeypatch.setattr(kit, "_DRIVE", tmp_path)
    assert kit.storage() == tmp_path / "Generative-Models-2026FA" / "hw2"
    assert kit.Checkpointer("a.pt", notes=[]).path.parent == kit.storage()


def test_seeds_repeat(kit: Any) -> None:
    """`set_seed` makes torch, numpy and random repeat themselves."""
    import random

    import numpy as np

    draws = []
    for _ in range(2):
        kit.set_seed(3)
        draws.append((float(torch.rand(())), float(np.random.rand()), random.random()))
    assert draws[0] == draws[1]
