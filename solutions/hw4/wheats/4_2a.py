"""Valid alternatives of question 4.2a: each must get full marks."""

import torch
from hwkit import wheat
from torch import Tensor
from torch.nn import functional as F


def _noisy(sch, x0, t, eps):
    a = sch["alpha_bar"][t].to(x0.dtype).reshape(-1, *[1] * (x0.dim() - 1))
    return a.sqrt() * x0 + (1 - a).sqrt() * eps


def _labels(y, drop_mask, null_label):
    return y if y is None or drop_mask is None else torch.where(drop_mask, torch.full_like(y, null_label), y)


@wheat("mse_loss, clone and assign")
def ddpm_loss(model, sch, x0, t, eps, y=None, drop_mask=None, null_label=None, weight=None) -> Tensor:
    if y is not None and drop_mask is not None:
        y = y.clone()
        y[drop_mask] = null_label
    guess = model(_noisy(sch, x0, t, eps), t, y)
    if weight is None:
        return F.mse_loss(guess, eps)
    each = F.mse_loss(guess, eps, reduction="none").reshape(len(x0), -1).mean(1)
    return (each * weight).sum() / len(x0)


@wheat("masked_fill; without labels the model is called with two arguments")
def ddpm_loss(model, sch, x0, t, eps, y=None, drop_mask=None, null_label=None, weight=None) -> Tensor:
    xt = _noisy(sch, x0, t, eps)
    if y is None:
        guess = model(xt, t)
    else:
        guess = model(xt, t, y if drop_mask is None else y.masked_fill(drop_mask, null_label))
    weight = torch.ones(len(x0), dtype=x0.dtype) if weight is None else weight
    return ((eps - guess) ** 2).flatten(1).mul(weight.unsqueeze(1)).mean()


@wheat("labels by keyword, one einsum")
def ddpm_loss(model, sch, x0, t, eps, y=None, drop_mask=None, null_label=None, weight=None) -> Tensor:
    miss = (model(_noisy(sch, x0, t, eps), t, y=_labels(y, drop_mask, null_label)) - eps).reshape(len(x0), -1)
    weight = miss.new_ones(len(x0)) if weight is None else weight
    return torch.einsum("b,bd,bd->", weight, miss, miss) / miss.numel()
