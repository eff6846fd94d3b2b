"""Plausible misconceptions about question 4.4c: each must lose points there."""

import torch
from hwkit import chaff
from torch import Tensor


@chaff("Here w = 1 is the conditional model; (1 + w) is the other convention, our w + 1.")
def cfg_eps(model, x: Tensor, t: Tensor, y: Tensor, w: float, null_label: int) -> Tensor:
    return (1 + w) * model(x, t, y) - w * model(x, t, torch.full_like(y, null_label))


@chaff("The null label is a label of its own: 0 is a real class.")
def cfg_eps(model, x: Tensor, t: Tensor, y: Tensor, w: float, null_label: int) -> Tensor:
    return (1 - w) * model(x, t, torch.zeros_like(y)) + w * model(x, t, y)


@chaff("w multiplies the conditional guess; here the two are exchanged.")
def cfg_eps(model, x: Tensor, t: Tensor, y: Tensor, w: float, null_label: int) -> Tensor:
    return w * model(x, t, torch.full_like(y, null_label)) + (1 - w) * model(x, t, y)


@chaff("The labels belong to the caller: fill a copy.")
def cfg_eps(model, x: Tensor, t: Tensor, y: Tensor, w: float, null_label: int) -> Tensor:
    seeing = model(x, t, y)
    return (1 - w) * model(x, t, y.fill_(null_label)) + w * seeing


@chaff("The halves of the batch come back in the order in which they went in.")
def cfg_eps(model, x: Tensor, t: Tensor, y: Tensor, w: float, null_label: int) -> Tensor:
    both = model(torch.cat([x, x]), torch.cat([t, t]), torch.cat([y, torch.full_like(y, null_label)]))
    blind, seeing = both.chunk(2)
    return (1 - w) * blind + w * seeing


@chaff("The unconditional guess stays in the sum: w (conditional - unconditional) alone is only the direction.")
def cfg_eps(model, x: Tensor, t: Tensor, y: Tensor, w: float, null_label: int) -> Tensor:
    blind = model(x, t, torch.full_like(y, null_label))
    return w * (model(x, t, y) - blind)


@chaff("Examples and labels must stay aligned in the batch of 2B: cat, not repeat_interleave.")
def cfg_eps(model, x: Tensor, t: Tensor, y: Tensor, w: float, null_label: int) -> Tensor:
    labels = torch.cat([torch.full_like(y, null_label), y])
    both = model(x.repeat_interleave(2, 0), t.repeat_interleave(2, 0), labels)
    blind, seeing = both.chunk(2)
    return (1 - w) * blind + w * seeing
