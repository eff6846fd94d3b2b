"""Plausible misconceptions about question 1.1b: each must lose points there."""

import torch
from hwkit import chaff
from torch import Tensor
from torch.nn import functional


@chaff("Stay with the logits: the sigmoid rounds to 0 or 1, and its log is minus infinity.")
def bernoulli_log_prob(logits: Tensor, x: Tensor) -> Tensor:
    p = torch.sigmoid(logits)
    return (x * torch.log(p) + (1 - x) * torch.log(1 - p)).flatten(1).sum(1)


@chaff("A small constant inside the log hides the infinity, and caps the cost at a wrong value.")
def bernoulli_log_prob(logits: Tensor, x: Tensor) -> Tensor:
    p = torch.sigmoid(logits)
    return (x * torch.log(p + 1e-8) + (1 - x) * torch.log(1 - p + 1e-8)).flatten(1).sum(1)


@chaff("Sum over the entries of an example; a mean is the cost per entry.")
def bernoulli_log_prob(logits: Tensor, x: Tensor) -> Tensor:
    return -functional.binary_cross_entropy_with_logits(logits, x, reduction="none").flatten(1).mean(1)


@chaff("One number per example: the first axis is the batch and stays.")
def bernoulli_log_prob(logits: Tensor, x: Tensor) -> Tensor:
    return -functional.binary_cross_entropy_with_logits(logits, x, reduction="sum")


@chaff("Sum over all axes but the batch, not only over the last one.")
def bernoulli_log_prob(logits: Tensor, x: Tensor) -> Tensor:
    return -functional.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(-1)


@chaff("Cross-entropy is the negative log-probability: mind the sign.")
def bernoulli_log_prob(logits: Tensor, x: Tensor) -> Tensor:
    return functional.binary_cross_entropy_with_logits(logits, x, reduction="none").flatten(1).sum(1)


@chaff("The logit is that of x = 1: ones and zeros are swapped.")
def bernoulli_log_prob(logits: Tensor, x: Tensor) -> Tensor:
    return -functional.binary_cross_entropy_with_logits(logits, 1 - x, reduction="none").flatten(1).sum(1)


@chaff("A sigmoid is applied twice: the function with logits in its name does it itself.")
def bernoulli_log_prob(logits: Tensor, x: Tensor) -> Tensor:
    return -functional.binary_cross_entropy_with_logits(torch.sigmoid(logits), x, reduction="none").flatten(1).sum(1)


@chaff("exp overflows at a logit of -1000 here: use softplus or logsigmoid, which do not.")
def bernoulli_log_prob(logits: Tensor, x: Tensor) -> Tensor:
    return (x * logits - logits - torch.log1p(torch.exp(-logits))).flatten(1).sum(1)


@chaff("squeeze drops the axis of a batch of one example.")
def bernoulli_log_prob(logits: Tensor, x: Tensor) -> Tensor:
    cost = functional.binary_cross_entropy_with_logits(logits, x, reduction="none")
    return -cost.flatten(1).sum(1).squeeze()
