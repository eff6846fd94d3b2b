"""Plausible misconceptions about question 3.3a: each must lose points there."""

import torch
from hwkit import chaff
from torch import Tensor
from torch.nn import functional as F


@chaff("Real and fake are swapped: the discriminator wants real logits high and fake logits low.")
def d_loss(kind: str, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    r, f = fake_logits, real_logits
    if kind in ("minimax", "ns"):
        return F.softplus(-r).mean() + F.softplus(f).mean()
    if kind == "lsgan":
        return 0.5 * (r - 1).square().mean() + 0.5 * f.square().mean()
    if kind == "hinge":
        return F.relu(1 - r).mean() + F.relu(1 + f).mean()
    if kind == "wgan":
        return f.mean() - r.mean()
    raise ValueError(kind)


@chaff("The critic of WGAN minimises fake minus real.")
def d_loss(kind: str, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    r, f = real_logits, fake_logits
    if kind in ("minimax", "ns"):
        return F.softplus(-r).mean() + F.softplus(f).mean()
    if kind == "lsgan":
        return 0.5 * (r - 1).square().mean() + 0.5 * f.square().mean()
    if kind == "hinge":
        return F.relu(1 - r).mean() + F.relu(1 + f).mean()
    if kind == "wgan":
        return r.mean() - f.mean()
    raise ValueError(kind)


@chaff("log(1 - sigmoid) overflows: compute from the logits (softplus, or a loss with logits).")
def d_loss(kind: str, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    r, f = real_logits, fake_logits
    if kind in ("minimax", "ns"):
        return -torch.log(torch.sigmoid(r)).mean() - torch.log(1 - torch.sigmoid(f)).mean()
    if kind == "lsgan":
        return 0.5 * (r - 1).square().mean() + 0.5 * f.square().mean()
    if kind == "hinge":
        return F.relu(1 - r).mean() + F.relu(1 + f).mean()
    if kind == "wgan":
        return f.mean() - r.mean()
    raise ValueError(kind)


@chaff("The sigmoid is applied twice: the arguments are logits, and a loss with logits applies it.")
def d_loss(kind: str, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    r, f = real_logits, fake_logits
    if kind in ("minimax", "ns"):
        return F.softplus(-torch.sigmoid(r)).mean() + F.softplus(torch.sigmoid(f)).mean()
    if kind == "lsgan":
        return 0.5 * (r - 1).square().mean() + 0.5 * f.square().mean()
    if kind == "hinge":
        return F.relu(1 - r).mean() + F.relu(1 + f).mean()
    if kind == "wgan":
        return f.mean() - r.mean()
    raise ValueError(kind)


@chaff("lsgan has a factor 1/2 in front of both squares.")
def d_loss(kind: str, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    r, f = real_logits, fake_logits
    if kind in ("minimax", "ns"):
        return F.softplus(-r).mean() + F.softplus(f).mean()
    if kind == "lsgan":
        return (r - 1).square().mean() + f.square().mean()
    if kind == "hinge":
        return F.relu(1 - r).mean() + F.relu(1 + f).mean()
    if kind == "wgan":
        return f.mean() - r.mean()
    raise ValueError(kind)


@chaff("Average over the batch, do not sum: real and fake batches may differ in size.")
def d_loss(kind: str, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    r, f = real_logits, fake_logits
    if kind in ("minimax", "ns"):
        return F.softplus(-r).mean() + F.softplus(f).mean()
    if kind == "lsgan":
        return 0.5 * (r - 1).square().mean() + 0.5 * f.square().mean()
    if kind == "hinge":
        return F.relu(1 - r).sum() + F.relu(1 + f).sum()
    if kind == "wgan":
        return f.mean() - r.mean()
    raise ValueError(kind)


@chaff("The hinge of fakes is max(0, 1 + f).")
def d_loss(kind: str, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    r, f = real_logits, fake_logits
    if kind in ("minimax", "ns"):
        return F.softplus(-r).mean() + F.softplus(f).mean()
    if kind == "lsgan":
        return 0.5 * (r - 1).square().mean() + 0.5 * f.square().mean()
    if kind == "hinge":
        return F.relu(1 - r).mean() + F.relu(1 - f).mean()
    if kind == "wgan":
        return f.mean() - r.mean()
    raise ValueError(kind)


@chaff("The averages over real and fake are added, not averaged again.")
def d_loss(kind: str, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    r, f = real_logits, fake_logits
    if kind in ("minimax", "ns"):
        return 0.5 * (F.softplus(-r).mean() + F.softplus(f).mean())
    if kind == "lsgan":
        return 0.5 * (r - 1).square().mean() + 0.5 * f.square().mean()
    if kind == "hinge":
        return F.relu(1 - r).mean() + F.relu(1 + f).mean()
    if kind == "wgan":
        return f.mean() - r.mean()
    raise ValueError(kind)


@chaff("Real and fake batches have their own averages, also when they differ in size.")
def d_loss(kind: str, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    r, f = real_logits, fake_logits
    if kind in ("minimax", "ns"):
        return 2 * torch.cat([F.softplus(-r).flatten(), F.softplus(f).flatten()]).mean()
    if kind == "lsgan":
        return 0.5 * (r - 1).square().mean() + 0.5 * f.square().mean()
    if kind == "hinge":
        return F.relu(1 - r).mean() + F.relu(1 + f).mean()
    if kind == "wgan":
        return f.mean() - r.mean()
    raise ValueError(kind)


@chaff("An unknown kind should raise ValueError.")
def d_loss(kind: str, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    r, f = real_logits, fake_logits
    if kind in ("minimax", "ns"):
        return F.softplus(-r).mean() + F.softplus(f).mean()
    if kind == "lsgan":
        return 0.5 * (r - 1).square().mean() + 0.5 * f.square().mean()
    if kind == "hinge":
        return F.relu(1 - r).mean() + F.relu(1 + f).mean()
    if kind == "wgan":
        return f.mean() - r.mean()
    return f.mean() - r.mean()


@chaff("A clamp hides the overflow and cuts the gradient of exactly the logits that are wrong.")
def d_loss(kind: str, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    r, f = real_logits, fake_logits
    if kind in ("minimax", "ns"):
        return F.softplus(-r.clamp(-30, 30)).mean() + F.softplus(f.clamp(-30, 30)).mean()
    if kind == "lsgan":
        return 0.5 * (r - 1).square().mean() + 0.5 * f.square().mean()
    if kind == "hinge":
        return F.relu(1 - r).mean() + F.relu(1 + f).mean()
    if kind == "wgan":
        return f.mean() - r.mean()
    raise ValueError(kind)


@chaff("Logits of any shape: average over all entries, not over the first axis.")
def d_loss(kind: str, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    r, f = real_logits, fake_logits
    if kind in ("minimax", "ns"):
        return F.softplus(-r).mean() + F.softplus(f).mean()
    if kind == "lsgan":
        return 0.5 * (r - 1).square().mean() + 0.5 * f.square().mean()
    if kind == "hinge":
        return F.relu(1 - r).mean() + F.relu(1 + f).mean()
    if kind == "wgan":
        return f.sum() / len(f) - r.sum() / len(r)
    raise ValueError(kind)
