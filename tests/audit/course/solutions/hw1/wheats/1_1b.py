"""Valid alternatives of question 1.1b."""

import torch
from hwkit import wheat
from torch import Tensor


@wheat("noise of the transpose")
def jittered(x: Tensor) -> Tensor:
    return x + torch.randn_like(x.T).T


@wheat("negative noise")
def jittered(x: Tensor) -> Tensor:
    return x - torch.randn_like(x)
