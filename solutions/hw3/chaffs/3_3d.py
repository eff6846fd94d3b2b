"""Plausible misconceptions about question 3.3d: each must lose points there."""

import torch
from hwkit import chaff
from torch import Tensor, nn


@chaff("R1 is half the squared norm.")
def r1_penalty(critic: nn.Module, real: Tensor) -> Tensor:
    x = real.detach().clone().requires_grad_()
    (slope,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return slope.flatten(1).square().sum(1).mean()


@chaff("Without create_graph=True the penalty does not train the critic.")
def r1_penalty(critic: nn.Module, real: Tensor) -> Tensor:
    x = real.detach().clone().requires_grad_()
    (slope,) = torch.autograd.grad(critic(x).sum(), x)
    return 0.5 * slope.flatten(1).square().sum(1).mean()


@chaff("R1 averages over examples and sums over the coordinates of each.")
def r1_penalty(critic: nn.Module, real: Tensor) -> Tensor:
    x = real.detach().clone().requires_grad_()
    (slope,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return 0.5 * slope.flatten(1).square().mean()


@chaff("R1 punishes the squared norm itself, it has no target of 1.")
def r1_penalty(critic: nn.Module, real: Tensor) -> Tensor:
    x = real.detach().clone().requires_grad_()
    (slope,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return 0.5 * (slope.flatten(1).norm(dim=1) - 1).square().mean()


@chaff("R1 is an average over the batch, not a sum.")
def r1_penalty(critic: nn.Module, real: Tensor) -> Tensor:
    x = real.detach().clone().requires_grad_()
    (slope,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return 0.5 * slope.flatten(1).square().sum()


@chaff("The penalty uses the squared norm, not the norm.")
def r1_penalty(critic: nn.Module, real: Tensor) -> Tensor:
    x = real.detach().clone().requires_grad_()
    (slope,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return 0.5 * slope.flatten(1).norm(dim=1).mean()


@chaff("critic(x).mean() divides every gradient by the batch size: sum before differentiating.")
def r1_penalty(critic: nn.Module, real: Tensor) -> Tensor:
    x = real.detach().clone().requires_grad_()
    (slope,) = torch.autograd.grad(critic(x).mean(), x, create_graph=True)
    return 0.5 * slope.flatten(1).square().sum(1).mean()


@chaff(
    "backward() leaves gradients in the critic's parameters, and the next step adds them: torch.autograd.grad does not."
)
def r1_penalty(critic: nn.Module, real: Tensor) -> Tensor:
    x = real.detach().clone().requires_grad_()
    critic(x).sum().backward(create_graph=True)
    return 0.5 * x.grad.flatten(1).square().sum(1).mean()
