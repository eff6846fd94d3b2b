"""Valid alternatives of question 2.4a: each must get full marks."""

import torch
from hwkit import wheat
from torch import Tensor


@wheat("surrogate loss and autograd")
def score_function_grad(f_vals: Tensor, logits: Tensor, b: Tensor, baseline: str | float = "none") -> Tensor:
    k = f_vals.shape[0]
    if baseline == "mean_loo":
        advantage = f_vals - (f_vals.sum() - f_vals) / (k - 1)
    else:
        advantage = f_vals - (0.0 if baseline == "none" else baseline)
    leaf = logits.detach().clone().requires_grad_()
    log_prob = (b * leaf - torch.nn.functional.softplus(leaf)).sum(-1)
    (gradient,) = torch.autograd.grad((advantage.detach() * log_prob).mean(), leaf)
    return gradient


@wheat("loops over the draws")
def score_function_grad(f_vals: Tensor, logits: Tensor, b: Tensor, baseline: str | float = "none") -> Tensor:
    p = 1 / (1 + torch.exp(-logits))
    k = len(b)
    total = torch.zeros_like(logits)
    for i in range(k):
        value = f_vals[i]
        if baseline == "mean_loo":
            value = value - torch.cat([f_vals[:i], f_vals[i + 1 :]]).mean()
        elif baseline != "none":
            value = value - baseline
        total = total + value * torch.where(b[i] == 1, 1 - p, -p)
    return total / k


@wheat("leave-one-out as K/(K-1) times the full mean")
def score_function_grad(f_vals: Tensor, logits: Tensor, b: Tensor, baseline: str | float = "none") -> Tensor:
    k = len(f_vals)
    if isinstance(baseline, str):
        centred = f_vals if baseline == "none" else (f_vals - f_vals.mean()) * k / (k - 1)
    else:
        centred = f_vals - baseline
    return centred @ (b - logits.sigmoid()) / k
