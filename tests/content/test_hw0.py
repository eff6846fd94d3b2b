"""HW0: what holds of every homework, and how its public checks call the commonest mistakes."""

from __future__ import annotations

from tests.content.suite import HomeworkSuite


class TestHW0(HomeworkSuite):
    """The suite, with HW0."""

    name = "hw0"
    points = {"0.1": 2.25, "0.2": 0.75}
    declared = {"written": 1, "code": 3, "figures": 1}
    commonest = {
        "0.1": {
            "0.1a divides by n": "subtract log n",
            "0.1a runs over the axis": "axis `dim`",
            "0.1a exp under": "subtract the maximum first",
            "0.1a mean of logs": "mean of logs",
            "0.1a no keepdim": "no keepdim",
            "0.1a slice of minus infinity": "minus infinity",
            "0.1b not of the standard deviation": "log of the variance",
            "0.1b log 2 pi": "log 2 pi belongs",
            "0.1b last axis": "a sum over them",
            "0.1b sign": "mind the sign",
            "0.1b variance is exp": "variance, which is exp(logvar)",
            "0.1c two minus signs": "two minus signs",
            "0.1c double logarithm": "double logarithm",
            "0.1c not to their exponentials": "added to the logits",
            "0.1c not the smallest": "not the smallest",
            "0.1c one category per row": "one category per row",
            "0.1c do not draw your own": "do not draw your own",
        },
        "0.2": {
            "0.2a add up": "gradients add up",
            "0.2a without a step": "step",
            "0.2a after the backward pass.": "after the backward pass",
            "0.2a every graph alive": "plain numbers",
            "0.2a leaves nothing": "cleared",
            "0.2a before the step": "before the first step",
        },
    }
