"""Plausible misconceptions about question 4.2d: each must lose points there."""

import math

from hwkit import chaff
from torch import Tensor


@chaff("The drift is half a step: with a whole one it samples at half the temperature.")
def langevin(score_fn, x: Tensor, step: float, noises: Tensor) -> Tensor:
    for noise in noises:
        x = x + step * score_fn(x) + math.sqrt(step) * noise
    return x


@chaff("With half a step of drift the noise counts sqrt(h), not sqrt(2h).")
def langevin(score_fn, x: Tensor, step: float, noises: Tensor) -> Tensor:
    for noise in noises:
        x = x + 0.5 * step * score_fn(x) + math.sqrt(2 * step) * noise
    return x


@chaff("The noise counts the root of the step: variances add up over time.")
def langevin(score_fn, x: Tensor, step: float, noises: Tensor) -> Tensor:
    for noise in noises:
        x = x + 0.5 * step * score_fn(x) + step * noise
    return x


@chaff("Climb: the score is added, not subtracted.")
def langevin(score_fn, x: Tensor, step: float, noises: Tensor) -> Tensor:
    for noise in noises:
        x = x - 0.5 * step * score_fn(x) + math.sqrt(step) * noise
    return x


@chaff("Use the noises in the argument, one per step.")
def langevin(score_fn, x: Tensor, step: float, noises: Tensor) -> Tensor:
    for _ in noises:
        x = x + 0.5 * step * score_fn(x) + math.sqrt(step) * noises[0]
    return x


@chaff("The score is that of the present point: compute it anew in every step.")
def langevin(score_fn, x: Tensor, step: float, noises: Tensor) -> Tensor:
    slope = score_fn(x)
    for noise in noises:
        x = x + 0.5 * step * slope + math.sqrt(step) * noise
    return x


@chaff("x belongs to the caller: += edits it in place.")
def langevin(score_fn, x: Tensor, step: float, noises: Tensor) -> Tensor:
    for noise in noises:
        x += 0.5 * step * score_fn(x) + math.sqrt(step) * noise
    return x
