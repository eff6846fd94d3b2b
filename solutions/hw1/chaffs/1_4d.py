"""Plausible misconceptions about question 1.4d: each must lose points there."""

import math

import torch
from hwkit import chaff
from torch import Tensor


@chaff("alpha is added to every one of the V counts: the denominator grows by alpha V.")
def ngram_nll(train: Tensor, test: Tensor, k: int, alpha: float = 0.5, V: int = 4, positional: bool = False) -> Tensor:
    counts: dict = {}

    def context(row: list[int], t: int) -> tuple:
        return (t if positional else None, tuple(row[max(0, t - k) : t]))

    for row in train.tolist():
        for t, x in enumerate(row):
            counts.setdefault(context(row, t), [0] * V)[x] += 1
    out = []
    for row in test.tolist():
        cost = []
        for t, x in enumerate(row):
            c = counts.get(context(row, t), [0] * V)
            cost.append(-math.log((c[x] + alpha) / (sum(c) + alpha)))
        out.append(sum(cost))
    return torch.tensor(out)


@chaff("Without pseudo-counts an unseen token costs infinitely much.")
def ngram_nll(train: Tensor, test: Tensor, k: int, alpha: float = 0.5, V: int = 4, positional: bool = False) -> Tensor:
    counts: dict = {}

    def context(row: list[int], t: int) -> tuple:
        return (t if positional else None, tuple(row[max(0, t - k) : t]))

    for row in train.tolist():
        for t, x in enumerate(row):
            counts.setdefault(context(row, t), [0] * V)[x] += 1
    out = []
    for row in test.tolist():
        cost = []
        for t, x in enumerate(row):
            c = counts.get(context(row, t), [0] * V)
            cost.append(-math.log(max(c[x], 1e-9) / max(sum(c), 1e-9)))
        out.append(sum(cost))
    return torch.tensor(out)


@chaff("Count in the training sequences, not in the test sequences.")
def ngram_nll(train: Tensor, test: Tensor, k: int, alpha: float = 0.5, V: int = 4, positional: bool = False) -> Tensor:
    counts: dict = {}

    def context(row: list[int], t: int) -> tuple:
        return (t if positional else None, tuple(row[max(0, t - k) : t]))

    for row in test.tolist():
        for t, x in enumerate(row):
            counts.setdefault(context(row, t), [0] * V)[x] += 1
    out = []
    for row in test.tolist():
        cost = []
        for t, x in enumerate(row):
            c = counts.get(context(row, t), [0] * V)
            cost.append(-math.log((c[x] + alpha) / (sum(c) + alpha * V)))
        out.append(sum(cost))
    return torch.tensor(out)


@chaff("The context ends before the token that is predicted.")
def ngram_nll(train: Tensor, test: Tensor, k: int, alpha: float = 0.5, V: int = 4, positional: bool = False) -> Tensor:
    counts: dict = {}

    def context(row: list[int], t: int) -> tuple:
        return (t if positional else None, tuple(row[max(0, t - k + 1) : t + 1]))

    for row in train.tolist():
        for t, x in enumerate(row):
            counts.setdefault(context(row, t), [0] * V)[x] += 1
    out = []
    for row in test.tolist():
        cost = []
        for t, x in enumerate(row):
            c = counts.get(context(row, t), [0] * V)
            cost.append(-math.log((c[x] + alpha) / (sum(c) + alpha * V)))
        out.append(sum(cost))
    return torch.tensor(out)


@chaff("The context is the last k tokens, not k - 1.")
def ngram_nll(train: Tensor, test: Tensor, k: int, alpha: float = 0.5, V: int = 4, positional: bool = False) -> Tensor:
    counts: dict = {}

    def context(row: list[int], t: int) -> tuple:
        return (t if positional else None, tuple(row[max(0, t - k + 1) : t]))

    for row in train.tolist():
        for t, x in enumerate(row):
            counts.setdefault(context(row, t), [0] * V)[x] += 1
    out = []
    for row in test.tolist():
        cost = []
        for t, x in enumerate(row):
            c = counts.get(context(row, t), [0] * V)
            cost.append(-math.log((c[x] + alpha) / (sum(c) + alpha * V)))
        out.append(sum(cost))
    return torch.tensor(out)


