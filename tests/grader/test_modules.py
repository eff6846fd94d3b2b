"""What `import hwkit` gives, in the grader and in a worker."""

from __future__ import annotations

import sys
import types

import pytest

from autograder import modules, testing
from autograder.manifest import read_manifest

COSTLY = "raise RuntimeError('the kit was executed')\n"


def test_the_graders_hwkit_is_testing_itself(bundle):
    """Testing names are autograder.testing's own objects and cost nothing; others come from the kit's file."""
    with modules.available(bundle, read_manifest(bundle)):
        import hwkit

        assert hwkit.assert_close is testing.assert_close and hwkit.points is testing.points
        assert hwkit.savefig(1) is None
        with pytest.raises(AttributeError):
            _ = hwkit.no_such_name
    assert "hwkit" not in sys.modules


def test_the_kit_is_executed_only_when_one_of_its_own_names_is_wanted(bundle):
    """Testing names alone leave the kit's file untouched."""
    (bundle / "modules" / "hwkit.py").write_text(COSTLY)
    with modules.available(bundle, read_manifest(bundle)):
        import hwkit

        assert hwkit.core is testing.core
        with pytest.raises(RuntimeError, match="was executed"):
            _ = hwkit.savefig


def test_the_doorway_in_a_worker(bundle, monkeypatch):
    """In a worker `hwkit` opens on testing, then on the kit, and `import *` gives both."""
    found = modules.sources(bundle, read_manifest(bundle))
    kit, door = types.ModuleType("hwkit_kit"), types.ModuleType("hwkit")
    exec(found["hwkit"], door.__dict__)
    exec(found["hwkit_kit"], kit.__dict__)
    monkeypatch.setitem(sys.modules, "hwkit_kit", kit)
    assert door.assert_close is testing.assert_close and door.savefig is kit.savefig
    assert {"assert_close", "savefig"} <= set(door.__getattr__("__all__"))
    with pytest.raises(AttributeError):
        _ = door.no_such_name


def test_data_files_travel_only_with_a_module_that_can_read_them(bundle, tmp_path):
    """Without given modules no data is sent; with one, everything beside it that is not Python."""
    manifest = read_manifest(bundle)
    (bundle / "modules" / "digits.npz").write_bytes(b"data")
    assert modules.data(bundle, manifest) == {}
    import dataclasses

    more = dataclasses.replace(manifest, modules=("hwkit", "digits"))
    assert modules.data(bundle, more) == {"digits.npz": b"data"}
