"""Valid alternatives of question 4.6a: each must get full marks."""

import torch
from hwkit import wheat
from torch import Tensor


@wheat("logsumexp written out")
def kl_optimal_policy(ref_logp: Tensor, r: Tensor, beta: float) -> Tensor:
    z = ref_logp + r / beta
    return z - torch.logsumexp(z, dim=0)


@wheat("tilted by the advantage over the best reward")
def kl_optimal_policy(ref_logp: Tensor, r: Tensor, beta: float) -> Tensor:
    z = ref_logp + (r - r.max()) * (1 / beta)
    top = z.max()
    return z - top - (z - top).exp().sum().log()
