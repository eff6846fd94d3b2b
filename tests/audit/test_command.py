"""`build.py audit`, as a person runs it: clean, with each kind of bad test, with bad input, and interrupted."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from starterkit.check import check
from starterkit.cli import invoke
from starterkit.course import CourseFolder
from tests.audit.conftest import Spoiled

if TYPE_CHECKING:
    from pathlib import Path

UNIT = 'assert_close(moved, right, "One unit of noise is one standard deviation")'


def test_a_good_suite_is_clean(course: Spoiled, tmp_path: Path) -> None:
    """Good tests give exit 0, the counts of mutants, JSON, hints, and a page that fetches and runs nothing."""
    code, said = course.audit("--json", str(tmp_path / "a.json"), "--html", str(tmp_path / "a.html"))
    assert code == 0, said
    assert re.search(r"\d+ mutants, \d+ killed \(\d+ by a law, \d+ by an exception", said)
    assert "3 signed, 0 unsigned" in said
    report = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    mutants = report["parts"]["mutants"]
    assert report["clean"] is True
    assert (
        mutants["killed"] == mutants["by_law"] + mutants["by_exception"] + mutants["by_time_out"] + mutants["by_crash"]
    )
    assert report["parts"]["calibration"]["flake_bound"] == pytest.approx(3e-7)
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert not re.search(r"<script|https?://|@import|url\(|<img|<link", page)
    assert "Signed:" in page
    hints = json.loads((course.homework / "audit_hints.json").read_text(encoding="utf-8"))["hints"]
    wanted = {"question": "1.1a", "failing": ["test_gradients_flow"]}
    assert {**wanted, "hint": "A detach cuts the gradient to the log-variance."} in hints


def test_a_new_homework_is_clean(tmp_path: Path) -> None:
    """What `new` writes passes its own audit: a person sees what clean looks like before the first change."""
    assert invoke(["--course", str(tmp_path), "new", "hw5"]) == 0
    code, said = Spoiled(tmp_path, "hw5").audit()
    assert code == 0, said
    assert "\nhw5: the audit is clean (" in said


def test_one_question_alone(course: Spoiled, tmp_path: Path) -> None:
    """With --only, the mutants and alternatives of that question, and no hints written; unknown questions are exit 2."""
    code, said = course.audit("--only", "1.1a", "--json", str(tmp_path / "a.json"))
    assert code == 0, said
    report = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    assert report["only"] == ["1.1a"]
    assert {row["question"] for row in report["parts"]["chaffs"]["chaffs"]} == {"1.1a"}
    assert not (course.homework / "audit_hints.json").exists()
    code, said = course.audit("--only", "7.1a")
    assert (code, "there is no question 7.1a" in said) == (2, True)


@pytest.mark.parametrize(
    ("test", "law"),
    [
        ("test_gradients_flow", "assert_gradients_match(shifted"),
        ("test_inputs_and_dtype_are_kept", "a @float32 test that float32 arguments give a float32 result"),
    ],
)
def test_a_missing_law_is_named(course: Spoiled, test: str, law: str) -> None:
    """Without a hidden test that is not redundant: exit 1, the diff of a mutant that survives, and the law to test."""
    course.drop(test)
    code, said = course.audit()
    assert code == 1, said
    assert law in said
    assert re.search(r"survivors: question 1\.1[ab]: this change .* keeps full marks", said)
    assert re.search(r"--> solutions/hw1/(hw1|wheats/1_1[ab])\.py:\d+\n    - .*\n    \+ ", said)


def test_a_tolerance_of_one_half_lets_mutants_through(course: Spoiled) -> None:
    """A tolerance of 0.5 gives exit 1 and a law about the value."""
    course.edit("hw1.py", UNIT, UNIT.replace('")', '", rtol=0.5, atol=0.5)'))
    code, said = course.audit()
    assert code == 1, said
    assert "a law about the value of shifted" in said


def test_a_comparison_of_shapes_lets_mutants_and_cheats_through(course: Spoiled) -> None:
    """A core test of shapes alone gives exit 1, a law about the value, and a cheat that earns points."""
    course.edit("hw1.py", UNIT, 'assert moved.shape == right.shape, "One unit of noise is one standard deviation"')
    code, said = course.audit()
    assert code == 1, said
    assert "a law about the value of shifted" in said
    assert re.search(r"cheats: question 1\.1a: returning zeros earns [\d.]+ of 4 points", said)


def test_unfair_tests_are_found(course: Spoiled) -> None:
    """Seeded draws refuse a wheat, a t-test on heavy tails fails calibration, a printed answer is a leak: exit 1."""
    course.edit(
        "hw1.py",
        "    for dtype in (torch.float32, torch.float64):\n",
        "    heavy = torch.exp(2 * jittered(torch.zeros(1000)))\n"
        "    t = float((heavy.mean() - math.exp(2)) / heavy.std() * math.sqrt(1000))\n"
        "    assert_p_value(math.erfc(abs(t) / math.sqrt(2)))\n"
        "    state = torch.get_rng_state()\n    drawn = jittered(x.detach())\n    torch.set_rng_state(state)\n"
        '    assert_close(drawn, x.detach() + torch.randn_like(x.detach()), "Another draw")\n'
        "    for dtype in (torch.float32, torch.float64):\n",
    )
    course.edit("hw1.py", UNIT, 'assert torch.allclose(moved, right), f"expected {right}"')
    course.edit("hw1.py", "    core,\n", "    assert_p_value,\n    core,\n")
    code, said = course.audit()
    assert code == 1, said
    assert "wheat-negative-noise is right, and fails test_jitter_keeps_gradient_and_dtype" in said
    assert "calibration: question 1.1b: p-values of test_jitter_keeps_gradient_and_dtype are too small" in said
    assert "the message of test_unit_noise_moves_by_one_standard_deviation prints the right answer" in said


def test_a_reference_that_fails_its_own_tests_is_an_error(course: Spoiled) -> None:
    """Exit 2 and the line of the test that the reference fails."""
    course.edit(
        "hw1.py", "    return mean + torch.exp(0.5 * logvar) * eps", "    return mean + torch.exp(logvar) * eps"
    )
    code, said = course.audit()
    assert code == 2, said
    assert "error[reference-fails]: the reference fails its own test test_unit_noise_moves" in said
    assert "--> solutions/hw1/hw1.py:" in said


def test_a_wheat_that_does_not_import_is_an_error(course: Spoiled) -> None:
    """Exit 2 and the wheat's line."""
    course.edit("wheats/1_1a.py", "import torch\n", "import no_such_library\nimport torch\n")
    code, said = course.audit()
    assert code == 2, said
    assert "error[broken-wheat]: this wheat cannot be executed: ModuleNotFoundError" in said
    assert re.search(r"--> solutions/hw1/wheats/1_1a\.py:\d+", said)


