"""Plausible misconceptions about question 2.5a: each must lose points there."""

import torch
from hwkit import chaff
from torch import Tensor


def _nb(x, mu, theta):
    log_mu = torch.log(mu.clamp_min(1e-38))
    ways = torch.lgamma(x + theta) - torch.lgamma(theta) - torch.lgamma(x + 1)
    return ways - theta * torch.log1p(mu / theta) + x * (log_mu - torch.log(theta + mu))


@chaff("theta is the INVERSE dispersion: the variance is mu + mu^2 / theta.")
def nb_log_prob(x: Tensor, mu: Tensor, theta: Tensor) -> Tensor:
    return _nb(x, mu, 1 / theta)


@chaff("lgamma(x + 1) is missing: the probabilities do not sum to one.")
def nb_log_prob(x: Tensor, mu: Tensor, theta: Tensor) -> Tensor:
    return _nb(x, mu, theta) + torch.lgamma(x + 1)


@chaff("A silent gene (mu = 0, x = 0) gives 0 times log 0, which is NaN: guard the logarithm.")
def nb_log_prob(x: Tensor, mu: Tensor, theta: Tensor) -> Tensor:
    ways = torch.lgamma(x + theta) - torch.lgamma(theta) - torch.lgamma(x + 1)
    return ways - theta * torch.log1p(mu / theta) + x * torch.log(mu / (theta + mu))


@chaff("The value at mu = 0 is right and its gradient NaN: keep the logarithm away from zero, as clamp_min does.")
def nb_log_prob(x: Tensor, mu: Tensor, theta: Tensor) -> Tensor:
    ways = torch.lgamma(x + theta) - torch.lgamma(theta) - torch.lgamma(x + 1)
    return ways - theta * torch.log1p(mu / theta) + torch.xlogy(x, mu / (theta + mu))


@chaff("The two probabilities are swapped: mu / (theta + mu) belongs to the counts x.")
def nb_log_prob(x: Tensor, mu: Tensor, theta: Tensor) -> Tensor:
    ways = torch.lgamma(x + theta) - torch.lgamma(theta) - torch.lgamma(x + 1)
    total = torch.log(theta + mu)
    return ways + theta * (torch.log(mu.clamp_min(1e-38)) - total) + x * (torch.log(theta) - total)


@chaff("This is the Poisson law: theta does not appear.")
def nb_log_prob(x: Tensor, mu: Tensor, theta: Tensor) -> Tensor:
    return x * torch.log(mu.clamp_min(1e-38)) - mu - torch.lgamma(x + 1) + 0 * theta


@chaff("Entry by entry: the sum over genes belongs to the caller.")
def nb_log_prob(x: Tensor, mu: Tensor, theta: Tensor) -> Tensor:
    return _nb(x, mu, theta).sum(-1)


@chaff("theta is used as it is, not as its logarithm.")
def nb_log_prob(x: Tensor, mu: Tensor, theta: Tensor) -> Tensor:
    return _nb(x, mu, theta.exp())


@chaff("Gamma functions of a large theta overflow: use lgamma and differences of logarithms.")
def nb_log_prob(x: Tensor, mu: Tensor, theta: Tensor) -> Tensor:
    ways = torch.log(torch.lgamma(x + theta).exp() / torch.lgamma(theta).exp()) - torch.lgamma(x + 1)
    return ways - theta * torch.log1p(mu / theta) + x * (torch.log(mu.clamp_min(1e-38)) - torch.log(theta + mu))


@chaff("A constant of 1e-4 added to mu changes the law of rare genes: guard the logarithm alone.")
def nb_log_prob(x: Tensor, mu: Tensor, theta: Tensor) -> Tensor:
    return _nb(x, mu + 1e-4, theta)


@chaff("The Poisson law is a limit: at theta = 100 the two still differ.")
def nb_log_prob(x: Tensor, mu: Tensor, theta: Tensor) -> Tensor:
    poisson = x * torch.log(mu.clamp_min(1e-38)) - mu - torch.lgamma(x + 1)
    return torch.where(theta > 50, poisson, _nb(x, mu, theta))
