"""Plausible misconceptions about question 4.4b: each must lose points there."""

from hwkit import chaff
from torch import Tensor, nn
from torch.nn import functional as F


@chaff("The block should start as its skip path: conv2 starts at zero.")
class AdaGNResBlock(nn.Module):
    def __init__(self, c_in: int, c_out: int, emb_dim: int):
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(4, c_in), nn.GroupNorm(4, c_out)
        self.conv1 = nn.Conv2d(c_in, c_out, 3, padding=1)
        self.conv2 = nn.Conv2d(c_out, c_out, 3, padding=1)
        self.modulation = nn.Linear(emb_dim, 2 * c_out)
        self.skip = nn.Identity() if c_in == c_out else nn.Conv2d(c_in, c_out, 1)
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)

    def forward(self, h: Tensor, e: Tensor) -> Tensor:
        u = self.conv1(F.silu(self.norm1(h)))
        a, b = self.modulation(e)[:, :, None, None].chunk(2, dim=1)
        return self.skip(h) + self.conv2(F.silu((1 + a) * self.norm2(u) + b))


@chaff("The scale is 1 + a: with a alone the features start out switched off.")
class AdaGNResBlock(nn.Module):
    def __init__(self, c_in: int, c_out: int, emb_dim: int):
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(4, c_in), nn.GroupNorm(4, c_out)
        self.conv1 = nn.Conv2d(c_in, c_out, 3, padding=1)
        self.conv2 = nn.Conv2d(c_out, c_out, 3, padding=1)
        self.modulation = nn.Linear(emb_dim, 2 * c_out)
        self.skip = nn.Identity() if c_in == c_out else nn.Conv2d(c_in, c_out, 1)
        for layer in (self.conv2, self.modulation):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, h: Tensor, e: Tensor) -> Tensor:
        u = self.conv1(F.silu(self.norm1(h)))
        a, b = self.modulation(e)[:, :, None, None].chunk(2, dim=1)
        return self.skip(h) + self.conv2(F.silu(a * self.norm2(u) + b))


@chaff("The skip path is missing.")
class AdaGNResBlock(nn.Module):
    def __init__(self, c_in: int, c_out: int, emb_dim: int):
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(4, c_in), nn.GroupNorm(4, c_out)
        self.conv1 = nn.Conv2d(c_in, c_out, 3, padding=1)
        self.conv2 = nn.Conv2d(c_out, c_out, 3, padding=1)
        self.modulation = nn.Linear(emb_dim, 2 * c_out)
        self.skip = nn.Identity() if c_in == c_out else nn.Conv2d(c_in, c_out, 1)
        for layer in (self.conv2, self.modulation):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, h: Tensor, e: Tensor) -> Tensor:
        u = self.conv1(F.silu(self.norm1(h)))
        a, b = self.modulation(e)[:, :, None, None].chunk(2, dim=1)
        return self.conv2(F.silu((1 + a) * self.norm2(u) + b))


@chaff("With another number of channels the input has to go through skip.")
class AdaGNResBlock(nn.Module):
    def __init__(self, c_in: int, c_out: int, emb_dim: int):
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(4, c_in), nn.GroupNorm(4, c_out)
        self.conv1 = nn.Conv2d(c_in, c_out, 3, padding=1)
        self.conv2 = nn.Conv2d(c_out, c_out, 3, padding=1)
        self.modulation = nn.Linear(emb_dim, 2 * c_out)
        self.skip = nn.Identity() if c_in == c_out else nn.Conv2d(c_in, c_out, 1)
        for layer in (self.conv2, self.modulation):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, h: Tensor, e: Tensor) -> Tensor:
        u = self.conv1(F.silu(self.norm1(h)))
        a, b = self.modulation(e)[:, :, None, None].chunk(2, dim=1)
        return (h if h.shape[1] == self.conv2.out_channels else 0) + self.conv2(F.silu((1 + a) * self.norm2(u) + b))


@chaff("The embedding of each example modulates its own features: do not average it over the batch.")
class AdaGNResBlock(nn.Module):
    def __init__(self, c_in: int, c_out: int, emb_dim: int):
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(4, c_in), nn.GroupNorm(4, c_out)
        self.conv1 = nn.Conv2d(c_in, c_out, 3, padding=1)
        self.conv2 = nn.Conv2d(c_out, c_out, 3, padding=1)
        self.modulation = nn.Linear(emb_dim, 2 * c_out)
        self.skip = nn.Identity() if c_in == c_out else nn.Conv2d(c_in, c_out, 1)
        for layer in (self.conv2, self.modulation):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, h: Tensor, e: Tensor) -> Tensor:
        u = self.conv1(F.silu(self.norm1(h)))
        a, b = self.modulation(e).mean(0, keepdim=True)[:, :, None, None].chunk(2, dim=1)
        return self.skip(h) + self.conv2(F.silu((1 + a) * self.norm2(u) + b))


