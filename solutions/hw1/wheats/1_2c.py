"""Valid alternatives of question 1.2c: each must get full marks."""

import torch
from hwkit import wheat
from torch import Tensor, nn


@wheat("repeat until nothing changes: D full passes")
def sample_made(model: nn.Module, u: Tensor) -> Tensor:
    x = torch.zeros_like(u)
    for _ in range(u.shape[1]):
        x = (u < model(x).squeeze(-1).sigmoid()).to(u.dtype)
    return x


@wheat("by rank, with log-odds of u")
def sample_made(model: nn.Module, u: Tensor) -> Tensor:
    x = torch.full_like(u, 0.5)
    threshold = torch.log(u) - torch.log1p(-u)
    with torch.no_grad():
        for rank in range(u.shape[1]):
            i = (model.order == rank).nonzero().item()
            x[:, i] = (model(x)[:, i, 0] > threshold[:, i]).type_as(u)
    return x
