"""Valid alternatives of question 4.4b: each must get full marks."""

import torch
from hwkit import wheat
from torch import Tensor, nn
from torch.nn import functional as F


@wheat("shift first, sigmoid written out")
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
        def act(z):
            return z * torch.sigmoid(z)

        shift, scale = self.modulation(e).reshape(len(e), 2, -1, 1, 1).unbind(1)
        u = self.norm2(self.conv1(act(self.norm1(h))))
        return self.conv2(act(u + scale * u + shift)) + self.skip(h)


@wheat("zeroed under no_grad, torch.addcmul")
class AdaGNResBlock(nn.Module):
    def __init__(self, c_in: int, c_out: int, emb_dim: int):
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(4, c_in), nn.GroupNorm(4, c_out)
        self.conv1 = nn.Conv2d(c_in, c_out, 3, padding=1)
        self.conv2 = nn.Conv2d(c_out, c_out, 3, padding=1)
        self.modulation = nn.Linear(emb_dim, 2 * c_out)
        self.skip = nn.Identity() if c_in == c_out else nn.Conv2d(c_in, c_out, 1)
        with torch.no_grad():
            for parameter in (*self.conv2.parameters(), *self.modulation.parameters()):
                parameter.zero_()

    def forward(self, h: Tensor, e: Tensor) -> Tensor:
        u = self.norm2(self.conv1(F.silu(self.norm1(h))))
        a, b = torch.split(self.modulation(e), u.shape[1], dim=1)
        u = torch.addcmul(u + b[..., None, None], u, a[..., None, None])
        return self.skip(h).add(self.conv2(F.silu(u)))
