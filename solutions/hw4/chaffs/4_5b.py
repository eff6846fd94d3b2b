"""Plausible misconceptions about question 4.5b: each must lose points there."""

import math

import torch
from hwkit import chaff
from torch import Tensor


@chaff("The mask must be excluded before normalising: it is never the answer.")
def token_log_probs(logits: Tensor, mask_id: int) -> Tensor:
    return logits.log_softmax(-1)


@chaff("Excluding the mask after normalising leaves probabilities that do not sum to one.")
def token_log_probs(logits: Tensor, mask_id: int) -> Tensor:
    keep = torch.arange(logits.shape[-1]) != mask_id
    return torch.where(keep, logits.log_softmax(-1), torch.full_like(logits, -math.inf))


@chaff("A logit of 0 is not a probability of 0: the log of zero is minus infinity.")
def token_log_probs(logits: Tensor, mask_id: int) -> Tensor:
    keep = torch.arange(logits.shape[-1]) != mask_id
    return torch.where(keep, logits, torch.zeros_like(logits)).log_softmax(-1)


@chaff("The logits belong to the caller: fill a copy.")
def token_log_probs(logits: Tensor, mask_id: int) -> Tensor:
    logits[..., mask_id] = -math.inf
    return logits.log_softmax(-1)


@chaff("Return log-probabilities, computed in log space: exp overflows for large logits.")
def token_log_probs(logits: Tensor, mask_id: int) -> Tensor:
    p = logits.exp() * (torch.arange(logits.shape[-1]) != mask_id)
    return (p / p.sum(-1, keepdim=True)).log()


@chaff("The mask is the symbol mask_id, not always the last one.")
def token_log_probs(logits: Tensor, mask_id: int) -> Tensor:
    z = logits.clone()
    z[..., -1] = -math.inf
    return z.log_softmax(-1)
