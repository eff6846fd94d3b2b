"""Plausible misconceptions about question 2.2d: each must lose points there."""

import math

from hwkit import chaff


@chaff("The weight never exceeds 1: cap it after the warm-up.")
def kl_weight(step: int, warmup: int) -> float:
    return step / max(warmup, 1)


@chaff("warmup = 0 divides by zero: without warm-up the weight is 1.")
def kl_weight(step: int, warmup: int) -> float:
    return min(1.0, step / warmup)


@chaff("The weight reaches 1 exactly at step = warmup, and it starts at 0.")
def kl_weight(step: int, warmup: int) -> float:
    return min(1.0, step / (warmup + 1))


@chaff("The warm-up runs the wrong way: the divergence is switched on, not off.")
def kl_weight(step: int, warmup: int) -> float:
    return max(0.0, 1 - step / warmup) if warmup else 1.0


@chaff("Integer division makes a jump instead of a ramp.")
def kl_weight(step: int, warmup: int) -> float:
    return float(min(1, step // warmup)) if warmup else 1.0


@chaff("The ramp is linear in the step.")
def kl_weight(step: int, warmup: int) -> float:
    return 1.0 if step >= warmup else 0.5 - 0.5 * math.cos(math.pi * step / warmup)


@chaff("A warm-up of one step is one, too: at step 0 the weight is 0.")
def kl_weight(step: int, warmup: int) -> float:
    return 1.0 if warmup <= 1 else min(1.0, step / warmup)
