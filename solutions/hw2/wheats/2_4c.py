"""Valid alternatives of question 2.4c: each must get full marks."""

import torch
from hwkit import wheat
from torch import Tensor
from torch.nn.functional import embedding, mse_loss


@wheat("expanded squared distance, mse_loss")
def vector_quantize(z: Tensor, codebook: Tensor, beta: float) -> tuple[Tensor, Tensor, Tensor]:
    distance = z.pow(2).sum(1, keepdim=True) - 2 * z @ codebook.T + codebook.pow(2).sum(1)
    idx = torch.argmin(distance, 1)
    entry = embedding(idx, codebook)
    d = z.shape[1]
    loss = d * (mse_loss(entry, z.detach()) + beta * mse_loss(z, entry.detach()))
    return entry.detach() + z - z.detach(), idx, loss


@wheat("torch.cdist, one example at a time")
def vector_quantize(z: Tensor, codebook: Tensor, beta: float) -> tuple[Tensor, Tensor, Tensor]:
    numbers = [int(torch.cdist(row[None].detach(), codebook.detach())[0].argmin()) for row in z]
    idx = torch.tensor(numbers, device=z.device)
    chosen = torch.stack([codebook[i] for i in numbers])
    moves = ((z.detach() - chosen) ** 2).sum()
    commits = ((z - chosen.detach()) ** 2).sum()
    return z - (z - chosen).detach(), idx, (moves + beta * commits) / len(z)
