"""Valid alternatives of question 1.2a: each must get full marks."""

import torch
from hwkit import wheat
from torch import Tensor


@wheat("random degrees")
def made_masks(D: int, hidden: list[int], order: Tensor, out_per_dim: int = 1) -> list[Tensor]:
    before, masks = order, []
    for width in hidden:
        degrees = torch.randint(0, max(D - 1, 1), (width,))
        masks.append((degrees.unsqueeze(1) >= before).double())
        before = degrees
    rank = order.repeat_interleave(out_per_dim)
    masks.append((rank.unsqueeze(1) > before).double())
    return masks


@wheat("degrees up to D - 1: those units are harmless and useless")
def made_masks(D: int, hidden: list[int], order: Tensor, out_per_dim: int = 1) -> list[Tensor]:
    before, masks = order, []
    for width in hidden:
        degrees = torch.arange(width) % D
        masks.append((degrees.unsqueeze(1) >= before).double())
        before = degrees
    rank = order.repeat_interleave(out_per_dim)
    masks.append((rank.unsqueeze(1) > before).double())
    return masks


@wheat("degrees counted from one")
def made_masks(D: int, hidden: list[int], order: Tensor, out_per_dim: int = 1) -> list[Tensor]:
    before, masks = order + 1, []
    for width in hidden:
        degrees = 1 + torch.arange(width) % max(D - 1, 1)
        masks.append((degrees.unsqueeze(1) >= before).double())
        before = degrees
    rank = (order + 1).repeat_interleave(out_per_dim)
    masks.append((rank.unsqueeze(1) > before).double())
    return masks


@wheat("loops over pairs of units")
def made_masks(D: int, hidden: list[int], order: Tensor, out_per_dim: int = 1) -> list[Tensor]:
    degrees = [order.tolist()]
    degrees += [[unit * max(D - 1, 1) // width for unit in range(width)] for width in hidden]
    masks = [
        torch.tensor([[float(a >= b) for b in below] for a in above])
        for below, above in zip(degrees, degrees[1:], strict=False)
    ]
    final = [[float(r > b) for b in degrees[-1]] for r in degrees[0] for _ in range(out_per_dim)]
    return [*masks, torch.tensor(final)]
