"""Plausible misconceptions about question 3.5a: each must lose points there."""

import torch
from hwkit import chaff
from torch import Tensor


@chaff("The diagonal i = j is included: that is the biased V-statistic.")
def mmd2_unbiased(x: Tensor, y: Tensor, sigmas) -> Tensor:
    def kernel(a: Tensor, b: Tensor) -> Tensor:
        square = (a.unsqueeze(1) - b.unsqueeze(0)).square().sum(-1)
        return sum(torch.exp(-square / (2 * sigma**2)) for sigma in sigmas) / len(sigmas)

    own_x = kernel(x, x).mean()
    own_y = kernel(y, y).mean()
    return own_x + own_y - 2 * kernel(x, y).mean()


@chaff("The squared MMD is asked for; a root of it (or a clip at zero) is biased.")
def mmd2_unbiased(x: Tensor, y: Tensor, sigmas) -> Tensor:
    def kernel(a: Tensor, b: Tensor) -> Tensor:
        square = (a.unsqueeze(1) - b.unsqueeze(0)).square().sum(-1)
        return sum(torch.exp(-square / (2 * sigma**2)) for sigma in sigmas) / len(sigmas)

    n, m = len(x), len(y)
    own_x = (kernel(x, x).sum() - n) / (n * (n - 1))
    own_y = (kernel(y, y).sum() - m) / (m * (m - 1))
    return (own_x + own_y - 2 * kernel(x, y).mean()).clamp(min=0).sqrt()


@chaff("An unbiased estimate of zero is negative now and then: do not clip it.")
def mmd2_unbiased(x: Tensor, y: Tensor, sigmas) -> Tensor:
    def kernel(a: Tensor, b: Tensor) -> Tensor:
        square = (a.unsqueeze(1) - b.unsqueeze(0)).square().sum(-1)
        return sum(torch.exp(-square / (2 * sigma**2)) for sigma in sigmas) / len(sigmas)

    n, m = len(x), len(y)
    own_x = (kernel(x, x).sum() - n) / (n * (n - 1))
    own_y = (kernel(y, y).sum() - m) / (m * (m - 1))
    return (own_x + own_y - 2 * kernel(x, y).mean()).clamp(min=0)


@chaff("The kernel is exp(-d^2 / (2 sigma^2)): the squared width, and the 2.")
def mmd2_unbiased(x: Tensor, y: Tensor, sigmas) -> Tensor:
    def kernel(a: Tensor, b: Tensor) -> Tensor:
        square = (a.unsqueeze(1) - b.unsqueeze(0)).square().sum(-1)
        return sum(torch.exp(-square / (2 * sigma)) for sigma in sigmas) / len(sigmas)

    n, m = len(x), len(y)
    own_x = (kernel(x, x).sum() - n) / (n * (n - 1))
    own_y = (kernel(y, y).sum() - m) / (m * (m - 1))
    return own_x + own_y - 2 * kernel(x, y).mean()


@chaff("The kernel has a 2 in its denominator.")
def mmd2_unbiased(x: Tensor, y: Tensor, sigmas) -> Tensor:
    def kernel(a: Tensor, b: Tensor) -> Tensor:
        square = (a.unsqueeze(1) - b.unsqueeze(0)).square().sum(-1)
        return sum(torch.exp(-square / sigma**2) for sigma in sigmas) / len(sigmas)

    n, m = len(x), len(y)
    own_x = (kernel(x, x).sum() - n) / (n * (n - 1))
    own_y = (kernel(y, y).sum() - m) / (m * (m - 1))
    return own_x + own_y - 2 * kernel(x, y).mean()


@chaff("The cross term counts twice.")
def mmd2_unbiased(x: Tensor, y: Tensor, sigmas) -> Tensor:
    def kernel(a: Tensor, b: Tensor) -> Tensor:
        square = (a.unsqueeze(1) - b.unsqueeze(0)).square().sum(-1)
        return sum(torch.exp(-square / (2 * sigma**2)) for sigma in sigmas) / len(sigmas)

    n, m = len(x), len(y)
    own_x = (kernel(x, x).sum() - n) / (n * (n - 1))
    own_y = (kernel(y, y).sum() - m) / (m * (m - 1))
    return own_x + own_y - kernel(x, y).mean()


