"""metrics and digit_features: distances between samples, and the ruler for digits."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[2] / "solutions" / "common"))

import digit_features
import digits
import metrics


def generator(seed: int) -> torch.Generator:
    """A generator with a fixed state."""
    return torch.Generator().manual_seed(seed)


def test_mmd_averages_to_zero_over_splits() -> None:
    """Over all splits of one sample in two halves mmd2 averages to zero."""
    pool = torch.randn(6, 2, generator=generator(0)).double()
    values = []
    for chosen in torch.combinations(torch.arange(6), 3):
        rest = torch.tensor([i for i in range(6) if i not in chosen.tolist()])
        values.append(metrics.mmd2(pool[chosen], pool[rest]))
    assert abs(sum(values)) < 1e-12
    assert min(values) < 0


def test_frechet_in_the_plane() -> None:
    """For two covariances in the plane frechet has its closed form."""
    x, y = (torch.randn(50, 2, generator=generator(s)).double() @ torch.randn(2, 2, generator=generator(9 + s)).double()
            for s in (1, 2))  # fmt: skip
    a, b = torch.cov(x.T), torch.cov(y.T)
    root = ((a @ b).trace() + 2 * (a @ b).det().sqrt()).sqrt()
    exact = (x.mean(0) - y.mean(0)).square().sum() + a.trace() + b.trace() - 2 * root
    assert abs(metrics.frechet(x, y) - float(exact)) < 1e-10
    assert abs(metrics.frechet(x, x)) < 1e-10


def test_features_are_bounded_alive_and_tell_digits_apart() -> None:
    """There are 24 features between -1 and 1, all of them vary, and the classifier is right on 95 % of the test set."""
    images, labels = digits.load("test")
    found = digit_features.features(images)
    assert found.shape == (len(images), 24)
    assert float(found.abs().max()) <= 1
    assert float(found.std(0).min()) > 0.1
    assert float((digit_features.classify(images) == labels).double().mean()) > 0.95


def test_features_are_the_same_every_time() -> None:
    """A second training from scratch gives the same features."""
    images, _ = digits.load("test")
    before = digit_features.features(images)
    digit_features._weights.cache_clear()
    assert torch.equal(digit_features.features(images), before)


def test_digits_fd_orders_samples() -> None:
    """Training images are nearest to the test set, then independent pixels, then noise; more images are nearer."""
    images = digits.load("train")[0].flatten(1)
    pixels = torch.stack([images[torch.randperm(len(images), generator=generator(j)), j] for j in range(64)], 1)
    noise = torch.randint(17, images.shape, generator=generator(3))
    floor, few, columns, worst = (metrics.digits_fd(x) for x in (images, images[:359], pixels, noise))
    assert 0.08 < floor < few < 0.3
    assert 0.9 < columns < 1.6
    assert worst > 5
