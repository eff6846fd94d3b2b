"""Plausible misconceptions about question 4.6b: each must lose points there."""

import torch
from hwkit import chaff
from torch import Tensor


@chaff("The mean of all includes the draw itself and shrinks the gradient by (K - 1) / K.")
def rloo_advantage(rewards: Tensor) -> Tensor:
    return rewards - rewards.mean()


@chaff("Dividing by the standard deviation makes the gradient biased.")
def rloo_advantage(rewards: Tensor) -> Tensor:
    return (rewards - rewards.mean()) / (rewards.std() + 1e-8)


@chaff("The sum of the others is divided by K - 1, their number.")
def rloo_advantage(rewards: Tensor) -> Tensor:
    return rewards - (rewards.sum() - rewards) / len(rewards)


@chaff("The advantage is the reward minus the baseline, not the other way round.")
def rloo_advantage(rewards: Tensor) -> Tensor:
    return (rewards.sum() - rewards) / (len(rewards) - 1) - rewards


@chaff("Without a baseline the estimate is right on average and useless in practice.")
def rloo_advantage(rewards: Tensor) -> Tensor:
    return rewards * 1.0


@chaff("The rewards belong to the caller: do not subtract in place.")
def rloo_advantage(rewards: Tensor) -> Tensor:
    k = len(rewards)
    return rewards.sub_(rewards.mean()).mul(k / (k - 1))


@chaff("Compare with the mean of all other draws, not with one of them.")
def rloo_advantage(rewards: Tensor) -> Tensor:
    return rewards - rewards.roll(1)


@chaff("The other draws are those at other places: one with the same reward is another draw all the same.")
def rloo_advantage(rewards: Tensor) -> Tensor:
    return torch.stack([r - rewards[rewards != r].mean() for r in rewards])
