"""Plausible misconceptions about question 3.2c: each must lose points there."""

# ruff: noqa: F821  (graded names of other questions are there when this replaces an answer)

import math

from hwkit import chaff
from torch import Tensor, nn


@chaff("These are nats per dimension: divide by log 2.")
def flow_bpd(flow: nn.Module, x: Tensor, levels: int, alpha: float, u: Tensor) -> Tensor:
    y, logdet = dequantize_logit(x, levels, alpha, u)
    return -(flow.log_prob(y) + logdet) / x.shape[-1]


@chaff("Bits per dimension: divide by D as well.")
def flow_bpd(flow: nn.Module, x: Tensor, levels: int, alpha: float, u: Tensor) -> Tensor:
    y, logdet = dequantize_logit(x, levels, alpha, u)
    return -(flow.log_prob(y) + logdet) / math.log(2)


@chaff("The log-determinant of the dequantisation is missing.")
def flow_bpd(flow: nn.Module, x: Tensor, levels: int, alpha: float, u: Tensor) -> Tensor:
    y, logdet = dequantize_logit(x, levels, alpha, u)
    return -flow.log_prob(y) / (x.shape[-1] * math.log(2))


@chaff("The log-determinant is added to the log-density.")
def flow_bpd(flow: nn.Module, x: Tensor, levels: int, alpha: float, u: Tensor) -> Tensor:
    y, logdet = dequantize_logit(x, levels, alpha, u)
    return -(flow.log_prob(y) - logdet) / (x.shape[-1] * math.log(2))


@chaff("bpd is a cost: minus the log-density.")
def flow_bpd(flow: nn.Module, x: Tensor, levels: int, alpha: float, u: Tensor) -> Tensor:
    y, logdet = dequantize_logit(x, levels, alpha, u)
    return (flow.log_prob(y) + logdet) / (x.shape[-1] * math.log(2))


@chaff("log_prob of the flow is wanted at y, not at the pixels.")
def flow_bpd(flow: nn.Module, x: Tensor, levels: int, alpha: float, u: Tensor) -> Tensor:
    y, logdet = dequantize_logit(x, levels, alpha, u)
    return -(flow.log_prob((x + u) / levels) + logdet) / (x.shape[-1] * math.log(2))


@chaff("One number per image: do not average over the batch.")
def flow_bpd(flow: nn.Module, x: Tensor, levels: int, alpha: float, u: Tensor) -> Tensor:
    y, logdet = dequantize_logit(x, levels, alpha, u)
    return (-(flow.log_prob(y) + logdet) / (x.shape[-1] * math.log(2))).mean()


@chaff("Use the noise in u, also when evaluating: without it the bound is not one.")
def flow_bpd(flow: nn.Module, x: Tensor, levels: int, alpha: float, u: Tensor) -> Tensor:
    y, logdet = dequantize_logit(x, levels, alpha, 0.5 + 0 * u)
    return -(flow.log_prob(y) + logdet) / (x.shape[-1] * math.log(2))


@chaff("A detach cuts the gradient of the flow.")
def flow_bpd(flow: nn.Module, x: Tensor, levels: int, alpha: float, u: Tensor) -> Tensor:
    y, logdet = dequantize_logit(x, levels, alpha, u)
    return -(flow.log_prob(y).detach() + logdet) / (x.shape[-1] * math.log(2))
