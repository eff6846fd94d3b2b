"""Plausible misconceptions about question 1.4e: each must lose points there."""

import math

import torch
from hwkit import chaff
from torch import Tensor


@chaff("The token that crosses the threshold stays: with it the mass is at least p.")
def filter_logits(
    logits: Tensor, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Tensor:
    logits = logits / temperature
    if top_k is not None and top_k < logits.shape[-1]:
        logits = logits.masked_fill(logits < logits.topk(top_k, -1).values[..., -1:], -math.inf)
    if top_p is not None:
        probs, order = logits.softmax(-1).sort(dim=-1, descending=True)
        out = probs.cumsum(-1) > top_p
        logits = logits.masked_fill(torch.zeros_like(out).scatter(-1, order, out), -math.inf)
    return logits


@chaff("At least one token stays, also when p is small.")
def filter_logits(
    logits: Tensor, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Tensor:
    logits = logits / temperature
    if top_k is not None and top_k < logits.shape[-1]:
        logits = logits.masked_fill(logits < logits.topk(top_k, -1).values[..., -1:], -math.inf)
    if top_p is not None:
        probs, order = logits.softmax(-1).sort(dim=-1, descending=True)
        out = (probs.cumsum(-1) > top_p) & (probs.cumsum(-1) - probs > 0)
        logits = logits.masked_fill(torch.zeros_like(out).scatter(-1, order, out), -math.inf)
    return logits


@chaff("Temperature comes first: top-p must see the probabilities after it.")
def filter_logits(
    logits: Tensor, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Tensor:
    if top_k is not None and top_k < logits.shape[-1]:
        logits = logits.masked_fill(logits < logits.topk(top_k, -1).values[..., -1:], -math.inf)
    if top_p is not None:
        probs, order = logits.softmax(-1).sort(dim=-1, descending=True)
        out = probs.cumsum(-1) - probs >= top_p
        logits = logits.masked_fill(torch.zeros_like(out).scatter(-1, order, out), -math.inf)
    return logits / temperature


@chaff("Top-k comes before top-p, which sees the probabilities that are left.")
def filter_logits(
    logits: Tensor, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Tensor:
    logits = logits / temperature
    if top_p is not None:
        probs, order = logits.softmax(-1).sort(dim=-1, descending=True)
        out = probs.cumsum(-1) - probs >= top_p
        logits = logits.masked_fill(torch.zeros_like(out).scatter(-1, order, out), -math.inf)
    if top_k is not None and top_k < logits.shape[-1]:
        logits = logits.masked_fill(logits < logits.topk(top_k, -1).values[..., -1:], -math.inf)
    return logits


@chaff("Tokens that are out get minus infinity; 1e-10 is an ordinary logit.")
def filter_logits(
    logits: Tensor, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Tensor:
    logits = logits / temperature
    if top_k is not None and top_k < logits.shape[-1]:
        logits = logits.masked_fill(logits < logits.topk(top_k, -1).values[..., -1:], 1e-10)
    if top_p is not None:
        probs, order = logits.softmax(-1).sort(dim=-1, descending=True)
        out = probs.cumsum(-1) - probs >= top_p
        logits = logits.masked_fill(torch.zeros_like(out).scatter(-1, order, out), 1e-10)
    return logits


@chaff("The result are logits, not probabilities.")
def filter_logits(
    logits: Tensor, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Tensor:
    logits = logits / temperature
    if top_k is not None and top_k < logits.shape[-1]:
        logits = logits.masked_fill(logits < logits.topk(top_k, -1).values[..., -1:], -math.inf)
    if top_p is not None:
        probs, order = logits.softmax(-1).sort(dim=-1, descending=True)
        out = probs.cumsum(-1) - probs >= top_p
        logits = logits.masked_fill(torch.zeros_like(out).scatter(-1, order, out), -math.inf)
    return logits.softmax(-1)


@chaff("Temperature divides the logits: above 1 it flattens.")
def filter_logits(
    logits: Tensor, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Tensor:
    logits = logits * temperature
    if top_k is not None and top_k < logits.shape[-1]:
        logits = logits.masked_fill(logits < logits.topk(top_k, -1).values[..., -1:], -math.inf)
    if top_p is not None:
        probs, order = logits.softmax(-1).sort(dim=-1, descending=True)
        out = probs.cumsum(-1) - probs >= top_p
        logits = logits.masked_fill(torch.zeros_like(out).scatter(-1, order, out), -math.inf)
    return logits


@chaff("Top-p keeps the most likely tokens: sort in descending order.")
def filter_logits(
    logits: Tensor, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Tensor:
    logits = logits / temperature
    if top_k is not None and top_k < logits.shape[-1]:
        logits = logits.masked_fill(logits < logits.topk(top_k, -1).values[..., -1:], -math.inf)
    if top_p is not None:
        probs, order = logits.softmax(-1).sort(dim=-1, descending=False)
        out = probs.cumsum(-1) - probs >= top_p
        logits = logits.masked_fill(torch.zeros_like(out).scatter(-1, order, out), -math.inf)
    return logits


@chaff("The removal mask is in sorted order: bring it back to the order of the tokens.")
def filter_logits(
    logits: Tensor, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Tensor:
    logits = logits / temperature
    if top_k is not None and top_k < logits.shape[-1]:
        logits = logits.masked_fill(logits < logits.topk(top_k, -1).values[..., -1:], -math.inf)
    if top_p is not None:
        probs = logits.softmax(-1).sort(dim=-1, descending=True).values
        logits = logits.masked_fill(probs.cumsum(-1) - probs >= top_p, -math.inf)
    return logits


@chaff("top_k counts from one: one token too few, or too many, is kept.")
def filter_logits(
    logits: Tensor, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Tensor:
    logits = logits / temperature
    if top_k is not None and top_k < logits.shape[-1]:
        logits = logits.masked_fill(logits < logits.topk(top_k + 1, -1).values[..., -1:], -math.inf)
    if top_p is not None:
        probs, order = logits.softmax(-1).sort(dim=-1, descending=True)
        out = probs.cumsum(-1) - probs >= top_p
        logits = logits.masked_fill(torch.zeros_like(out).scatter(-1, order, out), -math.inf)
    return logits


@chaff("The logits in the argument are overwritten.")
def filter_logits(
    logits: Tensor, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Tensor:
    logits /= temperature
    if top_k is not None and top_k < logits.shape[-1]:
        logits = logits.masked_fill(logits < logits.topk(top_k, -1).values[..., -1:], -math.inf)
    if top_p is not None:
        probs, order = logits.softmax(-1).sort(dim=-1, descending=True)
        out = probs.cumsum(-1) - probs >= top_p
        logits = logits.masked_fill(torch.zeros_like(out).scatter(-1, order, out), -math.inf)
    return logits


@chaff("Top-p is ignored.")
def filter_logits(
    logits: Tensor, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Tensor:
    logits = logits / temperature
    if top_k is not None and top_k < logits.shape[-1]:
        logits = logits.masked_fill(logits < logits.topk(top_k, -1).values[..., -1:], -math.inf)
    return logits


@chaff("A top_k larger than the vocabulary must keep everything, not fail.")
def filter_logits(
    logits: Tensor, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Tensor:
    logits = logits / temperature
    if top_k is not None:
        logits = logits.masked_fill(logits < logits.topk(top_k, -1).values[..., -1:], -math.inf)
    if top_p is not None:
        probs, order = logits.softmax(-1).sort(dim=-1, descending=True)
        out = probs.cumsum(-1) - probs >= top_p
        logits = logits.masked_fill(torch.zeros_like(out).scatter(-1, order, out), -math.inf)
    return logits
