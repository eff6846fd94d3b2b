"""Valid alternatives of question 4.6c: each must get full marks."""

import torch
from hwkit import wheat
from torch import Tensor


def _advantage(r):
    return r - (r.sum() - r) / (len(r) - 1)


@wheat("explicit weights under no_grad")
def pg_surrogate(logp: Tensor, ref_logp: Tensor, rewards: Tensor, beta: float) -> Tensor:
    with torch.no_grad():
        total = rewards - beta * (logp - ref_logp)
        weight = (total - total.mean()) / (len(total) - 1)
    return -torch.dot(weight, logp)


@wheat("the divergence as a term of its own, with its score-function gradient")
def pg_surrogate(logp: Tensor, ref_logp: Tensor, rewards: Tensor, beta: float) -> Tensor:
    gap = (logp - ref_logp).detach()
    gain = (_advantage(rewards.detach()) * logp).mean()
    return beta * (_advantage(gap) * logp).mean() - gain


@wheat("likelihood ratios at ratio one, as in PPO")
def pg_surrogate(logp: Tensor, ref_logp: Tensor, rewards: Tensor, beta: float) -> Tensor:
    old = logp.detach()
    total = rewards.detach() - beta * (old - ref_logp.detach())
    return -((logp - old).exp() * _advantage(total)).mean()
