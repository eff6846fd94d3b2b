"""Valid alternatives of question 3.3d: each must get full marks."""

import torch
from hwkit import wheat
from torch import Tensor, nn


@wheat("mean over the batch of the dot product of the gradient with itself")
def r1_penalty(critic: nn.Module, real: Tensor) -> Tensor:
    x = real.detach().requires_grad_(True)
    (slope,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return torch.einsum("bi,bi->b", slope.flatten(1), slope.flatten(1)).mean() / 2


@wheat("total over everything, divided by the batch size")
def r1_penalty(critic: nn.Module, real: Tensor) -> Tensor:
    with torch.enable_grad():
        x = real.detach().requires_grad_()
        (gradient,) = torch.autograd.grad([critic(x).sum()], [x], create_graph=True)
        return gradient.pow(2).sum() / (2 * len(real))
