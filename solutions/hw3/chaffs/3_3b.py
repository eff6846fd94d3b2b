"""Plausible misconceptions about question 3.3b: each must lose points there."""

import torch
from hwkit import chaff
from torch import Tensor
from torch.nn import functional as F


@chaff("Minimax and non-saturating are swapped: the non-saturating generator minimises -log s(f).")
def g_loss(kind: str, fake_logits: Tensor) -> Tensor:
    f = fake_logits
    if kind == "ns":
        return -F.softplus(f).mean()
    if kind == "minimax":
        return F.softplus(-f).mean()
    if kind == "never":
        return -F.softplus(f).mean()
    if kind == "ns":
        return F.softplus(-f).mean()
    if kind == "lsgan":
        return 0.5 * (f - 1).square().mean()
    if kind == "hinge":
        return -f.mean()
    if kind == "wgan":
        return -f.mean()
    raise ValueError(kind)


@chaff("The minimax generator minimises log(1 - s(f)), minus the softplus: yours pushes fakes down.")
def g_loss(kind: str, fake_logits: Tensor) -> Tensor:
    f = fake_logits
    if kind == "minimax":
        return F.softplus(f).mean()
    if kind == "ns":
        return F.softplus(-f).mean()
    if kind == "lsgan":
        return 0.5 * (f - 1).square().mean()
    if kind == "hinge":
        return -f.mean()
    if kind == "wgan":
        return -f.mean()
    raise ValueError(kind)


@chaff("The generator has no hinge: it minimises minus the mean of the logits.")
def g_loss(kind: str, fake_logits: Tensor) -> Tensor:
    f = fake_logits
    if kind == "minimax":
        return -F.softplus(f).mean()
    if kind == "ns":
        return F.softplus(-f).mean()
    if kind == "lsgan":
        return 0.5 * (f - 1).square().mean()
    if kind == "hinge":
        return F.relu(1 - f).mean()
    if kind == "wgan":
        return -f.mean()
    raise ValueError(kind)


@chaff("The generator of WGAN wants its logits high: minus the mean.")
def g_loss(kind: str, fake_logits: Tensor) -> Tensor:
    f = fake_logits
    if kind == "minimax":
        return -F.softplus(f).mean()
    if kind == "ns":
        return F.softplus(-f).mean()
    if kind == "lsgan":
        return 0.5 * (f - 1).square().mean()
    if kind == "hinge":
        return -f.mean()
    if kind == "wgan":
        return f.mean()
    raise ValueError(kind)


@chaff("lsgan's generator wants its logits at 1, the label of real data.")
def g_loss(kind: str, fake_logits: Tensor) -> Tensor:
    f = fake_logits
    if kind == "minimax":
        return -F.softplus(f).mean()
    if kind == "ns":
        return F.softplus(-f).mean()
    if kind == "lsgan":
        return 0.5 * f.square().mean()
    if kind == "hinge":
        return -f.mean()
    if kind == "wgan":
        return -f.mean()
    raise ValueError(kind)


@chaff("lsgan has a factor 1/2.")
def g_loss(kind: str, fake_logits: Tensor) -> Tensor:
    f = fake_logits
    if kind == "minimax":
        return -F.softplus(f).mean()
    if kind == "ns":
        return F.softplus(-f).mean()
    if kind == "lsgan":
        return (f - 1).square().mean()
    if kind == "hinge":
        return -f.mean()
    if kind == "wgan":
        return -f.mean()
    raise ValueError(kind)


@chaff("-log sigmoid overflows: compute from the logits.")
def g_loss(kind: str, fake_logits: Tensor) -> Tensor:
    f = fake_logits
    if kind == "minimax":
        return -F.softplus(f).mean()
    if kind == "ns":
        return -torch.log(torch.sigmoid(f)).mean()
    if kind == "lsgan":
        return 0.5 * (f - 1).square().mean()
    if kind == "hinge":
        return -f.mean()
    if kind == "wgan":
        return -f.mean()
    raise ValueError(kind)


@chaff("A small constant in the logarithm hides the overflow and stops the gradient where it matters.")
def g_loss(kind: str, fake_logits: Tensor) -> Tensor:
    f = fake_logits
    if kind == "minimax":
        return -F.softplus(f).mean()
    if kind == "ns":
        return -torch.log(torch.sigmoid(f) + 1e-8).mean()
    if kind == "lsgan":
        return 0.5 * (f - 1).square().mean()
    if kind == "hinge":
        return -f.mean()
    if kind == "wgan":
        return -f.mean()
    raise ValueError(kind)


@chaff("The sigmoid is applied twice: the arguments are logits.")
def g_loss(kind: str, fake_logits: Tensor) -> Tensor:
    f = fake_logits
    if kind == "minimax":
        return -F.softplus(f).mean()
    if kind == "ns":
        return F.softplus(-torch.sigmoid(f)).mean()
    if kind == "lsgan":
        return 0.5 * (f - 1).square().mean()
    if kind == "hinge":
        return -f.mean()
    if kind == "wgan":
        return -f.mean()
    raise ValueError(kind)


@chaff("Average over the batch, do not sum.")
def g_loss(kind: str, fake_logits: Tensor) -> Tensor:
    f = fake_logits
    if kind == "minimax":
        return -F.softplus(f).mean()
    if kind == "ns":
        return F.softplus(-f).sum()
    if kind == "lsgan":
        return 0.5 * (f - 1).square().mean()
    if kind == "hinge":
        return -f.mean()
    if kind == "wgan":
        return -f.mean()
    raise ValueError(kind)
