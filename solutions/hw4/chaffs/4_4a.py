"""Plausible misconceptions about question 4.4a: each must lose points there."""

import math

import torch
from hwkit import chaff
from torch import Tensor


@chaff("The division k / half is not an integer division: all frequencies would be 1.")
def timestep_embedding(t: Tensor, dim: int) -> Tensor:
    half = dim // 2
    k = torch.arange(half)
    angle = t.to(torch.get_default_dtype()).unsqueeze(1) * 10_000.0 ** (-(k // half).to(torch.get_default_dtype()))
    return torch.cat([angle.sin(), angle.cos(), torch.zeros(len(t), dim % 2)], 1)


@chaff("Frequencies fall from 1: the exponent has a minus.")
def timestep_embedding(t: Tensor, dim: int) -> Tensor:
    half = dim // 2
    angle = t.to(torch.get_default_dtype()).unsqueeze(1) * torch.exp(math.log(10_000) * torch.arange(half) / half)
    return torch.cat([angle.sin(), angle.cos(), torch.zeros(len(t), dim % 2)], 1)


@chaff("sin and cos take radians.")
def timestep_embedding(t: Tensor, dim: int) -> Tensor:
    half = dim // 2
    angle = t.to(torch.get_default_dtype()).unsqueeze(1) * torch.exp(-math.log(10_000) * torch.arange(half) / half)
    angle = torch.deg2rad(angle)
    return torch.cat([angle.sin(), angle.cos(), torch.zeros(len(t), dim % 2)], 1)


@chaff("k / h with h = dim // 2, not k / dim: only half of the wavelengths are used.")
def timestep_embedding(t: Tensor, dim: int) -> Tensor:
    half = dim // 2
    angle = t.to(torch.get_default_dtype()).unsqueeze(1) * torch.exp(-math.log(10_000) * torch.arange(half) / dim)
    return torch.cat([angle.sin(), angle.cos(), torch.zeros(len(t), dim % 2)], 1)


@chaff("Both sine and cosine: with sines alone t and its mirror image look alike.")
def timestep_embedding(t: Tensor, dim: int) -> Tensor:
    k = torch.arange(dim)
    return torch.sin(t.to(torch.get_default_dtype()).unsqueeze(1) * torch.exp(-math.log(10_000) * k / dim))


@chaff("An odd width gets one entry 0, or the shapes do not fit.")
def timestep_embedding(t: Tensor, dim: int) -> Tensor:
    half = dim // 2
    angle = t.to(torch.get_default_dtype()).unsqueeze(1) * torch.exp(-math.log(10_000) * torch.arange(half) / half)
    return torch.cat([angle.sin(), angle.cos()], 1)


@chaff("Times may lie between integers: do not round them.")
def timestep_embedding(t: Tensor, dim: int) -> Tensor:
    half = dim // 2
    angle = t.long().unsqueeze(1) * torch.exp(-math.log(10_000) * torch.arange(half) / half)
    return torch.cat([angle.sin(), angle.cos(), torch.zeros(len(t), dim % 2)], 1)
