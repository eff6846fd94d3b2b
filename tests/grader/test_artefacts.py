"""Files handed in beside the notebook, measured by the real grader in real workers."""

from __future__ import annotations

import io
import json
import warnings
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import jsonschema
import numpy as np
import pytest
import tiny_bundle
from runs import SCHEMA, Graded, grade_all

from autograder import artefacts, npz, staging
from autograder.artefacts import tables_of
from autograder.failures import Limits
from autograder.manifest import Artefact

if TYPE_CHECKING:
    from collections.abc import Mapping

MEASURES = """
import torch
from autograder.npz import Unfit


def _mean(arrays):
    if "x" not in arrays or arrays["x"].ndim != 1:
        raise Unfit("x must be a row of numbers")
    return {"points": {"samples": len(arrays["x"]), "mean": float(arrays["x"].mean()), "band": "full", "note": "fine"}}


def gains(arrays, Scaler):
    model = Scaler(len(arrays["gain"]))
    model.load_state_dict({"gain": torch.from_numpy(arrays["gain"])})
    return {"gain": {"total": float(model(torch.ones(1, len(arrays["gain"]))).sum())}}


def raises(arrays):
    return arrays["absent"]


def infinite(arrays):
    return {"points": {"mean": float("inf")}}


def allocates(arrays):
    return {"points": {"mean": float(torch.ones(1_000_000_000, dtype=torch.float64).sum())}}
"""
ODD = ("sound", "bomb", "nan", "objects", "announces", "long_header", "wrong_shape", "text", "cut_off", "no_zip",
       "too_large", "twice", "linked", "absent")  # fmt: skip
MEASURED = (*ODD, "gains", "raises", "infinite", "allocates")


def saved(**arrays: Any) -> bytes:
    """An .npz file with these arrays."""
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)
    return stream.getvalue()


