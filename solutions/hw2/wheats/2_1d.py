"""Valid alternatives of question 2.1d: each must get full marks."""

import math

import torch
from hwkit import wheat
from torch import Tensor
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal


@wheat("MixtureSameFamily")
def mog_log_prob(z: Tensor, mus: Tensor, logvars: Tensor, log_w: Tensor) -> Tensor:
    components = Independent(Normal(mus, torch.exp(logvars / 2)), 1)
    return MixtureSameFamily(Categorical(logits=log_w), components).log_prob(z)


@wheat("running logaddexp over components")
def mog_log_prob(z: Tensor, mus: Tensor, logvars: Tensor, log_w: Tensor) -> Tensor:
    total = None
    for mu, logvar, weight in zip(mus, logvars, log_w, strict=True):
        each = weight - 0.5 * (math.log(2 * math.pi) + logvar + (z - mu) ** 2 / logvar.exp()).sum(-1)
        total = each if total is None else torch.logaddexp(total, each)
    return total


@wheat("manual maximum trick")
def mog_log_prob(z: Tensor, mus: Tensor, logvars: Tensor, log_w: Tensor) -> Tensor:
    distance = (z[..., None, :] - mus) ** 2 / logvars.exp() + logvars + math.log(2 * math.pi)
    joint = log_w - distance.sum(-1) / 2
    top = joint.max(-1, keepdim=True).values.detach()
    return (joint - top).exp().sum(-1).log() + top[..., 0]
