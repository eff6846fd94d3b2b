"""HW3: what holds of every homework, and how its public checks call the commonest mistakes."""

from __future__ import annotations

from tests.content.suite import HomeworkSuite


class TestHW3(HomeworkSuite):
    """The suite, with HW3."""

    name = "hw3"
    points = {"3.1": 15, "3.2": 7, "3.3": 14, "3.4": 8, "3.5": 10}
    commonest = {
        "3.1": {
            "3.1a yours has the sign of the inverse": "opposite sign",
            "3.1a multiply both by (1 - mask)": "mask",
            "3.1a give it x times the mask": "the net sees",
            "3.1a subtract the shift first": "shift first",
            "3.1b set anew by every training batch": "set again",
            "3.1b not by the variance": "standard deviation",
            "3.1c the base density needs its constant": "constant",
            "3.1c is added to the base density": "opposite sign",
            "3.1c undo the last one first": "reverse order",
        },
        "3.2": {
            "3.2a not by K - 1": "K - 1",
            "3.2a lacks -log K": "lacks -log K",
            "3.2a lacks log(1 - 2 alpha)": "slope of the squeeze",
            "3.2a two minus signs": "slope of the logit",
            "3.2b the squeeze by alpha is not undone": "undo the squeeze",
            "3.2b round down": "floor",
            "3.2c these are nats": "nats",
            "3.2c of the dequantisation is missing": "log-determinant",
        },
        "3.3": {
            "3.3a real and fake are swapped": "swapped",
            "3.3a log(1 - sigmoid) overflows": "overflow",
            "3.3b minimax and non-saturating are swapped": "swapped",
            "3.3c over the whole batch": "whole batch",
            "3.3c without create_graph": "create_graph",
            "3.3d R1 is half": "half the squared norm",
            "3.3e the densities are swapped": "swapped",
            "3.3f the square of sigma": "sigma squared",
        },
        "3.4": {
            "3.4a real and fake are swapped": "swapped",
            "3.4a uses z_d for both": "z_g",
            "3.4a stands on the wrong side": "detach",
            "3.4a as it is after its step": "old critic",
            "3.4a clear the discriminator's gradients": "zero_grad",
            "3.4a return Python floats": "floats",
        },
        "3.5": {
            "3.5a the diagonal i = j": "diagonal",
            "3.5a the squared MMD is asked for": "square is asked for",
            "3.5b counts twice": "factor 2",
            "3.5b not of its entries": "root is that of a matrix",
            "3.5c not k times its square": "not its square",
            "3.5d yours are swapped": "swapped",
            "3.5d leave out the distance zero": "own neighbour",
        },
    }
