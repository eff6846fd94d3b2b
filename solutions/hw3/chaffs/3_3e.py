"""Plausible misconceptions about question 3.3e: each must lose points there."""

import torch
from hwkit import chaff
from torch import Tensor


@chaff("The densities are swapped: the logit is high where the data are dense.")
def optimal_logit(x: Tensor, logp_data, logp_gen) -> Tensor:
    return logp_gen(x) - logp_data(x)


@chaff("This is the probability D*; its logit is asked for.")
def optimal_logit(x: Tensor, logp_data, logp_gen) -> Tensor:
    return torch.sigmoid(logp_data(x) - logp_gen(x))


@chaff("Densities underflow: subtract log-densities instead of dividing densities.")
def optimal_logit(x: Tensor, logp_data, logp_gen) -> Tensor:
    return torch.log(logp_data(x).exp() / logp_gen(x).exp())


@chaff("The logit is log p_d - log p_g; a difference of densities is not a log-ratio.")
def optimal_logit(x: Tensor, logp_data, logp_gen) -> Tensor:
    return logp_data(x).exp() - logp_gen(x).exp()


@chaff("This is log D*, not its logit.")
def optimal_logit(x: Tensor, logp_data, logp_gen) -> Tensor:
    return logp_data(x) - torch.logaddexp(logp_data(x), logp_gen(x))


@chaff("The densities take examples of any shape: pass them on as they are.")
def optimal_logit(x: Tensor, logp_data, logp_gen) -> Tensor:
    return logp_data(x.flatten(1)) - logp_gen(x.flatten(1))
