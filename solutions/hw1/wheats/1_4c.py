"""Valid alternatives of question 1.4c: each must get full marks."""

import torch
from hwkit import wheat
from torch import Tensor, nn
from torch.nn import functional


@wheat("log-softmax and gather")
def sequence_nll(model: nn.Module, x: Tensor, bos: int) -> Tensor:
    tokens = functional.pad(x[:, :-1], (1, 0), value=bos)
    log_p = model(tokens)[0].log_softmax(-1)
    return -log_p.gather(-1, x.unsqueeze(-1)).sum((1, 2))


@wheat("token by token with the memory")
def sequence_nll(model: nn.Module, x: Tensor, bos: int) -> Tensor:
    token, past, cost = torch.full_like(x[:, 0], bos), None, 0.0
    for t in range(x.shape[1]):
        logits, past = model(token.unsqueeze(1), past)
        cost = cost + functional.cross_entropy(logits[:, -1], x[:, t], reduction="none")
        token = x[:, t]
    return cost
