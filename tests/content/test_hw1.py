"""HW1: what holds of every homework, and how its public checks call the commonest mistakes."""

from __future__ import annotations

import sys

import torch

from autograder import testing
from tests.content import homeworks
from tests.content.suite import HomeworkSuite

sys.path.insert(0, str(homeworks.SOLUTIONS / "common"))  # a given cell imports hairpin_dna


class TestHW1(HomeworkSuite):
    """The suite, with HW1."""

    name = "hw1"
    points = {"1.1": 9, "1.2": 11, "1.3": 15, "1.4": 19}
    commonest = {
        "1.1": {
            "1.1a divide by log 2, do not multiply": "log 2",
            "1.1a not by the size of the batch": "batch",
            "1.1b the sigmoid rounds to 0 or 1": "rounded sigmoid",
            "1.1b the first axis is the batch": "all axes but the batch",
            "1.1c the edge bins take the tails": "edge bins",
            "1.1c the bin reaches half its width": "bins 2/(K-1) wide",
            "1.1c log_s is the logarithm of the scale": "log of the scale",
            "1.1d the difference of logs is their sum": "nll is already negative",
        },
        "1.2": {
            "1.2a the output's comparison is strict": "last comparison strict",
            "1.2a hidden units may listen": "hidden mask strict",
            "1.2a a mask is (out, in)": "(out, in)",
            "1.2a use the order in the argument": "rank of variable i",
            "1.2b masking the initial weights once": "every forward pass",
            "1.2c draw in the order of the ranks": "order of the ranks",
            "1.2c the logits change with every variable": "recomputed",
        },
        "1.3": {
            "1.3a they are swapped": "swapped",
            "1.3a the rows below the centre": "rows below",
            "1.3a in the rows above all columns": "rows above",
            "1.3b the first convolution must be of type A": "type A",
            "1.3b subtracting the mean of the image": "mean over the image",
            "1.3c the mean is the cost per pixel": "sum over pixels",
            "1.3d raster order runs along rows": "rows first",
            "1.3d one forward pass is not enough": "new logits",
            "1.3d the likeliest level is not a sample": "chosen by its u",
        },
        "1.4": {
            "1.4a a mask of -1e4": "minus infinity",
            "1.4a the square root of the width of one head": "1/sqrt(d)",
            "1.4a not of all heads together": "one head",
            "1.4a the softmax runs over the keys": "softmax runs over keys",
            "1.4a each position sees itself": "position t included",
            "1.4b the mask must know where the queries stand": "shifts the mask",
            "1.4b appended twice": "each once",
            "1.4c the input is not shifted": "shifted by one",
            "1.4c the mean is the cost per token": "sum over the L tokens",
            "1.4e 1e-10 is an ordinary logit": "minus infinity",
        },
    }

    def test_oracle_of_the_hairpins_is_exact(self, hw: homeworks.Homework) -> None:
        """The oracle that `generate` is tested with has the exact log-probability, at once and token by token."""
        dna = hw.namespace["HairpinDNA"]()
        oracle, x = hw.namespace["HairpinOracle"](dna), dna.sample(40, torch.Generator().manual_seed(0))
        with testing.default_dtype(testing.TestSpec()):
            cost = hw.namespace["sequence_nll"](oracle, x, 4)
            assert torch.allclose(cost, -dna.log_prob(x), atol=1e-10)
            token, past, steps = torch.full((40, 1), 4), None, []
            for t in range(48):
                logits, past = oracle(token, past)
                steps.append(-logits[:, -1].log_softmax(-1).gather(-1, x[:, t : t + 1])[:, 0])
                token = x[:, t : t + 1]
            assert torch.allclose(torch.stack(steps).sum(0), cost, atol=1e-10)
