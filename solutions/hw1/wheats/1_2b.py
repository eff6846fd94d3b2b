"""Valid alternatives of question 1.2b: each must get full marks."""

import torch
from hwkit import wheat
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
    """A correct network."""

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


@wheat("plain linear layers, masked in forward")
class MADE(nn.Module):
    def __init__(self, D: int, hidden: list[int], order: Tensor | None = None, out_per_dim: int = 1):
        super().__init__()
        self.out_per_dim = out_per_dim
        self.register_buffer("order", torch.arange(D) if order is None else order)
        self.plain = nn.ModuleList()
        for number, mask in enumerate(_masks(D, hidden, self.order, out_per_dim)):
            self.plain.append(nn.Linear(mask.shape[1], mask.shape[0]))
            self.register_buffer(f"mask{number}", mask)

    def forward(self, x: Tensor) -> Tensor:
        for number, layer in enumerate(self.plain):
            if number > 0:
                x = torch.relu(x)
            x = x @ (layer.weight * getattr(self, f"mask{number}")).T + layer.bias
        return x.unflatten(1, (-1, self.out_per_dim))

    def log_prob(self, x: Tensor) -> Tensor:
        logits = self.forward(x).squeeze(-1)
        return (x * logits - functional.softplus(logits)).sum(-1)


@wheat("one Sequential of masked layers and ReLUs")
class MADE(nn.Module):
    def __init__(self, D: int, hidden: list[int], order: Tensor | None = None, out_per_dim: int = 1):
        super().__init__()
        self.out_per_dim = out_per_dim
        self.register_buffer("order", torch.arange(D) if order is None else order)
        layers = []
        for mask in _masks(D, hidden, self.order, out_per_dim):
            layers += [_Masked(mask), nn.ReLU()]
        self.net = nn.Sequential(*layers[:-1])

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x).view(x.shape[0], x.shape[1], self.out_per_dim)

    def log_prob(self, x: Tensor) -> Tensor:
        logits = self.net(x)
        return (x * functional.logsigmoid(logits) + (1 - x) * functional.logsigmoid(-logits)).sum(-1)
