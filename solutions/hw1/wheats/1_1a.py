"""Valid alternatives of question 1.1a: each must get full marks."""

import math

from hwkit import wheat
from torch import Tensor


@wheat("first bits, then per dimension")
def bits_per_dim(nll: Tensor, num_dims: int) -> Tensor:
    return nll / math.log(2) / num_dims


@wheat("via log2 of e")
def bits_per_dim(nll: Tensor, num_dims: int) -> Tensor:
    return nll * math.log2(math.e) / num_dims
