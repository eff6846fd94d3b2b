"""Valid alternatives of question 1.1d: each must get full marks."""

import math

from hwkit import wheat
from torch import Tensor


@wheat("two means")
def entropy_rate_gap(nll: Tensor, oracle_logp: Tensor, L: int) -> float:
    return float(nll.mean() + oracle_logp.mean()) / L / math.log(2)


@wheat("via the log ratio, with item")
def entropy_rate_gap(nll: Tensor, oracle_logp: Tensor, L: int) -> float:
    log_ratio = oracle_logp - (-nll)
    return (log_ratio / (L * math.log(2))).mean().item()
