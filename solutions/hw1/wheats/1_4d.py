"""Valid alternatives of question 1.4d: each must get full marks."""

import math

import torch
from hwkit import wheat
from torch import Tensor


@wheat("a dictionary of counts")
def ngram_nll(train: Tensor, test: Tensor, k: int, alpha: float = 0.5, V: int = 4, positional: bool = False) -> Tensor:
    counts: dict = {}

    def context(row: list[int], t: int) -> tuple:
        return (t if positional else None, tuple(row[max(0, t - k) : t]))

    for row in train.tolist():
        for t, x in enumerate(row):
            counts.setdefault(context(row, t), [0] * V)[x] += 1
    out = []
    for row in test.tolist():
        cost = []
        for t, x in enumerate(row):
            c = counts.get(context(row, t), [0] * V)
            cost.append(-math.log((c[x] + alpha) / (sum(c) + alpha * V)))
        out.append(sum(cost))
    return torch.tensor(out)


@wheat("dense comparison of contexts, position by position")
def ngram_nll(train: Tensor, test: Tensor, k: int, alpha: float = 0.5, V: int = 4, positional: bool = False) -> Tensor:
    n, length = train.shape
    cost = torch.zeros(len(test))
    for t in range(length):
        places = [t] if positional or t < k else range(k, length)
        window = torch.cat([train[:, s - min(s, k) : s + 1] for s in places])
        mine = test[:, t - min(t, k) : t]
        match = (window[:, :-1].unsqueeze(0) == mine.unsqueeze(1)).all(-1).to(cost.dtype)
        same = (window[:, -1] == test[:, t : t + 1]).to(cost.dtype)
        cost = cost - torch.log(((match * same).sum(1) + alpha) / (match.sum(1) + alpha * V))
    return cost
