"""HW4: what holds of every homework, and how its public checks call the commonest mistakes."""

from __future__ import annotations

from tests.content.suite import HomeworkSuite


class TestHW4(HomeworkSuite):
    """The suite, with HW4."""

    name = "hw4"
    points = {"4.1": 9, "4.2": 9, "4.3": 12, "4.4": 9, "4.5": 9, "4.6": 6, "4.7": 0}
    bonus = 5
    commonest = {
        "4.1": {
            "4.1a without the cap": "cap",
            "4.1a the offset s is an argument": "offset",
            "4.1b alpha_bar_prev[0] is 1": "alpha_bar_prev[0]",
            "4.1c broadcasts along the last axis": "broadcasting",
            "4.1c tables are float64": "dtype",
            "4.1d scaled by roots": "sqrt",
            "4.1d alpha is the share of one step": "share of one step",
            "4.1d off by one": "off by one",
            "4.1d broadcasts along the last axis": "broadcasting",
            "4.1e subtract the noise": "sign",
            "4.1h the variance is beta-tilde": "beta-tilde",
            "4.1h not the standard deviation": "standard deviation",
        },
        "4.2": {
            "4.2a the target is the noise": "error in the noise",
            "4.2a sees the noisy data": "the model sees x_t",
            "4.2a where drop_mask is true": "null label",
            "4.2a replace them in a copy": "changed in place",
            "4.2b there is a minus": "against the noise",
            "4.2b not by its variance": "standard deviation",
            "4.2c with sigma, small noise levels": "sigma squared",
            "4.2c mind the sign of the target": "target",
            "4.2d the drift is half a step": "half a step",
            "4.2d the noise counts the root of the step": "root of the step",
        },
        "4.3": {
            "4.3a the last step adds no noise": "noise at t = 0",
            "4.3a also for t > 0": "beta-tilde",
            "4.3a the root of beta-tilde": "standard deviation",
            "4.3a not of alpha_bar": "one step",
            "4.3b with a stride": "stride",
            "4.3b as an index it is the noisiest entry": "t_prev = -1",
            "4.3b fresh noise takes its share": "fresh noise takes its share",
            "4.3b scaled by sigma": "not by its square",
            "4.3b no longer matches": "recompute",
            "4.3b eta scales sigma": "eta scales sigma",
            "4.3c the list is decreasing": "timesteps",
        },
        "4.4": {
            "4.4a the exponent has a minus": "frequencies",
            "4.4a not an integer division": "frequencies",
            "4.4a radians": "radians",
            "4.4a do not round": "rounding",
            "4.4b conv2 starts at zero": "zero init",
            "4.4b the scale is 1 + a": "1 + a",
            "4.4b do not average it over the batch": "embedding of one example",
            "4.4c (1 + w) is the other convention": "convention",
            "4.4c 0 is a real class": "null label",
        },
        "4.5": {
            "4.5a mask where u < t": "u < t",
            "4.5a broadcasts along the sequence": "broadcasting",
            "4.5b excluded before normalising": "mask_id",
            "4.5c not by the number of masked tokens": "mean over the masked tokens",
            "4.5c the weight 1/t is missing": "weight 1/t",
            "4.5c sum over the masked ones only": "masked tokens only",
            "4.5c not the answer": "leak",
            "4.5d revealed tokens are never drawn again": "revealed tokens stay",
            "4.5d (a - b) / a": "unmask probability",
            "4.5e the last step goes to time 0": "leftover masks",
            "4.5e visible to the network in the next one": "visible",
            "4.5f not pasted in afterwards": "visible",
        },
        "4.6": {
            "4.6a divided by beta": "r / beta",
            "4.6a normalise": "normalised",
            "4.6b the mean of all includes the draw itself": "leave one out",
            "4.6c enters with a minus": "sign",
            "4.6c the advantage is a constant": "detach",
            "4.6c leave out the draw itself": "leave one out",
            "4.6c going away from the reference is a cost": "a cost",
            "4.6c beta KL is forgotten": "forgotten",
        },
        "4.7": {
            "4.7a time 0 is noise": "noise",
            "4.7a the velocity points from noise to data": "direction",
            "4.7a not their roots": "roots",
            "4.7a broadcasts along the last axis": "broadcasting",
            "4.7b each step has length 1/n": "step length",
            "4.7b one time per example": "times",
        },
    }
