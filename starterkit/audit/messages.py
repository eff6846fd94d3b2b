"""What students read must not give the answer away: no number of a result, of a hidden input, or of a seed.

Every kind of message that a mutant or chaff has earned is provoked again under several seeds, while what the test
knows is written down. A number in the text that is one of those numbers every time was printed, not guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import torch

from starterkit.audit.comparisons import watched
from starterkit.audit.executor import Lost
from starterkit.audit.recording import leaves

if TYPE_CHECKING:
    from types import CodeType

    from starterkit.audit.bench import Bench, Failure
    from starterkit.audit.world import Part, World

SEEDS = range(20, 28)
LARGE = 200  # elements of a tensor beyond which one number gives nothing away, and chance hits become likely
DIGITS = 3  # significant digits from which a number is no coincidence
NUMBER = re.compile(r"(?<![\w.])[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?(?![\w])")


def check(world: World, part: Part) -> None:
    """Provoke every kind of message again and compare its numbers with what the test knew."""
    kinds: dict[tuple[str, str, str], tuple[Any, CodeType]] = {}
    texts = 0
    for label, question, code, failure in _heard(world):
        texts += 1
        if failure.kind == "law" and NUMBER.search(failure.message):
            kinds.setdefault((question, failure.test, NUMBER.sub("#", failure.message)), (label, code))
    jobs = [(key, key) for key in kinds]

    def task(key: tuple[str, str, str]) -> Any:
        return leaked(world.bench(key[0]), kinds[key][1], key[1])

    told: set[tuple[str, str]] = set()
    for (question, name, _), found in world.each(task, jobs).items():
        if found and not isinstance(found, Lost) and (name, found[1]) not in told:
            told.add((name, found[1]))
            test = next(test for test in world.bench(question).tests if test.name == name)
            number, what, text = found
            part.fail(
                f"question {question}: the message of {name} prints {what}",
                f'"{text[:200]}"',
                f"{number} is one of its numbers: say which law is broken and by how much, not what is right",
                place=world.place(world.homework.source_path, test.line),
            )  # fmt: skip
    part.data = {"messages": texts, "kinds_with_numbers": len(kinds), "leaks": len(part.findings)}
    leaks = len(part.findings)
    part.summary = f"{texts} messages, {len(kinds)} kinds of them with numbers, {leaks} give something away"


def _heard(world: World) -> Iterator[tuple[str, str, CodeType, Failure]]:
    for mutant, failure in world.notes.get("killed", []):
        yield mutant.id, mutant.question, mutant.code, failure
    for chaff, by_seed in zip(world.chaffs, world.notes.get("chaffs", []), strict=False):
        for failures in by_seed.values():
            for failure in failures if isinstance(failures, list) else []:
                yield chaff.name, chaff.question, chaff.code(), failure


def leaked(bench: Bench, code: CodeType, name: str) -> tuple[str, str, str] | None:
    """Return (number, what it is, the message) for the first number that is given away under every seed."""
    test = next(test for test in bench.tests if test.name == name)
    candidates: dict[int, tuple[str, str]] | None = None
    text, seen = "", dict[int, set[str]]()
    for seed in SEEDS:
        knowledge = _Knowledge(bench, seed, name)
        failures = knowledge.watch(code, test)
        if not failures or failures[0].kind != "law":
            continue
        text = failures[0].message
        numbers = [match[0] for match in NUMBER.finditer(text)]
        for i, number in enumerate(numbers):
            seen.setdefault(i, set()).add(number)
        hits = {i: (number, what) for i, number in enumerate(numbers) if (what := knowledge.holds(number))}
        candidates = hits if candidates is None else {i: hit for i, hit in hits.items() if i in candidates}
    # a number that is always the same is part of the sentence, whatever it happens to equal
    varied = [hit for i, hit in (candidates or {}).items() if len(seen[i]) > 1]
    return (*varied[0], text) if varied else None


class _Knowledge:
    """What a test knows while it runs: inputs, what the reference answers, what it compares with."""

    def __init__(self, bench: Bench, seed: int, test: str) -> None:
        self.bench, self.seed = bench, seed
        self.secret = bench.seed(seed, test)
        self.reference = {name: bench.space[name] for name in bench.question.names}
        self.inputs: list[torch.Tensor] = []
        self.answers: list[torch.Tensor] = []
        self.plain: list[float] = []

    def watch(self, code: CodeType, test: Any) -> list[Failure]:
        """Run the test on `code`, taking notes."""
        boundary = self.bench.boundary
        boundary.listener = self._hear
        try:
            with watched([], self.answers):
                return self.bench.judge(code, self.seed, tests=[test])
        finally:
            boundary.listener = None

    def _hear(self, name: str, owner: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        self.inputs += [leaf for leaf in leaves((args, dict(kwargs))) if leaf.is_floating_point()]
        if owner is not None or name not in self.reference:
            return
        state = torch.get_rng_state()
        self.bench.boundary.depth += 1
        try:
            with torch.no_grad():
                given = [leaf.detach().clone() if isinstance(leaf, torch.Tensor) else leaf for leaf in args]
                result = self.reference[name](*given, **kwargs)
            self.answers += leaves(result)
            if isinstance(result, int | float) and not isinstance(result, bool):
                self.plain.append(float(result))
        except Exception:  # noqa: BLE001, S110  # the reference may refuse what the test tries on purpose
            pass
        finally:
            self.bench.boundary.depth -= 1
            torch.set_rng_state(state)

    def holds(self, number: str) -> str:
        """Return what a number in a message is: "a seed", "the right answer", "a hidden input", or ""."""
        value = float(number)
        if not any(mark in number for mark in ".eE"):
            if abs(value) == self.secret:
                return "a seed"
            return "the right answer" if value in self.plain else ""
        digits, _, exponent = number.lower().partition("e")
        if len(digits.replace(".", "").replace("-", "").lstrip("0")) < DIGITS:
            return ""
        half = 0.51 * 10.0 ** (float(exponent or 0) - len(digits.partition(".")[2]))
        for what, found in (("the right answer", self.answers), ("a hidden input", self.inputs)):
            for tensor in found:
                if 0 < tensor.numel() <= LARGE and bool(((tensor.detach().double() - value).abs() <= half).any()):
                    return what
        return "the right answer" if any(abs(p - value) <= half for p in self.plain) else ""
