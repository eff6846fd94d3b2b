"""Valid alternatives of question 2.2e: each must get full marks."""

import math
from functools import reduce

import torch
from hwkit import wheat
from torch import Tensor


@wheat("subtract log K first")
def iwae_bound(log_w: Tensor) -> Tensor:
    return torch.logsumexp(log_w - math.log(len(log_w)), 0)


@wheat("manual maximum trick")
def iwae_bound(log_w: Tensor) -> Tensor:
    top = log_w.max(dim=0).values.detach()
    return top + (log_w - top).exp().mean(0).log()


@wheat("running logaddexp")
def iwae_bound(log_w: Tensor) -> Tensor:
    return reduce(torch.logaddexp, log_w.unbind(0)) - math.log(log_w.size(0))
