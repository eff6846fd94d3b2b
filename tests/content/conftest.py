"""A homework with its reference, loaded once for the suite that runs on it."""

from __future__ import annotations

import pytest

from tests.content import homeworks

pytest.register_assert_rewrite("tests.content.suite")  # its failures say as much as a test module's


@pytest.fixture(scope="class")
def hw(request: pytest.FixtureRequest) -> homeworks.Homework:
    """The homework that the test's class names."""
    assert request.cls is not None
    return homeworks.load(request.cls.name)
