"""Valid alternatives of question 1.3d: each must get full marks."""

import torch
from hwkit import wheat
from torch import Tensor, nn


def _pick(logits: Tensor, u: Tensor) -> Tensor:
    """The category in whose piece u falls."""
    return (u.unsqueeze(-1) >= logits.softmax(-1).cumsum(-1)[..., :-1]).sum(-1)


@wheat("one loop over raster positions")
def sample_images(model: nn.Module, u: Tensor, y: Tensor | None = None) -> Tensor:

    n, height, width = u.shape
    mode = model.training
    model.eval()
    x = u.new_zeros(n, 1, height, width).long()
    for t in range(height * width):
        i, j = divmod(t, width)
        logits = model(x, y).detach()[:, :, i, j]
        x[:, 0, i, j] = torch.searchsorted(
            logits.softmax(-1).cumsum(-1), u[:, i, j].unsqueeze(-1).contiguous(), right=True
        )[:, 0].clamp(max=logits.shape[1] - 1)
    model.train(mode)
    return x


@wheat("all pixels at once, repeated until the last one is right")
def sample_images(model: nn.Module, u: Tensor, y: Tensor | None = None) -> Tensor:

    mode, x = model.training, torch.zeros_like(u, dtype=torch.long).unsqueeze(1)
    model.eval()
    with torch.no_grad():
        for _ in range(u[0].numel()):
            x = _pick(model(x, y).movedim(1, -1), u).unsqueeze(1)
    model.train(mode)
    return x
