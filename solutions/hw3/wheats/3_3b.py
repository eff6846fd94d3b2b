"""Valid alternatives of question 3.3b: each must get full marks."""

import torch
from hwkit import wheat
from torch import Tensor
from torch.nn import functional as F


@wheat("binary cross-entropy with logits, labels of both kinds")
def g_loss(kind: str, fake_logits: Tensor) -> Tensor:
    one, zero = torch.ones_like(fake_logits), torch.zeros_like(fake_logits)
    match kind:
        case "minimax":
            return -F.binary_cross_entropy_with_logits(fake_logits, zero)
        case "ns":
            return F.binary_cross_entropy_with_logits(fake_logits, one)
        case "lsgan":
            return F.mse_loss(fake_logits, one) / 2
        case "hinge" | "wgan":
            return torch.mean(-fake_logits)
    raise ValueError(f"no such kind: {kind}")


@wheat("log-sigmoids in a table")
def g_loss(kind: str, fake_logits: Tensor) -> Tensor:
    table = {
        "minimax": lambda f: F.logsigmoid(-f),
        "ns": lambda f: -F.logsigmoid(f),
        "lsgan": lambda f: (1 - f) ** 2 / 2,
        "hinge": lambda f: -f,
        "wgan": lambda f: -f,
    }
    if kind not in table:
        raise ValueError(kind)
    return table[kind](fake_logits).sum() / fake_logits.numel()
