"""The report as one HTML file: no script, nothing fetched."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starterkit.audit.report import verdict

if TYPE_CHECKING:
    from starterkit.audit.world import Report

TEMPLATES = Path(__file__).resolve().parents[2] / "templates" / "report"


def page(report: Report) -> str:
    """Return the page."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    survivors = _data(report, "survivors").get("survivors", [])
    return environment.get_template("audit.html.j2").render(
        report=report, title=report.title, verdict=verdict(report),
        clean=not report.findings and not report.interrupted,
        figures=_figures(report), killers=_killers(report, report.laws), matrix=_matrix(report),
        unsigned=[row for row in survivors if row["reason"] is None], signed=_signed(survivors),
        seeds=_data(report, "chaffs").get("seeds", 0), calibration=_data(report, "calibration"),
    )  # fmt: skip


def _data(report: Report, name: str) -> dict[str, Any]:
    part = report.part(name)
    return part.data if part else {}


def _figures(report: Report) -> list[tuple[str, str]]:
    mutants, survivors = _data(report, "mutants"), _data(report, "survivors")
    found = []
    if mutants:
        otherwise = mutants["by_exception"] + mutants["by_time_out"] + mutants["by_crash"]
        found += [(str(mutants["mutants"]), "mutants"), (str(mutants["by_law"]), "killed by a law")]
        found += [(str(otherwise), "killed by an exception")]
    if survivors:
        rows = survivors["survivors"]
        found += [(str(survivors["signed"]), "signed"), (str(len(rows) - survivors["signed"]), "unsigned survivors")]
    if wheats := _data(report, "wheats"):
        found.append((f"{wheats['wheats'] - wheats['failed']}/{wheats['wheats']}", "wheats with full marks"))
    if chaffs := _data(report, "chaffs"):
        rows = chaffs["chaffs"]
        found.append((f"{sum(row['lost'] > 0 for row in rows)}/{len(rows)}", "chaffs caught"))
    return found


def _killers(report: Report, laws: dict[str, str]) -> list[dict[str, Any]]:
    """The laws in the order of the notebook, each with the mutants it killed."""
    killed = {f"{row['question']} {row['test']}": row for row in _data(report, "mutants").get("killers", [])}
    most = max((row["mutants"] for row in killed.values()), default=1)
    return [
        {**killed[name], "title": title, "share": 100 * killed[name]["mutants"] / most}
        for name, title in laws.items()
        if name in killed
    ]


def _signed(survivors: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What was signed, by reason."""
    groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in survivors:
        if row["reason"] is not None:
            groups[row["reason"]].append(row)
    return [
        {"reason": reason, "rows": rows, "questions": sorted({row["question"] for row in rows})}
        for reason, rows in groups.items()
    ]


def _matrix(report: Report) -> list[dict[str, Any]]:
    groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in _data(report, "chaffs").get("chaffs", []):
        groups[row["question"]].append(row)
    return [
        {"id": question, "tests": [name.removeprefix("test_").replace("_", " ") for name in rows[0]["often"]],
         "rows": [{"hint": row["hint"], "counts": list(row["often"].values())} for row in rows]}
        for question, rows in groups.items()
    ]  # fmt: skip
