"""Plausible misconceptions about question 1.2a: each must lose points there."""

import torch
from hwkit import chaff
from torch import Tensor


@chaff("The output's comparison is strict: with >= a variable sees itself.")
def made_masks(D: int, hidden: list[int], order: Tensor, out_per_dim: int = 1) -> list[Tensor]:
    before, masks = order, []
    for width in hidden:
        degrees = torch.arange(width) % max(D - 1, 1)
        masks.append((degrees.unsqueeze(1) >= before).double())
        before = degrees
    rank = order.repeat_interleave(out_per_dim)
    masks.append((rank.unsqueeze(1) >= before).double())
    return masks


@chaff("Hidden units may listen to units of their own degree (>=): with > most connections are lost.")
def made_masks(D: int, hidden: list[int], order: Tensor, out_per_dim: int = 1) -> list[Tensor]:
    before, masks = order, []
    for width in hidden:
        degrees = torch.arange(width) % max(D - 1, 1)
        masks.append((degrees.unsqueeze(1) > before).double())
        before = degrees
    rank = order.repeat_interleave(out_per_dim)
    masks.append((rank.unsqueeze(1) > before).double())
    return masks


@chaff("A mask is (out, in): these are transposed.")
def made_masks(D: int, hidden: list[int], order: Tensor, out_per_dim: int = 1) -> list[Tensor]:
    before, masks = order, []
    for width in hidden:
        degrees = torch.arange(width) % max(D - 1, 1)
        masks.append((degrees.unsqueeze(1) >= before).double())
        before = degrees
    rank = order.repeat_interleave(out_per_dim)
    masks.append((rank.unsqueeze(1) > before).double())
    return [mask.T for mask in masks]


@chaff("Use the order in the argument, not the natural one.")
def made_masks(D: int, hidden: list[int], order: Tensor, out_per_dim: int = 1) -> list[Tensor]:
    before, masks = torch.arange(D), []
    for width in hidden:
        degrees = torch.arange(width) % max(D - 1, 1)
        masks.append((degrees.unsqueeze(1) >= before).double())
        before = degrees
    rank = torch.arange(D).repeat_interleave(out_per_dim)
    masks.append((rank.unsqueeze(1) > before).double())
    return masks


@chaff("order[i] is the rank of variable i; argsort gives the variable at a rank.")
def made_masks(D: int, hidden: list[int], order: Tensor, out_per_dim: int = 1) -> list[Tensor]:
    before, masks = order.argsort(), []
    for width in hidden:
        degrees = torch.arange(width) % max(D - 1, 1)
        masks.append((degrees.unsqueeze(1) >= before).double())
        before = degrees
    rank = order.argsort().repeat_interleave(out_per_dim)
    masks.append((rank.unsqueeze(1) > before).double())
    return masks


@chaff("The outputs use the ranks, the inputs too: one of them is in natural order here.")
def made_masks(D: int, hidden: list[int], order: Tensor, out_per_dim: int = 1) -> list[Tensor]:
    before, masks = order, []
    for width in hidden:
        degrees = torch.arange(width) % max(D - 1, 1)
        masks.append((degrees.unsqueeze(1) >= before).double())
        before = degrees
    rank = torch.arange(D).repeat_interleave(out_per_dim)
    masks.append((rank.unsqueeze(1) > before).double())
    return masks


@chaff("Outputs of one variable are neighbours: repeat_interleave, not repeat.")
def made_masks(D: int, hidden: list[int], order: Tensor, out_per_dim: int = 1) -> list[Tensor]:
    before, masks = order, []
    for width in hidden:
        degrees = torch.arange(width) % max(D - 1, 1)
        masks.append((degrees.unsqueeze(1) >= before).double())
        before = degrees
    rank = order.repeat(out_per_dim)
    masks.append((rank.unsqueeze(1) > before).double())
    return masks


@chaff("The comparison is the wrong way round: units listen to lower degrees.")
def made_masks(D: int, hidden: list[int], order: Tensor, out_per_dim: int = 1) -> list[Tensor]:
    before, masks = order, []
    for width in hidden:
        degrees = torch.arange(width) % max(D - 1, 1)
        masks.append((degrees.unsqueeze(1) <= before).double())
        before = degrees
    rank = order.repeat_interleave(out_per_dim)
    masks.append((rank.unsqueeze(1) < before).double())
    return masks


@chaff("Degrees are spread over 0 to D - 2: here only the first ones are used.")
def made_masks(D: int, hidden: list[int], order: Tensor, out_per_dim: int = 1) -> list[Tensor]:
    before, masks = order, []
    for width in hidden:
        degrees = torch.arange(width) % max(D // 2, 1)
        masks.append((degrees.unsqueeze(1) >= before).double())
        before = degrees
    rank = order.repeat_interleave(out_per_dim)
    masks.append((rank.unsqueeze(1) > before).double())
    return masks
