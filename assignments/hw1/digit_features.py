"""A frozen description of 8 x 8 digits in 24 numbers, and a classifier: the ruler with which samples are measured.

A small network (64 - 64 - 24 - 10, tanh) is trained on the training digits at first use, in about half a second, in
float64 and always from the same numbers; `features` is its last hidden layer. tanh features are bounded and none of
them is dead, so their covariance is well conditioned, which the Frechet distance needs.
"""

from __future__ import annotations

from functools import lru_cache

import digits
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

WIDTHS = (64, 64, 24, 10)
EPOCHS, BATCH, RATE, DECAY = 60, 200, 3e-3, 1e-3

Array = npt.NDArray[np.float64]


def features(images: Tensor) -> Tensor:
    """Return the (N, 24) float64 features of images (N, ...) with 64 grey levels 0..16 each."""
    return torch.from_numpy(_layers(_pixels(images), _weights())[-2])


def classify(images: Tensor) -> Tensor:
    """Return the most likely digit, (N,) int64, of images (N, ...) with 64 grey levels 0..16 each."""
    return torch.from_numpy(_layers(_pixels(images), _weights())[-1].argmax(1))


def _pixels(images: Tensor) -> Array:
    return images.detach().cpu().numpy().reshape(len(images), -1).astype(np.float64) / 16


def _layers(x: Array, weights: list[tuple[Array, Array]]) -> list[Array]:
    """Return the input, the two hidden layers and the logits."""
    layers = [x]
    for i, (weight, bias) in enumerate(weights):
        out = layers[-1] @ weight + bias
        layers.append(out if i == len(weights) - 1 else np.tanh(out))
    return layers


def _gradients(x: Array, label: Array, weights: list[tuple[Array, Array]]) -> list[Array]:
    """Return the gradient of mean cross-entropy plus weight decay, for weight and bias of each layer in turn."""
    layers = _layers(x, weights)
    scores = np.exp(layers[-1] - layers[-1].max(1, keepdims=True))
    delta = (scores / scores.sum(1, keepdims=True) - label) / len(x)
    found: list[Array] = []
    for i in range(len(weights) - 1, -1, -1):
        found = [layers[i].T @ delta + DECAY * weights[i][0], delta.sum(0), *found]
        delta = (delta @ weights[i][0].T) * (1 - layers[i] ** 2)
    return found


@lru_cache(maxsize=1)
def _weights() -> list[tuple[Array, Array]]:
    """Train with Adam from a fixed start; the same numbers everywhere up to rounding."""
    images, labels = digits.load("train")
    x, target = _pixels(images), np.eye(WIDTHS[-1])[labels.numpy()]
    random = np.random.RandomState(0)
    weights = [
        (random.randn(a, b) * np.sqrt(2 / (a + b)), np.zeros(b)) for a, b in zip(WIDTHS[:-1], WIDTHS[1:], strict=True)
    ]
    flat = [array for pair in weights for array in pair]
    mean, square, step = [0 * a for a in flat], [0 * a for a in flat], 0
    for _ in range(EPOCHS):
        order = random.permutation(len(x))
        for rows in np.array_split(order, len(x) // BATCH):
            step += 1
            for i, gradient in enumerate(_gradients(x[rows], target[rows], weights)):
                mean[i] = 0.9 * mean[i] + 0.1 * gradient
                square[i] = 0.999 * square[i] + 0.001 * gradient**2
                scale = np.sqrt(square[i] / (1 - 0.999**step)) + 1e-8
                flat[i] -= RATE * mean[i] / (1 - 0.9**step) / scale  # in place: `weights` holds the same arrays
    return weights
