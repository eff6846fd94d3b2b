"""Plausible misconceptions about question 1.3d: each must lose points there."""

import torch
from hwkit import chaff
from torch import Tensor, nn


def _pick(logits: Tensor, u: Tensor) -> Tensor:
    """The category in whose piece u falls."""
    return (u.unsqueeze(-1) >= logits.softmax(-1).cumsum(-1)[..., :-1]).sum(-1)


@chaff("Raster order runs along rows: columns are the inner loop.")
def sample_images(model: nn.Module, u: Tensor, y: Tensor | None = None) -> Tensor:
    n, height, width = u.shape
    x = torch.zeros(n, 1, height, width, dtype=torch.long)
    was = model.training
    model.eval()
    with torch.no_grad():
        for j in range(width):
            for i in range(height):
                x[:, 0, i, j] = _pick(model(x, y)[:, :, i, j], u[:, i, j])
    model.train(was)
    return x


@chaff("The logits change with every pixel: one forward pass is not enough.")
def sample_images(model: nn.Module, u: Tensor, y: Tensor | None = None) -> Tensor:
    mode = model.training
    model.eval()
    with torch.no_grad():
        logits = model(torch.zeros_like(u, dtype=torch.long).unsqueeze(1), y)
    model.train(mode)
    return _pick(logits.movedim(1, -1), u).unsqueeze(1)


@chaff("The likeliest level is not a sample: use u.")
def sample_images(model: nn.Module, u: Tensor, y: Tensor | None = None) -> Tensor:
    n, height, width = u.shape
    x = torch.zeros(n, 1, height, width, dtype=torch.long)
    was = model.training
    model.eval()
    with torch.no_grad():
        for i in range(height):
            for j in range(width):
                x[:, 0, i, j] = model(x, y)[:, :, i, j].argmax(1)
    model.train(was)
    return x


@chaff("The randomness is in u: do not draw your own.")
def sample_images(model: nn.Module, u: Tensor, y: Tensor | None = None) -> Tensor:
    n, height, width = u.shape
    x = torch.zeros(n, 1, height, width, dtype=torch.long)
    was = model.training
    model.eval()
    with torch.no_grad():
        for i in range(height):
            for j in range(width):
                x[:, 0, i, j] = torch.multinomial(model(x, y)[:, :, i, j].softmax(1), 1)[:, 0]
    model.train(was)
    return x


@chaff("Dropout stays on in training mode: call model.eval() before sampling.")
def sample_images(model: nn.Module, u: Tensor, y: Tensor | None = None) -> Tensor:
    n, height, width = u.shape
    x = torch.zeros(n, 1, height, width, dtype=torch.long)
    with torch.no_grad():
        for i in range(height):
            for j in range(width):
                x[:, 0, i, j] = _pick(model(x, y)[:, :, i, j], u[:, i, j])
    return x


@chaff("The model is left in evaluation mode: training would go on without dropout.")
def sample_images(model: nn.Module, u: Tensor, y: Tensor | None = None) -> Tensor:
    n, height, width = u.shape
    x = torch.zeros(n, 1, height, width, dtype=torch.long)
    model.eval()
    with torch.no_grad():
        for i in range(height):
            for j in range(width):
                x[:, 0, i, j] = _pick(model(x, y)[:, :, i, j], u[:, i, j])
    return x


@chaff("The class y must go to the model.")
def sample_images(model: nn.Module, u: Tensor, y: Tensor | None = None) -> Tensor:
    n, height, width = u.shape
    x = torch.zeros(n, 1, height, width, dtype=torch.long)
    was = model.training
    model.eval()
    with torch.no_grad():
        for i in range(height):
            for j in range(width):
                x[:, 0, i, j] = _pick(model(x)[:, :, i, j], u[:, i, j])
    model.train(was)
    return x


@chaff("Levels are integers: give x the dtype int64.")
def sample_images(model: nn.Module, u: Tensor, y: Tensor | None = None) -> Tensor:
    n, height, width = u.shape
    x = torch.zeros(n, 1, height, width)
    was = model.training
    model.eval()
    with torch.no_grad():
        for i in range(height):
            for j in range(width):
                x[:, 0, i, j] = _pick(model(x, y)[:, :, i, j], u[:, i, j])
    model.train(was)
    return x


@chaff("Every row is drawn at once: a pixel must see its left neighbour.")
def sample_images(model: nn.Module, u: Tensor, y: Tensor | None = None) -> Tensor:
    n, height, width = u.shape
    x = torch.zeros(n, 1, height, width, dtype=torch.long)
    was = model.training
    model.eval()
    with torch.no_grad():
        for i in range(height):
            x[:, 0, i] = _pick(model(x, y)[:, :, i].movedim(1, -1), u[:, i])
    model.train(was)
    return x
