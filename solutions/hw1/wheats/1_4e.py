"""Valid alternatives of question 1.4e: each must get full marks."""

import math

import torch
from hwkit import wheat
from torch import Tensor


@wheat("top-p by comparing all pairs of tokens")
def filter_logits(
    logits: Tensor, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Tensor:
    logits = logits / temperature
    if top_k is not None and top_k < logits.shape[-1]:
        logits = logits.masked_fill(logits < logits.topk(top_k, -1).values[..., -1:], -math.inf)
    if top_p is not None:
        pi = logits.softmax(-1)
        better = ((pi.unsqueeze(-2) > pi.unsqueeze(-1)) * pi.unsqueeze(-2)).sum(-1)
        logits = logits.masked_fill(better >= top_p, -math.inf)
    return logits


@wheat("sorted from below")
def filter_logits(
    logits: Tensor, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Tensor:
    logits = logits / temperature
    if top_k is not None:
        keep = torch.zeros_like(logits, dtype=torch.bool).scatter(
            -1, logits.topk(min(top_k, logits.shape[-1])).indices, True
        )
        logits = torch.where(keep, logits, -math.inf)
    if top_p is not None:
        probs, order = logits.softmax(-1).sort(dim=-1)
        low = probs.cumsum(-1) <= 1 - top_p
        logits = logits.masked_fill(torch.empty_like(low).scatter(-1, order, low), -math.inf)
    return logits


@wheat("row by row in Python")
def filter_logits(
    logits: Tensor, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Tensor:
    rows = []
    for row in logits / temperature:
        order = row.argsort(descending=True).tolist()[: top_k or len(row)]
        if top_p is not None:
            pi, mass, kept = row[order].softmax(0).tolist(), 0.0, []
            for token, share in zip(order, pi, strict=False):
                if mass >= top_p:
                    break
                kept.append(token)
                mass += share
            order = kept
        out = torch.full_like(row, -math.inf)
        out[order] = row[order]
        rows.append(out)
    return torch.stack(rows)
