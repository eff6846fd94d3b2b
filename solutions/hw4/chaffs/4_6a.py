"""Plausible misconceptions about question 4.6a: each must lose points there."""

import torch
from hwkit import chaff
from torch import Tensor


@chaff("The reward is divided by beta: a large beta stays close to the reference.")
def kl_optimal_policy(ref_logp: Tensor, r: Tensor, beta: float) -> Tensor:
    return (ref_logp + r * beta).log_softmax(0)


@chaff("Normalise: the tilted weights do not sum to one.")
def kl_optimal_policy(ref_logp: Tensor, r: Tensor, beta: float) -> Tensor:
    return ref_logp + r / beta


@chaff("A higher reward makes an outcome more likely: mind the sign.")
def kl_optimal_policy(ref_logp: Tensor, r: Tensor, beta: float) -> Tensor:
    return (ref_logp - r / beta).log_softmax(0)


@chaff("The optimum is the reference, tilted; the reference cannot be left out.")
def kl_optimal_policy(ref_logp: Tensor, r: Tensor, beta: float) -> Tensor:
    return (r / beta).log_softmax(0)


@chaff("Stay in log space: exp(r / beta) overflows for small beta.")
def kl_optimal_policy(ref_logp: Tensor, r: Tensor, beta: float) -> Tensor:
    p = ref_logp.exp() * torch.exp(r / beta)
    return (p / p.sum()).log()


@chaff("beta divides the reward only, not the log-probabilities of the reference.")
def kl_optimal_policy(ref_logp: Tensor, r: Tensor, beta: float) -> Tensor:
    return ((ref_logp + r) / beta).log_softmax(0)


@chaff("Return log-probabilities.")
def kl_optimal_policy(ref_logp: Tensor, r: Tensor, beta: float) -> Tensor:
    return (ref_logp + r / beta).softmax(0)
