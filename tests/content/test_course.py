"""docs/course.md: what it names exists, and what exists is covered."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "course.md").read_text(encoding="utf-8")
HOMEWORKS = ("hw0", "hw1", "hw2", "hw3", "hw4")
TOPICS = ("foundations", "variational autoencoders", "generative adversarial", "autoregressive", "flows", "diffusion",
          "architectures", "vision", "language", "biomedicine", "reinforcement learning")  # fmt: skip


def rows(heading: str) -> list[list[str]]:
    """The cells of the first table below a heading, without its head."""
    part = TEXT[TEXT.index(f"\n{heading}\n") :]
    table = re.search(r"(?:^\|.*\n)+", part, re.MULTILINE)
    assert table is not None
    return [[cell.strip() for cell in line.strip("|\n ").split("|")] for line in table[0].splitlines()[2:]]


def headers(kind: str) -> Iterator[str]:
    """The ids of all cells of a kind, in all homeworks."""
    for name in HOMEWORKS:
        source = (ROOT / "solutions" / name / f"{name}.py").read_text(encoding="utf-8")
        yield from re.findall(rf'^# %% (?:\[markdown\] )?{kind}="([^"]+)"', source, re.MULTILINE)


def test_every_topic_of_the_course_has_a_row() -> None:
    """The coverage table names every topic, each with homework, written part, questions and figures."""
    table = rows("## Coverage")
    assert all(any(topic in row[0] for row in table) for topic in TOPICS)
    assert all(len(row) == 5 and all(row) for row in table)


def test_the_table_names_what_exists_and_all_of_it() -> None:
    """Every id of the coverage table exists, and no question, written question or figure is left out."""
    table = rows("## Coverage")
    for column, kind in ((2, "written"), (3, "solution"), (4, "figure")):
        named = {word for row in table for word in row[column].split()}
        assert named == set(headers(kind)), kind


def test_the_homeworks_of_a_row_are_those_of_its_ids() -> None:
    """The second column says in which homeworks a topic occurs."""
    for row in rows("## Coverage"):
        found = {f"HW{number}" for number in re.findall(r"\b[WF]?(\d)\.\d", " ".join(row[2:]))}
        assert row[1] == "all" or set(row[1].split(", ")) == found, row[0]


def test_measured_files_and_their_figures_exist() -> None:
    """Every file of the table of measures is an artefact's, and its figures exist."""
    files = {file for name in HOMEWORKS for file in re.findall(
        r'^# %% artefact="\w+" file="([^"]+)"', (ROOT / "solutions" / name / f"{name}.py").read_text(encoding="utf-8"),
        re.MULTILINE,
    )}  # fmt: skip
    table = rows("## What is measured of the figures")
    assert {row[0].strip("`") for row in table} == files
    assert {figure for row in table for figure in row[1].split()} <= set(headers("figure"))


def test_hours_are_those_of_the_notebooks() -> None:
    """Minutes per problem are those that students read; together 12 to 15 hours for each homework, one for HW0."""
    table = rows("## Hours and compute")
    assert [row[0].split()[0].lower() for row in table] == list(HOMEWORKS)
    for name, row in zip(HOMEWORKS, table, strict=True):
        source = (ROOT / "solutions" / name / f"{name}.py").read_text(encoding="utf-8")
        minutes = dict(re.findall(r'problem="([\d.]+)" minutes=(\d+)$', source, re.MULTILINE))
        assert dict(re.findall(r"([\d.]+): (\d+)", row[2])) == minutes
        total = sum(map(int, minutes.values())) / 60
        assert abs(total - float(row[1])) <= 0.25
        assert 12 <= total <= 15 or name == "hw0"


def test_the_readme_links_to_it() -> None:
    """README.md names docs/course.md."""
    assert "(docs/course.md)" in (ROOT / "README.md").read_text(encoding="utf-8")
