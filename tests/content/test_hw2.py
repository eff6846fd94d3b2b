"""HW2: what holds of every homework, and how its public checks call the commonest mistakes."""

from __future__ import annotations

import pytest

from tests.content import homeworks
from tests.content.suite import HomeworkSuite


class TestHW2(HomeworkSuite):
    """The suite, with HW2."""

    name = "hw2"
    points = {"2.1": 9, "2.2": 18, "2.3": 7, "2.4": 12, "2.5": 8}
    commonest = {
        "2.1": {
            "2.1a exp(logvar) is the variance": "standard deviation",
            "2.1b one half belongs to every term": "one half",
            "2.1b without the -1": "-1",
            "2.1b not symmetric": "reversed",
            "2.1b sum over dimensions only": "not over the batch",
            "2.1a a detach or .data": "detached",
            "2.1a use the noise in the argument": "noise in eps",
            "2.1b log ratio has the wrong sign": "log ratio",
        },
        "2.2": {
            "2.2b kl has the wrong sign": "wrong sign",
            "2.2b averaged over the latent dimensions": "not a mean",
            "2.2a mean over pixels": "no mean",
            "2.2e average over the K draws": "not over the batch",
            "2.2e log K is missing": "log K",
            "2.2e average the weights, not their logarithms": "not their logarithms",
            "2.2c beta multiplies the divergence": "beta multiplies the divergence",
            "2.2d never exceeds 1": "end of the warm-up",
            "2.2f the variance is over examples": "varies over the data",
        },
        "2.3": {
            "2.3a noise variance is missing": "sigma2 added",
            "2.3a it has to be inverted": "inverted",
            "2.3b the power of sigma2": "D - k",
            "2.3b log-determinant makes a wide density low": "log-determinant",
            "2.3b log 2 pi counts D times": "log 2 pi",
            "2.3c the best variances are 1 / Lambda_ii": "1 / Lambda_ii",
        },
        "2.4": {
            "2.4a must leave draw k out": "the mean of the rest, not of all",
            "2.4a multiplied by the score": "score",
            "2.4a a logit is not a probability": "sigmoid",
            "2.4a the sign of the score is wrong": "sign",
            "2.4b the outer minus is missing": "-log(-log u)",
            "2.4b small tau means close to one-hot": "temperature divides",
            "2.4b one-hot vector alone has no gradient": "straight through",
            "2.4c the stop-gradients are swapped": "stop-gradient",
            "2.4c without the straight-through copy": "straight-through copy",
            "2.4c argmin, not argmax": "smallest distance",
        },
        "2.5": {
            "2.5a theta is the INVERSE dispersion": "inverse dispersion",
            "2.5a lgamma(x + 1) is missing": "lgamma(x + 1)",
            "2.5a a silent gene": "0 log 0",
            "2.5b library size multiplies the shares": "multiplies",
            "2.5b not over the cells": "not over cells",
            "2.5a this is the Poisson law": "variance",
        },
    }

    def test_a_mistake_that_no_public_check_names_is_found(self, hw: homeworks.Homework) -> None:
        """A word that no message holds, a hint of no chaff, and one of several are each said."""
        with pytest.raises(AssertionError) as told:
            homeworks.named_by_public_checks(
                hw, {"2.1a exp(logvar) is": "Jacobian", "2.1b no such": "x", "2.1b log": "x"}
            )
        said = str(told.value).splitlines()
        assert said[0].startswith(
            "2.1a exp(logvar) is: no public check says 'Jacobian' under seed 0; they say ['Variance 9"
        )
        assert said[1] == "2.1b no such: 0 chaffs of 2.1b have this in their hint"
        assert said[2].endswith("chaffs of 2.1b have this in their hint")
