"""Read the hostile files, make submissions of them, run them through the batch driver, and say what got through."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zoo_bundle
from zoo_bundle import CANARIES, SECRET, WORTH, WRONG

from autograder import seeds

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
HOSTILE = HERE.parent / "submissions" / "hostile"
USER = 1000
LONGEST = 60.0  # seconds for any one submission, on a machine with other work
BIGGEST = 1800  # MiB of the grader


@dataclass(frozen=True, kw_only=True)
class Attack:
    """A hostile file: `classes` of the catalogue, the attacked question, what its honest part earns there."""

    name: str
    classes: tuple[int, ...]
    question: str
    baseline: float
    silent: bool  # it cannot say that it ran
    refused: bool  # the whole submission is refused, with a sentence
    source: str
    path: Path

    def write(self, folder: Path) -> Path:
        """The submission, in a folder of its own: a notebook, or whatever the file's own `build` makes."""
        folder.mkdir(parents=True)
        cells = zoo_bundle.cells_with(self.question, self.source)
        build = _builder(self.path) if "\ndef build(" in self.source else None
        if build is None:
            (folder / "hw9.ipynb").write_bytes(zoo_bundle.notebook(*cells))
        else:
            build(folder, cells[:-1], zoo_bundle.notebook)
        return folder


def _builder(path: Path) -> Callable[..., None]:
    spec = importlib.util.spec_from_file_location(f"hostile_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: Callable[..., None] = module.build
    return found


def attacks() -> dict[str, Attack]:
    """Every file of the zoo by name. The last line of its docstring says classes, question, baseline."""
    found = {}
    for path in sorted(HOSTILE.glob("*.py")):
        source = path.read_text(encoding="utf-8")
        label = re.search(
            r'\nclass(?:es)? ([\d, ]+) · question (\d) · baseline ([\d.]+)( · silent| · refused)?"""\n', source
        )
        if label is None or not source.startswith('"""Success: '):
            raise ValueError(
                f'{path.name}: it opens with """Success: …, ends the docstring with class, question, baseline'
            )
        classes = tuple(int(number) for number in label[1].split(","))
        found[path.stem] = Attack(
            name=path.stem, classes=classes, question=label[2], baseline=float(label[3]), silent=bool(label[4]), refused=label[4] == " · refused",
            source=source, path=path,
        )  # fmt: skip
    return found


@dataclass(frozen=True)
class Run:
    """One graded submission: results, staff log, and what the driver saw around it."""

    data: dict[str, Any]
    log: str
    fact: dict[str, Any]

    def score(self, question: str) -> float:
        """Points of a question."""
        return sum(row["score"] for row in self.data["tests"] if row["number"].startswith(f"{question}."))

    def others(self, question: str) -> dict[str, float]:
        """Score of each row of the other questions."""
        return {r["number"]: r["score"] for r in self.data["tests"] if not r["number"].startswith(f"{question}.")}

    def seen(self) -> str:
        """Every byte that a student can see."""
        return "\n".join([self.data["output"], *(f"{row['name']} {row['output']}" for row in self.data["tests"])])


@dataclass(frozen=True)
class Batch:
    """The runs of one configuration, the grade of the isolation, and its refusals in a throw-away worker."""

    runs: dict[str, Run]
    grade: str
    check: dict[str, str]
    isolation: dict[str, Any]


def grade(
    folder: Path, names: Sequence[str], *, skip: Sequence[str] = (), unsafe: bool = False, docker: bool = False,
    user: int | None = None, way: bool = False, only: bool = False,
) -> Batch:  # fmt: skip
    """Grade the attacks of those names, and first the baselines, with one server; `only` their own question each."""
    folder.chmod(0o755)
    known, home = attacks(), folder / "home"
    bundle = zoo_bundle.write_bundle(home / "bundle")
    tmp = folder / "tmp"  # workers know this path: it holds their own folders
    tmp.mkdir()
    shutil.copytree(ROOT / "autograder", folder / "kit" / "autograder", ignore=shutil.ignore_patterns("__pycache__"))
    jobs = [_job(home, bundle, f"baseline {q}", q if q in WORTH else "1", None, only) for q in WRONG]
    jobs += [_job(home, bundle, name, known[name].question, known[name], only) for name in names]
    if user is not None:
        for path in (tmp, *(folder / "kit").rglob("*"), home, *home.rglob("*")):
            os.chown(path, user, user, follow_symlinks=False)
    home.chmod(0o711)
    order = {
        "jobs": jobs,
        "skip": list(skip),
        "unsafe": unsafe,
        "docker": docker,
        "user": user,
        "open": way,
        "tmp": str(tmp),
    }
    facts = _drive(order, folder)
    runs = {}
    for job, fact in zip(jobs, facts[1:], strict=True):
        results = Path(job["results"])
        data = json.loads((results / "results.json").read_text())
        runs[job["name"]] = Run(data, (results / "log.txt").read_text(), fact)
    return Batch(runs, facts[0]["grade"], facts[0]["check"], facts[0]["isolation"])


def _job(home: Path, bundle: Path, name: str, question: str, attack: Attack | None, only: bool) -> dict[str, Any]:
    folder, results = home / "submissions" / name.replace(" ", "_"), home / "results" / name.replace(" ", "_")
    if attack is None:
        folder.mkdir(parents=True)
        cells = zoo_bundle.cells_with(question, WRONG[name.removeprefix("baseline ")])
        (folder / "hw9.ipynb").write_bytes(zoo_bundle.notebook(*cells))
    else:
        attack.write(folder)
    results.mkdir(parents=True)
    results.chmod(0o700)
    trusted = [str(home.parent / "kit")]
    job = {"name": name, "bundle": str(bundle), "submission": str(folder), "results": str(results), "trusted": trusted}
    return {**job, "only": [question]} if only else job


def _drive(order: dict[str, Any], folder: Path) -> list[dict[str, Any]]:
    # As in a container: a shell whose environment and arguments hold secrets, and below it a scrubbed process.
    facts = folder / "facts"
    scrubbed = ["PATH=/usr/bin:/bin", "OMP_NUM_THREADS=1", f"PYTHONPATH={folder / 'kit'}", "PYTHONDONTWRITEBYTECODE=1"]
    command = shlex.join(["/usr/bin/env", "-i", *scrubbed, sys.executable, str(HERE / "drive.py"), str(facts)])
    done = subprocess.run(
        ["/bin/sh", "-c", f"{command}; exit $?", CANARIES["arguments"]], input=json.dumps(order), text=True, cwd=folder,
        env={"GRADESCOPE_TOKEN": CANARIES["environment"]}, capture_output=True, timeout=500, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(line) for line in facts.read_text().splitlines()]


def got_through(attack: Attack, run: Run, calm: Run) -> list[str]:
    """What the attack achieved: in words, one entry for each rule that it broke; `calm` is the run of the baseline."""
    broken = []
    if run.score(attack.question) > attack.baseline:
        broken.append(f"score {run.score(attack.question):g} above {attack.baseline:g}")
    seen = run.seen()
    broken += [f"canary: {what}" for what, word in CANARIES.items() if word in seen]
    broken += ["canary: seed"] if any(seed in seen for seed in _seeds(run.data)) else []
    broken += [f"text: {ord(char):#x}" for char in sorted(set(seen) & set("\0\x1b\r\x07\u202e\u2066\ufeff"))]
    broken += sorted(set(re.findall(r"got through: (\w+)", seen + run.log)))
    broken += [
        f"canary: {word}" for word in sorted(set(re.findall(r"zoo_loot_\w+", seen)))
    ]  # what an identifier can carry
    if attack.refused:
        broken += [] if run.data["score"] == 0 and "could not be read" in run.data["output"] else ["not refused"]
    elif run.others(attack.question) != calm.others(attack.question):
        broken.append("other questions changed")
    fact = run.fact
    broken += ["trusted files changed"] if fact["changed"] or fact["results"] != ["log.txt", "results.json"] else []
    broken += [f"process left: {text}" for text in fact["survivors"]]
    broken += [f"file left: {Path(path).name}" for path in fact["left"]]
    broken += [f"reached: {name}" for name in fact["reached"]]
    if fact["seconds"] > LONGEST or fact["memory_mb"] > BIGGEST:
        broken.append(f"took {fact['seconds']:.0f} s, {fact['memory_mb']} MiB")
    if fact["code"] != 0 or run.data["extra_data"].get("our_fault"):
        broken.append("made it our fault")
    return broken


def _seeds(data: dict[str, Any]) -> list[str]:
    digest = data["extra_data"].get("submission_digest", "")
    return [
        str(seeds.derive(SECRET, "hw9", digest, f"test {question} {name} case 0"))
        for question, tests in zoo_bundle.POINTS.items()
        for name, _ in tests
    ]


def ran(attack: Attack, run: Run) -> bool:
    """Whether the attack was executed at all, by its own word."""
    return attack.silent or "zoo: ran" in run.log


__all__ = ["ROOT", "USER", "Attack", "Batch", "Run", "attacks", "got_through", "grade", "ran"]
