"""Plausible mistakes in question 9.2a: each must lose points."""

from hwkit import chaff
from torch import Tensor


@chaff("sum over the columns, not over the batch")
def total_surprise(x: Tensor, mu: Tensor, var: Tensor) -> Tensor:
    if x.dim() != 2:
        raise ValueError("x must be (B, D)")
    return -gaussian_log_prob(x, mu, var).sum(0)  # noqa: F821


@chaff("a sum, not a mean")
def total_surprise(x: Tensor, mu: Tensor, var: Tensor) -> Tensor:  # noqa: F811
    if x.dim() != 2:
        raise ValueError("x must be (B, D)")
    return -gaussian_log_prob(x, mu, var).mean(-1)  # noqa: F821


@chaff("refuse what is not (B, D)")
def total_surprise(x: Tensor, mu: Tensor, var: Tensor) -> Tensor:  # noqa: F811
    return -gaussian_log_prob(x, mu, var).sum(-1)  # noqa: F821
