"""`release --publish DIR`: kits into a checkout of the public repository, one tag per release. Nothing is pushed."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from starterkit import archive, contract
from starterkit.config import load_course
from starterkit.diagnostics import Collector

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from starterkit.course import CourseFolder


class RefusedCheckout(Exception):  # noqa: N818  # the checkout is refused
    """The folder is not a clean checkout of the course's public repository; the text says what to do."""


def publish(course: CourseFolder, names: Sequence[str], checkout: Path) -> Iterator[str]:
    """Copy the kits, commit, tag; yield a line for each. Raises RefusedCheckout before anything is written."""
    require(course, checkout)
    for name in names:
        kit = archive.read_tree(course.kit(name))
        release = contract.read(course.kit(name) / "release.json")
        if release is None or course.state(name).get("selfgrade") != "passed":
            raise RefusedCheckout(f"{name} has not passed self-grading: run `python build.py release {name}` first")
        tag = f"{release['term']}-{name}-r{release['release']}".replace(" ", "")
        archive.replace_tree(kit, checkout / name)
        _git(checkout, "add", "--all", "--", name)
        if _git(checkout, "status", "--porcelain", "--", name):
            _git(checkout, "commit", "--quiet", "-m", f"{name}, release {release['release']}", "--", name)
            _git(checkout, "tag", "--force", tag)  # a correction within a release: badges follow it
            yield f"{name}: committed and tagged {tag}; publish it with: git push --force origin HEAD {tag}"
        else:
            yield f"{name}: published already"


def require(course: CourseFolder, checkout: Path) -> None:
    """Refuse anything but a clean checkout whose origin is the course's public repository: raises RefusedCheckout."""
    collector = Collector(course.root)
    settings = load_course(course.solutions / "course.toml", collector)
    collector.raise_errors()
    repository = (settings.repository if settings else None) or ""
    if not repository:
        raise RefusedCheckout(
            'course.toml names no public repository: add `repository = "https://github.com/ORG/REPO"`'
        )
    if not (checkout / ".git").exists():
        raise RefusedCheckout(f"{checkout} is not a git checkout: git clone {repository}")
    path = repository.removeprefix("https://github.com/").lower()
    origin = _git(checkout, "remote", "get-url", "origin").lower().removesuffix("/").removesuffix(".git")
    if not origin.endswith((f"github.com/{path}", f"github.com:{path}")):
        raise RefusedCheckout(f"{checkout} is a checkout of {origin or 'nothing'}, not of {repository}")
    if _git(checkout, "status", "--porcelain"):
        raise RefusedCheckout(f"{checkout} has uncommitted changes: commit or stash them first")


def _git(checkout: Path, *arguments: str) -> str:
    command = ["git", "-C", str(checkout), *arguments]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode and arguments[0] != "remote":
        raise RefusedCheckout(f"git {arguments[0]} failed in {checkout}: {run.stderr.strip()}")
    return run.stdout.strip()