@chaff("positional is ignored: every position has its own counts then.")
def ngram_nll(train: Tensor, test: Tensor, k: int, alpha: float = 0.5, V: int = 4, positional: bool = False) -> Tensor:
    counts: dict = {}

    def context(row: list[int], t: int) -> tuple:
        return (None, tuple(row[max(0, t - k) : t]))

    for row in train.tolist():
        for t, x in enumerate(row):
            counts.setdefault(context(row, t), [0] * V)[x] += 1
    out = []
    for row in test.tolist():
        cost = []
        for t, x in enumerate(row):
            c = counts.get(context(row, t), [0] * V)
            cost.append(-math.log((c[x] + alpha) / (sum(c) + alpha * V)))
        out.append(sum(cost))
    return torch.tensor(out)


@chaff("Without positional, counts are shared by all positions.")
def ngram_nll(train: Tensor, test: Tensor, k: int, alpha: float = 0.5, V: int = 4, positional: bool = False) -> Tensor:
    counts: dict = {}

    def context(row: list[int], t: int) -> tuple:
        return (t, tuple(row[max(0, t - k) : t]))

    for row in train.tolist():
        for t, x in enumerate(row):
            counts.setdefault(context(row, t), [0] * V)[x] += 1
    out = []
    for row in test.tolist():
        cost = []
        for t, x in enumerate(row):
            c = counts.get(context(row, t), [0] * V)
            cost.append(-math.log((c[x] + alpha) / (sum(c) + alpha * V)))
        out.append(sum(cost))
    return torch.tensor(out)


@chaff("Sum over the tokens of a sequence.")
def ngram_nll(train: Tensor, test: Tensor, k: int, alpha: float = 0.5, V: int = 4, positional: bool = False) -> Tensor:
    counts: dict = {}

    def context(row: list[int], t: int) -> tuple:
        return (t if positional else None, tuple(row[max(0, t - k) : t]))

    for row in train.tolist():
        for t, x in enumerate(row):
            counts.setdefault(context(row, t), [0] * V)[x] += 1
    out = []
    for row in test.tolist():
        cost = []
        for t, x in enumerate(row):
            c = counts.get(context(row, t), [0] * V)
            cost.append(-math.log((c[x] + alpha) / (sum(c) + alpha * V)))
        out.append(sum(cost) / len(cost))
    return torch.tensor(out)


@chaff("Nats: the natural logarithm.")
def ngram_nll(train: Tensor, test: Tensor, k: int, alpha: float = 0.5, V: int = 4, positional: bool = False) -> Tensor:
    counts: dict = {}

    def context(row: list[int], t: int) -> tuple:
        return (t if positional else None, tuple(row[max(0, t - k) : t]))

    for row in train.tolist():
        for t, x in enumerate(row):
            counts.setdefault(context(row, t), [0] * V)[x] += 1
    out = []
    for row in test.tolist():
        cost = []
        for t, x in enumerate(row):
            c = counts.get(context(row, t), [0] * V)
            cost.append(-math.log2((c[x] + alpha) / (sum(c) + alpha * V)))
        out.append(sum(cost))
    return torch.tensor(out)


@chaff("The order of the tokens in a context matters.")
def ngram_nll(train: Tensor, test: Tensor, k: int, alpha: float = 0.5, V: int = 4, positional: bool = False) -> Tensor:
    counts: dict = {}

    def context(row: list[int], t: int) -> tuple:
        return (t if positional else None, tuple(sorted(row[max(0, t - k) : t])))

    for row in train.tolist():
        for t, x in enumerate(row):
            counts.setdefault(context(row, t), [0] * V)[x] += 1
    out = []
    for row in test.tolist():
        cost = []
        for t, x in enumerate(row):
            c = counts.get(context(row, t), [0] * V)
            cost.append(-math.log((c[x] + alpha) / (sum(c) + alpha * V)))
        out.append(sum(cost))
    return torch.tensor(out)
