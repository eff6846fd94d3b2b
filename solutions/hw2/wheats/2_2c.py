"""Valid alternatives of question 2.2c: each must get full marks."""

import torch
from hwkit import wheat
from torch import Tensor


@wheat("subtract before averaging")
def beta_elbo(terms: dict[str, Tensor], beta: float) -> Tensor:
    return (terms["rec"] - beta * terms["kl"]).mean(dim=0)


@wheat("sum divided by K")
def beta_elbo(terms: dict[str, Tensor], beta: float) -> Tensor:
    rec = terms["rec"]
    return torch.add(rec.sum(0) / rec.shape[0], terms["kl"], alpha=-beta)
