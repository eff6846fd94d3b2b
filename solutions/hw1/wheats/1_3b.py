"""Valid alternatives of question 1.3b: each must get full marks."""

import torch
from hwkit import wheat
from torch import Tensor, nn
from torch.nn import functional


def _mask(centre: int, size: int) -> Tensor:
    """A correct mask, open at the centre or not."""
    place = torch.arange(size * size).reshape(size, size)
    return (place < size * size // 2 + centre).to(torch.get_default_dtype())


class _Conv(nn.Conv2d):
    """A masked convolution."""

    def __init__(self, centre: int, channels_in: int, channels_out: int, size: int):
        super().__init__(channels_in, channels_out, size, padding=size // 2)
        self.register_buffer("mask", _mask(centre, size))

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
        self.levels = nn.Embedding(K, width)
        self.first = _Conv(0, width, width, 5)
        self.blocks = nn.Sequential(*[_Block(width, _Conv(1, width, width, 3)) for _ in range(n_blocks)])
        self.head = nn.Sequential(nn.ReLU(), nn.Dropout(dropout), nn.Conv2d(width, K, 1))
        if n_classes is not None:
            self.classes = nn.Parameter(torch.randn(n_classes, width, 1, 1))

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        h = self.first(self.levels(x[:, 0]).permute(0, 3, 1, 2))
        h = h if y is None else h + self.classes[y]
        return self.head(self.blocks(h))


@wheat("one-hot levels, class vectors added in every block, masks made in every call")
class PixelCNN(nn.Module):
    def __init__(
        self, K: int = 17, width: int = 32, n_blocks: int = 4, n_classes: int | None = None, dropout: float = 0.0
    ):
        super().__init__()
        self.K = K
        self.first = nn.Conv2d(K, width, 5)
        self.convs = nn.ModuleList(nn.Conv2d(width, width, 3) for _ in range(n_blocks))
        self.drop = nn.Dropout(dropout)
        self.classes = nn.Embedding(n_classes or 1, width)
        self.head = nn.Conv2d(width, K, 1)

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        levels = functional.one_hot(x[:, 0], self.K).movedim(-1, 1).to(self.head.weight)
        h = functional.conv2d(levels, self.first.weight * _mask(0, 5), self.first.bias, padding=2)
        e = self.classes(x.new_zeros(len(x)) if y is None else y)[:, :, None, None]
        for conv in self.convs:
            before = self.drop(functional.elu(h + e))
            h = h + functional.conv2d(before, conv.weight * _mask(1, 3), conv.bias, padding=1)
        return self.head(functional.elu(h + e))