def zipped(members: Mapping[str, bytes]) -> bytes:
    """A zip with these members."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return stream.getvalue()


def header(shape: str, *, padding: int = 0) -> bytes:
    """The start of an .npy file of version 1 or, with padding, 2."""
    text = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}".encode() + b" " * padding + b"\n"
    size = len(text).to_bytes(4 if padding else 2, "little")
    return b"\x93NUMPY" + (b"\x02\x00" if padding else b"\x01\x00") + size + text


def hand_ins() -> dict[str, bytes]:
    """File name -> bytes: one sound file for every measure, and the others."""
    x = np.arange(4.0)
    stored = io.BytesIO()
    np.save(stored, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    twice = io.BytesIO()
    with zipfile.ZipFile(twice, "w") as archive, warnings.catch_warnings(action="ignore"):
        for _ in range(2):
            archive.writestr("x.npy", header("(1,)") + b"\0" * 8)
    files = {
        "sound": saved(x=x), "bomb": saved(x=np.zeros(9 << 20)), "nan": saved(x=np.array([1.0, np.nan])),
        "objects": zipped({"x.npy": stored.getvalue()}), "text": saved(x=np.array(["a"])),
        "announces": zipped({"x.npy": header("(268435456,)") + b"\0" * 64}),
        "long_header": zipped({"x.npy": header("(1,)", padding=30_000_000) + b"\0" * 8}),
        "wrong_shape": saved(x=np.zeros((2, 2))), "cut_off": saved(x=x)[:-30], "no_zip": b"\x80\x04K\x01.",
        "too_large": b"0" * 1_100_000, "twice": twice.getvalue(),
        "gains": saved(gain=np.array([2.0, 3.0])), "raises": saved(x=x), "infinite": saved(x=x), "allocates": saved(x=x),
    }  # fmt: skip
    return {f"{name}.npz": data for name, data in files.items()}


def bundle(folder: Path) -> Path:
    """The tiny homework, with all artefacts of this file."""
    data = tiny_bundle.manifest()
    declared = [{"id": name, "file": f"{name}.npz", "max_mb": 1.0, "measured": True, "uses": []} for name in MEASURED]
    declared[MEASURED.index("gains")]["uses"] = ["Scaler"]
    data["artefacts"] = [*declared, {"id": "listed", "file": "*.csv"}]
    tiny_bundle.write_bundle(folder, data=data)
    (folder / "measures").mkdir()
    aliases = "".join(f"{name} = _mean\n" for name in ODD)
    (folder / "measures" / "measures.py").write_text(f"{MEASURES}\n\n{aliases}")
    return folder


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Graded]:
    """The files beside the notebook, some of them in one zip with it, and a few with notebooks that lack `Scaler`."""
    folder = tmp_path_factory.mktemp("artefacts")
    files = hand_ins()
    beside = tiny_bundle.submission(folder / "beside")
    for name, data in files.items():
        (beside / name).write_bytes(data)
    (folder / "outside.npz").write_bytes(files["sound.npz"])
    (beside / "linked.npz").symlink_to(folder / "outside.npz")
    (folder / "inside").mkdir()
    notebook = (beside / "hw9.ipynb").read_bytes()
    few = {name: files[name] for name in ("sound.npz", "objects.npz", "gains.npz", "too_large.npz")}
    (folder / "inside" / "hw9-submission.zip").write_bytes(zipped({"hw9.ipynb": notebook, **few}))
    lacking = tiny_bundle.submission(folder / "lacking", scaler="x = 1\n")
    for name in ("sound.npz", "gains.npz"):
        (lacking / name).write_bytes(files[name])
    stub = tiny_bundle.submission(folder / "stub", scaler=tiny_bundle.STUBS["1.2"])
    (stub / "gains.npz").write_bytes(files["gains.npz"])
    where = str(bundle(folder / "bundle"))
    names = ("beside", "inside", "lacking", "stub")
    return grade_all(folder, {name: {"bundle": where, "submission": str(folder / name)} for name in names})


def troubles(run: Graded) -> dict[str, str]:
    """Artefact -> why it was not measured."""
    return {one["id"]: one["trouble"] for one in run.data["extra_data"]["artefacts"] if one["trouble"]}


def test_numbers_reach_the_student_and_bands_only_the_staff(graded: dict[str, Graded]) -> None:
    """A sound file's numbers stand above the rows; its band stands in the staff's log and in extra_data only."""
    run = graded["beside"]
    jsonschema.validate(run.data, SCHEMA)
    assert "- Received sound.npz: points: samples 4, mean 1.5 (fine)." in run.data["output"]
    assert "band" not in run.data["output"]
    assert "full" not in json.dumps({"output": run.data["output"], "tests": run.data["tests"]})
    assert "    points: samples 4, mean 1.5 (fine)  ->  band: full" in run.log.splitlines()
    [sound] = [one for one in run.data["extra_data"]["artefacts"] if one["id"] == "sound"]
    assert sound["tables"] == [{"name": "points", "band": "full", "note": "fine", "samples": 4.0, "mean": 1.5}]


def test_artefacts_carry_no_points(graded: dict[str, Graded]) -> None:
    """Whatever was handed in, the rows and their points are those of the notebook alone, and nothing is our fault."""
    for name, points in (("beside", 15.0), ("inside", 15.0), ("lacking", 10.0)):
        run = graded[name]
        assert (run.code, run.data["score"], len(run.data["tests"])) == (0, points, 9)
        assert run.data["extra_data"]["finished"] is True
        assert run.data["extra_data"]["our_fault"] is False


def test_every_odd_file_gets_its_one_plain_sentence(graded: dict[str, Graded]) -> None:
    """Bombs, pickles, false headers and other odd files are refused for what they are, and the others are measured."""
    wrong = troubles(graded["beside"])
    again = "write it again with numpy.savez_compressed"
    assert wrong == {
        "bomb": "it unpacks to more than 64 MiB: store fewer samples, or smaller types",
        "nan": "x.npy holds NaN or infinite numbers",
        "objects": "x.npy holds Python objects instead of numbers",
        "text": "x.npy holds text instead of numbers",
        "announces": "x.npy announces another size than it has",
        "long_header": f"x.npy is not a sound array: {again}",
        "wrong_shape": "x must be a row of numbers",
        "cut_off": f"it is not a sound .npz file: {again}",
        "no_zip": f"it is not a sound .npz file: {again}",
        "too_large": "it is larger than 1 MB, or cannot be read",
        "twice": "it holds two arrays called x",
        "raises": "the measurement failed on it; the staff can see why",
        "infinite": "the measurement returned no table of finite numbers",
        "allocates": "it needs more memory than the grader has",
    }
    for name, sentence in wrong.items():
        assert f"- Received {name}.npz: cannot be measured: {sentence}." in graded["beside"].data["output"]


def test_a_zip_holds_the_same_files(graded: dict[str, Graded]) -> None:
    """A file inside the submission's zip is measured as it is beside the notebook."""
    beside, inside = (graded[name].data["extra_data"]["artefacts"] for name in ("beside", "inside"))
    received = [one for one in inside if one["file"]]
    assert [one["id"] for one in received] == ["sound", "objects", "too_large", "gains"]
    assert all(one in beside for one in received)


