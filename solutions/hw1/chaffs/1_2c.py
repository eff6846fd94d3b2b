"""Plausible misconceptions about question 1.2c: each must lose points there."""

import torch
from hwkit import chaff
from torch import Tensor, nn


@chaff("Draw in the order of the ranks, not of the indices.")
def sample_made(model: nn.Module, u: Tensor) -> Tensor:
    x = torch.zeros_like(u)
    with torch.no_grad():
        for i in range(u.shape[1]):
            x[:, i] = (u[:, i] < torch.sigmoid(model(x)[:, i, 0])).to(u.dtype)
    return x


@chaff("order[i] is the rank of variable i; the variable to draw next is argsort(order)[rank].")
def sample_made(model: nn.Module, u: Tensor) -> Tensor:
    x = torch.zeros_like(u)
    with torch.no_grad():
        for i in model.order.tolist():
            x[:, i] = (u[:, i] < torch.sigmoid(model(x)[:, i, 0])).to(u.dtype)
    return x


@chaff("The logits change with every variable that is fixed: compute them anew each time.")
def sample_made(model: nn.Module, u: Tensor) -> Tensor:

    with torch.no_grad():
        p = torch.sigmoid(model(torch.zeros_like(u))[..., 0])
    return (u < p).to(u.dtype)


@chaff("A variable is one when u lies below its probability: the comparison is the wrong way round.")
def sample_made(model: nn.Module, u: Tensor) -> Tensor:
    x = torch.zeros_like(u)
    with torch.no_grad():
        for i in model.order.argsort().tolist():
            x[:, i] = (u[:, i] > torch.sigmoid(model(x)[:, i, 0])).to(u.dtype)
    return x


@chaff("Rounding gives the likeliest value, not a sample: use u.")
def sample_made(model: nn.Module, u: Tensor) -> Tensor:
    x = torch.zeros_like(u)
    with torch.no_grad():
        for i in model.order.argsort().tolist():
            x[:, i] = (torch.sigmoid(model(x)[:, i, 0]) > 0.5).to(u.dtype)
    return x


@chaff("The model returns logits: apply the sigmoid before comparing with u.")
def sample_made(model: nn.Module, u: Tensor) -> Tensor:
    x = torch.zeros_like(u)
    with torch.no_grad():
        for i in model.order.argsort().tolist():
            x[:, i] = (u[:, i] < model(x)[:, i, 0]).to(u.dtype)
    return x


@chaff("The uniform numbers are overwritten: work on a new tensor.")
def sample_made(model: nn.Module, u: Tensor) -> Tensor:
    x = u
    with torch.no_grad():
        for i in model.order.argsort().tolist():
            x[:, i] = (u[:, i] < torch.sigmoid(model(x)[:, i, 0])).to(u.dtype)
    return x


@chaff("The coins come in as u: do not throw your own.")
def sample_made(model: nn.Module, u: Tensor) -> Tensor:
    x = torch.zeros_like(u)
    with torch.no_grad():
        for i in model.order.argsort().tolist():
            x[:, i] = (torch.rand(len(u)) < torch.sigmoid(model(x)[:, i, 0])).to(u.dtype)
    return x


@chaff("All variables of a sample share one number u: each has its own.")
def sample_made(model: nn.Module, u: Tensor) -> Tensor:
    x = torch.zeros_like(u)
    with torch.no_grad():
        for i in model.order.argsort().tolist():
            x[:, i] = (u[:, 0] < torch.sigmoid(model(x)[:, i, 0])).to(u.dtype)
    return x


@chaff("D variables take D passes: one is missing, and the last variable follows an outdated one.")
def sample_made(model: nn.Module, u: Tensor) -> Tensor:
    x = torch.zeros_like(u)
    with torch.no_grad():
        for _ in range(u.shape[1] - 1):
            x = (u < torch.sigmoid(model(x)[..., 0])).to(u.dtype)
    return x
