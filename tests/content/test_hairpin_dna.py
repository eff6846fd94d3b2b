"""HairpinDNA: the exact probability is that of the sampler."""

from __future__ import annotations

import importlib.util
import math
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

PATH = Path(__file__).parents[2] / "solutions" / "common" / "hairpin_dna.py"


@pytest.fixture(scope="module")
def module() -> ModuleType:
    """The given module, loaded from its file."""
    spec = importlib.util.spec_from_file_location("hairpin_dna_under_test", PATH)
    assert spec is not None and spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = found
    spec.loader.exec_module(found)
    return found


def draws(module: ModuleType, n: int, seed: int = 0) -> torch.Tensor:
    """Sequences from a seed."""
    x: torch.Tensor = module.HairpinDNA().sample(n, torch.Generator().manual_seed(seed))
    return x


def test_sample_is_reproducible_and_of_the_stated_kind(module: ModuleType) -> None:
    """The same generator state gives the same int64 sequences of 48 bases in 0..3."""
    x = draws(module, 50)
    assert x.shape == (50, 48) and x.dtype == torch.int64
    assert int(x.min()) >= 0 and int(x.max()) <= 3
    assert torch.equal(x, draws(module, 50)) and not torch.equal(x, draws(module, 50, seed=1))


def test_entropy_per_base_is_the_documented_one(module: ModuleType) -> None:
    """The mean negative log-probability of samples is 1.59 bits per base."""
    x = draws(module, 4000)
    bits = -module.HairpinDNA().log_prob(x).mean() / (48 * math.log(2))
    assert float(bits) == pytest.approx(1.590, abs=0.006)


def test_probability_is_normalised(module: ModuleType) -> None:
    """The expectation of q(x)/p(x) under p is 1 for a law q that differs in one uniform loop base."""
    dna = module.HairpinDNA()
    x = draws(module, 20_000)
    shifted = x.clone()
    shifted[:, 22] = (x[:, 22] + 1) % 4  # a bijection, so that p(shifted) is again a normalised law
    ratio = (dna.log_prob(shifted) - dna.log_prob(x)).exp()
    assert float(ratio.mean()) == pytest.approx(1.0, abs=5 * float(ratio.std()) / math.sqrt(len(x)))


def test_every_position_sums_out(module: ModuleType) -> None:
    """Summing out the last base leaves a law whose conditional is the background chain's: probabilities add to one."""
    dna = module.HairpinDNA()
    x = draws(module, 20)
    every = x.unsqueeze(1).repeat(1, 4, 1)
    every[:, :, -1] = torch.arange(4)
    joint = dna.log_prob(every.reshape(80, 48)).reshape(20, 4)
    conditional = (joint - torch.logsumexp(joint, 1, keepdim=True)).exp()
    assert torch.allclose(conditional, dna.background[x[:, -2]])


def test_closing_stem_pairs_with_the_stem(module: ModuleType) -> None:
    """Some loop length makes all, or all but two, of the six closing bases complementary."""
    x = draws(module, 500)
    stem = 3 - x[:, 14:20].flip(1)
    hits = torch.stack([(x[:, 20 + loop : 26 + loop] == stem).sum(1) for loop in module.LOOPS])
    assert float((hits.max(0).values >= 4).double().mean()) > 0.99


def test_several_starts_mix(module: ModuleType) -> None:
    """With two possible starts, p is the average of the two aligned laws."""
    x = draws(module, 30)
    pair = module.HairpinDNA(starts=(8, 3)).log_prob(x).exp()
    single = [module.HairpinDNA(starts=(start,)).log_prob(x).exp() for start in (8, 3)]
    assert torch.allclose(pair, (single[0] + single[1]) / 2)


def test_mistakes_are_refused(module: ModuleType) -> None:
    """Sequences of another length and starts beyond the end raise ValueError."""
    with pytest.raises(ValueError, match="shape"):
        module.HairpinDNA().log_prob(torch.zeros(2, 47, dtype=torch.int64))
    with pytest.raises(ValueError, match="starts"):
        module.HairpinDNA(starts=(40,))
