"""Plausible misconceptions about question 2.2c: each must lose points there."""

from hwkit import chaff
from torch import Tensor


@chaff("beta multiplies the divergence, not the reconstruction.")
def beta_elbo(terms: dict[str, Tensor], beta: float) -> Tensor:
    return beta * terms["rec"].mean(0) - terms["kl"]


@chaff("The divergence is subtracted: the bound gets worse as the code gets more expensive.")
def beta_elbo(terms: dict[str, Tensor], beta: float) -> Tensor:
    return terms["rec"].mean(0) + beta * terms["kl"]


@chaff("Average the reconstruction over draws; a sum makes the divergence count less the more draws there are.")
def beta_elbo(terms: dict[str, Tensor], beta: float) -> Tensor:
    return terms["rec"].sum(0) - beta * terms["kl"]


@chaff("One number per example: the mean over the batch is taken by the training loop.")
def beta_elbo(terms: dict[str, Tensor], beta: float) -> Tensor:
    return (terms["rec"].mean(0) - beta * terms["kl"]).mean()


@chaff("Only the first draw counts; average over all K.")
def beta_elbo(terms: dict[str, Tensor], beta: float) -> Tensor:
    return terms["rec"][0] - beta * terms["kl"]


@chaff("An in-place operation changes the caller's terms.")
def beta_elbo(terms: dict[str, Tensor], beta: float) -> Tensor:
    return terms["rec"].mean(0) - terms["kl"].mul_(beta)


@chaff("beta is ignored: this is the plain ELBO.")
def beta_elbo(terms: dict[str, Tensor], beta: float) -> Tensor:
    return terms["rec"].mean(0) - terms["kl"]


@chaff("beta may exceed 1: only the warm-up ends there.")
def beta_elbo(terms: dict[str, Tensor], beta: float) -> Tensor:
    return terms["rec"].mean(0) - min(beta, 1.0) * terms["kl"]
