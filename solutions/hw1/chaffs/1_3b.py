"""Plausible misconceptions about question 1.3b: each must lose points there."""

import torch
from hwkit import chaff
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


class _Right(nn.Module):
    """A correct network; each chaff spoils one part."""

    kinds = ("A", "B")

    def __init__(
        self, K: int = 17, width: int = 32, n_blocks: int = 4, n_classes: int | None = None, dropout: float = 0.0
    ):
        super().__init__()
        self.K, self.dropout = K, nn.Dropout(dropout)
        self.first = _Conv(self.kinds[0], 1, width, 5)
        self.classes = nn.Embedding(n_classes or 1, width) if n_classes else None
        self.blocks = nn.Sequential(*[_Block(width, self.middle(width)) for _ in range(n_blocks)])
        self.head = nn.Sequential(nn.ReLU(), nn.Conv2d(width, width, 1), nn.ReLU(), nn.Conv2d(width, K, 1))

    def middle(self, width: int) -> nn.Module:
        return _Conv(self.kinds[1], width, width, 3)

    def scaled(self, x: Tensor) -> Tensor:
        return 2 * x.to(self.first.weight.dtype) / (self.K - 1) - 1

    def features(self, h: Tensor, y: Tensor | None) -> Tensor:
        return h if y is None else h + self.classes(y)[:, :, None, None]

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        return self.head(self.dropout(self.blocks(self.features(self.first(self.scaled(x)), y))))


@chaff("The first convolution must be of type A: with B every pixel sees itself.")
class PixelCNN(_Right):
    kinds = ("B", "B")


@chaff("Types A and B are swapped: A first, and once.")
class PixelCNN(_Right):
    kinds = ("B", "A")


@chaff("A plain convolution in the middle sees later pixels: every kernel larger than 1 x 1 needs a mask.")
class PixelCNN(_Right):
    def middle(self, width: int) -> nn.Module:
        return nn.Conv2d(width, width, 3, padding=1)


@chaff("Subtracting the mean of the image tells every pixel about its future: scale by the constant K - 1.")
class PixelCNN(_Right):
    def scaled(self, x: Tensor) -> Tensor:
        scaled = super().scaled(x)
        return scaled - scaled.mean((2, 3), keepdim=True)


@chaff("Normalising over the batch or over space leaks: no batch normalisation here.")
class PixelCNN(_Right):
    def middle(self, width: int) -> nn.Module:
        return nn.Sequential(nn.BatchNorm2d(width), super().middle(width))


@chaff("The class is ignored.")
class PixelCNN(_Right):
    def features(self, h: Tensor, y: Tensor | None) -> Tensor:
        return h if y is None else h + self.classes.weight.sum() * 0 + self.classes(y).mean() * 1e-3


@chaff("Every example has its own class: here all of them get the first one's.")
class PixelCNN(_Right):
    def features(self, h: Tensor, y: Tensor | None) -> Tensor:
        return h if y is None else h + self.classes(y[:1])[:, :, None, None]


@chaff("The class is added at one pixel only: it belongs to every pixel.")
class PixelCNN(_Right):
    def features(self, h: Tensor, y: Tensor | None) -> Tensor:
        if y is None:
            return h
        h = h.clone()
        h[:, :, -1, -1] = h[:, :, -1, -1] + self.classes(y)
        return h


@chaff("Levels up to K - 1 are fed unscaled: bring them to between -1 and 1.")
class PixelCNN(_Right):
    def scaled(self, x: Tensor) -> Tensor:
        return x.to(self.first.weight.dtype)


@chaff("The model returns logits over the levels, not probabilities.")
class PixelCNN(_Right):
    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        return super().forward(x, y).softmax(1).movedim(1, -1)


@chaff("A residual connection from the image shows every pixel to itself.")
class PixelCNN(_Right):
    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        return super().forward(x, y) + self.scaled(x)


@chaff("A list multiplied by n holds one block n times: every block needs weights of its own.")
class PixelCNN(_Right):
    def __init__(
        self, K: int = 17, width: int = 32, n_blocks: int = 4, n_classes: int | None = None, dropout: float = 0.0
    ):
        super().__init__(K, width, n_blocks, n_classes, dropout)
        self.blocks = nn.Sequential(*[_Block(width, self.middle(width))] * n_blocks)
