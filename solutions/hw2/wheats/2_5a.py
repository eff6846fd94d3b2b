"""Valid alternatives of question 2.5a: each must get full marks."""

import torch
from hwkit import wheat
from torch import Tensor


@wheat("torch.distributions.NegativeBinomial with logits")
def nb_log_prob(x: Tensor, mu: Tensor, theta: Tensor) -> Tensor:
    logits = torch.log(mu + 1e-30) - torch.log(theta)
    law = torch.distributions.NegativeBinomial(total_count=theta, logits=logits, validate_args=False)
    return law.log_prob(x)


@wheat("log space, a small constant inside the logarithm of mu")
def nb_log_prob(x: Tensor, mu: Tensor, theta: Tensor) -> Tensor:
    total = torch.log(theta + mu)
    zeros = -theta * torch.log1p(mu / theta)
    return (
        zeros
        + x * (torch.log(mu + 1e-20) - total)
        + torch.lgamma(theta + x)
        - torch.lgamma(theta)
        - torch.lgamma(1 + x)
    )


@wheat("torch.where for silent genes")
def nb_log_prob(x: Tensor, mu: Tensor, theta: Tensor) -> Tensor:
    silent = mu <= 0
    safe = torch.where(silent, torch.ones_like(mu), mu)
    ways = torch.lgamma(x + theta) - torch.lgamma(theta) - torch.lgamma(x + 1)
    value = ways - theta * torch.log1p(safe / theta) + x * torch.log(safe / (safe + theta))
    empty = torch.where(x > 0, torch.full_like(value, -torch.inf), torch.zeros_like(value) - mu)
    return torch.where(silent, empty, value)


@wheat("one over a beta function")
def nb_log_prob(x: Tensor, mu: Tensor, theta: Tensor) -> Tensor:
    log_beta = torch.special.gammaln(theta) + torch.special.gammaln(x + 1) - torch.special.gammaln(x + theta + 1)
    log_odds = torch.clamp(mu, min=1e-37).log() - torch.log(theta + mu)
    return x * log_odds - theta * torch.log1p(mu / theta) - torch.log(x + theta) - log_beta
