"""The manifest is read strictly, and seeds follow from it."""

from __future__ import annotations

import json

import pytest
import tiny_bundle

from autograder import seeds
from autograder.manifest import ManifestError, read_manifest


def written(folder, **changes):
    """A folder whose manifest has these keys changed."""
    (folder / "manifest.json").write_text(json.dumps({**tiny_bundle.manifest(), **changes}))
    return folder


def test_reads_the_tiny_manifest(bundle):
    """Everything arrives in frozen dataclasses."""
    manifest = read_manifest(bundle)
    assert [question.id for question in manifest.questions] == ["1.1a", "1.1b", "1.2"]
    assert manifest.question("1.1b").follow == ("gaussian_kl",)
    assert manifest.owner()["Scaler"] == "1.2"
    assert (manifest.limits.cpu_s, manifest.limits.memory_mb) == (1.5, 1024)
    assert [number for number, _ in manifest.question("1.2").numbered()] == ["1.2.1", "1.2.2", "1.2.3", "1.2.4"]
    assert manifest.question("1.1a").file == "test_1_1a.py"


def test_the_extraction_learns_no_secret(bundle):
    """What travels to the child that parses notebooks holds neither the secret nor a test."""
    text = json.dumps(read_manifest(bundle).extraction_spec())
    assert tiny_bundle.SECRET not in text and "test_" not in text


def test_unknown_keys_are_ignored(tmp_path):
    """A newer builder may write more."""
    assert read_manifest(written(tmp_path, novelty=1)).homework == "hw9"


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"schema": 2}, "schema 1"),
        ({"secret": 3}, "secret: expected str"),
        ({"questions": {}}, "expected a list"),
        ({"questions": [{"id": "1"}]}, "names"),
        ({"points": 12}, "13 points, the total says 12"),
        ({"release": True}, "expected int"),
        ({"limits": {"cpu_s": "10"}}, "cpu_s: expected float"),
        ({"questions": tiny_bundle.manifest()["questions"] * 2}, "occurs twice"),
    ],
)
def test_mistakes_are_told_in_one_sentence(tmp_path, changes, word):
    """A manifest that cannot be used says which key is wrong."""
    with pytest.raises(ManifestError, match=word):
        read_manifest(written(tmp_path, **changes))


def test_no_bundle(tmp_path):
    """A folder without a manifest is no bundle; broken JSON is told as such."""
    with pytest.raises(ManifestError, match="not an autograder bundle"):
        read_manifest(tmp_path)
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(ManifestError, match="cannot be read"):
        read_manifest(tmp_path)


def test_seeds_repeat_and_differ():
    """A seed depends on each of its parts, and on nothing else."""
    parts = ["secret", "hw2", "digest", "test 2.1a t case 0"]
    first = seeds.derive(*parts)
    assert first == seeds.derive(*parts) and 0 <= first < 2**62
    others = {seeds.derive(*[*parts[:i], part + "x", *parts[i + 1 :]]) for i, part in enumerate(parts)}
    assert len(others | {first}) == 5
    assert seeds.derive("s", "a", "bc", "d") != seeds.derive("s", "ab", "c", "d")


def test_the_fingerprint_is_no_seed():
    """What is shown of the seeds reveals none of them."""
    assert len(seeds.fingerprint("s", "hw2", "d")) == 16
