"""Plausible misconceptions about question 1.1d: each must lose points there."""

import math

from hwkit import chaff
from torch import Tensor


@chaff("nll is a negative log-likelihood, oracle_logp is a log-probability: the difference of logs is their sum.")
def entropy_rate_gap(nll: Tensor, oracle_logp: Tensor, L: int) -> float:
    return float((nll - oracle_logp).mean()) / (L * math.log(2))


@chaff("The gap is what the model pays in excess: log p - log q, not log q - log p.")
def entropy_rate_gap(nll: Tensor, oracle_logp: Tensor, L: int) -> float:
    return -float((nll + oracle_logp).mean()) / (L * math.log(2))


@chaff("This is in nats per base: divide by log 2.")
def entropy_rate_gap(nll: Tensor, oracle_logp: Tensor, L: int) -> float:
    return float((nll + oracle_logp).mean()) / L


@chaff("This is per sequence: divide by its length.")
def entropy_rate_gap(nll: Tensor, oracle_logp: Tensor, L: int) -> float:
    return float((nll + oracle_logp).mean()) / math.log(2)


@chaff("Average over the sequences, do not sum.")
def entropy_rate_gap(nll: Tensor, oracle_logp: Tensor, L: int) -> float:
    return float((nll + oracle_logp).sum()) / (L * math.log(2))


@chaff("The estimate may be negative for a finite sample: do not clip it.")
def entropy_rate_gap(nll: Tensor, oracle_logp: Tensor, L: int) -> float:
    return max(0.0, float((nll + oracle_logp).mean()) / (L * math.log(2)))


@chaff("Average the signed differences: the absolute value is not the divergence.")
def entropy_rate_gap(nll: Tensor, oracle_logp: Tensor, L: int) -> float:
    return float((nll + oracle_logp).abs().mean()) / (L * math.log(2))
