"""Plausible misconceptions about question 4.5d: each must lose points there."""

import math

import torch
from hwkit import chaff
from torch import Tensor


def _probs(model, xt, mask_id):
    logits = model(xt)
    return logits.masked_fill(torch.arange(logits.shape[-1]) == mask_id, -math.inf).softmax(-1)


def _draw(p, generator):
    return torch.multinomial(p.reshape(-1, p.shape[-1]), 1, generator=generator).reshape(p.shape[:-1])


def _step(model, xt, a, b, mask_id, generator):
    values = _draw(_probs(model, xt, mask_id), generator)
    reveal = (xt == mask_id) & (torch.rand(xt.shape, generator=generator) < (a - b) / a)
    return torch.where(reveal, values, xt)


@chaff("A masked token is revealed with probability (a - b) / a: it has survived until a already.")
@torch.no_grad()
def denoise_step(model, xt, a, b, mask_id, generator=None) -> Tensor:
    values = _draw(_probs(model, xt, mask_id), generator)
    reveal = (xt == mask_id) & (torch.rand(xt.shape, generator=generator) < a - b)
    return torch.where(reveal, values, xt)


@chaff("Revealed tokens are never drawn again.")
@torch.no_grad()
def denoise_step(model, xt, a, b, mask_id, generator=None) -> Tensor:
    values = _draw(_probs(model, xt, mask_id), generator)
    reveal = torch.rand(xt.shape, generator=generator) < (a - b) / a
    return torch.where(reveal, values, xt)


@chaff("Draw from the network's law; its most likely token is not a sample.")
@torch.no_grad()
def denoise_step(model, xt, a, b, mask_id, generator=None) -> Tensor:
    values = _probs(model, xt, mask_id).argmax(-1)
    reveal = (xt == mask_id) & (torch.rand(xt.shape, generator=generator) < (a - b) / a)
    return torch.where(reveal, values, xt)


@chaff("The mask can be drawn here: exclude it, or holes are left at the end.")
@torch.no_grad()
def denoise_step(model, xt, a, b, mask_id, generator=None) -> Tensor:
    values = _draw(model(xt).softmax(-1), generator)
    reveal = (xt == mask_id) & (torch.rand(xt.shape, generator=generator) < (a - b) / a)
    return torch.where(reveal, values, xt)


@chaff("b / a is the probability of staying masked.")
@torch.no_grad()
def denoise_step(model, xt, a, b, mask_id, generator=None) -> Tensor:
    values = _draw(_probs(model, xt, mask_id), generator)
    reveal = (xt == mask_id) & (torch.rand(xt.shape, generator=generator) < b / a)
    return torch.where(reveal, values, xt)


@chaff("Each token is revealed on its own, not the whole sequence at once.")
@torch.no_grad()
def denoise_step(model, xt, a, b, mask_id, generator=None) -> Tensor:
    values = _draw(_probs(model, xt, mask_id), generator)
    reveal = (xt == mask_id) & (torch.rand(len(xt), 1, generator=generator) < (a - b) / a)
    return torch.where(reveal, values, xt)


@chaff("Every sequence draws its own tokens: one draw for the whole batch makes them all alike.")
@torch.no_grad()
def denoise_step(model, xt, a, b, mask_id, generator=None) -> Tensor:
    p = _probs(model, xt, mask_id)
    values = _draw(p[:1], generator).expand_as(xt)
    reveal = (xt == mask_id) & (torch.rand(xt.shape, generator=generator) < (a - b) / a)
    return torch.where(reveal, values, xt)


@chaff("One uniform number decides who is revealed and another one the value, or the two depend on each other.")
@torch.no_grad()
def denoise_step(model, xt, a, b, mask_id, generator=None) -> Tensor:
    u = torch.rand(xt.shape, generator=generator)
    values = (_probs(model, xt, mask_id).cumsum(-1) < u.unsqueeze(-1)).sum(-1).clamp(max=3)
    return torch.where((xt == mask_id) & (u < (a - b) / a), values, xt)


@chaff("All tokens revealed in one step see the same x_a: the network is asked once, before any is revealed.")
@torch.no_grad()
def denoise_step(model, xt, a, b, mask_id, generator=None) -> Tensor:
    reveal = (xt == mask_id) & (torch.rand(xt.shape, generator=generator) < (a - b) / a)
    out = xt.clone()
    for i in range(xt.shape[1]):
        values = _draw(_probs(model, out, mask_id), generator)
        out[:, i] = torch.where(reveal[:, i], values[:, i], out[:, i])
    return out


@chaff("Draw from the generator itself: a new one with its seed repeats the same step for ever.")
@torch.no_grad()
def denoise_step(model, xt, a, b, mask_id, generator=None) -> Tensor:
    seed = 0 if generator is None else generator.initial_seed()
    return _step(model, xt, a, b, mask_id, torch.Generator().manual_seed(seed))


@chaff("The generator may be None.")
@torch.no_grad()
def denoise_step(model, xt, a, b, mask_id, generator=None) -> Tensor:
    values = _draw(_probs(model, xt, mask_id), generator)
    u = torch.rand(xt.shape, generator=generator, device=generator.device)
    return torch.where((xt == mask_id) & (u < (a - b) / a), values, xt)
