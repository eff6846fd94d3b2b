"""Valid alternatives of question 2.5b: each must get full marks."""

import torch
from hwkit import wheat
from torch import Tensor


@wheat("in log space")
def scvae_decode(h: Tensor, library: Tensor) -> Tensor:
    return torch.exp(torch.log_softmax(h, dim=1) + torch.log(library))


@wheat("a quotient of exponentials, shifted by the largest logit")
def scvae_decode(h: Tensor, library: Tensor) -> Tensor:
    weight = torch.exp(h - h.amax(dim=-1, keepdim=True))
    return weight * (library / weight.sum(dim=-1, keepdim=True))
