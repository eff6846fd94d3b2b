"""Valid alternatives of question 2.4b: each must get full marks."""

import torch
from hwkit import wheat
from torch import Tensor


@wheat("exp of log_softmax, scatter, other order of straight-through")
def gumbel_softmax(logits: Tensor, u: Tensor, tau: float, hard: bool = False) -> Tensor:
    noisy = logits - (-u.log()).log()
    y = (noisy / tau).log_softmax(-1).exp()
    if hard:
        one_hot = torch.zeros_like(y).scatter_(-1, y.argmax(-1, keepdim=True), 1.0)
        y = y + (one_hot - y).detach()
    return y


@wheat("exponential race: a quotient of exponentials, shifted")
def gumbel_softmax(logits: Tensor, u: Tensor, tau: float, hard: bool = False) -> Tensor:
    score = (logits.log_softmax(-1) - torch.log(torch.log(1 / u))) / tau
    weight = torch.exp(score - score.max(-1, keepdim=True).values.detach())
    soft = weight / weight.sum(-1, keepdim=True)
    if not hard:
        return soft
    winner = (score == score.max(-1, keepdim=True).values).to(soft.dtype)
    return winner.detach() - soft.detach() + soft
