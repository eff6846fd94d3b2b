"""HairpinDNA: short DNA sequences with a promoter box and a stem-loop, and their *exact* probability.

A sequence of 48 bases is laid out from left to right as

    background · TATAAA-like box (6) · stem (6) · loop (3 to 6) · closing stem (6) · background

Background bases follow a Markov chain of order 1. The box is drawn from a position weight matrix. Stem and loop are
uniform. The closing stem is the *reverse complement* of the stem (A pairs with T, C with G), each base mutated with
probability 0.02. The length of the loop is latent, so that log p(x) is a sum over a few layouts, done exactly.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

ALPHABET = "ACGT"
LENGTH = 48
BOX, STEM = 6, 6
LOOPS = (3, 4, 5, 6)
MUTATION = 0.02
_TATAAA = (3, 0, 3, 0, 0, 0)
_BACKGROUND = ((0.40, 0.15, 0.15, 0.30), (0.30, 0.20, 0.20, 0.30), (0.30, 0.20, 0.20, 0.30), (0.30, 0.15, 0.15, 0.40))


class HairpinDNA:
    """The distribution. With the default `starts` the box always begins at position 8; several starts are harder.

    Attributes: `alphabet` "ACGT" (A, C, G, T are 0, 1, 2, 3, so that the complement of b is 3 - b), `length` 48,
    `layouts`, the equally likely pairs (start, loop).
    """

    alphabet = ALPHABET
    length = LENGTH

    def __init__(self, starts: tuple[int, ...] = (8,)) -> None:
        last = LENGTH - BOX - 2 * STEM - max(LOOPS)
        if not starts or min(starts) < 0 or max(starts) > last:
            raise ValueError(f"starts must lie between 0 and {last}")
        self.layouts = [(start, loop) for start in starts for loop in LOOPS]
        self.background = torch.tensor(_BACKGROUND, dtype=torch.float64)
        self.stationary = torch.linalg.matrix_power(self.background, 64)[0]
        self.box = torch.full((BOX, 4), 0.1 / 3, dtype=torch.float64)
        self.box[torch.arange(BOX), torch.tensor(_TATAAA)] = 0.9

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Return `n` sequences, (n, 48) int64 in 0..3. Reproducible for a given state of `generator`."""
        layout = torch.randint(len(self.layouts), (n,), generator=generator)
        u = torch.rand(n, LENGTH, generator=generator, dtype=torch.float64)
        x = torch.empty(n, LENGTH, dtype=torch.int64)
        for number, (start, loop) in enumerate(self.layouts):
            rows = (layout == number).nonzero().squeeze(1)
            x[rows] = self._fill(u[rows], start, loop)
        return x

    def log_prob(self, x: Tensor) -> Tensor:
        """Return the exact log-probability of each sequence in nats: (n, 48) of 0..3 -> (n,) float64."""
        if x.dim() != 2 or x.shape[1] != LENGTH:
            raise ValueError(f"expected sequences of shape (n, {LENGTH}), got {tuple(x.shape)}")
        x = x.long().cpu()
        steps = self.background.log()[x[:, :-1], x[:, 1:]]
        cumulative = torch.cat([steps.new_zeros(len(x), 1), steps.cumsum(1)], 1)
        each = [self._given_layout(x, cumulative, start, loop) for start, loop in self.layouts]
        return torch.logsumexp(torch.stack(each), 0) - math.log(len(self.layouts))

    def text(self, x: Tensor) -> list[str]:
        """Return sequences (n, L) as strings over ACGT."""
        return ["".join(ALPHABET[base] for base in row) for row in x.tolist()]

    def _fill(self, u: Tensor, start: int, loop: int) -> Tensor:
        """Map uniform numbers (n, 48) to sequences of one layout, position by position."""
        x = torch.zeros(u.shape, dtype=torch.int64)
        stem, close = start + BOX, start + BOX + STEM + loop
        end = close + STEM
        uniform = torch.full((4,), 0.25, dtype=torch.float64)
        for t in range(LENGTH):
            if start <= t < stem:
                probs = self.box[t - start]
            elif stem <= t < close:
                probs = uniform
            elif close <= t < end:
                partner = 3 - x[:, stem + STEM - 1 - (t - close)]
                probs = torch.full((len(x), 4), MUTATION / 3, dtype=torch.float64)
                probs.scatter_(1, partner.unsqueeze(1), 1 - MUTATION)
            elif t in (0, end):
                probs = self.stationary
            else:
                probs = self.background[x[:, t - 1]]
            cumulative = probs.expand(len(x), 4).cumsum(1)
            x[:, t] = (u[:, t, None] >= cumulative[:, :3]).sum(1)
        return x

    def _given_layout(self, x: Tensor, cumulative: Tensor, start: int, loop: int) -> Tensor:
        """The log-probability given where the box starts and how long the loop is."""
        stem, close = start + BOX, start + BOX + STEM + loop
        end = close + STEM
        total = self._chain(x, cumulative, 0, start) + self._chain(x, cumulative, end, LENGTH)
        total = total + (STEM + loop) * math.log(0.25)
        total = total + self.box.log()[torch.arange(BOX), x[:, start:stem]].sum(1)
        paired = x[:, close:end] == 3 - x[:, stem : stem + STEM].flip(1)
        hit, miss = math.log(1 - MUTATION), math.log(MUTATION / 3)
        return total + torch.where(paired, hit, miss).to(torch.float64).sum(1)

    def _chain(self, x: Tensor, cumulative: Tensor, begin: int, end: int) -> Tensor:
        """The log-probability of the background bases begin..end-1."""
        if end <= begin:
            return cumulative.new_zeros(len(x))
        return self.stationary.log()[x[:, begin]] + cumulative[:, end - 1] - cumulative[:, begin]
