"""Valid alternatives of question 4.1b: each must get full marks."""

import torch
from hwkit import wheat
from torch import Tensor, nn


@wheat("roll, then write the 1")
def make_schedule(alpha_bar: Tensor) -> dict[str, Tensor]:
    before = torch.roll(alpha_bar, 1)
    before = torch.where(torch.arange(len(alpha_bar)) == 0, torch.ones_like(before), before)
    return {
        "alpha_bar": alpha_bar,
        "alpha_bar_prev": before,
        "alpha": alpha_bar / before,
        "beta": (before - alpha_bar) / before,
    }


@wheat("padding and a clone")
def make_schedule(alpha_bar: Tensor) -> dict[str, Tensor]:
    prev = nn.functional.pad(alpha_bar[:-1], (1, 0), value=1.0)
    sch = {"alpha_bar": alpha_bar.clone(), "alpha_bar_prev": prev}
    sch["beta"] = 1 - alpha_bar / prev
    sch["alpha"] = 1 - sch["beta"]
    return sch
