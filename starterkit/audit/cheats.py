"""Answers that never look at the problem: constants of the right shape, the first argument, a look-up table."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from starterkit.audit.recording import leaves

if TYPE_CHECKING:
    from starterkit.audit.bench import Bench
    from starterkit.audit.world import Part, World

SEEDS = (0, 1, 2)
PUBLIC = 900  # the inputs that students see in their own notebook
Fill = Callable[[torch.Tensor], torch.Tensor]
CONSTANTS: dict[str, tuple[Fill, float]] = {
    "zeros": (torch.zeros_like, 0.0),
    "ones": (torch.ones_like, 1.0),
    "halves": (lambda t: torch.full_like(t, 0.5), 0.5),
    "random numbers": (lambda t: torch.rand(t.shape).to(t.dtype), 0.3),
}


def check(world: World, part: Part) -> None:
    """Run every cheat of every question; none may earn a point, under any of a few seeds."""
    labels = [*CONSTANTS, "its first argument", "a table of the public inputs"]
    jobs = [((question.id, label), (question.id, label)) for question in world.homework.questions for label in labels]

    def task(job: tuple[str, str]) -> Any:
        bench = world.bench(job[0])
        best: tuple[float, list[str]] = (0.0, [])
        for seed in SEEDS:
            with bench.holding(names=dict(_cheat(bench, job[1]))):
                failures = bench.run(seed)
            failed = {failure.test for failure in failures}
            best = max(best, (bench.earned(failures), [t.name for t in bench.tests if t.name not in failed]))
        return best

    for (question, label), (earned, passed) in world.each(task, jobs).items():
        if earned:
            bench = world.bench(question)
            first = next((test for test in bench.tests if test.name in passed), bench.tests[0])
            part.fail(
                f"question {question}: returning {label} earns {earned:g} of {bench.points:g} points",
                f"it passes {', '.join(passed)}",
                "let the @core test draw its sizes and values from rng and check a law that no constant obeys",
                place=world.place(world.homework.source_path, first.line),
            )  # fmt: skip
    part.summary = f"{len(jobs)} cheats, {len(part.findings)} earn points"


def _cheat(bench: Bench, label: str) -> Iterator[tuple[str, Any]]:
    for name in bench.question.names:
        reference = bench.space[name]
        if isinstance(reference, type):
            yield name, _spoiled(reference, label)
        elif label in CONSTANTS:
            yield name, _shaped(reference, *CONSTANTS[label])
        elif label == "its first argument":
            yield name, lambda *args, **kwargs: [*args, *kwargs.values()][0]
        else:
            yield name, _table(bench, name)


def _shaped(reference: Callable[..., Any], fill: Fill, number: float) -> Callable[..., Any]:
    """A function whose results look like the reference's and hold nothing."""

    def cheat(*args: Any, **kwargs: Any) -> Any:
        with torch.no_grad():
            return _filled(reference(*args, **kwargs), fill, number)

    return cheat


def _filled(value: Any, fill: Fill, number: float) -> Any:
    if isinstance(value, torch.Tensor):
        return fill(value.detach())
    if isinstance(value, dict):
        return {key: _filled(inner, fill, number) for key, inner in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(_filled(inner, fill, number) for inner in value)
    return type(value)(number) if isinstance(value, bool | int | float) else value


def _spoiled(reference: type, label: str) -> type:
    """The class, with all it computes replaced; its constructor works."""
    fill, number = CONSTANTS.get(label, CONSTANTS["zeros"])

    def method(original: Callable[..., Any]) -> Callable[..., Any]:
        def cheat(self: Any, *args: Any, **kwargs: Any) -> Any:
            if label == "its first argument" and (args or kwargs):
                return [*args, *kwargs.values()][0]
            return _shaped(original, fill, number)(self, *args, **kwargs)

        return cheat

    own = {name: value for name, value in vars(reference).items() if isinstance(value, types.FunctionType)}
    return type(reference.__name__, (reference,), {n: method(f) for n, f in own.items() if not n.startswith("__")})


def _table(bench: Bench, name: str) -> Callable[..., Any]:
    """What somebody could write down who knows the inputs of one run, and returns zeros where they do not occur."""
    reference, memory = bench.space[name], dict[Any, Any]()

    def remember(*args: Any, **kwargs: Any) -> Any:
        result = reference(*args, **kwargs)
        memory[_key(args, kwargs)] = _detached(result)
        return result

    with bench.holding(names={name: remember}):
        bench.run(PUBLIC)
    zeros = _shaped(reference, *CONSTANTS["zeros"])

    def look_up(*args: Any, **kwargs: Any) -> Any:
        key = _key(args, kwargs)
        return memory[key] if key in memory else zeros(*args, **kwargs)

    return look_up


def _detached(value: Any) -> Any:
    return _filled(value, lambda t: t.clone(), 0.0) if leaves(value) else value


def _key(*values: Any) -> Any:
    """What a table could be indexed by: the numbers of tensors and networks, the text of anything else."""
    found: list[Any] = []
    for value in values:
        if isinstance(value, torch.Tensor):
            found.append((tuple(value.shape), value.detach().cpu().contiguous().numpy().tobytes()))
        elif isinstance(value, nn.Module):
            found.append(_key(*value.state_dict().values()))
        elif isinstance(value, tuple | list):
            found.append(_key(*value))
        elif isinstance(value, dict):
            found.append(_key(*value.values()))
        else:
            found.append(repr(value) if isinstance(value, int | float | str | bool | None) else type(value).__name__)
    return tuple(found)