@chaff("Kernels of several widths are averaged, not summed.")
def mmd2_unbiased(x: Tensor, y: Tensor, sigmas) -> Tensor:
    def kernel(a: Tensor, b: Tensor) -> Tensor:
        square = (a.unsqueeze(1) - b.unsqueeze(0)).square().sum(-1)
        return sum(torch.exp(-square / (2 * sigma**2)) for sigma in sigmas) / 1

    n, m = len(x), len(y)
    own_x = (kernel(x, x).sum() - n) / (n * (n - 1))
    own_y = (kernel(y, y).sum() - m) / (m * (m - 1))
    return own_x + own_y - 2 * kernel(x, y).mean()


@chaff("The kernel uses the squared distance.")
def mmd2_unbiased(x: Tensor, y: Tensor, sigmas) -> Tensor:
    def kernel(a: Tensor, b: Tensor) -> Tensor:
        square = (a.unsqueeze(1) - b.unsqueeze(0)).square().sum(-1).add(1e-12).sqrt()
        return sum(torch.exp(-square / (2 * sigma**2)) for sigma in sigmas) / len(sigmas)

    n, m = len(x), len(y)
    own_x = (kernel(x, x).sum() - n) / (n * (n - 1))
    own_y = (kernel(y, y).sum() - m) / (m * (m - 1))
    return own_x + own_y - 2 * kernel(x, y).mean()


@chaff("There are n(n - 1) pairs of different points, not n^2.")
def mmd2_unbiased(x: Tensor, y: Tensor, sigmas) -> Tensor:
    def kernel(a: Tensor, b: Tensor) -> Tensor:
        square = (a.unsqueeze(1) - b.unsqueeze(0)).square().sum(-1)
        return sum(torch.exp(-square / (2 * sigma**2)) for sigma in sigmas) / len(sigmas)

    n, m = len(x), len(y)
    own_x = (kernel(x, x).sum() - n) / (n * n)
    own_y = (kernel(y, y).sum() - m) / (m * (m - 1))
    return own_x + own_y - 2 * kernel(x, y).mean()


@chaff("The two samples may differ in size.")
def mmd2_unbiased(x: Tensor, y: Tensor, sigmas) -> Tensor:
    def kernel(a: Tensor, b: Tensor) -> Tensor:
        square = (a.unsqueeze(1) - b.unsqueeze(0)).square().sum(-1)
        return sum(torch.exp(-square / (2 * sigma**2)) for sigma in sigmas) / len(sigmas)

    n = m = len(x)
    own_x = (kernel(x, x).sum() - n) / (n * (n - 1))
    own_y = (kernel(y, y).sum() - m) / (m * (m - 1))
    return own_x + own_y - 2 * kernel(x, y).mean()


@chaff("A detach cuts the gradient: MMD can train a generator.")
def mmd2_unbiased(x: Tensor, y: Tensor, sigmas) -> Tensor:
    def kernel(a: Tensor, b: Tensor) -> Tensor:
        square = (a.unsqueeze(1) - b.unsqueeze(0)).square().sum(-1)
        return sum(torch.exp(-square / (2 * sigma**2)) for sigma in sigmas) / len(sigmas)

    n, m = len(x), len(y)
    own_x = (kernel(x, x).sum() - n) / (n * (n - 1))
    own_y = (kernel(y, y).sum() - m) / (m * (m - 1))
    return (own_x + own_y - 2 * kernel(x, y).mean()).detach()


@chaff("x_i and y_i are two different points even if the samples have one size: no pair of the cross term is left out.")
def mmd2_unbiased(x: Tensor, y: Tensor, sigmas) -> Tensor:
    def kernel(a: Tensor, b: Tensor) -> Tensor:
        square = (a.unsqueeze(1) - b.unsqueeze(0)).square().sum(-1)
        return sum(torch.exp(-square / (2 * sigma**2)) for sigma in sigmas) / len(sigmas)

    def between(a: Tensor, b: Tensor) -> Tensor:
        k = kernel(a, b)
        return (k.sum() - k.trace()) / (k.numel() - len(k)) if len(a) == len(b) else k.mean()

    return between(x, x) + between(y, y) - 2 * between(x, y)


@chaff("The squared distance is a sum over coordinates, not their mean.")
def mmd2_unbiased(x: Tensor, y: Tensor, sigmas) -> Tensor:
    def kernel(a: Tensor, b: Tensor) -> Tensor:
        square = (a.unsqueeze(1) - b.unsqueeze(0)).square().mean(-1)
        return sum(torch.exp(-square / (2 * sigma**2)) for sigma in sigmas) / len(sigmas)

    n, m, own_x, own_y = len(x), len(y), kernel(x, x), kernel(y, y)
    within = (own_x.sum() - own_x.trace()) / (n * (n - 1)) + (own_y.sum() - own_y.trace()) / (m * (m - 1))
    return within - 2 * kernel(x, y).mean()
