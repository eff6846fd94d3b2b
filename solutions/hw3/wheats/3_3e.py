"""Valid alternatives of question 3.3e: each must get full marks."""

import torch
from hwkit import wheat
from torch import Tensor


@wheat("minus the other difference")
def optimal_logit(x: Tensor, logp_data, logp_gen) -> Tensor:
    return -(logp_gen(x) - logp_data(x))


@wheat("logit of the posterior in log space")
def optimal_logit(x: Tensor, logp_data, logp_gen) -> Tensor:
    both = torch.stack([logp_data(x), logp_gen(x)])
    log_posterior = torch.log_softmax(both, dim=0)
    return log_posterior[0] - log_posterior[1]
