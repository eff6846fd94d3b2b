"""Plausible misconceptions about question 3.3c: each must lose points there."""

import torch
from hwkit import chaff
from torch import Tensor, nn


@chaff("The norm runs over the whole batch: take one norm per example.")
def gradient_penalty(critic: nn.Module, real: Tensor, fake: Tensor, eps: Tensor, target: float = 1.0) -> Tensor:
    x = (eps * real + (1 - eps) * fake).detach().requires_grad_()
    (slope,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return (slope.norm() - target).square().mean()


@chaff("Without create_graph=True the penalty has no gradient, and the critic is not penalised.")
def gradient_penalty(critic: nn.Module, real: Tensor, fake: Tensor, eps: Tensor, target: float = 1.0) -> Tensor:
    x = (eps * real + (1 - eps) * fake).detach().requires_grad_()
    (slope,) = torch.autograd.grad(critic(x).sum(), x)
    return (slope.flatten(1).norm(dim=1) - target).square().mean()


@chaff("The penalty has no gradient for the critic's parameters: a detach cuts it.")
def gradient_penalty(critic: nn.Module, real: Tensor, fake: Tensor, eps: Tensor, target: float = 1.0) -> Tensor:
    x = (eps * real + (1 - eps) * fake).detach().requires_grad_()
    (slope,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return (slope.detach().flatten(1).norm(dim=1) - target).square().mean()


@chaff("The norm is penalised, not its square.")
def gradient_penalty(critic: nn.Module, real: Tensor, fake: Tensor, eps: Tensor, target: float = 1.0) -> Tensor:
    x = (eps * real + (1 - eps) * fake).detach().requires_grad_()
    (slope,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return (slope.flatten(1).square().sum(1) - target).square().mean()


@chaff("The penalty is measured between real and fake, not on real data only.")
def gradient_penalty(critic: nn.Module, real: Tensor, fake: Tensor, eps: Tensor, target: float = 1.0) -> Tensor:
    x = (real + 0 * eps).detach().requires_grad_()
    (slope,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return (slope.flatten(1).norm(dim=1) - target).square().mean()


@chaff("Each example has an eps of its own; yours share the first one.")
def gradient_penalty(critic: nn.Module, real: Tensor, fake: Tensor, eps: Tensor, target: float = 1.0) -> Tensor:
    x = (eps[:1] * real + (1 - eps[:1]) * fake).detach().requires_grad_()
    (slope,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return (slope.flatten(1).norm(dim=1) - target).square().mean()


@chaff("The target norm is an argument; yours is always 1.")
def gradient_penalty(critic: nn.Module, real: Tensor, fake: Tensor, eps: Tensor, target: float = 1.0) -> Tensor:
    x = (eps * real + (1 - eps) * fake).detach().requires_grad_()
    (slope,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return (slope.flatten(1).norm(dim=1) - 1.0).square().mean()


@chaff("The penalty is an average over examples, not a sum.")
def gradient_penalty(critic: nn.Module, real: Tensor, fake: Tensor, eps: Tensor, target: float = 1.0) -> Tensor:
    x = (eps * real + (1 - eps) * fake).detach().requires_grad_()
    (slope,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return (slope.flatten(1).norm(dim=1) - target).square().sum()


@chaff("The norm runs over all pixels and channels of an example, not over the last axis.")
def gradient_penalty(critic: nn.Module, real: Tensor, fake: Tensor, eps: Tensor, target: float = 1.0) -> Tensor:
    x = (eps * real + (1 - eps) * fake).detach().requires_grad_()
    (slope,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return (slope.norm(dim=-1) - target).square().mean()


@chaff("WGAN-GP punishes norms below the target as well as above.")
def gradient_penalty(critic: nn.Module, real: Tensor, fake: Tensor, eps: Tensor, target: float = 1.0) -> Tensor:
    x = (eps * real + (1 - eps) * fake).detach().requires_grad_()
    (slope,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return (slope.flatten(1).norm(dim=1) - target).clamp(min=0).square().mean()


@chaff("critic(x).mean() divides every gradient by the batch size.")
def gradient_penalty(critic: nn.Module, real: Tensor, fake: Tensor, eps: Tensor, target: float = 1.0) -> Tensor:
    x = (eps * real + (1 - eps) * fake).detach().requires_grad_()
    (slope,) = torch.autograd.grad(critic(x).mean(), x, create_graph=True)
    return (slope.flatten(1).norm(dim=1) - target).square().mean()


@chaff(
    "backward() leaves gradients in the critic's parameters, and the next step adds them: torch.autograd.grad does not."
)
def gradient_penalty(critic: nn.Module, real: Tensor, fake: Tensor, eps: Tensor, target: float = 1.0) -> Tensor:
    x = (eps * real + (1 - eps) * fake).detach().requires_grad_()
    critic(x).sum().backward(create_graph=True)
    return (x.grad.flatten(1).norm(dim=1) - target).square().mean()
