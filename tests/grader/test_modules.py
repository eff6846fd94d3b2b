"""What `import hwkit` gives, in the grader and in a worker."""

from __future__ import annotations

import sys

import pytest

from autograder import modules, testing
from autograder.manifest import read_manifest

COSTLY = "raise RuntimeError('the kit was executed')\n"


def test_the_graders_hwkit_is_testing_itself(bundle):
    """Testing names are autograder.testing's own objects and cost nothing; others come from the kit's file."""
    before = sys.modules.get("hwkit")
    with modules.available(bundle, read_manifest(bundle)):
        import hwkit

        assert hwkit.assert_close is testing.assert_close and hwkit.points is testing.points
        assert hwkit.savefig(1) is None
        with pytest.raises(AttributeError):
            _ = hwkit.no_such_name
    assert sys.modules.get("hwkit") is before


def test_the_kit_is_executed_only_when_one_of_its_own_names_is_wanted(bundle):
    """Testing names alone leave the kit's file untouched."""
    (bundle / "modules" / "hwkit.py").write_text(COSTLY)
    with modules.available(bundle, read_manifest(bundle)):
        import hwkit

        assert hwkit.core is testing.core
        with pytest.raises(RuntimeError, match="was executed"):
            _ = hwkit.savefig


def test_data_files_travel_only_with_a_module_that_can_read_them(bundle, tmp_path):
    """Without given modules no data is sent; with one, everything beside it that is not Python."""
    manifest = read_manifest(bundle)
    (bundle / "modules" / "digits.npz").write_bytes(b"data")
    assert modules.data(bundle, manifest) == {}
    import dataclasses

    more = dataclasses.replace(manifest, modules=("hwkit", "digits"))
    assert modules.data(bundle, more) == {"digits.npz": b"data"}
