"""Valid alternatives of question 3.3c: each must get full marks."""

import torch
from hwkit import wheat
from torch import Tensor, nn


@wheat("the other convention of eps, a safe root, grad of the summed output")
def gradient_penalty(critic: nn.Module, real: Tensor, fake: Tensor, eps: Tensor, target: float = 1.0) -> Tensor:
    x = torch.lerp(real.detach(), fake.detach(), eps).requires_grad_(True)
    slope = torch.autograd.grad(outputs=critic(x).sum(), inputs=[x], create_graph=True, retain_graph=True)[0]
    norm = (slope.reshape(len(slope), -1).pow(2).sum(1) + 1e-12).sqrt()
    return torch.mean((norm - target) ** 2)


@wheat("one example at a time")
def gradient_penalty(critic: nn.Module, real: Tensor, fake: Tensor, eps: Tensor, target: float = 1.0) -> Tensor:
    total = 0.0
    for i in range(len(real)):
        x = (eps[i : i + 1] * real[i : i + 1] + (1 - eps[i : i + 1]) * fake[i : i + 1]).detach().requires_grad_(True)
        (slope,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
        total = total + (torch.linalg.vector_norm(slope) - target) ** 2
    return total / len(real)
