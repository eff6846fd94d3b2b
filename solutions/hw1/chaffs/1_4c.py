"""Plausible misconceptions about question 1.4c: each must lose points there."""

import torch
from hwkit import chaff
from torch import Tensor, nn
from torch.nn import functional


@chaff("The input is not shifted: the model predicts the token that it sees.")
def sequence_nll(model: nn.Module, x: Tensor, bos: int) -> Tensor:
    logits = model(x)[0]
    return functional.cross_entropy(logits.mT, x, reduction="none").sum(1)


@chaff("The first token must be predicted as well, from bos.")
def sequence_nll(model: nn.Module, x: Tensor, bos: int) -> Tensor:
    logits = model(x[:, :-1])[0]
    return functional.cross_entropy(logits.mT, x[:, 1:], reduction="none").sum(1)


@chaff("Sum over tokens: the mean is the cost per token.")
def sequence_nll(model: nn.Module, x: Tensor, bos: int) -> Tensor:
    begin = torch.full_like(x[:, :1], bos)
    tokens = torch.cat([begin, x[:, :-1]], 1)
    return functional.cross_entropy(model(tokens)[0].mT, x, reduction="none").mean(1)


@chaff("One number per sequence: do not reduce over the batch.")
def sequence_nll(model: nn.Module, x: Tensor, bos: int) -> Tensor:
    begin = torch.full_like(x[:, :1], bos)
    tokens = torch.cat([begin, x[:, :-1]], 1)
    return functional.cross_entropy(model(tokens)[0].mT, x, reduction="sum")


@chaff("Negative log-likelihood: mind the sign.")
def sequence_nll(model: nn.Module, x: Tensor, bos: int) -> Tensor:
    begin = torch.full_like(x[:, :1], bos)
    tokens = torch.cat([begin, x[:, :-1]], 1)
    return -functional.cross_entropy(model(tokens)[0].mT, x, reduction="none").sum(1)


@chaff("bos comes once, at the beginning, not before every token.")
def sequence_nll(model: nn.Module, x: Tensor, bos: int) -> Tensor:
    begin = torch.full_like(x, bos)
    return functional.cross_entropy(model(begin)[0].mT, x, reduction="none").sum(1)


@chaff("Bos is the argument, not token 0.")
def sequence_nll(model: nn.Module, x: Tensor, bos: int) -> Tensor:
    tokens = functional.pad(x[:, :-1], (1, 0), value=0)
    return functional.cross_entropy(model(tokens)[0].mT, x, reduction="none").sum(1)


@chaff("Shifted the wrong way: position t must hold token t - 1, not token t + 1.")
def sequence_nll(model: nn.Module, x: Tensor, bos: int) -> Tensor:
    tokens = torch.cat([x[:, 1:], torch.full_like(x[:, :1], bos)], 1)
    return functional.cross_entropy(model(tokens)[0].mT, x, reduction="none").sum(1)


@chaff("The cost must carry a gradient to the model.")
def sequence_nll(model: nn.Module, x: Tensor, bos: int) -> Tensor:
    begin = torch.full_like(x[:, :1], bos)
    tokens = torch.cat([begin, x[:, :-1]], 1)
    return functional.cross_entropy(model(tokens)[0].detach().mT, x, reduction="none").sum(1)


@chaff("The log of a softmax is infinite where the probability rounds to zero: use log_softmax or cross_entropy.")
def sequence_nll(model: nn.Module, x: Tensor, bos: int) -> Tensor:
    tokens = torch.cat([torch.full_like(x[:, :1], bos), x[:, :-1]], 1)
    return -model(tokens)[0].softmax(-1).gather(-1, x.unsqueeze(-1)).log().sum((1, 2))