def test_a_chaff_that_changes_nothing_is_an_error(course: Spoiled) -> None:
    """Exit 2 and the chaff's line, whatever its annotations and docstring."""
    course.edit(
        "chaffs/1_1a.py",
        "    return mean + torch.exp(logvar) * eps",
        '    """Wrong."""\n    return mean + torch.exp(0.5 * logvar) * eps',
    )
    code, said = course.audit()
    assert code == 2, said
    assert "error[idle-chaff]: this chaff changes nothing" in said
    assert re.search(r"--> solutions/hw1/chaffs/1_1a\.py:\d+", said)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (("968d8c797d", "0123456789"), "error[unknown-mutant]: there is no mutant 0123456789"),
        (("standard-normal noise is symmetric: adding and subtracting it is the same", "equal"), "error[no-reason]"),
        (("[[accept]]", "[[accept"), "error[bad-toml]"),
    ],
)
def test_a_bad_signature_is_an_error(course: Spoiled, change: tuple[str, str], error: str) -> None:
    """A signed survivor that does not exist, a verdict without a reason, broken TOML: exit 2 and the line."""
    course.edit("audit_accept.toml", *change)
    code, said = course.audit()
    assert code == 2, said
    assert error in said
    assert re.search(r"--> solutions/hw1/audit_accept\.toml:\d", said)


def test_a_signature_of_a_killed_mutant_is_an_error(course: Spoiled) -> None:
    """A signature that a test has made needless gives exit 2."""
    code, said = course.audit("--json", "all.json")
    assert code == 0, said
    course.edit("audit_accept.toml", '"968d8c797d"', f'"968d8c797d", "{_killed(course)}"')
    code, said = course.audit()
    assert code == 2, said
    assert "error[needless-signature]" in said


def _killed(course: Spoiled) -> str:
    from starterkit.audit.generate import mutants, origins
    from starterkit.diagnostics import Collector
    from starterkit.source import load_homework

    homework = load_homework(course.homework, course.root, Collector())
    assert homework is not None
    return mutants(origins(homework, [])[0])[0].id


def test_too_few_alternatives_fail_the_audit(course: Spoiled) -> None:
    """A question with two chaffs gives exit 1 and says which file wants more."""
    path = course.homework / "chaffs" / "1_1b.py"
    text = path.read_text(encoding="utf-8")
    path.write_text(text[: text.rindex("@chaff")], encoding="utf-8")
    code, said = course.audit("--sample", "5")
    assert code == 1, said
    assert "question 1.1b has 2 chaffs, and needs 3" in said


def test_too_few_alternatives_are_a_warning_of_check(course: Spoiled) -> None:
    """`check` warns of a question with two chaffs; a chaff that does not parse is an error."""
    path = course.homework / "chaffs" / "1_1b.py"
    text = path.read_text(encoding="utf-8")
    for end, severity, said in (("", "warning", "question 1.1b has 2 chaffs"), ("(", "error", "does not parse")):
        path.write_text(text[: text.rindex("@chaff")] + end, encoding="utf-8")
        outcome = check(CourseFolder(course.root), ["hw1"], lambda _: None)
        assert [one.severity for one in outcome.problems if said in one.message] == [severity]


def test_a_sample_is_smaller_and_says_so(course: Spoiled) -> None:
    """--sample 10 runs ten mutants and the closing line says it."""
    code, said = course.audit("--sample", "10")
    assert code == 0, said
    assert "10 mutants, " in said
    assert "a sample of 10 mutants" in said
