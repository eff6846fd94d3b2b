"""Valid alternatives of question 1.3d: each must get full marks."""

import torch
from hwkit import wheat
from torch import Tensor, nn


def _pick(logits: Tensor, u: Tensor) -> Tensor:
    """The category in whose piece u falls."""
    return (u.unsqueeze(-1) >= logits.softmax(-1).cumsum(-1)[..., :-1]).sum(-1)


@wheat("one loop over raster positions")
def sample_images(model: nn.Module, u: Tensor, y: Tensor | None = None) -> Tensor:
    mode, x = model.training, torch.zeros_like(u).long().unsqueeze(1)
    model.eval()
    for t in range(u[0].numel()):
        i, j = divmod(t, u.shape[2])
        x[:, 0, i, j] = _pick(model(x, y)[:, :, i, j], u[:, i, j])
    model.train(mode)
    return x


@wheat("all pixels at once, repeated until the last one is right")
def sample_images(model: nn.Module, u: Tensor, y: Tensor | None = None) -> Tensor:
    mode, x = model.training, torch.zeros_like(u).long().unsqueeze(1)
    model.eval()
    with torch.no_grad():
        for _ in range(u[0].numel()):
            x = _pick(model(x, y).movedim(1, -1), u).unsqueeze(1)
    model.train(mode)
    return x
