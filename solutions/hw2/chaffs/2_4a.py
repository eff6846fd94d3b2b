"""Plausible misconceptions about question 2.4a: each must lose points there."""

import torch
from hwkit import chaff
from torch import Tensor


def _baseline(f_vals, baseline):
    if baseline == "mean_loo":
        return (f_vals.sum() - f_vals) / (len(f_vals) - 1)
    return torch.full_like(f_vals, 0.0 if baseline == "none" else float(baseline))


@chaff("The baseline of draw k must leave draw k out: the full mean shrinks the gradient by (K - 1) / K.")
def score_function_grad(f_vals: Tensor, logits: Tensor, b: Tensor, baseline: str | float = "none") -> Tensor:
    c = f_vals.mean() if baseline == "mean_loo" else _baseline(f_vals, baseline)
    return ((f_vals - c).unsqueeze(-1) * (b - torch.sigmoid(logits))).mean(0)


@chaff("The score is b - sigmoid(logits): a logit is not a probability.")
def score_function_grad(f_vals: Tensor, logits: Tensor, b: Tensor, baseline: str | float = "none") -> Tensor:
    return ((f_vals - _baseline(f_vals, baseline)).unsqueeze(-1) * (b - logits)).mean(0)


@chaff("The sign of the score is wrong: a draw with a high value should become more likely.")
def score_function_grad(f_vals: Tensor, logits: Tensor, b: Tensor, baseline: str | float = "none") -> Tensor:
    return ((f_vals - _baseline(f_vals, baseline)).unsqueeze(-1) * (torch.sigmoid(logits) - b)).mean(0)


@chaff("The value is multiplied by the score, b - sigmoid(logits), not by the draw.")
def score_function_grad(f_vals: Tensor, logits: Tensor, b: Tensor, baseline: str | float = "none") -> Tensor:
    return ((f_vals - _baseline(f_vals, baseline)).unsqueeze(-1) * b).mean(0)


@chaff("Average over the K draws, do not add them up.")
def score_function_grad(f_vals: Tensor, logits: Tensor, b: Tensor, baseline: str | float = "none") -> Tensor:
    return ((f_vals - _baseline(f_vals, baseline)).unsqueeze(-1) * (b - torch.sigmoid(logits))).sum(0)


@chaff("The mean of the others has K - 1 summands, so divide by K - 1.")
def score_function_grad(f_vals: Tensor, logits: Tensor, b: Tensor, baseline: str | float = "none") -> Tensor:
    c = (f_vals.sum() - f_vals) / len(f_vals) if baseline == "mean_loo" else _baseline(f_vals, baseline)
    return ((f_vals - c).unsqueeze(-1) * (b - torch.sigmoid(logits))).mean(0)


@chaff("A numeric baseline is ignored.")
def score_function_grad(f_vals: Tensor, logits: Tensor, b: Tensor, baseline: str | float = "none") -> Tensor:
    c = _baseline(f_vals, baseline if isinstance(baseline, str) else "none")
    return ((f_vals - c).unsqueeze(-1) * (b - torch.sigmoid(logits))).mean(0)


@chaff("The baseline is subtracted from the value, not added.")
def score_function_grad(f_vals: Tensor, logits: Tensor, b: Tensor, baseline: str | float = "none") -> Tensor:
    return ((f_vals + _baseline(f_vals, baseline)).unsqueeze(-1) * (b - torch.sigmoid(logits))).mean(0)


@chaff("Dividing advantages by their standard deviation changes the gradient: it is biased.")
def score_function_grad(f_vals: Tensor, logits: Tensor, b: Tensor, baseline: str | float = "none") -> Tensor:
    advantage = f_vals - _baseline(f_vals, baseline)
    if baseline == "mean_loo":
        advantage = advantage / (f_vals.std() + 1e-8)
    return (advantage.unsqueeze(-1) * (b - torch.sigmoid(logits))).mean(0)


@chaff("All the other draws make the baseline: one of them alone is unbiased too, but noisier.")
def score_function_grad(f_vals: Tensor, logits: Tensor, b: Tensor, baseline: str | float = "none") -> Tensor:
    c = f_vals.roll(1) if baseline == "mean_loo" else _baseline(f_vals, baseline)
    return ((f_vals - c).unsqueeze(-1) * (b - torch.sigmoid(logits))).mean(0)


@chaff("A baseline may be any number, an int too: ask for the two strings, not for a float.")
def score_function_grad(f_vals: Tensor, logits: Tensor, b: Tensor, baseline: str | float = "none") -> Tensor:
    c = 0.0
    if baseline == "mean_loo":
        c = (f_vals.sum() - f_vals) / (len(f_vals) - 1)
    elif isinstance(baseline, float):
        c = baseline
    return ((f_vals - c).unsqueeze(-1) * (b - torch.sigmoid(logits))).mean(0)


@chaff("exp overflows for large logits: torch.sigmoid does not.")
def score_function_grad(f_vals: Tensor, logits: Tensor, b: Tensor, baseline: str | float = "none") -> Tensor:
    c = baseline
    if isinstance(baseline, str):
        c = 0.0 if baseline == "none" else (f_vals.sum() - f_vals) / (len(f_vals) - 1)
    return ((f_vals - c).unsqueeze(-1) * (b - logits.exp() / (1 + logits.exp()))).mean(0)


@chaff("Without the argument there is no baseline.")
def score_function_grad(f_vals: Tensor, logits: Tensor, b: Tensor, baseline: str | float = "mean_loo") -> Tensor:
    c = baseline
    if isinstance(baseline, str):
        c = 0.0 if baseline == "none" else (f_vals.sum() - f_vals) / (len(f_vals) - 1)
    return ((f_vals - c).unsqueeze(-1) * (b - torch.sigmoid(logits))).mean(0)
