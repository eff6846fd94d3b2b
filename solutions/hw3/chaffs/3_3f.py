"""Plausible misconceptions about question 3.3f: each must lose points there."""

import torch
from hwkit import chaff
from torch import Tensor
from torch.nn import functional as F


@chaff("u and v are constants: run the iterations without gradients.")
def spectral_sigma(weight: Tensor, u: Tensor, n_iter: int) -> Tensor:
    if True:
        for _ in range(n_iter):
            v = F.normalize(weight.T @ u, dim=0)
            u = F.normalize(weight @ v, dim=0)
    return u @ weight @ v


@chaff("The last product must see the weight with its gradient.")
def spectral_sigma(weight: Tensor, u: Tensor, n_iter: int) -> Tensor:
    with torch.no_grad():
        for _ in range(n_iter):
            v = F.normalize(weight.T @ u, dim=0)
            u = F.normalize(weight @ v, dim=0)
    return u @ weight.detach() @ v


@chaff("Normalise u and v in every iteration.")
def spectral_sigma(weight: Tensor, u: Tensor, n_iter: int) -> Tensor:
    with torch.no_grad():
        for _ in range(n_iter):
            v = weight.T @ u
            u = F.normalize(weight @ v, dim=0)
    return u @ weight @ v


@chaff("This is the square of sigma (an eigenvalue of W'W).")
def spectral_sigma(weight: Tensor, u: Tensor, n_iter: int) -> Tensor:
    with torch.no_grad():
        for _ in range(n_iter):
            v = F.normalize(weight.T @ u, dim=0)
            u = F.normalize(weight @ v, dim=0)
    return (u @ weight @ v) ** 2


@chaff("The Frobenius norm bounds the largest singular value from above, it is not the same.")
def spectral_sigma(weight: Tensor, u: Tensor, n_iter: int) -> Tensor:
    with torch.no_grad():
        for _ in range(n_iter):
            v = F.normalize(weight.T @ u, dim=0)
            u = F.normalize(weight @ v, dim=0)
    return weight.norm() + 0 * (u @ weight @ v)


@chaff("n_iter iterations are asked for; yours does one.")
def spectral_sigma(weight: Tensor, u: Tensor, n_iter: int) -> Tensor:
    with torch.no_grad():
        for _ in range(1):
            v = F.normalize(weight.T @ u, dim=0)
            u = F.normalize(weight @ v, dim=0)
    return u @ weight @ v


@chaff("u must be updated as well, or the iteration stays where it started.")
def spectral_sigma(weight: Tensor, u: Tensor, n_iter: int) -> Tensor:
    with torch.no_grad():
        for _ in range(n_iter):
            v = F.normalize(weight.T @ u, dim=0)
    return u @ weight @ v


@chaff("The iterations start at the u that is passed in, which is kept from step to step.")
def spectral_sigma(weight: Tensor, u: Tensor, n_iter: int) -> Tensor:
    u = torch.ones_like(u)
    with torch.no_grad():
        for _ in range(n_iter):
            v = F.normalize(weight.T @ u, dim=0)
            u = F.normalize(weight @ v, dim=0)
    return u @ weight @ v


@chaff("An in-place operation changes the caller's u.")
def spectral_sigma(weight: Tensor, u: Tensor, n_iter: int) -> Tensor:
    u.div_(u.norm())
    with torch.no_grad():
        for _ in range(n_iter):
            v = F.normalize(weight.T @ u, dim=0)
            u = F.normalize(weight @ v, dim=0)
    return u @ weight @ v