@chaff("(B, C) broadcasts along height and width: add two axes of length one.")
class AdaGNResBlock(nn.Module):
    def __init__(self, c_in: int, c_out: int, emb_dim: int):
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(4, c_in), nn.GroupNorm(4, c_out)
        self.conv1 = nn.Conv2d(c_in, c_out, 3, padding=1)
        self.conv2 = nn.Conv2d(c_out, c_out, 3, padding=1)
        self.modulation = nn.Linear(emb_dim, 2 * c_out)
        self.skip = nn.Identity() if c_in == c_out else nn.Conv2d(c_in, c_out, 1)
        for layer in (self.conv2, self.modulation):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, h: Tensor, e: Tensor) -> Tensor:
        u = self.norm2(self.conv1(F.silu(self.norm1(h))))
        a, b = self.modulation(e).mean(1)[:, None, None, None], 0
        return self.skip(h) + self.conv2(F.silu((1 + a) * u + b))


@chaff("The embedding is ignored.")
class AdaGNResBlock(nn.Module):
    def __init__(self, c_in: int, c_out: int, emb_dim: int):
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(4, c_in), nn.GroupNorm(4, c_out)
        self.conv1 = nn.Conv2d(c_in, c_out, 3, padding=1)
        self.conv2 = nn.Conv2d(c_out, c_out, 3, padding=1)
        self.modulation = nn.Linear(emb_dim, 2 * c_out)
        self.skip = nn.Identity() if c_in == c_out else nn.Conv2d(c_in, c_out, 1)
        for layer in (self.conv2, self.modulation):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, h: Tensor, e: Tensor) -> Tensor:
        return self.skip(h) + self.conv2(F.silu(self.norm2(self.conv1(F.silu(self.norm1(h))))))


@chaff("The modulation comes after the normalisation, which would undo it.")
class AdaGNResBlock(nn.Module):
    def __init__(self, c_in: int, c_out: int, emb_dim: int):
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(4, c_in), nn.GroupNorm(4, c_out)
        self.conv1 = nn.Conv2d(c_in, c_out, 3, padding=1)
        self.conv2 = nn.Conv2d(c_out, c_out, 3, padding=1)
        self.modulation = nn.Linear(emb_dim, 2 * c_out)
        self.skip = nn.Identity() if c_in == c_out else nn.Conv2d(c_in, c_out, 1)
        for layer in (self.conv2, self.modulation):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, h: Tensor, e: Tensor) -> Tensor:
        u = self.conv1(F.silu(self.norm1(h)))
        a, b = self.modulation(e)[:, :, None, None].chunk(2, dim=1)
        return self.skip(h) + self.conv2(F.silu(self.norm2((1 + a) * u + b)))


@chaff("The shift is missing: only the scale depends on the embedding.")
class AdaGNResBlock(nn.Module):
    def __init__(self, c_in: int, c_out: int, emb_dim: int):
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(4, c_in), nn.GroupNorm(4, c_out)
        self.conv1 = nn.Conv2d(c_in, c_out, 3, padding=1)
        self.conv2 = nn.Conv2d(c_out, c_out, 3, padding=1)
        self.modulation = nn.Linear(emb_dim, 2 * c_out)
        self.skip = nn.Identity() if c_in == c_out else nn.Conv2d(c_in, c_out, 1)
        for layer in (self.conv2, self.modulation):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, h: Tensor, e: Tensor) -> Tensor:
        u = self.conv1(F.silu(self.norm1(h)))
        a, b = self.modulation(e)[:, :, None, None].chunk(2, dim=1)
        return self.skip(h) + self.conv2(F.silu((1 + a) * self.norm2(u)))


@chaff("There is an activation before each of the two convolutions.")
class AdaGNResBlock(nn.Module):
    def __init__(self, c_in: int, c_out: int, emb_dim: int):
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(4, c_in), nn.GroupNorm(4, c_out)
        self.conv1 = nn.Conv2d(c_in, c_out, 3, padding=1)
        self.conv2 = nn.Conv2d(c_out, c_out, 3, padding=1)
        self.modulation = nn.Linear(emb_dim, 2 * c_out)
        self.skip = nn.Identity() if c_in == c_out else nn.Conv2d(c_in, c_out, 1)
        for layer in (self.conv2, self.modulation):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, h: Tensor, e: Tensor) -> Tensor:
        u = self.conv1(self.norm1(h))
        a, b = self.modulation(e)[:, :, None, None].chunk(2, dim=1)
        return self.skip(h) + self.conv2(F.silu((1 + a) * self.norm2(u) + b))


@chaff("Only conv2 and modulation start at zero: a first convolution of zeros has nothing to pass on.")
class AdaGNResBlock(nn.Module):
    def __init__(self, c_in: int, c_out: int, emb_dim: int):
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(4, c_in), nn.GroupNorm(4, c_out)
        self.conv1 = nn.Conv2d(c_in, c_out, 3, padding=1)
        self.conv2 = nn.Conv2d(c_out, c_out, 3, padding=1)
        self.modulation = nn.Linear(emb_dim, 2 * c_out)
        self.skip = nn.Identity() if c_in == c_out else nn.Conv2d(c_in, c_out, 1)
        nn.init.zeros_(self.conv1.weight)
        for layer in (self.conv2, self.modulation):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, h: Tensor, e: Tensor) -> Tensor:
        u = self.conv1(F.silu(self.norm1(h)))
        a, b = self.modulation(e)[:, :, None, None].chunk(2, dim=1)
        return self.skip(h) + self.conv2(F.silu((1 + a) * self.norm2(u) + b))
