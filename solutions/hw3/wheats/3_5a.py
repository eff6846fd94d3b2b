"""Valid alternatives of question 3.5a: each must get full marks."""

import torch
from hwkit import wheat
from torch import Tensor


@wheat("cdist and a mask for the diagonal")
def mmd2_unbiased(x: Tensor, y: Tensor, sigmas) -> Tensor:
    pool = torch.cat([x, y])
    square = (pool[:, None] - pool[None]).pow(2).sum(-1)
    widths = torch.tensor(sigmas, dtype=x.dtype)
    gram = torch.exp(-square[..., None] / (2 * widths**2)).mean(-1)
    gram = gram - torch.diag_embed(torch.diagonal(gram))
    n, m = len(x), len(y)
    return gram[:n, :n].sum() / n / (n - 1) + gram[n:, n:].sum() / m / (m - 1) - 2 * gram[:n, n:].sum() / n / m


@wheat("loops over pairs")
def mmd2_unbiased(x: Tensor, y: Tensor, sigmas) -> Tensor:
    def k(a, b):
        return sum(torch.exp(-((a - b) ** 2).sum() / (2 * s * s)) for s in sigmas) / len(list(sigmas))

    def pairs(a):
        n = len(a)
        return sum(k(a[i], a[j]) for i in range(n) for j in range(i)) * 2 / (n * (n - 1))

    across = sum(k(a, b) for a in x for b in y) / (len(x) * len(y))
    return pairs(x) + pairs(y) - 2 * across
