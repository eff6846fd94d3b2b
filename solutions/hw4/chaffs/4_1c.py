"""Plausible misconceptions about question 4.1c: each must lose points there."""

from hwkit import chaff
from torch import Tensor


@chaff("A tensor of shape (B,) broadcasts along the last axis: give it trailing axes of length one.")
def at(table: Tensor, t: Tensor, x: Tensor) -> Tensor:
    return table[t].to(x.dtype)


@chaff("Images have three axes after the batch, vectors one: count the axes of x.")
def at(table: Tensor, t: Tensor, x: Tensor) -> Tensor:
    return table[t].to(x.dtype).reshape(-1, 1, 1, 1)


@chaff("Tables are float64: bring the numbers to the dtype of x, or float32 images turn into float64.")
def at(table: Tensor, t: Tensor, x: Tensor) -> Tensor:
    return table[t].reshape(-1, *[1] * (x.dim() - 1))


@chaff("Every example has its own time; here all get that of the first.")
def at(table: Tensor, t: Tensor, x: Tensor) -> Tensor:
    return table[t[0]].to(x.dtype).expand(len(x)).reshape(-1, *[1] * (x.dim() - 1))


@chaff("The number belongs to the first axis, the batch, not to the last.")
def at(table: Tensor, t: Tensor, x: Tensor) -> Tensor:
    return table[t].to(x.dtype).reshape(*[1] * (x.dim() - 1), -1)
