"""Plausible misconceptions about question 4.2a: each must lose points there."""

import torch
from hwkit import chaff
from torch import Tensor


def _noisy(sch, x0, t, eps):
    a = sch["alpha_bar"][t].to(x0.dtype).reshape(-1, *[1] * (x0.dim() - 1))
    return a.sqrt() * x0 + (1 - a).sqrt() * eps


def _labels(y, drop_mask, null_label):
    return y if y is None or drop_mask is None else torch.where(drop_mask, torch.full_like(y, null_label), y)


@chaff("The target is the noise: the network of this homework does not predict x0.")
def ddpm_loss(model, sch, x0, t, eps, y=None, drop_mask=None, null_label=None, weight=None) -> Tensor:
    per = (model(_noisy(sch, x0, t, eps), t, _labels(y, drop_mask, null_label)) - x0).square().flatten(1).mean(1)
    return per.mean() if weight is None else (weight * per).mean()


@chaff("The model sees the noisy data, not the clean ones.")
def ddpm_loss(model, sch, x0, t, eps, y=None, drop_mask=None, null_label=None, weight=None) -> Tensor:
    per = (model(x0, t, _labels(y, drop_mask, null_label)) - eps).square().flatten(1).mean(1)
    return per.mean() if weight is None else (weight * per).mean()


@chaff("The noise in x_t and the target are the same eps, the one in the arguments.")
def ddpm_loss(model, sch, x0, t, eps, y=None, drop_mask=None, null_label=None, weight=None) -> Tensor:
    per = (model(_noisy(sch, x0, t, torch.randn_like(x0)), t, _labels(y, drop_mask, null_label)) - eps).square()
    per = per.flatten(1).mean(1)
    return per.mean() if weight is None else (weight * per).mean()


@chaff("Labels are dropped where drop_mask is true, not where it is false.")
def ddpm_loss(model, sch, x0, t, eps, y=None, drop_mask=None, null_label=None, weight=None) -> Tensor:
    mask = None if drop_mask is None else ~drop_mask
    per = (model(_noisy(sch, x0, t, eps), t, _labels(y, mask, null_label)) - eps).square().flatten(1).mean(1)
    return per.mean() if weight is None else (weight * per).mean()


@chaff("Only the examples of the mask lose their label, not the whole batch.")
def ddpm_loss(model, sch, x0, t, eps, y=None, drop_mask=None, null_label=None, weight=None) -> Tensor:
    if y is not None and drop_mask is not None and bool(drop_mask.any()):
        y = torch.full_like(y, null_label)
    per = (model(_noisy(sch, x0, t, eps), t, y) - eps).square().flatten(1).mean(1)
    return per.mean() if weight is None else (weight * per).mean()


@chaff("Average over all elements; a sum over pixels makes the loss grow with the image.")
def ddpm_loss(model, sch, x0, t, eps, y=None, drop_mask=None, null_label=None, weight=None) -> Tensor:
    per = (model(_noisy(sch, x0, t, eps), t, _labels(y, drop_mask, null_label)) - eps).square().flatten(1).sum(1)
    return per.mean() if weight is None else (weight * per).mean()


@chaff("The labels belong to the caller: replace them in a copy.")
def ddpm_loss(model, sch, x0, t, eps, y=None, drop_mask=None, null_label=None, weight=None) -> Tensor:
    if y is not None and drop_mask is not None:
        y[drop_mask] = null_label
    per = (model(_noisy(sch, x0, t, eps), t, y) - eps).square().flatten(1).mean(1)
    return per.mean() if weight is None else (weight * per).mean()


@chaff("The null label is a label of its own; 0 is a class.")
def ddpm_loss(model, sch, x0, t, eps, y=None, drop_mask=None, null_label=None, weight=None) -> Tensor:
    y = _labels(y, drop_mask, 0)
    per = (model(_noisy(sch, x0, t, eps), t, y) - eps).square().flatten(1).mean(1)
    return per.mean() if weight is None else (weight * per).mean()


@chaff("Weights are not normalised: the batch is averaged over its number of examples.")
def ddpm_loss(model, sch, x0, t, eps, y=None, drop_mask=None, null_label=None, weight=None) -> Tensor:
    per = (model(_noisy(sch, x0, t, eps), t, _labels(y, drop_mask, null_label)) - eps).square().flatten(1).mean(1)
    return per.mean() if weight is None else (weight * per).sum() / weight.sum()


@chaff("The mean of the squares is not the square of the mean, nor the norm.")
def ddpm_loss(model, sch, x0, t, eps, y=None, drop_mask=None, null_label=None, weight=None) -> Tensor:
    per = (model(_noisy(sch, x0, t, eps), t, _labels(y, drop_mask, null_label)) - eps).abs().flatten(1).mean(1)
    return per.mean() if weight is None else (weight * per).mean()


@chaff("The gradient has to reach the network: do not detach its answer.")
def ddpm_loss(model, sch, x0, t, eps, y=None, drop_mask=None, null_label=None, weight=None) -> Tensor:
    per = (
        (model(_noisy(sch, x0, t, eps), t, _labels(y, drop_mask, null_label)).detach() - eps)
        .square()
        .flatten(1)
        .mean(1)
    )
    return per.mean() if weight is None else (weight * per).mean()


@chaff("The null label may be the number 0, which is false in an if.")
def ddpm_loss(model, sch, x0, t, eps, y=None, drop_mask=None, null_label=None, weight=None) -> Tensor:
    labels = _labels(y, drop_mask, null_label) if null_label else y
    per = (model(_noisy(sch, x0, t, eps), t, labels) - eps).square().flatten(1).mean(1)
    return per.mean() if weight is None else (weight * per).mean()


@chaff("Without a mask no label is dropped, and the model still gets the labels.")
def ddpm_loss(model, sch, x0, t, eps, y=None, drop_mask=None, null_label=None, weight=None) -> Tensor:
    labels = None if drop_mask is None else _labels(y, drop_mask, null_label)
    per = (model(_noisy(sch, x0, t, eps), t, labels) - eps).square().flatten(1).mean(1)
    return per.mean() if weight is None else (weight * per).mean()


@chaff("Without labels the model gets None, not the null label.")
def ddpm_loss(model, sch, x0, t, eps, y=None, drop_mask=None, null_label=None, weight=None) -> Tensor:
    if y is None and null_label is not None:
        y = torch.full((len(x0),), null_label)
    per = (model(_noisy(sch, x0, t, eps), t, _labels(y, drop_mask, null_label)) - eps).square().flatten(1).mean(1)
    return per.mean() if weight is None else (weight * per).mean()
