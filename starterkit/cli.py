"""The command line: `python build.py COMMAND`. Parsing and printing; the work is elsewhere, imported when needed."""

from __future__ import annotations

import errno
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from starterkit.course import ROOT, CourseFolder
from starterkit.diagnostics import EXIT_OK, EXIT_OURS, EXIT_SOURCE, EXIT_STALE, StarterkitError, render, summary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starterkit.release import Outcome

HOMEWORKS = click.argument("homeworks", nargs=-1, metavar="[HW]…")
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
HW = click.argument("homework", metavar="HW")
EXISTING = click.Path(exists=True, path_type=Path)
MACHINE = {  # errors of files and folders that are no fault of the program, with what to do
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), "ls -l shows who may read and write it"),
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), "make room and run the command again: df -h shows how full it is"),
    **dict.fromkeys((errno.EISDIR, errno.ENOTDIR, errno.EEXIST), "move away what stands in its place"),
}


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--course", "root", type=click.Path(exists=True, file_okay=False, path_type=Path), default=ROOT,
              help="Another course's folder, with its own solutions/.")  # fmt: skip
@click.option("--verbose", is_flag=True, help="Show the traceback of an unexpected failure.")
@click.pass_context
def cli(context: click.Context, root: Path, verbose: bool) -> None:
    """Write a homework once: a starter kit for Colab and an autograder for Gradescope come out.

    Exit codes: 0 fine, 1 out of date or a check failed, 2 the source or the arguments are wrong, 3 our own failure.
    """
    context.obj = CourseFolder(root.resolve())
    context.meta["verbose"] = verbose


@cli.command()
@HOMEWORKS
@click.option("--draft", is_flag=True, help="Build without self-grading.")
@click.option("--publish", type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="DIR",
              help="Also commit and tag the kits in this checkout of the public repository.")  # fmt: skip
@click.option("--new-contract", is_flag=True, help="Allow changes of ids, names, signatures, points or pages.")
@JSON
@click.pass_obj
def release(course: CourseFolder, /, homeworks: tuple[str, ...], publish: Path | None, **flags: bool) -> int:
    """Build kits and zips; grade the reference with them.

    Homeworks that have not changed are skipped. Nothing is written where a source has an error.
    """
    from starterkit.release import release as run

    if flags["draft"] and publish:
        raise click.UsageError("--draft and --publish exclude each other: a draft has not been graded.")
    as_json = flags.pop("as_json")
    if publish:
        from starterkit.publish import publish as commit
        from starterkit.publish import require

        require(course, publish)  # before minutes of building and grading
    outcome = run(course, homeworks, _say(as_json), **flags)
    if publish and outcome.exit_code == EXIT_OK:
        for line in commit(course, course.homeworks(homeworks), publish):
            _say(as_json)(line)
    return _finish(outcome, as_json)


@cli.command()
@HOMEWORKS
@JSON
@click.pass_obj
def check(course: CourseFolder, homeworks: tuple[str, ...], as_json: bool) -> int:
    """Lint, scan for leaks, compare with assignments/.

    Writes nothing. Where a kit is not what its source gives, the difference and the repairing command are printed.
    """
    from starterkit.check import check as run

    return _finish(run(course, homeworks, _say(as_json)), as_json)


@cli.command()
@click.argument("name", metavar="NAME")
@click.option("--preset", type=click.Choice(["late-days", "late-hours"]), default="late-days", show_default=True,
              help="The policies of a course that begins with this homework.")  # fmt: skip
@click.pass_obj
def new(course: CourseFolder, name: str, preset: str) -> int:
    """Start a homework, such as hw5, that releases as it is.

    Where there is no course yet, one is started around it.
    """
    from starterkit.new import CannotCreate
    from starterkit.new import new as create

    try:
        written = create(course, name, preset)
    except CannotCreate as error:
        raise click.UsageError(str(error)) from None
    for path in written:
        click.echo(path.relative_to(course.root).as_posix())
    click.echo(f"Write over it, then: python build.py release {name}")
    return 0


@cli.command()
@HW
@click.option("--budget", type=click.Choice(["smoke", "cpu"]), default="smoke", show_default=True,
              help="How much training: a few steps, or what a CPU bears.")  # fmt: skip
@click.option("--seed", type=int, default=0, help="Added to every set_seed: the same experiments by other chance.")
@click.pass_obj
def run(course: CourseFolder, homework: str, budget: str, seed: int) -> int:
    """Execute the solved notebook in a Jupyter kernel.

    The result and its hand-ins go to dist/HW-run*.
    """
    from starterkit.run import run as execute

    return execute(course, homework, budget, click.echo, seed=seed)


@cli.command()
@HW
@click.pass_obj
def preview(course: CourseFolder, homework: str) -> int:
    """Show the starter notebook as a web page.

    It goes to dist/preview/HW.html; the written part, key and rubric go to dist/ as PDFs.
    """
    from starterkit.preview import preview as render_page

    render_page(course, homework, click.echo)
    return 0


@cli.command("check-pdf")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--homework", metavar="HW", help="Compare with the pages that this homework promises.")
@JSON
@click.pass_obj
def check_pdf(course: CourseFolder, files: tuple[Path, ...], homework: str | None, as_json: bool) -> int:
    """Check the pages of PDFs that students upload.

    Of figures.pdf or a written part: their count, footers and order, blank pages, answers cut short.
    """
    from starterkit.checkpdf import command

    return command(course, files, homework, click.echo, as_json=as_json)


