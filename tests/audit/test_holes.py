"""HW2 with one hole in its tests: the audit finds the hole, shows a mutant that gets through, and names the law."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.audit.conftest import Spoiled

SURVIVES = r"survivors: question {}: this change of .* keeps full marks .*\n  --> solutions/hw2/.*\n(?:    [-+] .*\n)+    test {}"


@pytest.mark.parametrize(
    ("question", "test", "law"),
    [
        ("2.1a", "test_reparameterize_keeps_the_dtype", "the dtype in float32"),
        ("2.2c", "test_every_draw_counts_equally", "a law about the value of beta_elbo"),
        ("2.2d", "test_no_warmup_means_full_weight", ".* kl_weight where numbers are zero"),
        ("2.5b", "test_decoder_leaves_its_inputs_alone", "that arguments are left alone"),
    ],
)
def test_a_deleted_hidden_test_is_missed(hw2: Spoiled, question: str, test: str, law: str) -> None:
    """Exit 1, a mutant as a diff with its place, and the law that the deleted test was about."""
    hw2.drop(test)
    code, said = hw2.audit("--only", question)
    assert code == 1, said
    assert re.search(SURVIVES.format(question, law), said), said


def test_a_deleted_test_that_only_a_chaff_needs_is_missed(hw2: Spoiled) -> None:
    """Exit 1, and the known mistake that gets full marks, with its hint."""
    hw2.drop("test_large_theta_is_poisson")
    code, said = hw2.audit("--only", "2.5a", "--sample", "20")
    assert code == 1, said
    assert re.search(r"chaffs: question 2\.5a: chaff-gamma-functions-of-a-large-theta\S+ gets full marks", said), said


@pytest.mark.parametrize(
    "weak",
    [
        "assert_close(beta_elbo(raised, beta) - base, torch.full((b,), 1 / k), rtol=0.5, atol=0.5)",
        "assert beta_elbo(raised, beta).shape == base.shape",
    ],
    ids=["a tolerance of one half", "shapes alone"],
)
def test_a_weakened_test_is_missed(hw2: Spoiled, weak: str) -> None:
    """A tolerance of 0.5, or a comparison of shapes alone, lets a mutant through: exit 1 and the law."""
    strong = 'assert_close(beta_elbo(raised, beta) - base, torch.full((b,), 1 / k), "Each draw counts 1/K")'
    hw2.edit("hw2.py", strong, weak)
    code, said = hw2.audit("--only", "2.2c")
    assert code == 1, said
    assert re.search(SURVIVES.format("2.2c", "a law about the value of beta_elbo"), said), said
