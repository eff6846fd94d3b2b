"""The files that students may hand in with HW1, HW3 and HW4: numbers, bands and guards, and the way through the grader."""

from __future__ import annotations

import importlib.util
import io
import json
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[2] / "solutions" / "common"))

import digit_bands
import digit_features
import digits

from autograder import npz
from starterkit import contract, kit
from starterkit.bundle import bundle
from starterkit.diagnostics import Collector
from starterkit.source import load_homework
from tests.content import homeworks

ROOT = Path(__file__).parents[2]
KEPT = {"hw1": ("1.3b", "1.3c"), "hw3": ("3.2b",), "hw4": ("4.6b",)}  # what the small copies of the bundles grade
DRIVER = ROOT / "tests" / "grader" / "drive.py"


def measures(name: str) -> types.ModuleType:
    """`solutions/NAME/measures.py`, imported."""
    spec = importlib.util.spec_from_file_location(f"measures_{name}", ROOT / "solutions" / name / "measures.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def real(n: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """The first training digits and their labels."""
    images, labels = digits.load("train")
    return images[:n, 0].numpy().astype(np.uint8), labels[:n].numpy()


def blurred(n: int, strength: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Digits with independent noise of up to `strength` grey levels on every pixel: no near copies for 2 and more."""
    images, labels = real(n)
    noise = np.random.RandomState(0).randint(-strength, strength + 1, images.shape)
    return np.clip(images.astype(int) + noise, 0, 16).astype(np.uint8), labels


@pytest.mark.parametrize(("strength", "band"), [(2, "full"), (8, "half"), (11, "none")])
def test_bands_of_conditional_digits(strength: int, band: str) -> None:
    """Digits with more and more noise, under the labels that they look like, lose the full band, then the half one."""
    images, _ = blurred(500, strength)
    labels = digit_features.classify(torch.from_numpy(images)).numpy()
    [row] = measures("hw4").digit_samples({"images": images, "labels": labels}).values()
    assert row["band"] == band, row


def test_labels_matter() -> None:
    """Good digits under wrong labels reach no band."""
    images, labels = blurred(500, 2)
    [row] = measures("hw4").digit_samples({"images": images, "labels": (labels + 1) % 10}).values()
    assert (row["band"], row["label agreement"] < 0.1) == ("none", True)


def test_copies_are_void_and_other_sizes_have_no_band() -> None:
    """Training and test digits, moved by one grey level, are void; sets smaller than those of the bands have none."""
    images, labels = real(500)
    moved = np.where(images < 16, images + 1, images).astype(np.uint8)
    tests = digits.load("test")[0][:, 0].numpy()
    for copied in (moved, np.resize(tests, (500, 8, 8))):
        [row] = measures("hw4").digit_samples({"images": copied, "labels": labels}).values()
        assert (row["band"], row["near copies"] > 0.9) == ("void", True)
    images, labels = blurred(200, 2)
    [row] = measures("hw4").digit_samples({"images": images, "labels": labels}).values()
    assert ("band" in row, row["samples"]) == (False, 200)


def test_few_copies_are_no_copies() -> None:
    """Ten copies among 500 images are two per cent, which is allowed; eleven are not."""
    images, _ = blurred(500, 4)
    for number, band in ((10, False), (11, True)):
        images[:number] = real(number)[0]
        row = digit_bands.measured(torch.from_numpy(images).long(), size=500)
        assert (row.get("band") == "void") is band


@pytest.mark.parametrize(
    ("images", "said"),
    [
        (None, "no array called images"), (np.zeros((500, 8, 8)), "integers"), (np.zeros((500, 28, 28), int), "shape"),
        (np.zeros((500,), int), "shape"), (np.zeros((3, 8, 8), int), "50 to 2000"), (np.full((500, 8, 8), 255), "0 to 16"),
        (np.full((500, 8, 8), -1), "0 to 16"), (np.zeros((0, 8, 8), int), "50 to 2000"),
    ],
)  # fmt: skip
def test_other_arrays_are_refused(images: Any, said: str) -> None:
    """What is no set of 8 x 8 images with 17 grey levels is refused with a sentence that says what it should be."""
    with pytest.raises(npz.Unfit, match=said):
        digit_bands.images({} if images is None else {"images": images}, "images")


def test_flow_and_games_of_hw3() -> None:
    """The GAN with R1 has a band, which needs all ten classes; modes of the ring are counted as in the homework."""
    module = measures("hw3")
    images, labels = blurred(900, 3)
    angles = torch.arange(8) * torch.pi / 4
    ring = 4 * torch.stack([angles.cos(), angles.sin()], 1).repeat(30, 1).numpy()
    arrays = {"flow": images[:359], "gan": images[:359], "gan_r1": images[:359], "ring_0": ring, "ring_2": ring[::2]}
    tables = module.hw3_samples(arrays)
    assert list(tables) == ["F3.3 flow", "F3.5 GAN without penalty", "F3.6 GAN with R1", "F3.4 minimax", "F3.4 R1"]
    assert [row.get("band") for row in tables.values()] == [None, None, "full", None, None]
    assert (tables["F3.4 minimax"]["modes"], tables["F3.4 minimax"]["high quality"]) == (8, 1.0)
    assert tables["F3.4 R1"]["modes"] == 4
    eight = images[labels < 8][:359].reshape(-1, 64)
    dropped = module.hw3_samples({**arrays, "gan_r1": eight})["F3.6 GAN with R1"]
    assert (dropped["classes"] < 10, dropped["band"]) == (True, "half")


class Tiny(nn.Module):
    """One logit vector for every pixel; `leak` adds the pixel itself, so that probabilities no longer sum to one."""

    def __init__(self, levels: int, width: int, blocks: int, leak: bool = False) -> None:
        super().__init__()
        self.levels, self.leak = levels, leak
        self.logits = nn.Parameter(torch.zeros(levels))

    def forward(self, x: torch.Tensor, y: None = None) -> torch.Tensor:
        """(B, 1, H, W) -> (B, K, H, W)."""
        out = self.logits[:, None, None].expand(len(x), -1, *x.shape[2:])
        return out + 2 * nn.functional.one_hot(x[:, 0], self.levels).movedim(-1, 1) if self.leak else out


def tiny_nll(model: nn.Module, x: torch.Tensor, y: None = None) -> torch.Tensor:
    """Summed over pixels."""
    return nn.functional.cross_entropy(model(x), x[:, 0], reduction="none").sum((1, 2))


def test_a_density_must_sum_to_one() -> None:
    """Equal logits pay log2 17 bits, which is no band; a network that sees the pixel itself is void, however cheap."""
    arrays = {"width": np.array(8), "blocks": np.array(1), "model.logits": np.zeros(17, np.float32)}
    [row] = measures("hw1").pixelcnn_weights(arrays, Tiny, tiny_nll).values()
    assert (row["test bits per pixel"], row["band"]) == (pytest.approx(np.log2(17), abs=1e-3), "none")
    [row] = measures("hw1").pixelcnn_weights(arrays, lambda *a: Tiny(*a, leak=True), tiny_nll).values()
    assert row["band"] == "void"


@pytest.mark.parametrize("change", [{"width": np.array(10**9)}, {"blocks": np.array(1.5)}, {"model.logits": np.zeros(3)},
                                    {"model.more": np.zeros(2)}])  # fmt: skip
def test_weights_that_do_not_fit_are_refused(change: dict[str, Any]) -> None:
    """Absurd sizes and foreign weights are refused before anything is built from them."""
    arrays = {"width": np.array(8), "blocks": np.array(1), "model.logits": np.zeros(17, np.float32), **change}
    with pytest.raises(npz.Unfit):
        measures("hw1").pixelcnn_weights(arrays, Tiny, tiny_nll)


# ---- the way through the grader -----------------------------------------------------------------------------------


def small(folder: Path, name: str) -> dict[str, str]:
    """A job: the homework's own bundle with a few of its questions, and its reference as the submission."""
    homework = load_homework(ROOT / "solutions" / name, ROOT, Collector(ROOT))
    assert homework is not None
    release = contract.contract(homework, None)
    files = bundle(homework, release, kit.modules(homework, release))
    for path, data in files.items():
        if path.startswith("bundle/"):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(data)
    manifest = json.loads((folder / "bundle" / "manifest.json").read_bytes())
    manifest["questions"] = [question for question in manifest["questions"] if question["id"] in KEPT[name]]
    for question in manifest["questions"]:
        del question["tests"][1:]
    tests = [test for question in manifest["questions"] for test in question["tests"]]
    manifest["points"] = sum(test["points"] for test in tests if not test["bonus"])
    (folder / "bundle" / "manifest.json").write_text(json.dumps(manifest))
    (folder / "submission").mkdir()
    (folder / "submission" / f"{name}.py").write_bytes(files["bundle/reference/reference.py"])
    (folder / "results").mkdir()
    return {part: str(folder / part) for part in ("bundle", "submission", "results")}


def test_real_files_through_the_real_grader(tmp_path: Path) -> None:
    """HW1's, HW3's and HW4's own bundles measure what their own notebooks would hand in."""
    jobs = {name: small(tmp_path / name, name) for name in KEPT}
    images, labels = blurred(500, 2)
    network = homeworks.load("hw1").namespace["PixelCNN"](17, 8, 1)
    weights = {f"model.{key}": value.numpy() for key, value in network.state_dict().items()}
    flat = images[:359].reshape(359, 64)
    files = {
        "hw1/pixelcnn_samples": {"with_class": images[:, None], "without_class": flat, "labels": labels},
        "hw1/pixelcnn_weights": {"width": 8, "blocks": 1, **weights},
        "hw3/hw3_samples": {"flow": flat, "gan": flat, "gan_r1": flat},
        "hw4/digit_samples": {"images": images[:, None], "labels": labels},
    }
    for path, arrays in files.items():
        name, _, file = path.partition("/")
        stream = io.BytesIO()
        np.savez_compressed(stream, **arrays)
        (tmp_path / name / "submission" / f"{file}.npz").write_bytes(stream.getvalue())
    environment = {
        "PATH": "/usr/bin:/bin",
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    done = subprocess.run(
        [sys.executable, str(DRIVER), "[]"], input=json.dumps(list(jobs.values())), text=True, env=environment,
        capture_output=True, timeout=500, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    found = {}
    for name in KEPT:
        results = json.loads((tmp_path / name / "results" / "results.json").read_text())
        assert results["score"] == sum(test["max_score"] for test in results["tests"])
        found |= {
            one["id"]: (one["trouble"], [t["band"] for t in one["tables"]])
            for one in results["extra_data"]["artefacts"]
        }
    assert found == {
        "pixelcnn_samples": ("", ["", ""]), "pixelcnn_weights": ("", ["none"]), "hw3_samples": ("", ["", "", "full"]),
        "digit_samples": ("", ["full"]),
    }  # fmt: skip
