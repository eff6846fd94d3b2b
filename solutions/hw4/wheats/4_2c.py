"""Valid alternatives of question 4.2c: each must get full marks."""

import torch
from hwkit import wheat
from torch import Tensor


@wheat("as written: sigma squared times the squared distance of the two scores")
def dsm_loss(score_fn, x0: Tensor, sigma: Tensor, eps: Tensor) -> Tensor:
    s = sigma.view(-1, *([1] * (x0.ndim - 1)))
    noisy = x0 + s * eps
    target = -(noisy - x0) / s**2
    return (s**2 * (score_fn(noisy, sigma) - target) ** 2).mean()


@wheat("example by example, then the mean of means")
def dsm_loss(score_fn, x0: Tensor, sigma: Tensor, eps: Tensor) -> Tensor:
    s = sigma[(...,) + (None,) * (x0.dim() - 1)]
    score = score_fn(x0 + s * eps, sigma)
    each = [((sigma[i] * score[i] + eps[i]) ** 2).mean() for i in range(len(x0))]
    return torch.stack(each).mean()
