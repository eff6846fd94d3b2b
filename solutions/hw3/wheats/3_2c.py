"""Valid alternatives of question 3.2c: each must get full marks."""

# ruff: noqa: F821  (graded names of other questions are there when this replaces an answer)

import math

import torch
from hwkit import wheat
from torch import Tensor, nn


@wheat("without the helper, on the scale of v = (x + u) / K")
def flow_bpd(flow: nn.Module, x: Tensor, levels: int, alpha: float, u: Tensor) -> Tensor:
    s = alpha + (1 - 2 * alpha) * (x + u) / levels
    y = torch.logit(s)
    on_unit_scale = flow.log_prob(y) + (math.log(1 - 2 * alpha) - torch.log(s * (1 - s))).sum(-1)
    return math.log2(levels) - on_unit_scale / (x.shape[1] * math.log(2))


@wheat("bits first, then the average over dimensions")
def flow_bpd(flow: nn.Module, x: Tensor, levels: int, alpha: float, u: Tensor) -> Tensor:
    y, logdet = dequantize_logit(x, levels, alpha, u)
    nats = flow.log_prob(y) + logdet
    return -nats / math.log(2.0) / u.shape[1]
