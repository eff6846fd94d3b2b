"""The mutants: each meets the tests of its question, and whoever comes through is looked at and must be signed."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from starterkit.audit import recording, replay
from starterkit.audit.executor import Lost

if TYPE_CHECKING:
    from starterkit.audit.accept import Signature
    from starterkit.audit.bench import Bench, Failure
    from starterkit.audit.generate import Mutant
    from starterkit.audit.world import Part, World

QUICK_S = 1.0  # CPU seconds of a test in a warm worker; what needs more runs again, in a fork, with the real limit
SEED = 0


def kill(world: World, part: Part) -> None:
    """Run every mutant against the tests of its question, stopping at the first that takes points away."""
    chosen = world.chosen()
    limit = world.homework.assignment.limits.cpu_s
    began = time.monotonic()
    verdicts: dict[int, Any] = world.each(lambda i: verdict(world, chosen[i], QUICK_S), enumerate_(chosen))
    rate = len(chosen) / max(time.monotonic() - began, 1e-6)
    again = [i for i, failure in verdicts.items() if _unsure(failure)]
    verdicts |= world.each(lambda i: verdict(world, chosen[i], limit), [(i, i) for i in again], isolated=True)
    survivors = [chosen[i] for i in sorted(verdicts) if verdicts[i] is None]
    kinds = Counter(_kind(verdicts[i]) for i in verdicts)
    killed = [(chosen[i], v) for i, v in verdicts.items() if v is not None and not isinstance(v, Lost)]
    killers = Counter((mutant.question, failure.test) for mutant, failure in killed)
    world.notes["survivors"], world.notes["killed"] = survivors, killed
    part.data = {
        "mutants": len(chosen), "generated": len(world.mutants), "killed": len(chosen) - len(survivors),
        "by_law": kinds["law"], "by_exception": kinds["exception"], "by_time_out": kinds["time-out"],
        "by_crash": kinds["crash"], "survived": len(survivors), "per_second": round(rate, 1),
        "killers": [{"question": q, "test": t, "mutants": n} for (q, t), n in sorted(killers.items())],
        "operators": _operators(chosen, verdicts),
        "origins": dict(Counter("reference" if m.origin.name == "reference" else "wheats" for m in chosen)),
    }  # fmt: skip
    part.summary = (
        f"{len(chosen)} mutants, {len(chosen) - len(survivors)} killed ({kinds['law']} by a law, "
        f"{kinds['exception']} by an exception, {kinds['time-out'] + kinds['crash']} by time-out or crash), "
        f"{len(survivors)} survive; {rate:.0f} per second"
    )


def verdict(world: World, mutant: Mutant, cpu_s: float, seed: int = SEED) -> Failure | None:
    """Return the first failure that takes points from a mutant; None if it gets full marks."""
    bench = world.bench(mutant.question)
    tests = [test for test in bench.tests if test.points > 0 or test.core]
    failures = bench.judge(mutant.code, seed, stop=True, tests=tests, cpu_s=cpu_s)
    return failures[0] if failures else None


def enumerate_(items: list[Any]) -> list[tuple[int, int]]:
    """Return jobs for `World.each` whose key and payload are the index."""
    return [(i, i) for i in range(len(items))]


def _unsure(failure: Failure | Lost | None) -> bool:
    """Whether a warm worker's verdict is asked for again: it survived, ran out of time, or died."""
    return failure is None or isinstance(failure, Lost) or failure.kind == "time-out"


def _kind(failure: Failure | Lost | None) -> str:
    return "survived" if failure is None else "crash" if isinstance(failure, Lost) else failure.kind


def _operators(chosen: list[Mutant], verdicts: dict[int, Any]) -> list[dict[str, Any]]:
    made: Counter[str] = Counter(mutant.operator for mutant in chosen)
    left = Counter(chosen[i].operator for i, v in verdicts.items() if v is None)
    return [{"operator": name, "mutants": count, "survived": left[name]} for name, count in made.most_common()]


def triage(world: World, part: Part) -> None:
    """Replay every survivor against the text it came from, and compare the outcome with the signatures."""
    survivors: list[Mutant] = world.notes["survivors"]
    signed: dict[str, Signature] = world.notes["signed"]
    found = _replayed(world, survivors)
    rows = [_row(world, mutant, found[i], signed.get(mutant.id)) for i, mutant in enumerate(survivors)]
    part.data = {"survivors": rows, "signed": sum(row["reason"] is not None for row in rows)}
    unsigned = [(mutant, row) for mutant, row in zip(survivors, rows, strict=True) if row["reason"] is None]
    for mutant, row in unsigned:
        part.fail(
            f"question {mutant.question}: this change of {_from(mutant)} keeps full marks "
            f"({mutant.operator}, {mutant.id})",
            *mutant.diff, f"test {row['law']}", f"or sign it: ids = [\"{mutant.id}\"]", place=row["place"],
        )  # fmt: skip
    equal = sum(row["differs"] is None for row in rows)
    part.summary = (
        f"{len(rows)} survivors, {equal} of them without an observable difference; {len(rows) - len(unsigned)} signed, "
        f"{len(unsigned)} unsigned"
    )


def _replayed(world: World, survivors: list[Mutant]) -> dict[int, Any]:
    """What each survivor shows that its origin does not."""
    sessions, known = {}, {}
    for mutant in survivors:
        bench, key = world.bench(mutant.question), (mutant.question, mutant.origin.name)
        if mutant.question not in sessions:
            sessions[mutant.question] = recording.record(bench)
        if key not in known:
            code = mutant.origin.compile(mutant.origin.source)
            known[key] = replay.known(bench, code, sessions[mutant.question])

    def task(i: int) -> Any:
        mutant = survivors[i]
        bench: Bench = world.bench(mutant.question)
        expected = known[mutant.question, mutant.origin.name]
        return replay.compare(bench, mutant.code, expected, sessions[mutant.question])

    return world.each(task, enumerate_(survivors))


def _row(world: World, mutant: Mutant, difference: Any, signature: Signature | None) -> dict[str, Any]:
    if isinstance(difference, Lost) or difference is None:
        law = "what tells the two apart, if anything does: no recorded call shows a difference"
        differs = None if difference is None else difference.reason
    else:
        law, differs = difference.law, difference.observable
    return {
        "id": mutant.id, "question": mutant.question, "origin": mutant.origin.name, "operator": mutant.operator,
        "place": world.place(mutant.origin.path, mutant.line), "diff": mutant.diff, "differs": differs, "law": law,
        "reason": signature.reason if signature else None,
    }  # fmt: skip


def _from(mutant: Mutant) -> str:
    return "the reference" if mutant.origin.name == "reference" else mutant.origin.name
