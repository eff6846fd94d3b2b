"""Plausible misconceptions about question 1.4a: each must lose points there."""

import math

import torch
from hwkit import chaff
from torch import Tensor


@chaff("A mask of -1e4 can be outvoted by large scores: use minus infinity.")
def causal_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    T, S = q.shape[-2], k.shape[-2]
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    allowed = torch.ones(T, S, dtype=torch.bool).tril(S - T)
    return scores.masked_fill(~allowed, -1e4).softmax(-1) @ v


@chaff("The scale is the square root of the width of one head.")
def causal_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    T, S = q.shape[-2], k.shape[-2]
    scores = q @ k.transpose(-2, -1) / q.shape[-1]
    allowed = torch.ones(T, S, dtype=torch.bool).tril(S - T)
    return scores.masked_fill(~allowed, -math.inf).softmax(-1) @ v


@chaff("Scale the scores by 1/sqrt(d), or the softmax saturates.")
def causal_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    T, S = q.shape[-2], k.shape[-2]
    scores = q @ k.transpose(-2, -1) / 1
    allowed = torch.ones(T, S, dtype=torch.bool).tril(S - T)
    return scores.masked_fill(~allowed, -math.inf).softmax(-1) @ v


@chaff("The scale is sqrt(d) of one head, not of all heads together.")
def causal_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    T, S = q.shape[-2], k.shape[-2]
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1] * q.shape[1])
    allowed = torch.ones(T, S, dtype=torch.bool).tril(S - T)
    return scores.masked_fill(~allowed, -math.inf).softmax(-1) @ v


@chaff("Each position sees itself, too: the mask is one step too strict.")
def causal_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    T, S = q.shape[-2], k.shape[-2]
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    allowed = torch.ones(T, S, dtype=torch.bool).tril(S - T - 1) | (torch.arange(S) == 0)
    return scores.masked_fill(~allowed, -math.inf).softmax(-1) @ v


@chaff("The mask lets each position see the next one.")
def causal_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    T, S = q.shape[-2], k.shape[-2]
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    allowed = torch.ones(T, S, dtype=torch.bool).tril(S - T + 1)
    return scores.masked_fill(~allowed, -math.inf).softmax(-1) @ v


@chaff("With more keys than queries the queries are the last ones: shift the diagonal by S - T.")
def causal_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    T, S = q.shape[-2], k.shape[-2]
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    allowed = torch.ones(T, S, dtype=torch.bool).tril()
    return scores.masked_fill(~allowed, -math.inf).softmax(-1) @ v


@chaff("Nothing is masked: every position sees the future.")
def causal_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    T, S = q.shape[-2], k.shape[-2]
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    allowed = torch.ones(T, S, dtype=torch.bool)
    return scores.masked_fill(~allowed, -math.inf).softmax(-1) @ v


@chaff("The softmax runs over the keys, not over the queries.")
def causal_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    T, S = q.shape[-2], k.shape[-2]
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    allowed = torch.ones(T, S, dtype=torch.bool).tril(S - T)
    return scores.masked_fill(~allowed, -math.inf).softmax(-2).nan_to_num() @ v


@chaff("Masking after the softmax leaves weights that do not sum to one.")
def causal_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    T, S = q.shape[-2], k.shape[-2]
    allowed = torch.ones(T, S, dtype=torch.bool).tril(S - T)
    return ((q @ k.mT / math.sqrt(q.shape[-1])).softmax(-1) * allowed) @ v


@chaff("A score of zero is not forbidden: fill with minus infinity.")
def causal_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    T, S = q.shape[-2], k.shape[-2]
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    allowed = torch.ones(T, S, dtype=torch.bool).tril(S - T)
    return scores.masked_fill(~allowed, 0.0).softmax(-1) @ v


@chaff("True means allowed here: the mask is inverted.")
def causal_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    T, S = q.shape[-2], k.shape[-2]
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    allowed = ~torch.ones(T, S, dtype=torch.bool).tril(S - T) | torch.eye(T, S, dtype=torch.bool)
    return scores.masked_fill(~allowed, -math.inf).softmax(-1) @ v


@chaff("Even -1e9 is outvoted when the allowed scores lie below it: use minus infinity.")
def causal_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
    allowed = torch.ones(scores.shape[-2:], dtype=torch.bool, device=q.device).tril(k.shape[2] - q.shape[2])
    return scores.masked_fill(~allowed, -1e9).softmax(-1) @ v
