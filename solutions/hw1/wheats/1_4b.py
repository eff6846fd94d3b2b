"""Valid alternatives of question 1.4b: each must get full marks."""

import math

import torch
from hwkit import wheat
from torch import Tensor, nn
from torch.nn import functional


def _attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Correct causal attention."""
    T, S = q.shape[-2], k.shape[-2]
    allowed = torch.ones(T, S, dtype=torch.bool).tril(S - T)
    return (q @ k.mT / math.sqrt(q.shape[-1])).masked_fill(~allowed, -math.inf).softmax(-1) @ v


class _Right(nn.Module):
    """A correct layer; the alternatives change one method."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def split(self, x: Tensor) -> Tensor:
        return x.reshape(x.shape[0], x.shape[1], self.heads, -1).transpose(1, 2)

    def join(self, x: Tensor) -> Tensor:
        return x.transpose(1, 2).flatten(2)

    def remember(self, past: tuple[Tensor, Tensor], k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        return torch.cat([past[0], k], 2), torch.cat([past[1], v], 2)

    def attend(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return _attend(q, k, v)

    def forward(self, x: Tensor, past: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        q, k, v = (self.split(part) for part in self.qkv(x).chunk(3, -1))
        if past is not None:
            k, v = self.remember(past, k, v)
        return self.out(self.join(self.attend(q, k, v))), (k, v)


@wheat("separate maps for queries, keys and values")
class CausalSelfAttention(nn.Module):
    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.project = nn.Linear(width, width)

    def forward(self, x: Tensor, past: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        q, k, v = (
            layer(x).unflatten(-1, (self.heads, -1)).transpose(1, 2) for layer in (self.query, self.key, self.value)
        )
        if past is not None:
            k, v = torch.cat((past[0], k), -2), torch.cat((past[1], v), -2)
        return self.project(_attend(q, k, v).transpose(1, 2).flatten(2)), (k, v)


@wheat("one head at a time")
class CausalSelfAttention(_Right):
    def forward(self, x: Tensor, past: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        q, k, v = (self.split(part) for part in self.qkv(x).chunk(3, -1))
        if past is not None:
            k, v = self.remember(past, k, v)
        heads = [_attend(q[:, n : n + 1], k[:, n : n + 1], v[:, n : n + 1])[:, 0] for n in range(self.heads)]
        return self.out(torch.cat(heads, -1)), (k, v)


@wheat("one linear map, scaled_dot_product_attention")
class CausalSelfAttention(_Right):
    def attend(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        mask = torch.ones(q.shape[2], k.shape[2], dtype=torch.bool).tril(k.shape[2] - q.shape[2])
        return functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