@cli.command()
@HW
@click.option("--submission", type=EXISTING, required=True, help="A notebook, or a folder of submitted files.")
@click.option("--metadata", type=EXISTING, help="A submission_metadata.json; made up otherwise.")
@click.option("--results", type=click.Path(file_okay=False, path_type=Path), help="Keep what comes out in this folder.")
@click.option("--setup", is_flag=True, help="Run setup.sh into a fresh environment first (minutes).")
@click.option("--docker", is_flag=True, help="Use a Docker engine; implies --setup.")
@click.option("--view", type=click.Choice(["student", "staff"]), help="Show the results as this person sees them.")
@click.pass_obj
def emulate(
    course: CourseFolder, /, homework: str, setup: bool, docker: bool, view: str | None, **paths: Path | None
) -> int:
    """Run the real zip on a submission by Gradescope's rules."""
    from starterkit.emulate import command

    [name] = course.homeworks([homework])
    submission = paths["submission"] or Path()
    return command(name, course.root, submission, paths["metadata"], paths["results"], setup, view, docker=docker)


@cli.command()
@HW
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Also write everything as JSON.")  # fmt: skip
@click.option("--html", "html_file", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Also write a page to look at: one file, no scripts.")  # fmt: skip
@click.option("--sample", type=click.IntRange(min=1), metavar="N", help="Run only N of the mutants, always the same.")
@click.option("--only", multiple=True, metavar="QUESTION", help="Audit only this question; may be repeated.")
@click.pass_obj
def audit(
    course: CourseFolder, /, homework: str, sample: int | None, only: tuple[str, ...], **files: Path | None
) -> int:
    """Show which wrong solutions would get full marks.

    And whether every right one does. Exit 1 with findings.
    """
    from starterkit.audit.command import audit as run

    for path in files.values():
        if path and not path.absolute().parent.is_dir():
            raise click.UsageError(f"there is no folder {path.parent} to write {path.name} into")
    [name] = course.homeworks([homework])
    return run(course, name, sample=sample, only=only, **files)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its exit code."""
    sys.exit(invoke(arguments))


def invoke(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; whatever goes wrong ends in one of the four."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = cli.main(given, prog_name="python build.py", standalone_mode=False)
    except click.exceptions.Exit as leaving:
        return leaving.exit_code
    except click.ClickException as error:
        error.show()
        return EXIT_SOURCE
    except click.Abort:
        click.echo("interrupted: what had begun is not done; run the command again", err=True)
        return EXIT_STALE
    except StarterkitError as error:
        from starterkit.release import Outcome

        as_json = "--json" in given and "audit" not in given  # whose --json names a file
        return _finish(Outcome(problems=error.problems, exit_code=EXIT_SOURCE), as_json)
    except Exception as error:  # noqa: BLE001  # the door: whatever it was, one line and the code for it
        return _unexpected(error, given)
    return code if isinstance(code, int) else 0


def _unexpected(error: Exception, given: Sequence[str]) -> int:
    """Say in one line what failed; the traceback only where it was asked for."""
    from starterkit.publish import RefusedCheckout
    from starterkit.selfgrade import NotGraded

    if isinstance(error, RefusedCheckout):
        click.echo(f"error[publish]: {error}", err=True)
        return EXIT_SOURCE
    if "--verbose" in given:
        import traceback

        traceback.print_exception(error)
    if isinstance(error, OSError) and error.errno in MACHINE:
        where = f"{error.filename}: " if error.filename else ""
        click.echo(f"error[file]: {where}{error.strerror}\n    = hint: {MACHINE[error.errno]}", err=True)
        return EXIT_SOURCE
    first = str(error) if isinstance(error, NotGraded) else (str(error).splitlines() or [""])[0]
    click.echo(f"internal error: {type(error).__name__}: {first}", err=True)
    if "--verbose" not in given:
        click.echo("    = hint: python build.py --verbose … shows where", err=True)
    return EXIT_OURS


def _say(as_json: bool) -> Any:
    """Return the function that prints progress: to stderr where stdout carries JSON."""
    return lambda line: click.echo(line, err=as_json)


def _finish(outcome: Outcome, as_json: bool) -> int:
    """Print the problems (or the JSON) and return the exit code."""
    if as_json:
        click.echo(json.dumps(outcome.as_json(), indent=1, ensure_ascii=False))
    elif outcome.problems:
        click.echo(_coloured(render(outcome.problems)), err=True)
        click.echo(f"\n{summary(outcome.problems)}", err=True)
    return outcome.exit_code


def _coloured(report: str) -> str:
    """Return the report with its first words in colour, where somebody watches and has not asked for none."""
    if os.environ.get("NO_COLOR") or not (sys.stderr.isatty() or os.environ.get("FORCE_COLOR")):
        return report
    colours = {"error[": "red", "warning[": "yellow"}
    lines = list[str]()
    for line in report.split("\n"):
        colour = next((colour for start, colour in colours.items() if line.startswith(start)), None)
        lines.append(click.style(line, fg=colour, bold=True) if colour else line)
    return "\n".join(lines)
