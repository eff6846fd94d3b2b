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


@wheat("normalises u first")
def spectral_sigma(weight: Tensor, u: Tensor, n_iter: int) -> Tensor:
    u = (u / u.norm()).detach()
    for _ in range(n_iter):
        v = torch.nn.functional.normalize(u @ weight.detach(), dim=0, eps=1e-12)
        u = torch.nn.functional.normalize(weight.detach() @ v, dim=0, eps=1e-12)
    return torch.einsum("i,ij,j->", u, weight, v)
