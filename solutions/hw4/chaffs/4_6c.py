"""Plausible misconceptions about question 4.6c: each must lose points there."""

from hwkit import chaff
from torch import Tensor


def _advantage(r):
    return r - (r.sum() - r) / (len(r) - 1)


@chaff("The loss is minimised, so the gain enters with a minus.")
def pg_surrogate(logp: Tensor, ref_logp: Tensor, rewards: Tensor, beta: float) -> Tensor:
    total = rewards - beta * (logp - ref_logp).detach()
    return (_advantage(total.detach()) * logp).mean()


@chaff("The divergence is folded into the reward as a number; differentiating it again adds a term.")
def pg_surrogate(logp: Tensor, ref_logp: Tensor, rewards: Tensor, beta: float) -> Tensor:
    total = rewards.detach() - beta * (logp - ref_logp.detach())
    return -(_advantage(total.detach()) * logp).mean() + beta * (logp - ref_logp.detach()).square().mean()


@chaff("The advantage is a constant: detach it.")
def pg_surrogate(logp: Tensor, ref_logp: Tensor, rewards: Tensor, beta: float) -> Tensor:
    total = rewards.detach() - beta * (logp - ref_logp.detach())
    return -(_advantage(total) * logp).mean()


@chaff("The baseline must leave out the draw itself, or the gradient shrinks by (K - 1) / K.")
def pg_surrogate(logp: Tensor, ref_logp: Tensor, rewards: Tensor, beta: float) -> Tensor:
    total = (rewards - beta * (logp - ref_logp)).detach()
    return -((total - total.mean()) * logp).mean()


@chaff("Going away from the reference is a cost: log(pi / pi_0) is subtracted from the reward.")
def pg_surrogate(logp: Tensor, ref_logp: Tensor, rewards: Tensor, beta: float) -> Tensor:
    total = (rewards + beta * (logp - ref_logp)).detach()
    return -(_advantage(total) * logp).mean()


@chaff("Dividing by the standard deviation makes the gradient biased.")
def pg_surrogate(logp: Tensor, ref_logp: Tensor, rewards: Tensor, beta: float) -> Tensor:
    total = (rewards - beta * (logp - ref_logp)).detach()
    return -((total - total.mean()) / (total.std() + 1e-8) * logp).mean()


@chaff("Without a baseline a constant reward moves the policy.")
def pg_surrogate(logp: Tensor, ref_logp: Tensor, rewards: Tensor, beta: float) -> Tensor:
    total = (rewards - beta * (logp - ref_logp)).detach()
    return -(total * logp).mean()


@chaff("beta KL is forgotten: nothing holds the policy near the reference.")
def pg_surrogate(logp: Tensor, ref_logp: Tensor, rewards: Tensor, beta: float) -> Tensor:
    return -(_advantage(rewards.detach()) * logp).mean()


@chaff("The gradient flows through log-probabilities, not through probabilities.")
def pg_surrogate(logp: Tensor, ref_logp: Tensor, rewards: Tensor, beta: float) -> Tensor:
    total = (rewards - beta * (logp - ref_logp)).detach()
    return -(_advantage(total) * logp.exp()).mean()


@chaff("Average over the draws; a sum makes the step grow with K.")
def pg_surrogate(logp: Tensor, ref_logp: Tensor, rewards: Tensor, beta: float) -> Tensor:
    total = (rewards - beta * (logp - ref_logp)).detach()
    return -(_advantage(total) * logp).sum()
