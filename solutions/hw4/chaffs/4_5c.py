"""Plausible misconceptions about question 4.5c: each must lose points there."""

import math

import torch
from hwkit import chaff
from torch import Tensor


def _log_p(model, x, xt, mask_id):
    logits = model(xt)
    keep = torch.arange(logits.shape[-1]) != mask_id
    log_p = torch.where(keep, logits, torch.full_like(logits, -math.inf)).log_softmax(-1)
    return log_p.gather(-1, x.unsqueeze(-1)).squeeze(-1)


def _mask(x, t, u, mask_id):
    hidden = u < t.unsqueeze(1)
    return x.masked_fill(hidden, mask_id), hidden


@chaff("Revealed tokens cost nothing: sum over the masked ones only.")
def mdlm_nelbo(model, x: Tensor, t: Tensor, u: Tensor, mask_id: int) -> Tensor:
    xt, hidden = _mask(x, t, u, mask_id)
    return -_log_p(model, x, xt, mask_id).sum(1) / t


@chaff("Divide by t, not by the number of masked tokens: that mean is no bound.")
def mdlm_nelbo(model, x: Tensor, t: Tensor, u: Tensor, mask_id: int) -> Tensor:
    xt, hidden = _mask(x, t, u, mask_id)
    cost = -(_log_p(model, x, xt, mask_id) * hidden)
    return cost.sum(1) / hidden.sum(1).clamp(min=1)


@chaff("The weight is 1/t, for a mask that covers a share t.")
def mdlm_nelbo(model, x: Tensor, t: Tensor, u: Tensor, mask_id: int) -> Tensor:
    xt, hidden = _mask(x, t, u, mask_id)
    return -(_log_p(model, x, xt, mask_id) * hidden).sum(1) / (1 - t).clamp(min=1e-3)


@chaff("The weight 1/t is missing: few masked tokens would count too little.")
def mdlm_nelbo(model, x: Tensor, t: Tensor, u: Tensor, mask_id: int) -> Tensor:
    xt, hidden = _mask(x, t, u, mask_id)
    return -(_log_p(model, x, xt, mask_id) * hidden).sum(1)


@chaff("The mask can never be the answer: exclude it before normalising.")
def mdlm_nelbo(model, x: Tensor, t: Tensor, u: Tensor, mask_id: int) -> Tensor:
    xt, hidden = _mask(x, t, u, mask_id)
    log_p = model(xt).log_softmax(-1).gather(-1, x.unsqueeze(-1)).squeeze(-1)
    return -(log_p * hidden).sum(1) / t


@chaff("Nats per sequence: do not average over the positions.")
def mdlm_nelbo(model, x: Tensor, t: Tensor, u: Tensor, mask_id: int) -> Tensor:
    xt, hidden = _mask(x, t, u, mask_id)
    return -(_log_p(model, x, xt, mask_id) * hidden).mean(1) / t


@chaff("The network sees the masked tokens, not the answer.")
def mdlm_nelbo(model, x: Tensor, t: Tensor, u: Tensor, mask_id: int) -> Tensor:
    _, hidden = _mask(x, t, u, mask_id)
    return -(_log_p(model, x, x, mask_id) * hidden).sum(1) / t


@chaff("One number per sequence, each divided by its own t.")
def mdlm_nelbo(model, x: Tensor, t: Tensor, u: Tensor, mask_id: int) -> Tensor:
    xt, hidden = _mask(x, t, u, mask_id)
    return -(_log_p(model, x, xt, mask_id) * hidden).sum(1) / t.mean()


@chaff("A bound on the negative log-likelihood: mind the sign.")
def mdlm_nelbo(model, x: Tensor, t: Tensor, u: Tensor, mask_id: int) -> Tensor:
    xt, hidden = _mask(x, t, u, mask_id)
    return (_log_p(model, x, xt, mask_id) * hidden).sum(1) / t


@chaff("t is positive, and a lower limit on it makes the weight 1/t too small.")
def mdlm_nelbo(model, x: Tensor, t: Tensor, u: Tensor, mask_id: int) -> Tensor:
    xt, hidden = _mask(x, t, u, mask_id)
    return -(_log_p(model, x, xt, mask_id) * hidden).sum(1) / t.clamp(min=1e-3)


@chaff("The mask may be any symbol: its column is number mask_id, not the last one.")
def mdlm_nelbo(model, x: Tensor, t: Tensor, u: Tensor, mask_id: int) -> Tensor:
    xt, hidden = _mask(x, t, u, mask_id)
    logits = model(xt).clone()
    log_p = logits[..., :-1].log_softmax(-1)
    cost = -log_p.gather(-1, x.clamp(max=log_p.shape[-1] - 1).unsqueeze(-1)).squeeze(-1)
    return (cost * hidden).sum(1) / t


@chaff("Stay with log-probabilities: a number added before the logarithm limits what a sure mistake costs.")
def mdlm_nelbo(model, x: Tensor, t: Tensor, u: Tensor, mask_id: int) -> Tensor:
    xt, hidden = _mask(x, t, u, mask_id)
    return -((_log_p(model, x, xt, mask_id).exp() + 1e-10).log() * hidden).sum(1) / t
