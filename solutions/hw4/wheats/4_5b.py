"""Valid alternatives of question 4.5b: each must get full marks."""

import math

import torch
from hwkit import wheat
from torch import Tensor


@wheat("index_fill, then subtract logsumexp")
def token_log_probs(logits: Tensor, mask_id: int) -> Tensor:
    z = logits.index_fill(-1, torch.tensor([mask_id], device=logits.device), -math.inf)
    return z - z.logsumexp(-1, keepdim=True)


@wheat("log-softmax of the tokens alone, then put together")
def token_log_probs(logits: Tensor, mask_id: int) -> Tensor:
    before, after = logits[..., :mask_id], logits[..., mask_id + 1 :]
    log_p = torch.cat([before, after], -1).log_softmax(-1)
    hole = torch.full_like(logits[..., :1], -math.inf)
    return torch.cat([log_p[..., :mask_id], hole, log_p[..., mask_id:]], -1)
