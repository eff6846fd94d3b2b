"""Valid alternatives of question 4.5a: each must get full marks."""

import torch
from hwkit import wheat
from torch import Tensor


@wheat("masked_fill")
def mask_tokens(x: Tensor, t: Tensor, u: Tensor, mask_id: int) -> tuple[Tensor, Tensor]:
    hidden = torch.lt(u, t[:, None])
    return x.masked_fill(hidden, mask_id), hidden


@wheat("arithmetic on a copy")
def mask_tokens(x: Tensor, t: Tensor, u: Tensor, mask_id: int) -> tuple[Tensor, Tensor]:
    hidden = (t.reshape(-1, 1) - u) > 0
    xt = x.clone()
    xt[hidden] = mask_id
    return xt, hidden