def test_links_are_not_followed(graded: dict[str, Graded]) -> None:
    """A link counts as not handed in, like a file that is not there; what is only declared is not mentioned."""
    for name in ("linked", "absent"):
        assert f"- Not received (optional): {name}." in graded["beside"].data["output"]
    assert "listed" not in graded["beside"].data["output"]


def test_a_measure_may_use_the_students_own_class(graded: dict[str, Graded]) -> None:
    """Weights are measured with the submission's class, and the log says whose numbers they are."""
    assert "- Received gains.npz: gain: total 5." in graded["beside"].data["output"]
    assert "    computed by the submission's own Scaler" in graded["beside"].log.splitlines()
    assert troubles(graded["lacking"]) == {"gains": "it needs Scaler, which the notebook does not define"}
    sentence = "Scaler cannot be used for it (NotImplementedError: Question 1.2)"
    assert troubles(graded["stub"]) == {"gains": sentence}


def test_arrays_keep_their_values() -> None:
    """Order of axes, order of bytes, booleans and single numbers survive the reading."""
    wanted = {"f": np.arange(6.0).reshape(2, 3, order="F"), "big": np.arange(3, dtype=">i4"), "b": np.array([True]),
              "one": np.array(7), "none": np.zeros((0, 3), dtype=np.float32)}  # fmt: skip
    found = npz.arrays(saved(**wanted))
    assert found.keys() == wanted.keys()
    for name, array in wanted.items():
        assert found[name].dtype.kind == array.dtype.kind
        np.testing.assert_array_equal(found[name], array)
        assert found[name].shape == array.shape


@pytest.mark.parametrize(
    "claim",
    [
        None, [], {}, {"a": 1}, {1: {"n": 1}}, {"a": {"n": True}}, {"a": {"n": "1"}}, {"a": {"n": float("nan")}},
        {"a": {"n": 10**199}}, {"a": {"band": "best"}}, {"a": {"band": ["full"]}}, {"a": {"note": 1}},
        {"a": {str(i): i for i in range(13)}}, {str(i): {"n": i} for i in range(17)},
    ],
)  # fmt: skip
def test_a_claim_that_is_no_table_is_refused(claim: object) -> None:
    """Only a small table of finite numbers, known bands and texts is taken from a worker."""
    assert tables_of(claim) is None


def test_a_measurement_that_does_not_end_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the submission's own definitions send may keep the grader itself busy: then there is no table, and the run goes on."""

    def endless(*_: object) -> None:
        while True:
            pass

    (tmp_path / "gains.npz").write_bytes(b"PK")
    monkeypatch.setattr(artefacts, "_in_worker", endless)
    monkeypatch.setattr(artefacts, "LIMITS", Limits(wall_s=0.01))
    declared = Artefact(id="gains", file="gains.npz", measured=True)
    lab: Any = SimpleNamespace(manifest=SimpleNamespace(artefacts=[declared]), left=lambda: 60.0)
    files = [staging.Artefact("gains.npz", 2, tmp_path / "gains.npz")]
    (found,) = artefacts.measure_all(lab, tmp_path, files)
    assert found.tables == () and found.trouble == artefacts.STUCK["wall"]
