"""Plausible misconceptions about question 1.3c: each must lose points there."""

import math

from hwkit import chaff
from torch import Tensor, nn
from torch.nn import functional


@chaff("Sum over pixels, one number per image: the mean is the cost per pixel.")
def pixel_nll(model: nn.Module, x: Tensor, y: Tensor | None = None) -> Tensor:
    return functional.cross_entropy(model(x, y), x[:, 0], reduction="none").mean((1, 2))


@chaff("One number per image: reduction over the batch loses the rows.")
def pixel_nll(model: nn.Module, x: Tensor, y: Tensor | None = None) -> Tensor:
    return functional.cross_entropy(model(x, y), x[:, 0]) * len(x)


@chaff("The softmax runs over the levels, axis 1.")
def pixel_nll(model: nn.Module, x: Tensor, y: Tensor | None = None) -> Tensor:
    log_p = model(x, y).log_softmax(-1)
    return -log_p.gather(1, x).sum((1, 2, 3))


@chaff("Negative log-likelihood: mind the sign.")
def pixel_nll(model: nn.Module, x: Tensor, y: Tensor | None = None) -> Tensor:
    return -functional.cross_entropy(model(x, y), x[:, 0], reduction="none").sum((1, 2))


@chaff("The class y must go to the model.")
def pixel_nll(model: nn.Module, x: Tensor, y: Tensor | None = None) -> Tensor:
    return functional.cross_entropy(model(x), x[:, 0], reduction="none").sum((1, 2))


@chaff("These are nats: no division by log 2 and by the number of pixels here.")
def pixel_nll(model: nn.Module, x: Tensor, y: Tensor | None = None) -> Tensor:
    cost = functional.cross_entropy(model(x, y), x[:, 0], reduction="none").sum((1, 2))
    return cost / (math.log(2) * x[0].numel())


@chaff("The logits already are logits: a softmax before cross_entropy is one too many.")
def pixel_nll(model: nn.Module, x: Tensor, y: Tensor | None = None) -> Tensor:
    return functional.cross_entropy(model(x, y).softmax(1), x[:, 0], reduction="none").sum((1, 2))


@chaff("The cost must carry a gradient to the model: no torch.no_grad, no detach.")
def pixel_nll(model: nn.Module, x: Tensor, y: Tensor | None = None) -> Tensor:
    return functional.cross_entropy(model(x, y).detach(), x[:, 0], reduction="none").sum((1, 2))


@chaff("The log of a softmax is infinite where the probability rounds to zero: use log_softmax or cross_entropy.")
def pixel_nll(model: nn.Module, x: Tensor, y: Tensor | None = None) -> Tensor:
    return -model(x, y).softmax(1).gather(1, x).log().sum((1, 2, 3))
