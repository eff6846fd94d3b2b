"""Valid alternatives of question 4.6b: each must get full marks."""

import torch
from hwkit import wheat
from torch import Tensor


@wheat("K / (K - 1) times the distance from the mean of all")
def rloo_advantage(rewards: Tensor) -> Tensor:
    k = rewards.numel()
    return (rewards - rewards.mean()) * k / (k - 1)


@wheat("a matrix that leaves one out")
def rloo_advantage(rewards: Tensor) -> Tensor:
    k = len(rewards)
    others = (1 - torch.eye(k, dtype=rewards.dtype, device=rewards.device)) / (k - 1)
    return rewards - others @ rewards
