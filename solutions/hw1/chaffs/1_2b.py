"""Plausible misconceptions about question 1.2b: each must lose points there."""

import torch
from hwkit import chaff
from torch import Tensor, nn
from torch.nn import functional


def _masks(D: int, hidden: list[int], order: Tensor, out_per_dim: int) -> list[Tensor]:
    """Correct masks."""
    before, masks = order, []
    for width in hidden:
        degrees = torch.arange(width) % max(D - 1, 1)
        masks.append((degrees.unsqueeze(1) >= before).to(torch.get_default_dtype()))
        before = degrees
    rank = order.repeat_interleave(out_per_dim)
    return [*masks, (rank.unsqueeze(1) > before).to(torch.get_default_dtype())]


class _Masked(nn.Linear):
    """A masked layer."""

    def __init__(self, mask: Tensor):
        super().__init__(mask.shape[1], mask.shape[0])
        self.register_buffer("mask", mask)

    def forward(self, x: Tensor) -> Tensor:
        return functional.linear(x, self.weight * self.mask, self.bias)


class _Right(nn.Module):
    """A correct network; each chaff spoils one method."""

    def __init__(self, D: int, hidden: list[int], order: Tensor | None = None, out_per_dim: int = 1):
        super().__init__()
        self.out_per_dim = out_per_dim
        self.register_buffer("order", torch.arange(D) if order is None else order)
        self.layers = nn.ModuleList(_Masked(mask) for mask in _masks(D, hidden, self.order, out_per_dim))

    def forward(self, x: Tensor) -> Tensor:
        h = self.layers[0](x)
        for layer in self.layers[1:]:
            h = layer(torch.relu(h))
        return h.reshape(len(x), -1, self.out_per_dim)

    def log_prob(self, x: Tensor) -> Tensor:
        return -functional.binary_cross_entropy_with_logits(self(x)[..., 0], x, reduction="none").sum(-1)


@chaff("Masking the initial weights once is undone by the first gradient step: mask in every forward pass.")
class MADE(_Right):
    def __init__(self, D: int, hidden: list[int], order: Tensor | None = None, out_per_dim: int = 1):
        super().__init__(D, hidden, order, out_per_dim)
        for layer in self.layers:
            layer.weight.data *= layer.mask
            layer.mask = torch.ones_like(layer.mask)


@chaff("The order in the argument is ignored.")
class MADE(_Right):
    def __init__(self, D: int, hidden: list[int], order: Tensor | None = None, out_per_dim: int = 1):
        super().__init__(D, hidden, None, out_per_dim)


@chaff(
    "Without a nonlinearity between the layers the network is linear, and with one after the last no logit is negative."
)
class MADE(_Right):
    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(super().forward(x)) - 0.0 * x.sum(-1)[:, None, None] + x.mean(-1)[:, None, None]


@chaff("Sum the log-probabilities of the variables, do not average them.")
class MADE(_Right):
    def log_prob(self, x: Tensor) -> Tensor:
        return super().log_prob(x) / x.shape[1]


@chaff("Outputs are logits of x = 1: ones and zeros are swapped.")
class MADE(_Right):
    def log_prob(self, x: Tensor) -> Tensor:
        return -functional.binary_cross_entropy_with_logits(-self(x)[..., 0], x, reduction="none").sum(-1)


@chaff("Cross-entropy is the negative log-likelihood: mind the sign.")
class MADE(_Right):
    def log_prob(self, x: Tensor) -> Tensor:
        return -super().log_prob(x)


@chaff("The mask hides weights, not biases or features: masking the output leaves nothing to learn.")
class MADE(_Right):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x * 0)


@chaff("A residual connection from the input shows every variable to itself.")
class MADE(_Right):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) + x.unsqueeze(-1)


@chaff("Layers kept in a Python list are no submodules: their weights are neither trained, saved nor moved.")
class MADE(_Right):
    def __init__(self, D: int, hidden: list[int], order: Tensor | None = None, out_per_dim: int = 1):
        super().__init__(D, hidden, order, out_per_dim)
        layers = list(self.layers)
        del self.layers
        self.layers = layers
        self.bias = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) + self.bias


@chaff("Outputs of one variable are neighbours: reshape to (B, D, out_per_dim), in this order.")
class MADE(_Right):
    def forward(self, x: Tensor) -> Tensor:
        out = super().forward(x)
        return out.reshape(len(x), self.out_per_dim, -1).transpose(1, 2)


@chaff("Without a bias the first variable, which sees nothing, is a fair coin for ever.")
class MADE(_Right):
    def __init__(self, D: int, hidden: list[int], order: Tensor | None = None, out_per_dim: int = 1):
        super().__init__(D, hidden, order, out_per_dim)
        self.layers[-1].register_parameter("bias", None)


@chaff("Logits may be any size: a clamp in log_prob makes it another model than the one that is sampled.")
class MADE(_Right):
    def log_prob(self, x: Tensor) -> Tensor:
        logits = self(x)[..., 0].clamp(-5, 5)
        return -functional.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(-1)
