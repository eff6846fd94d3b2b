"""Valid alternatives of question 0.1c: each must get full marks."""

import torch
from hwkit import wheat
from torch import Tensor


@wheat("a race of exponential clocks")
def categorical_sample(logits: Tensor, u: Tensor) -> Tensor:
    return torch.argmin(-torch.log(u) / logits.softmax(-1), dim=-1)


@wheat("Gumbel noise added to log-probabilities")
def categorical_sample(logits: Tensor, u: Tensor) -> Tensor:
    gumbel = -torch.log(-torch.log(u))
    return torch.max(logits.log_softmax(-1) + gumbel, dim=1).indices
