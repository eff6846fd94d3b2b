"""Valid alternatives of question 3.3a: each must get full marks."""

import torch
from hwkit import wheat
from torch import Tensor
from torch.nn import functional as F


@wheat("binary cross-entropy with logits")
def d_loss(kind: str, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    if kind in {"minimax", "ns"}:
        bce = F.binary_cross_entropy_with_logits
        return bce(real_logits, torch.ones_like(real_logits)) + bce(fake_logits, torch.zeros_like(fake_logits))
    if kind == "lsgan":
        return (F.mse_loss(real_logits, torch.ones_like(real_logits)) + (fake_logits**2).mean()) / 2
    if kind == "hinge":
        return (1 - real_logits).clamp(min=0).mean() + (1 + fake_logits).clamp(min=0).mean()
    if kind == "wgan":
        return -(real_logits.mean() - fake_logits.mean())
    raise ValueError("kind is minimax, ns, lsgan, hinge or wgan")


@wheat("a table of functions, log-sigmoids")
def d_loss(kind: str, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    log_loss = (lambda r: -F.logsigmoid(r), lambda f: -F.logsigmoid(-f))
    table = {
        "minimax": log_loss,
        "ns": log_loss,
        "lsgan": (lambda r: 0.5 * (1 - r) ** 2, lambda f: 0.5 * f * f),
        "hinge": (lambda r: torch.relu(1 - r), lambda f: torch.relu(1 + f)),
        "wgan": (lambda r: -r, lambda f: f),
    }
    if kind not in table:
        raise ValueError(kind)
    real, fake = table[kind]
    return torch.mean(real(real_logits)) + torch.mean(fake(fake_logits))
