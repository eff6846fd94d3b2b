"""Valid alternatives of question 1.4a: each must get full marks."""

import math

import torch
from hwkit import wheat
from torch import Tensor
from torch.nn import functional


@wheat("scaled_dot_product_attention with an explicit mask")
def causal_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    T, S = q.shape[-2], k.shape[-2]
    mask = torch.arange(T).unsqueeze(1) + (S - T) >= torch.arange(S)
    return functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)


@wheat("an additive mask")
def causal_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    T, S = q.shape[-2], k.shape[-2]
    mask = q.new_full((T, S), -math.inf).triu(S - T + 1)
    scores = torch.einsum("bhtd,bhsd->bhts", q, k) * q.shape[-1] ** -0.5
    return torch.einsum("bhts,bhsd->bhtd", (scores + mask).softmax(-1), v)


@wheat("one query at a time")
def causal_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    T, S = q.shape[-2], k.shape[-2]
    out = []
    for t in range(T):
        seen = S - T + t + 1
        w = (q[:, :, t : t + 1] @ k[:, :, :seen].mT / math.sqrt(q.shape[-1])).softmax(-1)
        out.append(w @ v[:, :, :seen])
    return torch.cat(out, 2)
