"""Valid alternatives of question 1.3b: each must get full marks."""

import torch
from hwkit import wheat
from torch import Tensor, nn
from torch.nn import functional


def _mask(kind: str, size: int) -> Tensor:
    """A correct mask."""
    place = torch.arange(size * size).reshape(size, size)
    return (place < size * size // 2 + (kind == "B")).to(torch.get_default_dtype())


class _Conv(nn.Conv2d):
    """A masked convolution."""

    def __init__(self, kind: str, channels_in: int, channels_out: int, size: int):
        super().__init__(channels_in, channels_out, size, padding=size // 2)
        self.register_buffer("mask", _mask(kind, size))

    def forward(self, x: Tensor) -> Tensor:
        return functional.conv2d(x, self.weight * self.mask, self.bias, padding=self.padding)


class _Block(nn.Module):
    """A residual block."""

    def __init__(self, width: int, conv: nn.Module):
        super().__init__()
        self.body = nn.Sequential(
            nn.ReLU(), nn.Conv2d(width, width, 1), nn.ReLU(), conv, nn.ReLU(), nn.Conv2d(width, width, 1)
        )

    def forward(self, h: Tensor) -> Tensor:
        return h + self.body(h)


@wheat("an embedding of the levels instead of scaling")
class PixelCNN(nn.Module):
    def __init__(
        self, K: int = 17, width: int = 32, n_blocks: int = 4, n_classes: int | None = None, dropout: float = 0.0
    ):
        super().__init__()
        self.K = K
        self.levels = nn.Embedding(K, width)
        self.first = _Conv("A", width, width, 5)
        self.blocks = nn.ModuleList(_Block(width, _Conv("B", width, width, 3)) for _ in range(n_blocks))
        self.head = nn.Sequential(nn.ReLU(), nn.Dropout(dropout), nn.Conv2d(width, K, 1))
        if n_classes is not None:
            self.classes = nn.Parameter(torch.randn(n_classes, width, 1, 1))

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        h = self.first(self.levels(x[:, 0]).permute(0, 3, 1, 2))
        h = h if y is None else h + self.classes[y]
        for block in self.blocks:
            h = block(h)
        return self.head(h)


@wheat("class vectors added in every block, masks on a cloned weight")
class PixelCNN(nn.Module):
    def __init__(
        self, K: int = 17, width: int = 32, n_blocks: int = 4, n_classes: int | None = None, dropout: float = 0.0
    ):
        super().__init__()
        self.K = K
        self.register_buffer("mask_a", _mask("A", 5))
        self.register_buffer("mask_b", _mask("B", 3))
        self.first = nn.Conv2d(1, width, 5, padding=2)
        self.convs = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(n_blocks))
        self.classes = None if n_classes is None else nn.Embedding(n_classes, width)
        self.head = nn.Conv2d(width, K, 1)

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        x = x.to(self.head.weight.dtype) * (2 / (self.K - 1)) - 1
        h = functional.conv2d(x, self.first.weight.clone() * self.mask_a, self.first.bias, padding=2)
        for conv in self.convs:
            if self.classes is not None and y is not None:
                h = h + self.classes(y)[:, :, None, None]
            h = h + functional.conv2d(functional.elu(h), conv.weight.clone() * self.mask_b, conv.bias, padding=1)
        return self.head(functional.elu(h))
