"""Valid alternatives of question 3.3c: each must get full marks."""

import torch
from hwkit import wheat
from torch import Tensor, nn


@wheat("the other convention of eps, a safe root, grad of the summed output")
def gradient_penalty(critic: nn.Module, real: Tensor, fake: Tensor, eps: Tensor, target: float = 1.0) -> Tensor:
    x = torch.lerp(real, fake, eps).detach().requires_grad_(True)
    (slope,) = torch.autograd.grad(critic(x).sum(), [x], create_graph=True)
    norm = (slope.flatten(1).pow(2).sum(-1) + 1e-12).sqrt()
    return torch.mean((norm - target) ** 2)


@wheat("one example at a time")
def gradient_penalty(critic: nn.Module, real: Tensor, fake: Tensor, eps: Tensor, target: float = 1.0) -> Tensor:
    costs = []
    for r, f, e in zip(real, fake, eps, strict=True):
        x = (f + e * (r - f)).detach().requires_grad_(True)
        (slope,) = torch.autograd.grad(critic(x.unsqueeze(0)).squeeze(), x, create_graph=True)
        costs.append((torch.linalg.vector_norm(slope) - target) ** 2)
    return torch.stack(costs).mean()
