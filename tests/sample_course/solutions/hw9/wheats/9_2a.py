"""Valid alternatives to question 9.2a: each must get full marks."""

import torch
from hwkit import wheat
from torch import Tensor


@wheat("without the given class")
def total_surprise(x: Tensor, mu: Tensor, var: Tensor) -> Tensor:
    if x.dim() != 2:
        raise ValueError("x must be (B, D)")
    return -gaussian_log_prob(x, mu, var).sum(dim=1)  # noqa: F821


@wheat("einsum over the columns")
def total_surprise(x: Tensor, mu: Tensor, var: Tensor) -> Tensor:  # noqa: F811
    if x.dim() != 2:
        raise ValueError("x must be (B, D)")
    return -torch.einsum("bd->b", gaussian_log_prob(x, mu, var))  # noqa: F821
