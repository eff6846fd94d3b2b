"""Valid alternatives of question 4.4c: each must get full marks."""

import torch
from hwkit import wheat
from torch import Tensor


@wheat("one call with a batch of 2B")
def cfg_eps(model, x: Tensor, t: Tensor, y: Tensor, w: float, null_label: int) -> Tensor:
    none = torch.full_like(y, null_label)
    both = model(torch.cat([x, x]), torch.cat([t, t]), torch.cat([none, y]))
    blind, seeing = both.chunk(2)
    return torch.lerp(blind, seeing, w)


@wheat("unconditional plus w times the difference, calls saved where they do not matter")
def cfg_eps(model, x: Tensor, t: Tensor, y: Tensor, w: float, null_label: int) -> Tensor:
    if w == 1:
        return model(x, t, y)
    blind = model(x, t, y * 0 + null_label)
    return blind if w == 0 else blind + w * (model(x, t, y) - blind)
