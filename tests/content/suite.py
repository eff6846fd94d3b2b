"""What holds of every homework: its reference and every wheat pass, every chaff fails, points and tests add up."""

from __future__ import annotations

import re
import time
import tomllib
from typing import ClassVar

import pytest
import torch

from autograder import testing
from starterkit.overlay import Alternative
from tests.content import homeworks

SEEDS = range(5)


class HomeworkSuite:
    """Inherit this as `TestHW2`; the fixture `hw` is the homework with its reference."""

    name: ClassVar[str]
    points: ClassVar[dict[str, float]]  # problem: points of its code
    declared: ClassVar[dict[str, int]] = {"written": 30, "code": 54, "figures": 16}
    bonus: ClassVar[int] = 0
    # Problem: its commonest mistakes, each as a question and a piece of a chaff's hint, and what a public check says
    commonest: ClassVar[dict[str, dict[str, str]]]

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Once for each question, wheat, chaff or problem, whichever a test names."""
        wheats, chaffs = (homeworks.alternatives(self.name, kind) for kind in ("wheat", "chaff"))
        for argument, values, ids in (
            ("qid", homeworks.questions(self.name), None),
            ("right", wheats, homeworks.names_of(wheats)),
            ("wrong", chaffs, homeworks.names_of(chaffs)),
            ("problem", list(self.points), None),
        ):
            if argument in metafunc.fixturenames:
                metafunc.parametrize(argument, values, ids=ids)

    def test_reference_gets_full_marks(self, hw: homeworks.Homework, qid: str) -> None:
        """The reference passes every test of every question under five seeds."""
        for seed in SEEDS:
            assert hw.failures(qid, seed=seed) == {}

    def test_wheat_gets_full_marks(
        self, hw: homeworks.Homework, right: Alternative, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Every valid alternative passes every test of its question under five seeds."""
        hw.put(right, monkeypatch)
        for seed in SEEDS:
            assert hw.failures(right.question, seed=seed) == {}

    def test_chaff_loses_points(
        self, hw: homeworks.Homework, wrong: Alternative, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Every misconception fails a test of its own question, under every seed."""
        hw.put(wrong, monkeypatch)
        for seed in SEEDS:
            assert hw.failures(wrong.question, seed=seed, quick=True)

    def test_messages_hold_no_expected_numbers(
        self, hw: homeworks.Homework, wrong: Alternative, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """No message that a misconception earns holds a number with five or more decimals."""
        hw.put(wrong, monkeypatch)
        for error in hw.failures(wrong.question, seed=2).values():
            if isinstance(error, AssertionError):
                assert not re.search(r"\d\.\d{5,}", testing.failure_message(error))

    def test_alternatives_suffice(self, hw: homeworks.Homework, qid: str) -> None:
        """Each question has at least two wheats and three chaffs, under its own graded name."""
        right, wrong = (homeworks.alternatives(self.name, kind, qid) for kind in ("wheat", "chaff"))
        assert len(right) >= 2
        assert len(wrong) >= 3
        assert all(set(item.functions) == set(hw.names[qid]) for item in right + wrong)

    def test_points_are_as_declared(self, hw: homeworks.Homework) -> None:
        """Points of code, writing and figures add up to what is declared, those of code problem by problem."""
        declared = tomllib.loads((hw.folder / "assignment.toml").read_text(encoding="utf-8"))["points"]
        found = {problem: sum(hw.points(q) for q in hw.tests if q.startswith(problem)) for problem in self.points}
        assert found == self.points
        assert sum(hw.points(qid) for qid in hw.tests) == declared["code"] == self.declared["code"]
        assert sum(hw.points(qid, bonus=True) for qid in hw.tests) == self.bonus
        text = (hw.folder / f"{self.name}.py").read_text(encoding="utf-8")
        for kind, header in (("written", "written"), ("figures", "figure")):
            by_hand = sum(map(int, re.findall(rf"{header}=.* points=(\d+)", text)))
            assert by_hand == declared[kind] == self.declared[kind]

    def test_every_question_has_one_public_core_test_and_hidden_ones(self, hw: homeworks.Homework, qid: str) -> None:
        """Each question has exactly one core test, which is public and comes first, and at least one hidden test."""
        tests = hw.tests[qid]
        assert [testing.spec_of(test).core for test in tests] == [True] + [False] * (len(tests) - 1)
        assert tests[0].__name__ not in hw.hidden
        assert any(test.__name__ in hw.hidden for test in tests)
        assert sum(test.__name__ not in hw.hidden for test in tests) <= 3
        assert all(testing.spec_of(test).points > 0 and test.__doc__ for test in tests)

    def test_stub_and_constants_get_nothing(
        self, hw: homeworks.Homework, qid: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A function that raises NotImplementedError, returns its first argument or a constant, fails the core test."""
        (name,) = hw.names[qid]

        def untouched(*_args: object, **_kwargs: object) -> object:
            raise NotImplementedError(f"Question {qid}")

        constants = [lambda *_, c=c, **__: c for c in (torch.zeros(3), torch.ones(3), None, 0, 1.0)]
        for answer in (untouched, lambda *args, **_: args[0], *constants):
            monkeypatch.setitem(hw.namespace, name, answer)
            assert hw.tests[qid][0].__name__ in hw.failures(qid, seed=1, quick=True)

    def test_suite_is_cheap(self, hw: homeworks.Homework) -> None:
        """All tests of the homework together take at most two CPU seconds in one process."""
        began = time.process_time()
        for qid in hw.tests:
            hw.failures(qid, seed=3)
        assert time.process_time() - began <= 2

    def test_public_checks_name_the_commonest_mistakes(self, hw: homeworks.Homework, problem: str) -> None:
        """Six or more common mistakes of a problem fail a public check whose message says the concept's name."""
        assert len(self.commonest[problem]) >= 6
        homeworks.named_by_public_checks(hw, self.commonest[problem])
