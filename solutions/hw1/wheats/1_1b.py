"""Valid alternatives of question 1.1b: each must get full marks."""

import torch
from hwkit import wheat
from torch import Tensor
from torch.nn import functional


@wheat("two log-sigmoids")
def bernoulli_log_prob(logits: Tensor, x: Tensor) -> Tensor:
    each = x * functional.logsigmoid(logits) + (1 - x) * functional.logsigmoid(-logits)
    return each.flatten(1).sum(-1)


@wheat("softplus")
def bernoulli_log_prob(logits: Tensor, x: Tensor) -> Tensor:
    return (x * logits - functional.softplus(logits)).reshape(len(x), -1).sum(1)


@wheat("torch.distributions")
def bernoulli_log_prob(logits: Tensor, x: Tensor) -> Tensor:
    return torch.distributions.Bernoulli(logits=logits, validate_args=False).log_prob(x).flatten(1).sum(1)
