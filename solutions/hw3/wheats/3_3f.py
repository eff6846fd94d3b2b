"""Valid alternatives of question 3.3f: each must get full marks."""

import torch
from hwkit import wheat
from torch import Tensor


@wheat("detached vectors, sigma as an inner product of matrices")
def spectral_sigma(weight: Tensor, u: Tensor, n_iter: int) -> Tensor:
    w, left = weight.detach(), u.detach()
    for _ in range(n_iter):
        right = torch.mv(w.t(), left)
        right = right / torch.linalg.vector_norm(right)
        left = torch.mv(w, right)
        left = left / torch.linalg.vector_norm(left)
    return (weight * torch.outer(left, right)).sum()


@wheat("under no_grad, lengths divided out in place")
def spectral_sigma(weight: Tensor, u: Tensor, n_iter: int) -> Tensor:
    with torch.no_grad():
        for _ in range(n_iter):
            v = u @ weight
            v /= v.norm()
            u = weight @ v
            u /= u.norm()
    return torch.dot(u, torch.mv(weight, v))
