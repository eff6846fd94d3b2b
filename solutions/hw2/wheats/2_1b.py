"""Valid alternatives of question 2.1b: each must get full marks."""

import torch
from hwkit import wheat
from torch import Tensor
from torch.distributions import Normal, kl_divergence


@wheat("via torch.distributions")
def gaussian_kl(mu_q: Tensor, lv_q: Tensor, mu_p: Tensor | None = None, lv_p: Tensor | None = None) -> Tensor:
    q = Normal(mu_q, (lv_q / 2).exp())
    p = Normal(torch.zeros_like(mu_q), torch.ones_like(mu_q)) if mu_p is None else Normal(mu_p, (lv_p / 2).exp())
    return kl_divergence(q, p).sum(-1)


@wheat("standardised by the standard deviation of p")
def gaussian_kl(mu_q: Tensor, lv_q: Tensor, mu_p: Tensor | None = None, lv_p: Tensor | None = None) -> Tensor:
    shift, log_ratio = mu_q, lv_q
    if mu_p is not None:
        shift = (mu_q - mu_p) / torch.exp(0.5 * lv_p)
        log_ratio = lv_q - lv_p
    return torch.sum(torch.expm1(log_ratio) - log_ratio + shift**2, dim=-1) / 2


@wheat("scalar prior")
def gaussian_kl(mu_q: Tensor, lv_q: Tensor, mu_p: Tensor | float | None = None, lv_p: Tensor | None = None) -> Tensor:
    mu_p = 0.0 if mu_p is None else mu_p
    lv_p = mu_q.new_zeros(()) if lv_p is None else lv_p
    terms = (lv_q.exp() + (mu_q - mu_p).pow(2)) / lv_p.exp() - 1.0 - (lv_q - lv_p)
    return terms.sum(dim=-1).mul(0.5)
