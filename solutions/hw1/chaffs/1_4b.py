"""Plausible misconceptions about question 1.4b: each must lose points there."""

import math

import torch
from hwkit import chaff
from torch import Tensor, nn


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


@chaff("Reshaping straight to (B, heads, T, d) mixes time and features: reshape to (B, T, heads, d), then transpose.")
class CausalSelfAttention(_Right):
    def split(self, x: Tensor) -> Tensor:
        return x.reshape(x.shape[0], self.heads, x.shape[1], -1)


@chaff("Joining the heads needs the transpose as well, before the reshape.")
class CausalSelfAttention(_Right):
    def join(self, x: Tensor) -> Tensor:
        return x.reshape(x.shape[0], x.shape[2], -1)


@chaff("The past comes before the new keys and values.")
class CausalSelfAttention(_Right):
    def remember(self, past: tuple[Tensor, Tensor], k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        return torch.cat([k, past[0]], 2), torch.cat([v, past[1]], 2)


@chaff("The past is ignored.")
class CausalSelfAttention(_Right):
    def remember(self, past: tuple[Tensor, Tensor], k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        return k, v


@chaff("New keys and values are appended twice.")
class CausalSelfAttention(_Right):
    def remember(self, past: tuple[Tensor, Tensor], k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        return torch.cat([past[0], k, k], 2), torch.cat([past[1], v, v], 2)


@chaff("With a memory the mask must know where the queries stand: shift it by the number of past tokens.")
class CausalSelfAttention(_Right):
    def attend(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        allowed = torch.ones(q.shape[2], k.shape[2], dtype=torch.bool).tril()
        return (q @ k.mT / math.sqrt(q.shape[-1])).masked_fill(~allowed, -math.inf).softmax(-1) @ v


@chaff("Nothing is masked.")
class CausalSelfAttention(_Right):
    def attend(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return (q @ k.mT / math.sqrt(q.shape[-1])).softmax(-1) @ v


@chaff("One head whatever the argument says: split the features.")
class CausalSelfAttention(_Right):
    def attend(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        one = [tensor.transpose(1, 2).flatten(2).unsqueeze(1) for tensor in (q, k, v)]
        return self.split(_attend(*one)[:, 0])


@chaff("The memory is cut from the graph: no gradient reaches earlier tokens in training.")
class CausalSelfAttention(_Right):
    def remember(self, past: tuple[Tensor, Tensor], k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        return torch.cat([past[0].detach(), k], 2), torch.cat([past[1].detach(), v], 2)


@chaff("Only the new keys are returned: the memory has to grow.")
class CausalSelfAttention(_Right):
    def forward(self, x: Tensor, past: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        y, (k, v) = super().forward(x, past)
        return y, (k[:, :, -x.shape[1] :], v[:, :, -x.shape[1] :])


@chaff("The block around the layer adds its input: the layer itself does not.")
class CausalSelfAttention(_Right):
    def forward(self, x: Tensor, past: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        y, memory = super().forward(x, past)
        return x + y, memory


@chaff("The maps to queries, keys and values have biases.")
class CausalSelfAttention(_Right):
    def __init__(self, width: int, heads: int):
        super().__init__(width, heads)
        self.qkv = nn.Linear(width, 3 * width, bias=False)
