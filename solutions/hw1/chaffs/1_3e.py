"""Plausible misconceptions about question 1.3e: each must lose points there."""

import torch
from hwkit import chaff
from torch import Tensor, nn


def _pick(logits: Tensor, u: Tensor) -> Tensor:
    """The category in whose piece u falls."""
    return (u.unsqueeze(-1) >= logits.softmax(-1).cumsum(-1)[..., :-1]).sum(-1)


@chaff("Sampling everything and pasting the known pixels afterwards: the new pixels never saw them.")
def inpaint(model: nn.Module, x: Tensor, known: Tensor, u: Tensor, y: Tensor | None = None) -> Tensor:
    filled = torch.zeros_like(x)
    was = model.training
    model.eval()
    with torch.no_grad():
        for i in range(x.shape[2]):
            for j in range(x.shape[3]):
                if True:
                    filled[:, 0, i, j] = _pick(model(filled, y)[:, :, i, j], u[:, i, j])
    model.train(was)
    return torch.where(known, x, filled)


@chaff("Where known is True the pixel stays: the mask is used the wrong way round.")
def inpaint(model: nn.Module, x: Tensor, known: Tensor, u: Tensor, y: Tensor | None = None) -> Tensor:
    filled = x.clone()
    was = model.training
    model.eval()
    with torch.no_grad():
        for i in range(x.shape[2]):
            for j in range(x.shape[3]):
                if known[0, 0, i, j]:
                    filled[:, 0, i, j] = _pick(model(filled, y)[:, :, i, j], u[:, i, j])
    model.train(was)
    return filled


@chaff("Known pixels are overwritten.")
def inpaint(model: nn.Module, x: Tensor, known: Tensor, u: Tensor, y: Tensor | None = None) -> Tensor:
    filled = x.clone()
    was = model.training
    model.eval()
    with torch.no_grad():
        for i in range(x.shape[2]):
            for j in range(x.shape[3]):
                if True:
                    filled[:, 0, i, j] = _pick(model(filled, y)[:, :, i, j], u[:, i, j])
    model.train(was)
    return filled


@chaff("The image in the argument is overwritten: work on a copy.")
def inpaint(model: nn.Module, x: Tensor, known: Tensor, u: Tensor, y: Tensor | None = None) -> Tensor:
    filled = x
    was = model.training
    model.eval()
    with torch.no_grad():
        for i in range(x.shape[2]):
            for j in range(x.shape[3]):
                if not known[0, 0, i, j]:
                    filled[:, 0, i, j] = _pick(model(filled, y)[:, :, i, j], u[:, i, j])
    model.train(was)
    return filled


@chaff("One forward pass for all pixels: the logits change with every pixel that is drawn.")
def inpaint(model: nn.Module, x: Tensor, known: Tensor, u: Tensor, y: Tensor | None = None) -> Tensor:
    was = model.training
    model.eval()
    with torch.no_grad():
        drawn = _pick(model(x, y).movedim(1, -1), u).unsqueeze(1)
    model.train(was)
    return torch.where(known, x, drawn)


@chaff("Raster order runs along rows: columns are the inner loop.")
def inpaint(model: nn.Module, x: Tensor, known: Tensor, u: Tensor, y: Tensor | None = None) -> Tensor:
    filled = x.clone()
    was = model.training
    model.eval()
    with torch.no_grad():
        for j in range(x.shape[3]):
            for i in range(x.shape[2]):
                if not known[0, 0, i, j]:
                    filled[:, 0, i, j] = _pick(model(filled, y)[:, :, i, j], u[:, i, j])
    model.train(was)
    return filled


@chaff("The likeliest level is not a sample: use u.")
def inpaint(model: nn.Module, x: Tensor, known: Tensor, u: Tensor, y: Tensor | None = None) -> Tensor:
    filled = x.clone()
    was = model.training
    model.eval()
    with torch.no_grad():
        for i in range(x.shape[2]):
            for j in range(x.shape[3]):
                if not known[0, 0, i, j]:
                    filled[:, 0, i, j] = model(filled, y)[:, :, i, j].argmax(1)
    model.train(was)
    return filled


@chaff("The class y must go to the model.")
def inpaint(model: nn.Module, x: Tensor, known: Tensor, u: Tensor, y: Tensor | None = None) -> Tensor:
    filled = x.clone()
    was = model.training
    model.eval()
    with torch.no_grad():
        for i in range(x.shape[2]):
            for j in range(x.shape[3]):
                if not known[0, 0, i, j]:
                    filled[:, 0, i, j] = _pick(model(filled)[:, :, i, j], u[:, i, j])
    model.train(was)
    return filled


@chaff("Dropout stays on in training mode: call model.eval() before sampling.")
def inpaint(model: nn.Module, x: Tensor, known: Tensor, u: Tensor, y: Tensor | None = None) -> Tensor:
    filled = x.clone()
    with torch.no_grad():
        for i in range(x.shape[2]):
            for j in range(x.shape[3]):
                if not known[0, 0, i, j]:
                    filled[:, 0, i, j] = _pick(model(filled, y)[:, :, i, j], u[:, i, j])
    return filled


@chaff("Known pixels must be visible to the model from the start, not blanked out.")
def inpaint(model: nn.Module, x: Tensor, known: Tensor, u: Tensor, y: Tensor | None = None) -> Tensor:
    filled = x.clone()
    was = model.training
    model.eval()
    with torch.no_grad():
        for i in range(x.shape[2]):
            for j in range(x.shape[3]):
                if not known[0, 0, i, j]:
                    filled[:, 0, i, j] = _pick(
                        model(torch.where(known, torch.zeros_like(x), filled), y)[:, :, i, j], u[:, i, j]
                    )
    model.train(was)
    return filled


@chaff("The model is left in evaluation mode: training would go on without dropout.")
def inpaint(model: nn.Module, x: Tensor, known: Tensor, u: Tensor, y: Tensor | None = None) -> Tensor:
    model.eval()
    filled = x.clone()
    with torch.no_grad():
        for i, j in (~known[0, 0]).nonzero().tolist():
            filled[:, 0, i, j] = _pick(model(filled, y)[:, :, i, j], u[:, i, j])
    return filled
