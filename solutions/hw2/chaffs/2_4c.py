"""Plausible misconceptions about question 2.4c: each must lose points there."""

import torch
from hwkit import chaff
from torch import Tensor


def _nearest(z, codebook):
    idx = torch.cdist(z.detach(), codebook.detach()).argmin(1)
    return idx, codebook[idx]


def _loss(z, entry, to_codebook, to_encoder):
    first, second = (z.detach() - entry).square().sum(-1), (z - entry.detach()).square().sum(-1)
    return (to_codebook * first + to_encoder * second).mean()


@chaff("Beta weighs the commitment of the encoder, not the codebook: the stop-gradients are swapped.")
def vector_quantize(z: Tensor, codebook: Tensor, beta: float) -> tuple[Tensor, Tensor, Tensor]:
    idx, entry = _nearest(z, codebook)
    return z + (entry - z).detach(), idx, _loss(z, entry, beta, 1.0)


@chaff("Beta weighs the commitment term only.")
def vector_quantize(z: Tensor, codebook: Tensor, beta: float) -> tuple[Tensor, Tensor, Tensor]:
    idx, entry = _nearest(z, codebook)
    return z + (entry - z).detach(), idx, _loss(z, entry, beta, beta)


@chaff("The smallest distance is wanted: argmin, not argmax.")
def vector_quantize(z: Tensor, codebook: Tensor, beta: float) -> tuple[Tensor, Tensor, Tensor]:
    idx = torch.cdist(z.detach(), codebook.detach()).argmax(1)
    entry = codebook[idx]
    return z + (entry - z).detach(), idx, _loss(z, entry, 1.0, beta)


@chaff("Without the straight-through copy the encoder gets no gradient from the decoder.")
def vector_quantize(z: Tensor, codebook: Tensor, beta: float) -> tuple[Tensor, Tensor, Tensor]:
    idx, entry = _nearest(z, codebook)
    return entry, idx, _loss(z, entry, 1.0, beta)


@chaff("The stop-gradients are missing: each term must move one side only.")
def vector_quantize(z: Tensor, codebook: Tensor, beta: float) -> tuple[Tensor, Tensor, Tensor]:
    idx, entry = _nearest(z, codebook)
    return z + (entry - z).detach(), idx, (1 + beta) * (z - entry).square().sum(-1).mean()


@chaff("Sum the squared distance over the dimensions; a mean divides the loss by D.")
def vector_quantize(z: Tensor, codebook: Tensor, beta: float) -> tuple[Tensor, Tensor, Tensor]:
    idx, entry = _nearest(z, codebook)
    return z + (entry - z).detach(), idx, _loss(z, entry, 1.0, beta) / z.shape[1]


@chaff("The largest inner product is not the smallest distance when the entries differ in length.")
def vector_quantize(z: Tensor, codebook: Tensor, beta: float) -> tuple[Tensor, Tensor, Tensor]:
    idx = (z @ codebook.T).argmax(1)
    entry = codebook[idx]
    return z + (entry - z).detach(), idx, _loss(z, entry, 1.0, beta)


@chaff("The commitment term is missing: nothing keeps the encoder near its codebook.")
def vector_quantize(z: Tensor, codebook: Tensor, beta: float) -> tuple[Tensor, Tensor, Tensor]:
    idx, entry = _nearest(z, codebook)
    return z + (entry - z).detach(), idx, _loss(z, entry, 1.0, 0.0)


@chaff("The distances are squared in the loss: square the norm, or sum the squares.")
def vector_quantize(z: Tensor, codebook: Tensor, beta: float) -> tuple[Tensor, Tensor, Tensor]:
    idx, entry = _nearest(z, codebook)
    first, second = (z.detach() - entry + 1e-20).norm(dim=-1), (z - entry.detach() + 1e-20).norm(dim=-1)
    return z + (entry - z).detach(), idx, (first + beta * second).mean()


@chaff("The detach is around the whole result: no gradient reaches z.")
def vector_quantize(z: Tensor, codebook: Tensor, beta: float) -> tuple[Tensor, Tensor, Tensor]:
    idx, entry = _nearest(z, codebook)
    return (z + entry - z).detach(), idx, _loss(z, entry, 1.0, beta)
