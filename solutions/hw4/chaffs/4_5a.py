"""Plausible misconceptions about question 4.5a: each must lose points there."""

import torch
from hwkit import chaff
from torch import Tensor


@chaff("t is the probability of being masked: mask where u < t.")
def mask_tokens(x: Tensor, t: Tensor, u: Tensor, mask_id: int) -> tuple[Tensor, Tensor]:
    hidden = u >= t.unsqueeze(1)
    return x.masked_fill(hidden, mask_id), hidden


@chaff("Every example has its own t, of shape (B,): here all get that of the first.")
def mask_tokens(x: Tensor, t: Tensor, u: Tensor, mask_id: int) -> tuple[Tensor, Tensor]:
    hidden = u < t[0]
    return x.masked_fill(hidden, mask_id), hidden


@chaff("(B,) against (B, L) broadcasts along the sequence: t needs a second axis.")
def mask_tokens(x: Tensor, t: Tensor, u: Tensor, mask_id: int) -> tuple[Tensor, Tensor]:
    hidden = u < (t if len(t) == x.shape[1] else t.unsqueeze(1))
    return x.masked_fill(hidden, mask_id), hidden


@chaff("The second result says which tokens are masked, not which are visible.")
def mask_tokens(x: Tensor, t: Tensor, u: Tensor, mask_id: int) -> tuple[Tensor, Tensor]:
    hidden = u < t.unsqueeze(1)
    return x.masked_fill(hidden, mask_id), ~hidden


@chaff("x belongs to the caller: fill a copy.")
def mask_tokens(x: Tensor, t: Tensor, u: Tensor, mask_id: int) -> tuple[Tensor, Tensor]:
    hidden = u < t.unsqueeze(1)
    return x.masked_fill_(hidden, mask_id), hidden


@chaff("Use the numbers u in the argument; do not draw your own.")
def mask_tokens(x: Tensor, t: Tensor, u: Tensor, mask_id: int) -> tuple[Tensor, Tensor]:
    hidden = torch.rand(x.shape) < t.unsqueeze(1)
    return x.masked_fill(hidden, mask_id), hidden


@chaff("At t = 0 nothing is masked, also where u is 0: the comparison is strict.")
def mask_tokens(x: Tensor, t: Tensor, u: Tensor, mask_id: int) -> tuple[Tensor, Tensor]:
    hidden = u <= t.unsqueeze(1)
    return x.masked_fill(hidden, mask_id), hidden


@chaff("For small t an example may keep all its tokens: do not mask one all the same.")
def mask_tokens(x: Tensor, t: Tensor, u: Tensor, mask_id: int) -> tuple[Tensor, Tensor]:
    hidden = u < t.unsqueeze(1)
    lowest = (u == u.amin(1, keepdim=True)) & (t > 0).unsqueeze(1)
    hidden = hidden | (lowest & ~hidden.any(1, keepdim=True))
    return x.masked_fill(hidden, mask_id), hidden
